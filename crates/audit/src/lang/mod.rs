//! Regular languages: sets of texts that the proof computes with. Each is a minimal automaton ([`dfa`]), kept once, so
//! that equal sets are equal numbers. Every operation gives the exact set or, over its budget, one that holds more;
//! the few whose result may be taken away from another set say so.

mod cut;
mod dfa;
mod nfa;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use dialplan::pattern::{Pattern, Tail};

use crate::bytes::Bytes;
use crate::limits;
use nfa::Nfa;

pub(crate) use dfa::Dfa;

/// A set of texts, by its number in [`Langs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lang(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Op {
    Or,
    And,
    Minus,
    Then,
    Within,
    Meets,
    Slice(i64, Option<i64>),
    Erase(Bytes),
    Elements(u8),
    Upper,
    Lower,
    Factors,
    Trim,
}

#[derive(Debug, Clone, Copy)]
enum Known {
    Lang(Lang),
    Truth(bool),
}

/// All sets of one proof.
#[derive(Default)]
pub(crate) struct Langs {
    all: RefCell<Vec<Entry>>,
    numbers: RefCell<HashMap<Rc<Dfa>, Lang>>,
    literals: RefCell<HashMap<Vec<u8>, Lang>>,
    memo: RefCell<HashMap<(Op, Lang, Lang), Known>>,
    runs: RefCell<HashMap<(Bytes, bool), Lang>>,
    none: std::cell::OnceCell<Lang>,
    any: std::cell::OnceCell<Lang>,
    empty: std::cell::OnceCell<Lang>,
}

struct Entry {
    dfa: Rc<Dfa>,
    /// The only text, if there is only one.
    single: Option<Rc<[u8]>>,
}

impl Langs {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Keeps an automaton.
    pub(crate) fn keep(&self, dfa: Dfa) -> Lang {
        let dfa = Rc::new(dfa);
        if let Some(known) = self.numbers.borrow().get(&dfa) {
            return *known;
        }
        let single = match dfa.words(2, limits::SINGLE) {
            (mut words, true) if words.len() == 1 => words.pop().map(Into::into),
            _ => None,
        };
        let mut all = self.all.borrow_mut();
        let lang = Lang(u32::try_from(all.len()).unwrap_or(u32::MAX));
        all.push(Entry { dfa: Rc::clone(&dfa), single });
        self.numbers.borrow_mut().insert(dfa, lang);
        lang
    }

    pub(crate) fn dfa(&self, lang: Lang) -> Rc<Dfa> {
        let all = self.all.borrow();
        match all.get(lang.0 as usize) {
            Some(entry) => Rc::clone(&entry.dfa),
            None => {
                drop(all);
                let any = self.any();
                self.dfa(any)
            }
        }
    }

    fn of_nfa(&self, nfa: &Nfa) -> Option<Lang> {
        nfa.dfa(limits::CUT_STATES).map(|dfa| self.keep(dfa))
    }

    /// Exact, or all texts of these bytes.
    fn of_nfa_or(&self, nfa: &Nfa, bytes: impl FnOnce() -> Bytes) -> Lang {
        self.of_nfa(nfa).unwrap_or_else(|| self.run(bytes()))
    }

    /// No text at all.
    pub(crate) fn none(&self) -> Lang {
        *self.none.get_or_init(|| {
            let mut nfa = Nfa::default();
            nfa.start = vec![nfa.state(false)];
            self.of_nfa(&nfa).unwrap_or(Lang(0))
        })
    }

    /// The empty text.
    pub(crate) fn empty(&self) -> Lang {
        *self.empty.get_or_init(|| self.literal(b""))
    }

    /// Every text.
    pub(crate) fn any(&self) -> Lang {
        *self.any.get_or_init(|| self.run(Bytes::ALL))
    }

