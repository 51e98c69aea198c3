//! What a caller hears and what he presses: prompts, tones, keys, recordings.

use std::sync::Arc;
use std::time::Duration;

use media::plane::Command;
use media::sound::Sound;
use media::tone::{Country, Kind, Tone};
use tokio::time::Instant;

use super::{Call, Event, Stop};
use crate::switch::{LegCommand, LegId, Sign};

/// How a prompt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// To its end.
    Whole,
    /// By this key, one of those that may interrupt.
    Key(char),
}

impl Call {
    /// What this call has recorded as `name`, or the prompt of that name in the channel's language. Missing prompts are findings at load; here one is only logged.
    #[must_use]
    pub fn sound(&mut self, name: &str) -> Option<Arc<Sound>> {
        self.world.sign(Sign::Prompt(name));
        if let Some(recording) = self.tree.recording(name) {
            return Some(recording);
        }
        let sound = self.exchange.sounds.find(name, &self.channel.language);
        if sound.is_none() {
            tracing::warn!(call = %self.tree.id, name, "no such prompt");
        }
        sound
    }

    /// Whoever watches the call learns that a key means something now.
    pub(crate) fn listens(&mut self) {
        self.world.sign(Sign::Listens);
    }

    /// Opens the caller's ear: answers nothing, but lets a caller who is not answered hear early media.
    pub fn open_ear(&mut self) {
        if !self.is_answered() && !self.channel.early {
            self.channel.early = true;
            self.signal(self.line, LegCommand::EarlyMedia);
        }
    }

    /// Starts playing to the caller; the end comes as [`Event::Played`] with the number returned.
    pub fn play(&mut self, list: Vec<Arc<Sound>>, repeat: bool) -> u64 {
        self.playing += 1;
        self.open_ear();
        self.world.media(Command::Play { port: self.line.port(), id: self.playing, list, repeat });
        self.playing
    }

    /// Starts a tone to the caller, until [`Call::quiet`].
    pub fn tone(&mut self, tone: Tone) {
        self.open_ear();
        self.world.media(Command::Tone { port: self.line.port(), tone });
    }

    /// A tone as the exchange's country has it.
    #[must_use]
    pub fn country_tone(&self, kind: Kind) -> Tone {
        Country::of(self.snapshot.config.system.country.code()).tone(kind)
    }

    /// Whether an extension that begins with `key` can be dialled here.
    #[must_use]
    pub fn can_begin(&mut self, key: char, context: Option<&str>) -> bool {
        self.machine.can_match(context, key.encode_utf8(&mut [0; 4]), &mut self.channel)
    }

    /// Ends whatever is being played to the caller.
    pub fn quiet(&mut self) {
        self.world.media(Command::Stop { port: self.line.port() });
    }

    /// Ends whatever is being played to the party of a leg.
    pub fn quiet_leg(&mut self, leg: LegId) {
        self.world.media(Command::Stop { port: leg.port() });
    }

    /// Plays to the party of another leg.
    pub fn play_to(&mut self, leg: LegId, list: Vec<Arc<Sound>>, repeat: bool) -> u64 {
        self.playing += 1;
        self.world.media(Command::Play { port: leg.port(), id: self.playing, list, repeat });
        self.playing
    }

    /// Starts hold music of the channel's class to the caller.
    pub fn music(&mut self) {
        if let Some(music) = self.exchange.sounds.music(&self.channel.music_class) {
            self.play(vec![music], true);
        }
    }

    /// Plays prompts one after the other and waits for their end, or for one of the keys `interrupt`.
    /// Keys that may not interrupt are lost, as in Asterisk.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes.
    pub async fn say(&mut self, names: &[&str], interrupt: &str) -> Result<Heard, Stop> {
        let list = names.iter().filter_map(|name| self.sound(name)).collect();
        self.say_sounds(list, interrupt).await
    }

    /// As [`Call::say`], with sounds at hand.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes.
    pub async fn say_sounds(&mut self, list: Vec<Arc<Sound>>, interrupt: &str) -> Result<Heard, Stop> {
        if list.is_empty() {
            return Ok(Heard::Whole);
        }
        let length: Duration = list.iter().map(|sound| sound.duration()).sum();
        let id = self.play(list, false);
        // The media plane tells the end; the clock only guards against a port that never can.
        let until = Instant::now() + length + Duration::from_secs(5);
        if !interrupt.is_empty() {
            self.world.sign(Sign::Listens);
        }
        loop {
            match self.next(Some(until)).await? {
                Event::Played(ended) if ended == id => return Ok(Heard::Whole),
                Event::Key(key) if interrupt.contains(key) => {
                    self.quiet();
                    return Ok(Heard::Key(key));
                }
                Event::Timeout => {
                    self.quiet();
                    return Ok(Heard::Whole);
                }
                _ => {}
            }
        }
    }

    /// Sends keys to the party of a leg (RFC 4733 or in-band, as that leg agreed).
    pub fn press_for(&mut self, leg: LegId, keys: &str, length: Duration) {
        self.world.media(Command::SendDigits {
            port: leg.port(),
            digits: keys.to_owned(),
            ms: u32::try_from(length.as_millis()).unwrap_or(100),
        });
    }

    /// Lets the caller hear himself, or ends that.
    pub fn echo(&mut self, on: bool) {
        self.world.media(Command::Echo { port: self.line.port(), on });
    }
}
