//! While the disk refuses: typed errors at once, no panic, health says no, call records wait and are written afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use store::{CallFilter, Debit, Error, EventFilter, Mode, Options, Store, limits};
use support::{Home, record};
use tokio::time::timeout;

fn debit() -> Debit {
    Debit {
        day: 1,
        origin: "a".into(),
        class: "b".into(),
        trunk: "c".into(),
        leg: "d".into(),
        minute: 1,
        minutes: 1,
        first_s: 60,
        next_s: 60,
        caps: vec![],
        at: 0,
    }
}

fn big(id: &str) -> store::CallRecord {
    store::CallRecord { path: (0..limits::PATH).map(|n| format!("{n:900}")).collect(), ..record(id) }
}

#[tokio::test]
async fn a_full_disk_refuses_debits_and_keeps_records_in_mind() {
    let home = Home::new();
    let store =
        Store::open_with(Options { quota: Some(400_000), ..Options::new(&home.file(), Mode::Run) }).await.unwrap();
    assert!(store.health());
    let mut receipts = Vec::new();
    store.add_call_record(big("leg-0")).await.unwrap();
    for n in 1..6 {
        receipts.push(store.add_call_record(big(&format!("leg-{n}"))));
    }
    timeout(Duration::from_secs(10), async {
        while store.health() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the store notices a full disk");
    let started = std::time::Instant::now();
    assert_eq!(store.debit(debit()).await, Err(Error::Full));
    assert!(started.elapsed() < Duration::from_secs(5), "a refusal does not wait for the disk to get well");
    store.event(1, "login-failed", "once");
    store.event(2, "login-failed", "twice");
    assert_eq!(store.calls(&CallFilter::default()).await.unwrap().len(), 1, "reading goes on");
    assert!(store.stats().waiting >= 5 && store.stats().failures > 0);

    // The owner makes room: another process deletes and the pages are free again.
    let owner = Store::open(&home.file(), Mode::Edit).await.unwrap();
    let closed = store::CallRecord { ended_at: Some(i64::MAX - 1), ..record("leg-0") };
    owner.add_call_record(closed).await.unwrap();
    assert_eq!(owner.prune(i64::MAX).await.unwrap(), 1);
    // There is room for one of them: it gets in, the others go on waiting.
    let first = receipts.remove(0);
    timeout(Duration::from_secs(10), first).await.expect("the store tries again").unwrap();
    owner.close().await.unwrap();
    let end = timeout(Duration::from_secs(10), store.close()).await.expect("closing never hangs");
    drop(end);

    // With a larger quota a new start has the records that were acknowledged, and only whole ones.
    let store = home.open().await;
    let rows = store.calls(&CallFilter::default()).await.unwrap();
    assert!(rows.iter().any(|row| row.record.id == "leg-1"));
    assert!(rows.iter().all(|row| row.record.path == big("x").path));
}

#[tokio::test]
async fn a_locked_store_delays_records_and_loses_none() {
    let home = Home::new();
    let store = home.open().await;
    store.add_call_record(record("before")).await.unwrap();
    let locker = Locker::lock(&home.file()).await;
    let receipts: Vec<_> = (0..100).map(|n| store.add_call_record(record(&format!("during-{n}")))).collect();
    assert!(matches!(store.debit(debit()).await, Err(Error::Busy)));
    assert!(!store.health());
    for n in 0..3 {
        store.event(n, "alarm", "while locked");
    }
    locker.unlock().await;
    timeout(Duration::from_secs(20), async {
        for receipt in receipts {
            receipt.await.unwrap();
        }
        store.add_call_record(record("after")).await.unwrap();
    })
    .await
    .expect("the records get in");
    assert!(store.health());
    assert_eq!(store.calls(&CallFilter::default()).await.unwrap().len(), 102);
    let alarms: u64 = store.events(&EventFilter::default()).await.unwrap().iter().map(|event| event.count).sum();
    assert_eq!(alarms, 3);
    assert_eq!(store.stats().waiting, 0);
    store.close().await.unwrap();
    assert!(!store.health());
    assert_eq!(store.add_call_record(record("late")).await, Err(Error::Closed));
}

/// Another program that holds the write lock.
struct Locker(sqlx::SqliteConnection);

impl Locker {
    async fn lock(file: &std::path::Path) -> Self {
        use sqlx::ConnectOptions;
        let mut db = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut db).await.unwrap();
        Self(db)
    }
    async fn unlock(mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
    }
}

#[tokio::test]
async fn many_rows_share_a_commit() {
    let home = Home::new();
    let store = home.open().await;
    let receipts: Vec<_> = (0..2_000).map(|n| store.add_call_record(record(&n.to_string()))).collect();
    for receipt in receipts {
        receipt.await.unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.rows, stats.waiting), (2_000, 0));
    // BATCH rows in a commit, and never more.
    let least = 2_000_u64.div_ceil(limits::BATCH as u64);
    assert!((least..=40).contains(&stats.commits), "{} commits", stats.commits);
    let all = CallFilter { limit: u32::MAX, ..CallFilter::default() };
    assert_eq!(store.calls(&all).await.unwrap().len(), limits::ROWS as usize, "one question has so many answers");
}

#[tokio::test]
async fn events_beyond_the_queue_are_summed() {
    let home = Home::new();
    let store = home.open().await;
    let many = limits::QUEUE as u64 * 3;
    for n in 0..many {
        // Nothing awaits here, so the writer cannot take any: the queue fills.
        store.event(n as i64, &format!("kind-{}", n % (limits::EVENT_KINDS as u64 * 2)), "text");
    }
    store.add_call_record(record("a")).await.unwrap();
    store.close().await.unwrap();
    let mut total = 0;
    let store = home.open().await;
    let mut before = None;
    loop {
        let page = store.events(&EventFilter { before, ..EventFilter::default() }).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        total += page.iter().map(|event| event.count).sum::<u64>();
    }
    assert_eq!(total, many);
}

#[tokio::test]
async fn records_beyond_the_bound_are_refused_not_hoarded() {
    let home = Home::new();
    let store = home.open().await;
    let mut refused = 0;
    for n in 0..limits::RECORDS + 10 {
        let receipt = store.add_call_record(record(&format!("{}", n % 50)));
        if n >= limits::RECORDS {
            refused += usize::from(receipt.await == Err(Error::Overrun));
        }
    }
    assert!(refused >= 1, "the bound does not hold");
}
