//! How calls go from line to line: priorities nobody gets to, n+101 without a jump, calls that fall out of their extension.

use super::{Findings, codes};
use crate::apps::Effect;
use crate::control::{Call, Control, Label};
use crate::dialect::{OldJump, jumps_101 as jumps_101_of};
use crate::pattern::{Fit, Pattern};
use crate::program::{Context, Exten, Line, Program};
use crate::text::Template;
use std::collections::{BTreeSet, HashSet};

/// Where jumps of the whole plan may lead, as far as it is written out.
#[derive(Default)]
struct Targets<'a> {
    numbers: HashSet<u32>,
    labels: HashSet<&'a str>,
    /// Contexts in which a jump goes wherever data says.
    anywhere: HashSet<&'a str>,
    /// A jump goes to any context.
    everywhere: bool,
}

pub(super) fn check(program: &Program, findings: &mut Findings) {
    let mut targets = Targets::default();
    for context in program.contexts() {
        for exten in &context.extens {
            for line in exten.lines.values() {
                line.call.each(&mut |call| targets.call(call, line, context));
            }
        }
    }
    for context in program.contexts() {
        let open = targets.everywhere || targets.anywhere.contains(&*context.name);
        for exten in &context.extens {
            if !open {
                unreachable(program, exten, &targets, findings);
            }
            if context.rules.falls_through() {
                falls(program, context, exten, findings);
            }
        }
    }
}

impl<'a> Targets<'a> {
    fn call(&mut self, call: &'a Call<Template>, line: &'a Line, context: &'a Context) {
        match call.control.as_deref() {
            Some(Control::Goto(label)) => self.label(label, context),
            Some(Control::GotoIf { yes, no, .. } | Control::GotoIfTime { yes, no, .. }) => {
                [yes, no].into_iter().flatten().for_each(|label| self.label(label, context));
            }
            Some(Control::Gosub(sub)) => self.label(&sub.label, context),
            Some(Control::GosubIf { yes, no, .. }) => {
                [yes, no].into_iter().flatten().for_each(|sub| self.label(&sub.label, context));
            }
            Some(_) => {}
            None => {
                let effects = call.app.spec().effects;
                if effects.contains(&Effect::Anything) {
                    self.anywhere.insert(&context.name);
                }
                // Labels in arguments and options of applications: every number that is written out counts.
                if effects.iter().any(|e| matches!(e, Effect::Jumps | Effect::JumpsByOthers | Effect::Dials)) {
                    let words = line.data.split(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c));
                    for word in words.filter(|w| !w.is_empty()) {
                        match word.parse() {
                            Ok(number) => {
                                self.numbers.insert(number);
                            }
                            Err(_) => {
                                self.labels.insert(word);
                            }
                        }
                    }
                }
            }
        }
    }

    fn label(&mut self, label: &'a Label<Template>, context: &'a Context) {
        match label.priority.as_literal().map(str::trim) {
            Some(text) => match crate::eval::leading_number(text) {
                Some(_) if text.starts_with(['+', '-']) => {
                    self.anywhere.insert(&context.name);
                }
                Some((number, _)) => {
                    self.numbers.extend(u32::try_from(number));
                }
                None => {
                    self.labels.insert(text);
                }
            },
            None => match label.context.as_ref().map(|c| c.as_literal()) {
                None => {
                    self.anywhere.insert(&context.name);
                }
                Some(Some(name)) => {
                    self.anywhere.insert(name);
                }
                Some(None) => self.everywhere = true,
            },
        }
    }
}

/// Whether the call never goes on with the next priority.
fn ends(line: &Line) -> bool {
    match line.call.control.as_deref() {
        Some(Control::Goto(_) | Control::Return(_) | Control::MacroExit) => true,
        Some(Control::GotoIf { yes, no, .. } | Control::GotoIfTime { yes, no, .. }) => yes.is_some() && no.is_some(),
        Some(_) => false,
        None => matches!(line.call.app.name(), "Hangup" | "Busy" | "Congestion"),
    }
}

/// Whether a call may go on at n+101 after this line: by the habit of its application, or by the offset of a macro.
fn jumps_101(program: &Program, line: &Line) -> bool {
    let dialect = line.rules.dialect;
    match old_jump(line) {
        Some(OldJump::Always) if program.jumps_101(dialect) => true,
        Some(_) => dialect.is_old() && line.data.contains('j'),
        None => false,
    }
}

