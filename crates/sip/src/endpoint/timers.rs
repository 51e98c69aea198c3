//! Timers in the order in which they are due. Setting, clearing and firing cost O(log n), and a
//! cleared timer leaves nothing behind.

use std::collections::BTreeMap;
use std::time::Instant;

/// A timer that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Handle(Instant, u64);

#[derive(Debug)]
pub(crate) struct Timers<K> {
    queue: BTreeMap<Handle, K>,
    count: u64,
}

impl<K> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { queue: BTreeMap::new(), count: 0 }
    }

    pub(crate) fn set(&mut self, at: Instant, what: K) -> Handle {
        self.count += 1;
        let handle = Handle(at, self.count);
        self.queue.insert(handle, what);
        handle
    }

    pub(crate) fn clear(&mut self, handle: Handle) {
        self.queue.remove(&handle);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|(h, _)| h.0)
    }

    /// Takes the next timer that is due, in the order of their times.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Handle, K)> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        Some(entry.remove_entry())
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timers_fire_in_order_and_clear() {
        let t0 = Instant::now();
        let at = |ms| t0 + Duration::from_millis(ms);
        let mut timers = Timers::new();
        let a = timers.set(at(20), 'a');
        timers.set(at(10), 'b');
        timers.set(at(10), 'c');
        assert_eq!(timers.next(), Some(at(10)));
        assert!(timers.pop(at(9)).is_none());
        timers.clear(a);
        let fired: Vec<char> = std::iter::from_fn(|| timers.pop(at(30)).map(|(_, k)| k)).collect();
        assert_eq!(fired, vec!['b', 'c']);
        assert_eq!((timers.len(), timers.next()), (0, None));
    }
}
