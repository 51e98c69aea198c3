//! The transactions of all flows in one bounded table (RFC 3261 §17).
//!
//! The four machines are sipx-sip's; keys, bounds and what becomes of a finished transaction are
//! ours. A finished one shrinks to the bytes that a repetition is answered with, and is the first
//! to go when the table is full.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use sipx_sip::transaction::Timer;
use sipx_sip::{ClientTransaction, Method, ServerTransaction};

use super::timers::Handle;
use crate::digest::Credentials;
use crate::event::{RequestId, SessionId, SubscriptionId};
use crate::flow::{Flow, Transport};
use crate::limits::{self, Source};
use crate::message::Request;
use crate::rng::hash;

/// What makes two messages one transaction (RFC 3261 §17.1.3, §17.2.3) plus the flow, as a hash
/// that nobody can steer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

fn place(flow: &Flow) -> String {
    match flow.transport {
        Transport::Udp => format!("{}>{}", flow.remote, flow.local),
        Transport::Tcp | Transport::Tls => format!("#{}", flow.connection),
    }
}

impl Key {
    /// The key of a request's server transaction; ACK finds its INVITE, CANCEL asks with `method`.
    pub(crate) fn of_request(request: &Request, flow: &Flow, method: &Method) -> Self {
        let method: &[u8] = match method {
            Method::Ack => b"INVITE",
            other => other.as_bytes(),
        };
        let c = request.common();
        // The cookie alone (RFC 4475 §3.2.1) tells no two requests apart.
        if c.branch.len() > 7 && c.branch.starts_with("z9hG4bK") {
            return Self(hash(&[b"s", place(flow).as_bytes(), c.branch.as_bytes(), c.sent_by.as_bytes(), method]));
        }
        // Peers older than RFC 3261 (§17.2.3): no branch to trust. The To tag is left out, an ACK
        // has ours and the INVITE has not.
        Self(hash(&[
            b"old",
            place(flow).as_bytes(),
            c.sent_by.as_bytes(),
            c.branch.as_bytes(),
            request.uri().to_string().as_bytes(),
            c.from.tag().as_bytes(),
            c.call_id.as_bytes(),
            &c.cseq.to_be_bytes(),
            method,
        ]))
    }

    /// The key of a client transaction. Over UDP the answer may come from another port of the same
    /// host, never from another host.
    pub(crate) fn of_branch(flow: &Flow, branch: &str, method: &Method) -> Self {
        let from = match flow.transport {
            Transport::Udp => flow.remote.ip().to_canonical().to_string(),
            Transport::Tcp | Transport::Tls => format!("#{}", flow.connection),
        };
        Self(hash(&[b"c", from.as_bytes(), branch.as_bytes(), method.as_bytes()]))
    }

    /// What merged copies of one request share (RFC 3261 §8.2.2.2).
    pub(crate) fn of_merged(request: &Request) -> Self {
        let c = request.common();
        Self(hash(&[
            b"m",
            c.call_id.as_bytes(),
            c.from.tag().as_bytes(),
            &c.cseq.to_be_bytes(),
            request.method().as_bytes(),
        ]))
    }
}

/// Whose request of a peer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The INVITE that began a session.
    Invite(SessionId),
    /// A re-INVITE.
    Reinvite(SessionId),
    /// An UPDATE, or a PRACK with an offer.
    Update(SessionId),
    /// Another request inside a session.
    Inside(SessionId),
    /// A request outside dialogs.
    Outside,
}

/// Whose request of ours it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Invite(SessionId),
    Reinvite(SessionId),
    Update(SessionId),
    /// A refresh of the session by UPDATE without a body.
    Renew(SessionId),
    Prack(SessionId),
    Cancel,
    Bye,
    Inside(SessionId, RequestId),
    Outside(RequestId),
    /// A NOTIFY of a subscription.
    Notify(SubscriptionId),
}

/// A request of ours on its way.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) machine: ClientTransaction,
    pub(crate) owner: Asks,
    pub(crate) credentials: Option<Arc<Credentials>>,
    /// Challenges answered on the way to this request.
    pub(crate) tries: u8,
    /// For INVITE: tag and ACK of the 2xx that was taken, to repeat it.
    pub(crate) winner: Option<(String, Bytes)>,
    /// For INVITE: tags of other 2xx that got ACK and BYE, with the ACK.
    pub(crate) killed: Vec<(String, Bytes)>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Server {
        machine: Box<ServerTransaction>,
        owner: Asked,
    },
    /// Finished: repetitions get these bytes again, or silence after a 2xx to an INVITE (RFC 6026).
    Done {
        answer: Option<Bytes>,
    },
    Client(Box<Client>),
    /// A refused INVITE of ours: repeated refusals get this ACK again.
    Acked {
        ack: Bytes,
    },
}