/// What its application did about n+101 once; one inside ExecIf, too.
fn old_jump(line: &Line) -> Option<OldJump> {
    let mut found = None;
    line.call.each(&mut |call| {
        let macros = matches!(call.control.as_deref(), Some(Control::Macro(_) | Control::MacroIf { .. }));
        let habit = if macros { Some(OldJump::Always) } else { jumps_101_of(call.app.name()) };
        found = found.max(habit);
    });
    found
}

fn unreachable(program: &Program, exten: &Exten, targets: &Targets<'_>, findings: &mut Findings) {
    let mut reached: BTreeSet<u32> = BTreeSet::new();
    let labelled = |line: &Line| line.label.as_deref().is_some_and(|l| targets.labels.contains(l));
    let mut todo: Vec<u32> = exten
        .lines
        .iter()
        .filter(|(p, line)| **p == 1 || targets.numbers.contains(p) || labelled(line))
        .map(|(p, _)| *p)
        .collect();
    let loops = exten.lines.values().any(|l| matches!(l.call.control.as_deref(), Some(Control::While(_))));
    while let Some(priority) = todo.pop() {
        let Some(line) = exten.lines.get(&priority) else { continue };
        if !reached.insert(priority) {
            continue;
        }
        if !ends(line) || loops {
            todo.push(priority.saturating_add(1));
        }
        if jumps_101(program, line) {
            todo.push(priority.saturating_add(101));
        }
    }
    let mut before: Option<u32> = None;
    for (priority, line) in exten.lines.iter().filter(|(p, _)| !reached.contains(p)) {
        // One finding for a run of lines.
        let follows = before.is_some_and(|b| b.checked_add(1) == Some(*priority));
        before = Some(*priority);
        if follows {
            continue;
        }
        let from = priority.checked_sub(101).and_then(|p| exten.lines.get(&p).map(|line| (p, line)));
        match from {
            Some((from, jumper)) if old_jump(jumper).is_some() => {
                let app = &jumper.app;
                let message = format!("{app} in priority {from} does not go on at {priority}: this line never runs");
                findings.warn(codes::DEAD_101, line.span, message);
                findings.repair(format!("GotoIf($[\"${{DIALSTATUS}}\" = \"BUSY\"]?…) after priority {from}"));
            }
            _ => {
                let message = format!("no call gets to priority {priority} of {}", exten.name);
                findings.warn(codes::UNREACHABLE, line.span, message);
            }
        }
    }
}

/// The first priority that an extension lacks and another one that matches has.
fn falls(program: &Program, context: &Context, exten: &Exten, findings: &mut Findings) {
    for (priority, line) in &exten.lines {
        let next = priority.saturating_add(1);
        if ends(line) || exten.lines.contains_key(&next) {
            continue;
        }
        let included = context.includes.iter().filter_map(|i| program.context(&i.context));
        let other = std::iter::once(context).chain(included).find_map(|c| {
            let others = c.extens.iter().filter(|o| !std::ptr::eq(*o, exten));
            let hit = |o: &&Exten| o.lines.contains_key(&next) && meets(&exten.pattern, o);
            others.take(crate::limits::COMPARED).find(hit).map(|o| (c, o))
        });
        if let Some((c, other)) = other {
            let place = if std::ptr::eq(c, context) { String::new() } else { format!(" in {}", c.name) };
            let message = format!(
                "{} has no priority {next}, so a call goes on in priority {next} of {}{place}",
                exten.name, other.name
            );
            findings.warn(codes::FALL_THROUGH, line.span, message);
            findings.repair(format!("exten => {},{next},Hangup()", exten.name));
            return;
        }
    }
}

/// Whether something that one matches is matched by the other extension.
fn meets(pattern: &Pattern, other: &Exten) -> bool {
    match (pattern, &other.pattern) {
        // The same number with another caller-ID part, too.
        (Pattern::Literal(a), Pattern::Literal(b)) => a == b,
        (Pattern::Literal(text), pattern) | (pattern, Pattern::Literal(text)) => {
            // `h`, `i` and `t` fall into `_.` like everything else.
            matches!(pattern.fit(text), Fit::Exact | Fit::Open | Fit::Early)
        }
        (a, b) => super::shadow::overlap(a, b),
    }
}
