//! What happened that an owner should know, and every act of a person in the portal.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use store::EventFilter;

use super::{broken, deed, from_store, said, zone};
use crate::limits;
use crate::portal::Portal;
use crate::portal::door::Me;
use crate::portal::sessions::Flash;
use crate::portal::view::{self, Frame, when};

/// Which.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Which {
    kind: String,
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    frame: Frame,
    rows: Vec<(String, String, String, u64, String)>,
    kind: String,
    older: Option<i64>,
}

/// A page of them.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me, Query(which): Query<Which>) -> Response {
    let kind = Some(which.kind.trim().to_owned()).filter(|kind| !kind.is_empty());
    let filter = EventFilter { kind, before: which.before, limit: limits::PAGE, ..EventFilter::default() };
    let events = match portal.desk.store().events(&filter).await {
        Ok(events) => events,
        Err(error) => return broken(&from_store(&error)),
    };
    let (zone, now) = (zone(&portal), portal.desk.now());
    let older = events.last().filter(|_| events.len() >= limits::PAGE as usize).map(|last| last.id);
    let advice = |kind: &str| {
        pbx::notice::notice(kind)
            .map_or_else(String::new, |n| format!("What was done: {}. What you may do: {}.", n.done, n.may))
    };
    let row = |event: store::Event| {
        (when(&zone, now, event.at), event.kind.clone(), event.text, event.count, advice(&event.kind))
    };
    let rows = events.into_iter().map(row).collect();
    view::page(StatusCode::OK, &Events { frame: Frame::new(&portal, &me, "Events"), rows, kind: which.kind, older })
}

/// Tries how the owner is told.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    deed(&portal, &me, "/events", "try how the owner is told", json!({ "do": "notify-test" }), tried).await
}

fn tried(value: &Value) -> Flash {
    let ways = value.as_array().cloned().unwrap_or_default();
    if ways.is_empty() {
        let more = "Write [notify] with mail or webhook into tollgate.toml.".to_owned();
        return Flash { bad: true, text: "Nobody is told of anything.".to_owned(), more, ..Flash::default() };
    }
    let line = |way: &Value| {
        let wrong = said(way, "wrong");
        (said(way, "way"), if wrong.is_empty() { "it works".to_owned() } else { wrong })
    };
    let bad = ways.iter().any(|way| !said(way, "wrong").is_empty());
    let text = "You were told something by every way.".to_owned();
    Flash { bad, text, more: String::new(), secrets: ways.iter().map(line).collect() }
}
