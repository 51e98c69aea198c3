//! Who called for help lately, so that the rescue service that calls back reaches that phone and no menu.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How long a trunk's calls ring at the phone that called for help over it: rescue services call back at once when a call
/// breaks off, and again while their cars look for the door.
const CALL_BACK: i64 = 30 * 60_000;

/// By trunk: the extension, and until when.
#[derive(Debug, Default)]
pub(super) struct CallsForHelp(Mutex<BTreeMap<String, (String, i64)>>);

impl CallsForHelp {
    pub(super) fn note(&self, trunk: &str, user: &str, now: i64) {
        // Bounded by the trunks of the configuration.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(trunk.to_owned(), (user.to_owned(), now.saturating_add(CALL_BACK)));
    }

    pub(super) fn caller(&self, trunk: &str, now: i64) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(trunk).filter(|(_, until)| now < *until).map(|(user, _)| user.clone())
    }
}
