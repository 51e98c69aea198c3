//! The findings that the proof and the exchange make: each bad example of the table, read by the built program, has its
//! finding, and the repaired one has not. Those of the loader are walked by `dialplan/tests/codes.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Place;
use dialplan::load::codes::{self, Code, Maker};
use serde_json::Value;

/// A home whose strangers reach a trunk.
const OPEN: &str = "strangers = { answer = \"context:open\" }\ndialplan = { files = [\"open.conf\"] }\n[trunk.itsp]\nhost = \"127.0.0.9\"\n";
const PLAN: &str = "[open]\nexten => _9X.,1,Dial(PJSIP/${EXTEN:1}@itsp)\n";

/// The names of what `check` finds in an example; its first line may name the file that it is part of.
fn found(text: &str) -> Vec<String> {
    let file = text.strip_prefix("; ").and_then(|rest| rest.lines().next()).unwrap_or_default();
    let (place, path) = match file {
        "tollgate.toml" => {
            let place = Place::written(&format!("{OPEN}{}", text.split_once('\n').unwrap().1));
            std::fs::write(place.home.join("open.conf"), PLAN).unwrap();
            (place, None)
        }
        "sip.conf" | "voicemail.conf" => {
            let place = Place::written("");
            let folder = place.home.join("asterisk");
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join(file), text).unwrap();
            std::fs::write(folder.join("phones.conf"), "").unwrap();
            let plan = "[from-internal]\nexten => 204,1,VoiceMail(204)\n";
            std::fs::write(folder.join("extensions.conf"), plan).unwrap();
            (place, Some(folder.display().to_string()))
        }
        _ if text.contains("[from-sip-external]") => {
            let place = Place::written("");
            let path = place.home.join("extensions.conf");
            std::fs::write(&path, text).unwrap();
            (place, Some(path.display().to_string()))
        }
        _ => {
            let place =
                Place::written("strangers = { answer = \"context:a\" }\ndialplan = { files = [\"plan.conf\"] }\n");
            std::fs::write(place.home.join("plan.conf"), text).unwrap();
            (place, None)
        }
    };
    let mut args = vec!["check", "--json"];
    args.extend(path.as_deref());
    let output = place.run(&args);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let value: Value = serde_json::from_str(&said).unwrap_or_else(|why| panic!("{why}: {}", common::text(&output)));
    let list = value["findings"].as_array().unwrap_or_else(|| panic!("{value}"));
    list.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_finding_of_the_exchange_has_an_example_that_has_it_and_a_repaired_one_that_has_not() {
    let mut wrong = Vec::new();
    let ours: Vec<&Code> = codes::all().filter(|code| code.maker == Maker::Exchange).collect();
    for code in &ours {
        let (bad, good) = (found(code.bad), found(code.good));
        if !bad.iter().any(|name| name == code.name) {
            wrong.push(format!("{}: the bad example has only {bad:?}", code.name));
        }
        if good.iter().any(|name| name == code.name) {
            wrong.push(format!("{}: the good example has it too", code.name));
        }
    }
    assert!(ours.len() > 8, "{}", ours.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
