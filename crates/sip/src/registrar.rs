//! Who is reachable where: the bindings of a registrar (RFC 3261 §10.3).
//!
//! A binding is reached by the flow that it was registered over (RFC 5626's idea), never by the
//! address that its Contact names: a Contact that points at a trunk or at ourselves leads nowhere.
//! Who may register what is decided before, by the digest. No clock, no file: see
//! [`Registrar::export`] for what a store keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sipx_sip::TypedHeader;
use sipx_sip::headers::ContactValue;

use crate::flow::{Flow, Transport};
use crate::header::{HeaderList, Name, Value};
use crate::limits;
use crate::message::{NameAddr, Request};
use crate::uri::Uri;

/// One contact of one address of record.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The Request-URI to use when calling it.
    pub contact: Uri,
    /// The way to it.
    pub flow: Flow,
    /// When it ends unless renewed.
    pub expires: Instant,
    /// Preference in thousandths, 1000 is best.
    pub q: u16,
    /// `+sip.instance` (RFC 5626), which survives a restart of the phone.
    pub instance: Option<String>,
    /// The phone's User-Agent.
    pub user_agent: Option<String>,
    call_id: String,
    cseq: u32,
}

/// What a store keeps of a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedBinding {
    /// The address of record.
    pub aor: String,
    /// The Contact URI.
    pub contact: String,
    /// The flow. Streams do not survive a restart and are left out on import.
    pub flow: Flow,
    /// How long it is still good.
    pub remaining: Duration,
    /// Preference in thousandths.
    pub q: u16,
    /// `+sip.instance`.
    pub instance: Option<String>,
    /// User-Agent.
    pub user_agent: Option<String>,
    /// For the order rule of RFC 3261 §10.3.
    pub call_id: String,
    /// For the order rule of RFC 3261 §10.3.
    pub cseq: u32,
}

/// The answer to a REGISTER: hand these to `respond`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200, 400, 423, 500 or 503.
    pub status: u16,
    /// The words.
    pub reason: &'static str,
    /// Contact headers of all bindings, or Min-Expires.
    pub headers: HeaderList,
    /// Whether bindings changed (not only asked for), so that a store may keep them.
    pub changed: bool,
}

impl Reply {
    fn refuse(status: u16, reason: &'static str) -> Self {
        Self { status, reason, headers: Vec::new(), changed: false }
    }
}

/// All bindings, bounded by [`limits::BINDINGS`] and [`limits::CONTACTS`].
///
/// Looking up a flow, expiring and closing cost O(log n): two indexes follow every change, which
/// all go through `take` and `put`.
#[derive(Debug, Default)]
pub struct Registrar {
    bindings: BTreeMap<String, Vec<Binding>>,
    /// (connection, flow, address of record)
    flows: BTreeSet<(u64, Flow, String)>,
    expiries: BTreeSet<(Instant, String)>,
    count: usize,
}

struct Wish {
    contact: Uri,
    seconds: u64,
    q: u16,
    instance: Option<String>,
}

impl Registrar {
    /// An empty registrar.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries out a REGISTER for an address of record that its sender has proven to own.
    pub fn register(&mut self, now: Instant, aor: &str, request: &Request, flow: Flow) -> Reply {
        self.expire(now);
        let wishes = match read(request) {
            Ok(wishes) => wishes,
            Err(reply) => return reply,
        };
        // All or nothing (RFC 3261 §10.3 step 7): look before changing anything.
        let order_broken = self.bindings.get(aor).is_some_and(|all| {
            all.iter().any(|b| {
                b.call_id == request.call_id()
                    && request.cseq() <= b.cseq
                    && match &wishes {
                        Wishes::RemoveAll => true,
                        Wishes::Each(each) => each.iter().any(|w| same(b, w)),
                    }
            })
        });
        if order_broken {
            return Reply::refuse(500, "Out of Order");
        }
        let changed = match wishes {
            Wishes::RemoveAll => self.remove_aor(aor) > 0,
            Wishes::Each(each) if each.is_empty() => false,
            Wishes::Each(each) => {
                if let Err(reply) = self.set(now, aor, each, request, flow) {
                    return reply;
                }
                true
            }
        };
        let headers = self.contacts(now, aor);
        Reply { status: 200, reason: "OK", headers, changed }
    }