    /// One text.
    pub(crate) fn literal(&self, text: &[u8]) -> Lang {
        if let Some(known) = self.literals.borrow().get(text) {
            return *known;
        }
        let lang = if text.len() > limits::SINGLE {
            self.run(Bytes::of(text))
        } else {
            let mut nfa = Nfa::default();
            let mut at = nfa.state(text.is_empty());
            nfa.start = vec![at];
            for (n, byte) in (1..).zip(text) {
                let next = nfa.state(n == text.len());
                nfa.edge(at, Bytes::NONE.with(*byte), next);
                at = next;
            }
            self.of_nfa(&nfa).unwrap_or_else(|| self.run(Bytes::of(text)))
        };
        self.literals.borrow_mut().insert(text.to_vec(), lang);
        lang
    }

    /// Several texts.
    pub(crate) fn texts<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Lang {
        texts.into_iter().fold(self.none(), |all, text| self.or(all, self.literal(text.as_bytes())))
    }

    /// Zero or more bytes of a set.
    pub(crate) fn run(&self, bytes: Bytes) -> Lang {
        if let Some(known) = self.runs.borrow().get(&(bytes, true)) {
            return *known;
        }
        let mut nfa = Nfa::default();
        let only = nfa.state(true);
        nfa.start = vec![only];
        nfa.edge(only, bytes, only);
        // Two states at most, always within the budget.
        let lang = nfa.dfa(limits::STATES).map_or(Lang(0), |dfa| self.keep(dfa));
        self.runs.borrow_mut().insert((bytes, true), lang);
        lang
    }

    /// One byte of a set.
    pub(crate) fn one(&self, bytes: Bytes) -> Lang {
        if let Some(known) = self.runs.borrow().get(&(bytes, false)) {
            return *known;
        }
        let mut nfa = Nfa::default();
        let (from, to) = (nfa.state(false), nfa.state(true));
        nfa.start = vec![from];
        nfa.edge(from, bytes, to);
        let lang = self.of_nfa_or(&nfa, || bytes);
        self.runs.borrow_mut().insert((bytes, false), lang);
        lang
    }

    fn recall(&self, op: Op, a: Lang, b: Lang, work: impl FnOnce() -> Known) -> Known {
        if let Some(known) = self.memo.borrow().get(&(op, a, b)) {
            return *known;
        }
        let known = work();
        self.memo.borrow_mut().insert((op, a, b), known);
        known
    }

    fn lang(&self, op: Op, a: Lang, b: Lang, work: impl FnOnce() -> Lang) -> Lang {
        match self.recall(op, a, b, || Known::Lang(work())) {
            Known::Lang(lang) => lang,
            Known::Truth(_) => self.any(),
        }
    }

    fn truth(&self, op: Op, a: Lang, b: Lang, work: impl FnOnce() -> bool) -> bool {
        matches!(self.recall(op, a, b, || Known::Truth(work())), Known::Truth(true))
    }

    /// Both together; more where that has too many states.
    pub(crate) fn or(&self, a: Lang, b: Lang) -> Lang {
        if a == b {
            return a;
        }
        let (a, b) = (a.min(b), a.max(b));
        self.lang(Op::Or, a, b, || {
            let (x, y) = (self.dfa(a), self.dfa(b));
            match x.product(&y, |x, y| x || y, limits::STATES) {
                Some(dfa) => self.keep(dfa),
                None => self.run(x.bytes().or(y.bytes())),
            }
        })
    }

    /// Both together exactly; nothing where that has too many states.
    pub(crate) fn or_exactly(&self, a: Lang, b: Lang) -> Option<Lang> {
        self.dfa(a).product(&self.dfa(b), |x, y| x || y, limits::STATES).map(|dfa| self.keep(dfa))
    }

    /// What is in both; `a` itself where that has too many states.
    pub(crate) fn and(&self, a: Lang, b: Lang) -> Lang {
        if a == b {
            return a;
        }
        self.lang(Op::And, a, b, || {
            self.dfa(a).product(&self.dfa(b), |x, y| x && y, limits::STATES).map_or(a, |dfa| self.keep(dfa))
        })
    }

    /// What is in `a` and not in `b`; `a` itself where that has too many states. `b` must not hold too much.
    pub(crate) fn minus(&self, a: Lang, b: Lang) -> Lang {
        self.lang(Op::Minus, a, b, || {
            if !self.meets(a, b) {
                return a;
            }
            self.dfa(a).product(&self.dfa(b), |x, y| x && !y, limits::STATES).map_or(a, |dfa| self.keep(dfa))
        })
    }

