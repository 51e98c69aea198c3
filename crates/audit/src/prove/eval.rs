//! What a template may become at a line, as a language. Exact where the operation is one on regular languages, else more.

use dialplan::expr::{Expr, Node, Op};
use dialplan::text::{Name, Piece, Split, Template, Value as Braces};

use super::Prover;
use super::state::{Alias, Source, State, Val};
use crate::bytes::Bytes;
use crate::eval::allowed_bytes;
use crate::lang::Lang;
use crate::limits;
use crate::mutant::{Mutant, on};

/// Functions that write variables while they are read.
const WRITERS: &[&str] = &[
    "SET", "ARRAY", "HASH", "HASHKEYS", "PUSH", "UNSHIFT", "POP", "SHIFT", "INC", "DEC", "LOCAL", "GLOBAL", "EVAL",
    "SHARED",
];

/// What numbers look like when they are printed, infinity and not-a-number too.
pub(super) const NUMBER: &[u8] = b"0123456789.+-einfaINFA";

impl Prover<'_> {
    pub(super) fn template(&mut self, state: &State, template: &Template) -> Val {
        self.nested(state, template, 0)
    }

    pub(super) fn lang(&mut self, state: &State, template: &Template) -> Lang {
        self.template(state, template).lang
    }

    fn nested(&mut self, state: &State, template: &Template, depth: usize) -> Val {
        if depth > limits::NESTING {
            return Val::of(self.langs.any());
        }
        if let [Piece::Value(value)] = template.pieces() {
            return self.braces(state, value, depth + 1);
        }
        let mut all = self.langs.empty();
        for piece in template.pieces() {
            let next = match piece {
                Piece::Text(text) => self.langs.literal(text.as_bytes()),
                Piece::Value(value) => self.braces(state, value, depth + 1).lang,
                Piece::Expr(expr) => self.expression(state, expr, depth + 1),
            };
            all = self.langs.then(all, next);
        }
        Val::of(self.langs.bounded(all))
    }

    /// A variable by its name.
    pub(super) fn read(&mut self, state: &State, name: &str) -> Val {
        match name {
            "EXTEN" => return Val { lang: state.exten, alias: Some(Alias::Copy(Source::Exten)), keyed: false },
            "CONTEXT" => return Val::of(self.context_lang()),
            "PRIORITY" => return Val::of(self.langs.run(Bytes::of(b"0123456789"))),
            _ => {}
        }
        if self.names.wild || self.names.is_built_in(name) || name != name.trim() || name.starts_with('_') {
            return Val::of(self.langs.any());
        }
        let var = self.names.var(name);
        let lang = state.env.read(self.langs, &self.names, var);
        let known = state.env.get(var);
        if self.names.is_loose(name) || self.pinned.contains(&var) {
            return Val::of(lang);
        }
        let alias = match known.and_then(|val| val.alias) {
            Some(alias @ Alias::Copy(_)) => alias,
            Some(alias @ Alias::Filter(..)) => alias,
            None => Alias::Copy(Source::Var(var)),
        };
        Val { lang, alias: Some(alias), keyed: known.is_some_and(|val| val.keyed) }
    }

    fn braces(&mut self, state: &State, braces: &Braces, depth: usize) -> Val {
        let whole = match &braces.name {
            Name::Variable(name) => match name.as_literal() {
                Some(name) => self.read(state, name),
                None => {
                    let names = self.nested(state, name, depth).lang;
                    if self.textual && self.langs.bytes(names).has(b'(') {
                        self.wild("a variable's name that data writes may call a function");
                    }
                    match self.langs.all(names, limits::TEXTS) {
                        Some(names) if !self.textual => {
                            let langs = names.iter().map(|name| self.read(state, name).lang).collect::<Vec<_>>();
                            Val::of(langs.into_iter().fold(self.langs.none(), |all, one| self.langs.or(all, one)))
                        }
                        _ => Val::of(self.langs.any()),
                    }
                }
            },
            Name::Function { name, args } => self.function(state, name, args, depth),
        };
        let Some(slice) = &braces.slice else { return whole };
        let keyed = whole.keyed;
        let numbers = slice.as_literal().map(slice_of);
        let lang = match numbers {
            Some(Some((offset, length))) => {
                let offset = if on(Mutant::SliceEnd) { offset.abs() } else { offset };
                let length = if on(Mutant::SliceLength) { length.filter(|n| *n >= 0) } else { length };
                self.langs.slice(whole.lang, offset, length)
            }
            Some(None) => whole.lang,
            None => self.langs.factors(whole.lang),
        };
        Val { lang, alias: None, keyed }
    }

    fn digits(&self) -> Lang {
        self.langs.run(Bytes::of(b"0123456789"))
    }

    fn function(&mut self, state: &State, name: &str, args: &Template, depth: usize) -> Val {
        let langs = self.langs;
        if self.textual && !self.is_plain(state, args, depth) {
            // Data may close the bracket and go on as it likes.
            return Val::of(langs.any());
        }
        let whole = |prover: &mut Self| prover.nested(state, args, depth);
        let flag = |maybe_empty: bool, maybe_full: bool, empty: &str, full: &str| {
            let texts = [(maybe_empty, empty), (maybe_full, full)];
            langs.texts(texts.into_iter().filter(|(maybe, _)| *maybe).map(|(_, text)| text))
        };
        let lang = match name {
            "LEN" => {
                let lang = whole(self).lang;
                let ascii = langs.bytes(lang).iter().all(|byte| byte < 0x80);
                match langs.lengths(lang) {
                    Some((least, Some(most))) if ascii && most - least <= limits::TEXTS => {
                        let texts: Vec<String> = (least..=most).map(|n| n.to_string()).collect();
                        langs.texts(texts.iter().map(String::as_str))
                    }
                    _ => self.digits(),
                }
            }
            "FIELDQTY" | "FIELDNUM" => self.digits(),
            "ISNULL" | "EXISTS" => {
                let lang = whole(self).lang;
                let (empty, full) = if name == "ISNULL" { ("1", "0") } else { ("0", "1") };
                let is_empty = langs.may_be_empty(lang);
                flag(is_empty, lang != langs.empty(), empty, full)
            }
            "REGEX" => langs.texts(["", "0", "1"]),
            "TOUPPER" => {
                let lang = whole(self).lang;
                langs.upper(lang)
            }
            "TOLOWER" => {
                let lang = whole(self).lang;
                langs.lower(lang)
            }
            "TRIM" | "LTRIM" | "RTRIM" => {
                let lang = whole(self).lang;
                langs.trim(lang)
            }
            "PASSTHRU" => return whole(self),
            "KEYPADHASH" => self.digits(),
            "MATH" | "ABS" | "MIN" | "MAX" | "RAND" => langs.run(Bytes::of(NUMBER).with(b'-')),
            "FILTER" => return self.filter(state, args, depth),
            "CUT" => self.cut(state, args, depth),
            "IF" => self.choice(state, args, depth),
            "GLOBAL" => match args.as_literal() {
                Some(name) => self.names.global(name),
                None => langs.any(),
            },
            "LOCAL" => match args.as_literal() {
                Some(name) => {
                    let lang = self.read(state, name).lang;
                    langs.or(lang, langs.empty())
                }
                None => langs.any(),
            },
            _ => langs.any(),
        };
        Val::of(lang)
    }

    /// `FILTER(allowed,text)`.
    fn filter(&mut self, state: &State, args: &Template, depth: usize) -> Val {
        let langs = self.langs;
        let parts = args.split(b',', Split::Raw, 2);
        let (Some(allowed), Some(text)) = (parts.first().and_then(Template::as_literal), parts.get(1)) else {
            return Val::of(langs.any());
        };
        let bytes = if allowed.is_ascii() { allowed_bytes(allowed) } else { Bytes::ALL };
        let inner = self.nested(state, text, depth);
        let lang = if on(Mutant::FilterNothing) {
            langs.and(inner.lang, langs.run(bytes))
        } else {
            langs.erase(inner.lang, Bytes::ALL.minus(bytes))
        };
        let alias = match inner.alias {
            Some(Alias::Copy(source)) => Some(Alias::Filter(source, bytes)),
            _ => None,
        };
        Val { lang, alias, keyed: false }
    }

    /// `CUT(variable,delimiter,fields)`.
    fn cut(&mut self, state: &State, args: &Template, depth: usize) -> Lang {
        let langs = self.langs;
        let parts = args.split(b',', Split::Clean, 3);
        let value = match parts.first().and_then(Template::as_literal) {
            Some(name) if !name.contains('(') && !name.contains('$') => self.read(state, name.trim()).lang,
            _ => return langs.any(),
        };
        let by = parts.get(1).map_or(Some(""), Template::as_literal);
        let fields = parts.get(2).and_then(Template::as_literal);
        let delimiter = match by.map(str::as_bytes) {
            Some([]) => b'-',
            Some([byte]) if byte.is_ascii() && *byte != b'\\' => *byte,
            _ => return langs.any(),
        };
        let _ = depth;
        match fields.map(str::trim) {
            Some("1") => langs.or(langs.before(value, delimiter), langs.empty()),
            Some(field) if field.parse::<usize>().is_ok() => langs.or(langs.elements(value, delimiter), langs.empty()),
            _ => langs.run(langs.bytes(value).with(delimiter)),
        }
    }

    /// `IF(condition?yes:no)`.
    fn choice(&mut self, state: &State, args: &Template, depth: usize) -> Lang {
        let langs = self.langs;
        let mut parts = args.split(b'?', Split::Clean, 2).into_iter();
        let condition = parts.next().unwrap_or_default();
        let Some(rest) = parts.next() else { return langs.any() };
        let mut answers = rest.split(b':', Split::Clean, 2).into_iter();
        let (yes, no) = (answers.next().unwrap_or_default(), answers.next().unwrap_or_default());
        let decided = self.decide(state, &condition);
        let mut all = langs.empty();
        for (branch, answer) in [(decided.yes, yes), (decided.no, no)] {
            if let Some(state) = branch {
                let lang = self.nested(&state, &answer, depth).lang;
                all = langs.or(all, langs.trim(lang));
            }
        }
        all
    }

    /// Whether no value in a template can be read as anything but a word, so that text and tree mean the same.
    pub(super) fn is_plain(&mut self, state: &State, template: &Template, depth: usize) -> bool {
        template.pieces().iter().all(|piece| match piece {
            Piece::Text(_) => true,
            Piece::Value(value) => {
                let lang = self.braces(state, value, depth + 1).lang;
                self.is_word(lang)
            }
            Piece::Expr(expr) => {
                let lang = self.expression(state, expr, depth + 1);
                self.is_word(lang)
            }
        })
    }

    pub(super) fn is_word(&self, lang: Lang) -> bool {
        let word = (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9').chain(*b"_").fold(Bytes::NONE, Bytes::with);
        self.langs.bytes(lang).minus(word).is_empty()
    }

    pub(super) fn expression(&mut self, state: &State, expr: &Expr, depth: usize) -> Lang {
        let langs = self.langs;
        if self.textual && !on(Mutant::TextualOperators) {
            let mut plain = true;
            let mut calls = false;
            let mut values = Vec::new();
            expr.each_template(&mut |template| values.push(template.clone()));
            let broken = expr.tree().is_none() && expr.source().contains('$');
            for template in &values {
                for piece in template.pieces() {
                    let lang = match piece {
                        Piece::Text(_) => continue,
                        Piece::Value(value) => self.braces(state, value, depth + 1).lang,
                        Piece::Expr(inner) => self.expression(state, inner, depth + 1),
                    };
                    plain &= self.is_word(lang);
                    calls |= langs.bytes(lang).has(b'(');
                }
            }
            if calls || broken {
                self.wild("data may call functions inside an expression (textual-expressions)");
            }
            if !plain || broken {
                return langs.any();
            }
            // A value that is empty leaves an operator alone: no expression, no text.
            let known = expr.tree().map_or(langs.empty(), |tree| self.node(state, tree, depth));
            return langs.or(known, langs.empty());
        }
        match expr.tree() {
            Some(tree) => self.node(state, tree, depth),
            None => langs.empty(),
        }
    }

    pub(super) fn node(&mut self, state: &State, node: &Node, depth: usize) -> Lang {
        let langs = self.langs;
        if depth > limits::NESTING {
            return langs.any();
        }
        let number = || langs.run(Bytes::of(NUMBER).with(b'-'));
        match node {
            Node::Word(word) => self.nested(state, word, depth + 1).lang,
            Node::Call(name, args) => self.function(state, name, args, depth + 1).lang,
            Node::Not(_) => langs.texts(["0", "1"]),
            Node::Negative(_) => number(),
            Node::If(_, yes, no) => {
                let (a, b) = (self.node(state, yes, depth + 1), self.node(state, no, depth + 1));
                langs.or(a, b)
            }
            Node::Binary(op, a, b) => match op {
                Op::Or => {
                    let (a, b) = (self.node(state, a, depth + 1), self.node(state, b, depth + 1));
                    langs.or(langs.or(a, b), number())
                }
                Op::And => {
                    let a = self.node(state, a, depth + 1);
                    langs.or(a, number())
                }
                Op::Eq | Op::Ne | Op::Gt | Op::Ge | Op::Lt | Op::Le => {
                    let decided = self.decide_node(state, node);
                    let (yes, no) = (decided.yes.is_some(), decided.no.is_some());
                    langs.texts([(yes, "1"), (no, "0")].into_iter().filter(|(may, _)| *may).map(|(_, text)| text))
                }
                Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Rem => number(),
                Op::Match | Op::Search => {
                    let text = self.node(state, a, depth + 1);
                    langs.or(langs.factors(langs.erase(text, Bytes::of(b"\""))), number())
                }
                Op::Concat => {
                    let (a, b) = (self.node(state, a, depth + 1), self.node(state, b, depth + 1));
                    let quote = Bytes::of(b"\"");
                    langs.then(langs.erase(a, quote), langs.erase(b, quote))
                }
            },
        }
    }

    /// Variables that are written while a template is read: they may be anything from here on.
    pub(super) fn written_while_read(&mut self, state: &mut State, template: &Template) {
        if on(Mutant::SetInsideValue) {
            return;
        }
        let mut names: Vec<Option<String>> = Vec::new();
        template.each_value(&mut |value| {
            if let Name::Function { name, args } = &value.name
                && (WRITERS.contains(&&**name) || dialplan::func::lookup(name).is_none())
                && !matches!(&**name, "GLOBAL" | "LOCAL" | "HASH" | "HASHKEYS" | "SHARED" if args.as_literal().is_some())
            {
                match args.as_literal() {
                    Some(all) => names.extend(all.split([',', '=', '&', '(', ')']).map(|name| Some(name.to_owned()))),
                    None => names.push(args.literal_prefix().split_once(['=', ',']).map(|(name, _)| name.to_owned())),
                }
            }
        });
        for name in names {
            match name {
                Some(name) => {
                    let any = Val::of(self.langs.any());
                    self.assign(state, name.trim(), any);
                    self.pinned.insert(self.names.var(name.trim().trim_start_matches('_')));
                }
                None => {
                    self.wild("a function writes a variable that data names");
                    state.env = super::state::Env::anything();
                }
            }
        }
    }

    /// Sets a variable.
    pub(super) fn assign(&mut self, state: &mut State, name: &str, val: Val) {
        let bare = name.trim_start_matches('_');
        let bare = if name.len() - bare.len() > 2 { name.get(2..).unwrap_or(bare) } else { bare };
        let var = self.names.var(bare);
        let mut val = val;
        val.lang = self.langs.bounded(val.lang);
        if val.alias.is_some_and(|alias| alias.source() == Source::Var(var)) {
            val.alias = None;
        }
        if self.names.is_loose(bare) {
            let before = state.env.read(self.langs, &self.names, var);
            val = Val { lang: self.langs.bounded(self.langs.or(before, val.lang)), alias: None, keyed: val.keyed };
        }
        state.env.set(var, val);
    }
}

/// `offset[:length]` as the machine reads it; nothing where it is no number, which leaves the text whole.
fn slice_of(text: &str) -> Option<(i64, Option<i64>)> {
    let (offset, rest) = leading_number(text)?;
    Some((offset, rest.strip_prefix(':').and_then(leading_number).map(|(n, _)| n)))
}

/// The whole number that a text begins with, after white space.
pub(super) fn leading_number(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let end = text.len() - digits.len() + count;
    let number = text.get(..end).filter(|_| count > 0)?;
    let far = if number.starts_with('-') { i64::from(i32::MIN) } else { i64::from(i32::MAX) };
    Some((number.parse().unwrap_or(far), text.get(end..)?))
}
