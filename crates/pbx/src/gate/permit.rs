//! The permit: a check that passed, as a value; and the meter that runs while its leg lives.

use std::time::Duration;

use dialplan::number::{Class, Number};
use tokio::time::Instant;

use super::budget::Reserved;
use super::counters::Slot;
use crate::config::{Billing, Money};

/// Leave to start one leg to one target. Only the gate makes one; starting the leg uses it up.
///
/// Nobody else can make one:
/// ```compile_fail
/// let permit = pbx::gate::Permit { id: String::new(), target: todo!(), limit: None };
/// ```
/// it cannot be copied for a second leg:
/// ```compile_fail
/// fn twice(permit: pbx::gate::Permit) -> (pbx::gate::Permit, pbx::gate::Permit) {
///     (permit.clone(), permit)
/// }
/// ```
/// and what was used up is gone:
/// ```compile_fail
/// fn start(permit: pbx::gate::Permit) {}
/// fn twice(permit: pbx::gate::Permit) {
///     start(permit);
///     start(permit);
/// }
/// ```
#[must_use = "a permit is for starting a leg"]
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    id: String,
    target: PermitTarget,
    limit: Option<Duration>,
}

/// What a permit is for.
#[derive(Debug, PartialEq, Eq)]
pub enum PermitTarget {
    /// A phone of this exchange, at any of its contacts but only at one.
    Phone {
        /// Its extension.
        user: String,
    },
    /// One number over one trunk.
    Trunk {
        /// The trunk's name.
        trunk: String,
        /// User part of the request URI, as this trunk wants it.
        dial: String,
        /// The number in our own spelling, and its class.
        number: Number,
    },
}

impl Permit {
    pub(super) fn new(id: String, target: PermitTarget, limit: Option<Duration>) -> Self {
        Self { id, target, limit }
    }

    /// The grant that widened the right is part of the permit's name.
    pub(super) fn under(mut self, grant: &str) -> Self {
        self.id = format!("{}/{grant}", self.id);
        self
    }

    /// Names the permit in records and logs, and the grant that it was given under.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is for.
    #[must_use]
    pub fn target(&self) -> &PermitTarget {
        &self.target
    }

    /// The target in one word: an extension's number or a telephone number.
    #[must_use]
    pub fn target_text(&self) -> String {
        match &self.target {
            PermitTarget::Phone { user } => user.clone(),
            PermitTarget::Trunk { number, .. } => number.e164.clone(),
        }
    }

    /// The trunk, if it leads outside.
    #[must_use]
    pub fn trunk(&self) -> Option<&str> {
        match &self.target {
            PermitTarget::Phone { .. } => None,
            PermitTarget::Trunk { trunk, .. } => Some(trunk),
        }
    }

    /// What the trunk is to be asked for, if it leads outside.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match &self.target {
            PermitTarget::Phone { .. } => None,
            PermitTarget::Trunk { dial, .. } => Some(dial),
        }
    }

    /// The extension, if it leads to a phone of the house.
    #[must_use]
    pub fn phone(&self) -> Option<&str> {
        match &self.target {
            PermitTarget::Phone { user } => Some(user),
            PermitTarget::Trunk { .. } => None,
        }
    }

    /// Class of what is called.
    #[must_use]
    pub fn class(&self) -> Class {
        match &self.target {
            PermitTarget::Phone { .. } => Class::Inside,
            PermitTarget::Trunk { number, .. } => number.class,
        }
    }

    /// Longest conversation that was debited for; whoever joins the leg ends it then. None: no bound by money.
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        self.limit
    }
}

/// Runs while the leg of a permit lives. Dropping it, also because its task died, gives the place back and settles
/// what was really spent: nothing if the leg was never answered.
#[derive(Debug)]
pub struct Meter {
    running: Option<Running>,
    answered: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    _slot: Slot,
    reserved: Option<Box<dyn Reserved>>,
    rate: Money,
    billing: Billing,
}

impl Meter {
    pub(super) fn free() -> Self {
        Self { running: None, answered: None }
    }

    pub(super) fn running(slot: Slot, reserved: Box<dyn Reserved>, rate: Money, billing: Billing) -> Self {
        Self { running: Some(Running { _slot: slot, reserved: Some(reserved), rate, billing }), answered: None }
    }

    /// The called party answered: from now on it costs.
    pub fn answered(&mut self) {
        self.answered.get_or_insert_with(Instant::now);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let seconds = self.answered.map_or(0, |answered| {
            let talked = answered.elapsed();
            // A call of no time at all is billed as one of a second.
            (talked.as_secs() + u64::from(talked.subsec_nanos() > 0)).max(1)
        });
        if let Some(running) = &mut self.running
            && let Some(reserved) = running.reserved.take()
        {
            reserved.settle(running.rate.for_seconds(seconds, running.billing), seconds);
        }
    }
}
