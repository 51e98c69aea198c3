//! Runs the Markdown specifications in `tests/spec`: a plan, a call, what happens, in virtual time.
//!
//! Each `##` is one test. Its blocks: `toml` (configuration, a fresh install's where nothing is written), `dialplan`
//! (hand-written contexts; strangers then arrive in `[test]` unless the configuration says otherwise), `call` (who calls
//! and what the parties do) and `expect` (every moment of the call, in order; `...` stands for any number of them). Times
//! are not compared, except where a line begins with `@seconds`. Run one by `SPEC=part-of-its-title`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dialplan::finding::Severity;
use dialplan::load::NoFiles;
use dialplan::number::Class;
use dialplan::policy::OriginKind;
use dialplan::reach::{Reach, Sink};
use media::sound::Sound;
use pbx::config::Config;
use pbx::pin::{Digits, PinOf};
use pbx::plan::{self, HandWritten};
use pbx::simulate::{Party, Script, Simulation, Trace};
use pbx::snapshot::Snapshot;
use pbx::sounds::Sounds;
use pbx::switch::Origin;

/// Every prompt exists, and lasts a second; what is called `missing…` does not.
struct OneSecond;

impl Sounds for OneSecond {
    fn find(&self, name: &str, _: &str) -> Option<Arc<Sound>> {
        if name.starts_with("missing") {
            return None;
        }
        Some(Arc::new(Sound::silence(Duration::from_secs(1)).expect("a second of silence")))
    }
}

#[derive(Default, Clone)]
struct Spec {
    title: String,
    line: usize,
    toml: String,
    dialplan: String,
    call: String,
    expect: String,
}

/// Cuts a file into its specifications. Blocks before the first `##` hold for all of them.
fn parse(text: &str) -> Vec<Spec> {
    let mut specs: Vec<Spec> = Vec::new();
    let mut common = Spec::default();
    let mut block: Option<(String, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let target = specs.last_mut().unwrap_or(&mut common);
        if let Some((kind, body)) = &mut block {
            if line.trim() == "```" {
                match kind.as_str() {
                    "toml" => target.toml.push_str(body),
                    "dialplan" => target.dialplan.push_str(body),
                    "call" => target.call.push_str(body),
                    "expect" => target.expect.push_str(body),
                    other => panic!("line {number}: a block of {other:?}"),
                }
                block = None;
            } else {
                body.push_str(line);
                body.push('\n');
            }
        } else if let Some(kind) = line.strip_prefix("```") {
            block = Some((kind.trim().to_owned(), String::new()));
        } else if let Some(title) = line.strip_prefix("## ") {
            specs.push(Spec { title: title.to_owned(), line: number + 1, ..common.clone() });
        }
    }
    specs
}

fn snapshot(spec: &Spec) -> Snapshot {
    let mut tree: serde_json::Value = toml::from_str(&spec.toml).expect("TOML");
    if !spec.dialplan.is_empty() && tree.get("strangers").is_none_or(|table| table.get("answer").is_none()) {
        tree["strangers"]["answer"] = "context:test".into();
    }
    let config = Config::from_tree(&tree).unwrap_or_else(|problems| panic!("{problems:?}"));
    let files = if spec.dialplan.is_empty() { Vec::new() } else { vec![("spec".to_owned(), spec.dialplan.clone())] };
    let loaded = plan::compile(&config, &HandWritten { files }, &NoFiles);
    let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    // Everything counts as proved reachable: here policy has to hold alone.
    let mut reach = Reach::of(loaded.program.hash());
    let mut entries: Vec<String> = vec![OriginKind::Stranger.entry()];
    entries.extend(config.trunks.keys().map(|name| OriginKind::Trunk(name.clone()).entry()));
    entries.extend(config.extensions.keys().map(|name| OriginKind::Extension(name.clone()).entry()));
    entries.extend(config.grants.keys().map(|name| OriginKind::Grant(name.clone()).entry()));
    for entry in entries {
        for grant in config.grants.keys() {
            reach.add(&entry, Sink::Guarded(grant.clone()));
        }
        for trunk in config.trunks.keys() {
            reach.add(&entry, Sink::Trunk(trunk.clone()));
        }
        for class in Class::ALL {
            reach.add(&entry, Sink::Paid(class));
        }
    }
    Snapshot { config: Arc::new(config), program: Arc::new(loaded.program), reach }
}

