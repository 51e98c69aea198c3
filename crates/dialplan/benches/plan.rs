//! How long a large plan takes to load, and how long one search and one step take.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use dialplan::{CivilTime, Dialect, Host, Machine, Place, Program, Step, load};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

struct Nobody;

impl Host for Nobody {
    fn variable(&mut self, _: &str) -> Option<String> {
        None
    }
    fn function(&mut self, _: &str, _: &[String]) -> Option<String> {
        None
    }
    fn set_function(&mut self, _: &str, _: &[String], _: &str) -> Result<(), String> {
        Ok(())
    }
    fn now(&mut self) -> CivilTime {
        CivilTime::from_epoch(1_795_105_800, 0)
    }
    fn random(&mut self) -> u64 {
        4
    }
    fn global(&mut self, _: &str) -> Option<String> {
        None
    }
    fn set_global(&mut self, _: &str, _: &str) {}
}

/// 40,000 lines: 200 contexts of 40 extensions with 5 lines each.
fn plan() -> String {
    let mut text = String::new();
    for context in 0..200 {
        let _ = writeln!(text, "[ctx{context}]");
        for exten in 0..39 {
            let _ = writeln!(text, "exten => {},1,NoOp(call for ${{EXTEN}} from ${{CALLERID(num)}})", 1000 + exten);
            let _ = writeln!(text, "same => n,GotoIf($[\"${{CALLERID(num)}}\" = \"\"]?anonymous)");
            let _ = writeln!(text, "same => n,Dial(PJSIP/${{EXTEN}}&PJSIP/{exten},20,rg)");
            let _ = writeln!(text, "same => n(anonymous),Playback(custom/sorry,noanswer)");
            let _ = writeln!(text, "same => n,Hangup()");
        }
        let _ = writeln!(text, "exten => _{}XXX,1,Dial(PJSIP/${{EXTEN:1}}@trunk)", context % 8 + 2);
        let _ = writeln!(text, "include => ctx{}", context + 1);
    }
    text
}

/// The same size in the manner of 1.2.
fn old_plan() -> [(String, String); 1] {
    let mut text = String::new();
    for context in 0..200 {
        let _ = writeln!(text, "[ctx{context}]");
        for exten in 0..39 {
            let number = 1000 + exten;
            let _ = writeln!(text, "exten => {number},1,GotoIf($[\"${{CALLERIDNUM}}\" = \"\"]?who,s,1)");
            let _ = writeln!(text, "exten => {number},2,Dial(SIP/${{EXTEN}}&SIP/{exten}|20|tr)");
            let _ = writeln!(text, "exten => {number},3,Voicemail,u{number}");
            let _ = writeln!(text, "exten => {number},4,Hangup");
            let _ = writeln!(text, "exten => {number},103,Voicemail(b{number})");
        }
        let _ = writeln!(text, "exten => _{}XXX,1,Dial(Zap/g1/${{EXTEN:1}})", context % 8 + 2);
        let _ = writeln!(text, "include => ctx{}", context + 1);
    }
    [("extensions.conf".to_owned(), text)]
}

fn program(text: &str) -> Arc<Program> {
    let files = [("extensions.conf".to_owned(), text.to_owned())];
    Arc::new(load(&files, Dialect::Safe, &load::NoFiles).program)
}

fn benches(c: &mut Criterion) {
    let text = plan();
    println!("{} lines", text.lines().count());
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    group.bench_function("40,000 lines", |b| b.iter(|| program(black_box(&text))));
    let old = old_plan();
    group.bench_function("40,000 lines of 1.2", |b| b.iter(|| load(black_box(&old), Dialect::V1_2, &load::NoFiles)));
    group.finish();
    let of_old = Arc::new(load(&old, Dialect::V1_2, &load::NoFiles).program);
    c.bench_function("find a literal in 1.2", |b| {
        b.iter(|| of_old.find("ctx0", black_box("1020"), 1, "", None).is_some());
    });
    c.bench_function("could it be longer in 1.2", |b| b.iter(|| of_old.match_more("ctx0", black_box("10"), "", None)));
    let program = program(&text);
    c.bench_function("find a literal", |b| b.iter(|| program.find("ctx0", black_box("1020"), 1, "", None).is_some()));
    c.bench_function("find a pattern", |b| b.iter(|| program.find("ctx0", black_box("2555"), 1, "", None).is_some()));
    c.bench_function("find through 8 includes", |b| {
        b.iter(|| program.find("ctx0", black_box("9555"), 1, "", None).is_some());
    });
    c.bench_function("could it be longer", |b| b.iter(|| program.match_more("ctx0", black_box("10"), "", None)));
    c.bench_function("start and one step", |b| {
        b.iter(|| {
            let mut machine = Machine::start(program.clone(), Place::new("ctx0", "1020", 1), "200");
            matches!(machine.step(&mut Nobody), Step::Run(_))
        });
    });
}

criterion_group!(all, benches);
criterion_main!(all);
