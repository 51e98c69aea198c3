//! 8 kHz to 16 kHz and back: one linear-phase FIR, split into two phases, with its history, so that frames join without a
//! click.
//!
//! 97 taps at 16 kHz under a Hamming window: flat to 3.4 kHz, 50 dB down from 4 kHz on. The delay is 3 ms.

use crate::codec::Rate;

/// Taps at 16 kHz; odd, so that the delay is whole at both rates.
const TAPS: usize = 97;
/// Delay of the filter in samples at 16 kHz.
const DELAY: usize = TAPS / 2;
/// Taps of one phase, with zeros up to whole vectors.
const PHASE: usize = 64;
/// Middle of the transition band as a fraction of 16 kHz.
const CUTOFF: f64 = 3700.0 / 16000.0;

/// The filter; the taps of each phase sum to 2^13, so that a steady level passes exactly.
static FILTER: [i16; TAPS] = filter();
static EVEN: [i16; PHASE] = phase(0);
static ODD: [i16; PHASE] = phase(1);

/// Every second tap from `first` on, at the end of a window of [`PHASE`] samples.
const fn phase(first: usize) -> [i16; PHASE] {
    let mut taps = [0; PHASE];
    // The odd phase has one tap less; its last one is that of the newest sample, too.
    let mut index = TAPS - 1 - first;
    let mut at = PHASE;
    loop {
        at -= 1;
        taps[at] = filter()[index];
        if index < 2 {
            return taps;
        }
        index -= 2;
    }
}

// INVARIANT: no sum of products leaves 32 bits, whatever the audio; `dot` relies on it.
const _: () = {
    let (taps, mut sum, mut index) = (filter(), 0_i64, 0);
    while index < TAPS {
        sum += taps[index].unsigned_abs() as i64;
        index += 1;
    }
    assert!(sum * 32768 < i32::MAX as i64);
};

const fn cosine(turns: f64) -> f64 {
    // Only called for a few turns: take the whole ones away, then the series.
    let x = (turns - (turns as i64) as f64) * core::f64::consts::TAU;
    let (mut term, mut sum, mut n) = (1.0, 1.0, 0.0);
    while n < 40.0 {
        term = -term * x * x / ((n + 1.0) * (n + 2.0));
        sum += term;
        n += 2.0;
    }
    sum
}

const fn filter() -> [i16; TAPS] {
    let mut exact = [0.0; TAPS];
    let mut sums = [0.0; 2];
    let mut index = 0;
    while index < TAPS {
        let x = index as f64 - DELAY as f64;
        let window = 0.54 - 0.46 * cosine(index as f64 / (TAPS - 1) as f64);
        // sin(t) is cos(t - a quarter turn).
        let sinc = if index == DELAY { 2.0 * CUTOFF } else { cosine(CUTOFF * x - 0.25) / (core::f64::consts::PI * x) };
        exact[index] = sinc * window;
        sums[index % 2] += exact[index];
        index += 1;
    }
    let mut taps = [0; TAPS];
    let mut left = [8192_i32; 2];
    index = 0;
    while index < TAPS {
        let scaled = exact[index] / sums[index % 2] * 8192.0;
        taps[index] = if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 } as i16;
        left[index % 2] -= taps[index] as i32;
        index += 1;
    }
    // What rounding left over goes into the middle, where it is least; the odd phase has two middles.
    taps[DELAY] += left[DELAY % 2] as i16;
    taps[DELAY - 1] += (left[(DELAY + 1) % 2] / 2) as i16;
    taps[DELAY + 1] += (left[(DELAY + 1) % 2] - left[(DELAY + 1) % 2] / 2) as i16;
    taps
}

/// Turns a stream of one rate into the other. One per stream.
#[derive(Debug, Clone)]
pub struct Resampler {
    from: Rate,
    to: Rate,
    /// What the filter still needs of the past, then what is new.
    buffer: Vec<i16>,
}

impl Resampler {
    /// Between two rates; equal rates copy.
    pub fn new(from: Rate, to: Rate) -> Resampler {
        let history = if from < to { PHASE - 1 } else { TAPS - 1 };
        Resampler { from, to, buffer: vec![0; history] }
    }

    /// Appends `pcm` at the new rate: twice or half as many samples (an odd one waits for its partner).
    pub fn push(&mut self, pcm: &[i16], out: &mut Vec<i16>) {
        if self.from == self.to {
            out.extend_from_slice(pcm);
            return;
        }
        self.buffer.extend_from_slice(pcm);
        let used = if self.from < self.to {
            out.reserve(pcm.len() * 2);
            let windows = self.buffer.windows(PHASE);
            let used = windows.len();
            for window in windows {
                out.push(scale(dot(&EVEN, window), 13));
                out.push(scale(dot(&ODD, window), 13));
            }
            used
        } else {
            let windows = self.buffer.windows(TAPS).step_by(2);
            let used = windows.len() * 2;
            for window in windows {
                out.push(scale(dot(&FILTER, window), 14));
            }
            used
        };
        // The last step may reach over the one sample that has not come yet.
        self.buffer.drain(..used.min(self.buffer.len()));
    }
}

