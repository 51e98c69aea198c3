//! The applications that steer the walk: `Goto`, `GotoIf`, `Set`, `Gosub`, `ExecIf`, `While` and their kin.
//!
//! Their arguments have a grammar of their own, so they are parsed when the program loads ([`Control<Template>`], which
//! `audit` reads) and expanded piece by piece when they run ([`Control<String>`], which the machine carries out). Data
//! can fill a piece, never move its border.

use crate::apps::{self, AppSpec, ArgKind};
use crate::eval::Fault;
use crate::limits;
use crate::text::{Piece, Split, Template};
use std::fmt;
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
    /// Parses the text between an application's brackets.
    pub fn parse(name: &str, data: &Template) -> Call<Template> {
        Self::nested(App::find(name.trim()), data, 0)
    }

    fn nested(app: App, data: &Template, depth: usize) -> Call<Template> {
        let control = control(app.name(), data, depth).map(Box::new);
        let spec = app.spec();
        let most = spec.args.len().max(1);
        let args = if control.is_some() { Vec::new() } else { data.split(b',', Split::Clean, most) };
        Call { app, args, control }
    }

    /// `App(args)` as it stands inside ExecIf.
    fn inner(text: Template, depth: usize) -> Option<Call<Template>> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let (name, data) = match text.split_once(b'(') {
            None => (text, Template::default()),
            Some((name, rest)) => {
                let data = rest.rsplit_once(b')').map_or(rest, |(inside, _)| inside);
                (name, data)
            }
        };
        // An application chosen by data is no known one.
        let app = match name.as_literal() {
            Some(name) => App::find(name.trim()),
            None => App::Unknown(name.to_string().into()),
        };
        Some(Self::nested(app, &data, depth))
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

impl Label<Template> {
    /// Parses `[[context,]extension,]priority`; nothing if the text is empty.
    pub fn parse(text: Template) -> Option<Label<Template>> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let mut parts = text.split(b',', Split::Plain, limits::ARGUMENTS).into_iter().map(Template::trim);
        Some(match (parts.next(), parts.next(), parts.next()) {
            (Some(context), Some(exten), Some(priority)) => {
                Label { context: Some(context), exten: Some(exten), priority }
            }
            (Some(exten), Some(priority), None) => Label { context: None, exten: Some(exten), priority },
            (first, ..) => Label { context: None, exten: None, priority: first.unwrap_or_default() },
        })
    }
}

impl Sub<Template> {
    fn parse(text: Template) -> Option<Sub<Template>> {
        let (label, args) = match text.split_once(b'(') {
            None => (text, Vec::new()),
            Some((label, rest)) => {
                let inside = rest.rsplit_once(b')').map_or(rest, |(inside, _)| inside);
                (label, inside.split(b',', Split::Raw, limits::ARGUMENTS))
            }
        };
        Some(Sub { label: Label::parse(label)?, args })
    }
}

impl Assign<Template> {
    /// Parses `name=value`; `None` without `=`.
    pub fn parse(text: &Template) -> Option<Assign<Template>> {
        let (name, value) = text.split_once(b'=')?;
        let function = name.split_once(b'(').and_then(|(function, rest)| {
            let function = function.as_literal()?.trim().to_owned();
            let (args, _) = rest.rsplit_once(b')')?;
            Some((function, args))
        });
        let target = match function {
            Some((function, args)) => {
                Target::Function { name: function.into(), args: args.split(b',', Split::Clean, limits::ARGUMENTS) }
            }
            None => Target::Variable(name),
        };
        Some(Assign { target, value })
    }
}

fn branches(text: Template) -> (Option<Template>, Option<Template>) {
    match text.find_outside_parens(b':') {
        Some((yes, no)) => (Some(yes), Some(no)),
        None => (Some(text), None),
    }
}

fn condition(data: &Template) -> (Template, Option<Template>, Option<Template>) {
    match data.split_once(b'?') {
        Some((condition, rest)) => {
            let (yes, no) = branches(rest);
            (condition, yes, no)
        }
        None => (data.clone(), None, None),
    }
}

