//! Where hashes and tries are kept: the store, or memory in virtual time. Both count by [`store::Tries`].

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::{PinHash, Store, Tried, Tries};

use super::{PinOf, Who};

/// A future that keepers answer with; the error says why there is no answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Keeps PINs and counts tries.
pub trait Keep: Send + Sync {
    /// The hash, if there is a PIN.
    fn hash<'a>(&'a self, of: &'a PinOf) -> Answer<'a, Option<PinHash>>;

    /// Counts a try as a wrong one before it is made; durable before it answers.
    fn count<'a>(&'a self, of: &'a PinOf, who: &'a Who, now: i64) -> Answer<'a, Tried>;

    /// The try was right.
    fn right<'a>(&'a self, of: &'a PinOf, who: &'a Who) -> Answer<'a, ()>;

    /// Sets the PIN; tries at the one before are forgotten.
    fn set<'a>(&'a self, of: &'a PinOf, hash: PinHash) -> Answer<'a, ()>;

    /// Removes the PIN.
    fn remove<'a>(&'a self, of: &'a PinOf) -> Answer<'a, bool>;
}

/// In the store: survives restarts, and crashes in the middle of a try.
pub struct InStore(pub Store);

impl Keep for InStore {
    fn hash<'a>(&'a self, of: &'a PinOf) -> Answer<'a, Option<PinHash>> {
        Box::pin(async { self.0.pin(&of.key()).await.map_err(|error| error.to_string()) })
    }

    fn count<'a>(&'a self, of: &'a PinOf, who: &'a Who, now: i64) -> Answer<'a, Tried> {
        Box::pin(async move { self.0.pin_try(&of.key(), &who.key(), now).await.map_err(|error| error.to_string()) })
    }

    fn right<'a>(&'a self, of: &'a PinOf, who: &'a Who) -> Answer<'a, ()> {
        Box::pin(async { self.0.pin_right(&of.key(), &who.key()).await.map_err(|error| error.to_string()) })
    }

    fn set<'a>(&'a self, of: &'a PinOf, hash: PinHash) -> Answer<'a, ()> {
        Box::pin(async { self.0.set_pin(&of.key(), hash).await.map_err(|error| error.to_string()) })
    }

    fn remove<'a>(&'a self, of: &'a PinOf) -> Answer<'a, bool> {
        Box::pin(async { self.0.remove_pin(&of.key()).await.map_err(|error| error.to_string()) })
    }
}

/// In memory: for simulations and tests.
#[derive(Clone, Default)]
pub struct InMemory(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    pins: BTreeMap<PinOf, PinHash>,
    tries: BTreeMap<(PinOf, Who), Tries>,
}

impl InMemory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keep for InMemory {
    fn hash<'a>(&'a self, of: &'a PinOf) -> Answer<'a, Option<PinHash>> {
        let hash = self.kept().pins.get(of).cloned();
        Box::pin(async { Ok(hash) })
    }

    fn count<'a>(&'a self, of: &'a PinOf, who: &'a Who, now: i64) -> Answer<'a, Tried> {
        let tried = self.kept().tries.entry((of.clone(), who.clone())).or_default().take(now);
        Box::pin(async move { Ok(tried) })
    }

    fn right<'a>(&'a self, of: &'a PinOf, who: &'a Who) -> Answer<'a, ()> {
        self.kept().tries.remove(&(of.clone(), who.clone()));
        Box::pin(async { Ok(()) })
    }

    fn set<'a>(&'a self, of: &'a PinOf, hash: PinHash) -> Answer<'a, ()> {
        let mut kept = self.kept();
        kept.tries.retain(|(what, _), _| what != of);
        kept.pins.insert(of.clone(), hash);
        Box::pin(async { Ok(()) })
    }

    fn remove<'a>(&'a self, of: &'a PinOf) -> Answer<'a, bool> {
        let mut kept = self.kept();
        kept.tries.retain(|(what, _), _| what != of);
        let gone = kept.pins.remove(of).is_some();
        Box::pin(async move { Ok(gone) })
    }
}
