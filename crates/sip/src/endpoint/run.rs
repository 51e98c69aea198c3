//! Drives the transaction machines: what they want sent, set, cleared and said; and the answers
//! that we give. Next: `replies.rs` for the answers that we get.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sipx_sip::transaction::{Output, Reliability, Timer, Timers, TuEvent};
use sipx_sip::{ClientTransaction, HeaderName, Message, Method, ServerTransaction};

use super::build::{ALLOW, bytes_of, bytes_of_response, response};
use super::replies::Outcome;
use super::session::Phase;
use super::table::{Asked, Asks, Client, Key, Kind, Txn};
use super::timers::Handle;
use super::{Due, Endpoint};
use crate::digest::Credentials;
use crate::event::TxnId;
use crate::flow::Flow;
use crate::header::{HeaderList, Value};
use crate::limits;
use crate::message::{Common, Request};

fn reliability(flow: &Flow) -> Reliability {
    if flow.transport.is_reliable() { Reliability::Reliable } else { Reliability::Unreliable }
}

pub(crate) fn timers() -> Timers {
    Timers::default()
}

impl<O> Endpoint<O> {
    /// Makes room for one more transaction by dropping finished ones.
    pub(crate) fn make_room(&mut self) -> bool {
        while self.table.len() >= self.config.limits.transactions {
            match self.table.oldest_lingering() {
                Some(id) => self.drop_txn(id),
                None => return false,
            }
        }
        true
    }

    pub(crate) fn drop_txn(&mut self, id: u64) {
        if let Some(txn) = self.table.remove(id) {
            for (_, handle) in txn.armed {
                self.timers.clear(handle);
            }
            if let Some(handle) = txn.abandon {
                self.timers.clear(handle);
            }
        }
    }

    /// A server transaction for a checked request. The caller made room.
    pub(crate) fn new_server(
        &mut self,
        now: Instant,
        request: &Request,
        flow: Flow,
        owner: Asked,
        source: Option<limits::Source>,
    ) -> u64 {
        let (machine, outputs) = ServerTransaction::new(request.raw().clone(), reliability(&flow), timers());
        let merged = request.to().tag().is_empty().then(|| Key::of_merged(request));
        let id = self.table.insert(Txn {
            flow,
            key: Key::of_request(request, &flow, request.method()),
            merged,
            source,
            kind: Kind::Server { machine: Box::new(machine), owner },
            armed: Vec::new(),
            abandon: None,
        });
        if !matches!(owner, Asked::Invite(_)) {
            let handle = self.timers.set(now + timers().timeout(), Due::Abandoned(id));
            if let Some(txn) = self.table.get_mut(id) {
                txn.abandon = Some(handle);
            }
        }
        self.run(now, id, outputs);
        id
    }

    /// Sends a request of ours in a transaction of its own.
    pub(crate) fn new_client(
        &mut self,
        now: Instant,
        request: sipx_sip::Request,
        flow: Flow,
        owner: Asks,
        credentials: Option<Arc<Credentials>>,
        tries: u8,
    ) -> Option<u64> {
        let branch = Common::read(&request.headers)?.branch;
        let key = Key::of_branch(&flow, &branch, &request.method);
        self.make_room();
        let (machine, outputs) = ClientTransaction::new(request, reliability(&flow), timers());
        let id = self.table.insert(Txn {
            flow,
            key,
            merged: None,
            source: None,
            kind: Kind::Client(Box::new(Client {
                machine,
                owner,
                credentials,
                tries,
                winner: None,
                killed: Vec::new(),
            })),
            armed: Vec::new(),
            abandon: None,
        });
        self.run(now, id, outputs);
        Some(id)
    }

    /// Takes a request over that was sent before us, and of which this provisional answer is known: it is not sent again.
    pub(crate) fn resume_client(
        &mut self,
        now: Instant,
        request: sipx_sip::Request,
        heard: sipx_sip::Response,
        flow: Flow,
        owner: Asks,
    ) -> Option<u64> {
        let branch = Common::read(&request.headers)?.branch;
        let key = Key::of_branch(&flow, &branch, &request.method);
        self.make_room();
        let (mut machine, _) = ClientTransaction::new(request, reliability(&flow), timers());
        let outputs = machine.on_response(heard);
        let client = Client { machine, owner, credentials: None, tries: 0, winner: None, killed: Vec::new() };
        let id = self.table.insert(Txn {
            flow,
            key,
            merged: None,
            source: None,
            kind: Kind::Client(Box::new(client)),
            armed: Vec::new(),
            abandon: None,
        });
        self.run(now, id, outputs);
        Some(id)
    }

