//! Why the gate says no, for programs ([`Why`]) and in words for the owner.

use std::fmt;

use dialplan::policy::Reason;

use crate::switch::Cause;

/// A "no" of the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which question was answered with no.
    pub why: Why,
    /// The same in words that an owner knows; holds no number and no address.
    pub reason: String,
}

/// The question at which the gate said no, in the order of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// No such trunk is configured.
    NoSuchTrunk,
    /// No such extension is configured.
    NoSuchPhone,
    /// What was to be dialled is no number.
    NotANumber,
    /// Policy: this origin may not start calls of this class.
    Policy(Reason),
    /// The grant does not lead to this number.
    NotGranted,
    /// The trunk belongs to routes of others.
    NotARouteUser,
    /// The running plan has no valid proof.
    NoProof,
    /// The owner stopped all outside calls.
    Stopped,
    /// Outside the proven reach: an alarm.
    BeyondProof,
    /// The application did not declare that it dials.
    NotDeclared,
    /// Too many paid calls at one time, of this origin or on this trunk.
    TooManyAtOnce,
    /// Too many paid calls in an hour or a day.
    TooOften,
    /// Not enough minutes left under the caps.
    Minutes,
    /// Not enough money left under the caps.
    Money,
    /// Spending cannot be counted.
    StoreDown,
    /// It would be permitted, but this is a drill: written down, not started.
    Drill,
}

impl Refusal {
    /// What the plan and the caller are told, as a Q.850 cause.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self.why {
            Why::NoSuchTrunk | Why::NoSuchPhone => Cause::UNALLOCATED,
            Why::NotANumber => Cause::INVALID_NUMBER,
            Why::TooManyAtOnce | Why::StoreDown => Cause::CONGESTION,
            // So the plan goes on as if it had rung and nobody had come.
            Why::Drill => Cause::NO_ANSWER,
            Why::Policy(_)
            | Why::NotGranted
            | Why::Stopped
            | Why::NotARouteUser
            | Why::NoProof
            | Why::BeyondProof
            | Why::NotDeclared
            | Why::TooOften
            | Why::Minutes
            | Why::Money => Cause::REJECTED,
        }
    }

    pub(super) fn new(why: Why, reason: String) -> Self {
        Self { why, reason }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Refusal {}
