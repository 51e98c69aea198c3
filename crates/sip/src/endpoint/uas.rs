//! The called side of a session: ringing, reliable provisionals, the 2xx and its ACK.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use sipx_sip::HeaderName;

use super::Endpoint;
use super::build::{ALLOW, Draft, SUPPORTED, bytes_of_response, contact, response};
use super::run::timers;
use super::session::{Alarm, Dialog, Incoming, Phase, Session, Unacked, Unpracked};
use super::table::Asked;
use super::timer::{state, terms_of_request};
use crate::event::{End, Event, SessionId};
use crate::flow::Flow;
use crate::header::HeaderList;
use crate::limits::{self, Source};
use crate::message::Request;

const SDP: &str = "application/sdp";

impl<O> Endpoint<O> {
    /// A checked and admitted INVITE begins a session.
    pub(crate) fn incoming(&mut self, now: Instant, flow: Flow, request: Request, origin: O, source: Source) {
        let Some(dialog) = Dialog::of_request(&request) else {
            return;
        };
        let id = self.new_session_id();
        let local_tag = self.rng.token();
        let to = request
            .raw()
            .headers
            .value(&HeaderName::To)
            .map(|v| String::from_utf8_lossy(&v).into_owned())
            .unwrap_or_default();
        let txn = self.new_server(now, &request, flow, Asked::Invite(id), Some(source));
        let mut session = Session {
            id,
            flow,
            call_id: request.call_id().to_owned(),
            local: format!("{to};tag={local_tag}"),
            caller: false,
            local_tag: local_tag.clone(),
            contact_user: request.user().map(str::to_owned),
            secure: request.uri().scheme() == "sips",
            local_cseq: u32::try_from(self.rng.below(10_000)).unwrap_or(0),
            dialogs: vec![dialog],
            phase: Phase::Incoming(Box::new(Incoming {
                txn,
                reliable: request.has_token("Require", "100rel"),
                invite: request.clone(),
                rseq: u32::try_from(self.rng.below(1 << 20)).unwrap_or(0),
                unpracked: None,
                queued: None,
                held: None,
                last: None,
                answered: false,
            })),
            unacked: None,
            our_offer: None,
            their_offer: None,
            waiting: Vec::new(),
            bye_wanted: None,
            alarms: BTreeMap::new(),
            clockwork: super::timer::Clockwork::default(),
            said: None,
            announced: false,
            dead: false,
        };
        session.note_abilities(&request.raw().headers);
        self.set_alarm(&mut session, Alarm::GiveUp, now + self.config.limits.ringing);
        if let Some(trying) = response(&self.config, request.raw(), 100, "", None, Draft::default()) {
            self.push_response(now, txn, trying);
        }
        self.tags.insert(local_tag, id);
        self.sessions.insert(id, Box::new(session));
        let offer = request.sdp();
        self.emit(Event::Invite { session: id, origin, request, flow, offer });
    }

    /// Rings (180) or plays early media (183): any status from 101 to 199.
    pub fn ring(&mut self, now: Instant, session: SessionId, status: u16, sdp: Option<Bytes>) -> bool {
        (101..200).contains(&status)
            && self.with_session(session, |ep, s| ep.ring_session(now, s, status, sdp)).unwrap_or(false)
    }

