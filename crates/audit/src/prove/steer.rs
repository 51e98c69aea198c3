//! Goto and its kin: which places a label may mean, and what is known there.

use dialplan::control::{Control, Label, Sub, Target as Written};
use dialplan::reach::Sink;
use dialplan::text::Template;

use super::eval::leading_number;
use super::gates::Gate;
use super::line::After;
use super::search::At;
use super::state::{Env, State, Val};
use super::{Here, Node, Prover, Spot, Via};
use crate::lang::Lang;
use crate::limits;
use crate::mutant::{Mutant, on};

impl Prover<'_> {
    /// A label that is written out.
    pub(super) fn place(&mut self, here: &Here, label: &str, via: &Via) {
        if label.contains('$') {
            return self.everywhere(here);
        }
        if let Some(label) = Label::parse(Template::literal(label), dialplan::Dialect::V22) {
            self.label(here, &label, here.node, via);
        }
    }

    /// Any line at all.
    pub(super) fn everywhere(&mut self, here: &Here) {
        let any = self.langs.any();
        for context in (0u32..).zip(&self.plan.contexts).map(|(n, _)| n).collect::<Vec<_>>() {
            let node = Node { context, ..here.node };
            self.search(Some(here.at), node, any, &At::Any, &here.state.env, Via::Others, false);
        }
    }

    pub(super) fn steer(&mut self, here: &Here, control: &Control<Template>) -> Vec<After> {
        let plain = |state: &State| vec![After::of(state.clone())];
        match control {
            Control::Goto(label) => {
                let mut here = here.clone();
                self.label_effects(&mut here, label);
                self.label(&here, label, here.node, &Via::Next);
                Vec::new()
            }
            Control::GotoIf { condition, yes, no } => {
                let mut here = here.clone();
                self.effects_of(&mut here, condition);
                let decided = self.decide(&here.state, condition);
                let mut after = Vec::new();
                for (first, state, label, gate) in
                    [(true, decided.yes, yes, decided.gate), (false, decided.no, no, None)]
                {
                    let Some(state) = state else { continue };
                    match label {
                        Some(_) if on(Mutant::GotoIfYes) && !first => {}
                        Some(label) => {
                            let mut there = Here { state, ..here.clone() };
                            self.label_effects(&mut there, label);
                            let node = self.gated(&there, gate);
                            self.label(&there, label, node, &Via::Branch);
                        }
                        None if on(Mutant::GotoIfNext) => {}
                        None => after.push(After { state, gate, via: Via::Branch }),
                    }
                }
                after
            }
            Control::GotoIfTime { times, yes, no } => {
                let mut here = here.clone();
                self.effects_of(&mut here, times);
                let mut after = Vec::new();
                let written: Box<str> = times.to_string().into();
                for (label, within) in [(yes, true), (no, false)] {
                    let via = Via::Time(written.clone(), within);
                    match label {
                        Some(_) if on(Mutant::TimeNever) && within => {}
                        Some(label) => {
                            self.label_effects(&mut here, label);
                            self.label(&here, label, here.node, &via);
                        }
                        None => after.push(After { state: here.state.clone(), gate: None, via }),
                    }
                }
                after
            }
            Control::Set(assigns) => {
                let mut here = here.clone();
                // All values are worked out before the first one is written.
                let before = here.state.clone();
                let several = assigns.len() > 1;
                for assign in assigns {
                    self.effects_of(&mut here, &assign.value);
                    let mut val = self.template(&before, &assign.value);
                    if several {
                        val.alias = None;
                    }
                    self.set(&mut here, &assign.target, val);
                }
                plain(&here.state)
            }
            Control::Gosub(sub) => {
                self.sub(here, sub, here.node, &Via::Next);
                Vec::new()
            }
            Control::GosubIf { condition, yes, no } => {
                let mut here = here.clone();
                self.effects_of(&mut here, condition);
                let decided = self.decide(&here.state, condition);
                let mut after = Vec::new();
                for (state, sub, gate) in [(decided.yes, yes, decided.gate), (decided.no, no, None)] {
                    let Some(state) = state else { continue };
                    match sub {
                        Some(sub) => {
                            let there = Here { state, ..here.clone() };
                            let node = self.gated(&there, gate);
                            self.sub(&there, sub, node, &Via::Branch);
                        }
                        None => after.push(After { state, gate, via: Via::Branch }),
                    }
                }
                after
            }
            Control::Return(value) => {
                let mut here = here.clone();
                self.effects_of(&mut here, value);
                let value = self.template(&here.state, value);
                self.comes_back(&here, Some(value));
                Vec::new()
            }
            Control::StackPop => {
                let mut after = Vec::new();
                if here.node.stack == 0 || on(Mutant::StackPopStays) {
                    return plain(&here.state);
                }
                for caller in self.pop(here) {
                    let Some(known) = self.nodes.get(caller) else { continue };
                    let (stack, before) = (known.node.stack, known.state.env.clone());
                    let mut state = here.state.clone();
                    self.unhide(&mut state, &before, here.node.stack);
                    let node = Node { stack, ..here.node };
                    self.next(here.at, node, here.home, here.priority, &state, &Via::Next);
                }
                after.clear();
                after
            }
            // Plans of the time of macros are answered by the coarse search (`is_followed`).
            Control::Macro(_) | Control::MacroIf { .. } | Control::MacroExit | Control::Lookup { .. } => {
                self.gave_up = true;
                Vec::new()
            }
            Control::ExecIf { condition, yes, no } => {
                let mut here = here.clone();
                self.effects_of(&mut here, condition);
                let decided = self.decide(&here.state, condition);
                let mut after = Vec::new();
                for (state, call, gate) in [(decided.yes, yes, decided.gate), (decided.no, no, None)] {
                    let Some(state) = state else { continue };
                    match call {
                        Some(_) if on(Mutant::ExecIfNo) => after.push(After::of(state)),
                        Some(call) => {
                            let mut there = Here { state, ..here.clone() };
                            there.node = self.gated(&there, gate.clone());
                            for mut inner in self.call(&there, call) {
                                inner.gate = inner.gate.or_else(|| gate.clone());
                                after.push(inner);
                            }
                        }
                        None => after.push(After { state, gate, via: Via::Branch }),
                    }
                }
                after
            }
            Control::While(condition) => {
                let mut here = here.clone();
                self.effects_of(&mut here, condition);
                let decided = self.decide(&here.state, condition);
                if let Some(state) = decided.no
                    && !on(Mutant::LoopExit)
                {
                    self.loops(&Here { state, ..here.clone() }, false);
                }
                decided.yes.map(After::of).into_iter().collect()
            }
            Control::EndWhile | Control::ContinueWhile => {
                if !on(Mutant::LoopOnce) {
                    self.loops(here, true);
                }
                // Without a While above, the call goes on.
                plain(&here.state)
            }
            Control::ExitWhile => {
                self.loops(here, false);
                Vec::new()
            }
        }
    }

    fn gated(&mut self, here: &Here, gate: Option<Gate>) -> Node {
        let mut node = here.node;
        if let (Some(mut gate), Some(found)) = (gate, self.plan.exten(here.home)) {
            gate.place = self.place_of(here, found);
            node.gates = self.gates.with(node.gates, gate);
        }
        node
    }

    /// What the functions of a template do and write.
    pub(super) fn effects_of(&mut self, here: &mut Here, template: &Template) {
        self.functions(here, template);
        self.written_while_read(&mut here.state, template);
    }

    fn label_effects(&mut self, here: &mut Here, label: &Label<Template>) {
        for part in [label.context.as_ref(), label.exten.as_ref(), Some(&label.priority)].into_iter().flatten() {
            self.effects_of(here, part);
        }
    }

    /// A loop may go to each of its heads and behind each of its ends.
    fn loops(&mut self, here: &Here, up: bool) {
        if self.plan.program.falls_through() {
            // The lines of a loop may stand in several extensions.
            let (exten, env) = (here.state.exten, here.state.env.clone());
            return self.search(Some(here.at), here.node, exten, &At::Any, &env, Via::Next, false);
        }
        let Some(found) = self.plan.exten(here.home) else { return };
        for (priority, line) in &found.lines {
            match line.call.control.as_deref() {
                Some(Control::While(_)) if up => {
                    let spot = Spot::Line { home: here.home, priority: *priority };
                    self.flow(Node { spot, ..here.node }, here.state.clone(), Some(here.at), Via::Next);
                }
                Some(Control::EndWhile) if !up => {
                    self.next(here.at, here.node, here.home, *priority, &here.state, &Via::Next);
                }
                _ => {}
            }
        }
    }

    /// Calls a subroutine; what comes back goes on behind this line.
    fn sub(&mut self, here: &Here, sub: &Sub<Template>, node: Node, via: &Via) {
        let mut here = here.clone();
        for arg in &sub.args {
            self.effects_of(&mut here, arg);
        }
        self.label_effects(&mut here, &sub.label);
        if on(Mutant::GosubStays) {
            // The way back is missing: the frame is forgotten.
            return self.label(&here, &sub.label, Node { stack: 0, ..node }, via);
        }
        let args: Vec<Val> = sub.args.iter().map(|arg| self.template(&here.state, arg)).collect();
        let stack = self.push(&here);
        let outside = here.state.clone();
        if !on(Mutant::ReturnNoArgs) {
            self.arguments(&mut here.state, &args);
        }
        // The label is worked out with the values outside.
        let inside = here.state.env.clone();
        here.state = outside;
        self.label_with(&here, &sub.label, Node { stack, ..node }, via, &inside);
    }

    /// `ARG1`, `ARG2`, …
    pub(super) fn arguments(&mut self, state: &mut State, args: &[Val]) {
        for (n, arg) in (1..).zip(args) {
            self.local(state, &format!("ARG{n}"), *arg);
        }
        for n in args.len() + 1..=dialplan::limits::ARGUMENTS {
            let name = format!("ARG{n}");
            if n > 9 && !self.names.knows(&name) {
                continue;
            }
            let before = self.read(state, &name).lang;
            if before != self.langs.empty() {
                let lang = self.langs.or(before, self.langs.empty());
                self.local(state, &name, Val::of(lang));
            }
        }
        let mut count = self.langs.literal(args.len().to_string().as_bytes());
        if args.len() == 1 && self.plan.program.compat().late_arguments {
            // One argument whose value is empty is none, where arguments are told apart after the values are put in.
            count = self.langs.or(count, self.langs.literal(b"0"));
        }
        self.local(state, "ARGC", Val::of(count));
    }

    /// `LOCAL(name)`: what the variable held comes back when the subroutine returns.
    fn hides(&mut self, here: &Here, name: &str) {
        let (stack, var) = (here.node.stack, self.names.var(name));
        if stack == 0 {
            return;
        }
        let before = self.read(&here.state, name).lang;
        let known = self.hidden.get(&(stack, var)).copied();
        let both = known.map_or(before, |known| self.langs.bounded(self.langs.or(known, before)));
        if known != Some(both) {
            // Widened at once where it grows: it need not be exact.
            let both = if known.is_some() { self.langs.widen(both) } else { both };
            self.hidden.insert((stack, var), both);
            for back in self.returns.get(&stack).cloned().unwrap_or_default() {
                self.wake(back);
            }
        }
    }

    fn local(&mut self, state: &mut State, name: &str, mut val: Val) {
        self.locals.insert(self.names.var(name));
        // A copy of what is hidden by itself is no copy.
        val.alias = None;
        self.assign(state, name, val);
    }

    /// Variables that a frame hid are what they were outside.
    fn unhide(&mut self, state: &mut State, outside: &Env, stack: u32) {
        if on(Mutant::LocalForgotten) {
            return;
        }
        for var in self.locals.clone() {
            let (inner, outer) =
                (state.env.read(self.langs, &self.names, var), outside.read(self.langs, &self.names, var));
            let hidden = self.hidden.get(&(stack, var)).copied().unwrap_or(outer);
            if inner != outer || hidden != outer {
                let lang = self.langs.or(self.langs.or(inner, outer), hidden);
                let lang = self.langs.bounded(lang);
                state.env.set(var, Val::of(lang));
            }
        }
    }

    /// Return: behind every line that may have called.
    pub(super) fn comes_back(&mut self, here: &Here, value: Option<Val>) {
        for caller in self.pop(here) {
            let Some(known) = self.nodes.get(caller) else { continue };
            let (node, outside) = (known.node, known.state.clone());
            let Spot::Line { home, priority } = node.spot else { continue };
            let mut state = State { exten: outside.exten, env: here.state.env.clone() };
            state.env.forget(super::state::Source::Exten);
            self.unhide(&mut state, &outside.env, here.node.stack);
            if let Some(value) = value
                && !on(Mutant::ReturnValue)
            {
                self.assign(&mut state, "GOSUB_RETVAL", Val { alias: None, ..value });
            }
            let node = Node { gates: here.node.gates, ..node };
            self.moment(Some(here.at), node, &state.env);
            self.next(here.at, node, home, priority, &state, &Via::Next);
        }
    }

    fn set(&mut self, here: &mut Here, target: &Written<Template>, val: Val) {
        let (name, args) = match target {
            Written::Variable(name) => {
                self.effects_of(here, name);
                match name.as_literal() {
                    Some(name) => self.assign(&mut here.state, name.trim(), val),
                    None => {
                        let names = self.lang(&here.state, name);
                        match self.langs.all(names, limits::TEXTS) {
                            // One of these is written, nobody knows which.
                            Some(names) if !self.textual => {
                                for name in names.iter().filter(|name| !name.contains('(')) {
                                    let before = self.read(&here.state, name.trim_start_matches('_')).lang;
                                    let lang = self.langs.or(before, val.lang);
                                    self.assign(&mut here.state, name, Val::of(lang));
                                }
                            }
                            _ => {
                                self.wild("Set writes a variable that data names");
                                here.state.env = Env::anything();
                            }
                        }
                    }
                }
                return;
            }
            Written::Function { name, args } => (name, args),
        };
        for arg in args {
            self.effects_of(here, arg);
        }
        let first = args.first().map_or("", Template::literal_prefix);
        let literal = args.first().and_then(Template::as_literal).map(str::trim);
        match &**name {
            "DB" => self.sink(Sink::Database, here.at, None),
            "FILE" => self.sink(Sink::File, here.at, None),
            "LOCAL" => match literal {
                Some(name) => {
                    let name = name.trim_start_matches('_').to_owned();
                    self.hides(here, &name);
                    self.local(&mut here.state, &name, val);
                }
                None => {
                    self.wild("LOCAL names a variable by data");
                    here.state.env = Env::anything();
                }
            },
            "GLOBAL" => {}
            "CHANNEL" if first.is_empty() || first.starts_with("hangup_handler") => {
                // It runs at the end of the call, whatever variables hold then.
                let late = Here { state: State { env: Env::anything(), ..here.state.clone() }, ..here.clone() };
                match self.langs.all(val.lang, limits::TEXTS) {
                    Some(texts) => {
                        for text in texts {
                            self.place(&late, text.split('(').next().unwrap_or(&text), &Via::HangUp);
                        }
                    }
                    None => self.everywhere(&late),
                }
            }
            "ARRAY" | "HASH" | "PUSH" | "UNSHIFT" | "SHARED" => {
                for arg in args {
                    match arg.as_literal() {
                        Some(names) => {
                            for name in names.split([',', '=', '&']) {
                                let any = Val::of(self.langs.any());
                                self.assign(&mut here.state, name.trim(), any);
                            }
                        }
                        None => {
                            self.wild("a function writes a variable that data names");
                            here.state.env = Env::anything();
                        }
                    }
                }
                if &**name == "HASH" {
                    // Keys have names of their own.
                    here.state.env = Env::anything();
                }
            }
            name if dialplan::func::lookup(name).is_none() => self.unknown(format!("function {name}"), here.at),
            _ => {}
        }
    }

    /// Everything that a label may mean.
    pub(super) fn label(&mut self, here: &Here, label: &Label<Template>, node: Node, via: &Via) {
        let env = here.state.env.clone();
        self.label_with(here, label, node, via, &env);
    }

    fn label_with(&mut self, here: &Here, label: &Label<Template>, node: Node, via: &Via, env: &Env) {
        let langs = self.langs;
        let priorities = self.lang(&here.state, &label.priority);
        let at: Vec<At> = match langs.all(priorities, limits::TEXTS) {
            Some(texts) => texts.iter().filter_map(|text| priority(text, here.priority)).collect(),
            None => vec![At::Any],
        };
        // Without fall-through a call that stays where it is stays in its extension, too (S3).
        if !self.plan.program.falls_through() && label.context.is_none() && label.exten.is_none() {
            return self.stays(here, node, &at, via, env);
        }
        let safe = self.is_safe();
        let mut contexts = Vec::new();
        match &label.context {
            None => contexts.push(node.context),
            Some(context) => {
                let names = self.lang(&here.state, context);
                contexts.extend(self.contexts(names));
                if !safe && self.may_be_blank(names) && !on(Mutant::EmptyLabel) {
                    contexts.push(node.context);
                }
            }
        }
        contexts.sort_unstable();
        contexts.dedup();
        let exten = match &label.exten {
            None => here.state.exten,
            Some(exten) => {
                let texts = self.lang(&here.state, exten);
                let texts = langs.trim(texts);
                let full = langs.minus(texts, langs.empty());
                if !safe && self.may_be_blank(texts) && !on(Mutant::EmptyLabel) {
                    // An empty extension leaves the one that was there.
                    langs.or(full, here.state.exten)
                } else {
                    full
                }
            }
        };
        for context in contexts {
            for at in &at {
                let node = Node { context, ..node };
                self.search(Some(here.at), node, exten, at, env, via.clone(), false);
            }
        }
    }

    fn may_be_blank(&self, lang: Lang) -> bool {
        self.langs.meets(lang, self.langs.run(crate::bytes::Bytes::of(b" \t\n\r\x0b\x0c")))
    }

    /// Another line of the same extension.
    fn stays(&mut self, here: &Here, node: Node, at: &[At], via: &Via, env: &Env) {
        let Some(found) = self.plan.exten(here.home) else { return };
        for at in at {
            let lines: Vec<u32> = match at {
                At::Priority(priority) => vec![*priority],
                At::Label(label) => found.label(label).into_iter().collect(),
                _ => found.lines.keys().copied().chain([u32::MAX]).collect(),
            };
            for priority in lines {
                let state = State { exten: here.state.exten, env: env.clone() };
                if found.lines.contains_key(&priority) {
                    let spot = Spot::Line { home: here.home, priority };
                    self.flow(Node { spot, ..node }, state, Some(here.at), via.clone());
                } else {
                    self.next(here.at, node, here.home, priority.saturating_sub(1), &state, via);
                    // A first line that is not there is an extension that is not there.
                    let at = At::Priority(priority);
                    self.search(Some(here.at), node, here.state.exten, &at, env, via.clone(), false);
                }
            }
        }
    }
}

/// The lines that the last part of a label may mean.
fn priority(text: &str, own: u32) -> Option<At> {
    let text = text.trim();
    match leading_number(text) {
        Some((n, _)) => {
            let relative = text.starts_with(['+', '-']) && !on(Mutant::RelativeLabel);
            let n = if relative { i64::from(own).saturating_add(n) } else { n };
            u32::try_from(n).ok().filter(|n| *n > 0).map(At::Priority)
        }
        None if text.is_empty() => None,
        None => Some(At::Label(text.into())),
    }
}
