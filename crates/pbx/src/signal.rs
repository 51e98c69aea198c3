//! Between the signalling endpoint and the call tasks: a request for a new call or for one that is known.
//!
//! How a call begins is in [`invite`], what calls order in [`orders`], transfers in [`refer`], what a crash left behind in [`left`]. Runs in the signalling task. Nothing here waits: a call task that does not take its mail loses its legs.

mod invite;
mod left;
mod nat;
mod orders;
mod refer;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use sip::{Endpoint, Event, Flow, HeaderList, Method, Request, RequestId, SessionId, TxnId};

use crate::entry::Door;
use crate::exchange::Exchange;
use crate::lamp::{self, Lamp};
use crate::live::Wires;
use crate::switch::{CallEvent, Cause, LegId, Origin, Postbox};
use crate::trunks::TrunkWay;
use crate::trunks::keeper::{Keeper, Listener};
use invite::Arrival;
pub use left::{Left, hang_up};
pub use orders::{Outgoing, SipCommand};

/// A leg that costs: its trunk, and the permit under which its money is counted.
struct Paid {
    trunk: String,
    permit: String,
}

struct Known {
    leg: LegId,
    events: Postbox,
    incoming: bool,
    answered: bool,
    /// The trunk it goes out or comes in by.
    trunk: Option<String>,
    /// The extension whose phone it is.
    owner: Option<String>,
    /// Who sends a bill for it.
    paid: Option<Paid>,
    /// The media thread of its call.
    shard: u64,
    /// REFERs that it sent.
    refers: u32,
}

/// The signalling side of all calls.
pub struct Signal {
    exchange: Arc<Exchange>,
    wires: Arc<Wires>,
    door: Door,
    keeper: Keeper,
    sessions: HashMap<SessionId, Known>,
    legs: HashMap<LegId, SessionId>,
    lamp: Lamp,
    draining: bool,
    /// BYEs to what was left behind, on their way.
    left: HashMap<RequestId, String>,
    /// What was left ringing, until it is over.
    cancelled: HashMap<SessionId, String>,
}

impl Signal {
    /// Puts signalling together.
    #[must_use]
    pub fn new(exchange: Arc<Exchange>, wires: Arc<Wires>, door: Door, keeper: Keeper) -> Self {
        Self {
            exchange,
            wires,
            door,
            keeper,
            sessions: HashMap::new(),
            legs: HashMap::new(),
            lamp: Lamp::default(),
            draining: false,
            left: HashMap::new(),
            cancelled: HashMap::new(),
        }
    }

    /// The doorman to hand to [`Endpoint::receive`].
    pub fn door(&mut self) -> &mut Door {
        &mut self.door
    }

    /// From now on new calls are refused with 503, and providers are told to send none; those that are on go on.
    pub fn drain(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>) {
        self.draining = true;
        self.keeper.leave(now, endpoint);
    }

    /// Providers that have not yet answered that we leave.
    #[must_use]
    pub fn leaving(&self) -> usize {
        self.keeper.leaving()
    }

    /// Sessions that are on.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Trunks are reached like this from now on.
    pub fn set_trunks(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, ways: BTreeMap<String, TrunkWay>) {
        self.keeper.set(now, endpoint, ways);
    }

    /// Asks a trunk for its owner: REGISTER or OPTIONS.
    pub fn probe(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        trunk: &str,
        register: bool,
        listener: Listener,
    ) {
        self.keeper.probe(now, endpoint, trunk, register, listener);
    }

