//! The one gate in front of everything that costs money, and in front of the phones of the house.
//!
//! [`Gate::ask`] is the only maker of a [`Permit`]; [`crate::call::Call::start`] is its only taker, so a leg without a
//! permit does not compile. The order of questions: is it a number -> its class -> policy (the function that the
//! proof used) -> inside the proven reach -> effect declared by the application -> caps on calls -> money, debited
//! before the INVITE ([`budget`]). What a permit costs meanwhile is kept by its [`Meter`].

pub mod budget;
mod counters;
mod permit;
mod refusal;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dialplan::apps::{AppSpec, Effect};
use dialplan::number::{self, Class, Number};
use dialplan::policy::{Decision, OriginKind};
use dialplan::reach::Sink;

use crate::cdr::Records;
use crate::config::{Config, Grant, Limits, Money, Trunk};
use crate::snapshot::Snapshot;

use budget::{Budget, Debit, NoMoney, Reserved};
use counters::Counters;
pub use permit::{Meter, Permit, PermitTarget};
pub use refusal::{Refusal, Why};

/// A wish to start one leg.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who started the call tree.
    pub origin: &'a OriginKind,
    /// The entry's name, as the proof knows it ([`OriginKind::entry`]).
    pub entry: &'a str,
    /// The application that wants the leg.
    pub app: &'a AppSpec,
    /// What the call is judged by.
    pub snapshot: &'a Snapshot,
    /// Id of the call tree, for debits and logs.
    pub call: &'a str,
    /// Whom to call.
    pub target: Target<'a>,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// Whom to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A phone of this exchange.
    Phone(&'a str),
    /// A number over a trunk.
    Number {
        /// The trunk's name.
        trunk: &'a str,
        /// What shall be dialled, as the plan gave it.
        dialled: &'a str,
    },
}

/// The gate. One for all calls.
pub struct Gate {
    budget: Arc<dyn Budget>,
    counters: Arc<Mutex<Counters>>,
    permits: AtomicU64,
    alarms: AtomicU64,
    events: Option<Arc<dyn Records>>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("permits", &self.permits).field("alarms", &self.alarms).finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate that takes its money from `budget`.
    #[must_use]
    pub fn new(budget: Arc<dyn Budget>) -> Self {
        Self { budget, counters: Arc::default(), permits: AtomicU64::new(1), alarms: AtomicU64::new(0), events: None }
    }

    /// The same gate, whose owner hears what he should know.
    #[must_use]
    pub fn telling(self, events: Arc<dyn Records>) -> Self {
        Self { events: Some(events), ..self }
    }

    fn tell(&self, now: i64, kind: &str, text: &str) {
        if let Some(events) = &self.events {
            events.event(now, kind, text);
        }
    }

    /// How often the engine got where the proof says it cannot: anything but 0 is a mistake of ours.
    #[must_use]
    pub fn alarms(&self) -> u64 {
        self.alarms.load(Ordering::Relaxed)
    }

