//! `tollgate reach`: what each kind of caller can get at.

use super::places::Subject;
use super::{Common, Format, Reach, print};
use crate::fault::{Fault, Outcome};
use serde_json::{Value, json};

/// Prints it.
pub(super) fn run(common: &Common, reach: &Reach) -> Outcome<u8> {
    let subject = Subject::read(common, &reach.place)?;
    let report = subject.report();
    let known: Vec<&str> = report.entries.iter().map(|entry| entry.entry.as_str()).collect();
    if let Some(from) = &reach.from
        && !known.contains(&from.as_str())
    {
        return Err(Fault::unusable(format!("there is no entry {from}"))
            .repair(format!("there are: {}", known.join(", "))));
    }
    let chosen = || {
        report.entries.iter().filter(|entry| reach.from.as_ref().is_none_or(|from| *from == entry.entry))
    };
    if common.json || reach.format != Format::Text {
        let entries: Vec<Value> = chosen()
            .map(|entry| {
                let sinks: Vec<Value> = entry
                    .sinks
                    .iter()
                    .map(|(sink, way)| {
                        let way: Vec<String> = way.iter().map(ToString::to_string).collect();
                        json!({ "sink": sink.to_string(), "paid": sink.is_paid(), "way": way })
                    })
                    .collect();
                json!({ "entry": entry.entry, "sinks": sinks, "inside": entry.inside, "unknowns": entry.unknowns })
            })
            .collect();
        print::json(&json!({ "entries": entries, "verdict": report.verdict }));
        return Ok(0);
    }
    for entry in chosen() {
        println!("{}", entry.entry);
        for inside in &entry.inside {
            println!("    inside    {inside}");
        }
        for (sink, way) in &entry.sinks {
            let paid = if sink.is_paid() { "COSTS     " } else { "reaches   " };
            let way: Vec<String> = way.iter().map(ToString::to_string).collect();
            println!("    {paid}{sink}");
            if !way.is_empty() {
                println!("              by {}", way.join(" > "));
            }
        }
        for unknown in &entry.unknowns {
            println!("    unknown   {unknown}");
        }
    }
    println!("{}", report.verdict);
    Ok(0)
}
