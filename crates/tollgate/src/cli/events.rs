//! `tollgate events`: what an owner wants to read in the morning. Who writes them: `store.event`, everywhere.

use super::print::say;
use super::{Common, Events, print};
use crate::exchange::block_on;
use crate::fault::{Doing as _, Fault, Outcome};
use serde_json::{Value, json};
use std::time::Duration;
use store::{Event, EventFilter, Mode, Store};

/// How often `--follow` looks: eyes are slower.
const LOOK: Duration = Duration::from_millis(250);

/// Events that `--follow` reads in one look; the store sums up what comes faster.
const PAGE: u32 = 500;

/// `tollgate events`
pub(super) fn run(common: &Common, events: &Events) -> Outcome<u8> {
    block_on(async {
        let path = common.home.store();
        if !path.exists() {
            return Err(Fault::unusable(format!("there is no home in {}", common.home.path().display()))
                .repair("name it with --home"));
        }
        let doing = || format!("read the store {}", path.display());
        let store = Store::open(&path, Mode::Read).await.doing(doing)?;
        let filter = EventFilter { kind: events.kind.clone(), limit: events.limit, ..EventFilter::default() };
        let mut found = store.events(&filter).await.doing(doing)?;
        found.reverse();
        if common.json && !events.follow {
            print::json(&Value::Array(found.iter().map(|event| json!(event)).collect()));
            return Ok(0);
        }
        let mut newest = 0;
        loop {
            for event in found.iter().filter(|event| event.id > newest) {
                if common.json { say!("{}", json!(event)) } else { row(event) }
            }
            newest = found.last().map_or(newest, |event| event.id.max(newest));
            if !events.follow {
                return Ok(0);
            }
            tokio::time::sleep(LOOK).await;
            let filter = EventFilter { kind: events.kind.clone(), limit: PAGE, ..EventFilter::default() };
            found = store.events(&filter).await.doing(doing)?;
            found.reverse();
        }
    })
}

fn row(event: &Event) {
    let at = jiff::Timestamp::from_millisecond(event.at)
        .map(|at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default();
    let times = if event.count > 1 { format!("  ({} times)", event.count) } else { String::new() };
    say!("{at:<19}  {:<20}  {}{times}", print::clean(&event.kind), print::clean(&event.text));
    if let Some(notice) = pbx::notice::notice(&event.kind) {
        say!("{:<19}  {:<20}  done: {}; you may: {}", "", "", notice.done, notice.may);
    }
}
