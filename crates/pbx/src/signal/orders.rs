//! What call tasks order of the signalling task, and how it is carried out.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sip::{Endpoint, HeaderList, Invite, Method, TxnId};

use super::{Known, Left, Paid, Signal};
use crate::gate::Permit;
use crate::switch::{Cause, LegId, Origin, Postbox, Presentation};
use crate::trunks::Route;

/// An outgoing INVITE: only [`crate::leg`] makes one, with the permit that it uses up.
pub struct Outgoing {
    /// The leg it is for.
    pub leg: LegId,
    /// Mailbox of its call.
    pub events: Postbox,
    /// The permit; dropped, and with it used up, when the INVITE is out.
    pub permit: Permit,
    /// Where it goes.
    pub route: Route,
    /// Who calls, as shown.
    pub show: Presentation,
    /// Our offer.
    pub sdp: Bytes,
    /// The media thread of its call.
    pub shard: u64,
}

/// What call tasks order of the signalling task.
pub enum SipCommand {
    /// 180, or 183 with a description.
    Ring {
        /// The caller's leg.
        leg: LegId,
        /// Early media.
        sdp: Option<Bytes>,
    },
    /// 200.
    Accept {
        /// The caller's leg.
        leg: LegId,
        /// Our description.
        sdp: Bytes,
    },
    /// A final refusal.
    Refuse {
        /// The caller's leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    },
    /// The end, whatever the state.
    HangUp {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    },
    /// The answer to a re-INVITE or UPDATE.
    AnswerOffer {
        /// The leg.
        leg: LegId,
        /// Which offer.
        txn: TxnId,
        /// Our description, or a status.
        answer: Result<Bytes, u16>,
    },
    /// A key by INFO, for a peer that agreed on no telephone events.
    Key {
        /// The leg.
        leg: LegId,
        /// The key.
        key: char,
    },
    /// A mailbox changed: phones that it belongs to are told.
    Lamp {
        /// Its number.
        mailbox: Arc<str>,
    },
    /// A new outgoing call.
    Invite(Box<Outgoing>),
    /// The answer to a REFER.
    Referred {
        /// Which.
        txn: TxnId,
        /// 202, or why not.
        status: u16,
    },
    /// How a transfer goes (RFC 3515 §2.4.4).
    Notify {
        /// The leg of whoever asked for it.
        leg: LegId,
        /// The status of the new leg.
        status: u16,
        /// Nothing more will be told.
        last: bool,
    },
    /// Hang up what an exchange before us left behind.
    HangUpLeft(Vec<Left>),
}

impl Signal {
    /// Carries an order of a call task out.
    pub fn command(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, command: SipCommand) {
        match command {
            SipCommand::Ring { leg, sdp } => {
                let Some(&session) = self.legs.get(&leg) else { return };
                let status = if sdp.is_some() { 183 } else { 180 };
                endpoint.ring(now, session, status, sdp);
            }
            SipCommand::Accept { leg, sdp } => {
                let Some(&session) = self.legs.get(&leg) else { return };
                if let Some(known) = self.sessions.get_mut(&session) {
                    known.answered = true;
                }
                endpoint.accept(now, session, sdp, HeaderList::new());
            }
            SipCommand::Refuse { leg, cause } | SipCommand::HangUp { leg, cause } => {
                self.hang_up(now, endpoint, leg, cause);
            }
            SipCommand::AnswerOffer { leg, txn, answer } => {
                if self.legs.contains_key(&leg) {
                    endpoint.respond_offer(now, txn, answer);
                }
            }
            SipCommand::Key { leg, key } => {
                let Some(&session) = self.legs.get(&leg) else { return };
                let body = format!("Signal={key}\r\nDuration=160\r\n");
                let body = ("application/dtmf-relay", Bytes::from(body));
                endpoint.request_in_dialog(now, session, Method::Info, HeaderList::new(), Some(body));
            }
            SipCommand::Lamp { mailbox } => {
                self.lamp.changed(now, endpoint, &self.exchange, &self.wires, &mailbox);
            }
            SipCommand::Invite(outgoing) => self.start(now, endpoint, *outgoing),
            SipCommand::Referred { txn, status } => {
                endpoint.respond(now, txn, status, "", HeaderList::new(), None);
            }
            SipCommand::Notify { leg, status, last } => self.notify(now, endpoint, leg, status, last),
            SipCommand::HangUpLeft(left) => self.hang_up_left(now, endpoint, left),
        }
    }

    pub(super) fn hang_up(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, leg: LegId, cause: Cause) {
        let Some(session) = self.legs.remove(&leg) else { return };
        let Some(known) = self.sessions.remove(&session) else { return };
        self.forget(&known);
        match (known.incoming, known.answered) {
            (_, true) => {
                endpoint.bye(now, session, Some(cause.0));
            }
            (true, false) => {
                let (status, reason) = cause.to_status();
                endpoint.reject(now, session, status, reason, HeaderList::new());
            }
            (false, false) => {
                endpoint.cancel(now, session);
            }
        }
    }

    fn start(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, outgoing: Outgoing) {
        let Outgoing { leg, events, permit, route, show, sdp, shard } = outgoing;
        let trunk = permit.trunk().map(str::to_owned);
        tracing::debug!(%leg, permit = permit.id(), "an outgoing INVITE");
        let invite = Invite {
            flow: route.flow,
            target: route.target.clone(),
            from: route.from_party(&show),
            to: None,
            routes: route.routes.clone(),
            sdp,
            headers: route.identity_headers(&show),
            credentials: route.credentials,
            patience: route.patience,
            max_forwards: 70,
        };
        let session = endpoint.invite(now, invite);
        let owner = permit.phone().map(str::to_owned);
        let paid = trunk.clone().map(|trunk| Paid { trunk, permit: permit.id().to_owned() });
        let known = Known { leg, events, incoming: false, answered: false, trunk, owner, paid, shard, refers: 0 };
        self.sessions.insert(session, known);
        self.legs.insert(leg, session);
        self.keep(endpoint, session);
    }
}
