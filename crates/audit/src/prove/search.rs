//! Which lines a dialled text may mean: the extensions in the order in which they are tried, each with what the better
//! ones leave it (S1-S5).

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use dialplan::pattern::{Pattern, without_dashes};
use dialplan::program::Exten;

use crate::bytes::Bytes;
use crate::lang::{Lang, Langs};
use crate::limits;
use crate::mutant::{Mutant, on};
use crate::plan::{Home, Plan};

/// Which lines of the extensions that match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum At {
    /// The first one.
    First,
    /// The first one of `h`, `i`, `t` and their like, where the machine itself goes there.
    Special,
    /// A priority.
    Priority(u32),
    /// A label.
    Label(Box<str>),
    /// Any.
    Any,
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hits {
    /// Lines, each with what the call's extension is there.
    pub(crate) lines: Vec<(Home, u32, Lang)>,
    /// What may match nothing.
    pub(crate) unmatched: Option<Lang>,
    /// What matches an extension that lacks the line.
    pub(crate) lacking: Option<Lang>,
}

/// One extension in the order of trying.
#[derive(Clone, Copy)]
struct Try {
    home: Home,
    /// No time condition lies before it.
    certain: bool,
}

/// Context, text, line, and whether the text was keyed in.
type Question = (u32, Lang, At, bool);

/// Searches, with what was found before.
pub(crate) struct Searches<'a> {
    plan: &'a Plan<'a>,
    langs: &'a Langs,
    orders: RefCell<HashMap<u32, Rc<Vec<Try>>>>,
    patterns: RefCell<HashMap<Home, Lang>>,
    found: RefCell<HashMap<Question, Rc<Hits>>>,
    literals: RefCell<HashMap<(u32, u32, bool), Option<Lang>>>,
    dashed: std::cell::OnceCell<Lang>,
}

