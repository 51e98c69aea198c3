//! The applications: each a straight story in a file of its own, each one line in [`find`].
//!
//! What an application declares to the proof stands in `dialplan::apps::TABLE`; a test keeps both tables equal.

mod agi;
mod answer;
mod authenticate;
mod background;
mod busy;
mod control_playback;
mod database;
mod dial;
mod directory;
mod disa;
mod echo;
mod hangup;
mod log;
mod music;
mod noop;
mod park;
mod playback;
mod privacy_manager;
mod read;
mod read_exten;
pub(crate) mod record;
mod ringing;
pub(crate) mod say;
pub(crate) mod say_time;
mod system;
mod tones;
mod voicemail;
mod wait;
mod wait_exten;
mod waiting;
mod zapateller;

pub(crate) use voicemail::value as mailbox_value;

pub(crate) use dial::target::phone as reach_phone;

use std::future::Future;
use std::pin::Pin;

use dialplan::Invocation;
use dialplan::dialect::OldJump;

use crate::call::{Call, Next, Stop};
use crate::switch::Cause;

/// What an application leaves behind: where the plan goes on, or why it cannot.
pub type Outcome = Result<Next, Stop>;

type Story<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Looks an application up by its name in lower case.
#[rustfmt::skip]
fn find<'a>(name: &str, call: &'a mut Call, invocation: &'a Invocation) -> Option<Story<'a>> {
    let args = invocation.args.as_slice();
    Some(match name {
        "agi" | "deadagi" | "eagi" => Box::pin(agi::run(call, args)),
        "answer" => Box::pin(answer::run(call, args)),
        "authenticate" => Box::pin(authenticate::run(call, args)),
        "background" => Box::pin(background::run(call, args)),
        "busy" => Box::pin(busy::run(call, args, Cause::BUSY)),
        "celgenuserevent" | "userevent" => Box::pin(log::event(call, args)),
        "congestion" => Box::pin(busy::run(call, args, Cause::CONGESTION)),
        "controlplayback" => Box::pin(control_playback::run(call, args)),
        "datetime" | "sayunixtime" => Box::pin(say_time::run(call, args)),
        "dbdel" => Box::pin(database::delete(call, args)),
        "dbdeltree" => Box::pin(database::delete_tree(call, args)),
        "dial" => Box::pin(dial::run(call, invocation)),
        "disa" => Box::pin(disa::run(call, args)),
        "directory" => Box::pin(directory::run(call, args)),
        "dumpchan" => Box::pin(log::dump(call)),
        "echo" => Box::pin(echo::run(call)),
        "forkcdr" => Box::pin(log::record_stays(call, "ForkCDR")),
        "hangup" => Box::pin(hangup::run(args)),
        "mailboxexists" => Box::pin(voicemail::exists(call, args)),
        "milliwatt" => Box::pin(tones::milliwatt(call)),
        "musiconhold" => Box::pin(music::hold(call, args)),
        "nocdr" => Box::pin(log::record_stays(call, "NoCDR")),
        "noop" | "verbose" | "log" => Box::pin(noop::run(call, args)),
        "park" => Box::pin(park::park(call, invocation)),
        "parkandannounce" => Box::pin(park::announce(call, invocation)),
        "parkedcall" => Box::pin(park::fetch(call, args)),
        "playback" => Box::pin(playback::run(call, args)),
        "playtones" => Box::pin(tones::play(call, args)),
        "privacymanager" => Box::pin(privacy_manager::run(call, args)),
        "proceeding" => Box::pin(ringing::proceeding(call)),
        "progress" => Box::pin(ringing::progress(call)),
        "read" => Box::pin(read::run(call, args)),
        "raiseexception" => Box::pin(raise(call, args)),
        "readexten" => Box::pin(read_exten::run(call, args)),
        "record" => Box::pin(record::run(call, args)),
        "resetcdr" => Box::pin(log::record_stays(call, "ResetCDR")),
        "ringing" => Box::pin(ringing::run(call)),
        "sayalpha" => Box::pin(say::alpha(call, args)),
        "sayalphacase" => Box::pin(say::alpha_case(call, args)),
        "saydigits" => Box::pin(say::digits(call, args)),
        "saynumber" => Box::pin(say::number(call, args)),
        "sayphonetic" => Box::pin(say::phonetic(call, args)),
        "senddtmf" => Box::pin(tones::send_keys(call, args)),
        "startmusiconhold" => Box::pin(music::start(call, args)),
        "stopmusiconhold" => Box::pin(music::stop(call)),
        "stopplaytones" => Box::pin(tones::stop(call)),
        "system" | "trysystem" => Box::pin(system::run(call, args)),
        "vmauthenticate" => Box::pin(voicemail::authenticate(call, args)),
        "vmsayname" => Box::pin(voicemail::say_name(call, args)),
        "voicemail" => Box::pin(voicemail::leave(call, args)),
        "voicemailmain" => Box::pin(voicemail::main(call, args)),
        "wait" => Box::pin(wait::run(call, args)),
        "waitdigit" => Box::pin(waiting::digit(call, args)),
        "waitexten" => Box::pin(wait_exten::run(call, args)),
        "waitforsilence" => Box::pin(waiting::silence(call, args)),
        "waitmusiconhold" => Box::pin(music::wait(call, args)),
        "waituntil" => Box::pin(waiting::until(call, args)),
        "zapateller" => Box::pin(zapateller::run(call, args)),
        _ => return None,
    })
}

