//! What happens inside a dialog, both ways: re-INVITE and UPDATE with their glare, BYE, INFO and
//! its like (RFC 3261 §12.2, §14, §15; RFC 3311).

use std::time::Instant;

use bytes::Bytes;
use sipx_sip::{HeaderName, Method};

use super::Endpoint;
use super::build::{ALLOW, Draft, contact, request_uri, via};
use super::receive::{capabilities, check_required, same_host};
use super::session::{Alarm, Dialog, Phase, Session};
use super::table::{Asked, Asks};
use super::uac::reason_header;
use crate::event::{End, Event, RequestId, SessionId, TxnId};
use crate::flow::Flow;
use crate::header::{HeaderList, Name, Value};
use crate::limits;
use crate::message::Request;

impl<O> Endpoint<O> {
    /// A request with a To tag, of no known transaction.
    pub(crate) fn on_request_inside(&mut self, now: Instant, flow: Flow, request: Request) {
        if *request.method() == Method::Ack {
            self.on_ack(now, &request);
            return;
        }
        let session = self.tags.get(request.to().tag()).copied();
        let handled = session.and_then(|id| {
            self.with_session(id, |ep, s| {
                if s.call_id != request.call_id() || s.announced {
                    return false;
                }
                match s.dialog(request.from().tag()) {
                    Some(at) => {
                        ep.inside(now, s, at, flow, &request);
                        true
                    }
                    None => false,
                }
            })
        });
        if handled != Some(true) {
            self.reply(flow, &request, 481, "", Vec::new());
        }
    }

    fn inside(&mut self, now: Instant, s: &mut Session, at: usize, flow: Flow, request: &Request) {
        let Some(dialog) = s.dialogs.get_mut(at) else {
            return;
        };
        // RFC 3261 §12.2.2: what is older than what we had is out of order.
        if dialog.remote_cseq.is_some_and(|last| request.cseq() <= last) {
            self.reply(flow, request, 500, "Out of Order", Vec::new());
            return;
        }
        let full = s.waiting.len() >= limits::PENDING_PER_SESSION || !self.make_room();
        if full && *request.method() != Method::Bye {
            let later = vec![(Name::RetryAfter, Value::number(2))];
            self.reply(flow, request, 503, "", later);
            return;
        }
        if let Err(refusal) = check_required(request) {
            self.reply(flow, request, refusal.status, refusal.words, refusal.headers);
            return;
        }
        dialog.remote_cseq = Some(request.cseq());
        self.follow(s, flow, request);
        match request.method() {
            Method::Bye => self.bye_received(now, s, flow, request),
            Method::Invite => self.reinvite_received(now, s, at, flow, request),
            Method::Update => self.update_received(now, s, at, flow, request),
            Method::Prack => self.prack_received(now, s, flow, request),
            Method::Options => self.reply(flow, request, 200, "", capabilities()),
            // Whoever read the tags somewhere is not yet the peer: what moves a call comes the call's own way.
            Method::Refer if s.flow != flow => self.reply(flow, request, 403, "", Vec::new()),
            Method::Other(_) | Method::Register | Method::Publish => {
                let allow = vec![(Name::Allow, Value::lossy(ALLOW))];
                self.reply(flow, request, 405, "", allow);
            }
            _ => {
                let txn = self.new_server(now, request, flow, Asked::Inside(s.id), None);
                s.waiting.push(txn);
                self.emit(Event::InDialog { session: s.id, txn: TxnId(txn), request: request.clone() });
            }
        }
    }

    /// Whoever knows both tags is the peer. Our requests follow him to another port or connection
    /// of his host, and to another host when he refreshes his target.
    fn follow(&mut self, s: &mut Session, flow: Flow, request: &Request) {
        let refresh = matches!(request.method(), Method::Invite | Method::Update);
        let lost = s.alarms.contains_key(&Alarm::Lost);
        if s.flow != flow && (refresh || lost || same_host(&s.flow, &flow)) {
            s.flow = flow;
        }
        if s.flow == flow {
            self.clear_alarm(s, Alarm::Lost);
        }
    }

    /// Sends the requests of a session another way from now on (its peer registered anew).
    pub fn move_flow(&mut self, session: SessionId, flow: Flow) -> bool {
        self.with_session(session, |ep, s| {
            s.flow = flow;
            ep.clear_alarm(s, Alarm::Lost);
        })
        .is_some()
    }

    fn bye_received(&mut self, now: Instant, s: &mut Session, flow: Flow, request: &Request) {
        if self.make_room() {
            let txn = self.new_server(now, request, flow, Asked::Inside(s.id), None);
            self.answer(now, txn, 200, "", Vec::new(), None);
        } else {
            // Hanging up is never refused; a repeated BYE will find no dialog.
            self.reply(flow, request, 200, "", Vec::new());
        }
        let session = s.id;
        let reason_cause = request.headers("Reason").iter().find_map(|text| q850(text));
        match s.phase {
            Phase::Incoming(_) => {
                // RFC 3261 §15: a caller may hang up an early dialog.
                self.refuse_early(now, s, 487);
                let cause = End::Bye { reason_cause };
                self.finish(s, Event::Ended { session, cause });
                self.end(now, s);
            }
            // A called phone may not (§15); its final response will come.
            Phase::Calling(_) => {}
            Phase::Up => {
                let cause = End::Bye { reason_cause };
                self.finish(s, Event::Ended { session, cause });
                self.end(now, s);
            }
        }
    }

