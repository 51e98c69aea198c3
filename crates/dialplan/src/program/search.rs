//! Which line runs: own extensions, then included contexts depth first (S3-S6 of the semantics).

use super::{Context, Exten, Line, Program};
use crate::dialect::Dialect;
use crate::limits;
use crate::pattern::{Fit, Pattern, without_dashes};
use crate::time::CivilTime;
use std::cmp::Ordering;
use std::collections::HashMap;

/// A line that was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The context it stands in, perhaps an included one.
    pub context: &'a Context,
    /// Its extension.
    pub exten: &'a Exten,
    /// The line.
    pub line: &'a Line,
}

/// The extensions of a context in the order in which they are tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    /// Literals as they are compared, those with a caller-ID part first.
    literals: HashMap<Box<str>, Vec<u32>>,
    /// The same by text, for prefixes.
    sorted: Vec<u32>,
    /// Patterns, the better one first.
    patterns: Vec<u32>,
}

impl Index {
    pub(super) fn new(extens: &[Exten], dialect: Dialect) -> Index {
        let mut index = Index::default();
        for (i, exten) in (0u32..).zip(extens) {
            match &exten.pattern {
                Pattern::Literal(text) => {
                    index.literals.entry(text.clone()).or_default().push(i);
                    index.sorted.push(i);
                }
                _ => index.patterns.push(i),
            }
        }
        let order = |a: &u32, b: &u32| match (extens.get(*a as usize), extens.get(*b as usize)) {
            (Some(a), Some(b)) => better(a, b, dialect),
            _ => Ordering::Equal,
        };
        index.sorted.sort_by(order);
        index.patterns.sort_by(order);
        for same in index.literals.values_mut() {
            same.sort_by(order);
        }
        index
    }
}

impl Context {
    /// Its extensions in the order in which they are tried: literals, then patterns, the better one first (S4).
    pub fn in_order(&self) -> impl Iterator<Item = &Exten> {
        self.index.sorted.iter().chain(&self.index.patterns).filter_map(|i| self.extens.get(*i as usize))
    }
}

/// Which of two extensions is tried first.
pub(crate) fn better(a: &Exten, b: &Exten, dialect: Dialect) -> Ordering {
    let by_name = if dialect.orders_by_text() {
        a.pattern.is_pattern().cmp(&b.pattern.is_pattern()).then_with(|| a.name.cmp(&b.name))
    } else {
        a.pattern.order(&b.pattern)
    };
    by_name.then_with(|| match (&a.caller, &b.caller) {
        (None, None) => Ordering::Equal,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(x), Some(y)) if dialect.orders_by_text() => x.text().cmp(y.text()),
        (Some(x), Some(y)) => x.pattern().order(y.pattern()).then_with(|| x.text().cmp(y.text())),
    })
}

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// A full match that has this priority.
    Priority(u32),
    /// The best full match, whatever priorities it has.
    Best,
    /// Anything that matches or could with more digits, with priority 1.
    Can,
    /// Anything that could match something longer, with priority 1.
    More,
}

struct Search<'a, 'b> {
    program: &'a Program,
    dialled: &'b str,
    raw: &'b str,
    caller: &'b str,
    now: Option<&'b CivilTime>,
    want: Want,
    seen: Vec<&'a str>,
}

