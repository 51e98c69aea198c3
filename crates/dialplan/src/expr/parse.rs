//! Tokens to a tree, by binding strength (S10): `? ::`, `|`, `&`, comparisons, `+ -`, `* / %`, unary `- !`, `: =~ ~~`.

use super::lex::{Token, tokens};
use crate::dialect::Dialect;
use crate::limits;
use crate::text::Template;

/// An operator with two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `|`: the left side if it is not null, else the right.
    Or,
    /// `&`: the left side if both are not null, else 0.
    And,
    /// `=`.
    Eq,
    /// `!=`.
    Ne,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`.
    Mul,
    /// `/`.
    Div,
    /// `%`.
    Rem,
    /// `:`, a regular expression that must match at the beginning.
    Match,
    /// `=~`, a regular expression that may match anywhere.
    Search,
    /// `~~`, both texts together.
    Concat,
}

/// The tree of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A word or a quoted text with its quotes.
    Word(Template),
    /// A function written in the expression.
    Call(Box<str>, Template),
    /// `a op b`.
    Binary(Op, Box<Node>, Box<Node>),
    /// `! a`.
    Not(Box<Node>),
    /// `- a`.
    Negative(Box<Node>),
    /// `a ? b :: c`.
    If(Box<Node>, Box<Node>, Box<Node>),
}

impl Node {
    /// Calls `f` for each word and each function's arguments.
    pub(super) fn each_word(&self, f: &mut dyn FnMut(&Template)) {
        match self {
            Node::Word(word) | Node::Call(_, word) => f(word),
            Node::Not(a) | Node::Negative(a) => a.each_word(f),
            Node::Binary(_, a, b) => {
                a.each_word(f);
                b.each_word(f);
            }
            Node::If(a, b, c) => {
                a.each_word(f);
                b.each_word(f);
                c.each_word(f);
            }
        }
    }
}

/// The tree of a text whose values were found, and what is wrong with it. Old dialects keep a complete expression before
/// a syntax error (S10); today's give nothing then.
pub(super) fn parse(template: &Template, dialect: Dialect) -> (Option<Node>, Option<String>) {
    let tokens = match tokens(template, dialect) {
        Ok(tokens) if tokens.len() <= limits::TOKENS => tokens,
        Ok(_) => return (None, Some("it has too many words".into())),
        Err(error) => return (None, Some(error)),
    };
    let mut parser = Parser { tokens: &tokens, at: 0, ternary: dialect != Dialect::V1_0 };
    match (parser.expression(0, 0), parser.peek()) {
        (Ok(tree), None) => (Some(tree), None),
        (Ok(tree), Some(token)) => {
            (Some(tree).filter(|_| dialect.is_old()), Some(format!("unexpected {}", show(token))))
        }
        (Err(error), _) => (None, Some(error)),
    }
}

/// The tree of plain text as Asterisk reads it: a complete expression before a syntax error is kept.
pub(crate) fn parse_text(text: &str, dialect: Dialect) -> Option<Node> {
    let tokens = tokens(&Template::literal(text), dialect).ok().filter(|t| t.len() <= limits::TOKENS)?;
    Parser { tokens: &tokens, at: 0, ternary: dialect != Dialect::V1_0 }.expression(0, 0).ok()
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// `? ::`
    ternary: bool,
}

fn show(token: &Token) -> String {
    match token {
        Token::Word(word) => word.to_string(),
        Token::Call(name, _) => format!("{name}(…)"),
        Token::Sign(sign) => (*sign).to_owned(),
    }
}

fn binary(sign: &str) -> Option<(Op, u8)> {
    Some(match sign {
        "|" | "||" => (Op::Or, 1),
        "&" | "&&" => (Op::And, 2),
        "=" | "==" => (Op::Eq, 3),
        "!=" => (Op::Ne, 3),
        ">" => (Op::Gt, 3),
        ">=" => (Op::Ge, 3),
        "<" => (Op::Lt, 3),
        "<=" => (Op::Le, 3),
        "+" => (Op::Add, 4),
        "-" => (Op::Sub, 4),
        "*" => (Op::Mul, 5),
        "/" => (Op::Div, 5),
        "%" => (Op::Rem, 5),
        ":" => (Op::Match, 7),
        "=~" => (Op::Search, 7),
        "~~" => (Op::Concat, 7),
        _ => return None,
    })
}

/// Unary operators bind between `* / %` and `: =~ ~~`.
const UNARY: u8 = 6;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&mut self, wanted: &str) -> bool {
        let hit = matches!(self.peek(), Some(Token::Sign(s)) if *s == wanted);
        self.at += usize::from(hit);
        hit
    }

    /// An expression whose operators bind at least as strongly as `least`.
    fn expression(&mut self, least: u8, depth: usize) -> Result<Node, String> {
        if depth > limits::NESTING {
            return Err("nested too deeply".into());
        }
        let mut left = self.operand(depth)?;
        while let Some(Token::Sign(sign)) = self.peek() {
            if *sign == "?" && least == 0 && self.ternary {
                self.at += 1;
                let yes = self.expression(0, depth + 1)?;
                if !self.sign("::") {
                    return Err("? needs ::".into());
                }
                let no = self.expression(0, depth + 1)?;
                left = Node::If(Box::new(left), Box::new(yes), Box::new(no));
                continue;
            }
            let Some((op, strength)) = binary(sign) else { break };
            if strength < least.max(1) {
                break;
            }
            self.at += 1;
            let right = self.expression(strength + 1, depth + 1)?;
            left = Node::Binary(op, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operand(&mut self, depth: usize) -> Result<Node, String> {
        let token = self.peek().cloned();
        self.at += 1;
        match token {
            Some(Token::Word(word)) => Ok(Node::Word(word)),
            Some(Token::Call(name, args)) => Ok(Node::Call(name, args)),
            Some(Token::Sign("(")) => {
                let inner = self.expression(0, depth + 1)?;
                if self.sign(")") { Ok(inner) } else { Err("a bracket is not closed".into()) }
            }
            Some(Token::Sign("!")) => Ok(Node::Not(Box::new(self.expression(UNARY, depth + 1)?))),
            Some(Token::Sign("-")) => Ok(Node::Negative(Box::new(self.expression(UNARY, depth + 1)?))),
            Some(Token::Sign(sign)) => Err(format!("a value is missing before {sign}")),
            None => Err("a value is missing at the end".into()),
        }
    }
}
