//! `tollgate drill`: the exchange calls itself and presses every key.

use super::keep::open;
use super::print::say;
use super::{Common, Drill, DrillFormat, print};
use crate::control::Request;
use crate::control::client::Client;
use crate::drill::{DrillReport, Level, Status, Wishes};
use crate::exchange::block_on;
use crate::fault::{Doing as _, Fault, Outcome};
use std::io::IsTerminal as _;
use std::time::Duration;
use store::Mode;

/// Between two questions how it goes.
const ASK: Duration = Duration::from_millis(500);
/// Between two lines of progress where they do not overwrite each other.
const TELL: u32 = 20;

/// `tollgate drill`; 1 if somebody from outside came to an outside line.
pub(super) fn run(common: &Common, what: &Drill) -> Outcome<u8> {
    if what.list {
        return list(common);
    }
    if let Some(id) = what.show {
        let all = kept(common)?;
        let at = all.iter().position(|(known, _)| *known == id);
        let (report, before) = at
            .and_then(|at| Some((&all.get(at)?.1, all.get(at + 1).map(|(_, report)| report))))
            .ok_or_else(|| Fault::failed(format!("there is no drill {id}")).repair("see: tollgate drill --list"))?;
        return Ok(tell(common, what.format, report, before));
    }
    let mut client = Client::reach(&common.home).ok_or_else(|| {
        Fault::failed("the exchange does not run, and a drill calls it").repair("start it with: tollgate run")
    })?;
    if what.stop {
        client.ask(&Request::DrillStop)?;
        say!("the drill ends");
        return Ok(0);
    }
    let before = kept(common)?.into_iter().next().map(|(_, report)| report);
    let wishes = Wishes {
        ring: what.ring,
        at_once: what.at_once,
        minutes: what.minutes,
        from: what.from.clone(),
        watched: true,
    };
    client.ask(&Request::Drill { wishes })?;
    let report = follow(&mut client)?;
    // Another entry alone is no drill to compare with.
    let before = before.filter(|_| what.from.is_none());
    Ok(tell(common, what.format, &report, before.as_ref()))
}

/// Shows how it goes until it is over.
fn follow(client: &mut Client) -> Outcome<DrillReport> {
    let terminal = std::io::stderr().is_terminal();
    let mut turn = 0_u32;
    loop {
        let answer = client.ask(&Request::DrillStatus)?;
        match serde_json::from_value(answer).doing(|| "understand how the drill goes".to_owned())? {
            Status::Over(report) => {
                if terminal {
                    eprintln!();
                }
                return Ok(*report);
            }
            Status::Failed(why) => return Err(Fault::failed(format!("the drill broke off: {why}"))),
            Status::Idle => return Err(Fault::failed("the exchange was started again: there is no drill any more")),
            Status::On(now) => {
                let line = format!(
                    "{} s: {} calls, {} keys, {} tried, {} to try, {} lines of the plan, {} ways out for outsiders",
                    now.seconds, now.calls, now.keys, now.done, now.open, now.lines, now.ways
                );
                if terminal {
                    eprint!("\r{line}\x1b[K");
                } else if turn.is_multiple_of(TELL) {
                    eprintln!("{line}");
                }
            }
        }
        turn = turn.wrapping_add(1);
        std::thread::sleep(ASK);
    }
}

fn tell(common: &Common, format: DrillFormat, report: &DrillReport, before: Option<&DrillReport>) -> u8 {
    match format {
        _ if common.json => print::json(&report.json(before)),
        DrillFormat::Json => print::json(&report.json(before)),
        DrillFormat::Text => print::text(&print::lines(&report.text(before))),
        DrillFormat::Html => print::text(&report.html(before)),
    }
    u8::from(matches!(report.level(), Level::GateOnly | Level::Open))
}

/// Reports in the store, newest first.
fn kept(common: &Common) -> Outcome<Vec<(i64, DrillReport)>> {
    if !common.home.store().exists() {
        return Ok(Vec::new());
    }
    let rows = block_on(async {
        let store = open(common, Mode::Read).await?;
        store.drills(100).await.doing(|| "read the drills".to_owned())
    })?;
    // One of another version is left out.
    Ok(rows.into_iter().filter_map(|row| Some((row.id, serde_json::from_str(&row.text).ok()?))).collect())
}

fn list(common: &Common) -> Outcome<u8> {
    let rows: Vec<[String; 4]> = kept(common)?
        .iter()
        .map(|(id, report)| {
            let at = jiff::Timestamp::from_millisecond(report.at).unwrap_or_default();
            [id.to_string(), at.to_string(), format!("{} s", report.seconds), report.verdict()]
        })
        .collect();
    super::keep::show(common, "drills", ["number", "at", "took", "verdict"], &rows);
    Ok(0)
}
