//! A sine by table: the same on every machine, and cheap enough for a ringing tone on every line.

/// Table steps of a full turn; interpolated between, so the error is below -100 dB.
const STEPS: usize = 1024;

/// One turn and its first point again, in Q15.
static TABLE: [i32; STEPS + 1] = table();

const fn table() -> [i32; STEPS + 1] {
    let mut table = [0; STEPS + 1];
    let mut index = 0;
    while index <= STEPS {
        // Fold into -π/2..π/2, where the series is short.
        let turn = index as f64 / STEPS as f64;
        let folded = if turn > 0.75 {
            turn - 1.0
        } else if turn > 0.25 {
            0.5 - turn
        } else {
            turn
        };
        let x = folded * core::f64::consts::TAU;
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while n < 24.0 {
            term = -term * x * x / ((n + 1.0) * (n + 2.0));
            sum += term;
            n += 2.0;
        }
        let scaled = sum * 32767.0;
        table[index] = if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 } as i32;
        index += 1;
    }
    table
}

/// An oscillator whose phase is a 32-bit fraction of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Oscillator {
    phase: u32,
    step: u32,
}

impl Oscillator {
    /// `tenths` of a hertz at `rate` samples per second, starting at phase zero.
    pub(crate) fn new(tenths: u32, rate: u32) -> Oscillator {
        let step = (u64::from(tenths) << 32) / (u64::from(rate.max(1)) * 10);
        Oscillator { phase: 0, step: step as u32 }
    }

    /// The next value in Q15.
    pub(crate) fn next(&mut self) -> i32 {
        let index = (self.phase >> 22) as usize;
        let part = ((self.phase >> 7) & 0x7FFF) as i32;
        let (here, there) = (TABLE[index], TABLE[index + 1]);
        self.phase = self.phase.wrapping_add(self.step);
        here + (((there - here) * part) >> 15)
    }
}

/// The peak of a sine at this many tenths of dBm0. Full scale is +3.17 dBm0 in µ-law and +3.14 in A-law (G.711 §4);
/// we take the former.
pub(crate) fn peak(tenths_dbm0: i32) -> i32 {
    let db = f64::from(tenths_dbm0.clamp(-900, 31)) / 10.0 - 3.17;
    (32767.0 * 10_f64.powf(db / 20.0)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_a_sine() {
        let mut oscillator = Oscillator::new(10_040, 8000);
        for n in 0..8000 {
            let exact = (std::f64::consts::TAU * 1004.0 * f64::from(n) / 8000.0).sin() * 32767.0;
            let got = f64::from(oscillator.next());
            assert!((exact - got).abs() < 2.5, "{n}: {exact} {got}");
        }
    }

    #[test]
    fn zero_dbm0_is_the_digital_milliwatt() {
        // Table 5 of G.711: the µ-law sequence 1E 0B 0B 1E has samples 8031 and 19388-ish; its sine peaks near 22,750.
        let peak = peak(0);
        assert!((22_600..22_900).contains(&peak), "{peak}");
    }
}
