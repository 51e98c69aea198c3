//! What a template may become. The extension is known as far as its pattern tells, variables as far as the plan itself
//! sets them ([`crate::vars`]); everything else is any text.

use dialplan::expr::{Expr, Node, Op};
use dialplan::text::{Name, Piece, Template, Value as Braces};

use crate::bytes::Bytes;
use crate::limits;
use crate::value::{Value, Values};
use crate::vars::Vars;

/// Where a template is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Eval<'a> {
    pub(crate) vars: &'a Vars,
    /// `${EXTEN}`.
    pub(crate) exten: &'a Value,
    /// `${CONTEXT}`, where it is known.
    pub(crate) context: Option<&'a str>,
    /// Values are put into expressions and functions as text (S10): nothing is known of either.
    pub(crate) textual: bool,
    /// A file of 1.0 or 1.2 is among those of the plan: a negative length means no limit there (S8).
    pub(crate) legacy: bool,
}

impl Eval<'_> {
    pub(crate) fn template(&self, template: &Template) -> Values {
        self.nested(template, 0)
    }

    fn nested(&self, template: &Template, depth: usize) -> Values {
        if depth > limits::NESTING {
            return Values::anything();
        }
        let mut all = Values::of(Value::default());
        for piece in template.pieces() {
            let next = match piece {
                Piece::Text(text) => Values::of(Value::literal(text)),
                Piece::Value(value) => self.braces(value, depth + 1),
                Piece::Expr(expr) => self.expression(expr),
            };
            all = all.then(&next);
        }
        all
    }

    fn braces(&self, braces: &Braces, depth: usize) -> Values {
        let whole = match &braces.name {
            Name::Variable(name) => match name.as_literal() {
                Some(name) => self.variable(name),
                None => Values::anything(),
            },
            Name::Function { name, args } => self.function(name, args),
        };
        let Some(slice) = &braces.slice else { return whole };
        let numbers: Option<Vec<i64>> = self
            .nested(slice, depth)
            .text()
            .and_then(|text| text.split(':').map(|part| part.trim().parse().ok()).collect());
        match numbers.as_deref() {
            Some([offset]) => whole.map(|value| value.slice(*offset, None)),
            Some([offset, length]) if *length < 0 && self.legacy => {
                let mut both = whole.map(|value| value.slice(*offset, Some(*length)));
                both.add(&whole.map(|value| value.slice(*offset, None)));
                both
            }
            Some([offset, length]) => whole.map(|value| value.slice(*offset, Some(*length))),
            _ => {
                let mut loose = whole;
                loose.add(&Values::of(Value::default()));
                loose.widen();
                loose
            }
        }
    }

    fn variable(&self, name: &str) -> Values {
        match name.trim() {
            "EXTEN" => Values::of(self.exten.clone()),
            "CONTEXT" => self.context.map_or_else(Values::anything, |name| Values::of(Value::literal(name))),
            "PRIORITY" | "EPOCH" | "HANGUPCAUSE" => digits(),
            name => self.vars.get(name),
        }
    }

    fn function(&self, name: &str, args: &Template) -> Values {
        if self.textual {
            return Values::anything();
        }
        match name {
            "LEN" | "RAND" | "FIELDQTY" | "ISNULL" | "EXISTS" => digits(),
            "FILTER" if args.literal_prefix().contains('|') => Values::anything(),
            "FILTER" => match args.literal_prefix().split_once(',') {
                Some((allowed, _)) => Values::of(Value::run(allowed_bytes(allowed))),
                None => Values::anything(),
            },
            _ => Values::anything(),
        }
    }

    fn expression(&self, expr: &Expr) -> Values {
        let arithmetic = |op: Op| !matches!(op, Op::Or | Op::And | Op::Match | Op::Search | Op::Concat);
        match expr.tree() {
            Some(Node::Binary(op, ..)) if !self.textual && arithmetic(*op) => {
                // Numbers as they are printed, infinity and not-a-number too.
                Values::of(Value::run(Bytes::of(b"0123456789.+-eEinfaINFA")))
            }
            Some(Node::Not(_)) if !self.textual => digits(),
            _ => Values::anything(),
        }
    }
}

impl Values {
    /// The text, if there is only one.
    pub(crate) fn text(&self) -> Option<String> {
        let mut all = self.iter();
        match (all.next(), all.next()) {
            (Some(only), None) => only.text(),
            _ => None,
        }
    }
}

fn digits() -> Values {
    Values::of(Value::run(Bytes::of(b"0123456789")))
}

/// The characters that FILTER lets through: `0-9`, `a-fX`, `\x2d`.
pub(crate) fn allowed_bytes(allowed: &str) -> Bytes {
    if allowed.contains('\\') {
        return Bytes::ALL;
    }
    let bytes: Vec<u8> = allowed.bytes().collect();
    let mut set = Bytes::of(&bytes);
    for window in bytes.windows(3) {
        if let [from, b'-', to] = window {
            set = (*from..=*to).fold(set, Bytes::with);
        }
    }
    set
}
