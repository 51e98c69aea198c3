//! `tollgate simulate`: one call through the plan, step by step, in virtual time: the code of a real call without its sockets.

use super::places::Subject;
use super::print::say;
use super::{Common, Simulate, print};
use crate::exchange::snapshot::{missing_sounds, sound_folders};
use crate::exchange::wall;
use crate::fault::{Fault, Outcome};
use crate::prompts::Prompts;
use pbx::config::Config;
use pbx::pin::{Digits, PinOf};
use pbx::simulate::{Party, Script, Simulation};
use pbx::switch::Origin;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// An address of the documentation range (RFC 5737) stands for "anywhere".
const ANYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Walks it and prints what happened.
pub(super) fn run(common: &Common, simulate: &Simulate) -> Outcome<u8> {
    let Subject::Home(built) = Subject::read(common, &simulate.place)? else {
        return Err(Fault::unusable("a plan alone does not say who may call: simulate needs a tollgate.toml")
            .repair("write one that names it: [dialplan] files = [\"extensions.conf\"]"));
    };
    let snapshot = &built.snapshot;
    let from = who(&snapshot.config, &simulate.from)?;
    let prompts = Prompts::new(sound_folders(&common.home, &snapshot.config));
    let mut simulation = Simulation::new(snapshot, from, &simulate.to, Arc::new(prompts));
    simulation.script = Script::parse(&simulate.keys).map_err(|error| Fault::unusable(format!("--keys {error}")))?;
    simulation.at = at(&snapshot.config, simulate.at.as_deref())?;
    if !simulate.caller_id.is_empty() {
        simulation.caller.number.clone_from(&simulate.caller_id);
    }
    simulation.phones = parties(&simulate.phone, "--phone")?;
    simulation.trunks = parties(&simulate.trunk, "--trunk")?;
    simulation.pins = simulate.pin.iter().map(|text| pin(text)).collect::<Outcome<_>>()?;
    let trace = simulation.run();
    if common.json {
        print::json(&json!(trace));
        return Ok(0);
    }
    for moment in &trace.moments {
        say!("{:>8.2}  {}", moment.at, print::clean(&moment.what.to_string()));
    }
    let prompts = Prompts::new(sound_folders(&common.home, &snapshot.config));
    for finding in missing_sounds(&snapshot.program, &prompts, &snapshot.config.system.language) {
        eprintln!("{}", finding.render(&built.sources).trim_end());
    }
    Ok(0)
}

/// `stranger`, `extension:204` or `204`, `trunk:itsp`.
fn who(config: &Config, text: &str) -> Outcome<Origin> {
    let (kind, name) = text.split_once(':').unwrap_or(("", text));
    match (kind, name) {
        ("", "stranger" | "strangers") => Ok(Origin::Stranger { source: ANYWHERE }),
        ("extension" | "", user) if config.extensions.contains_key(user) => {
            Ok(Origin::Extension { user: user.to_owned() })
        }
        ("trunk" | "", name) if config.trunks.contains_key(name) => Ok(Origin::Trunk { name: name.to_owned() }),
        _ => {
            let extensions = config.extensions.keys().map(|user| format!("extension:{user}"));
            let trunks = config.trunks.keys().map(|name| format!("trunk:{name}"));
            let known: Vec<String> = extensions.chain(trunks).collect();
            Err(Fault::unusable(format!("nobody is called {text}"))
                .repair(format!("--from stranger, {}", known.join(", "))))
        }
    }
}

/// The moment of the call, as civil time where the exchange is.
fn at(config: &Config, text: Option<&str>) -> Outcome<i64> {
    let Some(text) = text else { return Ok(wall()) };
    let wrong = |error: jiff::Error| Fault::unusable(format!("--at {text}: {error}")).repair("as in 2026-12-24T18:00");
    let civil: jiff::civil::DateTime = text.parse().map_err(wrong)?;
    let zoned = civil.to_zoned(config.system.time_zone()).map_err(wrong)?;
    Ok(zoned.timestamp().as_millisecond())
}

/// `grant:disa-me=739482`
fn pin(text: &str) -> Outcome<(PinOf, Digits)> {
    let wrong = || Fault::unusable("--pin: what it opens and its digits").repair("as in --pin grant:disa-me=739482");
    let (what, digits) = text.split_once('=').ok_or_else(wrong)?;
    let of = match what.split_once(':') {
        Some(("grant", name)) => PinOf::Grant(name.to_owned()),
        Some(("mailbox", number)) => PinOf::Mailbox(number.to_owned()),
        _ => return Err(wrong()),
    };
    Ok((of, Digits::new(digits)))
}

/// `204=answers 5`
fn parties(list: &[String], option: &str) -> Outcome<BTreeMap<String, Party>> {
    list.iter()
        .map(|text| {
            let (name, does) = text.split_once('=').ok_or_else(|| {
                Fault::unusable(format!("{option} {text}")).repair(format!("as in {option} \"204=answers 5\""))
            })?;
            let party = Party::parse(does).map_err(|error| Fault::unusable(format!("{option} {error}")))?;
            Ok((name.to_owned(), party))
        })
        .collect()
}
