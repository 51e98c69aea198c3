//! How many paid calls are on, and how many began lately, by origin and trunk.
//!
//! In memory: a restart forgets the hour, not the money, which is in the store.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::refusal::{Refusal, Why};
use crate::config::{Limits, Trunk};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Paid calls by origin and trunk.
#[derive(Debug, Default)]
pub(super) struct Counters {
    origins: BTreeMap<String, Origin>,
    trunks: BTreeMap<String, u32>,
}

#[derive(Debug, Default)]
struct Origin {
    active: u32,
    /// When the calls of the last day began, milliseconds since 1970; never longer than `calls_per_day`.
    begun: VecDeque<i64>,
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
        self.origins.values().map(|origin| origin.active as usize).sum()
    }

    /// Takes a place under every cap, or none.
    pub(super) fn take(
        counters: &Arc<Mutex<Self>>,
        limits: &Limits,
        trunk: &Trunk,
        origin: &str,
        trunk_name: &str,
        now: i64,
    ) -> Result<Slot, Refusal> {
        let mut all = counters.lock().unwrap_or_else(PoisonError::into_inner);
        let on_trunk = all.trunks.get(trunk_name).copied().unwrap_or_default();
        if on_trunk >= trunk.max_calls {
            let reason = format!("trunk {trunk_name} carries {on_trunk} calls already");
            return Err(Refusal::new(Why::TooManyAtOnce, reason));
        }
        let mine = all.origins.entry(origin.to_owned()).or_default();
        if mine.active >= limits.calls_at_once {
            let reason = format!("{origin} has {} calls that cost money already", mine.active);
            return Err(Refusal::new(Why::TooManyAtOnce, reason));
        }
        while mine.begun.front().is_some_and(|at| *at <= now - DAY) {
            mine.begun.pop_front();
        }
        let hour = mine.begun.iter().filter(|at| **at > now - HOUR).count();
        for (count, most, span) in
            [(hour, limits.calls_per_hour, "hour"), (mine.begun.len(), limits.calls_per_day, "day")]
        {
            if count >= most as usize {
                let reason = format!("{origin} has begun {count} calls that cost money within a {span}");
                return Err(Refusal::new(Why::TooOften, reason));
            }
        }
        mine.begun.push_back(now);
        mine.active += 1;
        *all.trunks.entry(trunk_name.to_owned()).or_default() += 1;
        Ok(Slot { counters: Arc::clone(counters), origin: origin.to_owned(), trunk: trunk_name.to_owned() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(origin) = all.origins.get_mut(&self.origin) {
            origin.active = origin.active.saturating_sub(1);
        }
        if let Some(count) = all.trunks.get_mut(&self.trunk) {
            *count = count.saturating_sub(1);
        }
    }
}
