//! Calls over a wire that loses, repeats and reorders: whatever happens, each session ends exactly
//! once on each side and nothing is left over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sip::{Event, Method, SessionId, Transport};
use support::{A, B, Pair, terminal};

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    answered: bool,
    confirmed: bool,
    ended: u32,
}

struct Play {
    pair: Pair,
    seen: Vec<BTreeMap<SessionId, Seen>>,
}

impl Play {
    /// Reacts to events as the dice say; the called side rings, answers, refuses or sleeps.
    fn react(&mut self) {
        for side in [A, B] {
            for event in self.pair.take(side) {
                let now = self.pair.now;
                let roll = self.pair.dice.below(100);
                if let Some((session, kind)) = terminal(&event) {
                    let seen = self.seen[side].entry(session).or_default();
                    seen.ended += 1;
                    assert_eq!(seen.ended, 1, "{event:?}");
                    assert!(!(kind == "rejected" && seen.answered), "{event:?}");
                    continue;
                }
                let end = &mut self.pair.ends[side];
                match event {
                    Event::Invite { session, .. } => {
                        self.seen[side].entry(session).or_default();
                        if roll < 60 {
                            end.ring(
                                now,
                                session,
                                if roll < 30 { 180 } else { 183 },
                                (roll >= 30).then(|| Bytes::from_static(b"early")),
                            );
                        }
                        if roll.is_multiple_of(3) {
                            end.accept(now, session, Bytes::from_static(b"answer"), vec![]);
                        }
                        if roll > 90 {
                            end.reject(now, session, 486, "", vec![]);
                        }
                    }
                    Event::Answered { session, .. } => {
                        let seen = self.seen[side].entry(session).or_default();
                        assert!(!seen.answered && seen.ended == 0);
                        seen.answered = true;
                    }
                    Event::Confirmed { session, .. } => {
                        let seen = self.seen[side].entry(session).or_default();
                        assert!(!seen.confirmed && seen.ended == 0);
                        seen.confirmed = true;
                    }
                    Event::Offer { txn, .. } if roll < 90 => {
                        let answer = if roll < 70 { Ok(Bytes::from_static(b"x")) } else { Err(488) };
                        end.respond_offer(now, txn, answer);
                    }
                    Event::InDialog { txn, .. } | Event::Request { txn, .. } if roll < 90 => {
                        end.respond(now, txn, 200, "", vec![], None);
                    }
                    _ => {}
                }
            }
        }
    }

    /// One whim of one side about one of its sessions.
    fn act(&mut self) {
        let side = usize::try_from(self.pair.dice.below(2)).unwrap();
        let open: Vec<SessionId> = self.seen[side].iter().filter(|(_, s)| s.ended == 0).map(|(id, _)| *id).collect();
        let pick = usize::try_from(self.pair.dice.below(open.len() as u64)).unwrap();
        let Some(&session) = open.get(pick) else {
            return;
        };
        let now = self.pair.now;
        let sdp = Bytes::from_static(b"again");
        let roll = self.pair.dice.below(12);
        let end = &mut self.pair.ends[side];
        match roll {
            0 => drop(end.bye(now, session, Some(16))),
            1 => drop(end.cancel(now, session)),
            2 | 3 => drop(end.reinvite(now, session, sdp)),
            4 => drop(end.update(now, session, sdp)),
            5 => drop(end.request_in_dialog(now, session, Method::Info, vec![], None)),
            6 => drop(end.ring(now, session, 180, None)),
            7 | 8 => drop(end.accept(now, session, sdp, vec![])),
            9 => drop(end.reject(now, session, 603, "", vec![])),
            _ => {}
        }
        self.pair.flush();
    }
}

fn play(seed: u64, loss: u64, repeat: u64, jitter_ms: u64, tcp: bool) {
    let mut p = Play { pair: Pair::new(seed), seen: vec![BTreeMap::new(), BTreeMap::new()] };
    p.pair.loss = loss;
    p.pair.repeat = repeat;
    p.pair.jitter_ms = jitter_ms;
    if tcp {
        p.pair.transport = Transport::Tcp;
        p.pair.repeat = 0;
        p.pair.jitter_ms = 0;
    }
    for _ in 0..4 {
        let side = usize::try_from(p.pair.dice.below(2)).unwrap();
        let id = p.pair.invite(side, "offer");
        p.seen[side].insert(id, Seen::default());
        for _ in 0..12 {
            let ms = p.pair.dice.below(1500);
            let until = p.pair.now + Duration::from_millis(ms);
            while p.pair.step(until) {
                p.react();
            }
            p.react();
            p.act();
        }
    }
    // Whoever is still in a call hangs up; the wire gets well again.
    for round in 0..400 {
        let until = p.pair.now + Duration::from_secs(4);
        while p.pair.step(until) {
            p.react();
        }
        p.react();
        if round == 30 {
            p.pair.loss = 0;
        }
        if round > 10 {
            for side in [A, B] {
                let open: Vec<SessionId> =
                    p.seen[side].iter().filter(|(_, s)| s.ended == 0).map(|(id, _)| *id).collect();
                for session in open {
                    p.pair.ends[side].bye(p.pair.now, session, None);
                }
            }
        }
    }
    for side in [A, B] {
        for (id, seen) in &p.seen[side] {
            assert_eq!(seen.ended, 1, "side {side} {id:?} {seen:?}");
        }
    }
    p.pair.assert_empty();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn every_session_ends_once_and_leaves_nothing(seed in any::<u64>(), loss in 0u64..400, repeat in 0u64..300, jitter in 0u64..900, tcp in any::<bool>()) {
        play(seed, loss, repeat, jitter, tcp);
    }
}

#[test]
fn most_calls_come_about_at_ten_percent_loss() {
    let mut up = 0;
    for seed in 0..50 {
        let mut p = Pair::new(seed);
        p.loss = 100;
        p.repeat = 100;
        p.jitter_ms = 300;
        p.invite(A, "offer");
        let mut session = None;
        for _ in 0..40 {
            p.run(500);
            session = session.or_else(|| {
                p.events[B].iter().find_map(|e| match e {
                    Event::Invite { session, .. } => Some(*session),
                    _ => None,
                })
            });
            if let Some(b) = session {
                p.ends[B].accept(p.now, b, Bytes::from_static(b"answer"), vec![]);
            }
        }
        up += u32::from(p.events[B].iter().any(|e| matches!(e, Event::Confirmed { .. })));
    }
    assert!(up >= 49, "{up} of 50");
}