/// The grammar of a steering application; `None` for all others.
fn control(app: &str, data: &Template, depth: usize) -> Option<Control<Template>> {
    Some(match app {
        "Goto" => Control::Goto(Label::parse(data.clone()).unwrap_or_else(|| Label {
            context: None,
            exten: None,
            priority: Template::default(),
        })),
        "GotoIf" | "GotoIfTime" => {
            let (condition, yes, no) = condition(data);
            let (yes, no) = (yes.and_then(Label::parse), no.and_then(Label::parse));
            if app == "GotoIf" {
                Control::GotoIf { condition, yes, no }
            } else {
                Control::GotoIfTime { times: condition, yes, no }
            }
        }
        "Set" => Control::Set(Assign::parse(data).into_iter().collect()),
        "MSet" => {
            Control::Set(data.split(b',', Split::Clean, limits::ARGUMENTS).iter().filter_map(Assign::parse).collect())
        }
        "Gosub" => Control::Gosub(Sub::parse(data.clone()).unwrap_or_else(|| Sub {
            label: Label { context: None, exten: None, priority: Template::default() },
            args: Vec::new(),
        })),
        "GosubIf" => {
            let (condition, yes, no) = condition(data);
            Control::GosubIf { condition, yes: yes.and_then(Sub::parse), no: no.and_then(Sub::parse) }
        }
        "Return" => Control::Return(data.clone()),
        "StackPop" => Control::StackPop,
        "ExecIf" if depth < limits::NESTING => {
            let (condition, yes, no) = condition(data);
            let inner = |t: Option<Template>| t.and_then(|t| Call::inner(t, depth + 1));
            Control::ExecIf { condition, yes: inner(yes), no: inner(no) }
        }
        "While" => Control::While(data.clone()),
        "EndWhile" => Control::EndWhile,
        "ExitWhile" => Control::ExitWhile,
        "ContinueWhile" => Control::ContinueWhile,
        _ => return None,
    })
}

/// Works a template out.
type Expand<'a> = &'a mut dyn FnMut(&Template) -> Result<String, Fault>;

