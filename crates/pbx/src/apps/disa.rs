//! `DISA(grant:NAME)` and its old forms: the dial tone of the house for a caller from outside, by a grant of the owner.
//!
//! Without a grant there is no dial tone, whatever the plan says. `DISA(no-password,context)` and `DISA(pin,context)` use the
//! grant that names that context. Who opened it dials in the grant's context, with the grant's rights and caps and with
//! nothing else: the gate knows the call by the grant's name from then on ([`crate::call::Call::rights`]).

use super::Outcome;
use super::authenticate::Lock;
use crate::call::{Call, Event, Next, Stop};
use crate::config::{GrantKind, GrantPin};
use crate::limits;
use crate::pin::{PinOf, Verdict};
use crate::switch::{Cause, Origin};
use dialplan::Place;
use dialplan::reach::Sink;
use media::tone::Kind;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the first digit may take, and each further one, as Asterisk has it.
const FIRST: Duration = Duration::from_secs(20);
const NEXT: Duration = Duration::from_secs(10);

/// Tries at the PIN within one call.
const TRIES: usize = 3;

pub(super) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    // The oldest plans have one argument with a comma in it.
    let both: Vec<&str> = args.iter().flat_map(|text| text.split(['|', ','])).map(str::trim).collect();
    let (pin, context) = (both.first().copied().unwrap_or_default(), both.get(1).copied().unwrap_or_default());
    let (pin, context) = (pin.to_owned(), context.to_owned());
    let Some(name) = granted(call, &pin, &context) else {
        return refuse(call, "the owner opened no grant for it").await;
    };
    if !call.may_open(&name) {
        return refuse(call, "the proof says that this caller cannot come here").await;
    }
    call.answer();
    if !opened(call, &name, &pin).await? {
        call.say(&["vm-goodbye"], "").await?;
        return Ok(Next::HangUp(Cause::REJECTED));
    }
    call.open_grant(&name);
    let Some(number) = dialled(call, &name).await? else {
        call.say(&["vm-goodbye"], "").await?;
        return Ok(Next::HangUp(Cause::NORMAL));
    };
    let context = call.grant_context(&name);
    let place = Place::new(&context, &number, 1);
    let snapshot = Arc::clone(&call.snapshot);
    let caller = call.channel.caller_number.clone();
    if !snapshot.has_place(&place, &caller, &mut call.channel) {
        call.say(&["pbx-invalid"], "").await?;
        return Ok(Next::HangUp(Cause::UNALLOCATED));
    }
    call.machine.jump(place);
    Ok(Next::Jumped)
}

/// The grant that a line means: by its name, or by the context that it names.
fn granted(call: &Call, pin: &str, context: &str) -> Option<String> {
    let grants = &call.snapshot.config.grants;
    let is_disa = |name: &&String| grants.get(*name).is_some_and(|grant| grant.kind == GrantKind::Disa);
    if let Some(name) = pin.strip_prefix("grant:") {
        return grants.get_key_value(name).map(|(name, _)| name).filter(is_disa).cloned();
    }
    let context = if context.is_empty() { "disa" } else { context };
    grants.iter().find(|(_, grant)| grant.context == context).map(|(name, _)| name).filter(is_disa).cloned()
}

/// Whether the caller knows what he has to know.
async fn opened(call: &mut Call, name: &str, pin: &str) -> Result<bool, Stop> {
    let how = call.snapshot.config.grants.get(name).map(|grant| grant.pin);
    let lock = match how {
        Some(GrantPin::Store) => Lock::Grant(PinOf::Grant(name.to_owned())),
        // An Authenticate on the way has asked already.
        Some(GrantPin::Plan) if call.passed_pin => return Ok(true),
        Some(GrantPin::Plan) => match Lock::of(call, pin) {
            Some(lock) => lock,
            None => return Ok(false),
        },
        None => return Ok(false),
    };
    for _ in 0..TRIES {
        let digits = call.ask_pin(&["agent-pass"]).await?;
        match lock.check(call, &digits).await {
            Verdict::Right => return Ok(true),
            Verdict::Wrong { .. } => {
                call.say(&["auth-incorrect"], "").await?;
            }
            Verdict::Locked { .. } | Verdict::NoneSet | Verdict::Unknown => return Ok(false),
        }
    }
    Ok(false)
}

/// The number: dial tone until the first digit, `#` or a pause ends it.
async fn dialled(call: &mut Call, name: &str) -> Result<Option<String>, Stop> {
    let tone = call.country_tone(Kind::Dial);
    call.tone(tone);
    let mut number = String::new();
    loop {
        let patience = if number.is_empty() { FIRST } else { NEXT };
        let until = Instant::now() + patience;
        call.listens();
        let key = loop {
            match call.next(Some(until)).await? {
                Event::Key(key) => break Some(key),
                Event::Timeout => break None,
                _ => {}
            }
        };
        if number.is_empty() {
            call.quiet();
        }
        match key {
            Some('#') if number.is_empty() => return Ok(None),
            Some('#') | None => break,
            Some(key) if number.len() < limits::DIALLED => number.push(key),
            Some(_) => return Ok(None),
        }
        // A number that is complete and cannot become a longer one is dialled at once.
        let context = call.grant_context(name);
        if !call.machine.match_more(Some(&context), &number, &mut call.channel) {
            break;
        }
    }
    Ok(Some(number).filter(|number| !number.is_empty()))
}

async fn refuse(call: &mut Call, why: &str) -> Outcome {
    tracing::warn!(call = %call.tree.id, why, "DISA: refused");
    call.answer();
    call.say(&["ss-noservice", "vm-goodbye"], "").await?;
    Ok(Next::HangUp(Cause::REJECTED))
}

impl Call {
    fn grant_context(&self, name: &str) -> String {
        self.snapshot.config.grants.get(name).map_or_else(String::new, |grant| grant.context.clone())
    }

    /// Whether the proof knows that this caller may come to the grant.
    fn may_open(&self, name: &str) -> bool {
        let (_, entry) = self.rights();
        self.snapshot.reach.allows(&entry, &Sink::Guarded(name.to_owned()))
    }

    /// The caller knew the PIN: from here on the grant's rights are his, and only they.
    fn open_grant(&mut self, name: &str) {
        self.granted = Some(name.to_owned());
        let who = match &self.tree.origin {
            Origin::Stranger { .. } => "a stranger".to_owned(),
            Origin::Trunk { name } => format!("a caller from trunk {name}"),
            Origin::Extension { user } => format!("extension {user}"),
            Origin::System => "the exchange itself".to_owned(),
        };
        let now = self.exchange.clock.now();
        self.exchange.records.event(now, "grant-used", &format!("grant {name} was opened by {who}, who knew its PIN"));
    }
}
