//! The last word on an INVITE of ours: refused, answered by one phone, by two, or after we cancelled.

use std::time::Instant;

use bytes::Bytes;
use sipx_sip::{HeaderName, Method};

use super::Endpoint;
use super::build::{Draft, bytes_of, request_uri, via};
use super::replies::Outcome;
use super::session::{Alarm, Dialog, Phase, Session};
use super::table::{Asks, Kind};
use super::uac::next_fork;
use crate::event::{Event, ForkTag, SessionId};
use crate::limits;
use crate::message::Response;
use crate::uri::Uri;

impl<O> Endpoint<O> {
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
            if wanted { ep.take_answer(now, s, txn, response) } else { false }
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

    fn take_answer(&mut self, now: Instant, s: &mut Session, txn: u64, response: &Response) -> bool {
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
        self.timer_answered(now, s, response);
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
        self.new_client(now, bye, flow, Asks::Bye, None, 0);
        Some(())
    }

    pub(super) fn finish_cancelled(&mut self, now: Instant, s: &mut Session) {
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
}
