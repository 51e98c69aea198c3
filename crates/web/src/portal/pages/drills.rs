//! Drills: one that is on, and the reports of those that were done.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use store::Drill;

use super::{broken, deed, done, from_store, said, zone};
use crate::portal::Portal;
use crate::portal::door::{self, Fields, Me};
use crate::portal::sessions::Flash;
use crate::portal::view::{self, Frame, when};

/// Calls at one time of a drill that is begun here, and the minutes that it may take.
const AT_ONCE: u32 = 24;
const MINUTES: u32 = 30;

/// Reports that are listed.
const LISTED: u32 = 50;

/// How a drill that is on goes; none where none is on.
pub(crate) async fn progress(portal: &Portal) -> Option<String> {
    let status = portal.desk.ask("the portal".to_owned(), json!({ "do": "drill-status" })).await.ok()?;
    let on = status.get("on")?;
    let number = |field: &str| on.get(field).and_then(Value::as_u64).unwrap_or_default();
    Some(format!("A drill is on: {} calls, {} keys, {} still to try.", number("calls"), number("keys"), number("open")))
}

/// Verdict and level of a report.
pub(crate) fn verdict(drill: &Drill) -> (String, String) {
    let report: Value = serde_json::from_str(&drill.text).unwrap_or_default();
    (said(&report, "verdict"), said(&report, "level"))
}

#[derive(Template)]
#[template(path = "drills.html")]
struct Drills {
    frame: Frame,
    progress: Option<String>,
    rows: Vec<(i64, String, String, String)>,
}

/// All of them.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let drills = match portal.desk.store().drills(LISTED).await {
        Ok(drills) => drills,
        Err(error) => return broken(&from_store(&error)),
    };
    let (zone, now) = (zone(&portal), portal.desk.now());
    let row = |drill: &Drill| {
        let (verdict, level) = verdict(drill);
        (drill.id, when(&zone, now, drill.at), verdict, level)
    };
    let rows = drills.iter().map(row).collect();
    let progress = progress(&portal).await;
    view::page(StatusCode::OK, &Drills { frame: Frame::new(&portal, &me, "Drills"), progress, rows })
}

#[derive(Template)]
#[template(path = "drill.html")]
struct One {
    frame: Frame,
    verdict: String,
    level: String,
    at: String,
    sections: Vec<(String, Vec<String>)>,
}

/// One report.
pub(crate) async fn one(State(portal): State<Arc<Portal>>, me: Me, Path(id): Path<i64>) -> Response {
    let drill = match portal.desk.store().drill(id).await {
        Ok(Some(drill)) => drill,
        Ok(None) => return view::refused(StatusCode::NOT_FOUND, "there is no such drill"),
        Err(error) => return broken(&from_store(&error)),
    };
    let report: Value = serde_json::from_str(&drill.text).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let section = |one: &Value| {
        let lines = one.get(1).and_then(Value::as_array).map(|lines| lines.iter().map(text).collect());
        (one.get(0).map(text).unwrap_or_default(), lines.unwrap_or_default())
    };
    let sections = report.get("sections").and_then(Value::as_array).map(|all| all.iter().map(section).collect());
    let (verdict, level) = verdict(&drill);
    let at = when(&zone(&portal), portal.desk.now(), drill.at);
    let frame = Frame::new(&portal, &me, "Drill");
    view::page(StatusCode::OK, &One { frame, verdict, level, at, sections: sections.unwrap_or_default() })
}

/// Begins one, ends one.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    match fields.get("do") {
        "begin" => {
            let wishes =
                json!({ "ring": false, "at_once": AT_ONCE, "minutes": MINUTES, "from": null, "watched": false });
            let request = json!({ "do": "drill", "wishes": wishes });
            let text = "The drill began. It calls as everybody who may and presses every key; nobody is rung and nothing goes out.";
            deed(&portal, &me, "/drills", "drill the plan", request, |_| done(text)).await
        }
        "stop" => {
            let request = json!({ "do": "drill-stop" });
            deed(&portal, &me, "/drills", "end the drill", request, |_| done("The drill ends.")).await
        }
        _ => door::back(&portal, &me, "/drills", Flash::default()),
    }
}
