//! The calling side of a session: INVITE, forks, CANCEL against 2xx, and requests outside dialogs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sipx_sip::{HeaderName, Method};

use super::Endpoint;
use super::build::{ALLOW, Draft, SUPPORTED, bytes_of, contact, name_addr, request_uri, via, with_display};
use super::replies::Outcome;
use super::run::timers;
use super::session::{Alarm, Calling, Dialog, Phase, Session};
use super::table::{Asks, Kind};
use crate::event::{Event, ForkTag, Invite, OutRequest, RequestId, SessionId};
use crate::flow::Flow;
use crate::header::Value;
use crate::limits;
use crate::message::{Common, Response, is_carried};
use crate::uri::Uri;

const SDP: &str = "application/sdp";

impl Session {
    pub(crate) fn set_calling_txn(&mut self, fresh: u64) {
        if let Phase::Calling(call) = &mut self.phase {
            call.txn = fresh;
            call.heard = false;
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(&self.phase, Phase::Calling(call) if call.cancelled)
    }
}

impl<O> Endpoint<O> {
    /// Calls somebody. Failure of any kind comes as [`Event::Rejected`].
    pub fn invite(&mut self, now: Instant, invite: Invite) -> SessionId {
        let id = self.new_session_id();
        if self.try_invite(now, id, invite).is_none() {
            self.emit(Event::Rejected {
                session: id,
                status: 503,
                reason: String::from("Cannot Send"),
                headers: Vec::new(),
                retry_after: None,
                contacts: Vec::new(),
            });
        }
        id
    }

    fn try_invite(&mut self, now: Instant, id: SessionId, invite: Invite) -> Option<()> {
        if self.sessions.len() >= self.config.limits.sessions
            || invite.sdp.len() > limits::BODY_BYTES
            || invite.routes.len() > limits::ROUTES
        {
            return None;
        }
        let flow = invite.flow;
        let local_tag = self.rng.token();
        let call_id = self.rng.token();
        let branch = self.new_branch();
        let local = format!("{};tag={local_tag}", name_addr(&invite.from)?);
        let to = match &invite.to {
            Some(party) => name_addr(party)?,
            None => with_display(None, &invite.target),
        };
        let contact_user = (!invite.from.user.is_empty()).then(|| invite.from.user.clone());
        let cseq = 1 + u32::try_from(self.rng.below(10_000)).unwrap_or(0);
        let mut draft = Draft::default().put(HeaderName::Via, via(&self.config, &flow, &branch));
        for route in &invite.routes {
            draft = draft.put(HeaderName::Route, format!("<{route}>"));
        }
        let extra = invite.headers.into_iter().filter(|(name, _)| is_carried(name)).collect();
        let request = draft
            .put(HeaderName::MaxForwards, invite.max_forwards.to_string())
            .put(HeaderName::From, local.clone())
            .put(HeaderName::To, to)
            .put(HeaderName::CallId, call_id.clone())
            .put(HeaderName::CSeq, format!("{cseq} INVITE"))
            .put(HeaderName::Contact, contact(&self.config, &flow, contact_user.as_deref()))
            .put(HeaderName::Allow, ALLOW)
            .put(HeaderName::Supported, SUPPORTED)
            .put_if(HeaderName::UserAgent, self.user_agent())
            .list(extra)
            .body(Some((SDP, invite.sdp)))
            .request(Method::Invite, request_uri(&invite.target))?;
        let credentials = invite.credentials.map(Arc::new);
        let txn = self.new_client(now, request, flow, Asks::Invite(id), credentials.clone(), 0)?;
        let mut session = Session {
            id,
            flow,
            call_id,
            caller: true,
            local_tag: local_tag.clone(),
            local,
            contact_user,
            local_cseq: cseq,
            credentials,
            dialogs: Vec::new(),
            phase: Phase::Calling(Calling {
                txn,
                heard: false,
                cancelled: false,
                cancel_sent: false,
                target: invite.target,
            }),
            unacked: None,
            our_offer: None,
            their_offer: None,
            waiting: Vec::new(),
            bye_wanted: None,
            alarms: BTreeMap::new(),
            announced: false,
            dead: false,
        };
        self.set_alarm(&mut session, Alarm::GiveUp, now + self.config.limits.ringing);
        self.tags.insert(local_tag, id);
        self.sessions.insert(id, Box::new(session));
        Some(())
    }

