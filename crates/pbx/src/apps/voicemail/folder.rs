//! A folder of a mailbox that is open: changing it, hearing its messages, marking and keeping them.

use std::sync::Arc;
use std::time::Duration;

use media::sound::Sound;
use store::{Fate, Folder};
use tokio::time::Instant;

use super::view::View;
use super::{KEYS, announce, ask, tell};
use crate::call::play::Heard;
use crate::call::{Call, Stop};
use crate::limits;

/// How far `*` and `#` wind a message that is playing.
const WIND: Duration = Duration::from_secs(3);

/// A mailbox that somebody has opened.
pub(super) struct Session {
    pub(super) mailbox: String,
    pub(super) view: View,
}

impl Session {
    pub(super) fn new(mailbox: String) -> Self {
        Self { mailbox, view: View::new(Folder::Inbox, Vec::new()) }
    }

    /// Closes the open folder and opens another one.
    pub(super) async fn open(&mut self, call: &mut Call, folder: Folder) -> Result<(), Stop> {
        self.close(call).await;
        let listed = call.exchange.mailboxes.list(&self.mailbox, folder).await;
        match listed {
            Ok(messages) => self.view = View::new(folder, messages),
            Err(error) => {
                tracing::error!(call = %call.tree.id, mailbox = self.mailbox, %error, "a mailbox cannot be read");
                self.view = View::new(folder, Vec::new());
                tell(call, &["something-terribly-wrong"]).await?;
            }
        }
        Ok(())
    }

    /// What was deleted goes, what was heard is old from now on. Also when the caller has hung up.
    pub(super) async fn close(&mut self, call: &mut Call) {
        let fates = self.view.fates();
        self.view = View::new(self.view.folder, Vec::new());
        if let Err(error) = call.exchange.mailboxes.change(&self.mailbox, fates).await {
            tracing::error!(call = %call.tree.id, mailbox = self.mailbox, %error, "a mailbox stays as it was");
        }
    }

    /// Which folder? A key, or none to stay.
    async fn which(&self, call: &mut Call, question: &str) -> Result<Option<Folder>, Stop> {
        let mut prompts = vec![question.to_owned()];
        for folder in Folder::ALL {
            prompts.extend(["vm-press".to_owned(), format!("digits/{}", folder.place()), "vm-for".to_owned()]);
            prompts.extend([announce::folder(folder), "vm-messages".to_owned()]);
        }
        prompts.push("vm-tocancel".to_owned());
        for _ in 0..limits::MENU_ROUNDS {
            match ask(call, &prompts).await? {
                Some('#') | None => return Ok(None),
                Some(key) => {
                    let place = key.to_digit(10).and_then(|digit| Folder::ALL.get(digit as usize).copied());
                    if place.is_some() {
                        return Ok(place);
                    }
                    tell(call, &["vm-sorry"]).await?;
                }
            }
        }
        Ok(None)
    }

    /// Key 2.
    pub(super) async fn change_folder(&mut self, call: &mut Call) -> Result<Option<char>, Stop> {
        let Some(folder) = self.which(call, "vm-changeto").await? else { return Ok(None) };
        self.open(call, folder).await?;
        let said = announce::in_folder(folder, self.view.len());
        Self::interruptible(call, &said).await
    }

    /// Says something that any key ends; the key goes on.
    pub(super) async fn interruptible(call: &mut Call, prompts: &[String]) -> Result<Option<char>, Stop> {
        let names: Vec<&str> = prompts.iter().map(String::as_str).collect();
        Ok(match call.say(&names, KEYS).await? {
            Heard::Key(key) => Some(key),
            Heard::Whole => None,
        })
    }

    /// Key 7.
    pub(super) async fn delete(&mut self, call: &mut Call) -> Result<Option<char>, Stop> {
        match self.view.toggle() {
            Some(true) => tell(call, &["vm-deleted"]).await?,
            Some(false) => tell(call, &["vm-undeleted"]).await?,
            None => tell(call, &["vm-sorry"]).await?,
        }
        Ok(None)
    }

