//! Text to [`Template`]: finds `${…}` and `$[…]`, counting the brackets as Asterisk does (S8 of the semantics).

use super::{Name, Piece, Template, Value};
use crate::dialect::Dialect;
use crate::expr::Expr;
use crate::limits;

/// What is odd about a text; the loader makes findings of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// `${` or `$[` without its end.
    Unclosed(&'static str),
    /// `${${X}(…)}`: the function would be chosen by data.
    FunctionFromData,
    /// `${F(…` without the closing bracket.
    UnclosedFunction(String),
    /// Nested deeper than [`limits::NESTING`].
    TooDeep,
    /// An expression that does not parse: its text and the reason.
    Expression(String, String),
}

impl Template {
    /// Parses a text; whatever is odd stays as text and is told.
    pub fn parse(text: &str) -> (Template, Vec<Problem>) {
        Template::parse_in(text, Dialect::V22)
    }

    /// The same by the rules of a dialect: in legacy ones a lone `$` makes the rest of its text plain.
    pub fn parse_in(text: &str, dialect: Dialect) -> (Template, Vec<Problem>) {
        if !text.contains('$') {
            return (Template::literal(text), Vec::new());
        }
        let mut parser = Parser { text, at: 0, dialect, problems: Vec::new() };
        let (pieces, _) = parser.sequence(None, 0);
        (Template { pieces }, parser.problems)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
    problems: Vec<Problem>,
}

impl Parser<'_> {
    /// Pieces up to the end of the bracket we are in, which is consumed; tells whether that end was there.
    fn sequence(&mut self, close: Option<(u8, u8)>, depth: usize) -> (Vec<Piece>, bool) {
        let bytes = self.text.as_bytes();
        let mut pieces = Vec::new();
        let mut start = self.at;
        let mut nested = 0usize;
        let mut plain = false;
        while let Some(&byte) = bytes.get(self.at) {
            let brackets = match (byte, bytes.get(self.at + 1)) {
                (b'$', _) if plain => None,
                (b'$', Some(b'{')) => Some((b'{', b'}')),
                (b'$', Some(b'[')) => Some((b'[', b']')),
                (b'$', _) => {
                    plain = self.dialect.stops_at_dollar();
                    None
                }
                _ => None,
            };
            if let Some(brackets) = brackets {
                if depth >= limits::NESTING {
                    self.problems.push(Problem::TooDeep);
                    self.at = bytes.len();
                    break;
                }
                self.flush(&mut pieces, start);
                self.at += 2;
                let from = self.at;
                let (inner, closed) = self.sequence(Some(brackets), depth + 1);
                let to = if closed { self.at - 1 } else { self.at };
                let source = self.text.get(from..to).unwrap_or_default();
                pieces.push(match brackets.0 {
                    b'{' => Piece::Value(Box::new(self.value(Template { pieces: inner }))),
                    _ => Piece::Expr(Box::new(self.expression(source, Template { pieces: inner }))),
                });
                start = self.at;
                continue;
            }
            if let Some((open, end)) = close {
                if byte == open {
                    nested += 1;
                } else if byte == end {
                    if nested == 0 {
                        self.flush(&mut pieces, start);
                        self.at += 1;
                        return (pieces, true);
                    }
                    nested -= 1;
                }
            }
            self.at += 1;
        }
        self.flush(&mut pieces, start);
        if let Some((open, _)) = close {
            self.problems.push(Problem::Unclosed(if open == b'{' { "${" } else { "$[" }));
        }
        (pieces, false)
    }

    fn flush(&self, pieces: &mut Vec<Piece>, start: usize) {
        if let Some(text) = self.text.get(start..self.at)
            && !text.is_empty()
        {
            pieces.push(Piece::Text(text.into()));
        }
    }

    fn value(&mut self, inner: Template) -> Value {
        let (body, slice) = match inner.find_outside_parens(b':') {
            Some((body, slice)) => (body, Some(slice)),
            None => (inner, None),
        };
        let name = match body.split_once(b'(') {
            None => Name::Variable(body),
            Some((name, rest)) => match name.as_literal() {
                None => {
                    self.problems.push(Problem::FunctionFromData);
                    Name::Variable(body)
                }
                Some(name) => {
                    let args = match rest.rsplit_once(b')') {
                        Some((args, _)) => args,
                        None => {
                            self.problems.push(Problem::UnclosedFunction(name.to_owned()));
                            rest
                        }
                    };
                    Name::Function { name: name.into(), args }
                }
            },
        };
        Value { name, slice }
    }

    fn expression(&mut self, source: &str, inner: Template) -> Expr {
        let expr = Expr::parse_in(source, &inner, self.dialect);
        if let Some(reason) = expr.error() {
            self.problems.push(Problem::Expression(source.to_owned(), reason.to_owned()));
        }
        expr
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, problems: usize) -> Template {
        let (template, found) = Template::parse(text);
        assert_eq!(found.len(), problems, "{text}: {found:?}");
        assert_eq!(template.to_string(), text);
        template
    }

    #[test]
    fn finds_values_and_prints_them_back() {
        check("cost $5 ${A:0:1} ${${N}} $[1 + ${N}] ${LEN(a)b)}", 0);
        check("${CUT(A,-,${N}):1} ${A:${B}:2}", 0);
        check("a{b}c$", 0);
        assert_eq!(check("plain", 0).as_literal(), Some("plain"));
    }

    #[test]
    fn tells_what_is_odd() {
        assert_eq!(Template::parse("${A").1, vec![Problem::Unclosed("${")]);
        assert_eq!(Template::parse("${${F}(x)}").1, vec![Problem::FunctionFromData]);
        assert_eq!(Template::parse("${LEN(x}").1, vec![Problem::UnclosedFunction("LEN".into())]);
        assert!(Template::parse(&"${".repeat(5_000)).1.contains(&Problem::TooDeep));
    }
}
