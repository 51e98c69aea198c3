//! `Read(variable[,file[&file…][,maxdigits[,options[,attempts[,timeout]]]]])`: collects keys into a variable.
//!
//! `#` ends the entry (or `maxdigits` do). Options: `s` skip if not answered, `n` read without answering, `t(keys)`
//! other terminators, `i` the file is the name of a tone. `READSTATUS` is `OK`, `TIMEOUT`, `ERROR`, `HANGUP` or
//! `SKIPPED`.

use std::time::Duration;

use super::{Outcome, arg, seconds};
use crate::call::play::Heard;
use crate::call::{Call, Next};

/// More keys than any number has.
const MOST: usize = 255;

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let variable = arg(args, 0);
    if variable.is_empty() {
        tracing::warn!(call = %call.tree.id, "Read needs the name of a variable");
        call.machine.set("READSTATUS", "ERROR");
        return Ok(Next::Line);
    }
    let options = arg(args, 3);
    if options.contains('s') && !call.is_answered() {
        call.machine.set("READSTATUS", "SKIPPED");
        return Ok(Next::Line);
    }
    if !options.contains('n') {
        call.answer();
    }
    let most = arg(args, 2).parse().ok().filter(|most| (1..=MOST).contains(most)).unwrap_or(MOST);
    let attempts = arg(args, 4).parse().ok().filter(|tries| (1..=20).contains(tries)).unwrap_or(1_u32);
    let patience = seconds(arg(args, 5)).filter(|time| !time.is_zero());
    let terminators = terminators(options);
    let names: Vec<&str> = arg(args, 1).split('&').filter(|name| !name.is_empty()).collect();
    for _ in 0..attempts {
        let digits = collect(call, &names, most, patience, &terminators).await?;
        if let Some(digits) = digits {
            call.machine.set(variable, &digits);
            call.machine.set("READSTATUS", "OK");
            return Ok(Next::Line);
        }
    }
    call.machine.set(variable, "");
    call.machine.set("READSTATUS", "TIMEOUT");
    Ok(Next::Line)
}

/// One attempt; nothing when no key came, and an empty text when only the terminator came.
async fn collect(
    call: &mut Call,
    names: &[&str],
    most: usize,
    patience: Option<Duration>,
    terminators: &str,
) -> Result<Option<String>, crate::call::Stop> {
    let mut digits = String::new();
    let mut key = match call.say(names, "0123456789*#ABCD").await? {
        Heard::Key(key) => Some(key),
        Heard::Whole => call.key(patience.unwrap_or(call.channel.timeouts.response)).await?,
    };
    if key.is_none() {
        return Ok(None);
    }
    while let Some(pressed) = key {
        if terminators.contains(pressed) {
            break;
        }
        digits.push(pressed);
        if digits.len() >= most {
            break;
        }
        key = call.key(patience.unwrap_or(call.channel.timeouts.digit)).await?;
    }
    Ok(Some(digits))
}

/// The keys of option `t(…)`; `t` alone takes all terminators away, nothing at all means `#`.
fn terminators(options: &str) -> String {
    let Some(at) = options.find('t') else { return "#".to_owned() };
    let rest = options.get(at + 1..).unwrap_or_default();
    rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(String::new(), |(keys, _)| keys.to_owned())
}
