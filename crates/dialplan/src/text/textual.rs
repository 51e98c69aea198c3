//! Values as Asterisk itself puts them in: text into text, over and over. Only for programs that are loaded with the
//! compat flags `late-arguments` or `textual-expressions`; data can become code here, and that is the point.

use crate::eval::{Fault, Scope, sliced};
use crate::expr::{Expr, parse_text};
use crate::func;
use crate::limits;
use crate::text::Template;

/// Where the bracket that was opened before `from` ends: the place of its closing byte, or the end of the text.
fn closing(text: &str, from: usize, open: u8, close: u8) -> (usize, usize) {
    let bytes = text.as_bytes();
    let mut nested = 1usize;
    for (i, byte) in bytes.iter().enumerate().skip(from) {
        if *byte == open {
            nested += 1;
        } else if *byte == close {
            nested -= 1;
            if nested == 0 {
                return (i, i + 1);
            }
        }
    }
    (bytes.len(), bytes.len())
}

/// The text with its values put in.
pub(crate) fn expand(scope: &mut Scope<'_>, text: &str) -> Result<String, Fault> {
    if scope.depth >= limits::EVALUATION {
        return Err(Fault::TooDeep);
    }
    scope.depth += 1;
    let result = inner(scope, text);
    scope.depth -= 1;
    result
}

fn inner(scope: &mut Scope<'_>, text: &str) -> Result<String, Fault> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let (open, close) = match after.as_bytes().get(1) {
            Some(b'{') => (b'{', b'}'),
            Some(b'[') => (b'[', b']'),
            // In legacy dialects nothing behind it is looked at any more.
            _ if scope.rules.dialect.stops_at_dollar() => {
                rest = after;
                break;
            }
            _ => {
                out.push('$');
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
        };
        let (end, next) = closing(after, 2, open, close);
        let inside = after.get(2..end).unwrap_or_default();
        if open == b'{' {
            let inside = expand(scope, inside)?;
            out.push_str(&value(scope, &inside)?);
        } else if scope.compat().textual_expressions {
            out.push_str(&expression(scope, inside)?);
        } else {
            let dialect = scope.rules.dialect;
            let expr = Expr::parse_in(inside, &Template::parse_in(inside, dialect).0, dialect);
            out.push_str(&scope.expression(&expr)?);
        }
        if out.len() > limits::VALUE_BYTES {
            return Err(Fault::TooLong);
        }
        rest = after.get(next..).unwrap_or_default();
    }
    out.push_str(rest);
    if out.len() > limits::VALUE_BYTES { Err(Fault::TooLong) } else { Ok(out) }
}

/// `name`, `name:slice`, `FUNCTION(args):slice`, all of it text by now.
fn value(scope: &mut Scope<'_>, inside: &str) -> Result<String, Fault> {
    let whole = Template::literal(inside);
    let (body, slice) = match whole.find_outside_parens(b':') {
        Some((body, slice)) => (body.to_string(), Some(slice.to_string())),
        None => (inside.to_owned(), None),
    };
    let text = match body.split_once('(') {
        None => scope.variable(&body).unwrap_or_default(),
        Some((name, args)) => {
            let args = args.rsplit_once(')').map_or(args, |(inside, _)| inside);
            func::read(scope, name, &Template::literal(args))?
        }
    };
    Ok(match slice {
        Some(slice) => sliced(text, &slice, scope.rules.dialect),
        None => text,
    })
}

/// `$[…]`: values put in as text, then computed. A syntax error leaves what was complete before it.
pub(crate) fn expression(scope: &mut Scope<'_>, source: &str) -> Result<String, Fault> {
    let text = expand(scope, source)?;
    match parse_text(&text, scope.rules.dialect) {
        Some(tree) => Ok(scope.node(&tree)?.text()),
        None => {
            scope.host.note("an expression does not parse");
            Ok(scope.rules.dialect.no_expression().to_owned())
        }
    }
}
