//! Hears digits in audio (ITU-T Q.23, Q.24): for calls that agreed on no telephone-event.
//!
//! The audio is cut into steps of 5 ms; three of them are a block. For each of the eight frequencies a block gives level and
//! phase; the phase from block to block tells the frequency far more exactly than the width of the block would. Speech
//! fails on purity, twist or frequency long before four blocks in a row agree.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use crate::dtmf::{HIGH, KEYS, LOW};

/// Samples of a step.
const STEP: usize = 40;
/// Steps of a block: 15 ms, a resolution of 67 Hz.
const BLOCK: usize = 3;
/// Blocks in a row before we believe it: 30 ms of tone. Q.24 wants 40 ms heard and 20 ms not.
const BELIEVE: u32 = 4;
/// Blocks in a row without it before it has ended: a pause of 40 ms makes nine, a drop-out of 10 ms at most four.
const ENDED: u32 = 5;

/// Each frequency at least -36 dBm0: a peak of 361, as energy of a block.
const LEAST: f32 = 361.0 * 361.0 / 2.0 * (STEP * BLOCK) as f32;
/// Part of all the energy that the two frequencies must have: in one block, where one leaks into the other, and over all.
const PURITY: (f32, f32) = (0.78, 0.88);
/// The second strongest frequency of a group lies at least 8 dB below.
const CLEAR: f32 = 0.158;
/// The high group may be stronger by 4 dB (6.5 with what noise and offset do), and weaker by 8 dB (10.5).
const TWIST: (f32, f32) = (0.089, 4.47);
/// Offset that one block may show, and that all of them together may (1.5 % is heard, 3.5 % is not).
const LOOSE: f32 = 0.042;
const TIGHT: f32 = 0.025;
/// How far the level of a frequency may change from one block to the next: 4 dB, which no phone does and speech does.
const STEADY: f32 = 2.6;

/// A digit that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Heard {
    /// One of `0-9*#A-D`.
    pub digit: char,
    /// How long it sounded, in milliseconds, to about 10 ms.
    pub ms: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Complex {
    re: f32,
    im: f32,
}

impl Complex {
    fn turn(angle: f32) -> Complex {
        Complex { re: angle.cos(), im: angle.sin() }
    }

    fn plus(self, other: Complex) -> Complex {
        Complex { re: self.re + other.re, im: self.im + other.im }
    }

    fn times(self, other: Complex) -> Complex {
        Complex { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    fn conjugate(self) -> Complex {
        Complex { re: self.re, im: -self.im }
    }

    fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }

    fn angle(self) -> f32 {
        self.im.atan2(self.re)
    }
}

/// What the eight frequencies look like over one step.
struct Tables {
    /// Turning backwards, by sample.
    re: [[f32; 8]; STEP],
    im: [[f32; 8]; STEP],
    /// How far a step turns each frequency, backwards.
    step: [Complex; 8],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut tables = Tables { re: [[0.0; 8]; STEP], im: [[0.0; 8]; STEP], step: [Complex::default(); 8] };
    for f in 0..8 {
        for n in 0..STEP {
            let turn = Complex::turn(-omega(f) * n as f32);
            tables.re[n][f] = turn.re;
            tables.im[n][f] = turn.im;
        }
        tables.step[f] = Complex::turn(-omega(f) * STEP as f32);
    }
    tables
});

/// Hertz of one of the eight frequencies, low group first.
fn hertz(f: usize) -> f32 {
    f32::from(if f < 4 { LOW[f & 3] } else { HIGH[f & 3] })
}

/// The same in radians per sample.
fn omega(f: usize) -> f32 {
    TAU * hertz(f) / 8000.0
}

/// A step as the frequencies see it, and its energy.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    parts: [Complex; 8],
    energy: f32,
}

/// What one block says, if it sounds like a digit.
#[derive(Debug, Clone, Copy)]
struct Hit {
    row: usize,
    column: usize,
    /// Energies of the two frequencies.
    levels: [f32; 2],
    /// Their turn since the block before, less the nominal one: its angle is the offset.
    turns: [Complex; 2],
    /// All the energy of the block.
    energy: f32,
}

/// Blocks in a row that say the same digit.
#[derive(Debug, Clone)]
struct Run {
    row: usize,
    column: usize,
    /// Blocks that say so, and steps from the first to the last of them.
    blocks: u32,
    steps: u32,
    missed: u32,
    levels: [f32; 2],
    /// Sum of the turns since the second block; the first one's reaches into what was before.
    turns: [Complex; 2],
    /// Energy since the second block: of the two frequencies, and all of it.
    energy: [f32; 2],
    believed: bool,
}

