//! Automata with choices and empty edges, for what a product cannot say: joining, cutting, erasing. Subsets make them
//! deterministic again.

use std::collections::{HashMap, VecDeque};

use super::dfa::{Dfa, Raw};
use crate::bytes::Bytes;

/// The automaton.
#[derive(Default)]
pub(crate) struct Nfa {
    edges: Vec<Vec<(Bytes, usize)>>,
    empty: Vec<Vec<usize>>,
    accept: Vec<bool>,
    pub(crate) start: Vec<usize>,
}

impl Nfa {
    pub(crate) fn state(&mut self, accept: bool) -> usize {
        self.edges.push(Vec::new());
        self.empty.push(Vec::new());
        self.accept.push(accept);
        self.accept.len() - 1
    }

    pub(crate) fn edge(&mut self, from: usize, bytes: Bytes, to: usize) {
        if let Some(edges) = self.edges.get_mut(from)
            && !bytes.is_empty()
        {
            edges.push((bytes, to));
        }
    }

    pub(crate) fn empty(&mut self, from: usize, to: usize) {
        if let Some(edges) = self.empty.get_mut(from) {
            edges.push(to);
        }
    }

    pub(crate) fn accept(&mut self, state: usize, accept: bool) {
        if let Some(slot) = self.accept.get_mut(state) {
            *slot = accept;
        }
    }

    /// Adds the live states of an automaton, each byte set changed by `map`; gives the number of each (none for dead ones).
    pub(crate) fn add(&mut self, dfa: &Dfa, map: &dyn Fn(Bytes) -> Bytes) -> Vec<Option<usize>> {
        let live = dfa.live();
        let numbers: Vec<Option<usize>> = (0..dfa.states())
            .map(|state| live.get(state).copied().unwrap_or_default().then(|| self.state(dfa.accepts_at(state))))
            .collect();
        for (state, number) in numbers.iter().enumerate() {
            let Some(number) = number else { continue };
            for (bytes, to) in dfa.edges(state, &live) {
                if let Some(Some(to)) = numbers.get(to) {
                    self.edge(*number, map(bytes), *to);
                }
            }
        }
        numbers
    }

    fn close(&self, states: &mut Vec<usize>) {
        let mut at = 0;
        while let Some(state) = states.get(at).copied() {
            for to in self.empty.get(state).into_iter().flatten() {
                if !states.contains(to) {
                    states.push(*to);
                }
            }
            at += 1;
        }
        states.sort_unstable();
        states.dedup();
    }

    /// Classes of bytes that no edge tells apart, with one byte of each.
    fn classes(&self) -> ([u8; 256], Vec<u8>) {
        let mut sets: Vec<Bytes> = self.edges.iter().flatten().map(|(bytes, _)| *bytes).collect();
        sets.sort_unstable();
        sets.dedup();
        let mut known: HashMap<Vec<bool>, usize> = HashMap::new();
        let (mut classes, mut samples) = ([0u8; 256], Vec::new());
        for (byte, slot) in (0..=255u8).zip(classes.iter_mut()) {
            let fresh = known.len();
            let class = *known.entry(sets.iter().map(|set| set.has(byte)).collect()).or_insert(fresh);
            if class == samples.len() {
                samples.push(byte);
            }
            *slot = u8::try_from(class).unwrap_or(u8::MAX);
        }
        (classes, samples)
    }

    /// The minimal deterministic automaton; nothing if there are too many states on the way.
    pub(crate) fn dfa(&self, most: usize) -> Option<Dfa> {
        let (classes, samples) = self.classes();
        let mut first = self.start.clone();
        self.close(&mut first);
        let mut numbers: HashMap<Vec<usize>, usize> = HashMap::from([(first.clone(), 0)]);
        let (mut queue, mut next, mut accept) = (VecDeque::from([first]), Vec::new(), Vec::new());
        while let Some(states) = queue.pop_front() {
            accept.push(states.iter().any(|state| self.accept.get(*state).copied().unwrap_or_default()));
            for byte in &samples {
                let edges = states.iter().filter_map(|state| self.edges.get(*state)).flatten();
                let mut to: Vec<usize> = edges.filter(|(bytes, _)| bytes.has(*byte)).map(|(_, to)| *to).collect();
                to.sort_unstable();
                to.dedup();
                self.close(&mut to);
                let fresh = numbers.len();
                let number = *numbers.entry(to.clone()).or_insert(fresh);
                if number == fresh {
                    queue.push_back(to);
                }
                next.push(u16::try_from(number).ok()?);
            }
            if numbers.len() > most {
                return None;
            }
        }
        Some(Raw { classes, width: samples.len(), next, accept }.minimal())
    }
}
