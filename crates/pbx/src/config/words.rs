//! Spellings that the configuration accepts: names, numbers, patterns, sounds, enumerations.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use dialplan::number::{Class, Country};

use media::codec::Codec;

use super::{DialectChoice, Identity, NumberFormat, NumberIn, PortalListen, Ring, Transport, TrunkKind};

/// Most digits of an extension or group number.
const NUMBER_DIGITS: usize = 8;
/// Longest name of a menu, trunk or route.
const NAME: usize = 40;
/// Longest human text: names, greetings.
const TEXT: usize = 200;

/// Number of an extension, group or mailbox.
pub(super) fn short_number(text: &str) -> Result<String, String> {
    let good = (1..=NUMBER_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?}: one to {NUMBER_DIGITS} digits, like \"204\"")) }
}

/// Name of a menu, trunk, route or context.
pub(super) fn name(text: &str) -> Result<String, String> {
    let good = (1..=NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?}: letters, digits, - and _, at most {NAME}, beginning with a letter or digit"))
    }
}

/// Human text on one line. Control characters would reach headers and logs.
pub(super) fn text(text: &str) -> Result<String, String> {
    if text.chars().count() > TEXT || text.chars().any(char::is_control) {
        Err(format!("one line of at most {TEXT} characters"))
    } else {
        Ok(text.to_owned())
    }
}

/// Text that goes into signalling as it stands: host names, user names.
pub(super) fn token(text: &str) -> Result<String, String> {
    let good = (1..=TEXT).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+:[]@!~*'".contains(&b));
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?}: letters, digits and - _ . + : only")) }
}

/// One sound or several joined by `&`, below the sound folders.
pub(super) fn sound(text: &str) -> Result<String, String> {
    let one = |sound: &str| {
        !sound.is_empty()
            && !sound.starts_with('/')
            && !sound.split('/').any(|part| part.is_empty() || part.starts_with('.'))
            && sound.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/.".contains(&b))
    };
    if text.len() <= TEXT && text.split('&').all(one) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?}: a sound name like \"welcome\" or \"custom/welcome\", several joined by &, no ending"))
    }
}

/// A dialplan pattern with or without its `_`; kept without.
pub(super) fn pattern(text: &str) -> Result<String, String> {
    let body = text.strip_prefix('_').unwrap_or(text);
    let mut inside = false;
    let mut good = (1..=NAME).contains(&body.len());
    for (index, c) in body.char_indices() {
        let last = index + 1 == body.len();
        good &= match c {
            '[' if !inside => {
                inside = true;
                true
            }
            ']' if inside => {
                inside = false;
                true
            }
            '0'..='9' | '*' | '#' => true,
            '-' => inside,
            '+' => index == 0,
            'X' | 'x' | 'Z' | 'z' | 'N' | 'n' => !inside,
            '.' | '!' => last && !inside,
            _ => false,
        };
    }
    if good && !inside {
        Ok(body.to_owned())
    } else {
        Err(format!("{text:?} is no pattern: digits, X (0-9), Z (1-9), N (2-9), sets like [1-5], at the end . or !"))
    }
}

/// A number of the public network as a DID or caller ID: `+` and digits, or digits.
pub(super) fn public_number(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let good = (2..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?}: + and digits, like \"+12025550100\"")) }
}

/// A class of numbers in `may`.
pub(super) fn class(word: &str) -> Result<Class, String> {
    match Class::from_word(word) {
        Some(Class::Unknown) | None => Err(format!(
            "{word:?} is no class of numbers; one of internal, toll-free, local, national, mobile, international, \
             premium, satellite"
        )),
        Some(class) => Ok(class),
    }
}

pub(super) fn country(code: &str) -> Result<&'static Country, String> {
    Country::by_code(code).ok_or_else(|| {
        let known = Country::all().map(Country::code).collect::<Vec<_>>().join(", ");
        format!("no number table for {code:?}; there are {known}")
    })
}

pub(super) fn language(text: &str) -> Result<String, String> {
    let good =
        (2..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?} is no language; for example \"en\"")) }
}

pub(super) fn timezone(text: &str) -> Result<String, String> {
    if text.is_empty() || jiff::tz::TimeZone::get(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no time zone of this machine; for example \"America/New_York\" or \"UTC\""))
    }
}

pub(super) fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?}: an address and a port, like \"0.0.0.0:5060\" or \"[::]:5060\""))
}

/// Name of a file in a folder: no path, nothing hidden.
pub(super) fn file_name(text: &str) -> Result<String, String> {
    let good = (1..=TEXT).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?}: the name of a file, without a path")) }
}

/// A server: host and port.
pub(super) fn host_port(text: &str) -> Result<String, String> {
    let good = text.rsplit_once(':').is_some_and(|(host, port)| token(host).is_ok() && port.parse::<u16>().is_ok());
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?}: host and port, like \"127.0.0.1:4573\"")) }
}

/// Numbers of parking slots.
pub(super) fn slots(text: &str) -> Result<RangeInclusive<u32>, String> {
    let wrong = || format!("{text:?}: two numbers of the same length, at most 1000 apart, like \"701-720\"");
    let (low, high) = text.split_once('-').ok_or_else(wrong)?;
    let (low, high) = (low.trim(), high.trim());
    match (low.parse::<u32>(), high.parse::<u32>()) {
        (Ok(a), Ok(b)) if low.len() == high.len() && low.len() <= 5 && a <= b && b - a < 1000 && a > 0 => Ok(a..=b),
        _ => Err(wrong()),
    }
}

