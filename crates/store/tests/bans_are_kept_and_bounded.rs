//! Bans come back after a restart, the newest word about a source counts, and the table is bounded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use store::{Ban, limits};
use support::Home;

fn ban(source: &str, until: i64) -> Ban {
    Ban { source: source.to_owned(), since: 1, until, times: 1, why: "wrong secrets".to_owned() }
}

#[tokio::test]
async fn a_ban_survives_and_can_be_taken_back() {
    let home = Home::new();
    let store = home.open().await;
    store.save_ban(ban("192.0.2.1", 10)).await.unwrap();
    store.save_ban(Ban { times: 2, ..ban("192.0.2.1", 20) }).await.unwrap();
    store.save_ban(ban("2001:db8::/64", 30)).await.unwrap();
    store.close().await.unwrap();
    let store = home.open().await;
    let all = store.bans().await.unwrap();
    assert_eq!(all, [ban("2001:db8::/64", 30), Ban { times: 2, ..ban("192.0.2.1", 20) }]);
    assert!(store.remove_ban("192.0.2.1").await.unwrap());
    assert!(!store.remove_ban("192.0.2.1").await.unwrap());
    assert_eq!(store.bans().await.unwrap().len(), 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn those_that_ended_first_make_room() {
    let home = Home::new();
    let store = home.open().await;
    let all = i64::from(limits::BANS) + 20;
    let waiting: Vec<_> = (0..all).map(|n| store.save_ban(ban(&format!("source {n}"), n))).collect();
    for one in futures_in_order(waiting).await {
        one.unwrap();
    }
    let kept = store.bans().await.unwrap();
    assert_eq!(kept.len(), usize::try_from(limits::BANS).unwrap());
    assert_eq!((kept.first().unwrap().until, kept.last().unwrap().until), (all - 1, 20));
    store.close().await.unwrap();
}

/// All at once, so that they share commits.
async fn futures_in_order<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut open = false;
        for (future, slot) in waiting.iter_mut().zip(&mut done) {
            if slot.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *slot = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}
