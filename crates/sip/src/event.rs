//! What the exchange is told ([`Event`]) and what it hands in ([`Config`], [`Invite`], [`Doorman`]).
//!
//! One INVITE is one *session*, whichever side sent it: its dialogs, its offer and answer, the
//! repeated 2xx, the ACK and the BYE. **Every session ends with exactly one terminal event**:
//! [`Event::Cancelled`], [`Event::Rejected`] or [`Event::Ended`]. Next: [`crate::endpoint`].

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::digest::Credentials;
use crate::flow::Flow;
use crate::header::HeaderList;
use crate::limits::Limits;
use crate::message::{Method, NameAddr, Request};
use crate::uri::Uri;

/// An INVITE session; never used twice by one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// A request of a peer that waits for our answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TxnId(pub u64);

/// A request of ours that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Which of several phones behind a forking proxy speaks: 0 for the first that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForkTag(pub u8);

/// A packet to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The way to take; for a stream, the connection to write to.
    pub flow: Flow,
    /// The bytes.
    pub bytes: Bytes,
}

/// Why a session ended, when it was not cancelled or rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The peer hung up. The cause is that of his Reason header (RFC 3326, Q.850), if he gave one.
    Bye {
        /// Q.850 cause, 1 to 127.
        reason_cause: Option<u16>,
    },
    /// We hung up or refused.
    Local,
    /// Nobody answered in time (a PRACK, a re-INVITE, or the whole ringing phase).
    Timeout,
    /// Our 2xx was never acknowledged (RFC 3261 §13.3.1.4).
    NoAck,
    /// The connection went away and did not come back.
    TransportLost,
    /// The peer no longer knows the dialog (481 or 408 to a request of ours).
    Gone,
}

/// What happened. `O` is what the [`Doorman`] found out about the sender.
#[derive(Debug, Clone)]
pub enum Event<O> {
    /// A request outside dialogs (REGISTER, MESSAGE, SUBSCRIBE …): answer it with `respond`.
    Request {
        /// To answer it.
        txn: TxnId,
        /// Who sent it.
        origin: O,
        /// What he sent.
        request: Request,
        /// The way it came.
        flow: Flow,
    },
    /// A call comes in; 100 is already sent. Go on with `ring`, `accept` or `reject`.
    Invite {
        /// The session.
        session: SessionId,
        /// Who calls.
        origin: O,
        /// The INVITE.
        request: Request,
        /// The way it came.
        flow: Flow,
        /// The SDP offer; without one, `accept` makes the offer and the answer comes with the ACK.
        offer: Option<Bytes>,
    },
    /// The caller hung up before our answer. Terminal.
    Cancelled {
        /// The session.
        session: SessionId,
    },
    /// The ACK to our 2xx arrived: the call is up.
    Confirmed {
        /// The session.
        session: SessionId,
        /// The SDP answer, when the offer was ours.
        answer: Option<Bytes>,
    },
    /// Our INVITE went out once more (with credentials, or for a longer session interval): what
    /// [`crate::Endpoint::leftover`] said of it is out of date.
    Resent {
        /// The session.
        session: SessionId,
    },
    /// A provisional answer (101 to 199) to our INVITE.
    Progress {
        /// The session.
        session: SessionId,
        /// 101 to 199.
        status: u16,
        /// His words.
        reason: String,
        /// Early media.
        sdp: Option<Bytes>,
        /// Which phone.
        fork: ForkTag,
    },
    /// The called side answered; the ACK is already sent.
    Answered {
        /// The session.
        session: SessionId,
        /// The SDP answer (of this response, or of an earlier reliable one of the same phone).
        sdp: Option<Bytes>,
        /// Headers that may be carried on.
        headers: HeaderList,
        /// Which phone.
        fork: ForkTag,
    },
    /// Our INVITE failed; 408 stands for silence, 503 for a lost connection. Terminal.
    Rejected {
        /// The session.
        session: SessionId,
        /// 300 to 699.
        status: u16,
        /// His words.
        reason: String,
        /// Headers that may be carried on.
        headers: HeaderList,
        /// Seconds of Retry-After.
        retry_after: Option<u32>,
        /// Contacts of a 3xx, best first. Never followed by this crate.
        contacts: Vec<NameAddr>,
    },
    /// A re-INVITE or UPDATE: answer it with `respond_offer`.
    Offer {
        /// The session.
        session: SessionId,
        /// To answer it.
        txn: TxnId,
        /// The offer; `None` asks us to make one.
        sdp: Option<Bytes>,
        /// Whether it came by UPDATE (or PRACK) and not by re-INVITE.
        update: bool,
    },
    /// The answer to an offer of ours inside the session.
    Answer {
        /// The session.
        session: SessionId,
        /// The answer.
        sdp: Bytes,
    },
    /// Our offer inside the session failed; the session goes on as before.
    OfferFailed {
        /// The session.
        session: SessionId,
        /// 300 to 699.
        status: u16,
    },
    /// INFO, REFER, NOTIFY, MESSAGE …: answer it with `respond`.
    InDialog {
        /// The session.
        session: SessionId,
        /// To answer it.
        txn: TxnId,
        /// What he sent.
        request: Request,
    },
    /// The answer to a `request` or `request_in_dialog` of ours (only final ones).
    Response {
        /// Which request.
        id: RequestId,
        /// 200 to 699; 408 stands for silence, 503 for a lost connection.
        status: u16,
        /// His words.
        reason: String,
        /// The whole response, when one arrived.
        response: Option<crate::message::Response>,
    },
    /// A peer says that our packets come from elsewhere than we thought: there is a router in front of us. Whether it is
    /// believed is up to the exchange ([`crate::Endpoint::seen_by`]).
    SeenAs {
        /// The way to the peer.
        flow: Flow,
        /// What it saw.
        address: std::net::SocketAddr,
    },
    /// The session is over. Terminal.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        cause: End,
    },
}

