//! What a port is played: sounds from their shared encodings, or a tone made as it goes.

use crate::codec::{Codec, Encoder};
use crate::limits::MAX_PLAYLIST;
use crate::sound::Sound;
use crate::tone::{Tone, TonePlayer};
use std::sync::Arc;

/// Something that plays.
#[derive(Debug)]
pub(super) enum Player {
    /// Sounds one after the other.
    List { id: u64, list: Vec<Arc<Sound>>, repeat: bool, sound: usize, frame: usize },
    /// A tone. The voice is made when the codec is known, and again when that changes.
    Tone { tone: Tone, voice: Option<Box<Voice>> },
}

/// A tone under way in one codec.
#[derive(Debug)]
pub(super) struct Voice {
    codec: Codec,
    player: TonePlayer,
    encoder: Encoder,
    pcm: Vec<i16>,
}

/// What a player did in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Played {
    /// The payload is in the buffer.
    Frame,
    /// It is over; the number of the list, if it was one.
    Ended(Option<u64>),
}

impl Player {
    pub(super) fn list(id: u64, mut list: Vec<Arc<Sound>>, repeat: bool) -> Player {
        list.truncate(MAX_PLAYLIST);
        Player::List { id, list, repeat, sound: 0, frame: 0 }
    }

    pub(super) fn tone(tone: Tone) -> Player {
        Player::Tone { tone, voice: None }
    }

    /// Replaces `out` by the next 20 ms in this codec.
    pub(super) fn next(&mut self, codec: Codec, out: &mut Vec<u8>) -> Played {
        out.clear();
        match self {
            Player::List { id, list, repeat, sound, frame } => loop {
                let Some(current) = list.get(*sound) else {
                    if *repeat && !list.is_empty() {
                        *sound = 0;
                        continue;
                    }
                    return Played::Ended(Some(*id));
                };
                if let Some(payload) = current.frames(codec).get(*frame) {
                    *frame += 1;
                    out.extend_from_slice(payload);
                    return Played::Frame;
                }
                *sound += 1;
                *frame = 0;
            },
            Player::Tone { tone, voice } => {
                let voice = match voice {
                    Some(voice) if voice.codec == codec => voice,
                    _ => voice.insert(Box::new(Voice {
                        codec,
                        player: tone.player(codec.rate()),
                        encoder: codec.encoder(),
                        pcm: vec![0; codec.frame_samples()],
                    })),
                };
                if voice.player.ended() {
                    return Played::Ended(None);
                }
                // A last part of a frame is followed by silence.
                voice.pcm.fill(0);
                voice.player.fill(&mut voice.pcm);
                voice.encoder.encode(&voice.pcm, out);
                Played::Frame
            }
        }
    }
}
