//! Samples to frames (ETSI EN 300 961 §4.2).

use super::arith::{add, div, mult, mult_r, norm, sub};
use super::{
    FRAME_SAMPLES, Frame, GAIN, LAR_A, LAR_B, LAR_MAX, LAR_MIN, MAX_LAG, PULSES, SUBFRAME, Subframe, bits, decode_lar,
    decode_pulses, exponent_and_mantissa, stretches,
};

/// Table 4.3a: decision levels of the LTP gain.
const GAIN_LEVEL: [i16; 3] = [6554, 16384, 26214];
/// Table 4.4: the weighting filter.
const WEIGHT: [i32; 11] = [-134, -374, 0, 2054, 5741, 8192, 5741, 2054, 0, -374, -134];
/// Table 4.5: inverse mantissas of the block maximum.
const INVERSE_MANTISSA: [i16; 8] = [29128, 26215, 23832, 21846, 20165, 18725, 17476, 16384];

/// 8 kHz samples to packed frames.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// Memory of the offset compensation and the pre-emphasis.
    z1: i16,
    z2: i32,
    emphasis: i16,
    /// LARs of the last frame.
    lar: [i16; 8],
    /// The lattice of the short-term filter.
    lattice: [i16; 8],
    /// The excitation of the last three subframes as the decoder will have it.
    past: [i16; MAX_LAG],
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    /// In its home state.
    pub const fn new() -> Encoder {
        Encoder { z1: 0, z2: 0, emphasis: 0, lar: [0; 8], lattice: [0; 8], past: [0; MAX_LAG] }
    }

    /// Appends one frame of 33 bytes for every 160 samples; the last one is filled with silence.
    pub fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        for samples in pcm.chunks(FRAME_SAMPLES) {
            out.extend_from_slice(&bits::pack(self.frame(samples)));
        }
    }

    /// Appends 65 bytes for every 320 samples as WAV files of format 49 have them; the last ones are filled with silence.
    pub fn encode_wav49(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        for samples in pcm.chunks(2 * FRAME_SAMPLES) {
            let (first, second) = samples.split_at(FRAME_SAMPLES.min(samples.len()));
            let frames = [self.frame(first), self.frame(second)];
            out.extend_from_slice(&bits::pack_wav49(frames));
        }
    }

    fn frame(&mut self, samples: &[i16]) -> Frame {
        let mut signal = self.preprocess(samples);
        let mut frame = Frame { lar: code_lar(reflections(&autocorrelation(&mut signal))), ..Frame::default() };
        self.short_term(&decode_lar(&frame.lar), &mut signal);
        for (sub, signal) in frame.sub.iter_mut().zip(signal.as_chunks::<SUBFRAME>().0) {
            *sub = self.subframe(signal);
        }
        frame
    }

    /// §4.2.1 to §4.2.3: 13 bits, no offset, pre-emphasis.
    fn preprocess(&mut self, samples: &[i16]) -> [i16; FRAME_SAMPLES] {
        let mut out = [0; FRAME_SAMPLES];
        let padded = samples.iter().copied().chain(std::iter::repeat(0));
        for (slot, sample) in out.iter_mut().zip(padded) {
            let scaled = (sample >> 3) << 2;
            let change = i32::from(scaled) - i32::from(self.z1);
            self.z1 = scaled;
            let (high, low) = (self.z2 >> 15, self.z2 & 0x7FFF);
            let sum = (change << 15) + ((low * 32735 + 16384) >> 15);
            self.z2 = (high * 32735).saturating_add(sum);
            let old = mult_r(self.emphasis, -28180);
            self.emphasis = (self.z2.saturating_add(16384) >> 15) as i16;
            *slot = add(self.emphasis, old);
        }
        out
    }

    /// §4.2.10: the lattice.
    fn short_term(&mut self, lar: &[i16; 8], signal: &mut [i16; FRAME_SAMPLES]) {
        let mut rest = &mut signal[..];
        for (count, reflection) in stretches(&self.lar, lar) {
            let (here, after) = rest.split_at_mut(count);
            rest = after;
            for sample in here {
                let (mut forward, mut backward) = (*sample, *sample);
                for (kept, reflection) in self.lattice.iter_mut().zip(reflection) {
                    let old = *kept;
                    *kept = backward;
                    backward = add(old, mult_r(reflection, forward));
                    forward = add(forward, mult_r(reflection, old));
                }
                *sample = forward;
            }
        }
        self.lar = *lar;
    }

    fn subframe(&mut self, signal: &[i16; SUBFRAME]) -> Subframe {
        let (lag, gain) = long_term(signal, &self.past);
        // §4.2.12: what the past explains is taken away.
        let mut predicted = [0; SUBFRAME];
        for (slot, old) in predicted.iter_mut().zip(&self.past[MAX_LAG - lag..]) {
            *slot = mult_r(GAIN[gain & 3], *old);
        }
        let mut residual = [0; SUBFRAME + 10];
        for (n, slot) in residual.iter_mut().skip(5).take(SUBFRAME).enumerate() {
            *slot = sub(signal[n], predicted[n]);
        }
        let sub = Subframe { lag: lag as i16, gain: gain as i16, ..pulses(&weighted(&residual)) };
        // §4.2.18: from here on the past is what the decoder knows.
        self.past.copy_within(SUBFRAME.., 0);
        let pulses = decode_pulses(&sub);
        for (n, slot) in self.past[MAX_LAG - SUBFRAME..].iter_mut().enumerate() {
            *slot = add(pulses[n], predicted[n]);
        }
        sub
    }
}

