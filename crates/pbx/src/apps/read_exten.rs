//! `ReadExten(variable[,sounds[,context[,options[,seconds]]]])`: reads an extension that the plan has.
//!
//! Ends as soon as nothing longer could match. Options: `s` skip if not answered, `n` read without answering, `i` the sound
//! is the name of a tone. `READEXTENSTATUS` is `OK`, `TIMEOUT`, `INVALID` (the variable then has what was dialled before
//! the key that fits nothing, in INVALID_EXTEN), `SKIP` or `ERROR`.

use media::tone::Country;

use super::{Outcome, arg, seconds};
use crate::call::play::Heard;
use crate::call::{Call, Next};
use crate::limits;

const KEYS: &str = "0123456789*#ABCD";

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let (variable, options) = (arg(args, 0), arg(args, 3));
    let done = |call: &mut Call, status: &str| {
        call.machine.set("READEXTENSTATUS", status);
        Ok(Next::Line)
    };
    if variable.is_empty() {
        tracing::warn!(call = %call.tree.id, "ReadExten needs the name of a variable");
        return done(call, "ERROR");
    }
    if options.contains('s') && !call.is_answered() {
        return done(call, "SKIP");
    }
    if !options.contains('n') {
        call.answer();
    }
    let context = match arg(args, 2) {
        "" => call.machine.place().context.to_string(),
        named => named.to_owned(),
    };
    let patience = seconds(arg(args, 4)).filter(|time| !time.is_zero());
    let mut key = if options.contains('i') {
        if let Some(tone) = Country::of(call.snapshot.config.system.country.code()).named(arg(args, 1)) {
            call.tone(tone);
        }
        None
    } else {
        let names: Vec<&str> = arg(args, 1).split('&').filter(|name| !name.is_empty()).collect();
        match call.say(&names, KEYS).await? {
            Heard::Key(key) => Some(key),
            Heard::Whole => None,
        }
    };
    let mut dialled = String::new();
    loop {
        if key.is_none() {
            let wait = if dialled.is_empty() { call.channel.timeouts.response } else { call.channel.timeouts.digit };
            key = call.key(patience.unwrap_or(wait)).await?;
        }
        if dialled.is_empty() {
            call.quiet();
        }
        let Some(pressed) = key.take() else { break };
        if pressed == '#' || dialled.len() >= limits::DIALLED {
            break;
        }
        dialled.push(pressed);
        if !call.machine.can_match(Some(&context), &dialled, &mut call.channel) {
            call.machine.set("INVALID_EXTEN", &dialled);
            call.machine.set(variable, "");
            return done(call, "INVALID");
        }
        if call.machine.exists(Some(&context), &dialled, &mut call.channel)
            && !call.machine.match_more(Some(&context), &dialled, &mut call.channel)
        {
            break;
        }
    }
    if dialled.is_empty() {
        call.machine.set(variable, "");
        return done(call, "TIMEOUT");
    }
    if call.machine.exists(Some(&context), &dialled, &mut call.channel) {
        call.machine.set(variable, &dialled);
        return done(call, "OK");
    }
    call.machine.set("INVALID_EXTEN", &dialled);
    call.machine.set(variable, "");
    done(call, "INVALID")
}
