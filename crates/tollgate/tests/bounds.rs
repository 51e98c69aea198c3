//! Every bound that stands in a `limits.rs` is driven by a test: its name stands in the text of one, or in a table here with
//! the test that reaches it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Bounds that a test reaches without naming them: their crate, that test, their names.
const REACHED: &[(&str, &str, &[&str])] = &[
    ("sip", "the_table_is_bounded_and_finished_transactions_make_room", &["TRANSACTIONS"]),
    ("sip", "the_room_that_a_flood_took_is_given_back", &["ROOMY"]),
    ("sip", "a_flood_of_one_source_is_not_even_parsed", &["PACKETS_PER_SECOND"]),
    ("sip", "a_lost_connection_ends_the_call_unless_the_peer_comes_back", &["REVIVE"]),
    ("sip", "an_interval_that_is_too_brief_is_refused_with_the_least", &["SESSION_LEAST", "SESSION_MOST"]),
    ("sip", "the_caller_refreshes_and_the_call_lives_on", &["SESSION_EXPIRES", "RENEW_AGAIN"]),
    ("sip", "intervals_are_bounded", &["EXPIRES_MIN", "EXPIRES_MAX", "EXPIRES_DEFAULT"]),
    ("sip", "bounded_by_source_by_account_and_by_contact", &["SUBSCRIPTIONS"]),
    ("sip", "granted_and_told_at_once_in_its_dialog", &["SUBSCRIBE_DEFAULT", "SUBSCRIBE_MAX"]),
    ("sip", "nobody_rings_for_ever", &["RING_REFRESH"]),
    ("audit", "budgets_are_kept_and_lose_no_word", &["SLICE"]),
    ("audit", "many_texts_become_one_run", &["PIECES"]),
    ("dialplan", "a_costly_match_ends", &["REGEX_STEPS"]),
    ("pbx", "the_owner_says_when_and_for_how_long", &["BAN_AFTER_MOST"]),
    ("pbx", "a_few_knocks_are_no_news", &["SUMMED_USERS", "SHOWN"]),
    ("pbx", "tries_and_hashes_survive_a_restart_and_need_the_pepper", &["PIN_COSTS"]),
    ("pbx", "a_script_that_never_ends_is_ended", &["SCRIPT_COMMANDS", "SCRIPT_WAIT"]),
    ("pbx", "when_the_caller_goes_the_script_hears_of_it_and_has_a_moment", &["SCRIPT_LAST_WORDS"]),
    ("store", "whoever_never_stops_has_a_handful_of_tries_a_day", &["PIN_TRIES", "PIN_PAUSE"]),
    ("store", "quiet_weeks_are_forgotten_and_a_clock_set_back_does_not_lock_for_years", &["PIN_FORGOTTEN"]),
    ("store", "a_full_disk_refuses_debits_and_keeps_records_in_mind", &["RETRY"]),
    ("store", "many_rows_share_a_commit", &["LINGER"]),
    ("store", "records_beyond_the_bound_are_refused_not_hoarded", &["WAITING"]),
    ("store", "a_killed_exchange_keeps_every_acknowledged_row", &["HEARTBEAT"]),
    ("tollgate", "everybody_shares_one_sound_and_the_rest_is_bounded", &["SOUND_MISSES"]),
    ("tollgate", "when_all_ports_are_taken_the_next_call_is_refused_and_ports_return", &["RTP_PORT_TRIES"]),
    ("web", "forms_are_read_as_browsers_write_them", &["FORM"]),
    ("web", "pauses_grow_and_a_known_browser_waits_for_itself_only", &["LOGIN_FORGOTTEN"]),
    ("web", "nobody_gets_by_without_a_session", &["INVITATION_TRIES", "INVITATION_LIFE", "LOGIN_CHECKS"]),
    ("web", "twenty_look_on", &["VIEWERS"]),
    ("sip", "a_tdos_on_one_number_leaves_the_rest_alone", &["KEPT_FOR_KNOWN"]),
    ("pbx", "limits_bind_and_others_are_served", &["RETRY_AFTER"]),
    ("pbx", "members_loops_and_feature_codes", &["LOCAL_DEPTH"]),
    ("pbx", "review_greetings_and_folders", &["RECORDING", "RECORDINGS", "GREETING_SECONDS", "MESSAGE_SECONDS"]),
    ("pbx", "every_key_at_every_prompt", &["MENU_PATIENCE", "MENU_ROUNDS", "MAILBOX_DIGITS", "PAUSE", "PIN_PATIENCE"]),
    ("pbx", "the_days_money_runs_out_in_mid_call", &["PAID_MARGIN", "PAID_WARNING"]),
    ("pbx", "a_transfer_that_fails_comes_back", &["TRANSFER"]),
    ("pbx", "a_silent_registrar_is_left_for_the_next_address", &["TRUNK_SILENT"]),
    ("pbx", "a_trunk_that_stops_answering_is_told_down_and_up_again_once", &["TRUNK_ASK_AGAIN", "TRUNK_DOWN_ASK"]),
    ("pbx", "an_owner_s_question_is_answered_whatever_happens", &["TRUNK_ANSWER"]),
    ("store", "what_a_crash_left_is_finished_once", &["SOUND_FILE", "CHANGES"]),
    ("tollgate", "20000_messages_a_second", &["DATAGRAM_BURST", "DATAGRAM_BUFFER", "SIP_SOCKET_BUFFER"]),
    ("tollgate", "sound_of_strangers_is_not_heard", &["RTP_BURST", "RTP_PACKET", "RTP_SOCKET_BUFFER"]),
    (
        "tollgate",
        "a_signed_webhook_tells_once_what_happens",
        &["NOTICE_LOOK", "NOTICES_AT_ONCE", "NOTICE_AGAIN", "NOTICE_PATIENCE"],
    ),
    ("pbx", "at_night_a_few_keys_are_enough", &["UNUSUAL_NIGHT"]),
    ("tollgate", "sigterm_drains", &["DRAIN", "LAST_WORDS"]),
    ("tollgate", "mail", &["MAIL_AGAIN", "MAIL_LOOK", "MAIL_PATIENCE"]),
    ("tollgate", "idle_slow_and_oversized_streams", &["STREAM_WRITES", "STREAM_WRITE", "STREAM_CONNECT"]),
];

