//! Who may open a mailbox: its PIN, or the phone that it belongs to. `VMAuthenticate([box][,s])` is this alone.
//!
//! A mailbox that does not exist asks for a PIN and refuses it like any other, so that nobody learns which there are. A
//! PIN is never seen by the plan, a record or the log ([`crate::pin`]).

use super::options::Options;
use super::{Named, ask_number, is_known, is_own, leave_by, tell};
use crate::apps::{Outcome, arg};
use crate::call::{Call, Next, Stop};
use crate::pin::{NotSet, PinOf, Verdict};
use crate::switch::Cause;

/// Tries of one call; over all calls [`crate::pin`] counts.
const TRIES: u32 = 3;

pub(super) enum Login {
    /// It is open.
    In(String),
    /// The caller pressed `*`, and the plan has `a`.
    Left,
    /// It stays closed.
    Refused,
}

pub(in crate::apps) async fn authenticate(call: &mut Call, args: &[String]) -> Outcome {
    let options = Options::parse(arg(args, 1));
    let named = Named::parse(arg(args, 0));
    let given = (!named.number.is_empty()).then(|| named.number.clone());
    call.answer();
    match login(call, given, "", false, options.short).await? {
        Login::In(mailbox) => {
            call.machine.set("AUTH_MAILBOX", &mailbox);
            call.machine.set("AUTH_CONTEXT", "default");
            Ok(Next::Line)
        }
        Login::Left => Ok(Next::Jumped),
        Login::Refused => Ok(Next::HangUp(Cause::NORMAL)),
    }
}

/// Asks for mailbox and PIN. `trust`: the own phone needs no PIN. `quiet`: no first prompt.
pub(super) async fn login(
    call: &mut Call,
    given: Option<String>,
    prefix: &str,
    trust: bool,
    quiet: bool,
) -> Result<Login, Stop> {
    if let Some(mailbox) = given.as_ref().filter(|mailbox| trust && is_own(call, mailbox) && is_known(call, mailbox)) {
        return Ok(Login::In(mailbox.clone()));
    }
    for attempt in 0..TRIES {
        let mailbox = match &given {
            Some(mailbox) => mailbox.clone(),
            None => {
                let first: &[&str] = if quiet { &[] } else { &["vm-login"] };
                let prompts = if attempt == 0 { first } else { &["vm-incorrect-mailbox"] };
                match ask_number(call, prompts).await? {
                    Ok(number) if number.is_empty() => continue,
                    Ok(number) => format!("{prefix}{number}"),
                    Err(_) if leave_by(call, "a") => return Ok(Login::Left),
                    Err(_) => continue,
                }
            }
        };
        let of = PinOf::Mailbox(mailbox.clone());
        if is_own(call, &mailbox) && call.exchange.pins.is_set(&of).await == Ok(false) {
            // Its first visit: from its own phone, and nothing is heard before there is a PIN.
            tell(call, &["vm-newuser"]).await?;
            let chosen = change_pin(call, &mailbox).await?;
            return Ok(if chosen { Login::In(mailbox) } else { Login::Refused });
        }
        let digits = call.ask_pin(&["vm-password"]).await?;
        if digits.reveal().starts_with('*') && leave_by(call, "a") {
            return Ok(Login::Left);
        }
        match call.check_pin(&of, &digits).await {
            Verdict::Right if is_known(call, &mailbox) => return Ok(Login::In(mailbox)),
            Verdict::Locked { .. } | Verdict::Wrong { locked_until: Some(_), .. } => {
                tell(call, &["vm-locked"]).await?;
                return Ok(Login::Refused);
            }
            Verdict::Unknown => {
                tell(call, &["something-terribly-wrong"]).await?;
                return Ok(Login::Refused);
            }
            Verdict::Right | Verdict::Wrong { .. } | Verdict::NoneSet => {}
        }
        if given.is_some() && attempt + 1 < TRIES {
            tell(call, &["vm-incorrect"]).await?;
        }
    }
    tell(call, &["vm-incorrect", "vm-goodbye"]).await?;
    Ok(Login::Refused)
}

/// A new PIN, typed twice; true when it is set.
pub(super) async fn change_pin(call: &mut Call, mailbox: &str) -> Result<bool, Stop> {
    for _ in 0..TRIES {
        let first = call.ask_pin(&["vm-newpassword"]).await?;
        if first.is_empty() {
            continue;
        }
        let second = call.ask_pin(&["vm-reenterpassword"]).await?;
        if first.reveal() != second.reveal() {
            tell(call, &["vm-mismatch"]).await?;
            continue;
        }
        let now = call.exchange.clock.now();
        let said = match call.exchange.pins.set(&PinOf::Mailbox(mailbox.to_owned()), &first, now).await {
            Ok(()) => {
                let text = format!("mailbox {mailbox} has a new PIN, chosen by telephone");
                call.exchange.records.event(now, "pin-changed", &text);
                tell(call, &["vm-passchanged"]).await?;
                return Ok(true);
            }
            Err(NotSet::Weak(_)) => "vm-invalid-password",
            Err(NotSet::Failed(why)) => {
                tracing::error!(mailbox, why, "a PIN cannot be kept");
                "something-terribly-wrong"
            }
        };
        tell(call, &[said]).await?;
    }
    Ok(false)
}
