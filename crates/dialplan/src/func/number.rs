//! Functions on numbers.

use super::{Args, nth};
use crate::eval::{Fault, Scope, leading_number};
use crate::expr::value::format_number;

type Answer = Result<String, Fault>;

/// Longest first.
const OPERATORS: &[&str] = &["<<", ">>", "<=", ">=", "==", "AND", "XOR", "OR", "+", "-", "*", "/", "%", "^", "<", ">"];

/// `MATH(a op b[,f|i|h|c])`: floating point with six places, or whole, hexadecimal, or a character.
pub(super) fn math(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let list = args.list(scope, 2)?;
    let text = nth(&list, 0);
    // A minus sign at the beginning belongs to the first number.
    let found = text.char_indices().skip(1).find_map(|(i, _)| {
        let rest = text.get(i..)?;
        OPERATORS.iter().find(|op| rest.starts_with(**op)).map(|op| (i, *op))
    });
    let Some((at, op)) = found else {
        scope.host.note("MATH without an operator");
        return Ok(String::new());
    };
    let a: f64 = text.get(..at).unwrap_or_default().trim().parse().unwrap_or(0.0);
    let b: f64 = text.get(at + op.len()..).unwrap_or_default().trim().parse().unwrap_or(0.0);
    // Saturating: what does not fit in 64 bits is the nearest that does.
    #[allow(clippy::cast_possible_truncation)]
    let (ia, ib) = (a as i64, b as i64);
    let shift = u32::try_from(ib).unwrap_or(64);
    let truth = |yes: bool| Ok(if yes { "TRUE" } else { "FALSE" }.to_owned());
    let result = match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" | "%" if b == 0.0 => {
            scope.host.note("MATH divides by zero");
            return Ok(String::new());
        }
        "/" => a / b,
        "%" => ia.checked_rem(ib).unwrap_or(0) as f64,
        "^" => a.powf(b),
        "<<" => ia.checked_shl(shift).unwrap_or(0) as f64,
        ">>" => ia.checked_shr(shift).unwrap_or(0) as f64,
        "AND" => (ia & ib) as f64,
        "OR" => (ia | ib) as f64,
        "XOR" => (ia ^ ib) as f64,
        "<" => return truth(a < b),
        ">" => return truth(a > b),
        "<=" => return truth(a <= b),
        ">=" => return truth(a >= b),
        _ => return truth((a - b).abs() < f64::EPSILON),
    };
    #[allow(clippy::cast_possible_truncation)]
    let whole = result as i64;
    Ok(match nth(&list, 1).trim().chars().next() {
        Some('i') => whole.to_string(),
        Some('h') => format!("{whole:x}"),
        Some('c') => u8::try_from(whole).ok().map(char::from).map(String::from).unwrap_or_default(),
        _ => format!("{result:.6}"),
    })
}

fn step(scope: &mut Scope<'_>, args: &Args<'_>, by: i64) -> Answer {
    let name = args.whole(scope)?.trim().to_owned();
    let value = scope.variable(&name).unwrap_or_default();
    let Some((number, _)) = leading_number(&value) else {
        scope.host.note("INC or DEC of something that is no number");
        return Ok(String::new());
    };
    let new = number.saturating_add(by).to_string();
    scope.set(&name, new.clone())?;
    Ok(new)
}

pub(super) fn inc(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    step(scope, args, 1)
}

pub(super) fn dec(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    step(scope, args, -1)
}

fn float(text: &str) -> f64 {
    text.trim().parse().unwrap_or(0.0)
}

pub(super) fn abs(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(format_number(float(&args.whole(scope)?).abs()))
}

pub(super) fn min(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let list = args.list(scope, 2)?;
    Ok(format_number(float(nth(&list, 0)).min(float(nth(&list, 1)))))
}

pub(super) fn max(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let list = args.list(scope, 2)?;
    Ok(format_number(float(nth(&list, 0)).max(float(nth(&list, 1)))))
}

/// `RAND([least][,most])`, both included.
pub(super) fn rand(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let list = args.list(scope, 2)?;
    let bound = |n: usize, default: i64| {
        leading_number(nth(&list, n)).map_or(default, |(n, _)| n.clamp(i64::from(i32::MIN), i64::from(i32::MAX)))
    };
    let (least, most) = (bound(0, 0), bound(1, i64::from(i32::MAX)));
    let (least, most) = if least <= most { (least, most) } else { (most, least) };
    let width = u64::try_from(most - least).unwrap_or(0) + 1;
    let chance = i64::try_from(scope.host.random() % width).unwrap_or(0);
    Ok((least + chance).to_string())
}
