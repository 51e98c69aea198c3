//! Tries the ways that the proof found on the real applications, in virtual time: a sink that one of them gets to is
//! reachable and this is the witness; of every other one nobody has shown more than that it is possible.

use audit::{Act, EntryReport, Played, Witness};
use dialplan::number::classify;
use dialplan::policy::OriginKind;
use dialplan::reach::Sink;
use pbx::simulate::{Move, Script, Simulation, Trace, What};
use pbx::snapshot::Snapshot;
use pbx::sounds::Sounds;
use pbx::switch::Origin;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Calls that are played for one sink: a week's hours, or every way with every pace and caller ID.
const TRIES: usize = 200;
/// Calls that are played for one report; each takes a few milliseconds.
const ALL_TRIES: usize = 1_500;
/// Seconds that somebody waits before he presses keys: until it is quiet, in the middle of the prompt, past the time
/// between two digits, past the time for the first one.
const PACES: [Option<u64>; 4] = [None, Some(1), Some(6), Some(12)];
/// Seconds without keys after which an exchange goes on by itself.
const SILENCE: u64 = 16;
/// Midday of the first of January 2026, a Thursday.
const MIDDAY: i64 = 1_767_268_800_000;
const HOUR: i64 = 3_600_000;

/// Plays calls, until there were too many.
pub(crate) struct Replay<'a> {
    snapshot: &'a Snapshot,
    sounds: Arc<dyn Sounds>,
    left: usize,
}

impl<'a> Replay<'a> {
    /// Of calls through this configuration and plan.
    pub(crate) fn new(snapshot: &'a Snapshot, sounds: Arc<dyn Sounds>) -> Self {
        Self { snapshot, sounds, left: ALL_TRIES }
    }

    /// Whether a call of this entry gets to that sink.
    pub(crate) fn of(&mut self, entry: &EntryReport, sink: &Sink) -> Played {
        match self.shown(entry, sink) {
            Ok(shown) => shown.told(&self.snapshot.config.system.time_zone()),
            Err(why) => Played::Possible(why),
        }
    }

