//! One call: a task that walks the plan line by line and runs the application of each line.
//!
//! A `Call` owns its legs and nothing else; it hears of the world by its mailbox (`hear`) and acts on it
//! through [`crate::switch::World`]. Applications are in [`crate::apps`], playing and keys in [`play`], two
//! parties talking in [`bridge`], outgoing legs in [`crate::leg`].

pub mod bridge;
pub mod codes;
mod hear;
pub mod link;
pub mod merge;
mod pins;
pub mod play;
pub mod recordings;
mod transfer;
pub mod tree;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use dialplan::policy::OriginKind;
use dialplan::{Collected, ControlResult, Invocation, Machine, Place, Step, Wait};
use media::plane::Event as MediaEvent;
use store::Side;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::apps;
use crate::cdr::LegRecord;
use crate::channel::{Channel, take_absolute};
use crate::control::Presence;
use crate::entry::origin_kind;
use crate::exchange::Exchange;
use crate::leg::{Leg, Wire};
use crate::limits;
use crate::snapshot::Snapshot;
use crate::switch::{CallEvent, Cause, LegCommand, LegEvent, LegId, Move, Origin, Postbox, World};
use crate::unusual::{Over, Who};
pub use tree::Tree;

/// Why an application cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The caller is gone.
    HungUp,
    /// The absolute time-out (`TIMEOUT(absolute)`) ran out.
    TooLong,
    /// The exchange or its owner ends the call.
    Ended(Cause),
}

/// Where the plan goes on after an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// With the next priority.
    Line,
    /// Where the application has moved the machine itself (Directory).
    Jumped,
    /// The caller pressed a key that belongs to the plan (Background, WaitExten).
    Key(char, Option<String>),
    /// The caller is asked to dial, and has this long for the first key (WaitExten).
    WaitExten(Option<Duration>),
    /// The call is to end, with this cause told to the caller.
    HangUp(Cause),
}

/// Something that happened while an application waited.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The caller pressed a key.
    Key(char),
    /// The party on an outgoing leg pressed a key.
    KeyOf(LegId, char),
    /// What [`Call::play`] started under this number has been heard to its end.
    Played(u64),
    /// A part, or the end, of a recording.
    Recorded(Box<MediaEvent>),
    /// Signalling of an outgoing leg.
    Leg(LegId, LegEvent),
    /// Another call came to this one, which waited for somebody: it is a leg now ([`link`]).
    Linked(LegId),
    /// The caller put us on hold or came back.
    Held(bool),
    /// A party shall be moved; what is wanted waits in the call itself, for a conversation to look at.
    Moved,
    /// The caller's line is up in both directions (ACK) or its first sound arrived.
    Alive,
    /// The time asked for is over.
    Timeout,
}

/// One call, or one end of a Local channel.
pub struct Call {
    /// What is the same for the whole call tree: origin, entry, numbers of Local channels.
    pub tree: Arc<Tree>,
    /// Shared services: gate, records, prompts, globals.
    pub exchange: Arc<Exchange>,
    /// Configuration, program and proof as they were when the call began.
    pub snapshot: Arc<Snapshot>,
    /// Where the call stands in the plan.
    pub machine: Machine,
    /// What the plan may ask of this channel.
    pub channel: Channel,
    /// The caller's own leg.
    pub line: LegId,
    /// An extension that sent this call on its way, by transfer or forward: the gate binds its legs by that one's rights too.
    pub by: Option<String>,
    pub(crate) world: Box<dyn World>,
    pub(crate) legs: BTreeMap<LegId, Leg>,
    pub(crate) postbox: Postbox,
    mailbox: mpsc::Receiver<CallEvent>,
    keys: VecDeque<char>,
    answered: Option<Instant>,
    gone: Option<Stop>,
    /// The leg whose sound is joined with the caller's.
    pub(crate) bridged: Option<LegId>,
    /// Who ended the call, for the records of the legs that are let go then.
    pub(crate) ended_by: Side,
    absolute: Option<Instant>,
    playing: u64,
    /// Hold music plays while keys are collected (WaitExten's option `m`).
    pub(crate) waiting_music: bool,
    /// Another call may join this one now ([`link`]).
    pub(crate) awaits: bool,
    /// The grant that this call opened: from then on its rights are the grant's, and the caller's own no longer count.
    pub(crate) granted: Option<String>,
    /// An `Authenticate` of the plan let this call pass.
    pub(crate) passed_pin: bool,
    /// Records of legs that are gone and wait for what their media port measured.
    pub(crate) closing: BTreeMap<LegId, LegRecord>,
    /// Two parties talk, so one of them may be moved.
    pub(crate) movable: bool,
    pub(crate) moves: VecDeque<Move>,
}

