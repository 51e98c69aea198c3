//! Voicemail: leaving messages (`leave`), hearing them (`main` with its menus), and what a plan may ask (`facts`).
//!
//! A mailbox opens by its PIN, or, with option `s`, to the authenticated phone whose mailbox it is; a caller ID opens
//! nothing. Nothing here dials: Asterisk's call-back and dial-out do not exist.

mod announce;
mod compose;
mod facts;
mod folder;
mod forward;
mod greetings;
mod leave;
mod login;
mod main;
mod options;
mod takes;
mod view;

pub(crate) use facts::value;
pub(super) use facts::{exists, say_name};
pub(super) use leave::run as leave;
pub(super) use login::authenticate;
pub(super) use main::run as main;

use std::sync::Arc;

use dialplan::Place;
use media::sound::Sound;
use store::{Error, Greeting};

use crate::call::play::Heard;
use crate::call::{Call, Stop};
use crate::limits;

/// Every key of a telephone.
const KEYS: &str = "0123456789*#";

/// One mailbox as a plan writes it: `204`, `204@default`, and the old `u204` with its options in front.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    letters: String,
    number: String,
    context: String,
}

impl Named {
    fn parse(text: &str) -> Self {
        let (name, context) = text.trim().split_once('@').unwrap_or((text.trim(), ""));
        let digits = name.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
        let (letters, number) = name.split_at(digits);
        let old = !letters.is_empty() && letters.chars().all(|c| matches!(c, 'u' | 'b' | 's' | 'j'));
        let (letters, number) = if old { (letters, number) } else { ("", name) };
        Self { letters: letters.to_owned(), number: number.to_owned(), context: context.to_owned() }
    }

    /// The mailbox of the configuration that is meant. Asterisk's mailbox contexts are one here: `default`.
    fn known(&self, call: &Call) -> Option<String> {
        let here = self.context.is_empty() || self.context == "default";
        (here && is_known(call, &self.number)).then(|| self.number.clone())
    }
}

fn is_known(call: &Call, number: &str) -> bool {
    call.snapshot.config.mailboxes.contains_key(number)
}

/// Whether the call comes from the very phone that has this mailbox, proved by its secret.
fn is_own(call: &Call, number: &str) -> bool {
    call.channel.own_mailbox.as_deref() == Some(number)
}

/// Goes to `o` or `a` of the current context; `false` where the plan has none, and then the key means nothing.
fn leave_by(call: &mut Call, exten: &'static str) -> bool {
    if !has(call, exten) {
        return false;
    }
    let context = call.machine.place().context.to_string();
    call.machine.jump(Place::new(&context, exten, 1));
    true
}

fn has(call: &mut Call, exten: &str) -> bool {
    let context = call.machine.place().context.to_string();
    call.machine.exists(Some(&context), exten, &mut call.channel)
}

/// Prompts, then patience: a key, or nothing.
async fn ask(call: &mut Call, prompts: &[String]) -> Result<Option<char>, Stop> {
    let names: Vec<&str> = prompts.iter().map(String::as_str).collect();
    match call.say(&names, KEYS).await? {
        Heard::Key(key) => Ok(Some(key)),
        Heard::Whole => call.key(limits::MENU_PATIENCE).await,
    }
}

async fn tell(call: &mut Call, prompts: &[&str]) -> Result<(), Stop> {
    call.say(prompts, "").await.map(drop)
}

/// A number of the caller's, ended by `#` or by silence; `Err` in it is the key `*` pressed first.
async fn ask_number(call: &mut Call, prompts: &[&str]) -> Result<Result<String, char>, Stop> {
    let mut digits = String::new();
    let mut key = match call.say(prompts, KEYS).await? {
        Heard::Key(key) => Some(key),
        Heard::Whole => call.key(limits::MENU_PATIENCE).await?,
    };
    while let Some(pressed) = key {
        match pressed {
            '*' if digits.is_empty() => return Ok(Err('*')),
            '0'..='9' => digits.push(pressed),
            _ => break,
        }
        if digits.len() > limits::MAILBOX_DIGITS {
            break;
        }
        key = call.key(limits::MENU_PATIENCE).await?;
    }
    Ok(Ok(digits))
}

async fn greeting(call: &mut Call, mailbox: &str, which: Greeting) -> Option<Arc<Sound>> {
    call.exchange.mailboxes.greeting(mailbox, which).await
}

/// Something could not be written: in the log, and the caller hears it.
async fn trouble(call: &mut Call, mailbox: &str, error: &Error) -> Result<(), Stop> {
    tracing::error!(call = %call.tree.id, mailbox, %error, "voicemail cannot write");
    tell(call, &["vm-notkept"]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, letters: &str, number: &str, context: &str) {
        let (letters, number, context) = (letters.to_owned(), number.to_owned(), context.to_owned());
        assert_eq!(Named::parse(text), Named { letters, number, context }, "{text}");
    }

    #[test]
    fn mailboxes_are_written_in_three_ways() {
        check("204", "", "204", "");
        check("204@default", "", "204", "default");
        check("u204", "u", "204", "");
        check("su204@office", "su", "204", "office");
        // No letters of ours: a name that no mailbox has.
        check("x204", "", "x204", "");
        check("", "", "", "");
        check("../204", "", "../204", "");
    }
}
