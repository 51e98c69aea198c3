//! Hears digits in audio (ITU-T Q.23, Q.24): for calls that agreed on no telephone-event.
//!
//! The audio is cut into steps of 5 ms; three of them are a block. For each of the eight frequencies a block gives level and
//! phase; the phase from block to block tells the frequency far more exactly than the width of the block would. Speech
//! fails on purity, twist or frequency long before four blocks in a row agree.

mod exam;

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
/// Part of all the energy that one block must have in the two frequencies, one of which leaks into the other.
const BLOCK_PURITY: f32 = 0.76;
/// Part that the second look must find, and if the two offsets differ.
const PURITY: (f64, f64) = (0.925, 0.955);
/// The second strongest frequency of a group lies at least 8 dB below.
const CLEAR: f32 = 0.158;
/// The high group may be stronger by 4 dB (6.5 with what noise and offset do), and weaker by 8 dB (10.5).
const TWIST: (f32, f32) = (0.089, 4.47);
/// Offset that one block may show.
const LOOSE: f32 = 0.042;
/// Offset that the second look may find: 1.5 % is heard, 3.5 % is not, and voices are anywhere.
const TIGHT: f64 = 0.0178;
/// How far the two offsets may be apart before we become careful.
const APART: f64 = 0.02;
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
    believed: bool,
}

/// Listens to one direction of a call at 8 kHz.
#[derive(Debug, Clone)]
pub struct Detector {
    /// Samples of a step that is not complete.
    pending: Vec<i16>,
    steps: [Step; BLOCK],
    before: [Complex; 8],
    /// The last samples, for the second look.
    recent: [i16; exam::SAMPLES],
    run: Option<Run>,
}

impl Default for Detector {
    fn default() -> Detector {
        Detector::new()
    }
}

impl Detector {
    /// Has heard nothing yet.
    pub fn new() -> Detector {
        Detector {
            pending: Vec::new(),
            steps: [Step::default(); BLOCK],
            before: [Complex::default(); 8],
            recent: [0; exam::SAMPLES],
            run: None,
        }
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
        self.recent.copy_within(STEP.., 0);
        self.recent[exam::SAMPLES - STEP..].copy_from_slice(samples);
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
                run.believed |= !run.believed && run.may_ask() && run.convinces(&self.recent);
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
        Run { row, column, blocks: 1, steps: 1, missed: 0, levels, believed: false }
    }

    /// Is it time for the second look? It costs as much as 50 ms of listening: six in a row, then one in 50 ms, so that a
    /// tone that never convinces is cheap.
    fn may_ask(&self) -> bool {
        self.blocks >= BELIEVE && (self.blocks < BELIEVE + 6 || self.blocks.is_multiple_of(10))
    }

    /// Does the second look at the last 25 ms say so, too?
    fn convinces(&self, recent: &[i16; exam::SAMPLES]) -> bool {
        let Some(finding) = exam::examine(recent, [hertz(self.row), hertz(self.column + 4)]) else {
            return false;
        };
        let [low, high] = finding.offsets;
        // Harmonics of a high voice that stand in for the two are off in opposite ways: 4 and 5 times 238 Hz make a star.
        let purity = if (low - high).abs() > APART { PURITY.1 } else { PURITY.0 };
        low.abs() < TIGHT && high.abs() < TIGHT && finding.purity > purity
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
    let mut levels = [0.0; 2];
    for (n, f) in [row, column + 4].into_iter().enumerate() {
        let off = offset(block[f].times(before[f].conjugate()).times(TABLES.step[f]), f);
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
    let pure = levels[0] + levels[1] > BLOCK_PURITY * energy;
    (pure && (TWIST.0..TWIST.1).contains(&twist)).then_some(Hit { row, column, levels })
}

#[cfg(test)]
mod tests;
