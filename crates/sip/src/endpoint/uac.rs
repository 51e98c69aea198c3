//! The calling side of a session until its last answer: INVITE, provisionals and forks, PRACK, CANCEL. Then `answered`.

use std::sync::Arc;
use std::time::Instant;

use sipx_sip::{HeaderName, Method};

use super::Endpoint;
use super::build::{ALLOW, Draft, SUPPORTED, contact, name_addr, presented, reason, request_uri, via, with_display};
use super::run::timers;
use super::session::{Alarm, Calling, Dialog, Phase, Session};
use super::table::{Asks, Kind};
use crate::event::{Event, ForkTag, Invite, SessionId};
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
    /// The INVITE of this session went out once more, in another transaction.
    pub(crate) fn invited_again(&mut self, session: SessionId, fresh: u64) {
        self.with_session(session, |ep, s| {
            s.set_calling_txn(fresh);
            ep.emit(Event::Resent { session });
        });
    }

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
        let local = format!("{};tag={local_tag}", name_addr(&presented(&self.config, &flow, &invite.from))?);
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
        let said = invite.sdp.clone();
        let extra = invite.headers.into_iter().filter(|(name, _)| is_carried(name)).collect();
        let request = super::timer::ask(draft)
            .put(HeaderName::MaxForwards, invite.max_forwards.to_string())
            .put(HeaderName::From, local.clone())
            .put(HeaderName::To, to)
            .put(HeaderName::CallId, call_id.clone())
            .put(HeaderName::CSeq, format!("{cseq} INVITE"))
            .put(
                HeaderName::Contact,
                contact(&self.config, &flow, contact_user.as_deref(), invite.target.scheme() == "sips"),
            )
            .put(HeaderName::Allow, ALLOW)
            .put(HeaderName::Supported, SUPPORTED)
            .put_if(HeaderName::UserAgent, self.user_agent())
            .list(extra)
            .body(Some((SDP, invite.sdp)))
            .request(Method::Invite, request_uri(&invite.target))?;
        let credentials = invite.credentials.map(Arc::new);
        let txn = self.new_client(now, request, flow, Asks::Invite(id), credentials, 0)?;
        let call = Calling { txn, heard: false, cancelled: false, cancel_sent: false, target: invite.target };
        let mut session = Session::calling(id, flow, call);
        session.call_id = call_id;
        session.local_tag.clone_from(&local_tag);
        session.local = local;
        session.contact_user = contact_user;
        session.local_cseq = cseq;
        session.said = Some(said);
        self.set_alarm(&mut session, Alarm::GiveUp, now + self.config.limits.ringing);
        if let Some(patience) = invite.patience {
            self.set_alarm(&mut session, Alarm::Silent, now + patience);
        }
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
            self.new_client(now, request, flow, Asks::Prack(s.id), None, 0);
        }
        true
    }

    /// Nobody said a word about our INVITE: the caller need not wait for timer B, he may try elsewhere. What
    /// comes late all the same is cancelled, or acknowledged and hung up.
    pub(crate) fn calling_silent(&mut self, now: Instant, s: &mut Session) {
        let Phase::Calling(call) = &mut s.phase else {
            return;
        };
        if call.heard || call.cancelled {
            return;
        }
        call.cancelled = true;
        let event = Event::Rejected {
            session: s.id,
            status: 504,
            reason: reason(504).to_owned(),
            headers: Vec::new(),
            retry_after: None,
            contacts: Vec::new(),
        };
        self.finish(s, event);
        self.set_alarm(s, Alarm::GiveUp, now + timers().timeout());
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

pub(super) fn next_fork(s: &Session) -> u8 {
    u8::try_from(s.dialogs.len()).unwrap_or(u8::MAX)
}

/// A Reason header for a Q.850 cause (RFC 3326).
pub(crate) fn reason_header(cause: Option<u16>) -> Option<Value> {
    let cause = cause.filter(|c| (1..=127).contains(c))?;
    Value::new(format!("Q.850;cause={cause}")).ok()
}
