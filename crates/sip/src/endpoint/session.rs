//! One INVITE session: its phase, its dialogs (RFC 3261 §12) and what is under way inside it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sipx_sip::headers::RecordRoute;
use sipx_sip::{HeaderName, Method};

use super::build::Draft;
use super::timers::Handle;
use crate::event::SessionId;
use crate::flow::Flow;
use crate::header::HeaderList;
use crate::limits;
use crate::message::{Request, Response, target};
use crate::uri::Uri;

/// The timers of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// Repeat our 2xx until the ACK comes (RFC 3261 §13.3.1.4).
    Repeat2xx,
    /// Repeat our reliable provisional until the PRACK comes (RFC 3262 §3).
    Repeat1xx,
    /// Tell the caller's proxies that it still rings (RFC 3261 §13.3.1.1).
    Refresh,
    /// It rang too long, or a CANCEL brought no final answer (RFC 3261 §9.1).
    GiveUp,
    /// Try our offer again after a glare (RFC 3261 §14.1).
    Glare,
    /// The connection did not come back.
    Lost,
    /// Nothing at all was heard of our INVITE.
    Silent,
    /// The session is to be refreshed by us (RFC 4028 §7.2).
    Renew,
    /// Nobody refreshed the session (RFC 4028 §10).
    Expire,
}

/// One dialog; the caller's side has one for each phone that a proxy forked to.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub(crate) fork: u8,
    pub(crate) remote_tag: String,
    /// Value of the To header of our requests, tag included.
    pub(crate) remote: String,
    pub(crate) target: Uri,
    /// Route values in the order of our requests.
    pub(crate) routes: Vec<Uri>,
    pub(crate) remote_cseq: Option<u32>,
    /// The last reliable provisional that we acknowledged.
    pub(crate) rseq: Option<u32>,
    /// The SDP answer, when it came in a reliable provisional.
    pub(crate) answer: Option<Bytes>,
}

impl Dialog {
    /// The dialog that a request with a From tag opens (RFC 3261 §12.1.1).
    pub(crate) fn of_request(request: &Request) -> Option<Self> {
        let target = target(&request.raw().headers)?;
        let from = request.raw().headers.value(&HeaderName::From)?;
        Some(Self {
            fork: 0,
            remote_tag: request.from().tag().to_owned(),
            remote: String::from_utf8_lossy(&from).into_owned(),
            target,
            routes: recorded(&request.raw().headers, false)?,
            remote_cseq: Some(request.cseq()),
            rseq: None,
            answer: None,
        })
    }

    /// The dialog that a response opens (RFC 3261 §12.1.2). A missing Contact leaves the address
    /// that was called.
    pub(crate) fn of_response(called: &Uri, response: &Response, fork: u8) -> Option<Self> {
        let to = response.raw().headers.value(&HeaderName::To)?;
        Some(Self {
            fork,
            remote_tag: response.to().tag().to_owned(),
            remote: String::from_utf8_lossy(&to).into_owned(),
            target: target(&response.raw().headers).unwrap_or_else(|| called.clone()),
            routes: recorded(&response.raw().headers, true)?,
            remote_cseq: None,
            rseq: None,
            answer: None,
        })
    }

    /// Request-URI and Route headers of a request in this dialog (RFC 3261 §12.2.1.1).
    pub(crate) fn path(&self) -> (&Uri, Vec<String>) {
        let all = |uris: &[Uri]| uris.iter().map(|u| format!("<{u}>")).collect::<Vec<_>>();
        match self.routes.split_first() {
            Some((first, rest)) if first.param("lr").is_none() => {
                // A strict router: it is the Request-URI, our target comes last.
                let mut routes = all(rest);
                routes.push(format!("<{}>", self.target));
                (first, routes)
            }
            _ => (&self.target, all(&self.routes)),
        }
    }
}

/// The recorded route, `None` if it is malformed or longer than [`limits::ROUTES`].
fn recorded(headers: &sipx_sip::Headers, reverse: bool) -> Option<Vec<Uri>> {
    let mut routes = Vec::new();
    for route in headers.typed_all::<RecordRoute>() {
        let uri = Uri::from_sipx(route.ok()?.0.uri);
        if routes.len() >= limits::ROUTES || !uri.is_sip() {
            return None;
        }
        routes.push(uri);
    }
    if reverse {
        routes.reverse();
    }
    Some(routes)
}

/// A reliable provisional of ours that waits for its PRACK.
#[derive(Debug)]
pub(crate) struct Unpracked {
    pub(crate) rseq: u32,
    pub(crate) bytes: Bytes,
    pub(crate) interval: Duration,
    pub(crate) until: Instant,
    pub(crate) sdp: bool,
}

/// What we told a caller who is not answered yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) txn: u64,
    pub(crate) invite: Request,
    /// The caller requires reliable provisionals.
    pub(crate) reliable: bool,
    pub(crate) rseq: u32,
    pub(crate) unpracked: Option<Unpracked>,
    /// The next provisional, when one is still unacknowledged.
    pub(crate) queued: Option<(u16, Option<Bytes>)>,
    /// The answer, when it has to wait for a PRACK.
    pub(crate) held: Option<(Bytes, HeaderList)>,
    pub(crate) last: Option<(u16, Option<Bytes>)>,
    /// Our answer to the caller's offer already went out reliably.
    pub(crate) answered: bool,
}