    fn set(&mut self, now: Instant, aor: &str, wishes: Vec<Wish>, request: &Request, flow: Flow) -> Result<(), Reply> {
        let fresh = wishes.iter().filter(|w| w.seconds > 0).count();
        if self.count + fresh > limits::BINDINGS {
            return Err(Reply::refuse(503, "Registrar Full"));
        }
        if fresh > limits::CONTACTS {
            return Err(Reply::refuse(400, "Too Many Contacts"));
        }
        let mut all = self.take(aor);
        for wish in wishes {
            all.retain(|b| !same(b, &wish));
            if wish.seconds == 0 {
                continue;
            }
            while all.len() >= limits::CONTACTS {
                // The phone that is nearest to its end makes room.
                let oldest = all.iter().enumerate().min_by_key(|(_, b)| b.expires).map(|(i, _)| i);
                match oldest {
                    Some(i) => drop(all.remove(i)),
                    None => break,
                }
            }
            all.push(Binding {
                contact: wish.contact,
                flow,
                expires: now + Duration::from_secs(wish.seconds),
                q: wish.q,
                instance: wish.instance,
                user_agent: request.user_agent(),
                call_id: request.call_id().to_owned(),
                cseq: request.cseq(),
            });
        }
        self.put(aor, all);
        Ok(())
    }

    /// Takes the bindings of an address of record out, to change them.
    fn take(&mut self, aor: &str) -> Vec<Binding> {
        let all = self.bindings.remove(aor).unwrap_or_default();
        for b in &all {
            self.flows.remove(&(b.flow.connection, b.flow, aor.to_owned()));
            self.expiries.remove(&(b.expires, aor.to_owned()));
        }
        self.count -= all.len();
        all
    }

    /// Puts them back, best first.
    fn put(&mut self, aor: &str, mut all: Vec<Binding>) {
        if all.is_empty() {
            return;
        }
        all.sort_by_key(|b| std::cmp::Reverse((b.q, b.expires)));
        for b in &all {
            self.flows.insert((b.flow.connection, b.flow, aor.to_owned()));
            self.expiries.insert((b.expires, aor.to_owned()));
        }
        self.count += all.len();
        self.bindings.insert(aor.to_owned(), all);
    }

    fn contacts(&self, now: Instant, aor: &str) -> HeaderList {
        self.bindings(now, aor)
            .map(|b| {
                let left = b.expires.saturating_duration_since(now).as_secs();
                (Name::Contact, Value::lossy(&format!("<{}>;expires={left}", b.contact)))
            })
            .collect()
    }

    /// The live bindings of an address of record, best first.
    pub fn bindings(&self, now: Instant, aor: &str) -> impl Iterator<Item = &Binding> {
        self.bindings.get(aor).into_iter().flatten().filter(move |b| b.expires > now)
    }

    /// Whose live registration came over this flow; the first in the alphabet, if several share it.
    #[must_use]
    pub fn aor_of(&self, now: Instant, flow: &Flow) -> Option<&str> {
        self.flows
            .range((flow.connection, *flow, String::new())..)
            .take_while(|(connection, f, _)| *connection == flow.connection && f == flow)
            .find(|(_, _, aor)| self.bindings(now, aor).any(|b| b.flow == *flow))
            .map(|(_, _, aor)| aor.as_str())
    }

    /// Every address of record with its bindings, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Binding])> {
        self.bindings.iter().map(|(a, b)| (a.as_str(), b.as_slice()))
    }

    /// Bindings altogether.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nobody is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets all contacts of an address of record (an account that was deleted); how many.
    pub fn remove_aor(&mut self, aor: &str) -> usize {
        self.take(aor).len()
    }

    /// A connection closed: its bindings cannot be reached any more. Who lost one.
    pub fn closed(&mut self, connection: u64) -> Vec<String> {
        let hit: BTreeSet<String> = self
            .flows
            .iter()
            .skip_while(|(c, _, _)| *c < connection)
            .take_while(|(c, _, _)| *c == connection)
            .filter(|(_, flow, _)| flow.transport.is_reliable())
            .map(|(_, _, aor)| aor.clone())
            .collect();
        for aor in &hit {
            let mut all = self.take(aor);
            all.retain(|b| !(b.flow.transport.is_reliable() && b.flow.connection == connection));
            self.put(aor, all);
        }
        hit.into_iter().collect()
    }

    /// Forgets what has run out. Who lost one.
    pub fn expire(&mut self, now: Instant) -> Vec<String> {
        let mut losers = BTreeSet::new();
        while let Some((at, aor)) = self.expiries.first().cloned() {
            if at > now {
                break;
            }
            let mut all = self.take(&aor);
            all.retain(|b| b.expires > now);
            self.put(&aor, all);
            losers.insert(aor);
        }
        losers.into_iter().collect()
    }

    /// When the next binding runs out.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// What a store should keep.
    #[must_use]
    pub fn export(&self, now: Instant) -> Vec<SavedBinding> {
        self.bindings.keys().flat_map(|aor| self.export_of(now, aor)).collect()
    }

    /// What a store should keep of one address of record.
    #[must_use]
    pub fn export_of(&self, now: Instant, aor: &str) -> Vec<SavedBinding> {
        self.bindings(now, aor)
            .map(|b| SavedBinding {
                aor: aor.to_owned(),
                contact: b.contact.to_string(),
                flow: b.flow,
                remaining: b.expires.saturating_duration_since(now),
                q: b.q,
                instance: b.instance.clone(),
                user_agent: b.user_agent.clone(),
                call_id: b.call_id.clone(),
                cseq: b.cseq,
            })
            .collect()
    }

    /// Takes back what a store kept: UDP bindings that are still good. How many were taken.
    pub fn import(&mut self, now: Instant, saved: impl IntoIterator<Item = SavedBinding>) -> usize {
        let mut taken = 0;
        for s in saved {
            let fits = s.flow.transport == Transport::Udp
                && !s.remaining.is_zero()
                && s.remaining <= limits::EXPIRES_MAX
                && self.count < limits::BINDINGS;
            let Ok(contact) = Uri::parse(&s.contact) else {
                continue;
            };
            let mut all = self.take(&s.aor);
            if fits && all.len() < limits::CONTACTS {
                all.push(Binding {
                    contact,
                    flow: s.flow,
                    expires: now + s.remaining,
                    q: s.q,
                    instance: s.instance,
                    user_agent: s.user_agent,
                    call_id: s.call_id,
                    cseq: s.cseq,
                });
                taken += 1;
            }
            self.put(&s.aor, all);
        }
        taken
    }
}

