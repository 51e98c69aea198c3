//! Ports that are taken, a home that is not ours, a broken configuration, a second exchange: a clear error, an exit code, nothing half made.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Place, names};

fn untouched(place: &Place, before: &[String]) {
    let after: Vec<String> = place.names().into_iter().filter(|name| name != "tollgate.lock").collect();
    assert_eq!(after, before);
}

#[test]
fn a_taken_port_is_named() {
    let place = Place::written("");
    let before = place.names();
    let udp = std::net::UdpSocket::bind(("127.0.0.1", place.port)).unwrap();
    let said = place.fails(&["run"]);
    assert!(said.contains(&format!("udp port {}", place.port)) && said.contains("already in use"), "{said}");
    drop(udp);
    let tcp = std::net::TcpListener::bind(("127.0.0.1", place.port)).unwrap();
    assert!(place.fails(&["run"]).contains(&format!("tcp port {}", place.port)));
    drop(tcp);
    let metrics = std::net::TcpListener::bind(("127.0.0.1", place.port + 1)).unwrap();
    assert!(place.fails(&["run"]).contains(&format!("tcp port {}", place.port + 1)));
    drop(metrics);
    untouched(&place, &before);
}

#[test]
fn somebody_elses_folder_stays_as_it_was() {
    let place = Place::nowhere();
    std::fs::create_dir(&place.home).unwrap();
    std::fs::write(place.home.join("letters.txt"), "private").unwrap();
    assert!(place.fails(&["run"]).contains("letters.txt"));
    assert_eq!(names(&place.home), ["letters.txt"]);
    let file = Place::nowhere();
    std::fs::write(&file.home, "").unwrap();
    assert!(file.fails(&["run"]).contains("not a folder"));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let place = Place::written(
        "[extension.204]\nname = 5\n[group.222]\nmembers = [\"999\"]\n[menu.attendant]\nkeys = { 1 = \"group:333\" }\n[bogus]\nx = 1\n",
    );
    let before = place.names();
    let said = place.fails(&["run"]);
    for line in [7, 9, 11, 12] {
        assert!(said.contains(&format!("tollgate.toml:{line}:")), "no finding at line {line}: {said}");
    }
    untouched(&place, &before);
    assert_eq!(place.run(&["check"]).status.code(), Some(2));
}

#[test]
fn one_home_has_one_exchange() {
    let place = Place::written("");
    let running = place.start();
    let said = place.fails(&["run"]);
    assert!(said.contains("already using the home"), "{said}");
    assert!(place.answers(), "the first goes on");
    assert_eq!(running.stop(), 0);
}

#[test]
fn a_home_too_deep_for_its_socket_is_refused() {
    let mut place = Place::nowhere();
    place.home = place.home.join("x".repeat(120));
    assert!(place.fails(&["run"]).contains("too long"));
    assert!(!place.home.parent().unwrap().exists(), "nothing half made");
}