/// Listens to one direction of a call at 8 kHz.
#[derive(Debug, Clone, Default)]
pub struct Detector {
    /// Samples of a step that is not complete.
    pending: Vec<i16>,
    steps: [Step; BLOCK],
    before: [Complex; 8],
    run: Option<Run>,
}

impl Detector {
    /// Has heard nothing yet.
    pub fn new() -> Detector {
        Detector::default()
    }

    /// Listens to more samples at 8 kHz; gives the digits that have *ended* in them. Each digit is told once.
    pub fn push(&mut self, mut pcm: &[i16]) -> Vec<Heard> {
        let mut heard = Vec::new();
        if !self.pending.is_empty() {
            let (fill, rest) = pcm.split_at((STEP - self.pending.len()).min(pcm.len()));
            self.pending.extend_from_slice(fill);
            pcm = rest;
            if let Some(samples) = self.pending.first_chunk::<STEP>().copied() {
                self.pending.clear();
                heard.extend(self.step(&samples));
            }
        }
        let (steps, rest) = pcm.as_chunks::<STEP>();
        for samples in steps {
            heard.extend(self.step(samples));
        }
        self.pending.extend_from_slice(rest);
        heard
    }

    /// The digit that sounds right now, so that a recording can be kept free of it.
    pub fn sounding(&self) -> Option<char> {
        self.run.as_ref().filter(|run| run.blocks > 1).map(|run| KEYS[run.row][run.column])
    }

    fn step(&mut self, samples: &[i16; STEP]) -> Option<Heard> {
        let (mut re, mut im, mut energy) = ([0.0_f32; 8], [0.0_f32; 8], 0.0_f32);
        let tables = &*TABLES;
        for ((sample, turn_re), turn_im) in samples.iter().zip(&tables.re).zip(&tables.im) {
            let sample = f32::from(*sample);
            energy += sample * sample;
            for f in 0..8 {
                re[f] += sample * turn_re[f];
                im[f] += sample * turn_im[f];
            }
        }
        let parts = std::array::from_fn(|f| Complex { re: re[f], im: im[f] });
        self.steps = [self.steps[1], self.steps[2], Step { parts, energy }];

        let [first, second, third] = self.steps;
        let block = std::array::from_fn(|f| {
            let turn = tables.step[f];
            first.parts[f].plus(second.parts[f].plus(third.parts[f].times(turn)).times(turn))
        });
        let hit = judge(&block, &self.before, first.energy + second.energy + third.energy);
        self.before = block;
        self.follow(hit)
    }

    /// Joins blocks to digits.
    fn follow(&mut self, hit: Option<Hit>) -> Option<Heard> {
        if let (Some(run), Some(hit)) = (&mut self.run, &hit) {
            let same = run.row == hit.row && run.column == hit.column;
            let steady = (0..2).all(|n| {
                let change = hit.levels[n] / run.levels[n];
                (1.0 / STEADY..STEADY).contains(&change)
            });
            if same && (run.believed || steady) {
                run.blocks += 1;
                run.steps += 1 + run.missed;
                run.missed = 0;
                run.levels = hit.levels;
                run.turns = [run.turns[0].plus(hit.turns[0]), run.turns[1].plus(hit.turns[1])];
                run.energy = [run.energy[0] + hit.levels[0] + hit.levels[1], run.energy[1] + hit.energy];
                run.believed |= run.blocks >= BELIEVE && run.true_to_frequency() && run.pure();
                return None;
            }
        }
        match &mut self.run {
            Some(run) if run.may_miss(hit.is_some()) => {
                run.missed += 1;
                None
            }
            run => {
                let ended = run.take().filter(|run| run.believed).map(|run| run.heard());
                *run = hit.map(Run::begin);
                ended
            }
        }
    }
}

impl Run {
    fn begin(hit: Hit) -> Run {
        let Hit { row, column, levels, .. } = hit;
        Run {
            row,
            column,
            blocks: 1,
            steps: 1,
            missed: 0,
            levels,
            turns: [Complex::default(); 2],
            energy: [0.0; 2],
            believed: false,
        }
    }

