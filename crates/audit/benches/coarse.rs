//! How long the search takes on a plan of 30,000 lines with 60 entries.
#![allow(missing_docs)]

use std::fmt::Write;
use std::hint::black_box;

use audit::{Entry, Facts, prove};
use criterion::{Criterion, criterion_group, criterion_main};
use dialplan::load::NoFiles;
use dialplan::policy::OriginKind;
use dialplan::{Dialect, Place};

/// Tenants with phones, menus, subroutines and a way out each.
fn plan() -> String {
    let mut text = String::new();
    for tenant in 0..300 {
        let _ = write!(
            text,
            "[menu-{tenant}]\nexten => s,1,Answer()\n same => n(again),Background(welcome)\n same => n,WaitExten(5)\n\
             exten => _2XX,1,Goto(phones-{tenant},${{EXTEN}},1)\nexten => t,1,Goto(s,again)\nexten => i,1,Goto(s,again)\n\
             [inside-{tenant}]\ninclude => phones-{tenant}\ninclude => out-{tenant}\n\
             [out-{tenant}]\nexten => _9NXXNXXXXXX,1,Set(NUMBER=${{EXTEN:1}})\n same => n,Gosub(sub-{tenant},s,1(${{NUMBER}}))\n\
             [sub-{tenant}]\nexten => s,1,Dial(PJSIP/${{ARG1}}@itsp)\n same => n,Return()\n[phones-{tenant}]\n"
        );
        for phone in 200..221 {
            let _ = write!(
                text,
                "exten => {phone},1,Set(WHO={phone})\n same => n,GotoIf($[\"${{DB(busy/{phone})}}\" = \"1\"]?busy)\n\
                 same => n,Dial(PJSIP/{phone},20)\n same => n(busy),Playback(sorry)\n"
            );
        }
    }
    text
}

fn bench(criterion: &mut Criterion) {
    let program = dialplan::load(&[("plan".to_owned(), plan())], Dialect::Safe, &NoFiles).program;
    let entry = |origin: OriginKind, context: String| Entry {
        name: origin.entry(),
        origin,
        place: Place::new(&context, "s", 1),
        any_exten: true,
    };
    let mut entries = vec![entry(OriginKind::Stranger, "menu-7".to_owned())];
    entries.extend((0..60).map(|n| entry(OriginKind::Extension(format!("{n}")), format!("inside-{n}"))));
    let facts = Facts { trunks: ["itsp".to_owned()].into(), ..Facts::ours() };
    criterion.bench_function("prove, 30,000 lines, 61 entries", |b| {
        b.iter(|| black_box(prove(&program, &entries, &facts)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
