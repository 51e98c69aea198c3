//! Tells speech from silence, so that a recording ends when nobody speaks any more.
//!
//! The floor is the quietest that the line has been of late: it falls at once and rises slowly. Speech is what stands 9 dB
//! above it and above -50 dBm0. Short clicks do not count.

use std::time::Duration;

use crate::codec::Rate;

/// Mean square of -50 dBm0 (peak 72): quieter is silence whatever the floor.
const LEAST: u64 = 72 * 72 / 2;
/// Mean square of -26 dBm0: louder is speech whatever the floor, so that a long vowel at the start is not taken for noise.
const LOUD: u64 = 1140 * 1140 / 2;
/// 9 dB.
const ABOVE_FLOOR: u64 = 8;
/// Blocks of 10 ms in a row that make speech; a click has one.
const SPEECH_BLOCKS: u32 = 3;

/// Follows the noise floor of one stream.
#[derive(Debug, Clone)]
pub struct SilenceDetector {
    rate: Rate,
    /// Sum of squares and samples of the block of 10 ms that is not complete.
    sum: u64,
    count: usize,
    /// Mean square of the floor, times 256 so that it can rise slowly.
    floor: u64,
    loud_blocks: u32,
    /// Samples since somebody last spoke.
    quiet: u64,
    spoken: bool,
}

impl SilenceDetector {
    /// For PCM at this rate.
    pub fn new(rate: Rate) -> SilenceDetector {
        SilenceDetector { rate, sum: 0, count: 0, floor: LEAST << 8, loud_blocks: 0, quiet: 0, spoken: false }
    }

    /// Listens to more samples; gives how long nobody has spoken at their end (zero while somebody speaks).
    pub fn push(&mut self, pcm: &[i16]) -> Duration {
        let block = self.rate.samples(10);
        for sample in pcm {
            self.sum += u64::from(sample.unsigned_abs()).pow(2);
            self.count += 1;
            self.quiet += 1;
            if self.count == block {
                self.block(self.sum / block as u64);
                (self.sum, self.count) = (0, 0);
            }
        }
        self.silent_for()
    }

    fn block(&mut self, power: u64) {
        let floor = self.floor >> 8;
        let speech = power > LEAST && (power > LOUD || power > floor * ABOVE_FLOOR);
        self.loud_blocks = if speech { self.loud_blocks.saturating_add(1) } else { 0 };
        if self.loud_blocks >= SPEECH_BLOCKS {
            self.quiet = 0;
            self.spoken = true;
        }
        // Up 3 dB in about 1.8 s, so that a fan that starts is the floor a few seconds later; never up to speech.
        let rise = self.floor + (self.floor >> 8) + 1;
        self.floor = rise.min(power << 8).clamp(LEAST << 4, LOUD << 8);
    }

    /// How long nobody has spoken; from the beginning, if nobody ever has.
    pub fn silent_for(&self) -> Duration {
        Duration::from_micros(self.quiet.saturating_mul(1_000_000) / u64::from(self.rate.hz()))
    }

    /// Has anybody spoken at all?
    pub fn spoken(&self) -> bool {
        self.spoken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repeatable noise of this peak.
    fn noise(ms: u32, peak: i32) -> Vec<i16> {
        let mut state = 7_u32;
        (0..Rate::Narrow.samples(ms))
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 16) as i32 % (2 * peak + 1) - peak) as i16
            })
            .collect()
    }

    fn check(parts: &[(u32, i32)], silent_ms: u64, spoken: bool) {
        let mut detector = SilenceDetector::new(Rate::Narrow);
        let mut silent = Duration::ZERO;
        for (ms, peak) in parts {
            silent = detector.push(&noise(*ms, *peak));
        }
        let apart = (silent.as_millis() as u64).abs_diff(silent_ms);
        assert!(apart <= 40, "{parts:?}: {silent:?} instead of {silent_ms} ms");
        assert_eq!(detector.spoken(), spoken, "{parts:?}");
    }

    #[test]
    fn silence_is_counted_from_the_last_word() {
        check(&[(1000, 0)], 1000, false);
        check(&[(500, 0), (1000, 4000)], 0, true);
        check(&[(500, 0), (1000, 4000), (700, 0)], 700, true);
        check(&[(500, 0), (1000, 4000), (700, 20)], 700, true);
    }

    #[test]
    fn a_noisy_line_has_silence_too() {
        check(&[(1000, 100), (1000, 4000), (2000, 100)], 2000, true);
        // Noise 9 dB below a soft voice.
        check(&[(3000, 300), (1000, 1500), (1500, 300)], 1500, true);
    }

    #[test]
    fn a_click_is_no_word() {
        check(&[(500, 0), (1000, 4000), (500, 0), (10, 20_000), (500, 0)], 1010, true);
    }

    #[test]
    fn a_fan_becomes_the_floor() {
        let mut detector = SilenceDetector::new(Rate::Narrow);
        detector.push(&noise(1_000, 10));
        assert!(detector.push(&noise(2_000, 400)).is_zero());
        let silent = detector.push(&noise(13_000, 400));
        assert!(silent > Duration::from_secs(4), "{silent:?}");
        assert!(detector.push(&noise(500, 4_000)) < Duration::from_millis(40));
    }

    #[test]
    fn full_scale_for_ever_is_counted_without_harm() {
        let mut detector = SilenceDetector::new(Rate::Wide);
        for _ in 0..1000 {
            assert!(detector.push(&[i16::MIN; 320]) < Duration::from_millis(40));
        }
    }
}
