//! What an owner does to a home: rotate a secret, add and remove things. The same code serves the command line and the control socket;
//! a running exchange is told afterwards.

use crate::config_file::edit::{self, Change};
use crate::config_file::{self, Read, text_of};
use crate::exchange::{snapshot, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::vault::Vault;
use crate::home::{Home, write_private};
use pbx::config::{Config, SecretRef};
use pbx::pin::{Hasher, InStore, PinOf, Pins};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sip::Ha1;
use std::path::Path;
use std::sync::Arc;
use store::Store;
use zeroize::Zeroizing;

/// Letters and digits that nobody mistakes for others, in print or on a phone's display: 32 of them, 5 bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Characters of a secret: 26 of 5 bits are 130 bits.
const SECRET: usize = 26;

/// A new secret that can be typed into a phone.
pub(crate) fn new_secret() -> Outcome<String> {
    let mut bytes = [0_u8; SECRET];
    getrandom::fill(&mut bytes).doing(|| "get random bytes from the system".to_owned())?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('a', char::from);
    Ok(bytes.iter().map(letter).collect())
}

/// A user's new secret, to be shown once.
#[derive(Debug)]
pub(crate) struct Rotated {
    /// The user.
    pub(crate) user: String,
    /// The secret.
    pub(crate) secret: String,
    /// The realm of the digests.
    pub(crate) realm: String,
    /// What was stored of it.
    pub(crate) ha1: Ha1,
}

impl Rotated {
    /// As `--json` prints it.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "user": self.user, "secret": self.secret, "realm": self.realm })
    }
}

/// Makes a user's secret new in the store.
pub(crate) async fn rotate(store: &Store, user: &str) -> Outcome<Rotated> {
    let secret = new_secret()?;
    let realm = store.realm().to_owned();
    let ha1 = Ha1::of(user, &realm, &secret);
    let mut credentials = store::Credentials { ha1_sha256: [0; 32], ha1_md5: [0; 16], rotated_at: wall() };
    hex::decode_to_slice(&ha1.sha256, &mut credentials.ha1_sha256).doing(|| "keep the digest".to_owned())?;
    hex::decode_to_slice(&ha1.md5, &mut credentials.ha1_md5).doing(|| "keep the digest".to_owned())?;
    store.set_credentials(user, credentials).await.doing(|| format!("keep the secret of {user}"))?;
    store.event(wall(), "secret-rotated", &format!("extension {user}"));
    Ok(Rotated { user: user.to_owned(), secret, realm, ha1 })
}

/// The PINs of a home: hashes in its store, made with the pepper in its key file.
pub(crate) fn pins(home: &Home, store: Store) -> Outcome<Pins> {
    pins_with(&home.pepper(), store)
}

/// The same with a key file that is not in its place yet.
pub(crate) fn pins_with(path: &Path, store: Store) -> Outcome<Pins> {
    let pepper = Zeroizing::new(std::fs::read(path).doing(|| format!("read the key file {}", path.display()))?);
    if pepper.len() < 32 {
        return Err(Fault::unusable(format!("the key file {} is damaged", path.display()))
            .repair("put it back from a backup; without it every PIN has to be made new"));
    }
    Ok(Pins::new(Arc::new(InStore(store)), Hasher::new(pepper)))
}

/// What a PIN is made new for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Opens {
    /// A mailbox.
    Mailbox(String),
    /// A grant.
    Grant(String),
}

impl Opens {
    /// In the words of a call.
    pub(crate) fn of(&self) -> PinOf {
        match self {
            Self::Mailbox(number) => PinOf::Mailbox(number.clone()),
            Self::Grant(name) => PinOf::Grant(name.clone()),
        }
    }

    /// Whether the configuration has it.
    pub(crate) fn must_exist(&self, config: &Config) -> Outcome<()> {
        match self {
            Self::Grant(name) if config.grants.contains_key(name) => Ok(()),
            Self::Grant(name) => Err(Fault::failed(format!("there is no grant {name}"))
                .repair(format!("see: tollgate grant list; make it with: tollgate grant add {name}"))),
            Self::Mailbox(number) if config.mailboxes.contains_key(number) => Ok(()),
            Self::Mailbox(number) => {
                let known: Vec<&str> = config.mailboxes.keys().map(String::as_str).collect();
                Err(Fault::failed(format!("there is no mailbox {number}"))
                    .repair(format!("there are {}; make it with: tollgate mailbox add {number}", known.join(", "))))
            }
        }
    }
}

