//! Which texts each variable may hold, whatever order the lines run in: all assignments of the plan together. A variable
//! that the plan does not assign, or that an application fills, holds any text.

use std::collections::BTreeMap;

use dialplan::apps::{ArgKind, Effect};
use dialplan::control::{Assign, Call, Control, MacroCall, Sub, Target};
use dialplan::program::{Exten, Program};
use dialplan::text::{Name, Template};

use crate::bytes::keypad;
use crate::eval::Eval;
use crate::limits;
use crate::value::{Value, Values};

/// Variables of the call itself, which no assignment hides.
const BUILT_IN: &[&str] = &[
    "accountcode",
    "calleridnum",
    "calleridname",
    "callerid",
    "callerani",
    "channel",
    "dnid",
    "rdnis",
    "uniqueid",
    "linkedid",
    "language",
    "datetime",
    "timestamp",
    "systemname",
    "entityid",
    "hint",
    "hintname",
    "exten",
    "context",
    "priority",
    "epoch",
    "hangupcause",
    "invalid_exten",
];

/// Functions that write variables, some of them while they are read.
const WRITERS: &[&str] = &[
    "SET", "ARRAY", "HASH", "HASHKEYS", "PUSH", "UNSHIFT", "POP", "SHIFT", "INC", "DEC", "LOCAL", "GLOBAL", "EVAL",
    "SHARED",
];

/// Whether a function writes no variable. The call itself cannot, and what nobody knows perhaps does.
fn is_harmless(name: &str) -> bool {
    !WRITERS.contains(&name) && dialplan::func::lookup(name).is_some()
}

/// Variables and their texts.
#[derive(Debug, Default)]
pub(crate) struct Vars {
    known: BTreeMap<String, Values>,
    /// Somewhere a variable is written whose name comes from data.
    any: bool,
}

/// One assignment of the plan.
struct Write<'a> {
    name: String,
    from: From<'a>,
    exten: &'a Exten,
}

/// Where a value comes from.
#[derive(Clone, Copy)]
enum From<'a> {
    /// The plan writes it out.
    Plan(&'a Template),
    /// Keys that somebody pressed.
    Keys,
    /// Anywhere.
    Anywhere,
}

/// Takes a name and where its value comes from.
type Note<'n, 'a> = &'n mut dyn FnMut(&str, From<'a>);

impl Vars {
    /// Reads all assignments of a plan.
    pub(crate) fn of(program: &Program) -> Self {
        let compat = program.compat();
        // Where data may become code, it may set any variable.
        Self::beginning(program, compat.late_arguments || compat.textual_expressions)
    }

    /// The same for a plan where data never becomes code.
    pub(crate) fn as_written(program: &Program) -> Self {
        Self::beginning(program, false)
    }

    fn beginning(program: &Program, any: bool) -> Self {
        let mut vars = Self { any, ..Self::default() };
        let mut writes = Vec::new();
        for exten in program.contexts().iter().flat_map(|context| &context.extens) {
            for line in exten.lines.values() {
                line.call.each(&mut |call| vars.any |= !collect(call, exten, &mut writes));
            }
        }
        if vars.any {
            return vars;
        }
        for (name, value) in program.globals() {
            vars.known.entry(key(name)).or_default().add(&Values::of(Value::literal(value)));
        }
        for write in &writes {
            vars.known.entry(write.name.clone()).or_default();
        }
        vars.grow(program, &writes);
        vars
    }

