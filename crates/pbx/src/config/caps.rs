//! What calls may cost: prices of a minute, and caps of everybody, of one extension and of one trunk.

use dialplan::number::{Class, Number};

use super::{Limits, Money};

/// Caps of one extension or one trunk, where they differ from those of `[policy]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caps {
    /// Paid calls at one time.
    pub calls_at_once: Option<u32>,
    /// Paid calls that may begin within an hour.
    pub calls_per_hour: Option<u32>,
    /// Paid calls that may begin within a day.
    pub calls_per_day: Option<u32>,
    /// Longest paid call, in minutes.
    pub minutes_per_call: Option<u32>,
    /// Minutes of paid calls on a day.
    pub minutes_per_day: Option<u32>,
    /// Most that one call may cost.
    pub money_per_call: Option<Money>,
    /// Most that may be spent on a day.
    pub money_per_day: Option<Money>,
}

/// The caps that bind one extension: its own, and where it has none, everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Paid calls at one time.
    pub calls_at_once: u32,
    /// Paid calls within an hour.
    pub calls_per_hour: u32,
    /// Paid calls within a day.
    pub calls_per_day: u32,
    /// Longest paid call, in minutes.
    pub minutes_per_call: u32,
    /// Minutes on a day.
    pub minutes_per_day: Option<u32>,
    /// Most that one call may cost.
    pub money_per_call: Money,
    /// Most on a day.
    pub money_per_day: Money,
}

impl Limits {
    /// Price of a minute: of the class, or the dearest known one.
    #[must_use]
    pub fn rate(&self, class: Class) -> Money {
        self.rates.get(&class).copied().unwrap_or_else(|| self.dearest())
    }

    fn dearest(&self) -> Money {
        self.rates.values().chain(self.prefixes.values()).copied().max().unwrap_or(Money::UNIT)
    }

    /// Price of a minute to a number: that of the longest prefix, else that of its class. A number abroad that the list of
    /// prefixes forgot is never cheaper than the dearest one in the list.
    #[must_use]
    pub fn price(&self, number: &Number) -> Money {
        let listed = self.prefixes.iter().filter(|(prefix, _)| number.e164.starts_with(prefix.as_str()));
        if let Some((_, price)) = listed.max_by_key(|(prefix, _)| prefix.len()) {
            return *price;
        }
        let rate = self.rate(number.class);
        match number.class {
            Class::International | Class::Premium | Class::Satellite => {
                self.prefixes.values().copied().max().map_or(rate, |dearest| rate.max(dearest))
            }
            _ => rate,
        }
    }

    /// What binds somebody with caps of his own.
    #[must_use]
    pub fn bounds(&self, own: Caps) -> Bounds {
        Bounds {
            calls_at_once: own.calls_at_once.unwrap_or(self.calls_at_once),
            calls_per_hour: own.calls_per_hour.unwrap_or(self.calls_per_hour),
            calls_per_day: own.calls_per_day.unwrap_or(self.calls_per_day),
            minutes_per_call: own.minutes_per_call.unwrap_or(self.minutes_per_call),
            minutes_per_day: own.minutes_per_day.or(self.minutes_per_day),
            money_per_call: own.money_per_call.unwrap_or(self.money_per_call),
            money_per_day: own.money_per_day.unwrap_or(self.money_per_day),
        }
    }
}
