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
    let subject = Subject::read(common, &check.place)?;
    let (findings, sources) = subject.findings();
    let format = if common.json && check.format == Format::Text { Format::Json } else { check.format };
    match format {
        Format::Text => {
            for finding in findings {
                say!("{}", finding.render(sources).trim_end());
            }
            say!("{}", summary(findings));
            say!("{}", subject.report().verdict);
        }
        Format::Json => {
            let list: Vec<Value> = findings.iter().map(|finding| to_json(finding, sources)).collect();
            print::json(&json!({ "findings": list, "verdict": subject.report().verdict }));
        }
        Format::Sarif => print::json(&sarif(findings, sources)),
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

fn summary(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    format!("{} errors, {} warnings, {} notes", count(Severity::Error), count(Severity::Warning), count(Severity::Note))
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
        "place": place,
    })
}

/// SARIF 2.1.0.
fn sarif(findings: &[Finding], sources: &SourceMap) -> Value {
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let locations: Vec<Value> = finding
                .span
                .iter()
                .map(|span| {
                    json!({ "physicalLocation": {
                        "artifactLocation": { "uri": sources.name(span.file) },
                        "region": { "startLine": span.line.max(1), "startColumn": span.col.max(1) },
                    } })
                })
                .collect();
            json!({
                "ruleId": finding.code,
                "level": finding.severity.word(),
                "message": { "text": finding.message },
                "locations": locations,
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "tollgate", "version": env!("CARGO_PKG_VERSION") } },
            "results": results,
        }],
    })
}
