//! The article's plan under the headers that its text names, in words of our own (`article.conf`): it loads unchanged in
//! dialect 1.2, `auto` finds that out, and each line does what the article says, as far as the machine carries it out.
//! What its applications do is heard in `pbx` and in the tests from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Caller;
use dialplan::load::{NoFiles, Source, fix};
use dialplan::{
    Choice, Collected, Compat, ControlResult, Dialect, Loaded, Machine, Place, Severity, Step, Wait, load_each,
};
use std::sync::Arc;

const ARTICLE: &str = include_str!("article.conf");

fn read(text: &str, choice: Choice) -> Loaded {
    let (name, compat) = ("extensions_custom.conf".to_owned(), Compat::default());
    load_each(&[Source { name, text: text.to_owned(), choice, compat }], &NoFiles)
}

/// A caller who presses keys and whose calls inside end as told.
struct Call {
    caller: Caller,
    keys: Vec<char>,
    /// Dial, VoiceMail and the others fail as busy lines do.
    busy: bool,
}

impl Call {
    fn from(number: &str, name: &str, keys: &str) -> Call {
        let mut caller = Caller { number: number.to_owned(), ..Caller::default() };
        for (key, value) in [("name", name), ("num", number)] {
            caller.functions.insert(format!("CALLERID({key})"), value.to_owned());
        }
        Call { caller, keys: keys.chars().rev().collect(), busy: false }
    }

    /// What runs, in order: `place app(args)`; keys are pressed where the plan listens, `.` is silence.
    fn walk(&mut self, loaded: &Loaded, place: Place) -> Vec<String> {
        let mut machine = Machine::start(Arc::new(loaded.program.clone()), place, &self.caller.number.clone());
        let mut told = Vec::new();
        while told.len() < 80 {
            match machine.step(&mut ByName(&mut self.caller)) {
                Step::End(ending) => {
                    told.push(format!("({ending})"));
                    break;
                }
                Step::Collect { wait, .. } => {
                    let key = self.keys.pop();
                    told.push(format!("listens {}", if wait == Wait::FirstDigit { "first" } else { "next" }));
                    let what = match key {
                        Some('.') | None => Collected::Timeout,
                        Some(key) => Collected::Digit(key),
                    };
                    machine.collected(what, &mut ByName(&mut self.caller));
                }
                Step::Run(invocation) => {
                    told.push(format!("{} {}", invocation.place, invocation.text()));
                    if invocation.control.is_some() {
                        let done = machine.control(&invocation, &mut ByName(&mut self.caller));
                        assert_eq!(done, ControlResult::Done);
                        continue;
                    }
                    match invocation.app.name {
                        "Background" if self.keys.last().is_some_and(|k| *k != '.') => {
                            let key = self.keys.pop().unwrap();
                            machine.digit(key, None, &mut ByName(&mut self.caller));
                        }
                        "Background" => {
                            // Nobody pressed a key while it played.
                            self.keys.pop();
                            machine.advance();
                        }
                        "Dial" if self.busy => {
                            if !machine.jump_101(true, false, &mut ByName(&mut self.caller)) {
                                machine.advance();
                            }
                        }
                        "Hangup" => machine.fail(),
                        _ => machine.advance(),
                    }
                }
            }
        }
        told
    }
}

/// The common caller knows one caller ID only; this one tells name and number apart.
struct ByName<'a>(&'a mut Caller);

impl dialplan::Host for ByName<'_> {
    fn variable(&mut self, _: &str) -> Option<String> {
        None
    }
    fn function(&mut self, name: &str, args: &[String]) -> Option<String> {
        self.0.functions.get(&format!("{name}({})", args.join(","))).cloned()
    }
    fn set_function(&mut self, name: &str, args: &[String], value: &str) -> Result<(), String> {
        self.0.functions.insert(format!("{name}({})", args.join(",")), value.to_owned());
        Ok(())
    }
    fn now(&mut self) -> dialplan::CivilTime {
        self.0.now
    }
    fn random(&mut self) -> u64 {
        1
    }
    fn global(&mut self, _: &str) -> Option<String> {
        None
    }
    fn set_global(&mut self, _: &str, _: &str) {}
}

#[track_caller]
fn follows(told: &[String], expected: &[&str]) {
    let mut rest = told.iter();
    for wanted in expected {
        assert!(rest.any(|line| line == wanted), "{wanted} is missing after its turn in\n{}", told.join("\n"));
    }
}

