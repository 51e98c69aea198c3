//! The search: from one entry along every edge a call might take, each line once per text that its extension may be.
//!
//! Every edge here is a "may": a condition goes both ways, a time is any time, a Gosub may come back, a call may be hung up
//! at any line. What is never reached here cannot be reached by the machine. What a line does is in `line`.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use dialplan::program::{Exten, Line};
use dialplan::reach::Sink;
use dialplan::span::Span;

use crate::bytes::{Bytes, keypad};
use crate::facts::Facts;
use crate::limits;
use crate::plan::{Home, Plan};
use crate::report::Step;
use crate::value::Value;
use crate::vars::Vars;

/// Which lines of the extensions that match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum At {
    /// The first one.
    First,
    /// The first one of `h`, `i`, `t` and their like, where the machine itself goes there.
    Special,
    /// A priority.
    Priority(u32),
    /// A priority that is gone to only if it is there (n+101).
    Jump(u32),
    /// A label.
    Label(Box<str>),
    /// Any.
    Any,
}

/// Where a call may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Spot {
    /// About to run a line.
    Line {
        /// The call's context.
        context: u32,
        /// The extension that the line stands in.
        home: Home,
        /// The priority.
        priority: u32,
        /// What the call's extension may be.
        exten: Value,
    },
    /// Looking for an extension.
    Search {
        /// The call's context.
        context: u32,
        /// What may have been dialled.
        exten: Value,
        /// Which line of it.
        at: At,
    },
    /// Somewhere in a context: hang-up, time limit and error may come at any moment.
    Context(u32),
    /// A key may be pressed.
    Keys(u32),
}

struct Seen {
    spot: Spot,
    from: Option<usize>,
}

