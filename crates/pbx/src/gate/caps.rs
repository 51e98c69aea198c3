//! Which caps stand before a paid call, and in what words it is refused under them.

use store::{Cap, Measure, Scope};

use super::budget::{micros, money};
use super::refusal::{Refusal, Why};
use crate::config::{Bounds, Caps, Money};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Every cap on calls, minutes and money: of the payer, of the trunk, of all together.
pub(super) fn caps(payer: &Bounds, trunk: &Caps, together: Money, now: i64) -> Vec<Cap> {
    let calls = |span| Measure::Calls { since: now - span + 1 };
    let cap = |scope, measure, most: Option<u64>| most.map(|most| Cap { scope, measure, most });
    let wide = |most: Option<u32>| most.map(u64::from);
    let seconds = |minutes: Option<u32>| minutes.map(|minutes| u64::from(minutes) * 60);
    [
        cap(Scope::Origin, calls(HOUR), Some(u64::from(payer.calls_per_hour))),
        cap(Scope::Origin, calls(DAY), Some(u64::from(payer.calls_per_day))),
        cap(Scope::Origin, Measure::Seconds, seconds(payer.minutes_per_day)),
        cap(Scope::Origin, Measure::Money, Some(micros(payer.money_per_day))),
        cap(Scope::Trunk, calls(HOUR), wide(trunk.calls_per_hour)),
        cap(Scope::Trunk, calls(DAY), wide(trunk.calls_per_day)),
        cap(Scope::Trunk, Measure::Seconds, seconds(trunk.minutes_per_day)),
        cap(Scope::Trunk, Measure::Money, trunk.money_per_day.map(micros)),
        cap(Scope::Everything, Measure::Money, Some(micros(together))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The refusal under a cap, for the owner.
pub(super) fn refusal(payer: &str, trunk: &str, cap: &Cap, spent: u64) -> Refusal {
    let whose = match cap.scope {
        Scope::Trunk => format!("trunk {trunk}"),
        Scope::Everything => "the whole house".to_owned(),
        Scope::Origin | Scope::OriginClass | Scope::Class => payer.to_owned(),
    };
    match cap.measure {
        Measure::Calls { .. } => {
            Refusal::new(Why::TooOften, format!("{whose} has begun {spent} of {} calls that cost money", cap.most))
        }
        Measure::Seconds => Refusal::new(
            Why::Minutes,
            format!("{whose} has {} of {} minutes behind it today", spent / 60, cap.most / 60),
        ),
        Measure::Money => Refusal::new(
            Why::Money,
            format!("{whose}: {} of {} are spent or reserved today, not enough is left", money(spent), money(cap.most)),
        ),
    }
}