/// A new PIN, to be shown once.
#[derive(Debug)]
pub(crate) struct NewPin {
    /// What it opens, as commands spell it.
    pub(crate) of: (&'static str, String),
    /// The digits.
    pub(crate) pin: pbx::pin::Digits,
}

impl NewPin {
    /// As `--json` prints it.
    pub(crate) fn to_json(&self) -> Value {
        let (kind, name) = &self.of;
        let mut value = json!({ "pin": self.pin.reveal() });
        if let Some(object) = value.as_object_mut() {
            object.insert((*kind).to_owned(), json!(name));
        }
        value
    }
}

/// Makes a PIN new in the store.
pub(crate) async fn new_pin(store: &Store, pins: &Pins, opens: &Opens) -> Outcome<NewPin> {
    let of = opens.of();
    let pin = pins.set_random(&of, wall()).await.doing(|| format!("make a PIN for {of}"))?;
    store.event(wall(), "pin-new", &format!("{of} has a new PIN, made by its owner on the command line"));
    let of = match opens {
        Opens::Mailbox(number) => ("mailbox", number.clone()),
        Opens::Grant(name) => ("grant", name.clone()),
    };
    Ok(NewPin { of, pin })
}

/// Keeps a trunk's secret, sealed. Needs the home's lock or its running exchange.
pub(crate) async fn trunk_secret(home: &Home, store: &Store, name: &str, secret: &str) -> Outcome<()> {
    let config = config(home)?.config;
    let Some(trunk) = config.trunks.get(name) else {
        return Err(Fault::failed(format!("there is no trunk {name}")).repair("see: tollgate trunk list"));
    };
    let kept = match &trunk.secret {
        Some(SecretRef::Store(kept)) => kept,
        Some(SecretRef::Env(variable)) => {
            return Err(Fault::failed(format!(
                "trunk {name} takes its secret from the environment variable {variable}"
            ))
            .repair(format!("write secret = \"store:{name}\" under [trunk.{name}] in tollgate.toml")));
        }
        None => {
            return Err(Fault::failed(format!("trunk {name} uses no secret"))
                .repair(format!("write secret = \"store:{name}\" under [trunk.{name}] in tollgate.toml")));
        }
    };
    let sealed = Vault::open(home)?.seal(kept, secret)?;
    store.set_secret(kept, &sealed, wall()).await.doing(|| format!("keep the secret of {name}"))?;
    store.event(wall(), "secret-rotated", &format!("trunk {name}"));
    Ok(())
}

/// The configuration of a home, or all that is wrong with it.
pub(crate) fn config(home: &Home) -> Outcome<Read> {
    let path = home.config();
    if !path.exists() {
        return Err(Fault::unusable(format!("there is no home in {}", home.path().display()))
            .repair("start the exchange once, or name its home with --home"));
    }
    let text = text_of(&path)?;
    config_file::read(&path.display().to_string(), &text).map_err(|broken| broken.fault())
}

/// Does the configuration have this extension?
pub(crate) fn must_exist(config: &Config, user: &str) -> Outcome<()> {
    if config.extensions.contains_key(user) {
        return Ok(());
    }
    let known: Vec<&str> = config.extensions.keys().map(String::as_str).collect();
    Err(Fault::failed(format!("there is no extension {user}"))
        .repair(format!("there are {}; make it with: tollgate extension add {user}", known.join(", "))))
}

/// What is said to whoever wants to ban a source that `[bans] never` names.
pub(crate) fn never_banned(source: &str) -> Fault {
    Fault::failed(format!("{source} is never shut out")).repair("take it from never in [bans] first")
}

/// Changes the text of the configuration, if what comes out can be used. Returns what it says now.
pub(crate) fn change(home: &Home, change: &Change) -> Outcome<Config> {
    let now = config(home)?;
    let text = text_of(&home.config())?;
    let after = edit::apply(&text, &now.config, change)?;
    let built = snapshot::build(home, "tollgate.toml", &after)?;
    let config = built.snapshot.config.as_ref().clone();
    write_private(&home.config(), after.as_bytes())?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_typable_and_different() {
        let secrets: std::collections::BTreeSet<String> = (0..100).map(|_| new_secret().unwrap()).collect();
        assert_eq!(secrets.len(), 100);
        assert!(secrets.iter().all(|s| s.len() == 26 && s.bytes().all(|b| ALPHABET.contains(&b))));
        let used: std::collections::BTreeSet<u8> = secrets.iter().flat_map(|s| s.bytes()).collect();
        assert_eq!(used.len(), 32, "every letter is used");
    }
}
