//! Country code 1: twenty countries that look like one, which is what island fraud lives on.
//!
//! A country's own numbers are its listed area codes, nothing else; all others behind +1 are abroad.

use super::Class;
use super::assigned::{CA_AREAS, ISLAND_AREAS, US_AREAS};

/// Which part of country code 1 the exchange stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// The fifty states and the District of Columbia.
    UnitedStates,
    /// Canada.
    Canada,
    /// Somewhere else in the world.
    Abroad,
}

/// Toll-free area codes in use.
const TOLL_FREE: &[u16] = &[800, 833, 844, 855, 866, 877, 888];

/// Classifies ten digits behind +1, as seen from `home`.
///
/// Not obvious: the directory number 555-1212 and the exchange 976 are premium in every area; 900 and the 500, 600
/// (Canada), 700 and 456/710 series are not places but services with prices of their own.
pub(super) fn class(home: Home, ten: &str) -> Class {
    let Some((area, exchange, line)) = split(ten) else {
        return Class::Unknown;
    };
    if area == 900 || is_service_area(area) || exchange == 976 {
        return Class::Premium;
    }
    if exchange == 555 && line == 1212 {
        return Class::Premium;
    }
    // N11 in the place of an exchange is a service of the local network, never a line (ATIS-0300051).
    if exchange % 100 == 11 || exchange == 950 {
        return Class::Unknown;
    }
    if TOLL_FREE.contains(&area) {
        // From outside country code 1 these are ordinary, paid international calls.
        return if home == Home::Abroad { Class::International } else { Class::TollFree };
    }
    if ISLAND_AREAS.binary_search(&area).is_ok() {
        return Class::International;
    }
    let own = match home {
        Home::UnitedStates => US_AREAS,
        Home::Canada => CA_AREAS,
        Home::Abroad => &[],
    };
    if own.binary_search(&area).is_ok() {
        Class::National
    } else if US_AREAS.binary_search(&area).is_ok() || CA_AREAS.binary_search(&area).is_ok() {
        Class::International
    } else {
        Class::Unknown
    }
}

/// Classifies seven digits dialled without an area code; the trunk's own area completes them.
pub(super) fn local_class(seven: &str) -> Class {
    let (Some(exchange), Some(line)) = (number(seven, 0, 3), number(seven, 3, 7)) else {
        return Class::Unknown;
    };
    if seven.len() != 7 || exchange < 200 || exchange % 100 == 11 || exchange == 950 {
        Class::Unknown
    } else if exchange == 976 || exchange == 900 || (exchange == 555 && line == 1212) {
        Class::Premium
    } else {
        Class::Local
    }
}

/// Area codes that are services: follow-me and machine numbers (5XX), Canadian satellite and mobile services (600,
/// 6YY), carriers' own services (700), inbound international (456), the government's emergency net (710).
fn is_service_area(area: u16) -> bool {
    const FIVE: &[u16] = &[
        500, 521, 522, 523, 524, 525, 526, 527, 528, 529, 532, 533, 535, 538, 542, 543, 544, 545, 546, 547, 549, 550,
        552, 553, 554, 556, 558, 566, 569, 577, 578, 588, 589,
    ];
    FIVE.contains(&area) || matches!(area, 456 | 600 | 622 | 633 | 644 | 655 | 677 | 688 | 700 | 710)
}

fn split(ten: &str) -> Option<(u16, u16, u16)> {
    let (area, exchange, line) = (number(ten, 0, 3)?, number(ten, 3, 6)?, number(ten, 6, 10)?);
    (ten.len() == 10 && area >= 200 && exchange >= 200).then_some((area, exchange, line))
}

fn number(digits: &str, from: usize, to: usize) -> Option<u16> {
    digits.get(from..to)?.parse().ok()
}
