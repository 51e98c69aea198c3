//! The generated plan: it loads without a finding, prints back to itself, and leads where the objects say.

use std::sync::Arc;

use dialplan::finding::Severity;
use dialplan::load::NoFiles;
use dialplan::{Choice, Dialect};
use serde_json::json;

use super::*;

fn config(tree: serde_json::Value) -> Config {
    Config::from_tree(&tree).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn rich() -> Config {
    config(json!({
        "extension": { "200": { "name": "Office" }, "204": { "name": "--; [x] Kitchen" }, "31": {} },
        "group": { "222": { "members": ["200", "204"] }, "223": { "members": ["200", "31"], "ring": "in-order" } },
        "menu": { "attendant": { "keys": { "0": "directory", "1": "group:222", "9": "menu:night" } },
                  "night": { "dial": "", "keys": { "1": "closed" }, "timeout": "hangup", "invalid": "closed" } },
        "trunk": { "itsp": { "host": "127.0.0.9" }, "spare": { "host": "127.0.0.8", "entry": "menu:night" } },
        "did": { "+12025550100": { "trunk": "itsp", "to": "extension:204" }, "+12025550101": { "to": "menu:night" } },
        "route": {
            "national": { "dial": "_9NXXNXXXXXX", "strip": 1, "prepend": "1", "trunks": ["itsp", "spare"] },
            "one": { "dial": "8", "trunks": ["itsp"] },
        },
    }))
}

fn load(config: &Config) -> Loaded {
    compile(config, &HandWritten::default(), &NoFiles)
}

#[track_caller]
fn clean(loaded: &Loaded) {
    let bad: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn the_generated_plan_loads_without_a_finding_and_prints_back_to_itself() {
    for config in [Config::fresh(), rich()] {
        let loaded = load(&config);
        clean(&loaded);
        let printed = loaded.program.to_string();
        let again = dialplan::load::load(&[("printed".to_owned(), printed)], Dialect::Safe, &NoFiles);
        clean(&again);
        assert_eq!(again.program.hash(), loaded.program.hash());
    }
}

#[test]
fn the_same_objects_give_the_same_program() {
    assert_eq!(load(&rich()).program.hash(), load(&rich()).program.hash());
    assert_ne!(load(&rich()).program.hash(), load(&Config::fresh()).program.hash());
}

#[test]
fn every_entry_and_every_jump_has_a_place() {
    for config in [Config::fresh(), rich()] {
        let program = Arc::new(load(&config).program);
        for name in RESERVED.iter().filter(|name| **name != "default") {
            assert!(program.context(name).is_some(), "{name}");
        }
        for entry in entries(&config) {
            assert!(program.context(&entry.place.context).is_some(), "{entry:?}");
        }
        assert_eq!(missing_contexts(&config, &program), []);
    }
}

#[test]
fn the_fresh_plan_reads_as_the_article_s_attendant() {
    let text = text(&Config::fresh(), &BTreeSet::new());
    for line in [
        "[attendant]",
        "exten => s,4(menu),Background(welcome)",
        "exten => 0,1,Goto(directory,s,1)",
        "exten => 1,2,Goto(groups,222,1)",
        "exten => 204,2,Goto(ext-local,204,1)",
        "exten => t,2,Goto(ext-local,204,1)",
        "exten => i,1,Playback(invalid)",
        "exten => i,2,Goto(s,menu)",
        "exten => 222,1,Dial(PJSIP/200&PJSIP/204,20)",
        "exten => 204,1,Dial(PJSIP/204,20)",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    // DISA does not exist until its owner opens it.
    assert!(!text.contains("DISA") && !text.contains("exten => 4,"), "{text}");
}

#[test]
fn emergency_numbers_try_every_trunk_that_can() {
    let mut config = rich();
    let count = |config: &Config| text(config, &BTreeSet::new()).matches("Dial(PJSIP/911@").count();
    assert_eq!(count(&config), 2);
    config.trunks.get_mut("spare").unwrap().emergency = false;
    assert_eq!(count(&config), 1);
}

#[test]
fn a_call_from_a_trunk_begins_at_its_did_in_any_spelling() {
    let config = rich();
    let check = |trunk: &str, dialled: &str, place: Option<&str>| {
        assert_eq!(trunk_place(&config, trunk, dialled).map(|p| p.to_string()).as_deref(), place, "{trunk} {dialled}");
    };
    for dialled in ["+12025550100", "12025550100", "2025550100"] {
        check("itsp", dialled, Some("from-trunk-itsp,+12025550100,1"));
    }
    // A DID of another trunk is none of this one's; unknown numbers go where the trunk's entry or strangers go.
    check("spare", "+12025550100", Some("night,s,1"));
    check("spare", "+12025550101", Some("from-trunk-spare,+12025550101,1"));
    check("itsp", "911", Some("from-trunk-itsp,s,1"));
    check("itsp", "_X.", Some("from-trunk-itsp,s,1"));
    check("itsp", "204", Some("from-trunk-itsp,s,1"));
    check("none", "204", None);
}

/// Attacks 5, 18, 30: what is dialled is no pattern, no special extension and no text of its own.
#[test]
fn nobody_dials_patterns_or_the_machine_s_own_extensions() {
    let context = Destination::Context("hand".into());
    for dialled in ["_X.", "h", "i", "t", "s", "o", "a", "", "300&PJSIP/x", "${EXTEN}", "a b", "9\r\n", &"9".repeat(80)]
    {
        assert_eq!(place(&context, dialled).to_string(), "hand,s,1", "{dialled:?}");
        assert_eq!(extension_place(&rich(), "204", dialled), None, "{dialled:?}");
    }
    assert_eq!(place(&context, "111").to_string(), "hand,111,1");
}

#[test]
fn a_stranger_s_number_changes_nothing() {
    let menu = Destination::Menu("attendant".into());
    for dialled in ["911", "204", "900", "x"] {
        assert_eq!(place(&menu, dialled).to_string(), "attendant,s,1");
    }
}

#[test]
fn emergency_calls_of_a_phone_find_their_way_from_any_context() {
    let mut config = rich();
    config.extensions.get_mut("204").unwrap().context = "hand".to_owned();
    let of = |dialled: &str| extension_place(&config, "204", dialled).unwrap().to_string();
    assert_eq!(of("911"), "emergency,911,1");
    assert_eq!(of("9-1-1"), "emergency,911,1");
    assert_eq!(of("9911"), "hand,9911,1");
    assert_eq!(extension_place(&config, "999", "911"), None);
}

#[test]
fn a_hand_written_context_takes_the_place_of_the_generated_one() {
    let hand = "[from-internal]\nexten => 5,1,Hangup()\n[mine]\nexten => s,1,Goto(attendant,s,1)\n";
    let files = HandWritten { files: vec![("extensions.conf".to_owned(), hand.to_owned())] };
    let config = config(json!({ "strangers": { "answer": "context:mine" } }));
    let loaded = compile(&config, &files, &NoFiles);
    clean(&loaded);
    let context = loaded.program.context("from-internal").unwrap();
    assert!(context.includes.is_empty());
    assert_eq!(context.extens.len(), 1);
    assert_eq!(missing_contexts(&config, &loaded.program), []);
}

#[test]
fn a_context_that_does_not_exist_is_a_problem_at_its_key() {
    let config = config(json!({
        "strangers": { "answer": "context:nowhere" }, "extension": { "204": { "context": "gone" } },
    }));
    let problems = missing_contexts(&config, &load(&config).program);
    let keys: Vec<String> = problems.iter().map(crate::config::Problem::key).collect();
    assert_eq!(keys, ["strangers.answer", "extension.204.context"]);
}

#[test]
fn patterns_of_the_configuration_match_as_the_dialplan_does() {
    let check = |pattern: &str, number: &str, expected: bool| {
        assert_eq!(matches(pattern, number), expected, "{pattern} {number}");
    };
    check("2XX", "204", true);
    check("2XX", "2040", false);
    check("2XX", "20", false);
    check("2XX", "304", false);
    check("NZ[1-35]", "213", true);
    check("NZ[1-35]", "215", true);
    check("NZ[1-35]", "214", false);
    check("2.", "2", false);
    check("2!", "2", true);
    check("2.", "20", true);
}

#[test]
fn the_dialect_is_ours_unless_another_is_named() {
    assert_eq!(choice(&Config::fresh()), Choice::Auto(Dialect::Safe));
    assert_eq!(choice(&config(json!({ "dialplan": { "dialect": "22" } }))), Choice::Is(Dialect::V22));
}

#[test]
fn mailboxes_and_their_codes_stand_in_the_plan_as_they_are_set() {
    let lines = |tree: serde_json::Value| -> Vec<String> {
        text(&config(tree), &BTreeSet::new()).lines().map(str::to_owned).collect()
    };
    let has = |lines: &[String], line: &str| lines.iter().any(|found| found == line);
    let fresh = lines(json!({}));
    for line in [
        "exten => *97,1,VoiceMailMain(${CHANNEL(mailbox)})",
        "exten => *98,1,VoiceMailMain()",
        "exten => 204,1,GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?busy)",
        "exten => 204,2,VoiceMail(204,u)",
        "exten => 204,5(busy),VoiceMail(204,b)",
        "exten => o,1,Goto(ext-local,204,1)",
    ] {
        assert!(has(&fresh, line), "{line}\n{fresh:#?}");
    }
    // From outside, a mailbox is opened only where its owner said so.
    assert!(!has(&fresh, "exten => a,1,VoiceMailMain()"));
    assert!(has(&lines(json!({ "voicemail": { "remote": true } })), "exten => a,1,VoiceMailMain()"));
    let other = lines(json!({ "voicemail": { "own": "*1", "any": "", "operator": false }, "mailbox": { "300": {} } }));
    assert!(
        has(&other, "exten => *1,1,VoiceMailMain(${CHANNEL(mailbox)})")
            && has(&other, "exten => 300,2,VoiceMail(300,u)")
    );
    assert!(!other.iter().any(|line| line.contains("*97") && line.contains("exten") || line.contains("*98,1")));
}
