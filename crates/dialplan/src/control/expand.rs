//! Templates to text, piece by piece: what a steering application works with when it runs.

use super::{Assign, Call, Control, Label, MacroCall, Sub, Target};
use crate::apps::ArgKind;
use crate::eval::Fault;
use crate::text::{Piece, Split, Template};

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

impl MacroCall<Template> {
    fn expand(&self, expand: Expand<'_>) -> Result<MacroCall<String>, Fault> {
        Ok(MacroCall { name: expand(&self.name)?, args: list(&self.args, expand)? })
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
            Control::Macro(call) => Control::Macro(call.expand(expand)?),
            Control::MacroIf { condition, yes, no } => Control::MacroIf {
                condition: expand(condition)?,
                yes: each(yes.as_ref(), expand, MacroCall::expand)?,
                no: each(no.as_ref(), expand, MacroCall::expand)?,
            },
            Control::MacroExit => Control::MacroExit,
            Control::Lookup { set, found, jump_if_found, option_j } => Control::Lookup {
                set: set.iter().map(|a| a.expand(expand)).collect::<Result<_, _>>()?,
                found: expand(found)?,
                jump_if_found: *jump_if_found,
                option_j: *option_j,
            },
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
