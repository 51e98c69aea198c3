//! Digits as RTP events (RFC 4733), both ways: [`Receiver`] turns packets into presses, [`Sender`] turns a press into packets.

use std::time::{Duration, Instant};

const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// The event code of a digit (RFC 4733 §3.2), letters without case.
pub fn code(digit: char) -> Option<u8> {
    let digit = digit.to_ascii_uppercase();
    DIGITS.iter().position(|known| *known == digit).map(|code| code as u8)
}

/// The digit of an event code; `None` above 15.
pub fn digit(code: u8) -> Option<char> {
    DIGITS.get(usize::from(code)).copied()
}

/// The four bytes of an event (RFC 4733 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// 0 to 15 are digits.
    pub event: u8,
    /// The key was let go.
    pub end: bool,
    /// In -dBm0, 0 to 63.
    pub volume: u8,
    /// Since the timestamp, in ticks.
    pub duration: u16,
}

impl Payload {
    /// Reads a payload; more than one event in a packet (§2.5.1.5) is left out.
    pub fn parse(bytes: &[u8]) -> Option<Payload> {
        let &[event, flags, high, low] = bytes.first_chunk::<4>()?;
        Some(Payload { event, end: flags & 0x80 != 0, volume: flags & 0x3F, duration: u16::from_be_bytes([high, low]) })
    }

    /// The four bytes.
    pub fn bytes(&self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, (self.volume & 0x3F) | if self.end { 0x80 } else { 0 }, high, low]
    }
}

/// A key that was pressed and let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Press {
    /// `0-9 * # A-D`.
    pub digit: char,
    /// How long it was held, in milliseconds.
    pub ms: u32,
}

/// A key counts as let go when no packet of it came for so long: all three end packets were lost (§2.5.1.4).
const GONE: Duration = Duration::from_millis(200);
/// How far back, in seconds, an event is taken for a late duplicate; further back the stream has restarted.
const LATE: u32 = 10;

#[derive(Debug, Clone)]
struct Held {
    event: u8,
    timestamp: u32,
    /// Of the segments before this one (§2.5.1.3).
    before: u32,
    duration: u16,
    last: Instant,
}

impl Held {
    fn ticks(&self) -> u32 {
        self.before.saturating_add(u32::from(self.duration))
    }
}

/// Listens to the events of one stream.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    held: Option<Held>,
    /// Timestamp of the last event that was reported.
    done: Option<u32>,
}

impl Receiver {
    /// The stream has a new SSRC: timestamps start anew. A key still held counts as let go.
    pub fn restart(&mut self, clock: u32) -> Option<Press> {
        let press = self.finish(clock);
        self.done = None;
        press
    }

    /// Takes a packet; gives the presses that it completes: one that lost its end, and the one that it ends.
    pub fn packet(&mut self, now: Instant, timestamp: u32, payload: &[u8], clock: u32) -> [Option<Press>; 2] {
        let Some(payload) = Payload::parse(payload) else { return [None, None] };
        if digit(payload.event).is_none() || self.is_late(timestamp, clock) {
            return [None, None];
        }
        let mut earlier = None;
        match &mut self.held {
            Some(held) if held.timestamp == timestamp => {
                // Packets may overtake each other: a duration never shrinks.
                held.duration = held.duration.max(payload.duration);
                held.last = now;
            }
            Some(held) if held.event == payload.event && timestamp == held.timestamp.wrapping_add(0xFFFF) => {
                // §2.5.1.3: the same press goes on in a new segment.
                held.before = held.before.saturating_add(0xFFFF);
                self.done = Some(held.timestamp);
                held.timestamp = timestamp;
                held.duration = payload.duration;
                held.last = now;
            }
            _ => {
                if let Some(held) = &self.held
                    && (timestamp.wrapping_sub(held.timestamp) as i32) < 0
                    && held.timestamp.wrapping_sub(timestamp) < clock.saturating_mul(LATE)
                {
                    // The end of the press before this one, late; it was reported when this one began, or never seen.
                    return [None, None];
                }
                earlier = self.finish(clock);
                self.held =
                    Some(Held { event: payload.event, timestamp, before: 0, duration: payload.duration, last: now });
            }
        }
        let ended = if payload.end { self.finish(clock) } else { None };
        [earlier, ended]
    }

    fn is_late(&self, timestamp: u32, clock: u32) -> bool {
        self.done.is_some_and(|done| done.wrapping_sub(timestamp) < clock.saturating_mul(LATE))
    }

