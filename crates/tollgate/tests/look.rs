//! Commands that look and change nothing: check, reach, plan, simulate, doctor, channels, calls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Place;

const OPEN: &str = "[from-sip-external]\nexten => s,1,Answer\nexten => _9X.,1,Dial(PJSIP/${EXTEN:1}@itsp)\n";

#[test]
fn a_back_door_in_an_asterisk_plan_is_found_with_its_line() {
    let place = Place::written("");
    let file = place.home.join("extensions.conf");
    std::fs::write(&file, OPEN).unwrap();
    let file = file.display().to_string();
    let output = place.run(&["check", &file]);
    let said = common::text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("extensions.conf:3:") && said.contains("paid-from-outside"), "{said}");
    assert_eq!(place.run(&["check", &file, "--fail-on", "never"]).status.code(), Some(0));
    let sarif: serde_json::Value =
        serde_json::from_slice(&place.run(&["check", &file, "--format", "sarif"]).stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(place.ok(&["reach", &file]).contains("COSTS"));
    assert!(place.ok(&["plan", &file]).contains("[from-sip-external]"));
}

#[test]
fn what_cannot_be_read_is_exit_2() {
    let place = Place::written("");
    assert_eq!(place.run(&["check", "/nowhere/at/all"]).status.code(), Some(2));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(place.run(&["check", empty.path().to_str().unwrap()]).status.code(), Some(2));
    assert_eq!(Place::nowhere().run(&["check"]).status.code(), Some(2));
}

#[test]
fn a_fresh_plan_has_no_findings_and_reads_back() {
    let place = Place::written("");
    assert_eq!(place.run(&["check"]).status.code(), Some(0), "{}", common::text(&place.run(&["check"])));
    assert!(place.ok(&["reach", "--from", "strangers"]).contains("nothing that costs money"));
    assert!(place.fails(&["reach", "--from", "nobody"]).contains("strangers"));
    let plan = place.ok(&["plan"]);
    let file = place.home.join("again.conf");
    std::fs::write(&file, &plan).unwrap();
    let again = place.ok(&["plan", file.to_str().unwrap()]);
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with(';')).map(str::to_owned).collect()
    };
    assert_eq!(lines(&again), lines(&plan));
}

#[test]
fn reach_of_an_extension_leaves_out_what_the_gate_refuses_it() {
    let text = "[extension.204]\nmay = [\"internal\"]\n[extension.205]\nmay = [\"internal\", \"national\"]\n\
                [extension.200]\n[trunk.itsp]\nkind = \"address\"\nhost = \"192.0.2.1\"\n\
                [route.out]\ndial = \"_9NXXNXXXXXX\"\nstrip = 1\ntrunks = [\"itsp\"]\nfor = [\"extensions\"]\n";
    let place = Place::written(text);
    let of = |who: &str| place.ok(&["reach", "--from", who]);
    assert!(of("extension:205").contains("national calls"), "{}", of("extension:205"));
    assert!(!of("extension:204").contains("national calls"), "{}", of("extension:204"));
    let json = place.json(&["reach", "--from", "extension:204"]);
    let refused = json["entries"][0]["refused"].as_array().unwrap();
    assert!(refused.iter().any(|sink| sink == "national calls"), "{json}");
}

#[test]
fn a_call_is_walked_without_a_network() {
    let place = Place::written("");
    let walk = place.ok(&["simulate", "--from", "stranger", "--to", "911", "--keys", "1", "--phone", "204=answers 2"]);
    assert!(walk.contains("rings 204") && walk.contains("the caller presses 1"), "{walk}");
    assert!(!walk.contains("over trunk"), "{walk}");
    let json = place.json(&["simulate", "--to", "x", "--at", "2026-12-24T18:00"]);
    assert!(json["moments"].as_array().unwrap().len() > 3);
    assert!(place.fails(&["simulate", "--from", "extension:299", "--to", "1"]).contains("extension:204"));
    assert!(place.fails(&["simulate", "--to", "1", "--at", "yesterday"]).contains("2026-12-24"));
}

#[test]
fn an_own_sound_folder_replaces_prompts_and_missing_ones_are_told() {
    let place = Place::written("[menu.attendant]\ngreeting = \"our-own-greeting\"\n");
    let said = common::text(&place.run(&["check"]));
    assert!(said.contains("missing-sound") && said.contains("our-own-greeting"), "{said}");
    std::fs::create_dir(place.home.join("sounds")).unwrap();
    std::fs::write(place.home.join("sounds/our-own-greeting.ulaw"), [0x7f; 800]).unwrap();
    assert_eq!(place.run(&["check"]).status.code(), Some(0));
}

#[test]
fn a_running_exchange_is_looked_at_from_beside() {
    let place = Place::written("");
    assert!(place.fails(&["channels"]).contains("no exchange is running"));
    let running = place.start();
    assert_eq!(place.json(&["channels"]).as_array().unwrap().len(), 0);
    assert_eq!(place.json(&["calls"]).as_array().unwrap().len(), 0);
    let doctor = place.ok(&["doctor"]);
    assert!(doctor.contains("store") && !doctor.contains("LOOK"), "{doctor}");
    assert_eq!(running.stop(), 0);
}

#[test]
fn what_happened_is_told_with_its_kind_and_never_with_a_secret() {
    let place = Place::written("");
    let running = place.start();
    let secret = place.json(&["extension", "rotate", "204"])["secret"].as_str().unwrap().to_owned();
    let begin = std::time::Instant::now();
    let found = loop {
        let found = place.json(&["events", "--kind", "secret-rotated"]);
        if !found.as_array().unwrap().is_empty() || begin.elapsed() > common::PATIENCE {
            break found;
        }
    };
    assert!(found[0]["text"].as_str().unwrap().contains("204"), "{found}");
    assert_eq!(place.json(&["events", "--kind", "no-such-kind"]).as_array().unwrap().len(), 0);
    let all = place.ok(&["events"]);
    assert!(all.contains("secret-rotated") && !all.contains(&secret), "{all}");
    assert_eq!(running.stop(), 0);
}
