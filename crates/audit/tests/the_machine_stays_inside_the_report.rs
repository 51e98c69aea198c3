//! Whatever the machine runs is inside what the audit said: random plans, random callers, every line and every
//! destination of every step. This one test guards the promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::sync::Arc;

use audit::{Entry, EntryReport, Facts, prove};
use dialplan::apps::ArgKind;
use dialplan::load::NoFiles;
use dialplan::number::{Class, Country, classify};
use dialplan::policy::OriginKind;
use dialplan::reach::Sink;
use dialplan::{CivilTime, Collected, Compat, ControlResult, Dialect, Host, Invocation, Machine, Place, Program, Step};
use proptest::prelude::*;

const CONTEXTS: &[&str] = &["macro-m", "a", "b", "c", "d", "e", "out"];
const EXTENS: &[&str] = &[
    "s", "i", "t", "h", "e", "T", "o", "a", "1", "2", "204", "20-4", "*72", "_2XX", "_X.", "_X!", "_.", "_9NX",
    "_[a-z]", "_1-X", "1/204", "_XX/_2X",
];
/// What callers dial, press, call themselves, and what the database holds.
const DATA: &[&str] = &[
    "",
    "s",
    "1",
    "2",
    "204",
    "2-0-4",
    "20-4",
    "12",
    "912",
    "9-12",
    "*72",
    "h",
    "x",
    "_X.",
    "a",
    "out",
    "b,s,1",
    "c,1",
    "out,s,1",
    "2",
    "PJSIP/77@itsp",
    "204&PJSIP/77@itsp",
    "77@itsp",
    "Local/1@out",
    "1@out",
    "0",
    "x?out,s,1:a,s,1",
    ")G(out^s^1",
    "G(out^s^1)",
    "^",
    "|",
    "SET(V=PJSIP/5@gsm)",
    "PRIVATE",
    "\"",
    "1)?Dial(PJSIP/1@gsm",
    "+1",
    "-1",
    "2x",
    " 1 ",
];
const KEYS: &[u8] = b"0123456789*#A";

fn word(all: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(all).prop_map(str::to_owned)
}

/// A text with values in it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => word(&["1", "2", "204", "s", "out", "b", "", "PJSIP/204", "itsp"]),
        2 => word(&["${EXTEN}", "${EXTEN:1}", "${EXTEN:-2}", "${EXTEN:0:1}", "${EXTEN:1:-1}", "${EXTEN:9}"]),
        2 => word(&["${V}", "${W}", "${V:1}", "${ARG1}", "${GOSUB_RETVAL}", "${G}", "${INVALID_EXTEN}", "${CONTEXT}", "${PRIORITY}"]),
        1 => word(&["${CALLERID(num)}", "${CALLERID(name)}", "${DB(a/b)}", "${FILTER(0-9,${EXTEN})}", "${FILTER(0-9,${V})}", "${LEN(${V})}"]),
        1 => word(&["$[1 + ${V}]", "$[${V} = 2]", "${${V}}", "${CUT(V,,1)}", "${IF($[${V} = 1]?1:2)}", "$[${V} | 2]", "${SET(W=1)}"]),
    ]
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof![
        7 => (word(CONTEXTS), word(&["s", "1", "2", "204", "912", "nowhere"])).prop_map(|(c, e)| format!("{c},{e},1")),
        1 => (word(CONTEXTS), text()).prop_map(|(c, e)| format!("{c},{e},1")),
        1 => (text(), text(), word(&["1", "2", "${V}", "l", "-1", "+1"])).prop_map(|(c, e, p)| format!("{c},{e},{p}")),
        1 => text().prop_map(|e| format!("{e},1")),
        2 => word(&["1", "2", "3", "l", "${V}", "+1", "2x"]),
    ]
}

