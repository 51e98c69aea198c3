//! `WaitExten([seconds][,options])`: waits for an extension to be dialled; without `seconds` as long as
//! `TIMEOUT(response)` says. Option `m` plays hold music meanwhile. Silence goes on with the next line, or with `t`.

use super::{Outcome, arg, seconds};
use crate::call::{Call, Next};

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let limit = seconds(arg(args, 0)).filter(|time| !time.is_zero());
    if arg(args, 1).starts_with('m') {
        call.music();
        call.waiting_music = true;
    }
    Ok(Next::WaitExten(limit))
}
