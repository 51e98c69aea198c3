//! `tollgate plan`: the plan as a dialplan that loads back to the same program.

use super::places::Subject;
use super::{Common, Place, print};
use crate::fault::Outcome;
use serde_json::json;

/// Prints it.
pub(super) fn run(common: &Common, place: &Place) -> Outcome<u8> {
    let subject = Subject::read(common, place)?;
    if let Subject::Plan(bare) = &subject
        && let Some(fault) = &bare.broken
    {
        return Err(fault.clone());
    }
    let program = subject.program();
    if common.json {
        print::json(&json!({ "hash": hex::encode(program.hash()), "plan": program.to_string() }));
    } else {
        print::text(&program.to_string());
    }
    Ok(0)
}
