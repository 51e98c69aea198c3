//! What a call needs to be ended by an exchange that has forgotten everything else: after a crash, that of a paid leg is read
//! back from the disk. One that is up gets its BYE; one that was not answered its CANCEL, and what is said to it after all is
//! acknowledged and hung up like that of any call of ours.

use std::sync::Arc;
use std::time::Instant;

use sipx_sip::{HeaderName, Method};

use super::Endpoint;
use super::build::{Draft, request_uri, response, via};
use super::session::{Alarm, Calling, Phase, Session};
use super::table::{Asks, Kind};
use super::uac::reason_header;
use crate::digest::Credentials;
use crate::event::{RequestId, SessionId};
use crate::flow::Flow;
use crate::limits;
use crate::message::Common;
use crate::uri::Uri;

/// A dialog as the side that may hang it up knows it (RFC 3261 §12), or an INVITE of ours that has no final answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The way to the peer; for a stream its connection is gone, and the caller puts a new one in.
    pub flow: Flow,
    /// Its Call-ID.
    pub call_id: String,
    /// Value of our From, tag included.
    pub local: String,
    /// Value of our To, the peer's tag included once it is up.
    pub remote: String,
    /// Request-URI: the peer's contact, or the first hop of a strict route.
    pub target: String,
    /// Values of our Route headers, in order.
    pub routes: Vec<String>,
    /// The last CSeq that is known to be used.
    pub cseq: u32,
    /// Via of our INVITE while it is not answered: a CANCEL is known by it (RFC 3261 §9.1).
    pub via: Option<String>,
}

impl<O> Endpoint<O> {
    /// What would be needed to end this session: by BYE once it is up, by CANCEL while an INVITE of ours is not answered.
    #[must_use]
    pub fn leftover(&self, session: SessionId) -> Option<Leftover> {
        let s = self.sessions.get(&session).filter(|s| !s.announced)?;
        if let Phase::Calling(call) = &s.phase {
            return self.unanswered(s, call);
        }
        if !s.confirmed() {
            return None;
        }
        let dialog = s.dialogs.first()?;
        let (target, routes) = dialog.path();
        Some(Leftover {
            flow: s.flow,
            call_id: s.call_id.clone(),
            local: s.local.clone(),
            remote: dialog.remote.clone(),
            target: target.to_string(),
            routes,
            cseq: s.local_cseq,
            via: None,
        })
    }

    fn unanswered(&self, s: &Session, call: &Calling) -> Option<Leftover> {
        let Kind::Client(client) = &self.table.get(call.txn).filter(|_| !call.cancelled)?.kind else {
            return None;
        };
        let invite = client.machine.request();
        let text = |value: std::borrow::Cow<'_, [u8]>| String::from_utf8_lossy(&value).into_owned();
        Some(Leftover {
            flow: s.flow,
            call_id: s.call_id.clone(),
            local: s.local.clone(),
            remote: text(invite.headers.value(&HeaderName::To)?),
            target: call.target.to_string(),
            routes: invite.headers.get_all(&HeaderName::Route).map(|route| text(route.value())).collect(),
            cseq: Common::read(&invite.headers)?.cseq,
            via: Some(text(invite.headers.value(&HeaderName::Via)?)),
        })
    }

    /// Cancels an INVITE that an exchange before us left behind. The session ends as every other: with
    /// [`crate::Event::Rejected`], also if it was answered meanwhile and had to be hung up. Nothing if the leftover is none of
    /// an INVITE.
    pub fn cancel_leftover(&mut self, now: Instant, leftover: &Leftover) -> Option<SessionId> {
        let target = Uri::parse(&leftover.target).ok()?;
        let local_tag = leftover.local.rsplit_once(";tag=")?.1.to_owned();
        let mut draft = Draft::default().put(HeaderName::Via, leftover.via.clone()?);
        for route in leftover.routes.iter().take(limits::ROUTES) {
            draft = draft.put(HeaderName::Route, route.clone());
        }
        let invite = draft
            .put(HeaderName::MaxForwards, "70")
            .put(HeaderName::From, leftover.local.clone())
            .put(HeaderName::To, leftover.remote.clone())
            .put(HeaderName::CallId, leftover.call_id.clone())
            .put(HeaderName::CSeq, format!("{} INVITE", leftover.cseq))
            .request(Method::Invite, request_uri(&target))?;
        // Whether anything was heard of it is forgotten. To wait for that (§9.1) would let it ring on; who has never seen it
        // says 481.
        let trying = response(&self.config, &invite, 100, "", None, Draft::default())?;
        let id = self.new_session_id();
        let txn = self.resume_client(now, invite, trying, leftover.flow, Asks::Invite(id))?;
        let mut session = Session::calling(
            id,
            leftover.flow,
            Calling { txn, heard: true, cancelled: false, cancel_sent: false, target },
        );
        session.call_id.clone_from(&leftover.call_id);
        session.local.clone_from(&leftover.local);
        session.local_tag.clone_from(&local_tag);
        session.local_cseq = leftover.cseq;
        self.set_alarm(&mut session, Alarm::GiveUp, now + self.config.limits.ringing);
        self.tags.insert(local_tag, id);
        self.sessions.insert(id, Box::new(session));
        self.cancel(now, id);
        Some(id)
    }

    /// Hangs up what an exchange before us left behind. [`crate::Event::Response`] tells what came of it; nothing if the
    /// leftover makes no request.
    pub fn hang_up_leftover(
        &mut self,
        now: Instant,
        leftover: &Leftover,
        credentials: Option<Credentials>,
    ) -> Option<RequestId> {
        if leftover.via.is_some() {
            return None;
        }
        let target = Uri::parse(&leftover.target).ok()?;
        let flow = leftover.flow;
        let branch = self.new_branch();
        // What was sent since the dialog was kept has counted on; a gap is allowed (RFC 3261 §12.2.2).
        let cseq = leftover.cseq.saturating_add(limits::CSEQ_GAP);
        let mut draft = Draft::default().put(HeaderName::Via, via(&self.config, &flow, &branch));
        for route in leftover.routes.iter().take(limits::ROUTES) {
            draft = draft.put(HeaderName::Route, route.clone());
        }
        let mut draft = draft
            .put(HeaderName::MaxForwards, "70")
            .put(HeaderName::From, leftover.local.clone())
            .put(HeaderName::To, leftover.remote.clone())
            .put(HeaderName::CallId, leftover.call_id.clone())
            .put(HeaderName::CSeq, format!("{cseq} BYE"))
            .put_if(HeaderName::UserAgent, self.user_agent());
        // Q.850 "temporary failure".
        if let Some(reason) = reason_header(Some(41)) {
            draft = draft.put(HeaderName::Reason, reason.bytes());
        }
        let request = draft.request(Method::Bye, request_uri(&target))?;
        let id = self.new_request_id();
        self.new_client(now, request, flow, Asks::Outside(id), credentials.map(Arc::new), 0)?;
        Some(id)
    }

    /// The session that has this dialog, however the two tags are ordered (RFC 3891 §3).
    #[must_use]
    pub fn find_dialog(&self, call_id: &str, one: &str, other: &str) -> Option<SessionId> {
        [(one, other), (other, one)].into_iter().find_map(|(local, remote)| {
            let id = self.tags.get(local)?;
            let s = self.sessions.get(id)?;
            (s.call_id == call_id && !s.announced && s.dialog(remote).is_some()).then_some(*id)
        })
    }
}
