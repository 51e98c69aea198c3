//! How many paid calls are on, by origin and trunk. In memory: after a restart none is on. Calls of an hour and a day are
//! counted with the money ([`super::caps`]), and survive one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::refusal::{Refusal, Why};

/// Paid calls by origin and trunk.
#[derive(Debug, Default)]
pub(super) struct Counters {
    origins: BTreeMap<String, u32>,
    trunks: BTreeMap<String, u32>,
}

/// A place among the paid calls, given back when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    counters: Arc<Mutex<Counters>>,
    origin: String,
    trunk: String,
}

impl Counters {
    pub(super) fn active(&self) -> usize {
        self.origins.values().map(|active| *active as usize).sum()
    }

    /// Takes a place of `most` for the origin and of `max_calls` for the trunk, or none.
    pub(super) fn take(
        counters: &Arc<Mutex<Self>>,
        (origin, most): (&str, u32),
        (trunk, max_calls): (&str, u32),
    ) -> Result<Slot, Refusal> {
        let mut all = counters.lock().unwrap_or_else(PoisonError::into_inner);
        let on_trunk = all.trunks.get(trunk).copied().unwrap_or_default();
        if on_trunk >= max_calls {
            let reason = format!("trunk {trunk} carries {on_trunk} calls already");
            return Err(Refusal::new(Why::TooManyAtOnce, reason));
        }
        let mine = all.origins.get(origin).copied().unwrap_or_default();
        if mine >= most {
            let reason = format!("{origin} has {mine} calls that cost money already");
            return Err(Refusal::new(Why::TooManyAtOnce, reason));
        }
        *all.origins.entry(origin.to_owned()).or_default() += 1;
        *all.trunks.entry(trunk.to_owned()).or_default() += 1;
        Ok(Slot { counters: Arc::clone(counters), origin: origin.to_owned(), trunk: trunk.to_owned() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let Counters { origins, trunks } = &mut *all;
        for (counts, name) in [(origins, &self.origin), (trunks, &self.trunk)] {
            if let Some(count) = counts.get_mut(name) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    counts.remove(name);
                }
            }
        }
    }
}
