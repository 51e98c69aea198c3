//! `tollgate extension|group`: what an owner keeps. Through the running exchange if there is one, else directly in the home, under its lock.

use super::print::say;
use super::{Common, Extension, Group, print};
use crate::config_file::edit::Change;
use crate::control::Request;
use crate::control::client::Client;
use crate::exchange::{block_on, deeds, wall};
use crate::fault::{Doing as _, Outcome};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::{Mode, Store};

/// `tollgate extension …`
pub(super) fn extension(common: &Common, what: &Extension) -> Outcome<u8> {
    match what {
        Extension::List => list_extensions(common)?,
        Extension::Add { number, name, may, mailbox } => {
            let change = Change::AddExtension {
                number: number.clone(),
                name: name.clone(),
                may: may.clone(),
                mailbox: *mailbox,
            };
            edit(common, change)?;
            secret(common, number)?;
        }
        Extension::Rotate { number } => secret(common, number)?,
        Extension::Remove { number } => {
            edit(common, Change::RemoveExtension { number: number.clone() })?;
            done(common, &format!("extension {number} is removed"));
        }
    }
    Ok(0)
}

/// `tollgate group …`
pub(super) fn group(common: &Common, what: &Group) -> Outcome<u8> {
    match what {
        Group::List => {
            let config = deeds::config(&common.home)?.config;
            let rows: Vec<[String; 5]> = config
                .groups
                .iter()
                .map(|(number, group)| {
                    let ring = format!("{:?}", group.ring).to_lowercase();
                    let seconds = group.seconds.to_string();
                    [number.clone(), group.members.join(","), ring, seconds, group.then.to_string()]
                })
                .collect();
            show(common, "groups", ["number", "members", "ring", "seconds", "then"], &rows);
        }
        Group::Add { number, members, ring, seconds } => {
            let change = Change::AddGroup {
                number: number.clone(),
                members: members.clone(),
                ring: ring.clone(),
                seconds: *seconds,
            };
            edit(common, change)?;
            done(common, &format!("group {number} is added"));
        }
        Group::Remove { number } => {
            edit(common, Change::RemoveGroup { number: number.clone() })?;
            done(common, &format!("group {number} is removed"));
        }
    }
    Ok(0)
}

/// Changes the text, in a running exchange with a reload.
pub(super) fn edit(common: &Common, change: Change) -> Outcome<()> {
    if let Some(mut client) = Client::reach(&common.home) {
        return client.ask(&Request::Edit { change }).map(drop);
    }
    deeds::config(&common.home)?;
    let _lock = common.home.lock()?;
    deeds::change(&common.home, &change)?;
    if let Change::RemoveExtension { number } = &change
        && common.home.store().exists()
    {
        block_on(async {
            let store = open(common, Mode::Edit).await?;
            let doing = || format!("forget the secret of {number}");
            store.remove_credentials(number).await.doing(doing)?;
            store.remove_registration(number, None).await.doing(doing)?;
            store.close().await.doing(doing)
        })?;
    }
    if let Some(of) = change.closes()
        && common.home.store().exists()
    {
        block_on(async {
            let store = open(common, Mode::Edit).await?;
            let doing = || format!("forget the PIN of {of}");
            store.remove_pin(&of.key()).await.doing(doing)?;
            store.close().await.doing(doing)
        })?;
    }
    Ok(())
}

/// Makes a secret new and shows it, this once.
fn secret(common: &Common, number: &str) -> Outcome<()> {
    let value = match Client::reach(&common.home) {
        Some(mut client) => client.ask(&Request::Rotate { user: number.to_owned() })?,
        None => {
            let config = deeds::config(&common.home)?.config;
            deeds::must_exist(&config, number)?;
            let _lock = common.home.lock()?;
            block_on(async {
                // A home that somebody wrote by hand has no store before its first start.
                let mode = if common.home.store().exists() { Mode::Edit } else { Mode::Run };
                let store = open(common, mode).await?;
                let rotated = deeds::rotate(&store, number).await?;
                // Whoever registered with the old secret has to come again.
                let doing = || format!("end the registrations of {number}");
                store.remove_registration(number, None).await.doing(doing)?;
                store.close().await.doing(|| "close the store".to_owned())?;
                Ok(rotated.to_json())
            })?
        }
    };
    if common.json {
        print::json(&value);
    } else {
        let of = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        say!("user    {}\nsecret  {}   (shown only now)\nrealm   {}", of("user"), of("secret"), of("realm"));
    }
    Ok(())
}

fn list_extensions(common: &Common) -> Outcome<()> {
    let config = deeds::config(&common.home)?.config;
    let (secrets, phones) = block_on(known(common))?;
    let rows: Vec<[String; 6]> = config
        .extensions
        .iter()
        .map(|(number, extension)| {
            let may: Vec<String> = extension.may.iter().map(ToString::to_string).collect();
            [
                number.clone(),
                extension.name.clone(),
                if secrets.contains(number) { "set" } else { "none" }.to_owned(),
                phones.get(number).map_or(String::new(), |all| all.join(" ")),
                may.join(","),
                extension.mailbox.clone().unwrap_or_default(),
            ]
        })
        .collect();
    show(common, "extensions", ["number", "name", "secret", "phones", "may", "mailbox"], &rows);
    Ok(())
}

/// Users with a secret, and where their phones are.
async fn known(common: &Common) -> Outcome<(BTreeSet<String>, BTreeMap<String, Vec<String>>)> {
    if !common.home.store().exists() {
        return Ok(Default::default());
    }
    let doing = || "read the store".to_owned();
    let store = open(common, Mode::Read).await?;
    let secrets = store.all_credentials().await.doing(doing)?.into_iter().map(|(user, _)| user).collect();
    let mut phones: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for registration in store.registrations(wall()).await.doing(doing)? {
        let at = format!("{}:{}", registration.transport, registration.remote);
        phones.entry(registration.aor).or_default().push(at);
    }
    Ok((secrets, phones))
}

pub(super) async fn open(common: &Common, mode: Mode) -> Outcome<Store> {
    let path = common.home.store();
    Store::open(&path, mode).await.doing(|| format!("open the store {}", path.display()))
}

/// A list, as a table or as JSON objects with the same names.
pub(super) fn show<const N: usize>(common: &Common, what: &str, head: [&str; N], rows: &[[String; N]]) {
    if common.json {
        let objects: Vec<Value> = rows
            .iter()
            .map(|row| head.iter().zip(row).map(|(key, cell)| ((*key).to_owned(), json!(cell))).collect())
            .collect();
        print::json(&Value::Array(objects));
    } else if rows.is_empty() {
        say!("no {what}");
    } else {
        print::table(head, rows);
    }
}

pub(super) fn done(common: &Common, text: &str) {
    if common.json {
        print::json(&json!({ "done": text }));
    } else {
        say!("{text}");
    }
}
