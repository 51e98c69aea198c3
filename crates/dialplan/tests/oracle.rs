//! What real Asterisks did, row by row (`oracle.tsv`: kind, dialect, input, expected, how it was verified), against our
//! dialects with all compat flags. Rows in words are put as plans here; the others are run as they are. Rows of the versions
//! before 1.6 are judged in `old_rows`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod old_rows;

use common::{Caller, dialect, loaded, run, value};
use dialplan::text::{Split, Template};
use dialplan::time::Times;
use dialplan::{Place, truth};
use std::collections::BTreeMap;

/// Asterisk as it is.
const ASTERISK: &str = "22 late-arguments textual-expressions";

#[test]
fn every_row_of_every_version() {
    let text = include_str!("oracle.tsv");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut unknown = Vec::new();
    let mut rows = 0;
    for line in text.lines().skip(1) {
        let mut fields = line.split('\t');
        let (kind, version, input, expected) =
            (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        rows += 1;
        let judged = match version {
            "modern-22" | "modern-22 (1.6+)" => judge(kind, input, expected),
            _ => old_rows::judge(kind, version, input, expected),
        };
        match judged {
            None => unknown.push(line),
            Some((actual, wanted)) if actual != wanted => {
                wrong.push(format!("{kind}: {input}\n  row says {expected}\n  wanted   {wanted}\n  actual   {actual}"));
            }
            Some(_) => *counts.entry(kind).or_default() += 1,
        }
    }
    let right: usize = counts.values().sum();
    println!("{right} rows are right: {counts:?}");
    assert!(unknown.is_empty(), "{} rows are not put:\n{}", unknown.len(), unknown.join("\n"));
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((right, rows), (311, 311));
}

/// What we make of a row and what it should be; `None` if nobody put this row.
fn judge(kind: &str, input: &str, expected: &str) -> Option<(String, String)> {
    let short = || expected.split(" (").next().unwrap().split(" + warning").next().unwrap().to_owned();
    let plain = |text: &str| {
        if text.starts_with("empty") || text == "\"\"" { text.replace("empty", "") } else { text.to_owned() }
    };
    match kind {
        "expr" => Some((value(input, ASTERISK, &[]), plain(&short()))),
        "expr-inject" => {
            let variables: &[(&str, &str)] = if input.contains(" EX=") {
                &[("EX", "1 | 1")]
            } else if input.contains("QQ=") {
                &[("QQ", "\" | \"1")]
            } else {
                &[("EX2", "LEN(abc)")]
            };
            let text = input.split("] ").next().unwrap();
            let text = if text.ends_with(']') { text.to_owned() } else { format!("{text}]") };
            Some((value(&text, ASTERISK, variables), plain(&short())))
        }
        "cond" => {
            let text = match input.strip_prefix("GotoIf ").unwrap() {
                "empty" => "",
                "one space" => " ",
                "\"0\" with quotes" => "\"0\"",
                other => other,
            };
            Some((truth(text).to_string(), expected.to_owned()))
        }
        "args" if expected.contains(" / ") => {
            let parts = Template::literal(input).split(b',', Split::Clean, 9);
            Some((parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" / "), expected.to_owned()))
        }
        "time" => {
            let mut now = Caller::default().now;
            let text = input.split(' ').next().unwrap();
            let text = if text.contains(':') { text.to_owned() } else { format!("*,{text}") };
            now.weekday = 4;
            let yes = Times::parse(&text).contains(&now);
            Some((yes.to_string(), if expected.starts_with("true") { "true" } else { "false" }.to_owned()))
        }
        "subst" if input.ends_with("(A=123456789)") => {
            let text = input.trim_end_matches("(A=123456789)").trim_end();
            Some((value(text, ASTERISK, &[("A", "123456789")]), expected.to_owned()))
        }
        "subst" if input.starts_with("parent ") => Some((inheritance(), expected.to_owned())),
        _ => {
            let case = CASES.iter().find(|c| c.0 == input)?;
            Some((put(case.1, case.2), case.3.to_owned()))
        }
    }
}