    /// Carries out what a machine asked for; gives back what it tells.
    pub(crate) fn run(&mut self, now: Instant, id: u64, outputs: Vec<Output>) -> Vec<TuEvent> {
        let mut told = Vec::new();
        for output in outputs {
            match output {
                Output::Send(message) => {
                    let flow = self.table.get(id).map(|t| t.flow);
                    if let Some(flow) = flow {
                        let bytes = match *message {
                            Message::Request(r) => bytes_of(&r),
                            Message::Response(r) => bytes_of_response(&r),
                        };
                        self.send(flow, bytes);
                    }
                }
                Output::SetTimer { timer, after } => self.arm(now, id, timer, after),
                Output::ClearTimer(timer) => self.disarm(id, timer),
                Output::ToTu(event) => told.push(*event),
                Output::Terminated(_) => self.drop_txn(id),
                _ => {}
            }
        }
        told
    }

    fn arm(&mut self, now: Instant, id: u64, timer: Timer, after: Duration) {
        self.disarm(id, timer);
        let handle = self.timers.set(now + after, Due::Machine(id, timer));
        match self.table.get_mut(id) {
            Some(txn) => txn.armed.push((timer, handle)),
            None => self.timers.clear(handle),
        }
    }

    fn disarm(&mut self, id: u64, timer: Timer) {
        if let Some(txn) = self.table.get_mut(id)
            && let Some(at) = txn.armed.iter().position(|(t, _)| *t == timer)
        {
            let (_, handle) = txn.armed.swap_remove(at);
            self.timers.clear(handle);
        }
    }

    pub(crate) fn on_machine_timer(&mut self, now: Instant, id: u64, timer: Timer, handle: Handle) {
        let Some(txn) = self.table.get_mut(id) else {
            return;
        };
        txn.armed.retain(|(_, h)| *h != handle);
        match &mut txn.kind {
            Kind::Server { machine, .. } => {
                let outputs = machine.on_timer(timer);
                // A refused INVITE that was never acknowledged just ends.
                let _ = self.run(now, id, outputs);
            }
            Kind::Client(client) => {
                let owner = client.owner;
                let outputs = client.machine.on_timer(timer);
                let told = self.run(now, id, outputs);
                if told.iter().any(|e| matches!(e, TuEvent::Timeout)) {
                    self.on_outcome(now, id, owner, Outcome::Timeout);
                }
            }
            Kind::Done { .. } | Kind::Acked { .. } => self.drop_txn(id),
        }
    }

    /// The exchange did not answer within 64*T1: the peer has given up, so do we. Silence is right
    /// for all but INVITE (RFC 4320 §4.2).
    pub(crate) fn on_abandoned(&mut self, now: Instant, id: u64) {
        let Some(txn) = self.table.get_mut(id) else {
            return;
        };
        txn.abandon = None;
        let Kind::Server { machine, owner } = &txn.kind else {
            return;
        };
        let owner = *owner;
        if machine.request().method == Method::Invite {
            self.answer(now, id, 500, "", Vec::new(), None);
        } else {
            self.forget_waiting(owner, id);
            self.drop_txn(id);
        }
    }