    fn prack_received(&mut self, now: Instant, s: &mut Session, flow: Flow, request: &Request) {
        if !self.fits_prack(s, request) {
            self.reply(flow, request, 481, "", Vec::new());
            return;
        }
        let txn = self.new_server(now, request, flow, Asked::Inside(s.id), None);
        self.answer(now, txn, 200, "", Vec::new(), None);
        self.pracked(now, s, request);
    }

    /// Builds and sends a request in a dialog.
    pub(crate) fn send_inside(
        &mut self,
        now: Instant,
        s: &mut Session,
        dialog: &Dialog,
        method: Method,
        owner: Asks,
        more: Draft,
    ) -> Option<u64> {
        let branch = self.new_branch();
        let flow = s.flow;
        let request = s
            .draft(dialog, &method, via(&self.config, &flow, &branch))
            .put_if(HeaderName::UserAgent, self.user_agent())
            .join(more)
            .request(method, request_uri(dialog.path().0))?;
        self.new_client(now, request, flow, owner, None, 0)
    }

    /// The peer no longer knows the dialog: BYE for good measure, and the session is over.
    pub(crate) fn gone(&mut self, now: Instant, s: &mut Session) {
        if !matches!(s.phase, Phase::Up) {
            return;
        }
        self.send_bye(now, s, 0, None);
        let session = s.id;
        let cause = End::Gone;
        self.finish(s, Event::Ended { session, cause });
        self.end(now, s);
    }

    /// Hangs up, whatever state the session is in: [`Event::Ended`] with [`End::Local`] follows, or
    /// [`Event::Rejected`] for a call of ours that was not answered yet.
    pub fn bye(&mut self, now: Instant, session: SessionId, q850_cause: Option<u16>) -> bool {
        self.with_session(session, |ep, s| {
            if s.announced {
                return false;
            }
            match s.phase {
                Phase::Incoming(_) => {
                    let headers = reason_header(q850_cause).map(|v| (Name::Reason, v));
                    let headers = headers.into_iter().collect();
                    ep.reject_session(now, s, 480, "", headers, End::Local)
                }
                Phase::Calling(_) => ep.cancel_session(now, s),
                Phase::Up => {
                    let first = s.unacked.as_ref().is_some_and(|u| u.first);
                    if first {
                        // RFC 3261 §15: not before the ACK.
                        s.bye_wanted = Some(q850_cause);
                    } else {
                        ep.send_bye(now, s, 0, q850_cause);
                    }
                    let cause = End::Local;
                    ep.finish(s, Event::Ended { session, cause });
                    if !first {
                        ep.end(now, s);
                    }
                    true
                }
            }
        })
        .unwrap_or(false)
    }

    pub(crate) fn send_bye(&mut self, now: Instant, s: &mut Session, at: usize, cause: Option<u16>) {
        let Some(dialog) = s.dialogs.get(at).cloned() else {
            return;
        };
        if s.alarms.contains_key(&Alarm::Lost) {
            return;
        }
        let mut more = Draft::default();
        if let Some(reason) = reason_header(cause) {
            more = more.put(HeaderName::Reason, reason.bytes());
        }
        self.send_inside(now, s, &dialog, Method::Bye, Asks::Bye, more);
    }

    /// Sends INFO, REFER, NOTIFY … inside a session; the answer comes as [`Event::Response`].
    /// `None` when the session is not up or the method is not one of these.
    pub fn request_in_dialog(
        &mut self,
        now: Instant,
        session: SessionId,
        method: Method,
        headers: HeaderList,
        body: Option<(&str, Bytes)>,
    ) -> Option<RequestId> {
        let special = matches!(
            method,
            Method::Invite
                | Method::Ack
                | Method::Bye
                | Method::Cancel
                | Method::Prack
                | Method::Update
                | Method::Register
        );
        if special || body.as_ref().is_some_and(|(_, b)| b.len() > limits::BODY_BYTES) {
            return None;
        }
        let id = self.new_request_id();
        self.with_session(session, |ep, s| {
            if !s.confirmed() || s.announced {
                return None;
            }
            let dialog = s.dialogs.first().cloned()?;
            let us = contact(&ep.config, &s.flow, s.contact_user.as_deref(), s.secure);
            let more = Draft::default().put(HeaderName::Contact, us).list(headers).body(body);
            ep.send_inside(now, s, &dialog, method, Asks::Inside(s.id, id), more)?;
            Some(id)
        })
        .flatten()
    }

    /// The connection under a session closed. A call that is up waits for the peer to come back.
    pub(crate) fn connection_lost(&mut self, now: Instant, s: &mut Session) {
        let session = s.id;
        match s.phase {
            Phase::Up if !s.announced => {
                self.set_alarm(s, Alarm::Lost, now + limits::REVIVE);
            }
            Phase::Calling(_) => self.finish_lost(now, s),
            Phase::Up | Phase::Incoming(_) => {
                let cause = End::TransportLost;
                self.finish(s, Event::Ended { session, cause });
                self.end(now, s);
            }
        }
    }

    fn finish_lost(&mut self, now: Instant, s: &mut Session) {
        let event = Event::Rejected {
            session: s.id,
            status: 503,
            reason: String::from("Service Unavailable"),
            headers: Vec::new(),
            retry_after: None,
            contacts: Vec::new(),
        };
        self.finish(s, event);
        self.end(now, s);
    }
}

/// The cause of a Reason header for Q.850 (RFC 3326 §2).
fn q850(text: &str) -> Option<u16> {
    let mut parts = text.split(';');
    if !parts.next()?.trim().eq_ignore_ascii_case("Q.850") {
        return None;
    }
    parts
        .filter_map(|p| p.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("cause"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .filter(|cause| (1..=127).contains(cause))
}