/// Our INVITE that is not answered yet.
#[derive(Debug)]
pub(crate) struct Calling {
    pub(crate) txn: u64,
    /// A provisional came, so CANCEL may be sent (RFC 3261 §9.1).
    pub(crate) heard: bool,
    pub(crate) cancelled: bool,
    pub(crate) cancel_sent: bool,
    pub(crate) target: Uri,
}

#[derive(Debug)]
pub(crate) enum Phase {
    Incoming(Box<Incoming>),
    Calling(Calling),
    Up,
}

/// Our 2xx that waits for its ACK.
#[derive(Debug)]
pub(crate) struct Unacked {
    pub(crate) cseq: u32,
    pub(crate) bytes: Bytes,
    pub(crate) interval: Duration,
    pub(crate) until: Instant,
    /// It answers the first INVITE.
    pub(crate) first: bool,
    /// The offer was ours, the answer comes with the ACK.
    pub(crate) offered: bool,
}

/// Our re-INVITE or UPDATE that is under way.
#[derive(Debug)]
pub(crate) struct OurOffer {
    pub(crate) update: bool,
    pub(crate) sdp: Bytes,
    pub(crate) glares: u8,
    /// Sent and not answered; else it waits for its next try after a glare.
    pub(crate) sent: bool,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) flow: Flow,
    pub(crate) call_id: String,
    pub(crate) caller: bool,
    pub(crate) local_tag: String,
    /// Value of the From header of our requests, tag included.
    pub(crate) local: String,
    pub(crate) contact_user: Option<String>,
    /// It was begun with a `sips:` address, so our Contact is one.
    pub(crate) secure: bool,
    pub(crate) local_cseq: u32,
    pub(crate) dialogs: Vec<Dialog>,
    pub(crate) phase: Phase,
    pub(crate) unacked: Option<Unacked>,
    pub(crate) our_offer: Option<OurOffer>,
    /// The peer's offer that waits for our answer.
    pub(crate) their_offer: Option<u64>,
    /// Other requests of the peer that wait.
    pub(crate) waiting: Vec<u64>,
    /// We hung up before the ACK came (RFC 3261 §15).
    pub(crate) bye_wanted: Option<Option<u16>>,
    pub(crate) alarms: BTreeMap<Alarm, Handle>,
    /// The session timer.
    pub(crate) clockwork: super::timer::Clockwork,
    /// Our last description, to be repeated by a refresh.
    pub(crate) said: Option<Bytes>,
    /// The terminal event is out.
    pub(crate) announced: bool,
    /// To be forgotten.
    pub(crate) dead: bool,
}

impl Session {
    /// One of ours whose INVITE is out.
    pub(crate) fn calling(id: SessionId, flow: Flow, call: Calling) -> Self {
        Self {
            id,
            flow,
            call_id: String::new(),
            caller: true,
            local_tag: String::new(),
            local: String::new(),
            contact_user: None,
            secure: call.target.scheme() == "sips",
            local_cseq: 0,
            dialogs: Vec::new(),
            phase: Phase::Calling(call),
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
        }
    }

    /// Whether the call is up and acknowledged.
    pub(crate) fn confirmed(&self) -> bool {
        matches!(self.phase, Phase::Up) && !self.unacked.as_ref().is_some_and(|u| u.first)
    }

    /// Whether an offer of ours is under way (RFC 3261 §14.2: the peer's gets 491 then).
    pub(crate) fn offering(&self) -> bool {
        self.our_offer.as_ref().is_some_and(|o| o.sent)
    }

    /// Whether the Call-ID is ours.
    pub(crate) fn is_caller(&self) -> bool {
        self.caller
    }

    pub(crate) fn dialog(&self, remote_tag: &str) -> Option<usize> {
        self.dialogs.iter().position(|d| d.remote_tag == remote_tag)
    }

    /// The head of a request inside a dialog, its CSeq counted.
    pub(crate) fn draft(&mut self, dialog: &Dialog, method: &Method, via: String) -> Draft {
        self.local_cseq = self.local_cseq.saturating_add(1);
        let cseq = self.local_cseq;
        self.draft_with(dialog, method, via, cseq)
    }

    /// As [`Self::draft`] with a given CSeq, for ACK.
    pub(crate) fn draft_with(&self, dialog: &Dialog, method: &Method, via: String, cseq: u32) -> Draft {
        let (_, routes) = dialog.path();
        let mut draft = Draft::default().put(HeaderName::Via, via);
        for route in routes {
            draft = draft.put(HeaderName::Route, route);
        }
        draft
            .put(HeaderName::MaxForwards, "70")
            .put(HeaderName::From, self.local.clone())
            .put(HeaderName::To, dialog.remote.clone())
            .put(HeaderName::CallId, self.call_id.clone())
            .put(HeaderName::CSeq, format!("{cseq} {method}"))
    }
}
