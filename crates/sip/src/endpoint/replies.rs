//! Answers to requests of ours: matched, challenges answered, owners told.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sipx_sip::transaction::{Output, TuEvent};
use sipx_sip::{HeaderName, Message, Method};

use super::Endpoint;
use super::build::{bytes_of, reason, via};
use super::table::{Asks, Key, Kind};
use crate::digest::{Challenge, Credentials, answer};
use crate::event::Event;
use crate::flow::Flow;
use crate::limits;
use crate::message::{Common, Response};

/// What became of a request of ours.
pub(crate) enum Outcome {
    Response(Box<Response>),
    /// Silence for 64*T1: stands for 408.
    Timeout,
    /// The connection went away: stands for 503.
    Lost,
}

impl Outcome {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Response(r) => r.status(),
            Self::Timeout => 408,
            Self::Lost => 503,
        }
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::Response(r) => r.reason(),
            Self::Timeout => reason(408).to_owned(),
            Self::Lost => reason(503).to_owned(),
        }
    }

    pub(crate) fn response(self) -> Option<Response> {
        match self {
            Self::Response(r) => Some(*r),
            _ => None,
        }
    }
}

impl<O> Endpoint<O> {
    /// A response came in: its transaction takes it and its owner is told.
    pub(crate) fn on_response(&mut self, now: Instant, flow: Flow, raw: sipx_sip::Response) {
        if !sipx_sip::validate_response(&raw).is_empty() {
            return;
        }
        // RFC 3261 §8.1.3.3: one Via, and it is ours.
        let vias: usize =
            raw.headers.typed_all::<sipx_sip::headers::Via>().map(|v| if v.is_ok() { 1 } else { 2 }).sum();
        let Some(response) = Response::new(raw) else {
            return;
        };
        if vias != 1 {
            return;
        }
        let common = response.common();
        let key = Key::of_branch(&flow, &common.branch, &common.cseq_method);
        let Some(id) = self.table.find(&key) else {
            return;
        };
        self.note_seen(flow, &response);
        let Some(txn) = self.table.get_mut(id) else {
            return;
        };
        match &mut txn.kind {
            Kind::Client(client) => {
                let owner = client.owner;
                let provisional = response.status() < 200;
                let outputs = client.machine.on_response(response.raw().clone());
                let acks: Option<Bytes> = outputs.iter().find_map(|o| match o {
                    Output::Send(m) => match m.as_ref() {
                        Message::Request(r) if r.method == Method::Ack => Some(bytes_of(r)),
                        _ => None,
                    },
                    _ => None,
                });
                let told = self.run(now, id, outputs);
                let heard = told.iter().any(|e| matches!(e, TuEvent::Response(_)));
                if provisional {
                    if heard {
                        self.on_provisional(now, id, owner, &response);
                    }
                    return;
                }
                if heard {
                    self.on_final(now, id, owner, response);
                }
                self.shrink_client(id, acks);
            }
            Kind::Acked { ack } => {
                let ack = ack.clone();
                let flow = txn.flow;
                if response.status() >= 300 {
                    self.send(flow, ack);
                }
            }
            Kind::Server { .. } | Kind::Done { .. } => {}
        }
    }

    /// A client transaction with its final response: only INVITEs are kept, and only what repeats.
    fn shrink_client(&mut self, id: u64, ack: Option<Bytes>) {
        let Some(txn) = self.table.get_mut(id) else {
            return;
        };
        let Kind::Client(client) = &mut txn.kind else {
            return;
        };
        let invite = client.machine.request().method == Method::Invite;
        if let (true, Some(ack)) = (invite, ack) {
            txn.kind = Kind::Acked { ack };
            self.table.linger(id);
        } else if !invite {
            // What is repeated to us finds no transaction and is dropped, which is all that
            // Timer K's wait would do.
            self.drop_txn(id);
        }
    }

    fn on_final(&mut self, now: Instant, id: u64, owner: Asks, response: Response) {
        if matches!(response.status(), 401 | 407) && self.answer_challenge(now, id, owner, &response) {
            return;
        }
        if response.status() == 422
            && let Asks::Invite(session) = owner
            && self.invite_longer(now, id, session, &response)
        {
            return;
        }
        self.on_outcome(now, id, owner, Outcome::Response(Box::new(response)));
    }