#[test]
fn it_loads_unchanged_in_1_2_and_auto_finds_that_out() {
    let auto = read(ARTICLE, Choice::Auto(Dialect::V22));
    assert_eq!(auto.program.dialect(), Dialect::V1_2);
    let told = auto.findings.iter().find(|f| f.code == "dialect-chosen").unwrap();
    assert!(told.message.contains("1.2") && told.span.is_some(), "{}", told.message);
    let named = read(ARTICLE, Choice::Is(Dialect::V1_2));
    assert_eq!(named.program, auto.program);
    assert!(named.findings.iter().all(|f| f.severity < Severity::Error), "{:?}", named.findings);
    // Every line is there, under its own number.
    let lines: usize = named.program.contexts().iter().flat_map(|c| &c.extens).map(|e| e.lines.len()).sum();
    assert_eq!(lines, ARTICLE.lines().filter(|l| l.starts_with("exten =>")).count());
    // It prints and loads back.
    let again = read(&named.program.to_string(), Choice::Is(Dialect::V1_2));
    assert_eq!(again.program, named.program);
}

#[test]
fn its_own_mistakes_are_named_with_their_repair() {
    let loaded = read(ARTICLE, Choice::Is(Dialect::V1_2));
    let line_of = |text: &str| {
        u32::try_from(ARTICLE.lines().position(|l| l.contains(text)).unwrap_or_else(|| panic!("{text}")) + 1).unwrap()
    };
    let has = |code: &str, text: &str| {
        let line = line_of(text);
        let found = loaded.findings.iter().find(|f| f.code == code && f.span.is_some_and(|s| s.line == line));
        found.unwrap_or_else(|| panic!("no {code} in line {line}: {:#?}", loaded.findings)).clone()
    };
    assert_eq!(has("pattern-without-underscore", "2XX,1").repair.as_deref(), Some("_2XX"));
    has("jump-to-nowhere", "Goto(s,16)");
    has("catch-all", "_.,1");
    has("secret-in-plan", "Authenticate(246813)");
    has("include-shadowed", "_.,1,Wait(1)");
    for text in [
        "DigitTimeout,3",
        "ResponseTimeout,3",
        "SetMusicOnHold(default)",
        "SetCIDNum(200",
        "Zapateller(",
        "ask-name,s,1",
        "ParkAndAnnounce(",
    ] {
        has("dropped-today", text);
    }
}

#[test]
fn callers_without_caller_id_are_asked_for_their_name() {
    let loaded = read(ARTICLE, Choice::Is(Dialect::V1_2));
    for (number, name) in [
        ("", ""),
        ("2025550100", "Anonymous"),
        ("2025550100", "Unknown caller"),
        ("Private", ""),
        ("2025550100", "Private"),
        ("Restricted", ""),
        ("PSTN line", ""),
    ] {
        let told = Call::from(number, name, "").walk(&loaded, Place::new("from-sip-external", "anything", 1));
        follows(
            &told,
            &[
                "from-sip-external,anything,1 Wait(1)",
                "from-external-custom,s,1 Zapateller(answer,nocallerid)",
                "from-external-custom,s,3 SetMusicOnHold(CHANNEL(musicclass)=default)",
                "ask-name,s,1 Background(privacy-unident)",
                "ask-name,s,4 Record(/tmp/unknown-caller:gsm,5,15)",
                "ext-park,70,3 SetCIDNum(CALLERID(num)=200,CALLERID(ani)=200)",
                "ext-park,70,4 SetCIDName(CALLERID(name)=Parked call)",
                "ext-park,70,6 Hangup()",
            ],
        );
        let park = told.iter().find(|line| line.contains("ParkAndAnnounce")).unwrap();
        assert!(park.contains("PARKED,40,local/204@from-internal,ask-name,s,7"), "{park}");
    }
    let told = Call::from("2025550100", "Miller", "").walk(&loaded, Place::new("from-sip-external", "x", 1));
    assert!(!told.iter().any(|line| line.starts_with("ask-name")), "{told:?}");
}

