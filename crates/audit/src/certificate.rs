//! What a proof hands over to be held against calls: for every line that a call may get to, all that may be known of the
//! call there. A certificate claims that these sets hold every call; the tests hold the real machine against it, step by step.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use dialplan::program::{Place, Program};
use dialplan::reach::Sink;
use dialplan::span::Span;

use crate::bytes::Bytes;
use crate::lang::{Lang, Langs};
use crate::plan::Home;
use crate::prove::gates::Gate;
use crate::prove::state::{Alias, Env, Source, State, Var};
use crate::prove::{Node, Spot, Stack};
use crate::value::Value;
use crate::vars::Vars;

/// The names of variables, and what each holds before a call sets it.
#[derive(Debug, Default)]
pub(crate) struct VarNames {
    /// By lower case: number, the one way it is spelled, and what it holds unless the call sets it.
    pub(crate) known: HashMap<String, (Var, String, Lang)>,
    /// Names that are spelled in several ways.
    pub(crate) loose: BTreeSet<String>,
    /// Any variable may hold anything.
    pub(crate) wild: bool,
}

/// Sets of calls, one for each place.
pub(crate) struct States {
    pub(crate) nodes: Vec<(Node, State)>,
    /// By stack: the lines that may have called the innermost subroutine.
    pub(crate) callers: HashMap<Stack, BTreeSet<usize>>,
    pub(crate) names: VarNames,
    /// By number of the set.
    pub(crate) gates: Vec<Vec<Gate>>,
}

/// Lines with what the extension may be there, whatever the variables hold that the plan writes somewhere.
pub(crate) struct Lines {
    pub(crate) lines: HashMap<(u32, Home, u32), Vec<Value>>,
    pub(crate) keys: BTreeSet<u32>,
    pub(crate) somewhere: BTreeSet<u32>,
    pub(crate) vars: Rc<Vars>,
}

/// What is claimed.
pub(crate) enum Claim {
    /// Languages for each line (phase 2).
    States(States),
    /// Lines (phase 1).
    Lines(Lines),
}

/// The certificate of one entry.
pub struct Certificate {
    pub(crate) claim: Claim,
    pub(crate) sinks: BTreeSet<Sink>,
    pub(crate) langs: Rc<Langs>,
    /// By line of the text: the nodes that stand for it.
    pub(crate) by_span: Rc<HashMap<Span, Vec<(Home, u32)>>>,
}

/// A call at a moment, as the running machine has it.
pub struct Call<'a> {
    /// The line that runs; none: keys are waited for.
    pub line: Option<Span>,
    /// Its context.
    pub context: &'a str,
    /// Its extension.
    pub exten: &'a str,
    /// Variables before the line's own values were worked out, by name; globals where the call has none.
    pub get: &'a dyn Fn(&str) -> Option<String>,
    /// Names of the variables of the call.
    pub set: Vec<String>,
    /// Where its subroutines go back to, innermost first.
    pub sites: Vec<Place>,
    /// Places of the gates that it passed.
    pub passed: &'a BTreeSet<String>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "certificate of {} places, {} sinks", self.size(), self.sinks.len())
    }
}

/// Every line by its place in the text.
pub(crate) fn spans(program: &Program) -> HashMap<Span, Vec<(Home, u32)>> {
    let mut all: HashMap<Span, Vec<(Home, u32)>> = HashMap::new();
    for (context, found) in (0u32..).zip(program.contexts()) {
        for (exten, found) in (0u32..).zip(&found.extens) {
            for (priority, line) in &found.lines {
                all.entry(line.span).or_default().push((Home { context, exten }, *priority));
            }
        }
    }
    all
}

