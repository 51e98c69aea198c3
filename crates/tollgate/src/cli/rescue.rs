//! `tollgate rescue`: whoever sits at the machine can always become owner of the portal.

use super::print::say;
use super::{Common, print};
use crate::control::Request;
use crate::control::client::Client;
use crate::fault::{Fault, Outcome};

/// `tollgate rescue`
pub(super) fn run(common: &Common) -> Outcome<u8> {
    let Some(mut client) = Client::reach(&common.home) else {
        return Err(Fault::failed("the exchange does not run").repair("start it with: tollgate run"));
    };
    let value = client.ask(&Request::Rescue)?;
    if common.json {
        print::json(&value);
        return Ok(0);
    }
    say!("{}", value.get("link").and_then(serde_json::Value::as_str).unwrap_or_default());
    say!(
        "This link makes an owner of the portal, or makes one anew. It works once, for 30 minutes, in a browser on this machine."
    );
    Ok(0)
}