/// A question about a plan: `value TEXT`, `show CONTEXT` (its extensions in the order of matching), or `DIALLED [KEYS]`
/// from context `c`. Several are joined by ` ; `.
fn put(plan: &str, question: &str) -> String {
    let (dialect, compat) = dialect(ASTERISK);
    let plan = if plan.starts_with('[') { plan.to_owned() } else { format!("[c]\n{plan}") };
    let loaded = loaded(&plan, dialect, compat);
    question
        .split(" ; ")
        .map(|question| {
            let (dialled, keys) = question.split_once(' ').unwrap_or((question, ""));
            if question == "print" {
                return loaded.program.to_string().lines().skip(1).collect::<Vec<_>>().join(" | ");
            }
            let mut caller = Caller::default();
            let (dialled, number) = dialled.split_once('@').unwrap_or((dialled, ""));
            number.clone_into(&mut caller.number);
            run(&loaded, Place::new("c", dialled, 1), keys, &mut caller)
        })
        .collect::<Vec<_>>()
        .join(" ; ")
}

const EARLY: &str = "exten => _1X,1,NoOp(_1X)\nexten => _1X!,1,NoOp(_1X!)\nexten => _1X.,1,NoOp(_1X.)\n";
const LETTERS: &str = "exten => _n,1,NoOp(_n)\nexten => _x,1,NoOp(_x)\nexten => _a,1,NoOp(_a)\nexten => _A,1,NoOp(_A)\nexten => _XX,1,NoOp(_XX)\nexten => AbC,1,NoOp(AbC)\n";
const END: &str = "(no more priorities)";

macro_rules! end {
    ($text:literal) => {
        concat!($text, " / (no more priorities)")
    };
}

