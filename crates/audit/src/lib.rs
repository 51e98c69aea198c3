//! What can each entry reach? [`prove`] answers: what it does not reach, the machine cannot reach; [`report`] says so to the
//! owner, and the gate holds the running exchange to it.
//!
//! `lang` computes with sets of texts, `prove` walks the plan with them. Phase 1, [`coarse`], is a plain search for plans
//! that are too large: `walk`, what a line does in `line`, `steer`, `legs`, `jumps`, `options`, destinations in `dial`, texts
//! in `value` and `eval`, variables in `vars`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bytes;
mod certificate;
mod dial;
mod eval;
mod facts;
mod jumps;
mod lang;
mod legs;
mod limits;
mod line;
mod mutant;
mod opened;
mod options;
mod plan;
mod prove;
mod report;
mod steer;
mod value;
mod vars;
mod walk;
mod witness;

use dialplan::policy::OriginKind;
use dialplan::program::{Place, Program};
use dialplan::reach::Reach;

use crate::certificate::Claim;
use crate::plan::Plan;
use crate::prove::search::Searches;
use crate::value::Value;
use crate::vars::Vars;
use crate::walk::{At, Spot, Walk};

pub use certificate::{Call, Certificate, Certificates};
pub use facts::Facts;
#[cfg(feature = "mutants")]
pub use mutant::{Mutant, with};
pub use opened::{Opened, open, opened};
pub use prove::gates::Gate;
pub use report::{EntryReport, PROMISE, Report, Step};
pub use witness::{Act, Played, Witness};

/// One way into the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name as in [`OriginKind::entry`]; several entries of one name are reported together.
    pub name: String,
    /// Who comes in here.
    pub origin: OriginKind,
    /// Where a call begins.
    pub place: Place,
    /// The caller chooses the extension: any of the place's context may be the first, besides the place itself.
    pub any_exten: bool,
}

/// What each entry may reach: an over-approximation, so what is missing is proved out of reach. Languages of texts
/// (phase 2); an entry that is too large for that is answered by the coarse search (phase 1).
pub fn prove(program: &Program, entries: &[Entry], facts: &Facts) -> Report {
    proof(program, entries, facts).0
}

/// Where calls of one entry begin, each with whether the number dialled may be any.
type Doors = Vec<(Place, bool)>;

/// The same with a certificate for each entry: what is claimed of every line.
pub fn proof(program: &Program, entries: &[Entry], facts: &Facts) -> (Report, Certificates) {
    let plan = Plan::new(program);
    let vars = Vars::as_written(program);
    let langs = std::rc::Rc::new(lang::Langs::new());
    let by_span = std::rc::Rc::new(certificate::spans(program));
    let mut certificates = Certificates::new();
    let searches = Searches::new(&plan, &langs);
    let followed = prove::is_followed(program);
    let mut known: Vec<(Doors, EntryReport, std::rc::Rc<Certificate>)> = Vec::new();
    let report = told(program, entries, facts, |same| {
        // Phones mostly begin at one place: what was proved for one holds for all.
        let mut doors: Doors = same.iter().map(|entry| (entry.place.clone(), entry.any_exten)).collect();
        doors.sort();
        let name = same.first().map(|entry| entry.name.clone()).unwrap_or_default();
        if let Some((_, report, certificate)) = known.iter().find(|(others, ..)| *others == doors) {
            certificates.insert(name, std::rc::Rc::clone(certificate));
            return report.clone();
        }
        let prover = followed.then(|| prove::prove(&plan, &vars, facts, &langs, &searches, same));
        let (report, claim) = match prover {
            Some(prover) if !prover.gave_up => (report::of(&prover), Claim::States(prover.claims())),
            _ => {
                let vars = std::rc::Rc::new(Vars::of(program));
                let walk = coarse_entry(&plan, &vars, facts, same);
                (report_of(&walk), Claim::Lines(walk.claims(std::rc::Rc::clone(&vars))))
            }
        };
        let sinks = report.sinks.iter().map(|(sink, _)| sink.clone()).collect();
        let langs = std::rc::Rc::clone(&langs);
        let certificate = std::rc::Rc::new(Certificate { claim, sinks, langs, by_span: std::rc::Rc::clone(&by_span) });
        certificates.insert(name, std::rc::Rc::clone(&certificate));
        known.push((doors, report.clone(), certificate));
        report
    });
    (report, certificates)
}

