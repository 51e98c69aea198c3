//! PINs that are guessed first. The lock-out allows few tries; this keeps those few from being enough.

use super::{Digits, PinOf};
use crate::limits;

/// Why a PIN is refused, in words for its owner. Never repeats the PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Something else than digits.
    #[error("a PIN is made of digits")]
    NotDigits,
    /// Fewer digits than asked for.
    #[error("this PIN needs at least {0} digits")]
    TooShort(usize),
    /// More digits than a PIN may have.
    #[error("a PIN has at most {} digits", limits::PIN_DIGITS)]
    TooLong,
    /// The number of the mailbox, as it is, backwards or with something around it.
    #[error("the number of the mailbox is the first PIN that anybody tries")]
    OwnNumber,
    /// The same few digits again and again.
    #[error("the same digits again and again are guessed at once")]
    Repeats,
    /// 1234, 8642 and their like.
    #[error("digits in a row are guessed at once")]
    Run,
    /// A year, or a date that holds one.
    #[error("years and dates are guessed early")]
    Year,
    /// A line on the keys, or another PIN that many people have.
    #[error("this is one of the PINs that many people choose")]
    Common,
}

/// PINs that lists of leaked ones have near their top and that no rule below finds.
const COMMON: [&str; 14] = [
    "2580", "0852", "1470", "1397", "7931", "1793", "5683", "0007", "1004", "4200", "147258", "258369", "159753",
    "142536",
];

/// Whether a PIN is good enough for what it opens.
///
/// # Errors
/// Why it is not.
pub fn weak(of: &PinOf, digits: &Digits) -> Result<(), Weak> {
    let text = digits.reveal();
    let bytes = text.as_bytes();
    if !bytes.iter().all(u8::is_ascii_digit) {
        return Err(Weak::NotDigits);
    }
    if bytes.len() < of.shortest() {
        return Err(Weak::TooShort(of.shortest()));
    }
    if bytes.len() > limits::PIN_DIGITS {
        return Err(Weak::TooLong);
    }
    if of.number().is_some_and(|number| holds_number(bytes, number.as_bytes())) {
        return Err(Weak::OwnNumber);
    }
    if repeats(bytes) {
        return Err(Weak::Repeats);
    }
    if run(bytes) {
        return Err(Weak::Run);
    }
    if year(text) {
        return Err(Weak::Year);
    }
    if COMMON.contains(&text) {
        return Err(Weak::Common);
    }
    Ok(())
}

/// The mailbox's number with at most two other digits around it: 204, 0204, 2041, 402 backwards.
fn holds_number(digits: &[u8], number: &[u8]) -> bool {
    if number.is_empty() || digits.len() > number.len() + 2 {
        return false;
    }
    let backwards: Vec<u8> = number.iter().rev().copied().collect();
    digits.windows(number.len()).any(|part| part == number || part == backwards)
}

/// Fewer than three different digits, or one block again and again.
fn repeats(digits: &[u8]) -> bool {
    let mut seen = [false; 256];
    for digit in digits {
        if let Some(seen) = seen.get_mut(usize::from(*digit)) {
            *seen = true;
        }
    }
    let different = seen.iter().filter(|seen| **seen).count();
    let block = (1..=digits.len() / 2)
        .any(|block| digits.iter().zip(digits.iter().skip(block)).all(|(a, b)| a == b) && digits.len() >= 2 * block);
    different < 3 || block
}

/// Steps of one size all the way (1357, 9630), or nearly all of it up or down by one (123450).
fn run(digits: &[u8]) -> bool {
    let steps: Vec<u8> = digits.iter().zip(digits.iter().skip(1)).map(|(a, b)| (10 + b - a) % 10).collect();
    let whole = steps.first().is_some_and(|first| steps.iter().all(|step| step == first));
    let longest = |size: u8| {
        let (mut longest, mut now) = (0, 0);
        for step in &steps {
            now = if *step == size { now + 1 } else { 0 };
            longest = longest.max(now);
        }
        longest + 1
    };
    let most = longest(1).max(longest(9));
    whole || (most >= 4 && most + 2 >= digits.len())
}

/// 1987; 24121987 and 19871224, with or without the day.
fn year(text: &str) -> bool {
    let is_year = |part: Option<&str>| part.is_some_and(|part| part.starts_with("19") || part.starts_with("20"));
    let date = |part: Option<&str>| {
        let part = part.unwrap_or_default();
        let pair = |at: usize| part.get(at..at + 2).and_then(|pair| pair.parse::<u8>().ok()).unwrap_or_default();
        match part.len() {
            2 => (1..=12).contains(&pair(0)),
            4 => {
                let (a, b) = (pair(0), pair(2));
                (1..=31).contains(&a) && (1..=12).contains(&b) || (1..=12).contains(&a) && (1..=31).contains(&b)
            }
            _ => false,
        }
    };
    let end = text.len().saturating_sub(4);
    match text.len() {
        4 => is_year(Some(text)),
        6 | 8 => is_year(text.get(..4)) && date(text.get(4..)) || is_year(text.get(end..)) && date(text.get(..end)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pin: &str, expected: Option<Weak>) {
        assert_eq!(weak(&PinOf::Mailbox("204".into()), &Digits::new(pin)).err(), expected, "{pin}");
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for pin in ["204", "12a4", "", "12 34", "١٢٣٤"] {
            let expected = if pin.bytes().all(|b| b.is_ascii_digit()) { Weak::TooShort(4) } else { Weak::NotDigits };
            check(pin, Some(expected));
        }
        check("12345678901234567", Some(Weak::TooLong));
        for pin in ["0204", "2040", "2042", "4020", "14020"] {
            check(pin, Some(Weak::OwnNumber));
        }
        for pin in ["0000", "777777", "1212", "1122", "121212", "583583", "40714071", "5558"] {
            check(pin, Some(Weak::Repeats));
        }
        for pin in ["1234", "4321", "2468", "7890", "3692", "123450", "987651", "012345678"] {
            check(pin, Some(Weak::Run));
        }
        for pin in ["1987", "2026", "121987", "198712", "24121987", "19871224", "12241987"] {
            check(pin, Some(Weak::Year));
        }
        check("2580", Some(Weak::Common));
    }

    #[test]
    fn what_is_left_is_accepted() {
        for pin in ["7394", "4807", "204975", "839201", "61937", "5820374918", "198799", "314159"] {
            check(pin, None);
        }
    }

    #[test]
    fn a_grant_wants_more_digits() {
        let grant = PinOf::Grant("disa-me".into());
        assert_eq!(weak(&grant, &Digits::new("7394")), Err(Weak::TooShort(6)));
        assert_eq!(weak(&grant, &Digits::new("739482")), Ok(()));
    }

    #[test]
    fn most_of_all_pins_stay_possible() {
        let of = PinOf::Mailbox("204".into());
        let good = (0..1_000_000).filter(|n| weak(&of, &Digits::new(&format!("{n:06}"))).is_ok()).count();
        assert!(good > 970_000, "{good}");
    }
}
