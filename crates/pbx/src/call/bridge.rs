//! Two parties talk: the caller and the party of one outgoing leg.

use std::time::Duration;

use media::plane::Command;
use tokio::time::Instant;

use super::{Call, Event, Stop};
use crate::switch::{LegEvent, LegId};

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeEnd {
    /// The called party hung up; the caller is still there.
    CalledHungUp,
    /// The time allowed for the conversation (option `L`) is over; the called leg has been let go.
    TimeOver,
}

/// The limits of a conversation, Dial's option `L(x:y:z)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    /// Longest duration.
    pub total: Option<Duration>,
    /// Warn when this much is left.
    pub warn_left: Option<Duration>,
    /// Repeat the warning this often.
    pub warn_every: Option<Duration>,
}

impl Call {
    /// Joins the caller with `leg` and stays until one of them goes.
    ///
    /// Hold by one side plays music to the other. Keys travel with the sound; those that came by signalling are
    /// sent on.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes; his leg and `leg` are let go by the end of the call.
    pub async fn bridge(&mut self, leg: LegId, limit: Limit) -> Result<BridgeEnd, Stop> {
        self.quiet();
        self.join(leg);
        let start = Instant::now();
        // What was not paid for ahead is not talked, whatever the plan allows.
        let paid = self.leg(leg).and_then(crate::leg::Leg::limit);
        let total = match (limit.total, paid) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let end = total.and_then(|total| start.checked_add(total));
        let mut warning = match (end, limit.warn_left) {
            (Some(end), Some(left)) => end.checked_sub(left),
            _ => None,
        };
        loop {
            let until = match (end, warning) {
                (Some(end), Some(warning)) => Some(end.min(warning)),
                (end, _) => end,
            };
            match self.next(until).await? {
                Event::Timeout if end.is_some_and(|end| Instant::now() >= end) => {
                    self.part(leg);
                    self.hang_up(leg, crate::switch::Cause::NORMAL);
                    return Ok(BridgeEnd::TimeOver);
                }
                Event::Timeout => {
                    self.warn();
                    warning = limit.warn_every.and_then(|every| Instant::now().checked_add(every));
                }
                Event::Leg(gone, LegEvent::HungUp { .. } | LegEvent::Failed { .. }) if gone == leg => {
                    return Ok(BridgeEnd::CalledHungUp);
                }
                Event::Leg(held, LegEvent::Hold(on)) if held == leg => {
                    if on {
                        self.part(leg);
                        self.music();
                    } else {
                        self.quiet();
                        self.join(leg);
                    }
                }
                Event::Held(true) => {
                    self.part(leg);
                    if let Some(music) = self.exchange.sounds.music(&self.channel.music_class) {
                        self.play_to(leg, vec![music], true);
                    }
                }
                Event::Held(false) => {
                    self.quiet_leg(leg);
                    self.join(leg);
                }
                _ => {}
            }
        }
    }

    fn warn(&mut self) {
        if let Some(beep) = self.sound("beep") {
            self.play(vec![beep], false);
        }
    }

    /// Connects the sound of the caller with that of `leg`.
    pub fn join(&mut self, leg: LegId) {
        self.bridged = Some(leg);
        self.world.media(Command::Join { a: self.line.port(), b: leg.port() });
    }

    /// Separates them again.
    pub fn part(&mut self, leg: LegId) {
        self.bridged = None;
        self.world.media(Command::Leave { port: leg.port() });
    }
}
