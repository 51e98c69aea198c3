//! `Record(file:format[,silence[,maximum[,options]]])`: records the caller, for this call alone.
//!
//! A recording lives in the memory of its call tree under its name, can be played there by `Playback` and `Background`,
//! and is gone with the call: no file that the next stranger finds or overwrites. `#` ends it, or the silence, or the
//! maximum. Options: `n` does not answer, `s` skips if not answered, `q` no beep, `t` `*` ends it instead of `#`, `x` no
//! key ends it, `y` any key does, `o` and `0` end it with `OPERATOR` at the key 0, `a` adds to what is there, `k` keeps it
//! for `h` when the caller hangs up. `RECORDED_FILE` is the name; `RECORD_STATUS` is `DTMF`, `SILENCE`, `TIMEOUT`,
//! `OPERATOR`, `SKIP`, `HANGUP` or `ERROR`.

use media::plane::RecordSpec;

use super::{Outcome, arg, seconds};
use crate::call::recordings::Ended;
use crate::call::{Call, Next};
use crate::limits;

/// Endings that a plan may write; sound is kept as samples, whatever it says.
const FORMATS: [&str; 10] = ["wav", "wav49", "gsm", "ulaw", "alaw", "g722", "sln", "sln16", "slin", "pcm"];
const ALL_KEYS: &str = "0123456789*#ABCD";

pub(crate) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let options = arg(args, 3);
    let has = |letter: char| options.contains(letter);
    let Some(name) = file(arg(args, 0)) else {
        tracing::warn!(call = %call.tree.id, "Record needs a name and a known format: name:gsm or name.wav");
        return done(call, "ERROR");
    };
    if has('s') && !call.is_answered() {
        return done(call, "SKIP");
    }
    if !has('n') {
        call.answer();
    }
    let name = numbered(call, name);
    let left = call.tree.recording_room();
    if left.is_zero() {
        tracing::warn!(call = %call.tree.id, "this call has recorded as much as a call may");
        return done(call, "ERROR");
    }
    let terminators = match (has('x'), has('y'), has('t')) {
        (true, ..) => "",
        (_, true, _) => ALL_KEYS,
        (_, _, true) => "*",
        _ => "#",
    };
    let spec = RecordSpec {
        max: seconds(arg(args, 2))
            .filter(|time| !time.is_zero())
            .unwrap_or(limits::RECORDING)
            .min(limits::RECORDING)
            .min(left),
        silence: seconds(arg(args, 1)).filter(|time| !time.is_zero()),
        terminators: terminators.to_owned(),
    };
    if !has('q') {
        call.say(&["beep"], "").await?;
    }
    let operator = has('o') || has('0');
    let keys = if operator { format!("{terminators}0") } else { terminators.to_owned() };
    let (taken, ended) = call.take(spec, &keys).await;
    call.machine.set("RECORDED_FILE", &name);
    let kept = !matches!(ended, Ended::Gone(_)) || has('k');
    if kept && let Some(sound) = taken.sound() {
        call.tree.keep_recording(&name, sound, has('a'));
    }
    match ended {
        Ended::Key('0') if operator => done(call, "OPERATOR"),
        Ended::Key(_) => done(call, "DTMF"),
        Ended::Silence => done(call, "SILENCE"),
        Ended::Longest => done(call, "TIMEOUT"),
        Ended::Gone(stop) => {
            call.machine.set("RECORD_STATUS", "HANGUP");
            Err(stop)
        }
    }
}

fn done(call: &mut Call, status: &str) -> Outcome {
    call.machine.set("RECORD_STATUS", status);
    Ok(Next::Line)
}

/// The name without its format, if the format is one that plans use.
fn file(text: &str) -> Option<&str> {
    let (name, format) = text.rsplit_once(':').or_else(|| text.rsplit_once('.'))?;
    let known = FORMATS.iter().any(|known| known.eq_ignore_ascii_case(format));
    (known && !name.is_empty() && name.len() <= 200).then_some(name)
}

/// `%d` becomes the first number that this call has not used.
fn numbered(call: &Call, name: &str) -> String {
    if !name.contains("%d") {
        return name.to_owned();
    }
    let free = (0..1000)
        .map(|number| name.replace("%d", &number.to_string()))
        .find(|name| call.tree.recording(name).is_none());
    free.unwrap_or_else(|| name.replace("%d", "0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_format() {
        assert_eq!(file("/tmp/asterisk-stranger:gsm"), Some("/tmp/asterisk-stranger"));
        assert_eq!(file("hello.WAV"), Some("hello"));
        assert_eq!(file("hello"), None);
        assert_eq!(file("hello:exe"), None);
        assert_eq!(file(":gsm"), None);
        assert_eq!(file(""), None);
    }
}
