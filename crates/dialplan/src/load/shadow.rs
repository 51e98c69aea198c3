//! Extensions that others always beat: in their own context, and in what a context includes.

use super::{Findings, codes};
use crate::limits;
use crate::pattern::{ByteSet, Pattern, Tail};
use crate::program::{Context, Exten, Program};

pub(super) fn check(program: &Program, findings: &mut Findings) {
    let mut room = limits::COMPARISONS;
    for context in program.contexts() {
        own(context, findings, &mut room);
        for include in &context.includes {
            if let Some(inner) = program.context(&include.context)
                && !std::ptr::eq(inner, context)
                && include.times.is_none()
            {
                included(context, inner, findings, &mut room);
            }
        }
    }
}

/// Whether `winner`, tried first, leaves nothing to `loser`.
fn hides(context: &Context, winner: &Exten, loser: &Exten) -> bool {
    let priorities = if context.rules.falls_through() {
        loser.lines.keys().all(|p| winner.lines.contains_key(p))
    } else {
        !winner.lines.is_empty()
    };
    winner.caller.is_none() && priorities && covers(&winner.pattern, &loser.pattern)
}

fn own(context: &Context, findings: &mut Findings, room: &mut usize) {
    let patterns: Vec<&Exten> = context.in_order().filter(|e| e.pattern.is_pattern()).collect();
    for (n, loser) in patterns.iter().enumerate() {
        for winner in patterns.iter().take(n) {
            if *room == 0 {
                return;
            }
            *room -= 1;
            if !hides(context, winner, loser) {
                continue;
            }
            let Some(line) = loser.lines.values().next() else { continue };
            let (winner, loser) = (&winner.name, &loser.name);
            if context.rules.dialect.orders_by_text() {
                let message = format!("{winner} is tried before {loser} and matches all that it does");
                findings.warn(codes::ORDER, line.span, message);
                findings.repair(format!("move {winner} into a context of its own and include that"));
            } else {
                let message = format!("{winner} matches all that {loser} does, and is tried first");
                findings.warn(codes::SHADOWED, line.span, message);
            }
            break;
        }
    }
}

fn included(context: &Context, inner: &Context, findings: &mut Findings, room: &mut usize) {
    let wide: Vec<&Exten> = context.extens.iter().filter(|e| e.pattern.is_pattern()).collect();
    if wide.is_empty() {
        return;
    }
    for loser in &inner.extens {
        for winner in &wide {
            if *room == 0 {
                return;
            }
            *room -= 1;
            if hides(context, winner, loser) && winner.name != loser.name {
                let Some(line) = winner.lines.values().next() else { continue };
                let message = format!(
                    "{} beats {} of the included {}, which never runs from here",
                    winner.name, loser.name, inner.name
                );
                findings.warn(codes::INCLUDE_SHADOWED, line.span, message);
                findings.repair(format!("move {} into a context of its own and include it last", winner.name));
                return;
            }
        }
    }
}

fn within(a: &ByteSet, b: &ByteSet) -> bool {
    b.bytes().all(|byte| a.contains(byte))
}

/// Whether the first matches everything that the second does.
pub(super) fn covers(a: &Pattern, b: &Pattern) -> bool {
    let Pattern::Sets(a, a_tail) = a else { return false };
    let single: Vec<ByteSet>;
    let (b, b_tail): (&[ByteSet], Tail) = match b {
        Pattern::Never => return false,
        Pattern::Literal(text) => {
            single = text.bytes().filter(|b| *b != b'-').map(ByteSet::of).collect();
            (&single, Tail::End)
        }
        Pattern::Sets(b, tail) => (b, *tail),
    };
    let pointwise = b.len() >= a.len() && a.iter().zip(b).all(|(x, y)| within(x, y));
    let open = b_tail != Tail::End;
    pointwise
        && match a_tail {
            Tail::End => a.len() == b.len() && !open,
            Tail::Any => b.len() > a.len() || b_tail == Tail::Any,
            Tail::Early => true,
        }
}

/// Whether something matches both.
pub(super) fn overlap(a: &Pattern, b: &Pattern) -> bool {
    let (Pattern::Sets(a, a_tail), Pattern::Sets(b, b_tail)) = (a, b) else { return false };
    let common = a.iter().zip(b).all(|(x, y)| x.bytes().any(|byte| y.contains(byte)));
    let least = |sets: &[ByteSet], tail: &Tail| sets.len() + usize::from(*tail == Tail::Any);
    let fits = |n: usize, sets: &[ByteSet], tail: &Tail| *tail != Tail::End || sets.len() == n;
    let n = least(a, a_tail).max(least(b, b_tail));
    common && fits(n, a, a_tail) && fits(n, b, b_tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covering_and_meeting() {
        let p = Pattern::parse;
        for (a, b, covered, met) in [
            ("_X.", "_XXX", true, true),
            ("_X.", "_X", false, false),
            ("_X!", "_X", true, true),
            ("_XX", "_NX", true, true),
            ("_NX", "_XX", false, true),
            ("_9.", "_8XX", false, false),
            ("_X.", "_XX.", true, true),
            ("_XX.", "_X.", false, true),
            ("_X.", "_X!", false, true),
        ] {
            assert_eq!((covers(&p(a), &p(b)), overlap(&p(a), &p(b))), (covered, met), "{a} {b}");
        }
        assert!(covers(&p("_9."), &p("911")) && !covers(&p("_9."), &p("9")));
    }
}
