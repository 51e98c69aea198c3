//! What a text may be: a row of pieces, each one byte of a set or a run of them. Every operation gives at least what the
//! real one could give (over-approximation). `eval` makes them of templates, `walk` asks which extensions they match.

use std::collections::BTreeSet;

use dialplan::pattern::{Pattern, Tail};

use crate::bytes::Bytes;
use crate::limits;

/// One piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Piece {
    pub(crate) set: Bytes,
    /// Zero or more of the set instead of exactly one.
    pub(crate) run: bool,
}

/// A set of texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Value(Vec<Piece>);

impl Value {
    pub(crate) fn literal(text: &str) -> Self {
        Self(text.bytes().map(|byte| Piece { set: Bytes::NONE.with(byte), run: false }).collect()).bounded()
    }

    /// Zero or more bytes of a set.
    pub(crate) fn run(set: Bytes) -> Self {
        if set.is_empty() { Self::default() } else { Self(vec![Piece { set, run: true }]) }
    }

    pub(crate) fn anything() -> Self {
        Self::run(Bytes::ALL)
    }

    /// What matches a pattern, dashes left out.
    pub(crate) fn pattern(pattern: &Pattern) -> Option<Self> {
        match pattern {
            Pattern::Never => None,
            Pattern::Literal(text) => Some(Self::literal(text)),
            Pattern::Sets(sets, tail) => {
                let mut pieces: Vec<Piece> = sets.iter().map(|set| Piece { set: set.into(), run: false }).collect();
                match tail {
                    Tail::End => {}
                    Tail::Any => {
                        pieces.extend([Piece { set: Bytes::ALL, run: false }, Piece { set: Bytes::ALL, run: true }]);
                    }
                    Tail::Early => pieces.push(Piece { set: Bytes::ALL, run: true }),
                }
                Some(Self(pieces).bounded())
            }
        }
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub(crate) fn of_pieces(pieces: &[Piece]) -> Self {
        Self(pieces.to_vec())
    }

    /// All bytes that may occur.
    pub(crate) fn bytes(&self) -> Bytes {
        self.0.iter().fold(Bytes::NONE, |all, piece| all.or(piece.set))
    }

    /// The text, if there is only one.
    pub(crate) fn text(&self) -> Option<String> {
        let bytes: Option<Vec<u8>> = self.0.iter().map(|piece| piece.set.single().filter(|_| !piece.run)).collect();
        String::from_utf8(bytes?).ok()
    }

    /// Whether it is one run that has all bytes of the other.
    fn covers(&self, other: &Self) -> bool {
        matches!(self.0.as_slice(), [only] if only.run && only.set.or(other.bytes()) == only.set)
    }

    pub(crate) fn may_be_empty(&self) -> bool {
        self.0.iter().all(|piece| piece.run)
    }

    /// Whether a byte may come from data, not from the plan's own text.
    pub(crate) fn data_may_hold(&self, byte: u8) -> bool {
        self.0.iter().any(|piece| piece.set.has(byte) && (piece.run || piece.set.len() > 1))
    }

    pub(crate) fn then(mut self, next: &Self) -> Self {
        self.0.extend_from_slice(&next.0);
        self.bounded()
    }

    fn bounded(self) -> Self {
        if self.0.len() > limits::PIECES { Self::run(self.bytes()) } else { self }
    }

    /// `${X:offset:length}`.
    pub(crate) fn slice(&self, offset: i64, length: Option<i64>) -> Self {
        let fixed = self.0.iter().take_while(|piece| !piece.run).count();
        let all_fixed = fixed == self.0.len();
        let loose = || Self::run(self.bytes());
        let count = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
        let rest = if offset >= 0 && count(offset) <= fixed {
            self.0.get(count(offset)..).unwrap_or_default()
        } else if all_fixed {
            // All texts have the same length, so counting from the end, or beyond it, is exact.
            let back = count(offset.saturating_neg()).min(self.0.len());
            if offset < 0 { self.0.get(self.0.len() - back..).unwrap_or_default() } else { &[] }
        } else {
            return loose();
        };
        let rest_fixed = rest.iter().take_while(|piece| !piece.run).count();
        match length {
            None => Self(rest.to_vec()),
            Some(length) if length >= 0 && (count(length) <= rest_fixed || rest_fixed == rest.len()) => {
                Self(rest.iter().take(count(length)).copied().collect())
            }
            Some(length) if length < 0 && rest_fixed == rest.len() => {
                Self(rest.iter().take(rest.len().saturating_sub(count(length.saturating_neg()))).copied().collect())
            }
            Some(_) => loose(),
        }
    }

    /// The texts without their dashes, as matching sees them.
    fn without_dashes(&self) -> Self {
        let pieces = self.0.iter().filter_map(|piece| {
            let set = piece.set.without(b'-');
            let dash = piece.set.has(b'-');
            (!set.is_empty()).then_some(Piece { set, run: piece.run || dash })
        });
        Self(pieces.collect())
    }

    /// Whether some text is in both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        let width = b.len() + 1;
        let mut seen = vec![false; (a.len() + 1) * width];
        let mut todo = vec![(0, 0)];
        while let Some((i, j)) = todo.pop() {
            match seen.get_mut(i * width + j) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            let (x, y) = (a.get(i), b.get(j));
            if x.is_none() && y.is_none() {
                return true;
            }
            if x.is_some_and(|x| x.run) {
                todo.push((i + 1, j));
            }
            if y.is_some_and(|y| y.run) {
                todo.push((i, j + 1));
            }
            if let (Some(x), Some(y)) = (x, y)
                && !x.set.and(y.set).is_empty()
            {
                todo.push((if x.run { i } else { i + 1 }, if y.run { j } else { j + 1 }));
            }
        }
        false
    }

