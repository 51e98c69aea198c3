//! Numbers of other countries, in E.164 digits without the `+`.

use super::Class;
use super::assigned::COUNTRY_CODES;
use super::country::Country;
use super::nanp::{self, Home};

/// Shortest national number that we believe behind a country code (Niue, Saint Helena: 4 digits).
const MIN_NATIONAL: usize = 4;
/// ITU-T E.164 §6.1: country code and national number together.
const MAX_E164: usize = 15;

/// Codes that are networks and services, not countries: dearer than any country, and loved by fraud.
const GLOBAL: &[(&str, Class)] = &[
    ("800", Class::International), // universal freephone; free only if the own carrier says so
    ("808", Class::Premium),       // universal shared cost
    ("870", Class::Satellite),     // Inmarsat
    ("878", Class::Premium),       // universal personal numbers
    ("881", Class::Satellite),     // Iridium, Globalstar
    ("882", Class::Satellite),     // international networks, ships and aircraft among them
    ("883", Class::Satellite),     // the same
    ("888", Class::Unknown),       // disaster relief, never assigned
    ("979", Class::Premium),       // international premium rate
];

/// Classifies full E.164 digits for an exchange in `home`.
pub(super) fn class(home: &Country, digits: &str) -> Class {
    if digits.len() > MAX_E164 {
        return Class::Unknown;
    }
    if let Some((code, class)) = GLOBAL.iter().find(|(code, _)| digits.starts_with(code)) {
        let long_enough = digits.len() >= code.len() + MIN_NATIONAL;
        return if long_enough { *class } else { Class::Unknown };
    }
    if let Some(ten) = digits.strip_prefix('1') {
        return nanp::class(home.nanp_home(), ten);
    }
    let Some(code) = (1..=3).find_map(|n| {
        let code = digits.get(..n)?;
        COUNTRY_CODES.binary_search(&code.parse().ok()?).ok().map(|_| code)
    }) else {
        return Class::Unknown;
    };
    let national = digits.get(code.len()..).unwrap_or_default();
    if national.len() < MIN_NATIONAL {
        return Class::Unknown;
    }
    if home.calling_code() == code {
        return home.national_class(national);
    }
    // A country whose table we hold: what is premium there is premium for us, and nonsense stays nonsense.
    match Country::by_calling_code(code).map(|other| other.national_class(national)) {
        Some(Class::Premium) => Class::Premium,
        Some(Class::Unknown) => Class::Unknown,
        _ => Class::International,
    }
}

/// The home within country code 1 of a country with that calling code.
pub(super) fn home_of(code: &str) -> Home {
    match code {
        "US" => Home::UnitedStates,
        "CA" => Home::Canada,
        _ => Home::Abroad,
    }
}
