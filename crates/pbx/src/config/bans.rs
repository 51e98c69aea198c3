//! `[bans]`: when a source is shut out, for how long, and who never is. Carried out by [`crate::guard`].

use std::net::IpAddr;
use std::time::Duration;

use super::Network;
use super::tree::Table;
use crate::limits;

/// `[bans]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bans {
    /// Whether failed log-ins lead to bans; the owner's own bans hold either way.
    pub on: bool,
    /// So many failed log-ins within an hour are too many.
    pub after: u32,
    /// How long the first ban lasts.
    pub first: Duration,
    /// How long any ban lasts at most.
    pub longest: Duration,
    /// Sources that are never shut out.
    pub never: Vec<Network>,
}

impl Default for Bans {
    fn default() -> Self {
        Self {
            on: true,
            after: limits::BAN_AFTER,
            first: limits::BAN_FIRST,
            longest: limits::BAN_LONGEST,
            never: Vec::new(),
        }
    }
}

impl Bans {
    /// How long the ban of this number lasts: each four times the one before.
    #[must_use]
    pub fn time(&self, times: u32) -> Duration {
        let factor = 4_u32.saturating_pow(times.saturating_sub(1).min(12));
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// Whether this address is never shut out.
    #[must_use]
    pub fn spares(&self, ip: IpAddr) -> bool {
        self.never.iter().any(|network| network.contains(ip))
    }
}

pub(super) fn read(table: Table<'_>) -> Bans {
    let fresh = Bans::default();
    let most = u32::try_from(limits::BAN_LONGEST.as_secs() / 60).unwrap_or(u32::MAX);
    let minutes = |n: u32| Duration::from_secs(u64::from(n) * 60);
    let first = table.number("first_minutes", 1..=most).map_or(fresh.first, minutes);
    let longest = table.number("longest_minutes", 1..=most).map_or(fresh.longest, minutes);
    if longest < first {
        table.problem(&["longest_minutes"], "the longest ban is shorter than the first");
    }
    let bans = Bans {
        on: table.flag("on").unwrap_or(fresh.on),
        after: table.number("after", 3..=limits::BAN_AFTER_MOST).unwrap_or(fresh.after),
        first,
        longest,
        never: table.list("never", Network::parse).unwrap_or(fresh.never),
    };
    table.finish();
    bans
}
