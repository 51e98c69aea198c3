//! Who tries to get in without a right to, and what is done about it: failed log-ins are told in plain words, slow their
//! source down, and shut it out for a growing while.
//!
//! Only what proves its sender counts: a digest answer with a nonce of ours shows that its source reads what we send there
//! (`sip::digest`), so nobody can have an innocent banned by writing his address on packets. Trunks and addresses with a
//! registered phone are never banned. The arithmetic is in [`failures`], summed lines in [`sums`], the text for a packet
//! filter in [`nft`]; the [`crate::entry::Door`] asks, the shell calls [`Guard::tidy`].

pub mod failures;
pub mod nft;
pub mod sums;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::{Ban, Store};
use tokio::sync::{mpsc, oneshot};

use crate::config::Bans;
use crate::limits;
use failures::{Failures, Step};
use sums::{Kind, Sums};

/// The part of an address that one customer of a provider has: all of IPv4, the /64 of IPv6.
#[must_use]
pub fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        },
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A source as people write it: `192.0.2.1`, `2001:db8::/64`.
#[must_use]
pub fn text(source: IpAddr) -> String {
    match network(source) {
        v4 @ IpAddr::V4(_) => v4.to_string(),
        v6 @ IpAddr::V6(_) => format!("{v6}/64"),
    }
}

/// Reads a source: an address, or an IPv6 /64.
///
/// # Errors
/// What would be right.
pub fn parse(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_suffix("/64").or_else(|| text.strip_suffix("/32")).unwrap_or(text);
    let ip: IpAddr = bare.parse().map_err(|_| {
        format!("{text:?} is no source: an IPv4 address, an IPv6 address or an IPv6 network such as 2001:db8::/64")
    })?;
    if text.ends_with("/64") != ip.is_ipv6() && text.contains('/') && !(text.ends_with("/32") && ip.is_ipv4()) {
        return Err(format!("{text:?}: an IPv4 source is one address, an IPv6 source a /64"));
    }
    Ok(network(ip))
}

/// A source that is shut out now.
#[derive(Debug, Clone)]
struct Held {
    until: Instant,
    row: Ban,
}

#[derive(Default)]
struct Inner {
    failures: Failures,
    /// Those that are shut out, and those whose ban is over and counts for the next.
    bans: HashMap<IpAddr, Held>,
    sums: Sums,
}

/// What the keeper is told.
enum Change {
    Save(Box<Ban>),
    Remove(String),
    /// Everything before this is written.
    Written(oneshot::Sender<()>),
}

/// See the module.
#[derive(Default)]
pub struct Guard {
    inner: Mutex<Inner>,
    /// How many entries there are in `bans`: most packets need not look.
    count: AtomicUsize,
    store: Option<Store>,
    keeper: Option<mpsc::Sender<Change>>,
}

