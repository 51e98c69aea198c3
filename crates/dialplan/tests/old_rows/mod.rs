//! Rows of the oracle that speak of Asterisk 1.0, 1.2 and 1.4.

use crate::common::{Caller, dialect, loaded, run, value};
use dialplan::text::Template;
use dialplan::time::Times;
use dialplan::{CivilTime, Dialect, Place, Program};

/// What we make of a row and what it should be; `None` if nobody put this row.
pub(crate) fn judge(kind: &str, version: &str, input: &str, expected: &str) -> Option<(String, String)> {
    let name = match version {
        "legacy" | "legacy-1.2" => "1.2",
        "legacy-1.0" => "1.0",
        "modern-1.4" => "1.4",
        _ => return None,
    };
    let whole = Dialect::from_name(name)?;
    let short = expected.split(" (").next()?.to_owned();
    // As the version is, and parsed first, which is what we do unless compat flags say otherwise.
    let words = format!("{name} late-arguments textual-expressions");
    match kind {
        "match" => Some(matching(name, input, expected)),
        "order" => {
            let program =
                plan(name, &input_list(input).map(|e| format!("exten => {e},1,NoOp(x)\n")).collect::<String>());
            let list: Vec<String> = program.context("c")?.in_order().map(|e| e.name.to_string()).collect();
            let wanted = if input == "same list" { ORDER } else { expected };
            Some((list.join(" "), wanted.split(" (").next()?.to_owned()))
        }
        "time" => {
            let (text, at) = input.split_once(" at ")?;
            let (hour, minute) = at.split_once(':')?;
            let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
            let now = CivilTime { hour, minute, ..Caller::default().now };
            Some((Times::parse_in(text, whole).contains(&now).to_string(), short))
        }
        "subst" if input.ends_with("(A=123456789)") => {
            let text = input.trim_end_matches("(A=123456789)").trim_end();
            let variables = [("A", "123456789"), ("INJ", "${A}")];
            let text = text.trim_end_matches(" INJ=${A}");
            let (late, first) = (value(text, &words, &variables), value(text, name, &variables));
            assert_eq!(late, first, "{input}");
            Some((late, short))
        }
        "subst" => Some((value(input, &words, &[]), short)),
        "expr" => {
            let (late, first) = (value(input, &words, &[]), value(input, name, &[]));
            assert_eq!(late, first, "{input}");
            Some((late, short))
        }
        "cond" => {
            let text = match input.strip_prefix("GotoIf ")? {
                "empty" => "",
                "\"0\" with quotes" => "\"0\"",
                "\"-0\"" => "-0",
                other => other,
            };
            Some((whole.truth(text).to_string(), short))
        }
        "args" => {
            let data = input.trim_end_matches(" (comma already turned into |)");
            let data = if data == input { data.to_owned() } else { data.replace(',', "|") };
            let parts = Template::literal(data).split(whole.separator(), whole.split(), 9);
            let mut parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            // A last empty argument is none.
            if parts.last().is_some_and(String::is_empty) {
                parts.pop();
            }
            let wanted = match (input.split(' ').next()?, expected) {
                (",x,", _) => " / x",
                ("{a,b},c", _) => "{a / b} / c",
                ("'a,b',c", _) => "'a / b' / c",
                ("|x|", _) => " / x",
                _ => expected,
            };
            Some((parts.join(" / "), wanted.to_owned()))
        }
        "load" => load(name, input, expected),
        _ => case(name, input),
    }
}

const ORDER: &str = "100 2XX A a h i s t _! _. _1XX _NXX _X. _XX _XXX _[1-5]X _x";

fn input_list(input: &str) -> impl Iterator<Item = &str> {
    let list = if input == "same list" { "_. _X. _XXX _NXX _1XX _[1-5]X h i s t 100 _! _x 2XX a A _XX" } else { input };
    list.split_whitespace()
}

fn plan(words: &str, text: &str) -> Program {
    let (dialect, compat) = dialect(words);
    loaded(&format!("[c]\n{text}"), dialect, compat).program
}

