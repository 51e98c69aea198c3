//! Who calls and when, in a call that is only played: for `tollgate simulate` and the portal.

use crate::exchange::wall;
use crate::fault::{Fault, Outcome};
use pbx::config::Config;
use pbx::switch::Origin;
use std::net::{IpAddr, Ipv4Addr};

/// An address of the documentation range (RFC 5737) stands for "anywhere".
const ANYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// `stranger`, `extension:204` or `204`, `trunk:itsp`.
pub(crate) fn who(config: &Config, text: &str) -> Outcome<Origin> {
    let (kind, name) = text.split_once(':').unwrap_or(("", text));
    match (kind, name) {
        ("", "stranger" | "strangers") => Ok(Origin::Stranger { source: ANYWHERE }),
        ("extension" | "", user) if config.extensions.contains_key(user) => {
            Ok(Origin::Extension { user: user.to_owned() })
        }
        ("trunk" | "", name) if config.trunks.contains_key(name) => Ok(Origin::Trunk { name: name.to_owned() }),
        _ => {
            let extensions = config.extensions.keys().map(|user| format!("extension:{user}"));
            let trunks = config.trunks.keys().map(|name| format!("trunk:{name}"));
            let known: Vec<String> = extensions.chain(trunks).collect();
            Err(Fault::unusable(format!("nobody is called {text}"))
                .repair(format!("known are stranger, {}", known.join(", "))))
        }
    }
}

/// The moment of the call, as civil time where the exchange is.
pub(crate) fn at(config: &Config, text: Option<&str>) -> Outcome<i64> {
    let Some(text) = text else { return Ok(wall()) };
    let wrong =
        |error: jiff::Error| Fault::unusable(format!("{text} is no time: {error}")).repair("as in 2026-12-24T18:00");
    let civil: jiff::civil::DateTime = text.parse().map_err(wrong)?;
    let zoned = civil.to_zoned(config.system.time_zone()).map_err(wrong)?;
    Ok(zoned.timestamp().as_millisecond())
}
