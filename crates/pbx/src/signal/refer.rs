//! REFER (RFC 3515): who may ask for it, what it means, and how its progress is told.
//!
//! Only phones of the house are heard, on the very flow of their call; strangers and trunks are declined. A Replaces must name a
//! call of the same phone by Call-ID and both tags (RFC 3891 §3): a guess finds nothing.

use std::time::Instant;

use bytes::Bytes;
use dialplan::Place;
use sip::{Endpoint, HeaderList, Method, Name, NameAddr, Request, SessionId, TxnId, Value};

use super::{Known, Signal};
use crate::limits;
use crate::snapshot::Snapshot;
use crate::switch::{CallEvent, LegId, Origin, Other, Refer};

/// Seconds that a transfer's subscription lasts: longer than the new party may ring.
const SUBSCRIBED: u64 = 120;

impl Signal {
    pub(super) fn referred(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        session: SessionId,
        txn: TxnId,
        request: &Request,
    ) {
        if let Err(status) = self.refer(endpoint, session, txn, request) {
            tracing::debug!(status, "a REFER is declined");
            endpoint.respond(now, txn, status, "", HeaderList::new(), None);
        }
    }

    /// Hands a REFER to its call, which answers it; or the status to decline it with.
    fn refer(
        &mut self,
        endpoint: &Endpoint<Origin>,
        session: SessionId,
        txn: TxnId,
        request: &Request,
    ) -> Result<(), u16> {
        let known = self.sessions.get(&session).ok_or(481_u16)?;
        let Some(owner) = &known.owner else { return Err(603) };
        let [to] = &request.headers("Refer-To")[..] else { return Err(400) };
        let to = NameAddr::parse(to).ok_or(400_u16)?;
        let asks = to.uri().param("method").unwrap_or_default();
        if !to.uri().is_sip() || !(asks.is_empty() || asks.eq_ignore_ascii_case("INVITE")) {
            return Err(603);
        }
        let number = to.user().filter(|to| to.len() <= limits::DIALLED).ok_or(484_u16)?;
        let other = match to.uri().header("Replaces") {
            Some(text) => self.other_call(endpoint, known, owner, &text)?,
            None => None,
        };
        let refer = Refer { txn: txn.0, to: number, other };
        let (leg, events) = (known.leg, known.events.clone());
        if let Some(known) = self.sessions.get_mut(&session) {
            known.refers = known.refers.saturating_add(1);
        }
        events.try_send(CallEvent::Refer(leg, refer)).map_err(|_| 503)
    }

    /// The call that a Replaces names. One that is not answered yet has nobody to join: it is dialled anew.
    fn other_call(
        &self,
        endpoint: &Endpoint<Origin>,
        known: &Known,
        owner: &str,
        text: &str,
    ) -> Result<Option<Other>, u16> {
        let (call_id, one, two) = parts(text).ok_or(400_u16)?;
        let other = endpoint.find_dialog(call_id, one, two).and_then(|id| self.sessions.get(&id)).ok_or(603_u16)?;
        if other.owner.as_deref() != Some(owner) || other.leg == known.leg {
            return Err(603);
        }
        if !other.answered {
            return Ok(None);
        }
        if !self.wires.media.together(known.leg.port(), other.leg.port()) {
            tracing::warn!(extension = owner, "the two calls run in different media threads: they cannot be joined");
            return Err(603);
        }
        Ok(Some(Other { leg: other.leg, postbox: other.events.clone() }))
    }

    /// A NOTIFY with a sipfrag (RFC 3515 §2.4.5).
    pub(super) fn notify(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        leg: LegId,
        status: u16,
        last: bool,
    ) {
        let Some(&session) = self.legs.get(&leg) else { return };
        let refers = self.sessions.get(&session).map_or(0, |known| known.refers);
        if refers == 0 {
            return;
        }
        let state = match last {
            true => "terminated;reason=noresource".to_owned(),
            false => format!("active;expires={SUBSCRIBED}"),
        };
        let headers = vec![(Name::Event, Value::lossy("refer")), (Name::SubscriptionState, Value::lossy(&state))];
        let body = Bytes::from(format!("SIP/2.0 {status} {}\r\n", words(status)));
        endpoint.request_in_dialog(now, session, Method::Notify, headers, Some(("message/sipfrag;version=2.0", body)));
    }

    /// The media thread in which a phone's other calls run: only there can they be joined.
    pub(super) fn shard_for(&self, owner: Option<&str>) -> Option<u64> {
        let owner = owner?;
        self.sessions.values().find(|known| known.owner.as_deref() == Some(owner)).map(|known| known.shard)
    }

    /// Where a trunk's call goes while the rescue service may call back.
    pub(super) fn call_back(&self, origin: &Origin, snapshot: &Snapshot) -> Option<Place> {
        let Origin::Trunk { name } = origin else { return None };
        let user = self.exchange.gate.call_back(name, self.exchange.clock.now())?;
        snapshot.config.extensions.contains_key(&user).then(|| Place::new("ext-local", &user, 1))
    }
}

/// The status for an INVITE that wants to take a call over: none of ours can be taken over by an INVITE (RFC 3891 §3).
pub(super) fn replaces(endpoint: &Endpoint<Origin>, request: &Request) -> Option<u16> {
    let text = request.header("Replaces")?;
    let found = parts(&text).is_some_and(|(call_id, one, two)| endpoint.find_dialog(call_id, one, two).is_some());
    Some(if found { 603 } else { 481 })
}

/// Call-ID and both tags of a Replaces.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.split(';').map(str::trim);
    let call_id = parts.next().filter(|id| !id.is_empty())?;
    let (mut to, mut from) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some((name, tag)) if name.eq_ignore_ascii_case("to-tag") => to = Some(tag),
            Some((name, tag)) if name.eq_ignore_ascii_case("from-tag") => from = Some(tag),
            _ => {}
        }
    }
    Some((call_id, to.filter(|tag| !tag.is_empty())?, from.filter(|tag| !tag.is_empty())?))
}

fn words(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        200..300 => "OK",
        404 => "Not Found",
        486 => "Busy Here",
        603 => "Decline",
        _ => "Failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaces_has_all_its_parts_or_none() {
        assert_eq!(parts("a@b;to-tag=x;from-tag=y"), Some(("a@b", "x", "y")));
        assert_eq!(parts("a@b; from-tag=y ; to-tag=x;early-only"), Some(("a@b", "x", "y")));
        for text in ["a@b", "a@b;to-tag=x", "a@b;to-tag=;from-tag=y", ";to-tag=x;from-tag=y", ""] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
