//! What the search says, for the gate ([`Report::reach`]), for the owner ([`Report::verdict`]) and for the linter
//! ([`Report::findings`]).

use std::collections::{BTreeMap, BTreeSet};

use dialplan::finding::{Finding, Severity};
use dialplan::number::Class;
use dialplan::policy::OriginKind;
use dialplan::reach::{Reach, Sink};
use dialplan::span::Span;

use crate::facts::Facts;
use crate::prove::gates::Gate;
use crate::prove::{Prover, Spot};
use crate::witness::Witness;

/// Calls that somebody who guesses has at a time: what a home line lets in.
const LINES: u32 = 4;

/// The verdict of a sink that a replay got to.
pub(crate) const PLAYED: &str = "reachable, with witness";

/// What a report promises, word for word.
pub const PROMISE: &str = "If the report says that an entry cannot reach a sink without a gate, then no finite sequence of \
messages, digits and silences from that caller or the called party makes our machine do it, provided the listed contracts \
hold; the gate checks those at run time.";

/// One line on the way to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `context,extension,priority`; the context is the call's, the extension as it is written.
    pub place: String,
    /// `Application(arguments)`.
    pub does: String,
    /// Where it stands.
    pub span: Span,
    /// What the caller does to get there; nothing where the plan goes on by itself.
    pub by: Option<String>,
}

/// What one entry may reach.
#[derive(Debug, Clone)]
pub struct EntryReport {
    /// Name of the entry, as in [`Reach::entries`].
    pub entry: String,
    /// Whose it is.
    pub origin: OriginKind,
    /// Sinks, each with a shortest way there.
    pub sinks: Vec<(Sink, Vec<Step>)>,
    /// Sinks that are reached through gates only: each way there, as the gates on it.
    pub guards: BTreeMap<Sink, Vec<Vec<Gate>>>,
    /// How a caller would get there, best first: what a replay tries.
    pub witnesses: BTreeMap<Sink, Vec<Witness>>,
    /// Phones, groups, menus and applications of the house, in words.
    pub inside: Vec<String>,
    /// What the search could not see through, each with the way there. Each of them counts as everything.
    pub unknowns: Vec<(String, Vec<Step>)>,
    /// Every line of the plan that a call of this entry may run, by its place in the text.
    pub lines: BTreeSet<Span>,
    /// One sentence.
    pub verdict: String,
    /// How many spots the search looked at.
    pub size: usize,
}

impl EntryReport {
    /// Sinks that may cost money, unknowns included.
    pub fn paid(&self) -> impl Iterator<Item = &(Sink, Vec<Step>)> {
        self.sinks.iter().filter(|(sink, _)| sink.is_paid())
    }

    /// The gates before a sink on the way with the weakest one, in words with how long each stands; none if it is open.
    pub fn gates(&self, sink: &Sink) -> Vec<String> {
        let Some(ways) = self.guards.get(sink) else { return Vec::new() };
        let days = |way: &&Vec<Gate>| way.iter().map(|gate| gate.days(LINES)).fold(0.0, f64::max);
        let weakest = ways.iter().min_by(|a, b| days(a).total_cmp(&days(b)));
        let said = |gate: &Gate| format!("{} at {} ({})", gate.kind, gate.place, gate.strength(LINES));
        weakest.into_iter().flatten().map(said).collect()
    }

    /// Whether it was proved that this entry reaches nothing that costs money.
    pub fn is_free(&self) -> bool {
        self.paid().next().is_none()
    }
}

/// What all entries may reach.
#[derive(Debug, Clone)]
pub struct Report {
    /// For the gate: it lets nothing beyond this.
    pub reach: Reach,
    /// One per entry name.
    pub entries: Vec<EntryReport>,
    /// One sentence per entry of people who are not known: strangers first, then trunks.
    pub verdict: String,
}

impl Report {
    /// The report of an entry.
    pub fn entry(&self, name: &str) -> Option<&EntryReport> {
        self.entries.iter().find(|report| report.entry == name)
    }

