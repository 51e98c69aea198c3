//! Mistakes of the prover, switched on one at a time (feature `mutants`): the specifications or the random plans catch 39 of
//! the 60; the rest is printed by name, and the number of them may only fall.
#![cfg(feature = "mutants")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "the_machine_stays_inside_the_report.rs"]
mod machine;
#[path = "specs.rs"]
mod specs;

use audit::{Mutant, with};

/// Random plans for each mutant that the specifications do not catch; `AUDIT_MUTANT_CASES` for more.
fn cases() -> u32 {
    std::env::var("AUDIT_MUTANT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_500)
}

#[test]
fn mistakes_of_the_prover_are_caught() {
    let mut free = Vec::new();
    for mutant in Mutant::ALL {
        let problems = with(*mutant, || specs::problems().0.len());
        let caught = if problems > 0 {
            format!("{problems} specifications")
        } else if with(*mutant, || machine::first_wrong(cases())).is_some() {
            "random plans".to_owned()
        } else {
            free.push(*mutant);
            "NOTHING".to_owned()
        };
        println!("{mutant:?}: {} - caught by {caught}", mutant.what());
    }
    println!("{} of {} caught; not: {free:?}", Mutant::ALL.len() - free.len(), Mutant::ALL.len());
    assert!(free.len() <= MOST_FREE, "{free:?}");
}

/// How many of the 60 mistakes neither the specifications nor 1,500 random plans see: each wants a specification of its own.
const MOST_FREE: usize = 21;
