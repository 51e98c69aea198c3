//! `tollgate mailbox`: mailboxes and their PINs. A PIN is shown once, when it is made; the store keeps a hash.

use super::keep::{done, edit, open, show};
use super::print::say;
use super::{Common, Mailbox, print, spool};
use crate::config_file::edit::Change;
use crate::control::Request;
use crate::control::client::Client;
use crate::exchange::deeds::{self, Opens};
use crate::exchange::{block_on, wall};
use crate::fault::{Doing as _, Outcome};
use pbx::pin::PinOf;
use serde_json::Value;
use std::collections::BTreeMap;
use store::{Mode, PinLock};

/// `tollgate mailbox …`
pub(super) fn mailbox(common: &Common, what: &Mailbox) -> Outcome<u8> {
    match what {
        Mailbox::List => list(common)?,
        Mailbox::Add { number, name } => {
            edit(common, Change::AddMailbox { number: number.clone(), name: name.clone() })?;
            new_pin(common, &Opens::Mailbox(number.clone()))?;
        }
        Mailbox::Pin { number } => new_pin(common, &Opens::Mailbox(number.clone()))?,
        Mailbox::Messages { number } => return spool::messages(common, number.as_deref()),
        Mailbox::Export { folder, number } => return spool::export(common, folder, number.as_deref()),
        Mailbox::Import { folder } => return spool::import(common, folder),
        Mailbox::Remove { number } => {
            edit(common, Change::RemoveMailbox { number: number.clone() })?;
            done(common, &format!("mailbox {number} is removed"));
        }
    }
    Ok(0)
}

/// Makes a PIN new and shows it, this once.
pub(super) fn new_pin(common: &Common, opens: &Opens) -> Outcome<()> {
    let value = match Client::reach(&common.home) {
        Some(mut client) => client.ask(&Request::NewPin { opens: opens.clone() })?,
        None => {
            opens.must_exist(&deeds::config(&common.home)?.config)?;
            let _lock = common.home.lock()?;
            block_on(async {
                let store = open(common, Mode::Edit).await?;
                let pins = deeds::pins(&common.home, store.clone())?;
                let made = deeds::new_pin(&store, &pins, opens).await?;
                store.close().await.doing(|| "close the store".to_owned())?;
                Ok(made.to_json())
            })?
        }
    };
    if common.json {
        print::json(&value);
    } else {
        let pin = value.get("pin").and_then(Value::as_str).unwrap_or_default();
        say!("PIN of {}  {pin}   (shown only now)", opens.of());
    }
    Ok(())
}

fn list(common: &Common) -> Outcome<()> {
    let config = deeds::config(&common.home)?.config;
    let (set, locks) = block_on(kept(common))?;
    let rows: Vec<[String; 4]> = config
        .mailboxes
        .iter()
        .map(|(number, mailbox)| {
            let key = PinOf::Mailbox(number.clone()).key();
            let pin = if set.contains_key(&key) { "set" } else { "none" };
            [number.clone(), mailbox.name.clone(), pin.to_owned(), locked(&locks, &key)]
        })
        .collect();
    show(common, "mailboxes", ["number", "name", "pin", "locked"], &rows);
    Ok(())
}

/// Which PINs are set and since when, and which are locked now.
pub(super) async fn kept(common: &Common) -> Outcome<(BTreeMap<String, i64>, Vec<PinLock>)> {
    if !common.home.store().exists() {
        return Ok(Default::default());
    }
    let doing = || "read the store".to_owned();
    let store = open(common, Mode::Read).await?;
    let set = store.pins().await.doing(doing)?.into_iter().collect();
    Ok((set, store.pin_locks(wall()).await.doing(doing)?))
}

/// Who is locked out, and for how many more seconds.
pub(super) fn locked(locks: &[PinLock], key: &str) -> String {
    let mine = locks.iter().filter(|lock| lock.what == key);
    mine.map(|lock| format!("{} {} s", lock.who, (lock.until - wall()) / 1000)).collect::<Vec<_>>().join(", ")
}
