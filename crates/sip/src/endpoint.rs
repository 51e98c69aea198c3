//! The endpoint: one per exchange, all flows together.
//!
//! Bytes and time in, packets and events out.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::event::{Config, Doorman, Event, Invite, OutRequest, RequestId, SessionId, Transmit, TxnId};
use crate::flow::Flow;
use crate::header::HeaderList;
use crate::limits::Buckets;
use crate::message::Method;
use crate::rng::Rng;

/// How much an endpoint holds, for tests and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Transactions of requests from peers, waiting or lingering.
    pub server_transactions: usize,
    /// Transactions of requests of ours.
    pub client_transactions: usize,
    /// INVITE sessions.
    pub sessions: usize,
    /// Dialogs, early ones included.
    pub dialogs: usize,
    /// Timers that are set.
    pub timers: usize,
    /// Packets and events not yet fetched.
    pub queued: usize,
    /// Packets dropped by the buckets since the start.
    pub dropped: u64,
}

/// A SIP user agent, both sides, for many calls.
#[derive(Debug)]
pub struct Endpoint<O> {
    config: Config,
    rng: Rng,
    buckets: Buckets,
    packets: VecDeque<Transmit>,
    events: VecDeque<Event<O>>,
}

impl<O> Endpoint<O> {
    /// A fresh endpoint.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let limits = config.limits;
        Self {
            rng: Rng::new(&config.secret, "endpoint"),
            buckets: Buckets::new(limits.packets_per_second, limits.packets_burst),
            config,
            packets: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Mixes fresh entropy into the generator of tags, branches and Call-IDs.
    pub fn reseed(&mut self, entropy: &[u8]) {
        self.rng.reseed(entropy);
    }

    /// The buckets, to give trunks a rate of their own.
    pub fn buckets(&mut self) -> &mut Buckets {
        &mut self.buckets
    }

    /// A packet (UDP) or a message cut by [`crate::Framer`] (streams) came in.
    pub fn receive(&mut self, _now: Instant, _flow: Flow, _bytes: &[u8], _door: &mut impl Doorman<O>) {}

    /// A connection closed.
    pub fn closed(&mut self, _now: Instant, _connection: u64) {}

    /// Does what is due.
    pub fn timeout(&mut self, _now: Instant) {}

    /// When [`Self::timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.packets.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event<O>> {
        self.events.pop_front()
    }

    /// How much is held.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Answers a request of [`Event::Request`] or [`Event::InDialog`]. `false` when it is gone.
    pub fn respond(
        &mut self,
        _now: Instant,
        _txn: TxnId,
        _status: u16,
        _reason: &str,
        _headers: HeaderList,
        _body: Option<(&str, Bytes)>,
    ) -> bool {
        false
    }

    /// Rings (180) or plays early media (183).
    pub fn ring(&mut self, _now: Instant, _session: SessionId, _status: u16, _sdp: Option<Bytes>) -> bool {
        false
    }

    /// Answers a call with 200.
    pub fn accept(&mut self, _now: Instant, _session: SessionId, _sdp: Bytes, _headers: HeaderList) -> bool {
        false
    }

    /// Refuses a call (300 to 699).
    pub fn reject(
        &mut self,
        _now: Instant,
        _session: SessionId,
        _status: u16,
        _reason: &str,
        _headers: HeaderList,
    ) -> bool {
        false
    }

    /// Calls somebody. Failure of any kind comes as [`Event::Rejected`].
    pub fn invite(&mut self, _now: Instant, _invite: Invite) -> SessionId {
        SessionId(0)
    }

    /// Stops a call of ours that is not answered yet; [`Event::Rejected`] with 487 follows.
    pub fn cancel(&mut self, _now: Instant, _session: SessionId) -> bool {
        false
    }

    /// Offers new media by re-INVITE; `None` repeats nothing but asks for a refresh with the last SDP.
    pub fn reinvite(&mut self, _now: Instant, _session: SessionId, _sdp: Bytes) -> bool {
        false
    }

    /// Offers new media by UPDATE (RFC 3311).
    pub fn update(&mut self, _now: Instant, _session: SessionId, _sdp: Bytes) -> bool {
        false
    }

    /// Answers [`Event::Offer`]: the SDP, or a status from 300 to 699.
    pub fn respond_offer(&mut self, _now: Instant, _txn: TxnId, _answer: Result<Bytes, u16>) -> bool {
        false
    }

    /// Hangs up, whatever state the session is in. [`Event::Ended`] with [`crate::End::Local`]
    /// (or [`Event::Rejected`] for a call of ours that was not answered yet) follows.
    pub fn bye(&mut self, _now: Instant, _session: SessionId, _q850_cause: Option<u16>) -> bool {
        false
    }

    /// Sends INFO, REFER, NOTIFY … inside a session; the answer comes as [`Event::Response`].
    pub fn request_in_dialog(
        &mut self,
        _now: Instant,
        _session: SessionId,
        _method: Method,
        _headers: HeaderList,
        _body: Option<(&str, Bytes)>,
    ) -> Option<RequestId> {
        None
    }

    /// Sends a request outside dialogs; the answer comes as [`Event::Response`].
    pub fn request(&mut self, _now: Instant, _request: OutRequest) -> RequestId {
        RequestId(0)
    }
}
