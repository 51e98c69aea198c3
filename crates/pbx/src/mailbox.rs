//! Mailboxes: what lies in them, and word of every change for lamps and mail.
//!
//! Messages and greetings are kept by a [`Keep`]: files and rows in a real exchange, memory in a simulated one. How many
//! lie where is known here without asking the disk, because a plan (`VM_INFO`) and a lamp cannot wait. Who may open a
//! mailbox is decided in [`crate::apps`].

mod keep;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use media::sound::Sound;
use store::{Counts, Error, Fate, Folder, Greeting, Message, Quota};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

pub use keep::{Answer, InMemory, InStore, Keep};

use crate::limits;

/// The mailboxes of the exchange.
pub struct Mailboxes {
    keep: Box<dyn Keep>,
    counts: Mutex<BTreeMap<String, Counts>>,
    /// One change of the counts at a time, so that the newest is the last.
    counting: tokio::sync::Mutex<()>,
    changed: broadcast::Sender<Arc<str>>,
    room: Arc<Semaphore>,
}

impl Mailboxes {
    /// Mailboxes that are kept there. [`Mailboxes::refresh`] learns what lies in them.
    #[must_use]
    pub fn new(keep: impl Keep + 'static) -> Self {
        Self {
            keep: Box::new(keep),
            counts: Mutex::default(),
            counting: tokio::sync::Mutex::default(),
            changed: broadcast::channel(limits::MAILBOX_NEWS).0,
            room: Arc::new(Semaphore::new(limits::MESSAGES_IN_MEMORY)),
        }
    }

    /// Mailboxes that are empty and forgotten with the exchange.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(InMemory::default())
    }

    /// The same for the calls of a drill, which record silence and all at once: their room is reserved and hardly used.
    #[must_use]
    pub fn for_drill() -> Self {
        Self { room: Arc::new(Semaphore::new(limits::DRILL_MESSAGES)), ..Self::in_memory() }
    }

    /// How many messages lie where.
    #[must_use]
    pub fn counts(&self, mailbox: &str) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(mailbox).copied().unwrap_or_default()
    }

    /// The number of each mailbox that changes. Whoever is slower than [`limits::MAILBOX_NEWS`] changes is told so, and
    /// looks at [`Mailboxes::counts`] again.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<str>> {
        self.changed.subscribe()
    }

    /// Counts again, one mailbox or all, and tells whoever watches.
    ///
    /// # Errors
    /// What keeps the store from being read.
    pub async fn refresh(&self, mailbox: Option<&str>) -> Result<(), Error> {
        let _one = self.counting.lock().await;
        let found: BTreeMap<String, Counts> = self.keep.counts(mailbox).await?.into_iter().collect();
        let news: Vec<Arc<str>> = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            match mailbox {
                Some(mailbox) => {
                    counts.insert(mailbox.to_owned(), found.get(mailbox).copied().unwrap_or_default());
                    vec![mailbox.into()]
                }
                None => {
                    let news = counts.keys().chain(found.keys()).map(|mailbox| Arc::from(mailbox.as_str())).collect();
                    *counts = found;
                    news
                }
            }
        };
        for mailbox in news {
            // Nobody need watch.
            let _ = self.changed.send(mailbox);
        }
        Ok(())
    }

    /// Room in memory for so many seconds of recording, given back when it is dropped. None: too many record just now.
    #[must_use]
    pub fn room(&self, seconds: u64) -> Option<OwnedSemaphorePermit> {
        // 16 kHz of two bytes: 32 kB a second.
        let kilobytes = u32::try_from(seconds.saturating_mul(32)).ok()?;
        Arc::clone(&self.room).try_acquire_many_owned(kilobytes).ok()
    }

    /// Keeps a message; false where the mailbox is full. When it returns true the message is safe.
    ///
    /// # Errors
    /// What keeps it from the disk.
    pub async fn leave(&self, message: Message, wav: Vec<u8>, quota: Quota) -> Result<bool, Error> {
        let mailbox = message.mailbox.clone();
        let kept = self.keep.leave(message, wav, quota).await?;
        self.recount(&mailbox).await;
        Ok(kept)
    }

    /// Moves or deletes messages; says how many were still there.
    ///
    /// # Errors
    /// What keeps the store from being written.
    pub async fn change(&self, mailbox: &str, fates: Vec<(String, Fate)>) -> Result<u64, Error> {
        if fates.is_empty() {
            return Ok(0);
        }
        let changed = self.keep.change(mailbox, fates).await;
        self.recount(mailbox).await;
        changed
    }

    /// What was written is written, also when it cannot be counted just now.
    async fn recount(&self, mailbox: &str) {
        if let Err(error) = self.refresh(Some(mailbox)).await {
            tracing::warn!(%error, mailbox, "the messages of a mailbox could not be counted");
        }
    }

    /// Messages of a folder, in the order in which they are heard.
    ///
    /// # Errors
    /// What keeps the store from being read.
    pub async fn list(&self, mailbox: &str, folder: Folder) -> Result<Vec<Message>, Error> {
        self.keep.list(mailbox, folder).await
    }

    /// The WAV file of a message.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn file(&self, mailbox: &str, uid: &str) -> Result<Vec<u8>, Error> {
        self.keep.sound(mailbox, uid).await
    }

    /// A message, ready to be played; none if its file cannot be.
    pub async fn sound(&self, mailbox: &str, uid: &str) -> Option<Arc<Sound>> {
        playable(mailbox, self.keep.sound(mailbox, uid).await.map(Some))
    }

    /// A greeting, ready to be played; none if it was not recorded.
    pub async fn greeting(&self, mailbox: &str, greeting: Greeting) -> Option<Arc<Sound>> {
        playable(mailbox, self.keep.greeting(mailbox, greeting).await)
    }

    /// Keeps a greeting, or removes it (`None`).
    ///
    /// # Errors
    /// What keeps it from the disk.
    pub async fn set_greeting(&self, mailbox: &str, greeting: Greeting, wav: Option<Vec<u8>>) -> Result<(), Error> {
        self.keep.set_greeting(mailbox, greeting, wav).await
    }
}

fn playable(mailbox: &str, found: Result<Option<Vec<u8>>, Error>) -> Option<Arc<Sound>> {
    let sound = found.map_err(|error| error.to_string()).and_then(|bytes| match bytes {
        Some(bytes) => Sound::from_file("wav", &bytes).map(Some).map_err(|error| error.to_string()),
        None => Ok(None),
    });
    match sound {
        Ok(sound) => sound.map(Arc::new),
        Err(error) => {
            tracing::warn!(mailbox, error, "a sound of a mailbox cannot be played");
            None
        }
    }
}
