//! Random and damaged files never panic and always give file and line, in every dialect: the article's plan and the
//! examples of all findings, with bytes, lines and signs changed by chance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Caller, run};
use dialplan::load::{NoFiles, Source, codes, fix};
use dialplan::{Choice, Compat, Dialect, Place, load_each};

/// Chance that is the same on every run; `MUTATIONS` for more of it.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (n.max(1) as u64)).unwrap()
    }
}

const SIGNS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "$",
    "${",
    "$[",
    "|",
    ",",
    ";",
    ";--",
    "--;",
    "'",
    "\"",
    "\\",
    "_",
    "!",
    ".",
    "-",
    "&",
    "=>",
    "=",
    "#",
    "\n",
    "\u{a0}",
    "\u{201c}",
    "&gt;",
    "exten => ",
    "same => n,",
    "[c](!)\n",
    "[c](+)\n",
    "#include \"x\"\n",
    "${${",
    "n+",
    "999999999999999999999",
    "; tollgate: dialect 1.0\n",
    "; tollgate: allow catch-all x\n",
    "\u{feff}",
    "ü",
];

fn damaged(text: &str, chance: &mut Chance) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for _ in 0..=chance.below(12) {
        let at = chance.below(text.len() + 1);
        match chance.below(4) {
            0 => {
                let sign = SIGNS[chance.below(SIGNS.len())];
                text.splice(at..at, sign.chars());
            }
            1 => {
                let end = (at + chance.below(20)).min(text.len());
                text.drain(at..end);
            }
            2 => {
                let end = (at + chance.below(120)).min(text.len());
                let piece: Vec<char> = text[at..end].to_vec();
                let to = chance.below(text.len() + 1);
                text.splice(to..to, piece);
            }
            _ => {
                if let Some(c) = text.get_mut(at) {
                    *c = char::from_u32(u32::try_from(chance.below(0x2030)).unwrap()).unwrap_or('x');
                }
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn damaged_files_give_findings_with_places_and_never_panic() {
    let cases = std::env::var("MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let mut seeds: Vec<String> = vec![include_str!("article.conf").to_owned()];
    seeds.extend(codes::all().flat_map(|code| [code.bad.to_owned(), code.good.to_owned()]));
    let mut chance = Chance(0x5eed_2005);
    let mut found = 0;
    for case in 0..cases {
        let seed = &seeds[if case % 3 == 0 { 0 } else { chance.below(seeds.len()) }];
        let text = damaged(seed, &mut chance);
        let which = chance.below(6);
        let choice = Dialect::ALL.get(which).map_or(Choice::Auto(Dialect::Safe), |d| Choice::Is(*d));
        let flags = chance.below(8);
        let compat = Compat {
            fall_through: flags & 1 != 0,
            late_arguments: flags & 2 != 0,
            textual_expressions: flags & 4 != 0,
        };
        let loaded = load_each(&[Source { name: "x.conf".into(), text: text.clone(), choice, compat }], &NoFiles);
        for finding in &loaded.findings {
            let span = finding.span.unwrap_or_else(|| panic!("{finding:?} has no place in\n{text}"));
            assert!(span.line >= 1 && span.line as usize <= text.lines().count().max(1), "{finding:?} in\n{text}");
            assert!(codes::is_known(finding.code), "{} has no page", finding.code);
            assert!(finding.render(&loaded.sources).contains("x.conf:"));
            found += 1;
        }
        // What is printed loads back to the same plan.
        let printed = loaded.program.to_string();
        let rules = loaded.program.rules();
        let again =
            Source { name: "x.conf".into(), text: printed, choice: Choice::Is(rules.dialect), compat: rules.compat };
        let again = load_each(&[again], &NoFiles);
        assert!(again.program.contexts().len() <= loaded.program.contexts().len() + 1);
        fix::apply(&loaded.findings, &loaded.sources);
        for context in loaded.program.contexts().iter().take(3) {
            for exten in context.extens.iter().take(3) {
                let dialled = exten.name.trim_start_matches('_').replace(['X', 'N', 'Z'], "5");
                run(&loaded, Place::new(&context.name, &dialled, 1), "12#..", &mut Caller::default());
            }
        }
    }
    assert!(found > 500, "only {found} findings");
}
