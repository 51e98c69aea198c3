//! A whole endpoint and what happens to it: packets of several peers, orders of ours, time that passes.
//!
//! An input is a list of steps between lines `===`: `in N` followed by a packet of peer N, `wait MS`, `ring S`, `accept`,
//! `reject S`, `answer`, `bye`, `call`, `cancel`, `reinvite`, `update`. In packets `$TAG`, `$BRANCH`, `$CALL`, `$FROM`,
//! `$CSEQ`, `$RSEQ` stand for what the endpoint last sent, so that dialogs are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip::{Admit, Config, Doorman, Endpoint, Event, Flow, Invite, Party, Request, SessionId, TxnId, Uri};

use super::Outcome;

/// Most steps of one input.
const STEPS: usize = 40;

/// Lets everybody in but who calls himself `nobody`.
struct Door;

impl Doorman<SocketAddr> for Door {
    fn admit(&mut self, _: Instant, request: &Request, flow: &Flow) -> Admit<SocketAddr> {
        match request.from().user().as_deref() {
            Some("nobody") => Admit::Reply { status: 403, reason: String::new(), headers: Vec::new() },
            Some("silent") => Admit::Drop,
            _ => Admit::Accept(flow.remote),
        }
    }
}

/// What stands for `$…`.
#[derive(Default)]
struct Last {
    tag: String,
    branch: String,
    call: String,
    from: String,
    cseq: String,
    rseq: String,
}

impl Last {
    fn note(&mut self, packet: &str) {
        for line in packet.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let tag = || value.split(";tag=").nth(1).map(|tag| tag.trim().to_owned());
            match name {
                "To" => self.tag = tag().unwrap_or_default(),
                "From" => self.from = tag().unwrap_or_default(),
                "Call-ID" => value.trim().clone_into(&mut self.call),
                "CSeq" => value.trim().split(' ').next().unwrap_or_default().clone_into(&mut self.cseq),
                "RSeq" => value.trim().clone_into(&mut self.rseq),
                "Via" => {
                    let branch = value.split("branch=").nth(1).unwrap_or_default();
                    branch.split(';').next().unwrap_or_default().clone_into(&mut self.branch);
                }
                _ => {}
            }
        }
    }

    fn fill(&self, packet: &str) -> String {
        packet
            .replace("$TAG", &self.tag)
            .replace("$BRANCH", &self.branch)
            .replace("$CALL", &self.call)
            .replace("$FROM", &self.from)
            .replace("$CSEQ", &self.cseq)
            .replace("$RSEQ", &self.rseq)
    }
}

struct Bench {
    now: Instant,
    end: Endpoint<SocketAddr>,
    last: Last,
    /// Peers that spoke or were called: nobody else may ever be sent anything.
    peers: BTreeSet<SocketAddr>,
    sessions: BTreeMap<SessionId, bool>,
    waiting: Vec<TxnId>,
    offers: Vec<TxnId>,
    outcome: Outcome,
}

fn flow(peer: u8) -> Flow {
    Flow::udp("127.0.0.1:5060".parse().unwrap(), SocketAddr::from(([127, 0, 1, peer], 5060)))
}

impl Bench {
    fn pump(&mut self) {
        loop {
            let mut idle = true;
            while let Some(packet) = self.end.poll_transmit() {
                idle = false;
                assert!(
                    self.peers.contains(&packet.flow.remote),
                    "a packet to {}, who never spoke",
                    packet.flow.remote
                );
                let text = String::from_utf8_lossy(&packet.bytes);
                self.outcome.add(text.split(' ').nth(1).unwrap_or_default().chars().take(3).collect::<String>());
                self.last.note(&text);
            }
            while let Some(event) = self.end.poll_event() {
                idle = false;
                self.event(event);
            }
            if idle {
                return;
            }
        }
    }

    fn event(&mut self, event: Event<SocketAddr>) {
        let word = format!("{event:?}");
        self.outcome.add(word.split([' ', '(']).next().unwrap_or_default());
        match event {
            Event::Invite { session, .. } => assert!(self.sessions.insert(session, true).is_none()),
            Event::Request { txn, .. } | Event::InDialog { txn, .. } => self.waiting.push(txn),
            Event::Offer { txn, .. } => self.offers.push(txn),
            Event::Cancelled { session } | Event::Rejected { session, .. } | Event::Ended { session, .. } => {
                // INVARIANT: one terminal event for each session.
                assert_eq!(self.sessions.insert(session, false), Some(true), "{session:?} ended twice");
            }
            Event::Progress { session, .. } | Event::Answered { session, .. } | Event::Confirmed { session, .. } => {
                assert_eq!(self.sessions.get(&session), Some(&true), "{session:?} is over");
            }
            _ => {}
        }
    }

