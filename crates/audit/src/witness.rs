//! How a caller would get to a sink: what he dials, presses and waits for on the way that the search took. These are
//! candidates: only a replay by the real applications shows that one of them works.

use std::collections::{BTreeMap, BTreeSet};

use dialplan::number::{Class, Country, classify};
use dialplan::reach::Sink;

use crate::bytes::{Bytes, keypad};
use crate::lang::{Lang, Langs};
use crate::limits;
use crate::prove::{Prover, Spot, Via};
use crate::report::PLAYED;

/// Something that the caller does.
#[derive(Clone, PartialEq, Eq)]
pub enum Act {
    /// He presses these keys.
    Keys(String),
    /// He knows a secret that stands in the plan and presses it. Never shown.
    Secret {
        /// What asks for it, and where.
        of: String,
        /// The keys.
        keys: String,
    },
    /// He presses nothing until the exchange goes on by itself.
    Silence,
    /// He hangs up.
    HangUp,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words())
    }
}

impl Act {
    /// `press 4`.
    fn words(&self) -> String {
        match self {
            Self::Keys(keys) => format!("press {keys}"),
            Self::Secret { of, .. } => format!("press the PIN of {of}, which stands in the plan"),
            Self::Silence => "press nothing".to_owned(),
            Self::HangUp => "hang up".to_owned(),
        }
    }
}

/// A way to a sink, as a caller would go it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What he dials to get in; `s` where the entry leaves no choice.
    pub dialled: String,
    /// What he does then.
    pub acts: Vec<Act>,
    /// Numbers that he may have to present; the replay takes the first that works, and none if that works.
    pub callers: Vec<String>,
    /// Times written in the plan that it must be, or must not be.
    pub times: Vec<(String, bool)>,
    /// The line that reaches the sink: context, priority and application.
    pub line: (String, u32, String),
    /// Why a caller alone cannot do this, where the way needs others or an accident.
    pub doubt: Option<String>,
}

impl Witness {
    /// Keys that he presses.
    #[must_use]
    pub fn presses(&self) -> usize {
        let keys = |act: &Act| match act {
            Act::Keys(keys) | Act::Secret { keys, .. } => keys.len(),
            Act::Silence | Act::HangUp => 0,
        };
        self.acts.iter().map(keys).sum()
    }

    /// `dial, wait for the greeting, press 4`.
    #[must_use]
    pub fn words(&self) -> String {
        let special = ["s", ""].contains(&self.dialled.as_str());
        let mut text = if special { "dial".to_owned() } else { format!("dial {}", self.dialled) };
        for (n, act) in self.acts.iter().enumerate() {
            text += match (n, act) {
                (_, Act::HangUp) => ", ",
                (0, _) => ", wait for the greeting, ",
                _ => ", then ",
            };
            text += &act.words();
        }
        text
    }
}

/// Candidates, best first, per sink.
pub(crate) fn all(prover: &Prover<'_>) -> BTreeMap<Sink, Vec<Witness>> {
    let mut found = BTreeMap::new();
    for (sink, ways) in &prover.sinks {
        if matches!(sink, Sink::Inside(_) | Sink::Unknown(_)) {
            continue;
        }
        if let Some((at, lang)) = ways.values().next() {
            found.insert(sink.clone(), of(prover, sink, *at, *lang));
        }
    }
    found
}

/// Candidates for one sink.
fn of(prover: &Prover<'_>, sink: &Sink, at: usize, numbers: Option<Lang>) -> Vec<Witness> {
    let class = match sink {
        Sink::Paid(class) => Some(*class),
        _ => None,
    };
    let mut wanted: Vec<Option<String>> = examples(prover, class, numbers).into_iter().map(Some).collect();
    wanted.push(None);
    let mut found: Vec<Witness> = Vec::new();
    for number in wanted {
        if let Some(witness) = one(prover, at, number.as_deref())
            && !found.contains(&witness)
        {
            found.push(witness);
        }
    }
    found.truncate(limits::WITNESSES);
    found
}

/// Numbers of that class which may be dialled there.
fn examples(prover: &Prover<'_>, class: Option<Class>, numbers: Option<Lang>) -> Vec<String> {
    let (Some(lang), Some(country)) = (numbers, prover.facts.country) else { return Vec::new() };
    let langs = prover.langs;
    let fits = |text: &String| {
        langs.holds(lang, text.as_bytes()) && class.is_none_or(|class| classify(country, text) == class)
    };
    let mut found: Vec<String> = pool(country).into_iter().filter(fits).collect();
    if let Some(word) = pick(langs, lang) {
        found.push(word);
    }
    found.truncate(limits::WITNESSES);
    found
}

