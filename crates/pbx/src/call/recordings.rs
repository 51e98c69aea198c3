//! What a call has recorded: kept in memory for the call tree, gone with it.
//!
//! A name of the plan (`/tmp/asterisk-stranger`) is only a name here: no path, no file, nothing that another call
//! could read or overwrite.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use media::plane::{Command, RecordSpec};
use media::sound::Sound;

use super::{Call, Tree};
use crate::limits;

/// Recordings of one call tree, by name.
#[derive(Debug, Default)]
pub struct Recordings(Mutex<BTreeMap<String, Arc<Sound>>>);

impl Tree {
    /// How much this call may still record.
    #[must_use]
    pub fn recording_room(&self) -> Duration {
        let all = self.recordings.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used: Duration = all.values().map(|sound| sound.duration()).sum();
        limits::RECORDINGS.saturating_sub(used)
    }

    /// Keeps a recording under its name, in place of the one before or added to it.
    pub fn keep_recording(&self, name: &str, sound: Sound, add: bool) {
        let mut all = self.recordings.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sound = match all.get(name).filter(|_| add) {
            Some(before) => {
                let rate = sound.rate();
                let both = [&before.pcm(rate)[..], &sound.pcm(rate)[..]].concat();
                Sound::from_pcm(rate, &both).unwrap_or(sound)
            }
            None => sound,
        };
        all.insert(name.to_owned(), Arc::new(sound));
    }

    /// A recording of this call.
    #[must_use]
    pub fn recording(&self, name: &str) -> Option<Arc<Sound>> {
        self.recordings.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Call {
    /// Starts recording the caller; what is heard comes as [`super::Event::Recorded`] with the number returned.
    pub fn record(&mut self, spec: RecordSpec) -> u64 {
        self.playing += 1;
        self.world.media(Command::Record { port: self.line.port(), id: self.playing, spec });
        self.playing
    }

    /// Ends a recording; its last part still comes.
    pub fn stop_record(&mut self) {
        self.world.media(Command::StopRecord { port: self.line.port() });
    }
}
