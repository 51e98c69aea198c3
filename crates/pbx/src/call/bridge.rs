//! Two parties talk: the caller and the party of one outgoing leg. How one of them is sent on is in [`super::transfer`], how two
//! calls become one in [`super::merge`], keys that mean something in [`super::codes`].

use std::sync::Arc;
use std::time::Duration;

use media::plane::Command;
use tokio::time::Instant;

use super::codes::Codes;
use super::{Call, Event, Stop};
use crate::limits;
use crate::switch::{Cause, LegEvent, LegId, Move};

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeEnd {
    /// The called party hung up; the caller is still there.
    CalledHungUp,
    /// The time allowed for the conversation (option `L`) is over; the called leg has been let go.
    TimeOver,
    /// What was paid for ahead is used up; the paid leg has been let go, and whoever stayed is to be told why.
    PaidOver,
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

/// A conversation as it stands: the caller's line is [`Call::line`], the other side is `leg`. Both may change by a transfer.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) leg: LegId,
    pub(crate) codes: Codes,
    limit: Limit,
    /// When the plan's own limit is over.
    end: Option<Instant>,
    warning: Option<Instant>,
    /// The paid end that was warned of.
    warned: Option<Instant>,
}

impl Call {
    /// Joins the caller with `leg` and stays until one of them goes; the other side is let go then.
    ///
    /// Hold by one side plays music to the other. Keys travel with the sound; those that came by signalling are
    /// sent on. A transfer may put somebody else in either place meanwhile: afterwards the caller's line is that of whoever
    /// stayed.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes; his leg is let go by the end of the call.
    pub async fn bridge(&mut self, leg: LegId, limit: Limit, codes: Codes) -> Result<BridgeEnd, Stop> {
        let start = Instant::now();
        let end = limit.total.and_then(|total| start.checked_add(total));
        let warning = match (end, limit.warn_left) {
            (Some(end), Some(left)) => end.checked_sub(left),
            _ => None,
        };
        let mut talk = Talk { leg, codes, limit, end, warning, warned: None };
        self.quiet();
        self.join(leg);
        self.tree.join();
        self.movable = true;
        let ended = self.converse(&mut talk).await;
        self.movable = false;
        self.decline_moves();
        self.hang_up(talk.leg, Cause::NORMAL);
        ended
    }

    async fn converse(&mut self, talk: &mut Talk) -> Result<BridgeEnd, Stop> {
        loop {
            let paid = self.paid_until(talk.leg);
            let beep = paid.filter(|paid| talk.warned != Some(*paid)).and_then(|paid| {
                let early = paid.checked_sub(limits::PAID_WARNING)?;
                (early > Instant::now()).then_some(early)
            });
            let until = [talk.end, talk.warning, paid, beep].into_iter().flatten().min();
            match self.next(until).await? {
                Event::Timeout => {
                    let now = Instant::now();
                    if paid.is_some_and(|paid| paid <= now) {
                        return Ok(self.paid_over(talk));
                    }
                    if talk.end.is_some_and(|end| end <= now) {
                        self.part(talk.leg);
                        return Ok(BridgeEnd::TimeOver);
                    }
                    if beep.is_some_and(|beep| beep <= now) {
                        talk.warned = paid;
                        self.warn_payer(talk.leg);
                    } else {
                        self.warn();
                        talk.warning = talk.limit.warn_every.and_then(|every| now.checked_add(every));
                    }
                }
                Event::Leg(gone, LegEvent::HungUp { .. } | LegEvent::Failed { .. }) if gone == talk.leg => {
                    return Ok(BridgeEnd::CalledHungUp);
                }
                Event::Leg(held, LegEvent::Hold(on)) if held == talk.leg => {
                    if on {
                        self.part(talk.leg);
                        self.music();
                    } else {
                        self.quiet();
                        self.join(talk.leg);
                    }
                }
                Event::Held(true) => {
                    self.part(talk.leg);
                    if let Some(music) = self.exchange.sounds.music(&self.channel.music_class) {
                        self.play_to(talk.leg, vec![music], true);
                    }
                }
                Event::Held(false) => {
                    self.quiet_leg(talk.leg);
                    self.join(talk.leg);
                }
                Event::Moved => {
                    let ended = match self.moves.pop_front() {
                        Some(Move::Refer(from, refer)) => self.refer(talk, from, refer).await?,
                        Some(Move::Take(take)) => {
                            self.take_over(talk, &take);
                            None
                        }
                        None => None,
                    };
                    if let Some(end) = ended {
                        return Ok(end);
                    }
                }
                Event::Key(key) => {
                    let line = self.line;
                    if let Some(end) = self.key_of(talk, line, key).await? {
                        return Ok(end);
                    }
                }
                Event::KeyOf(leg, key) if leg == talk.leg => {
                    if let Some(end) = self.key_of(talk, leg, key).await? {
                        return Ok(end);
                    }
                }
                _ => {}
            }
        }
    }

    /// When the first of the paid legs has used up what was reserved for it.
    fn paid_until(&self, leg: LegId) -> Option<Instant> {
        [self.line, leg].into_iter().filter_map(|leg| self.leg(leg)?.paid_until()).min()
    }

    /// The paid leg goes, and the line is that of whoever stays.
    fn paid_over(&mut self, talk: &mut Talk) -> BridgeEnd {
        self.part(talk.leg);
        let line_is_over =
            self.leg(self.line).and_then(crate::leg::Leg::paid_until).is_some_and(|at| at <= Instant::now());
        if line_is_over {
            self.swap(talk);
        }
        self.hang_up(talk.leg, Cause::NORMAL);
        BridgeEnd::PaidOver
    }

    /// A beep to those who do not sit at the end of a paid line: what it costs is not the business of the other side.
    fn warn_payer(&mut self, leg: LegId) {
        let Some(beep) = self.sound("beep") else { return };
        let inside: Vec<LegId> = [self.line, leg]
            .into_iter()
            .filter(|leg| self.leg(*leg).is_some_and(|leg| leg.limit().is_none()))
            .collect();
        for leg in inside {
            self.play_to(leg, vec![Arc::clone(&beep)], false);
        }
    }

    fn warn(&mut self) {
        if let Some(beep) = self.sound("beep") {
            self.play(vec![beep], false);
        }
    }

    /// From now on the other side is the caller's line, and the caller's line is the other side.
    pub(crate) fn swap(&mut self, talk: &mut Talk) {
        std::mem::swap(&mut self.line, &mut talk.leg);
        self.keys.clear();
        if self.bridged.is_some() {
            self.bridged = Some(talk.leg);
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
