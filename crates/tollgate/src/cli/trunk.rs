//! `tollgate trunk|did`: outside lines, and the numbers that come in by them. Through the running exchange if there is one, else directly in
//! the home, under its lock.

use super::keep::{done, edit, open, show};
use super::print::say;
use super::{Common, Did, Trunk, print};
use crate::config_file::edit::Change;
use crate::control::client::Client;
use crate::control::{Request, Secret};
use crate::exchange::{block_on, deeds};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::vault;
use serde_json::Value;
use std::io::Read as _;
use std::time::Duration;
use store::Mode;
use zeroize::Zeroizing;

/// A test goes through names, connections, questions and a call.
const TEST: Duration = Duration::from_secs(120);

/// `tollgate trunk …`
pub(super) fn trunk(common: &Common, what: &Trunk) -> Outcome<u8> {
    match what {
        Trunk::List => list(common)?,
        Trunk::Add { name, host, kind, username, transport, caller_id } => {
            let change = Change::AddTrunk {
                name: name.clone(),
                host: host.clone(),
                kind: kind.clone(),
                username: username.clone(),
                transport: transport.clone(),
                caller_id: caller_id.clone(),
            };
            edit(common, change)?;
            let secret = if kind == "register" || username.is_some() {
                format!("; give it its secret: tollgate trunk secret {name}")
            } else {
                String::new()
            };
            let said = format!("trunk {name} is added{secret}; nobody can call over it before a [route.…] leads there");
            done(common, &said);
        }
        Trunk::Remove { name } => {
            edit(common, Change::RemoveTrunk { name: name.clone() })?;
            done(common, &format!("trunk {name} is removed"));
        }
        Trunk::Secret { name } => {
            secret(common, name)?;
            done(common, &format!("the secret of trunk {name} is kept"));
        }
        Trunk::Test { name, call, user } => return test(common, name, call.clone(), user.clone()),
    }
    Ok(0)
}

/// `tollgate did …`
pub(super) fn did(common: &Common, what: &Did) -> Outcome<u8> {
    match what {
        Did::List => {
            let config = deeds::config(&common.home)?.config;
            let any = || "any".to_owned();
            let rows: Vec<[String; 3]> = config
                .dids
                .iter()
                .map(|(number, did)| [number.clone(), did.trunk.clone().unwrap_or_else(any), did.to.to_string()])
                .collect();
            show(common, "numbers", ["number", "trunk", "to"], &rows);
        }
        Did::Add { number, to, trunk } => {
            edit(common, Change::AddDid { number: number.clone(), trunk: trunk.clone(), to: to.clone() })?;
            done(common, &format!("{number} leads to {to}"));
        }
        Did::Remove { number } => {
            edit(common, Change::RemoveDid { number: number.clone() })?;
            done(common, &format!("{number} is removed"));
        }
    }
    Ok(0)
}

fn list(common: &Common) -> Outcome<()> {
    let config = deeds::config(&common.home)?.config;
    let now = match Client::reach(&common.home) {
        Some(mut client) => client.ask(&Request::Trunks)?,
        None => Value::Null,
    };
    let of = |name: &str, key: &str| {
        let all = now.as_array().map(Vec::as_slice).unwrap_or_default();
        let mine = all.iter().find(|trunk| trunk.get("name").and_then(Value::as_str) == Some(name));
        mine.and_then(|trunk| trunk.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let rows: Vec<[String; 7]> = config
        .trunks
        .iter()
        .map(|(name, trunk)| {
            let host = trunk.port.map_or(trunk.host.clone(), |port| format!("{}:{port}", trunk.host));
            let entry = trunk.entry.as_ref().map_or("its numbers".to_owned(), ToString::to_string);
            let state = Some(of(name, "state")).filter(|state| !state.is_empty());
            let state = state.unwrap_or_else(|| "not running".to_owned());
            let kind = format!("{:?}", trunk.kind).to_lowercase();
            [name.clone(), kind, host, entry, state, of(name, "at"), of(name, "why")]
        })
        .collect();
    show(common, "trunks", ["name", "kind", "host", "entry", "state", "at", "why"], &rows);
    Ok(())
}

/// One line of standard input.
fn read_secret() -> Outcome<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(vault::LONGEST + 2));
    let room = vault::LONGEST as u64 + 2;
    std::io::stdin().take(room).read_to_string(&mut text).doing(|| "read the secret".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Fault::unusable("no secret came on standard input")
            .repair("printf %s 'the secret' | tollgate trunk secret NAME"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn secret(common: &Common, name: &str) -> Outcome<()> {
    let secret = read_secret()?;
    if let Some(mut client) = Client::reach(&common.home) {
        let secret = Secret(secret.to_string());
        return client.ask(&Request::TrunkSecret { trunk: name.to_owned(), secret }).map(drop);
    }
    deeds::config(&common.home)?;
    let _lock = common.home.lock()?;
    block_on(async {
        let mode = if common.home.store().exists() { Mode::Edit } else { Mode::Run };
        let store = open(common, mode).await?;
        deeds::trunk_secret(&common.home, &store, name, &secret).await?;
        store.close().await.doing(|| "close the store".to_owned())
    })
}

/// Exit 1 if something does not work.
fn test(common: &Common, name: &str, call: Option<String>, user: Option<String>) -> Outcome<u8> {
    let Some(mut client) = Client::reach(&common.home) else {
        return Err(Fault::failed("the exchange is not running, so nothing can be tried").repair("start it: tollgate"));
    };
    client.patience(TEST);
    let steps = client.ask(&Request::TrunkTest { trunk: name.to_owned(), call, user })?;
    let list = steps.as_array().map(Vec::as_slice).unwrap_or_default();
    let fine = |step: &Value| step.get("fine").and_then(Value::as_bool).unwrap_or(false);
    if common.json {
        print::json(&steps);
    } else {
        for step in list {
            let of = |key: &str| print::clean(step.get(key).and_then(Value::as_str).unwrap_or_default());
            say!("{}  {:<13} {}", if fine(step) { "fine" } else { "LOOK" }, of("step"), of("said"));
        }
    }
    Ok(u8::from(!list.iter().all(fine)))
}
