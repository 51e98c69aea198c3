//! The world of a simulated call: scripted caller, phones and trunks, in virtual time.
//!
//! Nothing here sends a packet; events come back to the call's mailbox as the real world's would, a little later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use media::codec::Rate;
use media::plane::{Command, Event as MediaEvent, PortId, RecordEnd};
use store::{CallRecord, Direction, Disposition};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::script::{Move, Party, Script};
use super::trace::{Trace, What};
use crate::cdr::Records;
use crate::gate::Permit;
use crate::switch::{CallEvent, Cause, Contact, LegCommand, LegEvent, LegId, Origin, Postbox, Presentation, World};

/// How long the wires take.
const WIRE: Duration = Duration::from_millis(20);
/// Between two keys of one group.
const BETWEEN_KEYS: Duration = Duration::from_millis(200);
/// So long must the exchange be quiet before a patient caller presses the next keys.
const QUIET: Duration = Duration::from_millis(500);

/// Everything that the parties of one simulated call share.
pub(super) struct Stage {
    pub(super) began: Instant,
    pub(super) line: LegId,
    /// Whether the caller's side sends sound at all; scanners do not.
    pub(super) speaks: bool,
    pub(super) script: Script,
    pub(super) phones: BTreeMap<String, Party>,
    pub(super) trunks: BTreeMap<String, Party>,
    pub(super) set: Mutex<Set>,
}

/// What changes during the play.
#[derive(Default)]
pub(super) struct Set {
    pub(super) trace: Trace,
    ports: BTreeMap<PortId, Postbox>,
    joined: BTreeMap<PortId, PortId>,
    pairs: BTreeMap<PortId, PortId>,
    playing: BTreeMap<PortId, AbortHandle>,
    recording: BTreeMap<PortId, (u64, AbortHandle)>,
    parties: BTreeMap<LegId, (String, AbortHandle)>,
    caller: Option<AbortHandle>,
    answered: bool,
    over: bool,
    /// Since when nothing is played to the caller; none while something is.
    quiet: Option<Instant>,
}

impl Stage {
    pub(super) fn set(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, what: What) {
        let at = self.began.elapsed();
        self.set().trace.push(at, what);
    }

    /// The caller presses a key: his own call hears it, and whoever he is joined with through Local channels.
    fn press(&self, key: char) {
        self.note(What::Key { key });
        let set = self.set();
        let mut port = self.line.port();
        // As many hops as Local channels may nest.
        for _ in 0..=crate::limits::LOCAL_DEPTH {
            if let Some(postbox) = set.ports.get(&port) {
                send(postbox, CallEvent::Media(MediaEvent::Digit { port, digit: key, ms: 100 }));
            }
            let Some(far) = set.joined.get(&port).and_then(|joined| set.pairs.get(joined)) else { return };
            port = *far;
        }
    }

    fn quiet_for(&self) -> Option<Duration> {
        self.set().quiet.map(|since| since.elapsed())
    }
}

/// A mailbox that is full or gone means a call that is over: nothing to tell it.
fn send(postbox: &Postbox, event: CallEvent) {
    if postbox.try_send(event).is_err() {
        tracing::trace!("a simulated event came too late");
    }
}

/// The caller plays his script, once he is answered or hears early media.
async fn caller(stage: Arc<Stage>, postbox: Postbox) {
    let mut at_once = false;
    for step in stage.script.moves.clone() {
        match step {
            Move::Keys(keys) => {
                while !at_once && stage.quiet_for().is_none_or(|quiet| quiet < QUIET) {
                    sleep(WIRE).await;
                }
                for key in keys.chars() {
                    stage.press(key);
                    sleep(BETWEEN_KEYS).await;
                }
                at_once = false;
            }
            Move::Wait(time) => {
                sleep(time).await;
                at_once = true;
            }
            Move::HangUp => return hang_up(&stage, &postbox),
        }
    }
    sleep(Script::PATIENCE).await;
    hang_up(&stage, &postbox);
}

fn hang_up(stage: &Stage, postbox: &Postbox) {
    let over = std::mem::replace(&mut stage.set().over, true);
    if !over {
        stage.note(What::end("caller", Cause::NORMAL));
        send(postbox, CallEvent::Leg(stage.line, LegEvent::HungUp { cause: Cause::NORMAL }));
    }
}

