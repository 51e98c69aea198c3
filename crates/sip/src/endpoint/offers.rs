//! Offers and answers inside a dialog, both ways: re-INVITE and UPDATE with their glare
//! (RFC 3261 §14, RFC 3311).

use std::time::{Duration, Instant};

use bytes::Bytes;
use sipx_sip::{HeaderName, Method};

use super::Endpoint;
use super::build::{ALLOW, Draft, SUPPORTED, bytes_of_response, contact, response};
use super::replies::Outcome;
use super::run::timers;
use super::session::{Alarm, OurOffer, Phase, Session};
use super::table::{Asked, Asks, Kind};
use super::timer::{state, stated, terms_of_request, too_brief};
use crate::event::{Event, SessionId, TxnId};
use crate::flow::Flow;
use crate::header::{Name, Value};
use crate::limits;
use crate::message::{Request, target};

const SDP: &str = "application/sdp";

impl<O> Endpoint<O> {
    /// RFC 3261 §14.2.
    pub(crate) fn reinvite_received(
        &mut self,
        now: Instant,
        s: &mut Session,
        at: usize,
        flow: Flow,
        request: &Request,
    ) {
        if s.offering() {
            self.reply(flow, request, 491, "", Vec::new());
            return;
        }
        if !matches!(s.phase, Phase::Up) || s.unacked.is_some() || s.their_offer.is_some() {
            let later = vec![(Name::RetryAfter, Value::number(self.rng.below(10)))];
            self.reply(flow, request, 500, "", later);
            return;
        }
        if !request.body().is_empty() && request.sdp().is_none() {
            let accept = vec![(Name::Accept, Value::lossy(SDP))];
            self.reply(flow, request, 415, "", accept);
            return;
        }
        if let Some(headers) = too_brief(request) {
            self.reply(flow, request, 422, "", headers);
            return;
        }
        refresh(s, at, request);
        let txn = self.new_server(now, request, flow, Asked::Reinvite(s.id), None);
        s.their_offer = Some(txn);
        self.emit(Event::Offer { session: s.id, txn: TxnId(txn), sdp: request.sdp(), update: false });
    }

    /// RFC 3311 §5.2.
    pub(crate) fn update_received(&mut self, now: Instant, s: &mut Session, at: usize, flow: Flow, request: &Request) {
        if let Some(headers) = too_brief(request) {
            self.reply(flow, request, 422, "", headers);
            return;
        }
        let Some(sdp) = request.sdp() else {
            if !request.body().is_empty() {
                let accept = vec![(Name::Accept, Value::lossy(SDP))];
                self.reply(flow, request, 415, "", accept);
                return;
            }
            refresh(s, at, request);
            let txn = self.new_server(now, request, flow, Asked::Update(s.id), None);
            let us = contact(&self.config, &s.flow, s.contact_user.as_deref(), s.secure);
            let mut headers = vec![(Name::Contact, Value::lossy(&us))];
            if matches!(s.phase, Phase::Up) {
                let terms = terms_of_request(request);
                headers.extend(stated(terms));
                self.start_timer(now, s, terms);
            }
            self.answer(now, txn, 200, "", headers, None);
            return;
        };
        let ours_open =
            s.offering() || s.unacked.as_ref().is_some_and(|u| u.offered) || matches!(s.phase, Phase::Calling(_));
        if ours_open {
            self.reply(flow, request, 491, "", Vec::new());
            return;
        }
        let unanswered = match &s.phase {
            Phase::Incoming(call) => !call.answered,
            _ => false,
        };
        if unanswered || s.their_offer.is_some() {
            let later = vec![(Name::RetryAfter, Value::number(self.rng.below(10)))];
            self.reply(flow, request, 500, "", later);
            return;
        }
        refresh(s, at, request);
        let txn = self.new_server(now, request, flow, Asked::Update(s.id), None);
        s.their_offer = Some(txn);
        self.emit(Event::Offer { session: s.id, txn: TxnId(txn), sdp: Some(sdp), update: true });
    }

