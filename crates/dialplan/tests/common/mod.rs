//! A caller and an exchange made of text: runs a plan and tells in one line what happened.
//! Used by the tests beside it; nothing here is part of the crate.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dialplan::{
    CivilTime, Collected, Compat, ControlResult, Dialect, Host, Invocation, Loaded, Machine, Place, Step, load_with,
};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) struct Caller {
    pub(crate) number: String,
    pub(crate) now: CivilTime,
    pub(crate) globals: HashMap<String, String>,
    pub(crate) functions: HashMap<String, String>,
    pub(crate) notes: Vec<String>,
    pub(crate) chance: u64,
}

impl Default for Caller {
    fn default() -> Self {
        Caller {
            number: String::new(),
            // Thursday, 2026-11-19 11:30.
            now: CivilTime {
                year: 2026,
                month: 11,
                day: 19,
                weekday: 4,
                hour: 11,
                minute: 30,
                second: 0,
                utc_offset_s: 0,
            },
            globals: HashMap::new(),
            functions: HashMap::new(),
            notes: Vec::new(),
            chance: 7,
        }
    }
}

impl Host for Caller {
    fn variable(&mut self, name: &str) -> Option<String> {
        (name == "CHANNEL").then(|| "PJSIP/204-1".to_owned())
    }
    fn function(&mut self, name: &str, args: &[String]) -> Option<String> {
        if name == "CALLERID" {
            return Some(self.number.clone());
        }
        self.functions.get(&format!("{name}({})", args.join(","))).cloned()
    }
    fn set_function(&mut self, name: &str, args: &[String], value: &str) -> Result<(), String> {
        if name == "CALLERID" {
            value.clone_into(&mut self.number);
        }
        self.functions.insert(format!("{name}({})", args.join(",")), value.to_owned());
        Ok(())
    }
    fn now(&mut self) -> CivilTime {
        self.now
    }
    fn random(&mut self) -> u64 {
        self.chance
    }
    fn global(&mut self, name: &str) -> Option<String> {
        self.globals.get(name).cloned()
    }
    fn set_global(&mut self, name: &str, value: &str) {
        self.globals.insert(name.to_owned(), value.to_owned());
    }
    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }
}

pub(crate) fn loaded(text: &str, dialect: Dialect, compat: Compat) -> Loaded {
    load_with(&[("extensions.conf".to_owned(), text.to_owned())], dialect, compat, &dialplan::load::NoFiles)
}

/// `safe`, `22`, followed by compat flags.
pub(crate) fn dialect(words: &str) -> (Dialect, Compat) {
    let mut compat = Compat::default();
    let mut dialect = Dialect::Safe;
    for word in words.split_whitespace() {
        match Dialect::from_name(word) {
            Some(named) => dialect = named,
            None => assert!(compat.enable(word), "{word} is neither dialect nor compat flag"),
        }
    }
    (dialect, compat)
}

/// Keys are pressed whenever the plan listens; `.` is silence until the timeout. What `NoOp` says and what else runs is
/// joined by ` / `, the ending comes last; then `h` runs.
pub(crate) fn run(loaded: &Loaded, place: Place, keys: &str, caller: &mut Caller) -> String {
    let number = caller.number.clone();
    let mut machine = Machine::start(Arc::new(loaded.program.clone()), place, &number);
    let mut told = walk(&mut machine, keys, caller);
    if machine.hang_up(caller) {
        told.extend(walk(&mut machine, "", caller));
    }
    told.join(" / ")
}

fn walk(machine: &mut Machine, keys: &str, caller: &mut Caller) -> Vec<String> {
    let mut keys = keys.chars();
    let mut told = Vec::new();
    loop {
        if told.len() > 200 {
            told.push("…".to_owned());
            return told;
        }
        match machine.step(caller) {
            Step::End(dialplan::Ending::Done) => return told,
            Step::End(ending) => {
                told.push(format!("({ending})"));
                return told;
            }
            Step::Collect { .. } => {
                let what = match keys.next() {
                    Some('.') | None => Collected::Timeout,
                    Some(key) => Collected::Digit(key),
                };
                machine.collected(what, caller);
            }
            Step::Run(invocation) if invocation.control.is_some() => {
                if let ControlResult::Run(inner) = machine.control(&invocation, caller) {
                    apply(machine, &inner, &mut keys, caller, &mut told);
                }
            }
            Step::Run(invocation) => apply(machine, &invocation, &mut keys, caller, &mut told),
        }
    }
}

fn apply(
    machine: &mut Machine,
    invocation: &Invocation,
    keys: &mut std::str::Chars<'_>,
    caller: &mut Caller,
    told: &mut Vec<String>,
) {
    match invocation.app.name {
        "NoOp" => told.push(invocation.arg(0).to_owned()),
        "WaitExten" => return machine.wait_exten(None),
        "Background" => match keys.clone().next() {
            Some(key) if key != '.' => {
                let context = (!invocation.arg(3).is_empty()).then(|| invocation.arg(3).to_owned());
                let single = key.to_string();
                if !invocation.arg(1).contains('m') || machine.exists(context.as_deref(), &single, caller) {
                    keys.next();
                    return machine.digit(key, context.as_deref(), caller);
                }
                keys.next();
            }
            Some(_) => {
                keys.next();
            }
            None => {}
        },
        "Answer" => {}
        "Hangup" => return machine.fail(),
        _ => {
            told.push(invocation.text());
            if !invocation.app.runs {
                return machine.fail();
            }
        }
    }
    machine.advance();
}

/// The value of a text in a plan, with variables set.
pub(crate) fn value(text: &str, words: &str, variables: &[(&str, &str)]) -> String {
    let (dialect, compat) = dialect(words);
    let loaded = loaded("[c]\nexten => s,1,NoOp()\n", dialect, compat);
    let mut machine = Machine::start(Arc::new(loaded.program), Place::new("c", "s", 1), "");
    for (name, value) in variables {
        assert!(machine.set(name, *value));
    }
    machine.expand(text, &mut Caller::default()).unwrap_or_else(|fault| format!("fault: {fault}"))
}
