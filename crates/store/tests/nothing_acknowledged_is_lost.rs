//! A child process writes and says which rows were acknowledged; we kill it at random moments. Everything that it said is
//! in the file, and nothing half. Records of legs that lived get their end at the next start.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use store::{CallFilter, CallRecord, Cap, Debit, Debited, Disposition, Mode, STOPPED, Scope, Side, SpendFilter, Store};
use support::{Home, record};

const WRITE_HERE: &str = "STORE_TEST_WRITE_HERE";

/// Not a test of its own: the child of the test below. Opens legs, closes every second one, debits for each.
#[tokio::test]
async fn child_that_writes() {
    let Ok(file) = std::env::var(WRITE_HERE) else { return };
    let store = Store::open(file.as_ref(), Mode::Run).await.unwrap();
    let run = std::process::id();
    let mut tasks = Vec::new();
    for worker in 0..8 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0.. {
                let mut row = record(&format!("{run}-{worker}-{n}"));
                store.add_call_record(row.clone()).await.unwrap();
                say(&format!("open {}", row.id));
                if n % 2 == 0 {
                    row.ended_at = Some(row.at + 5);
                    row.disposition = Disposition::Answered;
                    store.add_call_record(row.clone()).await.unwrap();
                    say(&format!("closed {}", row.id));
                }
                let debit = Debit {
                    day: 1,
                    origin: "extension:204".into(),
                    class: "national".into(),
                    trunk: "itsp".into(),
                    leg: row.id,
                    minute: 10,
                    minutes: 1,
                    first_s: 60,
                    next_s: 60,
                    caps: vec![Cap { scope: Scope::Everything, measure: store::Measure::Money, most: u64::MAX }],
                    at: 0,
                };
                assert!(matches!(store.debit(debit).await.unwrap(), Debited::Granted { .. }));
                say("debit");
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// One line, whole, straight to the pipe: a line that was said was acknowledged before.
fn say(line: &str) {
    std::io::stderr().write_all(format!("said {line}\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn a_killed_exchange_keeps_every_acknowledged_row() {
    let home = Home::new();
    let mut said: BTreeMap<String, bool> = BTreeMap::new();
    let mut debits = 0;
    for (round, wait) in [15_u64, 140, 60, 230, 35, 90].into_iter().enumerate() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes", "--nocapture", "--test-threads=1"])
            .env(WRITE_HERE, home.file())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            let mut heard = Vec::new();
            // The first acknowledgement shows that the child is up; then the clock of this round runs.
            heard.push(lines.next().unwrap().unwrap());
            std::thread::sleep(Duration::from_millis(wait));
            child.kill().unwrap();
            child.wait().unwrap();
            heard.extend(lines.map_while(Result::ok));
            heard
        });
        for line in tokio::task::spawn_blocking(|| reader.join().unwrap()).await.unwrap() {
            let mut words = line.split(' ').skip_while(|word| *word != "said").skip(1);
            match (words.next(), words.next()) {
                (Some("open"), Some(id)) => drop(said.entry(id.to_owned()).or_insert(false)),
                (Some("closed"), Some(id)) => drop(said.insert(id.to_owned(), true)),
                (Some("debit"), None) => debits += 1,
                _ => panic!("round {round}: the child failed: {line}"),
            }
        }

        let store = home.open().await;
        let mut found: BTreeMap<String, CallRecord> = BTreeMap::new();
        let mut before = None;
        loop {
            let page = store.calls(&CallFilter { before, ..CallFilter::default() }).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.n);
            found.extend(page.into_iter().map(|row| (row.record.id.clone(), row.record)));
        }
        for (id, closed) in &said {
            let row = found.get(id).unwrap_or_else(|| panic!("round {round}: {id} was acknowledged and is gone"));
            if *closed {
                assert_eq!((row.disposition, row.ended_at), (Disposition::Answered, Some(row.at + 5)), "{id}");
            }
        }
        for row in found.values() {
            assert!(row.ended_at.is_some_and(|end| end >= row.at), "{} is still open after the start", row.id);
            if row.disposition == Disposition::Stopped {
                assert_eq!((row.hangup_side, row.cause_text.as_deref()), (Some(Side::Exchange), Some(STOPPED)));
            }
        }
        assert!(store.spent(&SpendFilter::default()).await.unwrap() >= debits * 10);
        store.close().await.unwrap();
    }
    assert!(said.len() > 50, "the children wrote only {} rows", said.len());
}

#[tokio::test]
async fn a_command_beside_the_exchange_leaves_live_calls_alone() {
    let home = Home::new();
    let exchange = home.open().await;
    exchange.add_call_record(record("alive")).await.unwrap();
    let command = Store::open(&home.file(), Mode::Edit).await.unwrap();
    assert_eq!(command.calls(&CallFilter::default()).await.unwrap()[0].record.disposition, Disposition::Open);
    command.close().await.unwrap();
    exchange.close().await.unwrap();
    let next = home.open().await;
    let row = &next.calls(&CallFilter::default()).await.unwrap()[0].record;
    assert_eq!((row.disposition, row.cause_text.as_deref()), (Disposition::Stopped, Some(STOPPED)));
}
