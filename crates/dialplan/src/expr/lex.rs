//! Words and operators of an expression. A value inside a word stays one atom whatever it holds.

use crate::dialect::Dialect;
use crate::text::{Piece, Template};

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word, a number or a quoted text with its quotes.
    Word(Template),
    /// `NAME(…)` written in the expression.
    Call(Box<str>, Template),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// Longest first, so that `::` is not two `:`.
const SIGNS: &[&str] = &[
    "::", "==", "!=", ">=", "<=", "=~", "~~", "||", "&&", "|", "&", "=", ">", "<", "+", "-", "*", "/", "%", "!", "?",
    ":", "(", ")",
];

/// What 1.2 knows.
const OLD_SIGNS: &[&str] =
    &["::", "!=", ">=", "<=", "|", "&", "=", ">", "<", "+", "-", "*", "/", "%", "?", ":", "(", ")"];

/// What 1.0 knows; each stands between spaces.
const OLDEST_SIGNS: &[&str] = &["!=", ">=", "<=", "|", "&", "=", ">", "<", "+", "-", "*", "/", "%", ":", "(", ")"];

/// All tokens, or what is wrong.
pub(super) fn tokens(template: &Template, dialect: Dialect) -> Result<Vec<Token>, String> {
    let signs = match dialect {
        Dialect::V1_0 => return Ok(between_spaces(template)),
        Dialect::V1_2 => OLD_SIGNS,
        Dialect::V1_4 | Dialect::V22 | Dialect::Safe => SIGNS,
    };
    let mut out = Vec::new();
    let mut word: Vec<Piece> = Vec::new();
    let mut text = String::new();
    let mut quoted = false;
    // Open brackets of a function's arguments, once its name was read.
    let mut call: Option<(Box<str>, usize)> = None;
    for piece in template.pieces() {
        let Piece::Text(source) = piece else {
            keep(&mut word, &mut text);
            word.push(piece.clone());
            continue;
        };
        let mut rest: &str = source;
        while let Some(c) = rest.chars().next() {
            let after = rest.get(c.len_utf8()..).unwrap_or_default();
            if let Some((name, depth)) = &mut call {
                match c {
                    '(' => *depth += 1,
                    ')' if *depth == 0 => {
                        keep(&mut word, &mut text);
                        let args = Template::from_pieces(std::mem::take(&mut word));
                        out.push(Token::Call(name.clone(), args));
                        call = None;
                        rest = after;
                        continue;
                    }
                    ')' => *depth -= 1,
                    _ => {}
                }
                text.push(c);
                rest = after;
                continue;
            }
            if quoted {
                text.push(c);
                quoted = c != '"';
                if !quoted {
                    finish(&mut out, &mut word, &mut text);
                }
                rest = after;
                continue;
            }
            if c == '"' {
                finish(&mut out, &mut word, &mut text);
                text.push(c);
                quoted = true;
                rest = after;
                continue;
            }
            if c.is_whitespace() {
                finish(&mut out, &mut word, &mut text);
                rest = after;
                continue;
            }
            if let Some(sign) = signs.iter().find(|s| rest.starts_with(**s)) {
                if *sign == "(" && word.is_empty() && is_name(&text) && !dialect.is_old() {
                    call = Some((std::mem::take(&mut text).into(), 0));
                    rest = after;
                    continue;
                }
                finish(&mut out, &mut word, &mut text);
                out.push(Token::Sign(sign));
                rest = rest.get(sign.len()..).unwrap_or_default();
                continue;
            }
            if c == '~' && !dialect.is_legacy() {
                return Err("a single ~ is no operator".into());
            }
            text.push(c);
            rest = after;
        }
    }
    if quoted {
        return Err("a quote is not closed".into());
    }
    if let Some((name, _)) = call {
        return Err(format!("the bracket after {name} is not closed"));
    }
    finish(&mut out, &mut word, &mut text);
    Ok(out)
}

/// 1.0: words are what stands between spaces, and an operator is a word of its own.
fn between_spaces(template: &Template) -> Vec<Token> {
    let mut out = Vec::new();
    let mut word: Vec<Piece> = Vec::new();
    let mut text = String::new();
    let mut quoted = false;
    let mut end = |word: &mut Vec<Piece>, text: &mut String| match OLDEST_SIGNS
        .iter()
        .find(|s| word.is_empty() && **s == text.as_str())
    {
        Some(sign) => {
            out.push(Token::Sign(sign));
            text.clear();
        }
        None => finish(&mut out, word, text),
    };
    for piece in template.pieces() {
        let Piece::Text(source) = piece else {
            keep(&mut word, &mut text);
            word.push(piece.clone());
            continue;
        };
        for c in source.chars() {
            if c.is_whitespace() && !quoted {
                end(&mut word, &mut text);
            } else {
                quoted ^= c == '"';
                text.push(c);
            }
        }
    }
    end(&mut word, &mut text);
    out
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn keep(word: &mut Vec<Piece>, text: &mut String) {
    if !text.is_empty() {
        word.push(Piece::Text(std::mem::take(text).into()));
    }
}

fn finish(out: &mut Vec<Token>, word: &mut Vec<Piece>, text: &mut String) {
    keep(word, text);
    if !word.is_empty() {
        out.push(Token::Word(Template::from_pieces(std::mem::take(word))));
    }
}
