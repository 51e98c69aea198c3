//! Text with values in it: `Hello ${NAME:0:3}, $[1 + ${N}]`.
//!
//! A [`Template`] is parsed once, when the program loads, so that data can never become syntax; `eval` turns it into a
//! value. `textual` is the other way, Asterisk's own, which a program gets only by a named compat flag.

mod parse;
mod split;
pub mod textual;

use crate::expr::Expr;
use std::fmt;

pub use parse::Problem;
pub use split::Split;

/// Text and values in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// One piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it stands.
    Text(Box<str>),
    /// `${…}`.
    Value(Box<Value>),
    /// `$[…]`.
    Expr(Box<Expr>),
}

/// What stands in `${…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// A variable or a function.
    pub name: Name,
    /// What follows the colon: `offset` or `offset:length`.
    pub slice: Option<Template>,
}

/// Variable or function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A variable; its name may itself contain values (`${${WHICH}}`), which never make it a function.
    Variable(Template),
    /// A function with everything between its brackets.
    Function {
        /// The name, always written out in the plan.
        name: Box<str>,
        /// The text between the brackets.
        args: Template,
    },
}

impl Template {
    /// Text without values, taken as it stands.
    pub fn literal(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        if text.is_empty() { Template::default() } else { Template { pieces: vec![Piece::Text(text)] } }
    }

    pub(crate) fn from_pieces(pieces: Vec<Piece>) -> Self {
        Template { pieces }
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The text, if there is no value in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The text before the first value.
    pub fn literal_prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// Calls `f` for each `${…}` in it, also those inside others and inside expressions.
    pub fn each_value(&self, f: &mut dyn FnMut(&Value)) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(_) => {}
                Piece::Value(value) => {
                    f(value);
                    match &value.name {
                        Name::Variable(name) => name.each_value(f),
                        Name::Function { args, .. } => args.each_value(f),
                    }
                    if let Some(slice) = &value.slice {
                        slice.each_value(f);
                    }
                }
                Piece::Expr(expr) => expr.each_template(&mut |t| t.each_value(f)),
            }
        }
    }

    /// Calls `f` for each `$[…]` in it, also those inside values.
    pub fn each_expr(&self, f: &mut dyn FnMut(&Expr)) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(_) => {}
                Piece::Value(value) => {
                    match &value.name {
                        Name::Variable(name) => name.each_expr(f),
                        Name::Function { args, .. } => args.each_expr(f),
                    }
                    if let Some(slice) = &value.slice {
                        slice.each_expr(f);
                    }
                }
                Piece::Expr(expr) => {
                    f(expr);
                    expr.each_template(&mut |t| t.each_expr(f));
                }
            }
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Value(value) => {
                    match &value.name {
                        Name::Variable(name) => write!(f, "${{{name}")?,
                        Name::Function { name, args } => write!(f, "${{{name}({args})")?,
                    }
                    if let Some(slice) = &value.slice {
                        write!(f, ":{slice}")?;
                    }
                    f.write_str("}")?;
                }
                Piece::Expr(expr) => write!(f, "$[{}]", expr.source())?,
            }
        }
        Ok(())
    }
}
