//! POSIX extended regular expressions for `:`, `=~` and `REGEX`, in time bounded by text x pattern.
//!
//! The pattern becomes a small program; a backtracking walk visits each (instruction, position) once, so hostile data
//! costs no more than [`limits::REGEX_STEPS`]. Of all matches at the leftmost place the longest counts.

use crate::limits;
use std::collections::HashSet;

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub(crate) struct Regex {
    code: Vec<Step>,
    groups: usize,
}

/// Where it matched, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The first group, if it took part.
    pub(crate) group: Option<(usize, usize)>,
}

type Set = Box<[bool; 256]>;

#[derive(Debug, Clone)]
enum Step {
    Byte(Set),
    Start,
    End,
    /// Try the first, then the second.
    Fork(usize, usize),
    Jump(usize),
    Save(bool),
    Done,
}

enum Ast {
    Empty,
    Byte(Set),
    Start,
    End,
    Sequence(Vec<Ast>),
    Either(Vec<Ast>),
    Repeat(Box<Ast>, u32, Option<u32>),
    /// The number of the group, from 1.
    Group(usize, Box<Ast>),
}

impl Regex {
    pub(crate) fn new(pattern: &str) -> Result<Regex, &'static str> {
        if pattern.len() > limits::REGEX_BYTES {
            return Err("it is too long");
        }
        let mut parser = Parser { bytes: pattern.as_bytes(), at: 0, groups: 0 };
        let ast = parser.either(0)?;
        if parser.at < parser.bytes.len() {
            return Err("a ) has no (");
        }
        let mut regex = Regex { code: Vec::new(), groups: parser.groups };
        regex.emit(&ast)?;
        regex.code.push(Step::Done);
        Ok(regex)
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    fn push(&mut self, step: Step) -> Result<usize, &'static str> {
        if self.code.len() >= limits::REGEX_BYTES * 8 {
            return Err("it is too large");
        }
        self.code.push(step);
        Ok(self.code.len() - 1)
    }

    fn patch(&mut self, at: usize, step: Step) {
        if let Some(slot) = self.code.get_mut(at) {
            *slot = step;
        }
    }

    fn emit(&mut self, ast: &Ast) -> Result<(), &'static str> {
        match ast {
            Ast::Empty => {}
            Ast::Byte(set) => {
                self.push(Step::Byte(set.clone()))?;
            }
            Ast::Start => {
                self.push(Step::Start)?;
            }
            Ast::End => {
                self.push(Step::End)?;
            }
            Ast::Sequence(parts) => {
                for part in parts {
                    self.emit(part)?;
                }
            }
            Ast::Either(parts) => {
                let mut ends = Vec::new();
                for (i, part) in parts.iter().enumerate() {
                    if i + 1 == parts.len() {
                        self.emit(part)?;
                    } else {
                        let fork = self.push(Step::Jump(0))?;
                        self.emit(part)?;
                        ends.push(self.push(Step::Jump(0))?);
                        let next = self.code.len();
                        self.patch(fork, Step::Fork(fork + 1, next));
                    }
                }
                let end = self.code.len();
                for at in ends {
                    self.patch(at, Step::Jump(end));
                }
            }
            Ast::Group(number, inner) => {
                if *number == 1 {
                    self.push(Step::Save(false))?;
                }
                self.emit(inner)?;
                if *number == 1 {
                    self.push(Step::Save(true))?;
                }
            }
            Ast::Repeat(inner, least, most) => {
                for _ in 0..*least {
                    self.emit(inner)?;
                }
                match most {
                    None => {
                        let fork = self.push(Step::Jump(0))?;
                        self.emit(inner)?;
                        self.push(Step::Jump(fork))?;
                        let end = self.code.len();
                        self.patch(fork, Step::Fork(fork + 1, end));
                    }
                    Some(most) => {
                        let mut forks = Vec::new();
                        for _ in *least..*most {
                            forks.push(self.push(Step::Jump(0))?);
                            self.emit(inner)?;
                        }
                        let end = self.code.len();
                        for fork in forks {
                            self.patch(fork, Step::Fork(fork + 1, end));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The leftmost match, of those the longest.
    pub(crate) fn find(&self, text: &str) -> Option<Match> {
        let bytes = text.as_bytes();
        let mut budget = limits::REGEX_STEPS;
        for start in (0..=bytes.len()).filter(|i| text.is_char_boundary(*i)) {
            if let Some(found) = self.at(bytes, start, &mut budget) {
                return Some(found);
            }
        }
        None
    }

    fn at(&self, bytes: &[u8], start: usize, budget: &mut usize) -> Option<Match> {
        let mut seen = HashSet::new();
        let mut stack = vec![(0usize, start, None, None)];
        let mut best: Option<Match> = None;
        while let Some((pc, at, from, group)) = stack.pop() {
            if !seen.insert((pc, at)) {
                continue;
            }
            *budget = budget.checked_sub(1)?;
            match self.code.get(pc)? {
                Step::Byte(set) => {
                    if let Some(byte) = bytes.get(at)
                        && set.get(usize::from(*byte)) == Some(&true)
                    {
                        stack.push((pc + 1, at + 1, from, group));
                    }
                }
                Step::Start => {
                    if at == 0 {
                        stack.push((pc + 1, at, from, group));
                    }
                }
                Step::End => {
                    if at == bytes.len() {
                        stack.push((pc + 1, at, from, group));
                    }
                }
                Step::Fork(first, second) => {
                    stack.push((*second, at, from, group));
                    stack.push((*first, at, from, group));
                }
                Step::Jump(to) => stack.push((*to, at, from, group)),
                Step::Save(false) => stack.push((pc + 1, at, Some(at), group)),
                Step::Save(true) => stack.push((pc + 1, at, from, from.map(|f| (f, at)))),
                Step::Done => {
                    if best.is_none_or(|b| at > b.end) {
                        best = Some(Match { start, end: at, group });
                    }
                }
            }
        }
        best
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    groups: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn either(&mut self, depth: usize) -> Result<Ast, &'static str> {
        if depth > limits::NESTING {
            return Err("it is nested too deeply");
        }
        let mut parts = vec![self.sequence(depth)?];
        while self.peek() == Some(b'|') {
            self.at += 1;
            parts.push(self.sequence(depth)?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Ast::Either(parts) })
    }

    fn sequence(&mut self, depth: usize) -> Result<Ast, &'static str> {
        let mut parts = Vec::new();
        while let Some(byte) = self.peek() {
            if byte == b'|' || byte == b')' {
                break;
            }
            let mut atom = self.atom(depth)?;
            while let Some((least, most)) = self.repeat()? {
                atom = Ast::Repeat(Box::new(atom), least, most);
            }
            parts.push(atom);
        }
        Ok(if parts.is_empty() { Ast::Empty } else { Ast::Sequence(parts) })
    }

    fn repeat(&mut self) -> Result<Option<(u32, Option<u32>)>, &'static str> {
        let range = match self.peek() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') if self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) => {
                self.at += 1;
                let least = self.number();
                let most = if self.peek() == Some(b',') {
                    self.at += 1;
                    if self.peek() == Some(b'}') { None } else { Some(self.number()) }
                } else {
                    Some(least)
                };
                if self.peek() != Some(b'}') || least > 255 || most.is_some_and(|m| m < least || m > 255) {
                    return Err("a { } is wrong");
                }
                (least, most)
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(range))
    }

    fn number(&mut self) -> u32 {
        let mut n = 0u32;
        while let Some(b) = self.peek().filter(u8::is_ascii_digit) {
            n = n.saturating_mul(10).saturating_add(u32::from(b - b'0'));
            self.at += 1;
        }
        n
    }

    fn atom(&mut self, depth: usize) -> Result<Ast, &'static str> {
        let byte = self.peek().ok_or("it ends too early")?;
        self.at += 1;
        Ok(match byte {
            b'^' => Ast::Start,
            b'$' => Ast::End,
            b'.' => Ast::Byte(Box::new([true; 256])),
            b'[' => Ast::Byte(self.set()?),
            b'(' => {
                self.groups += 1;
                let number = self.groups;
                let inner = self.either(depth + 1)?;
                if self.peek() != Some(b')') {
                    return Err("a ( is not closed");
                }
                self.at += 1;
                Ast::Group(number, Box::new(inner))
            }
            b'*' | b'+' | b'?' => return Err("nothing stands before * + or ?"),
            b'\\' => {
                let escaped = self.peek().ok_or("it ends with \\")?;
                self.at += 1;
                Ast::Byte(one(escaped))
            }
            other => Ast::Byte(one(other)),
        })
    }

    fn set(&mut self) -> Result<Set, &'static str> {
        let mut set = Box::new([false; 256]);
        let negative = self.peek() == Some(b'^');
        self.at += usize::from(negative);
        let first = self.at;
        loop {
            let byte = self.peek().ok_or("a [ is not closed")?;
            self.at += 1;
            if byte == b']' && self.at - 1 > first {
                break;
            }
            if byte == b'[' && self.peek() == Some(b':') {
                self.class(&mut set)?;
                continue;
            }
            let to = match (self.peek(), self.bytes.get(self.at + 1)) {
                (Some(b'-'), Some(to)) if *to != b']' => {
                    self.at += 2;
                    *to
                }
                _ => byte,
            };
            if to < byte {
                return Err("a range is upside down");
            }
            for b in byte..=to {
                if let Some(slot) = set.get_mut(usize::from(b)) {
                    *slot = true;
                }
            }
        }
        if negative {
            set.iter_mut().for_each(|b| *b = !*b);
        }
        Ok(set)
    }

    /// `[:digit:]` and its kin; we stand on the first colon.
    fn class(&mut self, set: &mut [bool; 256]) -> Result<(), &'static str> {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let end = rest.windows(2).position(|w| w == b":]").ok_or("a [: is not closed")?;
        let test: fn(&u8) -> bool = match rest.get(..end).unwrap_or_default() {
            b"alpha" => u8::is_ascii_alphabetic,
            b"digit" => u8::is_ascii_digit,
            b"alnum" => u8::is_ascii_alphanumeric,
            b"upper" => u8::is_ascii_uppercase,
            b"lower" => u8::is_ascii_lowercase,
            b"space" => |b| b.is_ascii_whitespace() || *b == 0x0b,
            b"blank" => |b| *b == b' ' || *b == b'\t',
            b"punct" => u8::is_ascii_punctuation,
            b"xdigit" => u8::is_ascii_hexdigit,
            b"cntrl" => u8::is_ascii_control,
            b"print" => |b| b.is_ascii_graphic() || *b == b' ',
            b"graph" => u8::is_ascii_graphic,
            _ => return Err("a character class is unknown"),
        };
        for (byte, slot) in (0u8..=255).zip(set.iter_mut()) {
            *slot |= test(&byte);
        }
        self.at += end + 3;
        Ok(())
    }
}

