//! Functions on lists in a variable: fields with a delimiter between them.

use super::{Args, nth};
use crate::eval::{Fault, Scope};
use crate::limits;
use crate::text::Template;

type Answer = Result<String, Fault>;

/// The delimiter of an argument: one character, `\n`, `\t` and the like understood; a default if it is empty.
fn delimiter(text: &str, default: char) -> char {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some('n')) => '\n',
        (Some('\\'), Some('t')) => '\t',
        (Some('\\'), Some('r')) => '\r',
        (Some('\\'), Some(other)) => other,
        (Some(c), _) => c,
        (None, _) => default,
    }
}

/// `CUT(variable,delimiter,fields)`: fields such as `1`, `2-3`, `-2`, `3-`, joined by `&`.
pub(super) fn cut(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let (value, rest) = args.named(scope, 3)?;
    let by = delimiter(nth(&rest, 0), '-');
    let fields: Vec<&str> = value.split(by).collect();
    let mut out: Vec<&str> = Vec::new();
    let specs = nth(&rest, 1);
    for spec in specs.split('&') {
        let (from, to) = match spec.split_once('-') {
            Some((from, to)) => (number(from).unwrap_or(1), number(to).unwrap_or(fields.len())),
            None => match number(spec) {
                Some(n) => (n, n),
                None => continue,
            },
        };
        if from == 0 {
            continue;
        }
        out.extend(fields.iter().take(to).skip(from - 1));
        if out.len() > limits::VALUE_BYTES {
            return Err(Fault::TooLong);
        }
    }
    Ok(out.join(&by.to_string()))
}

fn number(text: &str) -> Option<usize> {
    text.trim().parse().ok()
}

/// `FIELDQTY(variable,delimiter)`.
pub(super) fn field_quantity(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let (value, rest) = args.named(scope, 2)?;
    let by = delimiter(nth(&rest, 0), ',');
    Ok(if value.is_empty() { 0 } else { value.split(by).count() }.to_string())
}

/// `FIELDNUM(variable,delimiter,value)`: 0 if it is not there.
pub(super) fn field_number(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let (value, rest) = args.named(scope, 3)?;
    let by = delimiter(nth(&rest, 0), ',');
    Ok(value.split(by).position(|f| f == nth(&rest, 1)).map_or(0, |p| p + 1).to_string())
}

/// `LISTFILTER(variable,delimiter,value)`.
pub(super) fn without(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let (value, rest) = args.named(scope, 3)?;
    let by = delimiter(nth(&rest, 0), ',');
    let fields: Vec<&str> = value.split(by).filter(|f| *f != nth(&rest, 1)).collect();
    Ok(fields.join(&by.to_string()))
}

fn take(scope: &mut Scope<'_>, args: &Args<'_>, first: bool) -> Answer {
    let list = args.list(scope, 2)?;
    let name = nth(&list, 0).trim().to_owned();
    let by = delimiter(nth(&list, 1), ',');
    let value = scope.variable(&name).unwrap_or_default();
    let parts = if first { value.split_once(by) } else { value.rsplit_once(by).map(|(rest, last)| (last, rest)) };
    let (taken, rest) = parts.map_or((value.clone(), String::new()), |(t, r)| (t.to_owned(), r.to_owned()));
    scope.set(&name, rest)?;
    Ok(taken)
}

/// `SHIFT(variable,delimiter)`.
pub(super) fn shift(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    take(scope, args, true)
}

/// `POP(variable,delimiter)`.
pub(super) fn pop(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    take(scope, args, false)
}

pub(super) fn no_write(scope: &mut Scope<'_>, _args: &[String], _value: &str) -> Result<(), Fault> {
    scope.host.note("this function cannot be written");
    Ok(())
}

fn add(scope: &mut Scope<'_>, args: &[String], value: &str, last: bool) -> Result<(), Fault> {
    let name = nth(args, 0).trim().to_owned();
    let by = delimiter(nth(args, 1), ',');
    let old = scope.variable(&name).unwrap_or_default();
    let new = match (old.is_empty(), last) {
        (true, _) => value.to_owned(),
        (false, true) => format!("{old}{by}{value}"),
        (false, false) => format!("{value}{by}{old}"),
    };
    scope.set(&name, new)
}

/// `Set(PUSH(variable,delimiter)=value)`.
pub(super) fn push(scope: &mut Scope<'_>, args: &[String], value: &str) -> Result<(), Fault> {
    add(scope, args, value, true)
}

/// `Set(UNSHIFT(variable,delimiter)=value)`.
pub(super) fn unshift(scope: &mut Scope<'_>, args: &[String], value: &str) -> Result<(), Fault> {
    add(scope, args, value, false)
}

/// `Set(ARRAY(a,b)=1,2)`: here the value is a list, so it is separated after values were put in.
pub(super) fn array(scope: &mut Scope<'_>, args: &[String], value: &str) -> Result<(), Fault> {
    let dialect = scope.rules.dialect;
    let mut values =
        Template::literal(value).split(dialect.separator(), dialect.split(), limits::ARGUMENTS).into_iter();
    for name in args {
        let value = values.next().map(|v| v.to_string()).unwrap_or_default();
        scope.set(name.trim(), value)?;
    }
    Ok(())
}

fn hash_name(args: &[String]) -> String {
    format!("~HASH~{}~{}~", nth(args, 0), nth(args, 1))
}

/// `HASH(name,key)`.
pub(super) fn hash(scope: &mut Scope<'_>, args: &Args<'_>) -> Answer {
    let list = args.list(scope, 2)?;
    Ok(scope.vars.get(&hash_name(&list)).unwrap_or_default().to_owned())
}

pub(super) fn set_hash(scope: &mut Scope<'_>, args: &[String], value: &str) -> Result<(), Fault> {
    scope.set(&hash_name(args), value.to_owned())
}
