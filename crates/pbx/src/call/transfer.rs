//! A party is sent on by the other one, a phone of the house: by REFER (RFC 3515) or by keys. What it gets is never more than
//! the call tree's origin may, and never more than the phone that sends it on may: the gate is asked about both.
//!
//! A call that a phone of the house began goes on in that phone's own plan; a stranger's or a trunk's call can be sent to
//! phones and groups of the house, and nowhere else.

use std::time::Duration;

use tokio::time::Instant;

use super::bridge::{BridgeEnd, Talk};
use super::{Call, Event, Stop};
use crate::apps::reach_phone;
use crate::entry::origin_kind;
use crate::limits;
use crate::plan;
use crate::switch::{Cause, LegCommand, LegEvent, LegId, Move, Origin, Refer};

/// How the new party took it.
enum Rung {
    Answered(LegId),
    Failed(Cause),
}

/// Who else there is while the new party rings.
struct Waiting<'a> {
    /// Told of by NOTIFY.
    told: bool,
    /// Whether whoever sends the call on is still there.
    there: &'a mut bool,
}

impl Call {
    /// A phone asks us to send the other party somewhere.
    pub(super) async fn refer(
        &mut self,
        talk: &mut Talk,
        from: LegId,
        refer: Refer,
    ) -> Result<Option<BridgeEnd>, Stop> {
        let who = self.leg(from).and_then(|leg| leg.phone().map(str::to_owned));
        let (Some(who), true) = (who, from == self.line || from == talk.leg) else {
            self.signal(from, LegCommand::Referred { txn: refer.txn, status: 403 });
            return Ok(None);
        };
        tracing::info!(call = %self.tree.id, extension = who, attended = refer.other.is_some(), "a call is sent on");
        self.signal(from, LegCommand::Referred { txn: refer.txn, status: 202 });
        if from == self.line {
            self.swap(talk);
        }
        self.signal(talk.leg, LegCommand::Notify { status: 100, last: false });
        self.part(talk.leg);
        match refer.other {
            Some(other) => self.merge(talk, &who, other).await,
            None => {
                self.music();
                self.send_on(talk, &who, &refer.to, true).await
            }
        }
    }

    /// Transfers that came while nobody could carry them out.
    pub(super) fn decline_moves(&mut self) {
        while let Some(one) = self.moves.pop_front() {
            self.decline(one);
        }
    }

    pub(super) fn decline(&mut self, one: Move) {
        match one {
            Move::Refer(from, refer) => self.signal(from, LegCommand::Referred { txn: refer.txn, status: 603 }),
            Move::Take(take) => take.refuse(),
        }
    }

    /// Blind: the line is sent to `to`, and whoever does it stays only until that answers. `told`: by NOTIFY.
    pub(super) async fn send_on(
        &mut self,
        talk: &mut Talk,
        who: &str,
        to: &str,
        told: bool,
    ) -> Result<Option<BridgeEnd>, Stop> {
        let mut there = self.leg(talk.leg).is_some();
        let legs = self.reach(who, to).await;
        let rung = self.wait_for(talk.leg, legs, limits::TRANSFER, Waiting { told, there: &mut there }).await?;
        match rung {
            Rung::Answered(new) => {
                if told {
                    self.signal(talk.leg, LegCommand::Notify { status: 200, last: true });
                }
                self.hang_up(talk.leg, Cause::NORMAL);
                talk.leg = new;
                self.quiet();
                self.join(new);
                Ok(None)
            }
            Rung::Failed(cause) => {
                tracing::info!(call = %self.tree.id, "nobody takes the call that was sent on: it comes back");
                if told {
                    self.signal(talk.leg, LegCommand::Notify { status: cause.to_status().0, last: true });
                }
                if there { Ok(self.back(talk)) } else { self.call_back(talk, who).await }
            }
        }
    }

    /// Attended, by keys: the phone talks to the new party first; when it hangs up, the line is joined with that one.
    pub(super) async fn consult(&mut self, talk: &mut Talk, who: &str, to: &str) -> Result<Option<BridgeEnd>, Stop> {
        let mut there = true;
        let legs = self.reach(who, to).await;
        let tone = self.country_tone(media::tone::Kind::Ringback);
        self.world.media(media::plane::Command::Tone { port: talk.leg.port(), tone });
        let rung = self.wait_for(talk.leg, legs, limits::TRANSFER, Waiting { told: false, there: &mut there }).await?;
        self.quiet_leg(talk.leg);
        let new = match (rung, there) {
            (Rung::Answered(new), true) => new,
            // He hung up while it rang: that makes it a blind one.
            (Rung::Answered(new), false) => {
                talk.leg = new;
                self.quiet();
                self.join(new);
                return Ok(None);
            }
            (Rung::Failed(_), true) => return Ok(self.back(talk)),
            (Rung::Failed(_), false) => return self.call_back(talk, who).await,
        };
        self.world.media(media::plane::Command::Join { a: talk.leg.port(), b: new.port() });
        loop {
            match self.next(None).await {
                Ok(Event::Leg(leg, LegEvent::HungUp { .. } | LegEvent::Failed { .. })) if leg == talk.leg => {
                    talk.leg = new;
                    self.quiet();
                    self.join(new);
                    return Ok(None);
                }
                Ok(Event::Leg(leg, LegEvent::HungUp { .. } | LegEvent::Failed { .. })) if leg == new => {
                    return Ok(self.back(talk));
                }
                Ok(_) => {}
                Err(stop) => {
                    self.hang_up(new, Cause::NORMAL);
                    return Err(stop);
                }
            }
        }
    }

