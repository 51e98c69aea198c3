//! Legs of a call. [`Call::start`] eats a permit and is the only code that lets an outgoing INVITE be made.
//!
//! A leg is a SIP session of the world, or one end of a Local channel, whose other end is a call of its own.

use std::sync::Arc;
use std::time::Duration;

use dialplan::Place;
use store::Side;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::call::{Call, Start};
use crate::cdr::LegRecord;
use crate::channel::{Channel, inherit};
use crate::gate::{self, Meter, Permit, Refusal};
use crate::groups::InUse;
use crate::limits;
use crate::switch::{CallEvent, Cause, Contact, LegCommand, LegEvent, LegId, Postbox, Presentation};

/// How a leg's party is reached.
#[derive(Debug)]
pub enum Wire {
    /// By the world's signalling.
    World,
    /// Another call of the same tree, at the other end of a Local channel.
    Local {
        /// That call's mailbox.
        peer: Postbox,
        /// The leg's name there.
        leg: LegId,
    },
}

/// One leg.
#[derive(Debug)]
pub struct Leg {
    wire: Wire,
    record: LegRecord,
    started: Instant,
    answered: Option<Instant>,
    meter: Option<Meter>,
    limit: Option<Duration>,
    /// The telephone that is in use by this leg.
    pub(crate) in_use: Option<InUse>,
    phone: Option<String>,
    outside: Option<Outside>,
    held: bool,
}

/// The number that a leg over a trunk leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The trunk.
    pub trunk: String,
    /// The number, in our own spelling.
    pub number: String,
}

impl Leg {
    /// The caller's own leg.
    #[must_use]
    pub fn caller(wire: Wire, record: LegRecord) -> Self {
        Self {
            wire,
            record,
            started: Instant::now(),
            answered: None,
            meter: None,
            limit: None,
            in_use: None,
            phone: None,
            outside: None,
            held: false,
        }
    }

    /// Notes in the record what happened.
    pub(crate) fn note(&mut self, event: &LegEvent, now: i64) {
        match event {
            LegEvent::Answered => self.answered(now),
            LegEvent::Hold(on) => self.held = *on,
            _ => {}
        }
    }

    /// Notes that the leg was answered now.
    pub(crate) fn answered(&mut self, now: i64) {
        if self.answered.is_none() {
            self.answered = Some(Instant::now());
            if let Some(device) = &mut self.in_use {
                device.answered();
            }
            if let Some(meter) = &mut self.meter {
                meter.answered();
            }
            self.record.answered(now);
        }
    }

    /// The leg is that of this extension's phone, which proved it.
    pub(crate) fn is_phone(&mut self, user: &str) {
        self.phone = Some(user.to_owned());
    }

    /// The extension whose phone is at its end.
    #[must_use]
    pub fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    /// The paid number at its end.
    #[must_use]
    pub fn outside(&self) -> Option<&Outside> {
        self.outside.as_ref()
    }

    /// Whether its party holds us.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// When what was reserved for it is used up.
    #[must_use]
    pub fn paid_until(&self) -> Option<Instant> {
        self.answered?.checked_add(self.limit?.saturating_sub(limits::PAID_MARGIN))
    }

    /// When the leg was started.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Longest conversation that was paid for.
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// When the leg was answered.
    #[must_use]
    pub fn answered_at(&self) -> Option<Instant> {
        self.answered
    }
}

impl Call {
    pub(crate) fn next_leg(&self) -> Result<LegId, Cause> {
        if self.legs.len() >= limits::LEGS {
            tracing::warn!(call = %self.tree.id, "the call has all the legs it may have");
            return Err(Cause::CONGESTION);
        }
        Ok(self.exchange.leg_id())
    }

    /// Starts an outgoing leg to `contact`. The permit names the target and is used up by this attempt.
    ///
    /// # Errors
    /// The cause, when the leg cannot even be tried.
    pub fn start(
        &mut self,
        permit: Permit,
        meter: Meter,
        contact: &Contact,
        show: &Presentation,
    ) -> Result<LegId, Cause> {
        let leg = self.next_leg()?;
        let record = LegRecord::outgoing(&self.exchange, &self.tree, leg, &permit, show);
        let limit = permit.limit();
        let phone = permit.phone().map(str::to_owned);
        let in_use = permit.phone().map(|user| self.exchange.devices.enter(user));
        let outside = permit.trunk().map(|trunk| Outside { trunk: trunk.to_owned(), number: permit.target_text() });
        self.world.start(permit, leg, contact, show)?;
        let leg_of = Leg { meter: Some(meter), limit, in_use, phone, outside, ..Leg::caller(Wire::World, record) };
        self.legs.insert(leg, leg_of);
        Ok(leg)
    }

    /// The contacts under which a phone can be reached now.
    #[must_use]
    pub fn contacts(&self, user: &str) -> Vec<Contact> {
        self.world.contacts(user)
    }

    /// Leaves a record of a leg that the gate refused.
    pub fn refused(&self, target: gate::Target<'_>, refusal: &Refusal) {
        let to = match target {
            gate::Target::Phone(user) => user,
            gate::Target::Number { dialled, .. } => dialled,
        };
        LegRecord::not_started(&self.exchange, &self.tree, to, &self.channel.presentation(), &refusal.reason);
    }

