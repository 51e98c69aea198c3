//! Caps hold under concurrency, reservations stand until they are settled, sums are whole numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use proptest::prelude::*;
use store::{Cap, Debit, Debited, Scope, SpendFilter, Store};
use support::Home;

fn debit(origin: &str, class: &str, amount: u64, caps: &[(Scope, u64)]) -> Debit {
    Debit {
        day: 20_000,
        origin: origin.into(),
        class: class.into(),
        trunk: "itsp".into(),
        leg: "leg".into(),
        amount,
        caps: caps.iter().map(|&(scope, most)| Cap { scope, most }).collect(),
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
            Debited::Granted(_) => granted += 1,
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
    assert!(matches!(store.debit(debit("a", "national", 600, &[])).await.unwrap(), Debited::Granted(_)));
    let check = async |wish: Debit, granted: bool| {
        let done = store.debit(wish.clone()).await.unwrap();
        assert_eq!(matches!(done, Debited::Granted(_)), granted, "{wish:?} {done:?}");
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
    let Debited::Granted(id) = store.debit(debit("a", "national", 600, &[])).await.unwrap() else { panic!("refused") };
    assert!(store.settle(id, 250, 2).await.unwrap());
    assert!(!store.settle(id, 0, 3).await.unwrap());
    assert_eq!(store.spent(&SpendFilter { origin: Some("a".into()), ..SpendFilter::default() }).await.unwrap(), 250);
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
                    Debited::Granted(id) => {
                        spent += amount;
                        assert!(spent <= most);
                        if let Some(cost) = cost.map(|cost| cost.min(amount)) {
                            assert!(store.settle(id, cost, 9).await.unwrap());
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
