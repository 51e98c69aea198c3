//! Requests of ours outside dialogs: REGISTER to a trunk, OPTIONS, MESSAGE.

use std::sync::Arc;
use std::time::Instant;

use sipx_sip::{HeaderName, Method};

use super::Endpoint;
use super::build::{Draft, contact, name_addr, request_uri, via};
use super::table::Asks;
use crate::event::{Event, OutRequest, RequestId};
use crate::flow::Flow;
use crate::limits;

impl<O> Endpoint<O> {
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
        let contact = r.contact_user.map(|user| contact(&self.config, &flow, Some(&user), r.target.scheme() == "sips"));
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