fn play(spec: &Spec) -> Trace {
    let snapshot = snapshot(spec);
    let mut from = Origin::Stranger { source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)) };
    let (mut to, mut script, mut speaks) = (String::new(), Script::default(), true);
    let (mut phones, mut trunks) = (BTreeMap::new(), BTreeMap::new());
    let (mut number, mut name, mut at, mut pins) = (None, None, None, Vec::new());
    for line in spec.call.lines().filter(|line| !line.trim().is_empty()) {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        match key.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["from"] => {
                from = match value.split_whitespace().collect::<Vec<_>>().as_slice() {
                    ["stranger"] => from,
                    ["extension", user] => Origin::Extension { user: (*user).to_owned() },
                    ["trunk", name] => Origin::Trunk { name: (*name).to_owned() },
                    other => panic!("from {other:?}"),
                }
            }
            ["to"] => value.clone_into(&mut to),
            ["keys"] => script = Script::parse(value).unwrap(),
            ["silent"] => speaks = false,
            ["pin-of-grant", name] => pins.push((PinOf::Grant((*name).to_owned()), Digits::new(value))),
            ["pin", number] => pins.push((PinOf::Mailbox((*number).to_owned()), Digits::new(value))),
            ["number"] => number = Some(value.to_owned()),
            ["name"] => name = Some(value.to_owned()),
            ["at"] => at = Some(value.parse::<jiff::Timestamp>().unwrap().as_millisecond()),
            ["phone", user] => {
                phones.insert((*user).to_owned(), Party::parse(value).unwrap());
            }
            ["trunk", name] => {
                trunks.insert((*name).to_owned(), Party::parse(value).unwrap());
            }
            other => panic!("call {other:?}"),
        }
    }
    let mut call = Simulation::new(&snapshot, from, &to, Arc::new(OneSecond));
    call.script = script;
    call.speaks = speaks;
    call.phones = phones;
    call.trunks = trunks;
    call.pins = pins;
    if let Some(number) = number {
        call.caller.number = number;
    }
    if let Some(name) = name {
        call.caller.name = name;
    }
    if let Some(at) = at {
        call.at = at;
    }
    call.run()
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What really happened, as `(seconds, words)`.
fn happened(trace: &Trace) -> Vec<(f64, String)> {
    trace.moments.iter().map(|moment| (moment.at, words(&moment.what.to_string()))).collect()
}

fn fits(expected: &str, (at, what): &(f64, String)) -> bool {
    let (time, text) = match expected.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
        Some((time, text)) => (time.parse::<f64>().ok(), text),
        None => (None, expected),
    };
    // The wires take some milliseconds; a quarter of a second is the same moment for a person.
    text == what && time.is_none_or(|time| (time - at).abs() < 0.25)
}

/// Matches line by line, going back to the last `...` where a line does not fit.
fn check(expected: &[String], happened: &[(f64, String)]) -> bool {
    let (mut line, mut moment) = (0, 0);
    let mut gap: Option<(usize, usize)> = None;
    loop {
        match (expected.get(line), happened.get(moment)) {
            (Some(text), _) if text == "..." => {
                gap = Some((line, moment));
                line += 1;
            }
            (Some(text), Some(what)) if fits(text, what) => {
                line += 1;
                moment += 1;
            }
            (None, None) => return true,
            _ => match gap {
                // The gap takes one moment more.
                Some((at, from)) if from < happened.len() => {
                    gap = Some((at, from + 1));
                    line = at + 1;
                    moment = from + 1;
                }
                _ => return false,
            },
        }
    }
}

fn run(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let wanted = std::env::var("SPEC").unwrap_or_default();
    let mut failures = String::new();
    let specs = parse(&text);
    assert!(!specs.is_empty(), "{} holds no specification", path.display());
    for spec in specs.iter().filter(|spec| spec.title.contains(&wanted)) {
        assert!(!spec.expect.trim().is_empty(), "{}:{} expects nothing", path.display(), spec.line);
        let trace = play(spec);
        let happened = happened(&trace);
        let expected: Vec<String> = spec.expect.lines().map(words).filter(|line| !line.is_empty()).collect();
        if !check(&expected, &happened) {
            let _ = writeln!(failures, "\n{}:{}: {}\n{trace}", path.display(), spec.line, spec.title);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

macro_rules! specs {
    ($($name:ident: $file:literal),+ $(,)?) => {
        $(#[test]
        fn $name() {
            run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec").join($file));
        })+

        #[test]
        fn every_file_is_run() {
            let mut files: Vec<String> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(files, [$($file),+]);
        }
    };
}

specs! {
    applications: "applications.md",
    article: "article.md",
    attendant: "attendant.md",
    dial: "dial.md",
    functions: "functions.md",
    grants: "grants.md",
    old_dialects: "old-dialects.md",
    old_jumps: "old-jumps.md",
    screening: "screening.md",
    second_tier: "second-tier.md",
    steering: "steering.md",
    voicemail: "voicemail.md",
}

/// An application or function that is carried out has a call that shows it: here, or in the language's own specifications.
#[test]
fn everything_that_runs_has_a_specification() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut pages = String::new();
    for folder in [ours.clone(), ours.join("../../../dialplan/tests/spec")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            pages.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
    }
    let words: std::collections::HashSet<&str> =
        pages.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let apps = dialplan::apps::TABLE.iter().filter(|app| app.runs).map(|app| app.name);
    let functions = dialplan::func::TABLE.iter().filter(|function| function.runs).map(|function| function.name);
    let missing: Vec<_> = apps.chain(functions).filter(|name| !words.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