/// Numbers of every kind, as people dial them. All are reserved for examples, or nobody's.
fn pool(country: &Country) -> Vec<String> {
    let abroad = ["442079460000", "12025550100", "4930123456", "33199001234", "3545551234"];
    let dear = ["8816123456789", "870773123456", "19005550100", "4490987654321", "37127000000", "26377123456"];
    let home = ["12025550100", "2025550100", "5550100", "18005550100", "8005550100", "19005550100", "9005550100"];
    let others =
        ["02079460000", "09098790000", "07700900123", "08081570000", "03012345678", "0900123456", "015112345678"];
    let mut all: Vec<String> = home.iter().chain(&others).map(|text| (*text).to_owned()).collect();
    for number in abroad.iter().chain(&dear) {
        all.extend(["011", "00", "+"].map(|prefix| format!("{prefix}{number}")));
    }
    all.extend(["112", "911", "999", "110"].map(str::to_owned));
    all.sort_by_key(|text| (!classify(country, text).is_paid(), text.len()));
    all
}

/// A short text of a language that a person would press.
fn pick(langs: &Langs, lang: Lang) -> Option<String> {
    let digits = Bytes::of(b"0123456789");
    [digits, keypad(), Bytes::ALL].into_iter().find_map(|bytes| {
        let word = langs.dfa(langs.and(lang, langs.run(bytes))).shortest()?;
        String::from_utf8(word).ok()
    })
}

/// The same, ending in that number if it can.
fn ending(langs: &Langs, lang: Lang, number: Option<&str>) -> Option<String> {
    let with = number.and_then(|number| {
        let tail = langs.then(langs.run(keypad()), langs.literal(number.as_bytes()));
        let narrow = langs.and(lang, tail);
        if langs.is_none(narrow) { None } else { pick(langs, narrow) }
    });
    with.or_else(|| pick(langs, lang))
}

/// One candidate: the way there, with that number dialled in the end.
fn one(prover: &Prover<'_>, at: usize, number: Option<&str>) -> Option<Witness> {
    let way = way(prover, at);
    let langs = prover.langs;
    // The number is dialled where the caller had a choice for the last time.
    let free = |via: &Via| match via {
        Via::Entry(lang) | Via::Keys(lang) => langs.single(*lang).is_none(),
        _ => false,
    };
    let last = way.iter().rposition(|(_, via)| free(via));
    let literals = compared(prover, &way);
    let mut witness = Witness {
        dialled: "s".to_owned(),
        acts: Vec::new(),
        callers: Vec::new(),
        times: Vec::new(),
        line: (String::new(), 0, String::new()),
        doubt: None,
    };
    for (n, (node, via)) in way.iter().enumerate() {
        let number = number.filter(|_| Some(n) == last);
        via_acts(&mut witness, langs, via, number)?;
        let known = prover.nodes.get(*node)?;
        let Spot::Line { home, priority } = known.node.spot else { continue };
        let (room, exten) = (prover.plan.room(known.node.context)?, prover.plan.exten(home)?);
        let line = exten.lines.get(&priority)?;
        if let Some(caller) = &exten.caller
            && let Some(word) = pick(langs, langs.pattern(caller.pattern()))
        {
            witness.callers.insert(0, word);
        }
        if line.data.contains("CALLERID") {
            witness.callers.extend(digit_runs(&line.data));
        }
        witness.line = (room.context.name.to_string(), priority, line.app.to_string());
        if n + 1 < way.len() {
            secret(&mut witness, line, &format!("{},{},{priority}", room.context.name, exten.title()), &literals);
        }
    }
    witness.callers.dedup();
    witness.callers.truncate(limits::WITNESSES);
    Some(witness)
}

/// The nodes until there, oldest first, each with how it was come to.
fn way<'p>(prover: &'p Prover<'_>, at: usize) -> Vec<(usize, &'p Via)> {
    let mut way = Vec::new();
    let mut next = at;
    while let Some((from, via)) = prover.nodes.get(next).and_then(|known| known.came.as_ref()) {
        way.push((next, via));
        // A way has no circles; this is for the case that one is made.
        if way.len() > prover.nodes.len() {
            break;
        }
        next = *from;
    }
    way.reverse();
    way
}

