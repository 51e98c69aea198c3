//! Names of variables by number, and what each holds before anybody sets it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use dialplan::control::{Control, Target};
use dialplan::program::Program;

use crate::certificate::of_values;
use crate::lang::{Lang, Langs};
use crate::mutant::{Mutant, on};
use crate::value::Values;
use crate::vars::Vars;

use super::state::{Unset, Var};

/// Facts of the call itself that no assignment hides.
pub(crate) const BUILT_IN: &[&str] = &[
    "accountcode",
    "calleridnum",
    "calleridname",
    "callerid",
    "callingpres",
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
    "epoch",
    "hangupcause",
];

/// All names.
pub(crate) struct Names {
    numbers: RefCell<HashMap<String, Var>>,
    /// By number: what is held before.
    unset: RefCell<Vec<Lang>>,
    /// The way each was spelled first.
    spelled: RefCell<Vec<String>>,
    /// Names that are spelled in several ways: whether these are one variable depends on their length and the dialect.
    pub(crate) loose: RefCell<BTreeSet<String>>,
    globals: HashMap<String, Lang>,
    any: Lang,
    empty: Lang,
    /// Any variable may hold anything.
    pub(crate) wild: bool,
}

/// Names that differ in case only may be one variable.
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl Names {
    pub(crate) fn new(program: &Program, vars: &Vars, langs: &Langs, wild: bool, loose: BTreeSet<String>) -> Self {
        let mut written = BTreeSet::new();
        let mut unknown = vars.is_anything();
        for line in program.contexts().iter().flat_map(|c| &c.extens).flat_map(|e| e.lines.values()) {
            line.call.each(&mut |call| {
                let Some(Control::Set(assigns)) = call.control.as_deref() else { return };
                for assign in assigns {
                    if let Target::Function { name, args } = &assign.target
                        && &**name == "GLOBAL"
                    {
                        match args.first().and_then(|arg| arg.as_literal()) {
                            Some(name) => {
                                written.insert(key(name.trim()));
                            }
                            None => unknown = true,
                        }
                    }
                }
            });
        }
        let mut globals: HashMap<String, Lang> = HashMap::new();
        for (name, value) in program.globals() {
            globals.insert(key(name), langs.literal(value.as_bytes()));
        }
        for name in &written {
            if on(Mutant::GlobalsConstant) {
                continue;
            }
            let textual = program.compat().textual_expressions || program.compat().late_arguments;
            let values = if textual { Values::anything() } else { vars.assigned(name) };
            let lang = langs.or(of_values(langs, values.iter()), langs.empty());
            let before = globals.get(name).copied().unwrap_or(lang);
            globals.insert(name.clone(), langs.bounded(langs.or(before, lang)));
        }
        let (any, empty) = (langs.any(), langs.empty());
        if unknown {
            globals.values_mut().for_each(|lang| *lang = any);
        }
        let wild = wild || (unknown && vars.is_anything());
        Self {
            numbers: RefCell::default(),
            unset: RefCell::default(),
            spelled: RefCell::default(),
            loose: RefCell::new(loose),
            globals,
            any,
            empty,
            wild,
        }
    }

    /// Whether anybody named it so far.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.numbers.borrow().contains_key(&key(name))
    }

    /// The number of a name; a second spelling makes it loose.
    pub(crate) fn var(&self, name: &str) -> Var {
        let key = key(name);
        if let Some(number) = self.numbers.borrow().get(&key) {
            let first = self.spelled.borrow().get(*number as usize).cloned().unwrap_or_default();
            if first != name {
                self.loose.borrow_mut().insert(key);
            }
            return *number;
        }
        let mut unset = self.unset.borrow_mut();
        let number = Var::try_from(unset.len()).unwrap_or(Var::MAX);
        let lang = if self.wild || self.is_built_in(name) {
            self.any
        } else {
            self.globals.get(&key).copied().unwrap_or(self.empty)
        };
        unset.push(lang);
        self.spelled.borrow_mut().push(name.to_owned());
        self.numbers.borrow_mut().insert(key, number);
        number
    }

    /// For the certificate.
    pub(crate) fn handed_over(&self) -> crate::certificate::VarNames {
        let (unset, spelled) = (self.unset.borrow(), self.spelled.borrow());
        let numbers = self.numbers.borrow();
        let known = numbers.iter().map(|(key, var)| {
            let first = spelled.get(*var as usize).cloned().unwrap_or_default();
            (key.clone(), (*var, first, unset.get(*var as usize).copied().unwrap_or(self.any)))
        });
        crate::certificate::VarNames { known: known.collect(), loose: self.loose.borrow().clone(), wild: self.wild }
    }

    pub(crate) fn is_built_in(&self, name: &str) -> bool {
        BUILT_IN.contains(&key(name).as_str())
    }

    pub(crate) fn is_loose(&self, name: &str) -> bool {
        self.loose.borrow().contains(&key(name))
    }

    /// A global variable by name.
    pub(crate) fn global(&self, name: &str) -> Lang {
        if self.wild { self.any } else { self.globals.get(&key(name)).copied().unwrap_or(self.empty) }
    }
}

impl Unset for Names {
    fn unset(&self, var: Var) -> Lang {
        self.unset.borrow().get(var as usize).copied().unwrap_or(self.any)
    }
}
