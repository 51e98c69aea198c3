//! `WaitExten([seconds][,options])`: waits for an extension to be dialled; without `seconds` as long as
//! `TIMEOUT(response)` says. Option `m` plays hold music meanwhile. Silence goes on with the next line, or with `t`.

use super::{Outcome, arg, seconds};
use crate::call::{Call, Next};

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let patience = seconds(arg(args, 0)).unwrap_or(call.channel.timeouts.response);
    let music = arg(args, 1).starts_with('m');
    if music {
        call.music();
    }
    let key = call.key(patience).await;
    if music {
        call.quiet();
    }
    Ok(match key? {
        Some(key) => Next::Key(key, None),
        None => Next::Silence,
    })
}
