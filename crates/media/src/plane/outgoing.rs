//! The one stream that a leg hears from us, whatever it is made of: prompt, partner, tone, digits. One SSRC, sequence numbers
//! without a seam, a timestamp that follows the clock.

use super::random::Random;
use std::time::{Duration, Instant};

/// A jump in a relayed stream of more than this is a restart of it.
const MAX_JUMP: u16 = 3000;
/// A relayed timestamp further ahead than this, in seconds, is a restart of the stream.
const MAX_AHEAD: u32 = 60;

/// What the last packet belonged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Nothing that goes on.
    None,
    /// Frames of our own making.
    Local,
    /// An event of our own.
    Event,
    /// The stream of this key, with what is added to its numbers. Numbers up to `floor` are taken.
    Relay { key: u64, sequence: u16, timestamp: u32, floor: u16 },
}

/// Where a packet stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
}

/// The state of the stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) ssrc: u32,
    clock: u32,
    /// Of the newest packet.
    sequence: u16,
    /// Of the newest packet.
    timestamp: u32,
    /// When the moment of `timestamp` was.
    at: Option<Instant>,
    flow: Flow,
    /// The last relayed stream and what was added to its timestamps: it comes back after a digit.
    before: Option<(u64, u32)>,
}

impl Outgoing {
    pub(super) fn new(random: &mut Random, clock: u32) -> Outgoing {
        Outgoing {
            ssrc: random.next_u32(),
            clock: clock.max(1),
            sequence: random.next_u16(),
            timestamp: random.next_u32(),
            at: None,
            flow: Flow::None,
            before: None,
        }
    }

    /// A codec with another clock needs another stream (RFC 7160 §3).
    pub(super) fn set_clock(&mut self, random: &mut Random, clock: u32) {
        if clock != self.clock {
            *self = Outgoing::new(random, clock);
        }
    }

    pub(super) fn clock(&self) -> u32 {
        self.clock
    }

    fn ticks(&self, time: Duration) -> u32 {
        ((time.as_micros() as u64).saturating_mul(u64::from(self.clock)) / 1_000_000) as u32
    }

    fn frame(&self) -> u32 {
        (self.clock / 50).max(1)
    }

    /// The timestamp of this moment.
    pub(super) fn timestamp_at(&self, now: Instant) -> u32 {
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.timestamp.wrapping_add(self.ticks(since))
    }

    /// The timestamp for something new: the moment's, and at least a frame after the last.
    fn fresh(&self, now: Instant) -> u32 {
        match self.at {
            None => self.timestamp,
            Some(at) => {
                let since = self.ticks(now.saturating_duration_since(at)).max(self.frame());
                self.timestamp.wrapping_add(since)
            }
        }
    }

    fn put(&mut self, now: Instant, timestamp: u32, marker: bool) -> Place {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = timestamp;
        self.at = Some(now);
        Place { sequence: self.sequence, timestamp, marker }
    }

    /// The next frame of our own; 20 ms after the one before it.
    pub(super) fn local(&mut self, now: Instant) -> Place {
        if self.flow == Flow::Local {
            return self.put(now, self.timestamp.wrapping_add(self.frame()), false);
        }
        self.flow = Flow::Local;
        self.put(now, self.fresh(now), true)
    }

    /// The next packet of an event of our own: all have the timestamp of the first.
    pub(super) fn event(&mut self, now: Instant, first: bool) -> Place {
        if first || self.flow != Flow::Event {
            self.flow = Flow::Event;
            return self.put(now, self.fresh(now), true);
        }
        self.sequence = self.sequence.wrapping_add(1);
        Place { sequence: self.sequence, timestamp: self.timestamp, marker: false }
    }

    /// Our own frames were interrupted: the next one takes its timestamp from the clock.
    pub(super) fn interrupt(&mut self) {
        if matches!(self.flow, Flow::Local | Flow::Event) {
            self.flow = Flow::None;
        }
    }

