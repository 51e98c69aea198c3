//! Joining this call with another one that exists: fetching a parked call, taking a ringing one.
//!
//! The two keep their tasks, their plans and their origins. Between them lies a pair of ports like a Local channel's: the
//! call that comes makes the pair and owns its near half, the call that waits gets the far half by [`CallEvent::Link`].

use std::time::Duration;

use tokio::time::Instant;

use super::{Call, Event, Stop};
use crate::cdr::LegRecord;
use crate::leg::{Leg, Wire};
use crate::switch::{CallEvent, LegCommand, LegEvent, LegId, Postbox};

/// How long a call that waits may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The far half of a pair, on its way to the call that waits.
#[derive(Debug)]
pub struct Link {
    /// The leg that the waiting call gets.
    pub far: LegId,
    /// The leg of the call that comes.
    pub near: LegId,
    /// The mailbox of the call that comes.
    pub comes: Postbox,
}

impl Call {
    /// Joins with the call behind `waiting`. Nothing if it is gone, or does not wait any more.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes.
    pub async fn link(&mut self, waiting: &Postbox) -> Result<Option<LegId>, Stop> {
        let (near, far) = (self.exchange.leg_id(), self.exchange.leg_id());
        self.world.local_pair(near, far, waiting.clone());
        self.legs.insert(near, Leg::caller(Wire::Local { peer: waiting.clone(), leg: far }, LegRecord::silent()));
        let link = Link { far, near, comes: self.postbox.clone() };
        if waiting.try_send(CallEvent::Link(link)).is_err() {
            self.hang_up(near, crate::switch::Cause::UNALLOCATED);
            return Ok(None);
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match self.next(Some(until)).await? {
                Event::Leg(leg, LegEvent::Answered) if leg == near => return Ok(Some(near)),
                Event::Leg(leg, LegEvent::Failed { .. } | LegEvent::HungUp { .. }) if leg == near => return Ok(None),
                Event::Timeout => {
                    self.hang_up(near, crate::switch::Cause::NO_RESPONSE);
                    return Ok(None);
                }
                _ => {}
            }
        }
    }

    /// Somebody comes: he becomes a leg of this call, if it waits for somebody ([`Call::awaits`]).
    pub(super) fn linked(&mut self, link: Link) -> Option<Event> {
        let Link { far, near, comes } = link;
        if !std::mem::take(&mut self.awaits) || self.is_gone() {
            let failed = LegEvent::Failed { cause: crate::switch::Cause::UNALLOCATED, status: 0 };
            if comes.try_send(CallEvent::Leg(near, failed)).is_err() {
                tracing::debug!(call = %self.tree.id, "whoever came is gone too");
            }
            self.world.media(media::plane::Command::Close { port: far.port() });
            return None;
        }
        self.legs.insert(far, Leg::caller(Wire::Local { peer: comes, leg: near }, LegRecord::silent()));
        self.signal(far, LegCommand::Answer);
        Some(Event::Linked(far))
    }

    /// From now on, and until somebody came, the call may be joined by [`Call::link`].
    pub fn await_link(&mut self, on: bool) {
        self.awaits = on;
    }
}
