//! Parts of texts: slices, elements between separators, what is left when bytes are erased or an end is taken off.

use super::nfa::Nfa;
use super::{Lang, Langs, Op};
use crate::bytes::Bytes;
use crate::limits;

impl Langs {
    /// `${X:offset:length}`, as [`dialplan`] cuts: characters are counted, so bytes beyond ASCII make it loose.
    pub(crate) fn slice(&self, a: Lang, offset: i64, length: Option<i64>) -> Lang {
        self.lang(Op::Slice(offset, length), a, a, || {
            let count = |n: i64| usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
            let far = |n: i64| count(n) > limits::SLICE;
            if self.bytes(a).iter().any(|byte| byte >= 0x80) || far(offset) || length.is_some_and(far) {
                return self.factors(a);
            }
            let rest = if offset >= 0 { self.drop_first(a, count(offset)) } else { self.last(a, count(offset)) };
            match length {
                None => rest,
                Some(length) if length >= 0 => self.first(rest, count(length)),
                Some(length) => self.drop_last(rest, count(length)),
            }
        })
    }

    /// All parts of all texts.
    pub(crate) fn factors(&self, a: Lang) -> Lang {
        self.lang(Op::Factors, a, a, || {
            let dfa = self.dfa(a);
            let mut nfa = Nfa::default();
            let states: Vec<usize> = nfa.add(&dfa, &|bytes| bytes).into_iter().flatten().collect();
            states.iter().for_each(|state| nfa.accept(*state, true));
            nfa.start = states;
            if nfa.start.is_empty() {
                return a;
            }
            self.of_nfa_or(&nfa, || dfa.bytes())
        })
    }

    /// Texts without their first bytes; empty where they are shorter.
    fn drop_first(&self, a: Lang, count: usize) -> Lang {
        let dfa = self.dfa(a);
        let live = dfa.live();
        let mut layer = std::collections::BTreeSet::from([0]);
        let mut short = false;
        for _ in 0..count {
            short |= layer.iter().any(|state| dfa.accepts_at(*state));
            layer = layer.iter().flat_map(|state| dfa.edges(*state, &live)).map(|(_, to)| to).collect();
        }
        let mut nfa = Nfa::default();
        let numbers = nfa.add(&dfa, &|bytes| bytes);
        nfa.start = layer.iter().filter_map(|state| numbers.get(*state).copied().flatten()).collect();
        if short {
            let end = nfa.state(true);
            nfa.start.push(end);
        }
        self.of_nfa_or(&nfa, || dfa.bytes())
    }

    /// The first bytes of texts; all of those that are shorter.
    fn first(&self, a: Lang, count: usize) -> Lang {
        let dfa = self.dfa(a);
        let live = dfa.live();
        if !live.first().copied().unwrap_or_default() {
            return a;
        }
        let mut nfa = Nfa::default();
        let mut layer = std::collections::BTreeMap::from([(0, nfa.state(dfa.accepts_at(0) || count == 0))]);
        nfa.start = layer.values().copied().collect();
        for left in (0..count).rev() {
            let mut after = std::collections::BTreeMap::new();
            for (state, number) in &layer {
                for (bytes, to) in dfa.edges(*state, &live) {
                    let next = *after.entry(to).or_insert_with(|| nfa.state(left == 0 || dfa.accepts_at(to)));
                    nfa.edge(*number, bytes, next);
                }
            }
            layer = after;
        }
        self.of_nfa_or(&nfa, || dfa.bytes())
    }

    /// The last bytes of texts; all of those that are shorter.
    fn last(&self, a: Lang, count: usize) -> Lang {
        let dfa = self.dfa(a);
        let live = dfa.live();
        let mut nfa = Nfa::default();
        // In layer `left`, exactly so many bytes are still to come.
        let layers: Vec<Vec<Option<usize>>> = (0..=count)
            .map(|left| {
                (0..dfa.states())
                    .map(|state| {
                        live.get(state)
                            .copied()
                            .unwrap_or_default()
                            .then(|| nfa.state(left == 0 && dfa.accepts_at(state)))
                    })
                    .collect()
            })
            .collect();
        for left in 1..=count {
            for state in 0..dfa.states() {
                let Some(Some(from)) = layers.get(left).and_then(|layer| layer.get(state)) else { continue };
                for (bytes, to) in dfa.edges(state, &live) {
                    if let Some(Some(to)) = layers.get(left - 1).and_then(|layer| layer.get(to)) {
                        nfa.edge(*from, bytes, *to);
                    }
                }
            }
        }
        // Longer texts begin anywhere; shorter ones at their start.
        nfa.start = layers.get(count).into_iter().flatten().flatten().copied().collect();
        let starts = layers.iter().take(count).filter_map(|layer| layer.first().copied().flatten());
        nfa.start.extend(starts);
        if nfa.start.is_empty() {
            return a;
        }
        self.of_nfa_or(&nfa, || dfa.bytes())
    }

