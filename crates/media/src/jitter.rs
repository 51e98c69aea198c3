//! The jitter buffer: puts packets back in order and hands them out at the pace of the listener. Used only where we decode
//! for ourselves (recording); a relay never waits.

use crate::codec::Codec;
use crate::limits::MAX_JITTER_FRAMES;
use std::collections::VecDeque;

/// Frames that must be waiting before the first one is handed out: 60 ms.
const TARGET: usize = 3;
/// So many more than [`TARGET`] waiting, for [`PATIENCE`] pulls: the sender's clock is faster than ours.
const SURPLUS: usize = 3;
/// Pulls with a surplus before a frame is dropped: a second.
const PATIENCE: u32 = 50;
/// Pulls in a row with nothing there before the buffer fills up anew.
const DRY: u32 = 5;

/// One waiting packet.
#[derive(Debug)]
struct Waiting {
    timestamp: u32,
    codec: Codec,
    payload: Vec<u8>,
}

/// What is to be heard next.
#[derive(Debug, PartialEq, Eq)]
pub enum Pull<'a> {
    /// This packet.
    Packet(Codec, &'a [u8]),
    /// 20 ms that got lost: conceal them.
    Lost,
    /// Nothing is being said: silence.
    Idle,
}

/// The buffer of one stream under a clock of 8000 Hz, as all codecs that we decode have.
#[derive(Debug, Default)]
pub struct Jitter {
    waiting: VecDeque<Waiting>,
    /// The timestamp to be heard next; `None` while filling up.
    next: Option<u32>,
    dry: u32,
    surplus: u32,
    /// Lent to the caller of `pull`; its memory is used again.
    out: Vec<u8>,
}

/// Whether `a` comes before `b` on the circle.
fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

impl Jitter {
    /// An empty buffer.
    pub fn new() -> Jitter {
        Jitter::default()
    }

    /// Takes a packet. Late and doubled ones are dropped; so is the oldest when more than [`MAX_JITTER_FRAMES`] wait.
    pub fn push(&mut self, timestamp: u32, codec: Codec, payload: &[u8]) {
        if let Some(next) = self.next
            && before(timestamp, next)
        {
            if next.wrapping_sub(timestamp) < codec.frame_ticks() * MAX_JITTER_FRAMES as u32 {
                return;
            }
            // Far back: the stream has started anew.
            self.restart();
        }
        let place = self.waiting.iter().rposition(|other| !before(timestamp, other.timestamp)).map_or(0, |at| at + 1);
        if place.checked_sub(1).and_then(|at| self.waiting.get(at)).is_some_and(|other| other.timestamp == timestamp) {
            return;
        }
        if self.waiting.len() >= MAX_JITTER_FRAMES {
            self.restart();
            self.waiting.push_back(Waiting { timestamp, codec, payload: payload.to_vec() });
            return;
        }
        self.waiting.insert(place, Waiting { timestamp, codec, payload: payload.to_vec() });
    }

    /// Forgets everything: another stream follows.
    pub fn restart(&mut self) {
        self.waiting.clear();
        self.next = None;
        self.dry = 0;
        self.surplus = 0;
    }

