//! From objects to one program: what `tollgate plan` prints and every call runs.
//!
//! [`compile`] writes the objects of the configuration as dialplan text ([`text`](text::text)) and loads it together with
//! the hand-written files. Contexts that it makes: `from-sip-external`, `from-trunk`, `from-trunk-NAME`, one per menu by
//! its own name, `from-internal`, `ext-local`, `groups`, `features`, `parkedcalls`,
//! `parkedcallstimeout`, `screening`, `mailboxes`, `directory`, `closed`, `emergency`,
//! `outbound`. A hand-written context of the same name takes the generated one's place. Where calls begin is here
//! too ([`place`], [`trunk_place`], [`extension_place`]), because proof and entry must mean the same.

#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;

use dialplan::load::{Files, Loaded, Source};
use dialplan::number::{self, Class};
use dialplan::policy::OriginKind;
use dialplan::{Choice, Compat, Dialect, Place, Program};

use crate::config::{Config, Destination, DialectChoice};

pub use text::{PARKED_BACK, RESERVED, matches, text, trunk_context};

/// Name under which the generated text stands in findings.
pub const GENERATED: &str = "tollgate.toml (generated plan)";

/// Hand-written plan files, as read by the shell.
#[derive(Debug, Clone, Default)]
pub struct HandWritten {
    /// Name and text of each file of `[dialplan] files`, in order.
    pub files: Vec<(String, String)>,
}

/// How hand-written files are read: our own dialect reads what Asterisk 22 reads, so it is the one where nothing tells.
#[must_use]
pub fn choice(config: &Config) -> Choice {
    match config.dialplan.dialect {
        DialectChoice::Auto => Choice::Auto(Dialect::Safe),
        DialectChoice::Is(dialect) => Choice::Is(dialect),
    }
}

/// Compiles objects and hand-written files into one program.
///
/// Findings of hand-written files carry their own place; one in the generated text is a mistake of ours.
#[must_use]
pub fn compile(config: &Config, hand_written: &HandWritten, includes: &dyn Files) -> Loaded {
    let (choice, compat) = (choice(config), config.dialplan.compat);
    let source = |(name, text): &(String, String)| Source { name: name.clone(), text: text.clone(), choice, compat };
    let mut files: Vec<Source> = hand_written.files.iter().map(source).collect();
    let taken: BTreeSet<String> = if files.is_empty() {
        BTreeSet::new()
    } else {
        let alone = dialplan::load::load_each(&files, includes);
        alone.program.contexts().iter().map(|context| context.name.to_string()).collect()
    };
    // What we write ourselves follows our own rules, whatever the owner's files are.
    files.push(Source {
        name: GENERATED.to_owned(),
        text: text(config, &taken),
        choice: Choice::Is(Dialect::Safe),
        compat: Compat::default(),
    });
    dialplan::load::load_each(&files, includes)
}

/// Where a call to a destination begins. `dialled` counts only for a context, which may look at the number.
#[must_use]
pub fn place(to: &Destination, dialled: &str) -> Place {
    let (context, exten) = text::place_of(to);
    match to {
        Destination::Context(_) if is_dialled(dialled) => Place::new(context, dialled, 1),
        _ => Place::new(context, exten, 1),
    }
}

/// Whether what came as the called user may stand as an extension: data that would be a pattern, a path or control
/// characters counts as nothing dialled.
fn is_dialled(dialled: &str) -> bool {
    (1..=crate::limits::DIALLED).contains(&dialled.len())
        && !dialled.starts_with('_')
        && dialled.bytes().all(|b| b.is_ascii_alphanumeric() || b"+*#-._".contains(&b))
        && !is_special(dialled)
}

/// Names of extensions that the machine itself goes to; nobody dials them.
fn is_special(dialled: &str) -> bool {
    matches!(dialled, "s" | "i" | "t" | "T" | "h" | "e" | "o" | "a")
}

/// Where a call from a trunk begins: at its DID, else where the trunk's `entry` says, else where strangers go.
/// None if there is no such trunk.
#[must_use]
pub fn trunk_place(config: &Config, trunk: &str, dialled: &str) -> Option<Place> {
    let known = config.trunks.get(trunk)?;
    let country = config.system.country;
    let same = |did: &str| {
        let norm = |text: &str| number::normalise(country, text).ok().map(|number| number.e164);
        did == dialled
            || did.strip_prefix('+') == Some(dialled)
            || matches!((norm(did), norm(dialled)), (Some(a), Some(b)) if a == b)
    };
    let mine = |to: Option<&String>| to.is_none_or(|name| name == trunk);
    if let Some((did, _)) = config.dids.iter().find(|(did, to)| mine(to.trunk.as_ref()) && same(did)) {
        return Some(Place::new(&trunk_context(trunk), did, 1));
    }
    Some(match &known.entry {
        Some(entry) => place(entry, dialled),
        None => Place::new(&trunk_context(trunk), "s", 1),
    })
}

