//! Phase 2 of the proof: what a call may be at each line it may reach, as languages of texts. A worklist over nodes (line,
//! stack of subroutines, gates passed) joins what arrives there until nothing is new. `state` is what is known, `eval` works
//! templates out, `refine` conditions, `search` finds lines; `line`, `steer`, `apps` and `dial` are what a line does.

mod apps;
mod classes;
mod dial;
mod eval;
pub(crate) mod gates;
mod line;
pub(crate) mod names;
mod options;
mod refine;
pub(crate) mod search;
pub(crate) mod state;
mod steer;
mod way;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use dialplan::Dialect;
use dialplan::control::Control;
use dialplan::program::Program;
use dialplan::reach::Sink;

use crate::facts::Facts;
use crate::lang::{Lang, Langs};
use crate::limits;
use crate::mutant::{Mutant, on};
use crate::plan::{Home, Plan};
use crate::vars::Vars;
use crate::{Entry, bytes};
use gates::{Gate, GateSet, Gates};
use names::Names;
use search::{At, Searches};
use state::{Env, State, Val};

pub(crate) use way::Via;

/// Return sites of a call, innermost first, by number.
pub(crate) type Stack = u32;

/// Where a call may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Spot {
    /// About to run a line of an extension, in the call's context.
    Line {
        /// The extension that the line stands in.
        home: Home,
        /// The priority.
        priority: u32,
    },
    /// Somewhere in a context: hang-up, time limit and error may come at any moment.
    Somewhere,
    /// Keys may be pressed.
    Keys,
}

/// A place of the search: what is joined there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    /// The call's context.
    pub(crate) context: u32,
    pub(crate) stack: Stack,
    pub(crate) gates: GateSet,
}

/// What is known of a node.
pub(crate) struct Known {
    pub(crate) node: Node,
    pub(crate) state: State,
    /// The way there with the fewest keys.
    pub(crate) came: Option<(usize, Via)>,
    cost: u64,
    visits: u32,
    queued: bool,
}

/// One proof of one entry.
pub(crate) struct Prover<'a> {
    pub(crate) plan: &'a Plan<'a>,
    pub(crate) facts: &'a Facts,
    pub(crate) langs: &'a Langs,
    searches: &'a Searches<'a>,
    names: Names,
    gates: Gates,
    /// Values are put into expressions or arguments as text.
    textual: bool,
    pub(crate) nodes: Vec<Known>,
    index: HashMap<Node, usize>,
    todo: BinaryHeap<Reverse<(u64, usize)>>,
    stacks: Vec<[Option<(Home, u32)>; 2]>,
    stack_numbers: HashMap<[Option<(Home, u32)>; 2], Stack>,
    callers: HashMap<Stack, BTreeSet<usize>>,
    returns: HashMap<Stack, BTreeSet<usize>>,
    locals: BTreeSet<state::Var>,
    /// What a variable held when a subroutine of that stack hid it.
    hidden: HashMap<(Stack, state::Var), Lang>,
    /// Variables that working out the values of this line writes.
    pinned: BTreeSet<state::Var>,
    /// Lines by whether functions stand in them.
    acts: HashMap<(Home, u32), bool>,
    /// The context of the line that is looked at.
    here: u32,
    /// Classes of the numbers of a language, once worked out.
    classes: HashMap<Lang, std::rc::Rc<Vec<(dialplan::number::Class, Lang)>>>,
    /// Why variables may hold anything.
    wild: Option<String>,
    /// Sinks by the gates before them, with the line and what is dialled there.
    pub(crate) sinks: BTreeMap<Sink, BTreeMap<GateSet, (usize, Option<Lang>)>>,
    pub(crate) inside: BTreeMap<String, usize>,
    pub(crate) unknowns: BTreeMap<String, usize>,
    /// More nodes or steps than there is room for.
    pub(crate) gave_up: bool,
    steps: usize,
    /// Most nodes.
    room: usize,
}

/// What the first attempt learned and the next one must know.
#[derive(Debug, Default, Clone)]
struct Lessons {
    wild: Option<String>,
    loose: BTreeSet<String>,
}

/// Whether a plan is one that phase 2 follows: all of one dialect, `safe` or 22, without macros. The coarse search answers
/// for others.
pub(crate) fn is_followed(program: &Program) -> bool {
    let mut contexts = program.contexts().iter();
    let Some(first) = contexts.next().map(|context| context.rules) else { return true };
    let lines = || program.contexts().iter().flat_map(|c| &c.extens).flat_map(|e| e.lines.values());
    matches!(first.dialect, Dialect::Safe | Dialect::V22)
        && contexts.all(|context| context.rules == first)
        && lines().all(|line| {
            let mut fine = line.rules == first;
            line.call.each(&mut |call| {
                fine &= !matches!(
                    call.control.as_deref(),
                    Some(Control::Macro(_) | Control::MacroIf { .. } | Control::MacroExit | Control::Lookup { .. })
                ) && call.app.name() != "MacroExclusive";
            });
            fine
        })
}

