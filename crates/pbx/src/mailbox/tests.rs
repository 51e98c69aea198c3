//! Counts are right without asking the disk, and every change is told.

use super::*;

fn message(uid: &str, mailbox: &str, urgent: bool) -> Message {
    Message {
        uid: uid.to_owned(),
        mailbox: mailbox.to_owned(),
        folder: Folder::Inbox,
        urgent,
        at: 1,
        duration: 1_000,
        bytes: 0,
        from: String::new(),
        from_name: String::new(),
        origin: "stranger:192.0.2.1".to_owned(),
        to: mailbox.to_owned(),
        call_id: "1-1".to_owned(),
        via: "call".to_owned(),
    }
}

#[tokio::test]
async fn counts_follow_and_watchers_are_told() {
    let boxes = Mailboxes::in_memory();
    let mut news = boxes.watch();
    assert!(boxes.leave(message("a", "204", true), vec![], Quota::NONE).await.unwrap());
    assert!(boxes.leave(message("b", "204", false), vec![], Quota::NONE).await.unwrap());
    assert_eq!((boxes.counts("204").new_messages(), boxes.counts("204").urgent), (2, 1));
    boxes.change("204", vec![("a".to_owned(), Fate::Folder(Folder::Old))]).await.unwrap();
    let counts = boxes.counts("204");
    assert_eq!((counts.new_messages(), counts.old_messages(), counts.urgent), (1, 1, 0));
    boxes.change("204", vec![("a".to_owned(), Fate::Gone), ("b".to_owned(), Fate::Gone)]).await.unwrap();
    assert_eq!(boxes.counts("204"), Counts::default());
    assert_eq!(boxes.counts("200"), Counts::default());
    for _ in 0..4 {
        assert_eq!(&*news.recv().await.unwrap(), "204");
    }
    assert!(news.try_recv().is_err());
}

#[tokio::test]
async fn a_slow_watcher_is_told_that_he_is() {
    let boxes = Mailboxes::in_memory();
    let mut news = boxes.watch();
    for _ in 0..=limits::MAILBOX_NEWS {
        boxes.refresh(Some("204")).await.unwrap();
    }
    assert!(matches!(news.recv().await, Err(broadcast::error::RecvError::Lagged(1))));
}

#[test]
fn recordings_in_memory_are_bounded() {
    let boxes = Mailboxes::in_memory();
    let mut held = Vec::new();
    while let Some(room) = boxes.room(300) {
        held.push(room);
    }
    assert_eq!(held.len(), limits::MESSAGES_IN_MEMORY / 9_600);
    held.pop();
    assert!(boxes.room(300).is_some());
    let drill = Mailboxes::for_drill();
    let held: Vec<_> = std::iter::from_fn(|| drill.room(300)).take(1_000).collect();
    assert_eq!(held.len(), limits::DRILL_MESSAGES / 9_600);
}
