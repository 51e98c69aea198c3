//! A call asks for a PIN and has it checked.

use std::time::Duration;

use super::play::Heard;
use super::{Call, Stop};
use crate::limits;
use crate::pin::{Digits, PinOf, Verdict, Who};

impl Call {
    /// Compares digits with the PIN of `of`. The try counts for this call's origin, over all its calls; a lock-out is an
    /// event of the owner's.
    pub async fn check_pin(&mut self, of: &PinOf, digits: &Digits) -> Verdict {
        let who = Who::of(&self.tree.origin);
        let verdict = self.exchange.pins.check(of, &who, digits, self.exchange.clock.now()).await;
        self.tell_lock(of, &who, verdict);
        verdict
    }

    /// The same with a PIN that stands in the text of the plan.
    pub async fn check_pin_of_plan(&mut self, context: &str, right: &Digits, digits: &Digits) -> Verdict {
        let who = Who::of(&self.tree.origin);
        let now = self.exchange.clock.now();
        let verdict = self.exchange.pins.check_literal(context, right, &who, digits, now).await;
        self.tell_lock(&PinOf::Plan(context.to_owned()), &who, verdict);
        verdict
    }

    fn tell_lock(&self, of: &PinOf, who: &Who, verdict: Verdict) {
        let Verdict::Wrong { locked_until: Some(until), .. } = verdict else { return };
        let now = self.exchange.clock.now();
        let pause = Duration::from_millis(u64::try_from(until - now).unwrap_or_default());
        let text = format!(
            "{of}: too many wrong PINs from {who} over their calls; locked for them for {}, and for nobody else",
            in_words(pause)
        );
        tracing::warn!(call = %self.tree.id, of = %of, who = %who, "too many wrong PINs: locked");
        self.exchange.records.event(now, "pin-locked", &text);
    }

    /// Plays prompts and takes a PIN: digits until `#`, silence or more than a PIN has. Keys may begin during the prompts.
    ///
    /// # Errors
    /// [`Stop`] when the caller goes.
    pub async fn ask_pin(&mut self, prompts: &[&str]) -> Result<Digits, Stop> {
        let mut digits = Digits::empty();
        let mut key = match self.say(prompts, "0123456789*#ABCD").await? {
            Heard::Key(key) => Some(key),
            Heard::Whole => self.key(limits::PIN_PATIENCE).await?,
        };
        while let Some(pressed) = key {
            if pressed == '#' || digits.len() > limits::PIN_DIGITS {
                break;
            }
            digits.push(pressed);
            key = self.key(limits::PIN_PATIENCE).await?;
        }
        Ok(digits)
    }
}

/// `30 seconds`, `2 minutes`, `4 hours`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().round();
    let (count, unit) = match seconds {
        s if s < 120.0 => (s, "seconds"),
        s if s < 7200.0 => (s / 60.0, "minutes"),
        s => (s / 3600.0, "hours"),
    };
    format!("{count:.0} {unit}")
}
