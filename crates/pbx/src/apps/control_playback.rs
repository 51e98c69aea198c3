//! `ControlPlayback(sound[,ms[,forward[,back[,stop[,pause[,restart[,o(offset)]]]]]]])`: a sound that the caller can wind.

use std::sync::Arc;
use std::time::Duration;

use media::sound::Sound;
use tokio::time::Instant;

use super::{Outcome, arg, letters, old_jump};
use crate::call::play::Heard;
use crate::call::{Call, Event, Next};

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let set = |call: &mut Call, status: &str, offset: Duration, key: Option<char>| {
        call.machine.set("CPLAYBACKSTATUS", status);
        call.machine.set("CPLAYBACKOFFSET", offset.as_millis().to_string());
        call.machine.set("CPLAYBACKSTOPKEY", key.map(String::from).unwrap_or_default());
        Ok(Next::Line)
    };
    let Some(sound) = call.sound(arg(args, 0)) else {
        set(call, "ERROR", Duration::ZERO, None)?;
        return old_jump(call, "ControlPlayback", arg(args, 7));
    };
    let step = arg(args, 1).parse().ok().filter(|ms| (1..=600_000).contains(ms)).unwrap_or(3000);
    let step = Duration::from_millis(step);
    let keys = |index, usual: &str| match arg(args, index) {
        "" => usual.to_owned(),
        given => given.to_ascii_uppercase(),
    };
    let (forward, back, stop) = (keys(2, "#"), keys(3, "*"), keys(4, ""));
    let (pause, restart) = (keys(5, ""), keys(6, ""));
    let offset = letters(arg(args, 7)).into_iter().find(|(letter, _)| *letter == 'o').map(|(_, value)| value);
    let mut at = Duration::from_millis(offset.and_then(|ms| ms.parse().ok()).unwrap_or(0));
    call.answer();
    let all = [&forward, &back, &stop, &pause, &restart].map(String::as_str).concat();
    loop {
        let Some(rest) = from(&sound, at) else { return set(call, "SUCCESS", sound.duration(), None) };
        let began = Instant::now();
        let key = match call.say_sounds(vec![rest], &all).await? {
            Heard::Whole => return set(call, "SUCCESS", sound.duration(), None),
            Heard::Key(key) => key,
        };
        at += began.elapsed();
        if stop.contains(key) {
            return set(call, "USERSTOPPED", at, Some(key));
        } else if restart.contains(key) {
            at = Duration::ZERO;
        } else if pause.contains(key) {
            while !matches!(call.next(None).await?, Event::Key(key) if pause.contains(key)) {}
        } else if forward.contains(key) {
            at += step;
        } else {
            at = at.saturating_sub(step);
        }
    }
}

/// The sound from a moment on; nothing if that is behind its end.
fn from(sound: &Arc<Sound>, at: Duration) -> Option<Arc<Sound>> {
    if at.is_zero() {
        return Some(Arc::clone(sound));
    }
    let pcm = sound.pcm(sound.rate());
    let skip = usize::try_from(at.as_millis() * u128::from(sound.rate().hz()) / 1000).ok()?;
    let rest = pcm.get(skip..).filter(|rest| !rest.is_empty())?;
    Sound::from_pcm(sound.rate(), rest).ok().map(Arc::new)
}
