//! Runs the specifications in `spec/*.md`: each section has a plan, the facts of an exchange, and what must be said of it.
//!
//! ```conf [DIALECT] [COMPAT…]``` holds the plan, ```facts``` lines such as `trunks itsp`, `phones 200 204`, `country US`,
//! `foreign`, `entry strangers = context,extension,priority [any]`, and ```expect``` lines such as `strangers are free`,
//! `strangers reach trunk itsp`, `strangers never reach mobile calls`, `strangers ring extension 204`, `strangers never
//! ring extension 205`, `strangers meet unknown AGI`, `strangers pass Authenticate before trunk itsp`, `says …`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use audit::{Entry, Facts, Report, prove};
use dialplan::number::Country;
use dialplan::policy::OriginKind;
use dialplan::reach::Sink;
use dialplan::{Compat, Dialect, Place};

/// One section of a specification.
#[derive(Default)]
struct Section {
    title: String,
    line: usize,
    head: String,
    plan: String,
    facts: String,
    expect: Vec<(usize, String)>,
}

fn sections(text: &str) -> Vec<Section> {
    let mut all: Vec<Section> = Vec::new();
    let mut block: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("## ") {
            all.push(Section { title: title.to_owned(), line: number + 1, ..Section::default() });
        }
        let Some(section) = all.last_mut() else { continue };
        match (line.strip_prefix("```"), &block) {
            (Some(_), Some(_)) => block = None,
            (Some(head), None) => {
                if head.starts_with("conf") {
                    section.head = head.to_owned();
                }
                block = Some(head.split(' ').next().unwrap().to_owned());
            }
            (None, Some(kind)) => match kind.as_str() {
                "conf" => section.plan += &format!("{line}\n"),
                "facts" => section.facts += &format!("{line}\n"),
                "expect" => section.expect.push((number + 1, line.to_owned())),
                other => panic!("line {}: a block of kind {other:?}", number + 1),
            },
            (None, None) => {}
        }
    }
    all
}

fn origin(name: &str) -> OriginKind {
    match name.split_once(':') {
        Some(("trunk", name)) => OriginKind::Trunk(name.to_owned()),
        Some(("extension", name)) => OriginKind::Extension(name.to_owned()),
        _ => OriginKind::Stranger,
    }
}

fn report(section: &Section) -> Report {
    let mut facts = Facts::ours();
    let mut entries = Vec::new();
    for line in section.facts.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = || rest.split_whitespace().map(str::to_owned);
        match word {
            "trunks" => facts.trunks = words().collect(),
            "phones" => facts.phones = words().collect(),
            "country" => facts.country = Country::by_code(rest),
            "foreign" => facts.clean_dialling = false,
            "entry" => {
                let (name, place) = rest.split_once(" = ").unwrap();
                let (place, any) = place.strip_suffix(" any").map_or((place, false), |place| (place, true));
                let parts: Vec<&str> = place.split(',').collect();
                entries.push(Entry {
                    name: name.to_owned(),
                    origin: origin(name),
                    place: Place::new(parts[0], parts[1], parts[2].parse().unwrap()),
                    any_exten: any,
                });
            }
            other => panic!("{}: a fact {other:?}", section.title),
        }
    }
    let mut words = section.head.split_whitespace().skip(1);
    let dialect = words.next().map_or(Dialect::Safe, |name| Dialect::from_name(name).unwrap());
    let mut compat = Compat::default();
    words.for_each(|name| assert!(compat.enable(name), "{name}"));
    let files = [("plan.conf".to_owned(), section.plan.clone())];
    let loaded = dialplan::load_with(&files, dialect, compat, &dialplan::load::NoFiles);
    for finding in &loaded.findings {
        assert_ne!(
            finding.severity,
            dialplan::Severity::Error,
            "{}: {}",
            section.title,
            finding.render(&loaded.sources)
        );
    }
    prove(&loaded.program, &entries, &facts)
}

