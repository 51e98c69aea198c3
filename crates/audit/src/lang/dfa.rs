//! A minimal deterministic automaton over classes of bytes, in one canonical form: two are equal exactly when they accept
//! the same texts. State 0 is the start; every state has an edge for every class.

use std::collections::{HashMap, VecDeque};

use crate::bytes::Bytes;
use crate::limits;

/// The automaton.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Dfa {
    classes: [u8; 256],
    width: usize,
    next: Box<[u16]>,
    accept: Box<[bool]>,
}

/// An automaton that is not yet minimal.
pub(crate) struct Raw {
    pub(crate) classes: [u8; 256],
    pub(crate) width: usize,
    pub(crate) next: Vec<u16>,
    pub(crate) accept: Vec<bool>,
}

fn get<T: Copy + Default>(all: &[T], at: usize) -> T {
    all.get(at).copied().unwrap_or_default()
}

/// Numbers things in the order in which they are first met.
struct Numbering<K>(HashMap<K, usize>);

impl<K: std::hash::Hash + Eq> Numbering<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }
    fn of(&mut self, key: K) -> usize {
        let fresh = self.0.len();
        *self.0.entry(key).or_insert(fresh)
    }
}

impl Raw {
    fn step(&self, state: usize, class: usize) -> usize {
        usize::from(get(&self.next, state * self.width + class))
    }

    /// States that can be reached from the start, in order of reaching.
    fn reached(&self) -> Vec<usize> {
        let mut seen = vec![false; self.accept.len()];
        let mut order = vec![0];
        if let Some(first) = seen.first_mut() {
            *first = true;
        }
        let mut at = 0;
        while let Some(state) = order.get(at).copied() {
            for class in 0..self.width {
                let next = self.step(state, class);
                if let Some(known) = seen.get_mut(next)
                    && !*known
                {
                    *known = true;
                    order.push(next);
                }
            }
            at += 1;
        }
        order
    }

    /// Moore's refinement: the block of each state.
    fn blocks(&self, reached: &[usize]) -> Vec<usize> {
        let mut block: Vec<usize> = self.accept.iter().map(|accept| usize::from(*accept)).collect();
        let mut count = 0;
        loop {
            let mut numbers = Numbering::new();
            let mut fresh = block.clone();
            for state in reached {
                let row: Vec<usize> = (0..self.width).map(|class| get(&block, self.step(*state, class))).collect();
                let number = numbers.of((get(&block, *state), row));
                if let Some(slot) = fresh.get_mut(*state) {
                    *slot = number;
                }
            }
            block = fresh;
            if numbers.0.len() == count {
                return block;
            }
            count = numbers.0.len();
        }
    }

    /// The canonical automaton of the same language.
    pub(crate) fn minimal(&self) -> Dfa {
        let reached = self.reached();
        let block = self.blocks(&reached);
        // One member stands for its block; blocks are numbered as the start reaches them, classes as bytes meet them.
        let mut member: HashMap<usize, usize> = HashMap::new();
        for state in &reached {
            member.entry(get(&block, *state)).or_insert(*state);
        }
        let mut blocks: Vec<usize> = member.keys().copied().collect();
        blocks.sort_unstable();
        let mut columns = Numbering::new();
        let mut class_of = vec![0; self.width];
        let mut classes = [0u8; 256];
        let mut done = vec![false; self.width];
        let mut shown: Vec<usize> = Vec::new();
        for (byte, slot) in classes.iter_mut().enumerate() {
            let old = usize::from(get(&self.classes, byte));
            if !get(&done, old) {
                let column: Vec<usize> = blocks
                    .iter()
                    .map(|b| get(&block, self.step(member.get(b).copied().unwrap_or_default(), old)))
                    .collect();
                let number = columns.of(column);
                if number == shown.len() {
                    shown.push(old);
                }
                if let (Some(class), Some(done)) = (class_of.get_mut(old), done.get_mut(old)) {
                    (*class, *done) = (number, true);
                }
            }
            *slot = u8::try_from(get(&class_of, old)).unwrap_or(u8::MAX);
        }
        let (mut numbers, mut queue, mut next, mut accept) =
            (Numbering::new(), VecDeque::from([get(&block, 0)]), Vec::new(), Vec::new());
        numbers.of(get(&block, 0));
        while let Some(here) = queue.pop_front() {
            let state = member.get(&here).copied().unwrap_or_default();
            accept.push(get(&self.accept, state));
            for old in &shown {
                let to = get(&block, self.step(state, *old));
                let known = numbers.0.len();
                let number = numbers.of(to);
                if number == known {
                    queue.push_back(to);
                }
                next.push(u16::try_from(number).unwrap_or(u16::MAX));
            }
        }
        Dfa { classes, width: shown.len(), next: next.into(), accept: accept.into() }
    }
}