    /// Answers a request of a peer that waits in the table, whoever it belongs to.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        id: u64,
        status: u16,
        words: &str,
        headers: HeaderList,
        body: Option<(&str, Bytes)>,
    ) -> bool {
        let draft = super::build::Draft::default().list(headers).body(body);
        let Some(txn) = self.table.get(id) else {
            return false;
        };
        let Kind::Server { machine, owner } = &txn.kind else {
            return false;
        };
        let request = machine.request().clone();
        let owner = *owner;
        let tag = self.tag_of(&request);
        let Some(response) = response(&self.config, &request, status, words, Some(&tag), draft) else {
            return false;
        };
        if status >= 200 {
            self.forget_waiting(owner, id);
        }
        self.push_response(now, id, response)
    }

    fn forget_waiting(&mut self, owner: Asked, id: u64) {
        if let Asked::Reinvite(s) | Asked::Update(s) | Asked::Inside(s) = owner
            && let Some(s) = self.sessions.get_mut(&s)
        {
            s.waiting.retain(|w| *w != id);
            if s.their_offer == Some(id) {
                s.their_offer = None;
            }
        }
    }

    /// Hands a response to its machine; a final one makes the transaction small.
    pub(crate) fn push_response(&mut self, now: Instant, id: u64, response: sipx_sip::Response) -> bool {
        let Some(txn) = self.table.get_mut(id) else {
            return false;
        };
        let Kind::Server { machine, .. } = &mut txn.kind else {
            return false;
        };
        let invite = machine.request().method == Method::Invite;
        let status = response.status.code();
        let lasting = bytes_of_response(&response);
        let outputs = machine.on_tu_response(response);
        if outputs.is_empty() {
            return false;
        }
        let abandon = if status >= 200 { txn.abandon.take() } else { None };
        if let Some(handle) = abandon {
            self.timers.clear(handle);
        }
        self.run(now, id, outputs);
        if status >= 200 {
            self.table.linger(id);
            // A refused INVITE still waits for its ACK in its machine; all others are done.
            if (!invite || status < 300)
                && let Some(txn) = self.table.get_mut(id)
            {
                txn.kind = Kind::Done { answer: (!invite).then_some(lasting) };
            }
            if !invite && self.table.get(id).is_some_and(|t| t.flow.transport.is_reliable()) {
                self.drop_txn(id);
            }
        }
        true
    }

    /// The To tag of an answer outside sessions: the same for each repetition of a request, and
    /// not to be guessed.
    pub(crate) fn tag_of(&self, request: &sipx_sip::Request) -> String {
        let value =
            |name: &HeaderName| request.headers.value(name).map(std::borrow::Cow::into_owned).unwrap_or_default();
        let block = crate::rng::prf(
            &self.tag_key,
            &[&value(&HeaderName::CallId), &value(&HeaderName::From), &value(&HeaderName::CSeq)],
        );
        hex::encode(block.get(..16).unwrap_or(&[]))
    }

    /// An answer without any state.
    pub(crate) fn reply(&mut self, flow: Flow, request: &Request, status: u16, words: &str, headers: HeaderList) {
        if *request.method() == Method::Ack {
            return;
        }
        let tag = self.tag_of(request.raw());
        let draft = super::build::Draft::default().list(headers);
        if let Some(r) = response(&self.config, request.raw(), status, words, Some(&tag), draft) {
            self.send(flow, bytes_of_response(&r));
        }
    }

    /// Answers a request of [`crate::Event::Request`] or [`crate::Event::InDialog`] with a status from 100 to
    /// 699. `false` when it is gone or belongs to a session's own business. A 405 says what is allowed by itself.
    pub fn respond(
        &mut self,
        now: Instant,
        txn: TxnId,
        status: u16,
        reason: &str,
        mut headers: HeaderList,
        body: Option<(&str, Bytes)>,
    ) -> bool {
        // RFC 3261 §21.4.6.
        if status == 405 && !headers.iter().any(|(name, _)| *name == HeaderName::Allow) {
            headers.push((HeaderName::Allow, Value::lossy(ALLOW)));
        }
        match self.table.get(txn.0).map(|t| &t.kind) {
            Some(Kind::Server { owner: Asked::Outside | Asked::Inside(_), .. }) => {
                self.answer(now, txn.0, status, reason, headers, body)
            }
            _ => false,
        }
    }

    /// A connection closed: what went over it ends, calls wait a while for its return.
    pub fn closed(&mut self, now: Instant, connection: u64) {
        self.lost(now, connection, true);
    }

    /// A connection closed that we can open again at any time: what was under way ends, calls that are up go on.
    pub fn interrupted(&mut self, now: Instant, connection: u64) {
        self.lost(now, connection, false);
    }

    fn lost(&mut self, now: Instant, connection: u64, for_good: bool) {
        for id in self.table.on_connection(connection) {
            let mut owner = None;
            match self.table.get(id).map(|t| &t.kind) {
                Some(Kind::Client(client)) if !client.is_final() => owner = Some(client.owner),
                Some(Kind::Server { owner, .. }) => {
                    let owner = *owner;
                    self.forget_waiting(owner, id);
                }
                _ => {}
            }
            self.drop_txn(id);
            if let Some(owner) = owner {
                self.on_outcome(now, id, owner, Outcome::Lost);
            }
        }
        self.subscriptions_lost(now, connection);
        let mut hit: Vec<_> = self
            .sessions
            .values()
            .filter(|s| s.flow.transport.is_reliable() && s.flow.connection == connection)
            .filter(|s| for_good || !matches!(s.phase, Phase::Up))
            .map(|s| s.id)
            .collect();
        hit.sort();
        for session in hit {
            self.with_session(session, |ep, s| ep.connection_lost(now, s));
        }
    }
}

impl Client {
    fn is_final(&self) -> bool {
        use sipx_sip::transaction::ClientState::{Accepted, Completed, Terminated};
        matches!(self.machine.state(), Accepted | Completed | Terminated)
    }
}
