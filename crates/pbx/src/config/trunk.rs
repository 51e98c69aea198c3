//! `[trunk.NAME]`: a line to the outside, and how it is read.

use media::codec::Codec;

use super::tree::Table;
use super::{Billing, Caps, Destination, Money, SecretRef, words};

/// `[trunk.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// How it proves itself and we prove ourselves.
    pub kind: TrunkKind,
    /// Host name or address.
    pub host: String,
    /// Port, where it is written; else the DNS says it (RFC 3263), or 5060, with TLS 5061.
    pub port: Option<u16>,
    /// Transport to it, where it is written; else the DNS says it, or UDP.
    pub transport: Option<Transport>,
    /// Checks of its certificate that are not the usual ones.
    pub tls: TrunkTls,
    /// User part of our address there.
    pub username: Option<String>,
    /// Name for digest where it differs from the user name.
    pub auth_user: Option<String>,
    /// The only realm whose challenges are answered; none: the first that the trunk names.
    pub realm: Option<String>,
    /// Where its secret is kept.
    pub secret: Option<SecretRef>,
    /// Next hop where it is not the host.
    pub outbound_proxy: Option<String>,
    /// Our number on this trunk.
    pub caller_id: Option<String>,
    /// Which header carries the caller's number.
    pub identity: Identity,
    /// How it wants numbers written, and writes them.
    pub number_format: NumberFormat,
    /// What stands before every number that it is sent.
    pub prefix: String,
    /// What stands before every number that it sends, and is no part of it.
    pub prefix_in: String,
    /// Where the called number of its calls stands.
    pub number_in: NumberIn,
    /// Codecs in the order in which they are offered; empty: the usual ones, the caller's first.
    pub codecs: Vec<Codec>,
    /// Where its calls begin; none: at its DIDs.
    pub entry: Option<Destination>,
    /// Calls over it at one time.
    pub max_calls: u32,
    /// More caps of its own; those per call and at one time are not read here.
    pub caps: Caps,
    /// How it rounds what a call lasted.
    pub billing: Billing,
    /// Whether emergency calls may leave by it.
    pub emergency: bool,
    /// Seconds between two questions whether it is there; 0: it is never asked.
    pub health: u32,
    /// Seconds that a registration shall last.
    pub expires: u32,
}

/// What a trunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrunkKind {
    /// We register there with a secret.
    Register,
    /// Known by its address.
    Address,
    /// A box in our own network that brings a telephone line.
    Gateway,
}

/// Transport of signalling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// RFC 3261 over UDP.
    Udp,
    /// RFC 3261 over TCP.
    Tcp,
    /// RFC 3261 over TLS.
    Tls,
}

/// Whom to believe under TLS instead of the public authorities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrunkTls {
    /// A file of authorities, relative to the home.
    pub authority: Option<String>,
    /// SHA-256 of the one certificate.
    pub fingerprint: Option<[u8; 32]>,
}

/// Which header carries the caller's number to a trunk, and from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The From header alone.
    From,
    /// P-Asserted-Identity (RFC 3325), From as well: the trunk and we trust each other so far.
    Pai,
}

/// How a trunk wants numbers written, and writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFormat {
    /// `+12025550100`
    E164,
    /// `12025550100`
    Digits,
    /// As dialled inside the country: `12025550100` and `011…` in country code 1, `0…` and `00…` elsewhere.
    National,
    /// What is left of the dialled digits after the route's `strip` and `prepend`.
    AsDialled,
}

/// Where the called number of a trunk's call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberIn {
    /// In the Request-URI, or in To where the Request-URI only names our account.
    Auto,
    /// In the Request-URI.
    RequestUri,
    /// In the To header.
    To,
}

pub(super) fn read(table: Table<'_>) -> Trunk {
    let host = table.parse("host", words::token).unwrap_or_else(|| {
        if !table.has("host") {
            table.problem(&["host"], "a trunk needs the host it leads to, like host = \"sip.example.net\"");
        }
        String::new()
    });
    let (host, written) = host_and_port(&host);
    let port = table.number("port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let kind = table.parse("kind", words::trunk_kind).unwrap_or(TrunkKind::Address);
    // A gateway has one telephone line and is dialled like a telephone.
    let (calls, format) = match kind {
        TrunkKind::Gateway => (1, NumberFormat::National),
        TrunkKind::Register | TrunkKind::Address => (10, NumberFormat::E164),
    };
    let health = |seconds: u32| if seconds == 0 { 0 } else { seconds.max(5) };
    let trunk = Trunk {
        kind,
        host,
        port: port.or(written),
        transport: table.parse("transport", words::transport),
        tls: TrunkTls {
            authority: table.parse("tls_ca", words::text),
            fingerprint: table.parse("tls_fingerprint", words::fingerprint),
        },
        username: table.parse("username", words::token),
        auth_user: table.parse("auth_user", words::token),
        realm: table.parse("realm", words::text),
        secret: table.parse("secret", SecretRef::parse),
        outbound_proxy: table.parse("outbound_proxy", words::token),
        caller_id: table.parse("caller_id", words::public_number),
        identity: table.parse("identity", words::identity).unwrap_or(Identity::From),
        number_format: table.parse("number_format", words::number_format).unwrap_or(format),
        prefix: table.parse("prefix", words::digits).unwrap_or_default(),
        prefix_in: table.parse("prefix_in", words::digits).unwrap_or_default(),
        number_in: table.parse("number_in", words::number_in).unwrap_or(NumberIn::Auto),
        codecs: table.list("codecs", words::codec).unwrap_or_default(),
        entry: table.parse("entry", Destination::parse),
        max_calls: table.number("max_calls", 1..=10_000).unwrap_or(calls),
        caps: Caps {
            calls_per_hour: table.number("calls_per_hour", 1..=1_000_000),
            calls_per_day: table.number("calls_per_day", 1..=1_000_000),
            minutes_per_day: table.number("minutes_per_day", 1..=1_000_000),
            money_per_day: table.amount("money_per_day", Money::from_number),
            ..Caps::default()
        },
        billing: table.parse("billing", Billing::parse).unwrap_or_default(),
        emergency: table.flag("emergency").unwrap_or(true),
        health: table.number("health", 0..=3_600).map_or(60, health),
        expires: table.number("expires", 60..=86_400).unwrap_or(3_600),
    };
    if trunk.tls != TrunkTls::default() && trunk.transport != Some(Transport::Tls) {
        table.problem(&["tls_ca"], "only with transport = \"tls\": else the certificate would never be looked at");
    }
    table.finish();
    trunk
}

/// `host`, `host:port`, `[v6]:port`, `v6`.
pub(super) fn host_and_port(text: &str) -> (String, Option<u16>) {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return (text.to_owned(), None);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
        _ => (text, None),
    };
    (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port)
}