impl<'a> Searches<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, langs: &'a Langs) -> Self {
        Self {
            plan,
            langs,
            orders: RefCell::default(),
            patterns: RefCell::default(),
            found: RefCell::default(),
            literals: RefCell::default(),
            dashed: std::cell::OnceCell::new(),
        }
    }

    /// The language of an extension's pattern, for what does not begin with `_`.
    fn pattern(&self, home: Home, exten: &Exten) -> Lang {
        *self.patterns.borrow_mut().entry(home).or_insert_with(|| self.langs.pattern(&exten.pattern))
    }

    /// Own extensions, better ones first, then includes depth first.
    fn order(&self, context: u32) -> Rc<Vec<Try>> {
        if let Some(known) = self.orders.borrow().get(&context) {
            return Rc::clone(known);
        }
        let mut order = Vec::new();
        self.visit(context, true, &mut BTreeSet::new(), &mut order, 0);
        let order = Rc::new(order);
        self.orders.borrow_mut().insert(context, Rc::clone(&order));
        order
    }

    fn visit(&self, context: u32, certain: bool, seen: &mut BTreeSet<(u32, bool)>, order: &mut Vec<Try>, depth: usize) {
        if seen.contains(&(context, true)) || !seen.insert((context, certain)) {
            return;
        }
        let Some(room) = self.plan.room(context) else { return };
        let extens = &room.context.extens;
        let mut own: Vec<(u32, &Exten)> = (0u32..).zip(extens).collect();
        if !on(Mutant::OrderIgnored) {
            own.sort_by(|(_, a), (_, b)| {
                a.pattern.order(&b.pattern).then_with(|| a.caller.is_none().cmp(&b.caller.is_none()))
            });
        }
        order.extend(own.into_iter().map(|(exten, _)| Try { home: Home { context, exten }, certain }));
        if on(Mutant::NoIncludes) || (on(Mutant::NoDeepIncludes) && depth > 0) {
            return;
        }
        for include in &room.context.includes {
            if on(Mutant::NoTimedIncludes) && include.times.is_some() {
                continue;
            }
            if let Some(inner) = self.plan.find(&include.context) {
                let certain = certain && (include.times.is_none() || on(Mutant::UncertainWins));
                self.visit(inner, certain, seen, order, depth + 1);
            }
        }
    }

    /// Finds lines. `keyed`: what is searched for was keyed in, so it is never too long.
    pub(crate) fn find(&self, context: u32, exten: Lang, at: &At, keyed: bool) -> Rc<Hits> {
        let key = (context, exten, at.clone(), keyed);
        if let Some(known) = self.found.borrow().get(&key) {
            return Rc::clone(known);
        }
        let hits = Rc::new(match at {
            At::Label(label) => self.labelled(context, exten, label),
            At::Any => self.everything(context, exten),
            _ => self.search(context, exten, at, keyed),
        });
        self.found.borrow_mut().insert(key, Rc::clone(&hits));
        hits
    }

    /// All extensions that match, whatever is better.
    fn matching(&self, context: u32, exten: Lang) -> Vec<(Home, &'a Exten, Lang)> {
        let order = self.order(context);
        let mut found: Vec<(Home, &'a Exten, Lang)> = Vec::new();
        for one in order.iter() {
            let Some(home) = self.plan.exten(one.home) else { continue };
            if let Some(lang) = self.fits(exten, one.home, home)
                && !found.iter().any(|(known, ..)| *known == one.home)
            {
                found.push((one.home, home, self.refined(lang, home)));
            }
        }
        found
    }

    fn everything(&self, context: u32, exten: Lang) -> Hits {
        let lines = |(home, found, lang): &(Home, &Exten, Lang)| {
            found.lines.keys().map(|priority| (*home, *priority, *lang)).collect::<Vec<_>>()
        };
        let lines = self.matching(context, exten).iter().flat_map(lines).collect();
        Hits { lines, unmatched: Some(exten), lacking: Some(exten) }
    }

    /// A label is a number, found in one extension, that may run in another one (S3); in the safe dialect in none but its own.
    fn labelled(&self, context: u32, exten: Lang, label: &str) -> Hits {
        let mut hits = Hits { unmatched: Some(exten), lacking: Some(exten), ..Hits::default() };
        if self.plan.program.falls_through() {
            let mut priorities: BTreeSet<u32> = BTreeSet::new();
            for (_, found, _) in self.matching(context, exten) {
                priorities.extend(found.label(label));
                if on(Mutant::LabelElsewhere) && !priorities.is_empty() {
                    break;
                }
            }
            for priority in priorities {
                let more = self.find(context, exten, &At::Priority(priority), false);
                hits.lines.extend(more.lines.iter().copied());
            }
            return hits;
        }
        let best = self.search(context, exten, &At::First, false);
        for (home, _, lang) in &best.lines {
            if let Some(priority) = self.plan.exten(*home).and_then(|found| found.label(label)) {
                hits.lines.push((*home, priority, *lang));
            }
        }
        // Extensions without a first line have labels, too.
        for (home, found, lang) in self.matching(context, exten) {
            if !found.lines.contains_key(&1)
                && let Some(priority) = found.label(label)
            {
                hits.lines.push((home, priority, lang));
            }
        }
        hits
    }

    /// What of a language an extension matches.
    fn fits(&self, exten: Lang, home: Home, found: &Exten) -> Option<Lang> {
        let langs = self.langs;
        if let Some(text) = langs.text(exten) {
            let safe = self.plan.program.is_safe();
            let fits = found.pattern.fit_raw(&text).matches() && !(safe && text.starts_with('_'));
            let fits = fits && !(on(Mutant::DashIgnored) && text.contains('-'));
            return fits.then_some(exten);
        }
        let mut wanted = self.pattern(home, found);
        if on(Mutant::DashIgnored) {
            wanted = langs.minus(wanted, langs.then(langs.any(), langs.then(langs.literal(b"-"), langs.any())));
        }
        if found.pattern.is_pattern() && self.plan.by_text && !on(Mutant::PatternText) {
            // What begins with `_` may be the text of the pattern itself.
            wanted = langs.or(wanted, langs.pattern_text(&found.pattern));
        }
        langs.meets(exten, wanted).then(|| langs.and(exten, wanted))
    }

    /// Names of extensions that have dashes.
    fn dashed(&self) -> Lang {
        *self.dashed.get_or_init(|| {
            let extens = self.plan.program.contexts().iter().flat_map(|context| &context.extens);
            let names: BTreeSet<&str> = extens.map(|exten| &*exten.name).filter(|name| name.contains('-')).collect();
            self.langs.texts(names)
        })
    }

    fn underscore(&self) -> Lang {
        self.langs.then(self.langs.literal(b"_"), self.langs.any())
    }

    /// What EXTEN is: the safe dialect takes dashes out, unless the plan has an extension of that very name.
    fn refined(&self, lang: Lang, found: &Exten) -> Lang {
        let langs = self.langs;
        if !self.plan.program.is_safe() || on(Mutant::DashKept) {
            return lang;
        }
        let plain = langs.erase(lang, Bytes::NONE.with(b'-'));
        if plain == lang {
            return lang;
        }
        // Under fall-through a call keeps the name of one extension while it runs lines of another.
        let names =
            if self.plan.program.falls_through() { self.dashed() } else { langs.literal(found.name.as_bytes()) };
        langs.or(plain, langs.and(lang, names))
    }

    /// All literals of a context that surely win what they match, as one language; nothing if that is too large.
    fn winners(&self, context: u32, priority: u32, any_line: bool) -> Option<Lang> {
        if let Some(known) = self.literals.borrow().get(&(context, priority, any_line)) {
            return *known;
        }
        let langs = self.langs;
        let extens = self.plan.room(context).map_or(&[][..], |room| &room.context.extens);
        let wins = |exten: &&Exten| {
            exten.caller.is_none()
                && matches!(exten.pattern, Pattern::Literal(_))
                && (any_line || exten.lines.contains_key(&priority))
        };
        let all: Vec<(u32, &Exten)> = (0u32..).zip(extens).filter(|(_, exten)| wins(exten)).collect();
        let lang = if all.len() > limits::WINNERS {
            None
        } else {
            // In halves, so that small automata are joined with small ones.
            let mut row: Vec<Lang> =
                all.iter().map(|(exten, found)| self.pattern(Home { context, exten: *exten }, found)).collect();
            // INVARIANT: only an exact union may be taken away from another language.
            let both = |two: &[Lang]| match two {
                [a, b] => langs.or_exactly(*a, *b),
                other => other.first().copied(),
            };
            while row.len() > 1 {
                let Some(next) = row.chunks(2).map(both).collect::<Option<Vec<Lang>>>() else {
                    row.clear();
                    break;
                };
                row = next;
            }
            row.pop()
        };
        self.literals.borrow_mut().insert((context, priority, any_line), lang);
        lang
    }

    fn search(&self, context: u32, exten: Lang, at: &At, keyed: bool) -> Hits {
        let (langs, program) = (self.langs, self.plan.program);
        let priority = if let At::Priority(priority) = at { *priority } else { 1 };
        let special = *at == At::Special;
        let safe = program.is_safe();
        let mut hits = Hits::default();
        let mut left = exten;
        let mut unmatched = langs.none();
        let text = langs.text(exten);
        if safe && langs.meets(exten, self.underscore()) {
            unmatched = langs.and(exten, self.underscore());
            left = langs.minus(exten, self.underscore());
        }
        if !keyed && langs.lengths(exten).is_some_and(|(_, longest)| longest.is_none_or(|longest| longest > 79)) {
            // Too long matches nothing, and `i` gets the beginning of it.
            unmatched = langs.or(unmatched, langs.run(langs.bytes(exten)));
        }
        let order = self.order(context);
        let clean = text.as_deref().map(without_dashes);
        let (mut taken, mut winners_of) = (0, None);
        for one in order.iter() {
            if langs.is_none(left) {
                break;
            }
            let Some(found) = self.plan.exten(one.home) else { continue };
            let any_line = !program.falls_through();
            if !any_line && !found.lines.contains_key(&priority) {
                continue;
            }
            if found.lines.is_empty() {
                continue;
            }
            let literal = matches!(found.pattern, Pattern::Literal(_));
            if let (Pattern::Literal(name), Some(clean)) = (&found.pattern, &clean)
                && **name != **clean
            {
                continue;
            }
            let wins = one.certain && (found.caller.is_none() || on(Mutant::CallerWins));
            if literal && text.is_none() {
                // Literals of one context exclude each other: what they win is taken away at once, behind the last of them.
                winners_of = Some((one.home.context, one.certain));
            } else if let Some((winning, certain)) = winners_of.take()
                && certain
                && let Some(lang) = self.winners(winning, priority, any_line)
            {
                left = langs.minus(left, lang);
            }
            let Some(got) = self.fits(left, one.home, found) else { continue };
            if !(special && safe && found.pattern.is_pattern()) {
                let refined = self.refined(got, found);
                if found.lines.contains_key(&priority) {
                    hits.lines.push((one.home, priority, refined));
                } else {
                    let before = hits.lacking.unwrap_or_else(|| langs.none());
                    hits.lacking = Some(langs.or(before, refined));
                }
            }
            if wins && (!literal || text.is_some()) && taken < limits::RESIDUALS {
                if text.is_some()
                    && !(found.pattern.is_pattern() && text.as_deref().is_some_and(|t| t.starts_with('_')))
                {
                    left = langs.none();
                } else if text.is_none() {
                    left = langs.minus(left, self.pattern(one.home, found));
                    taken += 1;
                }
            }
        }
        if let Some((winning, true)) = winners_of
            && let Some(lang) = self.winners(winning, priority, !program.falls_through())
        {
            left = langs.minus(left, lang);
        }
        unmatched = langs.or(unmatched, left);
        if safe && !on(Mutant::DashKept) {
            // What matches nothing loses its dashes all the same.
            unmatched = langs.or(unmatched, langs.erase(unmatched, Bytes::NONE.with(b'-')));
        }
        hits.unmatched = Some(unmatched).filter(|lang| !langs.is_none(*lang));
        hits
    }
}
