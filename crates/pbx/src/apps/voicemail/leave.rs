//! `VoiceMail(box[&box…][,options])`: a caller leaves a message.
//!
//! He hears the greeting for the time being, else the one of `u` (nobody answers) or `b` (busy), else words of ours; then
//! instructions, unless `s`; then the tone. `#` goes to the tone at once and ends the message; `0` leads to `o` and `*` to
//! `a` of the current context, where the plan has them, and mean nothing where it has not. What was spoken is kept when
//! he hangs up. Old plans go on at n+101 where there is no such mailbox. `VMSTATUS` is `SUCCESS` (the message is on the disk), `USEREXIT` or `FAILED`.

use store::{Error, Greeting};

use super::compose::{self, Draft, Ending, Wish};
use super::options::Options;
use super::{Named, greeting, has, leave_by, tell, trouble};
use crate::apps::say;
use crate::apps::{Outcome, arg, old_jump};
use crate::call::play::Heard;
use crate::call::{Call, Next, Stop};
use crate::limits;

pub(in crate::apps) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let named: Vec<Named> = arg(args, 0).split('&').take(limits::MAILBOXES_AT_ONCE).map(Named::parse).collect();
    let letters: String = named.iter().map(|named| named.letters.as_str()).collect();
    let options = Options::parse(&format!("{}{letters}", arg(args, 1)));
    let mailboxes: Vec<String> = named.iter().filter_map(|named| named.known(call)).collect();
    let Some(first) = mailboxes.first().cloned() else {
        tracing::warn!(call = %call.tree.id, mailbox = arg(args, 0), "VoiceMail: there is no such mailbox");
        call.machine.set("VMSTATUS", "FAILED");
        return old_jump(call, "VoiceMail", arg(args, 1));
    };
    call.machine.set("VMSTATUS", "FAILED");
    if !options.early {
        call.answer();
    }
    let has_operator = call.snapshot.config.voicemail.operator && has(call, "o");
    match greet(call, &first, &options, has_operator).await? {
        Greeted::Tone => {}
        Greeted::Exit(exten) => {
            call.machine.set("VMSTATUS", "USEREXIT");
            return if leave_by(call, exten) { Ok(Next::Jumped) } else { Ok(Next::Line) };
        }
        Greeted::Dialled(key, context) => {
            call.machine.set("VMSTATUS", "USEREXIT");
            return Ok(Next::Key(key, context));
        }
    }
    if !mailboxes.iter().any(|mailbox| compose::has_room(call, mailbox)) {
        note(call, "mailbox-full", &format!("mailbox {first} is full: a caller was turned away"));
        tell(call, &["vm-mailboxfull"]).await?;
        return done(call, "FAILED");
    }
    call.answer();
    let wish = Wish {
        beep: options.tone.clone().unwrap_or_else(|| "beep".to_owned()),
        operator: has_operator,
        urgent: options.urgent,
        gain: options.gain,
        ..Wish::message(&call.snapshot.config.voicemail)
    };
    let (draft, ended) = compose::compose(call, &wish).await;
    let kept = keep(call, &mailboxes, &draft).await;
    finish(call, &first, kept, ended).await
}

fn done(call: &mut Call, status: &str) -> Outcome {
    call.machine.set("VMSTATUS", status);
    Ok(Next::Line)
}

/// What became of the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Nothing,
    Yes,
    Full,
    Trouble(Error),
}

/// In every mailbox that was named; one is enough for success.
async fn keep(call: &mut Call, mailboxes: &[String], draft: &Draft) -> Kept {
    let Some(take) = &draft.take else { return Kept::Nothing };
    let mut kept = Kept::Nothing;
    for mailbox in mailboxes {
        let one = match compose::keep(call, mailbox, take, draft.urgent, "call").await {
            Ok(true) => Kept::Yes,
            Ok(false) => {
                note(call, "mailbox-full", &format!("mailbox {mailbox} is full: a message was refused"));
                Kept::Full
            }
            Err(error) => {
                note(call, "message-refused", &format!("mailbox {mailbox}: a message could not be kept: {error}"));
                tracing::error!(call = %call.tree.id, mailbox, %error, "a message could not be kept");
                Kept::Trouble(error)
            }
        };
        if kept != Kept::Yes {
            kept = one;
        }
    }
    kept
}

