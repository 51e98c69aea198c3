//! The ways that the proof names, played as real calls.

use super::graph::Act;
use super::report::Witnessed;
use super::walk::{Entry, Run, Walk};
use crate::exchange::serve::Running;
use audit::Witness;
use std::sync::Arc;
use std::time::Duration;

/// Candidates that are played for one way.
const CANDIDATES: usize = 6;
/// Ways that are played.
const WAYS: usize = 200;
/// What the last act leads to shows within this time, also where it is no prompt.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// Plays them, one after the other.
pub(super) async fn play(running: &Arc<Running>, walk: &Walk) -> Vec<Witnessed> {
    let proof = match super::proof(running).await {
        Ok(proof) if proof.reach.program_hash == walk.snapshot.program.hash() => proof,
        Ok(_) => {
            tracing::warn!("the plan was changed since the drill began: the ways of its proof are not played");
            return Vec::new();
        }
        Err(fault) => {
            tracing::warn!(%fault, "the ways of the proof are not played");
            return Vec::new();
        }
    };
    let mut played = Vec::new();
    for entry in &walk.entries {
        let Some(report) = proof.entry(&entry.name) else { continue };
        for (sink, witnesses) in &report.witnesses {
            if walk.is_over() || played.len() >= WAYS {
                return played;
            }
            // Times of the day are the clock's, and a second person is nobody's to command.
            let usable = witnesses.iter().filter(|witness| witness.times.is_empty() && witness.doubt.is_none());
            let (mut shown, mut how) = (false, None);
            for witness in usable.take(CANDIDATES) {
                how.get_or_insert_with(|| witness.words());
                if one(walk, entry, witness).await {
                    (shown, how) = (true, Some(witness.words()));
                    break;
                }
            }
            if let Some(how) = how {
                played.push(Witnessed { entry: entry.name.clone(), sink: sink.to_string(), how, shown });
            }
        }
    }
    played
}

/// Whether a call that goes this way comes to the sink.
async fn one(walk: &Walk, entry: &Entry, witness: &Witness) -> bool {
    let number = witness.callers.first().map_or("", String::as_str);
    let dialled = if witness.dialled == "s" { "" } else { &witness.dialled };
    let Some(mut run) = walk.place(entry, dialled, number).await else { return false };
    let mut there = came(&run, witness);
    let mut listens = walk.settle(&run, None).await.is_some();
    for act in &witness.acts {
        there |= came(&run, witness);
        if there || !listens {
            break;
        }
        let act = match act {
            audit::Act::Keys(keys) | audit::Act::Secret { keys, .. } => Act::Keys(keys.clone()),
            audit::Act::Silence => Act::Silence,
            audit::Act::HangUp => break,
        };
        listens = walk.act(entry, &mut run, &act).await.is_some();
    }
    if !there {
        tokio::time::sleep(AFTERWARDS).await;
        there = came(&run, witness);
    }
    walk.note(entry, &run);
    there
}

/// Whether the line of the witness was passed.
fn came(run: &Run, witness: &Witness) -> bool {
    let (context, priority, app) = &witness.line;
    run.watch.seen().lines.iter().any(|line| {
        let Some((place, ran)) = line.rsplit_once(' ') else { return false };
        let mut parts = place.split(',');
        parts.next() == Some(context.as_str())
            && place.rsplit(',').next() == Some(priority.to_string().as_str())
            && ran.eq_ignore_ascii_case(app)
    })
}
