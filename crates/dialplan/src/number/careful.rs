//! Countries of which only prefixes and emergency numbers are known here. Nobody can say what a number of theirs costs, so
//! inside the country too every number counts as abroad, what usually is dear as premium, and short codes are refused.

use super::Class;
use super::country::{Country, Rule, rule};

/// National numbers of whatever kind.
const CAREFUL: &[Rule] = &[
    rule("", 4, 12, Class::International),
    rule("70", 4, 12, Class::Premium),
    rule("80", 4, 12, Class::Premium),
    rule("89", 4, 12, Class::Premium),
    rule("90", 4, 12, Class::Premium),
];

const fn country(
    code: &'static str,
    calling: &'static str,
    trunk: &'static str,
    short: &'static [(&'static str, Class)],
) -> Country {
    // 11xx and 118 are directory enquiries and operators nearly everywhere.
    Country { code, calling, international: &["00"], trunk, short, carrier: &[("11", Class::Premium)], rules: CAREFUL }
}

use Class::Emergency as E;

pub(super) static COUNTRIES: &[Country] = &[
    country("BE", "32", "0", &[("112", E), ("100", E), ("101", E)]),
    country("BG", "359", "0", &[("112", E)]),
    country("CY", "357", "", &[("112", E), ("199", E)]),
    country("CZ", "420", "", &[("112", E), ("150", E), ("155", E), ("158", E)]),
    country("DK", "45", "", &[("112", E)]),
    country("EE", "372", "", &[("112", E)]),
    country("ES", "34", "", &[("112", E), ("061", E), ("062", E), ("080", E), ("085", E), ("091", E), ("092", E)]),
    country("FI", "358", "0", &[("112", E)]),
    country("GR", "30", "", &[("112", E), ("100", E), ("166", E), ("199", E)]),
    country("HR", "385", "0", &[("112", E), ("192", E), ("193", E), ("194", E)]),
    country("HU", "36", "06", &[("112", E), ("104", E), ("105", E), ("107", E)]),
    country("IE", "353", "0", &[("112", E), ("999", E)]),
    country("IL", "972", "0", &[("100", E), ("101", E), ("102", E), ("112", E)]),
    country("IN", "91", "0", &[("112", E), ("100", E), ("101", E), ("102", E), ("108", E)]),
    country("IS", "354", "", &[("112", E)]),
    country("IT", "39", "", &[("112", E), ("113", E), ("115", E), ("118", E)]),
    country("LI", "423", "", &[("112", E), ("117", E), ("118", E), ("144", E)]),
    country("LT", "370", "0", &[("112", E)]),
    country("LU", "352", "", &[("112", E), ("113", E)]),
    country("LV", "371", "", &[("112", E), ("110", E), ("113", E)]),
    country("MT", "356", "", &[("112", E)]),
    country("MX", "52", "", &[("911", E)]),
    country("NO", "47", "", &[("110", E), ("112", E), ("113", E)]),
    country("NZ", "64", "0", &[("111", E), ("112", E)]),
    country("PL", "48", "", &[("112", E), ("997", E), ("998", E), ("999", E)]),
    country("PT", "351", "", &[("112", E)]),
    country("RO", "40", "0", &[("112", E)]),
    country("SE", "46", "0", &[("112", E)]),
    country("SI", "386", "0", &[("112", E), ("113", E)]),
    country("SK", "421", "0", &[("112", E), ("150", E), ("155", E), ("158", E)]),
    country("ZA", "27", "0", &[("10111", E), ("10177", E), ("112", E)]),
];
