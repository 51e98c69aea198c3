//! What a drill dials and presses: every key, the strings that thieves try, numbers of every kind, and for each pattern
//! of the plan some that it matches.

use super::graph::Act;
use dialplan::number::{Country, classify};
use dialplan::pattern::{Pattern, Tail};
use dialplan::{Program, apps};
use pbx::config::Config;
use std::collections::BTreeSet;

/// The keys of a telephone; A to D are on none that a caller has, but his computer sends them.
const KEYS: &str = "0123456789*#";

/// Entries of several keys that are tried at one prompt.
const ENTRIES: usize = 60;

/// Contexts that are looked through for what can be dialled in one.
const INCLUDED: usize = 128;

/// Numbers to call that have opened exchanges before: names of dialplans, feature codes, separators, injections,
/// escapes, lengths at which somebody cuts off (rows 1 to 19 of the attack list).
const HOSTILE: &[&str] = &[
    "s",
    "S",
    "h",
    "i",
    "t",
    "o",
    "a",
    "e",
    "T",
    "0",
    "00",
    "000",
    "9",
    "*",
    "#",
    "*1",
    "*72",
    "*98",
    "#1",
    "700",
    "disa",
    "300&PJSIP/204",
    "100,30,T",
    "100,30,G(default^s^1)",
    "_X.",
    "_.",
    "_9.",
    "../../etc/passwd",
    "9-00-5550100",
    "s@default",
    "${EXTEN}",
    "${SHELL(id)}",
    "$[1+1]",
    "\"!=\"x\"|\"",
    "%2A72",
    "Local/9911@default",
    "PJSIP/9911@trunk",
    "+",
    "++1",
    "1;phone-context=+44",
];

/// Numbers of every kind, as people dial them; all are reserved for examples, or nobody's.
const TELEPHONE: &[&str] = &[
    "2025550100",
    "12025550100",
    "5550100",
    "8005550100",
    "9005550100",
    "19005550100",
    "8765550100",
    "18765550100",
    "442079460000",
    "3545551234",
    "8816123456789",
    "37127000000",
    "911",
    "112",
    "999",
    "411",
    "976",
    "01144 2079460000",
    "011 8765550100",
    "0044 2079460000",
    "02079460000",
    "09098790000",
    "03012345678",
    "0900123456",
];

/// Digits that exchanges want for an outside line.
const ACCESS: &[&str] = &["", "9", "8", "0", "1"];

/// Numbers to call as the attack list has them.
pub(super) fn hostile() -> Vec<String> {
    let mut all: Vec<String> = HOSTILE.iter().map(|text| (*text).to_owned()).collect();
    all.extend([79, 80, 81, 255].map(|length| "9".repeat(length)));
    all.extend(telephone());
    all
}

/// Numbers of every kind behind every access digit.
fn telephone() -> impl Iterator<Item = String> {
    let plain = TELEPHONE.iter().map(|text| text.replace(' ', ""));
    plain.flat_map(|number| ACCESS.iter().map(move |access| format!("{access}{number}")))
}

/// Everything to do where a call waits: `line` is the line that it is at, `entered` what was keyed in already. Whole
/// entries are tried `first` only: one line may wait at many prompts.
pub(super) fn acts(program: &Program, config: &Config, line: &str, entered: &str, first: bool) -> Vec<Act> {
    if !entered.is_empty() {
        // The beginning of something longer: whole entries are tried from its first key.
        return vec![Act::Silence, Act::Keys("#".to_owned())];
    }
    let mut all: Vec<Act> = KEYS.chars().map(|key| Act::Keys(key.to_string())).collect();
    all.push(Act::Silence);
    if !first {
        return all;
    }
    // Longer than anything that is read.
    all.push(Act::Keys(format!("{}#", "7".repeat(85))));
    let context = line.split(',').next().unwrap_or_default();
    all.extend(entries(program, config, context).into_iter().map(Act::Keys));
    all
}