    /// Starts a Local channel: a call of the same tree that begins at `exten` of `context`.
    ///
    /// # Errors
    /// The cause, when the place does not exist or the tree has used up its Local channels.
    pub fn start_local(&mut self, exten: &str, context: &str, show: &Presentation) -> Result<LegId, Cause> {
        let depth = self.channel.depth.saturating_add(1);
        if depth > limits::LOCAL_DEPTH || !self.tree.take_local() {
            tracing::warn!(call = %self.tree.id, "Local channels go round in circles: no more of them");
            return Err(Cause::CONGESTION);
        }
        let place = Place::new(context, exten, 1);
        if !self.snapshot.has_place(&place, &show.number, &mut self.channel) {
            return Err(Cause::UNALLOCATED);
        }
        let near = self.next_leg()?;
        let far = self.exchange.leg_id();
        let (postbox, mailbox) = mpsc::channel(limits::MAILBOX);
        self.world.local_pair(near, far, postbox.clone());
        let label = format!("Local/{exten}@{context}");
        let channel = Channel::local(&self.channel, exten, context, show, far);
        let mut child = Self::new(Start {
            tree: Arc::clone(&self.tree),
            exchange: Arc::clone(&self.exchange),
            snapshot: Arc::clone(&self.snapshot),
            place,
            channel,
            line: far,
            wire: Wire::Local { peer: self.postbox.clone(), leg: near },
            record: LegRecord::local(&self.exchange, &self.tree, far, &label),
            world: self.world.sibling(postbox.clone()),
            mailbox: (postbox.clone(), mailbox),
        });
        child.by.clone_from(&self.by);
        inherit(&self.machine, &mut child.machine);
        child.granted.clone_from(&self.granted);
        child.spawn();
        let record = LegRecord::silent();
        self.legs.insert(near, Leg::caller(Wire::Local { peer: postbox, leg: far }, record));
        Ok(near)
    }

    /// Carries a command out on a leg, whatever it is made of.
    pub fn signal(&mut self, leg: LegId, command: LegCommand) {
        match self.legs.get(&leg).map(|known| &known.wire) {
            Some(Wire::World) => self.world.signal(leg, command),
            Some(Wire::Local { peer, leg: far }) => {
                if let Some(event) = local_event(&command, leg == self.line) {
                    // A call that is 512 events behind is stuck; it ends when its own mailbox closes.
                    if peer.try_send(CallEvent::Leg(*far, event)).is_err() {
                        tracing::debug!(call = %self.tree.id, "the other end of a Local channel is gone");
                    }
                    if command == LegCommand::Answer
                        && self.postbox.try_send(CallEvent::Leg(leg, LegEvent::Up)).is_err()
                    {
                        tracing::debug!(call = %self.tree.id, "the mailbox is full");
                    }
                }
            }
            None => {}
        }
    }

    /// Ends one leg from our side. Safe to call for a leg that is gone.
    pub fn hang_up(&mut self, leg: LegId, cause: Cause) {
        if !self.legs.contains_key(&leg) {
            return;
        }
        self.signal(leg, LegCommand::HangUp(cause));
        if let Some(known) = self.legs.get_mut(&leg) {
            known.record.ended(self.exchange.clock.now(), cause, self.ended_by);
        }
        self.forget(leg);
    }

    /// Ends every leg from our side.
    pub fn hang_up_all(&mut self, cause: Cause) {
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        for leg in legs {
            self.hang_up(leg, cause);
        }
    }

    /// A leg ended by itself: its record is closed and its port given back.
    pub(crate) fn drop_leg(&mut self, leg: LegId, event: &LegEvent) {
        let cause = match event {
            LegEvent::HungUp { cause } | LegEvent::Failed { cause, .. } => *cause,
            LegEvent::Moved { .. } => Cause::INTERWORKING,
            _ => Cause::NORMAL,
        };
        if let Some(known) = self.legs.get_mut(&leg) {
            known.record.ended(self.exchange.clock.now(), cause, Side::Party);
        }
        self.forget(leg);
    }

    fn forget(&mut self, leg: LegId) {
        if self.bridged == Some(leg) {
            self.bridged = None;
        }
        if let Some(known) = self.legs.remove(&leg) {
            self.world.media(media::plane::Command::Close { port: leg.port() });
            if known.record.is_kept() {
                self.closing.insert(leg, known.record);
            }
        }
    }

    /// A leg as it stands, while it lives.
    #[must_use]
    pub fn leg(&self, leg: LegId) -> Option<&Leg> {
        self.legs.get(&leg)
    }
}

/// What a command to one end of a Local channel means to the call at its other end.
fn local_event(command: &LegCommand, from_far_end: bool) -> Option<LegEvent> {
    match command {
        LegCommand::Ring => Some(LegEvent::Ringing),
        LegCommand::EarlyMedia => Some(LegEvent::EarlyMedia),
        LegCommand::Answer => Some(LegEvent::Answered),
        LegCommand::Refuse(cause) => Some(LegEvent::Failed { cause: *cause, status: 0 }),
        LegCommand::HangUp(cause) if from_far_end => Some(LegEvent::Failed { cause: *cause, status: 0 }),
        LegCommand::HangUp(cause) => Some(LegEvent::HungUp { cause: *cause }),
        LegCommand::Key(key) => Some(LegEvent::Key(*key)),
        LegCommand::Referred { .. } | LegCommand::Notify { .. } => None,
    }
}
