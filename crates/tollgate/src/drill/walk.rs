//! The walk of a drill: calls that press every key wherever the exchange listens, until nothing is left to try.

use super::graph::{Act, Graph, Job, Script};
use super::phone::{Line, Phone};
use super::report::{EntryReport, Progress, Way};
use super::{numbers, outside};
use crate::exchange::random;
use dialplan::policy::OriginKind;
use dialplan::span::Span;
use pbx::drill::{Drills, Nowhere, Part, Seen, Watch};
use pbx::exchange::{Clock, Exchange};
use pbx::gate::{Asked, Gate, Ledger};
use pbx::pin::Pins;
use pbx::snapshot::Snapshot;
use pbx::switch::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So long must a call show nothing new before a key is pressed.
const QUIET: Duration = Duration::from_millis(150);
/// Keys that are lost (a prompt that no key ends) are not waited for longer than this.
const LOST_KEYS: Duration = Duration::from_millis(1_500);
/// A call that has not listened for so long is left: music, a conference, an echo. Longer than any prompt.
const DEAF: Duration = Duration::from_secs(75);
/// Places where calls wait, per entry.
const STATES: usize = 600;
/// Keys that one call presses before another begins.
const ACTS: usize = 60;
/// So often more is done what leads back to where it was done.
const AGAIN: usize = 4;
/// Between the beginnings of two calls.
const BETWEEN: Duration = Duration::from_millis(40);

/// Somebody whom the drill plays.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) kind: OriginKind,
    pub(super) graph: Mutex<Graph>,
    /// Lines at which whole entries were put on the list already.
    lines: Mutex<BTreeSet<String>>,
}

impl Entry {
    pub(super) fn new(kind: OriginKind, origin: Origin, dialled: Vec<String>) -> Self {
        let graph = Mutex::new(Graph::new(dialled));
        Self { name: kind.entry(), origin, kind, graph, lines: Mutex::default() }
    }

    fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// Ways to a number, the shortest of each kind.
    pub(super) ways: BTreeMap<(String, String, String, bool), Way>,
    /// Lines of the plan that were passed.
    pub(super) spans: BTreeSet<Span>,
    /// Phones that would have rung, by entry.
    pub(super) rings: BTreeMap<String, BTreeSet<String>>,
}

/// A drill that is on.
pub(crate) struct Walk {
    pub(super) phone: Phone,
    pub(super) drills: Arc<Drills>,
    /// The exchange beside the real one, where its calls run.
    pub(super) beside: Arc<Exchange>,
    pub(super) ledger: Arc<Ledger>,
    /// Its PINs.
    pub(super) pins: Arc<Pins>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) entries: Vec<Entry>,
    pub(super) found: Mutex<Found>,
    pub(super) stop: AtomicBool,
    pub(super) began: Instant,
    pub(super) until: Instant,
    pub(super) calls: AtomicU64,
    pub(super) keys: AtomicU64,
    pub(super) busy: AtomicUsize,
    pub(super) turn: AtomicUsize,
    pub(super) next_call: tokio::sync::Mutex<Instant>,
}

/// One call.
pub(super) struct Run {
    pub(super) line: Line,
    pub(super) watch: Arc<Watch>,
    /// What it asked the gate for.
    pub(super) asked: Vec<Asked>,
    script: Script,
    pressed: usize,
}

impl Run {
    /// The caller hangs up; what the plan does then is still seen.
    pub(super) fn hang_up(&mut self) {
        self.line.hang_up();
    }
}

