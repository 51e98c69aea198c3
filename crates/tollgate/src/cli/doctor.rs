//! `tollgate doctor`: is this machine fit, and is this home? Looks, changes nothing.

use super::print::say;
use super::{Common, print};
use crate::control::Request;
use crate::control::client::Client;
use crate::exchange::{block_on, snapshot};
use crate::fault::{Doing as _, Outcome};
use crate::home::State;
use crate::net::address::reachable;
use crate::net::tls::Identity;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt as _;
use store::{Mode, Store};

/// One thing that was looked at.
struct Look {
    what: &'static str,
    fine: bool,
    said: String,
}

/// Looks at everything; exit 1 if something is not fine.
pub(super) fn run(common: &Common) -> Outcome<u8> {
    let mut looks = Vec::new();
    home(common, &mut looks);
    configuration(common, &mut looks);
    database(common, &mut looks);
    machine(&mut looks);
    running(common, &mut looks);
    if common.json {
        let list: Vec<Value> =
            looks.iter().map(|look| json!({ "what": look.what, "fine": look.fine, "said": look.said })).collect();
        print::json(&Value::Array(list));
    } else {
        for look in &looks {
            say!("{}  {:<14} {}", if look.fine { "fine" } else { "LOOK" }, look.what, look.said);
        }
    }
    Ok(u8::from(looks.iter().any(|look| !look.fine)))
}

fn add(looks: &mut Vec<Look>, what: &'static str, fine: bool, said: impl Into<String>) {
    looks.push(Look { what, fine, said: said.into() });
}

fn home(common: &Common, looks: &mut Vec<Look>) {
    let place = common.home.path().display().to_string();
    match common.home.state() {
        Ok(State::Absent | State::Empty) => {
            add(looks, "home", true, format!("{place}: will be made at the first start"))
        }
        Ok(State::Written | State::Lived) => add(looks, "home", true, place),
        Err(fault) => add(looks, "home", false, fault.to_string()),
    }
    for path in [common.home.path().to_path_buf(), common.home.config(), common.home.store(), common.home.pepper()] {
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            add(looks, "rights", false, format!("{} is open to others ({mode:o}); a start closes it", path.display()));
        }
    }
}

fn configuration(common: &Common, looks: &mut Vec<Look>) {
    if !common.home.config().exists() {
        return;
    }
    match snapshot::of(&common.home) {
        Ok(built) => {
            let config = &built.snapshot.config;
            if !config.sip.tls.is_empty() {
                let (certificate, key) = common.home.tls(&config.tls);
                match Identity::load(&certificate, &key) {
                    Ok(_) => add(looks, "certificate", true, certificate.display().to_string()),
                    // Before the first start there is none.
                    Err(_) if !certificate.exists() && !common.home.store().exists() => {}
                    Err(fault) => add(looks, "certificate", false, fault.to_string()),
                }
            }
            let said = match built.findings.len() {
                0 => built.verdict.clone(),
                count => format!("{count} findings (see: tollgate check); {}", built.verdict),
            };
            add(looks, "configuration", built.findings.is_empty(), said);
        }
        Err(fault) => add(looks, "configuration", false, fault.to_string()),
    }
}

fn database(common: &Common, looks: &mut Vec<Look>) {
    let path = common.home.store();
    if !path.exists() {
        return;
    }
    let opened = block_on(async { Store::open(&path, Mode::Read).await.doing(|| "read the store".to_owned()) });
    match opened {
        Ok(store) => add(looks, "store", true, format!("{} (realm {})", path.display(), store.realm())),
        Err(fault) => add(looks, "store", false, fault.to_string()),
    }
}

fn machine(looks: &mut Vec<Look>) {
    let v4 = reachable(Ipv4Addr::UNSPECIFIED.into());
    let v6 = reachable(Ipv6Addr::UNSPECIFIED.into());
    let list: Vec<String> = v4.iter().chain(&v6).map(ToString::to_string).collect();
    add(looks, "addresses", true, list.join(" "));
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    // Each side of a call has two sockets.
    let fine = limit.is_none_or(|limit| limit >= 4096);
    let said = limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
    add(looks, "open files", fine, format!("{said} allowed, each call needs four"));
    let zone = jiff::tz::TimeZone::try_system().map(|zone| zone.iana_name().unwrap_or("nameless").to_owned());
    match zone {
        Ok(zone) => add(looks, "time zone", true, zone),
        Err(error) => add(looks, "time zone", true, format!("none known, UTC is used ({error})")),
    }
}

fn running(common: &Common, looks: &mut Vec<Look>) {
    match Client::reach(&common.home) {
        None => add(looks, "exchange", true, "is not running on this home"),
        Some(mut client) => match client.ask(&Request::Status) {
            Ok(status) => {
                let healthy = status.get("store_healthy").and_then(Value::as_bool).unwrap_or(false);
                add(looks, "exchange", healthy, status.to_string());
            }
            Err(fault) => add(looks, "exchange", false, fault.to_string()),
        },
    }
}
