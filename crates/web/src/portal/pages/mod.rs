//! The pages, one file each; who may see them stands in `routes`.

pub(super) mod assets;
pub(super) mod calls;
pub(super) mod drills;
pub(super) mod events;
pub(super) mod history;
pub(super) mod home;
pub(super) mod lines;
pub(super) mod live;
pub(super) mod mine;
pub(super) mod numbers;
pub(super) mod persons;
pub(super) mod phones;
pub(super) mod plan;
pub(super) mod safety;
pub(super) mod simulate;

use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::door::{self, Me};
use super::sessions::Flash;
use super::{Portal, view};
use crate::desk::Told;

/// There is no such page.
pub(super) async fn nothing() -> Response {
    view::refused(StatusCode::NOT_FOUND, "there is no such page")
}

/// What could not be read.
fn broken(told: &Told) -> Response {
    view::refused(StatusCode::SERVICE_UNAVAILABLE, &told.message)
}

/// The store's own errors, for people.
fn from_store(error: &store::Error) -> Told {
    Told::new(format!("the store cannot be read: {error}"))
}

fn zone(portal: &Portal) -> TimeZone {
    portal.desk.config().system.time_zone()
}

/// Asks the exchange to do something, writes down who wanted it, and goes back to a page that tells what came of it.
async fn deed(
    portal: &Portal,
    me: &Me,
    to: &str,
    what: &str,
    request: Value,
    done: impl FnOnce(&Value) -> Flash,
) -> Response {
    let flash = match portal.desk.ask(me.signed(), request).await {
        Ok(value) => {
            portal.act(&me.signed(), what);
            done(&value)
        }
        Err(told) => not_done(portal, me, what, told),
    };
    door::back(portal, me, to, flash)
}

fn not_done(portal: &Portal, me: &Me, what: &str, told: Told) -> Flash {
    portal.act(&me.signed(), &format!("wanted: {what}; it was refused"));
    Flash { bad: true, text: told.message, more: told.repair.unwrap_or_default(), secrets: Vec::new() }
}

/// It worked.
fn done(text: impl Into<String>) -> Flash {
    Flash { text: text.into(), ..Flash::default() }
}

/// It worked, and something is shown once.
fn shown(text: impl Into<String>, secrets: Vec<(String, String)>) -> Flash {
    Flash {
        text: text.into(),
        more: "Write it down now: it is shown once and kept only as a hash.".to_owned(),
        secrets,
        ..Flash::default()
    }
}

/// The text of a field of an answer.
fn said(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