    fn finish(&mut self, clock: u32) -> Option<Press> {
        let held = self.held.take()?;
        self.done = Some(held.timestamp);
        let ms = u64::from(held.ticks()) * 1000 / u64::from(clock.max(1));
        Some(Press { digit: digit(held.event)?, ms: ms.min(u64::from(u32::MAX)) as u32 })
    }

    /// Whether a key is held, and [`expire`](Receiver::expire) must be asked now and then.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// The press whose end never came.
    pub fn expire(&mut self, now: Instant, clock: u32) -> Option<Press> {
        if now.saturating_duration_since(self.held.as_ref()?.last) < GONE {
            return None;
        }
        self.finish(clock)
    }
}

/// How many times the end is sent (§2.5.1.4).
const ENDS: u8 = 3;
/// Frames of 20 ms between the first end packet and the next digit: a pause of 60 ms.
const PAUSE: u8 = 4;

/// What to send in a frame of 20 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// This event packet; the marker for the first one. All have the timestamp of the first.
    Packet {
        /// The payload.
        payload: Payload,
        /// The first packet of the press.
        first: bool,
    },
    /// Nothing: the pause after a digit.
    Pause,
    /// The digit and its pause are over; nothing is to be sent for it in this frame.
    Done,
}

/// Sends one digit, a step each 20 ms.
#[derive(Debug, Clone)]
pub struct Sender {
    event: u8,
    /// Ticks of 20 ms.
    frame: u32,
    total: u32,
    duration: u32,
    after: u8,
}

impl Sender {
    /// A digit held for `ms`, under an RTP clock. `None` for what is no digit.
    pub fn new(digit: char, ms: u32, clock: u32) -> Option<Sender> {
        let frame = (clock / 50).max(1);
        let total = (ms / 20).max(1).saturating_mul(frame).min(0xFFFF);
        Some(Sender { event: code(digit)?, frame, total, duration: 0, after: 0 })
    }

