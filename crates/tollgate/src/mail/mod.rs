//! Messages on their way to their owners by mail: the queue in the store, worked off by one task that no call waits for.
//! What a mail says is in `compose`, the conversation with the server in `smtp`.
//!
//! A row comes with its message in one transaction and goes when the server has taken the mail, so a crash in between sends
//! it again rather than never; the Message-ID is the message's name, by which the receiver knows the second as the first.

mod compose;
pub(crate) mod smtp;

use crate::exchange::wall;
use crate::home::Home;
use crate::limits::{MAIL_AGAIN, MAIL_AGAIN_MAX, MAIL_GIVEN_UP, MAIL_LOOK};
use pbx::config::Mail;
use pbx::exchange::Exchange;
use smtp::Trouble;
use std::sync::Arc;
use std::time::Duration;
use store::Store;

pub(crate) use compose::{Letter, test_letter};

/// Sends what waits, until the exchange ends.
pub(crate) async fn run(home: Home, exchange: Arc<Exchange>, store: Store) {
    let mut changes = exchange.mailboxes.watch();
    loop {
        if let Err(error) = work(&home, &exchange, &store).await {
            tracing::warn!(%error, "the queue of mail cannot be read");
        }
        let next = store.mail_next().await.ok().flatten().map_or(MAIL_LOOK, |at| {
            Duration::from_millis(u64::try_from(at - wall()).unwrap_or_default())
                .clamp(Duration::from_secs(1), MAIL_LOOK)
        });
        // Any change of a mailbox may be a new message; several at once are one look.
        let _ = tokio::time::timeout(next, changes.recv()).await;
    }
}

async fn work(home: &Home, exchange: &Exchange, store: &Store) -> Result<(), store::Error> {
    let now = wall();
    for waiting in store.mail_due(now).await? {
        let snapshot = exchange.snapshot.load_full();
        let (mail, mailbox) = (&snapshot.config.mail, snapshot.config.mailboxes.get(&waiting.mailbox));
        let (Some(mail), Some((to, mailbox))) = (mail, mailbox.and_then(|m| Some((m.email.as_deref()?, m)))) else {
            store.mail_done(&waiting.uid).await?;
            continue;
        };
        let all = store.messages(Some(&waiting.mailbox), None).await?;
        let Some(message) = all.into_iter().find(|message| message.uid == waiting.uid) else {
            // Heard and deleted before it could go out.
            store.mail_done(&waiting.uid).await?;
            continue;
        };
        let sound = match mailbox.attach {
            true => exchange.mailboxes.file(&waiting.mailbox, &waiting.uid).await.ok(),
            false => None,
        };
        let letter = Letter::of(&message, to, sound, &snapshot.config.system.time_zone());
        match send(home, store, mail, letter).await {
            Ok(()) => {
                tracing::info!(mailbox = waiting.mailbox, "a message went out by mail");
                store.mail_done(&waiting.uid).await?;
            }
            Err(trouble) => late(store, &waiting, &trouble, now).await?,
        }
    }
    Ok(())
}

/// Sends one letter now.
pub(crate) async fn send(home: &Home, store: &Store, mail: &Mail, letter: Letter) -> Result<(), Trouble> {
    let mail_message = letter.compose(&mail.from)?;
    smtp::send(home, store, mail, mail_message).await
}

/// It did not work: again later, told once at the first time, and given up in the end.
async fn late(store: &Store, waiting: &store::Mail, trouble: &Trouble, now: i64) -> Result<(), store::Error> {
    let mailbox = &waiting.mailbox;
    let old = now - waiting.added_at > i64::try_from(MAIL_GIVEN_UP.as_millis()).unwrap_or(i64::MAX);
    if trouble.for_good || old {
        let text = format!(
            "a message of mailbox {mailbox} was not mailed, and is not tried again: {trouble}; it is still in the mailbox"
        );
        store.event(now, "mail-failed", &text);
        return store.mail_done(&waiting.uid).await;
    }
    if waiting.tries == 0 {
        let text = format!("mail of mailbox {mailbox} does not go out yet: {trouble}; it is tried again");
        store.event(now, "mail-late", &text);
    }
    let pause = MAIL_AGAIN.saturating_mul(1 << waiting.tries.min(16)).min(MAIL_AGAIN_MAX);
    tracing::warn!(mailbox, %trouble, "mail does not go out: again later");
    let next_at = now.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
    store.mail_later(&waiting.uid, next_at, &trouble.to_string()).await
}
