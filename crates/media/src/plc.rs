//! Conceals lost packets as ITU-T G.711 appendix I does: the last pitch period goes on, its ends cross-faded, and fades away
//! within 60 ms; when audio comes back, the two are cross-faded.

use crate::codec::Rate;

/// Longest pitch period in milliseconds: a voice of 66 Hz.
const LONGEST_MS: u32 = 15;
/// Shortest: 200 Hz would do for most, a child's voice needs less.
const SHORTEST_MS: u32 = 5;
/// How much is compared when we look for the pitch.
const COMPARED_MS: u32 = 20;
/// Full level for this long, then down in a straight line, 20 % in 10 ms (appendix I), to nothing at 60 ms.
const FULL_MS: u32 = 10;
const SILENT_MS: u32 = 60;

/// Conceals the losses of one stream.
#[derive(Debug, Clone)]
pub struct Concealer {
    rate: Rate,
    /// The last 35 ms that were heard, concealed or not.
    history: Vec<i16>,
    /// One period, made ready for repetition, while frames are missing.
    period: Vec<i16>,
    /// Where we are in it.
    at: usize,
    /// Samples concealed without a break.
    lost: usize,
}

impl Concealer {
    /// For PCM at this rate.
    pub fn new(rate: Rate) -> Concealer {
        let history = vec![0; rate.samples(LONGEST_MS + COMPARED_MS)];
        Concealer { rate, history, period: Vec::new(), at: 0, lost: 0 }
    }

    /// A frame has come: remembers it, and smooths its beginning (5 ms) if frames before it were missing.
    pub fn good(&mut self, pcm: &mut [i16]) {
        if self.lost > 0 {
            let fade = self.rate.samples(5).min(pcm.len());
            for (n, sample) in pcm.iter_mut().take(fade).enumerate() {
                let old = self.next();
                *sample = mix(old, *sample, n, fade);
            }
            self.lost = 0;
        }
        self.remember(pcm);
    }

    /// A frame is missing: appends `samples` that sound as if the audio had gone on. Silent after 60 ms.
    pub fn lost(&mut self, samples: usize, out: &mut Vec<i16>) {
        if self.lost == 0 {
            self.find_period();
        }
        let start = out.len();
        out.extend((0..samples).map(|_| self.next()));
        self.remember(&out[start..]);
    }

    /// The next concealed sample, faded.
    fn next(&mut self) -> i16 {
        let sample = self.period.get(self.at).copied().unwrap_or(0);
        self.at = if self.at + 1 >= self.period.len() { 0 } else { self.at + 1 };
        let (full, silent) = (self.rate.samples(FULL_MS), self.rate.samples(SILENT_MS));
        let left = silent.saturating_sub(self.lost.max(full)) as i32;
        self.lost = self.lost.saturating_add(1);
        (i32::from(sample) * left / (silent - full) as i32) as i16
    }

    fn remember(&mut self, pcm: &[i16]) {
        let keep = self.history.len();
        if let Some(tail) = pcm.len().checked_sub(keep) {
            self.history.copy_from_slice(&pcm[tail..]);
        } else {
            self.history.copy_within(pcm.len().., 0);
            self.history[keep - pcm.len()..].copy_from_slice(pcm);
        }
    }

    /// The lag at which the last 20 ms are most like what was before, by normalised correlation.
    fn find_period(&mut self) {
        let compared = self.rate.samples(COMPARED_MS);
        let end = self.history.len();
        let recent = &self.history[end - compared..];
        // Every second sample is enough at 16 kHz.
        let stride = self.rate.hz() as usize / 8000;
        let (mut best, mut most) = (self.rate.samples(LONGEST_MS), 0.0_f64);
        for lag in self.rate.samples(SHORTEST_MS)..=self.rate.samples(LONGEST_MS) {
            let older = &self.history[end - compared - lag..end - lag];
            let (mut product, mut energy) = (0_i64, 1_i64);
            for (a, b) in recent.iter().zip(older).step_by(stride) {
                product += i64::from(*a) * i64::from(*b);
                energy += i64::from(*b) * i64::from(*b);
            }
            let likeness = product.max(0) as f64 / (energy as f64).sqrt();
            if likeness > most {
                (best, most) = (lag, likeness);
            }
        }
        // The last quarter of the period leads over into what was before its beginning, so that the join does not click.
        let quarter = best / 4;
        self.period.clear();
        self.period.extend_from_slice(&self.history[end - best..]);
        for n in 0..quarter {
            let before = self.history[end - best - quarter + n];
            let slot = &mut self.period[best - quarter + n];
            *slot = mix(*slot, before, n, quarter);
        }
        self.at = 0;
    }
}

/// From `a` to `b` in a straight line.
fn mix(a: i16, b: i16, step: usize, of: usize) -> i16 {
    let (step, of) = (step as i32 + 1, of as i32 + 1);
    ((i32::from(a) * (of - step) + i32::from(b) * step) / of) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: Rate, hz: f64, from: usize, count: usize) -> Vec<i16> {
        (from..from + count)
            .map(|n| ((std::f64::consts::TAU * hz * n as f64 / f64::from(rate.hz())).sin() * 8_000.0) as i16)
            .collect()
    }

    fn loudest(pcm: &[i16]) -> u16 {
        pcm.iter().map(|sample| sample.unsigned_abs()).max().unwrap()
    }

    #[test]
    fn a_lost_frame_goes_on_as_the_voice_did() {
        for rate in [Rate::Narrow, Rate::Wide] {
            let mut concealer = Concealer::new(rate);
            let frame = rate.frame();
            concealer.good(&mut sine(rate, 150.0, 0, frame * 5));
            let mut out = Vec::new();
            concealer.lost(frame / 2, &mut out);
            // The first 10 ms are at full level and in phase.
            let ideal = sine(rate, 150.0, frame * 5, frame / 2);
            let apart = out.iter().zip(&ideal).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(apart < 1_200, "{rate:?}: {apart}");
        }
    }

    #[test]
    fn it_fades_and_is_silent_after_60_ms() {
        let mut concealer = Concealer::new(Rate::Narrow);
        concealer.good(&mut sine(Rate::Narrow, 200.0, 0, 800));
        let mut out = Vec::new();
        (0..4).for_each(|_| concealer.lost(160, &mut out));
        assert!(loudest(&out[..160]) > 7_000);
        assert!(loudest(&out[320..480]) < 4_500);
        assert_eq!(loudest(&out[480..]), 0);
    }

    #[test]
    fn the_return_is_smooth() {
        let mut concealer = Concealer::new(Rate::Narrow);
        concealer.good(&mut [8_000; 800]);
        let mut out = Vec::new();
        concealer.lost(160, &mut out);
        let mut back = [-8_000; 160];
        concealer.good(&mut back);
        out.extend(back);
        let steepest = out.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
        assert!(steepest < 700, "{steepest}");
        assert_eq!(out[319], -8_000);
    }

    proptest::proptest! {
        #[test]
        fn any_order_of_frames_passes(frames in proptest::collection::vec((0_usize..400, i16::MIN..i16::MAX, proptest::bool::ANY), 0..30)) {
            let mut concealer = Concealer::new(Rate::Wide);
            let mut out = Vec::new();
            for (length, value, good) in frames {
                if good { concealer.good(&mut vec![value; length]) } else { concealer.lost(length, &mut out) }
            }
        }
    }
}
