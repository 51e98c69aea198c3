//! `PrivacyManager([attempts[,digits[,options[,context]]]])`: a caller without caller ID is asked for his number.
//!
//! What he keys in becomes his caller ID, which nobody vouches for. In `context` only a number counts that it has.
//! `PRIVACYMGRSTATUS` is `SUCCESS` or `FAILED`; it stays empty for a caller who has caller ID. Old
//! plans go on at n+101 where it is `FAILED`.

use std::time::Duration;

use super::{Outcome, arg, old_jump};
use crate::call::play::Heard;
use crate::call::{Call, Next, Stop};
use crate::limits;

const KEYS: &str = "0123456789*#";
/// How long a caller may think about the next digit.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    call.machine.set("PRIVACYMGRSTATUS", "");
    if call.channel.is_known() {
        return Ok(Next::Line);
    }
    let attempts = arg(args, 0).parse().ok().filter(|tries| (1..=20).contains(tries)).unwrap_or(3_u32);
    let least = arg(args, 1).parse().ok().filter(|least| (1..=limits::DIALLED).contains(least)).unwrap_or(10);
    let context = Some(arg(args, 3)).filter(|context| !context.is_empty()).map(str::to_owned);
    call.answer();
    call.wait(Duration::from_secs(1)).await?;
    call.say(&["privacy-unident"], "").await?;
    for _ in 0..attempts {
        let number = ask(call).await?;
        let fits = number.len() >= least
            && context.as_deref().is_none_or(|context| call.machine.exists(Some(context), &number, &mut call.channel));
        if fits {
            call.say(&["privacy-thankyou"], "").await?;
            call.channel.caller_number.clone_from(&number);
            call.channel.caller_private = false;
            call.machine.set_caller(&number);
            call.machine.set("PRIVACYMGRSTATUS", "SUCCESS");
            return Ok(Next::Line);
        }
        call.say(&["privacy-incorrect"], "").await?;
    }
    call.machine.set("PRIVACYMGRSTATUS", "FAILED");
    old_jump(call, "PrivacyManager", arg(args, 2))
}

/// Digits until `#`, or until none comes any more.
async fn ask(call: &mut Call) -> Result<String, Stop> {
    let mut number = String::new();
    let mut key = match call.say(&["privacy-prompt"], KEYS).await? {
        Heard::Key(key) => Some(key),
        Heard::Whole => call.key(PATIENCE).await?,
    };
    while let Some(pressed) = key.filter(|key| *key != '#') {
        if pressed.is_ascii_digit() && number.len() < limits::DIALLED {
            number.push(pressed);
        }
        key = call.key(PATIENCE).await?;
    }
    Ok(number)
}
