//! Functions that decide, and those on global and local variables.

use super::{Args, nth};
use crate::eval::{Fault, Scope};
use crate::expr::regex::Regex;
use crate::limits;
use crate::text::Template;
use crate::time::Times;

type Answer = Result<String, Fault>;

fn truth(yes: bool) -> String {
    if yes { "1" } else { "0" }.to_owned()
}

/// `condition?yes:no`, each trimmed; `None` without a condition or without both answers.
fn branches(scope: &mut Scope<'_>, template: &Template) -> Result<Option<(String, String, String)>, Fault> {
    let split = scope.rules.dialect.split();
    let mut parts = template.split(b'?', split, 2).into_iter();
    let condition = parts.next().unwrap_or_default();
    let Some(rest) = parts.next() else { return Ok(None) };
    let mut answers = rest.split(b':', split, 2).into_iter();
    let mut next =
        |scope: &mut Scope<'_>| -> Answer { Ok(scope.expand(&answers.next().unwrap_or_default())?.trim().to_owned()) };
    let (yes, no) = (next(scope)?, next(scope)?);
    let condition = scope.expand(&condition)?;
    if condition.is_empty() {
        return Ok(None);
    }
    Ok(Some((condition.trim().to_owned(), yes, no)))
}

/// `IF(condition?yes:no)`. An empty condition gives the empty text, as in Asterisk.
pub(super) fn choose(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(match branches(scope, args.template)? {
        Some((condition, yes, no)) => {
            if scope.rules.dialect.truth(&condition) {
                yes
            } else {
                no
            }
        }
        None => {
            scope.host.note("IF without a condition");
            String::new()
        }
    })
}

/// `IFTIME(times,weekdays,days,months?yes:no)`.
pub(super) fn choose_time(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let Some((times, yes, no)) = branches(scope, args.template)? else { return Ok(String::new()) };
    let now = scope.host.now();
    Ok(if Times::parse_in(&times, scope.rules.dialect).contains(&now) { yes } else { no })
}

pub(super) fn is_null(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(truth(args.whole(scope)?.is_empty()))
}

pub(super) fn exists(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(truth(!args.whole(scope)?.is_empty()))
}

/// `REGEX("expression" text)`.
pub(super) fn regex(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let parts = args.template.split_once(b'"').and_then(|(_, rest)| rest.split_once(b'"'));
    let Some((pattern, text)) = parts else {
        scope.host.note("REGEX without quotes");
        return Ok(String::new());
    };
    let (pattern, text) = (scope.expand(&pattern)?, scope.expand(&text)?);
    let text = text.strip_prefix([' ', '\t']).unwrap_or(&text);
    match Regex::new(&pattern) {
        Ok(regex) => Ok(truth(regex.find(text).is_some())),
        Err(reason) => {
            scope.host.note(&format!("REGEX: {reason}"));
            Ok(String::new())
        }
    }
}

/// `SET(variable=value)`.
pub(super) fn set(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let Some((name, value)) = args.template.split_once(b'=') else { return Ok(String::new()) };
    let (name, value) = (scope.expand(&name)?.trim().to_owned(), scope.expand(&value)?.trim().to_owned());
    scope.set(&name, value.clone())?;
    Ok(value)
}

pub(super) fn global(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let name = args.whole(scope)?;
    Ok(scope.global(&name).unwrap_or_default())
}

pub(super) fn set_global(scope: &mut Scope<'_>, args: &[String], value: &str) -> Result<(), Fault> {
    if value.len() > limits::VALUE_BYTES {
        return Err(Fault::TooLong);
    }
    scope.set_global(nth(args, 0), value);
    Ok(())
}

pub(super) fn local(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let name = args.whole(scope)?;
    Ok(scope.vars.get(&name).unwrap_or_default().to_owned())
}

pub(super) fn set_local(scope: &mut Scope<'_>, args: &[String], value: &str) -> Result<(), Fault> {
    if value.len() > limits::VALUE_BYTES {
        return Err(Fault::TooLong);
    }
    let done = scope.vars.set_local(nth(args, 0), value.to_owned());
    if done { Ok(()) } else { Err(Fault::TooManyVariables) }
}

/// `VALID_EXTEN([context],extension[,priority])`: as `DIALPLAN_EXISTS`, and an extension has to be named.
pub(super) fn valid_exten(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    if nth(&args.list(scope, 3)?, 1).is_empty() {
        scope.host.note("VALID_EXTEN needs an extension");
        return Ok(String::new());
    }
    dialplan_exists(scope, args)
}

/// `DIALPLAN_EXISTS(context[,extension[,priority]])`.
pub(super) fn dialplan_exists(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let list = args.list(scope, 3)?;
    let now = scope.host.now();
    let context = if nth(&list, 0).is_empty() { &*scope.place.context } else { nth(&list, 0) };
    let caller = scope.caller;
    let found = match (nth(&list, 1), nth(&list, 2)) {
        ("", _) => scope.program.context(context).is_some(),
        (exten, "") => scope.program.exists(context, exten, caller, Some(&now)),
        (exten, priority) => {
            let priority = priority
                .parse()
                .ok()
                .or_else(|| scope.program.find_label(context, exten, priority, caller, Some(&now)));
            priority.is_some_and(|p| scope.program.find(context, exten, p, caller, Some(&now)).is_some())
        }
    };
    Ok(truth(found))
}

/// `EXCEPTION(reason|context|exten|priority)`.
pub(super) fn exception(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let what = args.whole(scope)?;
    let place = scope.exception.place.as_ref();
    Ok(match what.to_ascii_lowercase().as_str() {
        "reason" => scope.exception.reason.clone(),
        "context" => place.map(|p| p.context.to_string()).unwrap_or_default(),
        "exten" => place.map(|p| p.exten.to_string()).unwrap_or_default(),
        "priority" => place.map(|p| p.priority.to_string()).unwrap_or_default(),
        _ => String::new(),
    })
}
