//! The one gate in front of everything that costs money, and in front of the phones of the house.
//!
//! [`Gate::ask`] is the only maker of a [`Permit`]; [`crate::call::Call::start`] is its only taker, so a leg without a
//! permit does not compile. The order of questions: is it a number -> its class -> policy (the function that the
//! proof used) -> inside the proven reach -> effect declared by the application -> caps on calls -> money, debited
//! before the INVITE ([`budget`]). What a permit costs meanwhile is kept by its [`Meter`].

pub mod budget;
mod caps;
mod counters;
mod emergency;
mod ledger;
mod permit;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dialplan::apps::{AppSpec, Effect};
use dialplan::number::{self, Class, Number};
use dialplan::policy::{Decision, OriginKind};
use dialplan::reach::Sink;

use crate::cdr::Records;
use crate::config::{Bounds, Config, Money, Trunk};
use crate::snapshot::Snapshot;
use crate::unusual::Unusual;

use budget::{Budget, NoMoney, micros};
use counters::Counters;
use emergency::CallsForHelp;
pub use ledger::{Asked, Ledger};
pub use permit::{Meter, Permit, PermitTarget};
pub use refusal::{Refusal, Why};

/// A wish to start one leg.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who started the call tree.
    pub origin: &'a OriginKind,
    /// An extension that sends this leg on its way (a transfer, a forward): its rights bind it too, and it pays. It
    /// widens nothing: what `origin` may not, nobody may for him.
    pub by: Option<&'a str>,
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
    /// Makes the names of permits differ from those before a restart.
    era: String,
    alarms: AtomicU64,
    help: CallsForHelp,
    events: Option<Arc<dyn Records>>,
    /// Whose want of money was told of, and on which day: once a day is enough.
    told: Mutex<BTreeMap<String, i32>>,
    /// Watches for what the owner should hear of.
    pub unusual: Unusual,
    /// A drill's gate permits nothing and writes down what it would.
    ledger: Option<Arc<Ledger>>,
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
        Self {
            budget,
            counters: Arc::default(),
            permits: AtomicU64::new(1),
            era: String::new(),
            alarms: AtomicU64::new(0),
            help: CallsForHelp::default(),
            events: None,
            told: Mutex::default(),
            unusual: Unusual::default(),
            ledger: None,
        }
    }

    /// A gate for a drill: it writes down what it would permit, and permits nothing but the phones of the house, and
    /// those only if the ledger says so.
    #[must_use]
    pub fn drilling(ledger: Arc<Ledger>) -> Self {
        Self { ledger: Some(ledger), ..Self::new(Arc::new(budget::InMemory::default())) }
    }

    /// The same gate, whose owner hears what he should know.
    #[must_use]
    pub fn telling(self, events: Arc<dyn Records>) -> Self {
        Self { events: Some(events), ..self }
    }

    /// The same gate for an exchange that begins now: no permit is named like one before a restart.
    #[must_use]
    pub fn since(self, now: i64) -> Self {
        Self { era: format!("{now:x}-"), ..self }
    }

    fn tell(&self, now: i64, kind: &str, text: &str) {
        if let Some(events) = &self.events {
            events.event(now, kind, text);
        }
    }

    /// The phone that called for help over this trunk a short while ago: it is rung, whoever calls by it.
    #[must_use]
    pub fn call_back(&self, trunk: &str, now: i64) -> Option<String> {
        self.help.caller(trunk, now)
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
        if let Some(ledger) = &self.ledger {
            ledger.note(&ask, answer.as_ref().err());
        }
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
        let rights = matches!(refusal.why, Why::Policy(_) | Why::NotGranted | Why::NotARouteUser | Why::BeyondProof);
        if let (true, Target::Number { dialled, .. }) = (rights, ask.target) {
            let class = number::normalise(ask.snapshot.config.system.country, dialled).ok().map(|number| number.class);
            if let Some((kind, text)) = self.unusual.refused(ask.now, ask.origin, class, &refusal.reason) {
                self.tell(ask.now, kind, &text);
            }
        }
    }

    fn inside(&self, ask: &Ask<'_>, user: &str) -> Result<(Permit, Meter), Refusal> {
        let config = &ask.snapshot.config;
        if !config.extensions.contains_key(user) {
            return Err(Refusal::new(Why::NoSuchPhone, format!("there is no extension {user}")));
        }
        decide(config, ask, Class::Inside)?;
        declared(ask.app)?;
        if self.ledger.as_ref().is_some_and(|ledger| !ledger.ring) {
            return Err(Refusal::new(Why::Drill, format!("a drill: extension {user} is spared")));
        }
        let id = self.next_id();
        Ok((Permit::new(id, PermitTarget::Phone { user: user.to_owned() }, None), Meter::free()))
    }

    /// Every question but those about caps and money: whether this leg might be had at all. Permits nothing.
    ///
    /// # Errors
    /// Why not.
    pub fn would(&self, ask: &Ask<'_>) -> Result<(), Refusal> {
        match ask.target {
            Target::Phone(_) => decide(&ask.snapshot.config, ask, Class::Inside),
            Target::Number { trunk, dialled } => self.judge(ask, trunk, dialled).map(|_| ()),
        }
    }

    /// The number that is meant, if it may be called.
    fn judge(&self, ask: &Ask<'_>, name: &str, dialled: &str) -> Result<Number, Refusal> {
        let config = &ask.snapshot.config;
        if !config.trunks.contains_key(name) {
            return Err(Refusal::new(Why::NoSuchTrunk, format!("there is no trunk {name}")));
        }
        let number = number::normalise(config.system.country, dialled)
            .map_err(|wrong| Refusal::new(Why::NotANumber, format!("{wrong}: not dialled")))?;
        decide(config, ask, number.class)?;
        if number.class != Class::Emergency {
            let origin = match ask.origin {
                OriginKind::Extension(user) => Some(user.as_str()),
                OriginKind::Stranger | OriginKind::Trunk(_) | OriginKind::System | OriginKind::Grant(_) => None,
            };
            for user in origin.into_iter().chain(ask.by) {
                may_use_trunk(config, user, name, dialled)?;
            }
        }
        lent(config, ask.origin, &number, name)?;
        self.proved(ask, name, number.class)?;
        declared(ask.app)?;
        Ok(number)
    }

    async fn outside(&self, ask: &Ask<'_>, name: &str, dialled: &str) -> Result<(Permit, Meter), Refusal> {
        let number = self.judge(ask, name, dialled)?;
        if self.ledger.is_some() {
            return Err(Refusal::new(Why::Drill, format!("a drill: no {} call goes out over {name}", number.class)));
        }
        let config = &ask.snapshot.config;
        let trunk = config
            .trunks
            .get(name)
            .ok_or_else(|| Refusal::new(Why::NoSuchTrunk, format!("there is no trunk {name}")))?;
        let emergency = number.class == Class::Emergency;
        let dial = trunk_digits(config, trunk, &number, dialled);
        let target = PermitTarget::Trunk { trunk: name.to_owned(), dial, number };
        if emergency {
            self.for_help(ask, name, &target);
            return Ok((Permit::new(self.next_id(), target, None), Meter::free()));
        }
        let OriginKind::Grant(grant) = ask.origin else { return self.paid(ask, trunk, target).await };
        let class = target_class(&target);
        let (permit, meter) = self.paid(ask, trunk, target).await?;
        let text =
            format!("grant {grant} was used for a {class} call over trunk {name}: permit {}/{grant}", permit.id());
        self.tell(ask.now, "grant-call", &text);
        Ok((permit.under(grant), meter))
    }

    /// Somebody calls for help: the owner hears of it now, and the way back is kept.
    fn for_help(&self, ask: &Ask<'_>, trunk: &str, target: &PermitTarget) {
        let PermitTarget::Trunk { number, .. } = target else { return };
        let who = match (ask.by, ask.origin) {
            (Some(user), _) => user,
            (None, OriginKind::Extension(user)) => user,
            (None, _) => return,
        };
        let name = ask.snapshot.config.extensions.get(who).map_or("", |extension| extension.name.as_str());
        tracing::warn!(call = ask.call, origin = %ask.origin, trunk, "an emergency call goes out");
        self.help.note(trunk, who, ask.now);
        let text = format!("extension {who} ({name}) calls {} over trunk {trunk}", number.e164);
        self.tell(ask.now, "emergency-call", &text);
    }

    /// The last two questions: caps on calls, then money.
    async fn paid(&self, ask: &Ask<'_>, trunk: &Trunk, target: PermitTarget) -> Result<(Permit, Meter), Refusal> {
        let config = &ask.snapshot.config;
        let limits = &config.policy;
        if limits.stopped {
            return Err(Refusal::new(Why::Stopped, "the owner stopped all outside calls".to_owned()));
        }
        let PermitTarget::Trunk { trunk: name, number, .. } = &target else {
            return Err(Refusal::new(Why::NotANumber, "a phone of the house costs nothing".to_owned()));
        };
        let payer = ask.by.map_or_else(|| ask.origin.entry(), |user| OriginKind::Extension(user.to_owned()).entry());
        let bounds = bounds(config, ask);
        let today = day(config, ask.now);
        let slot = Counters::take(&self.counters, (&payer, bounds.calls_at_once), (name, trunk.max_calls))
            .inspect_err(|refusal| self.tell_once(&payer, (today, ask.now), refusal))?;
        let rate = limits.price(number);
        let minutes = longest(rate, bounds.money_per_call, bounds.minutes_per_call)
            .ok_or_else(|| Refusal::new(Why::Money, format!("a minute costs {rate}, more than a call may cost")))?;
        let id = self.next_id();
        let debit = store::Debit {
            day: today,
            origin: payer.clone(),
            class: number.class.word().to_owned(),
            trunk: name.clone(),
            leg: id.clone(),
            minute: micros(rate),
            minutes,
            first_s: trunk.billing.first,
            next_s: trunk.billing.next,
            caps: caps::caps(&bounds, &trunk.caps, limits.money_per_day_together, ask.now),
            at: ask.now,
        };
        let (reserved, minutes) = self.budget.debit(debit).await.map_err(|no| match no {
            NoMoney::CapReached { spent, cap } => {
                let refusal = caps::refusal(&payer, name, &cap, spent);
                self.tell_once(&payer, (today, ask.now), &refusal);
                refusal
            }
            NoMoney::Down(why) => {
                tracing::error!(%why, "the store does not answer: calls that cost money are refused");
                Refusal::new(Why::StoreDown, "spending cannot be counted now, so nothing is spent".to_owned())
            }
        })?;
        if let PermitTarget::Trunk { number, .. } = &target
            && let Some((kind, text)) = self.unusual.abroad(ask.origin, number)
        {
            self.tell(ask.now, kind, &text);
        }
        let limit = Duration::from_secs(u64::from(minutes) * 60);
        Ok((Permit::new(id, target, Some(limit)), Meter::running(slot, reserved, rate, trunk.billing)))
    }

    /// A cap stopped somebody: the owner hears of it, once a day for each.
    fn tell_once(&self, payer: &str, (today, now): (i32, i64), refusal: &Refusal) {
        // Bounded by the extensions of the configuration.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(payer.to_owned(), today) != Some(today) {
            self.tell(now, "cap-reached", &refusal.reason);
        }
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
        let by = ask.by.map(|user| OriginKind::Extension(user.to_owned()).entry());
        let within = |entry: &str| {
            reach.allows(entry, &Sink::Trunk(trunk.to_owned())) && reach.allows(entry, &Sink::Paid(class))
        };
        if within(ask.entry) && by.as_deref().is_none_or(within) {
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

    /// Names a permit, over restarts too: the record of its leg and its debit are found by it.
    fn next_id(&self) -> String {
        format!("p{}{}", self.era, self.permits.fetch_add(1, Ordering::Relaxed))
    }
}