    fn ring_session(&mut self, now: Instant, s: &mut Session, status: u16, sdp: Option<Bytes>) -> bool {
        let Phase::Incoming(call) = &mut s.phase else {
            return false;
        };
        if call.held.is_some() {
            return false;
        }
        call.last = Some((status, sdp.clone()));
        if call.unpracked.is_some() {
            // RFC 3262 §3: one at a time.
            call.queued = Some((status, sdp));
            return true;
        }
        let reliable = call.reliable;
        let mut draft = Draft::default();
        if reliable {
            call.rseq = call.rseq.saturating_add(1);
            draft = draft.put(HeaderName::Require, "100rel").put(HeaderName::RSeq, call.rseq.to_string());
        }
        let has_sdp = sdp.is_some();
        if let Some(sdp) = &sdp {
            s.said = Some(sdp.clone());
        }
        let draft = draft.body(sdp.map(|sdp| (SDP, sdp)));
        let Some(bytes) = self.answer_invite(now, s, status, "", draft) else {
            return false;
        };
        let Phase::Incoming(call) = &mut s.phase else {
            return false;
        };
        if reliable {
            let rseq = call.rseq;
            call.unpracked =
                Some(Unpracked { rseq, bytes, interval: timers().t1, until: now + timers().timeout(), sdp: has_sdp });
            self.set_alarm(s, Alarm::Repeat1xx, now + timers().t1);
        }
        self.set_alarm(s, Alarm::Refresh, now + limits::RING_REFRESH);
        true
    }

    /// Answers the first INVITE with any status; gives the bytes that went out.
    fn answer_invite(&mut self, now: Instant, s: &Session, status: u16, words: &str, draft: Draft) -> Option<Bytes> {
        let Phase::Incoming(call) = &s.phase else {
            return None;
        };
        let mut head = Draft::default();
        if status < 300 {
            let contact = contact(&self.config, &s.flow, s.contact_user.as_deref(), s.secure);
            head = head.put(HeaderName::Contact, contact).put(HeaderName::Allow, ALLOW);
            if status >= 200 {
                head = head.put(HeaderName::Supported, SUPPORTED);
            }
        }
        let draft = head.join(draft);
        let response = response(&self.config, call.invite.raw(), status, words, Some(&s.local_tag), draft)?;
        let bytes = bytes_of_response(&response);
        self.push_response(now, call.txn, response).then_some(bytes)
    }

    /// Answers a call with 200. [`Event::Confirmed`] follows when the ACK comes.
    pub fn accept(&mut self, now: Instant, session: SessionId, sdp: Bytes, headers: HeaderList) -> bool {
        self.with_session(session, |ep, s| ep.accept_session(now, s, sdp, headers)).unwrap_or(false)
    }

    fn accept_session(&mut self, now: Instant, s: &mut Session, sdp: Bytes, headers: HeaderList) -> bool {
        let Phase::Incoming(call) = &mut s.phase else {
            return false;
        };
        if call.unpracked.is_some() {
            // RFC 3262 §3: the answer in a provisional must have arrived before the 2xx.
            call.held = Some((sdp, headers));
            return true;
        }
        let offered = call.invite.sdp().is_none() && !call.answered;
        let cseq = call.invite.cseq();
        let terms = terms_of_request(&call.invite);
        let body = (!call.answered).then_some((SDP, sdp.clone()));
        let draft = state(terms, Draft::default().list(headers).body(body));
        let Some(bytes) = self.answer_invite(now, s, 200, "", draft) else {
            return false;
        };
        self.clear_alarm(s, Alarm::Refresh);
        self.clear_alarm(s, Alarm::GiveUp);
        s.phase = Phase::Up;
        s.said = Some(sdp);
        self.start_timer(now, s, terms);
        self.await_ack(now, s, cseq, bytes, true, offered);
        true
    }

    /// Repeats a 2xx until its ACK comes, over streams too (RFC 3261 §13.3.1.4).
    pub(crate) fn await_ack(
        &mut self,
        now: Instant,
        s: &mut Session,
        cseq: u32,
        bytes: Bytes,
        first: bool,
        offered: bool,
    ) {
        s.unacked =
            Some(Unacked { cseq, bytes, interval: timers().t1, until: now + timers().timeout(), first, offered });
        self.set_alarm(s, Alarm::Repeat2xx, now + timers().t1);
    }

    /// Refuses a call (300 to 699). [`Event::Ended`] with [`End::Local`] follows.
    pub fn reject(&mut self, now: Instant, session: SessionId, status: u16, reason: &str, headers: HeaderList) -> bool {
        self.with_session(session, |ep, s| ep.reject_session(now, s, status, reason, headers, End::Local))
            .unwrap_or(false)
    }

