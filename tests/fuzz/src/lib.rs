//! Mutated input for everything that others write to: `targets` are what is fed, [`Mutator`] makes the input, [`run`]
//! counts and keeps what led somewhere new. `main.rs` is the long run, `tests/replay.rs` what every `./test` does.
//!
//! An input leads somewhere new when the target's answer (a number made of what came of it: statuses, events, findings)
//! was not seen before; such inputs are mutated further, and kept in `corpus/` when asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mutator;
mod targets;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use mutator::Mutator;
pub use targets::{Target, all};

/// What a run came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Inputs tried.
    pub executions: u64,
    /// Different outcomes seen.
    pub outcomes: usize,
    /// The longest that one input took.
    pub slowest: Duration,
    /// How long all took.
    pub took: Duration,
}

/// The folder with a target's inputs.
#[must_use]
pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The committed inputs of a target, in the order of their names.
#[must_use]
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Most inputs that are mutated further.
const POOL: usize = 4_000;

/// Runs the committed inputs and then `runs` mutated ones. With `keep`, what led somewhere new is written to the corpus, at
/// most so many files.
///
/// # Panics
/// When the target does; the input is then in the system's folder for temporary files, and its name in the message.
pub fn run(name: &str, words: &[&str], feed: &dyn Fn(&[u8]) -> u64, runs: u64, seed: u64, keep: usize) -> Figures {
    let begun = Instant::now();
    let mut figures = Figures::default();
    let mut seen = HashSet::new();
    let pool = corpus(name);
    assert!(!pool.is_empty(), "the corpus of {name} is empty");
    for input in &pool {
        seen.insert(guarded(name, feed, input, &mut figures));
    }
    let mut mutator = Mutator::new(seed, pool, words);
    let mut kept = 0;
    for _ in 0..runs {
        let input = mutator.make();
        if seen.len() < 1 << 20 && seen.insert(guarded(name, feed, &input, &mut figures)) {
            if kept < keep && input.len() <= 4_096 {
                kept += 1;
                let file = folder(name).join(format!("grown-{:016x}", mutator::hash(&input)));
                std::fs::write(file, &input).unwrap();
            }
            if mutator.len() < POOL {
                mutator.learn(input);
            }
        }
    }
    figures.outcomes = seen.len();
    figures.took = begun.elapsed();
    figures
}

fn guarded(name: &str, feed: &dyn Fn(&[u8]) -> u64, input: &[u8], figures: &mut Figures) -> u64 {
    let begun = Instant::now();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| feed(input)));
    figures.executions += 1;
    figures.slowest = figures.slowest.max(begun.elapsed());
    outcome.unwrap_or_else(|_| {
        let file = std::env::temp_dir().join(format!("fuzz-{name}-{:016x}", mutator::hash(input)));
        std::fs::write(&file, input).unwrap();
        panic!("{name}: this input breaks it: {}", file.display())
    })
}
