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
