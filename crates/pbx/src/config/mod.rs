//! The checked configuration: what `tollgate.toml` says, as objects that cannot be wrong.
//!
//! The shell reads the file into a tree and calls [`Config::from_tree`], which reports every problem at once with the
//! path of its key ([`Problem`]); what is left out means what [`Config::fresh`] has. [`crate::plan`] compiles the
//! objects into a dialplan. Secrets are not here: they live in the store, this text only names them.

mod bans;
mod caps;
mod cross;
mod desk;
mod fresh;
mod grant;
mod mail;
mod notify;
mod parts;
mod problem;
mod read;
#[cfg(test)]
mod tests;
mod tree;
mod trunk;
mod voicemail;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use dialplan::number::{Class, Country};
use dialplan::policy::{OriginKind, Policy};

pub use bans::Bans;
pub use caps::{Bounds, Caps};
pub use desk::{Lot, Programs, Screening};
pub use grant::{Grant, GrantKind, GrantPin};
pub use mail::{Mail, MailSecurity};
pub use notify::{Notify, Url};
pub use parts::{Billing, Destination, DialectChoice, Money, Network, SecretRef};
pub use problem::Problem;
pub use trunk::{Identity, NumberFormat, NumberIn, Transport, Trunk, TrunkKind, TrunkTls};
pub use voicemail::Voicemail;

/// Everything the owner decided. Built by [`Config::fresh`] or [`Config::from_tree`] only in valid form: names
/// exist, numbers do not clash, patterns are patterns.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[system]`
    pub system: System,
    /// `[sip]`
    pub sip: Sip,
    /// `[media]`
    pub media: Media,
    /// `[tls]`
    pub tls: Tls,
    /// `[portal]`
    pub portal: Portal,
    /// `[strangers]`
    pub strangers: Strangers,
    /// `[bans]`
    pub bans: Bans,
    /// `[extension.N]`, by number.
    pub extensions: BTreeMap<String, Extension>,
    /// `[mailbox.N]` and the mailboxes of extensions, by number.
    pub mailboxes: BTreeMap<String, Mailbox>,
    /// `[voicemail]`
    pub voicemail: Voicemail,
    /// `[mail]`; none: messages are not mailed.
    pub mail: Option<Mail>,
    /// `[notify]`
    pub notify: Notify,
    /// `[group.N]`, by number.
    pub groups: BTreeMap<String, Group>,
    /// `[menu.NAME]`
    pub menus: BTreeMap<String, Menu>,
    /// `[trunk.NAME]`
    pub trunks: BTreeMap<String, Trunk>,
    /// `[did."+NUMBER"]`, by number as written.
    pub dids: BTreeMap<String, Did>,
    /// `[route.NAME]`
    pub routes: BTreeMap<String, Route>,
    /// `[parking.NAME]`
    pub parking: BTreeMap<String, Lot>,
    /// `[screening]`
    pub screening: Option<Screening>,
    /// `[programs]`
    pub programs: Programs,
    /// `[grant.NAME]`
    pub grants: BTreeMap<String, Grant>,
    /// `[policy]`
    pub policy: Limits,
    /// `[features]`
    pub features: Features,
    /// `[dialplan]`
    pub dialplan: Dialplan,
}

/// `[system]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// What the exchange calls itself.
    pub name: String,
    /// Decides tones, emergency numbers and number classes.
    pub country: &'static Country,
    /// Language of prompts, a folder name (`en`, `de`, `en_GB`).
    pub language: String,
    /// IANA time zone, or empty for that of the machine.
    pub timezone: String,
}

impl System {
    /// The time zone for schedules and records; UTC where the machine knows none.
    #[must_use]
    pub fn time_zone(&self) -> jiff::tz::TimeZone {
        if self.timezone.is_empty() {
            jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC)
        } else {
            jiff::tz::TimeZone::get(&self.timezone).unwrap_or(jiff::tz::TimeZone::UTC)
        }
    }
}

/// `[sip]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sip {
    /// Addresses to listen on with UDP.
    pub udp: Vec<SocketAddr>,
    /// Addresses to listen on with TCP.
    pub tcp: Vec<SocketAddr>,
    /// Addresses to listen on with TLS.
    pub tls: Vec<SocketAddr>,
    /// Written into Contact and SDP for peers outside [`Sip::local_networks`]; none: the address that the packet
    /// came to.
    pub public_address: Option<IpAddr>,
    /// A STUN server that is asked for the public address, where none is set by hand.
    pub stun: Option<(String, u16)>,
    /// Networks whose peers see our own address. Empty: private and loopback networks.
    pub local_networks: Vec<Network>,
    /// Name servers that trunks are looked up with; empty: the machine's own.
    pub dns: Vec<SocketAddr>,
}

