//! One call, played in virtual time by the code of a real one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::desk::Play;
use crate::portal::Portal;
use crate::portal::door::Me;
use crate::portal::view::{self, Frame};

/// Who calls what and does what.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    from: String,
    to: String,
    keys: String,
    caller_id: String,
    at: String,
}

#[derive(Template)]
#[template(path = "simulate.html")]
struct Simulate {
    frame: Frame,
    asked: Asked,
    who: Vec<(String, String)>,
    moments: Vec<String>,
    wrong: String,
}

/// The form, and what came of it.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me, Query(asked): Query<Asked>) -> Response {
    let config = portal.desk.config();
    let mut who = vec![("stranger".to_owned(), "somebody on the internet".to_owned())];
    who.extend(
        config.extensions.iter().map(|(number, one)| (format!("extension:{number}"), format!("{number} {}", one.name))),
    );
    who.extend(config.trunks.keys().map(|name| (format!("trunk:{name}"), format!("a caller by {name}"))));
    let (mut moments, mut wrong) = (Vec::new(), String::new());
    if !asked.to.trim().is_empty() {
        let own = |text: &str| text.trim().to_owned();
        let from = if asked.from.is_empty() { "stranger".to_owned() } else { own(&asked.from) };
        let play = Play {
            from,
            to: own(&asked.to),
            keys: own(&asked.keys),
            caller_id: own(&asked.caller_id),
            at: own(&asked.at),
        };
        match portal.desk.play(play).await {
            Ok(lines) => moments = lines,
            Err(told) => {
                wrong = told.repair.map_or_else(|| told.message.clone(), |repair| format!("{}: {repair}", told.message))
            }
        }
    }
    view::page(StatusCode::OK, &Simulate { frame: Frame::new(&portal, &me, "Try a call"), asked, who, moments, wrong })
}