    /// The first call of this entry that gets to that sink, or why there is none to show.
    pub(crate) fn shown(&mut self, entry: &EntryReport, sink: &Sink) -> Result<Shown, String> {
        let from = match &entry.origin {
            OriginKind::Stranger => Origin::Stranger { source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)) },
            OriginKind::Trunk(name) => Origin::Trunk { name: name.clone() },
            OriginKind::Extension(user) => Origin::Extension { user: user.clone() },
            OriginKind::Grant(_) => {
                return Err("it takes the PIN of the grant, of which only a hash is kept".to_owned());
            }
            OriginKind::System => return Err("the exchange itself is no caller".to_owned()),
        };
        let Some(witnesses) = entry.witnesses.get(sink).filter(|all| !all.is_empty()) else {
            return Err("the coarse search found it, which knows lines and no keys".to_owned());
        };
        let mut tries = 0;
        let mut furthest: Option<String> = None;
        for witness in witnesses {
            for (caller, pace, at) in plays(witness) {
                if tries >= TRIES || self.left == 0 {
                    let why = if tries == 0 { "too many ways were tried already" } else { "too many ways to try" };
                    return Err(why.to_owned());
                }
                tries += 1;
                self.left -= 1;
                let (script, keys) = script(witness, pace);
                let mut call = Simulation::new(self.snapshot, from.clone(), &witness.dialled, Arc::clone(&self.sounds));
                call.script = script.clone();
                call.at = at;
                if let Some(number) = caller {
                    call.caller.number.clone_from(number);
                }
                let trace = call.run();
                if let Some(refused) = self.got_there(&trace, sink, witness) {
                    return Ok(Shown {
                        witness: witness.clone(),
                        script,
                        keys,
                        caller: caller.cloned(),
                        at: (!witness.times.is_empty()).then_some(at),
                        refused,
                        lines: trace.lines().map(|line| hidden(&line)).collect(),
                    });
                }
                furthest = trace.lines().last().map(|line| hidden(&line)).or(furthest);
            }
        }
        if let Some(doubt) = witnesses.iter().find_map(|witness| witness.doubt.clone()) {
            return Err(doubt);
        }
        let end = furthest.unwrap_or_else(|| "no line".to_owned());
        let calls = if tries == 1 {
            "one call was played, and it".to_owned()
        } else {
            format!("{tries} calls were played; the last")
        };
        Err(format!("{calls} came to {end}"))
    }

    /// Whether the call got there, and what the gate said.
    fn got_there(&self, trace: &Trace, sink: &Sink, witness: &Witness) -> Option<Option<String>> {
        let country = self.snapshot.config.system.country;
        let mut here = false;
        for moment in &trace.moments {
            match &moment.what {
                What::Step { place, line } => {
                    here = is_line(place, line, witness);
                    if here && !matches!(sink, Sink::Trunk(_) | Sink::Paid(_)) {
                        return Some(None);
                    }
                }
                What::Leg { trunk: Some(trunk), class, .. } => {
                    let same = match sink {
                        Sink::Trunk(name) => name == trunk,
                        Sink::Paid(paid) => paid.word() == class,
                        _ => false,
                    };
                    if same {
                        return Some(None);
                    }
                }
                // The plan got as far as dialling; the gate stands behind it.
                What::Refused { to, why } if here => {
                    let same = match sink {
                        Sink::Trunk(_) => true,
                        Sink::Paid(paid) => classify(country, to) == *paid,
                        _ => false,
                    };
                    if same {
                        return Some(Some(why.clone()));
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// A call that got there.
pub(crate) struct Shown {
    /// The way that it went.
    pub(crate) witness: Witness,
    /// What the caller did. PINs that stand in the plan are in it.
    pub(crate) script: Script,
    /// The same as `tollgate simulate --keys` takes it, without PINs.
    keys: String,
    /// The number that he presented, where he had to.
    pub(crate) caller: Option<String>,
    /// When it was, where that matters; milliseconds since 1970.
    pub(crate) at: Option<i64>,
    /// What the gate said, where it refused.
    refused: Option<String>,
    lines: Vec<String>,
}

impl Shown {
    /// The call in words.
    pub(crate) fn how(&self, zone: &jiff::tz::TimeZone) -> String {
        how(&self.witness, self.caller.as_ref(), self.at, zone)
    }

    fn told(self, zone: &jiff::tz::TimeZone) -> Played {
        Played::Reached {
            how: self.how(zone),
            keys: self.keys,
            dialled: self.witness.dialled,
            caller: self.caller,
            at: self.at,
            refused: self.refused,
            lines: self.lines,
        }
    }
}

/// Whether the witness's line ran there: its context and priority, and its application.
fn is_line(place: &str, line: &str, witness: &Witness) -> bool {
    let (context, priority, app) = &witness.line;
    let app_here = line.split('(').next().unwrap_or_default();
    place.strip_prefix(context.as_str()).is_some_and(|rest| rest.starts_with(','))
        && place.rsplit(',').next() == Some(priority.to_string().as_str())
        && app_here.eq_ignore_ascii_case(app)
}

/// Caller IDs, paces and times to try, the plainest first.
fn plays(witness: &Witness) -> impl Iterator<Item = (Option<&String>, Option<u64>, i64)> {
    let waits = witness.acts.iter().any(|act| !matches!(act, Act::HangUp));
    let paces = if waits { &PACES[..] } else { &PACES[..1] };
    let hours = if witness.times.is_empty() { 1 } else { 168 };
    let callers = std::iter::once(None).chain(witness.callers.iter().map(Some));
    callers.flat_map(move |caller| {
        paces.iter().flat_map(move |pace| (0..hours).map(move |hour| (caller, *pace, MIDDAY + hour * HOUR)))
    })
}

/// The caller's moves, and how `tollgate simulate --keys` writes them.
fn script(witness: &Witness, pace: Option<u64>) -> (Script, String) {
    let (mut moves, mut shown) = (Vec::new(), Vec::new());
    let wait = |seconds: u64, moves: &mut Vec<Move>, shown: &mut Vec<String>| {
        moves.push(Move::Wait(Duration::from_secs(seconds)));
        shown.push(format!("wait {seconds}"));
    };
    for act in &witness.acts {
        match act {
            Act::Keys(keys) | Act::Secret { keys, .. } => {
                if let Some(seconds) = pace {
                    wait(seconds, &mut moves, &mut shown);
                }
                moves.push(Move::Keys(keys.clone()));
                shown.push(if matches!(act, Act::Keys(_)) { keys.clone() } else { "PIN".to_owned() });
            }
            Act::Silence => wait(SILENCE, &mut moves, &mut shown),
            Act::HangUp => {
                moves.push(Move::HangUp);
                shown.push("hangup".to_owned());
            }
        }
    }
    (Script { moves }, shown.join(","))
}

/// The call in words.
fn how(witness: &Witness, caller: Option<&String>, at: Option<i64>, zone: &jiff::tz::TimeZone) -> String {
    let mut text = witness.words();
    if let Some(number) = caller {
        text += &format!("; with {number} as caller ID, which anybody can present");
    }
    if let Some(moment) = at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()) {
        text += &format!("; as on {}", moment.to_zoned(zone.clone()).strftime("%A at %H:%M"));
    }
    text
}

/// A line as it ran, without PINs.
fn hidden(line: &str) -> String {
    let Some((place, does)) = line.split_once(' ') else { return line.to_owned() };
    let Some((app, data)) = does.split_once('(') else { return line.to_owned() };
    let data = data.strip_suffix(')').unwrap_or(data);
    format!("{place} {app}({})", dialplan::apps::without_pin(app, data))
}
