//! Who is in, and how often somebody failed to get in. All of it in memory: a restart logs everybody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::people::Role;
use super::secrets::{hash_of, same, token};
use crate::limits;

/// Something to be told on the next page, once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flash {
    /// Whether it went wrong.
    pub(crate) bad: bool,
    /// In words.
    pub(crate) text: String,
    /// What to do about it, or more about it.
    pub(crate) more: String,
    /// Things that are shown once and never again: what it is, and itself.
    pub(crate) secrets: Vec<(String, String)>,
}

/// One browser that is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) extension: Option<String>,
    /// Every form carries it.
    pub(crate) csrf: String,
    pub(crate) flash: Option<Flash>,
    since: Instant,
    seen: Instant,
}

/// All of them, by the hash of their cookie.
#[derive(Debug, Default)]
pub(crate) struct Sessions(HashMap<[u8; 32], Session>);

impl Sessions {
    /// Lets somebody in; returns his cookie.
    pub(crate) fn begin(&mut self, now: Instant, name: &str, role: Role, extension: Option<String>) -> Option<String> {
        self.0.retain(|_, session| session.lives(now));
        if self.0.len() >= limits::SESSIONS {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.seen).map(|(key, _)| *key)?;
            self.0.remove(&oldest);
        }
        let (cookie, csrf) = (token()?, token()?);
        let session = Session { name: name.to_owned(), role, extension, csrf, flash: None, since: now, seen: now };
        self.0.insert(hash_of(&cookie), session);
        Some(cookie)
    }

    /// The session of a cookie, if it still lives.
    pub(crate) fn of(&mut self, now: Instant, cookie: &str) -> Option<&mut Session> {
        let key = hash_of(cookie);
        if !self.0.get(&key)?.lives(now) {
            self.0.remove(&key);
            return None;
        }
        let session = self.0.get_mut(&key)?;
        session.seen = now;
        Some(session)
    }

    /// Whether a cookie still opens something; to ask is no sign of life.
    pub(crate) fn still(&self, now: Instant, cookie: &str) -> bool {
        self.0.get(&hash_of(cookie)).is_some_and(|session| session.lives(now))
    }

    /// Ends one.
    pub(crate) fn end(&mut self, cookie: &str) {
        self.0.remove(&hash_of(cookie));
    }

    /// Ends all of a person, but the one with this cookie.
    pub(crate) fn end_all(&mut self, name: &str, but: Option<&str>) {
        let but = but.map(hash_of);
        self.0.retain(|key, session| session.name != name || Some(*key) == but);
    }
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        now.duration_since(self.seen) < limits::SESSION_IDLE && now.duration_since(self.since) < limits::SESSION_LIFE
    }

    /// Whether a form came from a page of ours.
    pub(crate) fn vouches(&self, csrf: &str) -> bool {
        same(self.csrf.as_bytes(), csrf.as_bytes())
    }
}

/// Whose failures are counted together. A browser that was in before is counted by itself, so that nobody else's failures, even
/// from the same address, keep the owner out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// A browser that was let in once, by the hash of what it was given then.
    Known([u8; 32]),
    /// Everybody else at an address.
    At(IpAddr),
}

/// Failed attempts.
#[derive(Debug, Default)]
pub(crate) struct Tries(HashMap<Who, (u32, Instant)>);

impl Tries {
    /// How long this one must wait.
    pub(crate) fn wait(&self, now: Instant, who: &Who) -> Option<Duration> {
        let (failed, last) = self.0.get(who)?;
        let left = pause(*failed).checked_sub(now.duration_since(*last))?;
        (!left.is_zero()).then_some(left)
    }

    /// He failed once more.
    pub(crate) fn failed(&mut self, now: Instant, who: Who) {
        self.0.retain(|_, (_, last)| now.duration_since(*last) < limits::LOGIN_FORGOTTEN);
        if self.0.len() >= limits::LOGIN_SOURCES && !self.0.contains_key(&who) {
            let Some(oldest) = self.0.iter().min_by_key(|(_, (_, last))| *last).map(|(who, _)| who.clone()) else {
                return;
            };
            self.0.remove(&oldest);
        }
        let entry = self.0.entry(who).or_insert((0, now));
        *entry = (entry.0.saturating_add(1), now);
    }

