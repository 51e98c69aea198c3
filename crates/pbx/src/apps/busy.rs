//! `Busy([seconds])`, `Congestion([seconds])`: tells the caller so, by signalling before the answer, by tone after
//! it, and ends the call after `seconds` or when he hangs up.

use media::tone::Kind;

use super::{Outcome, arg, seconds};
use crate::call::{Call, Event, Next};
use crate::switch::Cause;

pub(super) async fn run(call: &mut Call, args: &[String], cause: Cause) -> Outcome {
    if !call.is_answered() {
        return Ok(Next::HangUp(cause));
    }
    let kind = if cause == Cause::BUSY { Kind::Busy } else { Kind::Congestion };
    let tone = call.country_tone(kind);
    call.tone(tone);
    let until = seconds(arg(args, 0)).map(|time| tokio::time::Instant::now() + time);
    while call.next(until).await? != Event::Timeout {}
    call.quiet();
    Ok(Next::HangUp(cause))
}