    /// Answers [`Event::Offer`]: the SDP, or a status from 300 to 699 (488 when no codec fits).
    pub fn respond_offer(&mut self, now: Instant, txn: TxnId, answer: Result<Bytes, u16>) -> bool {
        let (session, invite) = match self.table.get(txn.0).map(|t| &t.kind) {
            Some(Kind::Server { owner: Asked::Reinvite(s), .. }) => (*s, true),
            Some(Kind::Server { owner: Asked::Update(s), .. }) => (*s, false),
            _ => return false,
        };
        self.with_session(session, |ep, s| {
            if s.their_offer != Some(txn.0) {
                return false;
            }
            s.their_offer = None;
            match answer {
                Ok(sdp) => ep.accept_offer(now, s, txn.0, invite, sdp),
                Err(status) => ep.answer(now, txn.0, status.clamp(300, 699), "", Vec::new(), None),
            }
        })
        .unwrap_or(false)
    }

    fn accept_offer(&mut self, now: Instant, s: &mut Session, txn: u64, invite: bool, sdp: Bytes) -> bool {
        let Some(Kind::Server { machine, .. }) = self.table.get(txn).map(|t| &t.kind) else {
            return false;
        };
        let request = machine.request().clone();
        let Some(read) = Request::new(request.clone()) else {
            return false;
        };
        let us = contact(&self.config, &s.flow, s.contact_user.as_deref(), s.secure);
        let draft = Draft::default()
            .put(HeaderName::Contact, us)
            .put(HeaderName::Allow, ALLOW)
            .put(HeaderName::Supported, SUPPORTED)
            .body(Some((SDP, sdp.clone())));
        let terms = matches!(s.phase, Phase::Up).then(|| terms_of_request(&read));
        let draft = match terms {
            Some(terms) => state(terms, draft),
            None => draft,
        };
        let Some(response) = response(&self.config, &request, 200, "", None, draft) else {
            return false;
        };
        let bytes = bytes_of_response(&response);
        if !self.push_response(now, txn, response) {
            return false;
        }
        s.said = Some(sdp);
        if let Some(terms) = terms {
            self.start_timer(now, s, terms);
        }
        if invite {
            let offered = read.sdp().is_none();
            self.await_ack(now, s, read.cseq(), bytes, false, offered);
        }
        true
    }

    /// Offers new media by re-INVITE. [`Event::Answer`] or [`Event::OfferFailed`] follows.
    pub fn reinvite(&mut self, now: Instant, session: SessionId, sdp: Bytes) -> bool {
        self.offer(now, session, sdp, false)
    }

    /// Offers new media by UPDATE (RFC 3311). [`Event::Answer`] or [`Event::OfferFailed`] follows.
    pub fn update(&mut self, now: Instant, session: SessionId, sdp: Bytes) -> bool {
        self.offer(now, session, sdp, true)
    }

    fn offer(&mut self, now: Instant, session: SessionId, sdp: Bytes, update: bool) -> bool {
        self.with_session(session, |ep, s| {
            let free = s.confirmed()
                && !s.announced
                && s.our_offer.is_none()
                && s.their_offer.is_none()
                && s.unacked.is_none()
                && sdp.len() <= limits::BODY_BYTES;
            if !free {
                ep.emit(Event::OfferFailed { session, status: 491 });
                return false;
            }
            s.our_offer = Some(OurOffer { update, sdp, glares: 0, sent: false });
            ep.send_offer(now, s)
        })
        .unwrap_or(false)
    }

    pub(crate) fn send_offer(&mut self, now: Instant, s: &mut Session) -> bool {
        let (Some(offer), Some(dialog)) = (&s.our_offer, s.dialogs.first().cloned()) else {
            return false;
        };
        let (method, owner) =
            if offer.update { (Method::Update, Asks::Update(s.id)) } else { (Method::Invite, Asks::Reinvite(s.id)) };
        let sdp = offer.sdp.clone();
        let us = contact(&self.config, &s.flow, s.contact_user.as_deref(), s.secure);
        let more = Draft::default()
            .put(HeaderName::Contact, us)
            .put(HeaderName::Allow, ALLOW)
            .put(HeaderName::Supported, SUPPORTED)
            .body(Some((SDP, sdp.clone())));
        let more = s.go_on(more);
        s.said = Some(sdp);
        let sent = self.send_inside(now, s, &dialog, method, owner, more).is_some();
        if let Some(offer) = &mut s.our_offer {
            offer.sent = sent;
        }
        sent
    }

