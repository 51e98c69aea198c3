//! Unusual use of the attendant: many keys in one call, many calls of one source, somebody who presses about at night; and
//! calls that were refused, or lead to a country that nobody has called before. The owner hears of each once in a while.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use dialplan::number::{Class, Number};
use dialplan::policy::OriginKind;

use crate::guard::{network, text};
use crate::limits;

/// What is known of a call of somebody from outside when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over<'a> {
    /// Who called: an address, or a trunk's name.
    pub who: Who<'a>,
    /// Keys that he pressed.
    pub keys: usize,
    /// He was joined with a phone of the house.
    pub joined: bool,
    /// Hour of the day where the exchange is, 0 to 23.
    pub hour: u8,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// Whose calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// A stranger's address.
    Stranger(IpAddr),
    /// Callers by this trunk: a number that they show proves nothing.
    Trunk(&'a str),
}

impl Who<'_> {
    fn key(&self) -> String {
        match self {
            Self::Stranger(ip) => text(network(*ip)),
            Self::Trunk(name) => format!("trunk {name}"),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Stranger(ip) => format!("somebody at {}", text(network(*ip))),
            Self::Trunk(name) => format!("a caller by trunk {name}"),
        }
    }
}

/// Something to tell: kind of event, and words.
pub type Told = (&'static str, String);

/// Remembers what was told, and counts.
#[derive(Debug, Default)]
pub struct Unusual(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Calls of a source in the running window: since when, and how many.
    calls: BTreeMap<String, (i64, u32)>,
    /// When a kind was last told of a source.
    told: BTreeMap<(&'static str, String), i64>,
    /// Calling codes and areas abroad that were called before.
    countries: BTreeSet<String>,
}

impl State {
    /// Once in [`limits::UNUSUAL_AGAIN`] for each kind and source.
    fn tell(&mut self, now: i64, kind: &'static str, of: &str) -> bool {
        let key = (kind, of.to_owned());
        let again = i64::try_from(limits::UNUSUAL_AGAIN.as_millis()).unwrap_or(i64::MAX);
        if self.told.get(&key).is_some_and(|at| (now - again..=now).contains(at)) {
            return false;
        }
        if self.told.len() >= limits::UNUSUAL_SOURCES {
            self.told.retain(|_, at| (now - again..=now).contains(at));
        }
        if self.told.len() < limits::UNUSUAL_SOURCES {
            self.told.insert(key, now);
            return true;
        }
        // Too many to remember: the sum of attacks is told by the guard.
        false
    }

    /// Counts a call; whether it makes too many.
    fn many(&mut self, now: i64, of: &str) -> bool {
        let window = i64::try_from(limits::UNUSUAL_WINDOW.as_millis()).unwrap_or(i64::MAX);
        if self.calls.len() >= limits::UNUSUAL_SOURCES && !self.calls.contains_key(of) {
            self.calls.retain(|_, (since, _)| (now - window..=now).contains(since));
            if self.calls.len() >= limits::UNUSUAL_SOURCES {
                return false;
            }
        }
        let (since, count) = self.calls.entry(of.to_owned()).or_insert((now, 0));
        if !(now - window..=now).contains(since) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count == limits::UNUSUAL_CALLS
    }
}

impl Unusual {
    /// A call of somebody from outside is over.
    pub fn over(&self, call: &Over<'_>) -> Vec<Told> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, who) = (call.who.key(), call.who.words());
        let mut all = Vec::new();
        // Behind a trunk is half the world: only an address is one caller.
        if matches!(call.who, Who::Stranger(_))
            && state.many(call.now, &of)
            && state.tell(call.now, "attendant-calls", &of)
        {
            let minutes = limits::UNUSUAL_WINDOW.as_secs() / 60;
            all.push((
                "attendant-calls",
                format!("{who} called {} times within {minutes} minutes", limits::UNUSUAL_CALLS),
            ));
        }
        if call.joined {
            return all;
        }
        if call.keys >= limits::UNUSUAL_KEYS && state.tell(call.now, "attendant-keys", &of) {
            all.push(("attendant-keys", format!("{who} pressed {} keys in one call and reached nobody", call.keys)));
        }
        let night = limits::UNUSUAL_NIGHT.contains(&call.hour);
        if night && call.keys >= limits::UNUSUAL_KEYS_AT_NIGHT && state.tell(call.now, "attendant-night", &of) {
            all.push(("attendant-night", format!("{who} pressed {} keys at night and reached nobody", call.keys)));
        }
        all
    }

    /// The gate refused a call by policy.
    pub fn refused(&self, now: i64, origin: &OriginKind, class: Option<Class>, why: &str) -> Option<Told> {
        let class = class.map_or("unclassifiable", Class::word);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = state.tell(now, "call-refused", &format!("{}/{class}", origin.entry()));
        first.then(|| ("call-refused", format!("{origin} wanted a call of the class {class}: {why}")))
    }

    /// A call abroad was permitted; tells of a country that was not called since the list was made.
    pub fn abroad(&self, origin: &OriginKind, number: &Number) -> Option<Told> {
        let digits = number.e164.strip_prefix('+')?;
        if !matches!(number.class, Class::International | Class::Satellite) {
            return None;
        }
        let area = area(digits);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.countries.len() >= limits::COUNTRIES || !state.countries.insert(area.to_owned()) {
            return None;
        }
        Some(("new-country", format!("{origin} calls +{area} for the first time")))
    }

    /// Countries that were told of before, from the texts of earlier events.
    pub fn remember<'a>(&self, texts: impl Iterator<Item = &'a str>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for text in texts {
            let area = text.split_once('+').map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
            if let Some(area) = area.filter(|area| !area.is_empty() && state.countries.len() < limits::COUNTRIES) {
                state.countries.insert(area.to_owned());
            }
        }
    }
}

/// The calling code, and behind +1 and +7, which many countries share, the area too.
fn area(digits: &str) -> &str {
    let length = match digits.as_bytes() {
        [b'1' | b'7', ..] => 4,
        // ITU-T E.164: codes of two digits; all others have three.
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    };
    digits.get(..length).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(ip: [u8; 4], keys: usize, hour: u8, now: i64) -> Over<'static> {
        Over { who: Who::Stranger(ip.into()), keys, joined: false, hour, now }
    }

    fn kinds(told: &[Told]) -> Vec<&'static str> {
        told.iter().map(|(kind, _)| *kind).collect()
    }

    #[test]
    fn many_keys_are_told_once_in_a_while_and_talk_is_no_news() {
        let unusual = Unusual::default();
        let many = limits::UNUSUAL_KEYS;
        assert!(unusual.over(&call([192, 0, 2, 1], many - 1, 12, 0)).is_empty());
        let told = unusual.over(&call([192, 0, 2, 1], many, 12, 1));
        assert_eq!(kinds(&told), ["attendant-keys"]);
        assert!(told[0].1.contains("192.0.2.1 pressed"), "{told:?}");
        assert!(unusual.over(&call([192, 0, 2, 1], many, 12, 2)).is_empty(), "told already");
        assert_eq!(kinds(&unusual.over(&call([192, 0, 2, 2], many, 12, 3))), ["attendant-keys"], "another source");
        let later = 4 + i64::try_from(limits::UNUSUAL_AGAIN.as_millis()).unwrap();
        assert_eq!(kinds(&unusual.over(&call([192, 0, 2, 1], many, 12, later))), ["attendant-keys"]);
        let talked = Over { joined: true, ..call([192, 0, 2, 3], many, 2, 5) };
        assert!(unusual.over(&talked).is_empty(), "whoever talks with the house may press what he wants");
    }

    #[test]
    fn at_night_a_few_keys_are_enough() {
        let unusual = Unusual::default();
        let few = limits::UNUSUAL_KEYS_AT_NIGHT;
        assert!(unusual.over(&call([192, 0, 2, 1], few, 12, 0)).is_empty());
        assert_eq!(kinds(&unusual.over(&call([192, 0, 2, 1], few, 3, 0))), ["attendant-night"]);
    }

    #[test]
    fn many_calls_of_one_address_within_the_window() {
        let unusual = Unusual::default();
        let window = i64::try_from(limits::UNUSUAL_WINDOW.as_millis()).unwrap();
        let calls = i64::from(limits::UNUSUAL_CALLS);
        let slow = (0..calls * 3).map(|n| unusual.over(&call([192, 0, 2, 1], 0, 12, n * window / 5)).len());
        assert_eq!(slow.sum::<usize>(), 0);
        let fast: Vec<Told> = (0..calls * 3).flat_map(|n| unusual.over(&call([192, 0, 2, 2], 0, 12, n))).collect();
        assert_eq!(kinds(&fast), ["attendant-calls"]);
        let trunk = |n| unusual.over(&Over { who: Who::Trunk("itsp"), ..call([0; 4], 0, 12, n) });
        assert!((0..calls * 3).all(|n| trunk(n).is_empty()), "a busy line is no attack");
    }

    #[test]
    fn sources_are_bounded() {
        let unusual = Unusual::default();
        for n in 0..u32::try_from(limits::UNUSUAL_SOURCES).unwrap() + 100 {
            let _ = unusual.over(&call(n.to_be_bytes(), 99, 2, 1));
        }
        let state = unusual.0.lock().unwrap();
        assert!(state.told.len() <= limits::UNUSUAL_SOURCES && state.calls.len() <= limits::UNUSUAL_SOURCES);
    }

    #[test]
    fn a_country_is_new_once_over_restarts_too() {
        let (unusual, kitchen) = (Unusual::default(), OriginKind::Extension("204".to_owned()));
        let number = |e164: &str, class| Number { e164: e164.to_owned(), class };
        let first = unusual.abroad(&kitchen, &number("+442079460000", Class::International)).unwrap();
        assert_eq!(first.1, "extension 204 calls +44 for the first time");
        assert!(unusual.abroad(&kitchen, &number("+441614960000", Class::International)).is_none());
        assert!(unusual.abroad(&kitchen, &number("+12025550100", Class::National)).is_none());
        assert!(unusual.abroad(&kitchen, &number("+18765550100", Class::International)).unwrap().1.contains("+1876"));
        let again = Unusual::default();
        again.remember([first.1.as_str()].into_iter());
        assert!(again.abroad(&kitchen, &number("+442079460000", Class::International)).is_none());
        for n in 0..limits::COUNTRIES * 2 {
            let _ = again.abroad(&kitchen, &number(&format!("+1{n:03}5550100"), Class::International));
        }
        assert!(again.0.lock().unwrap().countries.len() <= limits::COUNTRIES);
    }

    #[test]
    fn a_refusal_is_told_once_for_each_who_and_class() {
        let unusual = Unusual::default();
        let refused = |origin: &OriginKind, class| unusual.refused(7, origin, Some(class), "closed");
        let kitchen = OriginKind::Extension("204".to_owned());
        let told = refused(&kitchen, Class::Premium).unwrap();
        assert_eq!(told, ("call-refused", "extension 204 wanted a call of the class premium: closed".to_owned()));
        assert!(refused(&kitchen, Class::Premium).is_none());
        assert!(refused(&kitchen, Class::Mobile).is_some());
        assert!(refused(&OriginKind::Stranger, Class::Premium).is_some());
    }
}
