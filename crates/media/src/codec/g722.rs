//! G.722 at 64 kbit/s (mode 1): two sub-bands of ADPCM under a quadrature mirror filter, in the integer arithmetic of
//! the ITU-T recommendation. The names of the functions and tables are those of its blocks (G.722 §6).
//!
//! Next: `tests/outside_codecs.rs` compares with ffmpeg to the bit.

/// Two samples at 16 kHz become one byte.
pub const SAMPLES_PER_BYTE: usize = 2;

/// The even taps of the 24-tap QMF; the odd ones are the same backwards (G.722 table 11).
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Decision levels of the 6-bit quantiser of the lower band (table 13, Q6).
const Q6: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Output codes for negative differences (ILN).
const ILN: [u8; 31] = [
    0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
];
/// Output codes for positive differences (ILP).
const ILP: [u8; 31] = [
    0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34,
    33, 32,
];
/// Log scale factor multipliers of the lower band by the 4-bit code (WL through RIL).
const WL: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
/// The antilogarithm (ILB).
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
/// Inverse quantiser of the predictor's 4 bits (QM4).
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
/// Inverse quantiser of the 6-bit code (QM6).
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// Inverse quantiser of the higher band (QM2).
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// Log scale factor multipliers of the higher band by its 2-bit code (WH through RIH2).
const WH: [i32; 4] = [798, -214, 798, -214];

fn saturate(value: i32) -> i32 {
    value.clamp(-32768, 32767)
}

/// `a * b` in Q15, the multiplication of the recommendation. Both have 16 bits, so it never wraps.
fn mult(a: i32, b: i32) -> i32 {
    a.wrapping_mul(b) >> 15
}

/// The adaptive predictor and scale factor of one sub-band (blocks 3 and 4; the same for both bands).
#[derive(Debug, Clone)]
struct Band {
    /// Prediction of the next sample and its part from the zeros.
    s: i32,
    sz: i32,
    /// Reconstructed signal: the last two values.
    r: [i32; 2],
    /// Pole coefficients.
    a: [i32; 2],
    /// Zero coefficients, newest difference first.
    b: [i32; 6],
    d: [i32; 6],
    /// Signs of the last two partially reconstructed values, as 0 or -1.
    p: [i32; 2],
    /// Logarithmic and linear scale factor.
    nb: i32,
    det: i32,
}

impl Band {
    const fn new(det: i32) -> Band {
        Band { s: 0, sz: 0, r: [0; 2], a: [0; 2], b: [0; 6], d: [0; 6], p: [0; 2], nb: 0, det }
    }

    /// LOGSCL/LOGSCH and SCALEL/SCALEH: adapt the scale factor.
    fn scale(&mut self, step: i32, limit: i32, shift: i32) {
        self.nb = (((self.nb * 127) >> 7) + step).clamp(0, limit);
        let mantissa = ILB[(self.nb >> 6) as usize & 31];
        let shift = shift - (self.nb >> 11);
        self.det = if shift < 0 { mantissa << -shift } else { mantissa >> shift } << 2;
    }

    /// Block 4: take in the quantised difference and predict the next sample.
    fn adapt(&mut self, d: i32) {
        // RECONS and PARREC
        let r = saturate(self.s + d);
        let p = saturate(self.sz + d) >> 15;

        // UPPOL2
        let wd = saturate(self.a[0] << 2);
        let wd = if p == self.p[0] { (-wd).min(32767) } else { wd };
        let sign = if p == self.p[1] { 128 } else { -128 };
        let a2 = (sign + (wd >> 7) + mult(self.a[1], 32512)).clamp(-12288, 12288);

        // UPPOL1
        let sign = if p == self.p[0] { 192 } else { -192 };
        let bound = saturate(15360 - a2);
        let a1 = saturate(sign + mult(self.a[0], 32640)).clamp(-bound, bound);

        // UPZERO
        let step = if d == 0 { 0 } else { 128 };
        let sign = d >> 15;
        for (b, old) in self.b.iter_mut().zip(self.d) {
            let change = if old >> 15 == sign { step } else { -step };
            *b = saturate(change + mult(*b, 32640));
        }

        // DELAYA
        self.d.copy_within(0..5, 1);
        self.d[0] = d;
        self.r = [r, self.r[0]];
        self.p = [p, self.p[0]];
        self.a = [a1, a2];

        // FILTEP, FILTEZ, PREDIC
        let sp = saturate(mult(a1, saturate(2 * self.r[0])) + mult(a2, saturate(2 * self.r[1])));
        let products = self.b.iter().zip(self.d).map(|(b, d)| mult(*b, saturate(2 * d)));
        let sum = products.fold(0_i32, i32::wrapping_add);
        self.sz = saturate(sum);
        self.s = saturate(sp + self.sz);
    }

    /// The lower band's part after the 4-bit code is known; the same in both directions.
    fn low(&mut self, code4: usize) {
        let d = mult(self.det, QM4[code4 & 15]);
        self.scale(WL[code4 & 15], 18432, 8);
        self.adapt(d);
    }