    /// Whether all of `a` is in `b`.
    pub(crate) fn within(&self, a: Lang, b: Lang) -> bool {
        a == b || self.truth(Op::Within, a, b, || !self.dfa(a).meet(&self.dfa(b), |x, y| x && !y))
    }

    /// Whether some text is in both.
    pub(crate) fn meets(&self, a: Lang, b: Lang) -> bool {
        match (self.single(a), self.single(b)) {
            (Some(x), Some(y)) => x == y,
            (Some(x), None) => self.holds(b, &x),
            (None, Some(y)) => self.holds(a, &y),
            (None, None) => self.truth(Op::Meets, a, b, || self.dfa(a).meet(&self.dfa(b), |x, y| x && y)),
        }
    }

    pub(crate) fn is_none(&self, a: Lang) -> bool {
        let dfa = self.dfa(a);
        dfa.states() == 1 && !dfa.accepts_at(0)
    }

    pub(crate) fn holds(&self, a: Lang, text: &[u8]) -> bool {
        self.dfa(a).accepts(text)
    }

    pub(crate) fn may_be_empty(&self, a: Lang) -> bool {
        self.dfa(a).accepts_at(0)
    }

    pub(crate) fn bytes(&self, a: Lang) -> Bytes {
        self.dfa(a).bytes()
    }

    /// The only text, if there is only one.
    pub(crate) fn single(&self, a: Lang) -> Option<Rc<[u8]>> {
        self.all.borrow().get(a.0 as usize).and_then(|entry| entry.single.clone())
    }

    /// The same as text.
    pub(crate) fn text(&self, a: Lang) -> Option<String> {
        String::from_utf8(self.single(a)?.to_vec()).ok()
    }

    /// All texts, if they are at most so many.
    pub(crate) fn all(&self, a: Lang, most: usize) -> Option<Vec<String>> {
        if let Some(text) = self.text(a) {
            return Some(vec![text]);
        }
        let (words, complete) = self.dfa(a).words(most, limits::SINGLE);
        complete.then(|| words.into_iter().map(String::from_utf8).collect::<Result<_, _>>().ok()).flatten()
    }

    /// One after the other.
    pub(crate) fn then(&self, a: Lang, b: Lang) -> Lang {
        let empty = self.empty();
        if a == empty {
            return b;
        }
        if b == empty {
            return a;
        }
        if let (Some(x), Some(y)) = (self.single(a), self.single(b)) {
            return self.literal(&[&*x, &*y].concat());
        }
        self.lang(Op::Then, a, b, || {
            let (x, y) = (self.dfa(a), self.dfa(b));
            let mut nfa = Nfa::default();
            let first = nfa.add(&x, &|bytes| bytes);
            let second = nfa.add(&y, &|bytes| bytes);
            let (Some(Some(start)), Some(Some(middle))) = (first.first(), second.first()) else { return self.none() };
            nfa.start = vec![*start];
            for (state, number) in first.iter().enumerate() {
                if let Some(number) = number
                    && x.accepts_at(state)
                {
                    nfa.accept(*number, false);
                    nfa.empty(*number, *middle);
                }
            }
            self.of_nfa_or(&nfa, || x.bytes().or(y.bytes()))
        })
    }

    /// Something larger that cannot grow often: runs of the bytes that occur, not empty if nothing was.
    pub(crate) fn widen(&self, a: Lang) -> Lang {
        let bytes = self.bytes(a);
        let run = self.run(bytes);
        if self.may_be_empty(a) { run } else { self.then(self.one(bytes), run) }
    }

    /// The same, but only where it is large.
    pub(crate) fn bounded(&self, a: Lang) -> Lang {
        if self.dfa(a).states() > limits::VALUE_STATES { self.widen(a) } else { a }
    }

