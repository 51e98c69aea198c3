//! Subscriptions of peers (RFC 6665): who wants to hear of what, until when, and the NOTIFYs that tell him.
//!
//! Which packages there are and who may have them is decided above: every SUBSCRIBE, also one that refreshes, passes the
//! doorman, comes up as [`Event::Request`](crate::Event::Request) and is granted by [`Endpoint::subscribe`]. The last
//! content is kept, so that refreshes and lost NOTIFYs need nobody else. Nothing here knows what a content means.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sipx_sip::{HeaderName, Method};

use super::build::{Draft, contact, request_uri, response, via};
use super::replies::Outcome;
use super::session::Dialog;
use super::table::{Asked, Asks, Kind};
use super::timers::Handle;
use super::{Due, Endpoint};
use crate::event::{SubscriptionId, Topic, TxnId};
use crate::flow::Flow;
use crate::header::{HeaderList, Name, Value};
use crate::limits::{self, Source};
use crate::message::Request;

/// What subscriptions hear: content type and body.
pub type Content = (String, Bytes);

/// All subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    all: BTreeMap<SubscriptionId, Subscription>,
    /// By our tag.
    tags: HashMap<String, SubscriptionId>,
    topics: HashMap<Topic, Vec<SubscriptionId>>,
    last: u64,
}

#[derive(Debug)]
struct Subscription {
    topic: Topic,
    flow: Flow,
    dialog: Dialog,
    call_id: String,
    local_tag: String,
    /// Value of the From header of our NOTIFYs, tag included.
    local: String,
    contact_user: Option<String>,
    cseq: u32,
    /// The Event header of the SUBSCRIBE, its `id` included.
    event: String,
    until: Instant,
    timer: Option<Handle>,
    content: Content,
    /// A NOTIFY is on its way; the next waits for its answer (RFC 6665 §4.2.2).
    busy: bool,
    /// The content has changed meanwhile.
    stale: bool,
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn index_len(&self) -> usize {
        self.tags.len() + self.topics.len()
    }

    /// Whether a request is one inside a subscription's dialog, in its order.
    pub(crate) fn knows(&self, request: &Request) -> Option<SubscriptionId> {
        let id = *self.tags.get(request.to().tag())?;
        let s = self.all.get(&id)?;
        let same = s.call_id == request.call_id() && s.dialog.remote_tag == request.from().tag();
        same.then_some(id)
    }

    fn of_source(&self, source: Source) -> usize {
        self.all.values().filter(|s| Source::of(s.flow.remote.ip()) == source).count()
    }

    fn add(&mut self, subscription: Subscription) -> SubscriptionId {
        self.last += 1;
        let id = SubscriptionId(self.last);
        self.tags.insert(subscription.local_tag.clone(), id);
        self.topics.entry(subscription.topic.clone()).or_default().push(id);
        self.all.insert(id, subscription);
        id
    }

    fn take(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let s = self.all.remove(&id)?;
        self.tags.remove(&s.local_tag);
        if let Some(ids) = self.topics.get_mut(&s.topic) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.topics.remove(&s.topic);
            }
        }
        Some(s)
    }
}

impl<O> Endpoint<O> {
    /// Grants a SUBSCRIBE that came as [`Event::Request`](crate::Event::Request): answers it and sends the first NOTIFY
    /// (RFC 6665 §4.2.1). One in a known dialog refreshes it, if its topic is the same; `Expires: 0` ends it, and outside
    /// any dialog asks once. Refused with the right status where there is no room or the request is not one.
    pub fn subscribe(&mut self, now: Instant, txn: TxnId, topic: Topic, content: Content) -> Option<SubscriptionId> {
        let (flow, raw) = match self.table.get(txn.0) {
            Some(t) => match &t.kind {
                Kind::Server { machine, owner: Asked::Outside } => (t.flow, machine.request().clone()),
                _ => return None,
            },
            None => return None,
        };
        let request = Request::new(raw)?;
        let asked = request.expires().map_or(limits::SUBSCRIBE_DEFAULT, |s| Duration::from_secs(u64::from(s)));
        let life = asked.min(limits::SUBSCRIBE_MAX);
        if !life.is_zero() && life < limits::EXPIRES_MIN {
            let least = vec![(Name::MinExpires, Value::number(limits::EXPIRES_MIN.as_secs()))];
            self.answer(now, txn.0, 423, "", least, None);
            return None;
        }
        let (Some(dialog), Some(event)) = (Dialog::of_request(&request), request.header("Event")) else {
            self.answer(now, txn.0, 400, "One Contact And One Event Wanted", HeaderList::new(), None);
            return None;
        };
        let id = if request.to().tag().is_empty() {
            self.subscribe_anew(now, txn, &request, flow, dialog, event, topic, content)?
        } else {
            self.resubscribe(now, txn, &request, flow, dialog, topic, content)?
        };
        self.grant(now, txn, id, &request, life);
        Some(id)
    }