/// Proves one entry, again and again until nothing more has to be assumed.
pub(crate) fn prove<'a>(
    plan: &'a Plan<'a>,
    vars: &Vars,
    facts: &'a Facts,
    langs: &'a Langs,
    searches: &'a Searches<'a>,
    entries: &[&Entry],
) -> Prover<'a> {
    let mut lessons = Lessons::default();
    let extens = plan.program.contexts().iter().flat_map(|context| &context.extens);
    let lines: usize = extens.map(|exten| exten.lines.len()).sum();
    loop {
        let names = Names::new(plan.program, vars, langs, lessons.wild.is_some(), lessons.loose.clone());
        let compat = plan.program.compat();
        let mut prover = Prover {
            plan,
            facts,
            langs,
            searches,
            names,
            gates: Gates::new(),
            textual: compat.textual_expressions || compat.late_arguments,
            nodes: Vec::new(),
            index: HashMap::new(),
            todo: BinaryHeap::new(),
            stacks: vec![[None, None]],
            stack_numbers: HashMap::from([([None, None], 0)]),
            callers: HashMap::new(),
            returns: HashMap::new(),
            locals: BTreeSet::new(),
            hidden: HashMap::new(),
            pinned: BTreeSet::new(),
            acts: HashMap::new(),
            here: 0,
            classes: HashMap::new(),
            wild: lessons.wild.clone(),
            sinks: BTreeMap::new(),
            inside: BTreeMap::new(),
            unknowns: BTreeMap::new(),
            gave_up: false,
            steps: 0,
            room: limits::NODES + limits::NODES_PER_LINE * lines,
        };
        for entry in entries {
            prover.enter(entry);
        }
        prover.run();
        let loose = prover.names.loose.borrow().clone();
        if prover.gave_up || (prover.wild.is_some() == lessons.wild.is_some() && loose == lessons.loose) {
            return prover;
        }
        lessons = Lessons { wild: prover.wild.clone(), loose };
    }
}

/// The line that is looked at, with what is known of the call there.
#[derive(Clone)]
pub(crate) struct Here {
    pub(crate) at: usize,
    pub(crate) node: Node,
    pub(crate) home: Home,
    pub(crate) priority: u32,
    pub(crate) state: State,
}

impl<'a> Prover<'a> {
    fn enter(&mut self, entry: &Entry) {
        let Some(context) = self.plan.find(&entry.place.context) else { return };
        let env = Env::default();
        let exten = self.langs.literal(entry.place.exten.as_bytes());
        let begin = Node { spot: Spot::Keys, context, stack: 0, gates: 0 };
        let at = At::Priority(entry.place.priority);
        self.search(None, begin, exten, &at, &env, Via::Entry(exten), false);
        if entry.any_exten {
            let dialled = if self.facts.clean_dialling { bytes::clean() } else { bytes::Bytes::ALL };
            let dialled = self.langs.run(dialled);
            self.search(None, begin, dialled, &At::First, &env, Via::Entry(dialled), false);
        }
    }

    /// Something arrives at a node.
    pub(crate) fn flow(&mut self, node: Node, state: State, from: Option<usize>, via: Via) {
        let keys = u64::from(via.keys(self.langs));
        let cost = from.and_then(|from| self.nodes.get(from)).map_or(0, |known| known.cost) + keys * 64 + 1;
        let at = match self.index.get(&node) {
            Some(at) => {
                let at = *at;
                let Some(known) = self.nodes.get_mut(at) else { return };
                let loose = known.visits > limits::VISITS;
                if !known.state.join(&state, self.langs, &self.names, loose) {
                    if cost < known.cost && from != Some(at) && via.is_better() {
                        known.cost = cost;
                        known.came = from.map(|from| (from, via));
                    }
                    return;
                }
                at
            }
            None => {
                if self.nodes.len() >= self.room {
                    self.gave_up = true;
                    return;
                }
                let at = self.nodes.len();
                self.index.insert(node, at);
                let came = from.map(|from| (from, via.clone()));
                let state = State { exten: self.langs.bounded(state.exten), env: state.env };
                self.nodes.push(Known { node, state, came, cost, visits: 0, queued: false });
                if from.is_none()
                    && let Some(known) = self.nodes.last_mut()
                {
                    known.came = Some((usize::MAX, via));
                }
                at
            }
        };
        self.wake(at);
    }

