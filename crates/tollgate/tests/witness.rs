//! What `tollgate reach` says is reachable was played by the real applications, key by key; what it could not play it calls
//! possible. The repaired twin of every plan reaches nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Place;
use serde_json::Value;

const PAY: &str = "Dial(PJSIP/2025550100@itsp)";

/// A home whose strangers come into [open] of this plan.
fn place(plan: &str) -> Place {
    let text = "[dialplan]\nfiles = [\"extensions.conf\"]\ndialect = \"safe\"\n[strangers]\nanswer = \"context:open\"\n\
                [extension.204]\n[trunk.itsp]\nkind = \"address\"\nhost = \"192.0.2.1\"\n";
    let place = Place::written(text);
    std::fs::write(place.home.join("extensions.conf"), plan).unwrap();
    place
}

/// The verdict on strangers and the trunk.
fn trunk(place: &Place) -> Option<Value> {
    let told: Value = serde_json::from_str(&place.ok(&["reach", "--from", "strangers", "--json"])).unwrap();
    let sinks = told["entries"][0]["sinks"].as_array().unwrap().clone();
    sinks.into_iter().find(|sink| sink["sink"] == "trunk itsp")
}

/// The plan reaches the trunk by this, played; its twin does not reach it.
fn works(plan: &str, keys: &str, how: &str, twin: &str) -> Value {
    let bad = place(plan);
    let found = trunk(&bad).unwrap_or_else(|| panic!("not found: {plan}"));
    assert_eq!(found["verdict"], "reachable", "{found:#}");
    let witness = &found["witness"];
    assert_eq!(witness["keys"], keys, "{witness:#}");
    assert!(witness["how"].as_str().unwrap().contains(how), "{witness:#}");
    assert!(witness["lines"].as_array().unwrap().last().unwrap().as_str().unwrap().contains("Dial("), "{witness:#}");
    // Nothing that the report says is the reader's to believe: the same keys by hand.
    if !keys.contains("PIN") && witness["caller"].is_null() && witness["at"].is_null() {
        let dialled = witness["dialled"].as_str().unwrap();
        let said = bad.ok(&["simulate", "--from", "stranger", "--to", dialled, "--keys", keys]);
        assert!(said.contains("Dial("), "{said}");
    }
    let said = bad.ok(&["reach", "--from", "strangers"]);
    assert!(said.contains("reachable, with witness"), "{said}");
    assert_eq!(trunk(&place(twin)), None, "{twin}");
    witness.clone()
}

#[test]
fn a_number_dialled_at_once() {
    let plan = "[open]\nexten => s,1,Answer\nexten => _9X.,1,Dial(PJSIP/${EXTEN:1}@itsp)\n";
    works(plan, "", "dial 9", &plan.replace("PJSIP/${EXTEN:1}@itsp", "PJSIP/204"));
}

#[test]
fn keys_of_a_menu_the_fewest_first() {
    let plan = format!(
        "[open]\nexten => s,1,Goto(menu,s,1)\n[menu]\nexten => s,1,Answer\n same => n,Background(beep)\n same => n,WaitExten(5)\nexten => 1,1,Goto(deep,s,1)\n\
         exten => 4,1,{PAY}\n[deep]\nexten => s,1,WaitExten(5)\nexten => 7,1,{PAY}\n"
    );
    let twin = plan.replace(PAY, "Hangup()");
    works(&plan, "4", "wait for the greeting, press 4", &twin);
    let deep = plan.replacen(PAY, "Hangup()", 1);
    works(&deep, "1,7", "press 1, then press 7", &twin);
}

#[test]
fn silence_and_wrong_keys() {
    let menu = "[open]\nexten => s,1,Goto(menu,s,1)\n[menu]\nexten => s,1,Answer\n same => n,WaitExten(3)\nexten => 1,1,Hangup()\n";
    works(&format!("{menu}exten => t,1,{PAY}\n"), "wait 16", "press nothing", menu);
    let plan = format!("{menu}exten => i,1,{PAY}\n");
    let found = trunk(&place(&plan)).unwrap();
    assert_eq!(found["verdict"], "reachable", "{found:#}");
}

#[test]
fn a_pin_that_stands_in_the_plan_is_pressed_and_not_shown() {
    let plan = format!(
        "[open]\nexten => s,1,Goto(menu,s,1)\n[menu]\nexten => s,1,Answer\n same => n,WaitExten(5)\nexten => 4,1,Authenticate(7345612)\n same => n,{PAY}\n"
    );
    let bad = place(&plan);
    let said = bad.ok(&["reach", "--from", "strangers"]);
    assert!(said.contains("press the PIN of Authenticate at menu,4,1") && !said.contains("7345612"), "{said}");
    let witness = works(&plan, "4,PIN", "which stands in the plan", &plan.replace(PAY, "Hangup()"));
    assert!(!witness.to_string().contains("7345612"), "{witness:#}");
}

