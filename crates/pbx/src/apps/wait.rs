//! `Wait(seconds)`: keeps the line as it is for a while; keys pressed meanwhile are lost.

use super::{Outcome, arg, seconds};
use crate::call::{Call, Next};

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    match seconds(arg(args, 0)) {
        Some(time) => call.wait(time).await?,
        None => tracing::warn!(call = %call.tree.id, "Wait needs a number of seconds"),
    }
    Ok(Next::Line)
}
