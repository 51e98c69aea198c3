//! SIGHUP takes a new configuration over or leaves all as it was; SIGTERM ends in order; logs keep secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Place;
use rustix::process::Signal;

#[test]
fn a_broken_reload_changes_nothing() {
    let place = Place::written("[extension.204]\nname = \"Office\"\n[group.222]\nmembers = [\"204\"]\n");
    let running = place.start();
    let secret = place.json(&["extension", "rotate", "204"]);
    place.write("[extension.204]\nnaem = \"Office\"\n");
    running.signal(Signal::HUP);
    running.wait_for("the old one goes on");
    running.wait_for("tollgate.toml:7:");
    assert!(place.answers());
    // Commands that read the text say what is wrong with it; the running exchange still has its extension.
    assert!(place.fails(&["extension", "list"]).contains("naem"));
    let again = place.json(&["extension", "rotate", "204"]);
    assert_eq!(again["realm"], secret["realm"]);
    assert_eq!(running.stop(), 0);
}

#[test]
fn a_good_reload_is_taken_over_while_it_runs() {
    let place = Place::written("[extension.204]\nname = \"Office\"\n[group.222]\nmembers = [\"204\"]\n");
    let running = place.start();
    assert!(place.fails(&["extension", "rotate", "206"]).contains("no extension 206"));
    place.write("[extension.204]\n[extension.206]\nname = \"Attic\"\n[group.222]\nmembers = [\"204\"]\n");
    running.signal(Signal::HUP);
    running.wait_for("configuration taken over");
    assert_eq!(place.json(&["extension", "rotate", "206"])["user"], "206");
    assert_eq!(running.stop(), 0);
}

#[test]
fn no_secret_reaches_the_logs() {
    let place = Place::written("");
    let running = place.start_with(&[("TOLLGATE_LOG", "trace")]);
    let mut secrets = Vec::new();
    for user in ["200", "204"] {
        secrets.push(place.json(&["extension", "rotate", user])["secret"].as_str().unwrap().to_owned());
    }
    drop(std::net::TcpStream::connect(("127.0.0.1", place.port)).unwrap());
    running.wait_for("connection closed");
    running.signal(Signal::HUP);
    running.wait_for("configuration taken over");
    let said = running.said();
    assert!(said.contains("DEBUG"), "the logs are as loud as asked for");
    assert!(!secrets.iter().any(|secret| said.contains(secret)), "a secret is in the logs");
    assert_eq!(running.stop(), 0);
}
