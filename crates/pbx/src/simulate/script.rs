//! What the scripted parties do: the caller's keys, the phones' and trunks' answers.

use std::time::Duration;

/// One thing that the caller does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Presses these keys as soon as the exchange has been quiet for half a second, as a patient person does; after a
    /// [`Move::Wait`] at once.
    Keys(String),
    /// Waits so long, whatever the exchange says.
    Wait(Duration),
    /// Hangs up.
    HangUp,
}

/// The caller's moves in order. When they are done he listens on, and hangs up after [`Script::PATIENCE`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// The moves.
    pub moves: Vec<Move>,
}

impl Script {
    /// How long a caller who has nothing more to do stays on the line.
    pub const PATIENCE: Duration = Duration::from_secs(300);
    /// Most moves of a script.
    const MOVES: usize = 1000;

    /// Reads `4,1234588#,wait 3,hangup`.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut moves = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if moves.len() >= Self::MOVES {
                return Err(format!("at most {} moves", Self::MOVES));
            }
            moves.push(if item.eq_ignore_ascii_case("hangup") {
                Move::HangUp
            } else if let Some(seconds) = item.strip_prefix("wait") {
                Move::Wait(wait(seconds)?)
            } else if item.chars().all(|c| matches!(c, '0'..='9' | '*' | '#' | 'A'..='D')) {
                Move::Keys(item.to_owned())
            } else {
                return Err(format!("{item:?}: keys (0-9 * # A-D), \"wait 3\" or \"hangup\", separated by commas"));
            });
        }
        Ok(Self { moves })
    }
}

fn wait(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.trim().parse().map_err(|_| format!("wait{text}: how many seconds?"))?;
    if (0.0..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("a wait is at most an hour".to_owned())
    }
}

/// What a called phone or trunk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Not registered; a trunk that does not answer at all.
    Offline,
    /// Rings for ever.
    Rings,
    /// Rings, answers and hangs up again.
    Answers {
        /// Seconds of ringing.
        after: u32,
        /// Seconds of talking; none: until the caller hangs up.
        talks: Option<u32>,
    },
    /// Rings, answers, presses a key two seconds later and stays.
    Presses {
        /// Seconds of ringing.
        after: u32,
        /// The key.
        key: char,
    },
    /// Refuses with this SIP status after a second.
    Refuses(u16),
}

impl Party {
    /// Reads `offline`, `rings`, `busy`, `refuses 603`, `answers`, `answers 5`, `answers 5 talks 10`.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |word: &str| word.parse::<u32>().ok().filter(|n| *n <= 3600);
        let party = match words.as_slice() {
            ["offline"] => Some(Self::Offline),
            ["rings"] => Some(Self::Rings),
            ["busy"] => Some(Self::Refuses(486)),
            ["refuses", status] => {
                number(status).and_then(|n| u16::try_from(n).ok()).filter(|n| (300..700).contains(n)).map(Self::Refuses)
            }
            ["answers"] => Some(Self::Answers { after: 3, talks: None }),
            ["answers", after] => number(after).map(|after| Self::Answers { after, talks: None }),
            ["answers", after, "presses", key] => match (number(after), key.parse()) {
                (Some(after), Ok(key)) => Some(Self::Presses { after, key }),
                _ => None,
            },
            ["answers", after, "talks", talks] => match (number(after), number(talks)) {
                (Some(after), Some(talks)) => Some(Self::Answers { after, talks: Some(talks) }),
                _ => None,
            },
            _ => None,
        };
        party.ok_or_else(|| {
            format!(
                "{text:?}: \"offline\", \"rings\", \"busy\", \"refuses 603\", \"answers 5\" or \"answers 5 talks 10\""
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_read_as_people_write_them() {
        let script = Script::parse("4, 1234588#,wait 3,wait0.5,hangup").unwrap();
        assert_eq!(
            script.moves,
            [
                Move::Keys("4".into()),
                Move::Keys("1234588#".into()),
                Move::Wait(Duration::from_secs(3)),
                Move::Wait(Duration::from_millis(500)),
                Move::HangUp,
            ]
        );
        assert_eq!(Script::parse("").unwrap(), Script::default());
        for wrong in ["x", "wait", "wait -1", "wait 99999", "wait NaN", "4;5"] {
            assert!(Script::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parties_read_as_people_write_them() {
        assert_eq!(Party::parse("answers 5 talks 10"), Ok(Party::Answers { after: 5, talks: Some(10) }));
        assert_eq!(Party::parse("answers"), Ok(Party::Answers { after: 3, talks: None }));
        assert_eq!(Party::parse("busy"), Ok(Party::Refuses(486)));
        assert_eq!(Party::parse("refuses 603"), Ok(Party::Refuses(603)));
        for wrong in ["", "refuses", "refuses 200", "answers x", "sleeps"] {
            assert!(Party::parse(wrong).is_err(), "{wrong}");
        }
    }
}
