//! `Playback(file[&file…][,options])`: plays prompts to their end; keys pressed meanwhile are lost.
//!
//! `noanswer` plays before the answer as early media; `skip` plays nothing to a line that is not answered.
//! `PLAYBACKSTATUS` is `SUCCESS` or `FAILED`; old plans go on at n+101 where a sound is missing.

use super::{Outcome, arg, old_jump};
use crate::call::{Call, Next};

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let options = args.get(1..).unwrap_or_default();
    let has = |name: &str| options.iter().flat_map(|text| text.split('|')).any(|option| option.trim() == name);
    if has("skip") && !call.is_answered() {
        return Ok(Next::Line);
    }
    if !has("noanswer") {
        call.answer();
    }
    let names: Vec<&str> = arg(args, 0).split('&').filter(|name| !name.is_empty()).collect();
    let all = names.iter().all(|name| call.sound(name).is_some());
    call.say(&names, "").await?;
    call.machine.set("PLAYBACKSTATUS", if all { "SUCCESS" } else { "FAILED" });
    if all { Ok(Next::Line) } else { old_jump(call, "Playback", if has("j") { "j" } else { "" }) }
}