impl Sip {
    /// Whether a peer is in one of the local networks.
    #[must_use]
    pub fn is_local(&self, peer: IpAddr) -> bool {
        if self.local_networks.is_empty() {
            Network::PRIVATE.iter().any(|network| network.contains(peer))
        } else {
            self.local_networks.iter().any(|network| network.contains(peer))
        }
    }
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of our certificate and its chain, relative to the home.
    pub certificate: String,
    /// PEM file of its key.
    pub key: String,
}

/// `[media]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Where RTP sockets are bound; unspecified: the address that the peer is reached from.
    pub address: IpAddr,
    /// UDP ports for RTP and RTCP, in pairs.
    pub ports: RangeInclusive<u16>,
    /// A folder of sounds as Asterisk keeps them, relative to the home; searched before all others.
    pub sounds: Option<String>,
}

/// `[portal]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    /// Where the portal listens.
    pub listen: PortalListen,
}

/// Where the portal listens; never on a public address by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortalListen {
    /// Loopback and private addresses of this machine.
    Private,
    /// This address only.
    Address(SocketAddr),
    /// Nowhere.
    Off,
}

/// `[strangers]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strangers {
    /// Where every stranger arrives, whatever number he called; none: refused.
    pub answer: Option<Destination>,
    /// Strangers' calls at one time.
    pub max_calls: u32,
    /// Strangers' calls at one time from one address (IPv4) or /64 (IPv6).
    pub per_source: u32,
}

/// `[extension.N]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Name of the person or room: caller name and directory entry.
    pub name: String,
    /// Its voicemail box.
    pub mailbox: Option<String>,
    /// Where its calls begin.
    pub context: String,
    /// Classes it may call; emergency calls need no saying.
    pub may: BTreeSet<Class>,
    /// Seconds it rings when called directly.
    pub seconds: u32,
    /// Listed in the directory.
    pub listed: bool,
    /// Number shown outside instead of the trunk's.
    pub caller_id: Option<String>,
    /// Caps of its own.
    pub caps: Caps,
    /// Whether a redirection set at the phone (302) is followed, to where this extension might call itself.
    pub forwards: bool,
}

/// `[mailbox.N]`; its PIN is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Whose it is.
    pub name: String,
    /// Where its messages are mailed to.
    pub email: Option<String>,
    /// Whether the sound goes along.
    pub attach: bool,
}

/// `[group.N]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What it is for.
    pub name: String,
    /// Extensions that ring.
    pub members: Vec<String>,
    /// All at once or one after the other.
    pub ring: Ring,
    /// Seconds of ringing, each member's own where they ring in order.
    pub seconds: u32,
    /// Where the call goes when nobody answers.
    pub then: Destination,
}

/// How a group rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// All members at once.
    All,
    /// One after the other, as listed.
    InOrder,
}

/// `[menu.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// Sound that offers the keys, or several joined by `&`.
    pub greeting: String,
    /// Keys `0`-`9` and `*` (or several of them) and where each leads.
    pub keys: BTreeMap<String, Destination>,
    /// Extensions and groups that match this pattern (`2XX`) can be dialled at once; none: no direct dialling.
    pub dial: Option<String>,
    /// Where silence leads.
    pub timeout: Destination,
    /// Where a wrong key leads; none: the menu says so and begins again.
    pub invalid: Option<Destination>,
    /// Seconds of silence after the greeting.
    pub seconds: u32,
}

/// `[did."+NUMBER"]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Did {
    /// The trunk it comes in by; none: any.
    pub trunk: Option<String>,
    /// Where it leads.
    pub to: Destination,
}

/// `[route.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Pattern of what is dialled inside, with or without the leading `_`.
    pub dial: String,
    /// Digits to drop from the front.
    pub strip: usize,
    /// Digits to put in front afterwards.
    pub prepend: String,
    /// Trunks to try, in order.
    pub trunks: Vec<String>,
    /// Who may use it.
    pub users: RouteUsers,
}

