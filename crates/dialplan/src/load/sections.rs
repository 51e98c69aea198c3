//! Lines to sections: `[name]`, `[name](!)` templates, `[name](a,b)` inheritance, `[name](+)` additions.

use super::lines::{TextLine, length};
use super::{Findings, codes};
use crate::dialect::Rules;
use crate::limits;
use crate::span::Span;
use std::collections::HashMap;

/// `key = value` or `key => value`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// As it is written.
    pub(super) key: String,
    pub(super) value: String,
    /// Where the value stands.
    pub(super) span: Span,
    /// By which rules it is read.
    pub(super) rules: Rules,
}

/// One section with what it inherits in front of what it says itself.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) template: bool,
    pub(super) span: Span,
    pub(super) rules: Rules,
    pub(super) entries: Vec<Entry>,
}

pub(super) fn sort(lines: Vec<TextLine>, findings: &mut Findings) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    // The last section of each name.
    let mut latest: HashMap<String, usize> = HashMap::new();
    let mut current: Option<usize> = None;
    // A header that could not be read: its lines belong nowhere, and one finding is enough.
    let mut skipping = false;
    let mut inherited = 0usize;
    for line in lines {
        if line.text.starts_with('[') {
            current = header(&line, &mut sections, &latest, &mut inherited, findings);
            skipping = current.is_none();
            if let Some(at) = current
                && let Some(section) = sections.get(at)
            {
                latest.insert(section.name.clone(), at);
            }
            continue;
        }
        let Some(entry) = entry(&line, findings) else { continue };
        match current.and_then(|at| sections.get_mut(at)) {
            Some(section) => section.entries.push(entry),
            None if skipping => {}
            None => {
                skipping = true;
                findings.error(codes::NO_CONTEXT, line.span, "this stands before the first [context]");
                findings.repair("write [name-of-the-context] above it");
            }
        }
    }
    sections
}

fn header(
    line: &TextLine,
    sections: &mut Vec<Section>,
    latest: &HashMap<String, usize>,
    inherited: &mut usize,
    findings: &mut Findings,
) -> Option<usize> {
    let inside = line.text.strip_prefix('[').unwrap_or_default();
    let Some((name, rest)) = inside.split_once(']') else {
        findings.error(codes::SYNTAX, line.span, "this header has no ]");
        findings.repair(format!("[{}]", inside.trim()));
        return None;
    };
    let (name, rest) = (name.trim(), rest.trim());
    if name.is_empty() {
        findings.error(codes::SYNTAX, line.span, "this header has no name");
        return None;
    }
    let mut section =
        Section { name: name.to_owned(), template: false, span: line.span, rules: line.rules, entries: Vec::new() };
    let options = match rest.strip_prefix('(') {
        Some(options) => options.split_once(')').map_or(options, |(inside, _)| inside),
        None => {
            if !rest.is_empty() {
                findings.warn(codes::SYNTAX, line.span, format!("{rest} after the header is not read"));
            }
            ""
        }
    };
    for option in options.split(',').map(str::trim).filter(|o| !o.is_empty()) {
        match option {
            "!" => section.template = true,
            "+" => match latest.get(name) {
                Some(at) => return Some(*at),
                None => {
                    findings.error(codes::TEMPLATE, line.span, format!("there is no [{name}] before this to add to"));
                    findings.repair(format!("[{name}]"));
                }
            },
            base => match latest.get(base).and_then(|at| sections.get(*at)) {
                Some(base) => {
                    *inherited = inherited.saturating_add(base.entries.len());
                    if *inherited > limits::LINES {
                        findings.error(codes::TOO_LARGE, line.span, "templates make the plan too large");
                        return None;
                    }
                    section.entries.extend(base.entries.iter().cloned());
                }
                None => {
                    findings.error(codes::TEMPLATE, line.span, format!("there is no template {base} before this"));
                    let known = latest.keys().map(String::as_str);
                    if let Some(near) = super::nearest::nearest(base, known) {
                        findings.repair(near);
                    }
                }
            },
        }
    }
    sections.push(section);
    Some(sections.len() - 1)
}

fn entry(line: &TextLine, findings: &mut Findings) -> Option<Entry> {
    let text = line.text.as_str();
    let word = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let after = text.get(word.len()..).unwrap_or_default().trim_start();
    if !word.is_empty() && (after.starts_with("->") || after.starts_with("-->") || after.starts_with('\u{2192}')) {
        findings.error(codes::ARROW, line.span, "the arrow is written =>; this line is not read");
        let rest = after.trim_start_matches(['-', '>', '\u{2192}']).trim_start();
        let arrow = text.get(word.len()..text.len() - rest.len()).unwrap_or_default();
        findings.fix(true, format!("{word}{arrow}"), format!("{word} => ")).repair(format!("{word} => {rest}"));
        return None;
    }
    let Some((key, value)) = text.split_once('=') else {
        findings.error(codes::SYNTAX, line.span, "this line has no => and is not read");
        if let Some(rest) = ["exten", "same", "include", "switch", "ignorepat"]
            .iter()
            .find_map(|w| text.get(..w.len()).filter(|t| t.eq_ignore_ascii_case(w)).map(|_| w))
        {
            findings.repair(format!("{rest} => {}", text.get(rest.len()..).unwrap_or_default().trim()));
        }
        return None;
    };
    let value = value.strip_prefix('>').unwrap_or(value);
    let before = text.len() - value.trim_start().len();
    let col = line.span.col + length(text.get(..before).unwrap_or_default());
    let value = value.trim();
    Some(Entry {
        key: key.trim().to_owned(),
        value: value.to_owned(),
        span: Span { col, len: length(value), ..line.span },
        rules: line.rules,
    })
}