    /// Works the values out, again and again until nothing is new.
    fn grow(&mut self, program: &Program, writes: &[Write<'_>]) {
        let by_text = !program.is_safe();
        for round in 0.. {
            let mut changed = false;
            for write in writes {
                let exten = Value::anything().refine(&write.exten.pattern, &write.exten.name, by_text);
                let eval =
                    Eval { vars: self, exten: &exten, context: None, textual: false, legacy: program.has_legacy() };
                let new = match write.from {
                    From::Plan(value) => eval.template(value),
                    From::Keys => Values::of(Value::run(keypad())),
                    From::Anywhere => Values::anything(),
                };
                if let Some(values) = self.known.get_mut(&write.name)
                    && values.add(&new)
                {
                    changed = true;
                    if round >= limits::ROUNDS {
                        // Runs only gain bytes, so this ends.
                        values.widen();
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Whether a variable is written somewhere whose name nobody knows.
    pub(crate) fn is_anything(&self) -> bool {
        self.any
    }

    /// What the plan itself writes into a variable; nothing if it does not.
    pub(crate) fn assigned(&self, name: &str) -> Values {
        if self.any { Values::anything() } else { self.known.get(&key(name)).cloned().unwrap_or_default() }
    }

    /// What a variable may hold. It may always be empty: nobody may have set it yet.
    pub(crate) fn get(&self, name: &str) -> Values {
        match self.known.get(&key(name)) {
            Some(values) if !self.any && !BUILT_IN.contains(&key(name).as_str()) => {
                let mut values = values.clone();
                values.add(&Values::of(Value::default()));
                values
            }
            _ => Values::anything(),
        }
    }
}

/// Names differ in case only where they are long; here they never do. `_` and `__` say who inherits.
fn key(name: &str) -> String {
    name.trim().trim_start_matches('_').to_ascii_lowercase()
}

/// Notes what an application writes; false if the name comes from data.
fn collect<'a>(call: &'a Call<Template>, exten: &'a Exten, writes: &mut Vec<Write<'a>>) -> bool {
    let mut fine = true;
    let mut write = |name: &str, from: From<'a>| writes.push(Write { name: key(name), from, exten });
    for effect in call.app.spec().effects {
        match effect {
            // Steering applications write what their grammar says.
            Effect::Writes(names) if call.control.is_none() => {
                names.iter().for_each(|name| write(name, From::Anywhere))
            }
            Effect::Assigns if call.control.is_none() && call.app.spec().position(ArgKind::Variable).is_none() => {
                // Nobody says which: all names that its arguments mention.
                for arg in &call.args {
                    match arg.as_literal() {
                        Some(text) => {
                            text.split(|c: char| !c.is_alphanumeric() && c != '_')
                                .for_each(|name| write(name, From::Anywhere));
                        }
                        None => fine = false,
                    }
                }
                (1..=9).for_each(|n| write(&format!("ARG{n}"), From::Anywhere));
            }
            _ => {}
        }
    }
    for (arg, spec) in call.args.iter().zip(call.app.spec().args) {
        if spec.kind == ArgKind::Variable {
            let from = if call.app.name() == "Read" { From::Keys } else { From::Anywhere };
            match arg.as_literal() {
                Some(names) => names.split(['&', ',', '|']).for_each(|name| write(name, from)),
                None => fine = false,
            }
        }
    }
    for arg in &call.args {
        fine &= functions(arg, &mut write);
    }
    if let Some(control) = call.control.as_deref() {
        fine &= steer(control, &mut write);
    }
    fine
}

/// Notes what a steering application writes; false if a name comes from data.
fn steer<'a>(control: &'a Control<Template>, write: Note<'_, 'a>) -> bool {
    let mut fine = true;
    let sub = |sub: &'a Sub<Template>, write: Note<'_, 'a>| {
        for (n, arg) in sub.args.iter().enumerate() {
            write(&format!("ARG{}", n + 1), From::Plan(arg));
        }
        write("ARGC", From::Anywhere);
        sub.args.iter().all(|arg| functions(arg, write))
    };
    match control {
        Control::Set(assigns) => {
            for assign in assigns {
                fine &= set(assign, write) && functions(&assign.value, write);
            }
        }
        Control::Gosub(target) => fine &= sub(target, write),
        Control::GosubIf { condition, yes, no } => {
            fine &= functions(condition, write);
            for target in [yes, no].into_iter().flatten() {
                fine &= sub(target, write);
            }
        }
        Control::Return(value) => {
            write("GOSUB_RETVAL", From::Plan(value));
            fine &= functions(value, write);
        }
        Control::GotoIf { condition, .. } | Control::ExecIf { condition, .. } | Control::While(condition) => {
            fine &= functions(condition, write);
        }
        Control::GotoIfTime { times, .. } => fine &= functions(times, write),
        Control::Macro(target) => fine &= macro_call(target, write),
        Control::MacroIf { condition, yes, no } => {
            fine &= functions(condition, write);
            for target in [yes, no].into_iter().flatten() {
                fine &= macro_call(target, write);
            }
        }
        Control::Lookup { set: assigns, found, .. } => {
            fine &= functions(found, write);
            for assign in assigns {
                fine &= set(assign, write) && functions(&assign.value, write);
            }
        }
        Control::Goto(_)
        | Control::StackPop
        | Control::MacroExit
        | Control::EndWhile
        | Control::ExitWhile
        | Control::ContinueWhile => {}
    }
    fine
}

fn macro_call<'a>(target: &'a MacroCall<Template>, write: Note<'_, 'a>) -> bool {
    for (n, arg) in target.args.iter().enumerate() {
        write(&format!("ARG{}", n + 1), From::Plan(arg));
    }
    for name in ["ARGC", "MACRO_EXTEN", "MACRO_CONTEXT", "MACRO_PRIORITY"] {
        write(name, From::Anywhere);
    }
    target.args.iter().all(|arg| functions(arg, write)) && functions(&target.name, write)
}

fn set<'a>(assign: &'a Assign<Template>, write: Note<'_, 'a>) -> bool {
    match &assign.target {
        Target::Variable(name) => match name.as_literal() {
            Some(name) => write(name, From::Plan(&assign.value)),
            None => return false,
        },
        Target::Function { name, args } => {
            let assigns = matches!(&**name, "LOCAL" | "GLOBAL");
            let harmless = !assigns && is_harmless(name);
            for arg in args.iter().filter(|_| !harmless) {
                match arg.as_literal() {
                    Some(names) if assigns => write(names, From::Plan(&assign.value)),
                    Some(names) => names.split([',', '|', '=', '&']).for_each(|name| write(name, From::Anywhere)),
                    None => return false,
                }
            }
        }
    }
    true
}

/// Functions that write variables while they are read (`SET`, `SHIFT`, `POP` and whatever nobody knows).
fn functions<'a>(template: &Template, write: Note<'_, 'a>) -> bool {
    let mut fine = true;
    template.each_value(&mut |value| {
        if let Name::Function { name, args } = &value.name
            && !is_harmless(name)
        {
            match args.as_literal() {
                Some(names) => names.split([',', '|', '=', '&', '(', ')']).for_each(|name| write(name, From::Anywhere)),
                // The name before the first value is literal in `SET(x=${y})`.
                None => match args.literal_prefix().split_once(['=', ',', '|']) {
                    Some((first, _)) => write(first, From::Anywhere),
                    None => fine = false,
                },
            }
        }
    });
    fine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_grows_for_ever_and_one_with_many_texts_come_to_an_end() {
        let mut plan =
            String::from("[a]\nexten => s,1,Set(GROWS=1${GROWS}2)\n same => n,Set(OTHER=${GROWS}${OTHER})\n");
        for n in 0..500 {
            plan += &format!(" same => n,Set(MANY={n})\n");
        }
        let files = [("plan".to_owned(), plan)];
        let program = dialplan::load(&files, dialplan::Dialect::Safe, &dialplan::load::NoFiles).program;
        let vars = Vars::of(&program);
        let holds = |name: &str, text: &str| vars.get(name).iter().any(|value| value.meets(&Value::literal(text)));
        assert!(holds("grows", "1112") && holds("OTHER", "11221212") && holds("MANY", "499"));
        assert!(!holds("GROWS", "3") && !holds("MANY", "x"));
    }
}