/// The same by phase 1 alone: a search over the plan's lines that knows patterns and what the plan itself writes into
/// variables, and takes everything else for possible.
pub fn coarse(program: &Program, entries: &[Entry], facts: &Facts) -> Report {
    let plan = Plan::new(program);
    let vars = Vars::of(program);
    told(program, entries, facts, |same| report_of(&coarse_entry(&plan, &vars, facts, same)))
}

fn coarse_entry<'a>(plan: &'a Plan<'a>, vars: &'a Vars, facts: &'a Facts, same: &[&Entry]) -> Walk<'a> {
    let mut walk = Walk::new(plan, vars, facts);
    same.iter().for_each(|entry| enter(&mut walk, entry));
    walk.run();
    walk
}

/// One report per entry name, in the order of the entries.
fn told(program: &Program, entries: &[Entry], facts: &Facts, mut of: impl FnMut(&[&Entry]) -> EntryReport) -> Report {
    let mut reach = Reach::of(program.hash());
    let mut reports: Vec<EntryReport> = Vec::new();
    for entry in entries {
        if reports.iter().any(|report| report.entry == entry.name) {
            continue;
        }
        let same: Vec<&Entry> = entries.iter().filter(|other| other.name == entry.name).collect();
        let mut report = of(&same);
        report.entry.clone_from(&entry.name);
        report.origin = entry.origin.clone();
        // What has a name of its own comes first, what is numbered follows.
        report.inside.sort_by_key(|word| {
            (word.ends_with(|c: char| c.is_ascii_digit()), !word.starts_with("group"), word.clone())
        });
        report.verdict = report::sentence(&report, facts);
        reach.entries.entry(entry.name.clone()).or_default();
        for (sink, _) in &report.sinks {
            reach.add(&entry.name, sink.clone());
        }
        reports.push(report);
    }
    let outside = |origin: &OriginKind| match origin {
        OriginKind::Stranger => 0,
        OriginKind::Trunk(_) => 1,
        OriginKind::Grant(_) => 3,
        OriginKind::System | OriginKind::Extension(_) => 2,
    };
    let mut told: Vec<&EntryReport> = reports.iter().filter(|report| report::is_told(&report.origin)).collect();
    told.sort_by_key(|report| outside(&report.origin));
    let verdict = told.iter().map(|report| report.verdict.as_str()).collect::<Vec<_>>().join("\n");
    Report { reach, entries: reports, verdict }
}

fn enter(walk: &mut Walk<'_>, entry: &Entry) {
    let Some(context) = walk.plan.find(&entry.place.context) else { return };
    let begin = |exten: Value, at: At| Spot::Search { context, exten, at };
    walk.go(begin(Value::literal(&entry.place.exten), At::Priority(entry.place.priority)), None);
    // A place that does not exist begins elsewhere in legacy contexts (S6).
    for place in walk.plan.program.start_instead(&entry.place) {
        if let Some(context) = walk.plan.find(&place.context) {
            let exten = Value::literal(&place.exten);
            walk.go(Spot::Search { context, exten, at: At::Priority(place.priority) }, None);
        }
    }
    if entry.any_exten {
        let dialled = if walk.facts.clean_dialling { bytes::clean() } else { bytes::Bytes::ALL };
        walk.go(begin(Value::run(dialled), At::First), None);
    }
}

fn report_of(walk: &Walk<'_>) -> EntryReport {
    let path = |at: &usize| walk.path(*at);
    EntryReport {
        entry: String::new(),
        origin: OriginKind::System,
        sinks: walk.sinks.iter().map(|(sink, at)| (sink.clone(), path(at))).collect(),
        guards: std::collections::BTreeMap::new(),
        witnesses: std::collections::BTreeMap::new(),
        inside: walk.inside.keys().cloned().collect(),
        unknowns: walk.unknowns.iter().map(|(why, at)| (why.clone(), path(at))).collect(),
        lines: walk.lines(),
        verdict: String::new(),
        size: walk.size(),
    }
}
