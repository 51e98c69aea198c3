//! `tollgate check`: findings of a plan and its configuration. Exit 0: nothing at or above `--fail-on`; 1: findings; 2: unreadable.

use super::places::Subject;
use super::print::say;
use super::{Check, Common, FailOn, Format, print};
use crate::fault::Outcome;
use dialplan::finding::{Finding, Severity};
use dialplan::span::SourceMap;
use serde_json::{Value, json};

/// Looks and tells.
pub(super) fn run(common: &Common, check: &Check) -> Outcome<u8> {
    if check.fix {
        super::fix::run(common, check)?;
        if check.dry_run {
            return Ok(0);
        }
    }
    let subject = Subject::read(common, &check.place)?;
    let (findings, sources) = subject.findings();
    let accepted = subject.accepted();
    let format = if common.json && check.format == Format::Text { Format::Json } else { check.format };
    match format {
        Format::Text => {
            for finding in findings {
                say!("{}", finding.render(sources).trim_end());
            }
            say!("{}", summary(findings, accepted.len()));
            say!("{}", subject.report().verdict);
        }
        Format::Json => {
            let list: Vec<Value> = findings.iter().map(|finding| to_json(finding, sources)).collect();
            let accepted: Vec<Value> = accepted
                .iter()
                .map(|(finding, reason)| json!({ "finding": to_json(finding, sources), "reason": reason }))
                .collect();
            let verdict = &subject.report().verdict;
            print::json(&json!({ "findings": list, "accepted": accepted, "verdict": verdict }));
        }
        Format::Sarif => print::json(&super::sarif::log(findings, accepted, sources)),
    }
    let bar = match check.fail_on {
        FailOn::Note => Some(Severity::Note),
        FailOn::Warning => Some(Severity::Warning),
        FailOn::Error => Some(Severity::Error),
        FailOn::Never => None,
    };
    let failed = bar.is_some_and(|bar| findings.iter().any(|finding| finding.severity >= bar));
    Ok(u8::from(failed))
}

fn summary(findings: &[Finding], accepted: usize) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    let accepted = if accepted == 0 { String::new() } else { format!(", {accepted} accepted") };
    format!("{errors} errors, {warnings} warnings, {notes} notes{accepted}")
}

fn to_json(finding: &Finding, sources: &SourceMap) -> Value {
    let place = finding.span.map(
        |span| json!({ "file": sources.name(span.file), "line": span.line, "column": span.col, "length": span.len }),
    );
    json!({
        "code": finding.code,
        "severity": finding.severity.word(),
        "message": finding.message,
        "repair": finding.repair,
        "fixable": !finding.fix.is_empty(),
        "place": place,
    })
}