impl Guard {
    /// With the bans that the store kept. Starts the task that keeps new ones.
    ///
    /// `now` and `wall_ms` are the same moment on both clocks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(store: Store, now: Instant, wall_ms: i64) -> Result<Arc<Self>, store::Error> {
        let rows = store.bans().await?;
        let (keeper, kept) = mpsc::channel(limits::KEEPER);
        tokio::spawn(keep(store.clone(), kept));
        let guard = Self { store: Some(store), keeper: Some(keeper), ..Self::default() };
        guard.import(now, wall_ms, rows);
        Ok(Arc::new(guard))
    }

    fn import(&self, now: Instant, wall_ms: i64, rows: Vec<Ban>) {
        let mut inner = self.inner();
        for row in rows {
            let Ok(source) = parse(&row.source) else { continue };
            // Whatever the clock on the wall did meanwhile, nobody is shut out longer than the longest ban.
            let left = u64::try_from(row.until.saturating_sub(wall_ms)).unwrap_or(0);
            let left = Duration::from_millis(left).min(limits::BAN_LONGEST);
            inner.bans.insert(source, Held { until: now + left, row });
        }
        self.count.store(inner.bans.len(), Ordering::Relaxed);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing of this address is looked at.
    #[must_use]
    pub fn shuts_out(&self, now: Instant, ip: IpAddr) -> bool {
        self.count.load(Ordering::Relaxed) > 0
            && self.inner().bans.get(&network(ip)).is_some_and(|held| held.until > now)
    }

    /// Whether this address has to wait before its next log-in is looked at.
    #[must_use]
    pub fn is_slowed(&self, now: Instant, ip: IpAddr) -> bool {
        self.inner().failures.is_slowed(now, network(ip))
    }

    /// Somebody at `ip`, who reads what we send there, gave a wrong user or secret. A `spared` source (a trunk, an address
    /// with a registered phone) is told about and nothing else.
    pub fn failed(&self, now: Instant, wall_ms: i64, ip: IpAddr, user: &str, spared: bool, rules: &Bans) {
        let source = network(ip);
        let mut inner = self.inner();
        if inner.sums.add(now, Kind::Login, source, Some(user)) {
            let text = format!("a log-in as {} from {} failed: wrong user or secret", quoted(user), text(source));
            self.tell(wall_ms, "login-failed", &text);
        }
        if spared {
            return;
        }
        if let Step::Ban(tries) = inner.failures.add(now, source, if rules.on { rules.after } else { u32::MAX }) {
            let why = format!("{tries} failed log-ins");
            self.shut_out(&mut inner, now, wall_ms, source, &|times| rules.time(times), &why);
        }
    }

    /// Somebody at `ip` proved who he is.
    pub fn succeeded(&self, ip: IpAddr) {
        self.inner().failures.forget(network(ip));
    }

    /// Counts what was answered without being let in; told in sums only.
    pub fn turned_away(&self, now: Instant, ip: IpAddr) {
        self.inner().sums.add(now, Kind::TurnedAway, network(ip), None);
    }

    /// Shuts a source out; `time` says how long for the number of this ban of it.
    pub fn ban(&self, now: Instant, wall_ms: i64, ip: IpAddr, time: &dyn Fn(u32) -> Duration, why: &str) -> Ban {
        let mut inner = self.inner();
        self.shut_out(&mut inner, now, wall_ms, network(ip), time, why)
    }

    fn shut_out(
        &self,
        inner: &mut Inner,
        now: Instant,
        wall_ms: i64,
        source: IpAddr,
        time: &dyn Fn(u32) -> Duration,
        why: &str,
    ) -> Ban {
        let times = inner.bans.get(&source).map_or(0, |held| held.row.times).saturating_add(1);
        let time = time(times).min(limits::BAN_LONGEST);
        let length = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let row = Ban {
            source: text(source),
            since: wall_ms,
            until: wall_ms.saturating_add(length),
            times,
            why: why.to_owned(),
        };
        make_room(&mut inner.bans);
        inner.bans.insert(source, Held { until: now + time, row: row.clone() });
        inner.failures.forget(source);
        self.count.store(inner.bans.len(), Ordering::Relaxed);
        self.keep(Change::Save(Box::new(row.clone())));
        self.tell(wall_ms, "banned", &format!("{} is shut out for {}: {why}", row.source, sums::words(time)));
        row
    }

    /// Waits until the store has what happened before.
    pub async fn written(&self) {
        let (done, wait) = oneshot::channel();
        if let Some(keeper) = &self.keeper
            && keeper.send(Change::Written(done)).await.is_ok()
        {
            let _ = wait.await;
        }
    }

    /// Lets a source in again and forgets what it did; whether it was shut out or remembered.
    pub fn unban(&self, wall_ms: i64, ip: IpAddr) -> bool {
        let source = network(ip);
        let mut inner = self.inner();
        inner.failures.forget(source);
        let known = inner.bans.remove(&source).is_some();
        self.count.store(inner.bans.len(), Ordering::Relaxed);
        if known {
            self.keep(Change::Remove(text(source)));
            self.tell(wall_ms, "unbanned", &format!("{} is let in again", text(source)));
        }
        known
    }

    /// Who is shut out now, the last to be free first.
    #[must_use]
    pub fn list(&self, now: Instant) -> Vec<Ban> {
        let inner = self.inner();
        let mut held: Vec<&Held> = inner.bans.values().filter(|held| held.until > now).collect();
        held.sort_by(|a, b| (b.until, &a.row.source).cmp(&(a.until, &b.row.source)));
        held.into_iter().map(|held| held.row.clone()).collect()
    }

    /// Tells the sums of the last minute, and forgets what is long over.
    pub fn tidy(&self, now: Instant, wall_ms: i64) {
        let mut inner = self.inner();
        let due = inner.sums.due(now);
        inner.failures.tidy(now);
        let forgiven: Vec<IpAddr> = inner
            .bans
            .iter()
            .filter(|(_, held)| now.saturating_duration_since(held.until) > limits::BAN_REMEMBERED)
            .map(|(source, _)| *source)
            .collect();
        for source in forgiven {
            inner.bans.remove(&source);
            self.keep(Change::Remove(text(source)));
        }
        self.count.store(inner.bans.len(), Ordering::Relaxed);
        drop(inner);
        for sum in due {
            self.tell(wall_ms, sum.kind.event(), &sum.to_string());
        }
    }

    /// A line for the log and a row for the owner.
    fn tell(&self, wall_ms: i64, kind: &str, text: &str) {
        tracing::info!(kind, "{text}");
        if let Some(store) = &self.store {
            store.event(wall_ms, kind, text);
        }
    }

    fn keep(&self, change: Change) {
        if let Some(keeper) = &self.keeper
            && keeper.try_send(change).is_err()
        {
            tracing::warn!("the store does not keep up: a ban will not survive a restart");
        }
    }
}

