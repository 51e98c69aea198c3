//! Every table gives back what was put in, after a restart too, and nobody else may read the file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt;

use store::{
    CallFilter, ConfigVersion, Credentials, Direction, Disposition, Error, EventFilter, Mode, Registration, Road,
    RtpStats, Side, Store, limits,
};
use support::{Home, record};

fn registration(aor: &str, contact: &str, expires_at: i64) -> Registration {
    Registration {
        aor: aor.into(),
        contact: contact.into(),
        transport: "tcp".into(),
        local: "127.0.0.1:5060".into(),
        remote: "127.0.0.7:40123".into(),
        connection: u64::MAX,
        expires_at,
        call_id: "abc@phone".into(),
        cseq: u32::MAX,
        user_agent: Some("phone/1".into()),
        path: None,
    }
}

#[tokio::test]
async fn the_realm_is_made_once_and_stays() {
    let home = Home::new();
    let first = home.open().await;
    let realm = first.realm().to_owned();
    assert!(realm.starts_with("tollgate-") && realm.len() == 25, "{realm}");
    first.close().await.unwrap();
    assert_eq!(home.open().await.realm(), realm);
    assert_ne!(Home::new().open().await.realm(), realm);
}

#[tokio::test]
async fn the_file_and_its_side_files_are_private() {
    let home = Home::new();
    std::fs::write(home.file(), "").unwrap();
    std::fs::set_permissions(home.file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = home.open().await;
    store.add_call_record(record("a")).await.unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(home.folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 2, "there is a write-ahead log beside the file");
}

#[tokio::test]
async fn credentials() {
    let home = Home::new();
    let store = home.open().await;
    let first = Credentials { ha1_sha256: [1; 32], ha1_md5: [2; 16], rotated_at: 3 };
    let second = Credentials { ha1_sha256: [4; 32], ha1_md5: [5; 16], rotated_at: 6 };
    assert_eq!(store.credentials("204").await.unwrap(), None);
    store.set_credentials("204", first.clone()).await.unwrap();
    store.set_credentials("204", second.clone()).await.unwrap();
    store.set_credentials("200", first.clone()).await.unwrap();
    assert_eq!(store.credentials("204").await.unwrap(), Some(second.clone()));
    assert_eq!(store.all_credentials().await.unwrap(), [("200".to_owned(), first), ("204".to_owned(), second.clone())]);
    assert!(store.remove_credentials("200").await.unwrap());
    assert!(!store.remove_credentials("200").await.unwrap());
    assert!(!format!("{second:?}").contains('4'), "digests do not show in logs");
}

#[tokio::test]
async fn registrations() {
    let home = Home::new();
    let store = home.open().await;
    let (desk, kitchen) =
        (registration("204", "sip:204@127.0.0.7", 2_000), registration("204", "sip:204@127.0.0.8", 3_000));
    for registration in [&desk, &kitchen, &registration("200", "sip:200@127.0.0.9", 1_000)] {
        store.save_registration(registration.clone()).await.unwrap();
    }
    assert_eq!(store.registrations(1_000).await.unwrap(), [desk, kitchen.clone()]);
    assert_eq!(store.expire_registrations(2_000).await.unwrap(), 2);
    assert_eq!(store.registrations(0).await.unwrap(), [kitchen]);
    assert_eq!(store.remove_registration("204", Some("sip:other")).await.unwrap(), 0);
    assert_eq!(store.remove_registration("204", None).await.unwrap(), 1);
}

#[tokio::test]
async fn a_phone_that_invents_contacts_pushes_out_its_oldest() {
    let home = Home::new();
    let store = home.open().await;
    for n in 0..i64::from(limits::CONTACTS) + 5 {
        store.save_registration(registration("204", &format!("sip:{n}"), 1_000 + n)).await.unwrap();
    }
    let kept = store.registrations(0).await.unwrap();
    assert_eq!(kept.len(), limits::CONTACTS as usize);
    assert!(kept.iter().all(|kept| kept.expires_at >= 1_005));
}

#[tokio::test]
async fn a_call_record_in_full() {
    let home = Home::new();
    let store = home.open().await;
    let mut full = record("a");
    store.add_call_record(full.clone()).await.unwrap();
    full.answered_at = Some(full.at + 2_000);
    full.ended_at = Some(full.at + 9_000);
    full.trunk = Some("itsp".into());
    full.permit = Some("p-1".into());
    full.direction = Direction::Out;
    full.disposition = Disposition::Answered;
    full.hangup_side = Some(Side::Other);
    full.cause = Some(16);
    full.cause_text = Some("normal".into());
    full.codec = Some("G722".into());
    full.rtp = Some(RtpStats { packets_in: 1, packets_out: 2, bytes_in: 3, bytes_out: 4, lost: 5, jitter_us: 6 });
    store.add_call_record(full.clone()).await.unwrap();
    store.add_call_record(record("a")).await.unwrap();
    let found = store.calls(&CallFilter::default()).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].record, full, "a late opening of a closed leg changes nothing");
}

