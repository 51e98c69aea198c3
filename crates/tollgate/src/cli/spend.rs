//! `tollgate spend`: what calls cost, by day, phone, kind of number and trunk, and how much of the day's money is left.

use super::print::say;
use super::{Common, Spend, print};
use crate::exchange::{block_on, deeds, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use pbx::config::{Config, Money};
use pbx::gate;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Mode, Spending, Store};

/// `tollgate spend`
pub(super) fn run(common: &Common, spend: &Spend) -> Outcome<u8> {
    let config = deeds::config(&common.home)?.config;
    let today = gate::day(&config, wall());
    let since = today.saturating_sub(i32::try_from(spend.days.max(1)).unwrap_or(i32::MAX) - 1);
    let ledger = block_on(async {
        let path = common.home.store();
        if !path.exists() {
            return Err(Fault::unusable(format!("there is no home in {}", common.home.path().display()))
                .repair("name it with --home"));
        }
        let doing = || format!("read the store {}", path.display());
        Store::open(&path, Mode::Read).await.doing(doing)?.ledger(since).await.doing(doing)
    })?;
    let phones = phones(&config, &ledger, today);
    if common.json {
        print::json(&json!({
            "day": date(today),
            "phones": phones.iter().map(Phone::to_json).collect::<Vec<Value>>(),
            "ledger": ledger.iter().map(row).collect::<Vec<Value>>(),
        }));
        return Ok(0);
    }
    if ledger.is_empty() {
        say!("nothing was spent");
        return Ok(0);
    }
    let rows: Vec<[String; 8]> = ledger
        .iter()
        .map(|row| {
            let reserved = if row.reserved > 0 { money(row.reserved).to_string() } else { String::new() };
            [
                date(row.day),
                row.origin.clone(),
                row.class.clone(),
                row.trunk.clone(),
                row.calls.to_string(),
                row.seconds.to_string(),
                money(row.settled).to_string(),
                reserved,
            ]
        })
        .collect();
    print::table(["day", "who", "class", "trunk", "calls", "seconds", "spent", "reserved"], &rows);
    for phone in phones {
        say!("{} has spent {} of {} today", phone.origin, phone.used, phone.cap);
    }
    Ok(0)
}

/// What one phone has spent today, reservations included, and what it may.
struct Phone {
    origin: String,
    used: Money,
    cap: Money,
}

impl Phone {
    fn to_json(&self) -> Value {
        json!({ "origin": self.origin, "spent": number(self.used), "cap": number(self.cap) })
    }
}

fn phones(config: &Config, ledger: &[Spending], today: i32) -> Vec<Phone> {
    let mut used: BTreeMap<&str, u64> = BTreeMap::new();
    for row in ledger.iter().filter(|row| row.day == today) {
        *used.entry(&row.origin).or_default() += row.settled + row.reserved;
    }
    used.into_iter()
        .map(|(origin, used)| {
            let own = origin.strip_prefix("extension:").and_then(|user| config.extensions.get(user));
            let caps = config.policy.bounds(own.map(|extension| extension.caps).unwrap_or_default());
            Phone { origin: origin.to_owned(), used: money(used), cap: caps.money_per_day }
        })
        .collect()
}

fn row(row: &Spending) -> Value {
    json!({
        "day": date(row.day),
        "origin": row.origin,
        "class": row.class,
        "trunk": row.trunk,
        "calls": row.calls,
        "seconds": row.seconds,
        "spent": number(money(row.settled)),
        "reserved": number(money(row.reserved)),
    })
}

/// The store counts in millionths, the configuration in thousandths.
fn money(micros: store::Micros) -> Money {
    Money(micros / 1000)
}

/// An amount as a number of JSON.
fn number(money: Money) -> f64 {
    // Exact for any amount that a house can spend.
    money.0 as f64 / 1000.0
}

fn date(day: i32) -> String {
    let from = jiff::civil::Date::constant(1970, 1, 1);
    from.checked_add(jiff::Span::new().days(day)).map(|date| date.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(20_000), "2024-10-04");
    }
}