fn each<A, B>(
    item: Option<&A>,
    expand: Expand<'_>,
    work: fn(&A, Expand<'_>) -> Result<B, Fault>,
) -> Result<Option<B>, Fault> {
    item.map(|item| work(item, expand)).transpose()
}

fn list(items: &[Template], expand: Expand<'_>) -> Result<Vec<String>, Fault> {
    items.iter().map(expand).collect()
}

/// Destinations are separated by the `&` that the plan wrote (S9, AST-2010-002): one that comes by data into
/// `Tech/${DATA}` stays inside that destination, spelt `%26`. A destination that is nothing but `${DATA}` is the plan's
/// own wish to have all of it named by data.
fn destinations(arg: &Template, expand: Expand<'_>) -> Result<String, Fault> {
    let mut whole = String::new();
    for (n, written) in arg.split(b'&', Split::Plain, usize::MAX).iter().enumerate() {
        if n > 0 {
            whole.push('&');
        }
        let worked_out = expand(written)?;
        let has_text = written.pieces().iter().any(|piece| matches!(piece, Piece::Text(_)));
        whole.push_str(&if has_text { worked_out.replace('&', "%26") } else { worked_out });
    }
    Ok(whole)
}

impl Label<Template> {
    pub(crate) fn expand(&self, expand: Expand<'_>) -> Result<Label<String>, Fault> {
        Ok(Label {
            context: self.context.as_ref().map(&mut *expand).transpose()?,
            exten: self.exten.as_ref().map(&mut *expand).transpose()?,
            priority: expand(&self.priority)?,
        })
    }
}

impl Sub<Template> {
    fn expand(&self, expand: Expand<'_>) -> Result<Sub<String>, Fault> {
        Ok(Sub { label: self.label.expand(expand)?, args: list(&self.args, expand)? })
    }
}

impl Assign<Template> {
    fn expand(&self, expand: Expand<'_>) -> Result<Assign<String>, Fault> {
        let target = match &self.target {
            Target::Variable(name) => Target::Variable(expand(name)?),
            Target::Function { name, args } => Target::Function { name: name.clone(), args: list(args, expand)? },
        };
        Ok(Assign { target, value: expand(&self.value)? })
    }
}

impl Call<Template> {
    /// The same with all its pieces worked out.
    pub(crate) fn expand(&self, expand: Expand<'_>) -> Result<Call<String>, Fault> {
        let kind = |n: usize| self.app.spec().args.get(n).map(|arg| arg.kind);
        let args = self.args.iter().enumerate().map(|(n, arg)| match kind(n) {
            Some(ArgKind::Destinations) => destinations(arg, expand),
            _ => expand(arg),
        });
        Ok(Call {
            app: self.app.clone(),
            args: args.collect::<Result<_, _>>()?,
            control: self.control.as_deref().map(|c| c.expand(expand)).transpose()?.map(Box::new),
        })
    }
}

impl Control<Template> {
    fn expand(&self, expand: Expand<'_>) -> Result<Control<String>, Fault> {
        Ok(match self {
            Control::Goto(label) => Control::Goto(label.expand(expand)?),
            Control::GotoIf { condition, yes, no } => Control::GotoIf {
                condition: expand(condition)?,
                yes: each(yes.as_ref(), expand, Label::expand)?,
                no: each(no.as_ref(), expand, Label::expand)?,
            },
            Control::GotoIfTime { times, yes, no } => Control::GotoIfTime {
                times: expand(times)?,
                yes: each(yes.as_ref(), expand, Label::expand)?,
                no: each(no.as_ref(), expand, Label::expand)?,
            },
            Control::Set(assigns) => Control::Set(assigns.iter().map(|a| a.expand(expand)).collect::<Result<_, _>>()?),
            Control::Gosub(sub) => Control::Gosub(sub.expand(expand)?),
            Control::GosubIf { condition, yes, no } => Control::GosubIf {
                condition: expand(condition)?,
                yes: each(yes.as_ref(), expand, Sub::expand)?,
                no: each(no.as_ref(), expand, Sub::expand)?,
            },
            Control::Return(value) => Control::Return(expand(value)?),
            Control::StackPop => Control::StackPop,
            Control::ExecIf { condition, yes, no } => Control::ExecIf {
                condition: expand(condition)?,
                yes: each(yes.as_ref(), expand, Call::expand)?,
                no: each(no.as_ref(), expand, Call::expand)?,
            },
            Control::While(condition) => Control::While(expand(condition)?),
            Control::EndWhile => Control::EndWhile,
            Control::ExitWhile => Control::ExitWhile,
            Control::ContinueWhile => Control::ContinueWhile,
        })
    }
}

impl<T: fmt::Display> fmt::Display for Label<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            write!(f, "{context},")?;
        }
        if let Some(exten) = &self.exten {
            write!(f, "{exten},")?;
        }
        write!(f, "{}", self.priority)
    }
}

impl<T: fmt::Display> fmt::Display for Sub<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.label)?;
        if self.args.is_empty() {
            return Ok(());
        }
        write!(f, "({})", joined(&self.args))
    }
}

impl<T: fmt::Display> fmt::Display for Assign<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Variable(name) => write!(f, "{name}={}", self.value),
            Target::Function { name, args } => write!(f, "{name}({})={}", joined(args), self.value),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.control {
            Some(control) => write!(f, "{}({control})", self.app.name()),
            None => write!(f, "{}({})", self.app.name(), joined(&self.args)),
        }
    }
}

fn joined<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn two<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    question: &dyn fmt::Display,
    yes: &Option<T>,
    no: &Option<T>,
) -> fmt::Result {
    write!(f, "{question}?")?;
    if let Some(yes) = yes {
        write!(f, "{yes}")?;
    }
    match no {
        Some(no) => write!(f, ":{no}"),
        None => Ok(()),
    }
}

/// The arguments as they stand between the brackets, for logs.
impl<T: fmt::Display> fmt::Display for Control<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Control::Goto(label) => write!(f, "{label}"),
            Control::GotoIf { condition, yes, no } => two(f, condition, yes, no),
            Control::GotoIfTime { times, yes, no } => two(f, times, yes, no),
            Control::Set(assigns) => f.write_str(&joined(assigns)),
            Control::Gosub(sub) => write!(f, "{sub}"),
            Control::GosubIf { condition, yes, no } => two(f, condition, yes, no),
            Control::Return(value) | Control::While(value) => write!(f, "{value}"),
            Control::ExecIf { condition, yes, no } => two(f, condition, yes, no),
            Control::StackPop | Control::EndWhile | Control::ExitWhile | Control::ContinueWhile => Ok(()),
        }
    }
}