enum Wishes {
    RemoveAll,
    Each(Vec<Wish>),
}

/// Two contacts are one when they are one instance, or their URIs are equivalent.
fn same(b: &Binding, w: &Wish) -> bool {
    (w.instance.is_some() && w.instance == b.instance) || b.contact.equivalent(&w.contact)
}

fn read(request: &Request) -> Result<Wishes, Reply> {
    let bad = |reason| Reply::refuse(400, reason);
    let expires_header = match request.header("Expires") {
        None => None,
        Some(_) => Some(u64::from(request.expires().ok_or(bad("Bad Expires"))?)),
    };
    let mut wishes = Vec::new();
    let mut star = false;
    for header in request.raw().headers.get_all(&Name::Contact) {
        let values = ContactValue::decode_list(&header.value()).map_err(|_| bad("Bad Contact"))?;
        for value in values {
            match value {
                ContactValue::Wildcard => star = true,
                ContactValue::Address(address) => {
                    if address.uri.has_headers() && !address.uri.scheme().is_sip() {
                        return Err(bad("Bad Contact"));
                    }
                    wishes.push(wish(&NameAddr::from_sipx(address), expires_header)?);
                }
            }
        }
    }
    if star {
        // RFC 3261 §10.3 step 6.
        return if wishes.is_empty() && expires_header == Some(0) {
            Ok(Wishes::RemoveAll)
        } else {
            Err(bad("Bad Contact"))
        };
    }
    Ok(Wishes::Each(wishes))
}

fn wish(address: &NameAddr, expires_header: Option<u64>) -> Result<Wish, Reply> {
    let bad = |reason| Reply::refuse(400, reason);
    if !address.uri().is_sip() || address.uri().to_string().len() > limits::URI_BYTES {
        return Err(bad("Bad Contact"));
    }
    // RFC 3261 §20.10: a value that is no number stands for 3600.
    let own = address.param("expires").map(|text| text.parse::<u32>().map_or(3600, u64::from));
    let asked = own.or(expires_header).unwrap_or(limits::EXPIRES_DEFAULT.as_secs());
    let (min, max) = (limits::EXPIRES_MIN.as_secs(), limits::EXPIRES_MAX.as_secs());
    if asked > 0 && asked < min {
        let mut reply = Reply::refuse(423, "Interval Too Brief");
        reply.headers.push((Name::MinExpires, Value::number(min)));
        return Err(reply);
    }
    let instance =
        address.param("+sip.instance").filter(|i| !i.is_empty() && i.len() <= limits::TOKEN_BYTES).map(str::to_owned);
    Ok(Wish {
        contact: address.uri().clone(),
        seconds: asked.min(max),
        q: address.param("q").map_or(1000, quality),
        instance,
    })
}

/// RFC 3261 §25.1 `qvalue` in thousandths; what is no qvalue is worth nothing.
fn quality(text: &str) -> u16 {
    match text.parse::<f32>() {
        // The cast saturates and the range is checked.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(q) if (0.0..=1.0).contains(&q) => (q * 1000.0) as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
