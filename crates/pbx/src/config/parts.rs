//! Small values of the configuration with a spelling of their own: destinations, money, networks, secrets.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a call can be sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// `extension:204`
    Extension(String),
    /// `group:222`
    Group(String),
    /// `menu:attendant`
    Menu(String),
    /// `mailbox:204`
    Mailbox(String),
    /// `grant:NAME`: what a grant of the owner opens, behind its PIN.
    Grant(String),
    /// `directory`: dial by name.
    Directory,
    /// `context:NAME`: a hand-written or generated context, at what was dialled or at `s`.
    Context(String),
    /// `closed`: says that nobody is there and hangs up.
    Closed,
    /// `hangup`: hangs up without a word.
    Hangup,
}

impl Destination {
    /// Reads `extension:204`, `group:222`, `menu:attendant`, `mailbox:204`, `directory`, `context:NAME`, `closed`,
    /// `hangup`.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        let named = |make: fn(String) -> Self| {
            if name.is_empty() {
                Err(format!("{kind} needs a name: \"{kind}:…\""))
            } else {
                Ok(make(name.to_owned()))
            }
        };
        match (kind, name) {
            ("extension", _) => named(Self::Extension),
            ("group", _) => named(Self::Group),
            ("menu", _) => named(Self::Menu),
            ("mailbox", _) => named(Self::Mailbox),
            ("context", _) => named(Self::Context),
            ("grant", _) => named(Self::Grant),
            ("directory", "") => Ok(Self::Directory),
            ("closed", "") => Ok(Self::Closed),
            ("hangup", "") => Ok(Self::Hangup),
            _ => Err(format!(
                "{text:?} is no destination; one of \"extension:N\", \"group:N\", \"menu:NAME\", \"mailbox:N\", \
                 \"directory\", \"context:NAME\", \"grant:NAME\", \"closed\", \"hangup\""
            )),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(name) => write!(f, "extension:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Menu(name) => write!(f, "menu:{name}"),
            Self::Mailbox(name) => write!(f, "mailbox:{name}"),
            Self::Context(name) => write!(f, "context:{name}"),
            Self::Grant(name) => write!(f, "grant:{name}"),
            Self::Directory => f.write_str("directory"),
            Self::Closed => f.write_str("closed"),
            Self::Hangup => f.write_str("hangup"),
        }
    }
}

/// An amount of the owner's currency, in thousandths (a cent is 10): a minute's price needs more than cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One unit of the currency.
    pub const UNIT: Self = Self(1000);

    /// Reads an amount of the configuration; more than a million is refused as a slip of the finger.
    ///
    /// # Errors
    /// What would be right.
    pub fn from_number(amount: f64) -> Result<Self, String> {
        if !(0.0..=1_000_000.0).contains(&amount) {
            return Err("an amount of money between 0 and 1000000".to_owned());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        Ok(Self((amount * 1000.0).round() as u64))
    }

    /// This price a minute for that many seconds, as a provider rounds them; a begun thousandth in full.
    #[must_use]
    pub fn for_seconds(self, seconds: u64, billing: Billing) -> Self {
        Self(self.0.saturating_mul(billing.billed(seconds)).div_ceil(60))
    }
}

/// How a provider rounds what a call lasted: the first step, and the steps after it, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Billing {
    /// The least that a call is billed for.
    pub first: u32,
    /// What follows is rounded up to a multiple of this.
    pub next: u32,
}

impl Default for Billing {
    fn default() -> Self {
        Self { first: 60, next: 60 }
    }
}

impl Billing {
    /// Reads `first/next`. Whole minutes stay whole minutes, for they are what is reserved before a call: what it is billed
    /// for is never more.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let steps = text.split_once('/').and_then(|(first, next)| Some((first.parse().ok()?, next.parse().ok()?)));
        match steps {
            Some((first @ 1..=60, next @ 1..=60)) if 60 % next == 0 && (60 - first) % next == 0 => {
                Ok(Self { first, next })
            }
            _ => Err(format!(
                "{text:?}: seconds of the first step and of those after it that fill a minute, like \"60/60\", \"60/1\", \"30/6\" or \"1/1\""
            )),
        }
    }

    /// Seconds that are billed; a call that was not answered is not.
    #[must_use]
    pub fn billed(self, seconds: u64) -> u64 {
        let (first, next) = (u64::from(self.first), u64::from(self.next.max(1)));
        match seconds {
            0 => 0,
            _ => first.saturating_add(seconds.saturating_sub(first).div_ceil(next).saturating_mul(next)),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 1000, self.0 % 1000 / 10)?;
        if !self.0.is_multiple_of(10) { write!(f, "{}", self.0 % 10) } else { Ok(()) }
    }
}

/// An address range in CIDR form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Loopback, link-local and private networks (RFC 1918, RFC 6598, RFC 4193).
    pub const PRIVATE: [Self; 8] = [
        Self::v4(127, 0, 0, 0, 8),
        Self::v4(10, 0, 0, 0, 8),
        Self::v4(172, 16, 0, 0, 12),
        Self::v4(192, 168, 0, 0, 16),
        Self::v4(169, 254, 0, 0, 16),
        Self { address: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 },
        Self { address: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), prefix: 10 },
        Self { address: IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), prefix: 7 },
    ];

    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    /// Reads `192.168.0.0/16` or a single address.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no network; for example \"192.168.0.0/16\"");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(prefix) => prefix.parse::<u8>().ok().filter(|p| *p <= most).ok_or_else(wrong)?,
        };
        Ok(Self { address, prefix })
    }

    /// The address and the length of its prefix.
    #[must_use]
    pub const fn parts(&self) -> (IpAddr, u8) {
        (self.address, self.prefix)
    }

    /// Whether the address lies in it; an IPv4 address mapped into IPv6 counts as itself.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let shift = |width: u32| width - u32::from(self.prefix);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let (net, ip) = (u64::from(u32::from(net)), u64::from(u32::from(ip)));
                net >> shift(32) == ip >> shift(32)
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let cut = |bits: u128| bits.checked_shr(shift(128)).unwrap_or(0);
                cut(u128::from(net)) == cut(u128::from(ip))
            }
            _ => false,
        }
    }
}

/// Where a secret is kept; the text of the configuration never holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `store:NAME`
    Store(String),
    /// `env:VARIABLE`
    Env(String),
}

impl SecretRef {
    /// Reads `store:NAME` or `env:VARIABLE`.
    ///
    /// # Errors
    /// What would be right; the text itself is not repeated, it may be a secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("store", name)) if !name.is_empty() => Ok(Self::Store(name.to_owned())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            _ => Err("secrets are not written into this file: use \"store:NAME\" or \"env:VARIABLE\"".to_owned()),
        }
    }
}

/// How hand-written files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialectChoice {
    /// Decided by what the files hold.
    Auto,
    /// This one.
    Is(dialplan::Dialect),
}
