//! What must hold for every text, every dialled number and every value.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Caller, loaded, run};
use dialplan::pattern::{Fit, Pattern};
use dialplan::text::{Split, Template};
use dialplan::{Compat, Dialect, Machine, Place, Step, load};
use proptest::prelude::*;
use std::sync::Arc;

fn dialects() -> impl Strategy<Value = (Dialect, Compat)> {
    (prop::bool::ANY, 0u8..8).prop_map(|(safe, flags)| {
        let compat = Compat {
            fall_through: flags & 1 != 0,
            late_arguments: flags & 2 != 0,
            textual_expressions: flags & 4 != 0,
        };
        (if safe { Dialect::Safe } else { Dialect::V22 }, compat)
    })
}

/// Words of plans, good ones and bad ones, put together at random.
fn plan() -> impl Strategy<Value = String> {
    let exten = prop::sample::select(vec![
        "s", "i", "t", "h", "e", "1", "12", "100", "_X", "_X.", "_XX", "_NXX", "_1X!", "_[1-5]X", "_[]4", "_[", "2XX",
        "_.", "_!", "555-1212", "5/100", "5/_2XX", "5/", "${G}", "a b", "_7[ 1]", "",
    ]);
    let priority =
        prop::sample::select(vec!["1", "2", "3", "n", "n(lbl)", "1(start)", "n+2", "s", "hint", "0", "x", "99"]);
    let app = prop::sample::select(vec![
        "NoOp(a\\;b)",
        "NoOp(${EXTEN:1})",
        "NoOp()",
        "NoOp",
        "NoOp(no close",
        "NoOp(a)b)c",
        "Answer()",
        "Hangup()",
        "Goto(1)",
        "Goto(lbl)",
        "Goto(c1,${EXTEN},1)",
        "Goto(c2,s,1)",
        "GotoIf($[${A} > 2]?lbl:1)",
        "WaitExten(2)",
        "Background(x,,,c2)",
        "Set(A=$[${A} + 1])",
        "Set(A=${A}${A}x)",
        "Set(GLOBAL(G)=${EXTEN})",
        "MSet(A=1,B=\"2,3\")",
        "Gosub(sub,s,1(${EXTEN},b))",
        "Gosub(c1,1,1)",
        "Return(${A})",
        "StackPop()",
        "While($[${A} < 3])",
        "EndWhile()",
        "ExitWhile()",
        "ContinueWhile()",
        "ExecIf($[\"${A}\" = \"\"]?Set(A=1):Goto(lbl))",
        "ExecIf(1?ExecIf(1?NoOp(x)))",
        "GosubIf(1?sub,s,1:c1,1,1)",
        "GotoIfTime(9:00-17:00,*,*,*?lbl)",
        "Dial(PJSIP/${EXTEN}&PJSIP/2,20,rg)",
        "Playbak(x)",
        "${APP}(x)",
        "App,with,commas",
        "NoOp(${${A}})",
        "NoOp(${CUT(A,-,1)}${IF(1?a:b)})",
        "NoOp($[1 +])",
        "NoOp(${A",
        "NoOp(\u{201c}x\u{201d})",
        "NoOp( spaced )",
        "NoOp(${EVAL(${A})})",
        "Macro(x)",
        "",
        "(x)",
        "NoOp(${SHIFT(A,x)}${MATH(${A}*${A})})",
        "NoOp(ünï)",
    ]);
    let line = prop_oneof![
        8 => (exten, priority.clone(), app.clone()).prop_map(|(e, p, a)| format!("exten => {e},{p},{a}")),
        4 => (priority, app).prop_map(|(p, a)| format!("same => {p},{a}")),
        2 => prop::sample::select(vec!["[c1]", "[c2]", "[sub]", "[c1](+)", "[t](!)", "[c2](t)", "[general]", "[globals]", "[x"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec![
            "include => c1", "include => c2", "include => sub,9:00-12:00,mon-fri,*,*", "include => nope", "ignorepat => 9",
            "switch => IAX2/x", "G=777", "H=${G}x", "autofallthrough=no", "; comment", ";-- block", "--;", "exten -> 1,1,NoOp()",
            "#exec /bin/x", "#include y", "rubbish", "a = b", "\u{a0}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(line, 0..30).prop_map(|lines| format!("[c1]\n{}\n", lines.join("\n")))
}

/// The matching rules once more, as directly as they can be said.
fn naive(pattern: &str, dialled: &str) -> Fit {
    let data: Vec<char> = dialled.chars().filter(|c| *c != '-').collect();
    let Some(rest) = pattern.strip_prefix('_') else {
        let text: Vec<char> = pattern.chars().filter(|c| *c != '-').collect();
        return if text == data {
            Fit::Exact
        } else if text.starts_with(&data) {
            Fit::Needs
        } else {
            Fit::No
        };
    };
    let mut data = data.into_iter();
    let mut pattern: Vec<char> = rest.chars().collect();
    while let Some(head) = pattern.first().copied() {
        if head == '-' {
            pattern.remove(0);
            continue;
        }
        if head == '[' {
            let Some(end) = pattern.iter().position(|c| *c == ']') else { return Fit::No };
            let set: Vec<char> = pattern[1..end].to_vec();
            pattern.drain(..=end);
            if set.is_empty() {
                continue;
            }
            let Some(c) = data.next() else { return if never(&pattern) { Fit::No } else { Fit::Needs } };
            let mut hit = false;
            let mut i = 0;
            while i < set.len() {
                if i + 2 < set.len() && set[i + 1] == '-' {
                    hit |= (set[i]..=set[i + 2]).contains(&c);
                    i += 3;
                } else {
                    hit |= set[i] == c;
                    i += 1;
                }
            }
            if !hit {
                return Fit::No;
            }
            continue;
        }
        pattern.remove(0);
        if head == '!' {
            return Fit::Early;
        }
        let Some(c) = data.next() else { return if head != '.' && never(&pattern) { Fit::No } else { Fit::Needs } };
        let hit = match head {
            '.' => return Fit::Open,
            'X' | 'x' => c.is_ascii_digit(),
            'Z' | 'z' => ('1'..='9').contains(&c),
            'N' | 'n' => ('2'..='9').contains(&c),
            other => other == c,
        };
        if !hit {
            return Fit::No;
        }
    }
    if data.next().is_some() { Fit::No } else { Fit::Exact }
}

/// Whether a set of the rest is not closed before the pattern's `.` or `!`: then it never matches.
fn never(rest: &[char]) -> bool {
    let mut rest = rest.iter();
    while let Some(c) = rest.next() {
        match c {
            '.' | '!' => return false,
            '[' if !rest.by_ref().any(|c| *c == ']') => return true,
            _ => {}
        }
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_load_and_every_finding_has_a_place(bytes in prop::collection::vec(prop::num::u8::ANY, 0..600), (dialect, compat) in dialects()) {
        let (text, _) = load::decode(&bytes);
        let lines = text.lines().count().max(1);
        let loaded = loaded(&text, dialect, compat);
        for finding in &loaded.findings {
            let span = finding.span.expect("a place");
            prop_assert!((1..=lines).contains(&(span.line as usize)), "{finding:?}");
            prop_assert!(finding.render(&loaded.sources).starts_with("extensions.conf:"));
        }
    }

    #[test]
    fn printed_plans_load_back(text in plan(), (dialect, compat) in dialects()) {
        let first = loaded(&text, dialect, compat);
        let printed = first.program.to_string();
        let second = loaded(&printed, dialect, compat);
        prop_assert_eq!(&second.program.to_string(), &printed);
        prop_assert_eq!(second.program.hash(), first.program.hash());
        prop_assert_eq!(&second.program, &first.program);
        for finding in &second.findings {
            prop_assert!(finding.code != "syntax" && finding.code != "duplicate-line", "{:?} in\n{}", finding, printed);
        }
    }

    #[test]
    fn plans_of_any_characters_load_back(text in "(\\[[a-z]\\]\n|exten => [_a-zX0-9!.\\[\\]/,-]{1,8},[0-9n]{1,2},[A-Za-z]{1,4}\\([ -~]{0,20}\\)?\n|[ -~]{0,30}\n){0,12}") {
        let first = loaded(&text, Dialect::Safe, Compat::default());
        let printed = first.program.to_string();
        let second = loaded(&printed, Dialect::Safe, Compat::default());
        prop_assert_eq!(second.program.to_string(), printed);
    }

    #[test]
    fn calls_end_whatever_is_pressed(text in plan(), (dialect, compat) in dialects(), keys in "[0-9*#A-D.]{0,12}", dialled in "(s|1|12|100|[0-9_X.!-]{0,6})") {
        let loaded = loaded(&text, dialect, compat);
        let _ = run(&loaded, Place::new("c1", &dialled, 1), &keys, &mut Caller::default());
    }

    #[test]
    fn matching_agrees_with_the_naive_matcher(pattern in "_?[XZNxn0-3a.!\\[\\]-]{0,6}", dialled in "[0-3a-]{0,5}") {
        prop_assert_eq!(Pattern::parse(&pattern).fit_raw(&dialled), naive(&pattern, &dialled), "{} {}", pattern, dialled);
    }

    #[test]
    fn the_search_finds_the_best_of_all_that_match(
        names in prop::collection::btree_set("(_[XZN0-3.!]{1,4}|_[0-3]\\[[0-3]{1,3}\\]|[0-3]{1,4})", 1..12),
        dialled in "[0-3]{1,5}",
    ) {
        let text: String = names.iter().map(|n| format!("exten => {n},1,NoOp()\n")).collect();
        let loaded = loaded(&format!("[c]\n{text}"), Dialect::V22, Compat::default());
        let found = loaded.program.best("c", &dialled, "", None).map(|(_, e)| e.name.to_string());
        let mut matching: Vec<&String> = names.iter().filter(|n| naive(n, &dialled).matches()).collect();
        matching.sort_by(|a, b| Pattern::parse(a).order(&Pattern::parse(b)));
        let best = matching.first().map(|b| Pattern::parse(b));
        prop_assert_eq!(found.map(|f| Pattern::parse(&f)), best);
        // Digits are waited for as long as a literal or a pattern before the first early one could be longer.
        let more = loaded.program.match_more("c", &dialled, "", None);
        let mut order: Vec<&String> = names.iter().collect();
        order.sort_by(|a, b| Pattern::parse(a).order(&Pattern::parse(b)));
        let first = order.iter().find_map(|n| match naive(n, &dialled) {
            Fit::Early => Some(false),
            Fit::Needs | Fit::Open => Some(true),
            Fit::Exact | Fit::No => None,
        });
        prop_assert_eq!(more, first.unwrap_or(false));
    }

    #[test]
    fn the_order_of_patterns_is_an_order(a in "_[XZN0-3.!\\[\\]-]{0,4}", b in "_[XZN0-3.!\\[\\]-]{0,4}", c in "_[XZN0-3.!\\[\\]-]{0,4}") {
        let (a, b, c) = (Pattern::parse(&a), Pattern::parse(&b), Pattern::parse(&c));
        prop_assert_eq!(a.order(&b), b.order(&a).reverse());
        if a.order(&b).is_le() && b.order(&c).is_le() {
            prop_assert!(a.order(&c).is_le());
        }
    }

    #[test]
    fn templates_print_back(text in "[a-c${}\\[\\]():,\\\\\" 1+]{0,30}") {
        let (template, problems) = Template::parse(&text);
        if problems.is_empty() {
            // Only what stands after the last bracket of a function is lost; where that held a brace of a pair, the name keeps the other.
            let printed = template.to_string();
            let braces = |text: &str| text.matches('{').count() - text.matches('}').count().min(text.matches('{').count());
            if braces(&printed) <= braces(&text) {
                let again = Template::parse(&printed).0;
                prop_assert_eq!(again.to_string(), printed);
            }
        }
        for how in [Split::Clean, Split::Raw, Split::Plain] {
            let parts = template.split(b',', how, 3);
            prop_assert!(parts.len() <= 3);
        }
    }

    #[test]
    fn data_adds_no_argument_in_the_safe_dialect(data in "[ -~ü]{0,60}") {
        let text = "[c]\nexten => s,1,Read(V,${A},1,s,${A},5)\nsame => n,Gosub(sub,1(${A},z))\nexten => sub,1,ExecIf($[\"${A}\" = \"\"]?NoOp(empty):NoOp(${A}))\n";
        let loaded = loaded(text, Dialect::Safe, Compat::default());
        let mut machine = Machine::start(Arc::new(loaded.program), Place::new("c", "s", 1), "");
        machine.set("A", data.clone());
        let mut caller = Caller::default();
        let Step::Run(read) = machine.step(&mut caller) else { panic!("no Read") };
        prop_assert_eq!(&read.args, &["V", &data, "1", "s", &data, "5"].map(str::to_owned));
        machine.advance();
        let Step::Run(gosub) = machine.step(&mut caller) else { panic!("no Gosub") };
        machine.control(&gosub, &mut caller);
        prop_assert_eq!(machine.get("ARGC"), Some("2"));
        prop_assert_eq!(machine.get("ARG1"), Some(data.as_str()));
        prop_assert_eq!(machine.get("ARG2"), Some("z"));
        let Step::Run(exec) = machine.step(&mut caller) else { panic!("no ExecIf") };
        let dialplan::ControlResult::Run(inner) = machine.control(&exec, &mut caller) else { panic!("nothing") };
        prop_assert_eq!(inner.arg(0), if data.is_empty() { "empty" } else { data.as_str() });
    }
}