    pub(crate) fn user_agent(&self) -> Option<String> {
        let name = &self.config.user_agent;
        (!name.is_empty()).then(|| name.clone())
    }

    /// Stops a call of ours that is not answered yet; [`Event::Rejected`] follows, with 487 unless
    /// the peer found another reason. If the answer crosses, it is acknowledged and hung up.
    pub fn cancel(&mut self, now: Instant, session: SessionId) -> bool {
        self.with_session(session, |ep, s| ep.cancel_session(now, s)).unwrap_or(false)
    }

    pub(crate) fn cancel_session(&mut self, now: Instant, s: &mut Session) -> bool {
        let Phase::Calling(call) = &mut s.phase else {
            return false;
        };
        if call.cancelled {
            return true;
        }
        call.cancelled = true;
        if call.heard {
            self.send_cancel(now, s);
        }
        // RFC 3261 §9.1: a CANCEL waits for a provisional; without any, the INVITE times out.
        self.set_alarm(s, Alarm::GiveUp, now + timers().timeout());
        true
    }

    /// CANCEL has the Request-URI, Via and numbers of the INVITE that it means (RFC 3261 §9.1).
    fn send_cancel(&mut self, now: Instant, s: &mut Session) {
        let Phase::Calling(call) = &mut s.phase else {
            return;
        };
        if std::mem::replace(&mut call.cancel_sent, true) {
            return;
        }
        let Some(txn) = self.table.get(call.txn) else {
            return;
        };
        let Kind::Client(client) = &txn.kind else {
            return;
        };
        let flow = txn.flow;
        let invite = client.machine.request();
        let text = |name: &HeaderName| invite.headers.value(name).map(|v| v.into_owned()).unwrap_or_default();
        let mut draft = Draft::default().put(HeaderName::Via, text(&HeaderName::Via));
        for route in invite.headers.get_all(&HeaderName::Route) {
            draft = draft.put(HeaderName::Route, route.value().into_owned());
        }
        let cseq = Common::read(&invite.headers).map_or(0, |c| c.cseq);
        let request = draft
            .put(HeaderName::MaxForwards, "70")
            .put(HeaderName::From, text(&HeaderName::From))
            .put(HeaderName::To, text(&HeaderName::To))
            .put(HeaderName::CallId, text(&HeaderName::CallId))
            .put(HeaderName::CSeq, format!("{cseq} CANCEL"))
            .request(Method::Cancel, invite.uri.clone());
        if let Some(request) = request {
            self.new_client(now, request, flow, Asks::Cancel, None, 0);
        }
    }

    /// A provisional answer to our INVITE.
    pub(crate) fn calling_progress(&mut self, now: Instant, s: &mut Session, txn: u64, response: &Response) {
        let Phase::Calling(call) = &mut s.phase else {
            return;
        };
        if call.txn != txn {
            return;
        }
        call.heard = true;
        let (cancelled, target) = (call.cancelled, call.target.clone());
        if cancelled {
            self.send_cancel(now, s);
            return;
        }
        if response.status() == 100 {
            return;
        }
        let tag = response.to().tag().to_owned();
        let mut fork = ForkTag(0);
        if !tag.is_empty() {
            let Some(at) = fork_of(s, &target, response) else {
                return;
            };
            fork = ForkTag(s.dialogs.get(at).map_or(0, |d| d.fork));
            if response.has_token("Require", "100rel") && !self.prack(now, s, at, response) {
                return;
            }
        }
        self.emit(Event::Progress {
            session: s.id,
            status: response.status(),
            reason: response.reason(),
            sdp: response.sdp(),
            fork,
        });
    }

