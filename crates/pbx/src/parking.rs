//! Parked calls: which slot is whose. A call waits in its own task (`apps/park.rs`); whoever fetches it gets its mailbox.
//!
//! Slots are guessable numbers, so asking for one is a right of the phones of the house ([`may_fetch`]), not of whoever
//! can dial.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use crate::switch::{Origin, Postbox};

/// All parked calls.
#[derive(Debug, Default)]
pub struct Parking(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    taken: BTreeMap<(String, u32), Parked>,
    serial: u64,
}

#[derive(Debug)]
struct Parked {
    postbox: Postbox,
    /// Rises with every parking: the smallest waits longest.
    serial: u64,
}

/// A slot as long as a call stands in it; dropping it gives the slot back.
#[derive(Debug)]
pub struct Space {
    parking: Arc<Parking>,
    lot: String,
    slot: u32,
    serial: u64,
}

impl Space {
    /// The number to dial.
    #[must_use]
    pub fn slot(&self) -> u32 {
        self.slot
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let mut slots = self.parking.lock();
        let key = (self.lot.clone(), self.slot);
        // Fetched meanwhile, the slot may be another call's already.
        if slots.taken.get(&key).is_some_and(|parked| parked.serial == self.serial) {
            slots.taken.remove(&key);
        }
    }
}

/// Only phones of the house fetch calls; a stranger or a trunk's caller would guess a slot and take somebody's caller.
#[must_use]
pub fn may_fetch(origin: &Origin) -> bool {
    matches!(origin, Origin::Extension { .. } | Origin::System)
}

impl Parking {
    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a free slot of a lot, beginning at `first` and going round. None: the lot is full.
    #[must_use]
    pub fn park(
        self: &Arc<Self>,
        lot: &str,
        range: &RangeInclusive<u32>,
        first: u32,
        postbox: &Postbox,
    ) -> Option<Space> {
        let first = if range.contains(&first) { first } else { *range.start() };
        let mut slots = self.lock();
        let round = (first..=*range.end()).chain(*range.start()..first);
        let slot = round.into_iter().find(|slot| !slots.taken.contains_key(&(lot.to_owned(), *slot)))?;
        slots.serial += 1;
        let serial = slots.serial;
        slots.taken.insert((lot.to_owned(), slot), Parked { postbox: postbox.clone(), serial });
        Some(Space { parking: Arc::clone(self), lot: lot.to_owned(), slot, serial })
    }

    /// Takes a call out of a lot: that of a slot, or the one that waits longest. Each call is fetched once.
    #[must_use]
    pub fn fetch(&self, lot: &str, slot: Option<u32>) -> Option<Postbox> {
        let mut slots = self.lock();
        let mine =
            slots.taken.iter().filter(|((name, number), _)| name == lot && slot.is_none_or(|slot| slot == *number));
        let key = mine.min_by_key(|(_, parked)| parked.serial).map(|(key, _)| key.clone())?;
        slots.taken.remove(&key).map(|parked| parked.postbox)
    }

    /// Lots and slots that are taken.
    #[must_use]
    pub fn list(&self) -> Vec<(String, u32)> {
        self.lock().taken.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[test]
    fn a_slot_is_taken_once_fetched_once_and_given_back() {
        let parking = Arc::new(Parking::default());
        let (postbox, _mail) = mpsc::channel(1);
        let lot = 71..=73;
        let park = |first| parking.park("default", &lot, first, &postbox);
        let (a, b) = (park(0).unwrap(), park(72).unwrap());
        assert_eq!((a.slot(), b.slot()), (71, 72));
        let c = park(73).unwrap();
        assert!(park(71).is_none(), "the lot is full");
        assert!(parking.park("other", &lot, 0, &postbox).is_some());
        drop(b);
        let again = park(73).unwrap();
        assert_eq!(again.slot(), 72);
        assert!(parking.fetch("default", Some(72)).is_some());
        assert!(parking.fetch("default", Some(72)).is_none(), "a call is fetched once");
        assert!(parking.fetch("default", Some(99)).is_none());
        let newer = park(72).unwrap();
        drop(again);
        assert_eq!(parking.list().len(), 3, "an old guard gives no newer call's slot back");
        assert!(parking.fetch("default", None).is_some(), "the one that waits longest");
        drop((a, c, newer));
        assert!(parking.list().is_empty());
    }

    #[test]
    fn only_phones_of_the_house_fetch() {
        assert!(may_fetch(&Origin::Extension { user: "204".into() }));
        assert!(!may_fetch(&Origin::Stranger { source: [192, 0, 2, 1].into() }));
        assert!(!may_fetch(&Origin::Trunk { name: "itsp".into() }));
    }
}