    /// What an extension matches, with dashes anywhere (S1). Exact for what does not begin with `_`.
    pub(crate) fn pattern(&self, pattern: &Pattern) -> Lang {
        let dash = Bytes::NONE.with(b'-');
        let mut nfa = Nfa::default();
        let mut at = nfa.state(false);
        nfa.start = vec![at];
        nfa.edge(at, dash, at);
        let mut step = |nfa: &mut Nfa, set: Bytes| {
            let next = nfa.state(false);
            nfa.edge(at, set.without(b'-'), next);
            nfa.edge(next, dash, next);
            at = next;
            next
        };
        match pattern {
            Pattern::Never => {}
            Pattern::Literal(text) => {
                let last = text.bytes().fold(0, |_, byte| step(&mut nfa, Bytes::NONE.with(byte)));
                nfa.accept(last, true);
            }
            Pattern::Sets(sets, tail) => {
                let last = sets.iter().fold(0, |_, set| step(&mut nfa, set.into()));
                match tail {
                    Tail::End => nfa.accept(last, true),
                    Tail::Any => {
                        let open = nfa.state(true);
                        nfa.edge(last, Bytes::ALL.without(b'-'), open);
                        nfa.edge(open, Bytes::ALL, open);
                    }
                    Tail::Early => {
                        nfa.accept(last, true);
                        nfa.edge(last, Bytes::ALL, last);
                    }
                }
            }
        }
        self.of_nfa(&nfa).unwrap_or_else(|| self.any())
    }

    /// Texts that read as this very pattern (S2): `_2XX` and `_[2]x[0-9]` for `_2XX`. More than that, never less.
    pub(crate) fn pattern_text(&self, pattern: &Pattern) -> Lang {
        let Pattern::Sets(sets, tail) = pattern else { return self.none() };
        let mut nfa = Nfa::default();
        let begin = nfa.state(false);
        nfa.start = vec![begin];
        let byte = |byte: u8| Bytes::NONE.with(byte);
        // Dashes and empty sets mean nothing.
        let idle = |nfa: &mut Nfa, at: usize| {
            nfa.edge(at, byte(b'-'), at);
            let open = nfa.state(false);
            nfa.edge(at, byte(b'['), open);
            nfa.edge(open, byte(b']'), at);
        };
        let mut at = nfa.state(false);
        nfa.edge(begin, byte(b'_'), at);
        idle(&mut nfa, at);
        for set in sets {
            let next = nfa.state(false);
            idle(&mut nfa, next);
            let set: Bytes = set.into();
            // A letter for the set or the byte itself, or brackets around its bytes and around ranges that hold nothing.
            nfa.edge(at, Bytes::of(b"xXzZnN").or(set), next);
            let inner = nfa.state(false);
            let closing = nfa.state(false);
            nfa.edge(at, byte(b'['), inner);
            for from in [inner, closing] {
                nfa.edge(from, set.with(b'-'), closing);
                let (dash, last) = (nfa.state(false), nfa.state(false));
                nfa.edge(from, Bytes::ALL.without(b']'), dash);
                nfa.edge(dash, byte(b'-'), last);
                nfa.edge(last, Bytes::ALL.without(b']'), closing);
            }
            nfa.edge(closing, byte(b']'), next);
            at = next;
        }
        let open = nfa.state(true);
        nfa.edge(open, Bytes::ALL, open);
        match tail {
            Tail::End => nfa.accept(at, true),
            Tail::Any => nfa.edge(at, byte(b'.'), open),
            Tail::Early => nfa.edge(at, byte(b'!'), open),
        }
        self.of_nfa(&nfa).unwrap_or_else(|| self.then(self.literal(b"_"), self.any()))
    }

    /// A text in any case.
    pub(crate) fn any_case(&self, text: &str) -> Lang {
        text.bytes().fold(self.empty(), |all, byte| {
            let both = Bytes::NONE.with(byte.to_ascii_lowercase()).with(byte.to_ascii_uppercase());
            self.then(all, self.one(both))
        })
    }

    #[cfg(test)]
    pub(crate) fn states(&self, a: Lang) -> usize {
        self.dfa(a).states()
    }

    pub(crate) fn lengths(&self, a: Lang) -> Option<(usize, Option<usize>)> {
        self.dfa(a).lengths()
    }
}
