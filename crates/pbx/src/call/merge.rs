//! Two calls of one phone become one: attended transfer by REFER with Replaces (RFC 3891, RFC 5589). The phone leaves both,
//! and what is left of them is joined by a Local channel.
//!
//! Each call keeps its origin, so each side's paid leg must be one that the other side's origin might have, too: joining two
//! calls is no way around the gate.

use std::time::Duration;

use dialplan::apps;
use dialplan::policy::OriginKind;
use tokio::time::Instant;

use super::bridge::{BridgeEnd, Talk};
use super::{Call, Event, Stop};
use crate::cdr::LegRecord;
use crate::entry::origin_kind;
use crate::gate::{Ask, Target};
use crate::leg::{Leg, Outside, Wire};
use crate::switch::{CallEvent, Cause, LegCommand, LegEvent, LegId, Other, Postbox};

/// How long the other call may take to answer us.
const PATIENCE: Duration = Duration::from_secs(3);

/// What one call asks of the other: put my leg in the place of that phone.
#[derive(Debug)]
pub struct Take {
    /// The phone's leg in the call that is asked.
    leg: LegId,
    /// The end of the Local channel there, and the one here.
    far: LegId,
    near: LegId,
    /// The mailbox of the call that asks.
    peer: Postbox,
    /// Whose call that is, and what the proof calls its entry.
    origin: OriginKind,
    entry: String,
    /// The extension that joins the two.
    by: String,
    /// The paid leg that comes along.
    carries: Option<Outside>,
}

impl Take {
    /// No.
    pub(super) fn refuse(&self) {
        let failed = LegEvent::Failed { cause: Cause::REJECTED, status: 603 };
        if self.peer.try_send(CallEvent::Leg(self.near, failed)).is_err() {
            tracing::debug!("the call that asked is gone");
        }
    }
}

impl Call {
    /// This call's line and the other call's far party shall talk; `talk.leg` is the phone that asks for it.
    pub(super) async fn merge(&mut self, talk: &mut Talk, who: &str, other: Other) -> Result<Option<BridgeEnd>, Stop> {
        let Ok(near) = self.next_leg() else { return Ok(self.not_merged(talk)) };
        let far = self.exchange.leg_id();
        self.world.local_pair(near, far, other.postbox.clone());
        self.legs.insert(near, Leg::caller(Wire::Local { peer: other.postbox.clone(), leg: far }, LegRecord::silent()));
        let take = Take {
            leg: other.leg,
            far,
            near,
            peer: self.postbox.clone(),
            origin: origin_kind(&self.tree.origin),
            entry: self.tree.entry.clone(),
            by: who.to_owned(),
            carries: self.leg(self.line).and_then(|leg| leg.outside().cloned()),
        };
        if other.postbox.try_send(CallEvent::Take(Box::new(take))).is_err() {
            self.hang_up(near, Cause::NORMAL);
            return Ok(self.not_merged(talk));
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match self.next(Some(until)).await? {
                Event::Leg(leg, LegEvent::Answered) if leg == near => {
                    self.signal(talk.leg, LegCommand::Notify { status: 200, last: true });
                    self.hang_up(talk.leg, Cause::NORMAL);
                    talk.leg = near;
                    self.quiet();
                    self.join(near);
                    return Ok(None);
                }
                Event::Leg(leg, LegEvent::Failed { .. } | LegEvent::HungUp { .. }) if leg == near => {
                    return Ok(self.not_merged(talk));
                }
                Event::Moved => self.decline_moves(),
                Event::Timeout => {
                    self.hang_up(near, Cause::NORMAL);
                    return Ok(self.not_merged(talk));
                }
                _ => {}
            }
        }
    }

    fn not_merged(&mut self, talk: &Talk) -> Option<BridgeEnd> {
        self.signal(talk.leg, LegCommand::Notify { status: 603, last: true });
        self.back(talk)
    }

    /// Another call asks for the place of one of the two who talk here.
    pub(super) fn take_over(&mut self, talk: &mut Talk, take: &Take) {
        let refused = || LegEvent::Failed { cause: Cause::REJECTED, status: 603 };
        let mine = take.leg == self.line || take.leg == talk.leg;
        let his = self.leg(take.leg).and_then(Leg::phone) == Some(take.by.as_str());
        if mine && take.leg == self.line {
            self.swap(talk);
        }
        let answer = if mine && his && self.may_join(take) {
            self.part(talk.leg);
            self.hang_up(talk.leg, Cause::NORMAL);
            let wire = Wire::Local { peer: take.peer.clone(), leg: take.near };
            self.legs.insert(take.far, Leg::caller(wire, LegRecord::silent()));
            talk.leg = take.far;
            self.quiet();
            self.join(take.far);
            LegEvent::Answered
        } else {
            self.world.media(media::plane::Command::Close { port: take.far.port() });
            refused()
        };
        if take.peer.try_send(CallEvent::Leg(take.near, answer)).is_err() {
            tracing::debug!(call = %self.tree.id, "the call that asked is gone");
        }
    }

    /// Whether either side's origin, sent by that extension, might have the paid leg of the other side.
    fn may_join(&self, take: &Take) -> bool {
        let ours = origin_kind(&self.tree.origin);
        let mine = self.leg(self.line).and_then(Leg::outside);
        let Some(app) = apps::lookup("Dial") else { return false };
        let may = |origin: &OriginKind, entry: &str, outside: Option<&Outside>| {
            outside.is_none_or(|outside| {
                let target = Target::Number { trunk: &outside.trunk, dialled: &outside.number };
                let ask = Ask {
                    origin,
                    by: Some(&take.by),
                    entry,
                    app,
                    snapshot: &self.snapshot,
                    call: &self.tree.id,
                    target,
                    now: self.exchange.clock.now(),
                };
                self.exchange.gate.would(&ask).is_ok()
            })
        };
        may(&take.origin, &take.entry, mine) && may(&ours, &self.tree.entry, take.carries.as_ref())
    }
}
