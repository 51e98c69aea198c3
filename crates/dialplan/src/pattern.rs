//! What an extension matches (S1, S2 of the semantics) and which of two patterns is the better one (S4).
//!
//! `_` begins a pattern; without it an extension is the number itself. The search over a context is `program::search`.

use crate::dialect::Dialect;
use std::cmp::Ordering;

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    const EMPTY: ByteSet = ByteSet([0; 4]);

    fn range(from: u8, to: u8) -> ByteSet {
        let mut set = ByteSet::EMPTY;
        for byte in from..=to {
            set.insert(byte);
        }
        set
    }

    /// One byte.
    pub fn of(byte: u8) -> ByteSet {
        ByteSet::range(byte, byte)
    }

    fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// Whether the byte is in it.
    pub fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word & (1 << (byte & 63)) != 0)
    }

    /// How many bytes are in it.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|w| w.count_ones()).sum()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in order.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=255u8).filter(|b| self.contains(*b))
    }

    /// Sorts as Asterisk does: fewer first, then the one with the lower bytes.
    fn rank(&self) -> (u32, std::cmp::Reverse<[u64; 4]>) {
        (self.len(), std::cmp::Reverse(self.0.map(u64::reverse_bits)))
    }
}

impl std::fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.bytes().map(char::from).collect();
        write!(f, "[{text}]")
    }
}

/// How a pattern ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tail {
    /// After its last element.
    End,
    /// `.`: one or more of anything.
    Any,
    /// `!`: zero or more of anything, as early as possible.
    Early,
}

/// What an extension matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// The number itself; dashes do not count.
    Literal(Box<str>),
    /// A pattern: one set for each position, then a tail.
    Sets(Box<[ByteSet]>, Tail),
    /// A pattern that can never match (a set that is not closed).
    Never,
}

/// How what was dialled so far stands to a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It cannot match, whatever follows.
    No,
    /// More must follow.
    Needs,
    /// It matches, and nothing longer does.
    Exact,
    /// It matches, and longer ones do too (`.`).
    Open,
    /// It matches at once (`!`).
    Early,
}

impl Fit {
    /// Whether it matches as it is.
    pub fn matches(self) -> bool {
        matches!(self, Fit::Exact | Fit::Open | Fit::Early)
    }
}

/// Text without its dashes.
pub fn without_dashes(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('-') { text.replace('-', "").into() } else { text.into() }
}

impl Pattern {
    /// What the text of an extension means in the dialects from 1.6 on.
    pub fn parse(text: &str) -> Pattern {
        Pattern::parse_in(text, Dialect::V22)
    }

    /// What the text of an extension means.
    pub fn parse_in(text: &str, dialect: Dialect) -> Pattern {
        let Some(rest) = text.strip_prefix('_') else {
            let text = if dialect.compares_literals_exactly() { text.into() } else { without_dashes(text) };
            return Pattern::Literal(text.into());
        };
        // A dash at the end waits for something that never comes.
        if dialect.is_legacy() && rest.ends_with('-') {
            return Pattern::Never;
        }
        let mut sets = Vec::new();
        let mut bytes = rest.bytes().peekable();
        while let Some(byte) = bytes.next() {
            sets.push(match byte {
                b'-' => continue,
                b'x' | b'X' => ByteSet::range(b'0', b'9'),
                b'z' | b'Z' => ByteSet::range(b'1', b'9'),
                b'n' | b'N' => ByteSet::range(b'2', b'9'),
                b'.' => return Pattern::Sets(sets.into(), Tail::Any),
                b'!' if dialect.has_early() => return Pattern::Sets(sets.into(), Tail::Early),
                b'[' => {
                    let mut inside = Vec::new();
                    let mut closed = false;
                    for b in bytes.by_ref() {
                        if b == b']' {
                            closed = true;
                            break;
                        }
                        inside.push(b);
                    }
                    if !closed {
                        return Pattern::Never;
                    }
                    if inside.is_empty() && dialect.is_legacy() {
                        return Pattern::Never;
                    }
                    if inside.is_empty() {
                        continue;
                    }
                    set(&inside)
                }
                other => ByteSet::range(other, other),
            });
        }
        Pattern::Sets(sets.into(), Tail::End)
    }

