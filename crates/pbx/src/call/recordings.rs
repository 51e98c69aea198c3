//! What a call has recorded: kept in memory for the call tree, gone with it.
//!
//! A name of the plan (`/tmp/asterisk-stranger`) is only a name here: no path, no file, nothing that another call
//! could read or overwrite.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use media::codec::Rate;
use media::plane::{Command, Event as MediaEvent, RecordEnd, RecordSpec};
use media::sound::Sound;
use tokio::time::Instant;

use super::{Call, Event, Stop, Tree};
use crate::limits;

/// How long the media plane may take to hand over the end of a recording.
const LAST_PART: Duration = Duration::from_secs(2);

/// What was heard so far.
#[derive(Debug, Default)]
pub struct Taken {
    /// The samples.
    pub pcm: Vec<i16>,
    /// How many of them make a second; none: nothing came.
    pub rate: Option<Rate>,
}

impl Taken {
    fn add(&mut self, pcm: &[i16], rate: Rate) {
        self.pcm.extend_from_slice(pcm);
        self.rate = Some(rate);
    }

    /// As a sound to play.
    #[must_use]
    pub fn sound(&self) -> Option<Sound> {
        Sound::from_pcm(self.rate?, &self.pcm).ok()
    }
}

/// What ended a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// One of the keys.
    Key(char),
    /// Silence.
    Silence,
    /// Its longest length.
    Longest,
    /// The caller went; what was heard until then is there.
    Gone(Stop),
}

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

    /// Records the caller until one of `keys`, silence, the longest length, or his end.
    pub async fn take(&mut self, spec: RecordSpec, keys: &str) -> (Taken, Ended) {
        // The media plane knows when it is over; the clock only guards against a port that never can.
        let mut until = Instant::now() + spec.max + LAST_PART;
        let id = self.record(spec);
        if !keys.is_empty() {
            self.listens();
        }
        let mut taken = Taken::default();
        let mut by_key = None;
        loop {
            let event = match self.next(Some(until)).await {
                Ok(event) => event,
                Err(stop) => {
                    self.stop_record();
                    self.last_part(id, &mut taken).await;
                    return (taken, Ended::Gone(stop));
                }
            };
            match event {
                Event::Key(key) if by_key.is_none() && keys.contains(key) => {
                    by_key = Some(Ended::Key(key));
                    self.stop_record();
                    until = Instant::now() + LAST_PART;
                }
                Event::Recorded(event) => {
                    if let Some(end) = taken_in(&mut taken, id, &event) {
                        return (taken, by_key.unwrap_or(end));
                    }
                }
                Event::Timeout => {
                    self.stop_record();
                    return (taken, by_key.unwrap_or(Ended::Longest));
                }
                _ => {}
            }
        }
    }

    /// The caller is gone; the media port still has what he said last.
    async fn last_part(&mut self, id: u64, taken: &mut Taken) {
        let until = Instant::now() + LAST_PART;
        // A port that closes gives its last part first.
        while let Some(event) = self.overhear(until).await {
            if taken_in(taken, id, &event).is_some() {
                return;
            }
        }
    }

    /// Ends a recording; its last part still comes.
    pub fn stop_record(&mut self) {
        self.world.media(Command::StopRecord { port: self.line.port() });
    }
}

/// Adds what came of recording `id`; its end, if this was the last part.
fn taken_in(taken: &mut Taken, id: u64, event: &MediaEvent) -> Option<Ended> {
    match event {
        MediaEvent::RecordChunk { id: of, pcm, rate, .. } if *of == id => taken.add(pcm, *rate),
        MediaEvent::Recorded { id: of, pcm, rate, end, .. } if *of == id => {
            taken.add(pcm, *rate);
            return Some(match end {
                RecordEnd::Silence => Ended::Silence,
                RecordEnd::Digit(key) => Ended::Key(*key),
                RecordEnd::Max | RecordEnd::Stopped | RecordEnd::Closed => Ended::Longest,
            });
        }
        _ => {}
    }
    None
}