/// The policy's word on the origin, and on whoever sends his leg on.
fn decide(config: &Config, ask: &Ask<'_>, class: Class) -> Result<(), Refusal> {
    let by = ask.by.map(|user| OriginKind::Extension(user.to_owned()));
    for origin in std::iter::once(ask.origin).chain(&by) {
        if let Decision::Deny(reason) = config.decide_by_for(origin).decide(origin, class) {
            return Err(Refusal::new(Why::Policy(reason.clone()), reason.to_string()));
        }
    }
    Ok(())
}

/// The caps of whoever pays.
fn bounds(config: &Config, ask: &Ask<'_>) -> Bounds {
    if let (None, OriginKind::Grant(name)) = (ask.by, ask.origin)
        && let Some(grant) = config.grants.get(name)
    {
        return grant.bounds(&config.policy);
    }
    let user = match (ask.by, ask.origin) {
        (Some(user), _) => Some(user),
        (None, OriginKind::Extension(user)) => Some(user.as_str()),
        (None, _) => None,
    };
    let own = user.and_then(|user| config.extensions.get(user)).map(|extension| extension.caps);
    config.policy.bounds(own.unwrap_or_default())
}

fn target_class(target: &PermitTarget) -> Class {
    match target {
        PermitTarget::Phone { .. } => Class::Inside,
        PermitTarget::Trunk { number, .. } => number.class,
    }
}

