//! Who is calling: the only place that gives trust.
//!
//! An INVITE is challenged if it carries Authorization or arrives on a flow with a live registration; one from a
//! trunk's address is that trunk's; everybody else is a stranger, in a bounded pool. The From user is never looked up,
//! so that nobody learns who exists, and a failed challenge never becomes a stranger's call.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dialplan::Place;
use dialplan::policy::OriginKind;
use sip::{Admit, Authenticator, Doorman, Flow, HeaderList, Method, Name, Request, Verdict};

use crate::config::{Config, Identity, Strangers, Trunk};
use crate::drill::{Drills, Part};
use crate::exchange::Exchange;
use crate::guard::{Guard, network};
use crate::limits;
use crate::phones::Phones;
use crate::plan;
use crate::switch::{Cause, Origin, Presentation};
use crate::trunks::{self, Trunks};

/// Stands at the door of the signalling endpoint.
pub struct Door {
    exchange: Arc<Exchange>,
    phones: Arc<Phones>,
    guard: Arc<Guard>,
    trunks: Arc<Trunks>,
    pool: Arc<Pool>,
    drills: Arc<Drills>,
    digest: Authenticator,
}

impl Door {
    /// A door with a nonce key of its own; `secret` is random and never stored.
    #[must_use]
    pub fn new(
        exchange: Arc<Exchange>,
        phones: Arc<Phones>,
        guard: Arc<Guard>,
        trunks: Arc<Trunks>,
        secret: [u8; 32],
        now: Instant,
    ) -> Self {
        let digest = Authenticator::new(secret, phones.realm(), now);
        let (pool, drills) = (Arc::new(Pool::default()), Arc::new(Drills::default()));
        Self { exchange, phones, guard, trunks, pool, drills, digest }
    }

    /// The same door, which also lets the calls of these drills in.
    #[must_use]
    pub fn for_drills(self, drills: Arc<Drills>) -> Self {
        Self { drills, ..self }
    }

    /// What a drill meant this call to be, where it is one of its calls. A ticket is good for one.
    pub(crate) fn drilled(&self, request: &Request, flow: &Flow) -> Option<Part> {
        self.drills.take(request, flow)
    }

    /// The pool of strangers' calls.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// A trunk or a registered phone is at this address, or the owner never shuts it out.
    fn spares(&self, ip: IpAddr) -> bool {
        self.phones.knows(ip) || self.trunks.knows(ip) || self.exchange.snapshot.load().config.bans.spares(ip)
    }

    /// Whether nothing of this address is looked at. A trunk that was banned before it was one is let in.
    #[must_use]
    pub fn shuts_out(&self, now: Instant, ip: IpAddr) -> bool {
        self.guard.shuts_out(now, ip) && !self.spares(ip)
    }

    /// The answer to whoever has to prove that he is an extension.
    fn extension(&mut self, now: Instant, request: &Request, flow: &Flow) -> Admit<Origin> {
        let ip = flow.remote.ip();
        let spared = self.spares(ip);
        if !spared && request.header("Authorization").is_some() && self.guard.is_slowed(now, ip) {
            self.guard.turned_away(now, ip);
            return Admit::Drop;
        }
        let phones = &self.phones;
        let verdict = self.digest.verify(now, request, flow, &|user| phones.credentials(user));
        match verdict {
            Verdict::Ok(user) if self.exchange.snapshot.load().config.extensions.contains_key(&user) => {
                self.guard.succeeded(ip);
                Admit::Accept(Origin::Extension { user })
            }
            Verdict::NoCredentials => {
                if !spared {
                    self.guard.turned_away(now, ip);
                }
                self.challenge(now, request, flow, false)
            }
            // A counter that was seen before is no wrong secret: a fresh nonce is all the phone needs.
            Verdict::Stale | Verdict::Replay => self.challenge(now, request, flow, true),
            Verdict::Wrong => {
                let user = sip::digest::claimed_user(request, self.phones.realm()).unwrap_or_default();
                let rules = &self.exchange.snapshot.load().config.bans;
                self.guard.failed(now, self.exchange.clock.now(), ip, &user, spared, rules);
                refuse(403, "Forbidden")
            }
            Verdict::Ok(_) | Verdict::Malformed => {
                self.guard.turned_away(now, ip);
                refuse(403, "Forbidden")
            }
        }
    }

