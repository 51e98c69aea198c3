//! The applications that steer the walk: `Goto`, `GotoIf`, `Set`, `Gosub`, `ExecIf`, `While` and their kin.
//!
//! Their arguments have a grammar of their own, so they are parsed when the program loads ([`Control<Template>`], which
//! `audit` reads) and expanded piece by piece when they run ([`Control<String>`], which the machine carries out). Data
//! can fill a piece, never move its border.

mod expand;
mod old;
mod parse;
mod show;

use crate::apps::{self, AppSpec};
use crate::text::Template;
use std::sync::Arc;

/// `[[context,]extension,]priority-or-label`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label<T> {
    /// The context, if it is named.
    pub context: Option<T>,
    /// The extension, if it is named.
    pub exten: Option<T>,
    /// A number, `+n`, `-n` or a label.
    pub priority: T,
}

/// What `Set` writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<T> {
    /// A variable, perhaps with `_` or `__` before its name.
    Variable(T),
    /// A function, always written out in the plan.
    Function {
        /// Its name.
        name: Arc<str>,
        /// Its arguments.
        args: Vec<T>,
    },
}

/// One `name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assign<T> {
    /// What is written to.
    pub target: Target<T>,
    /// What is written.
    pub value: T,
}

/// A label with the arguments of `Gosub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sub<T> {
    /// Where to.
    pub label: Label<T>,
    /// `ARG1`, `ARG2`, …
    pub args: Vec<T>,
}

/// What `Macro` runs: context `macro-NAME`, with arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacroCall<T> {
    /// The name after `macro-`.
    pub name: T,
    /// `ARG1`, `ARG2`, …
    pub args: Vec<T>,
}

/// One application with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<T> {
    /// Which application.
    pub app: App,
    /// Its arguments, separated by the grammar of its table line.
    pub args: Vec<T>,
    /// What it does to the walk, if it is one of the steering ones.
    pub control: Option<Box<Control<T>>>,
}

/// A name that was looked up in the table.
#[derive(Debug, Clone)]
pub enum App {
    /// It is in [`apps::TABLE`].
    Known(&'static AppSpec),
    /// Nobody knows it; the prover takes it for "may do anything".
    Unknown(Arc<str>),
}

impl App {
    /// Looks a name up.
    pub fn find(name: &str) -> App {
        match apps::lookup(name) {
            Some(spec) => App::Known(spec),
            None => App::Unknown(name.into()),
        }
    }

    /// The name as the table writes it, or as the plan does if it is unknown.
    pub fn name(&self) -> &str {
        match self {
            App::Known(spec) => spec.name,
            App::Unknown(name) => name,
        }
    }

    /// The table line; for an unknown one [`apps::UNKNOWN`].
    pub fn spec(&self) -> &'static AppSpec {
        match self {
            App::Known(spec) => spec,
            App::Unknown(_) => &apps::UNKNOWN,
        }
    }
}

impl PartialEq for App {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for App {}

/// What a steering application does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control<T> {
    /// `Goto(label)`.
    Goto(Label<T>),
    /// `GotoIf(condition?label:label)`.
    GotoIf {
        /// True or false by [`crate::truth`].
        condition: T,
        /// Where to if true; nothing: the next priority.
        yes: Option<Label<T>>,
        /// Where to if false; nothing: the next priority.
        no: Option<Label<T>>,
    },
    /// `GotoIfTime(times?label:label)`.
    GotoIfTime {
        /// `times,weekdays,days,months`.
        times: T,
        /// Where to within the times.
        yes: Option<Label<T>>,
        /// Where to outside.
        no: Option<Label<T>>,
    },
    /// `Set(a=b)`, `MSet(a=b,c=d)`.
    Set(Vec<Assign<T>>),
    /// `Gosub(label(args))`.
    Gosub(Sub<T>),
    /// `GosubIf(condition?label(args):label(args))`.
    GosubIf {
        /// True or false by [`crate::truth`].
        condition: T,
        /// What to call if true.
        yes: Option<Sub<T>>,
        /// What to call if false.
        no: Option<Sub<T>>,
    },
    /// `Return(value)`.
    Return(T),
    /// `StackPop()`.
    StackPop,
    /// `Macro(name,arguments)`.
    Macro(MacroCall<T>),
    /// `MacroIf(condition?name,arguments:name,arguments)`.
    MacroIf {
        /// True or false by [`crate::truth`].
        condition: T,
        /// What to run if true.
        yes: Option<MacroCall<T>>,
        /// What to run if false.
        no: Option<MacroCall<T>>,
    },
    /// `MacroExit()`.
    MacroExit,
    /// `DBget`, `LookupBlacklist`: sets, then goes on at its priority + 101 by whether something was found (S15).
    Lookup {
        /// What is set.
        set: Vec<Assign<T>>,
        /// `1` if it was found.
        found: T,
        /// Whether it jumps when found, or when not.
        jump_if_found: bool,
        /// Whether the line asks for it by the option `j`.
        option_j: bool,
    },
    /// `ExecIf(condition?app(args):app(args))`.
    ExecIf {
        /// True or false by [`crate::truth`].
        condition: T,
        /// What to run if true.
        yes: Option<Call<T>>,
        /// What to run if false.
        no: Option<Call<T>>,
    },
    /// `While(condition)`.
    While(T),
    /// `EndWhile()`.
    EndWhile,
    /// `ExitWhile()`.
    ExitWhile,
    /// `ContinueWhile()`.
    ContinueWhile,
}

impl Call<Template> {
    /// Calls `f` for every template whose values are put in when the line runs: all of them, before the application runs.
    pub fn each_template(&self, f: &mut dyn FnMut(&Template)) {
        let none = self.expand(&mut |template: &Template| {
            f(template);
            Ok(String::new())
        });
        drop(none);
    }

    /// Calls `f` for this and for those inside ExecIf.
    pub fn each<'a>(&'a self, f: &mut dyn FnMut(&'a Call<Template>)) {
        f(self);
        if let Some(Control::ExecIf { yes, no, .. }) = self.control.as_deref() {
            for call in [yes, no].into_iter().flatten() {
                call.each(f);
            }
        }
    }
}