    /// The higher band's part after the 2-bit code is known. Gives the difference.
    fn high(&mut self, code2: usize) -> i32 {
        let d = mult(self.det, QM2[code2 & 3]);
        self.scale(WH[code2 & 3], 22528, 10);
        self.adapt(d);
        d
    }
}

/// The 24-tap quadrature mirror filter: each step takes two values and gives the sums over even and odd taps.
#[derive(Debug, Clone)]
struct Qmf {
    /// First and second values of the last twelve steps, the oldest first.
    first: [i32; 12],
    second: [i32; 12],
}

/// The taps of the second values.
const QMF_BACKWARDS: [i32; 12] = {
    let mut taps = [0; 12];
    let mut n = 0;
    while n < 12 {
        taps[n] = QMF[11 - n];
        n += 1;
    }
    taps
};

impl Qmf {
    const fn new() -> Qmf {
        Qmf { first: [0; 12], second: [0; 12] }
    }

    fn step(&mut self, first: i32, second: i32) -> (i32, i32) {
        self.first.copy_within(1.., 0);
        self.first[11] = first;
        self.second.copy_within(1.., 0);
        self.second[11] = second;
        (dot(&self.second, &QMF_BACKWARDS), dot(&self.first, &QMF))
    }
}

/// Wrapping only for speed: the taps sum to less than 2^13 and the values have 17 bits.
fn dot(values: &[i32; 12], taps: &[i32; 12]) -> i32 {
    values.iter().zip(taps).fold(0, |sum, (value, tap)| sum.wrapping_add(value.wrapping_mul(*tap)))
}

/// 16 kHz samples to bytes.
#[derive(Debug, Clone)]
pub struct Encoder {
    qmf: Qmf,
    low: Band,
    high: Band,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    /// In the reset state of the recommendation.
    pub const fn new() -> Encoder {
        Encoder { qmf: Qmf::new(), low: Band::new(32), high: Band::new(8) }
    }

    /// Appends one byte for every two samples; a lone last sample is paired with silence.
    pub fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        let (pairs, rest) = pcm.as_chunks::<2>();
        out.reserve(pairs.len() + rest.len());
        for &[first, second] in pairs {
            out.push(self.byte(first, second));
        }
        if let [last] = rest {
            out.push(self.byte(*last, 0));
        }
    }

    fn byte(&mut self, first: i16, second: i16) -> u8 {
        let (even, odd) = self.qmf.step(i32::from(first), i32::from(second));
        // 12 bits of filter gain, one for the sum of two filters, one because the bands have 15 bits.
        self.bands(saturate((even + odd) >> 14) as i16, saturate((even - odd) >> 14) as i16)
    }

    /// The sub-band part alone: 15-bit values in, code out. The ITU's test sequences drive this, without the filter.
    pub fn bands(&mut self, low: i16, high: i16) -> u8 {
        // SUBTRA, QUANTL
        let el = saturate(i32::from(low) - self.low.s);
        let wd = if el < 0 { !el } else { el };
        // The levels rise, so counting those below is finding the first above; the first one is zero.
        let level: usize = Q6.iter().map(|level| usize::from(wd >= level.wrapping_mul(self.low.det) >> 12)).sum();
        let code6 = if el < 0 { ILN[level] } else { ILP[level] };
        self.low.low(usize::from(code6 >> 2));

        // SUBTRA, QUANTH
        let eh = saturate(i32::from(high) - self.high.s);
        let wd = if eh < 0 { !eh } else { eh };
        let outer = wd >= (564 * self.high.det) >> 12;
        let code2 = match (eh < 0, outer) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.high.high(usize::from(code2));
        (code2 << 6) | code6
    }
}

/// Bytes to 16 kHz samples.
#[derive(Debug, Clone)]
pub struct Decoder {
    qmf: Qmf,
    low: Band,
    high: Band,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// In the reset state of the recommendation.
    pub const fn new() -> Decoder {
        Decoder { qmf: Qmf::new(), low: Band::new(32), high: Band::new(8) }
    }

    /// Appends two samples for every byte.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        out.reserve(payload.len() * 2);
        for byte in payload {
            let (low, high) = self.bands(*byte);
            let (low, high) = (i32::from(low), i32::from(high));
            let (even, odd) = self.qmf.step(low + high, low - high);
            out.push(saturate(even >> 11) as i16);
            out.push(saturate(odd >> 11) as i16);
        }
    }

    /// The sub-band part alone: code in, 15-bit values of the lower and the higher band out.
    pub fn bands(&mut self, code: u8) -> (i16, i16) {
        let code6 = usize::from(code & 0x3F);
        let low = (self.low.s + mult(self.low.det, QM6[code6])).clamp(-16384, 16383);
        self.low.low(code6 >> 2);

        let predicted = self.high.s;
        let high = (predicted + self.high.high(usize::from(code >> 6))).clamp(-16384, 16383);
        (low as i16, high as i16)
    }
}
