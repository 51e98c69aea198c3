//! What one unit of signalling work costs: parsing, OPTIONS, a challenge, a REGISTER with digest, a
//! call. Run with `cargo bench -p sip`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

#[path = "../tests/support/raw.rs"]
mod raw;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use raw::{flow, request};
use sip::{Admit, Authenticator, Config, Doorman, Endpoint, Event, Flow, Limits, Request};

fn config() -> Config {
    let mut config = Config::new([1; 32]);
    config.limits = Limits { packets_per_second: u32::MAX, packets_burst: u32::MAX, ..Limits::default() };
    config
}

struct Challenger(Authenticator);

impl Doorman<SocketAddr> for Challenger {
    fn admit(&mut self, now: Instant, request: &Request, flow: &Flow) -> Admit<SocketAddr> {
        match self.0.verify(now, request, flow, &|_| None) {
            sip::Verdict::NoCredentials => Admit::Reply {
                status: 401,
                reason: "Unauthorized".into(),
                headers: self.0.challenge(now, flow).into_iter().map(|v| (sip::Name::WwwAuthenticate, v)).collect(),
            },
            _ => Admit::Drop,
        }
    }
}

fn stateless(c: &mut Criterion) {
    let now = Instant::now();
    let sdp = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    let invite =
        request("INVITE", "a", "Supported: 100rel, timer\r\nUser-Agent: phone\r\nAllow: INVITE, ACK, BYE\r\n", sdp);
    c.bench_function("parse INVITE", |b| b.iter(|| black_box(Request::parse(invite.as_bytes()))));
    let options = request("OPTIONS", "a", "", "");
    let mut end: Endpoint<SocketAddr> = Endpoint::new(config());
    c.bench_function("OPTIONS", |b| {
        b.iter(|| {
            end.receive(now, flow(9, 5), options.as_bytes(), &mut support::Open);
            black_box(end.poll_transmit().unwrap())
        });
    });
    let mut door = Challenger(Authenticator::new([2; 32], "tollgate", now));
    let register = request("REGISTER", "a", "Contact: <sip:204@10.0.0.1:5060>;expires=300\r\n", "");
    c.bench_function("401 to REGISTER", |b| {
        b.iter(|| {
            end.receive(now, flow(9, 5), register.as_bytes(), &mut door);
            black_box(end.poll_transmit().unwrap())
        });
    });
}

/// Moves packets both ways without delay until nothing moves.
fn settle(
    now: Instant,
    ends: &mut [Endpoint<SocketAddr>; 2],
    mut on: impl FnMut(usize, &mut Endpoint<SocketAddr>, Event<SocketAddr>),
) {
    loop {
        let mut moved = false;
        for side in [0, 1] {
            while let Some(e) = ends[side].poll_event() {
                moved = true;
                on(side, &mut ends[side], e);
            }
            while let Some(t) = ends[side].poll_transmit() {
                moved = true;
                let back = Flow { local: t.flow.remote, remote: t.flow.local, ..t.flow };
                ends[1 - side].receive(now, back, &t.bytes, &mut support::Open);
            }
        }
        if !moved {
            return;
        }
    }
}

fn calls(c: &mut Criterion) {
    let pair = support::Pair::new(1);
    let mut now = Instant::now();
    let mut ends = [1u8, 2].map(|_| Endpoint::new(config()));
    c.bench_function("a call, both sides", |b| {
        b.iter(|| {
            let id = ends[0].invite(now, pair.invitation(0, "v=0"));
            settle(now, &mut ends, |side, end, e| match e {
                Event::Invite { session, .. } => {
                    end.ring(now, session, 180, None);
                    end.accept(now, session, Bytes::from_static(b"v=0"), vec![]);
                }
                Event::Confirmed { session, .. } if side == 1 => {
                    black_box(session);
                }
                _ => {}
            });
            ends[0].bye(now, id, None);
            settle(now, &mut ends, |_, _, e| {
                black_box(e);
            });
            now += Duration::from_millis(5);
            for end in &mut ends {
                end.timeout(now);
            }
        });
    });
}

criterion_group!(benches, stateless, calls);
criterion_main!(benches);
