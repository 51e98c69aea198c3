//! `tollgate ban`: who is shut out. Through the running exchange if there is one, else directly in the home, under its lock.

use super::print::say;
use super::{Ban, Common, print};
use crate::control::Request;
use crate::control::client::Client;
use crate::exchange::{block_on, deeds, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use pbx::guard::{self, nft, sums::words};
use serde_json::json;
use std::time::Duration;
use store::{Mode, Store};

pub(super) fn run(common: &Common, what: &Ban) -> Outcome<u8> {
    match what {
        Ban::List => list(common, &bans(common)?),
        Ban::Add { source, minutes } => {
            let seconds = minutes.map(|minutes| minutes.saturating_mul(60));
            let ban = match Client::reach(&common.home) {
                Some(mut client) => {
                    let value = client.ask(&Request::Ban { source: source.clone(), seconds })?;
                    serde_json::from_value(value).doing(|| "read the answer".to_owned())?
                }
                None => add(common, source, seconds)?,
            };
            if common.json {
                print::json(&json!(ban));
            } else {
                say!("{} is shut out {}", ban.source, left(&ban));
            }
        }
        Ban::Remove { source } => {
            match Client::reach(&common.home) {
                Some(mut client) => drop(client.ask(&Request::Unban { source: source.clone() })?),
                None => remove(common, source)?,
            }
            if common.json {
                print::json(&json!({ "removed": source }));
            } else {
                say!("{source} is let in again");
            }
        }
        Ban::Export => {
            // A ban that is older than the line in the settings must not reach the packet filter.
            let rules = deeds::config(&common.home)?.config.bans;
            let mut bans = bans(common)?;
            bans.retain(|ban| guard::parse(&ban.source).is_ok_and(|ip| !rules.spares(ip)));
            let script = nft::script(&bans, wall());
            say!("{}", script.trim_end());
        }
    }
    Ok(0)
}

fn bans(common: &Common) -> Outcome<Vec<store::Ban>> {
    if let Some(mut client) = Client::reach(&common.home) {
        return serde_json::from_value(client.ask(&Request::Bans)?).doing(|| "read the answer".to_owned());
    }
    deeds::config(&common.home)?;
    if !common.home.store().exists() {
        return Ok(Vec::new());
    }
    let now = wall();
    let all = block_on(async { open(common, Mode::Read).await?.bans().await.doing(|| "read the bans".to_owned()) })?;
    Ok(all.into_iter().filter(|ban| ban.until > now).collect())
}

fn add(common: &Common, source: &str, seconds: Option<u64>) -> Outcome<store::Ban> {
    let ip = guard::parse(source).map_err(Fault::failed)?;
    let rules = deeds::config(&common.home)?.config.bans;
    if rules.spares(ip) {
        return Err(deeds::never_banned(source));
    }
    let _lock = common.home.lock()?;
    block_on(async {
        let store = open(common, if common.home.store().exists() { Mode::Edit } else { Mode::Run }).await?;
        let doing = || format!("keep the ban of {source}");
        let before = store.bans().await.doing(doing)?.into_iter().find(|ban| ban.source == guard::text(ip));
        let times = before.map_or(0, |ban| ban.times).saturating_add(1);
        let time = seconds.map_or_else(|| rules.time(times), Duration::from_secs).min(pbx::limits::BAN_LONGEST);
        let until = wall().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let ban = store::Ban { source: guard::text(ip), since: wall(), until, times, why: "by the owner".to_owned() };
        store.save_ban(ban.clone()).await.doing(doing)?;
        store.close().await.doing(doing)?;
        Ok(ban)
    })
}

fn remove(common: &Common, source: &str) -> Outcome<()> {
    let ip = guard::parse(source).map_err(Fault::failed)?;
    deeds::config(&common.home)?;
    let _lock = common.home.lock()?;
    let known = common.home.store().exists()
        && block_on(async {
            let store = open(common, Mode::Edit).await?;
            let doing = || format!("forget the ban of {source}");
            let known = store.remove_ban(&guard::text(ip)).await.doing(doing)?;
            store.close().await.doing(doing)?;
            Ok(known)
        })?;
    if known { Ok(()) } else { Err(Fault::failed(format!("{source} is not banned")).repair("tollgate ban list")) }
}

async fn open(common: &Common, mode: Mode) -> Outcome<Store> {
    let path = common.home.store();
    Store::open(&path, mode).await.doing(|| format!("open the store {}", path.display()))
}

fn left(ban: &store::Ban) -> String {
    let left = u64::try_from(ban.until.saturating_sub(wall())).unwrap_or(0);
    format!("for {}", words(Duration::from_millis(left.saturating_add(500))))
}

fn list(common: &Common, bans: &[store::Ban]) {
    if common.json {
        print::json(&json!(bans));
    } else if bans.is_empty() {
        say!("nobody is shut out");
    } else {
        let rows: Vec<[String; 4]> =
            bans.iter().map(|ban| [ban.source.clone(), left(ban), ban.times.to_string(), ban.why.clone()]).collect();
        print::table(["source", "still", "times", "why"], &rows);
    }
}
