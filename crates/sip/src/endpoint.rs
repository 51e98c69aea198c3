//! The endpoint: one per exchange, all flows together.
//!
//! `receive.rs` checks what comes in and finds whom it concerns; `table.rs` holds the transactions,
//! `run.rs` and `replies.rs` drive them; `session.rs` is a call, `uas.rs` its called side, `uac.rs`
//! its calling side and `answered.rs` the end of that, `inside.rs` and `offers.rs` what happens within
//! its dialog, `outside.rs` requests without one; `build.rs` writes messages.

mod answered;
mod build;
mod inside;
mod leftover;
mod offers;
mod outside;
mod receive;
mod replies;
mod run;
mod salvage;
mod session;
mod subscribe;
mod table;
mod timer;
mod timers;
mod uac;
mod uas;

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use crate::event::{Config, Event, RequestId, SessionId, SubscriptionId, Transmit};
use crate::flow::Flow;
use crate::limits::Buckets;
use crate::rng::{Rng, prf};
pub use leftover::Leftover;
use session::{Alarm, Session};
pub use subscribe::Content;
use subscribe::Subscriptions;
use table::Table;
use timers::Timers;

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
    /// Subscriptions of peers.
    pub subscriptions: usize,
    /// Entries of the indexes over all of these.
    pub indexes: usize,
    /// Timers that are set.
    pub timers: usize,
    /// Packets and events not yet fetched.
    pub queued: usize,
    /// Packets dropped by the buckets since the start.
    pub dropped: u64,
    /// Transactions that there is room for without asking the system for more.
    pub room: usize,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy)]
enum Due {
    Machine(u64, sipx_sip::transaction::Timer),
    /// Nobody answered this request of a peer.
    Abandoned(u64),
    Session(SessionId, Alarm),
    /// A subscription runs out.
    Subscription(SubscriptionId),
}

/// A SIP user agent, both sides, for many calls.
#[derive(Debug)]
pub struct Endpoint<O> {
    config: Config,
    rng: Rng,
    /// Signs the To tags of stateless answers.
    tag_key: [u8; 32],
    buckets: Buckets,
    table: Table,
    timers: Timers<Due>,
    sessions: HashMap<SessionId, Box<Session>>,
    /// Our tag of each session.
    tags: HashMap<String, SessionId>,
    subscriptions: Subscriptions,
    last_session: u64,
    last_request: u64,
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
            tag_key: prf(&config.secret, &[b"tag"]),
            buckets: Buckets::new(limits.packets_per_second, limits.packets_burst),
            table: Table::default(),
            timers: Timers::new(),
            sessions: HashMap::new(),
            tags: HashMap::new(),
            subscriptions: Subscriptions::default(),
            last_session: 0,
            last_request: 0,
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

    /// Tells peers another address (a public one that was just learned). What peers saw us at before is out of date with it.
    pub fn advertise(&mut self, advertise: Option<crate::event::Advertise>) {
        if let Some(new) = &advertise
            && self.config.advertise.as_ref().map(|old| old.public) != Some(new.public)
        {
            self.config.mapped.retain(|_, seen| seen.ip() == new.public);
        }
        self.config.advertise = advertise;
    }

    /// Believes a peer about where our datagrams to it come from, and tells it that address from now on; `None` ends that.
    pub fn seen_by(&mut self, peer: std::net::SocketAddr, address: Option<std::net::SocketAddr>) {
        match address {
            Some(address)
                if self.config.mapped.len() < crate::limits::GRANTS || self.config.mapped.contains_key(&peer) =>
            {
                self.config.mapped.insert(peer, address);
            }
            Some(_) => {}
            None => {
                self.config.mapped.remove(&peer);
            }
        }
    }

    /// Compares what a peer saw with what we know.
    fn note_seen(&mut self, flow: Flow, response: &crate::message::Response) {
        if flow.transport != crate::flow::Transport::Udp {
            return;
        }
        let Some(address) = response.seen_as() else { return };
        let mut ours = flow.local;
        ours.set_ip(ours.ip().to_canonical());
        let known = self.config.mapped.get(&flow.remote).copied().unwrap_or(ours);
        if address != known {
            self.emit(Event::SeenAs { flow, address });
        }
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Instant) {
        self.table.slim();
        while let Some((handle, due)) = self.timers.pop(now) {
            match due {
                Due::Machine(txn, timer) => self.on_machine_timer(now, txn, timer, handle),
                Due::Subscription(id) => self.end_subscription(now, id, Some("timeout")),
                Due::Abandoned(txn) => self.on_abandoned(now, txn),
                Due::Session(session, alarm) => {
                    self.with_session(session, |ep, s| {
                        s.alarms.remove(&alarm);
                        ep.on_alarm(now, s, alarm);
                    });
                }
            }
        }
    }

    /// When [`Self::timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
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
        let (server_transactions, client_transactions) = self.table.counts();
        Stats {
            server_transactions,
            client_transactions,
            sessions: self.sessions.len(),
            dialogs: self.sessions.values().map(|s| s.dialogs.len()).sum(),
            subscriptions: self.subscriptions.len(),
            indexes: self.table.index_len() + self.tags.len() + self.subscriptions.index_len(),
            timers: self.timers.len(),
            queued: self.packets.len() + self.events.len(),
            dropped: self.buckets.dropped(),
            room: self.table.room(),
        }
    }

    fn send(&mut self, flow: Flow, bytes: Bytes) {
        if self.packets.len() >= crate::limits::QUEUE {
            // Nobody fetches: a lost packet is repeated, memory is not.
            return;
        }
        self.packets.push_back(Transmit { flow, bytes });
    }

    fn emit(&mut self, event: Event<O>) {
        self.events.push_back(event);
    }

    fn new_session_id(&mut self) -> SessionId {
        self.last_session += 1;
        SessionId(self.last_session)
    }

    fn new_request_id(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }

    fn new_branch(&mut self) -> String {
        format!("z9hG4bK{}", self.rng.token())
    }

    /// Takes a session out, lets `f` work on it and on the endpoint, and puts it back unless it died.
    fn with_session<R>(&mut self, id: SessionId, f: impl FnOnce(&mut Self, &mut Session) -> R) -> Option<R> {
        let mut session = self.sessions.remove(&id)?;
        let result = f(self, &mut session);
        if session.dead {
            self.bury(&mut session);
        } else {
            self.sessions.insert(id, session);
        }
        Some(result)
    }

    fn bury(&mut self, session: &mut Session) {
        self.tags.remove(&session.local_tag);
        for (_, handle) in std::mem::take(&mut session.alarms) {
            self.timers.clear(handle);
        }
    }

    fn set_alarm(&mut self, session: &mut Session, alarm: Alarm, at: Instant) {
        self.clear_alarm(session, alarm);
        let handle = self.timers.set(at, Due::Session(session.id, alarm));
        session.alarms.insert(alarm, handle);
    }

    fn clear_alarm(&mut self, session: &mut Session, alarm: Alarm) {
        if let Some(handle) = session.alarms.remove(&alarm) {
            self.timers.clear(handle);
        }
    }

    /// The one door for terminal events.
    fn finish(&mut self, session: &mut Session, event: Event<O>) {
        // INVARIANT: one terminal event per session.
        if !session.announced {
            session.announced = true;
            self.emit(event);
        }
    }
}
