//! The plan as the search wants it: contexts by number, what each includes, which extensions a text may match.

use std::collections::{BTreeSet, HashMap};

use dialplan::apps::Effect;
use dialplan::control::Call;
use dialplan::pattern::Pattern;
use dialplan::program::{Context, Exten, Program};
use dialplan::text::Template;

use crate::value::Value;

/// An extension by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Home {
    pub(crate) context: u32,
    pub(crate) exten: u32,
}

pub(crate) struct Plan<'a> {
    pub(crate) program: &'a Program,
    pub(crate) contexts: Vec<Room<'a>>,
    by_name: HashMap<&'a str, u32>,
    /// What begins with `_` is compared with the text of patterns (S2).
    pub(crate) by_text: bool,
    /// Some macro lets keys be pressed, which are then dialled where it was called.
    pub(crate) keyed_macros: bool,
}

/// One context.
pub(crate) struct Room<'a> {
    pub(crate) context: &'a Context,
    /// Itself and all it includes, at whatever time, nearest first.
    pub(crate) rooms: Vec<u32>,
    literals: HashMap<&'a str, Vec<u32>>,
    patterns: Vec<u32>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(program: &'a Program) -> Self {
        let contexts = program.contexts();
        let by_name: HashMap<&str, u32> = (0u32..).zip(contexts).map(|(n, context)| (&*context.name, n)).collect();
        let mut rooms: Vec<Room<'_>> = contexts.iter().map(Room::new).collect();
        let includes = |n: u32| contexts.get(n as usize).map_or(&[][..], |context| &context.includes);
        for (n, room) in (0u32..).zip(&mut rooms) {
            let (mut seen, mut todo) = (BTreeSet::new(), vec![n]);
            while let Some(next) = todo.pop() {
                if seen.insert(next) {
                    room.rooms.push(next);
                    let inner = includes(next).iter().rev().filter_map(|include| by_name.get(&*include.context));
                    todo.extend(inner);
                }
            }
        }
        let keyed = |call: &Call<Template>| call.app.spec().effects.contains(&Effect::Collects);
        let macros = contexts.iter().filter(|context| context.name.starts_with("macro-"));
        let keyed_macros =
            macros.flat_map(|context| &context.extens).flat_map(|exten| exten.lines.values()).any(|line| {
                let mut any = false;
                line.call.each(&mut |call| any |= keyed(call));
                any
            });
        Self { program, contexts: rooms, by_name, by_text: !program.is_safe(), keyed_macros }
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn room(&self, context: u32) -> Option<&Room<'a>> {
        self.contexts.get(context as usize)
    }

    pub(crate) fn exten(&self, home: Home) -> Option<&'a Exten> {
        self.room(home.context)?.context.extens.get(home.exten as usize)
    }

    /// The contexts whose name the text may be.
    pub(crate) fn named(&self, value: &Value) -> Vec<u32> {
        match value.text() {
            Some(name) => self.find(&name).into_iter().collect(),
            None => {
                let all = (0u32..).zip(&self.contexts);
                all.filter(|(_, room)| value.meets(&Value::literal(&room.context.name))).map(|(n, _)| n).collect()
            }
        }
    }

    /// The extensions that may be meant by a text in a context. `first`: only those that can win the whole search count.
    /// `special`: `h`, `i` and their like, which in the safe dialect no pattern stands for.
    pub(crate) fn candidates(&self, context: u32, value: &Value, first: bool, special: bool) -> Vec<Home> {
        let Some(room) = self.room(context) else { return Vec::new() };
        let text = value.text();
        let mut found = Vec::new();
        for n in &room.rooms {
            let Some(inner) = self.room(*n) else { continue };
            let home = |exten: &u32| Home { context: *n, exten: *exten };
            let matches = |i: &&u32| {
                let exten = inner.context.extens.get(**i as usize);
                exten.is_some_and(|exten| value.matches(&exten.pattern, self.by_text))
            };
            match &text {
                Some(text) => {
                    let plain = dialplan::pattern::without_dashes(text);
                    // Old dialects mind the dashes of an extension that is no pattern.
                    let exact = inner.context.rules.dialect.compares_literals_exactly();
                    let wanted = if exact { text.as_str() } else { &*plain };
                    let same = inner.literals.get(wanted).map_or(&[][..], Vec::as_slice);
                    found.extend(same.iter().map(home));
                    // A literal of the context itself, open to every caller, comes before all else (S4, S5).
                    let open = |i: &u32| {
                        let exten = inner.context.extens.get(*i as usize);
                        exten.is_some_and(|exten| exten.caller.is_none() && exten.lines.contains_key(&1))
                    };
                    if first && *n == context && !text.starts_with('_') && same.iter().any(open) {
                        return found;
                    }
                }
                None => found.extend(inner.literals.values().flatten().filter(matches).map(home)),
            }
            if !special || room.context.rules.dialect.patterns_are_special() {
                found.extend(inner.patterns.iter().filter(matches).map(home));
            }
        }
        found.sort_unstable();
        found
    }
}

impl<'a> Room<'a> {
    fn new(context: &'a Context) -> Self {
        let (mut literals, mut patterns): (HashMap<&str, Vec<u32>>, Vec<u32>) = Default::default();
        for (n, exten) in (0u32..).zip(&context.extens) {
            match &exten.pattern {
                Pattern::Literal(text) => literals.entry(text).or_default().push(n),
                _ => patterns.push(n),
            }
        }
        Self { context, rooms: Vec::new(), literals, patterns }
    }
}