fn holds(report: &Report, line: &str) -> Result<(), String> {
    if let Some(verdict) = line.strip_prefix("says ") {
        let fine = report.verdict.lines().any(|said| said == verdict);
        return if fine { Ok(()) } else { Err(format!("it says\n{}", report.verdict)) };
    }
    let (name, rest) = line.split_once(' ').ok_or("not an expectation")?;
    let entry = report.entry(name).ok_or("there is no such entry")?;
    let sinks: Vec<String> = entry.sinks.iter().map(|(sink, _)| sink.to_string()).collect();
    let has = |what: &str| sinks.iter().any(|sink| sink == what);
    let inside = |what: &str| entry.inside.iter().any(|word| word == what);
    let (fine, shown) = match rest.split_once("reach ").or_else(|| rest.split_once("ring ")) {
        _ if rest == "are free" || rest == "is free" => (entry.is_free(), format!("{sinks:?}")),
        _ if rest.starts_with("meet unknown ") => {
            let what = rest.trim_start_matches("meet unknown ");
            (entry.unknowns.iter().any(|(why, _)| why.contains(what)), format!("{:?}", entry.unknowns))
        }
        _ if rest.starts_with("pass ") => {
            let (gate, what) = rest.trim_start_matches("pass ").split_once(" before ").ok_or("no sink")?;
            let (sink, _) = entry.sinks.iter().find(|(sink, _)| sink.to_string() == what).ok_or("no such sink")?;
            let gates = entry.gates(sink);
            let fine = if gate == "no gate" { gates.is_empty() } else { gates.iter().any(|said| said.contains(gate)) };
            (fine, format!("{gates:?}"))
        }
        Some(("", what)) if rest.starts_with("reach") => (has(what), format!("{sinks:?}")),
        Some(("never ", what)) if rest.starts_with("never reach") => (!has(what), format!("{sinks:?}")),
        Some(("", what)) => (inside(what), format!("{:?}", entry.inside)),
        Some(("never ", what)) => (!inside(what), format!("{:?}", entry.inside)),
        _ => return Err("not an expectation".to_owned()),
    };
    for (sink, path) in &entry.sinks {
        if path.is_empty() && !matches!(sink, Sink::Unknown(_) | Sink::Inside(_)) {
            return Err(format!("no way to {sink} is shown"));
        }
    }
    // INVARIANT: the gate is told exactly what the report shows.
    let told = report.reach.entries.get(name).map_or(0, std::collections::BTreeSet::len);
    if told != entry.sinks.len() {
        return Err("reach and report differ".to_owned());
    }
    if fine { Ok(()) } else { Err(shown) }
}

#[test]
fn a_change_that_opens_a_way_is_told_by_name() {
    let section = |plan: &str| Section {
        plan: plan.to_owned(),
        facts: "trunks itsp\nphones 204\ncountry US\nentry strangers = menu,s,1\nentry extension:204 = menu,s,1"
            .to_owned(),
        ..Section::default()
    };
    let closed = report(&section("[menu]\nexten => s,1,Dial(PJSIP/204)\n"));
    let open = report(&section("[menu]\nexten => s,1,Dial(PJSIP/2025550100@itsp)\n"));
    let names = |all: Vec<audit::Opened>| all.into_iter().map(|one| one.finding).collect::<Vec<_>>();
    let expected = ["strangers reach national calls", "strangers reach trunk itsp"];
    assert_eq!(names(audit::opened(&closed.reach, &open)), expected);
    assert!(audit::opened(&open.reach, &open).is_empty() && audit::opened(&open.reach, &closed).is_empty());
    assert_eq!(names(audit::open(&open)), expected);
    let words = &audit::opened(&closed.reach, &open)[1].text;
    assert_eq!(words, "strangers reach trunk itsp: menu,s,1 Dial(PJSIP/2025550100@itsp)");
}

/// Problems of all specifications, and how many expectations there were.
pub(crate) fn problems() -> (Vec<String>, usize) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut problems = Vec::new();
    let mut count = 0;
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for section in sections(&text) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(!section.expect.is_empty(), "{name}:{}: nothing is expected", section.line);
            let report = report(&section);
            for (number, line) in &section.expect {
                count += 1;
                if let Err(why) = holds(&report, line) {
                    problems.push(format!("{name}:{number} ({}): {line}\n    {why}", section.title));
                }
            }
        }
    }
    (problems, count)
}

#[test]
fn specifications_hold() {
    let (problems, count) = problems();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    assert!(count > 60, "only {count} expectations");
}
