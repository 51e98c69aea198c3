//! A configuration that somebody wrote by hand works, its phones get secrets by `rotate`, running or not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Place;

const TEXT: &str = "[extension.204]\nname = \"Office\"\n\n[extension.205]\nname = \"Hall\"\n\n[group.222]\nmembers = [\"204\", \"205\"]\n";

#[test]
fn what_is_left_out_is_as_in_a_fresh_install() {
    let place = Place::written("");
    let running = place.start();
    let list = place.ok(&["extension", "list"]);
    assert!(list.contains("200") && list.contains("204"), "{list}");
    assert!(place.ok(&["group", "list"]).contains("222"));
    running.wait_for("nothing that costs money");
    assert_eq!(running.stop(), 0);
}

#[test]
fn secrets_come_by_rotate_running_or_not() {
    let place = Place::written(TEXT);
    let early = place.json(&["extension", "rotate", "204"]);
    assert_eq!(early["user"], "204");
    assert!(early["secret"].as_str().unwrap().len() >= 26);
    let running = place.start();
    running.wait_for("205: make a secret with");
    let while_it_runs = place.json(&["extension", "rotate", "204"]);
    assert_eq!(while_it_runs["realm"], early["realm"], "the realm stays");
    assert_ne!(while_it_runs["secret"], early["secret"]);
    assert!(place.fails(&["extension", "rotate", "299"]).contains("no extension 299"));
    assert_eq!(running.stop(), 0);
    let after = place.json(&["extension", "rotate", "205"]);
    assert_eq!(after["realm"], early["realm"]);
    assert!(place.ok(&["extension", "list"]).matches("set").count() >= 2);
}

#[test]
fn things_are_added_and_removed_with_comments_kept() {
    let place = Place::written(&format!("# my exchange\n{TEXT}"));
    let running = place.start();
    let added = place.json(&["extension", "add", "207", "--name", "Kitchen", "--may", "internal,national"]);
    assert_eq!(added["user"], "207");
    assert!(place.fails(&["extension", "add", "207"]).contains("exists already"));
    place.ok(&["group", "add", "223", "--members", "204,207"]);
    place.ok(&["trunk", "add", "itsp", "--host", "127.0.0.9:5099"]);
    // Refused: the group needs it. And nothing is half done.
    let before = std::fs::read_to_string(place.home.join("tollgate.toml")).unwrap();
    assert!(place.fails(&["extension", "remove", "207"]).contains("207"));
    assert_eq!(std::fs::read_to_string(place.home.join("tollgate.toml")).unwrap(), before);
    place.ok(&["group", "remove", "223"]);
    place.ok(&["extension", "remove", "207"]);
    let text = std::fs::read_to_string(place.home.join("tollgate.toml")).unwrap();
    assert!(text.contains("# my exchange") && !text.contains("Kitchen") && text.contains("itsp"), "{text}");
    assert_eq!(running.stop(), 0);
    place.ok(&["trunk", "remove", "itsp"]);
    assert!(!place.ok(&["trunk", "list"]).contains("itsp"));
}

#[test]
fn everything_in_the_home_is_private() {
    let place = Place::written(TEXT);
    let running = place.start();
    assert_eq!(place.mode(""), 0o700);
    for name in ["tollgate.toml", "tollgate.db", "keys/pepper", "cert/key.pem", "control.sock", "tollgate.lock"] {
        assert_eq!(place.mode(name), 0o600, "{name}");
    }
    for name in place.names().iter().filter(|name| name.starts_with("tollgate.db-")) {
        assert_eq!(place.mode(name), 0o600, "{name}");
    }
    assert_eq!(running.stop(), 0);
    assert!(!place.home.join("control.sock").exists(), "the socket goes with the exchange");
}
