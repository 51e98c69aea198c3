//! The message lamp of a phone (RFC 3842): told whoever subscribed, and every registered phone that did not.
//!
//! Runs in the signalling task. [`watch`] carries word of changed mailboxes there. A phone hears of its own extension's
//! mailbox and of no other. Another event package (`dialog`, `presence`) is one more constant and its own content: the
//! subscriptions themselves are `sip`'s and know nothing of what they carry.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sip::{Content, Endpoint, Flow, HeaderList, Method, Name, OutRequest, Party, RequestId, Topic, TxnId, Uri, Value};
use store::Counts;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use crate::exchange::Exchange;
use crate::limits;
use crate::live::Wires;
use crate::signal::SipCommand;
use crate::switch::Origin;

/// The event package.
const PACKAGE: &str = "message-summary";
/// Its content.
const SUMMARY: &str = "application/simple-message-summary";
/// What a phone's message key dials: the caller's own mailbox.
const OWN_MAILBOX: &str = "*97";

/// Passes changes of mailboxes on to the signalling task, until the exchange ends.
pub async fn watch(exchange: Arc<Exchange>, orders: mpsc::Sender<SipCommand>) {
    let mut changes = exchange.mailboxes.watch();
    loop {
        let changed: Vec<Arc<str>> = match changes.recv().await {
            Ok(mailbox) => vec![mailbox],
            // Too many at once to have heard each: look at all.
            Err(RecvError::Lagged(_)) => {
                exchange.snapshot.load().config.mailboxes.keys().map(|number| Arc::from(number.as_str())).collect()
            }
            Err(RecvError::Closed) => return,
        };
        for mailbox in changed {
            if orders.send(SipCommand::Lamp { mailbox }).await.is_err() {
                return;
            }
        }
    }
}

/// What the signalling task knows about lamps.
#[derive(Debug, Default)]
pub struct Lamp {
    /// Phones that were told without having asked, by flow: the Call-ID of their registration, which is new after a
    /// restart of the phone, and whether they took it.
    told: HashMap<Flow, (String, bool)>,
    asked: HashMap<RequestId, Flow>,
}

/// What a refusal with 489 must say (RFC 6665 §8.3.2): the packages that there are.
pub fn packages() -> HeaderList {
    vec![(Name::AllowEvents, Value::lossy(PACKAGE))]
}

impl Lamp {
    /// A SUBSCRIBE of a phone that proved who it is.
    #[allow(clippy::too_many_arguments)]
    pub fn subscribe(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        exchange: &Exchange,
        txn: TxnId,
        user: &str,
        request: &sip::Request,
        flow: Flow,
    ) {
        let mut refuse = |status, words: &str, headers| {
            endpoint.respond(now, txn, status, words, headers, None);
        };
        let event = request.header("Event").unwrap_or_default();
        let package = event.split(';').next().unwrap_or_default().trim();
        if !package.eq_ignore_ascii_case(PACKAGE) {
            return refuse(489, "Bad Event", packages());
        }
        let takes = request.headers("Accept");
        let takes_it = |accept: &String| accept.contains(SUMMARY) || accept.contains("*/*");
        if !takes.is_empty() && !takes.iter().any(takes_it) {
            return refuse(406, "Not Acceptable", HeaderList::new());
        }
        let snapshot = exchange.snapshot.load();
        let config = &snapshot.config;
        let mailbox = config.extensions.get(user).and_then(|extension| extension.mailbox.as_deref());
        let asked = request.user().unwrap_or_default();
        let of_others = asked != user
            && Some(asked) != mailbox
            && (config.extensions.contains_key(asked) || config.mailboxes.contains_key(asked));
        if of_others {
            return refuse(403, "Forbidden", HeaderList::new());
        }
        let Some(mailbox) = mailbox else {
            return refuse(404, "No Mailbox", HeaderList::new());
        };
        let content = summary(exchange.mailboxes.counts(mailbox), &endpoint.address_for(&flow));
        endpoint.subscribe(now, txn, topic(user), content);
        self.told.remove(&flow);
    }