/// A called phone or trunk plays its part.
async fn party(stage: Arc<Stage>, who: String, leg: LegId, part: Party, postbox: Postbox) {
    let does = |does: String| stage.note(What::Party { who: who.clone(), does });
    let tell = |event: LegEvent| send(&postbox, CallEvent::Leg(leg, event));
    sleep(WIRE).await;
    match part {
        Party::Offline => {
            sleep(Duration::from_secs(32)).await;
            tell(LegEvent::Failed { cause: Cause::NO_RESPONSE, status: 408 });
        }
        Party::Rings => {
            does("rings".to_owned());
            tell(LegEvent::Ringing);
        }
        Party::Presses { after, key } => {
            does("rings".to_owned());
            tell(LegEvent::Ringing);
            sleep(Duration::from_secs(u64::from(after))).await;
            does("answers".to_owned());
            tell(LegEvent::Answered);
            sleep(Duration::from_secs(2)).await;
            does(format!("presses {key}"));
            send(&postbox, CallEvent::Media(MediaEvent::Digit { port: leg.port(), digit: key, ms: 100 }));
        }
        Party::Refuses(status) => {
            sleep(Duration::from_secs(1)).await;
            does(format!("refuses with {status}"));
            tell(LegEvent::Failed { cause: Cause::from_status(status), status });
        }
        Party::Answers { after, talks } => {
            does("rings".to_owned());
            tell(LegEvent::Ringing);
            sleep(Duration::from_secs(u64::from(after))).await;
            does("answers".to_owned());
            tell(LegEvent::Answered);
            if let Some(talks) = talks {
                sleep(Duration::from_secs(u64::from(talks))).await;
                does("hangs up".to_owned());
                tell(LegEvent::HungUp { cause: Cause::NORMAL });
            }
        }
    }
}

/// The world of one call of the tree.
pub(super) struct SimWorld {
    pub(super) stage: Arc<Stage>,
    pub(super) events: Postbox,
}

impl SimWorld {
    fn caller_line(&self, command: LegCommand) {
        let stage = &self.stage;
        match command {
            LegCommand::Ring => stage.note(What::Caller { state: "ringing" }),
            LegCommand::EarlyMedia => {
                stage.note(What::Caller { state: "early media" });
                self.begin();
            }
            LegCommand::Answer => {
                stage.note(What::Caller { state: "answered" });
                stage.set().answered = true;
                let (events, line, speaks) = (self.events.clone(), stage.line, stage.speaks);
                tokio::spawn(async move {
                    sleep(WIRE).await;
                    send(&events, CallEvent::Leg(line, LegEvent::Up));
                    if speaks {
                        send(&events, CallEvent::Media(MediaEvent::FirstPacket { port: line.port() }));
                    }
                });
                self.begin();
            }
            LegCommand::Refuse(cause) | LegCommand::HangUp(cause) => {
                let mut set = stage.set();
                if let Some(caller) = set.caller.take() {
                    caller.abort();
                }
                let over = std::mem::replace(&mut set.over, true);
                drop(set);
                if !over {
                    stage.note(What::end("exchange", cause));
                }
            }
            LegCommand::Key(_) | LegCommand::Referred { .. } | LegCommand::Notify { .. } => {}
        }
    }

    /// The caller hears something for the first time and begins with his script.
    fn begin(&self) {
        let mut set = self.stage.set();
        if set.caller.is_none() && !set.over {
            set.quiet = Some(Instant::now());
            set.ports.insert(self.stage.line.port(), self.events.clone());
            let task = tokio::spawn(caller(Arc::clone(&self.stage), self.events.clone()));
            set.caller = Some(task.abort_handle());
        }
    }

    fn play(&self, port: PortId, id: u64, length: Duration, repeat: bool) {
        let stage = Arc::clone(&self.stage);
        let events = self.events.clone();
        let mine = port == stage.line.port();
        let mut set = self.stage.set();
        if let Some(before) = set.playing.remove(&port) {
            before.abort();
        }
        if mine {
            set.quiet = None;
        }
        let task = tokio::spawn(async move {
            if repeat {
                return std::future::pending().await;
            }
            sleep(length).await;
            if mine {
                stage.set().quiet = Some(Instant::now());
            }
            send(&events, CallEvent::Media(MediaEvent::Played { port, id }));
        });
        set.playing.insert(port, task.abort_handle());
    }

    fn stop(&self, port: PortId) {
        let mut set = self.stage.set();
        if let Some(playing) = set.playing.remove(&port) {
            playing.abort();
        }
        if port == self.stage.line.port() {
            set.quiet = Some(Instant::now());
        }
    }

    /// A second of a tone stands for whatever the caller said.
    fn spoken(&self) -> Vec<i16> {
        let loud = if self.stage.speaks { 4_000 } else { 0 };
        (0..8_000).map(|n| if n / 8 % 2 == 0 { loud } else { -loud }).collect()
    }

