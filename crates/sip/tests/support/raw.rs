//! One endpoint and peers who write their messages by hand.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sip::{Admit, Config, Doorman, Endpoint, Event, Flow, Request};

pub struct Bench<D> {
    pub now: Instant,
    pub end: Endpoint<SocketAddr>,
    pub door: D,
}

/// Counts and lets in.
#[derive(Default)]
pub struct Count(pub usize);

impl Doorman<SocketAddr> for Count {
    fn admit(&mut self, _: Instant, _: &Request, flow: &Flow) -> Admit<SocketAddr> {
        self.0 += 1;
        Admit::Accept(flow.remote)
    }
}

/// Answers everything without state, or says nothing.
pub struct Wall(pub Option<u16>);

impl Doorman<SocketAddr> for Wall {
    fn admit(&mut self, _: Instant, _: &Request, _: &Flow) -> Admit<SocketAddr> {
        match self.0 {
            Some(status) => Admit::Reply { status, reason: "No".into(), headers: vec![] },
            None => Admit::Drop,
        }
    }
}

pub fn flow(host: u8, port: u16) -> Flow {
    Flow::udp("127.0.0.1:5060".parse().unwrap(), SocketAddr::from(([127, 0, 0, host], port)))
}

impl<D: Doorman<SocketAddr>> Bench<D> {
    pub fn new(door: D) -> Self {
        Self { now: Instant::now(), end: Endpoint::new(Config::new([7; 32])), door }
    }

    /// Puts a message in and gives what goes out because of it.
    pub fn put(&mut self, flow: Flow, message: &str) -> Vec<String> {
        self.put_bytes(flow, message.as_bytes())
    }

    pub fn put_bytes(&mut self, flow: Flow, message: &[u8]) -> Vec<String> {
        self.end.receive(self.now, flow, message, &mut self.door);
        self.out(flow)
    }

    pub fn out(&mut self, flow: Flow) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(t) = self.end.poll_transmit() {
            assert_eq!(t.flow, flow, "only back to where it came from");
            all.push(String::from_utf8_lossy(&t.bytes).into_owned());
        }
        all
    }

    pub fn events(&mut self) -> Vec<Event<SocketAddr>> {
        std::iter::from_fn(|| self.end.poll_event()).collect()
    }

    pub fn run(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(at) = self.end.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.end.timeout(self.now);
        }
        self.now = until;
    }

    pub fn assert_empty(&mut self) {
        self.run(2_000_000);
        while self.end.poll_transmit().is_some() || self.end.poll_event().is_some() {}
        let s = self.end.stats();
        assert_eq!(
            (s.server_transactions, s.client_transactions, s.sessions, s.dialogs, s.indexes, s.timers),
            (0, 0, 0, 0, 0, 0),
            "{s:?}"
        );
    }
}

/// A request; `more` are whole header lines.
pub fn request(method: &str, branch: &str, more: &str, body: &str) -> String {
    request_to(method, "sip:204@127.0.0.1", branch, "", "c1", 1, more, body)
}

#[allow(clippy::too_many_arguments)]
pub fn request_to(
    method: &str,
    uri: &str,
    branch: &str,
    to_tag: &str,
    call_id: &str,
    cseq: u32,
    more: &str,
    body: &str,
) -> String {
    let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    let contact = if method == "INVITE" || method == "UPDATE" { "Contact: <sip:100@10.9.9.9>\r\n" } else { "" };
    let kind = if body.is_empty() || more.contains("Content-Type") { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
         From: \"Al\" <sip:100@example.com>;tag=f1\r\nTo: <sip:204@127.0.0.1>{tag}\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} {method}\r\n{contact}{more}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub fn status(message: &str) -> u16 {
    message.strip_prefix("SIP/2.0 ").and_then(|m| m.get(..3)).and_then(|s| s.parse().ok()).unwrap_or(0)
}

pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    message
        .split("\r\n")
        .find_map(|l| l.strip_prefix(name).and_then(|l| l.strip_prefix(": ")))
        .unwrap_or_else(|| panic!("no {name} in {message}"))
}

pub fn to_tag(message: &str) -> String {
    header(message, "To").split(";tag=").nth(1).unwrap_or("").to_owned()
}
