//! Lines of old plans that an Asterisk of today loads without a word and does not carry out.

use super::check::{gone, old_variable};
use super::{Findings, codes};
use crate::apps;
use crate::dialect::Dialect;
use crate::span::Span;

/// Looks at one line as it is written: `App(args)` or `App,args`, and as it was loaded.
pub(super) fn look(text: &str, app: &str, data: &str, dialect: Dialect, span: Span, findings: &mut Findings) {
    let name = app.trim();
    if !dialect.is_old() {
        if let Some(now) = old_form(name, data, dialect) {
            let message = format!("{name} takes its arguments differently now");
            findings.warn(codes::OLD_FORM, span, message).repair(now);
        }
        return;
    }
    let bare = !text.get(app.len()..).unwrap_or_default().trim_start().starts_with('(') && !data.is_empty();
    let why = if let Some(now) = gone(name) {
        Some((format!("there is no {name} any more: the call is dropped"), now.to_owned()))
    } else if bare {
        let now = format!("{name}({})", data.replace('|', ","));
        Some((format!("the application would be called \u{201c}{text}\u{201d}: the call is dropped"), now))
    } else if let Some((variable, now)) = variable(data) {
        Some((format!("${{{variable}}} is empty there"), now.to_owned()))
    } else if let Some(now) = old_form(name, data, dialect) {
        Some((format!("{name} takes its arguments differently there"), now))
    } else if text.contains('|') && pipes(name, text) {
        Some(("| does not separate arguments there".to_owned(), text.replace('|', ",")))
    } else if name.eq_ignore_ascii_case("Set") && data.split('|').filter(|part| part.contains('=')).count() > 1 {
        Some(("Set sets only the first variable there".to_owned(), format!("MSet({})", data.replace('|', ","))))
    } else {
        None
    };
    if let Some((why, now)) = why {
        findings.note(codes::DROPPED_TODAY, span, format!("Asterisk of today: {why}"));
        findings.repair(now);
    }
}

fn variable(data: &str) -> Option<(&str, &'static str)> {
    data.split("${").skip(1).find_map(|rest| {
        let name = rest.split(['}', ':', '(']).next()?;
        // `${CALLERID(num)}` is the new form.
        let called = rest.get(name.len()..).is_some_and(|r| r.starts_with('('));
        old_variable(name).filter(|_| !called).map(|now| (name, now))
    })
}

/// Whether `|` in the text separates arguments: not in expressions, not in what is only text.
fn pipes(name: &str, text: &str) -> bool {
    let Some(spec) = apps::lookup(name) else { return false };
    let takes_text =
        matches!(spec.name, "NoOp" | "Verbose" | "Log" | "System" | "TrySystem" | "UserEvent" | "GotoIfTime");
    !takes_text && super::guess::outside_expressions(text).contains('|')
}

/// The present form of arguments that changed.
fn old_form(name: &str, data: &str, dialect: Dialect) -> Option<String> {
    let first = data.split(char::from(dialect.separator())).next().unwrap_or_default().trim();
    match name.to_ascii_lowercase().as_str() {
        "voicemail" => {
            let number = first.trim_start_matches(['u', 'b', 's', 'j']);
            let letters = first.get(..first.len() - number.len()).unwrap_or_default();
            let is_old = !letters.is_empty() && number.starts_with(|c: char| c.is_ascii_digit());
            is_old.then(|| format!("VoiceMail({number},{})", letters.replace('j', "")))
        }
        "parkandannounce" if first.contains(':') => {
            Some("ParkAndAnnounce(,t(seconds)c(context,extension,priority),pieces,Local/extension@context)".to_owned())
        }
        _ => None,
    }
}