    #[allow(clippy::too_many_arguments)]
    fn subscribe_anew(
        &mut self,
        now: Instant,
        txn: TxnId,
        request: &Request,
        flow: Flow,
        dialog: Dialog,
        event: String,
        topic: Topic,
        content: Content,
    ) -> Option<SubscriptionId> {
        // A phone that starts again does not know its old dialog: the same contact has one subscription to a topic.
        let mine = self.subscriptions.topics.get(&topic).cloned().unwrap_or_default();
        let same = |id: &SubscriptionId| {
            self.subscriptions.all.get(id).is_some_and(|s| s.dialog.target.equivalent(&dialog.target))
        };
        let old: Vec<SubscriptionId> = mine.iter().copied().filter(same).collect();
        let left = mine.len() - old.len();
        let oldest =
            mine.into_iter().filter(|id| !old.contains(id)).take((left + 1).saturating_sub(limits::SUBSCRIBERS));
        for id in old.iter().copied().chain(oldest).collect::<Vec<_>>() {
            self.end_subscription(now, id, None);
        }
        let source = Source::of(flow.remote.ip());
        if self.subscriptions.len() >= limits::SUBSCRIPTIONS
            || self.subscriptions.of_source(source) >= limits::SUBSCRIPTIONS_PER_SOURCE
        {
            let later = vec![(Name::RetryAfter, Value::number(60))];
            self.answer(now, txn.0, 503, "", later, None);
            return None;
        }
        let local_tag = self.rng.token();
        let to = request.raw().headers.value(&HeaderName::To)?;
        let local = format!("{};tag={local_tag}", String::from_utf8_lossy(&to));
        let cseq = u32::try_from(self.rng.below(10_000)).unwrap_or(0);
        Some(self.subscriptions.add(Subscription {
            topic,
            flow,
            dialog,
            call_id: request.call_id().to_owned(),
            local_tag,
            local,
            contact_user: request.user().map(str::to_owned),
            cseq,
            event,
            until: now,
            timer: None,
            content,
            busy: false,
            stale: false,
        }))
    }

    #[allow(clippy::too_many_arguments)]
    fn resubscribe(
        &mut self,
        now: Instant,
        txn: TxnId,
        request: &Request,
        flow: Flow,
        dialog: Dialog,
        topic: Topic,
        content: Content,
    ) -> Option<SubscriptionId> {
        let known = self.subscriptions.knows(request);
        let Some((id, s)) = known.and_then(|id| Some((id, self.subscriptions.all.get_mut(&id)?))) else {
            self.answer(now, txn.0, 481, "", HeaderList::new(), None);
            return None;
        };
        if s.topic != topic {
            self.answer(now, txn.0, 403, "", HeaderList::new(), None);
            return None;
        }
        // RFC 3261 §12.2.2.
        if s.dialog.remote_cseq.is_some_and(|last| request.cseq() <= last) {
            self.answer(now, txn.0, 500, "Out of Order", HeaderList::new(), None);
            return None;
        }
        s.dialog.remote_cseq = Some(request.cseq());
        s.dialog.target = dialog.target;
        s.flow = flow;
        s.content = content;
        Some(id)
    }

    /// 200, the new end, and a NOTIFY with what there is to know.
    fn grant(&mut self, now: Instant, txn: TxnId, id: SubscriptionId, request: &Request, life: Duration) {
        let Some(s) = self.subscriptions.all.get_mut(&id) else { return };
        s.until = now + life;
        let us = contact(&self.config, &s.flow, s.contact_user.as_deref(), false);
        let tag = s.local_tag.clone();
        let old = s.timer.take();
        let draft = Draft::default().put(HeaderName::Expires, life.as_secs().to_string()).put(HeaderName::Contact, us);
        if let Some(old) = old {
            self.timers.clear(old);
        }
        if let Some(ok) = response(&self.config, request.raw(), 200, "", Some(&tag), draft) {
            self.push_response(now, txn.0, ok);
        }
        if life.is_zero() {
            self.end_subscription(now, id, Some("timeout"));
            return;
        }
        let timer = self.timers.set(now + life, Due::Subscription(id));
        if let Some(s) = self.subscriptions.all.get_mut(&id) {
            s.timer = Some(timer);
        }
        self.tell(now, id);
    }