    /// Acknowledges a reliable provisional (RFC 3262 §4); `false` for a repeated or early one.
    fn prack(&mut self, now: Instant, s: &mut Session, at: usize, response: &Response) -> bool {
        let Some(rseq) = response.header("RSeq").and_then(|r| r.trim().parse::<u32>().ok()) else {
            return false;
        };
        let Some(dialog) = s.dialogs.get_mut(at) else {
            return false;
        };
        if dialog.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq)) {
            return false;
        }
        dialog.rseq = Some(rseq);
        if let Some(sdp) = response.sdp() {
            dialog.answer.get_or_insert(sdp);
        }
        let dialog = dialog.clone();
        let flow = s.flow;
        let branch = self.new_branch();
        let rack = format!("{rseq} {} INVITE", response.common().cseq);
        let request = s
            .draft(&dialog, &Method::Prack, via(&self.config, &flow, &branch))
            .put(HeaderName::RAck, rack)
            .put_if(HeaderName::UserAgent, self.user_agent())
            .request(Method::Prack, request_uri(dialog.path().0));
        if let Some(request) = request {
            let credentials = s.credentials.clone();
            self.new_client(now, request, flow, Asks::Prack(s.id), credentials, 0);
        }
        true
    }

    /// A final answer to our INVITE, or its failure. The session may be gone already.
    pub(crate) fn calling_outcome(&mut self, now: Instant, session: SessionId, txn: u64, outcome: Outcome) {
        match &outcome {
            Outcome::Response(r) if (200..300).contains(&r.status()) => {
                let response = r.as_ref().clone();
                self.calling_answered(now, session, txn, &response);
            }
            _ => {
                self.with_session(session, |ep, s| {
                    if matches!(&s.phase, Phase::Calling(call) if call.txn == txn) {
                        ep.calling_failed(now, s, outcome);
                    }
                });
            }
        }
    }

    fn calling_failed(&mut self, now: Instant, s: &mut Session, outcome: Outcome) {
        let response = match &outcome {
            Outcome::Response(r) => Some(r),
            _ => None,
        };
        let mut contacts = Vec::new();
        if (300..400).contains(&outcome.status()) {
            contacts = response.map(|r| r.contacts()).unwrap_or_default();
            contacts.truncate(limits::REDIRECTS);
        }
        let event = Event::Rejected {
            session: s.id,
            status: outcome.status(),
            reason: outcome.words(),
            headers: response.map(|r| r.carried()).unwrap_or_default(),
            retry_after: response.and_then(|r| r.header("Retry-After")).and_then(|v| {
                let digits: String = v.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().ok()
            }),
            contacts,
        };
        self.finish(s, event);
        self.end(now, s);
    }

    /// A 2xx: of the one phone we talk to, of a second phone, or of one we had cancelled.
    fn calling_answered(&mut self, now: Instant, session: SessionId, txn: u64, response: &Response) {
        let tag = response.to().tag().to_owned();
        if let Some(Kind::Client(client)) = self.table.get(txn).map(|t| &t.kind) {
            // RFC 3261 §13.2.2.4: each repetition gets the ACK again.
            let again = client.winner.iter().chain(&client.killed).find(|(t, _)| *t == tag).map(|(_, ack)| ack.clone());
            if let (Some(ack), Some(flow)) = (again, self.table.get(txn).map(|t| t.flow)) {
                self.send(flow, ack);
                return;
            }
        }
        let taken = self.with_session(session, |ep, s| {
            let wanted = matches!(&s.phase, Phase::Calling(c) if c.txn == txn && !c.cancelled);
            if wanted { ep.take_answer(s, txn, response) } else { false }
        });
        if taken != Some(true) {
            self.kill_fork(now, txn, response);
            self.with_session(session, |ep, s| {
                if matches!(&s.phase, Phase::Calling(call) if call.txn == txn) {
                    ep.finish_cancelled(now, s);
                }
            });
        }
    }

    fn take_answer(&mut self, s: &mut Session, txn: u64, response: &Response) -> bool {
        let Phase::Calling(call) = &s.phase else {
            return false;
        };
        let target = call.target.clone();
        let early = s.dialog(response.to().tag()).and_then(|at| s.dialogs.get(at)).cloned();
        let fork = early.as_ref().map_or(next_fork(s), |d| d.fork);
        let Some(mut dialog) = Dialog::of_response(&target, response, fork) else {
            return false;
        };
        if let Some(early) = early {
            dialog.remote_cseq = early.remote_cseq;
            dialog.answer = early.answer;
        }
        let Some(ack) = self.ack(s, &dialog, response.common().cseq) else {
            return false;
        };
        self.send(s.flow, ack.clone());
        if let Some(t) = self.table.get_mut(txn)
            && let Kind::Client(client) = &mut t.kind
        {
            client.winner = Some((dialog.remote_tag.clone(), ack));
        }
        let sdp = response.sdp().or_else(|| dialog.answer.clone());
        // The other phones' dialogs end with the proxy's CANCEL, or with our BYE if they answer.
        s.dialogs = vec![dialog];
        s.phase = Phase::Up;
        self.clear_alarm(s, Alarm::GiveUp);
        self.emit(Event::Answered { session: s.id, sdp, headers: response.carried(), fork: ForkTag(fork) });
        true
    }

    /// The ACK to a 2xx: a request of its own outside transactions (RFC 3261 §13.2.2.4).
    pub(crate) fn ack(&mut self, s: &Session, dialog: &Dialog, cseq: u32) -> Option<Bytes> {
        let branch = self.new_branch();
        let request = s
            .draft_with(dialog, &Method::Ack, via(&self.config, &s.flow, &branch), cseq)
            .put_if(HeaderName::UserAgent, self.user_agent())
            .request(Method::Ack, request_uri(dialog.path().0))?;
        Some(bytes_of(&request))
    }

    /// Acknowledges and hangs up a 2xx that nobody wants: of a second phone, or after a CANCEL.
    /// Everything needed is in the INVITE and this response, the session may be long gone.
    fn kill_fork(&mut self, now: Instant, txn: u64, response: &Response) -> Option<()> {
        let t = self.table.get(txn)?;
        let Kind::Client(client) = &t.kind else {
            return None;
        };
        if client.killed.len() >= limits::FORKS {
            return None;
        }
        let flow = t.flow;
        let credentials = client.credentials.clone();
        let invite = client.machine.request();
        let called = Uri::from_sipx(invite.uri.clone());
        let local = invite.headers.value(&HeaderName::From)?.into_owned();
        let dialog = Dialog::of_response(&called, response, 0)?;
        let cseq = response.common().cseq;
        let call_id = response.common().call_id.clone();
        let mut sent = Vec::new();
        for (method, cseq) in [(Method::Ack, cseq), (Method::Bye, cseq.saturating_add(1))] {
            let branch = self.new_branch();
            let mut draft = Draft::default().put(HeaderName::Via, via(&self.config, &flow, &branch));
            let (target, routes) = dialog.path();
            for route in routes {
                draft = draft.put(HeaderName::Route, route);
            }
            let request = draft
                .put(HeaderName::MaxForwards, "70")
                .put(HeaderName::From, local.clone())
                .put(HeaderName::To, dialog.remote.clone())
                .put(HeaderName::CallId, call_id.clone())
                .put(HeaderName::CSeq, format!("{cseq} {method}"))
                .request(method, request_uri(target))?;
            sent.push(request);
        }
        let bye = sent.pop()?;
        let ack = bytes_of(&sent.pop()?);
        self.send(flow, ack.clone());
        if let Some(t) = self.table.get_mut(txn)
            && let Kind::Client(client) = &mut t.kind
        {
            client.killed.push((dialog.remote_tag, ack));
        }
        self.new_client(now, bye, flow, Asks::Bye, credentials, 0);
        Some(())
    }

    fn finish_cancelled(&mut self, now: Instant, s: &mut Session) {
        let event = Event::Rejected {
            session: s.id,
            status: 487,
            reason: String::from("Request Terminated"),
            headers: Vec::new(),
            retry_after: None,
            contacts: Vec::new(),
        };
        self.finish(s, event);
        self.end(now, s);
    }

    /// It rang too long, or nothing final followed our CANCEL.
    pub(crate) fn calling_gave_up(&mut self, now: Instant, s: &mut Session) {
        let Phase::Calling(call) = &s.phase else {
            return;
        };
        if !call.cancelled {
            self.cancel_session(now, s);
            return;
        }
        let txn = call.txn;
        self.drop_txn(txn);
        self.finish_cancelled(now, s);
    }

    /// Sends a request outside dialogs; the answer comes as [`Event::Response`].
    pub fn request(&mut self, now: Instant, request: OutRequest) -> RequestId {
        let id = self.new_request_id();
        if self.try_request(now, id, request).is_none() {
            self.emit(Event::Response { id, status: 503, reason: String::from("Cannot Send"), response: None });
        }
        id
    }

    fn try_request(&mut self, now: Instant, id: RequestId, r: OutRequest) -> Option<()> {
        let too_long = r.body.as_ref().is_some_and(|(_, b)| b.len() > limits::BODY_BYTES);
        if too_long
            || r.routes.len() > limits::ROUTES
            || matches!(r.method, Method::Invite | Method::Ack | Method::Cancel)
        {
            return None;
        }
        let flow: Flow = r.flow;
        let branch = self.new_branch();
        let tag = self.rng.token();
        let (call_id, cseq) = match r.continues {
            Some((call_id, cseq)) => (call_id, cseq.saturating_add(1)),
            None => (self.rng.token(), 1),
        };
        let mut draft = Draft::default().put(HeaderName::Via, via(&self.config, &flow, &branch));
        for route in &r.routes {
            draft = draft.put(HeaderName::Route, format!("<{route}>"));
        }
        let contact = r.contact_user.map(|user| contact(&self.config, &flow, Some(&user)));
        let method = r.method;
        let request = draft
            .put(HeaderName::MaxForwards, "70")
            .put(HeaderName::From, format!("{};tag={tag}", name_addr(&r.from)?))
            .put(HeaderName::To, name_addr(&r.to)?)
            .put(HeaderName::CallId, call_id)
            .put(HeaderName::CSeq, format!("{cseq} {method}"))
            .put_if(HeaderName::Contact, contact)
            .put_if(HeaderName::Expires, r.expires.map(|e| e.to_string()))
            .put_if(HeaderName::UserAgent, self.user_agent())
            .list(r.headers)
            .body(r.body.as_ref().map(|(kind, body)| (kind.as_str(), body.clone())))
            .request(method, request_uri(&r.target))?;
        let credentials = r.credentials.map(Arc::new);
        self.new_client(now, request, flow, Asks::Outside(id), credentials, 0)?;
        Some(())
    }
}

/// The early dialog of a provisional, made if it is new; `None` beyond [`limits::FORKS`].
fn fork_of(s: &mut Session, target: &Uri, response: &Response) -> Option<usize> {
    if let Some(at) = s.dialog(response.to().tag()) {
        return Some(at);
    }
    if s.dialogs.len() >= limits::FORKS {
        return None;
    }
    let fork = next_fork(s);
    s.dialogs.push(Dialog::of_response(target, response, fork)?);
    Some(s.dialogs.len() - 1)
}

fn next_fork(s: &Session) -> u8 {
    u8::try_from(s.dialogs.len()).unwrap_or(u8::MAX)
}

/// A Reason header for a Q.850 cause (RFC 3326).
pub(crate) fn reason_header(cause: Option<u16>) -> Option<Value> {
    let cause = cause.filter(|c| (1..=127).contains(c))?;
    Value::new(format!("Q.850;cause={cause}")).ok()
}
