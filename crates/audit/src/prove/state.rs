//! What is known of a call at one line: its extension and its variables, each a language, with the equalities between them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::bytes::Bytes;
use crate::lang::{Lang, Langs};
use crate::mutant::{Mutant, on};

/// A variable by its number in [`super::names::Names`].
pub(crate) type Var = u32;

/// Something that a value may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// `${EXTEN}`.
    Exten,
    /// A variable.
    Var(Var),
}

/// How a value hangs together with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alias {
    /// It is the same text.
    Copy(Source),
    /// It is what FILTER leaves of it.
    Filter(Source, Bytes),
}

impl Alias {
    pub(crate) fn source(self) -> Source {
        match self {
            Self::Copy(source) | Self::Filter(source, _) => source,
        }
    }
}

/// The texts of one variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Val {
    pub(crate) lang: Lang,
    pub(crate) alias: Option<Alias>,
    /// Somebody keyed it in (Read): comparing it with a secret is a gate, a weak one.
    pub(crate) keyed: bool,
}

impl Val {
    pub(crate) fn of(lang: Lang) -> Self {
        Self { lang, alias: None, keyed: false }
    }
}

/// Variables of a channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Env {
    map: Rc<BTreeMap<Var, Val>>,
    /// Something unknown ran: what is not in the map may be anything.
    pub(crate) wild: bool,
}

/// What a variable holds before anybody sets it.
pub(crate) trait Unset {
    fn unset(&self, var: Var) -> Lang;
}

impl Env {
    pub(crate) fn get(&self, var: Var) -> Option<Val> {
        self.map.get(&var).copied()
    }

    pub(crate) fn set(&mut self, var: Var, val: Val) {
        if self.map.get(&var) == Some(&val) {
            return;
        }
        self.forget(Source::Var(var));
        Rc::make_mut(&mut self.map).insert(var, val);
    }

    /// Narrows a variable: equalities stay as they are.
    pub(crate) fn narrow(&mut self, var: Var, lang: Lang) {
        if let Some(val) = Rc::make_mut(&mut self.map).get_mut(&var) {
            val.lang = lang;
        }
    }

    /// The source changes: what was equal to it is so no more.
    pub(crate) fn forget(&mut self, source: Source) {
        if on(Mutant::AliasSurvives) {
            return;
        }
        if self.map.values().any(|val| val.alias.is_some_and(|alias| alias.source() == source)) {
            for val in Rc::make_mut(&mut self.map).values_mut() {
                if val.alias.is_some_and(|alias| alias.source() == source) {
                    val.alias = None;
                }
            }
        }
    }

    /// Nothing is known any more.
    pub(crate) fn anything() -> Self {
        Self { map: Rc::default(), wild: true }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Var, Val)> + '_ {
        self.map.iter().map(|(var, val)| (*var, *val))
    }

    /// What a variable may hold.
    pub(crate) fn read(&self, langs: &Langs, unset: &dyn Unset, var: Var) -> Lang {
        match self.map.get(&var) {
            Some(val) => val.lang,
            None if self.wild => langs.any(),
            None => unset.unset(var),
        }
    }

    /// Both together; true if that is more than before. `loose` widens what grows.
    pub(crate) fn join(&mut self, other: &Self, langs: &Langs, unset: &dyn Unset, loose: bool) -> bool {
        if (Rc::ptr_eq(&self.map, &other.map) || self.map == other.map) && self.wild == other.wild {
            return false;
        }
        let mut changed = other.wild && !self.wild;
        let mut map = BTreeMap::new();
        for var in self.map.keys().chain(other.map.keys()) {
            if map.contains_key(var) {
                continue;
            }
            let (mine, theirs) = (self.map.get(var), other.map.get(var));
            if on(Mutant::JoinForgetsUnset) && (mine.is_none() || theirs.is_none()) {
                if let Some(val) = mine.or(theirs) {
                    changed |= mine.is_none();
                    map.insert(*var, *val);
                }
                continue;
            }
            let (a, b) = (self.read(langs, unset, *var), other.read(langs, unset, *var));
            let mut lang = if on(Mutant::JoinKeepsFirst) { a } else { langs.bounded(langs.or(a, b)) };
            if lang != a && loose {
                lang = if on(Mutant::WidenForgets) { a } else { langs.widen(lang) };
            }
            let alias = mine.and_then(|val| val.alias).filter(|alias| theirs.and_then(|val| val.alias) == Some(*alias));
            let keyed = mine.is_some_and(|val| val.keyed) || theirs.is_some_and(|val| val.keyed);
            let joined = Val { lang, alias, keyed };
            changed |= mine.map_or(lang != a, |val| *val != joined);
            map.insert(*var, joined);
        }
        self.wild |= other.wild;
        self.map = Rc::new(map);
        changed
    }
}

/// What is known of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    /// `${EXTEN}`.
    pub(crate) exten: Lang,
    /// Its variables.
    pub(crate) env: Env,
}

impl State {
    pub(crate) fn join(&mut self, other: &Self, langs: &Langs, unset: &dyn Unset, loose: bool) -> bool {
        let exten =
            if on(Mutant::JoinKeepsFirst) { self.exten } else { langs.bounded(langs.or(self.exten, other.exten)) };
        let exten = if exten != self.exten && loose { langs.widen(exten) } else { exten };
        let changed = exten != self.exten;
        self.exten = exten;
        self.env.join(&other.env, langs, unset, loose) || changed
    }
}