    /// Something changed: every subscription to a topic hears it. `content` is asked with the address that the
    /// subscriber knows us by. Gives back the flows of those that were told.
    pub fn notify(&mut self, now: Instant, topic: &Topic, content: &dyn Fn(&str) -> Content) -> Vec<Flow> {
        let ids = self.subscriptions.topics.get(topic).cloned().unwrap_or_default();
        let mut told = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(s) = self.subscriptions.all.get_mut(&id) else { continue };
            s.content = content(&super::build::our_address(&self.config, &s.flow));
            told.push(s.flow);
            self.tell(now, id);
        }
        told
    }

    /// The flows of those who are subscribed to a topic.
    #[must_use]
    pub fn subscribers(&self, topic: &Topic) -> Vec<Flow> {
        let ids = self.subscriptions.topics.get(topic);
        ids.into_iter().flatten().filter_map(|id| self.subscriptions.all.get(id)).map(|s| s.flow).collect()
    }

    /// Host and port that a peer on this flow knows us by.
    #[must_use]
    pub fn address_for(&self, flow: &Flow) -> String {
        super::build::our_address(&self.config, flow)
    }

    /// Sends a NOTIFY, or notes that one is wanted after the one that is on its way.
    fn tell(&mut self, now: Instant, id: SubscriptionId) {
        let Some(s) = self.subscriptions.all.get_mut(&id) else { return };
        if s.busy {
            s.stale = true;
            return;
        }
        let left = s.until.saturating_duration_since(now).as_secs();
        s.busy = true;
        s.stale = false;
        self.send_notify(now, id, &format!("active;expires={left}"));
    }

    fn send_notify(&mut self, now: Instant, id: SubscriptionId, state: &str) {
        let branch = self.new_branch();
        let agent = self.user_agent();
        let Some(s) = self.subscriptions.all.get_mut(&id) else { return };
        s.cseq = s.cseq.saturating_add(1);
        let (uri, routes) = s.dialog.path();
        let mut draft = Draft::default().put(HeaderName::Via, via(&self.config, &s.flow, &branch));
        for route in routes {
            draft = draft.put(HeaderName::Route, route);
        }
        let (kind, body) = s.content.clone();
        let request = draft
            .put(HeaderName::MaxForwards, "70")
            .put(HeaderName::From, s.local.clone())
            .put(HeaderName::To, s.dialog.remote.clone())
            .put(HeaderName::CallId, s.call_id.clone())
            .put(HeaderName::CSeq, format!("{} NOTIFY", s.cseq))
            .put(HeaderName::Contact, contact(&self.config, &s.flow, s.contact_user.as_deref(), false))
            .put(HeaderName::Event, s.event.clone())
            .put(HeaderName::SubscriptionState, state.to_owned())
            .put_if(HeaderName::UserAgent, agent)
            .body(Some((kind.as_str(), body)))
            .request(Method::Notify, request_uri(uri));
        let flow = s.flow;
        if let Some(request) = request {
            self.new_client(now, request, flow, Asks::Notify(id), None, 0);
        } else if let Some(s) = self.subscriptions.all.get_mut(&id) {
            s.busy = false;
        }
    }

    /// The answer to a NOTIFY. Whoever does not want it, or is not there, is subscribed no longer (RFC 6665 §4.2.2).
    pub(crate) fn notified(&mut self, now: Instant, id: SubscriptionId, outcome: &Outcome) {
        let Some(s) = self.subscriptions.all.get_mut(&id) else { return };
        s.busy = false;
        let stale = s.stale;
        match outcome.status() {
            200..300 if stale => self.tell(now, id),
            200..300 => {}
            _ => self.end_subscription(now, id, None),
        }
    }

    /// Forgets a subscription; with a reason, its owner is told.
    pub(crate) fn end_subscription(&mut self, now: Instant, id: SubscriptionId, reason: Option<&str>) {
        if let Some(reason) = reason {
            self.send_notify(now, id, &format!("terminated;reason={reason}"));
        }
        if let Some(timer) = self.subscriptions.take(id).and_then(|s| s.timer) {
            self.timers.clear(timer);
        }
    }

    /// A connection closed: subscriptions over it cannot be told anything.
    pub(crate) fn subscriptions_lost(&mut self, now: Instant, connection: u64) {
        let over = |s: &Subscription| s.flow.transport.is_reliable() && s.flow.connection == connection;
        let lost: Vec<_> = self.subscriptions.all.iter().filter(|(_, s)| over(s)).map(|(id, _)| *id).collect();
        for id in lost {
            self.end_subscription(now, id, None);
        }
    }
}
