//! One call without a network, step by step, in virtual time.
//!
//! The call is the very [`Call`] of a real one, with the same applications and the same gate; only its
//! [`World`](crate::switch::World) is [`stage`]: scripted parties and a clock that jumps to the next thing that happens.
//! `tollgate simulate`, the replay of witnesses and the specifications in `tests/spec` are this one function.

mod script;
mod stage;
mod trace;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dialplan::Place;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::call::{Call, Start, Tree};
use crate::cdr::{LegRecord, Records};
use crate::channel::Channel;
use crate::entry::origin_kind;
use crate::exchange::{Clock, Exchange, Parts};
use crate::gate::Gate;
use crate::gate::budget::InMemory;
use crate::leg::Wire;
use crate::limits;
use crate::mailbox::Mailboxes;
use crate::pin::{Digits, PinOf, Pins};
use crate::plan;
use crate::snapshot::Snapshot;
use crate::sounds::Sounds;
use crate::switch::{Origin, Presentation};

pub use script::{Move, Party, Script};
use stage::{SimWorld, Stage};
pub use trace::{Moment, Trace, What};

/// A simulated call is cut off after this much virtual time.
const LONGEST: Duration = Duration::from_secs(4 * 3600);
/// Real time that the last records and Local channels get, in virtual time.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// One call to simulate.
pub struct Simulation<'a> {
    /// Configuration, program and proof.
    pub snapshot: &'a Snapshot,
    /// Who calls.
    pub from: Origin,
    /// How the caller presents himself.
    pub caller: Presentation,
    /// What he dials.
    pub to: &'a str,
    /// What he does then.
    pub script: Script,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Prompts, for their lengths.
    pub sounds: Arc<dyn Sounds>,
    /// What phones do; one that is not named rings and nobody answers.
    pub phones: BTreeMap<String, Party>,
    /// What trunks do; one that is not named rings and nobody answers.
    pub trunks: BTreeMap<String, Party>,
    /// Whether the caller's side sends sound; a scanner's does not.
    pub speaks: bool,
    /// What plans may run outside; nothing, where nothing is said.
    pub programs: Arc<dyn crate::programs::Programs>,
    /// PINs that are set in this play; real ones are only known as hashes.
    pub pins: Vec<(PinOf, Digits)>,
}

impl<'a> Simulation<'a> {
    /// A call from `from` to `to` at midday of the first of January 2026, without keys; nobody answers.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, from: Origin, to: &'a str, sounds: Arc<dyn Sounds>) -> Self {
        let number = match &from {
            Origin::Extension { user } => user.clone(),
            _ => String::new(),
        };
        Self {
            snapshot,
            from,
            caller: Presentation { number, ..Presentation::default() },
            to,
            script: Script::default(),
            at: 1_767_268_800_000,
            sounds,
            phones: BTreeMap::new(),
            trunks: BTreeMap::new(),
            speaks: true,
            programs: crate::programs::closed(),
            pins: Vec::new(),
        }
    }

    /// Plays the call to its end. Takes real milliseconds, whatever time passes in it.
    #[must_use]
    pub fn run(self) -> Trace {
        // A thread of its own, so that it works inside and outside a runtime.
        let played = std::thread::scope(|scope| scope.spawn(|| self.play()).join());
        played.unwrap_or_default()
    }

    fn play(self) -> Trace {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.story()),
            Err(error) => {
                tracing::error!(%error, "no runtime for a simulation");
                Trace::default()
            }
        }
    }

    async fn story(self) -> Trace {
        let began = Instant::now();
        let at = self.at;
        let clock = Clock::new(move || at + i64::try_from(began.elapsed().as_millis()).unwrap_or_default());
        let stage = Arc::new(Stage {
            began,
            line: crate::switch::LegId(1),
            speaks: self.speaks,
            script: self.script,
            phones: self.phones,
            trunks: self.trunks,
            set: Mutex::default(),
        });
        let pins = Arc::new(Pins::in_memory());
        for (of, digits) in &self.pins {
            if let Err(error) = pins.set(of, digits, at).await {
                tracing::warn!(of = %of, %error, "this PIN is not set");
            }
        }
        let exchange = Exchange::new(Parts {
            snapshot: self.snapshot.clone(),
            gate: Gate::new(Arc::new(InMemory::default())).telling(Arc::clone(&stage) as Arc<dyn Records>),
            records: Arc::clone(&stage) as Arc<dyn Records>,
            pins,
            sounds: self.sounds,
            mailboxes: Arc::new(Mailboxes::in_memory()),
            clock,
            seed: 1,
        });
        let exchange = Arc::new(exchange.with_outside(crate::database::Database::default(), self.programs));
        let phones = Arc::clone(&stage);
        exchange.ask_registered(move |user| !matches!(phones.phones.get(user), Some(Party::Offline)));
        let snapshot = exchange.snapshot.load_full();
        let line = exchange.leg_id();
        debug_assert_eq!(line, stage.line);
        let kind = origin_kind(&self.from);
        let dialled: String = self.to.chars().take(limits::DIALLED + 1).collect();
        let Some(place) = place(&snapshot, &self.from, &dialled) else {
            stage.note(What::NoEntry { why: format!("nothing is there for {kind} who dials this") });
            return finish(&stage);
        };
        let mut channel = Channel::new(Arc::clone(&exchange), &label(&self.from), line, &self.caller, &dialled);
        if !snapshot.has_place(&place, &self.caller.number, &mut channel) {
            stage.note(What::NoEntry { why: format!("the plan has no {place}") });
            return finish(&stage);
        }
        let id = exchange.tree_id(line);
        let tree = Arc::new(Tree::new(id, self.from, kind.entry(), None, dialled, None));
        let (postbox, mailbox) = mpsc::channel(limits::MAILBOX);
        let record = LegRecord::incoming(&exchange, &tree, line, &self.caller);
        let call = Call::new(Start {
            tree,
            exchange,
            snapshot,
            place,
            channel,
            line,
            wire: Wire::World,
            record,
            world: Box::new(SimWorld { stage: Arc::clone(&stage), events: postbox.clone() }),
            mailbox: (postbox, mailbox),
        });
        if tokio::time::timeout(LONGEST, call.run()).await.is_err() {
            tracing::warn!("a simulated call was cut off: it would last for ever");
        }
        tokio::time::sleep(AFTERWARDS).await;
        finish(&stage)
    }
}

fn finish(stage: &Stage) -> Trace {
    std::mem::take(&mut stage.set().trace)
}

/// Where this call begins, exactly as a real one.
fn place(snapshot: &Snapshot, from: &Origin, dialled: &str) -> Option<Place> {
    let config = &snapshot.config;
    if dialled.len() > limits::DIALLED {
        return None;
    }
    match from {
        Origin::Stranger { .. } => Some(plan::place(config.strangers.answer.as_ref()?, dialled)),
        Origin::Trunk { name } => plan::trunk_place(config, name, dialled),
        Origin::Extension { user } => plan::extension_place(config, user, dialled),
        Origin::System => None,
    }
}

fn label(from: &Origin) -> String {
    match from {
        Origin::Stranger { .. } => "PJSIP/anonymous".to_owned(),
        Origin::Trunk { name } => format!("PJSIP/{name}"),
        Origin::Extension { user } => format!("PJSIP/{user}"),
        Origin::System => "System/exchange".to_owned(),
    }
}