fn via_acts(witness: &mut Witness, langs: &Langs, via: &Via, number: Option<&str>) -> Option<()> {
    let doubt = |witness: &mut Witness, why: &str| {
        witness.doubt.get_or_insert_with(|| why.to_owned());
    };
    match via {
        Via::Entry(lang) => witness.dialled = ending(langs, *lang, number)?,
        Via::Keys(lang) => witness.acts.push(Act::Keys(ending(langs, *lang, number)?)),
        Via::Silence => witness.acts.push(Act::Silence),
        Via::HangUp => witness.acts.push(Act::HangUp),
        Via::Time(times, within) => witness.times.push((times.to_string(), *within)),
        Via::Invalid(inner) => via_acts(witness, langs, inner, number)?,
        Via::Moment => doubt(witness, "a time limit or an error has to come at the right moment"),
        Via::Others => doubt(witness, "somebody else in the call, or a setting of an application, has to lead there"),
        Via::Next | Via::Branch | Via::Local => {}
    }
    Some(())
}

/// What the caller does in this step.
pub(crate) fn does(langs: &Langs, via: &Via) -> Option<String> {
    match via {
        Via::Entry(lang) => {
            pick(langs, *lang).map(|word| if word == "s" { "dial".to_owned() } else { format!("dial {word}") })
        }
        Via::Keys(lang) => pick(langs, *lang).map(|keys| Act::Keys(keys).words()),
        Via::Silence => Some(Act::Silence.words()),
        Via::HangUp => Some(Act::HangUp.words()),
        Via::Time(times, true) => Some(format!("at {times}")),
        Via::Time(times, false) => Some(format!("not at {times}")),
        Via::Invalid(inner) => does(langs, inner),
        Via::Next | Via::Branch | Via::Moment | Via::Local | Via::Others => None,
    }
}

/// What an application on the way asks the caller for.
fn secret(witness: &mut Witness, line: &dialplan::program::Line, place: &str, literals: &BTreeSet<String>) {
    let name = line.call.app.name();
    let first = line.call.args.first().map(ToString::to_string).unwrap_or_default();
    let first = first.split(',').next().unwrap_or_default();
    let of = format!("{} at {place}", line.app);
    match name {
        "Authenticate" | "DISA" if !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit()) => {
            witness.acts.push(Act::Secret { of, keys: format!("{first}#") });
        }
        "DISA" if first.eq_ignore_ascii_case("no-password") => {}
        "Authenticate" | "DISA" | "VMAuthenticate" | "VoiceMailMain" => {
            witness.doubt.get_or_insert_with(|| format!("it takes the PIN of {of}"));
        }
        "Read" => {
            if let Some(keys) = literals.iter().max_by_key(|text| text.len()) {
                let keys = format!("{keys}#");
                witness.acts.push(if keys.len() > 3 { Act::Secret { of, keys } } else { Act::Keys(keys) });
            }
        }
        _ => {}
    }
}

/// Digits that conditions on the way compare with.
fn compared(prover: &Prover<'_>, way: &[(usize, &Via)]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (node, _) in way {
        let Some(known) = prover.nodes.get(*node) else { continue };
        let Spot::Line { home, priority } = known.node.spot else { continue };
        let line = prover.plan.exten(home).and_then(|exten| exten.lines.get(&priority));
        if let Some(line) = line.filter(|line| line.data.contains("$[") && !line.data.contains("CALLERID")) {
            let condition = line.data.split('?').next().unwrap_or_default();
            found.extend(digit_runs(condition));
        }
    }
    found
}

fn digit_runs(text: &str) -> Vec<String> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.filter(|run| !run.is_empty()).map(str::to_owned).collect()
}

/// What was played of a sink's ways, as a word for verdicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Played {
    /// The real applications went there.
    Reached {
        /// What was done: words, key presses, caller ID, time.
        how: String,
        /// For `tollgate simulate`: keys and waits, secrets left out.
        keys: String,
        /// What was dialled.
        dialled: String,
        /// The number that the caller presents, if that matters.
        caller: Option<String>,
        /// When, milliseconds since 1970, if the plan asks for the time.
        at: Option<i64>,
        /// What the gate said at the end; nothing if it let the call out.
        refused: Option<String>,
        /// The lines passed, with what they held.
        lines: Vec<String>,
    },
    /// Nobody has shown a call that does it.
    Possible(String),
}

impl Played {
    /// The verdict in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Reached { how, refused: None, .. } => format!("{PLAYED}: {how}"),
            Self::Reached { how, refused: Some(why), .. } => {
                format!("{PLAYED}: {how}; the gate then refuses the call: {why}")
            }
            Self::Possible(why) => format!("possible, not shown by a replay: {why}"),
        }
    }
}
