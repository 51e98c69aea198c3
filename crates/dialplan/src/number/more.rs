//! Austria, Switzerland, France, the Netherlands and Australia, from the plans of their regulators (RTR, BAKOM, Arcep, ACM,
//! ACMA). What a plan leaves to the carrier's price list counts as premium.

use super::Class;
use super::country::{Country, rule};

/// Harmonised numbers of social value (EU decision 2007/116/EC): free to the caller.
const SOCIAL: [(&str, Class); 5] = [
    ("116000", Class::TollFree),
    ("116006", Class::TollFree),
    ("116111", Class::TollFree),
    ("116117", Class::TollFree),
    ("116123", Class::TollFree),
];

pub(super) static COUNTRIES: &[Country] = &[
    Country {
        code: "AT",
        calling: "43",
        international: &["00"],
        trunk: "0",
        short: &[
            ("112", Class::Emergency),
            ("122", Class::Emergency), // fire
            ("133", Class::Emergency), // police
            ("144", Class::Emergency), // ambulance
            ("140", Class::Emergency), // mountain rescue
            ("128", Class::Emergency), // gas
            ("141", Class::Local),
            ("142", Class::TollFree),
            ("147", Class::TollFree),
            SOCIAL[0],
            SOCIAL[1],
            SOCIAL[2],
            SOCIAL[3],
            SOCIAL[4],
        ],
        carrier: &[("118", Class::Premium), ("10", Class::Premium), ("15", Class::Premium)],
        rules: &[
            rule("1", 4, 13, Class::National),
            rule("2", 4, 13, Class::National),
            rule("3", 4, 13, Class::National),
            rule("4", 4, 13, Class::National),
            rule("5", 4, 13, Class::National), // Tyrol and networks of companies
            rule("6", 4, 13, Class::National),
            rule("65", 7, 13, Class::Mobile),
            rule("654", 4, 13, Class::National),
            rule("656", 4, 13, Class::National),
            rule("658", 4, 13, Class::National),
            rule("66", 7, 13, Class::Mobile),
            rule("662", 4, 13, Class::National), // Salzburg
            rule("67", 7, 13, Class::Mobile),
            rule("68", 7, 13, Class::Mobile),
            rule("69", 7, 13, Class::Mobile),
            rule("7", 4, 13, Class::National),
            rule("710", 4, 13, Class::Premium), // access codes and dial-in
            rule("711", 4, 13, Class::Premium),
            rule("718", 4, 13, Class::Premium),
            rule("730", 4, 13, Class::Premium),
            rule("740", 4, 13, Class::Premium),
            rule("780", 4, 13, Class::Premium),
            rule("800", 6, 13, Class::TollFree),
            rule("8", 6, 13, Class::Premium), // 0810, 0820, 0821, 0828: shared cost
            rule("9", 6, 13, Class::Premium), // 0900, 0901, 0930, 0939
        ],
    },
    Country {
        code: "CH",
        calling: "41",
        international: &["00"],
        trunk: "0",
        short: &[
            ("112", Class::Emergency),
            ("117", Class::Emergency),  // police
            ("118", Class::Emergency),  // fire
            ("144", Class::Emergency),  // ambulance
            ("145", Class::Emergency),  // poison
            ("1414", Class::Emergency), // air rescue
            ("1415", Class::Emergency),
            ("143", Class::Local),
            ("147", Class::TollFree),
            SOCIAL[0],
            SOCIAL[1],
            SOCIAL[2],
            SOCIAL[3],
            SOCIAL[4],
        ],
        carrier: &[("1", Class::Premium)], // 140, 161 to 187, 18xx: services and directory enquiries
        rules: &[
            rule("2", 9, 9, Class::National),
            rule("3", 9, 9, Class::National),
            rule("4", 9, 9, Class::National),
            rule("5", 9, 9, Class::National),
            rule("50", 9, 9, Class::Premium),
            rule("6", 9, 9, Class::National),
            rule("60", 9, 9, Class::Premium),
            rule("71", 9, 9, Class::National),
            rule("74", 9, 9, Class::Premium), // pagers
            rule("75", 9, 9, Class::Mobile),
            rule("76", 9, 9, Class::Mobile),
            rule("77", 9, 9, Class::Mobile),
            rule("78", 9, 9, Class::Mobile),
            rule("79", 9, 9, Class::Mobile),
            rule("81", 9, 9, Class::National),
            rule("800", 9, 9, Class::TollFree),
            rule("84", 9, 9, Class::Premium), // shared cost
            rule("86", 9, 12, Class::Premium),
            rule("87", 9, 9, Class::Premium), // personal numbers
            rule("90", 9, 9, Class::Premium),
            rule("91", 9, 9, Class::National),
        ],
    },
    Country {
        code: "FR",
        calling: "33",
        international: &["00"],
        trunk: "0",
        short: &[
            ("112", Class::Emergency),
            ("15", Class::Emergency),  // ambulance
            ("17", Class::Emergency),  // police
            ("18", Class::Emergency),  // fire
            ("114", Class::Emergency), // for the deaf
            ("115", Class::Emergency), // people without shelter
            ("119", Class::Emergency), // children in danger
            ("191", Class::Emergency), // aircraft in distress
            ("196", Class::Emergency), // ships in distress
            ("197", Class::Emergency), // terror alarm
            ("3114", Class::TollFree),
            ("3919", Class::TollFree),
            ("3018", Class::TollFree),
            SOCIAL[0],
            SOCIAL[1],
            SOCIAL[2],
            SOCIAL[3],
            SOCIAL[4],
        ],
        carrier: &[("118", Class::Premium), ("3", Class::Premium), ("10", Class::Premium), ("16", Class::Premium)],
        rules: &[
            rule("1", 9, 9, Class::National),
            rule("2", 9, 9, Class::National),
            rule("3", 9, 9, Class::National),
            rule("4", 9, 9, Class::National),
            rule("5", 9, 9, Class::National),
            rule("6", 9, 9, Class::Mobile),
            rule("7", 9, 9, Class::Mobile),
            rule("700", 9, 13, Class::Premium), // machines
            rule("8", 9, 9, Class::Premium),
            rule("800", 9, 9, Class::TollFree),
            rule("801", 9, 9, Class::TollFree),
            rule("802", 9, 9, Class::TollFree),
            rule("803", 9, 9, Class::TollFree),
            rule("804", 9, 9, Class::TollFree),
            rule("805", 9, 9, Class::TollFree),
            rule("806", 9, 9, Class::National), // as dear as a call at home, by law
            rule("807", 9, 9, Class::National),
            rule("808", 9, 9, Class::National),
            rule("809", 9, 9, Class::National),
            rule("9", 9, 9, Class::National),
            // Overseas departments and territories: dialled like at home, billed apart.
            rule("262", 9, 9, Class::International),
            rule("263", 9, 9, Class::International),
            rule("269", 9, 9, Class::International),
            rule("508", 9, 9, Class::International),
            rule("590", 9, 9, Class::International),
            rule("594", 9, 9, Class::International),
            rule("596", 9, 9, Class::International),
            rule("639", 9, 9, Class::International),
            rule("69", 9, 9, Class::International),
            rule("698", 9, 9, Class::Mobile),
            rule("699", 9, 9, Class::Mobile),
            rule("695", 9, 9, Class::Mobile),
            rule("709", 9, 9, Class::International),
            rule("976", 9, 9, Class::International),
        ],
    },
    Country {
        code: "NL",
        calling: "31",
        international: &["00"],
        trunk: "0",
        short: &[
            ("112", Class::Emergency),
            ("113", Class::TollFree),
            ("144", Class::Local),
            SOCIAL[0],
            SOCIAL[1],
            SOCIAL[2],
            SOCIAL[3],
            SOCIAL[4],
        ],
        carrier: &[("18", Class::Premium), ("12", Class::Premium), ("13", Class::Premium), ("16", Class::Premium)],
        rules: &[
            rule("1", 9, 9, Class::National),
            rule("2", 9, 9, Class::National),
            rule("3", 9, 9, Class::National),
            rule("4", 9, 9, Class::National),
            rule("5", 9, 9, Class::National),
            rule("6", 9, 9, Class::Mobile),
            rule("60", 9, 9, Class::Premium),
            rule("66", 9, 9, Class::Premium), // pagers
            rule("67", 9, 9, Class::Premium), // dial-in
            rule("69", 9, 9, Class::Premium),
            rule("7", 9, 9, Class::National),
            rule("800", 7, 10, Class::TollFree),
            rule("8", 9, 9, Class::Premium), // 082, 084, 087: personal numbers and networks
            rule("85", 9, 9, Class::National),
            rule("88", 9, 9, Class::National),
            rule("90", 7, 10, Class::Premium),
            rule("9", 9, 12, Class::Premium), // 0970: machines
        ],
    },
    Country {
        code: "AU",
        calling: "61",
        international: &["0011"],
        trunk: "0",
        short: &[("000", Class::Emergency), ("112", Class::Emergency), ("106", Class::Emergency)],
        carrier: &[
            // Another carrier for a call abroad, at its price.
            ("0014", Class::Premium),
            ("0015", Class::Premium),
            ("0016", Class::Premium),
            ("0018", Class::Premium),
            ("0019", Class::Premium),
            ("180", Class::TollFree),
            ("13", Class::Local),
            ("1", Class::Premium), // 12xx, 14xx, 19xx
        ],
        rules: &[
            rule("2", 9, 9, Class::National),
            rule("3", 9, 9, Class::National),
            rule("4", 9, 9, Class::Mobile),
            rule("5", 9, 9, Class::Premium), // location independent
            rule("7", 9, 9, Class::National),
            rule("8", 9, 9, Class::National),
            rule("89162", 9, 9, Class::International), // Cocos Islands
            rule("89164", 9, 9, Class::International), // Christmas Island
            rule("1", 6, 10, Class::Premium),
            rule("13", 6, 6, Class::Local),
            rule("1300", 10, 10, Class::Local),
            rule("147", 9, 9, Class::Satellite),
            rule("180", 7, 7, Class::TollFree),
            rule("1800", 10, 10, Class::TollFree),
        ],
    },
];