    /// Both frequencies over all blocks together.
    fn true_to_frequency(&self) -> bool {
        offset(self.turns[0], self.row).abs() < TIGHT && offset(self.turns[1], self.column + 4).abs() < TIGHT
    }

    /// Is one more block forgiven that says nothing, or another digit?
    fn may_miss(&self, other: bool) -> bool {
        let most = match (self.believed, other) {
            (true, false) => ENDED - 1,
            (true, true) => 2,
            (false, false) => 1,
            (false, true) => 0,
        };
        self.missed < most
    }

    /// Nothing else sounds.
    fn pure(&self) -> bool {
        self.energy[0] > PURITY.1 * self.energy[1]
    }

    fn heard(&self) -> Heard {
        // A block that lies half in the tone still hits or misses; the middle of both is the true length.
        let samples = (self.steps + 2) * STEP as u32;
        Heard { digit: KEYS[self.row][self.column], ms: samples / 8 }
    }
}

/// The relative offset of a frequency that turned so far in one step.
fn offset(turn: Complex, f: usize) -> f32 {
    turn.angle() / (omega(f) * STEP as f32)
}

/// The strongest of four energies and whether it stands clear of the others.
fn strongest(powers: &[f32; 4]) -> (usize, bool) {
    let mut best = 0;
    for n in 1..4 {
        if powers[n] > powers[best] {
            best = n;
        }
    }
    let clear = (0..4).all(|n| n == best || powers[n] < powers[best] * CLEAR);
    (best, clear)
}

