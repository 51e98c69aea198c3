//! Templates to text: looks values up and computes expressions (S8, S10). Functions are in `func`.

use crate::dialect::{Compat, Dialect, Rules};
use crate::expr::value::{self, Val};
use crate::expr::{Expr, Node};
use crate::func;
use crate::host::Host;
use crate::limits;
use crate::machine::Back;
use crate::program::{Place, Program};
use crate::text::{Name, Piece, Template, Value, textual};
use crate::vars::Vars;
use std::fmt;

/// Why a value cannot be worked out; the call ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A value is longer than [`limits::VALUE_BYTES`].
    TooLong,
    /// There are more variables than [`limits::VARIABLES`].
    TooManyVariables,
    /// Values inside values inside values.
    TooDeep,
    /// A jump to something that is no place: the text of the label.
    Label(String),
    /// Gosubs nest deeper than [`limits::FRAMES`].
    TooManyFrames,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooLong => write!(f, "a value is longer than {} bytes", limits::VALUE_BYTES),
            Fault::TooManyVariables => write!(f, "the call has more than {} variables", limits::VARIABLES),
            Fault::TooDeep => f.write_str("values are nested too deeply"),
            Fault::Label(label) => write!(f, "there is no place {label}"),
            Fault::TooManyFrames => write!(f, "Gosub nests deeper than {}", limits::FRAMES),
        }
    }
}

impl std::error::Error for Fault {}

/// Why the call got to `e`, for `EXCEPTION()`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) reason: String,
    pub(crate) place: Option<Place>,
}

/// Everything values are looked up in.
pub(crate) struct Scope<'a> {
    pub(crate) program: &'a Program,
    /// Those of the line that runs.
    pub(crate) rules: Rules,
    pub(crate) vars: &'a mut Vars<Back>,
    pub(crate) place: &'a Place,
    pub(crate) caller: &'a str,
    pub(crate) exception: &'a Exception,
    pub(crate) host: &'a mut dyn Host,
    pub(crate) depth: usize,
}

