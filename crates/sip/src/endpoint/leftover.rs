//! What a call that is up needs to be hung up by an exchange that has forgotten everything else: after a crash, that of a paid
//! leg is read back from the disk.

use std::sync::Arc;
use std::time::Instant;

use sipx_sip::{HeaderName, Method};

use super::Endpoint;
use super::build::{Draft, request_uri, via};
use super::table::Asks;
use super::uac::reason_header;
use crate::digest::Credentials;
use crate::event::{RequestId, SessionId};
use crate::flow::Flow;
use crate::limits;
use crate::uri::Uri;

/// A dialog as the side that may hang it up knows it (RFC 3261 §12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The way to the peer; for a stream its connection is gone, and a new one is opened.
    pub flow: Flow,
    /// Its Call-ID.
    pub call_id: String,
    /// Value of our From, tag included.
    pub local: String,
    /// Value of our To, the peer's tag included.
    pub remote: String,
    /// Request-URI: the peer's contact, or the first hop of a strict route.
    pub target: String,
    /// Values of our Route headers, in order.
    pub routes: Vec<String>,
    /// The last CSeq that is known to be used.
    pub cseq: u32,
}

impl<O> Endpoint<O> {
    /// What would be needed to hang this session up; none before it is up.
    #[must_use]
    pub fn leftover(&self, session: SessionId) -> Option<Leftover> {
        let s = self.sessions.get(&session).filter(|s| s.confirmed() && !s.announced)?;
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
        })
    }

    /// Hangs up what an exchange before us left behind. [`crate::Event::Response`] tells what came of it; nothing if the
    /// leftover makes no request.
    pub fn hang_up_leftover(
        &mut self,
        now: Instant,
        leftover: &Leftover,
        credentials: Option<Credentials>,
    ) -> Option<RequestId> {
        let target = Uri::parse(&leftover.target).ok()?;
        let mut flow = leftover.flow;
        flow.connection = 0;
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