    fn time(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        let mut turns = 0;
        while let Some(at) = self.end.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.end.timeout(self.now);
            self.pump();
            turns += 1;
            assert!(turns < 100_000, "timers that never end");
        }
        self.now = until;
    }

    fn alive(&self) -> Vec<SessionId> {
        self.sessions.iter().filter(|(_, alive)| **alive).map(|(session, _)| *session).collect()
    }

    fn step(&mut self, step: &str) {
        let (head, body) = step.split_once('\n').unwrap_or((step, ""));
        let mut words = head.split_ascii_whitespace();
        let word = words.next().unwrap_or_default();
        let number: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let status = u16::try_from(number).unwrap_or(486);
        let newest = self.alive().pop();
        let sdp = Bytes::from_static(b"v=0\r\n");
        match (word, newest) {
            ("in", _) => {
                let flow = flow(u8::try_from(number % 4).unwrap());
                self.peers.insert(flow.remote);
                let packet = self.last.fill(body).replace("\r\n", "\n").replace('\n', "\r\n");
                self.end.receive(self.now, flow, packet.as_bytes(), &mut Door);
            }
            ("wait", _) => self.time(number.min(700_000)),
            ("call", _) => {
                let flow = flow(3);
                self.peers.insert(flow.remote);
                let target = Uri::parse("sip:9@127.0.1.3").unwrap();
                let session = self.end.invite(
                    self.now,
                    Invite {
                        flow,
                        target,
                        from: Party::new("us", "127.0.0.1"),
                        to: None,
                        routes: Vec::new(),
                        sdp,
                        headers: Vec::new(),
                        credentials: None,
                        max_forwards: 70,
                        patience: None,
                    },
                );
                self.sessions.insert(session, true);
            }
            ("ring", Some(session)) => drop(self.end.ring(self.now, session, status, (status == 183).then_some(sdp))),
            ("accept", Some(session)) => drop(self.end.accept(self.now, session, sdp, Vec::new())),
            ("reject", Some(session)) => drop(self.end.reject(self.now, session, status, "", Vec::new())),
            ("bye", Some(session)) => drop(self.end.bye(self.now, session, None)),
            ("cancel", Some(session)) => drop(self.end.cancel(self.now, session)),
            ("reinvite", Some(session)) => drop(self.end.reinvite(self.now, session, sdp)),
            ("update", Some(session)) => drop(self.end.update(self.now, session, sdp)),
            ("answer", _) => {
                for txn in std::mem::take(&mut self.waiting) {
                    self.end.respond(self.now, txn, 200, "", Vec::new(), None);
                }
                for txn in std::mem::take(&mut self.offers) {
                    self.end.respond_offer(self.now, txn, Ok(sdp.clone()));
                }
            }
            _ => {}
        }
        self.pump();
    }
}

pub(crate) fn feed(input: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(input);
    let mut bench = Bench {
        now: Instant::now(),
        end: Endpoint::new(Config::new([7; 32])),
        last: Last::default(),
        peers: BTreeSet::new(),
        sessions: BTreeMap::new(),
        waiting: Vec::new(),
        offers: Vec::new(),
        outcome: Outcome::new(),
    };
    for step in text.split("===\n").take(STEPS) {
        bench.step(step);
    }
    // The end of all calls leaves nothing behind, whatever happened before.
    for session in bench.alive() {
        bench.end.reject(bench.now, session, 480, "", Vec::new());
        bench.end.cancel(bench.now, session);
        bench.end.bye(bench.now, session, None);
        bench.pump();
    }
    for txn in std::mem::take(&mut bench.waiting) {
        bench.end.respond(bench.now, txn, 480, "", Vec::new(), None);
    }
    bench.time(400_000);
    let stats = bench.end.stats();
    let left = (stats.server_transactions, stats.client_transactions, stats.sessions, stats.indexes, stats.queued);
    assert_eq!(left, (0, 0, 0, 0, 0), "left over: {stats:?}");
    bench.outcome.number()
}