    /// Whether it begins with `_`.
    pub fn is_pattern(&self) -> bool {
        !matches!(self, Pattern::Literal(_))
    }

    /// How dialled data stands to it. `dialled` has no dashes any more.
    pub fn fit(&self, dialled: &str) -> Fit {
        match self {
            Pattern::Never => Fit::No,
            Pattern::Literal(text) => match text.strip_prefix(dialled) {
                Some("") => Fit::Exact,
                Some(_) => Fit::Needs,
                None => Fit::No,
            },
            Pattern::Sets(sets, tail) => {
                let mut dialled = dialled.bytes();
                for set in sets {
                    match dialled.next() {
                        None => return Fit::Needs,
                        Some(byte) if !set.contains(byte) => return Fit::No,
                        Some(_) => {}
                    }
                }
                match (tail, dialled.next()) {
                    (Tail::End, None) => Fit::Exact,
                    (Tail::End, Some(_)) => Fit::No,
                    (Tail::Any, None) => Fit::Needs,
                    (Tail::Any, Some(_)) => Fit::Open,
                    (Tail::Early, _) => Fit::Early,
                }
            }
        }
    }

    /// How dialled data, as it was dialled, stands to it.
    pub fn fit_in(&self, dialled: &str, dialect: Dialect) -> Fit {
        if !dialect.compares_literals_exactly() {
            return self.fit_raw(dialled);
        }
        match self {
            Pattern::Literal(text) if **text == *dialled => Fit::Exact,
            Pattern::Literal(text) => {
                let begin = text.as_bytes().get(..dialled.len());
                let half =
                    text.len() > dialled.len() && begin.is_some_and(|b| b.eq_ignore_ascii_case(dialled.as_bytes()));
                if half { Fit::Needs } else { Fit::No }
            }
            _ => self.fit(&dialect.normalise(dialled)),
        }
    }

    /// Like [`Pattern::fit`], also for data with dashes and for data that is itself the text of a pattern (S2).
    pub fn fit_raw(&self, dialled: &str) -> Fit {
        if dialled.starts_with('_') && self.is_pattern() && Pattern::parse(dialled).order(self) == Ordering::Equal {
            return Fit::Exact;
        }
        self.fit(&without_dashes(dialled))
    }

    /// The better one first: literals by text, then position by position the smaller set, `.`, `!`, the end.
    pub fn order(&self, other: &Pattern) -> Ordering {
        match (self, other) {
            (Pattern::Literal(a), Pattern::Literal(b)) => a.cmp(b),
            (Pattern::Literal(_), _) => Ordering::Less,
            (_, Pattern::Literal(_)) => Ordering::Greater,
            (Pattern::Never, Pattern::Never) => Ordering::Equal,
            (Pattern::Never, _) => Ordering::Greater,
            (_, Pattern::Never) => Ordering::Less,
            (Pattern::Sets(a, a_tail), Pattern::Sets(b, b_tail)) => {
                for (x, y) in a.iter().zip(b.iter()) {
                    let order = x.rank().cmp(&y.rank());
                    if order != Ordering::Equal {
                        return order;
                    }
                }
                let tail = |t: &Tail| match t {
                    Tail::Any => 1,
                    Tail::Early => 2,
                    Tail::End => 3,
                };
                // Where one of them still has a set, that comes before any tail.
                match a.len().cmp(&b.len()) {
                    Ordering::Greater => Ordering::Less,
                    Ordering::Less => Ordering::Greater,
                    Ordering::Equal => tail(a_tail).cmp(&tail(b_tail)),
                }
            }
        }
    }
}

