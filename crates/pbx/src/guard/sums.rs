//! Many lines of one kind become one: "4,210 tries from 203.0.113.9 in 60 s".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{quoted, text};
use crate::limits;

/// What is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Log-ins with a wrong user or secret. The first of a source is told at once.
    Login,
    /// Requests that were answered without being let in.
    TurnedAway,
}

impl Kind {
    /// The name of its events.
    #[must_use]
    pub fn event(self) -> &'static str {
        match self {
            Self::Login => "login-failed",
            Self::TurnedAway => "turned-away",
        }
    }

    /// From how many on a minute is worth a line.
    fn worth(self) -> u64 {
        match self {
            // The first was told already.
            Self::Login => 2,
            Self::TurnedAway => limits::KNOCKS,
        }
    }
}

#[derive(Debug)]
struct Open {
    since: Instant,
    count: u64,
    users: BTreeSet<String>,
}

/// What is being summed; bounded by [`limits::SUMMED_SOURCES`] for each kind.
#[derive(Debug, Default)]
pub struct Sums {
    open: BTreeMap<(Kind, Option<IpAddr>), Open>,
    sources: BTreeMap<Kind, usize>,
}

/// A minute of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Of what.
    pub kind: Kind,
    /// Who; none for all those that were too many to tell apart.
    pub source: Option<IpAddr>,
    /// How often.
    pub count: u64,
    /// Names that were tried, some of them.
    pub users: Vec<String>,
    /// In how long.
    pub time: Duration,
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.source.map_or_else(|| "other sources".to_owned(), text);
        let count = thousands(self.count);
        let seconds = self.time.as_secs().max(1);
        match self.kind {
            Kind::Login => write!(f, "{count} failed log-ins from {who} in {seconds} s")?,
            Kind::TurnedAway => write!(f, "{count} tries from {who} in {seconds} s, none let in")?,
        }
        if !self.users.is_empty() {
            let names: Vec<String> = self.users.iter().map(|user| quoted(user)).collect();
            let more = if self.users.len() == limits::SUMMED_USERS { " …" } else { "" };
            write!(f, ", as {}{more}", names.join(", "))?;
        }
        Ok(())
    }
}

impl Sums {
    /// Counts one. True if it is the first of its kind and source, to be told at once.
    pub fn add(&mut self, now: Instant, kind: Kind, source: IpAddr, user: Option<&str>) -> bool {
        let told_apart = self.open.contains_key(&(kind, Some(source)));
        let count = self.sources.entry(kind).or_default();
        let room = told_apart || *count < limits::SUMMED_SOURCES;
        if room && !told_apart {
            *count += 1;
        }
        let key = (kind, room.then_some(source));
        let first = !self.open.contains_key(&key);
        let open = self.open.entry(key).or_insert_with(|| Open { since: now, count: 0, users: BTreeSet::new() });
        open.count = open.count.saturating_add(1);
        if let Some(user) = user
            && open.users.len() < limits::SUMMED_USERS
        {
            open.users.insert(user.chars().take(limits::SHOWN).collect());
        }
        first && room
    }

    /// What has been summed for a minute and is worth a line.
    pub fn due(&mut self, now: Instant) -> Vec<Sum> {
        let due: Vec<(Kind, Option<IpAddr>)> = self
            .open
            .iter()
            .filter(|(_, open)| now.saturating_duration_since(open.since) >= limits::SUMMED_FOR)
            .map(|(key, _)| *key)
            .collect();
        let mut sums = Vec::new();
        for (kind, source) in due {
            let Some(open) = self.open.remove(&(kind, source)) else { continue };
            if source.is_some()
                && let Some(count) = self.sources.get_mut(&kind)
            {
                *count = count.saturating_sub(1);
            }
            if open.count >= kind.worth() || source.is_none() {
                let time = now.saturating_duration_since(open.since);
                sums.push(Sum { kind, source, count: open.count, users: open.users.into_iter().collect(), time });
            }
        }
        sums
    }
}

/// `4,210`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A while in words: `10 minutes`, `3 hours`, `7 days`.
#[must_use]
pub fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    let (number, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_one_source_is_one_line() {
        let mut sums = Sums::default();
        let (now, source) = (Instant::now(), IpAddr::from([203, 0, 113, 9]));
        let told: Vec<bool> =
            (0..4_210).map(|n| sums.add(now, Kind::Login, source, Some(&format!("{}", n % 9)))).collect();
        assert_eq!(told.iter().filter(|told| **told).count(), 1, "the first is told at once");
        assert!(sums.due(now + Duration::from_secs(59)).is_empty());
        let lines: Vec<String> = sums.due(now + Duration::from_secs(60)).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "4,210 failed log-ins from 203.0.113.9 in 60 s, as \u{201c}0\u{201d}, \u{201c}1\u{201d}, \u{201c}2\u{201d}, \u{201c}3\u{201d} \u{2026}"
            ]
        );
        assert!(sums.due(now + Duration::from_secs(900)).is_empty(), "told once");
        assert!(sums.add(now, Kind::Login, source, None), "and from then on anew");
    }

    #[test]
    fn a_few_knocks_are_no_news() {
        let mut sums = Sums::default();
        let now = Instant::now();
        for _ in 1..limits::KNOCKS {
            sums.add(now, Kind::TurnedAway, IpAddr::from([192, 0, 2, 1]), None);
        }
        for _ in 0..limits::KNOCKS {
            sums.add(now, Kind::TurnedAway, IpAddr::from([192, 0, 2, 2]), None);
        }
        let due = sums.due(now + limits::SUMMED_FOR);
        assert_eq!(due.iter().map(|sum| sum.source).collect::<Vec<_>>(), [Some(IpAddr::from([192, 0, 2, 2]))]);
        assert!(due.iter().all(|sum| sum.to_string().starts_with("100 tries from 192.0.2.2 in 60 s")), "{due:?}");
    }

    #[test]
    fn sources_beyond_the_bound_share_one_line() {
        let mut sums = Sums::default();
        let now = Instant::now();
        for n in 0..u32::try_from(limits::SUMMED_SOURCES).unwrap() + 700 {
            sums.add(now, Kind::Login, IpAddr::from(n.to_be_bytes()), None);
        }
        assert_eq!(sums.open.len(), limits::SUMMED_SOURCES + 1);
        let due = sums.due(now + limits::SUMMED_FOR);
        assert_eq!(
            due.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["700 failed log-ins from other sources in 60 s"]
        );
        assert_eq!(sums.open.len(), 0);
    }

    #[test]
    fn numbers_and_whiles_read_well() {
        assert_eq!([0, 999, 1_000, 4_210, 1_234_567].map(thousands), ["0", "999", "1,000", "4,210", "1,234,567"]);
        let of = |seconds| words(Duration::from_secs(seconds));
        assert_eq!(
            [600, 2_400, 9_600, 1, 604_800].map(of),
            ["10 minutes", "40 minutes", "2 hours", "1 second", "7 days"]
        );
    }
}