/// The one that is over for longest, or ends first, makes room.
fn make_room(bans: &mut HashMap<IpAddr, Held>) {
    if bans.len() >= usize::try_from(store::limits::BANS).unwrap_or(usize::MAX) {
        let first = bans.iter().min_by_key(|(_, held)| held.until).map(|(source, _)| *source);
        if let Some(first) = first {
            bans.remove(&first);
        }
    }
}

/// What a stranger wrote, fit for a log: short, in quotes, without anything that a terminal would obey.
fn quoted(user: &str) -> String {
    let tame: String = user.chars().filter(|c| !c.is_control() && *c != '"').take(limits::SHOWN).collect();
    format!("\u{201c}{tame}\u{201d}")
}

/// Keeps bans in the store, one after the other, so that the last word about a source stands.
async fn keep(store: Store, mut kept: mpsc::Receiver<Change>) {
    while let Some(change) = kept.recv().await {
        let done = match change {
            Change::Save(ban) => store.save_ban(*ban).await,
            Change::Remove(source) => store.remove_ban(&source).await.map(drop),
            Change::Written(done) => {
                let _ = done.send(());
                Ok(())
            }
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a ban is not kept for a restart");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fail(guard: &Guard, now: Instant, source: &str, times: u32) {
        for _ in 0..times {
            guard.failed(now, 0, ip(source), "204", false, &Bans::default());
        }
    }

    #[test]
    fn wrong_secrets_slow_a_source_down_and_then_shut_it_out_for_a_growing_while() {
        let guard = Guard::default();
        let mut now = Instant::now();
        fail(&guard, now, "192.0.2.1", limits::SLOW_AFTER - 1);
        assert!(!guard.is_slowed(now, ip("192.0.2.1")));
        fail(&guard, now, "192.0.2.1", 1);
        assert!(guard.is_slowed(now, ip("192.0.2.1")) && !guard.shuts_out(now, ip("192.0.2.1")));
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            fail(&guard, now, "192.0.2.1", limits::BAN_AFTER);
            assert!(guard.shuts_out(now, ip("192.0.2.1")));
            assert!(!guard.shuts_out(now, ip("192.0.2.2")), "the neighbour is another");
            let ban = guard.list(now).pop().unwrap();
            let time = Duration::from_millis(u64::try_from(ban.until - ban.since).unwrap());
            assert!(time > last || time == limits::BAN_LONGEST, "{time:?} after {last:?}");
            last = time;
            now += time + Duration::from_secs(1);
            assert!(!guard.shuts_out(now, ip("192.0.2.1")), "it ends");
        }
        assert_eq!(last, limits::BAN_LONGEST);
    }

    fn usual(times: u32) -> Duration {
        Bans::default().time(times)
    }

    #[test]
    fn the_owner_says_when_and_for_how_long() {
        let guard = Guard::default();
        let now = Instant::now();
        let minute = Duration::from_secs(60);
        let mut rules = Bans { after: 3, first: minute, longest: 5 * minute, ..Bans::default() };
        assert_eq!([1, 2, 3].map(|times| rules.time(times)), [minute, 4 * minute, 5 * minute]);
        for _ in 0..3 {
            assert!(!guard.shuts_out(now, ip("192.0.2.1")));
            guard.failed(now, 0, ip("192.0.2.1"), "204", false, &rules);
        }
        assert!(guard.shuts_out(now + minute / 2, ip("192.0.2.1")) && !guard.shuts_out(now + minute, ip("192.0.2.1")));
        rules.on = false;
        for _ in 0..50 {
            guard.failed(now, 0, ip("192.0.2.2"), "204", false, &rules);
        }
        assert!(!guard.shuts_out(now, ip("192.0.2.2")) && guard.is_slowed(now, ip("192.0.2.2")), "slowed all the same");
    }

    #[test]
    fn a_right_secret_clears_the_source() {
        let guard = Guard::default();
        let now = Instant::now();
        for _ in 0..5 {
            fail(&guard, now, "192.0.2.1", limits::BAN_AFTER - 1);
            guard.succeeded(ip("192.0.2.1"));
        }
        assert!(!guard.shuts_out(now, ip("192.0.2.1")) && !guard.is_slowed(now, ip("192.0.2.1")));
    }

    #[test]
    fn who_is_spared_is_never_banned_or_slowed() {
        let guard = Guard::default();
        let now = Instant::now();
        for _ in 0..1_000 {
            guard.failed(now, 0, ip("192.0.2.9"), "204", true, &Bans::default());
        }
        assert!(!guard.shuts_out(now, ip("192.0.2.9")) && !guard.is_slowed(now, ip("192.0.2.9")));
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_a_mapped_address_is_ipv4() {
        let guard = Guard::default();
        let now = Instant::now();
        for n in 0..limits::BAN_AFTER {
            guard.failed(now, 0, ip(&format!("2001:db8::{n:x}")), "204", false, &Bans::default());
        }
        assert!(guard.shuts_out(now, ip("2001:db8::ffff")) && !guard.shuts_out(now, ip("2001:db8:0:1::1")));
        guard.ban(now, 0, ip("192.0.2.1"), &usual, "by hand");
        assert!(guard.shuts_out(now, ip("::ffff:192.0.2.1")));
        assert_eq!(
            guard.list(now).iter().map(|ban| ban.source.as_str()).collect::<Vec<_>>(),
            ["192.0.2.1", "2001:db8::/64"]
        );
        assert!(guard.unban(0, ip("192.0.2.1")) && !guard.unban(0, ip("192.0.2.1")));
    }

    #[test]
    fn bans_are_bounded_and_old_ones_are_forgiven() {
        let guard = Guard::default();
        let now = Instant::now();
        for n in 0..store::limits::BANS + 500 {
            guard.ban(now, 0, IpAddr::from(0x0a00_0000_u32.wrapping_add(n).to_be_bytes()), &usual, "x");
        }
        assert_eq!(guard.list(now).len(), usize::try_from(store::limits::BANS).unwrap());
        let later = now + limits::BAN_FIRST + limits::BAN_REMEMBERED + Duration::from_secs(5);
        guard.tidy(later, 0);
        assert_eq!(guard.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_clock_that_jumped_shuts_nobody_out_for_ever() {
        let guard = Guard::default();
        let now = Instant::now();
        let row =
            |source: &str, until| Ban { source: source.to_owned(), since: 0, until, times: 1, why: String::new() };
        // The clock on the wall went back by years, or on by years.
        guard.import(now, 0, vec![row("192.0.2.1", 1_900_000_000_000)]);
        guard.import(now, 1_900_000_000_000, vec![row("192.0.2.2", 5)]);
        assert!(guard.shuts_out(now, ip("192.0.2.1")) && !guard.shuts_out(now, ip("192.0.2.2")));
        assert!(!guard.shuts_out(now + limits::BAN_LONGEST, ip("192.0.2.1")));
    }

    #[test]
    fn sources_read_as_they_are_written() {
        for good in ["192.0.2.1", "2001:db8::/64", "2001:db8::1", "192.0.2.1/32"] {
            let source = parse(good).unwrap();
            assert_eq!(parse(&text(source)), Ok(source), "{good}");
        }
        for wrong in ["", "x", "192.0.2.0/24", "2001:db8::/48", "192.0.2.1/64", "2001:db8::1/32", "192.0.2.1:5060"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(quoted("a\u{1b}[2J\n\"b\""), "\u{201c}a[2Jb\u{201d}");
        assert!(quoted(&"x".repeat(9_999)).len() < 100);
    }
}
