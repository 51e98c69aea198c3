//! Two endpoints, one clock that we own, and a wire between them that may lose, repeat and delay.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::{Admit, Config, Doorman, Endpoint, Event, Flow, Invite, Party, Request, SessionId, Transport, Uri};

/// Lets everybody in, as who he is: his address.
pub struct Open;

impl Doorman<SocketAddr> for Open {
    fn admit(&mut self, _: Instant, _: &Request, flow: &Flow) -> Admit<SocketAddr> {
        Admit::Accept(flow.remote)
    }
}

/// A small generator for the wire's whims.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }
}

pub const A: usize = 0;
pub const B: usize = 1;

pub fn address(side: usize) -> SocketAddr {
    format!("127.0.0.{}:5060", side + 1).parse().unwrap()
}

pub struct Pair {
    pub now: Instant,
    pub start: Instant,
    pub ends: Vec<Endpoint<SocketAddr>>,
    pub events: Vec<Vec<Event<SocketAddr>>>,
    pub sent: Vec<(usize, String)>,
    wire: BTreeMap<(Instant, u64), (Flow, Bytes)>,
    count: u64,
    pub dice: Dice,
    /// Out of a thousand.
    pub loss: u64,
    pub repeat: u64,
    pub delay_ms: u64,
    pub jitter_ms: u64,
    pub transport: Transport,
}

impl Pair {
    pub fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            now,
            start: now,
            ends: [1u8, 2].map(|n| Endpoint::new(Config::new([n; 32]))).into(),
            events: vec![Vec::new(), Vec::new()],
            sent: Vec::new(),
            wire: BTreeMap::new(),
            count: 0,
            dice: Dice(seed),
            loss: 0,
            repeat: 0,
            delay_ms: 5,
            jitter_ms: 0,
            transport: Transport::Udp,
        }
    }

    pub fn flow(&self, from: usize) -> Flow {
        Flow {
            transport: self.transport,
            local: address(from),
            remote: address(1 - from),
            connection: u64::from(self.transport != Transport::Udp),
        }
    }

    pub fn invite(&mut self, from: usize, sdp: &str) -> SessionId {
        let invite = self.invitation(from, sdp);
        let now = self.now;
        let id = self.ends[from].invite(now, invite);
        self.flush();
        id
    }

    pub fn invitation(&self, from: usize, sdp: &str) -> Invite {
        Invite {
            flow: self.flow(from),
            target: Uri::sip(Some("204"), &address(1 - from).ip().to_string(), None).unwrap(),
            from: Party::new("100", "example.com"),
            to: None,
            routes: Vec::new(),
            sdp: Bytes::copy_from_slice(sdp.as_bytes()),
            headers: Vec::new(),
            credentials: None,
            patience: None,
            max_forwards: 70,
        }
    }

    /// Moves what the endpoints want to send onto the wire, and their events into the lists.
    pub fn flush(&mut self) {
        for side in [A, B] {
            while let Some(t) = self.ends[side].poll_transmit() {
                assert_eq!(t.flow.remote, address(1 - side), "a packet for somebody else");
                self.sent.push((side, String::from_utf8_lossy(&t.bytes).into_owned()));
                if self.transport == Transport::Udp && self.dice.below(1000) < self.loss {
                    continue;
                }
                let copies = 1 + u64::from(self.dice.below(1000) < self.repeat);
                for _ in 0..copies {
                    let ms = self.delay_ms + self.dice.below(self.jitter_ms + 1);
                    self.count += 1;
                    let flow = Flow { local: t.flow.remote, remote: t.flow.local, ..t.flow };
                    let at = self.now + Duration::from_millis(ms);
                    self.wire.insert((at, self.count), (flow, t.bytes.clone()));
                }
            }
            while let Some(e) = self.ends[side].poll_event() {
                self.events[side].push(e);
            }
        }
    }

    pub fn next_at(&self) -> Option<Instant> {
        let wire = self.wire.first_key_value().map(|((at, _), _)| *at);
        let timers = self.ends.iter().filter_map(Endpoint::poll_timeout).min();
        wire.into_iter().chain(timers).min()
    }

    /// One thing happens; `false` when nothing is left before `until`.
    pub fn step(&mut self, until: Instant) -> bool {
        self.flush();
        let Some(at) = self.next_at().filter(|at| *at <= until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(at);
        if let Some(entry) = self.wire.first_entry()
            && entry.key().0 <= self.now
        {
            let (flow, bytes) = entry.remove();
            let side = if flow.local == address(A) { A } else { B };
            let now = self.now;
            self.ends[side].receive(now, flow, &bytes, &mut Open);
        } else {
            let now = self.now;
            for end in &mut self.ends {
                end.timeout(now);
            }
        }
        self.flush();
        true
    }

    pub fn run(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while self.step(until) {}
    }

    /// Takes the events of a side.
    pub fn take(&mut self, side: usize) -> Vec<Event<SocketAddr>> {
        self.flush();
        std::mem::take(&mut self.events[side])
    }

    /// Runs for a little and gives the one session that came in.
    pub fn incoming(&mut self, side: usize) -> SessionId {
        self.run(20);
        let found = self.events[side].iter().find_map(|e| match e {
            Event::Invite { session, .. } => Some(*session),
            _ => None,
        });
        found.expect("an INVITE")
    }

    /// A call that is up: (session of the caller A, session of the called B).
    pub fn up(&mut self) -> (SessionId, SessionId) {
        let a = self.invite(A, "offer");
        let b = self.incoming(B);
        let now = self.now;
        assert!(self.ends[B].ring(now, b, 180, None));
        assert!(self.ends[B].accept(now, b, Bytes::from_static(b"answer"), vec![]));
        self.run(50);
        assert!(
            self.events[A].iter().any(|e| matches!(e, Event::Answered { sdp: Some(s), .. } if s == "answer")),
            "{:?}",
            self.events[A]
        );
        assert!(self.events[B].iter().any(|e| matches!(e, Event::Confirmed { .. })), "{:?}", self.events[B]);
        self.events = vec![Vec::new(), Vec::new()];
        (a, b)
    }

    /// After all timers nothing may be left.
    pub fn assert_empty(&mut self) {
        self.run(2_000_000);
        for (side, end) in self.ends.iter().enumerate() {
            let s = end.stats();
            assert_eq!(
                (s.server_transactions, s.client_transactions, s.sessions, s.dialogs, s.indexes, s.timers, s.queued),
                (0, 0, 0, 0, 0, 0, 0),
                "side {side}: {s:?}"
            );
        }
    }

    pub fn count_sent(&self, side: usize, start: &str) -> usize {
        self.sent.iter().filter(|(s, m)| *s == side && m.starts_with(start)).count()
    }
}

/// Session and kind of a terminal event.
pub fn terminal(event: &Event<SocketAddr>) -> Option<(SessionId, &'static str)> {
    match event {
        Event::Cancelled { session } => Some((*session, "cancelled")),
        Event::Rejected { session, .. } => Some((*session, "rejected")),
        Event::Ended { session, .. } => Some((*session, "ended")),
        _ => None,
    }
}