fn destination() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("PJSIP/204".to_owned()),
        2 => text().prop_map(|t| format!("PJSIP/{t}")),
        2 => text().prop_map(|t| format!("PJSIP/{t}@itsp")),
        1 => (text(), text()).prop_map(|(t, u)| format!("PJSIP/{t}@{u}")),
        1 => text().prop_map(|t| format!("SIP/{t}/77")),
        2 => (text(), word(CONTEXTS)).prop_map(|(t, c)| format!("Local/{t}@{c}")),
        1 => (text(), text()).prop_map(|(t, u)| format!("Local/{t}@{u}/n")),
        1 => text(),
        1 => (text(), text()).prop_map(|(t, u)| format!("PJSIP/{t}&PJSIP/{u}")),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        3 => destination().prop_map(|d| format!("Dial({d})")),
        1 => destination().prop_map(|d| format!("Dial({d},20,gr)")),
        3 => label().prop_map(|l| format!("Goto({l})")),
        2 => (text(), label(), label()).prop_map(|(t, l, m)| format!("GotoIf({t}?{l}:{m})")),
        1 => (text(), label()).prop_map(|(t, l)| format!("GotoIf($[{t} = 1]?{l})")),
        1 => label().prop_map(|l| format!("GotoIfTime(*,*,*,*?{l})")),
        3 => (word(&["V", "W", "G", "_V", "__W", "GLOBAL(G)", "LOCAL(V)", "CALLERID(num)", "CALLERID(name)", "${W}", "v", "ARRAY(V,W)"]), text())
            .prop_map(|(n, t)| format!("Set({n}={t})")),
        1 => (text(), text()).prop_map(|(t, u)| format!("MSet(V={t},W={u})")),
        2 => (label(), text()).prop_map(|(l, t)| format!("Gosub({l}({t}))")),
        1 => (text(), label()).prop_map(|(t, l)| format!("GosubIf({t}?{l}:{l})")),
        2 => text().prop_map(|t| format!("Return({t})")),
        2 => Just("Background(welcome)".to_owned()),
        1 => word(CONTEXTS).prop_map(|c| format!("Background(welcome,,,{c})")),
        2 => Just("WaitExten(1)".to_owned()),
        1 => word(&["V", "W"]).prop_map(|v| format!("Read({v})")),
        1 => (word(CONTEXTS), word(CONTEXTS)).prop_map(|(c, d)| format!("Directory({c},{d})")),
        1 => Just("VoiceMail(204,u)".to_owned()),
        1 => word(CONTEXTS).prop_map(|c| format!("VoiceMail(204,d({c}))")),
        1 => word(CONTEXTS).prop_map(|c| format!("DISA(1234,{c})")),
        1 => Just("NoOp()".to_owned()),
        1 => Just("Hangup()".to_owned()),
        1 => Just("RaiseException(x)".to_owned()),
        1 => Just("StackPop()".to_owned()),
        2 => text().prop_map(|t| format!("Macro(m,{t})")),
        1 => word(&["MacroExit()", "Set(MACRO_OFFSET=1)", "MacroIf(${V}?m:m,1)"]),
        1 => text().prop_map(|t| format!("While($[{t} < 2])")),
        2 => word(&["EndWhile()", "ExitWhile()", "ContinueWhile()"]),
    ];
    (plain, text(), any::<bool>()).prop_map(|(line, condition, inside)| {
        if inside && !line.contains("While") { format!("ExecIf({condition}?{line})") } else { line }
    })
}

fn plan() -> impl Strategy<Value = String> {
    let exten = (word(EXTENS), proptest::collection::vec((line(), 0..6_u8), 1..5), 1..3_u32);
    let context = (proptest::collection::vec(exten, 1..4), proptest::option::of((word(CONTEXTS), any::<bool>())));
    (proptest::collection::vec(context, CONTEXTS.len()), any::<bool>()).prop_map(|(contexts, falls)| {
        let mut text = String::from("[general]\n");
        if !falls {
            text += "autofallthrough=no\n";
        }
        text += "[globals]\nG=204\n";
        for (name, (extens, include)) in CONTEXTS.iter().zip(contexts) {
            text += &format!("[{name}]\n");
            for (exten, lines, first) in extens {
                for (n, (line, mark)) in (first..).zip(lines) {
                    let label = if mark == 0 { "(l)" } else { "" };
                    // Sometimes where applications that fail go on.
                    let n = if mark == 5 { n + 100 } else { n };
                    text += &format!("exten => {exten},{n}{label},{line}\n");
                }
            }
            if let Some((other, timed)) = include {
                text += &format!("include => {other}{}\n", if timed { ",12:00-13:00,*,*,*" } else { "" });
            }
        }
        text
    })
}

/// Chance, from the bytes that proptest gives.
struct Chance {
    bytes: Vec<u8>,
    at: usize,
}