    fn recorded(&self, port: PortId, id: u64, length: Duration, end: RecordEnd) {
        let events = self.events.clone();
        let pcm = self.spoken();
        let task = tokio::spawn(async move {
            sleep(length).await;
            send(&events, CallEvent::Media(MediaEvent::Recorded { port, id, pcm, rate: Rate::Narrow, length, end }));
        });
        self.stage.set().recording.insert(port, (id, task.abort_handle()));
    }
}

impl World for SimWorld {
    fn contacts(&self, user: &str) -> Vec<Contact> {
        match self.stage.phones.get(user) {
            Some(Party::Offline) => Vec::new(),
            _ => vec![Contact { uri: format!("sip:{user}@phone.invalid"), flow: None }],
        }
    }

    fn signal(&mut self, leg: LegId, command: LegCommand) {
        if leg == self.stage.line {
            return self.caller_line(command);
        }
        if let LegCommand::HangUp(_) | LegCommand::Refuse(_) = command {
            let gone = self.stage.set().parties.remove(&leg);
            if let Some((who, task)) = gone {
                task.abort();
                self.stage.note(What::Party { who, does: "is let go".to_owned() });
            }
        }
    }

    fn start(&mut self, permit: Permit, leg: LegId, _: &Contact, _: &Presentation) -> Result<(), Cause> {
        self.stage.note(What::leg(&permit));
        let who = permit.target_text();
        let part = match permit.trunk() {
            Some(trunk) => self.stage.trunks.get(trunk),
            None => self.stage.phones.get(&who),
        };
        let part = part.copied().unwrap_or(Party::Rings);
        let task = tokio::spawn(party(Arc::clone(&self.stage), who.clone(), leg, part, self.events.clone()));
        self.stage.set().parties.insert(leg, (who, task.abort_handle()));
        Ok(())
    }

    fn media(&mut self, command: Command) {
        match command {
            Command::Play { port, id, list, repeat } => {
                self.play(port, id, list.iter().map(|sound| sound.duration()).sum(), repeat);
            }
            Command::Tone { port, .. } => self.play(port, 0, Duration::ZERO, true),
            Command::Stop { port } => self.stop(port),
            Command::Join { a, b } => {
                let mut set = self.stage.set();
                set.joined.insert(a, b);
                set.joined.insert(b, a);
            }
            Command::Leave { port } => {
                let mut set = self.stage.set();
                if let Some(other) = set.joined.remove(&port) {
                    set.joined.remove(&other);
                }
            }
            Command::Record { port, id, spec } => match spec.silence.filter(|silence| *silence < spec.max) {
                Some(silence) => self.recorded(port, id, silence, RecordEnd::Silence),
                None => self.recorded(port, id, spec.max, RecordEnd::Max),
            },
            Command::StopRecord { port } => {
                let running = self.stage.set().recording.remove(&port);
                if let Some((id, task)) = running {
                    task.abort();
                    self.recorded(port, id, WIRE, RecordEnd::Stopped);
                }
            }
            Command::Close { port } => {
                self.stop(port);
                let mut set = self.stage.set();
                if let Some((id, task)) = set.recording.remove(&port) {
                    task.abort();
                    let (pcm, rate, end) = (self.spoken(), Rate::Narrow, RecordEnd::Closed);
                    let length = Duration::from_secs(1);
                    send(&self.events, CallEvent::Media(MediaEvent::Recorded { port, id, pcm, rate, length, end }));
                }
                set.ports.remove(&port);
                // The party of this leg is gone too, if it went by itself.
                set.parties.remove(&LegId(port.0));
                drop(set);
                send(&self.events, CallEvent::Media(MediaEvent::Closed { port, stats: Box::default() }));
            }
            _ => {}
        }
    }

    fn local_pair(&mut self, near: LegId, far: LegId, far_events: Postbox) {
        let mut set = self.stage.set();
        set.pairs.insert(near.port(), far.port());
        set.pairs.insert(far.port(), near.port());
        set.ports.insert(far.port(), far_events);
    }

    fn sibling(&self, events: Postbox) -> Box<dyn World> {
        Box::new(Self { stage: Arc::clone(&self.stage), events })
    }

    fn interpret(&mut self, _: LegId, _: sip::Event<Origin>) -> Option<LegEvent> {
        None
    }

    fn passed(&mut self, line: &dialplan::Invocation) {
        self.stage.note(What::Step { place: line.place.to_string(), line: line.text() });
    }
}

impl Records for Stage {
    fn write(&self, record: CallRecord) {
        if record.disposition == Disposition::Refused && record.direction == Direction::Out {
            let why = record.cause_text.unwrap_or_default();
            // A record is written when it opens and again when it closes: the reason is told once.
            let what = What::Refused { to: record.to, why };
            let again = self.set().trace.moments.last().is_some_and(|last| last.what == what);
            if !again {
                self.note(what);
            }
        }
    }
}
