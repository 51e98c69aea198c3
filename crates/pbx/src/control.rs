//! What owners may see and do while the exchange runs: the one place for the command line, the portal and REST.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Serialize;

use crate::call::Tree;
use crate::cdr::origin_word;
use crate::switch::{CallEvent, Cause, LegId, Postbox};

/// A call that is on, as shown to the owner.
#[derive(Debug, Clone, Serialize)]
pub struct CallView {
    /// Name of the call tree.
    pub id: String,
    /// Who started it.
    pub origin: String,
    /// Where it came in.
    pub entry: String,
    /// What was dialled.
    pub dialled: String,
    /// The last line of the plan it passed.
    pub at: Option<String>,
    /// When it began, milliseconds since 1970.
    pub since: i64,
}

struct Known {
    tree: Weak<Tree>,
    postbox: Postbox,
    since: i64,
}

/// The register of calls that are on.
#[derive(Default)]
pub struct Calls(Mutex<BTreeMap<LegId, Known>>);

impl Calls {
    /// Enters a call; it leaves by [`Calls::leave`].
    pub fn enter(&self, line: LegId, tree: &Arc<Tree>, postbox: Postbox, since: i64) {
        let known = Known { tree: Arc::downgrade(tree), postbox, since };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(line, known);
    }

    /// Takes a call out.
    pub fn leave(&self, line: LegId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&line);
    }

    /// How many calls are on.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The calls that are on, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<CallView> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls
            .values()
            .filter_map(|known| {
                let tree = known.tree.upgrade()?;
                Some(CallView {
                    id: tree.id.clone(),
                    origin: origin_word(&tree.origin),
                    entry: tree.entry.clone(),
                    dialled: tree.dialled.clone(),
                    at: tree.path().last().cloned(),
                    since: known.since,
                })
            })
            .collect()
    }

    /// Ends one call tree, or all of them; returns how many were told.
    pub fn end(&self, id: Option<&str>) -> usize {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen =
            calls.values().filter(|known| id.is_none_or(|id| known.tree.upgrade().is_some_and(|tree| tree.id == id)));
        chosen.filter(|known| known.postbox.try_send(CallEvent::End(Cause::NORMAL)).is_ok()).count()
    }
}

/// Keeps a call in the register while its task lives.
pub struct Presence {
    line: LegId,
    exchange: Arc<crate::exchange::Exchange>,
}

impl Presence {
    /// Enters a call.
    #[must_use]
    pub fn new(exchange: &Arc<crate::exchange::Exchange>, line: LegId, tree: &Arc<Tree>, postbox: Postbox) -> Self {
        exchange.calls.enter(line, tree, postbox, exchange.clock.now());
        Self { line, exchange: Arc::clone(exchange) }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.exchange.calls.leave(self.line);
    }
}
