//! `tollgate check /etc/asterisk`: who comes in as sip.conf, pjsip.conf and voicemail.conf say, what that reaches, what is
//! wrong in these files, what was not read; and no secret is shown.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Place;
use std::path::PathBuf;

const PLAN: &str = "[from-internal]\nexten => 204,1,Dial(PJSIP/204)\nexten => _9X.,1,Dial(PJSIP/${EXTEN:1}@itsp)\n\
                    [from-trunk]\nexten => _X.,1,Dial(PJSIP/204)\n[default]\nexten => s,1,Hangup()\n";

/// A folder with these files beside the plan.
fn folder(place: &Place, files: &[(&str, &str)]) -> String {
    let path: PathBuf = place.home.join("asterisk");
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("extensions.conf"), PLAN).unwrap();
    for (name, text) in files {
        std::fs::write(path.join(name), text).unwrap();
    }
    path.display().to_string()
}

fn check(files: &[(&str, &str)]) -> String {
    let place = Place::written("");
    common::text(&place.run(&["check", &folder(&place, files)]))
}

fn has(said: &str, expected: &[&str]) {
    expected.iter().for_each(|word| assert!(said.contains(word), "{word} is missing in\n{said}"));
}

fn lacks(said: &str, unexpected: &[&str]) {
    unexpected.iter().for_each(|word| assert!(!said.contains(word), "{word} is in\n{said}"));
}

#[test]
fn guests_of_sip_conf_and_the_repaired_twin() {
    let bad = "[general]\ncontext=from-internal ; everybody\n[204]\ntype=friend\nhost=dynamic\nsecret=Vb3k-9sLw-2mQd\n";
    let said = check(&[("sip.conf", bad)]);
    has(&said, &["sip.conf:1:", "guest-calls", "strangers can reach", "and at cost", "paid-from-outside"]);
    let said = check(&[("sip.conf", &bad.replace("[204]", "allowguest=no\n[204]"))]);
    lacks(&said, &["guest-calls", "paid-from-outside", "and at cost"]);
}

#[test]
fn phones_that_anybody_can_be() {
    let said = check(&[(
        "sip.conf",
        "[general]\nallowguest=no\n[base](!)\ntype=friend\nhost=dynamic\ncontext=from-internal\n[204](base)\n[205](base)\nsecret=205\n",
    )]);
    has(&said, &["sip.conf:7:", "phone-without-secret", "weak-secret", "strangers can reach", "and at cost"]);
    lacks(&said, &["secret=205"]);
    // The template itself is no phone.
    lacks(&said, &["[base] has no secret"]);
}

#[test]
fn endpoints_of_pjsip_conf() {
    let phone =
        "[204]\ntype=endpoint\ncontext=from-internal\nauth=a204\n[a204]\ntype=auth\nusername=204\npassword=hunter2\n";
    let trunk = "[itsp]\ntype=endpoint\ncontext=from-trunk\n[itsp-id]\ntype=identify\nendpoint=itsp\nmatch=192.0.2.1\n";
    let said = check(&[("pjsip.conf", &format!("{phone}{trunk}"))]);
    has(&said, &["weak-secret", "callers from trunk itsp can reach", "nothing that costs money"]);
    lacks(&said, &["paid-from-outside", "hunter2", "and at cost"]);
    let said = check(&[("pjsip.conf", &format!("{phone}{}", trunk.replace("from-trunk", "from-internal")))]);
    has(&said, &["paid-from-outside", "callers from trunk itsp can reach", "and at cost"]);
    let said = check(&[("pjsip.conf", "[anonymous]\ntype=endpoint\ncontext=from-internal\n")]);
    has(&said, &["guest-calls", "pjsip.conf:1:", "strangers can reach", "and at cost"]);
    let said = check(&[("pjsip.conf", "[204]\ntype=endpoint\ncontext=from-internal\n")]);
    has(&said, &["phone-without-secret", "and at cost"]);
}

#[test]
fn mailboxes_that_dial_out_and_pins_that_are_guessed() {
    let said = check(&[(
        "voicemail.conf",
        "[general]\nformat=wav\n[default]\n204 => 204,Reception\n205 => 739482,Boss,b@example.net,,attach=yes|dialout=from-internal\n206 => 1234\n",
    )]);
    has(&said, &["the PIN of mailbox 204 is its own number", "the PIN of mailbox 206 is a row", "mailbox-dials-out"]);
    has(&said, &["voicemail.conf:5:", "whoever knows the PIN of", "and at cost"]);
    lacks(&said, &["739482", "1234"]);
}

#[test]
fn what_is_included_is_read_and_what_is_not_read_is_told() {
    let said = check(&[
        (
            "sip.conf",
            "[general]\nallowguest=no\n;-- [x]\ntype=friend\nhost=dynamic\n--;\n#include phones.conf\n#exec make-phones\n",
        ),
        ("phones.conf", "[204]\ntype=friend\nhost=dynamic\ncontext=from-internal\n"),
        ("features.conf", "[applicationmap]\n"),
        ("iax.conf", "[general]\n"),
    ]);
    has(&said, &["phones.conf:1:", "phone-without-secret", "not read: #exec make-phones", "features.conf is not read"]);
    has(&said, &["iax.conf is not read"]);
    lacks(&said, &["[x]"]);
    // Switched off by modules.conf: its phones do not exist.
    let said = check(&[
        ("modules.conf", "[modules]\nnoload => chan_sip.so\n"),
        ("sip.conf", "[general]\ncontext=from-internal\n"),
        ("pjsip.conf", "[global]\ntype=global\n"),
    ]);
    lacks(&said, &["guest-calls", "and at cost"]);
}
