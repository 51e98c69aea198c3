//! What a call hears: its mailbox, turned into what an application waits for ([`Call::next`] and its kin).

use std::time::Duration;

use media::plane::Event as MediaEvent;
use store::Side;
use tokio::time::{Instant, sleep_until};

use super::{Call, Event, Stop};
use crate::limits;
use crate::switch::{CallEvent, Cause, LegEvent, LegId, Move, Origin, Sign};

impl Call {
    /// Waits for the next thing that concerns an application, at most until `until`.
    ///
    /// # Errors
    /// [`Stop`] when the caller is gone or the call is to end; from then on at every call.
    pub async fn next(&mut self, until: Option<Instant>) -> Result<Event, Stop> {
        loop {
            if let Some(stop) = self.gone {
                return Err(stop);
            }
            if let Some(key) = self.keys.pop_front() {
                self.world.sign(Sign::Took(key));
                return Ok(Event::Key(key));
            }
            let Some(event) = self.hear(until).await? else {
                return Ok(Event::Timeout);
            };
            if let Some(event) = self.digest(event) {
                return Ok(event);
            }
        }
    }

    /// One raw event, or nothing when `until` has passed.
    async fn hear(&mut self, until: Option<Instant>) -> Result<Option<CallEvent>, Stop> {
        let deadline = match (until, self.absolute) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let Some(deadline) = deadline else {
            return match self.mailbox.recv().await {
                Some(event) => Ok(Some(event)),
                None => Err(self.stop(Stop::Ended(Cause::NORMAL))),
            };
        };
        tokio::select! {
            biased;
            event = self.mailbox.recv() => match event {
                Some(event) => Ok(Some(event)),
                None => Err(self.stop(Stop::Ended(Cause::NORMAL))),
            },
            () = sleep_until(deadline) => {
                if self.absolute.is_some_and(|at| at <= Instant::now()) {
                    Err(Stop::TooLong)
                } else {
                    Ok(None)
                }
            }
        }
    }

    /// What the media port still has of a recording when the caller is gone. Nothing more once the port is closed, or
    /// after `until`.
    pub(super) async fn overhear(&mut self, until: Instant) -> Option<MediaEvent> {
        loop {
            let event = tokio::time::timeout_at(until, self.mailbox.recv()).await.ok()??;
            let last = matches!(&event, CallEvent::Media(MediaEvent::Closed { port, .. }) if *port == self.line.port());
            match event {
                CallEvent::Media(event @ (MediaEvent::RecordChunk { .. } | MediaEvent::Recorded { .. })) => {
                    return Some(event);
                }
                event => drop(self.digest(event)),
            }
            if last {
                return None;
            }
        }
    }

    /// Waits until the caller is gone or the call is to end. Keys wait for whoever asks for them next. Safe to drop.
    pub(crate) async fn until_gone(&mut self) -> Stop {
        loop {
            if let Some(stop) = self.gone {
                return stop;
            }
            match self.hear(None).await {
                Ok(Some(event)) => {
                    self.digest(event);
                }
                Ok(None) => {}
                Err(stop) => return stop,
            }
        }
    }

    fn stop(&mut self, stop: Stop) -> Stop {
        self.gone = Some(stop);
        stop
    }

    /// Takes one raw event in: the call's own state first, then the application's view of it.
    pub(super) fn digest(&mut self, event: CallEvent) -> Option<Event> {
        match event {
            CallEvent::Sip(leg, event) => {
                let event = self.world.interpret(leg, event)?;
                self.leg_event(leg, event)
            }
            CallEvent::Leg(leg, event) => self.leg_event(leg, event),
            CallEvent::Media(event) => self.media_event(event),
            CallEvent::Link(link) => self.linked(link),
            CallEvent::Refer(leg, refer) => self.moved(Move::Refer(leg, refer)),
            CallEvent::Take(take) => self.moved(Move::Take(take)),
            CallEvent::End(cause) => {
                self.gone = Some(Stop::Ended(cause));
                None
            }
        }
    }

    /// A party shall be moved: only while two talk, and not without end.
    fn moved(&mut self, wish: Move) -> Option<Event> {
        if self.movable && self.moves.len() < limits::MOVES {
            self.moves.push_back(wish);
            return Some(Event::Moved);
        }
        self.decline(wish);
        None
    }

