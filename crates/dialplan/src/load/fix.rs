//! Carrying out the safe changes that findings propose, on texts in memory; the shell writes files.

use crate::finding::{Edit, Finding};
use crate::span::{FileId, SourceMap};
use std::collections::BTreeMap;

/// The changed texts by file, with the number of changes made in each. Files without a change are not in it.
pub fn apply(findings: &[Finding], sources: &SourceMap) -> BTreeMap<FileId, (String, usize)> {
    let mut by_line: BTreeMap<(FileId, u32), Vec<&Edit>> = BTreeMap::new();
    for edit in findings.iter().flat_map(|finding| &finding.fix) {
        by_line.entry((edit.span.file, edit.span.line)).or_default().push(edit);
    }
    let mut changed: BTreeMap<FileId, (String, usize)> = BTreeMap::new();
    let files: std::collections::BTreeSet<FileId> = by_line.keys().map(|(file, _)| *file).collect();
    for file in files {
        let mut count = 0;
        let mut out = String::with_capacity(sources.text(file).len());
        for (number, line) in (1u32..).zip(sources.text(file).split_inclusive('\n')) {
            match by_line.get_mut(&(file, number)) {
                None => out.push_str(line),
                Some(edits) => {
                    let (new, made) = line_with(line, edits);
                    count += made;
                    out.push_str(&new);
                }
            }
        }
        if count > 0 {
            changed.insert(file, (out, count));
        }
    }
    changed
}

/// From right to left, so that columns stay true; one that does not find its text is left out.
fn line_with(line: &str, edits: &mut [&Edit]) -> (String, usize) {
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.col));
    let mut line = line.to_owned();
    let mut made = 0;
    for edit in edits.iter() {
        if edit.span.col == 0 {
            if !edit.from.is_empty() && line.contains(&edit.from) {
                line = line.replace(&edit.from, &edit.to);
                made += 1;
            }
            continue;
        }
        let skip = edit.span.col as usize - 1;
        let Some(at) = line.char_indices().map(|(i, _)| i).chain([line.len()]).nth(skip) else { continue };
        if line.get(at..).is_some_and(|rest| rest.starts_with(&edit.from)) {
            line.replace_range(at..at + edit.from.len(), &edit.to);
            made += 1;
        }
    }
    (line, made)
}