/// What is keyed in as a whole: what the plan matches or compares with there, then numbers that cost, then people.
fn entries(program: &Program, config: &Config, context: &str) -> Vec<String> {
    let country = config.system.country;
    let mut found: Vec<String> = Vec::new();
    let mut add = |entry: String| {
        let keyed = entry.len() > 1 && entry.chars().all(|key| KEYS.contains(key));
        if keyed && !found.contains(&entry) {
            found.push(entry);
        }
    };
    for name in included(program, context) {
        let Some(context) = program.context(&name) else { continue };
        for exten in &context.extens {
            samples(country, &exten.pattern).into_iter().for_each(&mut add);
            for line in exten.lines.values() {
                // A PIN that stands in the plan is what a caller does not know.
                literals(&apps::without_pin(&line.app, &line.data)).into_iter().for_each(&mut add);
            }
        }
    }
    for number in ["911", "919005550100", "9011442079460000", "918765550100"] {
        add(number.to_owned());
    }
    for user in config.extensions.keys().chain(config.mailboxes.keys()) {
        add(format!("{user}#"));
    }
    add("1234#".to_owned());
    found.truncate(ENTRIES);
    found
}

/// A context and what it includes.
pub(super) fn included(program: &Program, context: &str) -> Vec<String> {
    let mut all = vec![context.to_owned()];
    let mut at = 0;
    while let Some(name) = all.get(at).cloned() {
        at += 1;
        let Some(known) = program.context(&name) else { continue };
        for include in &known.includes {
            if all.len() < INCLUDED && !all.iter().any(|one| **one == *include.context) {
                all.push(include.context.to_string());
            }
        }
    }
    all
}

/// What can be dialled in a context, some of each pattern.
pub(super) fn dialable(program: &Program, country: &Country, context: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in included(program, context) {
        let Some(context) = program.context(&name) else { continue };
        for sample in context.extens.iter().flat_map(|exten| samples(country, &exten.pattern)) {
            if !found.contains(&sample) {
                found.push(sample);
            }
        }
    }
    found
}

/// Some that a pattern matches: its lowest and its highest, and telephone numbers of different classes.
pub(super) fn samples(country: &Country, pattern: &Pattern) -> Vec<String> {
    let (sets, tail) = match pattern {
        Pattern::Literal(text) => return vec![text.to_string()],
        Pattern::Never => return Vec::new(),
        Pattern::Sets(sets, tail) => (sets, *tail),
    };
    let pick = |last: bool| -> String {
        let of = |set: &dialplan::pattern::ByteSet| {
            let mut keys = set.bytes().filter(|byte| KEYS.as_bytes().contains(byte));
            let byte = if last { keys.filter(u8::is_ascii_digit).last() } else { keys.next() };
            byte.or_else(|| set.bytes().find(u8::is_ascii_graphic)).map_or('?', char::from)
        };
        let mut text: String = sets.iter().map(of).collect();
        if tail == Tail::Any {
            text.push('1');
        }
        text
    };
    let mut found = vec![pick(false), pick(true)];
    let mut classes = BTreeSet::new();
    for number in telephone() {
        if pattern.fit(&number).matches() && classes.insert(classify(country, number_of(&number)).word()) {
            found.push(number);
        }
    }
    found.dedup();
    found
}

/// The number without the digit for an outside line.
fn number_of(dialled: &str) -> &str {
    dialled.strip_prefix('9').unwrap_or(dialled)
}

/// Runs of digits in a line of the plan: what it may compare a caller's keys with.
fn literals(data: &str) -> Vec<String> {
    let runs = data.split(|c: char| !c.is_ascii_digit()).filter(|run| (2..=12).contains(&run.len()));
    runs.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country() -> &'static Country {
        Config::from_tree(&serde_json::json!({})).unwrap().system.country
    }

    #[test]
    fn each_pattern_gets_numbers_that_it_matches() {
        for text in ["_9NXXNXXXXXX", "_9011.", "_2XX", "_X.", "_*[1-3]Z", "s", "_91900NXXXXXX", "_!"] {
            let pattern = Pattern::parse(text);
            let found = samples(country(), &pattern);
            assert!(!found.is_empty(), "{text}");
            for sample in &found {
                assert!(pattern.fit(sample).matches(), "{text} and {sample}");
            }
        }
        let open = samples(country(), &Pattern::parse("_9."));
        let classes: BTreeSet<_> = open.iter().map(|n| classify(country(), number_of(n)).word()).collect();
        assert!(classes.len() >= 5, "{classes:?}");
    }

    #[test]
    fn what_a_plan_compares_with_is_tried() {
        assert_eq!(literals("$[\"${pin}\" = \"4711\"]?out,1"), ["4711"]);
        assert_eq!(literals("x=1,y=22&333"), ["22", "333"]);
    }

    #[test]
    fn nothing_is_tried_twice_and_nothing_is_endless() {
        let all = hostile();
        let different: BTreeSet<&String> = all.iter().collect();
        assert!(different.len() > 100 && all.len() < 400, "{} {}", different.len(), all.len());
    }
}