impl Scope<'_> {
    pub(crate) fn compat(&self) -> Compat {
        self.rules.compat
    }

    /// The value of a variable: built-ins first, then the channel's own, then the globals.
    pub(crate) fn variable(&mut self, name: &str) -> Option<String> {
        match name {
            "EXTEN" => return Some(self.place.exten.to_string()),
            "CONTEXT" => return Some(self.place.context.to_string()),
            "PRIORITY" => return Some(self.place.priority.to_string()),
            _ => {}
        }
        if self.rules.dialect.has_old_variables()
            && let Some(value) = self.old_variable(name)
        {
            return Some(value);
        }
        if let Some(value) = self.host.variable(name) {
            return Some(value);
        }
        if let Some(value) = self.vars.get(name) {
            return Some(value.to_owned());
        }
        self.global(name)
    }

    /// Built-in variables of the time before functions. 1.0 gives the number where there is no name, and takes
    /// punctuation out of the number.
    fn old_variable(&mut self, name: &str) -> Option<String> {
        let oldest = self.rules.dialect == Dialect::V1_0;
        let mut caller = |part: &str| self.host.function("CALLERID", &[part.to_owned()]).unwrap_or_default();
        Some(match name {
            "CALLERIDNUM" if oldest => caller("num").replace([' ', '(', ')', '-', '.'], ""),
            "CALLERIDNUM" => caller("num"),
            "CALLERIDNAME" if oldest => Some(caller("name")).filter(|n| !n.is_empty()).unwrap_or_else(|| caller("num")),
            "CALLERIDNAME" => caller("name"),
            "CALLERID" => match (caller("name"), caller("num")) {
                (name, number) if name.is_empty() => number,
                (name, number) => format!("\"{name}\" <{number}>"),
            },
            "CALLERANI" => caller("ani"),
            "DNID" => caller("dnid"),
            "RDNIS" => caller("rdnis"),
            "LANGUAGE" => self.host.function("CHANNEL", &["language".to_owned()]).unwrap_or_default(),
            "ACCOUNTCODE" => self.host.function("CHANNEL", &["accountcode".to_owned()]).unwrap_or_default(),
            "TIMESTAMP" | "DATETIME" => {
                let t = self.host.now();
                let (y, mo, d, h, mi, s) = (t.year, t.month, t.day, t.hour, t.minute, t.second);
                if name == "TIMESTAMP" {
                    format!("{y:04}{mo:02}{d:02}-{h:02}{mi:02}{s:02}")
                } else {
                    format!("{d:02}{mo:02}{y:04}-{h:02}:{mi:02}:{s:02}")
                }
            }
            _ => return None,
        })
    }

    pub(crate) fn global(&mut self, name: &str) -> Option<String> {
        let name = self.program.variable_key(name);
        self.host.global(&name).or_else(|| self.program.globals.get(&*name).cloned())
    }

    pub(crate) fn set_global(&mut self, name: &str, value: &str) {
        let name = self.program.variable_key(name);
        self.host.set_global(&name, value);
    }

    /// Sets a variable of the channel.
    pub(crate) fn set(&mut self, name: &str, value: String) -> Result<(), Fault> {
        if value.len() > limits::VALUE_BYTES {
            return Err(Fault::TooLong);
        }
        if self.vars.set(name, value) { Ok(()) } else { Err(Fault::TooManyVariables) }
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= limits::EVALUATION {
            return Err(Fault::TooDeep);
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// The text of a template.
    pub(crate) fn expand(&mut self, template: &Template) -> Result<String, Fault> {
        if let Some(text) = template.as_literal() {
            return Ok(text.to_owned());
        }
        self.deeper(|scope| {
            let mut out = String::new();
            for piece in template.pieces() {
                match piece {
                    Piece::Text(text) => out.push_str(text),
                    Piece::Value(value) => out.push_str(&scope.value(value)?),
                    Piece::Expr(expr) => out.push_str(&scope.expression(expr)?),
                }
                if out.len() > limits::VALUE_BYTES {
                    return Err(Fault::TooLong);
                }
            }
            Ok(out)
        })
    }

    /// The value of `${…}`.
    pub(crate) fn value(&mut self, value: &Value) -> Result<String, Fault> {
        let text = match &value.name {
            Name::Variable(name) => {
                let name = self.expand(name)?;
                self.variable(&name).unwrap_or_default()
            }
            Name::Function { name, args } => func::read(self, name, args)?,
        };
        match &value.slice {
            None => Ok(text),
            Some(slice) => {
                let slice = self.expand(slice)?;
                Ok(sliced(text, &slice, self.rules.dialect))
            }
        }
    }

    /// The value of `$[…]`.
    pub(crate) fn expression(&mut self, expr: &Expr) -> Result<String, Fault> {
        if self.compat().textual_expressions {
            return textual::expression(self, expr.source());
        }
        match expr.tree() {
            Some(tree) => Ok(self.node(tree)?.text()),
            None => Ok(self.rules.dialect.no_expression().to_owned()),
        }
    }

    /// Computes a tree.
    pub(crate) fn node(&mut self, node: &Node) -> Result<Val, Fault> {
        self.deeper(|scope| {
            Ok(match node {
                Node::Word(word) => Val::Text(scope.expand(word)?),
                Node::Call(name, args) => Val::Text(func::read(scope, name, args)?),
                Node::Not(a) => value::not(&scope.node(a)?),
                Node::Negative(a) => value::negative(&scope.node(a)?),
                Node::If(condition, yes, no) => {
                    if scope.node(condition)?.is_null() {
                        scope.node(no)?
                    } else {
                        scope.node(yes)?
                    }
                }
                Node::Binary(op, a, b) => {
                    let (a, b) = (scope.node(a)?, scope.node(b)?);
                    let (host, dialect) = (&mut *scope.host, scope.rules.dialect);
                    value::apply(*op, a, b, dialect, &mut |text| host.note(text))
                }
            })
        })
    }
}

/// `:offset[:length]` of a value (S8). Characters are counted, so that no character is ever cut in two.
pub(crate) fn sliced(text: String, slice: &str, dialect: Dialect) -> String {
    let Some((offset, rest)) = leading_number(slice) else { return text };
    let length = rest.strip_prefix(':').and_then(leading_number).map(|(n, _)| n);
    let total = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let from = if offset < 0 { (total + offset).max(0) } else { offset };
    let to = match length {
        None => total,
        Some(n) if n < 0 && !dialect.cuts_from_end() => total,
        Some(n) if n < 0 => total + n,
        Some(n) => from.saturating_add(n).min(total),
    };
    if from >= to {
        return String::new();
    }
    let (from, count) = (usize::try_from(from).unwrap_or(0), usize::try_from(to - from).unwrap_or(0));
    if text.is_ascii() {
        return text.get(from..from + count).unwrap_or_default().to_owned();
    }
    text.chars().skip(from).take(count).collect()
}

/// The whole number a text begins with, after white space, as `sscanf("%d")` reads it.
pub(crate) fn leading_number(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    let end = text.len() - digits.len() + count;
    let number = text.get(..end)?;
    let number =
        number.parse().unwrap_or(if number.starts_with('-') { i64::from(i32::MIN) } else { i64::from(i32::MAX) });
    Some((number, text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_those_of_22() {
        for (slice, expected) in [
            ("-3", "789"),
            ("-5:-2", "567"),
            ("-20", "123456789"),
            ("2:0", ""),
            ("x", "123456789"),
            ("1:", "23456789"),
            (":3", "123456789"),
            ("2:3", "345"),
            ("20", ""),
            ("7:-5", ""),
            ("0:-20", ""),
            ("999999999999999999999", ""),
        ] {
            assert_eq!(sliced("123456789".into(), slice, Dialect::V22), expected, "{slice}");
        }
        assert_eq!(sliced("für dich".into(), "1:2", Dialect::Safe), "ür");
    }
}
