//! `tollgate grant`: what the owner lends to whoever knows a PIN. The PIN is shown once, when it is made.

use super::keep::{done, edit, show};
use super::mailbox::{kept, locked, new_pin};
use super::{Common, Grant};
use crate::config_file::edit::Change;
use crate::exchange::{block_on, deeds, deeds::Opens};
use crate::fault::Outcome;
use pbx::config::GrantPin;
use pbx::pin::PinOf;

/// `tollgate grant …`
pub(super) fn grant(common: &Common, what: &Grant) -> Outcome<u8> {
    match what {
        Grant::List => list(common)?,
        Grant::Add { name, may, to, money_per_day, calls_per_day } => {
            let change = Change::AddGrant {
                name: name.clone(),
                may: may.clone(),
                to: to.clone(),
                money_per_day: *money_per_day,
                calls_per_day: *calls_per_day,
            };
            edit(common, change)?;
            new_pin(common, &Opens::Grant(name.clone()))?;
        }
        Grant::Pin { name } => new_pin(common, &Opens::Grant(name.clone()))?,
        Grant::Remove { name } => {
            edit(common, Change::RemoveGrant { name: name.clone() })?;
            done(common, &format!("grant {name} is taken back"));
        }
    }
    Ok(0)
}

fn list(common: &Common) -> Outcome<()> {
    let config = deeds::config(&common.home)?.config;
    let (set, locks) = block_on(kept(common))?;
    let rows: Vec<[String; 8]> = config
        .grants
        .iter()
        .map(|(name, grant)| {
            let key = PinOf::Grant(name.clone()).key();
            let pin = match grant.pin {
                GrantPin::Plan => "in the plan",
                GrantPin::Store if set.contains_key(&key) => "set",
                GrantPin::Store => "none",
            };
            let may: Vec<String> = grant.may.iter().map(ToString::to_string).collect();
            [
                name.clone(),
                grant.context.clone(),
                pin.to_owned(),
                locked(&locks, &key),
                may.join(","),
                grant.to.join(","),
                grant.calls_per_day.to_string(),
                grant.money_per_day.to_string(),
            ]
        })
        .collect();
    let head = ["name", "context", "pin", "locked", "may", "to", "calls_per_day", "money_per_day"];
    show(common, "grants", head, &rows);
    Ok(())
}