/// §4.2.4. Scales the signal down and up again, as the standard does: the bits that fall out are gone.
fn autocorrelation(signal: &mut [i16; FRAME_SAMPLES]) -> [i32; 9] {
    let peak = signal.iter().map(|sample| sample.saturating_abs()).max().unwrap_or(0);
    let shift = if peak == 0 { 0 } else { 4_u32.saturating_sub(norm(i32::from(peak) << 16)) };
    if shift > 0 {
        signal.iter_mut().for_each(|sample| *sample = mult_r(*sample, 16384 >> (shift - 1)));
    }
    let sums = std::array::from_fn(|lag| {
        // At most 160 products of 2^22: fits.
        let products = signal[lag..].iter().zip(&signal[..]);
        products.fold(0_i32, |sum, (a, b)| sum.wrapping_add(i32::from(*a) * i32::from(*b))) << 1
    });
    signal.iter_mut().for_each(|sample| *sample <<= shift);
    sums
}

/// §4.2.5: the Schur recursion.
fn reflections(sums: &[i32; 9]) -> [i16; 8] {
    let mut out = [0; 8];
    if sums[0] == 0 {
        return out;
    }
    let shift = norm(sums[0]);
    let mut p: [i16; 9] = sums.map(|sum| ((sum << shift) >> 16) as i16);
    let mut k = p;
    for (n, slot) in out.iter_mut().enumerate() {
        let magnitude = p[1].saturating_abs();
        if p[0] < magnitude {
            break;
        }
        let value = div(magnitude, p[0]);
        let value = if p[1] > 0 { -value } else { value };
        *slot = value;
        p[0] = add(p[0], mult_r(p[1], value));
        for m in 1..8 - n {
            p[m] = add(p[m + 1], mult_r(k[m], value));
            k[m] = add(k[m], mult_r(p[m + 1], value));
        }
    }
    out
}

/// §4.2.6 and §4.2.7: log area ratios and their codes.
fn code_lar(reflections: [i16; 8]) -> [i16; 8] {
    std::array::from_fn(|n| {
        let magnitude = reflections[n].saturating_abs();
        let lar = match magnitude {
            0..22118 => magnitude >> 1,
            22118..31130 => magnitude - 11059,
            _ => (magnitude - 26112) << 2,
        };
        let lar = if reflections[n] < 0 { -lar } else { lar };
        let code = add(add(mult(LAR_A[n], lar), LAR_B[n]), 256) >> 9;
        code.clamp(LAR_MIN[n], LAR_MAX[n]) - LAR_MIN[n]
    })
}

/// §4.2.11: the lag at which the past is most alike, and the code of its gain.
fn long_term(signal: &[i16; SUBFRAME], past: &[i16; MAX_LAG]) -> (usize, usize) {
    let peak = signal.iter().map(|sample| sample.saturating_abs()).max().unwrap_or(0);
    let room = if peak == 0 { 0 } else { norm(i32::from(peak) << 16) };
    let shift = 6_u32.saturating_sub(room);
    let scaled = signal.map(|sample| sample >> shift);
    let (mut lag, mut most) = (SUBFRAME, 0);
    for candidate in SUBFRAME..=MAX_LAG {
        // At most 40 products of 2^24: fits.
        let products = scaled.iter().zip(&past[MAX_LAG - candidate..]);
        let sum = products.fold(0_i32, |sum, (a, b)| sum.wrapping_add(i32::from(*a).wrapping_mul(i32::from(*b))));
        if sum > most {
            (lag, most) = (candidate, sum);
        }
    }
    let most = (most << 1) >> (6 - shift);
    let power: i32 = past[MAX_LAG - lag..][..SUBFRAME].iter().map(|old| i32::from(old >> 3).pow(2)).sum();
    let power = power << 1;
    if most <= 0 {
        return (lag, 0);
    }
    if most >= power {
        return (lag, 3);
    }
    let shift = norm(power);
    let (most, power) = (((most << shift) >> 16) as i16, ((power << shift) >> 16) as i16);
    let gain = GAIN_LEVEL.iter().position(|level| most <= mult(power, *level)).unwrap_or(3);
    (lag, gain)
}

/// §4.2.13: the weighting filter.
fn weighted(residual: &[i16; SUBFRAME + 10]) -> [i16; SUBFRAME] {
    std::array::from_fn(|n| {
        let products = residual[n..].iter().zip(WEIGHT);
        let sum = products.fold(4096_i32, |sum, (sample, tap)| sum.wrapping_add(i32::from(*sample).wrapping_mul(tap)));
        (sum >> 13).clamp(-32768, 32767) as i16
    })
}

/// §4.2.14 and §4.2.15: the strongest of four grids and its thirteen pulses.
fn pulses(weighted: &[i16; SUBFRAME]) -> Subframe {
    let on_grid = |grid: usize| -> [i16; PULSES] { std::array::from_fn(|n| weighted[grid + 3 * n]) };
    let (mut grid, mut most) = (0, 0);
    for candidate in 0..4 {
        let power: i32 = on_grid(candidate).iter().map(|sample| i32::from(sample >> 2).pow(2)).sum();
        if power > most {
            (grid, most) = (candidate, power);
        }
    }
    let samples = on_grid(grid);
    let peak = samples.iter().map(|sample| sample.saturating_abs()).max().unwrap_or(0);
    let mut exponent = 0_i16;
    while exponent < 6 && peak >> (9 + exponent) > 0 {
        exponent += 1;
    }
    let max = add(peak >> (exponent + 5), exponent << 3);
    let (exponent, mantissa) = exponent_and_mantissa(max);
    let shift = (6 - exponent).clamp(0, 15);
    let pulses = samples.map(|sample| (mult(sample << shift, INVERSE_MANTISSA[mantissa]) >> 12) + 4);
    Subframe { grid: grid as i16, max, pulses, ..Subframe::default() }
}
