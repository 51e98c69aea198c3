//! What a condition tells on each of its two ways. A comparison narrows what was compared, also through copies and through
//! FILTER, so that `$["${FILTER(0-9,${EXTEN})}" = "${EXTEN}"]` proves that only digits were dialled.

use dialplan::expr::{Node, Op};
use dialplan::text::{Name, Piece, Template};

use super::Prover;
use super::gates::Gate;
use super::state::{Alias, Source, State};
use crate::bytes::Bytes;
use crate::lang::Lang;
use crate::limits;
use crate::mutant::{Mutant, on};

/// Both ways of a condition; nothing for a way that cannot be taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Decided {
    pub(super) yes: Option<State>,
    pub(super) no: Option<State>,
    /// What was keyed in was compared with this secret on the way of yes.
    pub(super) gate: Option<Gate>,
}

/// One side of a comparison: text, then a value, then text.
struct Side {
    before: Vec<u8>,
    alias: Option<Alias>,
    slice: Option<(i64, Option<i64>)>,
    after: Vec<u8>,
    lang: Lang,
    keyed: bool,
}

impl Prover<'_> {
    /// Both ways of `GotoIf` and its kin.
    pub(super) fn decide(&mut self, state: &State, condition: &Template) -> Decided {
        match condition.pieces() {
            [Piece::Expr(expr)] => {
                // Under textual expressions the tree means what the text means only where values are words.
                let plain = !self.textual || on(Mutant::TextualOperators) || {
                    let mut templates = Vec::new();
                    expr.each_template(&mut |template| templates.push(template.clone()));
                    let _ = self.expression(state, expr, 0);
                    templates
                        .iter()
                        .all(|template| self.is_plain(state, template, 0) && !self.may_vanish(state, template))
                };
                match expr.tree() {
                    Some(tree) if plain => self.decide_node(state, tree),
                    _ => both(state),
                }
            }
            [Piece::Value(value)] if value.slice.is_none() && !self.textual => match &value.name {
                Name::Function { name, args } if matches!(&**name, "ISNULL" | "EXISTS") => {
                    let (empty, full) = self.by_emptiness(state, args);
                    let (yes, no) = if &**name == "ISNULL" { (empty, full) } else { (full, empty) };
                    Decided { yes, no, gate: None }
                }
                _ => self.by_text(state, condition),
            },
            _ => self.by_text(state, condition),
        }
    }

    /// Whether a value in it may be empty.
    fn may_vanish(&mut self, state: &State, template: &Template) -> bool {
        let lang = self.lang(state, template);
        self.langs.may_be_empty(lang)
    }

    /// By the truth of the texts, if they are few.
    fn by_text(&mut self, state: &State, condition: &Template) -> Decided {
        let lang = self.lang(state, condition);
        match self.langs.all(lang, limits::TEXTS) {
            Some(texts) => Decided {
                yes: texts.iter().any(|text| dialplan::truth(text)).then(|| state.clone()),
                no: texts.iter().any(|text| !dialplan::truth(text)).then(|| state.clone()),
                gate: None,
            },
            None => both(state),
        }
    }

    /// Empty, and not empty.
    fn by_emptiness(&mut self, state: &State, args: &Template) -> (Option<State>, Option<State>) {
        let side = self.side(state, args);
        let empty = self.langs.empty();
        let is_empty = self.langs.may_be_empty(side.lang);
        let is_full = side.lang != empty;
        let narrowed = |prover: &mut Self, lang: Lang| {
            let mut state = state.clone();
            match side.alias {
                Some(Alias::Copy(source))
                    if side.slice.is_none() && side.before.is_empty() && side.after.is_empty() =>
                {
                    prover.narrow(&mut state, source, lang).then_some(state)
                }
                _ => Some(state),
            }
        };
        let full = self.langs.minus(self.langs.any(), empty);
        let yes = if is_empty { narrowed(self, empty) } else { None };
        let no = if is_full { narrowed(self, full) } else { None };
        (yes, no)
    }

    /// Yes: what is left when the tree is neither empty nor zero. No: what is left when it is, or when GotoIf takes it for false.
    pub(super) fn decide_node(&mut self, state: &State, node: &Node) -> Decided {
        match node {
            Node::Binary(Op::And, a, b) => {
                let first = self.decide_node(state, a);
                let second = first.yes.as_ref().map(|state| self.decide_node(state, b)).unwrap_or_default();
                let no = self.either(first.no, second.no);
                Decided { yes: second.yes, no, gate: second.gate.or(first.gate) }
            }
            Node::Binary(Op::Or, a, b) => {
                let first = self.decide_node(state, a);
                let second = first.no.as_ref().map(|state| self.decide_node(state, b)).unwrap_or_default();
                let gate = match (&first.yes, &second.yes) {
                    (Some(_), None) => first.gate,
                    (None, Some(_)) => second.gate,
                    _ => None,
                };
                // What is no comparison may be neither zero nor what GotoIf takes for true.
                let no = if is_flag(a) { second.no } else { self.either(first.no, second.no) };
                Decided { yes: self.either(first.yes, second.yes), no, gate }
            }
            Node::Not(a) => {
                let decided = self.decide_node(state, a);
                Decided { yes: decided.no, no: decided.yes, gate: None }
            }
            Node::Binary(Op::Eq, a, b) => self.equal(state, a, b),
            Node::Binary(Op::Ne, a, b) => {
                let decided = self.equal(state, a, b);
                Decided { yes: decided.no, no: decided.yes, gate: None }
            }
            Node::Binary(op @ (Op::Gt | Op::Ge | Op::Lt | Op::Le), a, b) => self.ordered(state, *op, a, b),
            _ => both(state),
        }
    }

    fn either(&self, a: Option<State>, b: Option<State>) -> Option<State> {
        match (a, b) {
            (Some(mut a), Some(b)) => {
                a.join(&b, self.langs, &self.names, false);
                Some(a)
            }
            (a, b) => a.or(b),
        }
    }

    fn side_of(&mut self, state: &State, node: &Node) -> Side {
        match node {
            Node::Word(word) => self.side(state, word),
            other => {
                let lang = self.node(state, other, 0);
                Side { before: Vec::new(), alias: None, slice: None, after: Vec::new(), lang, keyed: false }
            }
        }
    }

    fn side(&mut self, state: &State, template: &Template) -> Side {
        let lang = self.lang(state, template);
        let mut side = Side { before: Vec::new(), alias: None, slice: None, after: Vec::new(), lang, keyed: false };
        let pieces = template.pieces();
        let mut values = 0;
        for piece in pieces {
            match piece {
                Piece::Text(text) if values == 0 => side.before.extend_from_slice(text.as_bytes()),
                Piece::Text(text) => side.after.extend_from_slice(text.as_bytes()),
                Piece::Value(value) => {
                    values += 1;
                    let name = dialplan::text::Value { name: value.name.clone(), slice: None };
                    let val = self.value_of(state, &name);
                    side.keyed |= val.keyed;
                    side.alias = val.alias;
                    if let Some(slice) = &value.slice {
                        side.slice = slice.as_literal().and_then(|text| {
                            let parts: Option<Vec<i64>> =
                                text.split(':').map(|part| part.trim().parse().ok()).collect();
                            match parts?.as_slice() {
                                [offset] => Some((*offset, None)),
                                [offset, length] => Some((*offset, Some(*length))),
                                _ => None,
                            }
                        });
                        if side.slice.is_none() {
                            side.alias = None;
                        }
                    }
                }
                Piece::Expr(_) => values += 2,
            }
        }
        if values != 1 {
            side.alias = None;
            side.slice = None;
        }
        side
    }

    fn value_of(&mut self, state: &State, value: &dialplan::text::Value) -> super::state::Val {
        let one = match &value.name {
            Name::Variable(name) => name.as_literal().map(|name| self.read(state, name)),
            Name::Function { name, args } if &**name == "FILTER" => {
                let template = Template::parse(&format!("${{FILTER({args})}}")).0;
                Some(self.template(state, &template))
            }
            Name::Function { .. } => None,
        };
        one.unwrap_or_else(|| super::state::Val::of(self.langs.any()))
    }

    /// Texts that the comparison takes for equal to one of these: themselves, and other spellings of numbers.
    fn equal_to(&self, lang: Lang) -> Lang {
        let langs = self.langs;
        let digit = Bytes::of(b"0123456789");
        let odd = {
            // Numbers with a sign or a point.
            let signed = langs.or(langs.empty(), langs.literal(b"-"));
            let point = langs
                .then(langs.run(digit), langs.then(langs.or(langs.empty(), langs.literal(b".")), langs.run(digit)));
            langs.minus(langs.then(signed, point), langs.run(digit))
        };
        let plain = langs.then(langs.one(digit), langs.run(digit));
        let numbers = langs.or(odd, plain);
        if on(Mutant::RefineNumbers) || !langs.meets(lang, numbers) {
            return lang;
        }
        match langs.all(lang, limits::TEXTS) {
            Some(texts) if texts.iter().all(|text| !langs.holds(odd, text.as_bytes())) => {
                let zeros = langs.run(Bytes::of(b"0"));
                let digits = texts.iter().filter(|text| langs.holds(plain, text.as_bytes()));
                digits.fold(langs.or(lang, odd), |all, text| {
                    let bare = text.trim_start_matches('0');
                    let spelled = langs.then(zeros, langs.literal(bare.as_bytes()));
                    langs.or(all, langs.and(spelled, plain))
                })
            }
            _ => langs.or(lang, numbers),
        }
    }

    fn equal(&mut self, state: &State, a: &Node, b: &Node) -> Decided {
        let langs = self.langs;
        let (a, b) = (self.side_of(state, a), self.side_of(state, b));
        let (to_a, to_b) = (self.equal_to(a.lang), self.equal_to(b.lang));
        let (a_yes, b_yes) = (langs.and(a.lang, to_b), langs.and(b.lang, to_a));
        let mut yes = Some(state.clone());
        if langs.is_none(a_yes) || langs.is_none(b_yes) {
            yes = None;
        }
        let mut gate = None;
        if let Some(mut narrowed) = yes.take() {
            let fine = self.narrow_side(&mut narrowed, &a, a_yes) && self.narrow_side(&mut narrowed, &b, b_yes);
            let fine = fine && self.filtered(&mut narrowed, &a, &b) && self.filtered(&mut narrowed, &b, &a);
            yes = fine.then_some(narrowed);
            for (keyed, secret) in [(&a, &b), (&b, &a)] {
                if let (true, Some(text)) = (keyed.keyed, langs.text(secret.lang)) {
                    let digits = text.trim_matches('"').bytes().filter(u8::is_ascii_digit).count();
                    gate = gate.or_else(|| Gate::compared(digits));
                }
            }
        }
        // Texts that are the same are equal, whatever they are.
        let mut no = Some(state.clone());
        for (side, other) in [(&a, &b), (&b, &a)] {
            if let (Some(text), Some(state)) = (langs.single(other.lang), &mut no) {
                let rest = langs.minus(side.lang, langs.literal(&text));
                if langs.is_none(rest) || !self.narrow_side(state, side, rest) {
                    no = None;
                }
            }
        }
        if on(Mutant::RefineOther) {
            no.clone_from(&yes);
        }
        Decided { yes, no, gate }
    }

    /// Comparing what FILTER left of something with the thing itself: equal means that nothing was taken away.
    fn filtered(&mut self, state: &mut State, filter: &Side, plain: &Side) -> bool {
        let (Some(Alias::Filter(source, allowed)), Some(Alias::Copy(other))) = (filter.alias, plain.alias) else {
            return true;
        };
        if source != other
            || filter.slice.is_some()
            || plain.slice.is_some()
            || filter.before != plain.before
            || filter.after != plain.after
        {
            return true;
        }
        let langs = self.langs;
        let mut kept = langs.run(allowed);
        if filter.before.is_empty() && filter.after.is_empty() && !on(Mutant::FilterTrusted) {
            // Without quotes numbers are compared as numbers: 5. is 5.
            kept = langs.or(kept, langs.run(Bytes::of(b"0123456789.-")));
        } else if filter.before.first() != Some(&b'"') && !on(Mutant::FilterTrusted) {
            return true;
        }
        self.narrow(state, source, kept)
    }

    /// Takes text before and after away and narrows what is left; false: nothing is left.
    fn narrow_side(&mut self, state: &mut State, side: &Side, lang: Lang) -> bool {
        let langs = self.langs;
        let Some(Alias::Copy(source)) = side.alias else { return true };
        let mut inner = langs.before_suffix(langs.after_prefix(lang, &side.before), &side.after);
        match side.slice {
            None => {}
            Some((offset @ 0.., length)) if usize::try_from(offset).is_ok_and(|offset| offset <= limits::SLICE) => {
                let before = self.source(state, source);
                if langs.bytes(before).iter().any(|byte| byte >= 0x80) {
                    return true;
                }
                // Shorter texts give the empty slice.
                let empty = langs.may_be_empty(inner);
                let any = langs.any();
                let lead = (0..offset).fold(langs.empty(), |all, _| langs.then(all, langs.one(Bytes::ALL)));
                let tail = match length {
                    None => langs.empty(),
                    Some(length) if length > 0 => any,
                    Some(_) => return true,
                };
                let short = (0..=offset).fold((langs.none(), langs.empty()), |(all, row), _| {
                    (langs.or(all, row), langs.then(row, langs.one(Bytes::ALL)))
                });
                inner = langs.then(lead, langs.then(inner, tail));
                if empty {
                    inner = langs.or(inner, short.0);
                }
            }
            Some(_) => return true,
        }
        self.narrow(state, source, inner)
    }

    fn source(&self, state: &State, source: Source) -> Lang {
        match source {
            Source::Exten => state.exten,
            Source::Var(var) => state.env.read(self.langs, &self.names, var),
        }
    }

    /// Narrows a source and all that are equal to it; false: nothing is left.
    fn narrow(&mut self, state: &mut State, source: Source, lang: Lang) -> bool {
        let langs = self.langs;
        if matches!(source, Source::Var(var) if self.names.wild || self.pinned.contains(&var)) {
            return true;
        }
        let narrowed = langs.and(self.source(state, source), lang);
        let same: Vec<_> = state.env.iter().filter(|(_, val)| val.alias == Some(Alias::Copy(source))).collect();
        match source {
            Source::Exten => state.exten = narrowed,
            Source::Var(var) => match state.env.get(var) {
                Some(_) => state.env.narrow(var, narrowed),
                // Nobody set it: what it holds is not the channel's own.
                None => return !langs.is_none(narrowed),
            },
        }
        for (var, val) in same {
            state.env.narrow(var, langs.and(val.lang, lang));
        }
        !langs.is_none(narrowed)
    }

    /// `LEN(x)` and numbers: lengths only.
    fn ordered(&mut self, state: &State, op: Op, a: &Node, b: &Node) -> Decided {
        let (left, right) = (self.node(state, a, 0), self.node(state, b, 0));
        let few = |lang: Lang| -> Option<Vec<u64>> {
            let texts = self.langs.all(lang, limits::TEXTS * 2)?;
            texts.iter().map(|text| text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))).collect()
        };
        let (Some(left), Some(right)) = (few(left), few(right)) else { return both(state) };
        let holds = |x: u64, y: u64| match op {
            Op::Gt => x > y,
            Op::Ge => x >= y,
            Op::Lt => x < y,
            _ => x <= y,
        };
        let any = |wanted: bool| left.iter().any(|x| right.iter().any(|y| holds(*x, *y) == wanted));
        Decided { yes: any(true).then(|| state.clone()), no: any(false).then(|| state.clone()), gate: None }
    }
}

/// Whether a tree gives 0 or 1 and nothing else.
fn is_flag(node: &Node) -> bool {
    match node {
        Node::Not(_) | Node::Binary(Op::Eq | Op::Ne | Op::Gt | Op::Ge | Op::Lt | Op::Le, ..) => true,
        Node::Binary(Op::And, a, _) => is_flag(a),
        Node::Binary(Op::Or, a, b) => is_flag(a) && is_flag(b),
        _ => false,
    }
}

fn both(state: &State) -> Decided {
    Decided { yes: Some(state.clone()), no: Some(state.clone()), gate: None }
}