impl Walk {
    /// Whether it is to end: told so, or the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || Instant::now() > self.until
    }

    pub(super) fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        let (mut done, mut open) = (0, 0);
        for entry in &self.entries {
            let graph = entry.graph();
            done += graph.done;
            open += graph.open();
        }
        let found = self.found();
        let ways = found.ways.values().filter(|way| way.outside).count();
        Progress {
            seconds: self.began.elapsed().as_secs(),
            calls: self.calls.load(Ordering::Relaxed),
            keys: self.keys.load(Ordering::Relaxed),
            done,
            open,
            ways,
            lines: found.spans.len(),
        }
    }

    /// Works until nobody has anything left to try.
    pub(super) async fn work(self: Arc<Self>) {
        while !self.is_over() {
            self.busy.fetch_add(1, Ordering::SeqCst);
            // Each entry in its turn, so that a drill that is cut short has heard of all.
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.entries.len().max(1);
            let mut in_turn = self.entries.iter().cycle().skip(turn).take(self.entries.len());
            let job = in_turn.find_map(|entry| Some((entry, entry.graph().take()?)));
            if let Some((entry, job)) = job {
                self.one_call(entry, job).await;
                self.busy.fetch_sub(1, Ordering::SeqCst);
            } else if self.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
                return;
            } else {
                tokio::time::sleep(QUIET).await;
            }
        }
    }

    /// Places a call, by another clock where it is to be another time of day; none where it could not be.
    pub(super) async fn place(&self, entry: &Entry, dialled: &str, number: &str, clock: Option<Clock>) -> Option<Run> {
        {
            let mut next = self.next_call.lock().await;
            tokio::time::sleep_until(*next).await;
            *next = Instant::now() + BETWEEN;
        }
        let watch = Arc::new(Watch::default());
        let exchange = match clock {
            None => Arc::clone(&self.beside),
            Some(clock) => {
                let gate = Gate::drilling(Arc::clone(&self.ledger));
                Arc::new(self.beside.for_drill(gate, Arc::clone(&self.pins), Arc::new(Nowhere), clock))
            }
        };
        let part = Part { origin: entry.origin.clone(), exchange, watch: Arc::clone(&watch) };
        let secret = random().ok()?.first_chunk().copied()?;
        let ticket = self.drills.ticket(secret, part).ok()?;
        let line = match self.phone.call(dialled, number, &ticket).await {
            Ok(line) => line,
            Err(fault) => {
                tracing::warn!(%fault, "a call of the drill was not placed");
                None
            }
        };
        let Some(line) = line else {
            self.drills.forget(&ticket);
            return None;
        };
        self.calls.fetch_add(1, Ordering::Relaxed);
        let script = Script { dialled: dialled.to_owned(), acts: Vec::new() };
        Some(Run { line, watch, asked: Vec::new(), script, pressed: 0 })
    }

    /// One call: the way of the job, then on from there for as long as something is left to try.
    async fn one_call(&self, entry: &Entry, job: Job) {
        let Some(mut run) = self.place(entry, &job.script.dialled, "", None).await else { return };
        let mut seen = self.settle(&run, None).await;
        self.note(entry, &mut run);
        for act in &job.script.acts {
            if seen.is_none() {
                break;
            }
            seen = self.act(entry, &mut run, act).await;
        }
        let mut wanted = match &job.then {
            None => None,
            Some((goal, act)) => {
                let there = seen.as_ref().is_some_and(|seen| seen.state() == entry.graph().name(*goal));
                if !there {
                    entry.graph().failed(job);
                    return;
                }
                Some(act.clone())
            }
        };
        for _ in 0..ACTS {
            let Some(here) = &seen else { return };
            let at = self.arrive(entry, here, &run.script);
            let act = match (wanted.take(), at) {
                (Some(act), _) => Some(act),
                (None, Some(at)) => entry.graph().take_at(at),
                (None, None) => None,
            };
            let (Some(act), false) = (act, self.is_over()) else { return };
            let before = here.state();
            seen = self.act(entry, &mut run, &act).await;
            entry.graph().done += 1;
            let back = seen.as_ref().is_some_and(|seen| seen.state() == before);
            if let (true, Some(at)) = (back, at)
                && entry.graph().repeat(at, &act)
            {
                for _ in 0..AGAIN {
                    seen = self.act(entry, &mut run, &act).await;
                    if seen.as_ref().is_none_or(|seen| seen.state() != before) {
                        break;
                    }
                }
            }
        }
    }

    fn arrive(&self, entry: &Entry, seen: &Seen, script: &Script) -> Option<usize> {
        let line = seen.lines.last().cloned().unwrap_or_default();
        let acts = || {
            let mut lines = entry.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let first = seen.entered.is_empty() && lines.insert(line.clone());
            numbers::acts(&self.snapshot.program, &self.snapshot.config, &line, &seen.entered, first)
        };
        entry.graph().arrive(&seen.state(), script, STATES, acts)
    }

    /// Does something, and waits until the call listens again; none where it is over or does not.
    pub(super) async fn act(&self, entry: &Entry, run: &mut Run, act: &Act) -> Option<Seen> {
        let since = run.watch.seen().at;
        if let Act::Keys(keys) = act {
            self.keys.fetch_add(keys.len() as u64, Ordering::Relaxed);
            run.pressed += keys.len();
            run.line.press(keys);
        }
        run.script.acts.push(act.clone());
        let seen = self.settle(run, Some(since)).await;
        self.note(entry, run);
        seen
    }

    /// Waits until the call listens and shows nothing new; none where it is over, or deaf.
    pub(super) async fn settle(&self, run: &Run, since: Option<Instant>) -> Option<Seen> {
        let deaf = Instant::now() + DEAF;
        while run.line.over().is_none() && Instant::now() < deaf && !self.stop.load(Ordering::Relaxed) {
            let seen = run.watch.seen();
            let fresh = since.is_none_or(|since| seen.at > since);
            let taken = seen.taken >= run.pressed || seen.at.elapsed() > LOST_KEYS;
            if seen.listens && fresh && taken && seen.at.elapsed() >= QUIET {
                return Some(seen);
            }
            tokio::select! {
                () = run.watch.changed() => {}
                () = tokio::time::sleep(QUIET / 3) => {}
            }
        }
        None
    }

    /// Writes down what a call has shown so far.
    pub(super) fn note(&self, entry: &Entry, run: &mut Run) {
        let seen = run.watch.seen();
        let asked = if seen.tree.is_empty() { Vec::new() } else { self.ledger.take(&seen.tree) };
        let mut found = self.found();
        found.spans.extend(&seen.spans);
        for asked in asked {
            run.asked.push(asked.clone());
            let Some(trunk) = asked.trunk else {
                found.rings.entry(entry.name.clone()).or_default().insert(asked.to);
                continue;
            };
            let by_app = seen.lines.iter().rev().find(|line| line.ends_with(&format!(" {}", asked.app)));
            let line = by_app.or(seen.lines.last()).cloned().unwrap_or_default();
            let class = asked.class.map_or("no number", |class| class.word()).to_owned();
            let key = (entry.name.clone(), line.clone(), format!("{trunk}/{class}"), asked.refused.is_some());
            let way = Way {
                entry: entry.name.clone(),
                outside: outside(&entry.kind),
                dialled: run.script.dialled.clone(),
                keys: run.script.keys(),
                line,
                to: asked.to,
                trunk,
                class,
                refused: asked.refused,
            };
            let shorter = found.ways.get(&key).is_none_or(|known| way.length() < known.length());
            if shorter {
                found.ways.insert(key, way);
            }
        }
    }

    /// What each entry came to.
    pub(super) fn entries(&self) -> Vec<EntryReport> {
        let rings = self.found().rings.clone();
        let report = |entry: &Entry| {
            let graph = entry.graph();
            EntryReport {
                entry: entry.name.clone(),
                numbers: graph.called,
                places: graph.len(),
                tried: graph.done,
                lost: graph.lost,
                open: graph.open() + graph.beyond,
                rings: rings.get(&entry.name).into_iter().flatten().cloned().collect(),
            }
        };
        self.entries.iter().map(report).collect()
    }
}
