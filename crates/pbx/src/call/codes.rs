//! Keys that mean something while two parties talk: `##` and the like, for phones of the house only, and only where the plan
//! says so (Dial's options `t`, `T`, `k` and `K`) and the configuration has a code for it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::bridge::{BridgeEnd, Talk};
use super::{Call, Event, Stop};
use crate::config::Features;
use crate::switch::{LegEvent, LegId};

/// Between two keys of a code.
const TOGETHER: Duration = Duration::from_millis(1500);
/// Before the first key of the number, and between two.
const FIRST: Duration = Duration::from_secs(8);
const BETWEEN: Duration = Duration::from_secs(3);

/// What keys may do, and who may press them.
#[derive(Debug, Default)]
pub struct Codes {
    blind: Option<String>,
    attended: Option<String>,
    park: Option<String>,
    transfer: BTreeSet<LegId>,
    parking: BTreeSet<LegId>,
    pressed: Vec<(LegId, Instant, char)>,
}

/// What a code asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Blind,
    Attended,
    Park,
}

impl Codes {
    /// The codes of the configuration: these legs may transfer, and those may park.
    #[must_use]
    pub fn new(
        features: &Features,
        transfer: impl IntoIterator<Item = LegId>,
        parking: impl IntoIterator<Item = LegId>,
    ) -> Self {
        Self {
            blind: features.transfer.clone(),
            attended: features.attended_transfer.clone(),
            park: features.park.clone(),
            transfer: transfer.into_iter().collect(),
            parking: parking.into_iter().collect(),
            pressed: Vec::new(),
        }
    }

    fn press(&mut self, leg: LegId, key: char, now: Instant) -> Option<Wish> {
        let (transfer, parking) = (self.transfer.contains(&leg), self.parking.contains(&leg));
        if !transfer && !parking {
            return None;
        }
        self.pressed.retain(|(by, at, _)| *by == leg && now.duration_since(*at) <= TOGETHER);
        self.pressed.push((leg, now, key));
        let keys: String = self.pressed.iter().map(|(.., key)| key).collect();
        let is =
            |may: bool, code: &Option<String>| may && code.as_ref().is_some_and(|code| keys.ends_with(code.as_str()));
        let wish = if is(transfer, &self.blind) {
            Wish::Blind
        } else if is(transfer, &self.attended) {
            Wish::Attended
        } else if is(parking, &self.park) {
            Wish::Park
        } else {
            return None;
        };
        self.pressed.clear();
        Some(wish)
    }
}

impl Call {
    /// A key of one of the two who talk.
    pub(super) async fn key_of(&mut self, talk: &mut Talk, from: LegId, key: char) -> Result<Option<BridgeEnd>, Stop> {
        let Some(wish) = talk.codes.press(from, key, Instant::now()) else { return Ok(None) };
        // INVARIANT: only phones of the house send a call on, whatever option the plan gave to whom.
        let Some(who) = self.leg(from).and_then(|leg| leg.phone().map(str::to_owned)) else { return Ok(None) };
        if from == self.line {
            self.swap(talk);
        }
        self.part(talk.leg);
        self.music();
        let lot = || self.snapshot.config.parking.get("default").and_then(|lot| lot.number.clone());
        let dialled = if wish == Wish::Park { lot() } else { self.ask_number(talk).await? };
        match (dialled, wish) {
            (None, _) => Ok(self.back(talk)),
            (Some(to), Wish::Blind) => self.send_on(talk, &who, &to, false).await,
            (Some(to), Wish::Attended | Wish::Park) => self.consult(talk, &who, &to).await,
        }
    }

    /// Asks the party of a leg for a number; nothing if he keys none or goes.
    async fn ask_number(&mut self, talk: &Talk) -> Result<Option<String>, Stop> {
        if let Some(prompt) = self.sound("pbx-transfer") {
            self.play_to(talk.leg, vec![prompt], false);
        }
        let mut number = String::new();
        let mut until = Instant::now() + FIRST;
        loop {
            match self.next(Some(until)).await? {
                Event::KeyOf(leg, '#') if leg == talk.leg => break,
                Event::KeyOf(leg, key) if leg == talk.leg => {
                    if number.is_empty() {
                        self.quiet_leg(talk.leg);
                    }
                    if number.len() < crate::limits::DIALLED {
                        number.push(key);
                    }
                    until = Instant::now() + BETWEEN;
                }
                Event::Leg(leg, LegEvent::HungUp { .. } | LegEvent::Failed { .. }) if leg == talk.leg => {
                    return Ok(None);
                }
                Event::Timeout => break,
                _ => {}
            }
        }
        self.quiet_leg(talk.leg);
        Ok(Some(number).filter(|number| !number.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_pressed_by_one_party_within_its_time() {
        let code = |text: &str| Some(text.to_owned());
        let features = Features { transfer: code("##"), attended_transfer: code("*2"), park: code("*7") };
        let (one, two, stranger) = (LegId(1), LegId(2), LegId(3));
        let now = Instant::now();
        let at = |ms: u64| now + Duration::from_millis(ms);
        let mut codes = Codes::new(&features, [one, two], [two]);
        assert_eq!(codes.press(one, '#', at(0)), None);
        assert_eq!(codes.press(two, '#', at(100)), None, "half a code of each is none");
        assert_eq!(codes.press(two, '#', at(200)), Some(Wish::Blind));
        assert_eq!(codes.press(one, '#', at(300)), None);
        assert_eq!(codes.press(one, '#', at(5_000)), None, "too slow");
        assert_eq!(codes.press(one, '*', at(5_100)), None);
        assert_eq!(codes.press(one, '2', at(5_200)), Some(Wish::Attended));
        assert_eq!(
            (codes.press(one, '*', at(5_300)), codes.press(one, '7', at(5_400))),
            (None, None),
            "it may not park"
        );
        assert_eq!((codes.press(two, '*', at(5_500)), codes.press(two, '7', at(5_600))), (None, Some(Wish::Park)));
        assert_eq!(codes.press(stranger, '#', at(6_000)), None);
        assert_eq!(codes.press(stranger, '#', at(6_100)), None);
        let mut none = Codes::new(&Features::default(), [one], [one]);
        assert_eq!(none.press(one, '#', at(0)), None);
        assert_eq!(none.press(one, '#', at(1)), None);
    }
}
