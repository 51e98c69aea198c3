//! One table per country: its prefixes, its short numbers and what its national numbers are.
//!
//! A new country is a new entry here, in `more.rs` or in `careful.rs` (countries of which only emergency numbers and
//! prefixes are known), and rows in `tests.rs`. Rules are read longest prefix first.

use super::nanp::{self, Home};
use super::{Class, Number, careful, more, world};

/// What the exchange knows of the country it stands in. Get one by [`Country::by_code`].
pub struct Country {
    pub(super) code: &'static str,
    pub(super) calling: &'static str,
    /// Prefixes before a country code.
    pub(super) international: &'static [&'static str],
    /// Prefix before a national number; empty where numbers are dialled whole.
    pub(super) trunk: &'static str,
    /// Whole short numbers.
    pub(super) short: &'static [(&'static str, Class)],
    /// Prefixes that make whatever follows dear or strange, read before anything else but short numbers.
    pub(super) carrier: &'static [(&'static str, Class)],
    /// National (significant) numbers without the trunk prefix; not used by country code 1.
    pub(super) rules: &'static [Rule],
}

/// National numbers that begin with `prefix` and have `min..=max` digits in all.
pub(super) struct Rule {
    prefix: &'static str,
    min: usize,
    max: usize,
    class: Class,
}

pub(super) const fn rule(prefix: &'static str, min: usize, max: usize, class: Class) -> Rule {
    Rule { prefix, min, max, class }
}

/// North American short numbers (ATIS-0300097): 211, 311, 511, 811 are free services, 411 costs, 711 is relay.
const NANP_SHORT: &[(&str, Class)] = &[
    ("911", Class::Emergency),
    ("933", Class::Emergency), // reads the registered address of the line back; rings nobody
    ("988", Class::Emergency), // crisis line
    ("211", Class::Local),
    ("311", Class::Local),
    ("511", Class::Local),
    ("611", Class::Local),
    ("711", Class::TollFree),
    ("811", Class::Local),
    ("411", Class::Premium),
];

/// 1010xxx and its kin choose another carrier, whose price nobody here knows.
const NANP_CARRIER: &[(&str, Class)] = &[("101", Class::Premium)];

static COUNTRIES: &[Country] = &[
    Country {
        code: "US",
        calling: "1",
        international: &["011"],
        trunk: "1",
        short: NANP_SHORT,
        carrier: NANP_CARRIER,
        rules: &[],
    },
    Country {
        code: "CA",
        calling: "1",
        international: &["011"],
        trunk: "1",
        short: NANP_SHORT,
        carrier: NANP_CARRIER,
        rules: &[],
    },
    // Ofcom, National Telephone Numbering Plan.
    Country {
        code: "GB",
        calling: "44",
        international: &["00"],
        trunk: "0",
        short: &[
            ("999", Class::Emergency),
            ("112", Class::Emergency),
            ("18000", Class::Emergency), // text relay to 999
            ("101", Class::Local),
            ("105", Class::Local),
            ("111", Class::Local),
            ("119", Class::Local),
            ("159", Class::Local),
            ("116000", Class::TollFree),
            ("116006", Class::TollFree),
            ("116111", Class::TollFree),
            ("116117", Class::TollFree),
            ("116123", Class::TollFree),
            ("123", Class::Premium),
            ("100", Class::Premium),
            ("155", Class::Premium),
        ],
        carrier: &[("118", Class::Premium), ("128", Class::Premium)],
        rules: &[
            rule("1", 9, 10, Class::National),
            rule("1481", 10, 10, Class::International), // Guernsey
            rule("1534", 10, 10, Class::International), // Jersey
            rule("1624", 10, 10, Class::International), // Isle of Man
            rule("2", 10, 10, Class::National),
            rule("3", 10, 10, Class::National),
            rule("5", 10, 10, Class::Premium), // corporate and VoIP ranges with prices of their own
            rule("500", 9, 9, Class::TollFree),
            rule("70", 10, 10, Class::Premium), // personal numbers
            rule("71", 10, 10, Class::Mobile),
            rule("72", 10, 10, Class::Mobile),
            rule("73", 10, 10, Class::Mobile),
            rule("74", 10, 10, Class::Mobile),
            rule("75", 10, 10, Class::Mobile),
            rule("76", 10, 10, Class::Premium), // pagers
            rule("77", 10, 10, Class::Mobile),
            rule("78", 10, 10, Class::Mobile),
            rule("79", 10, 10, Class::Mobile),
            // Mobiles of Jersey, Guernsey and Man, billed apart and used for fraud because they look British.
            rule("7509", 10, 10, Class::International),
            rule("7524", 10, 10, Class::International),
            rule("7624", 10, 10, Class::International),
            rule("7781", 10, 10, Class::International),
            rule("7797", 10, 10, Class::International),
            rule("7829", 10, 10, Class::International),
            rule("7839", 10, 10, Class::International),
            rule("7924", 10, 10, Class::International),
            rule("7937", 10, 10, Class::International),
            rule("74576", 10, 10, Class::International),
            rule("77003", 10, 10, Class::International),
            rule("77007", 10, 10, Class::International),
            rule("77008", 10, 10, Class::International),
            rule("79111", 10, 10, Class::International),
            rule("79117", 10, 10, Class::International),
            rule("800", 7, 10, Class::TollFree),
            rule("808", 10, 10, Class::TollFree),
            rule("84", 7, 10, Class::Premium),
            rule("87", 10, 10, Class::Premium),
            rule("9", 10, 10, Class::Premium),
        ],
    },
    // Bundesnetzagentur, Nummernplan.
    Country {
        code: "DE",
        calling: "49",
        international: &["00"],
        trunk: "0",
        short: &[
            ("112", Class::Emergency),
            ("110", Class::Emergency),
            ("115", Class::Local),
            ("116000", Class::TollFree),
            ("116006", Class::TollFree),
            ("116111", Class::TollFree),
            ("116116", Class::TollFree),
            ("116117", Class::TollFree),
            ("116123", Class::TollFree),
        ],
        carrier: &[("118", Class::Premium), ("010", Class::Premium)],
        rules: &[
            rule("2", 6, 11, Class::National),
            rule("3", 6, 11, Class::National),
            rule("31", 2, 11, Class::Unknown), // tests of the network
            rule("32", 9, 12, Class::National),
            rule("4", 6, 11, Class::National),
            rule("5", 6, 11, Class::National),
            rule("6", 6, 11, Class::National),
            rule("7", 6, 11, Class::National),
            rule("700", 9, 12, Class::Premium), // personal numbers
            rule("8", 6, 11, Class::National),
            rule("800", 8, 12, Class::TollFree),
            rule("9", 6, 11, Class::National),
            rule("900", 8, 12, Class::Premium),
            rule("12", 6, 13, Class::Premium),
            rule("13", 4, 13, Class::Premium), // 0137 mass calls, 0138
            rule("15", 10, 13, Class::Mobile),
            rule("16", 10, 13, Class::Mobile),
            rule("164", 6, 13, Class::Premium), // pagers
            rule("168", 6, 13, Class::Premium),
            rule("169", 6, 13, Class::Premium),
            rule("17", 10, 13, Class::Mobile),
            rule("18", 6, 13, Class::Premium), // shared cost, closed groups
            rule("19", 3, 13, Class::Premium), // online and routing services
        ],
    },
];