    /// A phone registered: if it is new here and has not subscribed, it is told how its mailbox stands.
    #[allow(clippy::too_many_arguments)]
    pub fn registered(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        exchange: &Exchange,
        wires: &Wires,
        user: &str,
        request: &sip::Request,
        flow: Flow,
    ) {
        if self.told.get(&flow).is_some_and(|(call_id, _)| call_id == request.call_id()) {
            return;
        }
        if self.told.len() >= sip::limits::BINDINGS {
            self.told.clear();
        }
        self.told.insert(flow, (request.call_id().to_owned(), true));
        let snapshot = exchange.snapshot.load();
        let mailbox = snapshot.config.extensions.get(user).and_then(|extension| extension.mailbox.as_deref());
        if let Some(mailbox) = mailbox
            && !endpoint.subscribers(&topic(user)).contains(&flow)
        {
            self.tell(now, endpoint, wires, user, exchange.mailboxes.counts(mailbox), Some(flow));
        }
    }

    /// A mailbox changed: every phone that it belongs to is told.
    pub fn changed(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        exchange: &Exchange,
        wires: &Wires,
        mailbox: &str,
    ) {
        let counts = exchange.mailboxes.counts(mailbox);
        let snapshot = exchange.snapshot.load();
        for (user, extension) in &snapshot.config.extensions {
            if extension.mailbox.as_deref() == Some(mailbox) {
                endpoint.notify(now, &topic(user), &|address| summary(counts, address));
                self.tell(now, endpoint, wires, user, counts, None);
            }
        }
    }

    /// NOTIFY without a subscription, to one contact or to all that have not subscribed. Phones that refused one are
    /// left alone until they start again.
    fn tell(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        wires: &Wires,
        user: &str,
        counts: Counts,
        only: Option<Flow>,
    ) {
        let subscribed = endpoint.subscribers(&topic(user));
        for contact in wires.phones.contacts(now, user) {
            let Some(flow) = contact.flow else { continue };
            let wanted = only.is_none_or(|only| only == flow) && !subscribed.contains(&flow);
            let refused = self.told.get(&flow).is_some_and(|(_, taken)| !taken);
            let Some(target) = Uri::parse(&contact.uri).ok().filter(|_| wanted && !refused) else { continue };
            if self.asked.len() >= limits::LAMPS_ASKED {
                tracing::warn!(user, "too many phones are being told of their messages: this one is not");
                return;
            }
            let host = crate::phones::host(&flow);
            let (kind, body) = summary(counts, &endpoint.address_for(&flow));
            let id = endpoint.request(
                now,
                OutRequest {
                    flow,
                    method: Method::Notify,
                    target,
                    from: Party::new(OWN_MAILBOX, host.clone()),
                    to: Party::new(user, host),
                    routes: Vec::new(),
                    contact_user: Some(OWN_MAILBOX.to_owned()),
                    expires: None,
                    headers: vec![
                        (Name::Event, Value::lossy(PACKAGE)),
                        (Name::SubscriptionState, Value::lossy("terminated;reason=noresource")),
                    ],
                    body: Some((kind, body)),
                    credentials: None,
                    continues: None,
                },
            );
            self.asked.insert(id, flow);
        }
    }

    /// The answer to a request of ours; nothing happens if it was not for a lamp.
    pub fn answered(&mut self, id: RequestId, status: u16) {
        let Some(flow) = self.asked.remove(&id) else { return };
        // 408 and 503 say that the phone was not there, not that it does not want to hear.
        if matches!(status, 400..=699) && !matches!(status, 408 | 480 | 500 | 503) {
            let (_, taken) = self.told.entry(flow).or_default();
            *taken = false;
        }
    }
}

fn topic(user: &str) -> Topic {
    Topic { package: PACKAGE, of: user.to_owned() }
}

/// RFC 3842 §5.2: new and old messages, in brackets the urgent ones among them.
fn summary(counts: Counts, address: &str) -> Content {
    let (new, old, urgent) = (counts.new_messages(), counts.old_messages(), counts.urgent);
    let waiting = if new > 0 { "yes" } else { "no" };
    let body = format!(
        "Messages-Waiting: {waiting}\r\nMessage-Account: sip:{OWN_MAILBOX}@{address}\r\nVoice-Message: {new}/{old} ({urgent}/0)\r\n"
    );
    (SUMMARY.to_owned(), Bytes::from(body))
}
