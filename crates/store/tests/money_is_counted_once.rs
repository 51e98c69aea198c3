//! Caps hold under concurrency, reservations stand until they are settled, sums are whole numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use proptest::prelude::*;
use store::{CallFilter, CallRecord, Cap, Debit, Debited, Dialog, Measure, Scope, SpendFilter, Store};
use support::{Home, record};

fn debit(origin: &str, class: &str, amount: u64, caps: &[(Scope, u64)]) -> Debit {
    Debit {
        day: 20_000,
        origin: origin.into(),
        class: class.into(),
        trunk: "itsp".into(),
        leg: "leg".into(),
        minute: amount,
        minutes: 1,
        first_s: 60,
        next_s: 60,
        caps: caps.iter().map(|&(scope, most)| Cap { scope, measure: Measure::Money, most }).collect(),
        at: 1,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_legs_never_pass_the_cap() {
    let home = Home::new();
    let store = home.open().await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                store.debit(debit("extension:204", "premium", 300, &[(Scope::Origin, 1_000)])).await.unwrap()
            })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        match task.await.unwrap() {
            Debited::Granted { .. } => granted += 1,
            Debited::Refused { cap, spent } => assert!(cap.most == 1_000 && spent == 900, "{spent}"),
        }
    }
    assert_eq!(granted, 3);
    assert_eq!(store.spent(&SpendFilter::default()).await.unwrap(), 900);
}

#[tokio::test]
async fn each_scope_sums_its_own() {
    let home = Home::new();
    let store = home.open().await;
    assert!(matches!(store.debit(debit("a", "national", 600, &[])).await.unwrap(), Debited::Granted { .. }));
    let check = async |wish: Debit, granted: bool| {
        let done = store.debit(wish.clone()).await.unwrap();
        assert_eq!(matches!(done, Debited::Granted { .. }), granted, "{wish:?} {done:?}");
    };
    check(debit("a", "mobile", 500, &[(Scope::Origin, 1_000)]), false).await;
    check(debit("b", "national", 500, &[(Scope::Class, 1_000)]), false).await;
    check(debit("b", "mobile", 500, &[(Scope::Everything, 1_000)]), false).await;
    check(debit("b", "mobile", 500, &[(Scope::Trunk, 1_000)]), false).await;
    check(debit("a", "mobile", 500, &[(Scope::OriginClass, 1_000)]), true).await;
    check(Debit { trunk: "other".into(), ..debit("b", "mobile", 500, &[(Scope::Trunk, 1_000)]) }, true).await;
    check(Debit { day: 20_001, ..debit("a", "national", 500, &[(Scope::Everything, 500)]) }, true).await;
    check(debit("a", "national", i64::MAX as u64, &[(Scope::Everything, i64::MAX as u64)]), false).await;
    assert!(store.debit(debit("a", "national", u64::MAX, &[])).await.is_err());
}

#[tokio::test]
async fn a_debit_is_settled_once() {
    let home = Home::new();
    let store = home.open().await;
    let Debited::Granted { id, .. } = store.debit(debit("a", "national", 600, &[])).await.unwrap() else {
        panic!("refused")
    };
    let settled = store.settle(id, 250, 61, 2).await.unwrap().unwrap();
    assert_eq!((settled.before, settled.after), (0, 250));
    assert_eq!(store.settle(id, 0, 0, 3).await.unwrap(), None);
    let ledger = store.ledger(20_000).await.unwrap();
    assert_eq!(
        (ledger.len(), ledger[0].calls, ledger[0].seconds, ledger[0].settled, ledger[0].reserved),
        (1, 1, 61, 250, 0)
    );
    assert!(store.ledger(20_001).await.unwrap().is_empty());
    assert_eq!(store.spent(&SpendFilter { origin: Some("a".into()), ..SpendFilter::default() }).await.unwrap(), 250);
}

#[tokio::test]
async fn as_many_minutes_are_reserved_as_there_is_room_for() {
    let home = Home::new();
    let store = home.open().await;
    let wish = |minutes, measure, most| Debit {
        minutes,
        caps: vec![Cap { scope: Scope::Origin, measure, most }],
        ..debit("a", "national", 100, &[])
    };
    let granted = async |wish: Debit| match store.debit(wish).await.unwrap() {
        Debited::Granted { minutes, .. } => Some(minutes),
        Debited::Refused { .. } => None,
    };
    assert_eq!(granted(wish(10, Measure::Money, 750)).await, Some(7));
    assert_eq!(granted(wish(10, Measure::Money, 750)).await, None);
    assert_eq!(granted(wish(10, Measure::Seconds, 60 * 9 + 59)).await, Some(2));
    assert_eq!(granted(wish(10, Measure::Seconds, 60 * 9 + 59)).await, None);
}