fn one(byte: u8) -> Set {
    let mut set = Box::new([false; 256]);
    if let Some(slot) = set.get_mut(usize::from(byte)) {
        *slot = true;
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: Option<&str>) {
        let found = Regex::new(pattern).unwrap().find(text);
        let shown = found.map(|m| match m.group {
            Some((a, b)) => format!("{}({})", &text[m.start..m.end], &text[a..b]),
            None => text[m.start..m.end].to_owned(),
        });
        assert_eq!(shown.as_deref(), expected, "{pattern} in {text}");
    }

    #[test]
    fn matches_as_posix_says() {
        check("b(.)d", "abcdef", Some("bcd(c)"));
        check("^[0-9]{3}$", "204", Some("204"));
        check("^[0-9]{3}$", "2045", None);
        check("a|ab", "ab", Some("ab"));
        check("(a|ab)(c|bcd)", "abcd", Some("abcd(a)"));
        check("x*", "aaa", Some(""));
        check("[[:digit:]]+", "ab12c", Some("12"));
        check("[^0-9]+", "12ab", Some("ab"));
        check("[]a]+", "]a", Some("]a"));
        check("\\(a\\)", "(a)", Some("(a)"));
        check("(a*)*b", "aaab", Some("aaab(aaa)"));
        check("a{2,}", "aaaa", Some("aaaa"));
        check("ü", "für", Some("ü"));
    }

    #[test]
    fn refuses_what_is_wrong() {
        for pattern in ["(", "[", "*", "a)", "a{2,1}", "\\", "[z-a]", "[[:x:]]"] {
            assert!(Regex::new(pattern).is_err(), "{pattern}");
        }
        assert!(Regex::new(&"a".repeat(limits::REGEX_BYTES + 1)).is_err());
    }

    #[test]
    fn a_costly_match_ends() {
        assert_eq!(Regex::new("(a?){200}(a*)*b").unwrap().find(&"a".repeat(4_000)), None);
    }

    proptest! {
        #[test]
        fn never_panics(pattern in "[ab()|*+?{}0-9,\\[\\]^$.\\\\:-]{0,20}", text in "[abü0-9]{0,20}") {
            if let Ok(regex) = Regex::new(&pattern) {
                let _ = regex.find(&text);
            }
        }
    }
}
