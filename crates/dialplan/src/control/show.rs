//! Steering applications as text, for logs and for showing a walk.

use super::{Assign, Call, Control, Label, MacroCall, Sub, Target};
use std::fmt;

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

impl<T: fmt::Display> fmt::Display for MacroCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        self.args.iter().try_for_each(|arg| write!(f, ",{arg}"))
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
            Control::Macro(call) => write!(f, "{call}"),
            Control::MacroIf { condition, yes, no } => two(f, condition, yes, no),
            Control::Lookup { set, .. } => f.write_str(&joined(set)),
            Control::StackPop
            | Control::MacroExit
            | Control::EndWhile
            | Control::ExitWhile
            | Control::ContinueWhile => Ok(()),
        }
    }
}