    /// Paid calls that are on.
    #[must_use]
    pub fn paid_calls(&self) -> usize {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).active()
    }

    /// Asks for one leg. The permit is for [`crate::call::Call::start`]; the meter stays with whoever waits for the
    /// leg and is dropped when it is over.
    ///
    /// # Errors
    /// Why not, in words for the owner.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<(Permit, Meter), Refusal> {
        let answer = match ask.target {
            Target::Phone(user) => self.inside(&ask, user),
            Target::Number { trunk, dialled } => self.outside(&ask, trunk, dialled).await,
        };
        match &answer {
            Ok((permit, _)) => {
                tracing::debug!(call = ask.call, permit = permit.id(), target = %permit.target_text(), "permitted");
            }
            Err(refusal) => self.note(&ask, refusal),
        }
        answer
    }

    fn note(&self, ask: &Ask<'_>, refusal: &Refusal) {
        if refusal.why == Why::BeyondProof {
            self.alarms.fetch_add(1, Ordering::Relaxed);
            tracing::error!(call = ask.call, entry = ask.entry, "the plan got where the proof says it cannot: refused");
        } else {
            tracing::debug!(call = ask.call, entry = ask.entry, %refusal, "refused");
        }
    }

    fn inside(&self, ask: &Ask<'_>, user: &str) -> Result<(Permit, Meter), Refusal> {
        let config = &ask.snapshot.config;
        if !config.extensions.contains_key(user) {
            return Err(Refusal::new(Why::NoSuchPhone, format!("there is no extension {user}")));
        }
        decide(config, ask.origin, Class::Inside)?;
        declared(ask.app)?;
        Ok((self.permit(PermitTarget::Phone { user: user.to_owned() }, None), Meter::free()))
    }

    async fn outside(&self, ask: &Ask<'_>, name: &str, dialled: &str) -> Result<(Permit, Meter), Refusal> {
        let config = &ask.snapshot.config;
        let trunk = config
            .trunks
            .get(name)
            .ok_or_else(|| Refusal::new(Why::NoSuchTrunk, format!("there is no trunk {name}")))?;
        let number = number::normalise(config.system.country, dialled)
            .map_err(|wrong| Refusal::new(Why::NotANumber, format!("{wrong}: not dialled")))?;
        decide(config, ask.origin, number.class)?;
        let emergency = number.class == Class::Emergency;
        if let OriginKind::Extension(user) = ask.origin
            && !emergency
        {
            may_use_trunk(config, user, name)?;
        }
        let grant = lent(config, ask.origin, &number, name)?;
        self.proved(ask, name, number.class)?;
        declared(ask.app)?;
        let target =
            PermitTarget::Trunk { trunk: name.to_owned(), dial: trunk_digits(config, trunk, &number, dialled), number };
        if emergency {
            tracing::warn!(call = ask.call, origin = %ask.origin, trunk = name, "an emergency call goes out");
            return Ok((self.permit(target, None), Meter::free()));
        }
        let Some((grant, lent)) = grant else { return self.paid(ask, trunk, target, &config.policy).await };
        let class = target_class(&target);
        let (permit, meter) = self.paid(ask, trunk, target, &lent.bounds(&config.policy)).await?;
        let text =
            format!("grant {grant} was used for a {class} call over trunk {name}: permit {}/{grant}", permit.id());
        self.tell(ask.now, "grant-call", &text);
        Ok((permit.under(grant), meter))
    }

    /// The last two questions: caps on calls, then money.
    async fn paid(
        &self,
        ask: &Ask<'_>,
        trunk: &Trunk,
        target: PermitTarget,
        limits: &Limits,
    ) -> Result<(Permit, Meter), Refusal> {
        let (PermitTarget::Trunk { trunk: name, number, .. }, origin) = (&target, ask.origin.entry()) else {
            return Err(Refusal::new(Why::NotANumber, "a phone of the house costs nothing".to_owned()));
        };
        let slot = Counters::take(&self.counters, limits, trunk, &origin, name, ask.now)?;
        let rate = limits.rate(number.class);
        let seconds = longest(rate, limits.money_per_call, limits.minutes_per_call)
            .ok_or_else(|| Refusal::new(Why::Money, format!("a minute costs {rate}, more than a call may cost")))?;
        let debit = Debit {
            day: day(&ask.snapshot.config, ask.now),
            origin,
            class: number.class,
            trunk: name.clone(),
            call: ask.call.to_owned(),
            amount: rate.for_seconds(seconds),
            cap: limits.money_per_day,
            at: ask.now,
        };
        let reserved: Box<dyn Reserved> = self.budget.debit(debit).await.map_err(|no| match no {
            NoMoney::CapReached { spent, cap } => {
                Refusal::new(Why::Money, format!("{spent} of {cap} are spent or reserved today: not enough is left"))
            }
            NoMoney::Down(why) => {
                tracing::error!(%why, "the store does not answer: calls that cost money are refused");
                Refusal::new(Why::StoreDown, "spending cannot be counted now, so nothing is spent".to_owned())
            }
        })?;
        let limit = Duration::from_secs(seconds);
        Ok((self.permit(target, Some(limit)), Meter::running(slot, reserved, rate)))
    }

    /// Inside the proven reach? A "no" where policy said "yes" means that proof and engine disagree.
    fn proved(&self, ask: &Ask<'_>, trunk: &str, class: Class) -> Result<(), Refusal> {
        let reach = &ask.snapshot.reach;
        let emergency = class == Class::Emergency;
        if ask.snapshot.program.hash() != reach.program_hash {
            if emergency {
                return Ok(());
            }
            return Err(Refusal::new(
                Why::NoProof,
                "the plan has no proof: calls that cost money are refused".to_owned(),
            ));
        }
        if reach.allows(ask.entry, &Sink::Trunk(trunk.to_owned())) && reach.allows(ask.entry, &Sink::Paid(class)) {
            return Ok(());
        }
        let refusal = Refusal::new(Why::BeyondProof, format!("the proof says that {} cannot reach it", ask.entry));
        if emergency {
            // The emergency road stays open; the alarm is raised all the same.
            self.note(ask, &refusal);
            return Ok(());
        }
        Err(refusal)
    }

    fn permit(&self, target: PermitTarget, limit: Option<Duration>) -> Permit {
        Permit::new(self.permits.fetch_add(1, Ordering::Relaxed), target, limit)
    }
}

