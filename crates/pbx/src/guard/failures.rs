//! Failed log-ins by source: from which on they are slowed down, and when they are too many.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::limits;

/// What a failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is counted.
    Counted,
    /// That were too many: so many.
    Ban(u32),
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: Instant,
    /// Nothing is looked at before.
    next: Instant,
}

/// Failures of the last hour; bounded by [`limits::FAILING_SOURCES`].
#[derive(Debug, Default)]
pub struct Failures {
    sources: HashMap<IpAddr, Tries>,
    /// The same by their last failure, the oldest first.
    order: BTreeSet<(Instant, IpAddr)>,
}

impl Failures {
    /// One more; `most` are too many.
    pub fn add(&mut self, now: Instant, source: IpAddr, most: u32) -> Step {
        self.tidy(now);
        let before = self.take(source);
        let count = before.map_or(0, |tries| tries.count).saturating_add(1);
        if count >= most {
            return Step::Ban(count);
        }
        if self.sources.len() >= limits::FAILING_SOURCES
            && let Some((_, oldest)) = self.order.first().copied()
        {
            self.take(oldest);
        }
        let wait = match count.checked_sub(limits::SLOW_AFTER) {
            Some(over) => Duration::from_secs(1 << over.min(5)),
            None => Duration::ZERO,
        };
        self.sources.insert(source, Tries { count, last: now, next: now + wait });
        self.order.insert((now, source));
        Step::Counted
    }

    /// Whether the next try of this source is not looked at yet.
    #[must_use]
    pub fn is_slowed(&self, now: Instant, source: IpAddr) -> bool {
        self.sources.get(&source).is_some_and(|tries| now < tries.next)
    }

    /// All is well with this source.
    pub fn forget(&mut self, source: IpAddr) {
        self.take(source);
    }

    /// Forgets what is older than an hour.
    pub fn tidy(&mut self, now: Instant) {
        while let Some((last, source)) = self.order.first().copied() {
            if now.saturating_duration_since(last) < limits::FAILURES_REMEMBERED {
                return;
            }
            self.take(source);
        }
    }

    fn take(&mut self, source: IpAddr) -> Option<Tries> {
        let tries = self.sources.remove(&source)?;
        self.order.remove(&(tries.last, source));
        Some(tries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_bounded_and_an_hour_clears_them() {
        let mut failures = Failures::default();
        let now = Instant::now();
        for n in 0..u32::try_from(limits::FAILING_SOURCES).unwrap() + 1_000 {
            failures.add(now + Duration::from_micros(u64::from(n)), IpAddr::from(n.to_be_bytes()), limits::BAN_AFTER);
        }
        assert_eq!((failures.sources.len(), failures.order.len()), (limits::FAILING_SOURCES, limits::FAILING_SOURCES));
        failures.tidy(now + limits::FAILURES_REMEMBERED + Duration::from_secs(9));
        assert_eq!((failures.sources.len(), failures.order.len()), (0, 0));
    }

    #[test]
    fn each_try_waits_longer_than_the_one_before() {
        let mut failures = Failures::default();
        let (mut now, source) = (Instant::now(), IpAddr::from([192, 0, 2, 1]));
        let mut waits = Vec::new();
        while failures.add(now, source, limits::BAN_AFTER) == Step::Counted {
            let waited = (0..).find(|s| !failures.is_slowed(now + Duration::from_secs(*s), source)).unwrap();
            waits.push(waited);
            now += Duration::from_secs(waited);
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16]);
    }
}
