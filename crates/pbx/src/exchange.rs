//! What all calls share: gate, records, prompts, globals, numbers. Built by the shell, and by simulations.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use dialplan::CivilTime;
use jiff::tz::TimeZone;

use crate::cdr::Records;
use crate::control::Calls;
use crate::database::Database;
use crate::gate::Gate;
use crate::groups::{Devices, Groups};
use crate::limits;
use crate::mailbox::Mailboxes;
use crate::pin::Pins;
use crate::programs::{self, Programs};
use crate::snapshot::Snapshot;
use crate::sounds::Sounds;
use crate::switch::LegId;

/// The clock on the wall; the shell's is the system's, a simulation's is virtual.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// A clock that asks `now` for milliseconds since 1970.
    #[must_use]
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Milliseconds since 1970, UTC.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

/// Says whether a telephone is registered.
type Registered = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Shared services of all calls.
pub struct Exchange {
    /// Today's configuration, program and proof.
    pub snapshot: ArcSwap<Snapshot>,
    /// The one gate.
    pub gate: Gate,
    /// Where call records go.
    pub records: Arc<dyn Records>,
    /// PINs of mailboxes and grants.
    pub pins: Arc<Pins>,
    /// Prompts.
    pub sounds: Arc<dyn Sounds>,
    /// Messages and greetings.
    pub mailboxes: Arc<Mailboxes>,
    /// The calls that are on.
    pub calls: Calls,
    /// Parked calls.
    pub parking: Arc<crate::parking::Parking>,
    /// The plan's database.
    pub database: Database,
    /// Calls that the plan counts.
    pub groups: Arc<Groups>,
    /// Telephones that are in calls.
    pub devices: Arc<Devices>,
    /// What plans may run outside.
    pub programs: Arc<dyn Programs>,
    /// Whether a telephone is registered.
    registered: OnceLock<Registered>,
    /// The clock on the wall.
    pub clock: Clock,
    zone: TimeZone,
    globals: Mutex<BTreeMap<String, String>>,
    /// Also the numbers of media ports: shared with the exchange of a drill.
    legs: Arc<AtomicU64>,
    boot: u64,
    random: AtomicU64,
}

/// What an exchange is made of.
pub struct Parts {
    /// Configuration, program and proof to begin with.
    pub snapshot: Snapshot,
    /// The gate.
    pub gate: Gate,
    /// Where records go.
    pub records: Arc<dyn Records>,
    /// PINs.
    pub pins: Arc<Pins>,
    /// Prompts.
    pub sounds: Arc<dyn Sounds>,
    /// Messages and greetings.
    pub mailboxes: Arc<Mailboxes>,
    /// The clock.
    pub clock: Clock,
    /// Random bits, for names and `RAND`; no secret is made of them.
    pub seed: u64,
}