    pub(crate) fn reinvite_outcome(&mut self, now: Instant, session: SessionId, txn: u64, outcome: Outcome) {
        if let Outcome::Response(r) = &outcome
            && (200..300).contains(&r.status())
            && let Some(t) = self.table.get(txn)
            && let Kind::Client(client) = &t.kind
            && let Some((_, ack)) = &client.winner
        {
            let (flow, ack) = (t.flow, ack.clone());
            self.send(flow, ack);
            return;
        }
        self.with_session(session, |ep, s| {
            let Outcome::Response(r) = &outcome else {
                ep.offer_outcome(now, s, outcome);
                return;
            };
            if (200..300).contains(&r.status()) {
                if let Some(dialog) = s.dialogs.first_mut()
                    && let Some(target) = target(&r.raw().headers)
                {
                    dialog.target = target;
                }
                ep.timer_answered(now, s, r);
                let Some(dialog) = s.dialogs.first().cloned() else {
                    return;
                };
                if let Some(ack) = ep.ack(s, &dialog, r.common().cseq) {
                    ep.send(s.flow, ack.clone());
                    if let Some(t) = ep.table.get_mut(txn)
                        && let Kind::Client(client) = &mut t.kind
                    {
                        client.winner = Some((dialog.remote_tag, ack));
                    }
                }
            }
            ep.offer_outcome(now, s, outcome);
        });
    }

    pub(crate) fn update_outcome(&mut self, now: Instant, session: SessionId, outcome: Outcome) {
        self.with_session(session, |ep, s| {
            if let Outcome::Response(r) = &outcome
                && (200..300).contains(&r.status())
            {
                ep.timer_answered(now, s, r);
                if let Some(dialog) = s.dialogs.first_mut()
                    && let Some(target) = target(&r.raw().headers)
                {
                    dialog.target = target;
                }
            }
            ep.offer_outcome(now, s, outcome);
        });
    }

    fn offer_outcome(&mut self, now: Instant, s: &mut Session, outcome: Outcome) {
        let session = s.id;
        let status = outcome.status();
        let Some(mut offer) = s.our_offer.take() else {
            return;
        };
        match status {
            200..300 => {
                let sdp = outcome.response().and_then(|r| r.sdp());
                self.emit(match sdp {
                    Some(sdp) => Event::Answer { session, sdp },
                    None => Event::OfferFailed { session, status: 488 },
                });
            }
            491 if offer.glares < limits::GLARE_RETRIES => {
                offer.glares += 1;
                offer.sent = false;
                // RFC 3261 §14.1: the owner of the Call-ID waits 2.1 to 4 s, the other 0 to 2 s.
                let ms = if s.is_caller() { 2_100 + self.rng.below(190) * 10 } else { self.rng.below(200) * 10 };
                s.our_offer = Some(offer);
                self.set_alarm(s, Alarm::Glare, now + Duration::from_millis(ms));
            }
            // RFC 4028 §7.3: the same once more, with the interval that it wants.
            422 if offer.glares < limits::GLARE_RETRIES => {
                if let Some(response) = outcome.response() {
                    self.longer(s, &response);
                }
                offer.glares += 1;
                offer.sent = false;
                s.our_offer = Some(offer);
                self.set_alarm(s, Alarm::Glare, now);
            }
            // RFC 3261 §14.1, §12.2.1.2: the peer lost the dialog or does not answer at all.
            408 | 481 => {
                self.emit(Event::OfferFailed { session, status });
                self.gone(now, s);
            }
            _ => self.emit(Event::OfferFailed { session, status }),
        }
    }

    pub(crate) fn retry_offer(&mut self, now: Instant, s: &mut Session) {
        if s.announced || s.our_offer.is_none() {
            return;
        }
        if s.their_offer.is_some() || s.unacked.is_some() {
            // The peer's own offer came first: ours waits once more.
            self.set_alarm(s, Alarm::Glare, now + timers().t2);
            return;
        }
        if !self.send_offer(now, s) {
            s.our_offer = None;
            self.emit(Event::OfferFailed { session: s.id, status: 500 });
        }
    }
}

/// Target refresh (RFC 3261 §12.2.2).
fn refresh(s: &mut Session, at: usize, request: &Request) {
    if let Some(target) = target(&request.raw().headers)
        && let Some(dialog) = s.dialogs.get_mut(at)
    {
        dialog.target = target;
    }
}