    fn wake(&mut self, at: usize) {
        if let Some(known) = self.nodes.get_mut(at)
            && !known.queued
        {
            known.queued = true;
            self.todo.push(Reverse((known.cost, at)));
        }
    }

    fn run(&mut self) {
        while let Some(Reverse((_, at))) = self.todo.pop() {
            let Some(known) = self.nodes.get_mut(at) else { continue };
            known.queued = false;
            known.visits += 1;
            self.steps += 1;
            if self.steps > self.room.saturating_mul(limits::STEPS_PER_NODE) || self.gave_up {
                self.gave_up = true;
                return;
            }
            let (node, state) = (known.node, known.state.clone());
            self.here = node.context;
            match node.spot {
                Spot::Line { home, priority } => self.line(Here { at, node, home, priority, state }),
                Spot::Somewhere => self.somewhere(at, node, &state),
                Spot::Keys => self.keys(at, node, &state),
            }
        }
    }

    /// The lines behind a text, from a node with its stack and gates in some context.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn search(
        &mut self,
        from: Option<usize>,
        node: Node,
        exten: Lang,
        at: &At,
        env: &Env,
        via: Via,
        keyed: bool,
    ) {
        if self.langs.is_none(exten) {
            return;
        }
        let hits = self.searches.find(node.context, exten, at, keyed);
        let mut env = env.clone();
        env.forget(state::Source::Exten);
        for (home, priority, lang) in &hits.lines {
            let spot = Spot::Line { home: *home, priority: *priority };
            let via = via.narrowed(*lang);
            self.flow(Node { spot, ..node }, State { exten: *lang, env: env.clone() }, from, via);
        }
        if *at == At::Special && (hits.lines.is_empty() || !self.may_vanish_by_time(exten)) {
            return;
        }
        let missing = [hits.unmatched, hits.lacking].into_iter().flatten();
        let missing = missing.fold(self.langs.none(), |all, one| self.langs.or(all, one));
        if !self.langs.is_none(missing) {
            if !matches!(at, At::First | At::Special) {
                self.ran_out(from, node, &env);
            }
            // Whoever comes here may be sent to `i`, `e` or nowhere.
            let mut told = env.clone();
            let kept = if on(Mutant::InvalidExten) { self.langs.empty() } else { missing };
            let var = self.names.var("INVALID_EXTEN");
            told.set(var, Val::of(self.langs.bounded(kept)));
            if !on(Mutant::NoInvalid) {
                let via = Via::Invalid(Box::new(via.narrowed(missing)));
                self.special(from, node, "i", &told, via.clone());
                // Without an `i` nobody writes INVALID_EXTEN.
                self.special(from, node, "e", &env, via);
            }
            self.moment(from, node, &env);
        }
    }

    /// A `t` or `T` behind a time condition or for one caller only may be gone when its first line is looked for.
    fn may_vanish_by_time(&self, exten: Lang) -> bool {
        self.langs.text(exten).is_some_and(|text| matches!(text.as_str(), "t" | "T"))
    }

    /// `h`, `i`, `t` and their like.
    pub(crate) fn special(&mut self, from: Option<usize>, node: Node, exten: &str, env: &Env, via: Via) {
        let exten = self.langs.literal(exten.as_bytes());
        self.search(from, node, exten, &At::Special, env, via, false);
    }

    /// No line is left: the call ends, or waits for an extension where `autofallthrough` is off (S11).
    pub(crate) fn ran_out(&mut self, from: Option<usize>, node: Node, env: &Env) {
        let waits =
            self.plan.room(node.context).is_none_or(|room| !self.plan.program.autofallthrough(&room.context.name));
        if waits && !on(Mutant::NoFallOut) {
            self.listen(from, node, env, Via::Next);
        }
    }

    /// Keys are listened to.
    pub(crate) fn listen(&mut self, from: Option<usize>, node: Node, env: &Env, via: Via) {
        let state = State { exten: self.langs.empty(), env: env.clone() };
        self.flow(Node { spot: Spot::Keys, ..node }, state, from, via);
    }

    /// The call is somewhere in a context, with these variables.
    pub(crate) fn moment(&mut self, from: Option<usize>, node: Node, env: &Env) {
        let state = State { exten: self.langs.empty(), env: env.clone() };
        self.flow(Node { spot: Spot::Somewhere, ..node }, state, from, Via::Moment);
    }

    /// What may happen anywhere in a context.
    fn somewhere(&mut self, at: usize, node: Node, state: &State) {
        for (exten, mutant) in [("h", Mutant::NoHangup), ("T", Mutant::NoAbsolute), ("e", Mutant::NoError)] {
            if !on(mutant) {
                let via = if exten == "h" { Via::HangUp } else { Via::Moment };
                self.special(Some(at), node, exten, &state.env, via);
            }
        }
        let Some(room) = self.plan.room(node.context) else { return };
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
    fn keys(&mut self, at: usize, node: Node, state: &State) {
        let mut keypad = bytes::keypad();
        if on(Mutant::NoKeyLetters) {
            keypad = keypad.without(b'*').without(b'#');
        }
        let one = self.langs.one(keypad);
        let keyed = if on(Mutant::KeysOne) { one } else { self.langs.then(one, self.langs.run(keypad)) };
        self.search(Some(at), node, keyed, &At::First, &state.env, Via::Keys(keyed), true);
        if !on(Mutant::NoTimeout) {
            self.special(Some(at), node, "t", &state.env, Via::Silence);
        }
    }

    /// Enters a subroutine: the stack with one more site.
    pub(crate) fn push(&mut self, here: &Here) -> Stack {
        let outer = self.stacks.get(here.node.stack as usize).copied().unwrap_or_default();
        let site = Some((here.home, here.priority));
        let sites = match self.stacks.len() {
            0..limits::STACKS => [site, outer[0]],
            limits::STACKS..limits::STACKS_SHORT => [site, None],
            _ => [Some((Home { context: u32::MAX, exten: 0 }, 0)), None],
        };
        let fresh = Stack::try_from(self.stacks.len()).unwrap_or(0);
        let number = *self.stack_numbers.entry(sites).or_insert(fresh);
        if number == fresh {
            self.stacks.push(sites);
        }
        self.callers.entry(number).or_default().insert(here.at);
        // Who comes back from there has one more place to come back to.
        for back in self.returns.get(&number).cloned().unwrap_or_default() {
            self.wake(back);
        }
        number
    }

    /// The nodes that a subroutine may come back to.
    pub(crate) fn pop(&mut self, here: &Here) -> Vec<usize> {
        self.returns.entry(here.node.stack).or_default().insert(here.at);
        self.callers.get(&here.node.stack).into_iter().flatten().copied().collect()
    }

    pub(crate) fn sink(&mut self, sink: Sink, at: usize, lang: Option<Lang>) {
        let gates = self.nodes.get(at).map_or(0, |known| known.node.gates);
        let langs = self.langs;
        self.sinks
            .entry(sink)
            .or_default()
            .entry(gates)
            .and_modify(|(_, known)| {
                *known = match (*known, lang) {
                    (Some(a), Some(b)) => Some(langs.bounded(langs.or(a, b))),
                    (a, b) => a.or(b),
                }
            })
            .or_insert((at, lang));
    }

    pub(crate) fn unknown(&mut self, why: String, at: usize) {
        self.unknowns.entry(why.clone()).or_insert(at);
        self.sink(Sink::Unknown(why), at, None);
    }

    pub(crate) fn inside(&mut self, what: String, at: usize) {
        self.sink(Sink::Inside(what.clone()), at, None);
        self.inside.entry(what).or_insert(at);
    }

    /// From here on variables may hold anything; everything is looked at once more.
    pub(crate) fn wild(&mut self, why: &str) {
        self.wild.get_or_insert_with(|| why.to_owned());
    }

    /// All that was found, as the claims of a certificate.
    pub(crate) fn claims(self) -> crate::certificate::States {
        crate::certificate::States {
            nodes: self.nodes.into_iter().map(|known| (known.node, known.state)).collect(),
            callers: self.callers,
            names: self.names.handed_over(),
            gates: self.gates.into_sets(),
        }
    }

    fn context_lang(&self) -> Lang {
        match self.plan.room(self.here) {
            Some(room) => self.langs.literal(room.context.name.as_bytes()),
            None => self.langs.any(),
        }
    }

    /// The contexts whose name a text may be.
    pub(crate) fn contexts(&self, names: Lang) -> Vec<u32> {
        match self.langs.text(names) {
            Some(name) => self.plan.find(name.trim()).into_iter().collect(),
            None => {
                let all = (0u32..).zip(&self.plan.contexts);
                all.filter(|(_, room)| self.langs.holds(names, room.context.name.as_bytes())).map(|(n, _)| n).collect()
            }
        }
    }

    pub(crate) fn gates_of(&self, set: GateSet) -> &[Gate] {
        self.gates.get(set)
    }

    /// Lines that were looked at, by their place in the text.
    pub(crate) fn lines(&self) -> BTreeSet<dialplan::span::Span> {
        let line = |known: &Known| match known.node.spot {
            Spot::Line { home, priority } => Some(self.plan.exten(home)?.lines.get(&priority)?.span),
            Spot::Somewhere | Spot::Keys => None,
        };
        self.nodes.iter().filter_map(line).collect()
    }
}