    /// Paid ways that are open to people who are not known, as findings at the line that dials.
    pub fn findings(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        for report in self.entries.iter().filter(|report| is_outside(&report.origin)) {
            let trunks = report.sinks.iter().filter(|(sink, _)| matches!(sink, Sink::Trunk(_)));
            for (sink, path) in trunks {
                let message = format!("{} can reach {sink}: {}", people(report), way(path));
                let span = path.last().map(|step| step.span);
                let repair = "lead callers from outside to a context that dials phones of the house only";
                let mut found = Finding::new("paid-from-outside", Severity::Error, span, message).repair(repair);
                found.way = path.iter().map(said).collect();
                all.push(found);
            }
            for (why, path) in &report.unknowns {
                let message = format!("{} can reach something that nobody can judge: {why}", people(report));
                let span = path.last().map(|step| step.span);
                let mut found = Finding::new("unknown-from-outside", Severity::Warning, span, message);
                found.way = path.iter().map(said).collect();
                all.push(found);
            }
        }
        all
    }
}

/// One line of a way, with what is done before it.
fn said(step: &Step) -> (Span, String) {
    let by = step.by.as_ref().map_or_else(String::new, |by| format!("{by}: "));
    (step.span, format!("{by}{} {}", step.place, step.does))
}

/// People who are not known: strangers and callers from trunks.
pub(crate) fn is_outside(origin: &OriginKind) -> bool {
    matches!(origin, OriginKind::Stranger | OriginKind::Trunk(_))
}

/// What phase 2 found.
pub(crate) fn of(prover: &Prover<'_>) -> EntryReport {
    let first = |ways: &BTreeMap<u32, (usize, Option<crate::lang::Lang>)>| {
        ways.values().next().map_or(Vec::new(), |(at, _)| path(prover, *at))
    };
    let guards = prover.sinks.iter().filter(|(_, ways)| !ways.contains_key(&0));
    EntryReport {
        entry: String::new(),
        origin: OriginKind::System,
        sinks: prover.sinks.iter().map(|(sink, ways)| (sink.clone(), first(ways))).collect(),
        guards: guards
            .map(|(sink, ways)| (sink.clone(), ways.keys().map(|set| prover.gates_of(*set).to_vec()).collect()))
            .collect(),
        witnesses: crate::witness::all(prover),
        inside: prover.inside.keys().cloned().collect(),
        unknowns: prover.unknowns.iter().map(|(why, at)| (why.clone(), path(prover, *at))).collect(),
        lines: prover.lines(),
        verdict: String::new(),
        size: prover.nodes.len(),
    }
}

/// The lines run until there, oldest first.
fn path(prover: &Prover<'_>, at: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut next = Some(at);
    while let Some(known) = next.and_then(|at| prover.nodes.get(at)) {
        if let Spot::Line { home, priority } = known.node.spot
            && let (Some(room), Some(found)) = (prover.plan.room(known.node.context), prover.plan.exten(home))
            && let Some(line) = found.lines.get(&priority)
        {
            steps.push(Step {
                place: format!("{},{},{priority}", room.context.name, found.title()),
                does: format!("{}({})", line.app, dialplan::apps::without_pin(&line.app, &line.data)),
                span: line.span,
                by: None,
            });
        }
        if let Some((_, via)) = &known.came
            && let Some(does) = crate::witness::does(prover.langs, via)
            && let Some(step) = steps.last_mut().filter(|step: &&mut Step| step.by.is_none())
        {
            step.by = Some(does);
        }
        next = known.came.as_ref().map(|(from, _)| *from);
    }
    steps.reverse();
    steps
}

/// Whose reach stands in the verdict: people who are not known, also behind a PIN.
pub(crate) fn is_told(origin: &OriginKind) -> bool {
    is_outside(origin) || matches!(origin, OriginKind::Grant(_))
}

pub(crate) fn people(report: &EntryReport) -> String {
    match &report.origin {
        OriginKind::Stranger => "strangers".to_owned(),
        OriginKind::Trunk(name) => format!("callers from trunk {name}"),
        OriginKind::Extension(user) => format!("extension {user}"),
        OriginKind::Grant(name) => format!("whoever knows the PIN of grant {name}"),
        OriginKind::System => "the exchange itself".to_owned(),
    }
}