impl Certificate {
    /// Places that it speaks of.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.claim {
            Claim::States(states) => states.nodes.len(),
            Claim::Lines(lines) => lines.lines.len(),
        }
    }

    /// Whether it speaks of languages; otherwise of lines only.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        matches!(self.claim, Claim::States(_))
    }

    /// Whether a call of the running machine lies inside; if not, in which respect.
    ///
    /// # Errors
    /// What is outside.
    pub fn holds(&self, program: &Program, call: &Call<'_>) -> Result<(), String> {
        let context = (0u32..).zip(program.contexts()).find(|(_, context)| &*context.name == call.context);
        // Nothing is known of contexts that do not exist, and nothing runs in them.
        let Some((context, _)) = context else { return Ok(()) };
        match &self.claim {
            Claim::States(states) => self.inside_states(states, program, context, call),
            Claim::Lines(lines) => self.inside_lines(lines, context, call),
        }
    }

    fn inside_lines(&self, lines: &Lines, context: u32, call: &Call<'_>) -> Result<(), String> {
        match call.line {
            None if lines.keys.contains(&context) => {}
            None => return Err("keys are waited for where nobody should listen".to_owned()),
            Some(span) => {
                let homes = self.by_span.get(&span).map_or(&[][..], Vec::as_slice);
                let mut values = homes
                    .iter()
                    .filter_map(|(home, line)| lines.lines.get(&(context, *home, *line)))
                    .flatten()
                    .peekable();
                if values.peek().is_none() {
                    return Err("the line is not reached in this context".to_owned());
                }
                let exten = Value::literal(call.exten);
                if !values.any(|value| value.meets(&exten)) {
                    return Err(format!("the extension {:?} is not among those of the line", call.exten));
                }
            }
        }
        for name in &call.set {
            let text = (call.get)(name).unwrap_or_default();
            let literal = Value::literal(&text);
            if !is_built_in(name) && !lines.vars.get(name).iter().any(|value| value.meets(&literal)) {
                return Err(format!("the variable {name} holds {text:?}, which no line writes"));
            }
        }
        Ok(())
    }

    fn inside_states(&self, states: &States, program: &Program, context: u32, call: &Call<'_>) -> Result<(), String> {
        let homes: Vec<Spot> = match call.line {
            None => vec![Spot::Keys],
            Some(span) => {
                let homes = self.by_span.get(&span).map_or(&[][..], Vec::as_slice);
                homes.iter().map(|(home, priority)| Spot::Line { home: *home, priority: *priority }).collect()
            }
        };
        let nodes = states.nodes.iter().filter(|(node, _)| node.context == context && homes.contains(&node.spot));
        let mut why = Vec::new();
        for (node, state) in nodes {
            match self.inside(states, program, node, state, call) {
                Ok(()) => return Ok(()),
                Err(wrong) => why.push(wrong),
            }
        }
        if why.is_empty() {
            why.push("no call gets here in this context".to_owned());
        }
        Err(why.join("\n  or "))
    }

    fn inside(
        &self,
        states: &States,
        program: &Program,
        node: &Node,
        state: &State,
        call: &Call<'_>,
    ) -> Result<(), String> {
        if call.line.is_some() && !self.langs.holds(state.exten, call.exten.as_bytes()) {
            return Err(format!("the extension {:?} is not among those of the line", call.exten));
        }
        let gates = states.gates.get(node.gates as usize).map_or(&[][..], Vec::as_slice);
        if let Some(gate) = gates.iter().find(|gate| !call.passed.contains(&gate.place)) {
            return Err(format!("the gate {} at {} was not passed", gate.kind, gate.place));
        }
        if !self.stacked(states, program, node.stack, &call.sites) {
            return Err(format!("the subroutines {:?} are not among those of the line", call.sites));
        }
        if states.names.wild {
            return Ok(());
        }
        self.variables(states, &state.env, call)
    }

    fn variables(&self, states: &States, env: &Env, call: &Call<'_>) -> Result<(), String> {
        for name in &call.set {
            if is_built_in(name) || env.wild {
                continue;
            }
            if !states.names.known.contains_key(&name.to_ascii_lowercase()) {
                return Err(format!("nobody knows of the variable {name}"));
            }
        }
        let names = &states.names;
        let spelled: HashMap<Var, (&str, bool, Lang)> = names
            .known
            .iter()
            .map(|(key, (var, first, unset))| (*var, (first.as_str(), names.loose.contains(key), *unset)))
            .collect();
        let value = |name: &str| (call.get)(name).unwrap_or_default();
        for (var, (first, loose, unset)) in &spelled {
            if is_built_in(first) {
                continue;
            }
            let known = env.get(*var);
            let lang = known.map_or(if env.wild { self.langs.any() } else { *unset }, |val| val.lang);
            let mut ways = vec![(*first).to_owned()];
            if *loose {
                ways.extend(call.set.iter().filter(|name| name.eq_ignore_ascii_case(first)).cloned());
            }
            for name in ways {
                let text = value(&name);
                if !self.langs.holds(lang, text.as_bytes()) {
                    return Err(format!("the variable {name} holds {text:?}, which is not among its texts"));
                }
            }
            let Some(alias) = known.and_then(|val| val.alias) else { continue };
            let source = match alias.source() {
                Source::Exten => call.exten.to_owned(),
                Source::Var(other) => spelled.get(&other).map(|(name, ..)| value(name)).unwrap_or_default(),
            };
            let same = match alias {
                Alias::Copy(_) => source,
                Alias::Filter(_, bytes) => filtered(&source, bytes),
            };
            if value(first) != same && call.line.is_some() {
                return Err(format!("the variable {first} holds {:?} and not {same:?}", value(first)));
            }
        }
        Ok(())
    }

    /// Whether these subroutines are what a stack stands for.
    fn stacked(&self, states: &States, program: &Program, stack: Stack, sites: &[Place]) -> bool {
        let Some((first, rest)) = sites.split_first() else { return stack == 0 };
        states.callers.get(&stack).into_iter().flatten().filter_map(|at| states.nodes.get(*at)).any(|(node, state)| {
            let Spot::Line { priority, .. } = node.spot else { return false };
            let context = program.contexts().get(node.context as usize);
            context.is_some_and(|context| context.name == first.context)
                && priority.saturating_add(1) == first.priority
                && self.langs.holds(state.exten, first.exten.as_bytes())
                && self.stacked(states, program, node.stack, rest)
        })
    }
}

fn filtered(text: &str, bytes: Bytes) -> String {
    let kept: Vec<u8> = text.bytes().filter(|byte| bytes.has(*byte)).collect();
    String::from_utf8_lossy(&kept).into_owned()
}

fn is_built_in(name: &str) -> bool {
    crate::prove::names::BUILT_IN.contains(&name.to_ascii_lowercase().as_str())
}

/// A value as a language.
pub(crate) fn lang_of(langs: &Langs, value: &Value) -> Lang {
    value.pieces().iter().fold(langs.empty(), |row, piece| {
        langs.then(row, if piece.run { langs.run(piece.set) } else { langs.one(piece.set) })
    })
}

/// Texts of lines as languages, worked out once.
pub(crate) fn of_values<'v>(langs: &Langs, values: impl IntoIterator<Item = &'v Value>) -> Lang {
    values.into_iter().fold(langs.none(), |all, value| langs.or(all, lang_of(langs, value)))
}

/// Certificates by entry name.
pub type Certificates = BTreeMap<String, Rc<Certificate>>;
