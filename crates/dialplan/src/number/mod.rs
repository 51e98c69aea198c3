//! What a telephone number is and what kind of call it makes: the words that proof and gate share.
//!
//! [`normalise`] turns what somebody dialled into one spelling and one [`Class`]. Everything here is decided by our own
//! tables (`country`, `assigned`, `nanp`, `world`): lists of what is known, so what is not listed is
//! [`Class::Unknown`], and Unknown is refused by [`crate::policy`]. Metadata libraries were measured and left out:
//! none knows 911, 976 or 1010xxx, and the fence needs classes, not formatting.

mod assigned;
mod careful;
mod country;
mod more;
mod nanp;
#[cfg(test)]
mod tests;
mod world;

use std::fmt;

pub use country::Country;

/// Longest text that [`normalise`] looks at, separators included; Asterisk cuts at 80, we refuse.
pub const MAX_DIALLED: usize = 79;

/// Most digits that can make a number: 15 of E.164, an international prefix (011) and a carrier code (1010288).
pub const MAX_DIGITS: usize = 15 + 3 + 7;

/// What kind of call a number makes, cheapest first. The classes of `may` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A phone or an application of this exchange; costs nothing.
    Inside,
    /// Police, fire, ambulance, crisis lines and the address test of the country (911, 933, 988; 999, 112; 110).
    Emergency,
    /// The called party pays (8YY, 0800).
    TollFree,
    /// Short numbers and numbers without area code that the local exchange completes.
    Local,
    /// A fixed line of the country. In country code 1, where mobiles look alike, mobiles too.
    National,
    /// A mobile of the country, where they can be told apart.
    Mobile,
    /// Another country; also the islands and territories that share a country code with the own one.
    International,
    /// Dearer by purpose: 900, 976, 1010xxx, personal and 500-series numbers, directory enquiries, shared cost.
    Premium,
    /// Satellite and shipborne networks and other global networks: +870, +881, +882, +883.
    Satellite,
    /// Cannot be classified; never dialled.
    Unknown,
}

impl Class {
    /// All classes, cheapest first.
    pub const ALL: [Self; 10] = [
        Self::Inside,
        Self::Emergency,
        Self::TollFree,
        Self::Local,
        Self::National,
        Self::Mobile,
        Self::International,
        Self::Premium,
        Self::Satellite,
        Self::Unknown,
    ];

    /// The word for it in the configuration and in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Inside => "internal",
            Self::Emergency => "emergency",
            Self::TollFree => "toll-free",
            Self::Local => "local",
            Self::National => "national",
            Self::Mobile => "mobile",
            Self::International => "international",
            Self::Premium => "premium",
            Self::Satellite => "satellite",
            Self::Unknown => "unknown",
        }
    }

    /// The class that a word of the configuration names; `inside` is taken for `internal` too.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        if word == "inside" {
            return Some(Self::Inside);
        }
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// Whether a call of this class can appear on a bill. Only [`Class::Inside`] cannot: even a toll-free call
    /// occupies a line that somebody pays, and an emergency call has its own rule.
    #[must_use]
    pub fn is_paid(self) -> bool {
        !matches!(self, Self::Inside)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A number in the one spelling that rates, limits and records use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number {
    /// `+` and the digits of E.164 where the number has such a form, else the short code itself (`911`, `411`), or
    /// the digits as dialled where the class is [`Class::Unknown`]. Only digits and a leading `+`, never empty.
    pub e164: String,
    /// What kind of call it makes.
    pub class: Class,
}

/// Why something dialled is not a number at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotANumber {
    /// No digit in it.
    Empty,
    /// Longer than [`MAX_DIALLED`] characters or more than [`MAX_DIGITS`] digits.
    TooLong,
    /// A character that is neither a digit, nor a leading `+`, nor one of the separators `- . ( )` and space.
    Character(char),
}

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing was dialled"),
            Self::TooLong => f.write_str("too long for a telephone number"),
            Self::Character(c) => write!(f, "{c:?} is no part of a telephone number"),
        }
    }
}

impl std::error::Error for NotANumber {}

/// Brings what was dialled in `country` into one spelling and says what kind of call it makes.
///
/// Separators that people and phones write (`-`, `.`, `(`, `)`, space) are dropped; anything else that is no digit
/// is refused, above all what means something elsewhere: `&`, `/`, `@`, `%`, `*`, `#`, `,`, letters.
///
/// # Errors
/// [`NotANumber`] if it cannot be a number. A number that nobody has assigned is not an error but
/// [`Class::Unknown`].
pub fn normalise(country: &Country, dialled: &str) -> Result<Number, NotANumber> {
    let (plus, digits) = strip(dialled)?;
    Ok(country.read(plus, &digits))
}

/// The class alone; what is no number is [`Class::Unknown`].
#[must_use]
pub fn classify(country: &Country, dialled: &str) -> Class {
    normalise(country, dialled).map_or(Class::Unknown, |number| number.class)
}

/// Digits without separators, and whether a `+` led them.
fn strip(dialled: &str) -> Result<(bool, String), NotANumber> {
    if dialled.len() > MAX_DIALLED {
        return Err(NotANumber::TooLong);
    }
    let mut plus = false;
    let mut digits = String::new();
    for c in dialled.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() && !plus => plus = true,
            '-' | '.' | ' ' | '(' | ')' => {}
            other => return Err(NotANumber::Character(other)),
        }
    }
    if digits.is_empty() {
        return Err(NotANumber::Empty);
    }
    if digits.len() > MAX_DIGITS {
        return Err(NotANumber::TooLong);
    }
    Ok((plus, digits))
}
