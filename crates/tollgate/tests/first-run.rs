//! The first start makes everything and shows secrets once; the second is silent about them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Place, names};
use std::process::Stdio;

/// The fresh configuration listens on port 5060 of all addresses. Where that is taken, the error is what we look at.
#[test]
fn a_fresh_home_is_made_whole_or_not_at_all() {
    let mut place = Place::nowhere();
    place.port = 5060;
    let log = place.home.parent().unwrap().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut child =
        place.command(&["run"]).stdout(file.try_clone().unwrap()).stderr(file).stdin(Stdio::null()).spawn().unwrap();
    let begun = std::time::Instant::now();
    let said = || std::fs::read_to_string(&log).unwrap();
    while !said().contains("nothing that costs money") {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(!status.success());
            assert!(said().contains("already in use"), "{}", said());
            assert_eq!(names(place.home.parent().unwrap()), ["log"], "nothing half made");
            return;
        }
        assert!(begun.elapsed() < common::PATIENCE, "{}", said());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let first = said();
    let secrets: Vec<&str> = first
        .lines()
        .filter_map(|line| line.split_once("secret ").map(|(_, rest)| rest.split_whitespace().next().unwrap()))
        .filter(|secret| secret.len() >= 26)
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(secrets.len(), 2, "{first}");
    assert_ne!(secrets[0], secrets[1]);
    assert!(first.contains("strangers can reach"), "{first}");
    assert!(first.contains(&place.home.display().to_string()), "{first}");
    assert_eq!(place.mode(""), 0o700);
    for name in ["tollgate.toml", "tollgate.db", "keys/pepper", "cert/key.pem", "cert/certificate.pem"] {
        assert_eq!(place.mode(name), 0o600, "{name}");
    }

    // The same home with other sockets: a second start.
    let text = std::fs::read_to_string(place.home.join("tollgate.toml")).unwrap();
    assert!(!secrets.iter().any(|secret| text.contains(secret)));
    let second = Place::nowhere();
    std::fs::rename(&place.home, &second.home).unwrap();
    let without: String = text.replace("[media]\nports", "[unused]\nports");
    let without = without.split("[unused]").next().unwrap().to_owned()
        + "[strangers]"
        + text.split("[strangers]").nth(1).unwrap();
    let without = without.replace("[sip]\n", "");
    second.write(&without);
    let running = second.start();
    running.wait_for("nothing that costs money");
    let again = running.said();
    assert!(!secrets.iter().any(|secret| again.contains(secret)), "the second start tells secrets");
    assert!(!again.contains("secret "), "{again}");
    assert_eq!(running.stop(), 0);
}
