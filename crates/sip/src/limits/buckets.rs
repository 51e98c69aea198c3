//! Token buckets per source: how many packets of one /32 or /64 are looked at in a second.
//!
//! A bucket is asked before a packet is parsed. The table is bounded by turning it over: sources
//! that sent nothing during a whole turn are forgotten (their bucket would be full again anyway).

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{GRANTS, SOURCES, STRANGERS_BURST, STRANGERS_PER_SECOND};

/// A source: an IPv4 address, or the /64 that one IPv6 customer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source([u8; 8], bool);

impl Source {
    /// The source of an address; an IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub(crate) fn of(ip: IpAddr) -> Self {
        let mut key = [0; 8];
        match ip.to_canonical() {
            IpAddr::V4(v4) => {
                for (k, o) in key.iter_mut().zip(v4.octets()) {
                    *k = o;
                }
                Self(key, false)
            }
            IpAddr::V6(v6) => {
                for (k, o) in key.iter_mut().zip(v6.octets()) {
                    *k = o;
                }
                Self(key, true)
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Thousandths of a packet that may still be taken.
    level: u64,
    at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    per_second: u32,
    burst: u32,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { level: u64::from(rate.burst) * 1000, at: now }
    }

    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        // One packet per second is one thousandth of a packet per millisecond. Time is only moved
        // forward by what was credited, so that many calls within a millisecond lose nothing.
        let passed = now.saturating_duration_since(self.at);
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        if millis > 0 {
            let gain = millis.saturating_mul(u64::from(rate.per_second));
            self.level = self.level.saturating_add(gain).min(u64::from(rate.burst) * 1000);
            self.at += Duration::from_millis(millis);
        }
        if self.level >= 1000 {
            self.level -= 1000;
            true
        } else {
            false
        }
    }
}

/// Token buckets for all sources; memory is bounded by [`SOURCES`].
#[derive(Debug)]
pub struct Buckets {
    rate: Rate,
    fresh: HashMap<Source, Bucket>,
    old: HashMap<Source, Bucket>,
    turned: Option<Instant>,
    turn: Duration,
    grants: HashMap<Source, Rate>,
    crowd: Option<Bucket>,
    /// All sources together that are not known.
    strangers: Option<Bucket>,
    dropped: u64,
}