    /// What the listener hears next. Call it whenever less than 20 ms are left to hear.
    pub fn pull(&mut self) -> Pull<'_> {
        let Some(first) = self.waiting.front() else { return self.nothing() };
        let next = match self.next {
            Some(next) => next,
            None if self.waiting.len() < TARGET => {
                // A stream of one or two packets is handed out too, after a while.
                self.dry += 1;
                if self.dry <= DRY {
                    return Pull::Idle;
                }
                first.timestamp
            }
            None => first.timestamp,
        };
        self.dry = 0;
        let frame = first.codec.frame_ticks();
        if before(next, first.timestamp) && first.timestamp.wrapping_sub(next) < frame * MAX_JITTER_FRAMES as u32 {
            self.next = Some(next.wrapping_add(frame));
            return Pull::Lost;
        }
        self.surplus = if self.waiting.len() > TARGET + SURPLUS { self.surplus + 1 } else { 0 };
        if self.surplus > PATIENCE {
            self.surplus = 0;
            self.waiting.pop_front();
        }
        let Some(packet) = self.waiting.pop_front() else { return Pull::Idle };
        let ticks = packet.codec.ticks(packet.payload.len()).max(1);
        self.next = Some(packet.timestamp.wrapping_add(ticks));
        self.out = packet.payload;
        Pull::Packet(packet.codec, &self.out)
    }

    fn nothing(&mut self) -> Pull<'_> {
        if self.next.is_none() {
            return Pull::Idle;
        }
        self.dry += 1;
        if self.dry > DRY {
            self.next = None;
            self.dry = 0;
            return Pull::Idle;
        }
        // `next` stays: what comes late is still heard, and the buffer has grown by the pause.
        Pull::Lost
    }

    /// Packets waiting.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(number: u32) -> Vec<u8> {
        vec![number as u8; 160]
    }

    fn push(jitter: &mut Jitter, number: u32) {
        jitter.push(number.wrapping_mul(160).wrapping_sub(480), Codec::Pcmu, &packet(number));
    }

    /// The first byte of each packet, `-` for lost, `.` for idle.
    fn heard(jitter: &mut Jitter, pulls: usize) -> String {
        let hear = |_| match jitter.pull() {
            Pull::Packet(_, payload) => char::from(b'a' + payload[0]),
            Pull::Lost => '-',
            Pull::Idle => '.',
        };
        (0..pulls).map(hear).collect()
    }

    #[test]
    fn order_is_restored_also_over_the_wrap_and_doubles_are_one() {
        let mut jitter = Jitter::new();
        assert_eq!(heard(&mut jitter, 2), "..");
        for number in [1, 0, 3, 2, 2, 5, 4] {
            push(&mut jitter, number);
        }
        assert_eq!(heard(&mut jitter, 6), "abcdef");
    }

    #[test]
    fn a_gap_is_lost_frames_and_late_packets_stay_out() {
        let mut jitter = Jitter::new();
        for number in [0, 1, 2, 5, 6] {
            push(&mut jitter, number);
        }
        assert_eq!(heard(&mut jitter, 5), "abc--");
        push(&mut jitter, 3);
        assert_eq!(heard(&mut jitter, 2), "fg");
    }

    #[test]
    fn a_dry_stream_fills_up_anew() {
        let mut jitter = Jitter::new();
        (0..3).for_each(|number| push(&mut jitter, number));
        assert_eq!(heard(&mut jitter, 10), "abc-----..");
        (20..23).for_each(|number| push(&mut jitter, number));
        assert_eq!(heard(&mut jitter, 3), "uvw");
    }

    #[test]
    fn a_jump_is_followed() {
        let mut jitter = Jitter::new();
        (0..3).for_each(|number| push(&mut jitter, number));
        // 1,000,192 is 0 in a byte.
        (1_000_192..1_000_195).for_each(|number| push(&mut jitter, number));
        assert_eq!(heard(&mut jitter, 6), "abcabc");
        assert!(jitter.is_empty());
    }

    #[test]
    fn the_buffer_has_an_end_and_a_fast_clock_is_slowed() {
        let mut jitter = Jitter::new();
        (0..1000).for_each(|number| {
            push(&mut jitter, number);
            assert!(jitter.len() <= MAX_JITTER_FRAMES);
        });
        let mut jitter = Jitter::new();
        (0..8).for_each(|number| push(&mut jitter, number));
        for number in 8..200 {
            push(&mut jitter, number);
            jitter.pull();
        }
        assert!(jitter.len() <= TARGET + SURPLUS, "{}", jitter.len());
    }

    proptest! {
        #[test]
        fn any_packets_do_no_harm(packets in proptest::collection::vec((any::<u32>(), 0usize..400, any::<bool>()), 0..200)) {
            let mut jitter = Jitter::new();
            for (timestamp, size, pull) in packets {
                jitter.push(timestamp, Codec::Pcmu, &vec![0; size]);
                prop_assert!(jitter.len() <= MAX_JITTER_FRAMES);
                if pull {
                    jitter.pull();
                }
            }
        }
    }
}
