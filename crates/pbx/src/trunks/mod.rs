//! The outside lines: where each is reached at this moment, and who of those that call is one.
//!
//! The shell looks names up and reads secrets ([`TrunkWay`]); [`keeper`] registers, asks after health and moves from one
//! address to the next; call tasks ask for a [`Route`]. Everything here is about reaching a trunk. Whether a call may leave
//! by it is the gate's matter alone, and a caller from a trunk has a stranger's rights, however well it proved itself.

pub mod keeper;
mod route;
pub mod trial;
mod view;

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use dialplan::number::{self, Class};
use sip::{Credentials, Flow, Request, Transport};

use crate::config::{Config, NumberFormat, NumberIn, Trunk, TrunkKind};
use crate::gate::Permit;

pub use route::Route;
pub use view::{Health, TrunkView};

/// A trunk as it can be reached; the shell resolves names and chooses our sockets.
#[derive(Debug, Clone)]
pub struct TrunkWay {
    /// Its configuration.
    pub trunk: Trunk,
    /// The flows for calls to it, best first (RFC 3263). A stream's flow bears the number of a line of ours.
    pub flows: Vec<Flow>,
    /// Every address its calls may come from.
    pub addresses: Vec<IpAddr>,
    /// Answers its challenges.
    pub credentials: Option<Credentials>,
    /// What keeps it from working, in words for its owner.
    pub trouble: Option<String>,
}

impl TrunkWay {
    /// The user part of our address there, under which it calls us.
    #[must_use]
    pub fn account<'a>(&'a self, name: &'a str) -> &'a str {
        self.trunk.username.as_deref().unwrap_or(name)
    }
}

/// A trunk as it stands now.
#[derive(Debug, Clone)]
struct Known {
    way: Arc<TrunkWay>,
    /// Which flow is in use.
    at: usize,
    health: Health,
}

/// All trunks. The signalling task writes, everybody reads.
#[derive(Debug, Default)]
pub struct Trunks {
    all: RwLock<BTreeMap<String, Known>>,
    /// Every address that calls may come from, for the question at each packet.
    addresses: RwLock<HashSet<IpAddr>>,
}

impl Trunks {
    fn write(&self, name: &str, known: Option<Known>) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let before = match &known {
            Some(known) => all.insert(name.to_owned(), known.clone()),
            None => all.remove(name),
        };
        let of = |known: &Option<Known>| known.as_ref().map_or(Vec::new(), |known| known.way.addresses.clone());
        if of(&before) != of(&known) {
            let now = all.values().flat_map(|known| known.way.addresses.iter().copied()).collect();
            *self.addresses.write().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }

    fn get(&self, name: &str) -> Option<Known> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Where a permitted call leaves, if the trunk can be reached. An emergency call is tried whatever we believe of the
    /// trunk's health.
    #[must_use]
    pub fn route(&self, permit: &Permit, emergency: bool) -> Option<Route> {
        let (name, number) = (permit.trunk()?, permit.number()?);
        let known = self.get(name)?;
        if known.health.is_down() && !emergency {
            return None;
        }
        let flow = known.way.flows.get(known.at).or(known.way.flows.first()).copied()?;
        Route::to_trunk(&known.way, flow, number)
    }

    /// The trunk that this request comes from, if any: over a connection that we opened to it, or from one of its addresses
    /// by a transport that is not easier to forge than its own. Where several trunks share an address, our account in the
    /// Request-URI tells them apart.
    #[must_use]
    pub fn of(&self, flow: &Flow, request: &Request) -> Option<String> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let line =
            |known: &Known| flow.connection != 0 && known.way.flows.iter().any(|f| f.connection == flow.connection);
        if let Some((name, _)) = all.iter().find(|(_, known)| line(known)) {
            return Some(name.clone());
        }
        let remote = flow.remote.ip().to_canonical();
        let of_address = |known: &Known| {
            let theirs = known.way.flows.iter().map(|flow| strength(flow.transport)).max();
            known.way.addresses.contains(&remote) && theirs.is_none_or(|theirs| strength(flow.transport) >= theirs)
        };
        let mut here = all.iter().filter(|(_, known)| of_address(known)).peekable();
        let first = here.peek().map(|(name, _)| (*name).clone())?;
        let user = request.user();
        let named = here.find(|(name, known)| user == Some(known.way.account(name)));
        Some(named.map_or(first, |(name, _)| name.clone()))
    }

    /// Whether a trunk is at this address: it goes first and is never banned.
    #[must_use]
    pub fn knows(&self, ip: IpAddr) -> bool {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner).contains(&ip.to_canonical())
    }

    /// Our line to that trunk by this transport, the one in use first.
    pub(crate) fn line(&self, name: &str, transport: Transport) -> Option<Flow> {
        let known = self.get(name)?;
        let used = known.way.flows.get(known.at).into_iter();
        used.chain(&known.way.flows).find(|flow| flow.transport == transport).copied()
    }

    /// Whether a way to that trunk is known.
    #[must_use]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all.read().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    /// How many do not work.
    #[must_use]
    pub fn down(&self) -> usize {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.values().filter(|known| known.health.is_down()).count()
    }

    /// All trunks as their owner sees them.
    #[must_use]
    pub fn list(&self) -> Vec<TrunkView> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(name, known)| view::of(name, &known.way, known.at, &known.health)).collect()
    }
}

/// How hard it is to pretend to call from an address.
fn strength(transport: Transport) -> u8 {
    match transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
        Transport::Tls => 2,
    }
}

/// The number that a trunk's call is for, in our own spelling where it has one.
#[must_use]
pub fn called(config: &Config, name: &str, trunk: &Trunk, request: &Request) -> String {
    let asked = request.user().unwrap_or_default().to_owned();
    let account = trunk.username.as_deref().unwrap_or(name);
    let to = || request.to().user().unwrap_or_default();
    let number = match trunk.number_in {
        NumberIn::RequestUri => asked,
        NumberIn::To => to(),
        // Our own account is no number; then To says what was dialled.
        NumberIn::Auto if asked.is_empty() || asked == account => {
            Some(to()).filter(|to| !to.is_empty()).unwrap_or(asked)
        }
        NumberIn::Auto => asked,
    };
    inward(config, trunk, &number)
}

/// A number as the trunk wrote it, in our own spelling (E.164 with its plus) if it is one.
#[must_use]
pub fn inward(config: &Config, trunk: &Trunk, text: &str) -> String {
    let text = text.strip_prefix(trunk.prefix_in.as_str()).unwrap_or(text);
    let digits = text.strip_prefix('+').unwrap_or(text);
    // Short codes and names stay what they are.
    if digits.len() < 7 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return text.to_owned();
    }
    let normalised = |text: &str| {
        number::normalise(config.system.country, text)
            .ok()
            .filter(|number| number.class != Class::Unknown)
            .map(|n| n.e164)
    };
    match trunk.number_format {
        _ if text.starts_with('+') => text.to_owned(),
        NumberFormat::Digits => normalised(&format!("+{text}")).unwrap_or_else(|| text.to_owned()),
        NumberFormat::E164 | NumberFormat::National | NumberFormat::AsDialled => {
            normalised(text).unwrap_or_else(|| text.to_owned())
        }
    }
}

/// Whether we register there.
fn registers(trunk: &Trunk) -> bool {
    trunk.kind == TrunkKind::Register
}

#[cfg(test)]
mod tests;