#[test]
fn the_time_of_day_that_it_needs() {
    let plan = format!(
        "[open]\nexten => s,1,Answer\n same => n,GotoIfTime(02:00-04:59,sun,*,*?night,s,1)\n same => n,Hangup()\n\
         [night]\nexten => s,1,{PAY}\n"
    );
    let witness = works(&plan, "", "Sunday at 0", &plan.replace(PAY, "Hangup()"));
    assert!(witness["at"].is_i64(), "{witness:#}");
}

#[test]
fn a_caller_id_is_no_lock() {
    let plan = format!(
        "[open]\nexten => s,1,Answer\n same => n,GotoIf($[\"${{CALLERID(num)}}\" = \"2025550188\"]?boss,s,1)\n\
         same => n,Hangup()\n[boss]\nexten => s,1,{PAY}\n"
    );
    let witness = works(&plan, "", "which anybody can present", &plan.replace(PAY, "Hangup()"));
    assert_eq!(witness["caller"], "2025550188");
}

#[test]
fn what_no_call_shows_is_only_possible() {
    // The proof does not know how late it is; the replay sees that the line does not run.
    let plan = format!(
        "[open]\nexten => s,1,Answer\n same => n,GotoIf($[${{EPOCH}} < 5]?never,s,1)\n same => n,Hangup()\n\
         [never]\nexten => s,1,{PAY}\n"
    );
    let found = trunk(&place(&plan)).unwrap();
    assert_eq!(found["verdict"], "possible", "{found:#}");
    assert!(found["why"].as_str().unwrap().contains("came to open,s,3"), "{found:#}");
    assert!(found["witness"].is_null());
}

#[test]
fn sarif_has_the_way_key_by_key() {
    let place = Place::written("");
    let file = place.home.join("extensions.conf");
    let plan = format!(
        "[from-trunk]\nexten => s,1,Answer\n same => n,Background(beep)\n same => n,WaitExten(5)\n\
         exten => 4,1,Authenticate(7345612)\n same => n,{PAY}\n"
    );
    std::fs::write(&file, plan.replace("[from-trunk]\n", "[from-trunk]\nexten => s,1,Goto(m,s,1)\n[m]\n")).unwrap();
    let output = place.run(&["check", file.to_str().unwrap(), "--format", "sarif"]);
    let sarif: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let found = results.iter().find(|result| result["ruleId"] == "paid-from-outside").unwrap();
    let steps = found["codeFlows"][0]["threadFlows"][0]["locations"].as_array().unwrap();
    let said: Vec<&str> = steps.iter().map(|step| step["location"]["message"]["text"].as_str().unwrap()).collect();
    assert!(said.iter().any(|text| text.starts_with("press 4: m,4,1")), "{said:?}");
    assert!(said.last().unwrap().contains("Dial("), "{said:?}");
    assert!(!sarif["runs"][0]["results"][0]["codeFlows"].to_string().contains("7345612"));
    let lines: Vec<u64> = steps
        .iter()
        .map(|step| step["location"]["physicalLocation"]["region"]["startLine"].as_u64().unwrap())
        .collect();
    assert_eq!(lines.last(), Some(&8), "{lines:?}");
    // Results without a way have no flows at all: an empty list would not be valid.
    assert!(results.iter().all(|result| result["codeFlows"].is_null() || result["codeFlows"][0].is_object()));
}

#[test]
fn a_change_is_told_by_what_it_opens_and_closes() {
    let place = Place::written("");
    let (old, new) = (place.home.join("old.conf"), place.home.join("new.conf"));
    std::fs::write(&old, "[from-trunk]\nexten => s,1,Hangup()\n").unwrap();
    std::fs::write(&new, format!("[from-trunk]\nexten => s,1,{PAY}\n")).unwrap();
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let output = place.run(&["reach", "--diff", old, new]);
    let said = common::text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("OPENS") && said.contains("trunk itsp"), "{said}");
    let back = place.ok(&["reach", "--diff", new, old]);
    assert!(back.contains("closes") && back.contains("nothing that costs money is opened"), "{back}");
    let json: Value = serde_json::from_slice(&place.run(&["reach", "--diff", old, new, "--json"]).stdout).unwrap();
    assert!(json["opened"].as_array().is_some_and(|all| !all.is_empty()) && json["closed"] == serde_json::json!([]));
}
