//! Digits on their way out of a port, one after the other: as events (RFC 4733) where agreed, else as tones.

use super::player::{Played, Player};
use crate::codec::Codec;
use crate::event;
use crate::limits::{MAX_DIGIT_MS, MAX_DIGITS, MIN_DIGIT_MS};
use std::collections::VecDeque;

/// The pause after a digit that is sent as a tone.
const PAUSE_MS: u32 = 60;

/// How a digit can be sent on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// As an event under this clock.
    Events(u32),
    /// As a tone in this codec.
    Tones(Codec),
    /// Not at all.
    None,
}

#[derive(Debug)]
enum Current {
    Event(event::Sender),
    Tone(Player),
}

/// What is due in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// This event packet.
    Event { payload: event::Payload, first: bool },
    /// The payload in the buffer.
    Tone,
    /// Nothing, and nothing else shall be heard either.
    Pause,
    /// No digit is under way.
    Idle,
}

/// The digits of a port.
#[derive(Debug, Default)]
pub(super) struct Keys {
    waiting: VecDeque<(char, u32)>,
    current: Option<Current>,
}

impl Keys {
    /// Puts digits behind those that wait; what is no digit, and what is too much, is left out.
    pub(super) fn push(&mut self, digits: &str, ms: u32) {
        let ms = ms.clamp(MIN_DIGIT_MS, MAX_DIGIT_MS);
        let room = MAX_DIGITS.saturating_sub(self.waiting.len());
        let digits = digits.chars().filter(|digit| event::code(*digit).is_some()).take(room);
        self.waiting.extend(digits.map(|digit| (digit.to_ascii_uppercase(), ms)));
    }

    /// Digits wait or are under way.
    pub(super) fn is_busy(&self) -> bool {
        self.current.is_some() || !self.waiting.is_empty()
    }

    /// What is due in this tick; a tone's payload replaces `out`.
    pub(super) fn next(&mut self, means: Means, out: &mut Vec<u8>) -> Key {
        loop {
            match &mut self.current {
                Some(Current::Event(sender)) => match sender.step() {
                    event::Step::Packet { payload, first } => return Key::Event { payload, first },
                    event::Step::Pause => return Key::Pause,
                    event::Step::Done => self.current = None,
                },
                Some(Current::Tone(player)) => match means {
                    Means::Tones(codec) if player.next(codec, out) == Played::Frame => return Key::Tone,
                    _ => self.current = None,
                },
                None => {
                    let Some((digit, ms)) = self.waiting.pop_front() else { return Key::Idle };
                    self.current = match means {
                        Means::Events(clock) => event::Sender::new(digit, ms, clock).map(Current::Event),
                        Means::Tones(_) => {
                            let tone = crate::dtmf::tone(digit.encode_utf8(&mut [0; 4]), ms, PAUSE_MS);
                            Some(Current::Tone(Player::tone(tone)))
                        }
                        Means::None => None,
                    };
                }
            }
        }
    }
}