/// Wrapping, because the sum cannot leave 32 bits (see above) and checked sums are not vectorised.
fn dot(taps: &[i16], samples: &[i16]) -> i32 {
    taps.iter()
        .zip(samples)
        .fold(0_i32, |sum, (tap, sample)| sum.wrapping_add(i32::from(*tap).wrapping_mul(i32::from(*sample))))
}

fn scale(sum: i32, bits: u32) -> i16 {
    let rounded = (i64::from(sum) + (1 << (bits - 1))) >> bits;
    rounded.clamp(-32768, 32767) as i16
}

/// A whole recording at the other rate: as long as before, with the delay of the filter taken away.
pub fn whole(from: Rate, to: Rate, pcm: &[i16]) -> Vec<i16> {
    if from == to {
        return pcm.to_vec();
    }
    let (tail, delay) = if from < to { (DELAY / 2, DELAY) } else { (DELAY, DELAY / 2) };
    let mut out = Vec::new();
    let mut resampler = Resampler::new(from, to);
    resampler.push(pcm, &mut out);
    resampler.push(&vec![0; tail], &mut out);
    out.drain(..delay.min(out.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, rate: Rate, seconds: f64) -> Vec<i16> {
        let count = (f64::from(rate.hz()) * seconds) as usize;
        (0..count)
            .map(|n| ((std::f64::consts::TAU * hz * n as f64 / f64::from(rate.hz())).sin() * 10_000.0) as i16)
            .collect()
    }

    /// Root mean square of the middle, in dB against a sine of 10,000.
    fn level(pcm: &[i16]) -> f64 {
        let middle = &pcm[200..pcm.len() - 200];
        let power = middle.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / middle.len() as f64;
        10.0 * (power / 5e7).max(1e-12).log10()
    }

    #[test]
    fn speech_passes_and_what_would_fold_does_not() {
        for hz in [100.0, 300.0, 1000.0, 2000.0, 3000.0, 3400.0] {
            let down = whole(Rate::Wide, Rate::Narrow, &sine(hz, Rate::Wide, 0.5));
            let up = whole(Rate::Narrow, Rate::Wide, &sine(hz, Rate::Narrow, 0.5));
            assert!(level(&down).abs() < 0.2, "down {hz}: {}", level(&down));
            assert!(level(&up).abs() < 0.2, "up {hz}: {}", level(&up));
        }
        for hz in [4050.0, 4600.0, 5000.0, 6000.0, 7500.0] {
            let down = whole(Rate::Wide, Rate::Narrow, &sine(hz, Rate::Wide, 0.5));
            assert!(level(&down) < -45.0, "{hz}: {}", level(&down));
        }
    }

    #[test]
    fn a_sound_stays_where_it_was() {
        let narrow = sine(440.0, Rate::Narrow, 0.5);
        let wide = sine(440.0, Rate::Wide, 0.5);
        let up = whole(Rate::Narrow, Rate::Wide, &narrow);
        let down = whole(Rate::Wide, Rate::Narrow, &wide);
        assert_eq!((up.len(), down.len()), (wide.len(), narrow.len()));
        let apart = |a: &[i16], b: &[i16]| {
            a.iter().zip(b).skip(200).take(a.len() - 400).map(|(a, b)| (a - b).abs()).max().unwrap()
        };
        assert!(apart(&up, &wide) < 60, "{}", apart(&up, &wide));
        assert!(apart(&down, &narrow) < 60, "{}", apart(&down, &narrow));
    }

    #[test]
    fn pieces_of_any_length_give_the_same_stream() {
        let pcm = sine(700.0, Rate::Wide, 0.2);
        for (from, to) in [(Rate::Wide, Rate::Narrow), (Rate::Narrow, Rate::Wide)] {
            let (mut once, mut pieces) = (Vec::new(), Vec::new());
            Resampler::new(from, to).push(&pcm, &mut once);
            let mut resampler = Resampler::new(from, to);
            let mut rest = &pcm[..];
            for size in (1..7).cycle() {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                resampler.push(piece, &mut pieces);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            assert_eq!(once, pieces);
        }
    }

    #[test]
    fn the_loudest_noise_is_cut_and_does_not_wrap() {
        let pcm: Vec<i16> = (0..4000).map(|n| if n % 7 < 3 { i16::MAX } else { i16::MIN }).collect();
        assert!(whole(Rate::Wide, Rate::Narrow, &pcm).iter().any(|s| *s == i16::MAX || *s == i16::MIN || *s > 20_000));
        assert_eq!(whole(Rate::Narrow, Rate::Wide, &[i16::MAX; 1000])[500], i16::MAX);
        assert_eq!(whole(Rate::Narrow, Rate::Wide, &[1234; 1000])[500..504], [1234; 4]);
    }
}