/// `from-sip,s,1 → menu,9,1 Dial(…)`.
pub(crate) fn way(path: &[Step]) -> String {
    let mut words: Vec<String> = path.iter().map(|step| step.place.clone()).collect();
    if words.len() > 6 {
        words.splice(3..words.len() - 3, ["…".to_owned()]);
    }
    match path.last() {
        Some(last) => format!("{} {}", words.join(" → "), last.does),
        None => "at once".to_owned(),
    }
}

/// The sentence of one entry.
pub(crate) fn sentence(report: &EntryReport, facts: &Facts) -> String {
    let inside = words(&report.inside);
    let mut text = format!("{} can reach: {}", people(report), if inside.is_empty() { "nobody" } else { &inside });
    for (sink, _) in report.sinks.iter().filter(|(sink, _)| matches!(sink, Sink::Guarded(_))) {
        text += &format!("; {sink}");
    }
    let trunks: Vec<&str> = report
        .sinks
        .iter()
        .filter_map(|(sink, _)| if let Sink::Trunk(name) = sink { Some(name.as_str()) } else { None })
        .collect();
    let classes: BTreeSet<Class> = report
        .sinks
        .iter()
        .filter_map(|(sink, _)| if let Sink::Paid(class) = sink { Some(*class) } else { None })
        .collect();
    if trunks.is_empty() && report.unknowns.is_empty() {
        return text + "; nothing that costs money";
    }
    if let Some(first) = report.sinks.iter().find(|(sink, _)| matches!(sink, Sink::Trunk(_))) {
        let every = Class::ALL.into_iter().filter(|class| class.is_paid() && *class != Class::Unknown);
        let kind = if classes.is_empty() || every.eq(classes.iter().copied()) {
            "calls of every kind".to_owned()
        } else {
            words(&classes.iter().map(|class| format!("{class} calls")).collect::<Vec<_>>())
        };
        let gates = report.gates(&first.0);
        let behind = if gates.is_empty() { String::new() } else { format!(" behind {}", words(&gates)) };
        text += &format!("; and at cost{behind}: {kind} over {} ({})", words(&trunks), way(&first.1));
        if let Some(policy) = &facts.policy
            && !classes.iter().any(|class| policy.decide(&report.origin, *class).is_allow())
        {
            text += ", which policy refuses them";
        }
    }
    if !report.unknowns.is_empty() {
        let why: Vec<&str> = report.unknowns.iter().map(|(why, _)| why.as_str()).collect();
        text += &format!("; and unknown, so perhaps everything: {}", words(&why));
    }
    text
}

/// "the attendant, group 222, extensions 200 and 204".
pub(crate) fn words(all: &[impl AsRef<str>]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(word) = all.get(at).map(AsRef::as_ref) {
        let kind = |word: &str| {
            word.rsplit_once(' ')
                .filter(|(_, which)| which.starts_with(|c: char| c.is_ascii_digit()))
                .map(|(kind, which)| (kind.to_owned(), which.to_owned()))
        };
        let same: Vec<String> = match kind(word) {
            None => Vec::new(),
            Some((first, _)) => all
                .iter()
                .skip(at)
                .map_while(|word| kind(word.as_ref()).filter(|(kind, _)| *kind == first))
                .map(|(_, which)| which)
                .collect(),
        };
        if let ([_, _, ..], Some((kind, _))) = (same.as_slice(), kind(word)) {
            let plural = kind.strip_suffix('x').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}xes"));
            parts.push(format!("{plural} {}", list(&same)));
            at += same.len();
        } else {
            parts.push(word.to_owned());
            at += 1;
        }
    }
    if parts.len() > 1 && parts.iter().any(|part| part.contains(" and ")) { parts.join(", ") } else { list(&parts) }
}

fn list(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_speech() {
        let check = |all: &[&str], expected: &str| assert_eq!(words(all), expected);
        check(&[], "");
        check(&["extension 204"], "extension 204");
        check(&["extension 200", "extension 204"], "extensions 200 and 204");
        check(
            &["the directory", "group 222", "extension 200", "extension 204"],
            "the directory, group 222, extensions 200 and 204",
        );
        check(&["mailbox 200", "mailbox 204", "mailbox 205"], "mailboxes 200, 204 and 205");
        check(&["the attendant", "any extension"], "the attendant and any extension");
    }
}