impl Dfa {
    pub(crate) fn states(&self) -> usize {
        self.accept.len()
    }

    pub(crate) fn accepts_at(&self, state: usize) -> bool {
        get(&self.accept, state)
    }

    pub(crate) fn step(&self, state: usize, byte: u8) -> usize {
        let class = usize::from(get(&self.classes, usize::from(byte)));
        usize::from(get(&self.next, state * self.width + class))
    }

    /// Where a text leads from a state.
    pub(crate) fn run(&self, state: usize, text: &[u8]) -> usize {
        text.iter().fold(state, |state, byte| self.step(state, *byte))
    }

    pub(crate) fn accepts(&self, text: &[u8]) -> bool {
        self.accepts_at(self.run(0, text))
    }

    /// One byte of each class.
    fn samples(&self) -> Vec<u8> {
        let mut samples = vec![None; self.width];
        for byte in 0..=255u8 {
            if let Some(slot) = samples.get_mut(usize::from(get(&self.classes, usize::from(byte)))) {
                slot.get_or_insert(byte);
            }
        }
        samples.into_iter().flatten().collect()
    }

    /// States from which something is accepted.
    pub(crate) fn live(&self) -> Vec<bool> {
        let mut live = self.accept.to_vec();
        let mut changed = true;
        while changed {
            changed = false;
            for state in (0..self.states()).rev() {
                if !get(&live, state)
                    && (0..self.width).any(|class| {
                        let to = usize::from(get(&self.next, state * self.width + class));
                        get(&live, to)
                    })
                {
                    if let Some(slot) = live.get_mut(state) {
                        *slot = true;
                    }
                    changed = true;
                }
            }
        }
        live
    }

    /// Edges to live states: which bytes lead where.
    pub(crate) fn edges(&self, state: usize, live: &[bool]) -> Vec<(Bytes, usize)> {
        let mut by_target: Vec<(usize, Bytes)> = Vec::new();
        for byte in 0..=255u8 {
            let to = self.step(state, byte);
            if !get(live, to) {
                continue;
            }
            match by_target.iter_mut().find(|(target, _)| *target == to) {
                Some((_, bytes)) => *bytes = bytes.with(byte),
                None => by_target.push((to, Bytes::NONE.with(byte))),
            }
        }
        by_target.into_iter().map(|(to, bytes)| (bytes, to)).collect()
    }

    /// Both together; `accept` says when. Nothing if it has too many states.
    pub(crate) fn product(&self, other: &Self, accept: fn(bool, bool) -> bool, most: usize) -> Option<Dfa> {
        let mut pairs = Numbering::new();
        let mut classes = [0u8; 256];
        let mut samples = Vec::new();
        for (byte, slot) in (0..=255u8).zip(classes.iter_mut()) {
            let (mine, theirs) = (get(&self.classes, usize::from(byte)), get(&other.classes, usize::from(byte)));
            let class = pairs.of((mine, theirs));
            if class == samples.len() {
                samples.push(byte);
            }
            *slot = u8::try_from(class).unwrap_or(u8::MAX);
        }
        let mut states = Numbering::new();
        let (mut queue, mut next, mut accepting) = (VecDeque::from([(0, 0)]), Vec::new(), Vec::new());
        states.of((0, 0));
        while let Some((a, b)) = queue.pop_front() {
            accepting.push(accept(self.accepts_at(a), other.accepts_at(b)));
            for byte in &samples {
                let to = (self.step(a, *byte), other.step(b, *byte));
                let known = states.0.len();
                let number = states.of(to);
                if number == known {
                    queue.push_back(to);
                }
                next.push(u16::try_from(number).ok()?);
            }
            if states.0.len() > most {
                return None;
            }
        }
        Some(Raw { classes, width: samples.len(), next, accept: accepting }.minimal())
    }

