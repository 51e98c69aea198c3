//! `tollgate calls` and `tollgate channels`: what was, and what is.

use super::print::say;
use super::{Calls, Common, print};
use crate::control::Request;
use crate::control::client::Client;
use crate::exchange::block_on;
use crate::fault::{Doing as _, Fault, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use store::{CallFilter, Listed, Mode, Store};

/// How often `--follow` looks: records come in groups of 20 ms, eyes are slower.
const LOOK: Duration = Duration::from_millis(250);

/// `tollgate calls`
pub(super) fn run(common: &Common, calls: &Calls) -> Outcome<u8> {
    block_on(async {
        let path = common.home.store();
        if !path.exists() {
            return Err(Fault::unusable(format!("there is no home in {}", common.home.path().display()))
                .repair("name it with --home"));
        }
        let doing = || format!("read the store {}", path.display());
        let store = Store::open(&path, Mode::Read).await.doing(doing)?;
        let filter = CallFilter { limit: calls.limit, ..CallFilter::default() };
        let mut found = store.calls(&filter).await.doing(doing)?;
        found.reverse();
        if !calls.follow {
            if common.json {
                let all: Vec<Value> = found.iter().map(|listed| json!(listed)).collect();
                print::json(&Value::Array(all));
            } else {
                head();
                found.iter().for_each(row);
            }
            return Ok(0);
        }
        if !common.json {
            head();
        }
        let mut shown = BTreeSet::new();
        loop {
            for listed in &found {
                if listed.record.ended_at.is_some() && shown.insert(listed.n) {
                    if common.json {
                        say!("{}", json!(listed));
                    } else {
                        row(listed);
                    }
                }
            }
            // Only what may still come again has to be remembered.
            if let Some(oldest) = found.first().map(|listed| listed.n) {
                shown.retain(|n| *n >= oldest);
            }
            tokio::time::sleep(LOOK).await;
            let filter = CallFilter { limit: calls.limit.max(200), ..CallFilter::default() };
            found = store.calls(&filter).await.doing(doing)?;
            found.reverse();
        }
    })
}

fn head() {
    say!(
        "{:<19}  {:>5}  {:<10}  {:<28}  {:<20}  {:<20}  {:<5}  way",
        "begin",
        "s",
        "outcome",
        "origin",
        "from",
        "to",
        "codec"
    );
}

fn row(listed: &Listed) {
    let record = &listed.record;
    let at = jiff::Timestamp::from_millisecond(record.at)
        .map(|at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default();
    let seconds = match (record.answered_at, record.ended_at) {
        (Some(from), Some(to)) => ((to - from) / 1000).to_string(),
        _ => "-".to_owned(),
    };
    let way = record.path.last().cloned().unwrap_or_default();
    say!(
        "{at:<19}  {seconds:>5}  {:<10}  {:<28}  {:<20}  {:<20}  {:<5}  {}",
        record.disposition.to_string(),
        print::clean(&record.origin),
        print::clean(&record.from),
        print::clean(&record.to),
        record.codec.as_deref().unwrap_or("-"),
        print::clean(&way),
    );
}

/// `tollgate channels`
pub(super) fn channels(common: &Common) -> Outcome<u8> {
    let Some(mut client) = Client::reach(&common.home) else {
        return Err(Fault::failed(format!("no exchange is running on {}", common.home.path().display()))
            .repair("start it with: tollgate run"));
    };
    let list = client.ask(&Request::Channels)?;
    if common.json {
        print::json(&list);
        return Ok(0);
    }
    let rows: Vec<[String; 5]> = list
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .map(|call| {
            ["id", "origin", "entry", "dialled", "at"]
                .map(|key| call.get(key).and_then(Value::as_str).unwrap_or_default().to_owned())
        })
        .collect();
    if rows.is_empty() {
        say!("no calls");
    } else {
        print::table(["call", "origin", "entry", "dialled", "at"], &rows);
    }
    Ok(0)
}