    fn leg_event(&mut self, leg: LegId, event: LegEvent) -> Option<Event> {
        if leg != self.line {
            let known = self.legs.get_mut(&leg)?;
            known.note(&event, self.exchange.clock.now());
            if let LegEvent::Key(key) = event {
                self.pass_key(leg, self.line, key);
                return Some(Event::KeyOf(leg, key));
            }
            if let LegEvent::HungUp { .. } | LegEvent::Failed { .. } | LegEvent::Moved { .. } = event {
                self.drop_leg(leg, &event);
            }
            return Some(Event::Leg(leg, event));
        }
        match event {
            LegEvent::Up => {
                self.tree.acknowledged();
                Some(Event::Alive)
            }
            LegEvent::Key(key) => {
                self.tree.heard();
                if let Some(other) = self.bridged {
                    self.pass_key(other, other, key);
                }
                self.press(key);
                None
            }
            LegEvent::Hold(on) => {
                if let Some(known) = self.legs.get_mut(&leg) {
                    known.note(&event, self.exchange.clock.now());
                }
                Some(Event::Held(on))
            }
            LegEvent::HungUp { cause } | LegEvent::Failed { cause, .. } => {
                self.channel.hangup_cause = Some(cause);
                self.drop_leg(leg, &event);
                self.ended_by = Side::Other;
                self.gone = Some(Stop::HungUp);
                None
            }
            LegEvent::Ringing | LegEvent::EarlyMedia | LegEvent::Answered | LegEvent::Moved { .. } => None,
        }
    }

    fn media_event(&mut self, event: MediaEvent) -> Option<Event> {
        match event {
            MediaEvent::Digit { port, digit, .. } if port == self.line.port() => {
                self.tree.heard();
                self.press(digit);
                None
            }
            MediaEvent::Digit { port, digit, .. } => Some(Event::KeyOf(LegId(port.0), digit)),
            MediaEvent::FirstPacket { port } if port == self.line.port() => {
                self.tree.heard();
                Some(Event::Alive)
            }
            MediaEvent::Played { port, id } if port == self.line.port() => Some(Event::Played(id)),
            MediaEvent::Silent { port, .. } => self.silent(LegId(port.0)),
            MediaEvent::Closed { port, stats } => {
                if let Some(record) = self.closing.remove(&LegId(port.0)) {
                    record.finish(Some(&stats));
                }
                None
            }
            MediaEvent::RecordChunk { .. } | MediaEvent::Recorded { .. } => Some(Event::Recorded(Box::new(event))),
            MediaEvent::FirstPacket { .. } | MediaEvent::Played { .. } => None,
        }
    }

    /// A side that should send sound has sent none for too long: its leg ends, and with the caller's the call.
    fn silent(&mut self, leg: LegId) -> Option<Event> {
        tracing::info!(call = %self.tree.id, %leg, "no sound arrives any more: the leg is ended");
        if leg == self.line {
            self.gone = Some(Stop::Ended(Cause::TIMER));
            return None;
        }
        self.hang_up(leg, Cause::TIMER);
        Some(Event::Leg(leg, LegEvent::HungUp { cause: Cause::TIMER }))
    }

    /// A key that came by signalling does not travel with the sound: it is sent on to the other party.
    fn pass_key(&mut self, joined: LegId, to: LegId, key: char) {
        if self.bridged == Some(joined) {
            self.press_for(to, key.encode_utf8(&mut [0; 4]), limits::KEY);
        }
    }

    fn press(&mut self, key: char) {
        if self.channel.depth == 0 {
            self.tree.pressed();
        }
        if self.keys.len() < limits::DIGITS {
            self.keys.push_back(key);
        }
    }

    /// Waits until the caller has shown that somebody is there. For strangers this stands before anything rings:
    /// the line is answered, and an ACK and a first sound or key must come. Others pass at once.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes, or shows nothing within [`limits::PROOF_OF_LIFE`].
    pub async fn wait_alive(&mut self) -> Result<(), Stop> {
        if !matches!(self.tree.origin, Origin::Stranger { .. }) || self.tree.is_alive() {
            return Ok(());
        }
        self.answer();
        let until = Instant::now() + limits::PROOF_OF_LIFE;
        let mut pressed = Vec::new();
        while !self.tree.is_alive() {
            match self.next(Some(until)).await? {
                Event::Key(key) if pressed.len() < limits::DIGITS => pressed.push(key),
                Event::Timeout => {
                    tracing::debug!(call = %self.tree.id, "no sign of a caller: nobody is rung");
                    return Err(self.stop(Stop::Ended(Cause::NORMAL)));
                }
                _ => {}
            }
        }
        for key in pressed.into_iter().rev() {
            self.keys.push_front(key);
        }
        Ok(())
    }

    /// Forgets keys pressed so far.
    pub fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Waits up to `patience` for one key of the caller.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes.
    pub async fn key(&mut self, patience: Duration) -> Result<Option<char>, Stop> {
        let until = Instant::now().checked_add(patience);
        self.world.sign(Sign::Listens);
        loop {
            match self.next(until).await? {
                Event::Key(key) => return Ok(Some(key)),
                Event::Timeout => return Ok(None),
                _ => {}
            }
        }
    }

    /// Waits for `time`, whatever keys are pressed.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes.
    pub async fn wait(&mut self, time: Duration) -> Result<(), Stop> {
        let until = Instant::now().checked_add(time);
        while self.next(until).await? != Event::Timeout {}
        Ok(())
    }
}