    /// Whether some text leads both to a pair of states that `hit` accepts.
    pub(crate) fn meet(&self, other: &Self, hit: fn(bool, bool) -> bool) -> bool {
        let samples: Vec<u8> = {
            let mut pairs = Numbering::new();
            (0..=255u8)
                .filter(|byte| {
                    let at = usize::from(*byte);
                    let known = pairs.0.len();
                    pairs.of((get(&self.classes, at), get(&other.classes, at))) == known
                })
                .collect()
        };
        let mut seen = std::collections::HashSet::from([(0, 0)]);
        let mut todo = vec![(0, 0)];
        while let Some((a, b)) = todo.pop() {
            if hit(self.accepts_at(a), other.accepts_at(b)) {
                return true;
            }
            for byte in &samples {
                let to = (self.step(a, *byte), other.step(b, *byte));
                if seen.insert(to) {
                    todo.push(to);
                }
            }
        }
        false
    }

    /// All bytes that occur in accepted texts.
    pub(crate) fn bytes(&self) -> Bytes {
        let live = self.live();
        let states = (0..self.states()).filter(|state| get(&live, *state));
        states.flat_map(|state| self.edges(state, &live)).fold(Bytes::NONE, |all, (bytes, _)| all.or(bytes))
    }

    /// The shortest text, the first by bytes among those.
    pub(crate) fn shortest(&self) -> Option<Vec<u8>> {
        let samples = self.samples();
        let mut came: Vec<Option<(usize, u8)>> = vec![None; self.states()];
        let mut queue = VecDeque::from([0]);
        while let Some(state) = queue.pop_front() {
            if self.accepts_at(state) {
                let mut text = Vec::new();
                let mut at = state;
                while at != 0 {
                    let (from, byte) = came.get(at).copied().flatten()?;
                    text.push(byte);
                    at = from;
                }
                text.reverse();
                return Some(text);
            }
            for byte in &samples {
                let to = self.step(state, *byte);
                if to != 0
                    && let Some(slot) = came.get_mut(to)
                    && slot.is_none()
                {
                    *slot = Some((state, *byte));
                    queue.push_back(to);
                }
            }
        }
        None
    }

    /// Texts in order of length, at most so many and no longer than that; the flag says whether these are all.
    pub(crate) fn words(&self, most: usize, longest: usize) -> (Vec<Vec<u8>>, bool) {
        let live = self.live();
        let mut found = Vec::new();
        let mut layer: Vec<(usize, Vec<u8>)> = if get(&live, 0) { vec![(0, Vec::new())] } else { Vec::new() };
        for _ in 0..=longest {
            let mut after = Vec::new();
            for (state, text) in &layer {
                if self.accepts_at(*state) {
                    if found.len() >= most {
                        return (found, false);
                    }
                    found.push(text.clone());
                }
                for byte in 0..=255u8 {
                    let to = self.step(*state, byte);
                    if get(&live, to) {
                        if after.len() >= limits::NUMBERS {
                            return (found, false);
                        }
                        after.push((to, [text.as_slice(), &[byte]].concat()));
                    }
                }
            }
            if after.is_empty() {
                return (found, true);
            }
            layer = after;
        }
        (found, false)
    }

    /// Shortest and longest length; no longest: without end. Nothing for the empty language.
    pub(crate) fn lengths(&self) -> Option<(usize, Option<usize>)> {
        let live = self.live();
        let short = self.shortest()?.len();
        // Longest path over live states; a circle makes it endless.
        let mut layer: std::collections::BTreeSet<usize> = [0].into();
        let mut longest = 0;
        for length in 0..=self.states() {
            if layer.iter().any(|state| self.accepts_at(*state)) {
                longest = length;
            }
            layer = layer.iter().flat_map(|state| self.edges(*state, &live)).map(|(_, to)| to).collect();
            if layer.is_empty() {
                return Some((short, Some(longest)));
            }
        }
        Some((short, None))
    }
}
