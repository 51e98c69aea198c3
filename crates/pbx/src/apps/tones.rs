//! `PlayTones(name or list)`, `StopPlayTones()`, `Milliwatt()`, `SendDTMF(keys[,between[,each[,channel]]])`.

use std::time::Duration;

use media::tone::{Country, Tone};

use super::{Outcome, arg, music};
use crate::call::{Call, Next};
use crate::limits;

/// Most keys sent at once: a menu of a bank needs twenty.
const KEYS: usize = 200;

pub(super) async fn play(call: &mut Call, args: &[String]) -> Outcome {
    let text = arg(args, 0);
    let country = Country::of(call.snapshot.config.system.country.code());
    match country.named(&text.to_ascii_lowercase()).map_or_else(|| Tone::parse(text), Ok) {
        Ok(tone) => call.tone(tone),
        Err(error) => tracing::warn!(call = %call.tree.id, %error, "PlayTones: no such tone"),
    }
    Ok(Next::Line)
}

pub(super) async fn stop(call: &mut Call) -> Outcome {
    call.quiet();
    Ok(Next::Line)
}

pub(super) async fn milliwatt(call: &mut Call) -> Outcome {
    call.answer();
    call.tone(Tone::milliwatt());
    let ended = music::until_the_caller_goes(call).await;
    call.quiet();
    ended?;
    Ok(Next::Line)
}

pub(super) async fn send_keys(call: &mut Call, args: &[String]) -> Outcome {
    let channel = arg(args, 3);
    if !channel.is_empty() && channel != call.channel.name {
        tracing::warn!(call = %call.tree.id, "SendDTMF to another channel: refused");
        return Ok(Next::Line);
    }
    let number = |index, usual, most| {
        let given = arg(args, index).parse::<u64>().ok().filter(|ms| *ms > 0);
        Duration::from_millis(given.unwrap_or(usual).min(most))
    };
    let between = number(1, 250, 10_000);
    let each = if arg(args, 2).is_empty() { limits::KEY } else { number(2, 100, 10_000) };
    for key in arg(args, 0).chars().take(KEYS) {
        match key.to_ascii_uppercase() {
            'W' if key == 'w' => call.wait(Duration::from_millis(500)).await?,
            'W' => call.wait(Duration::from_secs(1)).await?,
            key @ ('0'..='9' | '*' | '#' | 'A'..='D') => {
                call.open_ear();
                call.press_for(call.line, key.encode_utf8(&mut [0; 4]), each);
                call.wait(each + between).await?;
            }
            _ => tracing::warn!(call = %call.tree.id, "SendDTMF: not a key"),
        }
    }
    Ok(Next::Line)
}