impl Exchange {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let zone = parts.snapshot.config.system.time_zone();
        let globals = parts.snapshot.program.globals().clone();
        Self {
            boot: u64::try_from(parts.clock.now() / 1000).unwrap_or_default(),
            snapshot: ArcSwap::from_pointee(parts.snapshot),
            gate: parts.gate,
            records: parts.records,
            pins: parts.pins,
            sounds: parts.sounds,
            mailboxes: parts.mailboxes,
            calls: Calls::default(),
            parking: Arc::default(),
            database: Database::default(),
            groups: Arc::default(),
            devices: Arc::default(),
            programs: programs::closed(),
            registered: OnceLock::new(),
            clock: parts.clock,
            zone,
            globals: Mutex::new(globals),
            legs: Arc::new(AtomicU64::new(1)),
            random: AtomicU64::new(parts.seed),
        }
    }

    /// With a database that lasts and a way to programs; without this there is neither.
    #[must_use]
    pub fn with_outside(mut self, database: Database, programs: Arc<dyn Programs>) -> Self {
        self.database = database;
        self.programs = programs;
        self
    }

    /// An exchange beside this one for the calls of a drill: same configuration, plan, prompts, phones and numbers of
    /// legs, and nothing else in common. What its calls leave behind is gone with it. Its clock may be another, for ways
    /// that are open at some hours only.
    #[must_use]
    pub fn for_drill(&self, gate: Gate, pins: Arc<Pins>, records: Arc<dyn Records>, clock: Clock) -> Self {
        let mut beside = Self::new(Parts {
            snapshot: self.snapshot.load().as_ref().clone(),
            gate,
            records,
            pins,
            sounds: Arc::clone(&self.sounds),
            mailboxes: Arc::new(Mailboxes::for_drill()),
            clock,
            seed: self.random(),
        });
        beside.database = self.database.copy();
        beside.legs = Arc::clone(&self.legs);
        beside.registered = self.registered.clone();
        beside
    }

    /// Whom to ask for registered telephones, once.
    pub fn ask_registered(&self, ask: impl Fn(&str) -> bool + Send + Sync + 'static) {
        if self.registered.set(Arc::new(ask)).is_err() {
            tracing::debug!("it is known already who is registered");
        }
    }

    /// Whether a telephone is registered; true where nobody can tell.
    #[must_use]
    pub fn is_registered(&self, user: &str) -> bool {
        self.registered.get().is_none_or(|ask| ask(user))
    }

    /// A number for a new leg, unique while the exchange runs.
    #[must_use]
    pub fn leg_id(&self) -> LegId {
        LegId(self.legs.fetch_add(1, Ordering::Relaxed))
    }

    /// A name for a new call tree, unique over restarts.
    #[must_use]
    pub fn tree_id(&self, first: LegId) -> String {
        format!("{:x}-{:x}", self.boot, first.0)
    }

    /// Name of the exchange, from the configuration.
    #[must_use]
    pub fn name(&self) -> String {
        self.snapshot.load().config.system.name.clone()
    }

    /// Language of prompts, from the configuration.
    #[must_use]
    pub fn language(&self) -> String {
        self.snapshot.load().config.system.language.clone()
    }

    /// Local time at this moment.
    #[must_use]
    pub fn civil_time(&self) -> CivilTime {
        self.local_time(self.clock.now())
    }

    /// Local time at a moment, milliseconds since 1970.
    #[must_use]
    pub fn local_time(&self, at: i64) -> CivilTime {
        let stamp = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        civil(&stamp.to_zoned(self.zone.clone()))
    }

    /// The time in a zone of that name, or in the exchange's own where there is none such.
    #[must_use]
    pub fn civil_at(&self, epoch: i64, zone: &str) -> CivilTime {
        let stamp = jiff::Timestamp::from_second(epoch).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let named = if zone.is_empty() { None } else { TimeZone::get(zone).ok() };
        civil(&stamp.to_zoned(named.unwrap_or_else(|| self.zone.clone())))
    }

    /// 64 pseudo-random bits (SplitMix64), good for `RAND`, not for secrets.
    #[must_use]
    pub fn random(&self) -> u64 {
        let mut z = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A global variable of the plan.
    #[must_use]
    pub fn global(&self, name: &str) -> Option<String> {
        self.globals.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Sets a global variable; beyond [`limits::GLOBALS`] of them new ones are refused.
    pub fn set_global(&self, name: &str, value: &str) {
        let mut globals = self.globals.lock().unwrap_or_else(PoisonError::into_inner);
        if globals.len() < limits::GLOBALS || globals.contains_key(name) {
            globals.insert(name.to_owned(), value.to_owned());
        } else {
            tracing::warn!(name, "too many global variables: this one is not set");
        }
    }
}

fn civil(at: &jiff::Zoned) -> CivilTime {
    CivilTime {
        year: i32::from(at.year()),
        month: at.month().unsigned_abs(),
        day: at.day().unsigned_abs(),
        weekday: at.weekday().to_sunday_zero_offset().unsigned_abs(),
        hour: at.hour().unsigned_abs(),
        minute: at.minute().unsigned_abs(),
        second: at.second().unsigned_abs(),
        utc_offset_s: at.offset().seconds(),
    }
}