impl Chance {
    fn byte(&mut self) -> usize {
        self.at += 1;
        let n = self.bytes.len().max(1);
        // The bytes again and again, each time a little different, so that walks may be long.
        usize::from(self.bytes.get(self.at % n).copied().unwrap_or(0)).wrapping_add(self.at / n * 7)
    }
    /// True once in `n` times.
    fn once_in(&mut self, n: usize) -> bool {
        self.byte().is_multiple_of(n)
    }
    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        let n = self.byte();
        all[n % all.len()]
    }
    fn key(&mut self) -> char {
        let n = self.byte();
        char::from(KEYS[n % KEYS.len()])
    }
}

struct World {
    chance: Chance,
    globals: BTreeMap<String, String>,
    number: String,
    name: String,
}

impl Host for World {
    fn variable(&mut self, name: &str) -> Option<String> {
        (name == "CHANNEL").then(|| "PJSIP/anonymous-1".to_owned())
    }
    fn function(&mut self, name: &str, args: &[String]) -> Option<String> {
        match (name, args.first().map(String::as_str)) {
            ("CALLERID", Some("num")) => Some(self.number.clone()),
            ("CALLERID", Some("name")) => Some(self.name.clone()),
            ("DB", _) => Some(self.chance.of(DATA).to_owned()),
            _ => None,
        }
    }
    fn set_function(&mut self, name: &str, args: &[String], value: &str) -> Result<(), String> {
        match (name, args.first().map(String::as_str)) {
            ("CALLERID", Some("num")) => value.clone_into(&mut self.number),
            ("CALLERID", Some("name")) => value.clone_into(&mut self.name),
            _ => {}
        }
        Ok(())
    }
    fn now(&mut self) -> CivilTime {
        let hour = if self.chance.once_in(2) { 12 } else { 3 };
        CivilTime { year: 2026, month: 11, day: 23, weekday: 1, hour, minute: 30, second: 0, utc_offset_s: 0 }
    }
    fn random(&mut self) -> u64 {
        self.chance.byte() as u64
    }
    fn global(&mut self, name: &str) -> Option<String> {
        self.globals.get(name).cloned()
    }
    fn set_global(&mut self, name: &str, value: &str) {
        self.globals.insert(name.to_owned(), value.to_owned());
    }
}

fn facts(clean: bool) -> Facts {
    Facts {
        trunks: ["itsp", "gsm"].map(str::to_owned).into(),
        phones: ["204", "1", "2"].map(str::to_owned).into(),
        country: Some(Country::us()),
        clean_dialling: clean,
        ..Facts::default()
    }
}

struct Judge<'a> {
    report: &'a EntryReport,
    facts: &'a Facts,
    trace: Vec<String>,
    locals: usize,
}

