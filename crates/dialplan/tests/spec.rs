//! Runs the specifications in `tests/spec/*.md`: a plan, questions about it, and what comes out.
//!
//! ```` ```conf DIALECT [COMPAT…] ```` begins a plan; ```` ```ask ```` holds lines `question => outcome`:
//! `run CONTEXT,EXTEN [from=NUMBER] [keys=KEYS] [at=HH:MM]`, `value TEXT`, `which CONTEXT,DIALLED`,
//! `findings` (lines and codes), `print` (the plan itself, lines joined by ` | `).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// The crate reads no files; its specifications are files.
#![allow(clippy::disallowed_methods)]

mod common;

use common::{Caller, dialect, loaded, run};
use dialplan::{Loaded, Place};

struct Spec {
    title: String,
    words: String,
    plan: String,
}

#[test]
fn specifications() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "md")) {
        let text = std::fs::read_to_string(file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let mut spec = Spec { title: String::new(), words: String::new(), plan: String::new() };
        let mut inside: Option<&str> = None;
        for (number, line) in (1..).zip(text.lines()) {
            if inside.is_none()
                && let Some(title) = line.strip_prefix('#')
            {
                spec.title = title.trim_start_matches('#').trim().to_owned();
                continue;
            }
            if let Some(words) = line.strip_prefix("```conf") {
                spec.words = words.trim().to_owned();
                spec.plan.clear();
                inside = Some("conf");
            } else if line.starts_with("```ask") {
                inside = Some("ask");
            } else if line.starts_with("```") {
                inside = None;
            } else if inside == Some("conf") {
                spec.plan.push_str(line);
                spec.plan.push('\n');
            } else if inside == Some("ask") && !line.trim().is_empty() {
                count += 1;
                let (question, expected) = line
                    .trim_end()
                    .split_once(" ==> ")
                    .or_else(|| line.trim_end().rsplit_once(" => "))
                    .or_else(|| line.trim_end().strip_suffix(" =>").map(|q| (q, "")))
                    .unwrap_or_else(|| panic!("{name}:{number}: no outcome"));
                let actual = answer(&spec, question.trim());
                if actual.trim() != expected.trim() {
                    wrong.push(format!(
                        "{name}:{number} ({}): {question}\n  expected {expected}\n  actual   {actual}",
                        spec.title
                    ));
                }
            }
        }
    }
    println!("{count} questions of {} specifications", files.len());
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 100, "only {count} questions were found");
}

fn answer(spec: &Spec, question: &str) -> String {
    let (dialect, compat) = dialect(&spec.words);
    let loaded: Loaded = loaded(&spec.plan, dialect, compat);
    let (word, rest) = question.split_once(' ').unwrap_or((question, ""));
    match word {
        "run" => {
            let mut caller = Caller::default();
            let mut keys = String::new();
            let mut words = rest.split_whitespace();
            let place: Vec<&str> = words.next().unwrap().splitn(2, ',').collect();
            for word in words {
                let (name, value) = word.split_once('=').unwrap();
                match name {
                    "from" => caller.number = value.to_owned(),
                    "keys" => keys = value.to_owned(),
                    "at" => {
                        let (hour, minute) = value.split_once(':').unwrap();
                        caller.now.hour = hour.parse().unwrap();
                        caller.now.minute = minute.parse().unwrap();
                    }
                    _ => panic!("{name} is no word of run"),
                }
            }
            run(&loaded, Place::new(place[0], place[1], 1), &keys, &mut caller)
        }
        "value" => common::value(rest, &spec.words, &[]),
        "which" => {
            let (context, dialled) = rest.split_once(',').unwrap();
            let now = Caller::default().now;
            loaded
                .program
                .best(context, dialled, "", Some(&now))
                .map_or("nothing".to_owned(), |(_, exten)| exten.title())
        }
        "findings" => loaded
            .findings
            .iter()
            .map(|f| format!("{}:{}", f.span.map_or(0, |s| s.line), f.code))
            .collect::<Vec<_>>()
            .join(" "),
        "print" => loaded.program.to_string().lines().collect::<Vec<_>>().join(" | "),
        _ => panic!("{word} is no question"),
    }
}
