//! An INVITE becomes a call: who is it, is there room, where does it begin, then a task of its own.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use media::sdp::Session as Description;
use sip::{Endpoint, Flow, HeaderList, Name, Request, SessionId};
use tokio::sync::mpsc;

use super::refer::replaces;
use super::{Known, Signal};
use crate::call::{Call, Start, Tree};
use crate::cdr::LegRecord;
use crate::channel::Channel;
use crate::config::Config;
use crate::drill::{Part, Watch};
use crate::entry::{self, Entry, Ticket};
use crate::exchange::Exchange;
use crate::leg::Wire;
use crate::limits;
use crate::live::{LiveCaller, LiveWorld};
use crate::snapshot::Snapshot;
use crate::switch::{Cause, Origin};

/// A call that comes in; 100 is already sent.
pub(super) struct Arrival {
    pub(super) session: SessionId,
    pub(super) origin: Origin,
    pub(super) request: Request,
    pub(super) flow: Flow,
    pub(super) offer: Option<Bytes>,
}

/// The exchange that a call runs in: the real one, or the one of a drill beside it.
struct Stage {
    exchange: Arc<Exchange>,
    snapshot: Arc<Snapshot>,
    watch: Option<Arc<Watch>>,
}

/// What a call takes up while it is on. A drill's call takes nobody's place, and no REFER of it is heard.
#[derive(Default)]
struct Room {
    /// The trunk that it comes in by.
    trunk: Option<String>,
    /// The extension whose phone it is.
    owner: Option<String>,
    /// A stranger's place in the pool.
    ticket: Option<Ticket>,
}

/// Why there is no call.
struct Refused(u16, &'static str, HeaderList);

impl Refused {
    fn with(status: u16, reason: &'static str) -> Self {
        Self(status, reason, HeaderList::new())
    }
}

impl From<Cause> for Refused {
    fn from(cause: Cause) -> Self {
        let (status, reason) = cause.to_status();
        Self::with(status, reason)
    }
}

impl Signal {
    pub(super) fn invite(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, arrival: Arrival) {
        let session = arrival.session;
        if let Err(Refused(status, reason, headers)) = self.take_in(endpoint, arrival) {
            endpoint.reject(now, session, status, reason, headers);
        }
    }

    fn take_in(&mut self, endpoint: &Endpoint<Origin>, arrival: Arrival) -> Result<(), Refused> {
        let Arrival { session, origin, request, flow, offer } = arrival;
        if self.draining {
            return Err(Refused::with(503, "Service Unavailable"));
        }
        if let Some(status) = replaces(endpoint, &request) {
            return Err(Refused::with(status, ""));
        }
        let offer = offer.as_deref().map(Description::parse).transpose().map_err(|error| {
            tracing::debug!(%error, "an offer that cannot be read");
            Refused::with(400, "Bad Session Description")
        })?;
        let drilled = self.door.drilled(&request, &flow);
        let real = drilled.is_none();
        let stage = self.stage(drilled);
        let entry = entry::entry(&stage.snapshot.config, &origin, &request)?;
        let room = if real { self.room(&stage.snapshot.config, &origin, &flow)? } else { Room::default() };
        let help = self.call_back(&origin, &stage.snapshot).filter(|_| real);
        let Stage { exchange, snapshot, watch } = stage;
        let leg = exchange.leg_id();
        let id = exchange.tree_id(leg);
        if let Some(watch) = &watch {
            watch.came(&id);
        }
        let label = channel_label(&origin);
        let source = flow.remote.ip();
        let Entry { name, mut place, caller, dialled } = entry;
        let tree = Arc::new(Tree::new(id, origin, name, Some(source), dialled.clone(), room.ticket));
        let mut channel = Channel::new(Arc::clone(&exchange), &label, leg, &caller, &dialled);
        channel.request = Some(request.to_bytes());
        if let Some(help) = help.filter(|help| snapshot.has_place(help, &caller.number, &mut channel)) {
            place = help;
        }
        if !snapshot.has_place(&place, &caller.number, &mut channel) {
            LegRecord::refused(&exchange, &tree, leg, &caller, Cause::UNALLOCATED, "no such number");
            return Err(Refused::with(404, "Not Found"));
        }
        let (postbox, mailbox) = mpsc::channel(limits::MAILBOX);
        let codecs = match &tree.origin {
            Origin::Trunk { name } => snapshot.config.trunks.get(name).map_or(Vec::new(), |trunk| trunk.codecs.clone()),
            _ => Vec::new(),
        };
        let shard = self.shard_for(room.owner.as_deref()).unwrap_or(leg.0);
        let party = LiveCaller { line: leg, peer: source, shard, offer, codecs };
        let world = LiveWorld::incoming(Arc::clone(&self.wires), postbox.clone(), party).watched(watch);
        let record = LegRecord::incoming(&exchange, &tree, leg, &caller);
        let known = Known {
            leg,
            events: postbox.clone(),
            incoming: true,
            answered: false,
            trunk: room.trunk,
            owner: room.owner,
            paid: None,
            shard,
            refers: 0,
        };
        self.sessions.insert(session, known);
        self.legs.insert(leg, session);
        Call::new(Start {
            tree,
            exchange,
            snapshot,
            place,
            channel,
            line: leg,
            wire: Wire::World,
            record,
            world: Box::new(world),
            mailbox: (postbox, mailbox),
        })
        .spawn();
        Ok(())
    }

    fn stage(&self, drilled: Option<Part>) -> Stage {
        let (exchange, watch) = match drilled {
            Some(part) => (part.exchange, Some(part.watch)),
            None => (Arc::clone(&self.exchange), None),
        };
        Stage { snapshot: exchange.snapshot.load_full(), exchange, watch }
    }

    /// The places that the call takes, or what there is too much of.
    fn room(&self, config: &Config, origin: &Origin, flow: &Flow) -> Result<Room, Refused> {
        match origin {
            Origin::Trunk { name } if self.is_full(config, name) => Err(Refused::with(486, "Busy Here")),
            Origin::Trunk { name } => Ok(Room { trunk: Some(name.clone()), ..Room::default() }),
            Origin::Extension { user } => Ok(Room { owner: Some(user.clone()), ..Room::default() }),
            Origin::Stranger { .. } => {
                let ticket = self.door.pool().enter(flow.remote.ip(), &config.strangers).ok_or_else(|| {
                    let retry = vec![(Name::RetryAfter, sip::Value::number(limits::RETRY_AFTER))];
                    Refused(503, "Service Unavailable", retry)
                })?;
                Ok(Room { ticket: Some(ticket), ..Room::default() })
            }
            Origin::System => Ok(Room::default()),
        }
    }

    /// Whether as many calls are on over this trunk, in both directions, as its owner allows.
    fn is_full(&self, config: &Config, trunk: &str) -> bool {
        let most = config.trunks.get(trunk).map_or(0, |trunk| trunk.max_calls as usize);
        self.sessions.values().filter(|known| known.trunk.as_deref() == Some(trunk)).count() >= most
    }
}

/// The technology part of a channel's name, as dialplans know it.
fn channel_label(origin: &Origin) -> String {
    match origin {
        Origin::Stranger { .. } => "PJSIP/anonymous".to_owned(),
        Origin::Trunk { name } => format!("PJSIP/{name}"),
        Origin::Extension { user } => format!("PJSIP/{user}"),
        Origin::System => "PJSIP/system".to_owned(),
    }
}
