//! Functions on one text.

use super::{Args, nth};
use crate::eval::{Fault, Scope, leading_number};
use crate::text::textual;
use std::fmt::Write as _;

type Answer = Result<String, Fault>;

pub(super) fn len(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(args.whole(scope)?.chars().count().to_string())
}

pub(super) fn upper(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(args.whole(scope)?.to_ascii_uppercase())
}

pub(super) fn lower(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(args.whole(scope)?.to_ascii_lowercase())
}

pub(super) fn pass(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    args.whole(scope)
}

pub(super) fn reverse(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(args.whole(scope)?.chars().rev().collect())
}

pub(super) fn trim(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(args.whole(scope)?.trim().to_owned())
}

pub(super) fn trim_start(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(args.whole(scope)?.trim_start().to_owned())
}

pub(super) fn trim_end(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(args.whole(scope)?.trim_end().to_owned())
}

pub(super) fn quote(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let mut out = String::from("\"");
    for c in args.whole(scope)?.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    Ok(out)
}

pub(super) fn csv_quote(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(format!("\"{}\"", args.whole(scope)?.replace('"', "\"\"")))
}

/// `EVAL` makes data into code, so it does so only where the owner asked for it.
pub(super) fn eval(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let text = args.whole(scope)?;
    if scope.compat().late_arguments {
        return textual::expand(scope, &text);
    }
    scope.host.note("EVAL does nothing without compat late-arguments");
    Ok(text)
}

pub(super) fn uri_encode(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let mut out = String::new();
    for byte in args.whole(scope)?.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(out)
}

pub(super) fn uri_decode(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let text = args.whole(scope)?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|h| std::str::from_utf8(h).ok()).filter(|_| *byte == b'%');
        match code.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn base64_encode(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let mut out = String::new();
    for chunk in args.whole(scope)?.as_bytes().chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (i, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            if i <= chunk.len() {
                let at = (bits >> shift & 63) as usize;
                out.push(BASE64.get(at).copied().map_or('=', char::from));
            } else {
                out.push('=');
            }
        }
    }
    Ok(out)
}

pub(super) fn base64_decode(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in args.whole(scope)?.bytes() {
        let Some(value) = BASE64.iter().position(|b| *b == byte) else { continue };
        bits = (bits << 6 | u32::try_from(value).unwrap_or(0)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap_or(0));
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// `FILTER(allowed,text)`: ranges such as `0-9`, `\x2D` and `\-` in the first argument.
pub(super) fn filter(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let parts = args.raw_list(scope, 2)?;
    let allowed = character_set(nth(&parts, 0));
    Ok(nth(&parts, 1).chars().filter(|c| allowed.iter().any(|(from, to)| (from..=to).contains(&c))).collect())
}

/// The ranges of a FILTER set.
fn character_set(text: &str) -> Vec<(char, char)> {
    let mut chars = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            chars.push((c, c == '-'));
            continue;
        }
        match rest.next() {
            Some('x') => {
                let digits: String = rest.clone().take(2).take_while(char::is_ascii_hexdigit).collect();
                rest.by_ref().take(digits.len()).for_each(drop);
                let code = u8::from_str_radix(&digits, 16).unwrap_or(b'x');
                chars.push((char::from(code), false));
            }
            Some('n') => chars.push(('\n', false)),
            Some('r') => chars.push(('\r', false)),
            Some('t') => chars.push(('\t', false)),
            Some(other) => chars.push((other, false)),
            None => chars.push(('\\', false)),
        }
    }
    let mut set = Vec::new();
    let mut at = 0;
    while let Some((c, _)) = chars.get(at) {
        match (chars.get(at + 1), chars.get(at + 2)) {
            (Some((_, true)), Some((to, _))) => {
                set.push((*c, *to));
                at += 3;
            }
            _ => {
                set.push((*c, *c));
                at += 1;
            }
        }
    }
    set
}

/// `REPLACE(variable,find-characters[,replace-character])`.
pub(super) fn replace(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let (value, rest) = args.named(scope, 3)?;
    let find = nth(&rest, 0);
    let with = nth(&rest, 1).chars().next();
    Ok(value.chars().filter_map(|c| if find.contains(c) { with } else { Some(c) }).collect())
}