    fn challenge(&mut self, now: Instant, request: &Request, flow: &Flow, stale: bool) -> Admit<Origin> {
        let phone = request.header("User-Agent").unwrap_or_default();
        let values = self.digest.challenge_phone(now, flow, stale, &phone);
        let headers = values.into_iter().map(|value| (Name::WwwAuthenticate, value)).collect();
        Admit::Reply { status: 401, reason: "Unauthorized".to_owned(), headers }
    }

    fn call(&mut self, now: Instant, request: &Request, flow: &Flow) -> Admit<Origin> {
        if let Some(origin) = self.drills.origin(request, flow) {
            return Admit::Accept(origin);
        }
        if request.header("Authorization").is_some() || self.phones.is_registered_flow(now, flow) {
            return self.extension(now, request, flow);
        }
        let snapshot = self.exchange.snapshot.load();
        if let Some(name) = self.trunks.of(flow, request) {
            return Admit::Accept(Origin::Trunk { name });
        }
        let strangers = &snapshot.config.strangers;
        if strangers.answer.is_none() {
            self.guard.turned_away(now, flow.remote.ip());
            return refuse(403, "Forbidden");
        }
        let source = flow.remote.ip();
        if !self.pool.has_room(source, strangers) {
            self.guard.turned_away(now, source);
            return busy();
        }
        Admit::Accept(Origin::Stranger { source })
    }
}

impl Doorman<Origin> for Door {
    fn admit(&mut self, now: Instant, request: &Request, flow: &Flow) -> Admit<Origin> {
        match request.method() {
            Method::Invite => self.call(now, request, flow),
            // Answered without state and alike for everyone: it tells nothing but that somebody is here.
            Method::Options => Admit::Accept(Origin::Stranger { source: flow.remote.ip() }),
            _ => self.extension(now, request, flow),
        }
    }

    fn knows(&self, flow: &Flow) -> bool {
        self.drills.is_from(flow) || self.spares(flow.remote.ip())
    }

    fn goes_first(&self, origin: &Origin) -> bool {
        matches!(origin, Origin::Trunk { .. } | Origin::Extension { .. })
    }

    /// A trunk brings many callers from one address, and a whole house may register from one.
    fn allowance(&self, origin: &Origin) -> usize {
        match origin {
            Origin::Trunk { .. } => limits::PENDING_TRUNK,
            Origin::Extension { .. } => limits::PENDING_PHONES,
            Origin::Stranger { .. } | Origin::System => sip::limits::PENDING_PER_SOURCE,
        }
    }
}

fn refuse(status: u16, reason: &str) -> Admit<Origin> {
    Admit::Reply { status, reason: reason.to_owned(), headers: HeaderList::new() }
}

fn busy() -> Admit<Origin> {
    let headers = vec![(Name::RetryAfter, sip::Value::number(limits::RETRY_AFTER))];
    Admit::Reply { status: 503, reason: "Service Unavailable".to_owned(), headers }
}

/// Strangers' calls that are on, in total and by source (IPv4 address, IPv6 /64).
#[derive(Debug, Default)]
pub struct Pool(Mutex<HashMap<IpAddr, u32>>);

impl Pool {
    /// Whether one more call would be let in now. Asked at the door, before anything is kept; [`Pool::enter`] asks
    /// again, for several may have passed the door together.
    fn has_room(&self, source: IpAddr, bounds: &Strangers) -> bool {
        room(&self.0.lock().unwrap_or_else(PoisonError::into_inner), network(source), bounds)
    }

    /// Counts a stranger's call until the ticket is dropped, or says that there is no room.
    #[must_use]
    pub fn enter(self: &Arc<Self>, source: IpAddr, bounds: &Strangers) -> Option<Ticket> {
        let source = network(source);
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !room(&pool, source, bounds) {
            return None;
        }
        *pool.entry(source).or_default() += 1;
        Some(Ticket { pool: Arc::clone(self), source })
    }

    /// Strangers' calls that are on.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

fn room(pool: &HashMap<IpAddr, u32>, source: IpAddr, bounds: &Strangers) -> bool {
    pool.values().sum::<u32>() < bounds.max_calls && pool.get(&source).copied().unwrap_or(0) < bounds.per_source
}

/// One stranger's call in the [`Pool`].
#[derive(Debug)]
pub struct Ticket {
    pool: Arc<Pool>,
    source: IpAddr,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut pool = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pool.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                pool.remove(&self.source);
            }
        }
    }
}

/// Where an accepted call begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name of the entry, as the proof knows it.
    pub name: String,
    /// First line of the plan.
    pub place: Place,
    /// What was dialled, as the plan may see it.
    pub dialled: String,
    /// How the caller is shown.
    pub caller: Presentation,
}

