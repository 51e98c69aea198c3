//! `Background(file[&file…][,options[,language[,context]]])`: plays prompts while the caller may dial.
//!
//! A key ends the prompt and begins the collection of an extension, in `context` if one is named. Options: `s` skip
//! if the line is not answered, `n` do not answer, `m` only keys that can be an extension end the prompt, `p` none does.
//! `BACKGROUNDSTATUS` is `SUCCESS` or `FAILED`.

use super::{Outcome, arg};
use crate::call::play::Heard;
use crate::call::{Call, Next};

/// Every key of a telephone.
const KEYS: &str = "0123456789*#ABCD";

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let options = arg(args, 1);
    if options.contains('s') && !call.is_answered() {
        return Ok(Next::Line);
    }
    if !options.contains('n') {
        call.answer();
    }
    let language = arg(args, 2);
    let before = call.channel.language.clone();
    if !language.is_empty() {
        language.clone_into(&mut call.channel.language);
    }
    let context = Some(arg(args, 3)).filter(|context| !context.is_empty()).map(str::to_owned);
    let keys: String = if options.contains('p') {
        String::new()
    } else if options.contains('m') {
        KEYS.chars().filter(|key| call.can_begin(*key, context.as_deref())).collect()
    } else {
        KEYS.to_owned()
    };
    let names: Vec<&str> = arg(args, 0).split('&').filter(|name| !name.is_empty()).collect();
    let all = names.iter().all(|name| call.sound(name).is_some());
    call.machine.set("BACKGROUNDSTATUS", if all { "SUCCESS" } else { "FAILED" });
    let heard = call.say(&names, &keys).await;
    call.channel.language = before;
    Ok(match heard? {
        Heard::Whole => Next::Line,
        Heard::Key(key) => Next::Key(key, context),
    })
}