#[test]
fn the_menu_does_what_the_article_says() {
    let loaded = read(ARTICLE, Choice::Is(Dialect::V1_2));
    let call =
        |keys: &str| Call::from("2025550100", "Miller", keys).walk(&loaded, Place::new("from-external-custom", "s", 1));
    // The greeting is played while keys are heard; both time-outs are set before it.
    follows(
        &call("1"),
        &[
            "from-external-custom,s,12 DigitTimeout(TIMEOUT(digit)=3)",
            "from-external-custom,s,13 ResponseTimeout(TIMEOUT(response)=3)",
            "from-external-custom,s,14 Background(custom/welcome)",
            "from-external-custom,1,2 Dial(local/222@from-internal,20,m)",
            "from-external-custom,1,3 VoiceMail(204@default)",
            "from-external-custom,1,4 Hangup()",
        ],
    );
    follows(&call("0"), &["from-external-custom,0,2 AGI(general,ext-local,)", "from-external-custom,0,4 Hangup()"]);
    follows(
        &call("4"),
        &["from-external-custom,4,1 Authenticate(…)", "from-external-custom,4,3 DISA(no-password,from-internal)"],
    );
    // No key: after the greeting the call waits for one, then the home phone rings.
    follows(&call(".."), &["listens first", "from-external-custom,t,2 Dial(local/204@from-internal,20,m)"]);
    // A wrong key: told so; the jump to a priority that is not there waits for another key, as it did in 2005.
    follows(
        &call("9.1"),
        &[
            "from-external-custom,i,1 Playback(pbx-invalid)",
            "from-external-custom,i,2 Goto(s,16)",
            "listens first",
            "from-external-custom,t,1 Background(pls-hold-while-try)",
        ],
    );
    // `2XX` is a text: whoever dials 204 is told that there is no such number.
    follows(&call("204"), &["from-external-custom,i,1 Playback(pbx-invalid)"]);
}

#[test]
fn with_its_underscore_an_extension_rings_and_a_busy_one_jumps() {
    let text = ARTICLE.replace("exten => 2XX", "exten => _2XX");
    let loaded = read(&text, Choice::Is(Dialect::V1_2));
    let mut call = Call::from("2025550100", "Miller", "204");
    follows(
        &call.walk(&loaded, Place::new("from-external-custom", "s", 1)),
        &[
            "from-external-custom,204,2 Dial(local/204@from-internal,20,m)",
            "from-external-custom,204,3 VoiceMail(204@default)",
            "from-external-custom,204,4 Hangup()",
        ],
    );
    let mut call = Call { busy: true, ..Call::from("2025550100", "Miller", "204") };
    follows(
        &call.walk(&loaded, Place::new("from-external-custom", "s", 1)),
        &[
            "from-external-custom,204,2 Dial(local/204@from-internal,20,m)",
            "from-external-custom,204,103 Voicemail(204@default)",
            "from-external-custom,204,104 Hangup()",
        ],
    );
}

#[test]
fn a_plan_pasted_from_the_page_is_named_and_mended() {
    // Headers lost, quotes of a word processor, an arrow and spaces that are none.
    let pasted = ARTICLE
        .lines()
        .filter(|line| !line.starts_with('[') && !line.starts_with(';'))
        .map(|line| {
            let mut open = false;
            line.chars()
                .map(|c| match c {
                    '"' => {
                        open = !open;
                        if open { '\u{201c}' } else { '\u{201d}' }
                    }
                    c => c,
                })
                .collect::<String>()
                .replace("exten => o,", "exten -> o,")
                .replace("exten => t,1,", "exten =>\u{a0}t,1,")
                .replace("exten => i,1", "exten =&gt; i,1")
        })
        .collect::<Vec<_>>()
        .join("\n");
    let loaded = read(&pasted, Choice::Auto(Dialect::V22));
    for code in ["no-context", "typographic-characters", "arrow", "odd-space", "html-entity"] {
        let found = loaded.findings.iter().find(|f| f.code == code).unwrap_or_else(|| panic!("no {code}"));
        assert!(found.repair.is_some() && found.span.is_some(), "{code}");
    }
    let (_, (text, _)) = fix::apply(&loaded.findings, &loaded.sources).into_iter().next().unwrap();
    assert!(
        !text.contains(['\u{201c}', '\u{201d}', '\u{a0}']) && !text.contains("->") && !text.contains("&gt;"),
        "{text}"
    );
    // Only the headers are left for the owner to write.
    let again = read(&format!("[from-external-custom]\n{text}"), Choice::Auto(Dialect::V22));
    let errors: Vec<_> = again.findings.iter().filter(|f| f.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(again.findings.iter().any(|f| f.code == "duplicate-line"), "two contexts in one");
}
