//! Expressions `$[…]` (S10 of the semantics): parsed once, values are atoms that cannot become operators.
//! `lex` and `parse` make the tree, `value` computes, `regex` serves `:` and `=~`.

mod lex;
mod parse;
pub(crate) mod regex;
pub(crate) mod value;

use crate::dialect::Dialect;
use crate::text::Template;

pub(crate) use parse::parse_text;
pub use parse::{Node, Op};
pub use value::truth;

/// What stands in `$[…]`.
#[derive(Debug, Clone)]
pub struct Expr {
    source: Box<str>,
    tree: Option<Node>,
    error: Option<Box<str>>,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expr {}

impl Expr {
    /// Parses what stands between the brackets. `template` is the same text with its values found.
    pub(crate) fn parse_in(source: &str, template: &Template, dialect: Dialect) -> Expr {
        let (tree, error) = parse::parse(template, dialect);
        Expr { source: source.into(), tree, error: error.map(Into::into) }
    }

    /// The text between the brackets.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The tree, if the text is an expression; in old dialects also if it only begins as one.
    pub fn tree(&self) -> Option<&Node> {
        self.tree.as_ref()
    }

    /// Why it is none.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Calls `f` for each word of the tree.
    pub fn each_template(&self, f: &mut dyn FnMut(&Template)) {
        if let Some(tree) = &self.tree {
            tree.each_word(f);
        }
    }
}