    /// What is due now.
    pub fn step(&mut self) -> Step {
        let first = self.duration == 0;
        if self.duration < self.total {
            self.duration = self.duration.saturating_add(self.frame).min(self.total);
        } else {
            self.after = self.after.saturating_add(1);
        }
        let end = self.duration >= self.total;
        if self.after < ENDS {
            let payload = Payload { event: self.event, end, volume: 10, duration: self.duration.min(0xFFFF) as u16 };
            Step::Packet { payload, first }
        } else if self.after < PAUSE {
            Step::Pause
        } else {
            Step::Done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Bench {
        receiver: Receiver,
        now: Instant,
        heard: Vec<(char, u32)>,
    }

    impl Bench {
        fn new() -> Bench {
            Bench { receiver: Receiver::default(), now: Instant::now(), heard: Vec::new() }
        }

        fn hear(&mut self, timestamp: u32, event: u8, duration: u16, end: bool) {
            self.now += Duration::from_millis(20);
            let payload = Payload { event, end, volume: 10, duration }.bytes();
            let presses = self.receiver.packet(self.now, timestamp, &payload, 8000);
            self.heard.extend(presses.into_iter().flatten().map(|press| (press.digit, press.ms)));
        }
    }

    #[test]
    fn every_digit_goes_there_and_back() {
        let mut bench = Bench::new();
        for (index, digit) in DIGITS.into_iter().enumerate() {
            let mut sender = Sender::new(digit, 100, 8000).unwrap();
            let mut packets = 0;
            loop {
                match sender.step() {
                    Step::Packet { payload, first } => {
                        assert_eq!(first, packets == 0);
                        packets += 1;
                        bench.hear(index as u32 * 2000, payload.event, payload.duration, payload.end);
                    }
                    Step::Pause => {}
                    Step::Done => break,
                }
            }
            assert_eq!(packets, 5 + 2, "five frames, the last of them an end, and the end twice more");
        }
        assert_eq!(bench.heard, DIGITS.map(|digit| (digit, 100)));
        assert!(Sender::new('x', 100, 8000).is_none());
    }

    #[test]
    fn three_ends_are_one_press() {
        let mut bench = Bench::new();
        bench.hear(100, 5, 160, false);
        (0..3).for_each(|_| bench.hear(100, 5, 800, true));
        assert_eq!(bench.heard, [('5', 100)]);
    }

    #[test]
    fn only_an_end_came() {
        let mut bench = Bench::new();
        bench.hear(100, 11, 800, true);
        assert_eq!(bench.heard, [('#', 100)]);
    }

    #[test]
    fn lost_ends_are_noticed_by_the_next_digit_or_by_time() {
        let mut bench = Bench::new();
        bench.hear(100, 1, 160, false);
        bench.hear(100, 1, 480, false);
        bench.hear(4000, 2, 160, false);
        assert_eq!(bench.heard, [('1', 60)]);
        assert_eq!(bench.receiver.expire(bench.now + GONE / 2, 8000), None);
        assert_eq!(bench.receiver.expire(bench.now + GONE, 8000), Some(Press { digit: '2', ms: 20 }));
        assert!(!bench.receiver.is_held());
        // An end that was only late does not press it again.
        bench.hear(4000, 2, 800, true);
        assert_eq!(bench.heard.len(), 1);
    }

    #[test]
    fn the_same_key_twice_is_two_presses() {
        let mut bench = Bench::new();
        bench.hear(100, 1, 800, true);
        bench.hear(2000, 1, 800, true);
        assert_eq!(bench.heard, [('1', 100), ('1', 100)]);
    }

    #[test]
    fn an_overtaken_packet_neither_shortens_nor_repeats() {
        let mut bench = Bench::new();
        bench.hear(100, 1, 480, false);
        bench.hear(100, 1, 320, false);
        bench.hear(100, 1, 640, true);
        bench.hear(2000, 2, 160, false);
        bench.hear(100, 1, 640, true);
        bench.hear(2000, 2, 320, true);
        assert_eq!(bench.heard, [('1', 80), ('2', 40)]);
    }

    #[test]
    fn a_very_long_press_is_one_press() {
        let mut bench = Bench::new();
        bench.hear(100, 7, 0xFF00, false);
        bench.hear(100, 7, 0xFFFF, false);
        bench.hear(100 + 0xFFFF, 7, 160, false);
        bench.hear(100 + 0xFFFF, 7, 8000, true);
        assert_eq!(bench.heard, [('7', (0xFFFF + 8000) / 8)]);
    }

    #[test]
    fn timestamps_wrap() {
        let mut bench = Bench::new();
        bench.hear(u32::MAX - 100, 1, 800, true);
        bench.hear(900, 2, 800, true);
        assert_eq!(bench.heard, [('1', 100), ('2', 100)]);
    }

    #[test]
    fn a_restarted_stream_is_heard_and_flash_is_not_a_digit() {
        let mut bench = Bench::new();
        bench.hear(1_000_000_000, 1, 800, true);
        assert_eq!(bench.receiver.restart(8000), None);
        bench.hear(1_000_000_000, 2, 800, true);
        bench.hear(1_000_002_000, 16, 800, true);
        assert_eq!(bench.heard, [('1', 100), ('2', 100)]);
    }

    #[test]
    fn a_digit_lasts_at_most_what_sixteen_bits_hold() {
        let mut sender = Sender::new('1', 100_000, 8000).unwrap();
        let mut last = 0;
        while let Step::Packet { payload, .. } = sender.step() {
            last = payload.duration;
        }
        assert_eq!(last, 0xFFFF);
    }

    proptest! {
        #[test]
        fn any_packets_do_no_harm(packets in proptest::collection::vec((any::<u32>(), proptest::collection::vec(any::<u8>(), 0..8)), 0..100)) {
            let now = Instant::now();
            let mut receiver = Receiver::default();
            let mut presses = 0;
            for (timestamp, bytes) in &packets {
                presses += receiver.packet(now, *timestamp, bytes, 8000).iter().flatten().count();
            }
            prop_assert!(presses <= packets.len());
        }

        #[test]
        fn each_press_is_heard_once_however_packets_are_lost_and_doubled(
            digits in proptest::collection::vec(0u8..16, 1..20), fate in proptest::collection::vec(0u8..4, 400),
        ) {
            let mut bench = Bench::new();
            let mut fates = fate.into_iter().cycle();
            let mut expected = Vec::new();
            for (index, event) in digits.into_iter().enumerate() {
                let mut sender = Sender::new(digit(event).unwrap(), 80, 8000).unwrap();
                let mut arrived = false;
                while let Step::Packet { payload, .. } = sender.step() {
                    for _ in 0..match fates.next().unwrap() { 0 => 0, 1 | 2 => 1, _ => 2 } {
                        arrived = true;
                        bench.hear(index as u32 * 1600, event, payload.duration, payload.end);
                    }
                }
                if arrived {
                    expected.push(digit(event).unwrap());
                }
            }
            let last = bench.receiver.expire(bench.now + GONE, 8000);
            let mut heard: Vec<char> = bench.heard.iter().map(|press| press.0).collect();
            heard.extend(last.map(|press| press.digit));
            prop_assert_eq!(heard, expected);
        }
    }
}
