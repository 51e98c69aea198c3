//! Outside lines: how they are, their secrets, tests, and which numbers go out by which.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use pbx::trunks::TrunkView;
use serde_json::{Value, json};

use super::{broken, deed, done};
use crate::portal::Portal;
use crate::portal::door::{self, Fields, Me};
use crate::portal::sessions::Flash;
use crate::portal::view::{self, Frame};

#[derive(Template)]
#[template(path = "lines.html")]
struct Lines {
    frame: Frame,
    trunks: Vec<TrunkView>,
    routes: Vec<(String, String, String)>,
    extensions: Vec<String>,
}

/// All of them.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let overview = match portal.desk.overview().await {
        Ok(overview) => overview,
        Err(told) => return broken(&told),
    };
    let config = portal.desk.config();
    let lines = Lines {
        frame: Frame::new(&portal, &me, "Outside lines"),
        trunks: overview.trunks,
        routes: config
            .routes
            .iter()
            .map(|(name, route)| (name.clone(), route.dial.clone(), route.trunks.join(", ")))
            .collect(),
        extensions: config.extensions.keys().cloned().collect(),
    };
    view::page(StatusCode::OK, &lines)
}

/// Makes, tries, removes.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let name = fields.get("name");
    let (what, request) = match fields.get("do") {
        "add" => {
            let change = json!({
                "what": "add-trunk", "name": name, "host": fields.get("host"), "kind": fields.get("kind"), "username": fields.some("username"),
                "transport": fields.some("transport"), "caller_id": fields.some("caller_id"),
            });
            (format!("make outside line {name}"), json!({ "do": "edit", "change": change }))
        }
        "secret" => (
            format!("give outside line {name} a secret"),
            json!({ "do": "trunk-secret", "trunk": name, "secret": fields.raw("secret") }),
        ),
        "test" => {
            let call = fields.some("call");
            let user = call.and(fields.some("user"));
            (
                format!("test outside line {name}"),
                json!({ "do": "trunk-test", "trunk": name, "call": call, "user": user }),
            )
        }
        "remove" => (
            format!("remove outside line {name}"),
            json!({ "do": "edit", "change": { "what": "remove-trunk", "name": name } }),
        ),
        _ => return door::back(&portal, &me, "/lines", Flash::default()),
    };
    let tested = fields.get("do") == "test";
    let text = format!("Done: {what}.");
    deed(&portal, &me, "/lines", &what, request, |value| if tested { steps(name, value) } else { done(text) }).await
}

/// What a test found, a step a line.
fn steps(name: &str, value: &Value) -> Flash {
    let list = value.as_array().cloned().unwrap_or_default();
    let word = |step: &Value, field: &str| step.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let bad = list.iter().any(|step| step.get("fine").and_then(Value::as_bool) == Some(false));
    let lines = list.iter().map(|step| (word(step, "step"), word(step, "said")));
    Flash { bad, text: format!("Outside line {name} was tried."), more: String::new(), secrets: lines.collect() }
}
