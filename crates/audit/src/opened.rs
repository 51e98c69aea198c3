//! What a change of the plan opens: paid ways for people who are not known that were not there before.

use dialplan::reach::{Reach, Sink};

use crate::report::{EntryReport, Report, is_outside, people, way};

/// One way that a change opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// By this name the owner accepts it: `strangers reach trunk itsp`.
    pub finding: String,
    /// In words.
    pub text: String,
    /// Whose way it is.
    pub entry: String,
    /// Where it leads.
    pub sink: Sink,
}

/// The name of a finding.
pub(crate) fn finding(report: &EntryReport, sink: &Sink) -> String {
    format!("{} reach {sink}", report.entry)
}

/// Everything paid that is open to people who are not known: what `[policy] accept` may name.
pub fn open(report: &Report) -> Vec<Opened> {
    let outside = report.entries.iter().filter(|entry| is_outside(&entry.origin));
    outside
        .flat_map(|entry| {
            let paid = entry.sinks.iter().filter(|(sink, _)| matches!(sink, Sink::Trunk(_) | Sink::Paid(_)));
            paid.map(|(sink, path)| Opened {
                finding: finding(entry, sink),
                text: format!("{} reach {sink}: {}", people(entry), way(path)),
                entry: entry.entry.clone(),
                sink: sink.clone(),
            })
        })
        .collect()
}

/// What `after` opens that `before` kept closed. Unknowns are no openings: the gate keeps everything behind them closed.
pub fn opened(before: &Reach, after: &Report) -> Vec<Opened> {
    let known = |entry: &EntryReport, sink: &Sink| before.allows(&entry.entry, sink);
    let old: Vec<String> = after
        .entries
        .iter()
        .flat_map(|entry| {
            entry.sinks.iter().filter(move |(sink, _)| known(entry, sink)).map(move |(sink, _)| finding(entry, sink))
        })
        .collect();
    open(after).into_iter().filter(|one| !old.contains(&one.finding)).collect()
}
