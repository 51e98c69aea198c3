//! `NoOp(text)`, `Verbose([level,]text)`, `Log(level,text)`: a line in the log of this call, nothing else.

use super::Outcome;
use crate::call::{Call, Next};

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    tracing::debug!(call = %call.tree.id, text = args.join(","), "the plan says");
    Ok(Next::Line)
}