/// Finds the beginning of a call.
///
/// # Errors
/// The cause to refuse it with, when nothing is there for this caller.
pub fn entry(config: &Config, origin: &Origin, request: &Request) -> Result<Entry, Cause> {
    let trunk = match origin {
        Origin::Trunk { name } => config.trunks.get_key_value(name),
        _ => None,
    };
    let dialled = match trunk {
        Some((name, trunk)) => trunks::called(config, name, trunk, request),
        None => request.user().unwrap_or_default().to_owned(),
    };
    if dialled.len() > limits::DIALLED || dialled.contains(|c: char| c.is_control()) {
        return Err(Cause::INVALID_NUMBER);
    }
    let name = origin_kind(origin).entry();
    let (place, caller) = match origin {
        Origin::Stranger { .. } => {
            let answer = config.strangers.answer.as_ref().ok_or(Cause::REJECTED)?;
            (plan::place(answer, &dialled), claimed(request))
        }
        Origin::Trunk { name } => {
            let place = plan::trunk_place(config, name, &dialled).ok_or(Cause::UNALLOCATED)?;
            let trunk = config.trunks.get(name).ok_or(Cause::UNALLOCATED)?;
            (place, asserted(config, trunk, request))
        }
        Origin::Extension { user } => {
            let extension = config.extensions.get(user).ok_or(Cause::REJECTED)?;
            let place = plan::extension_place(config, user, &dialled).ok_or(Cause::INVALID_NUMBER)?;
            let caller = Presentation {
                number: user.clone(),
                name: extension.name.clone(),
                private: request.has_token("Privacy", "id"),
                outside: extension.caller_id.clone(),
            };
            (place, caller)
        }
        Origin::System => return Err(Cause::REJECTED),
    };
    Ok(Entry { name, place, dialled, caller })
}

/// The origin in the words that proof and gate share.
#[must_use]
pub fn origin_kind(origin: &Origin) -> OriginKind {
    match origin {
        Origin::Stranger { .. } => OriginKind::Stranger,
        Origin::Trunk { name } => OriginKind::Trunk(name.clone()),
        Origin::Extension { user } => OriginKind::Extension(user.clone()),
        Origin::System => OriginKind::System,
    }
}

/// What a stranger says of himself. Believed by nobody; bounded for logs and records.
fn claimed(request: &Request) -> Presentation {
    let from = request.from();
    Presentation {
        number: tidy(&from.user().unwrap_or_default()),
        name: tidy(from.display().unwrap_or_default()),
        private: request.has_token("Privacy", "id"),
        outside: None,
    }
}

/// What a trunk says of its caller: P-Asserted-Identity before From, where the two of us trust each other so far
/// (RFC 3325 §2.3); the number in our own spelling.
fn asserted(config: &Config, trunk: &Trunk, request: &Request) -> Presentation {
    let mut caller = match request.asserted_identity().filter(|_| trunk.identity == Identity::Pai) {
        Some(identity) => Presentation {
            number: tidy(&identity.user().unwrap_or_default()),
            name: tidy(identity.display().unwrap_or_default()),
            ..claimed(request)
        },
        None => claimed(request),
    };
    caller.number = trunks::inward(config, trunk, &caller.number);
    caller
}

fn tidy(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(limits::DIALLED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_bounded_in_total_and_by_source_and_gives_places_back() {
        let pool = Arc::new(Pool::default());
        let bounds = Strangers { answer: None, max_calls: 3, per_source: 2 };
        let [one, two]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        let mut held: Vec<Ticket> = (0..9).filter_map(|_| pool.enter(one, &bounds)).collect();
        assert_eq!(held.len(), 2);
        held.extend((0..9).filter_map(|_| pool.enter(two, &bounds)));
        assert_eq!((held.len(), pool.count()), (3, 3));
        assert!(!pool.has_room(two, &bounds));
        drop(held);
        assert_eq!(pool.count(), 0);
        assert!(pool.enter(one, &bounds).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let pool = Arc::new(Pool::default());
        let bounds = Strangers { answer: None, max_calls: 9, per_source: 1 };
        let [one, same, other]: [IpAddr; 3] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|address| address.parse().unwrap());
        let _held = pool.enter(one, &bounds).unwrap();
        assert!(pool.enter(same, &bounds).is_none());
        assert!(pool.enter(other, &bounds).is_some());
    }
}