    /// Texts without their last bytes; empty where they are shorter.
    fn drop_last(&self, a: Lang, count: usize) -> Lang {
        let dfa = self.dfa(a);
        let live = dfa.live();
        let ends = |from: usize| {
            let mut layer = std::collections::BTreeSet::from([from]);
            for _ in 0..count {
                layer = layer.iter().flat_map(|state| dfa.edges(*state, &live)).map(|(_, to)| to).collect();
            }
            layer.iter().any(|state| dfa.accepts_at(*state))
        };
        let mut nfa = Nfa::default();
        let numbers = nfa.add(&dfa, &|bytes| bytes);
        let Some(Some(start)) = numbers.first() else { return a };
        nfa.start = vec![*start];
        for (state, number) in numbers.iter().enumerate() {
            if let Some(number) = number {
                nfa.accept(*number, ends(state));
            }
        }
        let kept = self.of_nfa_or(&nfa, || dfa.bytes());
        let short = dfa.lengths().is_some_and(|(shortest, _)| shortest < count);
        if short { self.or(kept, self.empty()) } else { kept }
    }

    /// Texts without some bytes.
    pub(crate) fn erase(&self, a: Lang, gone: Bytes) -> Lang {
        self.lang(Op::Erase(gone), a, a, || {
            let dfa = self.dfa(a);
            if dfa.bytes().and(gone).is_empty() {
                return a;
            }
            let keep = Bytes::ALL.minus(gone);
            let live = dfa.live();
            let mut nfa = Nfa::default();
            let numbers = nfa.add(&dfa, &|bytes| bytes.and(keep));
            let number = |state: usize| numbers.get(state).copied().flatten();
            for state in 0..dfa.states() {
                for (bytes, to) in dfa.edges(state, &live) {
                    if let (Some(from), Some(to), false) = (number(state), number(to), bytes.and(gone).is_empty()) {
                        nfa.empty(from, to);
                    }
                }
            }
            nfa.start = number(0).into_iter().collect();
            self.of_nfa_or(&nfa, || dfa.bytes().and(keep))
        })
    }

    fn mapped(&self, a: Lang, op: Op, map: fn(u8) -> u8) -> Lang {
        self.lang(op, a, a, || {
            let dfa = self.dfa(a);
            let map = move |bytes: Bytes| bytes.iter().fold(Bytes::NONE, |all, byte| all.with(map(byte)));
            let mut nfa = Nfa::default();
            let numbers = nfa.add(&dfa, &map);
            nfa.start = numbers.first().copied().flatten().into_iter().collect();
            if nfa.start.is_empty() {
                return a;
            }
            self.of_nfa_or(&nfa, || map(dfa.bytes()))
        })
    }

    /// In capitals.
    pub(crate) fn upper(&self, a: Lang) -> Lang {
        self.mapped(a, Op::Upper, |byte| byte.to_ascii_uppercase())
    }

    /// In small letters.
    pub(crate) fn lower(&self, a: Lang) -> Lang {
        self.mapped(a, Op::Lower, |byte| byte.to_ascii_lowercase())
    }

    /// What may stand between separators, or alone.
    pub(crate) fn elements(&self, a: Lang, separator: u8) -> Lang {
        self.lang(Op::Elements(separator), a, a, || {
            let dfa = self.dfa(a);
            if !dfa.bytes().has(separator) {
                return a;
            }
            let live = dfa.live();
            let mut nfa = Nfa::default();
            let numbers = nfa.add(&dfa, &|bytes| bytes.without(separator));
            let number = |state: usize| numbers.get(state).copied().flatten();
            nfa.start = number(0).into_iter().collect();
            for state in 0..dfa.states() {
                let to = dfa.step(state, separator);
                if let (Some(from), Some(to), true) = (number(state), number(to), live.get(to) == Some(&true)) {
                    nfa.accept(from, true);
                    nfa.start.push(to);
                }
            }
            self.of_nfa_or(&nfa, || dfa.bytes().without(separator))
        })
    }