/// Where a call of a phone of the house begins: emergency numbers at `emergency`, whatever its context knows of them.
/// None if there is no such extension or nothing was dialled.
#[must_use]
pub fn extension_place(config: &Config, user: &str, dialled: &str) -> Option<Place> {
    let extension = config.extensions.get(user)?;
    if !is_dialled(dialled) {
        return None;
    }
    if number::classify(config.system.country, dialled) == Class::Emergency
        && let Ok(number) = number::normalise(config.system.country, dialled)
    {
        return Some(Place::new("emergency", &number.e164, 1));
    }
    Some(Place::new(&extension.context, dialled, 1))
}

/// One way into the plan, for the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// [`OriginKind::entry`]; several points of one entry share the name.
    pub name: String,
    /// Whose entry.
    pub origin: OriginKind,
    /// Where calls begin.
    pub place: Place,
    /// Any extension of that context can be the first, because the caller chooses the number.
    pub any_exten: bool,
}

/// Every way into the plan: strangers, each trunk, each extension.
#[must_use]
pub fn entries(config: &Config) -> Vec<EntryPoint> {
    let mut all = Vec::new();
    let mut add = |origin: OriginKind, place: Place, any_exten: bool| {
        all.push(EntryPoint { name: origin.entry(), origin, place, any_exten });
    };
    let free = |to: &Destination| matches!(to, Destination::Context(_));
    if let Some(answer) = &config.strangers.answer {
        add(OriginKind::Stranger, place(answer, ""), free(answer));
    }
    for (name, trunk) in &config.trunks {
        let origin = OriginKind::Trunk(name.clone());
        add(origin.clone(), Place::new(&trunk_context(name), "s", 1), true);
        // A rescue service that calls back rings the phone that called for help.
        add(origin.clone(), Place::new("ext-local", "s", 1), true);
        if let Some(entry) = &trunk.entry {
            add(origin, place(entry, ""), free(entry));
        }
    }
    for (number, extension) in &config.extensions {
        let origin = OriginKind::Extension(number.clone());
        add(origin.clone(), Place::new(&extension.context, "s", 1), true);
        add(origin, Place::new("emergency", "s", 1), true);
    }
    for (name, grant) in &config.grants {
        add(OriginKind::Grant(name.clone()), Place::new(&grant.context, "s", 1), true);
    }
    all
}

/// Destinations that name a context which neither the configuration nor a hand-written file has, as problems of the
/// configuration.
#[must_use]
pub fn missing_contexts(config: &Config, program: &Program) -> Vec<crate::config::Problem> {
    let mut problems = Vec::new();
    let mut look = |path: Vec<&str>, name: &str| {
        if program.context(name).is_none() {
            problems.push(crate::config::Problem {
                path: path.into_iter().map(str::to_owned).collect(),
                message: format!("there is no context {name}"),
            });
        }
    };
    let named = |to: &Destination| match to {
        Destination::Context(name) => Some(name.clone()),
        _ => None,
    };
    if let Some(name) = config.strangers.answer.as_ref().and_then(named) {
        look(vec!["strangers", "answer"], &name);
    }
    for (number, extension) in &config.extensions {
        look(vec!["extension", number, "context"], &extension.context);
    }
    for (grant_name, grant) in &config.grants {
        look(vec!["grant", grant_name, "context"], &grant.context);
    }
    for (number, group) in &config.groups {
        if let Some(name) = named(&group.then) {
            look(vec!["group", number, "then"], &name);
        }
    }
    for (menu_name, menu) in &config.menus {
        for (key, to) in &menu.keys {
            if let Some(name) = named(to) {
                look(vec!["menu", menu_name, "keys", key], &name);
            }
        }
        if let Some(name) = named(&menu.timeout) {
            look(vec!["menu", menu_name, "timeout"], &name);
        }
        if let Some(name) = menu.invalid.as_ref().and_then(named) {
            look(vec!["menu", menu_name, "invalid"], &name);
        }
    }
    for (trunk_name, trunk) in &config.trunks {
        if let Some(name) = trunk.entry.as_ref().and_then(named) {
            look(vec!["trunk", trunk_name, "entry"], &name);
        }
    }
    for (number, did) in &config.dids {
        if let Some(name) = named(&did.to) {
            look(vec!["did", number, "to"], &name);
        }
    }
    problems
}