#[tokio::test]
async fn calls_are_found_by_each_filter() {
    let home = Home::new();
    let store = home.open().await;
    let mut receipts = Vec::new();
    for n in 0..10 {
        let mut row = record(&format!("leg-{n}"));
        row.at += n;
        row.to = if n == 3 { "50%_off".into() } else { "204".into() };
        row.call_id = format!("tree-{}", n / 2);
        row.origin = if n < 5 { "extension:200".into() } else { "stranger:127.0.0.9".into() };
        row.direction = if n == 7 { Direction::Out } else { Direction::In };
        row.trunk = (n == 7).then(|| "itsp".into());
        row.disposition = if n == 9 { Disposition::Refused } else { Disposition::Answered };
        receipts.push(store.add_call_record(row));
    }
    for receipt in receipts {
        receipt.await.unwrap();
    }
    let all = CallFilter::default();
    let at = record("x").at;
    let check = async |filter: CallFilter, expected: &[u32]| {
        let found: Vec<String> = store.calls(&filter).await.unwrap().into_iter().map(|row| row.record.id).collect();
        let expected: Vec<String> = expected.iter().map(|n| format!("leg-{n}")).collect();
        assert_eq!(found, expected, "{filter:?}");
    };
    check(CallFilter { limit: 2, ..all.clone() }, &[9, 8]).await;
    check(CallFilter { call_id: Some("tree-2".into()), ..all.clone() }, &[5, 4]).await;
    check(CallFilter { since: Some(at + 8), ..all.clone() }, &[9, 8]).await;
    check(CallFilter { until: Some(at + 2), ..all.clone() }, &[1, 0]).await;
    check(CallFilter { origin: Some("extension:200".into()), limit: 1, ..all.clone() }, &[4]).await;
    check(CallFilter { direction: Some(Direction::Out), ..all.clone() }, &[7]).await;
    check(CallFilter { road: Some(Road::Out), ..all.clone() }, &[7]).await;
    check(CallFilter { road: Some(Road::In), ..all.clone() }, &[9, 8, 6, 5]).await;
    check(CallFilter { road: Some(Road::Inside), ..all.clone() }, &[4, 3, 2, 1, 0]).await;
    for row in store.calls(&all).await.unwrap() {
        let road = CallFilter { road: Some(row.record.road()), ..all.clone() };
        assert!(
            store.calls(&road).await.unwrap().contains(&row),
            "what a record says of itself is what is found by it"
        );
    }
    check(CallFilter { trunk: Some("itsp".into()), ..all.clone() }, &[7]).await;
    check(CallFilter { disposition: Some(Disposition::Refused), ..all.clone() }, &[9]).await;
    check(CallFilter { text: Some("%_".into()), ..all.clone() }, &[3]).await;
    check(CallFilter { text: Some("' OR 1=1 --".into()), ..all.clone() }, &[]).await;
    let page = store.calls(&CallFilter { limit: 3, ..all.clone() }).await.unwrap();
    check(CallFilter { before: Some(page[2].n), limit: 2, ..all.clone() }, &[6, 5]).await;
    let everything = CallFilter { limit: u32::MAX, ..all };
    assert_eq!(store.calls(&everything).await.unwrap().len(), 10);
}

