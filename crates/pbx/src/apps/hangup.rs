//! `Hangup([cause])`: ends the call; `cause` as a Q.850 number.

use super::{Outcome, arg};
use crate::call::Next;
use crate::switch::Cause;

pub(super) async fn run(args: &[String]) -> Outcome {
    let cause = arg(args, 0).parse().ok().filter(|cause| (1..=127).contains(cause)).map_or(Cause::NORMAL, Cause);
    Ok(Next::HangUp(cause))
}
