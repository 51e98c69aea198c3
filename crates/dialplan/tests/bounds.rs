//! Every bound in `limits` holds, and what lies just inside it works.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Caller, loaded, run, value};
use dialplan::load::{Files, NoFiles, Source, load};
use dialplan::{Choice, Compat, Dialect, Loaded, Place, limits, load_each};

fn safe(text: &str) -> Loaded {
    loaded(text, Dialect::Safe, Compat::default())
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.findings.iter().map(|f| f.code).collect()
}

fn call(text: &str, exten: &str) -> String {
    run(&safe(text), Place::new("c", exten, 1), "", &mut Caller::default())
}

#[test]
fn long_lines_are_refused() {
    let line = |n: usize| format!("[c]\nexten => s,1,NoOp({})\n", "x".repeat(n));
    assert_eq!(codes(&safe(&line(limits::LINE_BYTES))), ["too-large"]);
    assert!(codes(&safe(&line(limits::LINE_BYTES - 100))).is_empty());
}

#[test]
fn too_many_lines_are_refused() {
    let text = "x\n".repeat(limits::LINES + 5);
    assert!(codes(&safe(&text)).contains(&"too-large"));
}

/// Every include gives the same text again.
struct Same(&'static str, usize);

impl Files for Same {
    fn read(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        Ok(vec![(name.to_owned(), self.0.to_owned()); self.1])
    }
}

#[test]
fn files_that_include_themselves_end() {
    let files = [("a".to_owned(), "#include a\n[c]\nexten => s,1,NoOp()\n".to_owned())];
    let loaded = load(&files, Dialect::Safe, &Same("#include a\n", 1));
    assert_eq!(codes(&loaded), ["too-large"]);
    assert_eq!(loaded.sources.len(), limits::INCLUDE_DEPTH);
}

#[test]
fn too_many_files_are_refused() {
    let files = [("a".to_owned(), "#include a\n".to_owned())];
    let loaded = load(&files, Dialect::Safe, &Same("#include b\n#include b\n", 2));
    assert!(codes(&loaded).contains(&"too-large"));
    assert!(loaded.sources.len() <= limits::FILES + 1);
}

#[test]
fn templates_that_double_end() {
    let mut text = String::from("[t0](!)\n");
    text.push_str(&"exten => s,1,NoOp()\n".repeat(1_000));
    for i in 1..40 {
        text.push_str(&format!("[t{i}](!,t{0},t{0})\n", i - 1));
    }
    assert!(codes(&safe(&text)).contains(&"too-large"));
}

#[test]
fn findings_are_bounded_and_say_so() {
    let loaded = safe(&format!("[c]\n{}", "rubbish\n".repeat(limits::FINDINGS * 2)));
    assert_eq!(loaded.findings.len(), limits::FINDINGS);
    assert!(codes(&loaded).contains(&"too-many-findings"));
}

#[test]
fn extensions_and_priorities_are_bounded() {
    let long = "1".repeat(limits::EXTENSION_CHARS + 1);
    assert_eq!(codes(&safe(&format!("[c]\nexten => {long},1,NoOp()\n"))), ["bad-extension"]);
    let text = format!("[c]\nexten => s,{},NoOp()\nsame => n,NoOp()\n", limits::PRIORITY);
    assert_eq!(codes(&safe(&text)), ["unreachable-priority", "bad-priority"]);
}

#[test]
fn nesting_is_bounded() {
    let deep = |n: usize| format!("{}EXTEN{}", "${LEN(".repeat(n), ")}".repeat(n));
    assert_eq!(value(&deep(limits::NESTING - 1), "safe", &[]), "1");
    assert!(codes(&safe(&format!("[c]\nexten => s,1,NoOp({})\n", deep(limits::NESTING + 1)))).contains(&"bad-value"));
    let brackets = |n: usize| format!("$[{}1{}]", "(".repeat(n), ")".repeat(n));
    assert_eq!(value(&brackets(limits::NESTING - 1), "safe", &[]), "1");
    assert_eq!(value(&brackets(limits::NESTING + 1), "safe", &[]), "");
    let texts = "a ${".repeat(limits::EVALUATION * 2);
    assert!(value(&texts, "22 late-arguments", &[]).starts_with("fault: "));
    let minus = format!("$[{}1]", "- ".repeat(limits::TOKENS + 1));
    assert_eq!(value(&minus, "safe", &[]), "");
}

#[test]
fn long_expressions_are_refused() {
    let sum = |n: usize| format!("$[{}]", vec!["1"; n].join(" + "));
    assert_eq!(value(&sum(100), "safe", &[]), "100");
    assert_eq!(value(&sum(limits::TOKENS), "safe", &[]), "");
    // Deep trees on the left end before the stack does.
    assert!(value(&sum(limits::TOKENS / 2), "safe", &[]).len() < 100);
}

#[test]
fn chains_of_includes_are_bounded() {
    let mut text = String::new();
    for i in 0..limits::INCLUDE_CHAIN + 10 {
        text.push_str(&format!("[c{i}]\nexten => {i},1,NoOp(x)\ninclude => c{}\n", i + 1));
    }
    let program = safe(&text).program;
    let found = |exten: usize| program.find("c0", &exten.to_string(), 1, "", None).is_some();
    assert!(found(limits::INCLUDE_CHAIN - 1));
    assert!(!found(limits::INCLUDE_CHAIN));
}

#[test]
fn values_variables_and_frames_are_bounded() {
    let double = "[c]\nexten => s,1,Set(A=xxxxxxxxxxxxxxxx)\nsame => n(again),Set(A=${A}${A})\nsame => n,Goto(again)\n";
    assert_eq!(call(double, "s"), format!("(a value is longer than {} bytes)", limits::VALUE_BYTES));
    let many = "[c]\nexten => s,1,Set(I=0)\nsame => n(again),Set(I=$[${I} + 1])\nsame => n,Set(V${I}=x)\nsame => n,Goto(again)\n";
    assert_eq!(call(many, "s"), format!("(the call has more than {} variables)", limits::VARIABLES));
    let deep = "[c]\nexten => s,1,Gosub(s,1)\n";
    assert_eq!(call(deep, "s"), format!("(Gosub nests deeper than {})", limits::FRAMES));
    let args = format!("[c]\nexten => s,1,Gosub(t,1({}))\nexten => t,1,NoOp(${{ARGC}})\n", vec!["1"; 100].join(","));
    assert_eq!(call(&args, "s"), format!("{} / (no more priorities)", limits::ARGUMENTS));
}

#[test]
fn steps_are_bounded() {
    assert_eq!(call("[c]\nexten => s,1,Goto(1)\n", "s"), format!("(more than {} steps)", limits::STEPS));
    // Handlers that lead to each other count too.
    assert_eq!(call("[c]\nexten => i,1,Goto(nowhere,1)\n", "s"), format!("(more than {} steps)", limits::STEPS));
}

#[test]
fn the_dialect_is_guessed_with_a_reason() {
    let read = |text: &str| {
        let source = Source {
            name: "extensions.conf".to_owned(),
            text: text.to_owned(),
            choice: Choice::Auto(Dialect::Safe),
            compat: Compat::default(),
        };
        let loaded = load_each(&[source], &NoFiles);
        let told: Vec<String> =
            loaded.findings.iter().filter(|f| f.code == "dialect-chosen").map(|f| f.message.clone()).collect();
        (loaded.program.dialect(), told.join("; "))
    };
    let (dialect, told) = read("[c]\nexten => s,1,DigitTimeout,5\n");
    assert_eq!(dialect, Dialect::V1_2);
    assert_eq!(told, "this file is read in dialect 1.2: DigitTimeout is an application of that time");
    assert_eq!(read("[c]\nexten => s,1,Dial(SIP/x|20|tr)\n").0, Dialect::V1_2);
    assert_eq!(
        read("[c]\nexten => s,1,Dial(PJSIP/1,20)\nexten => s,n,GotoIf($[1 | 0]?a:b)\n"),
        (Dialect::Safe, String::new())
    );
}

#[test]
fn machines_travel_between_threads() {
    fn can<T: Send + Sync>() {}
    can::<dialplan::Program>();
    can::<dialplan::Machine>();
    can::<dialplan::Invocation>();
}