    /// Whether some text matches the extension. `by_text`: what begins with `_` is compared with the pattern's own text
    /// (S2), as all dialects but `safe` do.
    pub(crate) fn matches(&self, pattern: &Pattern, by_text: bool) -> bool {
        let by_text = by_text && pattern.is_pattern() && self.may_begin(b'_');
        let Some(wanted) = Self::pattern(pattern) else { return by_text };
        by_text || self.meets(&wanted) || (self.bytes().has(b'-') && self.without_dashes().meets(&wanted))
    }

    fn may_begin(&self, byte: u8) -> bool {
        let runs = self.0.iter().take_while(|piece| piece.run);
        runs.chain(self.0.iter().find(|piece| !piece.run)).any(|piece| piece.set.has(byte))
    }

    /// Those of the texts that match the extension, or more; `by_text` as in [`Value::matches`].
    pub(crate) fn refine(&self, pattern: &Pattern, name: &str, by_text: bool) -> Self {
        if let Some(text) = self.text() {
            // The safe dialect takes dashes out, unless the plan itself has an extension of that very name.
            return if by_text || text == name { self.clone() } else { Self::literal(&text.replace('-', "")) };
        }
        let Some(wanted) = Self::pattern(pattern) else { return Self::default() };
        if by_text && pattern.is_pattern() && self.may_begin(b'_') {
            // The text of the pattern itself may have been dialled.
            return Self::run(wanted.bytes().or(Bytes::of(name.as_bytes())).with(b'-').and(self.bytes()));
        }
        let dashes = self.bytes().has(b'-') && (by_text || name.contains('-'));
        let mut pieces = Vec::new();
        for piece in &wanted.0 {
            // Only bytes that were there before can be there now.
            let set = piece.set.and(self.bytes());
            let set = if dashes || by_text { set } else { set.without(b'-') };
            pieces.push(Piece { set, run: piece.run });
            if dashes {
                pieces.push(Piece { set: Bytes::NONE.with(b'-'), run: true });
            }
        }
        if dashes {
            pieces.insert(0, Piece { set: Bytes::NONE.with(b'-'), run: true });
        }
        pieces.retain(|piece| !(piece.run && piece.set.is_empty()));
        Self(pieces).bounded()
    }

    /// All texts, if they are few.
    pub(crate) fn all(&self) -> Option<Vec<String>> {
        let mut all = vec![Vec::new()];
        for piece in &self.0 {
            let more = usize::try_from(piece.set.len()).unwrap_or(usize::MAX);
            if piece.run || all.len().saturating_mul(more) > limits::NUMBERS {
                return None;
            }
            all = all
                .iter()
                .flat_map(|text: &Vec<u8>| piece.set.iter().map(move |byte| [text.as_slice(), &[byte]].concat()))
                .collect();
        }
        all.into_iter().map(|text| String::from_utf8(text).ok()).collect()
    }
}

/// Several possible texts, few of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Values(BTreeSet<Value>);

impl Values {
    pub(crate) fn of(value: Value) -> Self {
        Self(BTreeSet::from([value]))
    }