/// Rows in words: input, plan, question, outcome.
#[rustfmt::skip]
const CASES: &[(&str, &str, &str, &str)] = &[
    ("ctx{_1X,_1X!,_1X.} dial 12", EARLY, "12", end!("_1X!")),
    ("ctx{_1X,_1X!,_1X.} dial 123", EARLY, "123", end!("_1X.")),
    ("ctx{_1X,_1X!,_1X.} dial 1", EARLY, "1", "(no extension 1 in c)"),
    ("ctx{_n,_x,_a,_A,_XX,AbC} dial 5", LETTERS, "5", end!("_n")),
    ("same ctx dial A", LETTERS, "A", end!("_A")),
    ("same ctx dial abc", LETTERS, "abc", "(no extension abc in c)"),
    ("same ctx dial AbC", LETTERS, "AbC", end!("AbC")),
    ("exten 555-1212 dial 5551212", "exten => 555-1212,1,NoOp(${EXTEN})", "5551212", end!("5551212")),
    ("exten 555-1212 dial 555-1212-", "exten => 555-1212,1,NoOp(${EXTEN})", "555-1212-", end!("555-1212-")),
    ("_[0-9-]9 dial 39", "exten => _[0-9-]9,1,NoOp(x)", "39", end!("x")),
    ("_[0-9-]9 dial -9", "exten => _[0-9-]9,1,NoOp(x)", "-9", "(no extension -9 in c)"),
    ("_[abc,d]5 dial \",5\"", "exten => _[abc,d]5,1,NoOp(x)", ",5", end!("x")),
    ("_[]4 dial 4", "exten => _[]4,1,NoOp(x)", "4", end!("x")),
    ("_x. dial \"_X.\"", "exten => _x.,1,NoOp(x)", "_X.", end!("x")),
    ("_x. dial \"x.5\"", "exten => _x.,1,NoOp(x)", "x.5", "(no extension x.5 in c)"),
    ("_[_]X dial \"_5\"", "exten => _[_]X,1,NoOp(x)", "_5", end!("x")),
    ("only _. and WaitExten(1), no digit", "exten => s,1,WaitExten(1)\nexten => _.,1,NoOp(${EXTEN})", "s .", "t / (no more priorities) / h"),
    ("Goto(casectx,1,1) where context is [CaseCtx]", "[CaseCtx]\nexten => 1,1,NoOp(x)\n[c]\nexten => s,1,Goto(casectx,1,1)", "s", "(no extension 1 in casectx)"),
    ("_1X _1X! _1X.", "exten => _1X,1,NoOp(end)\nexten => _1X!,1,NoOp(early)\nexten => _1X.,1,NoOp(any)", "12 ; 123", "early / (no more priorities) ; any / (no more priorities)"),
    ("5, 5/100, 5/_2XX, 5/", "exten => 5,1,NoOp(5)\nexten => 5/100,1,NoOp(100)\nexten => 5/_2XX,1,NoOp(2XX)\nexten => 5/,1,NoOp(none)", "5 ; 5@100 ; 5@200 ; 5@9", "none / (no more priorities) ; 100 / (no more priorities) ; 2XX / (no more priorities) ; 5 / (no more priorities)"),
    ("_51,1 after _[5]1,1", "exten => _[5]1,1,NoOp(first)\nexten => _51,1,NoOp(second)", "51 ; print", "first / (no more priorities) ; exten => _[5]1,1,NoOp(first)"),
    ("5/100 5/_2XX 5/ 5 with CALLERID(num)=100 / 255 / 999 / 1-0-0", "exten => 5,1,NoOp(5)\nexten => 5/100,1,NoOp(100)\nexten => 5/_2XX,1,NoOp(2XX)\nexten => 5/,1,NoOp(none)", "5@100 ; 5@255 ; 5@999 ; 5@1-0-0", "100 / (no more priorities) ; 2XX / (no more priorities) ; 5 / (no more priorities) ; 100 / (no more priorities)"),
    ("_X. prio 1,2,3 and literal 100 prio 1; dial 100", "exten => _X.,1,NoOp(a)\nexten => _X.,2,NoOp(b)\nexten => _X.,3,NoOp(c)\nexten => 100,1,NoOp(own)", "100", end!("own / b / c")),
    ("include A{abc,1}, include B{abc,1-2}; dial abc", "include => a\ninclude => b\n[a]\nexten => abc,1,NoOp(A1)\n[b]\nexten => abc,1,NoOp(B1)\nexten => abc,2,NoOp(B2)", "abc", end!("A1 / B2")),
    ("s,1 and s,3 only", "exten => s,1,NoOp(1)\nexten => s,3,NoOp(3)", "s", end!("1")),
    ("Goto(s,99), s,1 exists, i exists", "exten => s,1,Goto(s,99)\nexten => i,1,NoOp(i)", "s", END),
    ("Goto(nope,1), i exists", "exten => s,1,Goto(nope,1)\nexten => i,1,NoOp(${INVALID_EXTEN})", "s", end!("nope")),
    ("Goto(noctx,s,1) from ctx with i and h", "exten => s,1,Goto(noctx,s,1)\nexten => i,1,NoOp(i)\nexten => h,1,NoOp(h)", "s", "(no extension s in noctx)"),
    ("{_2!,_2XXX} digits 2, timeout", concat!("exten => s,1,WaitExten()\n", "exten => _2!,1,NoOp(_2!)\nexten => _2XXX,1,NoOp(_2XXX)"), "s 2.", end!("_2!")),
    ("{_2!,_2XXX} digits 2345", "exten => s,1,WaitExten()\nexten => _2!,1,NoOp(_2!)\nexten => _2XXX,1,NoOp(_2XXX)", "s 2345", end!("_2XXX")),
    ("{_[34]!,_3XXX} digit 3, timeout", "exten => s,1,WaitExten()\nexten => _[34]!,1,NoOp(e)\nexten => _3XXX,1,NoOp(x)", "s 3.", end!("e")),
    ("{1,12} digit 1", "exten => s,1,WaitExten()\nexten => 1,1,NoOp(1)\nexten => 12,1,NoOp(12)", "s 1.", end!("1")),
    ("{1,12} digits 12", "exten => s,1,WaitExten()\nexten => 1,1,NoOp(1)\nexten => 12,1,NoOp(12)", "s 12", end!("12")),
    ("{4} digit 4", "exten => s,1,WaitExten()\nexten => 4,1,NoOp(4)", "s 4", end!("4")),
    ("{_3.} digits 39", "exten => s,1,WaitExten()\nexten => _3.,1,NoOp(${EXTEN})", "s 39.", end!("39")),
    ("literal 2XX, digits 222", concat!("exten => s,1,WaitExten()\nexten => i,1,NoOp(i ${INVALID_EXTEN})\n", "exten => 2XX,1,NoOp(x)"), "s 222", end!("i 22")),
    ("literal 2XX, digit 2 then timeout", "exten => s,1,WaitExten()\nexten => i,1,NoOp(i ${INVALID_EXTEN})\nexten => 2XX,1,NoOp(x)", "s 2.", end!("i 2")),
    ("invalid digit, no i, e exists", "exten => s,1,WaitExten()\nexten => e,1,NoOp(${EXCEPTION(reason)})", "s 7", end!("INVALID")),
    ("WaitExten timeout, no next priority, no t, e exists", "exten => s,1,WaitExten()\nexten => e,1,NoOp(${EXCEPTION(reason)})", "s .", end!("RESPONSETIMEOUT")),
    ("WaitExten timeout, no next priority, no t/e", "exten => s,1,WaitExten()", "s .", "(nothing was dialled)"),
    ("Background(f,,,other) digit 1, other has 1", "exten => s,1,Background(f,,,other)\n[other]\nexten => 1,1,NoOp(other)", "s 1", end!("other")),
    ("Background(f,,,other) digits 24, 24 only in other", "exten => s,1,Background(f,,,other)\nexten => i,1,NoOp(i ${INVALID_EXTEN})\nexten => _2XXX,1,NoOp(x)\n[other]\nexten => 24,1,NoOp(other)", "s 24.", end!("i 24")),
    ("Background(f,m) digit 2, only 23 exists", "exten => s,1,Background(f,m)\nexten => s,2,NoOp(on)\nexten => 23,1,NoOp(x)", "s 2", end!("on")),
    ("Background digit 2 where 2 and 23 exist", "exten => s,1,Background(f)\nexten => 2,1,NoOp(2)\nexten => 23,1,NoOp(x)", "s 2.", end!("2")),
    ("${a}", "exten => s,1,Set(A=1)\nexten => s,2,NoOp(${a})", "s", end!("")),
    ("${${N}} N=A", "exten => s,1,Set(A=123456789)\nexten => s,2,Set(N=A)\nexten => s,3,NoOp(${${N}})", "s", end!("123456789")),
    ("${INJ2}{A} INJ2=$", "exten => s,1,Set(INJ2=$)\nexten => s,2,NoOp(${INJ2}{A})", "s", end!("${A}")),
    ("${${FN}} FN=LEN(abcde)", "exten => s,1,Set(FN=LEN(abcde))\nexten => s,2,NoOp(${${FN}})", "s", end!("5")),
    ("$[1+2 (no bracket)", "exten => s,1,NoOp($[1+2)", "s", end!("3")),
    ("${NOFUNC(x)}", "exten => s,1,NoOp(${NOFUNC(x)})", "s", end!("")),
    ("${len(abc)}", "exten => s,1,NoOp(${len(abc)})", "s", end!("")),
    ("${LEN(a)b)}", "exten => s,1,NoOp(${LEN(a)b)})", "s", end!("3")),
    ("${IF( ?a:b)}${IF(-0?a:b)}${IF(00?a:b)}${IF(x?a:b)}", "exten => s,1,NoOp(${IF( ?a:b)}${IF(-0?a:b)}${IF(00?a:b)}${IF(x?a:b)})", "s", end!("bbba")),
    ("Set(Q=\"quoted\") ${Q}", "exten => s,1,Set(Q=\"quoted\")\nexten => s,2,NoOp(${Q})", "s", end!("\"quoted\"")),
    ("Set(X1=1|Y1=2) ${X1}", "exten => s,1,Set(X1=1|Y1=2)\nexten => s,2,NoOp(${X1})", "s", end!("1|Y1=2")),
    ("MSet(X3=1,Y3=\"2,3\",Z3=a\\,b)", "exten => s,1,MSet(X3=1,Y3=\"2,3\",Z3=a\\,b)\nexten => s,2,NoOp(${X3} / ${Y3} / ${Z3})", "s", end!("1 / 2,3 / a,b")),
    ("Set( SP = v): ${SP} and ${ SP }", "exten => s,1,Set( SP = v)\nexten => s,2,NoOp([${SP}][${ SP }])", "s", end!("[][ v]")),
    ("Set(GLOBAL(GG)=1) Set(GG=2) ${GG} ${GLOBAL(GG)}", "exten => s,1,Set(GLOBAL(GG)=1)\nexten => s,2,Set(GG=2)\nexten => s,3,NoOp(${GG} ${GLOBAL(GG)})", "s", end!("2 1")),
    ("[globals] G1=g1val G2=${G1}x: ${G2}", "[globals]\nG1=g1val\nG2=${G1}x\n[c]\nexten => s,1,NoOp(${G2})", "s", end!("g1valx")),
    ("${CALLERIDNUM} unset / after Set(CALLERIDNUM=5)", "exten => s,1,NoOp([${CALLERIDNUM}])\nexten => s,2,Set(CALLERIDNUM=5)\nexten => s,3,NoOp(${CALLERIDNUM})", "s", end!("[] / 5")),
    ("GotoIf(1?+2) at prio 15", "exten => s,1,Goto(15)\nexten => s,15,GotoIf(1?+2)\nexten => s,17,NoOp(17)", "s", end!("17")),
    ("GotoIf(1?) empty branch", "exten => s,1,GotoIf(1?)\nexten => s,2,NoOp(next)", "s", end!("next")),
    ("label missing", "exten => s,1,Goto(lbl)\nexten => s,2,NoOp(never)", "s", "(there is no place lbl)"),
    ("Goto(lbl) where label is Lbl", "exten => s,1,Goto(lbl)\nexten => s,2(Lbl),NoOp(never)", "s", "(there is no place lbl)"),
    ("Goto(BYEXTENSION,2)", "exten => s,1,Goto(BYEXTENSION,2)\nexten => s,2,NoOp(never)", "s", "(no extension BYEXTENSION in c)"),
    ("exten => r6,1,DigitTimeout,3", "exten => r6,1,DigitTimeout,3", "print", "exten => r6,1,DigitTimeout,3()"),
    ("exten => r7,1,Foo,bar(baz)", "exten => r7,1,Foo,bar(baz)", "print", "exten => r7,1,Foo,bar(baz)"),
    ("exten => r,1,NoOp(no close", "exten => r,1,NoOp(no close", "r", end!("no close")),
    ("exten => r2,1,NoOp(a)b)c", "exten => r2,1,NoOp(a)b)c", "r2", end!("a)b")),
    ("exten => r4,1,NoOp(a\\;b)", "exten => r4,1,NoOp(a\\;b)", "r4", end!("a;b")),
    ("exten => 5,1,NoOp(\"semi;colon\")", "exten => 5,1,NoOp(\"semi;colon\")", "5", end!("\"semi")),
    ("exten => 3,1,NoOp(a ;-- inline --; b)", "exten => 3,1,NoOp(a ;-- inline --; b)", "3", end!("a  b")),
    ("line ends with ;--- text", "exten => 3,1,NoOp(a) ;--- text\nexten => 3,2,NoOp(b)", "3", end!("a / b")),
    ("exten => q , 1 , NoOp( spaced )", "exten => q , 1 , NoOp( spaced )", "q", end!(" spaced ")),
    ("Exten => v,1,… and exten = w,1,…", "Exten => v,1,NoOp(v)\nexten = w,1,NoOp(w)", "v ; w", "v / (no more priorities) ; w / (no more priorities)"),
    ("samefoo => n,…", "exten => v,1,NoOp(v)\nsamefoo => n,NoOp(w)", "v", end!("v / w")),
    ("exten => ${EXTVAR},1 with [globals] EXTVAR=777", "[globals]\nEXTVAR=777\n[c]\nexten => ${EXTVAR},1,NoOp(x)", "777", end!("x")),
    ("exten => _7X/${EXTVAR},1", "[globals]\nEXTVAR=777\n[c]\nexten => _7X/${EXTVAR},1,NoOp(x)", "75@777 ; 75@778", "x / (no more priorities) ; (no extension 75 in c)"),
    ("exten => s,0,… / s,-3,…", "exten => s,0,NoOp(a)\nexten => s,-3,NoOp(b)", "print", ""),
    ("exten => s,5x,…", "exten => s,5x,NoOp(a)", "print", "exten => s,5,NoOp(a)"),
    ("s,1(start); s,n; s,n+5(far); s,s (dup, refused); s,s+2; s,n", "exten => s,1(start),NoOp()\nexten => s,n,NoOp()\nexten => s,n+5(far),NoOp()\nexten => s,s,NoOp(dup)\nexten => s,s+2,NoOp()\nexten => s,n,NoOp()", "print", "exten => s,1(start),NoOp() | same => n,NoOp() | same => 8(far),NoOp() | same => 10,NoOp() | same => n,NoOp()"),
    ("[ctx] opened twice, 1,1 in both", "exten => 1,1,NoOp(first)\n[d]\n[c]\nexten => 1,1,NoOp(second)\nexten => 2,1,NoOp(other)", "1 ; 2", "first / (no more priorities) ; other / (no more priorities)"),
    ("[a](tmpl) with 1,1 in tmpl and in [a]", "[tmpl](!)\nexten => 1,1,NoOp(template)\n[c](tmpl)\nexten => 1,1,NoOp(child)", "1", end!("template")),
    ("[tmpl](!)", "[tmpl](!)\nexten => 1,1,NoOp(x)\n[c]\nexten => s,1,Goto(tmpl,1,1)", "s", "(no extension 1 in tmpl)"),
    ("Gosub(x,s,1(${COM},z)) COM=x,y", "exten => s,1,Set(COM=x,y)\nexten => s,2,Gosub(x,s,1(${COM},z))\n[x]\nexten => s,1,NoOp(${ARGC})\nexten => s,2,Return()", "s", end!("3")),
    ("Gosub(x,s,1(${BAR},z)) BAR=x|y", "exten => s,1,Set(BAR=x|y)\nexten => s,2,Gosub(x,s,1(${BAR},z))\n[x]\nexten => s,1,NoOp(${ARGC})\nexten => s,2,Return()", "s", end!("2")),
    ("ExecIf(1?Set(V=a:b):NoOp(c))", "exten => s,1,ExecIf(1?Set(V=a:b):NoOp(c))\nexten => s,2,NoOp(${V})", "s", end!("a:b")),
    ("Gosub(sb,1(x,y)); Set(LOCAL(LV)=in); Return(v1)", "exten => s,1,Gosub(sb,1(x,y))\nexten => s,2,NoOp(${GOSUB_RETVAL}[${ARG1}${LV}])\nexten => sb,1,Set(LOCAL(LV)=in)\nexten => sb,2,NoOp(${ARG1} ${ARG2} ${ARGC} ${LV})\nexten => sb,3,Return(v1)", "s", end!("x y 2 in / v1[]")),
    ("Return() with no Gosub", "exten => s,1,Return()\nexten => s,2,NoOp(never)", "s", "(Return without Gosub)"),
    ("Gosub to a missing extension", "exten => s,1,Gosub(nope,1)\nexten => s,2,NoOp(never)", "s", "(there is no place c,nope,1)"),
];

/// What a child and a grandchild of a channel with these variables see.
fn inheritance() -> String {
    let (dialect, compat) = dialect(ASTERISK);
    let program = std::sync::Arc::new(loaded("[c]\nexten => s,1,NoOp()\n", dialect, compat).program);
    let start = || dialplan::Machine::start(program.clone(), Place::new("c", "s", 1), "");
    let (mut parent, mut child, mut grandchild) = (start(), start(), start());
    for name in ["__DEEP", "_ONE", "NONE"] {
        parent.set(name, "1");
    }
    parent.inherited().into_iter().for_each(|(name, value)| assert!(child.set(&name, value)));
    child.inherited().into_iter().for_each(|(name, value)| assert!(grandchild.set(&name, value)));
    let sees = |m: &dialplan::Machine| {
        ["DEEP", "ONE", "NONE"].into_iter().filter(|n| m.get(n).is_some()).collect::<Vec<_>>().join(",")
    };
    format!("child sees {}; grandchild sees {}", sees(&child), sees(&grandchild))
}