/// Runs the application of one line.
///
/// # Errors
/// [`Stop`] when the caller is gone or the call is to end.
pub async fn run(call: &mut Call, invocation: &Invocation) -> Outcome {
    let name = invocation.app.name.to_ascii_lowercase();
    if let Some(story) = find(&name, call, invocation) {
        return story.await;
    }
    // Parsed, known to the proof, and not offered by this exchange: the call must not go on as if it had run.
    tracing::warn!(call = %call.tree.id, app = invocation.app.name, "this application does not run here: the call ends");
    Ok(Next::HangUp(Cause::INTERWORKING))
}

/// An argument, or the empty text.
fn arg(args: &[String], index: usize) -> &str {
    args.get(index).map_or("", |text| text.trim())
}

/// After an application failed, or found what it looked for: old plans go on at its priority + 101 where there is such a
/// line, some only by the option `j` (S15; [`dialplan::dialect::jumps_101`]).
fn old_jump(call: &mut Call, app: &str, options: &str) -> Outcome {
    let by_default = dialplan::dialect::jumps_101(app) == Some(OldJump::Always);
    let jumped = call.machine.jump_101(by_default, options.contains('j'), &mut call.channel);
    Ok(if jumped { Next::Jumped } else { Next::Line })
}

/// Seconds as the plan writes them (`2`, `0.5`); nothing for an empty or unreadable text.
fn seconds(text: &str) -> Option<std::time::Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    (0.0..=86_400.0).contains(&seconds).then(|| std::time::Duration::from_secs_f64(seconds))
}

/// `RaiseException(reason)`: goes to `e`, or ends the call.
async fn raise(call: &mut Call, args: &[String]) -> Outcome {
    if call.machine.raise_exception(arg(args, 0), &mut call.channel) {
        return Ok(Next::Jumped);
    }
    tracing::debug!(call = %call.tree.id, "RaiseException without e: the call ends");
    Ok(Next::HangUp(Cause::NORMAL))
}

/// Option letters with what stands in brackets behind each; brackets inside brackets stay.
fn letters(text: &str) -> Vec<(char, String)> {
    let mut found: Vec<(char, String)> = Vec::new();
    let mut depth = 0_u32;
    for c in text.chars() {
        match c {
            '(' => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ')' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    continue;
                }
            }
            _ => {}
        }
        match found.last_mut() {
            Some((_, value)) if depth > 0 => value.push(c),
            _ if depth > 0 => {}
            _ => found.push((c, String::new())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names in [`find`], read from its own lines: calling it needs a call.
    fn found() -> BTreeSet<String> {
        let arms = include_str!("mod.rs").lines().filter_map(|line| line.trim().split_once("=> Box::pin("));
        arms.flat_map(|(names, _)| names.split('|'))
            .filter_map(|name| name.trim().strip_prefix('"')?.strip_suffix('"').map(str::to_owned))
            .collect()
    }

    #[test]
    fn both_tables_have_the_same_applications() {
        let table: BTreeSet<String> = dialplan::apps::TABLE
            .iter()
            .filter(|spec| spec.runs && !spec.steers)
            .map(|spec| spec.name.to_ascii_lowercase())
            .collect();
        let found = found();
        assert!(found.contains("dial") && found.contains("zapateller"));
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
        assert_eq!((only(&table, &found), only(&found, &table)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn letters_keep_what_stands_in_their_brackets() {
        let read = |text: &str| letters(text).iter().map(|(c, v)| format!("{c}={v}")).collect::<Vec<_>>().join(" ");
        assert_eq!(read("rt(5)c(a,b,1)"), "r= t=5 c=a,b,1");
        assert_eq!(read("U(a(b)c)x"), "U=a(b)c x=");
        assert_eq!(read("(a)b)c(d"), "b= )= c=d");
    }
}