#[tokio::test]
async fn events_and_versions_and_pruning() {
    let home = Home::new();
    let store = home.open().await;
    store.event(1_000, "login-failed", "204 from 127.0.0.9: wrong password");
    store.event(2_000, "reload", "by the owner");
    store.event(3_000, "long", &"x".repeat(limits::TEXT * 2));
    let version = ConfigVersion {
        id: 0,
        hash: [7; 32],
        text: "[system]\n".into(),
        author: "owner".into(),
        at: 5,
        verdict: "nothing that costs money".into(),
    };
    let id = store.add_config_version(version.clone()).await.unwrap();
    let wanted = ConfigVersion { id, ..version.clone() };
    assert_eq!(store.config_version(id).await.unwrap(), Some(wanted.clone()));
    assert_eq!(store.config_versions(10).await.unwrap(), [wanted]);
    let huge = ConfigVersion { text: "x".repeat(limits::CONFIG + 1), ..version };
    assert!(matches!(store.add_config_version(huge).await, Err(Error::Invalid(_))));

    let events = store.events(&EventFilter::default()).await.unwrap();
    assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["long", "reload", "login-failed"]);
    assert!(events[0].text.len() <= limits::TEXT);
    let only = EventFilter { kind: Some("reload".into()), ..EventFilter::default() };
    assert_eq!(store.events(&only).await.unwrap().len(), 1);
    assert_eq!(store.prune(2_000).await.unwrap(), 1);
    assert_eq!(store.events(&EventFilter::default()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn pruning_spares_calls_that_live() {
    let home = Home::new();
    let store = home.open().await;
    store.add_call_record(record("alive")).await.unwrap();
    let ended = store::CallRecord { ended_at: Some(record("x").at + 1), ..record("ended") };
    store.add_call_record(ended).await.unwrap();
    assert_eq!(store.prune(i64::MAX).await.unwrap(), 1);
    assert_eq!(store.calls(&CallFilter::default()).await.unwrap()[0].record.id, "alive");
}

#[tokio::test]
async fn who_only_looks_writes_nothing() {
    let home = Home::new();
    assert!(matches!(Store::open(&home.file(), Mode::Read).await, Err(Error::Io(_))));
    assert!(
        matches!(Store::open(&home.file(), Mode::Edit).await, Err(Error::Io(_))),
        "only the exchange makes a store"
    );
    let store = home.open().await;
    store.add_call_record(record("a")).await.unwrap();
    let reader = Store::open(&home.file(), Mode::Read).await.unwrap();
    assert_eq!(reader.calls(&CallFilter::default()).await.unwrap().len(), 1);
    assert_eq!(reader.add_call_record(record("b")).await, Err(Error::ReadOnly));
    assert_eq!(reader.remove_credentials("204").await, Err(Error::ReadOnly));
    assert_eq!(reader.realm(), store.realm());
}

#[tokio::test]
async fn a_file_that_is_no_store_is_named_as_such() {
    let home = Home::new();
    std::fs::write(
        home.file(),
        "this was a shopping list, long enough to be read as a header of a database file\n".repeat(99),
    )
    .unwrap();
    assert!(matches!(Store::open(&home.file(), Mode::Run).await, Err(Error::Damaged(_))));
}

#[tokio::test]
async fn a_closed_store_is_whole_in_its_one_file() {
    let (made, moved) = (Home::new(), Home::new());
    let store = Store::open(&made.file(), Mode::Run).await.unwrap();
    let realm = store.realm().to_owned();
    store.close().await.unwrap();
    // The handle, and with it the reader, still lives: its log must hold nothing any more.
    std::fs::copy(made.file(), moved.file()).unwrap();
    drop(store);
    assert_eq!(Store::open(&moved.file(), Mode::Run).await.unwrap().realm(), realm);
}

#[tokio::test]
async fn states_of_a_leg_that_arrive_together_leave_the_last_one_and_never_reopen_it() {
    let home = Home::new();
    let store = Store::open(&home.file(), Mode::Run).await.unwrap();
    let open = store::CallRecord { ended_at: None, disposition: Disposition::Open, ..record("leg") };
    let closed = store::CallRecord { ended_at: Some(9_000), disposition: Disposition::Busy, ..record("leg") };
    let receipts = [&open, &closed, &open].map(|state| store.add_call_record(state.clone()));
    for receipt in receipts {
        receipt.await.unwrap();
    }
    let kept = store.calls(&CallFilter::default()).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].record.ended_at, kept[0].record.disposition), (Some(9_000), Disposition::Busy));
}
