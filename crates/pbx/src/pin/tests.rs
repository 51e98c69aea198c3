//! A PIN opens for the right digits only, for nobody after too many wrong ones, and for its owner in spite of strangers.

use super::*;
use store::{Mode, Store};

const MINUTE: i64 = 60_000;

fn mailbox() -> PinOf {
    PinOf::Mailbox("204".into())
}

async fn with_pin() -> (Pins, Digits) {
    let pins = Pins::in_memory();
    let pin = pins.set_random(&mailbox(), 0).await.unwrap();
    (pins, pin)
}

#[tokio::test]
async fn right_wrong_and_none() {
    let (pins, pin) = with_pin().await;
    let check = |digits: Digits| {
        let pins = &pins;
        async move { pins.check(&mailbox(), &Who::Outside, &digits, 0).await }
    };
    assert_eq!(check(pin.clone()).await, Verdict::Right);
    assert_eq!(check(Digits::new("")).await, Verdict::Wrong { left: 2, locked_until: None });
    assert_eq!(check(Digits::new(&format!("{}0", pin.reveal()))).await, Verdict::Wrong { left: 1, locked_until: None });
    assert_eq!(check(pin).await, Verdict::Right);
    assert_eq!(check(Digits::new("1")).await, Verdict::Wrong { left: 2, locked_until: None }, "the count began anew");
    let other = PinOf::Mailbox("200".into());
    assert_eq!(pins.check(&other, &Who::Outside, &Digits::new(""), 0).await, Verdict::NoneSet);
}

#[tokio::test]
async fn strangers_lock_themselves_out_and_nobody_else() {
    let (pins, pin) = with_pin().await;
    let phone = Who::Extension("204".into());
    let wrong = Digits::new("0");
    for _ in 0..50 {
        pins.check(&mailbox(), &Who::Outside, &wrong, 0).await;
    }
    let locked = pins.check(&mailbox(), &Who::Outside, &pin, 0).await;
    assert_eq!(locked, Verdict::Locked { until: 30_000 }, "not even the right one");
    assert_eq!(pins.check(&mailbox(), &phone, &pin, 0).await, Verdict::Right);
    assert_eq!(pins.check(&mailbox(), &Who::Outside, &pin, MINUTE).await, Verdict::Right, "after the pause");
}

#[tokio::test]
async fn many_tries_at_once_are_no_more_than_one_after_the_other() {
    let (pins, _) = with_pin().await;
    let pins = Arc::new(pins);
    let tries: Vec<_> = (0..40)
        .map(|_| {
            let pins = Arc::clone(&pins);
            tokio::spawn(async move { pins.check(&mailbox(), &Who::Outside, &Digits::new("9"), 0).await })
        })
        .collect();
    let mut looked_at = 0;
    for tried in tries {
        looked_at += usize::from(matches!(tried.await.unwrap(), Verdict::Wrong { .. }));
    }
    assert_eq!(looked_at, 3);
}

#[tokio::test]
async fn a_pin_in_the_text_of_a_plan_is_counted_like_others() {
    let pins = Pins::in_memory();
    let right = Digits::new("1234588");
    let check = |digits: &'static str| {
        let (pins, right) = (&pins, &right);
        async move { pins.check_literal("mainmenu", right, &Who::Outside, &Digits::new(digits), 0).await }
    };
    assert_eq!(check("1234588").await, Verdict::Right);
    for left in [2, 1, 0] {
        assert!(matches!(check("1234").await, Verdict::Wrong { left: l, .. } if l == left));
    }
    assert!(matches!(check("1234588").await, Verdict::Locked { .. }));
    let empty = pins.check_literal("other", &Digits::empty(), &Who::Outside, &Digits::empty(), 0).await;
    assert!(matches!(empty, Verdict::Wrong { .. }), "no PIN at all opens nothing");
}

#[tokio::test]
async fn tries_and_hashes_survive_a_restart_and_need_the_pepper() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.db");
    let pepper = || Zeroizing::new(vec![7; 32]);
    let store = Store::open(&file, Mode::Run).await.unwrap();
    let pins = Pins::new(Arc::new(InStore(store.clone())), Hasher::new(pepper()));
    let pin = pins.set_random(&mailbox(), 0).await.unwrap();
    assert_eq!(pins.check(&mailbox(), &Who::Outside, &pin, 0).await, Verdict::Right);
    for _ in 0..3 {
        pins.check(&mailbox(), &Who::Outside, &Digits::new("5"), 0).await;
    }
    store.close().await.unwrap();

    let store = Store::open(&file, Mode::Run).await.unwrap();
    let locks = store.pin_locks(0).await.unwrap();
    assert_eq!(
        locks.iter().map(|lock| (&*lock.what, &*lock.who, lock.wrong)).collect::<Vec<_>>(),
        [("mailbox:204", "outside", 3)]
    );
    let pins = Pins::new(Arc::new(InStore(store.clone())), Hasher::new(pepper()));
    assert_eq!(pins.check(&mailbox(), &Who::Outside, &pin, 0).await, Verdict::Locked { until: 30_000 });
    assert_eq!(pins.check(&mailbox(), &Who::Extension("204".into()), &pin, 0).await, Verdict::Right);

    let stolen = Pins::new(Arc::new(InStore(store.clone())), Hasher::new(Zeroizing::new(vec![8; 32])));
    let elsewhere = stolen.check(&mailbox(), &Who::Outside, &pin, 2 * MINUTE).await;
    assert!(matches!(elsewhere, Verdict::Wrong { .. }), "the file alone does not say which PIN is right");
    store.close().await.unwrap();

    let closed = pins.check(&mailbox(), &Who::Extension("204".into()), &pin, 0).await;
    assert_eq!(closed, Verdict::Unknown, "a store that cannot count lets nobody try");
    let bytes = std::fs::read(&file).unwrap();
    let shown = bytes.windows(pin.len()).any(|part| part == pin.reveal().as_bytes());
    assert!(!shown, "the PIN is not in the file");
}

#[test]
fn digits_show_nothing() {
    let digits = Digits::new("739482");
    assert_eq!(format!("{digits:?}"), "Digits(…)");
    assert_eq!(Digits::new(&"1".repeat(99)).len(), limits::PIN_DIGITS + 1, "too long stays too long");
}

#[tokio::test]
async fn random_pins_are_strong_and_different() {
    let of = PinOf::Grant("disa-me".into());
    let all: std::collections::BTreeSet<String> = (0..200).map(|_| random(&of).unwrap().reveal().to_owned()).collect();
    assert!(all.len() > 190);
    assert!(all.iter().all(|pin| pin.len() == 8 && weak(&of, &Digits::new(pin)).is_ok()));
    assert_eq!(random(&mailbox()).unwrap().len(), 6);
}
