//! The drill: the exchange calls itself, as everybody who may call it, and presses every key.
//!
//! Real calls over loopback come in by tickets ([`pbx::drill`]) and run in an exchange beside the real one, whose gate
//! writes down instead of permitting: nothing is dialled, nobody is rung, no message, row or record is left behind.
//! [`walk`] presses, [`graph`] remembers what is left to try, [`numbers`] knows what to try, [`report`] says what came of it.

mod graph;
mod numbers;
mod phone;
mod report;
mod tone;
mod walk;
mod witness;

use crate::exchange::serve::Running;
use crate::exchange::wall;
use crate::fault::{Doing as _, Fault, Outcome};
use dialplan::policy::OriginKind;
use pbx::drill::Nowhere;
use pbx::gate::{Gate, Ledger};
use pbx::pin::{PinOf, Pins};
use pbx::snapshot::Snapshot;
use pbx::switch::Origin;
use phone::Phone;
use report::{Progress, Report};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use walk::{Entry, Walk};

pub(crate) use report::{Level, Report as DrillReport};

/// What a drill is to be like.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wishes {
    /// Phones of the house ring for real.
    pub(crate) ring: bool,
    /// Calls at one time.
    pub(crate) at_once: usize,
    /// It ends after so many minutes, whatever is left to try.
    pub(crate) minutes: u64,
    /// Only this entry.
    pub(crate) from: Option<String>,
    /// It ends when nobody has asked how it goes for a while: whoever started it is gone.
    pub(crate) watched: bool,
}

/// A drill that nobody asks after is ended then.
const UNWATCHED: Duration = Duration::from_secs(20);
/// Longest drill, in minutes.
const LONGEST: u64 = 24 * 60;
/// Calls at one time that a home's machine carries beside its own.
const MOST_AT_ONCE: usize = 64;
/// Reports that are kept.
const KEPT: u32 = 100;

/// The drill of an exchange: the one that is on, and how the last one ended.
#[derive(Default)]
pub(crate) struct Drilling(Mutex<State>);

#[derive(Default)]
enum State {
    /// None since the start.
    #[default]
    Idle,
    /// One is on.
    On { walk: Arc<Walk>, asked: Instant },
    /// One has ended.
    Over(Result<Report, String>),
}

impl Drilling {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// None since the start.
    Idle,
    /// One is on.
    On(Progress),
    /// One has ended.
    Over(Box<Report>),
    /// One broke off.
    Failed(String),
}

/// Whether somebody is from outside.
fn outside(kind: &OriginKind) -> bool {
    !matches!(kind, OriginKind::Extension(_) | OriginKind::System)
}

/// Begins a drill, which goes on by itself.
pub(crate) async fn begin(running: &Arc<Running>, wishes: Wishes) -> Outcome<()> {
    if matches!(*running.drill.lock(), State::On { .. }) {
        return Err(Fault::failed("a drill is on already").repair("wait for it, or end it: tollgate drill --stop"));
    }
    let snapshot = running.exchange.snapshot.load_full();
    let entries = entries(&snapshot, wishes.from.as_deref())?;
    let to = target(&running.locals.udp)?;
    if running.guard.shuts_out(std::time::Instant::now(), to.ip()) {
        return Err(Fault::failed(format!("{} is shut out, and the drill calls from there", to.ip()))
            .repair(format!("tollgate ban remove {}", to.ip())));
    }
    let phone = Phone::plug_in(to).await?;
    let ledger = Arc::new(Ledger::new(wishes.ring));
    let pins = Arc::new(pins(running).await?);
    let clock = running.exchange.clock.clone();
    let gate = Gate::drilling(Arc::clone(&ledger));
    let beside = running.exchange.for_drill(gate, Arc::clone(&pins), Arc::new(Nowhere), clock);
    if !running.drills.open(phone.at) {
        return Err(Fault::failed("a drill is on already"));
    }
    let minutes = wishes.minutes.clamp(1, LONGEST);
    let walk = Arc::new(Walk {
        phone,
        drills: Arc::clone(&running.drills),
        beside: Arc::new(beside),
        ledger,
        pins,
        snapshot,
        entries,
        found: Mutex::default(),
        stop: false.into(),
        began: Instant::now(),
        until: Instant::now() + Duration::from_secs(minutes * 60),
        calls: 0.into(),
        keys: 0.into(),
        busy: 0.into(),
        turn: 0.into(),
        next_call: tokio::sync::Mutex::new(Instant::now()),
    });
    *running.drill.lock() = State::On { walk: Arc::clone(&walk), asked: Instant::now() };
    running.store.event(wall(), "drill-began", "a drill began: the exchange calls itself and presses every key");
    let running = Arc::clone(running);
    tokio::spawn(async move { story(&running, &walk, &wishes).await });
    Ok(())
}

