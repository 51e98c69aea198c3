//! `tollgate notify`: is the owner told what happens?

use super::keep::done;
use super::print::say;
use super::{Common, Notify, print};
use crate::control::Request;
use crate::control::client::Client;
use crate::fault::{Fault, Outcome};
use serde_json::Value;

/// `tollgate notify …`; 1 if a way does not work.
pub(super) fn notify(common: &Common, what: Notify) -> Outcome<u8> {
    let mut client = Client::reach(&common.home).ok_or_else(|| {
        Fault::failed("the exchange does not run, and it is the one who tells").repair("start it with: tollgate run")
    })?;
    if let Notify::Secret = what {
        let value = client.ask(&Request::NotifySecret)?;
        if common.json {
            print::json(&value);
        } else {
            say!("{}", value.get("secret").and_then(Value::as_str).unwrap_or_default());
            done(common, "posts are signed with this secret from now on; it is not shown again");
        }
        return Ok(0);
    }
    let told = client.ask(&Request::NotifyTest)?;
    let ways = told.as_array().map(Vec::as_slice).unwrap_or_default();
    if ways.is_empty() {
        return Err(Fault::failed("nobody is told of anything")
            .repair("write [notify] with mail = \"you@example.net\" or webhook = \"https://…\" into tollgate.toml"));
    }
    let wrong = |way: &Value| way.get("wrong").and_then(Value::as_str).map(str::to_owned);
    if common.json {
        print::json(&told);
    } else {
        for way in ways {
            let name = way.get("way").and_then(Value::as_str).unwrap_or_default();
            match wrong(way) {
                None => say!("fine  {name}"),
                Some(why) => say!("LOOK  {name}: {}", print::clean(&why)),
            }
        }
    }
    Ok(u8::from(ways.iter().any(|way| wrong(way).is_some())))
}
