//! `Authenticate(pin[,options[,maxdigits[,prompt]]])`: goes on only for callers who know a PIN.
//!
//! `pin` is `grant:NAME` for the PIN of a grant, which the store keeps as a hash; digits written here work too, and are a
//! finding: whoever reads the plan can use them. Three tries a call, and all tries of all calls are counted together
//! ([`crate::pin`]). In plans of 1.2 and 1.4, option `j` goes to
//! priority n+101 after the third wrong one; else the call ends. What Asterisk does with
//! files, databases and account codes (`/path`, `d`, `m`, `a`) is not done: `a` would write the PIN into the call record.

use super::{Outcome, arg, old_jump};
use crate::call::{Call, Next};
use crate::pin::{Digits, PinOf, Verdict};
use crate::switch::Cause;

/// Tries within one call.
const TRIES: usize = 3;

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let options = arg(args, 1).to_owned();
    let prompt = Some(arg(args, 3)).filter(|name| !name.is_empty()).unwrap_or("agent-pass").to_owned();
    let Some(lock) = Lock::of(call, arg(args, 0)) else {
        tracing::warn!(call = %call.tree.id, "Authenticate: this form of a PIN is not offered: the call ends");
        return Ok(Next::HangUp(Cause::REJECTED));
    };
    call.answer();
    for _ in 0..TRIES {
        let digits = call.ask_pin(&[&prompt]).await?;
        match lock.check(call, &digits).await {
            Verdict::Right => {
                call.passed_pin = true;
                call.say(&["auth-thankyou"], "").await?;
                return Ok(Next::Line);
            }
            Verdict::Wrong { .. } => {
                call.say(&["auth-incorrect"], "").await?;
            }
            // No tries are to be had: asking on would only tell the caller more.
            Verdict::Locked { .. } | Verdict::NoneSet | Verdict::Unknown => break,
        }
    }
    if let Next::Jumped = old_jump(call, "Authenticate", &options)? {
        return Ok(Next::Jumped);
    }
    call.say(&["vm-goodbye"], "").await?;
    Ok(Next::HangUp(Cause::REJECTED))
}

/// What a caller has to know.
pub(super) enum Lock {
    /// The PIN of a grant.
    Grant(PinOf),
    /// Digits of the plan, by its context.
    Plan(String, Digits),
}

impl Lock {
    /// Reads the first argument of a line.
    pub(super) fn of(call: &Call, text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("grant:") {
            return call.snapshot.config.grants.contains_key(name).then(|| Self::Grant(PinOf::Grant(name.to_owned())));
        }
        let digits =
            !text.is_empty() && text.len() <= crate::limits::PIN_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
        let context = call.machine.place().context.to_string();
        digits.then(|| Self::Plan(context, Digits::new(text)))
    }

    /// Compares, and counts the try.
    pub(super) async fn check(&self, call: &mut Call, digits: &Digits) -> Verdict {
        match self {
            Self::Grant(of) => call.check_pin(of, digits).await,
            Self::Plan(context, right) => call.check_pin_of_plan(context, right, digits).await,
        }
    }
}