impl<'a> Search<'a, '_> {
    fn accepts(&self, exten: &Exten) -> bool {
        let fits_caller = exten.caller.as_ref().is_none_or(|c| c.fits(self.caller));
        fits_caller
            && match self.want {
                Want::Priority(p) => exten.lines.contains_key(&p),
                Want::Best => !exten.lines.is_empty(),
                Want::Can | Want::More => exten.lines.contains_key(&1),
            }
    }

    fn fit(&self, exten: &Exten, dialect: Dialect) -> Fit {
        if self.raw.starts_with('_') {
            if dialect == Dialect::Safe || (dialect.is_old() && *exten.name == *self.raw) {
                return if dialect == Dialect::Safe { Fit::No } else { Fit::Exact };
            }
            return exten.pattern.fit_in(self.raw, dialect);
        }
        if dialect.is_old() { exten.pattern.fit_in(self.raw, dialect) } else { exten.pattern.fit(self.dialled) }
    }

    fn context(&mut self, name: &str) -> Option<(&'a Context, &'a Exten)> {
        let context = self.program.context(name)?;
        if self.seen.len() >= limits::INCLUDE_CHAIN || self.seen.contains(&&*context.name) {
            return None;
        }
        self.seen.push(&context.name);
        match self.own(context) {
            Ok(Some(exten)) => return Some((context, exten)),
            Ok(None) => {}
            Err(Silent) => return None,
        }
        for include in &context.includes {
            if include.times.as_ref().is_some_and(|t| self.now.is_some_and(|now| !t.contains(now))) {
                continue;
            }
            if let Some(found) = self.context(&include.context) {
                return Some(found);
            }
        }
        None
    }

    fn own(&self, context: &'a Context) -> Result<Option<&'a Exten>, Silent> {
        let index = &context.index;
        let dialect = context.rules.dialect;
        let exten = |i: &u32| context.extens.get(*i as usize);
        match self.want {
            Want::Priority(_) | Want::Best => {
                let dialled = if dialect.compares_literals_exactly() { self.raw } else { self.dialled };
                let same = index.literals.get(dialled).into_iter().flatten();
                if let Some(found) = same.filter_map(exten).find(|e| self.accepts(e)) {
                    return Ok(Some(found));
                }
            }
            Want::Can | Want::More => {
                // Old dialects ignore case here, so the order of the texts does not help.
                let all = dialect.compares_literals_exactly();
                let from = index.sorted.partition_point(|i| {
                    !all && exten(i).is_some_and(|e| matches!(&e.pattern, Pattern::Literal(t) if **t < *self.dialled))
                });
                for candidate in index.sorted.get(from..).unwrap_or_default().iter().filter_map(exten) {
                    match self.fit(candidate, dialect) {
                        Fit::No
                            if all
                                && self.want == Want::Can
                                && candidate.name.eq_ignore_ascii_case(self.raw)
                                && self.accepts(candidate) =>
                        {
                            return Ok(Some(candidate));
                        }
                        Fit::No if all => {}
                        Fit::No => break,
                        Fit::Exact if self.want == Want::More => {}
                        _ if self.accepts(candidate) => return Ok(Some(candidate)),
                        _ => {}
                    }
                }
            }
        }
        for candidate in index.patterns.iter().filter_map(exten) {
            let fit = self.fit(candidate, dialect);
            let hit = match self.want {
                Want::Priority(_) | Want::Best => fit.matches(),
                Want::Can => fit != Fit::No,
                Want::More => matches!(fit, Fit::Needs | Fit::Open | Fit::Early),
            };
            if !hit {
                continue;
            }
            if self.want == Want::More
                && fit == Fit::Early
                && candidate.caller.as_ref().is_none_or(|c| c.fits(self.caller))
            {
                // `!` is final here: nothing longer is waited for, not even for includes.
                return Err(Silent);
            }
            if self.accepts(candidate) {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}

/// An own `!` fired.
struct Silent;

impl Program {
    fn search(
        &self,
        context: &str,
        dialled: &str,
        caller: &str,
        now: Option<&CivilTime>,
        want: Want,
    ) -> Option<(&Context, &Exten)> {
        if dialled.chars().nth(limits::EXTENSION_CHARS).is_some()
            || (dialled.starts_with('_') && !self.rules_of(context).dialect.compares_pattern_text())
        {
            return None;
        }
        let clean = without_dashes(dialled);
        let mut search =
            Search { program: self, dialled: &clean, raw: dialled, caller, now, want, seen: Vec::with_capacity(8) };
        search.context(context)
    }

    /// The line that runs at a place (S3). `now` decides time conditions of includes; without it they are all open.
    pub fn find(
        &self,
        context: &str,
        exten: &str,
        priority: u32,
        caller: &str,
        now: Option<&CivilTime>,
    ) -> Option<Found<'_>> {
        let want = if self.rules_of(context).falls_through() { Want::Priority(priority) } else { Want::Best };
        let (context, exten) = self.search(context, exten, caller, now, want)?;
        Some(Found { context, exten, line: exten.lines.get(&priority)? })
    }

    /// The best extension for what was dialled, whatever priorities it has.
    pub fn best(
        &self,
        context: &str,
        exten: &str,
        caller: &str,
        now: Option<&CivilTime>,
    ) -> Option<(&Context, &Exten)> {
        self.search(context, exten, caller, now, Want::Best)
    }

    /// Where a call to a place begins (S6): there if the place exists; in legacy contexts else at `s`, else at `s` of
    /// context `default`.
    pub fn start(&self, place: &super::Place, caller: &str, now: Option<&CivilTime>) -> Option<super::Place> {
        let there = |p: &super::Place| self.find(&p.context, &p.exten, p.priority, caller, now).is_some();
        if there(place) {
            return Some(place.clone());
        }
        if !self.rules_of(&place.context).dialect.starts_elsewhere() {
            return None;
        }
        self.start_instead(place).into_iter().find(there)
    }

    /// Where a call to a place may begin if the place does not exist, in the order in which they are tried.
    pub fn start_instead(&self, place: &super::Place) -> Vec<super::Place> {
        if !self.rules_of(&place.context).dialect.starts_elsewhere() {
            return Vec::new();
        }
        vec![super::Place::new(&place.context, "s", 1), super::Place::new("default", "s", 1)]
    }

    /// Whether what was dialled has a first line.
    pub fn exists(&self, context: &str, exten: &str, caller: &str, now: Option<&CivilTime>) -> bool {
        self.find(context, exten, 1, caller, now).is_some()
    }

    /// Whether what was dialled so far matches or could with more digits.
    pub fn can_match(&self, context: &str, exten: &str, caller: &str, now: Option<&CivilTime>) -> bool {
        self.search(context, exten, caller, now, Want::Can).is_some()
    }

    /// Whether something longer than what was dialled so far could match: then more digits are waited for (S6).
    pub fn match_more(&self, context: &str, exten: &str, caller: &str, now: Option<&CivilTime>) -> bool {
        self.search(context, exten, caller, now, Want::More).is_some()
    }

    /// The priority of a label, in the extension that runs or in any other that matches.
    pub fn find_label(
        &self,
        context: &str,
        exten: &str,
        label: &str,
        caller: &str,
        now: Option<&CivilTime>,
    ) -> Option<u32> {
        if let Some(priority) = self.best(context, exten, caller, now).and_then(|(_, e)| e.label(label)) {
            return Some(priority);
        }
        if !self.rules_of(context).falls_through() {
            return None;
        }
        self.label_anywhere(context, exten, label, caller, now, &mut Vec::new())
    }

    fn label_anywhere<'a>(
        &'a self,
        context: &str,
        exten: &str,
        label: &str,
        caller: &str,
        now: Option<&CivilTime>,
        seen: &mut Vec<&'a str>,
    ) -> Option<u32> {
        let context = self.context(context)?;
        if seen.len() >= limits::INCLUDE_CHAIN || seen.contains(&&*context.name) {
            return None;
        }
        seen.push(&context.name);
        let dialect = context.rules.dialect;
        let mut matching: Vec<&Exten> = context
            .extens
            .iter()
            .filter(|e| e.pattern.fit_in(exten, dialect).matches() && e.caller.as_ref().is_none_or(|c| c.fits(caller)))
            .collect();
        matching.sort_by(|a, b| better(a, b, dialect));
        matching.iter().find_map(|e| e.label(label)).or_else(|| {
            context
                .includes
                .iter()
                .filter(|i| i.times.as_ref().is_none_or(|t| now.is_none_or(|now| t.contains(now))))
                .find_map(|i| self.label_anywhere(&i.context, exten, label, caller, now, seen))
        })
    }
}
