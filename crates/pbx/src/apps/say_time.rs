//! `SayUnixTime([seconds[,zone[,format]]])`: a time read out, as prompts of an Asterisk sound folder.
//!
//! Letters of the format are those of the table line; `'sound'` stands for itself. A zone is an IANA name; empty or
//! unknown: the exchange's own.

use dialplan::CivilTime;

use super::say::{speak, words as number_words};
use super::{Outcome, arg};
use crate::call::Call;

const USUAL: &str = "ABdY 'digits/at' IMp";
/// Longest format; forty letters say everything about a moment twice.
const LONGEST: usize = 200;

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let now = call.exchange.clock.now().div_euclid(1000);
    let epoch = arg(args, 0).split('.').next().and_then(|text| text.parse().ok()).unwrap_or(now);
    let names = names(call, epoch, arg(args, 1), arg(args, 2));
    speak(call, &names).await
}

/// The prompts of a time.
pub(crate) fn names(call: &Call, epoch: i64, zone: &str, format: &str) -> Vec<String> {
    let now = call.exchange.clock.now().div_euclid(1000);
    let (at, today) = (call.exchange.civil_at(epoch, zone), call.exchange.civil_at(now, zone));
    let format: String = if format.is_empty() { USUAL.to_owned() } else { format.chars().take(LONGEST).collect() };
    let mut names = Vec::new();
    words(&at, &today, &format, &mut names);
    names
}

fn digits(names: &mut Vec<String>, word: impl std::fmt::Display) {
    names.push(format!("digits/{word}"));
}

fn words(at: &CivilTime, today: &CivilTime, format: &str, names: &mut Vec<String>) {
    let mut letters = format.chars();
    let number = |names: &mut Vec<String>, n: u8| names.extend(number_words(n.into()));
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => names.push(letters.by_ref().take_while(|c| *c != '\'').collect()),
            'A' | 'a' => digits(names, format_args!("day-{}", at.weekday)),
            'B' | 'b' | 'h' => digits(names, format_args!("mon-{}", at.month.saturating_sub(1))),
            'm' => digits(names, format_args!("h-{}", at.month)),
            'd' | 'e' => day(names, at.day),
            'Y' => year(names, at.year),
            'I' | 'l' => digits(names, (at.hour + 11) % 12 + 1),
            'H' | 'k' => {
                if at.hour < 10 && letter == 'H' {
                    digits(names, "oh");
                }
                number(names, at.hour);
            }
            'M' | 'N' => match at.minute {
                0 if letter == 'M' => digits(names, "oclock"),
                0 => digits(names, "hundred"),
                1..10 => {
                    digits(names, "oh");
                    number(names, at.minute);
                }
                minute => number(names, minute),
            },
            'S' => {
                if at.second < 10 {
                    digits(names, "oh");
                }
                number(names, at.second);
            }
            'P' | 'p' => digits(names, if at.hour < 12 { "a-m" } else { "p-m" }),
            'Q' | 'q' => relative(at, today, letter == 'Q', names),
            'R' => words(at, today, "HM", names),
            'T' => words(at, today, "HMS", names),
            _ => {}
        }
    }
}

/// Days of the month are ordinals.
fn day(names: &mut Vec<String>, day: u8) {
    match day {
        1..=20 | 30 => digits(names, format_args!("h-{day}")),
        _ => {
            digits(names, day / 10 * 10);
            digits(names, format_args!("h-{}", day % 10));
        }
    }
}

/// 1999 is nineteen ninety-nine, 2026 two thousand and so on.
fn year(names: &mut Vec<String>, year: i32) {
    let (century, rest) = (year / 100, year % 100);
    if !(1000..10_000).contains(&year) || century % 10 == 0 {
        names.extend(number_words(year.into()));
        return;
    }
    names.extend(number_words(century.into()));
    match rest {
        0 => digits(names, "hundred"),
        1..10 => {
            digits(names, "oh");
            names.extend(number_words(rest.into()));
        }
        _ => names.extend(number_words(rest.into())),
    }
}

/// Today, yesterday, a day of the last week, or the date.
fn relative(at: &CivilTime, today: &CivilTime, say_today: bool, names: &mut Vec<String>) {
    let days = |time: &CivilTime| (time.epoch() + i64::from(time.utc_offset_s)).div_euclid(86_400);
    match days(today) - days(at) {
        0 if say_today => digits(names, "today"),
        0 => {}
        1 => digits(names, "yesterday"),
        2..7 if !say_today => digits(names, format_args!("day-{}", at.weekday)),
        _ => words(at, today, "ABdY", names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(epoch: i64, now: i64, format: &str, expected: &str) {
        let mut names = Vec::new();
        words(&CivilTime::from_epoch(epoch, 0), &CivilTime::from_epoch(now, 0), format, &mut names);
        let said: Vec<String> = names.iter().map(|name| name.replace("digits/", "")).collect();
        assert_eq!(said.join(" "), expected, "{format}");
    }

    #[test]
    fn a_time_is_read_as_in_english() {
        // Thursday, 19 November 2026, 16:30:05.
        let at = 1_795_105_805;
        check(at, at, USUAL, "day-4 mon-10 h-19 2 thousand 20 6 at 4 30 p-m");
        check(at, at, "R", "16 30");
        check(at, at, "T", "16 30 oh 5");
        check(at, at, "Q", "today");
        check(at, at, "q", "");
        check(at, at + 86_400, "q 'beep' IMp", "yesterday beep 4 30 p-m");
        check(at, at + 3 * 86_400, "q", "day-4");
        check(at, at + 30 * 86_400, "Q", "day-4 mon-10 h-19 2 thousand 20 6");
        // 1 January 1970, midnight.
        check(0, at, "ABdYIMp", "day-4 mon-0 h-1 19 70 12 oclock a-m");
        check(-2_208_988_800, at, "YH", "19 hundred oh 0");
        check(31 * 86_400 - 86_400, at, "d'x", "30 h-1 x");
    }
}
