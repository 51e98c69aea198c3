//! The ways that the proof shows, played as real calls: the same keys at the same pace, and at the same time of day.

use super::graph::Act;
use super::report::Witnessed;
use super::walk::{Entry, Run, Walk};
use crate::exchange::replay::{Replay, Shown};
use crate::exchange::serve::Running;
use crate::exchange::{snapshot, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::prompts::Prompts;
use dialplan::reach::Sink;
use pbx::exchange::Clock;
use pbx::simulate::Move;
use std::sync::Arc;
use std::time::Duration;

/// What the last key leads to shows within this time, also where it is no prompt.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// One way to play.
struct Way {
    /// Which of the drill's entries goes it.
    entry: usize,
    sink: Sink,
    shown: Shown,
}

/// Plays them, one after the other.
pub(super) async fn play(running: &Arc<Running>, walk: &Walk) -> Vec<Witnessed> {
    let ways = match ways(running, walk).await {
        Ok(ways) => ways,
        Err(fault) => {
            tracing::warn!(%fault, "the ways of the proof are not played");
            return Vec::new();
        }
    };
    let zone = walk.snapshot.config.system.time_zone();
    let mut played = Vec::new();
    for Way { entry, sink, shown } in ways {
        let Some(entry) = walk.entries.get(entry) else { continue };
        if walk.is_over() {
            break;
        }
        let there = one(walk, entry, &sink, &shown).await;
        let how = shown.how(&zone);
        played.push(Witnessed { entry: entry.name.clone(), sink: sink.to_string(), how, shown: there });
    }
    played
}

/// What the proof of the plan that is drilled shows to be reachable, in virtual time.
async fn ways(running: &Arc<Running>, walk: &Walk) -> Outcome<Vec<Way>> {
    let (home, plan) = (running.home.clone(), Arc::clone(&walk.snapshot));
    let names: Vec<String> = walk.entries.iter().map(|entry| entry.name.clone()).collect();
    let find = move || {
        let built = snapshot::of(&home)?;
        if built.report.reach.program_hash != plan.program.hash() {
            return Err(Fault::failed("the plan was changed since the drill began"));
        }
        let prompts = Prompts::new(snapshot::sound_folders(&home, &plan.config));
        let mut replay = Replay::new(&plan, Arc::new(prompts));
        let mut found = Vec::new();
        for (entry, name) in names.iter().enumerate() {
            let Some(report) = built.report.entry(name) else { continue };
            for sink in report.witnesses.keys() {
                if let Ok(shown) = replay.shown(report, sink) {
                    found.push(Way { entry, sink: sink.clone(), shown });
                }
            }
        }
        Ok(found)
    };
    tokio::task::spawn_blocking(find).await.doing(|| "prove the plan".to_owned())?
}

/// Whether a call that goes this way comes to the sink.
async fn one(walk: &Walk, entry: &Entry, sink: &Sink, shown: &Shown) -> bool {
    let dialled = if shown.witness.dialled == "s" { "" } else { &shown.witness.dialled };
    let clock = shown.at.map(|at| {
        let ahead = at - wall();
        Clock::new(move || wall() + ahead)
    });
    let number = shown.caller.as_deref().unwrap_or_default();
    let Some(mut run) = walk.place(entry, dialled, number, clock).await else { return false };
    let mut waited = false;
    for step in &shown.script.moves {
        match step {
            Move::Wait(time) => {
                tokio::time::sleep(*time).await;
                waited = true;
            }
            Move::Keys(keys) => {
                if !std::mem::take(&mut waited) && walk.settle(&run, None).await.is_none() {
                    break;
                }
                let _ = walk.act(entry, &mut run, &Act::Keys(keys.clone())).await;
            }
            Move::HangUp => {
                run.hang_up();
                break;
            }
        }
    }
    let until = tokio::time::Instant::now() + AFTERWARDS;
    loop {
        walk.note(entry, &mut run);
        if came(&run, sink, shown) || tokio::time::Instant::now() > until {
            return came(&run, sink, shown);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether the call asked the gate for that, or passed the line.
fn came(run: &Run, sink: &Sink, shown: &Shown) -> bool {
    match sink {
        Sink::Trunk(name) => run.asked.iter().any(|asked| asked.trunk.as_ref() == Some(name)),
        Sink::Paid(class) => run.asked.iter().any(|asked| asked.trunk.is_some() && asked.class == Some(*class)),
        _ => {
            let (context, priority, app) = &shown.witness.line;
            run.watch.seen().lines.iter().any(|line| {
                line.rsplit_once(' ').is_some_and(|(place, ran)| {
                    place.split(',').next() == Some(context.as_str())
                        && place.rsplit(',').next() == Some(priority.to_string().as_str())
                        && ran.eq_ignore_ascii_case(app)
                })
            })
        }
    }
}