/// How the drill stands; asking keeps a watched one alive.
pub(crate) fn status(running: &Running) -> Status {
    match &mut *running.drill.lock() {
        State::Idle => Status::Idle,
        State::On { walk, asked } => {
            *asked = Instant::now();
            Status::On(walk.progress())
        }
        State::Over(Ok(report)) => Status::Over(Box::new(report.clone())),
        State::Over(Err(why)) => Status::Failed(why.clone()),
    }
}

/// Ends the drill that is on; false where none is.
pub(crate) fn stop(running: &Running) -> bool {
    match &*running.drill.lock() {
        State::On { walk, .. } => {
            walk.stop.store(true, Ordering::Relaxed);
            true
        }
        State::Idle | State::Over(_) => false,
    }
}

/// From the first call to the report in the store.
async fn story(running: &Arc<Running>, walk: &Arc<Walk>, wishes: &Wishes) {
    let at = wall();
    let watched = wishes.watched.then(|| tokio::spawn(leave_when_unwatched(Arc::clone(running), Arc::clone(walk))));
    let workers: Vec<_> =
        (0..wishes.at_once.clamp(1, MOST_AT_ONCE)).map(|_| tokio::spawn(Arc::clone(walk).work())).collect();
    for worker in workers {
        if let Err(error) = worker.await {
            tracing::error!(%error, "a caller of the drill broke down");
        }
    }
    let witnesses = witness::play(running, walk).await;
    if let Some(task) = watched {
        task.abort();
    }
    running.drills.close();
    // Whatever a call of the drill still does, it does it to itself.
    let _ = walk.beside.calls.end(None);
    let report = summed_up(running, walk, at, witnesses).await;
    if let Ok(report) = &report {
        keep(running, report).await;
    }
    *running.drill.lock() = State::Over(report.map_err(|fault| fault.to_string()));
}

async fn leave_when_unwatched(running: Arc<Running>, walk: Arc<Walk>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let asked = match &*running.drill.lock() {
            State::On { asked, .. } => *asked,
            State::Idle | State::Over(_) => return,
        };
        if asked.elapsed() > UNWATCHED {
            tracing::warn!("nobody watches the drill any more: it ends");
            walk.stop.store(true, Ordering::Relaxed);
            return;
        }
    }
}

/// The report, with lines and hash of the plan.
async fn summed_up(running: &Running, walk: &Walk, at: i64, witnesses: Vec<report::Witnessed>) -> Outcome<Report> {
    let program = &walk.snapshot.program;
    let spans = walk.found().spans.clone();
    let (mut lines, mut never) = (0, Vec::new());
    for context in program.contexts() {
        for exten in &context.extens {
            for (priority, line) in &exten.lines {
                lines += 1;
                if !spans.contains(&line.span) {
                    never.push(format!("{},{},{priority} {}", context.name, exten.title(), line.app));
                }
            }
        }
    }
    let cut_short = if walk.stop.load(Ordering::Relaxed) {
        Some("it was stopped".to_owned())
    } else if Instant::now() > walk.until {
        Some("its time was over".to_owned())
    } else if running.exchange.snapshot.load().program.hash() != program.hash() {
        Some("the plan was changed meanwhile".to_owned())
    } else {
        None
    };
    Ok(Report {
        at,
        seconds: walk.began.elapsed().as_secs(),
        plan: hex::encode(program.hash()),
        cut_short,
        calls: walk.calls.load(Ordering::Relaxed),
        keys: walk.keys.load(Ordering::Relaxed),
        entries: walk.entries(),
        ways: walk.found().ways.values().cloned().collect(),
        witnesses,
        lines,
        never,
    })
}

async fn keep(running: &Running, report: &Report) {
    let before = match running.store.drills(1).await {
        Ok(rows) => rows.first().and_then(|row| serde_json::from_str::<Report>(&row.text).ok()),
        Err(error) => {
            tracing::warn!(%error, "the report before this one cannot be read");
            None
        }
    };
    let text = report.json(before.as_ref()).to_string();
    if let Err(error) = running.store.add_drill(report.at, &text, KEPT).await {
        tracing::error!(%error, "the report of the drill is not kept");
    }
    let kind = match report.level() {
        Level::Safe | Level::Unfinished => "drill-ended",
        Level::GateOnly | Level::Open => "drill-found",
    };
    running.store.event(wall(), kind, &report.verdict());
}