    pub(crate) fn reject_session(
        &mut self,
        now: Instant,
        s: &mut Session,
        status: u16,
        reason: &str,
        headers: HeaderList,
        cause: End,
    ) -> bool {
        if !matches!(s.phase, Phase::Incoming(_)) {
            return false;
        }
        let status = status.clamp(300, 699);
        let draft = Draft::default().list(headers);
        if self.answer_invite(now, s, status, reason, draft).is_none() {
            // The words or headers did not fit; the caller must still be told, and if that is impossible be forgotten.
            let told = self.answer_invite(now, s, status, "", Draft::default());
            if let (None, Phase::Incoming(call)) = (told, &s.phase) {
                let txn = call.txn;
                self.drop_txn(txn);
            }
        }
        let session = s.id;
        self.finish(s, Event::Ended { session, cause });
        self.end(now, s);
        true
    }

    /// A CANCEL for a call that is not answered (RFC 3261 §9.2).
    pub(crate) fn cancelled(&mut self, now: Instant, s: &mut Session) {
        if !matches!(s.phase, Phase::Incoming(_)) {
            return;
        }
        self.refuse_early(now, s, 487);
        let session = s.id;
        self.finish(s, Event::Cancelled { session });
        self.end(now, s);
    }

    pub(crate) fn refuse_early(&mut self, now: Instant, s: &Session, status: u16) {
        self.answer_invite(now, s, status, "", Draft::default());
    }

    /// The end of a session for us: whatever of the peer's still waits is refused.
    pub(crate) fn end(&mut self, now: Instant, s: &mut Session) {
        s.dead = true;
        let mut waiting = std::mem::take(&mut s.waiting);
        waiting.extend(s.their_offer.take());
        for txn in waiting {
            self.answer(now, txn, 487, "", Vec::new(), None);
        }
    }

    /// An ACK outside transactions: it acknowledges a 2xx of ours.
    pub(crate) fn on_ack(&mut self, now: Instant, request: &Request) {
        let Some(&id) = self.tags.get(request.to().tag()) else {
            return;
        };
        self.with_session(id, |ep, s| {
            let known = s.call_id == request.call_id() && s.dialog(request.from().tag()).is_some();
            if known {
                ep.acknowledged(now, s, request);
            }
        });
    }

    fn acknowledged(&mut self, now: Instant, s: &mut Session, request: &Request) {
        let waits = s.unacked.as_ref().is_some_and(|u| u.cseq == request.cseq());
        if !waits {
            return;
        }
        self.clear_alarm(s, Alarm::Repeat2xx);
        let Some(unacked) = s.unacked.take() else {
            return;
        };
        let session = s.id;
        if let Some(cause) = s.bye_wanted.take() {
            self.send_bye(now, s, 0, cause);
            self.end(now, s);
            return;
        }
        let answer = if unacked.offered { request.sdp() } else { None };
        match (unacked.first, answer) {
            (true, answer) => self.emit(Event::Confirmed { session, answer }),
            (false, Some(sdp)) => self.emit(Event::Answer { session, sdp }),
            (false, None) if unacked.offered => self.emit(Event::OfferFailed { session, status: 488 }),
            (false, None) => {}
        }
    }

    /// Whether a PRACK names the provisional that we wait for (RFC 3262 §3).
    pub(crate) fn fits_prack(&self, s: &Session, request: &Request) -> bool {
        let Phase::Incoming(call) = &s.phase else {
            return false;
        };
        let Some(rack) = request.header("RAck") else {
            return false;
        };
        let mut words = rack.split_ascii_whitespace();
        let rseq = words.next().and_then(|w| w.parse::<u32>().ok());
        let cseq = words.next().and_then(|w| w.parse::<u32>().ok());
        let invite = words.next() == Some("INVITE") && words.next().is_none();
        let fits = call.unpracked.as_ref().is_some_and(|u| Some(u.rseq) == rseq);
        fits && invite && cseq == Some(call.invite.cseq())
    }

