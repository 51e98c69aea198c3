//! Where messages and greetings are kept: in the store's spool, or in memory for simulations.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::{Counts, Error, Fate, Folder, Greeting, Message, Quota, Spool};

/// A future that answers with what is kept.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Keeps messages and greetings. What it has acknowledged survives whatever comes.
pub trait Keep: Send + Sync {
    /// Counts of one mailbox, or of all that have messages.
    fn counts<'a>(&'a self, mailbox: Option<&'a str>) -> Answer<'a, Vec<(String, Counts)>>;
    /// Messages of a folder, urgent ones first, then by time.
    fn list<'a>(&'a self, mailbox: &'a str, folder: Folder) -> Answer<'a, Vec<Message>>;
    /// Keeps a message; false where there is no room.
    fn leave(&self, message: Message, wav: Vec<u8>, quota: Quota) -> Answer<'_, bool>;
    /// Moves or deletes; says how many were there.
    fn change<'a>(&'a self, mailbox: &'a str, fates: Vec<(String, Fate)>) -> Answer<'a, u64>;
    /// The WAV file of a message.
    fn sound<'a>(&'a self, mailbox: &'a str, uid: &'a str) -> Answer<'a, Vec<u8>>;
    /// The WAV file of a greeting.
    fn greeting<'a>(&'a self, mailbox: &'a str, greeting: Greeting) -> Answer<'a, Option<Vec<u8>>>;
    /// Writes or removes a greeting.
    fn set_greeting<'a>(&'a self, mailbox: &'a str, greeting: Greeting, wav: Option<Vec<u8>>) -> Answer<'a, ()>;
}

/// Files and rows.
pub struct InStore(pub Spool);

impl Keep for InStore {
    fn counts<'a>(&'a self, mailbox: Option<&'a str>) -> Answer<'a, Vec<(String, Counts)>> {
        Box::pin(self.0.counts(mailbox))
    }

    fn list<'a>(&'a self, mailbox: &'a str, folder: Folder) -> Answer<'a, Vec<Message>> {
        Box::pin(self.0.list(Some(mailbox), Some(folder)))
    }

    fn leave(&self, message: Message, wav: Vec<u8>, quota: Quota) -> Answer<'_, bool> {
        Box::pin(self.0.keep(message, wav, quota))
    }

    fn change<'a>(&'a self, mailbox: &'a str, fates: Vec<(String, Fate)>) -> Answer<'a, u64> {
        Box::pin(self.0.change(mailbox, fates))
    }

    fn sound<'a>(&'a self, mailbox: &'a str, uid: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(self.0.sound(mailbox, uid))
    }

    fn greeting<'a>(&'a self, mailbox: &'a str, greeting: Greeting) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(self.0.greeting(mailbox, greeting))
    }

    fn set_greeting<'a>(&'a self, mailbox: &'a str, greeting: Greeting, wav: Option<Vec<u8>>) -> Answer<'a, ()> {
        Box::pin(self.0.set_greeting(mailbox, greeting, wav))
    }
}

/// Nothing that lasts.
#[derive(Default)]
pub struct InMemory(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    messages: BTreeMap<String, (Message, Vec<u8>)>,
    greetings: BTreeMap<(String, Greeting), Vec<u8>>,
}

impl InMemory {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Keep for InMemory {
    fn counts<'a>(&'a self, mailbox: Option<&'a str>) -> Answer<'a, Vec<(String, Counts)>> {
        let mut all: BTreeMap<String, Counts> = BTreeMap::new();
        for (message, _) in self.memory().messages.values() {
            if mailbox.is_none_or(|mailbox| mailbox == message.mailbox) {
                let counts = all.entry(message.mailbox.clone()).or_default();
                if let Some(count) = counts.folders.get_mut(message.folder.place()) {
                    *count += 1;
                }
                counts.urgent += u32::from(message.urgent && message.folder == Folder::Inbox);
            }
        }
        now(all.into_iter().collect())
    }

    fn list<'a>(&'a self, mailbox: &'a str, folder: Folder) -> Answer<'a, Vec<Message>> {
        let memory = self.memory();
        let mine =
            memory.messages.values().filter(|(message, _)| message.mailbox == mailbox && message.folder == folder);
        let mut list: Vec<Message> = mine.map(|(message, _)| message.clone()).collect();
        list.sort_by_key(|message| (!message.urgent, message.at));
        now(list)
    }

    fn leave(&self, message: Message, wav: Vec<u8>, quota: Quota) -> Answer<'_, bool> {
        let mut memory = self.memory();
        let there = memory.messages.values().filter(|(other, _)| other.mailbox == message.mailbox).count();
        let room = there < quota.messages as usize;
        if room {
            memory.messages.insert(message.uid.clone(), (Message { bytes: wav.len() as u64, ..message }, wav));
        }
        now(room)
    }

    fn change<'a>(&'a self, mailbox: &'a str, fates: Vec<(String, Fate)>) -> Answer<'a, u64> {
        let mut memory = self.memory();
        let mut changed = 0;
        for (uid, fate) in fates {
            let Some((message, _)) = memory.messages.get_mut(&uid).filter(|(message, _)| message.mailbox == mailbox)
            else {
                continue;
            };
            changed += 1;
            match fate {
                Fate::Folder(folder) => message.folder = folder,
                Fate::Gone => drop(memory.messages.remove(&uid)),
            }
        }
        now(changed)
    }

    fn sound<'a>(&'a self, mailbox: &'a str, uid: &'a str) -> Answer<'a, Vec<u8>> {
        let found = self.memory().messages.get(uid).filter(|(message, _)| message.mailbox == mailbox).cloned();
        let found = found.map(|(_, wav)| wav).ok_or_else(|| Error::Invalid("no such message".to_owned()));
        Box::pin(std::future::ready(found))
    }

    fn greeting<'a>(&'a self, mailbox: &'a str, greeting: Greeting) -> Answer<'a, Option<Vec<u8>>> {
        now(self.memory().greetings.get(&(mailbox.to_owned(), greeting)).cloned())
    }

    fn set_greeting<'a>(&'a self, mailbox: &'a str, greeting: Greeting, wav: Option<Vec<u8>>) -> Answer<'a, ()> {
        let key = (mailbox.to_owned(), greeting);
        let mut memory = self.memory();
        match wav {
            Some(wav) => drop(memory.greetings.insert(key, wav)),
            None => drop(memory.greetings.remove(&key)),
        }
        now(())
    }
}
