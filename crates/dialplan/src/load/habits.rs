//! Habits that cost money or give secrets away: PINs in the text, caller ID as a lock, programs.

use super::{Findings, codes};
use crate::control::{Call, Control, Target};
use crate::program::{Line, Program};
use crate::text::{Name, Template};

pub(super) fn check(program: &Program, findings: &mut Findings) {
    for context in program.contexts() {
        for exten in &context.extens {
            if let Some(caller) = &exten.caller
                && !caller.text().is_empty()
                && let Some(line) = exten.lines.values().next()
            {
                let message = format!("whoever says that his number is {} gets here", caller.text());
                findings.warn(codes::CALLER_LOCK, line.span, message);
            }
            for line in exten.lines.values() {
                line.call.each(&mut |call| {
                    secrets(call, line, findings);
                    lock(call, line, findings);
                    programs(call, line, findings);
                });
            }
        }
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pin", "passwd", "password", "passcode", "secret"].iter().any(|word| {
        name.split(|c: char| !c.is_ascii_alphabetic()).any(|part| part == *word)
            || (word.len() > 3 && name.contains(word))
    })
}

fn secrets(call: &Call<Template>, line: &Line, findings: &mut Findings) {
    let first = call.args.first().and_then(Template::as_literal).map(str::trim).unwrap_or_default();
    let digits = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit() || b"*#".contains(&b));
    let found = match call.app.name() {
        "Authenticate" | "DISA" => digits,
        "Dial" => call.args.first().is_some_and(|arg| {
            // SIP/user:secret@host
            arg.to_string().split('&').any(|one| {
                let rest = one.split_once('/').map_or("", |(_, rest)| rest);
                rest.split_once('@').is_some_and(|(user, _)| {
                    user.split_once(':').is_some_and(|(_, secret)| !secret.is_empty() && !secret.contains("${"))
                        && !user.contains('{')
                })
            })
        }),
        _ => false,
    };
    let assigned = match call.control.as_deref() {
        Some(Control::Set(assigns)) => assigns.iter().any(|assign| {
            let name = match &assign.target {
                Target::Variable(name) => name.as_literal(),
                Target::Function { args, .. } => args.first().and_then(Template::as_literal),
            };
            name.is_some_and(is_secret_name) && assign.value.as_literal().is_some_and(|v| !v.trim().is_empty())
        }),
        _ => false,
    };
    let compared = conditions(call).iter().any(|condition| {
        let mut named = false;
        condition.each_value(&mut |value| {
            named |= matches!(&value.name, Name::Variable(name) if name.as_literal().is_some_and(is_secret_name));
        });
        named && has_digits(&condition.to_string())
    });
    if found || assigned || compared {
        findings.warn(codes::SECRET, line.span, "a PIN or password stands here for everybody who reads this");
    }
}

fn conditions(call: &Call<Template>) -> Vec<&Template> {
    match call.control.as_deref() {
        Some(
            Control::GotoIf { condition, .. }
            | Control::GosubIf { condition, .. }
            | Control::ExecIf { condition, .. }
            | Control::MacroIf { condition, .. }
            | Control::While(condition),
        ) => vec![condition],
        _ => Vec::new(),
    }
}

/// Whether a number of at least three digits is written out, outside of values.
fn has_digits(text: &str) -> bool {
    let (mut depth, mut run) = (0usize, 0usize);
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        run = if depth == 0 && c.is_ascii_digit() { run + 1 } else { 0 };
        if run >= 3 {
            return true;
        }
    }
    false
}

fn lock(call: &Call<Template>, line: &Line, findings: &mut Findings) {
    for condition in conditions(call) {
        let text = condition.to_string();
        let number = ["CALLERID(num", "CALLERID(ani", "CALLERID(all", "CALLERIDNUM", "CALLERANI"];
        if number.iter().any(|name| text.contains(name)) && has_digits(&text) {
            findings.warn(
                codes::CALLER_LOCK,
                line.span,
                "what happens here depends on a number that the caller names himself",
            );
        }
    }
}

fn programs(call: &Call<Template>, line: &Line, findings: &mut Findings) {
    let app = call.app.name();
    if matches!(app, "System" | "TrySystem" | "ExternalIVR") {
        findings.warn(codes::PROGRAM, line.span, format!("{app} runs a program of the machine"));
    } else if line.data.contains("${SHELL(") {
        findings.warn(codes::PROGRAM, line.span, "SHELL runs a program of the machine");
    }
}
