//! A home before its exchange runs: made if it is missing, its lock taken, and what a first start prints.

use crate::config_file;
use crate::exchange::deeds::{self, NewPin, Opens, Rotated};
use crate::fault::{Doing as _, Outcome};
use crate::home::make::Making;
use crate::home::{Home, Lock, State};
use store::{Mode, Store};

/// A home that is whole and ours.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Ours while this lives.
    pub(crate) lock: Lock,
    /// Secrets that were made just now, to be shown once.
    pub(crate) secrets: Vec<Rotated>,
    /// PINs of mailboxes that were made just now, to be shown once.
    pub(crate) pins: Vec<NewPin>,
    /// There was nothing before.
    pub(crate) first: bool,
}

/// Makes what is missing. `text` is the configuration for a place that has none; its extensions get secrets. Phones of a configuration that
/// somebody wrote get theirs from `rotate`, when their owner asks.
pub(crate) async fn prepare(home: &Home, state: State, text: &str) -> Outcome<Prepared> {
    let whole = state == State::Lived && home.path().join("cert").join("key.pem").exists() && home.pepper().exists();
    if whole {
        let lock = home.lock()?;
        home.close_to_others()?;
        return Ok(Prepared { lock, secrets: Vec::new(), pins: Vec::new(), first: false });
    }
    let making = Making::begin(home, state)?;
    let (mut users, mut mailboxes) = (Vec::new(), Vec::new());
    let first = matches!(state, State::Absent | State::Empty);
    if first {
        making.config(text)?;
        if let Ok(read) = config_file::read("tollgate.toml", text) {
            users.extend(read.config.extensions.into_keys());
            mailboxes.extend(read.config.mailboxes.into_keys());
        }
    }
    let (mut secrets, mut pins) = (Vec::new(), Vec::new());
    if !home.store().exists() {
        let store = Store::open(&making.store(), Mode::Run).await.doing(|| "make the store".to_owned())?;
        for user in &users {
            secrets.push(deeds::rotate(&store, user).await?);
        }
        if !mailboxes.is_empty() {
            let kept = deeds::pins_with(&making.pepper(), store.clone())?;
            for number in mailboxes {
                pins.push(deeds::new_pin(&store, &kept, &Opens::Mailbox(number)).await?);
            }
        }
        store.close().await.doing(|| "make the store".to_owned())?;
    }
    let lock = making.finish()?;
    home.close_to_others()?;
    Ok(Prepared { lock, secrets, pins, first })
}
