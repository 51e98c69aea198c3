//! The grammars of the steering applications: text to [`Control`], before any value is put in.

use super::{App, Assign, Call, Control, Label, MacroCall, Sub, Target, old};
use crate::apps;
use crate::dialect::Dialect;
use crate::limits;
use crate::text::{Split, Template};

impl Call<Template> {
    /// Parses the text between an application's brackets as it is once loaded.
    pub fn parse(name: &str, data: &Template, dialect: Dialect) -> Call<Template> {
        if dialect.has_old_applications()
            && let Some(call) = old::call(name.trim(), data)
        {
            return call;
        }
        Self::nested(App::find(name.trim()), data, 0, dialect)
    }

    fn nested(app: App, data: &Template, depth: usize, dialect: Dialect) -> Call<Template> {
        // The portal's dial-by-name script of old plans is an application of ours.
        if app.name() == "AGI"
            && let Some((script, rest)) = data.split_once(dialect.separator())
            && script.as_literal().is_some_and(|name| name.trim() == "directory")
        {
            return Self::nested(App::find("Directory"), &rest, depth, dialect);
        }
        let control = control(app.name(), data, depth, dialect).map(Box::new);
        let spec = app.spec();
        let most = spec.args.len().max(1);
        let mut args =
            if control.is_some() { Vec::new() } else { data.split(dialect.separator(), dialect.split(), most) };
        // Applications take what is left over in today's form, whatever separated it when the plan was written.
        if dialect.is_old()
            && args.len() == most
            && !spec.effects.contains(&apps::Effect::Logs)
            && let Some(rest) = args.last_mut()
        {
            *rest = rest.with_byte(b'|', b',');
        }
        Call { app, args, control }
    }

    /// `App(args)` as it stands inside ExecIf.
    fn inner(text: Template, depth: usize, dialect: Dialect) -> Option<Call<Template>> {
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
        Some(Self::nested(app, &data, depth, dialect))
    }
}

impl Label<Template> {
    /// Parses `[[context,]extension,]priority`; nothing if the text is empty.
    pub fn parse(text: Template, dialect: Dialect) -> Option<Label<Template>> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let mut parts =
            text.split(dialect.separator(), Split::Plain, limits::ARGUMENTS).into_iter().map(Template::trim);
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
    fn parse(text: Template, dialect: Dialect) -> Option<Sub<Template>> {
        let (label, args) = match text.split_once(b'(') {
            None => (text, Vec::new()),
            Some((label, rest)) => {
                let inside = rest.rsplit_once(b')').map_or(rest, |(inside, _)| inside);
                (label, inside.split(dialect.separator(), dialect.raw_split(), limits::ARGUMENTS))
            }
        };
        Some(Sub { label: Label::parse(label, dialect)?, args })
    }
}

impl Assign<Template> {
    /// Parses `name=value`; `None` without `=`.
    pub fn parse(text: &Template, dialect: Dialect) -> Option<Assign<Template>> {
        let (name, value) = text.split_once(b'=')?;
        let function = name.split_once(b'(').and_then(|(function, rest)| {
            let function = function.as_literal()?.trim().to_owned();
            let (args, _) = rest.rsplit_once(b')')?;
            Some((function, args))
        });
        let target = match function {
            Some((function, args)) => {
                let args = args.split(dialect.separator(), dialect.split(), limits::ARGUMENTS);
                Target::Function { name: function.into(), args }
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

impl MacroCall<Template> {
    fn parse(text: Template, dialect: Dialect) -> Option<MacroCall<Template>> {
        let mut parts = text.split(dialect.separator(), dialect.split(), limits::ARGUMENTS).into_iter();
        let name = parts.next()?.trim();
        Some(MacroCall { name, args: parts.collect() })
    }
}

/// `A=1|B=2|g`: in old dialects several at once, and a last `g` makes them global.
fn several(data: &Template, dialect: Dialect) -> Vec<Assign<Template>> {
    let mut parts = data.split(dialect.separator(), dialect.split(), limits::ARGUMENTS);
    let global = parts.len() > 1 && parts.last().and_then(Template::as_literal).is_some_and(|last| last.trim() == "g");
    if global {
        parts.pop();
    }
    let mut assigns: Vec<_> = parts.iter().filter_map(|part| Assign::parse(part, dialect)).collect();
    for assign in &mut assigns {
        if let (true, Target::Variable(name)) = (global, &assign.target) {
            assign.target = Target::Function { name: "GLOBAL".into(), args: vec![name.clone()] };
        }
    }
    assigns
}

/// The grammar of a steering application; `None` for all others.
fn control(app: &str, data: &Template, depth: usize, dialect: Dialect) -> Option<Control<Template>> {
    let label = |text: Option<Template>| text.and_then(|text| Label::parse(text, dialect));
    let sub = |text: Option<Template>| text.and_then(|text| Sub::parse(text, dialect));
    let nowhere = || Label { context: None, exten: None, priority: Template::default() };
    Some(match app {
        "Goto" => Control::Goto(label(Some(data.clone())).unwrap_or_else(nowhere)),
        "GotoIf" | "GotoIfTime" => {
            let (condition, yes, no) = condition(data);
            let (yes, no) = (label(yes), label(no));
            if app == "GotoIf" {
                Control::GotoIf { condition, yes, no }
            } else {
                Control::GotoIfTime { times: condition, yes, no }
            }
        }
        "Set" if dialect.sets_several() => Control::Set(several(data, dialect)),
        "Set" => Control::Set(Assign::parse(data, dialect).into_iter().collect()),
        "MSet" => {
            let parts = data.split(dialect.separator(), dialect.split(), limits::ARGUMENTS);
            Control::Set(parts.iter().filter_map(|part| Assign::parse(part, dialect)).collect())
        }
        "Gosub" => {
            Control::Gosub(sub(Some(data.clone())).unwrap_or_else(|| Sub { label: nowhere(), args: Vec::new() }))
        }
        "GosubIf" => {
            let (condition, yes, no) = condition(data);
            Control::GosubIf { condition, yes: sub(yes), no: sub(no) }
        }
        "Return" => Control::Return(data.clone()),
        "StackPop" => Control::StackPop,
        "Macro" => Control::Macro(MacroCall::parse(data.clone(), dialect)?),
        "MacroIf" => {
            let (condition, yes, no) = condition(data);
            let parse = |text: Option<Template>| text.and_then(|text| MacroCall::parse(text, dialect));
            Control::MacroIf { condition, yes: parse(yes), no: parse(no) }
        }
        "MacroExit" => Control::MacroExit,
        // Before 1.6: condition|application|arguments.
        "ExecIf" if depth < limits::NESTING && dialect.is_old() => {
            let mut parts = data.split(dialect.separator(), Split::Parens, 3).into_iter();
            let (condition, app) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let rest = parts.next().unwrap_or_default();
            let app = match app.as_literal() {
                Some(name) => App::find(name.trim()),
                None => App::Unknown(app.to_string().into()),
            };
            Control::ExecIf { condition, yes: Some(Call::nested(app, &rest, depth + 1, dialect)), no: None }
        }
        "ExecIf" if depth < limits::NESTING => {
            let (condition, yes, no) = condition(data);
            let inner = |t: Option<Template>| t.and_then(|t| Call::inner(t, depth + 1, dialect));
            Control::ExecIf { condition, yes: inner(yes), no: inner(no) }
        }
        "While" => Control::While(data.clone()),
        "EndWhile" => Control::EndWhile,
        "ExitWhile" => Control::ExitWhile,
        "ContinueWhile" => Control::ContinueWhile,
        _ => return None,
    })
}
