//! `MusicOnHold([class[,seconds]])`, `StartMusicOnHold([class])`, `StopMusicOnHold()`, `WaitMusicOnHold(seconds)`.

use super::{Outcome, arg, seconds};
use crate::call::{Call, Event, Next};

fn class(call: &mut Call, args: &[String]) {
    let class = arg(args, 0);
    if !class.is_empty() {
        class.clone_into(&mut call.channel.music_class);
    }
}

pub(super) async fn hold(call: &mut Call, args: &[String]) -> Outcome {
    // The class is for this music only; what the channel has stays.
    let before = call.channel.music_class.clone();
    class(call, args);
    call.answer();
    call.music();
    let ended = match seconds(arg(args, 1)).filter(|time| !time.is_zero()) {
        Some(time) => call.wait(time).await,
        None => until_the_caller_goes(call).await,
    };
    call.channel.music_class = before;
    call.quiet();
    ended?;
    Ok(Next::Line)
}

/// Waits for nothing but the end of the call.
pub(super) async fn until_the_caller_goes(call: &mut Call) -> Result<(), crate::call::Stop> {
    loop {
        let _: Event = call.next(None).await?;
    }
}

pub(super) async fn start(call: &mut Call, args: &[String]) -> Outcome {
    class(call, args);
    call.music();
    Ok(Next::Line)
}

pub(super) async fn stop(call: &mut Call) -> Outcome {
    call.quiet();
    Ok(Next::Line)
}

pub(super) async fn wait(call: &mut Call, args: &[String]) -> Outcome {
    let Some(time) = seconds(arg(args, 0)) else {
        tracing::warn!(call = %call.tree.id, "WaitMusicOnHold needs a number of seconds");
        return Ok(Next::Line);
    };
    call.answer();
    call.music();
    let ended = call.wait(time).await;
    call.quiet();
    ended?;
    Ok(Next::Line)
}
