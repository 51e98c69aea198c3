//! Goto and its kin: which places a label may mean.

use dialplan::Dialect;
use dialplan::control::{Control, Label, MacroCall, Sub, Target as Written};
use dialplan::reach::Sink;
use dialplan::text::Template;

use crate::line::Here;
use crate::value::{Value, Values};
use crate::walk::{At, Spot, Walk};

impl Walk<'_> {
    /// A label that is written out.
    pub(crate) fn place(&mut self, here: Here<'_>, label: &str) {
        if label.contains('$') {
            return self.everywhere(here.at);
        }
        let dialect = if label.contains('|') { Dialect::V1_2 } else { Dialect::V22 };
        if let Some(label) = Label::parse(Template::literal(label), dialect) {
            self.label(here, &label);
        }
    }

    /// Any line at all.
    pub(crate) fn everywhere(&mut self, at: usize) {
        for context in (0u32..).zip(&self.plan.contexts).map(|(n, _)| n) {
            self.search(context, Value::anything(), At::Any, at);
        }
    }

    pub(crate) fn steer(&mut self, here: Here<'_>, control: &Control<Template>) -> bool {
        match control {
            Control::Goto(label) => {
                self.label(here, label);
                false
            }
            Control::GotoIf { condition, yes, no } | Control::GotoIfTime { times: condition, yes, no } => {
                self.functions(here, condition);
                for label in [yes, no].into_iter().flatten() {
                    self.label(here, label);
                }
                yes.is_none() || no.is_none()
            }
            Control::Set(assigns) => {
                for assign in assigns {
                    self.functions(here, &assign.value);
                    self.set(here, &assign.target, &assign.value);
                }
                true
            }
            Control::Gosub(sub) => {
                self.sub(here, sub);
                true
            }
            Control::GosubIf { condition, yes, no } => {
                self.functions(here, condition);
                for sub in [yes, no].into_iter().flatten() {
                    self.sub(here, sub);
                }
                true
            }
            // Where a Gosub may have come from, the search went on already.
            Control::Return(value) => {
                self.functions(here, value);
                false
            }
            Control::StackPop => true,
            Control::Macro(call) => {
                self.macro_call(here, call);
                true
            }
            Control::MacroIf { condition, yes, no } => {
                self.functions(here, condition);
                for call in [yes, no].into_iter().flatten() {
                    self.macro_call(here, call);
                }
                true
            }
            // Where a macro may have come from, the search went on already.
            Control::MacroExit => false,
            Control::Lookup { set, found, .. } => {
                self.functions(here, found);
                for assign in set {
                    self.functions(here, &assign.value);
                    self.set(here, &assign.target, &assign.value);
                }
                true
            }
            Control::ExecIf { condition, yes, no } => {
                self.functions(here, condition);
                let mut goes_on = yes.is_none() || no.is_none();
                for call in [yes, no].into_iter().flatten() {
                    goes_on |= self.call(here, call);
                }
                goes_on
            }
            Control::While(condition) => {
                self.functions(here, condition);
                self.loops(here);
                true
            }
            Control::EndWhile | Control::ExitWhile | Control::ContinueWhile => {
                self.loops(here);
                true
            }
        }
    }

    /// A loop may go to each of its heads and behind each of its ends.
    fn loops(&mut self, here: Here<'_>) {
        if self.plan.program.falls_through() {
            // The lines of a loop may stand in several extensions.
            return self.search(here.context, here.exten.clone(), At::Any, here.at);
        }
        for (priority, line) in &here.found.lines {
            match line.call.control.as_deref() {
                Some(Control::While(_)) => {
                    self.search(here.context, here.exten.clone(), At::Priority(*priority), here.at);
                }
                Some(Control::EndWhile) => {
                    let behind = priority.saturating_add(1);
                    self.search(here.context, here.exten.clone(), At::Priority(behind), here.at);
                }
                _ => {}
            }
        }
    }

    fn sub(&mut self, here: Here<'_>, sub: &Sub<Template>) {
        for arg in &sub.args {
            self.functions(here, arg);
        }
        self.label(here, &sub.label);
    }

    /// A macro comes back to the next line, or `MACRO_OFFSET` further; its keys are dialled where it was called.
    fn macro_call(&mut self, here: Here<'_>, call: &MacroCall<Template>) {
        for arg in &call.args {
            self.functions(here, arg);
        }
        self.functions(here, &call.name);
        let contexts = Values::of(Value::literal("macro-")).then(&self.eval(here, &call.name));
        for context in contexts.iter().flat_map(|value| self.plan.named(value)).collect::<Vec<_>>() {
            self.search(context, Value::literal("s"), At::First, here.at);
        }
        if self.plan.keyed_macros {
            self.go(Spot::Keys(here.context), Some(here.at));
        }
        if self.vars.assigned("MACRO_OFFSET").iter().next().is_some() {
            self.search(here.context, here.exten.clone(), At::Any, here.at);
        }
    }

    fn set(&mut self, here: Here<'_>, target: &Written<Template>, value: &Template) {
        let Written::Function { name, args } = target else { return };
        let first = args.first().map_or("", Template::literal_prefix);
        match &**name {
            "DB" => self.sink(Sink::Database, here.at),
            "FILE" => self.sink(Sink::File, here.at),
            "CHANNEL" if first.is_empty() || first.starts_with("hangup_handler") => {
                for text in self.eval(here, value).iter() {
                    match text.text() {
                        Some(text) => self.place(here, text.split('(').next().unwrap_or(&text)),
                        None => self.everywhere(here.at),
                    }
                }
            }
            name if dialplan::func::lookup(name).is_none() => self.unknown(format!("function {name}"), here.at),
            _ => {}
        }
    }

    /// Everything that a label may mean.
    fn label(&mut self, here: Here<'_>, label: &Label<Template>) {
        for part in [label.context.as_ref(), label.exten.as_ref(), Some(&label.priority)].into_iter().flatten() {
            self.functions(here, part);
        }
        let at: Vec<At> = self.eval(here, &label.priority).iter().flat_map(priority).collect();
        let mut contexts = Vec::new();
        match &label.context {
            None => contexts.push(here.context),
            Some(context) => {
                for value in self.eval(here, context).iter() {
                    contexts.extend(self.plan.named(value));
                    if value.may_be_empty() {
                        contexts.push(here.context);
                    }
                }
            }
        }
        contexts.sort_unstable();
        contexts.dedup();
        let mut extens: Vec<Value> = Vec::new();
        // Only texts that the plan writes out are bounded by the plan itself.
        let written = label.exten.as_ref().is_some_and(|exten| exten.as_literal().is_some());
        match &label.exten {
            None => extens.push(here.exten.clone()),
            Some(exten) => {
                for value in self.eval(here, exten).iter() {
                    extens.push(value.clone());
                    if value.may_be_empty() {
                        // An empty extension leaves the one that was there.
                        extens.push(here.exten.clone());
                    }
                }
            }
        }
        for context in contexts {
            for exten in &extens {
                for at in &at {
                    if written {
                        self.search(context, exten.clone(), at.clone(), here.at);
                    } else {
                        self.search_worked_out(context, exten.clone(), at.clone(), here.at);
                    }
                }
            }
        }
    }
}

/// The lines that the last part of a label may mean.
fn priority(value: &Value) -> Vec<At> {
    let Some(text) = value.text() else { return vec![At::Any] };
    let text = text.trim();
    if let Ok(number) = text.parse::<u32>()
        && !text.starts_with('+')
    {
        return vec![At::Priority(number)];
    }
    let begins = |c: char| c.is_ascii_digit() || c == '+' || c == '-';
    if text.is_empty() || text.starts_with(begins) {
        // A step forward or back, or a number with something behind it.
        return vec![At::Any];
    }
    vec![At::Label(text.into())]
}