    /// Sends a challenged request again with an answer, if the challenge is of our realm.
    ///
    /// Only what begins something is answered: a request outside dialogs, and an INVITE before it rings.
    /// Whoever challenges after that may be the called party, not the trunk: a BYE that he challenges would
    /// give him our answer to a nonce of his own choice to guess the secret from.
    fn answer_challenge(&mut self, now: Instant, id: u64, owner: Asks, response: &Response) -> bool {
        let Some(txn) = self.table.get(id) else {
            return false;
        };
        let Kind::Client(client) = &txn.kind else {
            return false;
        };
        let Some(credentials) = client.credentials.clone() else {
            return false;
        };
        let Some(challenge) = Challenge::find(response, &credentials) else {
            return false;
        };
        let old = client.machine.request().clone();
        if credentials.realm().is_none() && !matches!(old.method, Method::Register | Method::Invite) {
            return false;
        }
        let (flow, tries) = (txn.flow, client.tries);
        let name = if challenge.proxy { HeaderName::ProxyAuthorization } else { HeaderName::Authorization };
        // The same answer would only fail again.
        let answered = old.headers.count(&name) > 0;
        if tries >= limits::CHALLENGES || (answered && !challenge.stale) {
            return false;
        }
        let allowed = match owner {
            Asks::Invite(s) => {
                self.sessions.get(&s).is_some_and(|s| !s.announced && !s.is_cancelled() && s.dialogs.is_empty())
            }
            Asks::Outside(_) => true,
            _ => false,
        };
        if !allowed {
            return false;
        }
        let cnonce = self.rng.token();
        let uri = old.uri.to_bytes();
        let uri = String::from_utf8_lossy(&uri);
        let Some(value) = answer(&challenge, &credentials, &old.method, &uri, &cnonce, 1) else {
            return false;
        };
        let Some(new) = self.renewed(&old, &flow, owner, name, value) else {
            return false;
        };
        let invite = old.method == Method::Invite;
        let Some(fresh) = self.new_client(now, new, flow, owner, Some(credentials), tries + 1) else {
            return false;
        };
        if let (true, Asks::Invite(s)) = (invite, owner) {
            self.invited_again(s, fresh);
        }
        true
    }

    /// What is needed to send a request of ours once more.
    pub(crate) fn again(&self, id: u64) -> Option<(sipx_sip::Request, Flow, Option<Arc<Credentials>>, u8)> {
        let txn = self.table.get(id)?;
        let Kind::Client(client) = &txn.kind else {
            return None;
        };
        Some((client.machine.request().clone(), txn.flow, client.credentials.clone(), client.tries))
    }

    /// The same request with the next CSeq, a new branch and one header replaced.
    pub(crate) fn renewed(
        &mut self,
        old: &sipx_sip::Request,
        flow: &Flow,
        owner: Asks,
        name: HeaderName,
        value: crate::header::Value,
    ) -> Option<sipx_sip::Request> {
        let cseq = Common::read(&old.headers)?.cseq;
        let next = match owner {
            Asks::Invite(s)
            | Asks::Reinvite(s)
            | Asks::Update(s)
            | Asks::Renew(s)
            | Asks::Prack(s)
            | Asks::Inside(s, _) => match self.sessions.get_mut(&s) {
                Some(s) => {
                    s.local_cseq = s.local_cseq.max(cseq).saturating_add(1);
                    s.local_cseq
                }
                None => cseq.saturating_add(1),
            },
            Asks::Cancel | Asks::Bye | Asks::Outside(_) | Asks::Notify(_) => cseq.saturating_add(1),
        };
        let branch = self.new_branch();
        let via = via(&self.config, flow, &branch);
        let mut new = old.clone();
        for (name, value) in [
            (HeaderName::Via, Bytes::from(via)),
            (HeaderName::CSeq, Bytes::from(format!("{next} {}", old.method))),
            (name, value.bytes()),
        ] {
            let at = new.headers.iter().position(|h| *h.name() == name);
            new.headers.remove_all(&name);
            // Via stays on top, the others where they were or before the body's headers.
            let header = sipx_sip::Header::build(name, value).ok()?;
            new.headers.insert(at.unwrap_or(1), header);
        }
        Some(new)
    }

    fn on_provisional(&mut self, now: Instant, id: u64, owner: Asks, response: &Response) {
        if let Asks::Invite(session) = owner {
            self.with_session(session, |ep, s| ep.calling_progress(now, s, id, response));
        }
    }

    /// A request of ours has its end: tell its owner.
    pub(crate) fn on_outcome(&mut self, now: Instant, id: u64, owner: Asks, outcome: Outcome) {
        match owner {
            Asks::Invite(session) => self.calling_outcome(now, session, id, outcome),
            Asks::Reinvite(session) => self.reinvite_outcome(now, session, id, outcome),
            Asks::Update(session) => self.update_outcome(now, session, outcome),
            Asks::Renew(session) => self.renew_outcome(now, session, outcome),
            Asks::Prack(_) | Asks::Cancel | Asks::Bye => {}
            Asks::Inside(session, request) => {
                let status = outcome.status();
                self.emit(Event::Response {
                    id: request,
                    status,
                    reason: outcome.words(),
                    response: outcome.response(),
                });
                // RFC 3261 §12.2.1.2: the peer has no such dialog (any more).
                if status == 481 {
                    self.with_session(session, |ep, s| ep.gone(now, s));
                }
            }
            Asks::Notify(id) => self.notified(now, id, &outcome),
            Asks::Outside(request) => self.emit(Event::Response {
                id: request,
                status: outcome.status(),
                reason: outcome.words(),
                response: outcome.response(),
            }),
        }
    }
}
