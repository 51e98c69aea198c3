//! What happened that an owner should know, and every act of a person in the portal.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use store::EventFilter;

use super::{broken, from_store, zone};
use crate::limits;
use crate::portal::Portal;
use crate::portal::door::Me;
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
    rows: Vec<(String, String, String, u64)>,
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
    let rows =
        events.into_iter().map(|event| (when(&zone, now, event.at), event.kind, event.text, event.count)).collect();
    view::page(StatusCode::OK, &Events { frame: Frame::new(&portal, &me, "Events"), rows, kind: which.kind, older })
}