/// Where the drill calls: one of our own UDP addresses, on loopback if there is one.
fn target(listens: &[SocketAddr]) -> Outcome<SocketAddr> {
    let near = |at: &SocketAddr| match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), at.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), at.port()),
        _ => *at,
    };
    let mut all: Vec<SocketAddr> = listens.iter().map(near).collect();
    all.sort_by_key(|at| (!at.ip().is_loopback(), at.is_ipv6()));
    all.first().copied().ok_or_else(|| {
        Fault::failed("a drill calls over UDP, and the exchange does not listen there")
            .repair("write udp = [\"127.0.0.1:5060\"] under [sip]")
    })
}

/// Whom to play: strangers, each trunk, and one extension of each kind.
fn entries(snapshot: &Snapshot, only: Option<&str>) -> Outcome<Vec<Entry>> {
    let (config, program) = (&snapshot.config, &snapshot.program);
    let country = config.system.country;
    let within = |place: &dialplan::Place| numbers::dialable(program, country, &place.context);
    let numbers = |mut all: Vec<String>| {
        let mut seen = BTreeSet::new();
        all.retain(|number| number.len() <= 255 && seen.insert(number.clone()));
        all
    };
    let mut all = Vec::new();
    if let Some(answer) = &config.strangers.answer {
        let mut dialled = vec![String::new()];
        dialled.extend(config.extensions.keys().chain(config.groups.keys()).cloned());
        dialled.extend(within(&pbx::plan::place(answer, "")));
        dialled.extend(numbers::hostile());
        let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
        all.push(Entry::new(OriginKind::Stranger, Origin::Stranger { source }, numbers(dialled)));
    }
    for name in config.trunks.keys() {
        let mine = config.dids.iter().filter(|(_, did)| did.trunk.as_ref().is_none_or(|of| of == name));
        let mut dialled: Vec<String> = mine.map(|(number, _)| number.clone()).collect();
        dialled.push("12025550100".to_owned());
        if let Some(place) = pbx::plan::trunk_place(config, name, "") {
            dialled.extend(within(&place));
        }
        dialled.extend(numbers::hostile());
        all.push(Entry::new(OriginKind::Trunk(name.clone()), Origin::Trunk { name: name.clone() }, numbers(dialled)));
    }
    let mut kinds = BTreeSet::new();
    for (user, extension) in &config.extensions {
        let kind = OriginKind::Extension(user.clone());
        let named = only.is_some_and(|only| only == kind.entry());
        let reach = snapshot.reach.entries.get(&kind.entry());
        // Those that start at the same place with the same rights go the same ways.
        let same = (&extension.context, &extension.may, extension.mailbox.is_some(), reach);
        if kinds.insert(format!("{same:?}")) || named {
            let mut dialled: Vec<String> = config.extensions.keys().chain(config.groups.keys()).cloned().collect();
            dialled.extend(numbers::dialable(program, country, &extension.context));
            dialled.extend(numbers::hostile());
            all.push(Entry::new(kind, Origin::Extension { user: user.clone() }, numbers(dialled)));
        }
    }
    if let Some(only) = only {
        all.retain(|entry| entry.name == only);
    }
    if all.is_empty() {
        return Err(Fault::failed(match only {
            Some(only) => format!("nobody called {only} can call this exchange"),
            None => "nobody can call this exchange".to_owned(),
        })
        .repair("see: tollgate reach"));
    }
    Ok(all)
}

/// A PIN that nobody knows for all that has one, so that its prompts are the same; wrong ones count for the drill alone.
async fn pins(running: &Running) -> Outcome<Pins> {
    let pins = Pins::in_memory();
    let config = &running.exchange.snapshot.load().config;
    let mailboxes = config.mailboxes.keys().cloned().map(PinOf::Mailbox);
    for of in mailboxes.chain(config.grants.keys().cloned().map(PinOf::Grant)) {
        if running.exchange.pins.is_set(&of).await.unwrap_or(false) {
            pins.set_random(&of, wall()).await.doing(|| format!("play the PIN of {of}"))?;
        }
    }
    Ok(pins)
}