    /// A packet of another stream. `None` when its place is taken: it is older than the moment when that stream began here.
    pub(super) fn relay(
        &mut self,
        now: Instant,
        key: u64,
        sequence: u16,
        timestamp: u32,
        marker: bool,
    ) -> Option<Place> {
        if let Flow::Relay { key: known, sequence: add, timestamp: shift, floor } = self.flow
            && known == key
        {
            let out = sequence.wrapping_add(add);
            let ahead = out.wrapping_sub(self.sequence);
            let place = Place { sequence: out, timestamp: timestamp.wrapping_add(shift), marker };
            let later = place.timestamp.wrapping_sub(self.timestamp) as i32;
            if (1..MAX_JUMP).contains(&ahead) && later.unsigned_abs() < self.clock.saturating_mul(MAX_AHEAD) {
                if out.wrapping_sub(floor) > 2 * MAX_JUMP {
                    let floor = out.wrapping_sub(MAX_JUMP);
                    self.flow = Flow::Relay { key, sequence: add, timestamp: shift, floor };
                }
                self.sequence = out;
                // Packets of an event carry the timestamp of its beginning.
                if later > 0 {
                    self.timestamp = place.timestamp;
                    self.at = Some(now);
                }
                return Some(place);
            }
            let behind = self.sequence.wrapping_sub(out);
            if behind < MAX_JUMP {
                // Late or doubled: it keeps its place if it is one of this stream's.
                return (behind < self.sequence.wrapping_sub(floor)).then_some(place);
            }
        }
        let fresh = self.fresh(now);
        let shift = match self.before {
            // The same stream goes on after something of ours: its own rhythm is better than the clock's.
            Some((known, shift)) if known == key => {
                let ahead = timestamp.wrapping_add(shift).wrapping_sub(self.timestamp);
                if ahead != 0 && ahead < self.clock.saturating_mul(MAX_AHEAD) {
                    shift
                } else {
                    fresh.wrapping_sub(timestamp)
                }
            }
            _ => fresh.wrapping_sub(timestamp),
        };
        self.before = Some((key, shift));
        self.flow = Flow::Relay {
            key,
            sequence: self.sequence.wrapping_add(1).wrapping_sub(sequence),
            timestamp: shift,
            floor: self.sequence,
        };
        Some(self.put(now, timestamp.wrapping_add(shift), true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    struct Bench {
        out: Outgoing,
        now: Instant,
        places: Vec<Place>,
    }

    impl Bench {
        fn new() -> Bench {
            let mut out = Outgoing::new(&mut Random::new([1; 32]), 8000);
            out.sequence = 65_530;
            out.timestamp = u32::MAX - 500;
            Bench { out, now: Instant::now(), places: Vec::new() }
        }

        fn local(&mut self, count: usize) {
            for _ in 0..count {
                self.now += FRAME;
                self.places.push(self.out.local(self.now));
            }
        }

        fn relay(&mut self, key: u64, sequence: u16, timestamp: u32) -> Option<Place> {
            self.now += FRAME;
            let place = self.out.relay(self.now, key, sequence, timestamp, false);
            self.places.extend(place);
            place
        }

        fn relay_five(&mut self, key: u64, sequence: u16, timestamp: u32) {
            for index in 0..5 {
                self.relay(key, sequence.wrapping_add(index), timestamp + u32::from(index) * 160);
            }
        }

        fn is_seamless(&self) {
            for pair in self.places.windows(2) {
                assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "{pair:?}");
                assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160), "{pair:?}");
            }
        }
    }

    #[test]
    fn prompt_partner_hold_music_and_another_partner_are_one_stream() {
        let mut bench = Bench::new();
        bench.local(5);
        bench.relay_five(1, 40_000, 7);
        bench.local(5);
        bench.relay_five(2, 65_533, 0);
        bench.relay_five(1, 50_000, 9_000_000);
        bench.is_seamless();
        let marked: Vec<usize> =
            bench.places.iter().enumerate().filter(|(_, place)| place.marker).map(|(at, _)| at).collect();
        assert_eq!(marked, [0, 5, 10, 15, 20]);
    }

    #[test]
    fn loss_and_reordering_of_a_partner_stay_what_they_are() {
        let mut bench = Bench::new();
        bench.relay(1, 10, 0);
        bench.relay(1, 13, 480);
        let late = bench.relay(1, 12, 320).unwrap();
        assert_eq!(late.sequence, bench.places[0].sequence.wrapping_add(2));
        assert_eq!(late.timestamp, bench.places[0].timestamp.wrapping_add(320));
        // Older than the beginning: its number belongs to another packet.
        assert_eq!(bench.relay(1, 9, 0), None);
        let next = bench.relay(1, 14, 640).unwrap();
        assert_eq!(next.sequence, bench.places[0].sequence.wrapping_add(4));
    }

    #[test]
    fn a_partner_goes_on_in_its_own_rhythm_after_a_digit() {
        let mut bench = Bench::new();
        bench.relay(1, 10, 0);
        bench.relay(1, 11, 160);
        let first = bench.out.event(bench.now + FRAME, true);
        assert!(first.marker);
        for _ in 0..4 {
            let more = bench.out.event(bench.now, false);
            assert_eq!((more.timestamp, more.marker), (first.timestamp, false));
        }
        bench.now += FRAME * 6;
        let after = bench.relay(1, 19, 160 + 8 * 160).unwrap();
        assert_eq!(after.sequence, first.sequence.wrapping_add(5));
        assert_eq!(after.timestamp, bench.places[0].timestamp.wrapping_add(9 * 160));
    }

    #[test]
    fn a_pause_moves_the_timestamp_by_the_clock() {
        let mut bench = Bench::new();
        bench.local(1);
        bench.now += Duration::from_secs(2);
        let place = bench.relay(1, 10, 0).unwrap();
        assert_eq!(place.timestamp, bench.places[0].timestamp.wrapping_add(16_000 + 160));
        bench.now += Duration::from_secs(1);
        bench.local(1);
        assert_eq!(bench.places[2].timestamp, place.timestamp.wrapping_add(8_000 + 160));
    }

    #[test]
    fn a_stream_that_restarts_is_joined_without_a_seam() {
        let mut bench = Bench::new();
        bench.relay(1, 10, 0);
        bench.relay(1, 30_000, 5_000_000);
        bench.relay(1, 30_001, 5_000_160);
        bench.is_seamless();
    }
}