/// What an owner should know.
fn note(call: &Call, kind: &str, text: &str) {
    call.exchange.records.event(call.exchange.clock.now(), kind, text);
}

async fn finish(call: &mut Call, mailbox: &str, kept: Kept, ended: Result<Ending, Stop>) -> Outcome {
    let status = match (&kept, &ended) {
        (Kept::Yes, _) => "SUCCESS",
        (Kept::Nothing, Ok(Ending::Operator | Ending::Dropped)) => "USEREXIT",
        _ => "FAILED",
    };
    call.machine.set("VMSTATUS", status);
    // Somebody who has hung up hears nothing more.
    let ending = ended?;
    match &kept {
        Kept::Yes => tell(call, &["vm-msgsaved"]).await?,
        Kept::Full => tell(call, &["vm-mailboxfull"]).await?,
        Kept::Trouble(error) => trouble(call, mailbox, error).await?,
        Kept::Nothing => {}
    }
    if ending == Ending::Operator && leave_by(call, "o") { Ok(Next::Jumped) } else { Ok(Next::Line) }
}

enum Greeted {
    /// On to the tone.
    Tone,
    /// The caller pressed 0 or *.
    Exit(&'static str),
    /// The caller dials (option `d`).
    Dialled(char, Option<String>),
}

async fn greet(call: &mut Call, mailbox: &str, options: &Options, operator: bool) -> Result<Greeted, Stop> {
    let assistant = has(call, "a");
    let context = options.dial.clone().map(|context| Some(context).filter(|context| !context.is_empty()));
    let mut keys = String::from("#");
    if let Some(context) = &context {
        keys.extend(super::KEYS.chars().filter(|key| call.can_begin(*key, context.as_deref())));
    }
    keys.push_str(if operator { "0" } else { "" });
    keys.push_str(if assistant { "*" } else { "" });

    let mut sounds = Vec::new();
    let which = match (options.busy, options.unavailable) {
        (true, _) => Some(Greeting::Busy),
        (_, true) => Some(Greeting::Unavailable),
        _ => None,
    };
    let mut recorded = greeting(call, mailbox, Greeting::Temporary).await;
    if recorded.is_none()
        && let Some(which) = which
    {
        recorded = greeting(call, mailbox, which).await;
    }
    let spoken = recorded.is_some();
    match (recorded, which) {
        (Some(sound), _) => sounds.push(sound),
        (None, Some(which)) => {
            match greeting(call, mailbox, Greeting::Name).await {
                Some(name) => sounds.push(name),
                None => {
                    let digits = mailbox.chars().filter_map(say::digit);
                    let names: Vec<String> = std::iter::once("vm-theperson".to_owned()).chain(digits).collect();
                    sounds.extend(names.iter().filter_map(|name| call.sound(name)));
                }
            }
            let state = if which == Greeting::Busy { "vm-isonphone" } else { "vm-isunavail" };
            sounds.extend(call.sound(state));
        }
        (None, None) => {}
    }
    let short = options.short || options.short_if_recorded && spoken;
    if !short {
        sounds.extend(call.sound("vm-intro"));
    }
    Ok(match call.say_sounds(sounds, &keys).await? {
        Heard::Whole | Heard::Key('#') => Greeted::Tone,
        Heard::Key('0') if operator => Greeted::Exit("o"),
        Heard::Key('*') if assistant => Greeted::Exit("a"),
        Heard::Key(key) => Greeted::Dialled(key, context.flatten()),
    })
}