    /// What stands before the first separator, or the whole text.
    pub(crate) fn before(&self, a: Lang, separator: u8) -> Lang {
        let dfa = self.dfa(a);
        let live = dfa.live();
        let mut nfa = Nfa::default();
        let numbers = nfa.add(&dfa, &|bytes| bytes.without(separator));
        nfa.start = numbers.first().copied().flatten().into_iter().collect();
        for (state, number) in numbers.iter().enumerate() {
            if let Some(number) = number
                && live.get(dfa.step(state, separator)) == Some(&true)
            {
                nfa.accept(*number, true);
            }
        }
        if nfa.start.is_empty() {
            return a;
        }
        self.of_nfa_or(&nfa, || dfa.bytes().without(separator))
    }

    /// What follows the last separator; nothing of texts without one.
    pub(crate) fn after_last(&self, a: Lang, separator: u8) -> Lang {
        let dfa = self.dfa(a);
        let live = dfa.live();
        let mut nfa = Nfa::default();
        let numbers = nfa.add(&dfa, &|bytes| bytes.without(separator));
        for (state, number) in numbers.iter().enumerate() {
            let to = dfa.step(state, separator);
            if number.is_some() && live.get(to) == Some(&true) {
                nfa.start.extend(numbers.get(to).copied().flatten());
            }
        }
        if nfa.start.is_empty() {
            return self.none();
        }
        self.of_nfa_or(&nfa, || dfa.bytes().without(separator))
    }

    /// What follows a beginning; nothing of texts that begin otherwise.
    pub(crate) fn after_prefix(&self, a: Lang, prefix: &[u8]) -> Lang {
        let dfa = self.dfa(a);
        let mut nfa = Nfa::default();
        let numbers = nfa.add(&dfa, &|bytes| bytes);
        match numbers.get(dfa.run(0, prefix)) {
            Some(Some(start)) => nfa.start = vec![*start],
            _ => return self.none(),
        }
        self.of_nfa_or(&nfa, || dfa.bytes())
    }

    /// What stands before an end; nothing of texts that end otherwise.
    pub(crate) fn before_suffix(&self, a: Lang, suffix: &[u8]) -> Lang {
        let dfa = self.dfa(a);
        let mut nfa = Nfa::default();
        let numbers = nfa.add(&dfa, &|bytes| bytes);
        let Some(Some(start)) = numbers.first() else { return a };
        nfa.start = vec![*start];
        for (state, number) in numbers.iter().enumerate() {
            if let Some(number) = number {
                nfa.accept(*number, dfa.accepts_at(dfa.run(state, suffix)));
            }
        }
        self.of_nfa_or(&nfa, || dfa.bytes())
    }

    /// Texts without white space at both ends, and what is left when only some of it is taken off.
    pub(crate) fn trim(&self, a: Lang) -> Lang {
        let space = Bytes::of(b" \t\n\r\x0b\x0c");
        if self.bytes(a).and(space).is_empty() {
            return a;
        }
        self.lang(Op::Trim, a, a, || {
            let dfa = self.dfa(a);
            let reach = |from: usize| {
                let mut seen = vec![from];
                let mut at = 0;
                while let Some(state) = seen.get(at).copied() {
                    for byte in space.iter() {
                        let to = dfa.step(state, byte);
                        if !seen.contains(&to) {
                            seen.push(to);
                        }
                    }
                    at += 1;
                }
                seen
            };
            let mut nfa = Nfa::default();
            let numbers = nfa.add(&dfa, &|bytes| bytes);
            nfa.start = reach(0).into_iter().filter_map(|state| numbers.get(state).copied().flatten()).collect();
            for (state, number) in numbers.iter().enumerate() {
                if let Some(number) = number {
                    nfa.accept(*number, reach(state).into_iter().any(|state| dfa.accepts_at(state)));
                }
            }
            self.of_nfa_or(&nfa, || dfa.bytes())
        })
    }
}