pub(super) fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let range = text.split_once('-').and_then(|(from, to)| Some((from.trim().parse().ok()?, to.trim().parse().ok()?)));
    match range {
        Some((from, to)) if from >= 1024 && to > from => Ok(from..=to),
        _ => Err(format!("{text:?}: two ports from 1024 on, like \"16384-32767\"")),
    }
}

pub(super) fn portal(text: &str) -> Result<PortalListen, String> {
    match text {
        "private" => Ok(PortalListen::Private),
        "off" => Ok(PortalListen::Off),
        other => socket(other).map(PortalListen::Address),
    }
}

pub(super) fn ring(text: &str) -> Result<Ring, String> {
    match text {
        "all" => Ok(Ring::All),
        "in-order" => Ok(Ring::InOrder),
        _ => Err("\"all\" or \"in-order\"".to_owned()),
    }
}

pub(super) fn trunk_kind(text: &str) -> Result<TrunkKind, String> {
    match text {
        "register" => Ok(TrunkKind::Register),
        "address" => Ok(TrunkKind::Address),
        "gateway" => Ok(TrunkKind::Gateway),
        _ => Err("\"register\", \"address\" or \"gateway\"".to_owned()),
    }
}

pub(super) fn transport(text: &str) -> Result<Transport, String> {
    match text {
        "udp" => Ok(Transport::Udp),
        "tcp" => Ok(Transport::Tcp),
        "tls" => Ok(Transport::Tls),
        _ => Err("\"udp\", \"tcp\" or \"tls\"".to_owned()),
    }
}

pub(super) fn identity(text: &str) -> Result<Identity, String> {
    match text {
        "from" => Ok(Identity::From),
        "pai" => Ok(Identity::Pai),
        _ => Err("\"from\" or \"pai\"".to_owned()),
    }
}

/// Where a trunk's call says whom it is for.
pub(super) fn number_in(text: &str) -> Result<NumberIn, String> {
    match text {
        "auto" => Ok(NumberIn::Auto),
        "request-uri" => Ok(NumberIn::RequestUri),
        "to" => Ok(NumberIn::To),
        _ => Err("\"auto\", \"request-uri\" or \"to\"".to_owned()),
    }
}

/// Digits that are put before a number.
pub(super) fn digits(text: &str) -> Result<String, String> {
    let good = text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit() || b"+*#".contains(&b));
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?}: at most 15 digits, +, * and #")) }
}

/// A codec that we have an encoder for.
pub(super) fn codec(text: &str) -> Result<Codec, String> {
    let all = || Codec::ALL.into_iter().map(Codec::name).collect::<Vec<_>>().join(", ").to_ascii_lowercase();
    let found = Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("{text:?}: one of {}", all()))
}

/// SHA-256 of a certificate: 64 hexadecimal digits, with colons or without.
pub(super) fn fingerprint(text: &str) -> Result<[u8; 32], String> {
    let bare = text.strip_prefix("sha256:").unwrap_or(text).replace(':', "");
    let mut bytes = [0; 32];
    hex::decode_to_slice(&bare, &mut bytes).map_err(|_| {
        "the SHA-256 of a certificate, 64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256".to_owned()
    })?;
    Ok(bytes)
}

/// A name server, port 53 unless it is written.
pub(super) fn name_server(text: &str) -> Result<SocketAddr, String> {
    let alone = || text.parse().ok().map(|ip| SocketAddr::new(ip, 53));
    text.parse().ok().or_else(alone).ok_or_else(|| format!("{text:?}: an address like \"192.0.2.53\""))
}

pub(super) fn number_format(text: &str) -> Result<NumberFormat, String> {
    match text {
        "e164" => Ok(NumberFormat::E164),
        "digits" => Ok(NumberFormat::Digits),
        "national" => Ok(NumberFormat::National),
        "as-dialled" | "as-dialed" => Ok(NumberFormat::AsDialled),
        _ => Err("\"e164\" (+1202…), \"digits\" (1202…), \"national\" or \"as-dialled\"".to_owned()),
    }
}

pub(super) fn dialect(text: &str) -> Result<DialectChoice, String> {
    use dialplan::Dialect;
    match text {
        "auto" => Ok(DialectChoice::Auto),
        "safe" => Ok(DialectChoice::Is(Dialect::Safe)),
        "22" => Ok(DialectChoice::Is(Dialect::V22)),
        "1.4" => Ok(DialectChoice::Is(Dialect::V1_4)),
        "1.2" => Ok(DialectChoice::Is(Dialect::V1_2)),
        "1.0" => Ok(DialectChoice::Is(Dialect::V1_0)),
        _ => Err("\"auto\", \"safe\", \"22\", \"1.4\", \"1.2\" or \"1.0\"".to_owned()),
    }
}

pub(super) fn compat(text: &str) -> Result<dialplan::Compat, String> {
    let mut compat = dialplan::Compat::default();
    if compat.enable(text) { Ok(compat) } else { Err(format!("one of {}", dialplan::Compat::NAMES.join(", "))) }
}
