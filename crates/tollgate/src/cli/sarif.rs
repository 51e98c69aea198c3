//! Findings as a SARIF 2.1.0 log, for code hosting sites and editors: rules with their help pages, changes where they are
//! safe, accepted findings as suppressions, and a fingerprint that does not move with the line number.

use dialplan::finding::{Finding, Severity};
use dialplan::load::codes;
use dialplan::span::{SourceMap, Span};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The whole log.
pub(super) fn log(findings: &[Finding], accepted: &[(Finding, String)], sources: &SourceMap) -> Value {
    let all = || findings.iter().chain(accepted.iter().map(|(finding, _)| finding));
    // The rules that the results speak of, each once.
    let mut index: BTreeMap<&str, usize> = all().map(|finding| (finding.code, 0)).collect();
    let rules: Vec<Value> = index
        .iter_mut()
        .enumerate()
        .map(|(n, (code, at))| {
            *at = n;
            rule(code)
        })
        .collect();
    let plain = findings.iter().map(|finding| result(finding, sources, &index));
    let suppressed = accepted.iter().map(|(finding, reason)| {
        let mut result = result(finding, sources, &index);
        result["suppressions"] = json!([{ "kind": "inSource", "status": "accepted", "justification": reason }]);
        result
    });
    let results: Vec<Value> = plain.chain(suppressed).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tollgate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    // SARIF has the same three words.
    severity.word()
}

fn rule(name: &str) -> Value {
    match codes::find(name) {
        Some(code) => json!({
            "id": name,
            "shortDescription": { "text": code.title },
            "fullDescription": { "text": code.why },
            "help": { "text": code.page() },
            "defaultConfiguration": { "level": level(code.severity) },
        }),
        None => json!({ "id": name }),
    }
}

fn result(finding: &Finding, sources: &SourceMap, index: &BTreeMap<&str, usize>) -> Value {
    let locations: Vec<Value> =
        finding.span.iter().map(|span| json!({ "physicalLocation": physical(*span, sources) })).collect();
    let message = match &finding.repair {
        Some(repair) => format!("{}\nRepair: {repair}", finding.message),
        None => finding.message.clone(),
    };
    let mut result = json!({
        "ruleId": finding.code,
        "ruleIndex": index.get(finding.code),
        "level": level(finding.severity),
        "message": { "text": message },
        "locations": locations,
        "partialFingerprints": { "tollgate/v1": fingerprint(finding, sources) },
    });
    if !finding.way.is_empty() {
        let step = |(span, does): &(Span, String)| json!({ "location": { "physicalLocation": physical(*span, sources), "message": { "text": does } } });
        let steps: Vec<Value> = finding.way.iter().map(step).collect();
        result["codeFlows"] = json!([{ "threadFlows": [{ "locations": steps }] }]);
    }
    if let Some(fix) = fix(finding, sources) {
        result["fixes"] = json!([fix]);
    }
    result
}

/// A place in a file.
fn physical(span: Span, sources: &SourceMap) -> Value {
    let mut region = json!({ "startLine": span.line.max(1), "startColumn": span.col.max(1) });
    if span.len > 0 {
        region["endColumn"] = json!(span.col.max(1) + span.len);
    }
    json!({ "artifactLocation": { "uri": uri(sources.name(span.file)) }, "region": region })
}

/// The line that the finding is about, not its number: a line added above changes nothing.
fn fingerprint(finding: &Finding, sources: &SourceMap) -> String {
    let mut digest = Sha256::new();
    digest.update(finding.code);
    if let Some(span) = finding.span {
        digest.update(sources.name(span.file));
        digest.update(sources.line(span.file, span.line).unwrap_or_default().trim());
    }
    hex::encode(digest.finalize().get(..16).unwrap_or_default())
}

/// Changes that have a column of their own.
fn fix(finding: &Finding, sources: &SourceMap) -> Option<Value> {
    let edits: Vec<_> = finding.fix.iter().filter(|edit| edit.span.col > 0).collect();
    let file = edits.first()?.span.file;
    let replacements: Vec<Value> = edits
        .iter()
        .map(|edit| {
            let end = edit.span.col + u32::try_from(edit.from.chars().count()).unwrap_or(0);
            json!({
                "deletedRegion": { "startLine": edit.span.line, "startColumn": edit.span.col, "endColumn": end },
                "insertedContent": { "text": edit.to },
            })
        })
        .collect();
    Some(json!({
        "description": { "text": finding.repair.clone().unwrap_or_else(|| "repair".to_owned()) },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(sources.name(file)) },
            "replacements": replacements,
        }],
    }))
}

/// A name as a URI reference: what may not stand there is escaped.
fn uri(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}