    /// He got in.
    pub(crate) fn right(&mut self, who: &Who) {
        self.0.remove(who);
    }
}

/// Nothing for the first three, then 2, 4, 8 … seconds, at most [`limits::LOGIN_PAUSE`].
fn pause(failed: u32) -> Duration {
    match failed {
        0..=3 => Duration::ZERO,
        more => Duration::from_secs(1_u64 << (more - 3).min(20)).min(limits::LOGIN_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_by_idleness_by_age_and_by_hand() {
        let mut all = Sessions::default();
        let begin = Instant::now();
        let cookie = all.begin(begin, "anna", Role::Owner, None).unwrap();
        assert!(all.of(begin, "guess").is_none());
        let mut now = begin;
        while now - begin < limits::SESSION_LIFE - Duration::from_secs(600) {
            now += limits::SESSION_IDLE / 2;
            assert!(all.of(now, &cookie).is_some() || now - begin >= limits::SESSION_LIFE);
        }
        assert!(all.of(begin + limits::SESSION_LIFE, &cookie).is_none(), "too old");
        let cookie = all.begin(begin, "anna", Role::Owner, None).unwrap();
        assert!(all.still(begin + limits::SESSION_IDLE / 2, &cookie));
        assert!(!all.still(begin + limits::SESSION_IDLE, &cookie), "who was only asked about is idle");
        assert!(all.of(begin + limits::SESSION_IDLE, &cookie).is_none(), "idle");
        let (one, two) = (
            all.begin(begin, "anna", Role::Owner, None).unwrap(),
            all.begin(begin, "anna", Role::Owner, None).unwrap(),
        );
        all.end_all("anna", Some(&one));
        assert!(all.of(begin, &two).is_none() && all.of(begin, &one).is_some());
        all.end(&one);
        assert!(all.of(begin, &one).is_none());
    }

    #[test]
    fn sessions_are_bounded() {
        let mut all = Sessions::default();
        let now = Instant::now();
        let first = all.begin(now, "a", Role::User, None).unwrap();
        for n in 1..=limits::SESSIONS as u64 {
            all.begin(now + Duration::from_millis(n), "a", Role::User, None).unwrap();
        }
        assert_eq!(all.0.len(), limits::SESSIONS);
        assert!(all.of(now, &first).is_none(), "the one that was seen longest ago made room");
    }

    #[test]
    fn pauses_grow_and_a_known_browser_waits_for_itself_only() {
        let mut tries = Tries::default();
        let now = Instant::now();
        let all: IpAddr = [127, 0, 0, 1].into();
        for _ in 0..3 {
            tries.failed(now, Who::At(all));
            assert_eq!(tries.wait(now, &Who::At(all)), None);
        }
        tries.failed(now, Who::At(all));
        assert_eq!(tries.wait(now, &Who::At(all)), Some(Duration::from_secs(2)));
        for _ in 0..60 {
            tries.failed(now, Who::At(all));
        }
        assert_eq!(tries.wait(now, &Who::At(all)), Some(limits::LOGIN_PAUSE));
        assert_eq!(tries.wait(now, &Who::Known([1; 32])), None);
        assert_eq!(tries.wait(now + limits::LOGIN_PAUSE, &Who::At(all)), None);
        tries.right(&Who::At(all));
        assert_eq!(tries.wait(now, &Who::At(all)), None);
    }

    #[test]
    fn sources_are_bounded() {
        let mut tries = Tries::default();
        let now = Instant::now();
        for n in 0..=limits::LOGIN_SOURCES as u32 {
            tries.failed(now, Who::At(IpAddr::from(n.to_be_bytes())));
        }
        assert_eq!(tries.0.len(), limits::LOGIN_SOURCES);
    }
}