/// A subscription of a peer (RFC 6665).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub(crate) u64);

/// What a subscription is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// The event package.
    pub package: &'static str,
    /// Whose: the account that proved itself, and what it asks about, as the exchange spells it.
    pub of: String,
}

/// What to do with a request that belongs to no transaction and no dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admit<O> {
    /// Let it in.
    Accept(O),
    /// Answer it and keep nothing: no transaction, no timer (a challenge, a refusal).
    Reply {
        /// 200 to 699.
        status: u16,
        /// The words.
        reason: String,
        /// More headers, such as WWW-Authenticate.
        headers: HeaderList,
    },
    /// Say nothing.
    Drop,
}

/// Stands before all state: asked once for each request that belongs to no transaction and no
/// dialog. OPTIONS that it accepts are answered without state as well.
pub trait Doorman<O> {
    /// Who is it, and may he come in?
    fn admit(&mut self, now: Instant, request: &Request, flow: &Flow) -> Admit<O>;

    /// Whether a peer that is known (a trunk, a registered phone) is at this address: what comes from there does not
    /// share the rate of all strangers together. Asked for every packet, before it is parsed.
    fn knows(&self, flow: &Flow) -> bool {
        let _ = flow;
        false
    }

    /// Whether this sender may have the places that are kept for those who are known.
    fn goes_first(&self, origin: &O) -> bool {
        let _ = origin;
        false
    }

    /// How many requests of one source may wait for our answer at the same time.
    fn allowance(&self, origin: &O) -> usize {
        let _ = origin;
        crate::limits::PENDING_PER_SOURCE
    }
}

/// What address a peer outside our own networks is told to reach us at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertise {
    /// The public address of the router in front of us.
    pub public: IpAddr,
    /// Networks whose members are told our own address: (address, prefix length).
    pub local_networks: Vec<(IpAddr, u8)>,
}

/// How an endpoint is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// User-Agent and Server header; empty sends none.
    pub user_agent: String,
    /// Host names that are ours (realm, domain), in lower case.
    pub names: Vec<String>,
    /// Behind NAT: what to advertise to whom.
    pub advertise: Option<Advertise>,
    /// By peer: the address and port that it sees us at, and is told; see [`crate::Endpoint::seen_by`].
    pub mapped: std::collections::BTreeMap<std::net::SocketAddr, std::net::SocketAddr>,
    /// The bounds.
    pub limits: Limits,
    /// All randomness is derived from this; make it fresh at each start, or call
    /// [`crate::Endpoint::reseed`].
    pub secret: [u8; 32],
}

impl Config {
    /// The usual configuration with this secret.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            user_agent: String::from("tollgate"),
            names: Vec::new(),
            advertise: None,
            mapped: std::collections::BTreeMap::new(),
            limits: Limits::default(),
            secret,
        }
    }
}

/// Display name and address of a From or To that we write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The name people see; quoted for the wire, control characters become spaces.
    pub display: Option<String>,
    /// The user part, any text without control characters; empty for an address without user.
    pub user: String,
    /// The host: a name or an address.
    pub host: String,
}

impl Party {
    /// A party without a display name.
    #[must_use]
    pub fn new(user: impl Into<String>, host: impl Into<String>) -> Self {
        Self { display: None, user: user.into(), host: host.into() }
    }

    /// RFC 2543's way to say nothing: `"Anonymous" <sip:anonymous@anonymous.invalid>` (RFC 3323 §4.1.1.3).
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            display: Some(String::from("Anonymous")),
            user: String::from("anonymous"),
            host: String::from("anonymous.invalid"),
        }
    }
}

/// An outgoing call.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The way to the peer.
    pub flow: Flow,
    /// The Request-URI.
    pub target: Uri,
    /// Who calls.
    pub from: Party,
    /// Who is called; `None` takes the target.
    pub to: Option<Party>,
    /// Routes to preload (an outbound proxy's URI with `lr`).
    pub routes: Vec<Uri>,
    /// The offer.
    pub sdp: Bytes,
    /// More headers; those that [`crate::message::is_carried`] does not allow are left out.
    pub headers: HeaderList,
    /// Answers challenges of this realm and of no other, before it rings and not after.
    pub credentials: Option<Credentials>,
    /// How long it may take until anything at all is heard; none: timer B (32 s).
    pub patience: Option<Duration>,
    /// Hops that are left (the incoming leg's less one), 70 for a fresh call.
    pub max_forwards: u8,
}

/// An outgoing request outside any dialog (REGISTER, OPTIONS, MESSAGE …).
#[derive(Debug, Clone)]
pub struct OutRequest {
    /// The way to the peer.
    pub flow: Flow,
    /// The method; not INVITE, ACK or CANCEL.
    pub method: Method,
    /// The Request-URI.
    pub target: Uri,
    /// Who asks.
    pub from: Party,
    /// About whom.
    pub to: Party,
    /// Routes to preload.
    pub routes: Vec<Uri>,
    /// The user part of our Contact (for REGISTER the line's name); `None` sends no Contact.
    pub contact_user: Option<String>,
    /// The Expires header in seconds.
    pub expires: Option<u32>,
    /// More headers; unlike INVITE's, any that this crate does not write by itself.
    pub headers: HeaderList,
    /// Content type and body.
    pub body: Option<(String, Bytes)>,
    /// Answers challenges of this realm and of no other.
    pub credentials: Option<Credentials>,
    /// Call-ID and CSeq of an earlier request to go on with (REGISTER refreshes, RFC 3261 §10.2).
    pub continues: Option<(String, u32)>,
}