/// Hours and days are counted in the file, so a restart forgets none.
#[tokio::test]
async fn calls_are_counted_over_a_restart() {
    let home = Home::new();
    let wish = |at: i64, most| Debit {
        at,
        caps: vec![Cap { scope: Scope::Origin, measure: Measure::Calls { since: at - 1_000 }, most }],
        ..debit("a", "national", 0, &[])
    };
    let store = home.open().await;
    assert!(matches!(store.debit(wish(10_000, 2)).await.unwrap(), Debited::Granted { .. }));
    assert!(matches!(store.debit(wish(10_500, 2)).await.unwrap(), Debited::Granted { .. }));
    store.close().await.unwrap();
    let store = home.open().await;
    assert!(matches!(store.debit(wish(10_900, 2)).await.unwrap(), Debited::Refused { spent: 2, .. }));
    assert!(matches!(store.debit(wish(11_200, 2)).await.unwrap(), Debited::Granted { .. }));
}

#[tokio::test]
async fn dialogs_of_paid_legs_are_kept_until_they_are_over() {
    let home = Home::new();
    let store = home.open().await;
    let one = Dialog { leg: "7".into(), trunk: "itsp".into(), state: "a".into(), at: 1 };
    store.keep_dialog(one.clone());
    store.keep_dialog(Dialog { leg: "8".into(), ..one.clone() });
    store.keep_dialog(Dialog { state: "b".into(), ..one.clone() });
    store.forget_dialog("8".into());
    store.close().await.unwrap();
    let store = home.open().await;
    assert_eq!(store.dialogs().await.unwrap(), [Dialog { state: "b".into(), ..one }]);
}

/// What a crash left open costs what it lasted, not all that was reserved: to the restart if it has to be hung up then.
#[tokio::test]
async fn a_crash_settles_what_was_on() {
    let home = Home::new();
    let store = home.open().await;
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    for permit in ["up", "ringing", "silent", "by-steps"] {
        let (first_s, next_s) = if permit == "by-steps" { (30, 6) } else { (60, 60) };
        let wish =
            Debit { leg: permit.into(), minutes: 30, first_s, next_s, ..debit(permit, "national", 600_000, &[]) };
        assert!(matches!(store.debit(wish).await.unwrap(), Debited::Granted { minutes: 30, .. }));
    }
    let leg = |permit: &str, answered_at| CallRecord {
        permit: Some(permit.into()),
        at: now - 100_000,
        answered_at,
        ..record(permit)
    };
    store.add_call_record(leg("up", Some(now - 90_000))).await.unwrap();
    store.add_call_record(leg("ringing", None)).await.unwrap();
    let talked = CallRecord { at: now - 100_000, ..leg("by-steps", Some(now - 72_500)) };
    store.add_call_record(talked).await.unwrap();
    store.keep_dialog(Dialog { leg: "by-steps".into(), trunk: "itsp".into(), state: "a".into(), at: 1 });
    store.keep_dialog(Dialog { leg: "up".into(), trunk: "itsp".into(), state: "a".into(), at: 1 });
    store.close().await.unwrap();
    let store = home.open().await;
    let mut ledger = store.ledger(20_000).await.unwrap();
    ledger.sort_by(|a, b| a.origin.cmp(&b.origin));
    let sums: Vec<_> = ledger.iter().map(|row| (row.origin.as_str(), row.settled, row.reserved)).collect();
    let [steps, rest @ ..] = &sums[..] else { panic!("no sums") };
    assert_eq!(*rest, [("ringing", 600_000, 0), ("silent", 0, 18_000_000), ("up", 1_200_000, 0)]);
    assert!((90..95).contains(&ledger[3].seconds), "{}", ledger[3].seconds);
    // 73 seconds or a little more: 78 are billed, or 84.
    assert!(matches!(steps, ("by-steps", 780_000 | 840_000, 0)), "{steps:?}");
    let kept = store.calls(&CallFilter::default()).await.unwrap();
    let up = kept.iter().find(|row| row.record.id == "up").unwrap();
    let seconds = (up.record.ended_at.unwrap() - up.record.answered_at.unwrap()).unsigned_abs().div_ceil(1000);
    assert_eq!(seconds, ledger[3].seconds, "record and money agree");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_sum_is_what_was_granted_and_below_the_cap(
        wishes in proptest::collection::vec((0..3_u8, 0..3_u8, 0..400_u64, proptest::option::of(0..400_u64)), 1..40),
        most in 0..3_000_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let home = Home::new();
            let store: Store = home.open().await;
            let mut spent = 0;
            for (origin, class, amount, cost) in wishes {
                let wish = debit(&origin.to_string(), &class.to_string(), amount, &[(Scope::Everything, most)]);
                match store.debit(wish).await.unwrap() {
                    Debited::Granted { id, .. } => {
                        spent += amount;
                        assert!(spent <= most);
                        if let Some(cost) = cost.map(|cost| cost.min(amount)) {
                            assert!(store.settle(id, cost, 1, 9).await.unwrap().is_some());
                            spent = spent - amount + cost;
                        }
                    }
                    Debited::Refused { spent: said, .. } => assert!(said == spent && spent + amount > most),
                }
            }
            assert_eq!(store.spent(&SpendFilter::default()).await.unwrap(), spent);
        });
    }
}