/// `STRREPLACE(variable,find[,replace[,most]])`.
pub(super) fn str_replace(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let (value, rest) = args.named(scope, 4)?;
    let (find, with) = (nth(&rest, 0), nth(&rest, 1));
    if find.is_empty() {
        return Ok(value);
    }
    let most = leading_number(nth(&rest, 2)).map_or(usize::MAX, |(n, _)| usize::try_from(n).unwrap_or(0));
    let mut out = String::new();
    let mut left = value.as_str();
    for _ in 0..most {
        let Some((before, after)) = left.split_once(find) else { break };
        out.push_str(before);
        out.push_str(with);
        left = after;
        if out.len() > crate::limits::VALUE_BYTES {
            return Err(Fault::TooLong);
        }
    }
    Ok(out + left)
}

pub(super) fn keypad(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    Ok(args
        .whole(scope)?
        .chars()
        .filter_map(|c| match c.to_ascii_lowercase() {
            'a'..='c' => Some('2'),
            'd'..='f' => Some('3'),
            'g'..='i' => Some('4'),
            'j'..='l' => Some('5'),
            'm'..='o' => Some('6'),
            'p'..='s' => Some('7'),
            't'..='v' => Some('8'),
            'w'..='z' => Some('9'),
            '0'..='9' => Some(c),
            _ => None,
        })
        .collect())
}

/// `SPRINTF(format,…)` with d, i, u, x, X, o, c, s, f, e, g and %; width and precision are at most 255.
pub(super) fn sprintf(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let list = args.list(scope, crate::limits::ARGUMENTS)?;
    let mut values = list.iter().skip(1);
    let mut out = String::new();
    let mut rest = nth(&list, 0).chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = rest.next_if(|c| "-+ 0#".contains(*c)) {
            flags.push(flag);
        }
        let mut number = || {
            let mut n = None;
            while let Some(d) = rest.peek().and_then(|c| c.to_digit(10)) {
                n = Some((n.unwrap_or(0) * 10 + d as usize).min(255));
                rest.next();
            }
            n
        };
        let width = number().unwrap_or(0);
        let precision = if rest.next_if_eq(&'.').is_some() {
            let mut n = 0;
            while let Some(d) = rest.peek().and_then(|c| c.to_digit(10)) {
                n = (n * 10 + d as usize).min(255);
                rest.next();
            }
            Some(n)
        } else {
            None
        };
        let value = values.next().map_or("", String::as_str);
        let whole = leading_number(value).map_or(0, |(n, _)| n);
        let float: f64 = value.trim().parse().unwrap_or(0.0);
        let mut text = match rest.next() {
            Some('d' | 'i') => whole.to_string(),
            Some('u') => whole.unsigned_abs().to_string(),
            Some('x') => format!("{whole:x}"),
            Some('X') => format!("{whole:X}"),
            Some('o') => format!("{whole:o}"),
            Some('c') => value.chars().take(1).collect(),
            Some('s') => value.chars().take(precision.unwrap_or(usize::MAX)).collect(),
            Some('f' | 'F') => format!("{float:.*}", precision.unwrap_or(6)),
            Some('e' | 'E' | 'g' | 'G') => crate::expr::value::format_number(float),
            _ => break,
        };
        if flags.contains('+') && !text.starts_with('-') {
            text.insert(0, '+');
        }
        let pad = width.saturating_sub(text.chars().count());
        if flags.contains('-') {
            text.push_str(&" ".repeat(pad));
        } else if flags.contains('0') {
            let sign = usize::from(text.starts_with(['-', '+']));
            text.insert_str(sign, &"0".repeat(pad));
        } else {
            text.insert_str(0, &" ".repeat(pad));
        }
        out.push_str(&text);
    }
    Ok(out)
}
/// `JSON_DECODE(variable,path[,separator])`: the call knows JSON, this knows the variable.
pub(super) fn json(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let (value, rest) = args.named(scope, 4)?;
    let mut all = vec![value];
    all.extend(rest);
    Ok(scope.host.function("JSON_DECODE", &all).unwrap_or_default())
}
