//! `tollgate check` and `tollgate help` on the built program: findings with places, repairs, acceptances, SARIF.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Place;
use serde_json::Value;
use std::path::PathBuf;

fn plan(place: &Place, text: &str) -> (PathBuf, String) {
    let path = place.home.join("extensions.conf");
    std::fs::write(&path, text).unwrap();
    let name = path.display().to_string();
    (path, name)
}

#[test]
fn every_finding_application_and_command_has_a_page() {
    let place = Place::nowhere();
    let list = place.ok(&["help", "findings"]);
    let mut pages = 0;
    for code in dialplan::load::codes::all() {
        assert!(list.contains(code.name), "{} is not in the list", code.name);
        if pages % 12 == 0 {
            let page = place.ok(&["help", code.name]);
            assert!(page.contains(code.why) && page.contains("Found in"), "{page}");
        }
        pages += 1;
    }
    assert!(pages > 60, "{pages} findings");
    assert!(place.ok(&["help", "dial"]).contains("Options:"));
    assert!(place.ok(&["help", "LEN"]).contains("length of a text"));
    assert!(place.ok(&["help", "check"]).contains("--dry-run"));
    assert!(place.ok(&["help"]).contains("check"));
    assert_eq!(place.run(&["help", "nonsense"]).status.code(), Some(2));
}

#[test]
fn what_is_safe_is_repaired_and_the_original_stays() {
    let place = Place::written("");
    let bad =
        "[menu]\nexten => 2XX,1,NoOp(“${CALLERIDNUM}”)\nexten => 2XX,2,Dial(SIP/204|20|r)\nexten => 2XX,3,Hangup()\n";
    let (path, name) = plan(&place, &format!("; tollgate: dialect 22\n{bad}"));
    let shown = place.ok(&["check", &name, "--fix", "--dry-run"]);
    assert!(shown.contains("-exten => 2XX,2,Dial(SIP/204|20|r)\n+exten => _2XX,2,Dial(SIP/204,20,r)"), "{shown}");
    assert!(std::fs::read_to_string(&path).unwrap().ends_with(bad), "a dry run changed the file");
    let output = place.run(&["check", &name, "--fix"]);
    assert_eq!(output.status.code(), Some(0), "{}", common::text(&output));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("exten => _2XX,1,NoOp(\"${CALLERID(num)}\")"), "{text}");
    assert!(std::fs::read_to_string(place.home.join("extensions.conf.orig")).unwrap().ends_with(bad));
    // A second time there is nothing to do.
    assert!(place.ok(&["check", &name, "--fix"]).contains("0 changes in 0 files"));
}

#[test]
fn a_comment_accepts_a_finding_with_its_reason() {
    let place = Place::written("");
    let text = "[menu]\nexten => s,1,Goto(nowhere,s,1) ; tollgate: allow jump-to-nowhere another file has it\n";
    let (_, name) = plan(&place, text);
    let output = place.run(&["check", &name, "--format", "json", "--fail-on", "note"]);
    assert_eq!(output.status.code(), Some(0), "{}", common::text(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().len(), 0);
    assert_eq!(json["accepted"][0]["reason"], "another file has it");
    let (_, name) = plan(&place, &text.replace("; tollgate", ";"));
    assert_eq!(place.run(&["check", &name]).status.code(), Some(1));
    assert_eq!(place.run(&["check", &name, "--fail-on", "error"]).status.code(), Some(0));
}

#[test]
fn old_plans_are_recognised_and_say_why() {
    let place = Place::written("");
    let (_, name) = plan(&place, include_str!("../../dialplan/tests/article.conf"));
    let said = common::text(&place.run(&["check", &name]));
    for words in
        ["dialect 1.2", "dialect-chosen", "dropped-today", "pattern-without-underscore", "jump-to-nowhere", "^^^"]
    {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    assert!(place.ok(&["plan", &name]).contains("exten => s,12,DigitTimeout(3)"));
}

/// What the published schema of SARIF 2.1.0 requires of the objects that we write.
fn is_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &log["runs"].as_array().unwrap()[0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "tollgate");
    let rules = driver["rules"].as_array().unwrap();
    let levels = ["none", "note", "warning", "error"];
    for rule in rules {
        assert!(rule["id"].is_string() && rule["help"]["text"].is_string(), "{rule}");
        assert!(levels.contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
    }
    for result in run["results"].as_array().unwrap() {
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(levels.contains(&result["level"].as_str().unwrap()));
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        for location in result["locations"].as_array().unwrap() {
            let place = &location["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.contains(' ') && !uri.is_empty());
            let region = &place["region"];
            assert!(region["startLine"].as_u64().unwrap() >= 1 && region["startColumn"].as_u64().unwrap() >= 1);
            if let Some(end) = region.get("endColumn") {
                assert!(end.as_u64() >= region["startColumn"].as_u64());
            }
        }
        for fix in result.get("fixes").and_then(Value::as_array).into_iter().flatten() {
            let changes = fix["artifactChanges"].as_array().unwrap();
            for change in changes {
                assert!(change["artifactLocation"]["uri"].is_string());
                for replacement in change["replacements"].as_array().unwrap() {
                    assert!(replacement["deletedRegion"]["startLine"].is_u64());
                    assert!(replacement["insertedContent"]["text"].is_string());
                }
            }
        }
        for suppression in result.get("suppressions").and_then(Value::as_array).into_iter().flatten() {
            assert_eq!(suppression["kind"], "inSource");
        }
    }
}

#[test]
fn findings_come_as_sarif() {
    let place = Place::written("");
    let text =
        "[menu]\nexten => 2XX,1,Hangup()\nexten => _.,1,Hangup() ; tollgate: allow catch-all we greet everybody\n";
    let (_, name) = plan(&place, text);
    let output = place.run(&["check", &name, "--format", "sarif"]);
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    is_sarif(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of = |code: &str| results.iter().find(|r| r["ruleId"] == code).unwrap_or_else(|| panic!("no {code}"));
    assert_eq!(
        of("pattern-without-underscore")["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"],
        "_"
    );
    assert_eq!(of("catch-all")["suppressions"][0]["justification"], "we greet everybody");
    // A line above moves nothing.
    let print = of("pattern-without-underscore")["partialFingerprints"].clone();
    let (_, name) = plan(&place, &format!("; a new line\n{text}"));
    let log: Value = serde_json::from_slice(&place.run(&["check", &name, "--format", "sarif"]).stdout).unwrap();
    assert!(log["runs"][0]["results"].as_array().unwrap().iter().any(|r| r["partialFingerprints"] == print));
}

#[test]
fn a_home_reads_its_files_by_the_dialect_it_names() {
    let place = Place::written("[dialplan]\nfiles = [\"old.conf\"]\ncompat = [\"late-arguments\"]\n");
    std::fs::write(
        place.home.join("old.conf"),
        "[old]\nexten => 7,1,SetVar(A=1)\nexten => 7,2,NoOp(${A})\nexten => 7,3,Hangup\n",
    )
    .unwrap();
    let said = common::text(&place.run(&["check"]));
    assert!(said.contains("compat-late-arguments") && said.contains("old.conf:2:"), "{said}");
    // What tollgate writes itself follows its own rules, in the same plan.
    let plan = place.ok(&["plan"]);
    assert!(plan.contains("; tollgate: dialect safe") && plan.contains("SetVar(A=1)"), "{plan}");
    place.write("[dialplan]\nfiles = [\"old.conf\"]\ncompat = [\"nonsense\"]\n");
    assert!(common::text(&place.run(&["check"])).contains("late-arguments"));
}
