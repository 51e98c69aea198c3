//! Gates: lines that let only those through who know a secret, and how long each would stand against guessing.

use std::collections::HashMap;

use dialplan::control::Call;
use dialplan::text::Template;

/// A set of gates by its number in [`Gates`].
pub(crate) type GateSet = u32;

/// Most gates of one way that are told apart; more change nothing for the owner.
const MOST: usize = 3;
/// Seconds that one try takes somebody who does not listen: the prompt cut short, then ten keys a second.
const TRY: f64 = 2.0;
const KEY: f64 = 0.1;

/// One gate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gate {
    /// `Authenticate`, `mailbox PIN`, `DISA`, `comparison with a secret`.
    pub kind: String,
    /// Where it stands: `context,extension,priority`.
    pub place: String,
    /// Digits of the secret, where they are known.
    pub digits: Option<u32>,
    /// Tries in one call.
    pub tries: u32,
    /// The secret is written in the plan, where everybody who reads it sees it.
    pub written: bool,
}

impl Gate {
    fn new(kind: &str, digits: Option<u32>, tries: u32, written: bool) -> Self {
        Self { kind: kind.to_owned(), place: String::new(), digits, tries, written }
    }

    /// Keys that were read and compared with a literal: a gate, and a weak one. Fewer than three digits are a choice.
    pub(super) fn compared(digits: usize) -> Option<Self> {
        let digits = u32::try_from(digits).ok().filter(|digits| *digits >= 3)?;
        Some(Self::new("comparison with a secret", Some(digits), 1, true))
    }

    /// The gate that an application is; nothing if it lets everybody through.
    pub(super) fn of(call: &Call<Template>) -> Option<Self> {
        let arg = |n: usize| call.args.get(n).map(ToString::to_string).unwrap_or_default();
        let digits = |text: &str| {
            let whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            whole.then(|| u32::try_from(text.len()).unwrap_or(u32::MAX))
        };
        match call.app.name() {
            "Authenticate" => {
                let secret = arg(0);
                Some(Self::new("Authenticate", digits(&secret), 3, digits(&secret).is_some()))
            }
            "DISA" => {
                let secret = arg(0);
                let secret = secret.split(',').next().unwrap_or_default();
                if secret.eq_ignore_ascii_case("no-password") || secret.is_empty() {
                    return None;
                }
                Some(Self::new("DISA", digits(secret), 1, digits(secret).is_some()))
            }
            // The option `s` asks for no PIN, and data may bring it along.
            "VoiceMailMain" | "VMAuthenticate" => {
                let options = arg(1);
                let opens = options.contains('s') || options.contains('$');
                let by_data = arg(0).contains('$') && arg(0).contains(',');
                (!opens && !by_data).then(|| Self::new("mailbox PIN", None, 3, false))
            }
            _ => None,
        }
    }

    /// Days that guessing takes on average, `lines` calls at a time; four digits where the number is not known.
    #[must_use]
    pub fn days(&self, lines: u32) -> f64 {
        let digits = self.digits.unwrap_or(4);
        let tries = 10f64.powi(i32::try_from(digits.min(18)).unwrap_or(18)) / 2.0;
        let seconds = TRY + KEY * f64::from(digits.min(18) + 1);
        tries / f64::from(lines.max(1)) * seconds / 86_400.0
    }

    /// `7 digits, 3 tries a call, 4 calls at a time: 40 days`.
    #[must_use]
    pub fn strength(&self, lines: u32) -> String {
        let digits = match self.digits {
            Some(1) => "1 digit".to_owned(),
            Some(digits) => format!("{digits} digits"),
            None => "digits unknown, taken for 4".to_owned(),
        };
        let tries = if self.tries == 1 { "1 try a call".to_owned() } else { format!("{} tries a call", self.tries) };
        let calls = if lines == 1 { "1 call at a time".to_owned() } else { format!("{lines} calls at a time") };
        let days = self.days(lines);
        let time = if days < 1.0 / 24.0 {
            format!("{:.0} minutes", (days * 24.0 * 60.0).max(1.0))
        } else if days < 2.0 {
            format!("{:.0} hours", days * 24.0)
        } else if days < 3650.0 {
            format!("{days:.0} days")
        } else {
            format!("{:.0} years", days / 365.0)
        };
        let written = if self.written { "; the secret stands in the plan" } else { "" };
        format!("{digits}, {tries}, {calls}: {time}{written}")
    }
}

/// Sets of gates by number; 0 is the empty one.
#[derive(Default)]
pub(super) struct Gates {
    sets: Vec<Vec<Gate>>,
    numbers: HashMap<Vec<Gate>, GateSet>,
}

impl Gates {
    pub(super) fn new() -> Self {
        let mut gates = Self::default();
        gates.number(Vec::new());
        gates
    }

    fn number(&mut self, set: Vec<Gate>) -> GateSet {
        if let Some(known) = self.numbers.get(&set) {
            return *known;
        }
        let number = GateSet::try_from(self.sets.len()).unwrap_or(0);
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        number
    }

    /// With one more; at most so many, and forgetting one claims more reach, never less.
    pub(super) fn with(&mut self, set: GateSet, gate: Gate) -> GateSet {
        let mut gates = self.get(set).to_vec();
        if gates.len() < MOST && !gates.contains(&gate) {
            gates.push(gate);
            gates.sort();
        }
        self.number(gates)
    }

    pub(super) fn into_sets(self) -> Vec<Vec<Gate>> {
        self.sets
    }

    pub(super) fn get(&self, set: GateSet) -> &[Gate] {
        self.sets.get(set as usize).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_takes_its_time() {
        let gate = |digits| Gate::new("Authenticate", Some(digits), 3, false);
        assert_eq!(gate(7).strength(4), "7 digits, 3 tries a call, 4 calls at a time: 41 days");
        assert_eq!(gate(4).strength(4), "4 digits, 3 tries a call, 4 calls at a time: 52 minutes");
        assert!(gate(8).days(4) > 9.0 * gate(7).days(4));
        assert_eq!(Gate::compared(2), None);
        assert!(Gate::compared(4).is_some_and(|gate| gate.written));
    }

    #[test]
    fn sets_have_one_number_each() {
        let mut gates = Gates::new();
        let gate = |place: &str| Gate { place: place.into(), ..Gate::new("DISA", Some(4), 1, true) };
        let a = gates.with(0, gate("a"));
        let ab = gates.with(a, gate("b"));
        let b = gates.with(0, gate("b"));
        assert_eq!((gates.with(b, gate("a")), gates.with(ab, gate("a"))), (ab, ab));
        assert_eq!(gates.get(ab).len(), 2);
    }
}