/// Does this block sound like a digit?
fn judge(block: &[Complex; 8], before: &[Complex; 8], energy: f32) -> Option<Hit> {
    if energy < 2.0 * LEAST {
        return None;
    }
    // A sine that fills the block has this energy where the block is turned with it.
    let scale = 2.0 / (STEP * BLOCK) as f32;
    let (row, clear_row) = strongest(&std::array::from_fn(|n| block[n].power()));
    let (column, clear_column) = strongest(&std::array::from_fn(|n| block[n + 4].power()));
    if !clear_row || !clear_column {
        return None;
    }
    let (mut levels, mut turns) = ([0.0; 2], [Complex::default(); 2]);
    for (n, f) in [row, column + 4].into_iter().enumerate() {
        turns[n] = block[f].times(before[f].conjugate()).times(TABLES.step[f]);
        let off = offset(turns[n], f);
        if off.abs() > LOOSE {
            return None;
        }
        // What the block loses because the frequency is off its middle.
        let half = off * omega(f) * (STEP * BLOCK) as f32 / 2.0;
        let loss = if half.abs() < 1e-3 { 1.0 } else { (half.sin() / half).powi(2) };
        levels[n] = block[f].power() * scale / loss;
        if levels[n] < LEAST {
            return None;
        }
    }
    let twist = levels[1] / levels[0];
    let pure = levels[0] + levels[1] > PURITY.0 * energy;
    (pure && (TWIST.0..TWIST.1).contains(&twist)).then_some(Hit { row, column, levels, turns, energy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, g711};
    use crate::sine;

    /// How the digits of a case sound.
    #[derive(Clone, Copy)]
    struct Case {
        on: usize,
        off: usize,
        /// Tenths of dBm0 of the low and the high frequency.
        low: i32,
        high: i32,
        /// Frequency offsets.
        detune: (f64, f64),
        /// Noise in dB below the two frequencies together.
        snr: Option<f64>,
        dial_tone: bool,
    }

    const PLAIN: Case =
        Case { on: 50, off: 50, low: -100, high: -100, detune: (0.0, 0.0), snr: None, dial_tone: false };

    impl Case {
        /// 320 digits, or as many as make half a minute.
        fn count(&self) -> usize {
            (30_000 / self.on).min(320)
        }
    }

    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// Nearly normal, variance one.
        fn normal(&mut self) -> f64 {
            ((0..4).map(|_| self.next()).sum::<f64>() - 2.0) * 1.732
        }
    }

    /// Digits in a row, each beginning anywhere; what was sent and the audio.
    fn audio(case: Case) -> (String, Vec<i16>) {
        let mut chance = Chance(0x5DEECE66D);
        let (mut sent, mut pcm) = (String::new(), vec![0.0; 800]);
        let (low, high) = (f64::from(sine::peak(case.low)), f64::from(sine::peak(case.high)));
        for n in 0..case.count() {
            let (row, column) = (n % 4, n / 4 % 4);
            sent.push(KEYS[row][column]);
            let phases = (chance.next() * 6.0, chance.next() * 6.0);
            let turn = |hz: u16, detune: f64| std::f64::consts::TAU * f64::from(hz) * (1.0 + detune) / 8000.0;
            let (a, b) = (turn(LOW[row], case.detune.0), turn(HIGH[column], case.detune.1));
            pcm.extend(
                (0..case.on * 8)
                    .map(|t| low * (a * t as f64 + phases.0).sin() + high * (b * t as f64 + phases.1).sin()),
            );
            pcm.extend(vec![0.0; case.off * 8 + (chance.next() * 40.0) as usize]);
        }
        pcm.extend([0.0; 800]);
        let power = (low * low + high * high) / 2.0;
        let noise = case.snr.map_or(0.0, |snr| (power / 10_f64.powf(snr / 10.0)).sqrt());
        let dial = if case.dial_tone { f64::from(sine::peak(-220)) } else { 0.0 };
        let tone = |hz: f64, t: usize| (std::f64::consts::TAU * hz * t as f64 / 8000.0).sin();
        let samples = pcm.iter().enumerate().map(|(t, sample)| {
            let sum = sample + noise * chance.normal() + dial * (tone(350.0, t) + tone(440.0, t));
            sum.clamp(-32768.0, 32767.0) as i16
        });
        (sent, samples.collect())
    }

    fn listen(pcm: &[i16]) -> String {
        let mut detector = Detector::new();
        pcm.chunks(160).flat_map(|frame| detector.push(frame)).map(|heard| heard.digit).collect()
    }

    /// Every digit exactly once and nothing else.
    #[track_caller]
    fn accept(what: &str, case: Case) {
        let (sent, pcm) = audio(case);
        let heard = listen(&pcm);
        assert!(heard == sent, "{what}: {} of {} heard\n{sent}\n{heard}", heard.len(), sent.len());
    }

    #[track_caller]
    fn refuse(what: &str, case: Case) {
        let heard = listen(&audio(case).1);
        assert!(heard.is_empty(), "{what}: {} of {} heard: {heard}", heard.len(), case.count());
    }

    #[test]
    fn what_q24_wants_heard_is_heard() {
        accept("50/50 ms", PLAIN);
        accept("40/40 ms", Case { on: 40, off: 40, ..PLAIN });
        accept("1 s", Case { on: 1000, off: 40, ..PLAIN });
        for (a, b) in [(0.015, 0.015), (-0.015, -0.015), (0.015, -0.015), (-0.015, 0.015)] {
            accept(&format!("{a} {b}"), Case { detune: (a, b), ..PLAIN });
            accept(&format!("{a} {b} at 15 dB"), Case { detune: (a, b), snr: Some(15.0), ..PLAIN });
            accept(&format!("{a} {b} in 40 ms"), Case { detune: (a, b), on: 40, off: 40, ..PLAIN });
        }
        for snr in [24.0, 15.0, 12.0] {
            accept(&format!("{snr} dB"), Case { snr: Some(snr), ..PLAIN });
            accept(&format!("{snr} dB in 40 ms"), Case { snr: Some(snr), on: 40, off: 40, ..PLAIN });
        }
    }

    #[test]
    fn levels_and_twists_of_q24_are_heard() {
        accept("twist +4", Case { low: -140, high: -100, ..PLAIN });
        accept("twist -8", Case { low: -100, high: -180, ..PLAIN });
        for detune in [(0.015, 0.015), (-0.015, -0.015)] {
            accept("twist +4 detuned", Case { low: -140, high: -100, detune, snr: Some(20.0), ..PLAIN });
            accept("twist -8 detuned", Case { low: -100, high: -180, detune, snr: Some(20.0), ..PLAIN });
        }
        for level in [-300, -250, -30, 0] {
            accept(&format!("{} dBm0", level / 10), Case { low: level, high: level, ..PLAIN });
        }
        accept("dial tone", Case { dial_tone: true, ..PLAIN });
    }

    #[test]
    fn what_q24_wants_refused_is_refused() {
        for (a, b) in [(0.035, 0.035), (-0.035, -0.035), (0.035, 0.0), (-0.035, 0.0), (0.0, 0.035), (0.0, -0.035)] {
            refuse(&format!("{a} {b}"), Case { detune: (a, b), ..PLAIN });
            refuse(&format!("{a} {b} for 1 s"), Case { detune: (a, b), on: 1000, ..PLAIN });
            refuse(&format!("{a} {b} at 20 dB"), Case { detune: (a, b), snr: Some(20.0), ..PLAIN });
        }
        refuse("20 ms", Case { on: 20, ..PLAIN });
        refuse("20 ms at 20 dB", Case { on: 20, snr: Some(20.0), ..PLAIN });
        refuse("-60 dBm0", Case { low: -600, high: -600, ..PLAIN });
        refuse("twist +12", Case { low: -220, high: -100, ..PLAIN });
        refuse("twist -14", Case { low: -100, high: -240, ..PLAIN });
        refuse("only low", Case { high: -900, ..PLAIN });
        refuse("only high", Case { low: -900, ..PLAIN });
    }

    #[test]
    fn a_drop_out_of_10_ms_does_not_make_two_digits() {
        let mut pcm = vec![0; 800];
        let on = audio(Case { on: 60, off: 10, ..PLAIN }).1;
        let digit = &on[800..800 + 480];
        pcm.extend_from_slice(digit);
        pcm.extend([0; 80]);
        pcm.extend_from_slice(digit);
        pcm.extend([0; 800]);
        assert_eq!(listen(&pcm), "1");
    }

    #[test]
    fn lengths_are_told_to_about_10_ms() {
        for on in [40, 100, 500, 3000] {
            let pcm = audio(Case { on, off: 60, ..PLAIN }).1;
            let mut detector = Detector::new();
            for heard in detector.push(&pcm[..pcm.len().min(80_000)]) {
                assert!(heard.ms.abs_diff(on as u32) <= 12, "{} for {on}", heard.ms);
            }
        }
    }

    #[test]
    fn companding_does_not_hide_digits() {
        let (sent, pcm) = audio(PLAIN);
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let (mut payload, mut back) = (Vec::new(), Vec::new());
            codec.encoder().encode(&pcm, &mut payload);
            codec.decoder().decode(&payload, &mut back);
            assert_eq!(listen(&back), sent);
        }
        assert_eq!(g711::linear_from_ulaw(g711::ULAW_SILENCE), 0);
    }

    /// A voice: harmonics of a gliding pitch under three gliding formants. Four minutes; `tests/outside_codecs.rs` has real ones.
    #[test]
    fn gliding_harmonics_are_no_digits() {
        let mut chance = Chance(99);
        let (mut phase, mut pitch, mut target) = (0.0_f64, 120.0_f64, 120.0_f64);
        let mut formants = [500.0, 1500.0, 2500.0];
        let mut detector = Detector::new();
        let mut heard = Vec::new();
        let mut pcm = [0_i16; 80];
        for turn in 0..24_000 {
            if turn % 20 == 0 {
                target = (target + chance.normal() * 25.0).clamp(80.0, 300.0);
            }
            for (formant, (low, high)) in formants.iter_mut().zip([(250.0, 950.0), (800.0, 2300.0), (2000.0, 3200.0)]) {
                *formant = (*formant + chance.normal() * 25.0_f64).clamp(low, high);
            }
            let gains: [f64; 12] = std::array::from_fn(|n| {
                let hz = pitch * (n + 1) as f64;
                let formants = formants.iter().zip([1.0, 0.7, 0.3]);
                formants.map(|(f, weight)| weight / (1.0 + ((hz - f) / 60.0).powi(2)).sqrt()).sum()
            });
            for sample in &mut pcm {
                pitch += (target - pitch) * 0.001;
                phase += std::f64::consts::TAU * pitch / 8000.0;
                let sum: f64 = gains.iter().enumerate().map(|(n, gain)| gain * (phase * (n + 1) as f64).sin()).sum();
                *sample = (sum * 8000.0).clamp(-32768.0, 32767.0) as i16;
            }
            heard.extend(detector.push(&pcm));
        }
        assert_eq!(heard.len(), 0, "{heard:?}");
    }

    proptest::proptest! {
        #[test]
        fn pieces_of_any_length_are_heard_alike(sizes in proptest::collection::vec(1_usize..400, 1..20)) {
            let (_, pcm) = audio(Case { on: 1000, ..PLAIN });
            let pcm = &pcm[..16_000];
            let mut detector = Detector::new();
            let mut rest = pcm;
            let mut heard = String::new();
            for size in sizes.into_iter().cycle() {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                heard.extend(detector.push(piece).iter().map(|heard| heard.digit));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            proptest::prop_assert_eq!(heard, listen(pcm));
        }
    }
}
