//! Applications that only write to the log: `UserEvent`, `CELGenUserEvent`, `DumpChan`, `NoCDR`, `ResetCDR`, `ForkCDR`.
//!
//! What a plan says of its callers stays at the level of debugging.

use super::{Outcome, arg};
use crate::call::{Call, Next};

pub(super) async fn event(call: &mut Call, args: &[String]) -> Outcome {
    let (name, fields) = (arg(args, 0), arg(args, 1));
    if name.is_empty() {
        tracing::warn!(call = %call.tree.id, "an event needs a name");
    } else {
        tracing::debug!(call = %call.tree.id, name, fields, "an event of the plan");
    }
    Ok(Next::Line)
}

pub(super) async fn dump(call: &mut Call) -> Outcome {
    let variables = call.machine.variables();
    tracing::debug!(call = %call.tree.id, channel = call.channel.name, ?variables, "DumpChan");
    Ok(Next::Line)
}

/// Every leg keeps one record from its start to its end, whatever the plan says: a record that can be switched off hides
/// theft.
pub(super) async fn record_stays(call: &mut Call, name: &str) -> Outcome {
    tracing::debug!(call = %call.tree.id, app = name, "the call's record stays as it is");
    Ok(Next::Line)
}