fn decide(config: &Config, origin: &OriginKind, class: Class) -> Result<(), Refusal> {
    match config.decide_by_for(origin).decide(origin, class) {
        Decision::Allow => Ok(()),
        Decision::Deny(reason) => Err(Refusal::new(Why::Policy(reason.clone()), reason.to_string())),
    }
}

fn target_class(target: &PermitTarget) -> Class {
    match target {
        PermitTarget::Phone { .. } => Class::Inside,
        PermitTarget::Trunk { number, .. } => number.class,
    }
}

/// The grant by whose right the leg is asked for, where it is one, and where it leads to this number over this trunk.
fn lent<'a>(
    config: &'a Config,
    origin: &'a OriginKind,
    number: &Number,
    trunk: &str,
) -> Result<Option<(&'a str, &'a Grant)>, Refusal> {
    let OriginKind::Grant(name) = origin else { return Ok(None) };
    let no = |why: String| Refusal::new(Why::NotGranted, why);
    let grant = config.grants.get(name).ok_or_else(|| no(format!("there is no grant {name}")))?;
    if !grant.reaches(&number.e164) {
        return Err(no(format!("grant {name} does not lead to this number")));
    }
    // Routes that are for some phones only are not for a caller from outside.
    let mut routes = config.routes.values().filter(|route| route.trunks.iter().any(|name| name == trunk)).peekable();
    let open = |route: &crate::config::Route| matches!(route.users, crate::config::RouteUsers::Extensions);
    if routes.peek().is_some() && !routes.any(open) {
        return Err(Refusal::new(Why::NotARouteUser, format!("no route lets grant {name} use trunk {trunk}")));
    }
    Ok(Some((name, grant)))
}

/// An application that does what it did not declare is refused.
fn declared(app: &AppSpec) -> Result<(), Refusal> {
    if app.effects.contains(&Effect::Dials) {
        Ok(())
    } else {
        Err(Refusal::new(Why::NotDeclared, format!("{} does not say that it dials", app.name)))
    }
}

/// Where routes name a trunk, only their users may use it; a trunk that no route names is the plan's own matter.
fn may_use_trunk(config: &Config, user: &str, trunk: &str) -> Result<(), Refusal> {
    let mut routes = config.routes.values().filter(|route| route.trunks.iter().any(|name| name == trunk)).peekable();
    if routes.peek().is_none() || routes.any(|route| route.users.contains(user)) {
        Ok(())
    } else {
        Err(Refusal::new(Why::NotARouteUser, format!("no route lets extension {user} use trunk {trunk}")))
    }
}

/// How the trunk wants the number.
fn trunk_digits(config: &Config, trunk: &Trunk, number: &Number, dialled: &str) -> String {
    use crate::config::NumberFormat;
    let Some(digits) = number.e164.strip_prefix('+') else {
        // Short codes and local numbers have one form only.
        return number.e164.clone();
    };
    match trunk.number_format {
        NumberFormat::E164 => number.e164.clone(),
        NumberFormat::Digits => digits.to_owned(),
        NumberFormat::AsDialled => dialled.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect(),
        NumberFormat::National => config.system.country.national_form(digits),
    }
}

/// The longest call that the price of a minute and the caps allow, in seconds; none if not even a minute.
fn longest(rate: Money, most: Money, minutes: u32) -> Option<u64> {
    let by_money = most.0.checked_div(rate.0).unwrap_or(u64::MAX);
    let minutes = u64::from(minutes).min(by_money);
    (minutes > 0).then_some(minutes * 60)
}

/// Days since 1970 in the owner's time zone.
fn day(config: &Config, now: i64) -> i32 {
    let zone = config.system.time_zone();
    let Ok(stamp) = jiff::Timestamp::from_millisecond(now) else { return i32::MAX };
    let date = stamp.to_zoned(zone).date();
    let seconds = date.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
    i32::try_from(seconds.div_euclid(86_400)).unwrap_or(i32::MAX)
}