impl Route {
    /// Whether this route asks its trunks for that number, whoever dials it.
    #[must_use]
    pub fn gives(&self, dialled: &str) -> bool {
        let mut rest = self.dial.as_str();
        for _ in 0..self.strip {
            // A set in brackets stands for one digit.
            rest = match rest.split_once(']') {
                Some((_, after)) if rest.starts_with('[') => after,
                _ => rest.get(1..).unwrap_or_default(),
            };
        }
        let whole = |digits: &str| rest.is_empty() && digits.is_empty() || crate::plan::matches(rest, digits);
        dialled.strip_prefix(self.prepend.as_str()).is_some_and(whole)
    }
}

/// Who may use a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteUsers {
    /// All extensions (within their `may`).
    Extensions,
    /// These extensions.
    Only(BTreeSet<String>),
}

impl RouteUsers {
    /// Whether that extension is among them.
    #[must_use]
    pub fn contains(&self, extension: &str) -> bool {
        match self {
            Self::Extensions => true,
            Self::Only(users) => users.contains(extension),
        }
    }
}

/// `[policy]`: what binds everybody's calls that cost money.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Nobody calls out but for help: the owner pulled the plug.
    pub stopped: bool,
    /// Classes that nobody may call.
    pub closed: BTreeSet<Class>,
    /// Paid calls of one extension at one time.
    pub calls_at_once: u32,
    /// Paid calls of one extension that may begin within an hour.
    pub calls_per_hour: u32,
    /// Paid calls of one extension that may begin within a day.
    pub calls_per_day: u32,
    /// Longest paid call, in minutes.
    pub minutes_per_call: u32,
    /// Most that one call may cost.
    pub money_per_call: Money,
    /// Most that one extension may spend in a day.
    pub money_per_day: Money,
    /// Minutes of paid calls of one extension on a day.
    pub minutes_per_day: Option<u32>,
    /// Most that all extensions together may spend in a day.
    pub money_per_day_together: Money,
    /// Price of a minute by class; a class without a price costs the dearest one.
    pub rates: BTreeMap<Class, Money>,
    /// Findings of the proof that the owner takes upon himself, by name, each with his reason.
    pub accept: BTreeMap<String, String>,
    /// Price of a minute by the beginning of the number, `+` and digits; the longest that fits counts before the class.
    pub prefixes: BTreeMap<String, Money>,
}

/// `[features]`: keys that phones of the house may press while they talk. Without a code a key is only a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// Sends the other party to the number that is keyed afterwards.
    pub transfer: Option<String>,
    /// The same, after a talk with whoever answers there.
    pub attended_transfer: Option<String>,
    /// Parks the other party: the phone hears the slot and hangs up.
    pub park: Option<String>,
}

/// `[dialplan]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialplan {
    /// Hand-written files, relative to the home.
    pub files: Vec<String>,
    /// How they are read.
    pub dialect: DialectChoice,
    /// Unsafe habits of Asterisk that are brought back by name; each is a finding.
    pub compat: dialplan::Compat,
}

impl Config {
    /// What a fresh install has: extensions 200 and 204, group 222 that rings both, the attendant, no trunk.
    #[must_use]
    pub fn fresh() -> Self {
        fresh::config()
    }

    /// Reads the tree of a `tollgate.toml`.
    ///
    /// # Errors
    /// Every problem in it, each with the path of its key.
    pub fn from_tree(tree: &serde_json::Value) -> Result<Self, Vec<Problem>> {
        read::config(tree)
    }

    /// The policy that the proof decides by.
    #[must_use]
    pub fn decide_by(&self) -> Policy {
        let mut policy = self.policy_for(self.extensions.keys());
        for (name, grant) in &self.grants {
            policy.grant(name, grant.may.iter().copied());
        }
        policy
    }

    /// The part of the same policy that concerns one origin: what the gate asks at every call, however large the house.
    #[must_use]
    pub fn decide_by_for(&self, origin: &OriginKind) -> Policy {
        match origin {
            OriginKind::Extension(user) => self.policy_for(self.extensions.get_key_value(user).map(|(user, _)| user)),
            OriginKind::Grant(name) => {
                let mut policy = self.policy_for(None);
                if let Some(grant) = self.grants.get(name) {
                    policy.grant(name, grant.may.iter().copied());
                }
                policy
            }
            OriginKind::Stranger | OriginKind::Trunk(_) | OriginKind::System => self.policy_for(None),
        }
    }

    fn policy_for<'a>(&'a self, users: impl IntoIterator<Item = &'a String>) -> Policy {
        let mut policy = Policy::new();
        for user in users {
            if let Some(extension) = self.extensions.get(user) {
                policy.extension(user, extension.may.iter().copied());
            }
        }
        for class in &self.policy.closed {
            policy.close(*class);
        }
        policy
    }
}