/// Bounds that no test reaches, and why that may be.
const UNREACHED: &[(&str, &str, &[&str])] = &[
    (
        "audit",
        "work on the owner's own plan; what is beyond it counts as unknown, which closes and never opens",
        &[
            "NODES",
            "NODES_PER_LINE",
            "STEPS_PER_NODE",
            "STACKS",
            "STACKS_SHORT",
            "VISITS",
            "WINNERS",
            "RESIDUALS",
            "SEARCHES",
            "WITNESSES",
        ],
    ),
    ("dialplan", "work on the owner's own plan: a hint less", &["COMPARED", "COMPARISONS"]),
    ("tollgate", "how long the owner's own command waits", &["CONTROL_ANSWER", "CONTROL_IDLE"]),
    ("tollgate", "days; the queue itself is bounded", &["MAIL_AGAIN_MAX", "MAIL_GIVEN_UP", "NOTICE_AGAIN_MAX"]),
    ("tollgate", "needs a disk slower than a thousand changes", &["PLAN_ROWS"]),
    ("tollgate", "needs 32 programs of the owner's at one time", &["SCRIPTS"]),
    ("store", "lines of the owner's own list", &["MAIL"]),
    ("web", "lines of the owner's own pages", &["PAGE", "EXPORT"]),
    ("web", "links that the owner himself makes", &["INVITATIONS"]),
    ("pbx", "one call's own variables and moves", &["FACTS", "MOVES"]),
    ("pbx", "mailboxes that the owner's plan names in one line", &["MAILBOXES_AT_ONCE"]),
    ("pbx", "the owner's own phones, asked for their lamps", &["LAMPS_ASKED"]),
    ("pbx", "slots of the owner's own parking lot in one announcement", &["PIECES"]),
    ("sip", "numbers of a peer's own requests, 2^31 of them", &["CSEQ_MAX", "CSEQ_GAP"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, ends: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                files(&path, ends, found);
            }
        } else if ends.iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
}

/// `(crate/NAME, NAME)` of every bound.
fn bounds() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut sources = Vec::new();
    files(&root().join("crates"), &["limits.rs"], &mut sources);
    for path in sources {
        let of =
            path.strip_prefix(root().join("crates")).unwrap().iter().next().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().map(str::trim_start) {
            let Some(rest) = line.strip_prefix("pub const ").or_else(|| line.strip_prefix("pub(crate) const ")) else {
                continue;
            };
            let name = rest.split(':').next().unwrap().trim();
            if !name.starts_with("fn ") {
                all.push((format!("{of}/{name}"), name.to_owned()));
            }
        }
    }
    all.sort();
    all
}

/// Text of all tests: what follows `#[cfg(test)]`, files and folders of tests, and the tests from outside.
fn test_text() -> String {
    let mut sources = Vec::new();
    files(&root().join("crates"), &[".rs"], &mut sources);
    files(&root().join("tests"), &[".rs", ".py"], &mut sources);
    let mut all = String::new();
    for path in sources {
        if path.ends_with("tollgate/tests/bounds.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let inside = path.iter().any(|part| part == "tests" || part == "benches") || path.ends_with("tests.rs");
        if inside {
            all.push_str(&text);
        } else if let Some(at) = text.find("#[cfg(test)]\n") {
            all.push_str(text.get(at..).unwrap_or_default());
        }
    }
    all
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect()
}

#[test]
fn every_bound_is_driven_by_a_test() {
    let text = test_text();
    let words = words(&text);
    let listed = |name: &str| {
        REACHED.iter().chain(UNREACHED).any(|(of, _, all)| all.iter().any(|bound| format!("{of}/{bound}") == name))
    };
    let bounds = bounds();
    assert!(bounds.len() > 100, "{} bounds were found", bounds.len());
    let missing: Vec<&String> = bounds
        .iter()
        .filter(|(full, name)| !words.contains(name.as_str()) && !listed(full))
        .map(|(full, _)| full)
        .collect();
    assert!(missing.is_empty(), "no test drives {missing:#?}");
}

#[test]
fn the_tables_are_true() {
    let text = test_text();
    let words = words(&text);
    let bounds: BTreeSet<String> = bounds().into_iter().map(|(full, _)| full).collect();
    for (of, _, all) in REACHED.iter().chain(UNREACHED) {
        for bound in *all {
            assert!(bounds.contains(&format!("{of}/{bound}")), "there is no bound {of}/{bound}");
            let other = |name: &str| {
                words.contains(name) && bounds.iter().filter(|b| b.ends_with(&format!("/{name}"))).count() == 1
            };
            assert!(!other(bound), "{of}/{bound} is named by a test: its row here is dead");
        }
    }
    for (of, test, _) in REACHED {
        let known = words.contains(*test) || words.contains(format!("test_{test}").as_str());
        assert!(known, "{of}: there is no test {test}");
    }
}