impl Buckets {
    /// Buckets of `burst` packets that fill by `per_second`.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let fill = u64::from(burst) / u64::from(per_second.max(1)) + 1;
        Self {
            rate: Rate { per_second, burst },
            fresh: HashMap::new(),
            old: HashMap::new(),
            turned: None,
            turn: Duration::from_secs(fill.max(10)),
            grants: HashMap::new(),
            crowd: None,
            strangers: None,
            dropped: 0,
        }
    }

    /// Gives one source (a trunk) a rate of its own; at most [`GRANTS`] of them, `false` beyond.
    pub fn grant(&mut self, ip: IpAddr, per_second: u32, burst: u32) -> bool {
        let source = Source::of(ip);
        if self.grants.len() >= GRANTS && !self.grants.contains_key(&source) {
            return false;
        }
        self.grants.insert(source, Rate { per_second, burst });
        self.fresh.remove(&source);
        self.old.remove(&source);
        true
    }

    /// Whether a packet of this address may be looked at now. All that ask here share one rate besides their own.
    pub fn take(&mut self, now: Instant, ip: IpAddr) -> bool {
        let source = Source::of(ip);
        if self.grants.contains_key(&source) {
            return self.take_known(now, ip);
        }
        let all = Rate { per_second: STRANGERS_PER_SECOND, burst: STRANGERS_BURST };
        let mut taken = self.try_take(now, source, false);
        taken = taken && self.strangers.get_or_insert_with(|| Bucket::full(all, now)).take(all, now);
        self.count(taken)
    }

    /// The same for a source that is known: it shares nothing with others.
    pub fn take_known(&mut self, now: Instant, ip: IpAddr) -> bool {
        let taken = self.try_take(now, Source::of(ip), true);
        self.count(taken)
    }

    fn count(&mut self, taken: bool) -> bool {
        if !taken {
            self.dropped = self.dropped.saturating_add(1);
        }
        taken
    }

    fn try_take(&mut self, now: Instant, source: Source, known_to_us: bool) -> bool {
        let due = self.turned.is_none_or(|at| now.saturating_duration_since(at) >= self.turn);
        if due {
            self.old = std::mem::take(&mut self.fresh);
            self.turned = Some(now);
        }
        let rate = self.grants.get(&source).copied().unwrap_or(self.rate);
        if let Some(bucket) = self.fresh.get_mut(&source) {
            return bucket.take(rate, now);
        }
        let known = self.old.remove(&source);
        if known.is_none() && self.fresh.len() + self.old.len() >= SOURCES {
            // Too many sources at once, forged ones likely: strangers share one bucket, sources
            // with a rate of their own are not among them.
            if !known_to_us && !self.grants.contains_key(&source) {
                return self.crowd.get_or_insert_with(|| Bucket::full(rate, now)).take(rate, now);
            }
        }
        let mut bucket = known.unwrap_or_else(|| Bucket::full(rate, now));
        let taken = bucket.take(rate, now);
        self.fresh.insert(source, bucket);
        taken
    }

    /// Sources in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fresh.len() + self.old.len()
    }

    /// Whether no source is in the table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Packets that were not looked at since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn v4(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    #[test]
    fn one_source_gets_its_burst_and_then_its_rate() {
        let t0 = Instant::now();
        let mut buckets = Buckets::new(10, 20);
        let taken = (0..100).filter(|_| buckets.take(t0, v4(1))).count();
        assert_eq!(taken, 20);
        let later = t0 + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| buckets.take(later, v4(1))).count(), 10);
        // Another source is not touched by the first one.
        assert!(buckets.take(later, v4(2)));
        assert_eq!(buckets.dropped(), 170);
    }

    #[test]
    fn small_steps_of_time_add_up() {
        let mut now = Instant::now();
        let mut buckets = Buckets::new(100, 1);
        assert!(buckets.take(now, v4(1)));
        let mut taken = 0;
        for _ in 0..10_000 {
            now += Duration::from_micros(100);
            taken += u32::from(buckets.take(now, v4(1)));
        }
        assert!((95..=101).contains(&taken), "{taken}");
    }

    #[test]
    fn a_slash_64_is_one_source() {
        let a = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1));
        let b = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9));
        let c = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1));
        assert_eq!(Source::of(a), Source::of(b));
        assert_ne!(Source::of(a), Source::of(c));
        let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
        assert_eq!(Source::of(mapped), Source::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))));
    }

    #[test]
    fn the_table_is_bounded_and_a_flood_does_not_touch_grants() {
        let t0 = Instant::now();
        let mut buckets = Buckets::new(10, 10);
        buckets.grant(v4(7), 1000, 1000);
        for n in 0..200_000 {
            let _ = buckets.take(t0, v4(n + 100));
        }
        assert!(buckets.len() <= SOURCES, "{}", buckets.len());
        assert!(!buckets.take(t0, v4(1)), "a late stranger shares the crowd's bucket");
        assert_eq!((0..500).filter(|_| buckets.take(t0, v4(7))).count(), 500);
        // Two turns later all are forgotten.
        let _ = buckets.take(t0 + Duration::from_secs(60), v4(7));
        let _ = buckets.take(t0 + Duration::from_secs(120), v4(7));
        assert!(buckets.len() <= 2);
    }

    #[test]
    fn strangers_share_one_rate_and_who_is_known_does_not() {
        let t0 = Instant::now();
        let mut buckets = Buckets::new(2_000, 4_000);
        let taken = (0..100_000).filter(|n| buckets.take(t0, v4(n % 50))).count();
        assert_eq!(taken, usize::try_from(STRANGERS_BURST).unwrap());
        let second = t0 + Duration::from_secs(1);
        let taken = (0..100_000).filter(|n| buckets.take(second, v4(n % 50))).count();
        assert_eq!(taken, usize::try_from(STRANGERS_PER_SECOND).unwrap());
        assert_eq!((0..500).filter(|_| buckets.take_known(second, v4(99))).count(), 500);
        // Also when the table of sources is full of strangers.
        for n in 0..200_000 {
            let _ = buckets.take(second, v4(n + 100));
        }
        assert_eq!((0..9_000).filter(|_| buckets.take_known(second, v4(98))).count(), 4_000);
    }

    #[test]
    fn grants_are_bounded() {
        let mut buckets = Buckets::new(1, 1);
        for n in 0..u32::try_from(GRANTS).unwrap() {
            assert!(buckets.grant(v4(n), 5, 5));
        }
        assert!(!buckets.grant(v4(999_999), 5, 5));
        assert!(buckets.grant(v4(0), 6, 6));
    }
}
