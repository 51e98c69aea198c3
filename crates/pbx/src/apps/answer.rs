//! `Answer([delay[,nocdr]])`: takes the call; `delay` in milliseconds.

use std::time::Duration;

use super::{Outcome, arg};
use crate::call::{Call, Next};

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    call.answer();
    if let Ok(delay @ 1..=60_000) = arg(args, 0).parse::<u64>() {
        call.wait(Duration::from_millis(delay)).await?;
    }
    Ok(Next::Line)
}
