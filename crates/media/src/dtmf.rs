//! The sixteen digits of a push-button telephone (ITU-T Q.23) and how to sound them.
//!
//! Hearing them is [`crate::inband`]; sending them as events is RFC 4733.

use crate::tone::{Segment, Tone};

/// Low group in Hz, by row of the key pad.
pub const LOW: [u16; 4] = [697, 770, 852, 941];
/// High group in Hz, by column of the key pad.
pub const HIGH: [u16; 4] = [1209, 1336, 1477, 1633];
/// The key pad: rows, then columns.
pub const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Level of each of the two frequencies in dBm0; what phones send.
const LEVEL: i8 = -9;

/// The two frequencies of a digit; letters without case. `None` for what is not on the key pad.
pub fn frequencies(digit: char) -> Option<(u16, u16)> {
    let digit = digit.to_ascii_uppercase();
    for (row, low) in KEYS.iter().zip(LOW) {
        for (key, high) in row.iter().zip(HIGH) {
            if *key == digit {
                return Some((low, high));
            }
        }
    }
    None
}

/// Digits as tones of `on` and pauses of `off` milliseconds; it ends. What is not on the key pad is a pause of half a
/// second, as `w` is when dialling.
pub fn tone(digits: &str, on: u32, off: u32) -> Tone {
    let mut segments = Vec::new();
    let silent = |ms| Segment { hz: [0; 3], modulation: 0, level: LEVEL, ms, once: true };
    for digit in digits.chars() {
        match frequencies(digit) {
            Some((low, high)) => {
                segments.push(Segment { hz: [low, high, 0], ms: on.max(1), ..silent(0) });
                segments.push(silent(off.max(1)));
            }
            None => segments.push(silent(500)),
        }
    }
    Tone::new(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_pad_has_sixteen_keys() {
        assert_eq!(frequencies('1'), Some((697, 1209)));
        assert_eq!(frequencies('d'), Some((941, 1633)));
        assert_eq!(frequencies('0'), Some((941, 1336)));
        assert_eq!(frequencies('x'), None);
        assert!(tone("12", 100, 100).ends());
        assert_eq!(tone("1w2", 100, 100).segments().len(), 5);
    }
}