/// What a new call is made of.
pub struct Start {
    /// Facts of the whole tree.
    pub tree: Arc<Tree>,
    /// Shared services.
    pub exchange: Arc<Exchange>,
    /// The plan of this moment.
    pub snapshot: Arc<Snapshot>,
    /// Where to begin.
    pub place: Place,
    /// The channel's facts (caller ID, dialled number, name).
    pub channel: Channel,
    /// The caller's leg.
    pub line: LegId,
    /// How the caller's leg is reached.
    pub wire: Wire,
    /// Its record.
    pub record: LegRecord,
    /// The world.
    pub world: Box<dyn World>,
    /// The mailbox of the new call, both ends.
    pub mailbox: (Postbox, mpsc::Receiver<CallEvent>),
}

impl Call {
    /// A call that has not yet taken its first step.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let mut channel = start.channel;
        if let Origin::Stranger { source } = &start.tree.origin {
            channel.source = source.to_string();
        }
        let machine = Machine::start(Arc::clone(&start.snapshot.program), start.place, &channel.caller_number);
        if let Origin::Extension { user } = &start.tree.origin {
            channel.own_mailbox = start.snapshot.config.extensions.get(user).and_then(|phone| phone.mailbox.clone());
        }
        let mut legs = BTreeMap::new();
        let mut caller = Leg::caller(start.wire, start.record);
        if let (Origin::Extension { user }, true) = (&start.tree.origin, channel.depth == 0) {
            caller.is_phone(user);
            caller.in_use = Some(start.exchange.devices.enter(user));
        }
        legs.insert(start.line, caller);
        Self {
            tree: start.tree,
            exchange: start.exchange,
            snapshot: start.snapshot,
            machine,
            channel,
            line: start.line,
            by: None,
            world: start.world,
            legs,
            postbox: start.mailbox.0,
            mailbox: start.mailbox.1,
            keys: VecDeque::new(),
            answered: None,
            gone: None,
            bridged: None,
            ended_by: Side::Exchange,
            absolute: None,
            playing: 0,
            waiting_music: false,
            awaits: false,
            granted: None,
            passed_pin: false,
            closing: BTreeMap::new(),
            movable: false,
            moves: VecDeque::new(),
        }
    }

    /// By whose rights this call dials, and the entry that the proof knows him by: the origin of its tree, or the grant that
    /// the call opened. Another call of the same tree does not get them.
    #[must_use]
    pub fn rights(&self) -> (OriginKind, String) {
        let kind = match &self.granted {
            Some(name) => OriginKind::Grant(name.clone()),
            None => return (origin_kind(&self.tree.origin), self.tree.entry.clone()),
        };
        let entry = kind.entry();
        (kind, entry)
    }

    /// Runs the call in a task of its own.
    pub fn spawn(self) {
        let story: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(self.run());
        tokio::spawn(story);
    }

    /// The whole story of a call: the plan until it ends, then `h`, then every leg is let go.
    pub async fn run(mut self) {
        let _presence = Presence::new(&self.exchange, self.line, &self.tree, self.postbox.clone());
        let cause = match self.walk().await {
            Ok(cause) => cause,
            Err(Stop::Ended(cause)) => cause,
            Err(Stop::HungUp | Stop::TooLong) => Cause::NORMAL,
        };
        self.channel.hangup_cause = self.channel.hangup_cause.or(Some(cause));
        self.hang_up_all(cause);
        self.run_h().await;
        self.tell_unusual();
        self.close_records().await;
    }

    /// The owner hears of an outsider who did what callers do not do.
    fn tell_unusual(&self) {
        let who = match &self.tree.origin {
            _ if self.channel.depth > 0 => return,
            Origin::Stranger { source } => Who::Stranger(*source),
            Origin::Trunk { name } => Who::Trunk(name),
            Origin::Extension { .. } | Origin::System => return,
        };
        let exchange = &self.exchange;
        let (now, hour) = (exchange.clock.now(), exchange.civil_time().hour);
        let over = Over { who, keys: self.tree.keys(), joined: self.tree.was_joined(), hour, now };
        for (kind, text) in exchange.gate.unusual.over(&over) {
            exchange.records.event(now, kind, &text);
        }
    }

    /// Gives the media ports a moment to say what they measured; what has not come by then is left out.
    async fn close_records(&mut self) {
        let until = Instant::now() + limits::CLOSING;
        while !self.closing.is_empty() {
            tokio::select! {
                event = self.mailbox.recv() => match event {
                    Some(event) => { self.digest(event); }
                    None => return,
                },
                () = sleep_until(until) => return,
            }
        }
    }

    async fn walk(&mut self) -> Result<Cause, Stop> {
        loop {
            match self.machine.step(&mut self.channel) {
                Step::Run(invocation) => {
                    self.tree.pass(&invocation.place, invocation.app.name);
                    self.world.passed(&invocation);
                    let outcome = self.line(invocation).await;
                    if let Some(limit) = take_absolute(&mut self.channel) {
                        self.set_absolute_timeout(limit);
                    }
                    match outcome {
                        Ok(None) => {}
                        Ok(Some(cause)) => return Ok(cause),
                        Err(stop) => self.too_long(stop)?,
                    }
                }
                Step::Collect { wait, limit, .. } => {
                    let patience = match wait {
                        Wait::FirstDigit => limit.unwrap_or(self.channel.timeouts.response),
                        Wait::NextDigit => self.channel.timeouts.digit,
                    };
                    let got = self.key(patience).await;
                    if std::mem::take(&mut self.waiting_music) {
                        self.quiet();
                    }
                    match got {
                        Ok(Some(key)) => self.machine.collected(Collected::Digit(key), &mut self.channel),
                        Ok(None) => self.machine.collected(Collected::Timeout, &mut self.channel),
                        Err(stop) => self.too_long(stop)?,
                    }
                }
                Step::End(ending) => {
                    tracing::debug!(call = %self.tree.id, ?ending, "the plan ends");
                    return Ok(self.channel.end_cause(&ending));
                }
            }
        }
    }

    /// One line of the plan. `Some` ends the call with that cause.
    async fn line(&mut self, mut invocation: Invocation) -> Result<Option<Cause>, Stop> {
        while invocation.control.is_some() {
            match self.machine.control(&invocation, &mut self.channel) {
                ControlResult::Done => return Ok(None),
                ControlResult::Run(inner) => invocation = inner,
            }
        }
        match apps::run(self, &invocation).await? {
            Next::Line => self.machine.advance(),
            Next::Jumped => {}
            Next::WaitExten(limit) => self.machine.wait_exten(limit),
            Next::Key(key, context) => self.machine.digit(key, context.as_deref(), &mut self.channel),
            Next::HangUp(cause) => return Ok(Some(cause)),
        }
        Ok(None)
    }

    /// The absolute time-out leads to `T`, if the plan has one; every other stop is one.
    fn too_long(&mut self, stop: Stop) -> Result<(), Stop> {
        if stop != Stop::TooLong || self.gone.is_some() {
            return Err(stop);
        }
        self.absolute = None;
        if self.machine.absolute_timeout(&mut self.channel) { Ok(()) } else { Err(stop) }
    }

    /// Runs the hang-up extension, without a caller: its applications see a channel that is gone.
    async fn run_h(&mut self) {
        if !self.machine.hang_up(&mut self.channel) {
            return;
        }
        self.gone = Some(Stop::HungUp);
        while let Step::Run(invocation) = self.machine.step(&mut self.channel) {
            self.tree.pass(&invocation.place, invocation.app.name);
            self.world.passed(&invocation);
            match self.line(invocation).await {
                Ok(None) => {}
                Ok(Some(_)) => break,
                Err(_) => self.machine.advance(),
            }
        }
    }

    /// Whether the caller's line has been answered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.answered.is_some()
    }

    /// When the caller's line was answered.
    #[must_use]
    pub fn answered_at(&self) -> Option<Instant> {
        self.answered
    }

    /// Whether the caller is still there.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.is_some()
    }

    /// Answers the caller, once; later calls do nothing.
    pub fn answer(&mut self) {
        if self.answered.is_none() && self.gone.is_none() {
            self.answered = Some(Instant::now());
            self.signal(self.line, LegCommand::Answer);
            if let Some(leg) = self.legs.get_mut(&self.line) {
                leg.answered(self.exchange.clock.now());
            }
            self.channel.answered = true;
            self.channel.answered_at = Some(self.exchange.clock.now());
        }
    }

    /// Whether the whole call may last no longer than `limit` from now; `None` takes the limit away.
    pub fn set_absolute_timeout(&mut self, limit: Option<Duration>) {
        self.absolute = limit.and_then(|limit| Instant::now().checked_add(limit));
    }
}