    /// A fitting PRACK: what waited for it goes on.
    pub(crate) fn pracked(&mut self, now: Instant, s: &mut Session, request: &Request) {
        let Phase::Incoming(call) = &mut s.phase else {
            return;
        };
        let Some(unpracked) = call.unpracked.take() else {
            return;
        };
        let offer_was_ours = call.invite.sdp().is_none();
        let sdp = request.sdp();
        if unpracked.sdp {
            call.answered = !offer_was_ours || sdp.is_some();
        }
        let (queued, held) = (call.queued.take(), call.held.take());
        self.clear_alarm(s, Alarm::Repeat1xx);
        if let (true, true, Some(sdp)) = (unpracked.sdp, offer_was_ours, sdp) {
            let session = s.id;
            self.emit(Event::Answer { session, sdp });
        }
        if let Some((status, sdp)) = queued
            && held.is_none()
        {
            self.ring_session(now, s, status, sdp);
        }
        if let Some((sdp, headers)) = held {
            self.accept_session(now, s, sdp, headers);
        }
    }

    pub(crate) fn on_alarm(&mut self, now: Instant, s: &mut Session, alarm: Alarm) {
        let session = s.id;
        match alarm {
            Alarm::Repeat2xx => self.repeat_2xx(now, s),
            Alarm::Repeat1xx => self.repeat_1xx(now, s),
            Alarm::Refresh => {
                if let Phase::Incoming(call) = &s.phase
                    && let Some((status, sdp)) = call.last.clone()
                {
                    // A repeated reliable provisional carries its SDP only once.
                    let sdp = if call.reliable { None } else { sdp };
                    self.ring_session(now, s, status, sdp);
                }
            }
            Alarm::GiveUp => match s.phase {
                Phase::Incoming(_) => {
                    self.reject_session(now, s, 480, "", Vec::new(), End::Timeout);
                }
                Phase::Calling(_) => self.calling_gave_up(now, s),
                Phase::Up => {}
            },
            Alarm::Silent => self.calling_silent(now, s),
            Alarm::Glare => self.retry_offer(now, s),
            Alarm::Renew => self.renew(now, s),
            Alarm::Expire => self.expired(now, s),
            Alarm::Lost => {
                let cause = End::TransportLost;
                self.finish(s, Event::Ended { session, cause });
                self.end(now, s);
            }
        }
    }

    fn repeat_2xx(&mut self, now: Instant, s: &mut Session) {
        let session = s.id;
        let Some(unacked) = &mut s.unacked else {
            return;
        };
        if now >= unacked.until {
            s.unacked = None;
            let cause = s.bye_wanted.take().flatten();
            self.send_bye(now, s, 0, cause);
            let cause = End::NoAck;
            self.finish(s, Event::Ended { session, cause });
            self.end(now, s);
            return;
        }
        unacked.interval = timers().double_capped(unacked.interval);
        let at = (now + unacked.interval).min(unacked.until);
        let bytes = unacked.bytes.clone();
        self.send(s.flow, bytes);
        self.set_alarm(s, Alarm::Repeat2xx, at);
    }

    fn repeat_1xx(&mut self, now: Instant, s: &mut Session) {
        let Phase::Incoming(call) = &mut s.phase else {
            return;
        };
        let Some(unpracked) = &mut call.unpracked else {
            return;
        };
        if now >= unpracked.until {
            self.reject_session(now, s, 504, "", Vec::new(), End::Timeout);
            return;
        }
        unpracked.interval = unpracked.interval.saturating_mul(2);
        let at = (now + unpracked.interval).min(unpracked.until);
        let bytes = unpracked.bytes.clone();
        self.send(s.flow, bytes);
        self.set_alarm(s, Alarm::Repeat1xx, at);
    }
}
