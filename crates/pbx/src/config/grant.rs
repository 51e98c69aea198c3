//! `[grant.NAME]`: a right that the owner lends to whoever knows its PIN, with caps of its own.

use std::collections::{BTreeMap, BTreeSet};

use dialplan::number::Class;

use super::tree::Table;
use super::{Bounds, Limits, Money, read::named, words};

/// `[grant.NAME]`. A call that opened it dials in its context with its rights, whoever the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it lends.
    pub kind: GrantKind,
    /// Who asks for the PIN.
    pub pin: GrantPin,
    /// Where what is dialled is looked up.
    pub context: String,
    /// Classes of numbers that may be called; empty: the house alone.
    pub may: BTreeSet<Class>,
    /// Numbers that may be called (patterns of the international form without `+`); empty: all of those classes.
    pub to: Vec<String>,
    /// Paid calls at one time.
    pub calls_at_once: u32,
    /// Paid calls that may begin within an hour.
    pub calls_per_hour: u32,
    /// Paid calls that may begin within a day.
    pub calls_per_day: u32,
    /// Longest paid call, in minutes.
    pub minutes_per_call: u32,
    /// Most that one call may cost.
    pub money_per_call: Money,
    /// Most that may be spent in a day.
    pub money_per_day: Money,
}

/// What a grant lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantKind {
    /// Dial tone of the house for a caller from outside (`DISA`).
    Disa,
}

/// Where a grant's PIN is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantPin {
    /// In the store, as a hash; `DISA` asks for it.
    Store,
    /// In the plan: the call must have passed an `Authenticate` on its way.
    Plan,
}

impl Grant {
    /// The caps that bind calls under it.
    #[must_use]
    pub fn bounds(&self, house: &Limits) -> Bounds {
        Bounds {
            calls_at_once: self.calls_at_once,
            calls_per_hour: self.calls_per_hour,
            calls_per_day: self.calls_per_day,
            minutes_per_call: self.minutes_per_call,
            money_per_call: self.money_per_call,
            money_per_day: self.money_per_day,
            minutes_per_day: house.minutes_per_day,
        }
    }

    /// Whether the number may be called, as far as `to` goes. `e164` is the international form with its `+`.
    #[must_use]
    pub fn reaches(&self, e164: &str) -> bool {
        let digits = e164.trim_start_matches('+');
        self.to.is_empty() || self.to.iter().any(|pattern| crate::plan::matches(pattern, digits))
    }
}

/// Reads every `[grant.NAME]`. `house`: what is left out is at most this.
pub(super) fn read(root: &Table<'_>, house: &Limits) -> BTreeMap<String, Grant> {
    named(root, "grant", words::name, |_, table| {
        let kind = |text: &str| match text {
            "disa" => Ok(GrantKind::Disa),
            _ => Err("\"disa\"".to_owned()),
        };
        let pin = |text: &str| match text {
            "store" => Ok(GrantPin::Store),
            "plan" => Ok(GrantPin::Plan),
            _ => Err("\"store\" (made by: tollgate grant pin NAME) or \"plan\" (asked by an Authenticate of the plan)"
                .to_owned()),
        };
        let to = |text: &str| words::pattern(text.strip_prefix('_').unwrap_or(text).trim_start_matches('+'));
        if !table.has("kind") {
            table.problem(&["kind"], "say what it lends: kind = \"disa\"");
        }
        let grant = Grant {
            kind: table.parse("kind", kind).unwrap_or(GrantKind::Disa),
            pin: table.parse("pin", pin).unwrap_or(GrantPin::Store),
            context: table.parse("context", words::name).unwrap_or_else(|| super::fresh::FROM_INTERNAL.to_owned()),
            may: table.list("may", words::class).unwrap_or_default().into_iter().collect(),
            to: table.list("to", to).unwrap_or_default(),
            calls_at_once: table.number("calls_at_once", 1..=1_000).unwrap_or(1),
            calls_per_hour: table.number("calls_per_hour", 1..=10_000).unwrap_or(house.calls_per_hour.min(5)),
            calls_per_day: table.number("calls_per_day", 1..=10_000).unwrap_or(house.calls_per_day.min(10)),
            minutes_per_call: table.number("minutes_per_call", 1..=1_440).unwrap_or(house.minutes_per_call.min(30)),
            money_per_call: table
                .amount("money_per_call", Money::from_number)
                .unwrap_or(house.money_per_call.min(Money(2_000))),
            money_per_day: table
                .amount("money_per_day", Money::from_number)
                .unwrap_or(house.money_per_day.min(Money(5_000))),
        };
        table.finish();
        grant
    })
}
