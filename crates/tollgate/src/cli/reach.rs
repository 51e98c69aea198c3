//! `tollgate reach`: what each kind of caller can get at.

use super::places::Subject;
use super::print::say;
use super::{Common, Format, Place, Reach, print};
use crate::exchange::replay::Replay;
use crate::exchange::snapshot::sound_folders;
use crate::fault::{Fault, Outcome};
use crate::prompts::Prompts;
use audit::{EntryReport, Played, Step};
use dialplan::policy::OriginKind;
use dialplan::reach::Sink;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

/// Prints it.
pub(super) fn run(common: &Common, reach: &Reach) -> Outcome<u8> {
    if let [old, new] = reach.diff.as_slice() {
        return diff(common, old, new);
    }
    let subject = Subject::read(common, &reach.place)?;
    let report = subject.report();
    let known: Vec<&str> = report.entries.iter().map(|entry| entry.entry.as_str()).collect();
    if let Some(from) = &reach.from
        && !known.contains(&from.as_str())
    {
        return Err(
            Fault::unusable(format!("there is no entry {from}")).repair(format!("there are: {}", known.join(", ")))
        );
    }
    let policy = subject.policy();
    // What `may` forbids an extension the gate refuses, whatever its plan leads to.
    let refused = |entry: &EntryReport, sink: &Sink| match (&policy, &entry.origin, sink) {
        (Some(policy), OriginKind::Extension(_), Sink::Paid(class)) => !policy.decide(&entry.origin, *class).is_allow(),
        _ => false,
    };
    let chosen = || report.entries.iter().filter(|entry| reach.from.as_ref().is_none_or(|from| *from == entry.entry));
    let mut replay = match &subject {
        Subject::Home(built) => {
            let prompts = Prompts::new(sound_folders(&common.home, &built.snapshot.config));
            Some(Replay::new(&built.snapshot, Arc::new(prompts)))
        }
        Subject::Plan(_) => None,
    };
    let mut played = |entry: &EntryReport, sink: &Sink| match &mut replay {
        Some(replay) => replay.of(entry, sink),
        None => Played::Possible(as_it_stands(entry, sink)),
    };
    if common.json || reach.format != Format::Text {
        let entries: Vec<Value> = chosen()
            .map(|entry| {
                let sinks: Vec<Value> = entry
                    .sinks
                    .iter()
                    .filter(|(sink, _)| !refused(entry, sink))
                    .map(|(sink, way)| {
                        let mut one = json!({ "sink": sink.to_string(), "paid": sink.is_paid(), "behind": entry.gates(sink), "way": steps(way) });
                        if let (false, Some(one)) = (is_told_elsewhere(sink), one.as_object_mut()) {
                            one.extend(verdict(&played(entry, sink)));
                        }
                        one
                    })
                    .collect();
                let unknowns: Vec<Value> =
                    entry.unknowns.iter().map(|(why, way)| json!({ "why": why, "way": steps(way) })).collect();
                let shut: Vec<String> = entry
                    .sinks
                    .iter()
                    .filter(|(sink, _)| refused(entry, sink))
                    .map(|(sink, _)| sink.to_string())
                    .collect();
                json!({
                    "entry": entry.entry,
                    "refused": shut,
                    "inside": entry.inside,
                    "sinks": sinks,
                    "unknowns": unknowns,
                    "verdict": entry.verdict,
                })
            })
            .collect();
        print::json(&json!({ "entries": entries, "verdict": report.verdict, "promise": audit::PROMISE }));
        return Ok(0);
    }
    for entry in chosen() {
        say!("{}", entry.entry);
        for inside in &entry.inside {
            say!("    inside    {inside}");
        }
        for (sink, way) in entry.sinks.iter().filter(|(sink, _)| !refused(entry, sink)) {
            // What is inside has been named already.
            if !matches!(sink, Sink::Inside(_)) {
                say!("    {}{sink}", if sink.is_paid() { "COSTS     " } else { "reaches   " });
                for gate in entry.gates(sink) {
                    say!("              behind {gate}");
                }
                if !is_told_elsewhere(sink) {
                    say!("              {}", print::clean(&played(entry, sink).words()));
                }
                by(way);
            }
        }
        for (why, way) in &entry.unknowns {
            say!("    unknown   {why}");
            by(way);
        }
    }
    say!("{}", report.verdict);
    say!("{}", audit::PROMISE);
    Ok(0)
}

/// What a change opens and closes. Exit 1 if it opens a paid way to people who are not known.
fn diff(common: &Common, old: &Path, new: &Path) -> Outcome<u8> {
    let read = |path: &Path| Subject::read(common, &Place { path: Some(path.to_owned()) });
    let (old, new) = (read(old)?, read(new)?);
    let opened = audit::opened(&old.report().reach, new.report());
    let closed = audit::opened(&new.report().reach, old.report());
    if common.json {
        let list = |all: &[audit::Opened]| -> Vec<Value> {
            all.iter().map(|one| json!({ "finding": one.finding, "text": one.text })).collect()
        };
        print::json(&json!({ "opened": list(&opened), "closed": list(&closed) }));
    } else {
        opened.iter().for_each(|one| say!("OPENS     {}", one.text));
        closed.iter().for_each(|one| say!("closes    {}", one.text));
        if opened.is_empty() {
            say!("nothing that costs money is opened to people who are not known");
        }
    }
    Ok(u8::from(!opened.is_empty()))
}

/// What is named under another heading: phones of the house, and what is unknown.
fn is_told_elsewhere(sink: &Sink) -> bool {
    matches!(sink, Sink::Inside(_) | Sink::Unknown(_))
}

/// Why nothing was played of a plan without a configuration, and what would be tried.
fn as_it_stands(entry: &EntryReport, sink: &Sink) -> String {
    let why = "a plan alone has no trunks and phones to play it with";
    match entry.witnesses.get(sink).and_then(|all| all.first()) {
        Some(witness) => format!("{why}; the way is: {}", witness.words()),
        None => why.to_owned(),
    }
}

/// The verdict of one sink, with its witness.
fn verdict(played: &Played) -> Map<String, Value> {
    let mut all = Map::new();
    let reached = matches!(played, Played::Reached { .. });
    all.insert("verdict".to_owned(), json!(if reached { "reachable" } else { "possible" }));
    match played {
        Played::Possible(why) => {
            all.insert("why".to_owned(), json!(why));
        }
        Played::Reached { how, keys, dialled, caller, at, refused, lines } => {
            let witness = json!({
                "how": how, "dialled": dialled, "keys": keys, "caller": caller, "at": at, "refused": refused, "lines": lines,
            });
            all.insert("witness".to_owned(), witness);
        }
    }
    all
}

/// The lines of the plan that lead there.
fn by(way: &[Step]) {
    for step in way {
        say!("              {:<32} {}", step.place, step.does);
    }
}

fn steps(way: &[Step]) -> Vec<Value> {
    way.iter().map(|step| json!({ "place": step.place, "does": step.does })).collect()
}
