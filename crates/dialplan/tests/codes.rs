//! Walks the table of findings: each bad example has its finding and each good one has not; what `--fix` changes is
//! mended by it. A finding without examples cannot be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dialplan::finding::Finding;
use dialplan::load::codes::{self, Maker};
use dialplan::load::{NoFiles, Source, fix};
use dialplan::{Choice, Dialect, Loaded, Rules, load_each};

fn read(rules: &str, text: &str) -> Loaded {
    // What is too long to be shown.
    let text = text.replace('…', &"x".repeat(17_000)).replace('⋮', &"rubbish\n".repeat(5_000));
    let (choice, compat) = match Rules::parse(rules) {
        Some(rules) => (Choice::Is(rules.dialect), rules.compat),
        None => (Choice::Auto(Dialect::V22), dialplan::Compat::default()),
    };
    load_each(&[Source { name: "extensions.conf".to_owned(), text, choice, compat }], &NoFiles)
}

fn findings(rules: &str, text: &str) -> Vec<Finding> {
    let loaded = read(rules, text);
    let unused = loaded.allows.unused();
    loaded.findings.into_iter().chain(unused).collect()
}

#[test]
fn every_finding_has_a_plan_that_has_it_and_a_repaired_one_that_has_not() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for code in codes::all() {
        assert!(!code.bad.is_empty() && !code.good.is_empty() && code.bad != code.good, "{}", code.name);
        if code.maker != Maker::Loader {
            continue;
        }
        count += 1;
        let bad = findings(code.rules, code.bad);
        match bad.iter().find(|f| f.code == code.name) {
            None => wrong.push(format!("{}: the bad plan has only {:?}", code.name, names(&bad))),
            Some(found) if found.severity != code.severity => {
                wrong.push(format!("{}: is {:?}", code.name, found.severity));
            }
            Some(found) if found.span.is_none() => wrong.push(format!("{}: has no place", code.name)),
            Some(_) => {}
        }
        // The dialect of the repaired plan may be written in it.
        let good = findings(code.rules, code.good);
        if code.name.starts_with("compat-") {
            let rules = Rules::parse(code.rules).unwrap();
            let plain = findings(rules.dialect.name(), code.good);
            if plain.iter().any(|f| f.code == code.name) {
                wrong.push(format!("{}: the good plan has it too", code.name));
            }
            continue;
        }
        if good.iter().any(|f| f.code == code.name) {
            wrong.push(format!("{}: the good plan has it too", code.name));
        }
        let others: Vec<_> =
            good.iter().filter(|f| f.severity > dialplan::Severity::Note && f.code != codes::NOT_RUN).collect();
        if !others.is_empty() && code.name != "option-not-run" && code.name != "mixed-dialects" {
            wrong.push(format!("{}: the good plan has {:?}", code.name, others));
        }
    }
    println!("{count} findings of the loader, {} in all", codes::all().count());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn names(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|f| f.code).collect()
}

#[test]
fn names_are_unique_and_pages_are_whole() {
    let mut seen = std::collections::BTreeSet::new();
    for code in codes::all() {
        assert!(seen.insert(code.name), "{} is there twice", code.name);
        assert!(code.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", code.name);
        let page = code.page();
        assert!(page.contains(code.title) && page.contains("tollgate: allow"), "{page}");
        assert!(codes::find(code.name).is_some());
    }
}

/// Applies changes until there are none.
fn fixed(rules: &str, text: &str) -> (String, usize) {
    let (mut text, mut rounds) = (text.to_owned(), 0);
    loop {
        let loaded = read(rules, &text);
        let Some((_, (new, _))) = fix::apply(&loaded.findings, &loaded.sources).into_iter().next() else {
            return (text, rounds);
        };
        assert_ne!(new, text);
        text = new;
        rounds += 1;
        assert!(rounds < 8, "{text}");
    }
}

#[test]
fn what_can_be_fixed_is_mended_by_it() {
    let fixable: Vec<&str> = codes::all()
        .filter(|code| code.maker == Maker::Loader)
        .filter(|code| findings(code.rules, code.bad).iter().any(|f| f.code == code.name && !f.fix.is_empty()))
        .map(|code| {
            let (text, _) = fixed(code.rules, code.bad);
            assert!(!findings(code.rules, &text).iter().any(|f| f.code == code.name), "{}: {text}", code.name);
            code.name
        })
        .collect();
    for name in [
        "arrow",
        "typographic-characters",
        "odd-space",
        "html-entity",
        "byte-order-mark",
        "pattern-without-underscore",
        "application-bracket",
        "application-gone",
        "old-variable",
        "pipe-separator",
    ] {
        assert!(fixable.contains(&name), "{name} cannot be fixed; {fixable:?} can");
    }
}

#[test]
fn fixes_change_nothing_else() {
    let bad = "[a] ; a “note”\nexten => 2XX,1,NoOp(“${CALLERIDNUM}” ${CALLERIDNUM:0:4})\nexten => 2XX,2,Dial(SIP/1|20)\nexten -> 3,1,DigitTimeout,5\n";
    let (text, _) = fixed("22", bad);
    assert_eq!(
        text,
        "[a] ; a “note”\nexten => _2XX,1,NoOp(\"${CALLERID(num)}\" ${CALLERID(num):0:4})\nexten => _2XX,2,Dial(SIP/1,20)\nexten => 3,1,Set(TIMEOUT(digit)=5)\n"
    );
}

/// Names of applications and functions as Asterisk's documentation lists them (docs.asterisk.org, 16 to 22), and of those
/// that its older versions had: none is a stranger to the linter.
#[test]
fn every_name_of_asterisk_is_known_with_what_to_do() {
    for name in include_str!("asterisk/applications.txt").lines() {
        let plan = format!("[a]\nexten => s,1,{name}(x)\nexten => s,2,Hangup()\n");
        let found = findings("22", &plan);
        let unknown = found.iter().find(|f| f.code == codes::APPLICATION);
        assert!(unknown.is_none(), "{name}: {unknown:?}");
        for f in found.iter().filter(|f| [codes::NOT_RUN, codes::GONE].contains(&f.code)) {
            assert!(f.repair.is_some(), "{name} has no repair: {f:?}");
        }
    }
    for name in include_str!("asterisk/functions.txt").lines() {
        let plan = format!("[a]\nexten => s,1,NoOp(${{{name}(x)}})\nexten => s,2,Hangup()\n");
        let found = findings("22", &plan);
        assert!(!found.iter().any(|f| f.code == codes::FUNCTION), "{name}: {found:?}");
        for f in found.iter().filter(|f| f.code == codes::FUNCTION_NOT_RUN) {
            assert!(f.repair.is_some(), "{name} has no repair: {f:?}");
        }
    }
}
