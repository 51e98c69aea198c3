//! Whatever the machine does is inside what the audit said: random plans, random callers, and at every step the call as it
//! is then (line, extension, variables and their equalities, subroutines, gates passed) and every destination. This one
//! test guards the promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit::{Call, Certificate, Entry, EntryReport, Facts, proof};
use dialplan::apps::ArgKind;
use dialplan::control::Control;
use dialplan::load::NoFiles;
use dialplan::number::{Class, Country, classify};
use dialplan::policy::OriginKind;
use dialplan::reach::Sink;
use dialplan::{CivilTime, Collected, Compat, ControlResult, Dialect, Host, Invocation, Machine, Place, Program, Step};
use proptest::prelude::*;

const CONTEXTS: &[&str] = &["macro-m", "a", "b", "c", "d", "e", "out"];
const EXTENS: &[&str] = &[
    "s", "s", "s", "s", "1", "1", "204", "204", "_X.", "_2XX", "_.", "_X!", "s", "i", "t", "h", "e", "T", "o", "a",
    "1", "2", "204", "20-4", "*72", "_2XX", "_X.", "_X!", "_.", "_9NX", "_[a-z]", "_1-X", "1/204", "_XX/_2X",
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
    "2_0-4&1%",
    "-",
    "912555%d&204",
    "20455550100204555501002045555010020455550100204555501002045555010020455550100204555",
    "_2XX",
    "1234",
    "é1",
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
        1 => word(&["${FILTER(0-9X,${W})}", "${TOUPPER(${V})}", "${TOLOWER(${W})}", "${LEN(${EXTEN})}", "${CUT(W,,2)}", "${CUT(V,-,1)}", "${V:0:2}", "${W:-2}", "${V:1:-1}", "${ISNULL(${V})}", "${ARGC}", "${ARG2}", "${EXISTS(${W})}", "9${EXTEN}", "${v}", "${TRIM(${V})}", "${LOCAL(V)}", "${GLOBAL(G)}", "${IF($[${LEN(${V})} > 2]?${V}:1)}", "$[\"${V}\" = \"${EXTEN}\"]", "$[${V} - 1]", "$[${V} =~ 2]"]),
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

/// Comparisons that tell something of what was compared.
fn condition() -> impl Strategy<Value = String> {
    let side = || {
        word(&[
            "${V}",
            "${W}",
            "${EXTEN}",
            "${FILTER(0-9,${EXTEN})}",
            "${FILTER(0-9,${V})}",
            "${EXTEN:1}",
            "${V:1}",
            "${EXTEN:0:1}",
            "1",
            "204",
            "",
            "02",
            "-1",
            "${ARG1}",
            "${LEN(${V})}",
            "${GOSUB_RETVAL}",
            "1234",
        ])
    };
    let one = || {
        (side(), word(&["=", "=", "=", "!=", "<", ">="]), side(), any::<bool>()).prop_map(|(a, op, b, quoted)| {
            if quoted { format!("\"{a}\" {op} \"{b}\"") } else { format!("{a} {op} {b}") }
        })
    };
    (one(), word(&["&", "|"]), one(), 0..6_u8).prop_map(|(a, op, b, kind)| match kind {
        0 => format!("$[{a} {op} {b}]"),
        1 => format!("$[!({a})]"),
        _ => format!("$[{a}]"),
    })
}

fn line() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        3 => destination().prop_map(|d| format!("Dial({d})")),
        1 => destination().prop_map(|d| format!("Dial({d},20,gr)")),
        3 => label().prop_map(|l| format!("Goto({l})")),
        2 => (text(), label(), label()).prop_map(|(t, l, m)| format!("GotoIf({t}?{l}:{m})")),
        2 => (condition(), label(), label()).prop_map(|(c, l, m)| format!("GotoIf({c}?{l}:{m})")),
        1 => (condition(), label()).prop_map(|(c, l)| format!("GotoIf({c}?{l})")),
        1 => Just("Authenticate(1234)".to_owned()),
        1 => (word(&["V", "W", "EXTEN", "ARG1"]), text()).prop_map(|(n, t)| format!("Set(LOCAL({n})={t})")),
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
    let exten =
        (word(EXTENS), proptest::collection::vec((line(), 0..6_u8), 1..5), prop_oneof![4 => Just(1_u32), 1 => Just(2)]);
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
    certificate: &'a Certificate,
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

    /// The call as it is lies inside the certificate. A value that working out the line's own values changes may be the one
    /// before or the one after.
    fn inside(
        &self,
        program: &Program,
        machine: &Machine,
        before: &BTreeMap<String, String>,
        line: Option<&Invocation>,
        world: &World,
        passed: &BTreeSet<String>,
    ) -> Result<(), String> {
        let after = values(machine);
        let global = |name: &str| world.globals.get(name).or_else(|| program.globals().get(name)).cloned();
        let check = |values: &BTreeMap<String, String>| {
            let place = machine.place();
            let call = Call {
                line: line.map(|line| line.span),
                context: &place.context,
                exten: &place.exten,
                get: &|name| values.get(name).cloned().or_else(|| global(name)),
                set: values.keys().cloned().collect(),
                sites: machine.sites(),
                passed,
            };
            self.certificate.holds(program, &call)
        };
        let mut mixed = before.clone();
        mixed.extend(after.get("INVALID_EXTEN").map(|text| ("INVALID_EXTEN".to_owned(), text.clone())));
        if mixed == after {
            return check(&after).map_err(|wrong| self.outside(machine, line, &wrong));
        }
        check(&mixed).or_else(|_| check(&after)).map_err(|wrong| self.outside(machine, line, &wrong))
    }

    fn outside(&self, machine: &Machine, line: Option<&Invocation>, wrong: &str) -> String {
        let line = line.map_or_else(|| "waiting for keys".to_owned(), Invocation::text);
        self.wrong(&format!("at {} {line}: {wrong}", machine.place()))
    }

    /// Where a gate of this line would stand.
    fn gate(&self, program: &Program, line: &Invocation) -> String {
        let extens = program.contexts().iter().flat_map(|context| &context.extens);
        let title = extens
            .filter(|exten| exten.lines.values().any(|one| one.span == line.span))
            .map(dialplan::program::Exten::title)
            .next()
            .unwrap_or_default();
        let extens = program.contexts().iter().flat_map(|context| &context.extens);
        let priority =
            extens.flat_map(|exten| &exten.lines).find(|(_, one)| one.span == line.span).map_or(0, |(n, _)| *n);
        format!("{},{title},{priority}", line.place.context)
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
        passed: &BTreeSet<String>,
        depth: u32,
    ) -> Result<(), String> {
        let mut passed = passed.clone();
        let mut machine = Machine::start(Arc::clone(program), place, &world.number.clone());
        for (name, value) in inherited {
            machine.set(name, value.clone());
        }
        for _ in 0..150 {
            let before = values(&machine);
            match machine.step(world) {
                Step::Run(invocation) => {
                    self.inside(program, &machine, &before, Some(&invocation), world, &passed)?;
                    self.run(program, &mut machine, invocation, world, &mut passed, depth)?;
                }
                Step::Collect { .. } => {
                    self.inside(program, &machine, &before, None, world, &passed)?;
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
        passed: &mut BTreeSet<String>,
        depth: u32,
    ) -> Result<(), String> {
        self.trace.push(format!("{} {}", invocation.place, invocation.text()));
        if !self.report.lines.contains(&invocation.span) {
            return Err(self.wrong("runs a line that was not reached"));
        }
        let gate = self.gate(program, &invocation);
        if invocation.control.is_some() {
            if is_true(&invocation) {
                passed.insert(gate);
            }
            return match machine.control(&invocation, world) {
                ControlResult::Done => Ok(()),
                ControlResult::Run(inner) => {
                    let gate = self.gate(program, &inner);
                    self.act(program, machine, &inner, world, passed, gate, depth)
                }
            };
        }
        self.act(program, machine, &invocation, world, passed, gate, depth)
    }

    #[allow(clippy::too_many_arguments)]
    fn act(
        &mut self,
        program: &Arc<Program>,
        machine: &mut Machine,
        invocation: &Invocation,
        world: &mut World,
        passed: &mut BTreeSet<String>,
        gate: String,
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
                        self.call(program, place, world, &inherited, passed, depth + 1)?;
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
            "Authenticate" => {
                passed.insert(gate);
                machine.advance();
            }
            "DISA" => {
                passed.insert(gate);
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

fn values(machine: &Machine) -> BTreeMap<String, String> {
    machine.variables().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Whether a line's condition holds, so that a secret that it compares was known.
fn is_true(line: &Invocation) -> bool {
    match line.control.as_deref() {
        Some(
            Control::GotoIf { condition, .. } | Control::GosubIf { condition, .. } | Control::ExecIf { condition, .. },
        ) => dialplan::truth(condition),
        _ => false,
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
        (word(CONTEXTS), prop_oneof![1 => word(DATA), 3 => word(&["s", "1", "204", "s", "912"])], any::<bool>()),
        proptest::collection::vec(any::<u8>(), 8..64),
    )
}

/// Plans that were followed with languages.
static FINE: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
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
    let (report, certificates) = proof(&program, &[entry], &facts);
    let certificate = &certificates["strangers"];
    FINE.fetch_add(u64::from(certificate.is_fine()), std::sync::atomic::Ordering::Relaxed);
    let mut judge = Judge { report: &report.entries[0], certificate, facts: &facts, trace: Vec::new(), locals: 0 };
    let mut chance = Chance { bytes, at: 0 };
    let (number, name) = (chance.of(DATA).to_owned(), chance.of(DATA).to_owned());
    let mut world = World { chance, globals: BTreeMap::new(), number, name };
    for _ in 0..6 {
        judge.trace.clear();
        judge.locals = 0;
        let place = Place::new(&context, dialled, 1);
        if let Err(wrong) = judge.call(&program, place, &mut world, &[], &BTreeSet::new(), 0) {
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
fn every_state_is_inside_the_certificate() {
    let counted = |all: &std::sync::atomic::AtomicU64| all.load(std::sync::atomic::Ordering::Relaxed);
    let mut plans = 0;
    while counted(&STEPS) < steps() {
        let config = ProptestConfig {
            cases: BATCH,
            max_shrink_iters: shrinks(),
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        runner(config, plans).run(&case(), stays_inside).unwrap_or_else(|wrong| match wrong {
            proptest::test_runner::TestError::Fail(why, (plan, which, flags, clean, start, bytes)) => {
                panic!("{why}\n{plan}\ndialect {which}, flags {flags}, clean {clean}, {start:?}, {bytes:?}")
            }
            proptest::test_runner::TestError::Abort(why) => panic!("{why}"),
        });
        plans += BATCH;
    }
    let (fine, steps) = (counted(&FINE), counted(&STEPS));
    println!("{plans} plans, {fine} of them with languages, {steps} steps inside");
}

/// The same plans on every run, so that a change is judged by what it changes; others each night.
fn runner(config: ProptestConfig, batch: u32) -> proptest::test_runner::TestRunner {
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    if std::env::var_os("AUDIT_STEPS").is_some() {
        return TestRunner::new(config);
    }
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&batch.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

/// Plans at a time.
const BATCH: u32 = 200;

/// Steps on every run; `AUDIT_STEPS` for a night.
fn steps() -> u64 {
    std::env::var("AUDIT_STEPS").ok().and_then(|text| text.parse().ok()).unwrap_or(200_000)
}

/// How long a failing case is made smaller.
fn shrinks() -> u32 {
    std::env::var("AUDIT_SHRINKS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}