fn set(inside: &[u8]) -> ByteSet {
    let mut set = ByteSet::EMPTY;
    let mut at = 0;
    while let Some(byte) = inside.get(at) {
        match (inside.get(at + 1), inside.get(at + 2)) {
            (Some(b'-'), Some(to)) => {
                for b in *byte..=*to {
                    set.insert(b);
                }
                at += 3;
            }
            _ => {
                set.insert(*byte);
                at += 1;
            }
        }
    }
    set
}

/// The caller-ID part of an extension: `5/100`, `5/_2XX`, `5/` (no caller ID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    text: Box<str>,
    pattern: Pattern,
    dialect: Dialect,
}

impl Caller {
    /// Parses what follows the `/`.
    pub fn parse(text: &str) -> Caller {
        Caller::parse_in(text, Dialect::V22)
    }

    /// The same in a dialect.
    pub fn parse_in(text: &str, dialect: Dialect) -> Caller {
        Caller { text: text.into(), pattern: Pattern::parse_in(text, dialect), dialect }
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this caller ID number fits.
    pub fn fits(&self, number: &str) -> bool {
        if number.is_empty() { self.text.is_empty() } else { self.pattern.fit_in(number, self.dialect).matches() }
    }

    /// What it matches.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits() {
        for (pattern, dialled, expected) in [
            ("_1X!", "12", Fit::Early),
            ("_1X.", "12", Fit::Needs),
            ("_1X.", "123", Fit::Open),
            ("_n", "5", Fit::Exact),
            ("_n", "1", Fit::No),
            ("_x", "5", Fit::Exact),
            ("_a", "A", Fit::No),
            ("_a", "a", Fit::Exact),
            ("_66-XX", "66-7-8", Fit::Exact),
            ("_66-XX", "6678", Fit::Exact),
            ("_66", "6 6", Fit::No),
            ("_[0-9-]9", "39", Fit::Exact),
            ("_[0-9-]9", "-9", Fit::Needs),
            ("_[5]1", "51", Fit::Exact),
            ("_.", "h", Fit::Open),
            ("_.", "", Fit::Needs),
            ("_X!", "1", Fit::Early),
            ("_!", "", Fit::Early),
            ("_x.", "_X.", Fit::Exact),
            ("_x.", "x.5", Fit::No),
            ("_[_]X", "_5", Fit::Exact),
            ("_[abc,d]5", ",5", Fit::Exact),
            ("_[]4", "4", Fit::Exact),
            ("_[4", "4", Fit::No),
            ("555-1212", "5551212", Fit::Exact),
            ("555-1212", "555-1212-", Fit::Exact),
            ("555-1212", "555", Fit::Needs),
            ("AbC", "abc", Fit::No),
            ("2XX", "222", Fit::No),
            ("2XX", "2", Fit::Needs),
        ] {
            assert_eq!(Pattern::parse(pattern).fit_raw(dialled), expected, "{pattern} {dialled}");
        }
    }

    #[test]
    fn better_patterns_come_first() {
        let mut list = ["_1X", "_X.", "_.", "_1X!", "_!", "_1X.", "_NXX", "_[1-5]X", "_Z.", "_XXX", "100", "_100"];
        list.sort_by(|a, b| Pattern::parse(a).order(&Pattern::parse(b)));
        assert_eq!(list, ["100", "_100", "_1X.", "_1X!", "_1X", "_[1-5]X", "_NXX", "_Z.", "_XXX", "_X.", "_.", "_!"]);
        assert_eq!(Pattern::parse("_51").order(&Pattern::parse("_[5]1")), Ordering::Equal);
    }

    #[test]
    fn callers() {
        assert!(Caller::parse("100").fits("1-0-0"));
        assert!(Caller::parse("_2XX").fits("255"));
        assert!(Caller::parse("").fits(""));
        assert!(!Caller::parse("").fits("999"));
        assert!(!Caller::parse("100").fits(""));
    }
}