    pub(crate) fn anything() -> Self {
        Self::of(Value::anything())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// Adds more; true if that changed anything.
    ///
    /// INVARIANT: what a run covers already is no change, or variables would grow for ever.
    pub(crate) fn add(&mut self, more: &Self) -> bool {
        let mut changed = false;
        for value in &more.0 {
            if !self.0.contains(value) && !self.0.iter().any(|known| known.covers(value)) {
                self.0.insert(value.clone());
                changed = true;
            }
        }
        if self.0.len() > limits::TEXTS {
            self.widen();
        }
        changed
    }

    /// One run of all bytes that occur.
    pub(crate) fn widen(&mut self) {
        let bytes = self.0.iter().fold(Bytes::NONE, |all, value| all.or(value.bytes()));
        self.0 = BTreeSet::from([Value::run(bytes)]);
    }

    pub(crate) fn then(&self, next: &Self) -> Self {
        let mut all = Self::default();
        for value in &self.0 {
            for more in &next.0 {
                all.add(&Self::of(value.clone().then(more)));
            }
        }
        all
    }

    pub(crate) fn map(&self, f: impl Fn(&Value) -> Value) -> Self {
        Self(self.0.iter().map(f).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text)
    }

    #[test]
    fn matching() {
        let check = |value: Value, text: &str, expected: bool| {
            assert_eq!(value.matches(&pattern(text), true), expected, "{value:?} {text}");
        };
        check(Value::literal("204"), "_2XX", true);
        check(Value::literal("2-04"), "_2XX", true);
        check(Value::literal("2-04"), "204", true);
        check(Value::literal("304"), "_2XX", false);
        check(Value::literal("2044"), "_2XX", false);
        check(Value::literal("2044"), "_2.", true);
        check(Value::literal("2"), "_2.", false);
        check(Value::literal("2"), "_2!", true);
        check(Value::run(crate::bytes::keypad()), "_2XX", true);
        check(Value::run(crate::bytes::keypad()), "_[A-Z]!", true);
        check(Value::run(crate::bytes::keypad()), "s", false);
        check(Value::anything(), "s", true);
        check(Value::literal("_X."), "_X.", true);
        check(Value::default(), "_!", true);
        check(Value::default(), "_.", false);
        // A pattern that matches nothing is still its own text (S2).
        check(Value::anything(), "_[4", true);
    }

    #[test]
    fn slicing() {
        let nine = Value::run(crate::bytes::keypad()).refine(&pattern("_9NXX"), "_9NXX", false);
        assert_eq!(nine.slice(1, None), Value::pattern(&pattern("_NXX")).unwrap());
        assert_eq!(nine.slice(0, Some(1)).text().as_deref(), Some("9"));
        assert_eq!(nine.slice(-3, None), Value::pattern(&pattern("_NXX")).unwrap());
        assert_eq!(nine.slice(1, Some(-2)), Value::pattern(&pattern("_N")).unwrap());
        assert_eq!(nine.slice(7, None), Value::default());
        let open = Value::run(crate::bytes::keypad()).refine(&pattern("_9."), "_9.", false);
        assert_eq!(open.slice(1, None).pieces().len(), 2);
        assert_eq!(open.slice(-4, None), Value::run(crate::bytes::keypad()));
        assert_eq!(open.slice(3, None), Value::run(crate::bytes::keypad()));
    }

    #[test]
    fn what_matches_keeps_only_bytes_that_were_there() {
        let keyed = Value::run(crate::bytes::keypad()).refine(&pattern("_X."), "_X.", false);
        assert!(!keyed.bytes().has(b'@') && !keyed.bytes().has(b'-'));
        let dialled = Value::anything().refine(&pattern("_X."), "_X.", false);
        assert!(dialled.bytes().has(b'@') && dialled.bytes().has(b'&'));
        let clean = |by_text| Value::run(crate::bytes::clean()).refine(&pattern("_2XX"), "_2XX", by_text);
        assert!(clean(true).bytes().has(b'-') && !clean(true).bytes().has(b'@'));
        assert_eq!(clean(false), Value::pattern(&pattern("_2XX")).unwrap());
    }

    #[test]
    fn few_numbers_are_written_out() {
        assert_eq!(Value::pattern(&pattern("_20X")).unwrap().all().unwrap().len(), 10);
        assert_eq!(Value::pattern(&pattern("_NXXNXXXXXX")).unwrap().all(), None);
        assert_eq!(Value::literal("911").all().unwrap(), ["911"]);
    }

    #[test]
    fn what_a_run_covers_is_no_change() {
        let mut values = Values::of(Value::run(Bytes::of(b"12")));
        assert!(!values.add(&Values::of(Value::literal("2112"))) && !values.add(&Values::of(Value::default())));
        assert!(values.add(&Values::of(Value::literal("3"))));
    }

    #[test]
    fn many_texts_become_one_run() {
        let mut values = Values::default();
        for n in 0..100 {
            values.add(&Values::of(Value::literal(&n.to_string())));
        }
        assert!(values.iter().count() <= limits::TEXTS);
        assert!((0..100).all(|n| values.iter().any(|value| value.meets(&Value::literal(&n.to_string())))));
    }
}
