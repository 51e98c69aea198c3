//! `tollgate simulate`: one call through the plan, step by step, in virtual time: the code of a real call without its sockets.

use super::places::Subject;
use super::print::say;
use super::{Common, Simulate, print};
use crate::exchange::play;
use crate::exchange::snapshot::{missing_sounds, sound_folders};
use crate::fault::{Fault, Outcome};
use crate::prompts::Prompts;
use pbx::pin::{Digits, PinOf};
use pbx::simulate::{Party, Script, Simulation};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Walks it and prints what happened.
pub(super) fn run(common: &Common, simulate: &Simulate) -> Outcome<u8> {
    let Subject::Home(built) = Subject::read(common, &simulate.place)? else {
        return Err(Fault::unusable("a plan alone does not say who may call: simulate needs a tollgate.toml")
            .repair("write one that names it: [dialplan] files = [\"extensions.conf\"]"));
    };
    let snapshot = &built.snapshot;
    let from = play::who(&snapshot.config, &simulate.from)?;
    let prompts = Prompts::new(sound_folders(&common.home, &snapshot.config));
    let mut simulation = Simulation::new(snapshot, from, &simulate.to, Arc::new(prompts));
    simulation.script = Script::parse(&simulate.keys).map_err(|error| Fault::unusable(format!("--keys {error}")))?;
    simulation.at = play::at(&snapshot.config, simulate.at.as_deref())?;
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