impl Country {
    /// The country with that ISO 3166 code, upper case (`US`, `GB`, `AT`).
    #[must_use]
    pub fn by_code(code: &str) -> Option<&'static Self> {
        Self::all().find(|country| country.code == code)
    }

    /// The United States: what a fresh install says until its owner says otherwise.
    #[must_use]
    pub fn us() -> &'static Self {
        static US: &Country = &COUNTRIES[0];
        US
    }

    /// All countries with a table.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        COUNTRIES.iter().chain(more::COUNTRIES).chain(careful::COUNTRIES)
    }

    /// ISO 3166 code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Country code without `+`.
    #[must_use]
    pub fn calling_code(&self) -> &'static str {
        self.calling
    }

    /// Numbers that must always go out, as dialled.
    pub fn emergency(&self) -> impl Iterator<Item = &'static str> {
        self.short.iter().filter(|(_, class)| *class == Class::Emergency).map(|(number, _)| *number)
    }

    /// E.164 digits (without `+`) as one dials them inside the country: with the trunk prefix, or with the
    /// international prefix for other countries.
    #[must_use]
    pub fn national_form(&self, digits: &str) -> String {
        match digits.strip_prefix(self.calling) {
            // In country code 1 the trunk prefix is the country code itself.
            Some(_) if self.calling == "1" => digits.to_owned(),
            Some(national) => format!("{}{national}", self.trunk),
            None => format!("{}{digits}", self.international.first().copied().unwrap_or_default()),
        }
    }

    pub(super) fn by_calling_code(calling: &str) -> Option<&'static Self> {
        Self::all().find(|country| country.calling == calling)
    }

    pub(super) fn nanp_home(&self) -> Home {
        world::home_of(self.code)
    }

    /// Class of a national number behind the own country code, without trunk prefix.
    pub(super) fn national_class(&self, national: &str) -> Class {
        if self.calling == "1" {
            return nanp::class(self.nanp_home(), national);
        }
        self.rules
            .iter()
            .filter(|rule| national.starts_with(rule.prefix))
            .max_by_key(|rule| rule.prefix.len())
            .filter(|rule| (rule.min..=rule.max).contains(&national.len()))
            .map_or(Class::Unknown, |rule| rule.class)
    }

    /// Reads bare digits as they were dialled here; `plus` if a `+` led them.
    pub(super) fn read(&self, plus: bool, digits: &str) -> Number {
        if plus {
            return self.full(digits);
        }
        if let Some((short, class)) = self.short.iter().find(|(short, _)| *short == digits) {
            return Number { e164: (*short).to_owned(), class: *class };
        }
        if let Some((_, class)) = self.carrier.iter().find(|(prefix, _)| digits.starts_with(prefix)) {
            return Number { e164: digits.to_owned(), class: *class };
        }
        if let Some(rest) = self.international.iter().find_map(|prefix| digits.strip_prefix(prefix)) {
            return self.full(rest);
        }
        if self.calling == "1" { self.read_nanp(digits) } else { self.read_national(digits) }
    }

    fn read_nanp(&self, digits: &str) -> Number {
        match digits.len() {
            7 => Number { e164: digits.to_owned(), class: nanp::local_class(digits) },
            10 if !digits.starts_with(['0', '1']) => self.full(&format!("1{digits}")),
            11 if digits.starts_with('1') => self.full(digits),
            _ => unknown(digits),
        }
    }

    fn read_national(&self, digits: &str) -> Number {
        match digits.strip_prefix(self.trunk) {
            Some(national) => self.full(&format!("{}{national}", self.calling)),
            None => unknown(digits),
        }
    }

    /// E.164 digits, country code first.
    fn full(&self, digits: &str) -> Number {
        match world::class(self, digits) {
            Class::Unknown => unknown(digits),
            class => Number { e164: format!("+{digits}"), class },
        }
    }
}

impl std::fmt::Debug for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code)
    }
}

impl PartialEq for Country {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Country {}

fn unknown(digits: &str) -> Number {
    Number { e164: digits.to_owned(), class: Class::Unknown }
}