/// One search.
pub(crate) struct Walk<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) vars: &'a Vars,
    pub(crate) facts: &'a Facts,
    spots: Vec<Seen>,
    known: HashMap<Spot, usize>,
    todo: VecDeque<usize>,
    /// Texts that were worked out from values and searched for, by context, with all their bytes.
    worked_out: HashMap<u32, (BTreeSet<Value>, Bytes)>,
    pub(crate) sinks: BTreeMap<Sink, usize>,
    pub(crate) inside: BTreeMap<String, usize>,
    pub(crate) unknowns: BTreeMap<String, usize>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, vars: &'a Vars, facts: &'a Facts) -> Self {
        Self {
            plan,
            vars,
            facts,
            spots: Vec::new(),
            known: HashMap::new(),
            todo: VecDeque::new(),
            worked_out: HashMap::new(),
            sinks: BTreeMap::new(),
            inside: BTreeMap::new(),
            unknowns: BTreeMap::new(),
        }
    }

    /// Goes there too, unless it was there before.
    pub(crate) fn go(&mut self, spot: Spot, from: Option<usize>) {
        if !self.known.contains_key(&spot) {
            self.known.insert(spot.clone(), self.spots.len());
            self.todo.push_back(self.spots.len());
            self.spots.push(Seen { spot, from });
        }
    }

    pub(crate) fn search(&mut self, context: u32, exten: Value, at: At, from: usize) {
        self.go(Spot::Search { context, exten, at }, Some(from));
    }

    /// The same for a text that was worked out from values; of those, there are not too many.
    pub(crate) fn search_worked_out(&mut self, context: u32, mut exten: Value, at: At, from: usize) {
        let (values, bytes) = self.worked_out.entry(context).or_default();
        if !values.contains(&exten) {
            if values.len() >= limits::SEARCHES {
                *bytes = bytes.or(exten.bytes());
                exten = Value::run(*bytes);
            } else {
                *bytes = bytes.or(exten.bytes());
                values.insert(exten.clone());
            }
        }
        self.search(context, exten, at, from);
    }

    pub(crate) fn sink(&mut self, sink: Sink, at: usize) {
        self.sinks.entry(sink).or_insert(at);
    }

    pub(crate) fn unknown(&mut self, why: String, at: usize) {
        self.unknowns.entry(why.clone()).or_insert(at);
        self.sink(Sink::Unknown(why), at);
    }

    pub(crate) fn inside(&mut self, what: String, at: usize) {
        self.sink(Sink::Inside(what.clone()), at);
        self.inside.entry(what).or_insert(at);
    }

    /// Until nothing is new.
    pub(crate) fn run(&mut self) {
        while let Some(at) = self.todo.pop_front() {
            let Some(spot) = self.spots.get(at).map(|seen| seen.spot.clone()) else { continue };
            match spot {
                Spot::Line { context, home, priority, exten } => self.line(at, context, home, priority, &exten),
                Spot::Search { context, exten, at: which } => self.found(at, context, &exten, &which),
                Spot::Context(context) => self.context(at, context),
                Spot::Keys(context) => self.keys(at, context),
            }
        }
    }

    /// The lines behind a search.
    fn found(&mut self, at: usize, context: u32, exten: &Value, which: &At) {
        let special = *which == At::Special;
        let jump = matches!(which, At::Jump(_));
        if !special && !jump {
            self.go(Spot::Context(context), Some(at));
            // There may be no such extension.
            self.search(context, Value::literal("i"), At::Special, at);
        }
        let first = matches!(which, At::First | At::Special | At::Priority(1));
        let homes = self.plan.candidates(context, exten, first, special);
        let lines = |home: &Home| self.plan.exten(*home).map(|found| &found.lines);
        let wanted: Option<BTreeSet<u32>> = match which {
            At::First | At::Special => Some(BTreeSet::from([1])),
            At::Priority(priority) | At::Jump(priority) => Some(BTreeSet::from([*priority])),
            // A label is a number, found in one extension, that may run in another one (S3).
            At::Label(label) => {
                let labelled = homes.iter().filter_map(lines).flatten().filter(|(_, line)| is_labelled(line, label));
                Some(labelled.map(|(priority, _)| *priority).collect())
            }
            At::Any => None,
        };
        for home in homes {
            let Some(found) = self.plan.exten(home) else { continue };
            let exten = exten.refine(&found.pattern, &found.name, self.plan.by_text);
            for priority in
                found.lines.keys().filter(|priority| wanted.as_ref().is_none_or(|wanted| wanted.contains(priority)))
            {
                self.go(Spot::Line { context, home, priority: *priority, exten: exten.clone() }, Some(at));
            }
        }
        if !special && !jump && *which != At::First {
            // A priority that is not there: the call runs out of lines.
            self.ran_out(context, at);
        }
    }

    /// What may happen anywhere in a context.
    fn context(&mut self, at: usize, context: u32) {
        for exten in ["h", "T", "e"] {
            self.search(context, Value::literal(exten), At::Special, at);
        }
        let Some(room) = self.plan.room(context) else { return };
        for inner in room.rooms.clone() {
            let Some(inner) = self.plan.room(inner) else { continue };
            for switch in &inner.context.switches {
                self.unknown(format!("{} => {} in [{}]", switch.kind, switch.target, inner.context.name), at);
            }
        }
        let word = self.facts.words.get(&*room.context.name);
        if let Some(word) = word.filter(|word| !word.contains("{}")) {
            self.inside(word.clone(), at);
        }
    }

    /// Any keys, the wrong ones, or none.
    fn keys(&mut self, at: usize, context: u32) {
        self.search(context, Value::run(keypad()), At::First, at);
        for exten in ["i", "t"] {
            self.search(context, Value::literal(exten), At::Special, at);
        }
    }

    fn line(&mut self, at: usize, context: u32, home: Home, priority: u32, exten: &Value) {
        let Some(found) = self.plan.exten(home) else { return };
        let Some(line) = found.lines.get(&priority) else { return };
        self.name(at, home, found);
        let goes_on = self.effects(at, context, exten, priority, found, line);
        if goes_on {
            self.next(at, context, home, priority, exten, found);
        }
    }

    /// The word that a report has for this extension.
    fn name(&mut self, at: usize, home: Home, found: &Exten) {
        let Some(room) = self.plan.room(home.context) else { return };
        if let Some(word) = self.facts.words.get(&*room.context.name).filter(|word| word.contains("{}"))
            && found.name.chars().all(|c| c.is_ascii_alphanumeric())
            && !matches!(&*found.name, "s" | "h" | "i" | "t" | "T" | "e" | "o" | "a")
        {
            self.inside(word.replace("{}", &found.name), at);
        }
    }

    /// The next priority: of the same extension, or of whatever matches then (S3).
    fn next(&mut self, at: usize, context: u32, home: Home, priority: u32, exten: &Value, found: &Exten) {
        let next = priority.saturating_add(1);
        if self.plan.program.falls_through() {
            self.search(context, exten.clone(), At::Priority(next), at);
        }
        if found.lines.contains_key(&next) {
            self.go(Spot::Line { context, home, priority: next, exten: exten.clone() }, Some(at));
        } else {
            self.ran_out(context, at);
        }
    }

    /// No line is left: the call ends, or waits for an extension where `autofallthrough` is off (S11).
    fn ran_out(&mut self, context: u32, at: usize) {
        if self.plan.room(context).is_none_or(|room| !self.plan.program.autofallthrough(&room.context.name)) {
            self.go(Spot::Keys(context), Some(at));
        }
    }

    /// The way to a spot: the lines run, oldest first.
    pub(crate) fn path(&self, at: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut next = Some(at);
        while let Some(seen) = next.and_then(|at| self.spots.get(at)) {
            if let Spot::Line { context, home, priority, .. } = &seen.spot
                && let (Some(room), Some(found)) = (self.plan.room(*context), self.plan.exten(*home))
                && let Some(line) = found.lines.get(priority)
            {
                steps.push(Step {
                    place: format!("{},{},{priority}", room.context.name, found.title()),
                    does: format!("{}({})", line.app, dialplan::apps::without_pin(&line.app, &line.data)),
                    span: line.span,
                    by: None,
                });
            }
            next = seen.from;
        }
        steps.reverse();
        steps
    }

    /// Every line that was looked at.
    pub(crate) fn lines(&self) -> BTreeSet<Span> {
        let line = |spot: &Spot| match spot {
            Spot::Line { home, priority, .. } => Some(self.plan.exten(*home)?.lines.get(priority)?.span),
            Spot::Search { .. } | Spot::Context(_) | Spot::Keys(_) => None,
        };
        self.spots.iter().filter_map(|seen| line(&seen.spot)).collect()
    }

    /// All that was found, as the claims of a certificate.
    pub(crate) fn claims(&self, vars: std::rc::Rc<Vars>) -> crate::certificate::Lines {
        let mut claims = crate::certificate::Lines {
            lines: HashMap::new(),
            keys: BTreeSet::new(),
            somewhere: BTreeSet::new(),
            vars,
        };
        for seen in &self.spots {
            match &seen.spot {
                Spot::Line { context, home, priority, exten } => {
                    claims.lines.entry((*context, *home, *priority)).or_default().push(exten.clone());
                }
                Spot::Keys(context) => {
                    claims.keys.insert(*context);
                }
                Spot::Context(context) => {
                    claims.somewhere.insert(*context);
                }
                Spot::Search { .. } => {}
            }
        }
        claims
    }

    /// How many spots were looked at.
    pub(crate) fn size(&self) -> usize {
        self.spots.len()
    }
}

fn is_labelled(line: &Line, label: &str) -> bool {
    line.label.as_deref() == Some(label)
}