impl Judge<'_> {
    fn wrong(&self, what: &str) -> String {
        format!(
            "{what}\nway:\n  {}\nsinks: {:?}",
            self.trace.join("\n  "),
            self.report.sinks.iter().map(|s| &s.0).collect::<Vec<_>>()
        )
    }

    fn reaches(&self, sink: &Sink) -> bool {
        self.report.sinks.iter().any(|(known, _)| known == sink)
    }

    /// Reads destinations as `pbx` does; gives the Local ones.
    fn dial(&self, text: &str) -> Result<Vec<(String, String)>, String> {
        let mut locals = Vec::new();
        for one in text.split('&') {
            let Some((technology, rest)) = one.trim().split_once('/') else { continue };
            match technology.to_ascii_uppercase().as_str() {
                "PJSIP" | "SIP" => match (rest.rsplit_once('@'), rest.split_once('/')) {
                    (Some((number, name)), _) => self.trunk(name, number)?,
                    (None, Some((name, number))) => self.trunk(name, number)?,
                    (None, None) => self.phone(rest)?,
                },
                "LOCAL" => {
                    let (exten, context) = rest.split_once('@').unwrap_or((rest, "default"));
                    locals.push((exten.to_owned(), context.split('/').next().unwrap_or_default().to_owned()));
                }
                _ => {}
            }
        }
        Ok(locals)
    }

    fn phone(&self, user: &str) -> Result<(), String> {
        let word = Sink::Inside(format!("extension {user}"));
        if self.facts.phones.contains(user) && !self.reaches(&word) {
            return Err(self.wrong(&format!("rings {user}")));
        }
        if self.facts.trunks.contains(user) && !self.reaches(&Sink::Trunk(user.to_owned())) {
            return Err(self.wrong(&format!("dials the trunk {user}")));
        }
        Ok(())
    }

    fn trunk(&self, name: &str, number: &str) -> Result<(), String> {
        if !self.facts.trunks.contains(name) {
            return Ok(());
        }
        let class = classify(Country::us(), number);
        let paid = class == Class::Unknown || !class.is_paid() || self.reaches(&Sink::Paid(class));
        if paid && self.reaches(&Sink::Trunk(name.to_owned())) {
            return Ok(());
        }
        Err(self.wrong(&format!("dials {number} ({class}) on {name}")))
    }

    /// One call from its place to its end, with the calls it makes to itself.
    fn call(
        &mut self,
        program: &Arc<Program>,
        place: Place,
        world: &mut World,
        inherited: &[(String, String)],
        depth: u32,
    ) -> Result<(), String> {
        let mut machine = Machine::start(Arc::clone(program), place, &world.number.clone());
        for (name, value) in inherited {
            machine.set(name, value.clone());
        }
        for _ in 0..150 {
            match machine.step(world) {
                Step::Run(invocation) => self.run(program, &mut machine, invocation, world, depth)?,
                Step::Collect { .. } => {
                    let what = match world.chance.byte() % 5 {
                        0 => Collected::Timeout,
                        1 if world.chance.once_in(8) => Collected::Hangup,
                        _ => Collected::Digit(world.chance.key()),
                    };
                    machine.collected(what, world);
                }
                Step::End(_) => {
                    if !machine.hang_up(world) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn run(
        &mut self,
        program: &Arc<Program>,
        machine: &mut Machine,
        invocation: Invocation,
        world: &mut World,
        depth: u32,
    ) -> Result<(), String> {
        self.trace.push(format!("{} {}", invocation.place, invocation.text()));
        if !self.report.lines.contains(&invocation.span) {
            return Err(self.wrong("runs a line that was not reached"));
        }
        if invocation.control.is_some() {
            return match machine.control(&invocation, world) {
                ControlResult::Done => Ok(()),
                ControlResult::Run(inner) => self.act(program, machine, &inner, world, depth),
            };
        }
        self.act(program, machine, &invocation, world, depth)
    }

    fn act(
        &mut self,
        program: &Arc<Program>,
        machine: &mut Machine,
        invocation: &Invocation,
        world: &mut World,
        depth: u32,
    ) -> Result<(), String> {
        // Once `h` runs, no time limit counts any more.
        if world.chance.once_in(40) && !machine.hanging_up() {
            machine.absolute_timeout(world);
            return Ok(());
        }
        let own = machine.place().context.to_string();
        let go = |machine: &mut Machine, context: &str, exten: &str| machine.jump(Place::new(context, exten, 1));
        match invocation.app.name {
            "Dial" => {
                let at = invocation.app.position(ArgKind::Destinations).unwrap();
                for (exten, context) in self.dial(invocation.arg(at))? {
                    self.locals += 1;
                    let place = Place::new(&context, &exten, 1);
                    if depth < 3 && self.locals < 12 {
                        let inherited = machine.inherited();
                        self.call(program, place, world, &inherited, depth + 1)?;
                        self.trace.push("back from Local".to_owned());
                    }
                }
                if world.chance.once_in(3) {
                    machine.fail();
                } else if !(world.chance.once_in(2) && machine.jump_101(true, false, world)) {
                    machine.advance();
                }
            }
            "Background" if world.chance.once_in(2) => {
                let key = world.chance.key();
                machine.digit(key, Some(invocation.arg(3)), world);
            }
            "WaitExten" => machine.wait_exten(None),
            "Read" => {
                let keys: String = (0..world.chance.byte() % 4).map(|_| world.chance.key()).collect();
                machine.set(invocation.arg(0), keys);
                machine.advance();
            }
            "Directory" => match world.chance.byte() % 4 {
                0 => go(machine, &own, "o"),
                1 => go(machine, &own, "a"),
                2 => {
                    let exten = world.chance.of(&["1", "2", "204", "912"]);
                    go(machine, invocation.arg(1), exten);
                }
                _ => machine.advance(),
            },
            "VoiceMail" => match (world.chance.byte() % 4, invocation.arg(1).strip_prefix("d(")) {
                (0, _) => go(machine, &own, "o"),
                (1, _) => go(machine, &own, "a"),
                (2, Some(context)) => {
                    let exten = world.chance.of(&["1", "2", "204", "912"]);
                    go(machine, context.trim_end_matches(')'), exten);
                }
                _ => machine.advance(),
            },
            "DISA" => {
                let exten = world.chance.of(&["1", "2", "204", "912", "*72"]);
                go(machine, invocation.arg(1), exten);
            }
            "RaiseException" => {
                if machine.exists(None, "e", world) {
                    go(machine, &own, "e");
                } else {
                    machine.fail();
                }
            }
            "Hangup" => machine.fail(),
            _ => machine.advance(),
        }
        Ok(())
    }
}

/// One random plan with one random caller.
type Case = (String, usize, u8, bool, (String, String, bool), Vec<u8>);

fn case() -> impl Strategy<Value = Case> {
    (
        plan(),
        0..12_usize,
        0..16_u8,
        any::<bool>(),
        (word(CONTEXTS), prop_oneof![word(DATA), word(&["s", "1", "204"])], any::<bool>()),
        proptest::collection::vec(any::<u8>(), 8..64),
    )
}

/// Lines that machines ran while they were watched.
static STEPS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

fn stays_inside((text, which, flags, clean, start, bytes): Case) -> Result<(), TestCaseError> {
    let dialect = *Dialect::ALL.get(which).unwrap_or(if which >= 9 { &Dialect::V22 } else { &Dialect::Safe });
    // Plans of today have no macros: those are followed with languages, the others by the coarse search.
    let text = if which >= 5 {
        ["MacroIf(", "MacroExit(", "Macro("].iter().fold(text, |text, name| text.replace(name, "NoOp("))
    } else {
        text
    };
    // Most plans use none of the unsafe habits.
    let compat = Compat { fall_through: flags & 1 != 0, late_arguments: flags == 14, textual_expressions: flags >= 13 };
    if let Ok(path) = std::env::var("AUDIT_DUMP") {
        std::fs::write(path, format!("; {dialect:?} {compat:?} clean {clean} {start:?}\n{text}")).unwrap();
    }
    let program = Arc::new(dialplan::load_with(&[("plan".to_owned(), text)], dialect, compat, &NoFiles).program);
    let (context, dialled, any_exten) = start;
    let dialled = dialled.as_str();
    let is_clean = dialled.bytes().all(|b| b.is_ascii_alphanumeric() || b"+*#-._".contains(&b)) && !dialled.is_empty();
    let any_exten = any_exten && (is_clean || !clean);
    let place = Place::new(&context, if any_exten { "s" } else { dialled }, 1);
    let facts = facts(clean);
    let entry = Entry { name: "strangers".into(), origin: OriginKind::Stranger, place, any_exten };
    let report = prove(&program, &[entry], &facts);
    let mut judge = Judge { report: &report.entries[0], facts: &facts, trace: Vec::new(), locals: 0 };
    let mut chance = Chance { bytes, at: 0 };
    let (number, name) = (chance.of(DATA).to_owned(), chance.of(DATA).to_owned());
    let mut world = World { chance, globals: BTreeMap::new(), number, name };
    for _ in 0..6 {
        judge.trace.clear();
        judge.locals = 0;
        let place = Place::new(&context, dialled, 1);
        if let Err(wrong) = judge.call(&program, place, &mut world, &[], 0) {
            return Err(TestCaseError::fail(wrong));
        }
        let ran = u64::try_from(judge.trace.len()).unwrap();
        STEPS.fetch_add(ran, std::sync::atomic::Ordering::Relaxed);
    }
    Ok(())
}

/// What goes wrong in the same row of random plans every time; nothing if all is well.
#[allow(dead_code)]
pub(crate) fn first_wrong(cases: u32) -> Option<String> {
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    let config = ProptestConfig { cases, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng).run(&case(), stays_inside).err().map(|wrong| wrong.to_string())
}

#[test]
fn every_step_is_inside_the_report() {
    let config = ProptestConfig {
        cases: cases(),
        max_shrink_iters: shrinks(),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest::test_runner::TestRunner::new(config).run(&case(), stays_inside).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{} plans, {} steps inside", cases(), STEPS.load(std::sync::atomic::Ordering::Relaxed));
}

/// A quick look on every run; `AUDIT_CASES` for a night.
fn cases() -> u32 {
    std::env::var("AUDIT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(600)
}

/// How long a failing case is made smaller.
fn shrinks() -> u32 {
    std::env::var("AUDIT_SHRINKS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}
