//! Numbers, texts and truth as Asterisk 22 computes them (S10): numeric if both sides are, quotes are part of the text.

use super::parse::Op;
use super::regex::Regex;
use crate::dialect::Dialect;
use std::cmp::Ordering;

/// A value while an expression is computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Val {
    /// The result of an operator.
    Number(f64),
    /// What was written, or the value of a variable.
    Text(String),
}

impl Val {
    /// The number, if it is one as a whole.
    fn number(&self) -> Option<f64> {
        match self {
            Val::Number(n) => Some(*n),
            Val::Text(text) => numeric(text),
        }
    }

    /// As text.
    pub(crate) fn text(&self) -> String {
        match self {
            Val::Number(n) => format_number(*n),
            Val::Text(text) => text.clone(),
        }
    }

    /// Empty or zero.
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Val::Number(n) => *n == 0.0,
            Val::Text(text) => text.is_empty() || numeric(text) == Some(0.0),
        }
    }

    fn unquoted(&self) -> String {
        self.text().replace('"', "")
    }
}

/// A decimal number with an optional minus sign, nothing around it.
fn numeric(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let dots = digits.bytes().filter(|b| *b == b'.').count();
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if plain && dots <= 1 && digits.len() > dots { text.parse().ok() } else { None }
}

/// Like `%.16g`: 16 significant digits, no zeros at the end.
pub(crate) fn format_number(n: f64) -> String {
    if n == 0.0 {
        return "0".into();
    }
    if !n.is_finite() {
        return if n.is_nan() {
            "nan".into()
        } else if n > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    let exponent = n.abs().log10().floor();
    if !(-5.0..16.0).contains(&exponent) {
        return format!("{n:e}");
    }
    // exponent lies between -5 and 15
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let places = (15.0 - exponent).max(0.0) as usize;
    let text = format!("{n:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn compare(a: &Val, b: &Val) -> Ordering {
    // Telephone numbers are longer than a float is exact: whole numbers are compared digit by digit.
    if let (Val::Text(x), Val::Text(y)) = (a, b)
        && !x.is_empty()
        && !y.is_empty()
        && x.bytes().all(|c| c.is_ascii_digit())
        && y.bytes().all(|c| c.is_ascii_digit())
    {
        let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
        return x.len().cmp(&y.len()).then_with(|| x.cmp(y));
    }
    match (a.number(), b.number()) {
        (Some(x), Some(y)) => x.partial_cmp(&y).unwrap_or(Ordering::Equal),
        _ => a.text().cmp(&b.text()),
    }
}

/// The whole number that a value is as a whole, in the dialects that compute with those.
fn whole(value: &Val) -> Option<i64> {
    let text = value.text();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

/// `a op b` in the dialects up to 1.4: whole numbers, everything else is text.
fn apply_old(op: Op, a: Val, b: Val, note: &mut dyn FnMut(&str)) -> Val {
    let truth = |yes: bool| Val::Number(if yes { 1.0 } else { 0.0 });
    let order = || match (whole(&a), whole(&b)) {
        (Some(x), Some(y)) => x.cmp(&y),
        _ => a.text().cmp(&b.text()),
    };
    match op {
        Op::Or if null_old(&a) => b,
        Op::Or => a,
        Op::And => {
            if null_old(&a) || null_old(&b) {
                truth(false)
            } else {
                a
            }
        }
        Op::Eq => truth(order() == Ordering::Equal),
        Op::Ne => truth(order() != Ordering::Equal),
        Op::Gt => truth(order() == Ordering::Greater),
        Op::Ge => truth(order() != Ordering::Less),
        Op::Lt => truth(order() == Ordering::Less),
        Op::Le => truth(order() != Ordering::Greater),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Rem => {
            let mut number = |v: &Val| {
                whole(v).unwrap_or_else(|| {
                    note("an expression computes with something that is no whole number");
                    0
                })
            };
            let (x, y) = (number(&a), number(&b));
            let result = match op {
                Op::Add => x.saturating_add(y),
                Op::Sub => x.saturating_sub(y),
                Op::Mul => x.saturating_mul(y),
                _ if y == 0 => i64::from(i32::MAX),
                Op::Div => x.saturating_div(y),
                _ => x.checked_rem(y).unwrap_or(0),
            };
            Val::Text(result.to_string())
        }
        Op::Match | Op::Search | Op::Concat => apply(op, a, b, Dialect::V22, note),
    }
}

fn null_old(value: &Val) -> bool {
    value.text().is_empty() || whole(value) == Some(0)
}

/// `a op b`; `note` hears of what Asterisk would warn of.
pub(crate) fn apply(op: Op, a: Val, b: Val, dialect: Dialect, note: &mut dyn FnMut(&str)) -> Val {
    if dialect.computes_whole_numbers() {
        return apply_old(op, a, b, note);
    }
    let truth = |yes: bool| Val::Number(if yes { 1.0 } else { 0.0 });
    match op {
        Op::Or => {
            if a.is_null() {
                b
            } else {
                a
            }
        }
        Op::And => {
            if a.is_null() || b.is_null() {
                truth(false)
            } else {
                a
            }
        }
        Op::Eq => truth(compare(&a, &b) == Ordering::Equal),
        Op::Ne => truth(compare(&a, &b) != Ordering::Equal),
        Op::Gt => truth(compare(&a, &b) == Ordering::Greater),
        Op::Ge => truth(compare(&a, &b) != Ordering::Less),
        Op::Lt => truth(compare(&a, &b) == Ordering::Less),
        Op::Le => truth(compare(&a, &b) != Ordering::Greater),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Rem => {
            let mut number = |v: &Val| {
                v.number().unwrap_or_else(|| {
                    note("an expression computes with something that is no number");
                    0.0
                })
            };
            let (x, y) = (number(&a), number(&b));
            Val::Number(match op {
                Op::Add => x + y,
                Op::Sub => x - y,
                Op::Mul => x * y,
                _ if y == 0.0 => {
                    note("an expression divides by zero");
                    f64::from(i32::MAX)
                }
                Op::Div => x / y,
                _ => x % y,
            })
        }
        Op::Match => matched(&a, &b, true, note),
        Op::Search => matched(&a, &b, false, note),
        Op::Concat => Val::Text(a.unquoted() + &b.unquoted()),
    }
}

/// The first group if there is one, else the length of the match; nothing matched: empty with a group, else 0.
fn matched(a: &Val, b: &Val, anchored: bool, note: &mut dyn FnMut(&str)) -> Val {
    let (text, pattern) = (a.unquoted(), b.unquoted());
    let regex = match Regex::new(&pattern) {
        Ok(regex) => regex,
        Err(reason) => {
            note(&format!("the regular expression does not parse: {reason}"));
            return Val::Text(String::new());
        }
    };
    match regex.find(&text).filter(|m| !anchored || m.start == 0) {
        Some(found) => match found.group {
            Some((from, to)) => Val::Text(text.get(from..to).unwrap_or_default().to_owned()),
            None => Val::Number(text.get(found.start..found.end).map_or(0, |t| t.chars().count()) as f64),
        },
        None if regex.groups() > 0 => Val::Text(String::new()),
        None => Val::Number(0.0),
    }
}

/// `! a`.
pub(crate) fn not(a: &Val) -> Val {
    Val::Number(if a.is_null() { 1.0 } else { 0.0 })
}

/// `- a`.
pub(crate) fn negative(a: &Val) -> Val {
    Val::Number(-a.number().unwrap_or(0.0))
}

/// What `GotoIf` and `IF` take for true: not empty, and if it begins with a whole number, that number is not 0.
pub fn truth(text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    let rest = text.trim_start();
    let digits = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let number = digits.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    number == 0 || digits.bytes().take(number).any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_asterisks() {
        for (text, expected) in [
            ("", false),
            ("0", false),
            ("00", false),
            ("0.5", false),
            ("-0", false),
            ("-1", true),
            (" ", true),
            (" 0", false),
            ("false", true),
            ("\"0\"", true),
            ("0x", false),
            ("10", true),
        ] {
            assert_eq!(truth(text), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_print_with_sixteen_digits() {
        for (n, expected) in [
            (0.1 + 0.2, "0.3"),
            (7.0, "7"),
            (3.5, "3.5"),
            (-0.0, "0"),
            (2_147_483_647.0, "2147483647"),
            (12_025_550_100.0, "12025550100"),
            (1.0 / 3.0, "0.3333333333333333"),
            (1e20, "1e20"),
            (100.0, "100"),
        ] {
            assert_eq!(format_number(n), expected);
        }
    }

    #[test]
    fn long_numbers_are_compared_digit_by_digit() {
        let val = |t: &str| Val::Text(t.into());
        assert_eq!(compare(&val("12345678901234567890"), &val("12345678901234567891")), Ordering::Less);
        assert_eq!(compare(&val("010"), &val("10")), Ordering::Equal);
        assert_eq!(compare(&val("5"), &val("5.0")), Ordering::Equal);
        assert_eq!(compare(&val("\"5\""), &val("5")), Ordering::Less);
    }
}
