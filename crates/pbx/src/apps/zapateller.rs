//! `Zapateller([answer][,nocallerid])`: the special information tone before "this number is not in service".
//!
//! `answer` answers first, `nocallerid` plays it only to callers without caller ID ([`crate::channel::Channel::is_known`]).
//! `ZAPATELLERSTATUS` is `NOTHING`, `ANSWERED` (it was answered, the caller is known) or `ZAPPED`.

use std::time::Duration;

use media::sound::Sound;
use media::tone::Tone;

use super::{Outcome, arg};
use crate::call::{Call, Next};

/// Three tones of 330 ms (ITU-T E.180 §7).
const LENGTH: Duration = Duration::from_millis(990);
/// A line that was just answered swallows the first sounds.
const SETTLE: Duration = Duration::from_millis(500);
/// Silence behind the tone, in which diallers hang up.
const AFTER: Duration = Duration::from_secs(1);

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let words: Vec<String> = arg(args, 0).split([',', '|']).map(|word| word.trim().to_ascii_lowercase()).collect();
    let has = |word: &str| words.iter().any(|known| known == word);
    let mut status = "NOTHING";
    if !call.is_answered() {
        if has("answer") {
            call.answer();
            status = "ANSWERED";
        }
        call.wait(SETTLE).await?;
    }
    if !(has("nocallerid") && call.channel.is_known()) {
        match Sound::from_tone(&Tone::sit(), LENGTH) {
            Ok(tone) => {
                call.say_sounds(vec![tone.into()], "").await?;
                call.wait(AFTER).await?;
                status = "ZAPPED";
            }
            Err(error) => tracing::error!(call = %call.tree.id, %error, "no information tone"),
        }
    }
    call.machine.set("ZAPATELLERSTATUS", status);
    Ok(Next::Line)
}