    /// Key 9. It is in its folder when that is said.
    pub(super) async fn save(&mut self, call: &mut Call) -> Result<Option<char>, Stop> {
        let Some(uid) = self.view.current().map(|item| item.message.uid.clone()) else {
            tell(call, &["vm-sorry"]).await?;
            return Ok(None);
        };
        let Some(folder) = self.which(call, "vm-savefolder").await? else { return Ok(None) };
        let moved = call.exchange.mailboxes.change(&self.mailbox, vec![(uid, Fate::Folder(folder))]).await;
        match moved {
            Ok(1..) => {
                self.view.save(folder);
                let mut said = vec!["vm-message".to_owned()];
                said.extend(announce::number(self.view.number().unwrap_or_default()));
                said.extend(["vm-savedto".to_owned(), announce::folder(folder), "vm-messages".to_owned()]);
                Self::interruptible(call, &said).await
            }
            Ok(0) => {
                // Somebody else has deleted it meanwhile.
                tell(call, &["vm-sorry"]).await?;
                Ok(None)
            }
            Err(error) => {
                tracing::error!(call = %call.tree.id, mailbox = self.mailbox, %error, "a message stays where it was");
                tell(call, &["something-terribly-wrong"]).await?;
                Ok(None)
            }
        }
    }

    /// Key 1, 4, 5, 6: goes there, and plays what is there.
    pub(super) async fn go(&mut self, call: &mut Call, key: char) -> Result<Option<char>, Stop> {
        let there = match key {
            '1' => self.view.first(),
            '4' => self.view.previous(),
            '5' => self.view.current().is_some() || self.view.first(),
            _ => self.view.next(),
        };
        if there {
            return self.play(call).await;
        }
        if self.view.len() == 0 {
            let said = announce::in_folder(self.view.folder, 0);
            return Self::interruptible(call, &said).await;
        }
        tell(call, &["vm-nomore"]).await?;
        Ok(None)
    }

    /// Number, envelope, sound.
    async fn play(&mut self, call: &mut Call) -> Result<Option<char>, Stop> {
        let Some(item) = self.view.current().cloned() else { return Ok(None) };
        let mut said = Vec::new();
        if item.message.urgent {
            said.push("vm-Urgent".to_owned());
        }
        match (self.view.is_first(), self.view.is_last()) {
            (true, _) => said.push("vm-first".to_owned()),
            (_, true) => said.push("vm-last".to_owned()),
            _ => {}
        }
        said.push("vm-message".to_owned());
        if !self.view.is_first() && !self.view.is_last() {
            said.extend(announce::number(self.view.number().unwrap_or_default()));
        }
        if call.snapshot.config.voicemail.envelope {
            said.extend(envelope(call, &item.message));
        }
        if let Some(key) = Self::interruptible(call, &said).await? {
            return Ok(Some(key));
        }
        let Some(sound) = call.exchange.mailboxes.sound(&self.mailbox, &item.message.uid).await else {
            tell(call, &["something-terribly-wrong"]).await?;
            return Ok(None);
        };
        self.view.hear();
        listen(call, sound).await
    }
}

/// A message's envelope in the time zone of the system.
pub(super) fn envelope(call: &Call, message: &store::Message) -> Vec<String> {
    let now = call.exchange.clock.now();
    let local = |at: i64| call.exchange.local_time(at);
    announce::envelope(message, &local(message.at), &local(now), &local(now - 86_400_000))
}

/// Plays a message: `*` winds back, `#` forward, `0` stops until the next key; every other key ends it and goes on.
async fn listen(call: &mut Call, sound: Arc<Sound>) -> Result<Option<char>, Stop> {
    let mut from = Duration::ZERO;
    while let Some(rest) = rest(&sound, from) {
        let began = Instant::now();
        let heard = call.say_sounds(vec![rest], KEYS).await?;
        let at = from + began.elapsed();
        match heard {
            Heard::Whole => break,
            Heard::Key('*') => from = at.saturating_sub(WIND),
            Heard::Key('#') => from = at + WIND,
            Heard::Key('0') => {
                from = at;
                if call.key(limits::PAUSE).await?.is_none() {
                    break;
                }
            }
            Heard::Key(key) => return Ok(Some(key)),
        }
    }
    Ok(None)
}

/// What is left of a sound from there.
fn rest(sound: &Arc<Sound>, from: Duration) -> Option<Arc<Sound>> {
    if from.is_zero() {
        return Some(Arc::clone(sound));
    }
    let rate = sound.rate();
    let at = rate.samples(u32::try_from(from.as_millis()).ok()?);
    let pcm = sound.pcm(rate);
    Sound::from_pcm(rate, pcm.get(at..)?).ok().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn winding_stays_inside_the_message() {
        let sound = Arc::new(Sound::silence(Duration::from_secs(10)).unwrap());
        let left = |from: u64| rest(&sound, Duration::from_secs(from)).map(|sound| sound.duration().as_secs());
        assert_eq!([left(0), left(4), left(10), left(13)], [Some(10), Some(6), None, None]);
    }
}
