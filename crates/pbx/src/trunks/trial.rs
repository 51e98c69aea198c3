//! A call that the owner has placed to see whether a trunk works, in the name and at the expense of one extension.
//!
//! It asks the gate as every call does, leaves a record, and ends by itself. If the number is one of the house's own, the
//! trunk brings the call back, which shows the other direction too.

use std::sync::Arc;
use std::time::Duration;

use dialplan::apps;
use dialplan::number::{self, Class};
use dialplan::policy::OriginKind;
use media::plane::{Command as MediaCommand, Event as MediaEvent};
use store::Side;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::keeper::status_in_words;
use crate::call::Tree;
use crate::cdr::LegRecord;
use crate::exchange::Exchange;
use crate::gate::{Ask, Meter, Target};
use crate::limits;
use crate::live::{LiveCaller, LiveWorld, Wires};
use crate::switch::{CallEvent, Cause, Contact, LegCommand, LegEvent, LegId, Origin, Presentation, World};

/// How long it may ring.
const RING: Duration = Duration::from_secs(30);

/// How long an answered call stays: long enough for sound to come and for a call that comes back to arrive.
const TALK: Duration = Duration::from_secs(4);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trial {
    /// Why it did not come about, in plain words.
    pub failed: Option<String>,
    /// The codec that was agreed on.
    pub codec: Option<String>,
    /// Whether sound arrived.
    pub heard: bool,
    /// What the trunk's own call was for, if one came meanwhile.
    pub came_back: Option<String>,
}

/// Places the call.
pub async fn call(exchange: &Arc<Exchange>, wires: &Arc<Wires>, trunk: &str, dialled: &str, user: &str) -> Trial {
    let failed = |why: &str| Trial { failed: Some(why.to_owned()), ..Trial::default() };
    let snapshot = exchange.snapshot.load_full();
    let Some(extension) = snapshot.config.extensions.get(user) else {
        return failed(&format!("there is no extension {user}"));
    };
    if number::classify(snapshot.config.system.country, dialled) == Class::Emergency {
        return failed("emergency numbers are not called for a test");
    }
    let Some(app) = apps::lookup("Dial") else { return failed("there is no Dial") };
    let origin = OriginKind::Extension(user.to_owned());
    let leg = exchange.leg_id();
    let id = exchange.tree_id(leg);
    let begun = exchange.clock.now();
    let target = Target::Number { trunk, dialled };
    let entry = origin.entry();
    let ask = Ask { origin: &origin, by: None, entry: &entry, app, snapshot: &snapshot, call: &id, target, now: begun };
    let (permit, mut meter) = match exchange.gate.ask(ask).await {
        Ok(permitted) => permitted,
        Err(refusal) => return failed(&format!("our own gate says no: {refusal}")),
    };
    let show = Presentation {
        number: user.to_owned(),
        name: extension.name.clone(),
        private: false,
        outside: extension.caller_id.clone(),
    };
    let tree = Origin::Extension { user: user.to_owned() };
    let tree = Arc::new(Tree::new(id, tree, entry.clone(), None, dialled.to_owned(), None));
    let mut record = LegRecord::outgoing(exchange, &tree, leg, &permit, &show);
    let (postbox, mailbox) = mpsc::channel(limits::MAILBOX);
    let nobody = LiveCaller {
        line: LegId(0),
        peer: std::net::Ipv4Addr::LOCALHOST.into(),
        shard: 0,
        offer: None,
        codecs: Vec::new(),
    };
    let mut world = LiveWorld::incoming(Arc::clone(wires), postbox, nobody);
    if world.start(permit, leg, &Contact::default(), &show).is_err() {
        record.ended(exchange.clock.now(), Cause::OUT_OF_ORDER, Side::Exchange);
        return failed("the trunk is down, or no port for sound is free");
    }
    let came = format!("trunk:{trunk}");
    let trial = Placed { exchange, world: &mut world, mailbox, meter: &mut meter, record: &mut record, came, begun }
        .follow(leg)
        .await;
    world.signal(leg, LegCommand::HangUp(Cause::NORMAL));
    world.media(MediaCommand::Close { port: leg.port() });
    record.ended(exchange.clock.now(), Cause::NORMAL, Side::Exchange);
    record.finish(None);
    trial
}

/// A trial whose INVITE is out.
struct Placed<'a> {
    exchange: &'a Exchange,
    world: &'a mut LiveWorld,
    mailbox: mpsc::Receiver<CallEvent>,
    meter: &'a mut Meter,
    record: &'a mut LegRecord,
    /// Origin of a call that comes back.
    came: String,
    begun: i64,
}

impl Placed<'_> {
    /// Watches it until it is answered and a while after, or until it fails.
    async fn follow(mut self, leg: LegId) -> Trial {
        let mut trial = Trial::default();
        let mut until = Instant::now() + RING;
        let mut answered = false;
        while let Ok(Some(event)) = timeout_at(until, self.mailbox.recv()).await {
            let event = match event {
                CallEvent::Sip(leg, event) => self.world.interpret(leg, event),
                CallEvent::Leg(_, event) => Some(event),
                CallEvent::Media(MediaEvent::FirstPacket { .. }) => {
                    trial.heard = true;
                    None
                }
                // Nobody is moved into or out of a trial: a REFER is no trunk's to send.
                CallEvent::Media(_) | CallEvent::Link(_) | CallEvent::Refer(..) | CallEvent::Take(_) => None,
                CallEvent::End(_) => break,
            };
            let now = self.exchange.clock.now();
            match event {
                Some(LegEvent::Answered) if !answered => {
                    answered = true;
                    self.meter.answered();
                    self.record.answered(now);
                    trial.codec = self.world.codec(leg);
                    until = Instant::now() + TALK;
                }
                Some(LegEvent::Failed { cause, status }) => {
                    self.record.ended(now, cause, Side::Party);
                    trial.failed = Some(status_in_words(status));
                    break;
                }
                Some(LegEvent::HungUp { cause }) => {
                    self.record.ended(now, cause, Side::Party);
                    break;
                }
                _ => {}
            }
            trial.came_back = trial.came_back.or_else(|| came_back(self.exchange, &self.came, self.begun));
        }
        trial.came_back = trial.came_back.or_else(|| came_back(self.exchange, &self.came, self.begun));
        if !answered && trial.failed.is_none() {
            trial.failed = Some("it rang and nobody answered".to_owned());
        }
        trial
    }
}

/// What a call that came from the trunk meanwhile was for.
fn came_back(exchange: &Exchange, origin: &str, begun: i64) -> Option<String> {
    let calls = exchange.calls.list();
    calls.into_iter().find(|call| call.origin == origin && call.since >= begun).map(|call| call.dialled)
}
