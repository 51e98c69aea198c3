//! The grammars of the steering applications: text to [`Control`], before any value is put in.

use super::{App, Assign, Call, Control, Label, Sub, Target};
use crate::limits;
use crate::text::{Split, Template};

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