#[derive(Debug)]
pub(crate) struct Txn {
    pub(crate) flow: Flow,
    pub(crate) key: Key,
    pub(crate) merged: Option<Key>,
    /// Whose pending count it is part of.
    pub(crate) source: Option<Source>,
    pub(crate) kind: Kind,
    pub(crate) armed: Vec<(Timer, Handle)>,
    /// Fires when the exchange forgot to answer.
    pub(crate) abandon: Option<Handle>,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    all: HashMap<u64, Txn>,
    keys: HashMap<Key, u64>,
    merged: HashMap<Key, u64>,
    pending: HashMap<Source, usize>,
    connections: BTreeSet<(u64, u64)>,
    lingering: VecDeque<u64>,
    last: u64,
}

impl Table {
    /// Gives room back that a flood took: a map keeps what it once needed.
    pub(crate) fn slim(&mut self) {
        let wanted = self.all.len().max(limits::ROOMY) * 2;
        if self.all.capacity() > wanted * 2 {
            self.all.shrink_to(wanted);
            self.keys.shrink_to(wanted);
            self.merged.shrink_to(wanted);
            self.pending.shrink_to(wanted);
            self.lingering.shrink_to(wanted);
        }
    }

    /// Transactions that there is room for without asking for more.
    pub(crate) fn room(&self) -> usize {
        self.all.capacity()
    }

    pub(crate) fn insert(&mut self, txn: Txn) -> u64 {
        self.last += 1;
        let id = self.last;
        self.keys.insert(txn.key, id);
        if let Some(merged) = txn.merged {
            self.merged.insert(merged, id);
        }
        if let Some(source) = txn.source {
            *self.pending.entry(source).or_default() += 1;
        }
        if txn.flow.transport.is_reliable() {
            self.connections.insert((txn.flow.connection, id));
        }
        self.all.insert(id, txn);
        id
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Txn> {
        self.all.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Txn> {
        self.all.get_mut(&id)
    }

    pub(crate) fn find(&self, key: &Key) -> Option<u64> {
        self.keys.get(key).copied()
    }

    pub(crate) fn find_merged(&self, key: &Key) -> Option<u64> {
        self.merged.get(key).copied()
    }

    /// The caller clears the timers of what it gets.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Txn> {
        let txn = self.all.remove(&id)?;
        if self.keys.get(&txn.key) == Some(&id) {
            self.keys.remove(&txn.key);
        }
        if let Some(merged) = txn.merged
            && self.merged.get(&merged) == Some(&id)
        {
            self.merged.remove(&merged);
        }
        self.settle(txn.source);
        self.connections.remove(&(txn.flow.connection, id));
        if self.all.is_empty() {
            self.lingering.clear();
        }
        Some(txn)
    }

    fn settle(&mut self, source: Option<Source>) {
        if let Some(source) = source
            && let Some(n) = self.pending.get_mut(&source)
        {
            *n = n.saturating_sub(1);
            if *n == 0 {
                self.pending.remove(&source);
            }
        }
    }

    /// The request has its final answer: it no longer counts for its source, and may be evicted.
    pub(crate) fn linger(&mut self, id: u64) {
        if let Some(txn) = self.all.get_mut(&id) {
            let source = txn.source.take();
            self.settle(source);
            // Ids of transactions that ended by themselves stay in the queue until they come to
            // its front; it must not grow beyond what is alive for long.
            if self.lingering.len() > 2 * self.all.len() + 64 {
                let all = &self.all;
                self.lingering.retain(|id| all.contains_key(id));
            }
            self.lingering.push_back(id);
        }
    }

    /// The finished transaction that has lingered longest.
    pub(crate) fn oldest_lingering(&mut self) -> Option<u64> {
        while let Some(id) = self.lingering.pop_front() {
            if self.all.contains_key(&id) {
                return Some(id);
            }
        }
        None
    }

    pub(crate) fn pending_of(&self, source: &Source) -> usize {
        self.pending.get(source).copied().unwrap_or(0)
    }

    pub(crate) fn on_connection(&self, connection: u64) -> Vec<u64> {
        self.connections.range((connection, 0)..=(connection, u64::MAX)).map(|&(_, id)| id).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Server and client transactions.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let clients = self.all.values().filter(|t| matches!(t.kind, Kind::Client(_) | Kind::Acked { .. })).count();
        (self.all.len() - clients, clients)
    }

    /// Entries of all indexes: nothing when no transaction is left.
    pub(crate) fn index_len(&self) -> usize {
        self.keys.len() + self.merged.len() + self.pending.len() + self.connections.len() + self.lingering.len()
    }
}