    /// The two talk again, unless one of them holds the other.
    pub(super) fn back(&mut self, talk: &Talk) -> Option<BridgeEnd> {
        match self.leg(talk.leg) {
            // His hold goes on: music until he takes the call back.
            Some(leg) if leg.is_held() => {
                self.music();
                None
            }
            Some(_) => {
                self.quiet();
                self.join(talk.leg);
                None
            }
            None => Some(BridgeEnd::CalledHungUp),
        }
    }

    /// Whoever sent the call on is gone already: his phone rings again.
    async fn call_back(&mut self, talk: &mut Talk, who: &str) -> Result<Option<BridgeEnd>, Stop> {
        let legs = reach_phone(self, who, None).await;
        let mut there = false;
        match self.wait_for(talk.leg, legs, limits::TRANSFER, Waiting { told: false, there: &mut there }).await? {
            Rung::Answered(new) => {
                talk.leg = new;
                self.quiet();
                self.join(new);
                Ok(None)
            }
            Rung::Failed(_) => Ok(Some(BridgeEnd::CalledHungUp)),
        }
    }

    /// Starts the legs to wherever `to` leads for this call, sent there by extension `who`.
    pub(crate) async fn reach(&mut self, who: &str, to: &str) -> Vec<LegId> {
        let config = std::sync::Arc::clone(&self.snapshot.config);
        if let Origin::Extension { user } = &self.tree.origin {
            // The caller's own plan: the proof knows what it can reach from there.
            let Some(place) = plan::extension_place(&config, user, to) else { return Vec::new() };
            let before = self.by.replace(who.to_owned());
            let show = self.channel.presentation();
            let started = self.start_local(place.exten.as_ref(), place.context.as_ref(), &show);
            self.by = before;
            return started.into_iter().collect();
        }
        let members = match config.groups.get(to) {
            Some(group) => group.members.clone(),
            None => vec![to.to_owned()],
        };
        let mut legs = Vec::new();
        for member in members.iter().filter(|member| config.extensions.contains_key(*member)) {
            legs.extend(reach_phone(self, member, Some(who)).await);
        }
        if legs.is_empty() {
            let origin = origin_kind(&self.tree.origin);
            tracing::info!(call = %self.tree.id, %origin, "this call can only be sent to phones of the house that are there");
        }
        legs
    }

    /// Waits until one of the legs answers; the others are let go.
    async fn wait_for(
        &mut self,
        sender: LegId,
        mut legs: Vec<LegId>,
        patience: Duration,
        waiting: Waiting<'_>,
    ) -> Result<Rung, Stop> {
        let until = Instant::now() + patience;
        let mut why = Cause::UNALLOCATED;
        let mut rings = false;
        while !legs.is_empty() {
            let event = match self.next(Some(until)).await {
                Ok(event) => event,
                Err(stop) => {
                    legs.into_iter().for_each(|leg| self.hang_up(leg, Cause::NORMAL));
                    return Err(stop);
                }
            };
            match event {
                Event::Leg(leg, LegEvent::Answered) if legs.contains(&leg) => {
                    legs.into_iter().filter(|other| *other != leg).for_each(|other| self.hang_up(other, Cause::NORMAL));
                    return Ok(Rung::Answered(leg));
                }
                Event::Leg(leg, LegEvent::Failed { cause, .. } | LegEvent::HungUp { cause }) if legs.contains(&leg) => {
                    legs.retain(|other| *other != leg);
                    why = cause;
                }
                Event::Leg(leg, LegEvent::Ringing | LegEvent::EarlyMedia) if legs.contains(&leg) && !rings => {
                    rings = true;
                    if waiting.told {
                        self.signal(sender, LegCommand::Notify { status: 180, last: false });
                    }
                }
                Event::Leg(leg, LegEvent::HungUp { .. } | LegEvent::Failed { .. }) if leg == sender => {
                    *waiting.there = false;
                }
                Event::Moved => self.decline_moves(),
                Event::Timeout => {
                    legs.drain(..).for_each(|leg| self.hang_up(leg, Cause::NO_ANSWER));
                    why = Cause::NO_ANSWER;
                }
                _ => {}
            }
        }
        Ok(Rung::Failed(why))
    }
}