    /// When [`Self::timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.keeper.due()
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>) {
        self.keeper.timeout(now, endpoint);
    }

    /// A stream that we wanted to a trunk did not come about; what waited for it is told by the endpoint.
    pub fn refused(&mut self, connection: u64, why: &str) {
        self.keeper.refused(connection, why);
    }

    /// A stream is gone: contacts that were reached by it are gone too.
    pub fn closed(&mut self, now: Instant, connection: u64) {
        self.wires.phones.connection_closed(now, connection);
    }

    /// Takes one event of the endpoint.
    pub fn event(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, event: Event<Origin>) {
        match event {
            Event::Request { txn, origin, request, flow } => self.request(now, endpoint, txn, &origin, &request, flow),
            Event::Invite { session, origin, request, flow, offer } => {
                self.invite(now, endpoint, Arrival { session, origin, request, flow, offer });
            }
            Event::InDialog { session, txn, ref request } if *request.method() == Method::Refer => {
                self.referred(now, endpoint, session, txn, request);
            }
            Event::InDialog { session, txn, ref request } => {
                let status = self.in_dialog(request);
                let headers = if status.0 == 489 { lamp::packages() } else { HeaderList::new() };
                endpoint.respond(now, txn, status.0, status.1, headers, None);
                if status.0 == 200 {
                    self.forward(now, endpoint, session, event);
                }
            }
            Event::Response { id, status, ref response, .. } => {
                self.left_is_gone(id);
                if !self.keeper.answered(now, id, status, response.as_ref()) {
                    self.lamp.answered(id, status);
                }
            }
            Event::Resent { session } => self.keep(endpoint, session),
            Event::SeenAs { flow, address } => self.seen_as(endpoint, flow, address),
            Event::Progress { session, .. }
            | Event::Confirmed { session, .. }
            | Event::Offer { session, .. }
            | Event::Answer { session, .. }
            | Event::OfferFailed { session, .. } => self.forward(now, endpoint, session, event),
            Event::Answered { session, .. } => {
                if let Some(known) = self.sessions.get_mut(&session) {
                    known.answered = true;
                }
                self.keep(endpoint, session);
                self.forward(now, endpoint, session, event);
            }
            Event::Cancelled { session } | Event::Rejected { session, .. } | Event::Ended { session, .. } => {
                self.left_is_cancelled(session);
                if let Some(known) = self.sessions.remove(&session) {
                    self.legs.remove(&known.leg);
                    if let (Some(trunk), Event::Rejected { status: 408 | 503 | 504, .. }) = (&known.trunk, &event) {
                        self.keeper.suspect(now, trunk);
                    }
                    self.forget(&known);
                    if known.events.try_send(CallEvent::Sip(known.leg, event)).is_err() {
                        tracing::debug!(leg = %known.leg, "the call of an ended leg is gone already");
                    }
                }
            }
        }
    }

    /// Hands an event to its call; a call that does not take it any more loses the leg.
    fn forward(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, session: SessionId, event: Event<Origin>) {
        let Some(known) = self.sessions.get(&session) else {
            return;
        };
        if known.events.try_send(CallEvent::Sip(known.leg, event)).is_err() {
            tracing::error!(leg = %known.leg, "a call does not take its events: the leg is ended");
            let leg = known.leg;
            self.hang_up(now, endpoint, leg, Cause::INTERWORKING);
        }
    }

    fn in_dialog(&self, request: &Request) -> (u16, &'static str) {
        match request.method() {
            Method::Info => (200, "OK"),
            Method::Subscribe | Method::Notify => (489, "Bad Event"),
            _ => (405, "Method Not Allowed"),
        }
    }

    fn request(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        txn: TxnId,
        origin: &Origin,
        request: &Request,
        flow: Flow,
    ) {
        match (request.method(), origin) {
            (Method::Register, Origin::Extension { user }) => {
                let reply = self.wires.phones.register(now, user, request, flow);
                endpoint.respond(now, txn, reply.status, reply.reason, reply.headers, None);
                if reply.changed {
                    self.lamp.registered(now, endpoint, &self.exchange, &self.wires, user, request, flow);
                }
            }
            (Method::Subscribe, Origin::Extension { user }) => {
                self.lamp.subscribe(now, endpoint, &self.exchange, txn, user, request, flow);
            }
            (Method::Subscribe | Method::Publish, _) => {
                endpoint.respond(now, txn, 489, "Bad Event", lamp::packages(), None);
            }
            _ => {
                endpoint.respond(now, txn, 405, "Method Not Allowed", HeaderList::new(), None);
            }
        }
    }
}
