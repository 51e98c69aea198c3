//! GSM 06.10 full rate, RPE-LTP at 13 kbit/s: 160 samples at 8 kHz in 33 bytes. Written from ETSI EN 300 961 in its own 16-bit
//! arithmetic; the section numbers in these files are those of the standard.
//!
//! [`encoder`](Encoder) and [`decoder`](Decoder) share what is here: the coded frame, the LARs and the RPE pulses.
//! `tests/outside_codecs.rs` compares with libgsm to the bit.

mod arith;
mod bits;
mod decoder;
mod encoder;

pub use decoder::Decoder;
pub use encoder::Encoder;

use arith::{add, mult_r, sub};

/// Bytes of a packed frame (RFC 3551 §4.5.8).
pub const FRAME_BYTES: usize = 33;
/// Bytes of two frames in a WAV file of format 49.
pub const WAV49_BYTES: usize = 65;
/// Samples of a frame: 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 160;

/// Samples of a subframe.
const SUBFRAME: usize = 40;
/// How far back the long-term predictor looks.
const MAX_LAG: usize = 120;
/// RPE pulses of a subframe.
const PULSES: usize = 13;

/// The 76 parameters of a frame, in the order in which they are sent (§1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Frame {
    /// Log area ratios.
    lar: [i16; 8],
    sub: [Subframe; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Subframe {
    /// LTP lag and gain.
    lag: i16,
    gain: i16,
    /// RPE grid position, block maximum, pulses.
    grid: i16,
    max: i16,
    pulses: [i16; PULSES],
}

/// Bits of each LAR.
const LAR_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];
/// Tables 4.1 and 4.2 by LAR: A, B, the greatest and the least code, and 1/A.
const LAR_A: [i16; 8] = [20480, 20480, 20480, 20480, 13964, 15360, 8534, 9036];
const LAR_B: [i16; 8] = [0, 0, 2048, -2560, 94, -1792, -341, -1144];
const LAR_MAX: [i16; 8] = [31, 31, 15, 15, 7, 7, 3, 3];
const LAR_MIN: [i16; 8] = [-32, -32, -16, -16, -8, -8, -4, -4];
const LAR_INVERSE_A: [i16; 8] = [13107, 13107, 13107, 13107, 19223, 17476, 31454, 29708];

/// Table 4.3b: LTP gains.
const GAIN: [i16; 4] = [3277, 11469, 21299, 32767];
/// Table 4.6: mantissas of the block maximum.
const MANTISSA: [i16; 8] = [18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767];

/// §4.2.8: the LARs that the codes stand for.
fn decode_lar(codes: &[i16; 8]) -> [i16; 8] {
    std::array::from_fn(|n| {
        let value = add(codes[n], LAR_MIN[n]) << 10;
        let value = mult_r(LAR_INVERSE_A[n], sub(value, LAR_B[n] << 1));
        add(value, value)
    })
}

/// §4.2.9: LARs glide from the last frame's into this one's. Gives reflection coefficients for each stretch of samples.
fn stretches(before: &[i16; 8], now: &[i16; 8]) -> [(usize, [i16; 8]); 4] {
    let each = |mix: fn(i16, i16) -> i16| std::array::from_fn(|n| reflection(mix(before[n], now[n])));
    [
        (13, each(|old, new| add(add(old >> 2, new >> 2), old >> 1))),
        (14, each(|old, new| add(old >> 1, new >> 1))),
        (13, each(|old, new| add(add(old >> 2, new >> 2), new >> 1))),
        (120, each(|_, new| new)),
    ]
}

/// §4.2.9.2: one reflection coefficient.
fn reflection(lar: i16) -> i16 {
    let magnitude = lar.saturating_abs();
    let value = match magnitude {
        0..11059 => magnitude << 1,
        11059..20070 => magnitude + 11059,
        _ => add(magnitude >> 2, 26112),
    };
    if lar < 0 { -value } else { value }
}

/// §4.2.15: exponent and mantissa of the block maximum's code.
fn exponent_and_mantissa(code: i16) -> (i16, usize) {
    let mut exponent = if code > 15 { (code >> 3) - 1 } else { 0 };
    let mut mantissa = code - (exponent << 3);
    if mantissa == 0 {
        return (-4, 7);
    }
    while mantissa <= 7 {
        mantissa = (mantissa << 1) | 1;
        exponent -= 1;
    }
    (exponent, (mantissa - 8) as usize & 7)
}

/// §4.2.16 and §4.2.17: the 40 samples that the pulses stand for.
fn decode_pulses(sub: &Subframe) -> [i16; SUBFRAME] {
    let (exponent, mantissa) = exponent_and_mantissa(sub.max);
    let shift = (6 - exponent).clamp(0, 15);
    let half = if shift == 0 { 0 } else { 1_i16 << (shift - 1) };
    let mut out = [0; SUBFRAME];
    for (n, code) in sub.pulses.iter().enumerate() {
        let value = mult_r(MANTISSA[mantissa], ((code << 1) - 7) << 12);
        if let Some(slot) = out.get_mut(usize::from(sub.grid.unsigned_abs() & 3) + 3 * n) {
            *slot = add(value, half) >> shift;
        }
    }
    out
}
