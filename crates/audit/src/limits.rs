//! The bounds of the search, each with its reason. Passing one never loses soundness: what is too much is taken for
//! more than it is.

/// Texts that a variable or an argument may have at once; beyond, one text of all their characters stands for them.
pub(crate) const TEXTS: usize = 16;

/// Texts worked out from values that are searched for in one context; beyond, a run of all their bytes is searched for. A
/// plan that dials `1${EXTEN}` in circles would go on for ever.
pub(crate) const SEARCHES: usize = 24;

/// Pieces of one text; a longer one becomes a run of all its characters.
pub(crate) const PIECES: usize = 160;

/// Rounds in which variables may grow before they are widened: a variable that is built from itself never ends.
pub(crate) const ROUNDS: usize = 6;

/// Numbers that are written out to learn their classes; beyond, all classes are possible.
pub(crate) const NUMBERS: usize = 2_000;

/// How deep values may nest inside values here; the loader's own bound is lower.
pub(crate) const NESTING: usize = 64;

/// States of an automaton while it is computed (a residual of overlapping patterns is the largest); beyond, the operation
/// gives something larger.
pub(crate) const STATES: usize = 4_096;

/// States of a language that is kept in a variable; beyond, runs of its bytes stand for it.
pub(crate) const VALUE_STATES: usize = 256;

/// States while texts are joined or cut: what is larger would not be kept anyway.
pub(crate) const CUT_STATES: usize = 512;

/// Longest text that is kept letter by letter; a longer one becomes a run of its letters.
pub(crate) const SINGLE: usize = 160;

/// Largest offset or length of a slice that is followed exactly; no number is longer.
pub(crate) const SLICE: usize = 40;

/// Literals of one context that are taken away from patterns behind them; with more, nothing is taken away.
pub(crate) const WINNERS: usize = 3_000;

/// Patterns that are taken away from those behind them in one search; real contexts overlap in a few.
pub(crate) const RESIDUALS: usize = 64;

/// Visits of one node before what grows there is widened: enough for loops that count to three.
pub(crate) const VISITS: u32 = 6;

/// Nodes of one proof of a small plan. Beyond, the coarse search answers for that entry.
pub(crate) const NODES: usize = 4_000;

/// Nodes for each line of the plan: a line is looked at once for each stack of subroutines and set of gates.
pub(crate) const NODES_PER_LINE: usize = 10;

/// Steps for each node: what joins there grows a few times.
pub(crate) const STEPS_PER_NODE: usize = 5;

/// Stacks of subroutines that are told apart by their two innermost sites; with more, by the innermost alone.
pub(crate) const STACKS: usize = 2_000;

/// Stacks told apart by the innermost site; with more, all that come are one.
pub(crate) const STACKS_SHORT: usize = 20_000;

/// Ways to one sink that a replay tries, and caller IDs for each: a plan does not decide how long a report takes.
pub(crate) const WITNESSES: usize = 4;