fn matching(words: &str, input: &str, expected: &str) -> (String, String) {
    let (pattern, dialled) = input.split_once(" vs ").unwrap();
    let program = plan(words, &format!("exten => {pattern},1,NoOp(x)\n"));
    let ask = |what: &str| match what {
        "match" => program.exists("c", dialled, "", None),
        "more" => program.match_more("c", dialled, "", None),
        _ => program.can_match("c", dialled, "", None),
    };
    let told = |words: &[&str]| words.iter().map(|w| format!("{w} {}", ask(w))).collect::<Vec<_>>().join(", ");
    let wanted: &[(&str, bool)] = match expected.split(" (n").next().unwrap().split(" (x").next().unwrap() {
        "match (early)" | "match (early), no more digits awaited" => &[("match", true), ("more", false)],
        "no match, can match more" => &[("match", false), ("more", true)],
        "match, MATCHMORE still yes" => &[("match", true), ("more", true)],
        text if text.starts_with("no match; but CANMATCH yes") => &[("match", false), ("can", true)],
        text if text.starts_with("no match") => &[("match", false)],
        text if text.starts_with("match") => &[("match", true)],
        text => panic!("{text}"),
    };
    let names: Vec<&str> = wanted.iter().map(|(w, _)| *w).collect();
    (told(&names), wanted.iter().map(|(w, yes)| format!("{w} {yes}")).collect::<Vec<_>>().join(", "))
}

/// Application and data of a line as it is loaded.
fn load(name: &str, input: &str, expected: &str) -> Option<(String, String)> {
    let program = plan(name, &format!("{input}\n"));
    let line = program.context("c")?.extens.first()?.lines.get(&1)?.clone();
    let actual = format!("{} / {}", line.app, line.data);
    let wanted = match (input.strip_prefix("exten => s,1,")?, expected) {
        ("DigitTimeout,3", _) => "DigitTimeout / 3",
        ("Goto|a|b|1", _) => "Goto|a|b|1 / ",
        ("Goto(a,b,1)", _) => "Goto / a|b|1",
        ("NoOp(\"a,b\",c)", _) => "NoOp / \"a|b\"|c",
        ("NoOp(a\\\\b)", _) => "NoOp / a\\b",
        ("NoOp(a)b)c", _) => "NoOp / a)b",
        ("GotoIf($[\"${CALLERIDNUM}\" = \"\"]?who-r-u,s,1)", _) => "GotoIf / $[\"${CALLERIDNUM}\" = \"\"]?who-r-u|s|1",
        ("NoOp(${CUT(A,-,1)},b)", _) => "NoOp / ${CUT(A|-|1)}|b",
        (_, "app name Playback,foo data bar") => "Playback,foo / bar",
        ("Playback,foo(bar)", _) => "Playback / foo(bar)",
        (text, _) => {
            let app = text.split([',', '(']).next()?;
            let data = expected.split_once("data ")?.1.split(" (").next()?;
            return Some((actual, format!("{app} / {data}")));
        }
    };
    Some((actual, wanted.to_owned()))
}

/// Rows in words.
fn case(name: &str, input: &str) -> Option<(String, String)> {
    let (text, exten, keys, wanted) = match input {
        "Goto(s,16), s,1 exists, autofallthrough off" => {
            ("exten => s,1,Goto(s,16)\nexten => t,1,NoOp(t)\nexten => t,2,Hangup\n", "s", ".", "t / (hung up)")
        }
        "include => c,*,*,*,*" => {
            let program = plan(name, "include => c,*,*,*,*\n");
            let include = program.context("c")?.includes.first()?.context.to_string();
            return Some((include, "c,*,*,*,*".to_owned()));
        }
        "WaitExten with no argument" => (
            "exten => s,1,WaitExten\nexten => s,2,NoOp(at once)\nexten => s,3,Hangup\n",
            "s",
            "5",
            "at once / (hung up)",
        ),
        "Goto(BYEXTENSION|2)" => (
            "exten => 7,1,Goto(BYEXTENSION|2)\nexten => 7,2,NoOp(two)\nexten => 7,3,Hangup\n",
            "7",
            "",
            "two / (hung up)",
        ),
        "SetVar(__X=1) then Dial" => {
            let program = plan(name, "exten => s,1,SetVar(__X=1)\nexten => s,2,Hangup\n");
            let mut machine = dialplan::Machine::start(program.into(), Place::new("c", "s", 1), "");
            let mut caller = Caller::default();
            while let dialplan::Step::Run(step) = machine.step(&mut caller) {
                if step.control.is_none() {
                    break;
                }
                machine.control(&step, &mut caller);
            }
            assert_eq!(machine.get("X"), Some("1"));
            return Some((format!("{:?}", machine.inherited()), "[]".to_owned()));
        }
        _ => return None,
    };
    let (dialect, compat) = dialect(name);
    let loaded = loaded(&format!("[c]\n{text}"), dialect, compat);
    Some((run(&loaded, Place::new("c", exten, 1), keys, &mut Caller::default()), wanted.to_owned()))
}