/// Whether the grant by whose right the leg is asked for, where it is one, leads to this number over this trunk.
fn lent(config: &Config, origin: &OriginKind, number: &Number, trunk: &str) -> Result<(), Refusal> {
    let OriginKind::Grant(name) = origin else { return Ok(()) };
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
    Ok(())
}

/// An application that does what it did not declare is refused.
fn declared(app: &AppSpec) -> Result<(), Refusal> {
    if app.effects.contains(&Effect::Dials) {
        Ok(())
    } else {
        Err(Refusal::new(Why::NotDeclared, format!("{} does not say that it dials", app.name)))
    }
}

/// Where a route gives a trunk this number, only its users may have it there. A number that no route gives, on a trunk that
/// routes name, is for the users of any of them; a trunk that no route names is the plan's own matter.
fn may_use_trunk(config: &Config, user: &str, trunk: &str, dialled: &str) -> Result<(), Refusal> {
    let naming = || config.routes.values().filter(|route| route.trunks.iter().any(|name| name == trunk));
    let giving = naming().any(|route| route.gives(dialled));
    let mut routes = naming().filter(|route| !giving || route.gives(dialled)).peekable();
    if routes.peek().is_none() || routes.any(|route| route.users.contains(user)) {
        Ok(())
    } else {
        Err(Refusal::new(
            Why::NotARouteUser,
            format!("no route lets extension {user} use trunk {trunk} for this number"),
        ))
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

/// The longest call that the price of a minute and the caps allow, in minutes; none if not even one.
fn longest(rate: Money, most: Money, minutes: u32) -> Option<u32> {
    let by_money = most.0.checked_div(rate.0).unwrap_or(u64::MAX);
    let minutes = minutes.min(u32::try_from(by_money).unwrap_or(u32::MAX));
    (minutes > 0).then_some(minutes)
}

/// Days since 1970 in the owner's time zone.
#[must_use]
pub fn day(config: &Config, now: i64) -> i32 {
    let zone = config.system.time_zone();
    let Ok(stamp) = jiff::Timestamp::from_millisecond(now) else { return i32::MAX };
    let date = stamp.to_zoned(zone).date();
    let seconds = date.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
    i32::try_from(seconds.div_euclid(86_400)).unwrap_or(i32::MAX)
}
