//! The owner's texts: looked at while they are written, taken over whole or not at all.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{broken, done};
use crate::desk::{PlanText, Preview, Told};
use crate::portal::Portal;
use crate::portal::door::{self, Fields, Me};
use crate::portal::secrets::hash_of;
use crate::portal::view::{self, Frame};

/// Which text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Which {
    file: String,
}

#[derive(Template)]
#[template(path = "plan.html")]
struct Plan {
    frame: Frame,
    names: Vec<String>,
    name: String,
    text: String,
    was: String,
    rows: usize,
    preview: Option<Preview>,
    findings: Vec<String>,
    /// Somebody else changed it meanwhile: what stands there now.
    theirs: Option<String>,
}

/// A text to be changed.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me, Query(which): Query<Which>) -> Response {
    match shown(&portal, &me, &which.file, None, None, None).await {
        Ok(plan) => view::page(StatusCode::OK, &plan),
        Err(told) => broken(&told),
    }
}

async fn shown(
    portal: &Portal,
    me: &Me,
    file: &str,
    text: Option<(&str, &str)>,
    preview: Option<Preview>,
    theirs: Option<String>,
) -> Result<Plan, Told> {
    let texts = portal.desk.texts().await?;
    let found =
        texts.iter().find(|text| text.name == file).or(texts.first()).ok_or_else(|| Told::new("there is no text"))?;
    let findings = portal.desk.overview().await?.proof.findings;
    let (written, was) =
        text.map_or_else(|| (found.text.clone(), mark(&found.text)), |(text, was)| (text.to_owned(), was.to_owned()));
    Ok(Plan {
        frame: Frame::new(portal, me, "Plan"),
        names: texts.iter().map(|text| text.name.clone()).collect(),
        name: found.name.clone(),
        rows: written.lines().count().clamp(12, 40),
        text: written,
        was,
        preview,
        findings,
        theirs,
    })
}

/// By this a page says which text it began with.
pub(crate) fn mark(text: &str) -> String {
    hex::encode(hash_of(text))
}

/// Looks at what a text would do, or takes it over.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let name = fields.get("file").to_owned();
    // Browsers send lines with CR LF (HTML standard, "constructing entry list"); files have LF.
    let text = fields.raw("text").replace("\r\n", "\n");
    let was = fields.get("was").to_owned();
    match take(&portal, &me, &name, &text, &was, fields.get("do") == "apply").await {
        Ok(response) => response,
        Err(told) => broken(&told),
    }
}

async fn take(portal: &Portal, me: &Me, name: &str, text: &str, was: &str, apply: bool) -> Result<Response, Told> {
    let now = portal
        .desk
        .texts()
        .await?
        .into_iter()
        .find(|text| text.name == name)
        .ok_or_else(|| Told::new(format!("there is no file {name}")))?;
    if mark(&now.text) != was {
        let plan = shown(portal, me, name, Some((text, &mark(&now.text))), None, Some(now.text)).await?;
        return Ok(view::page(StatusCode::CONFLICT, &plan));
    }
    let written = PlanText { name: name.to_owned(), text: text.to_owned() };
    let mut refused = None;
    if apply {
        match portal.desk.apply(me.signed(), now.text, written.clone()).await {
            Ok(_) => {
                portal.act(&me.signed(), &format!("change {name}"));
                let flash = done(format!("{name} is taken over; calls that are on keep what they began with."));
                return Ok(door::back(portal, me, &format!("/plan?file={}", view::encoded(name)), flash));
            }
            Err(told) => {
                portal.act(&me.signed(), &format!("wanted: change {name}; it was refused"));
                refused = Some(match told.repair {
                    Some(repair) => format!("{}\n{repair}", told.message),
                    None => told.message,
                });
            }
        }
    }
    let mut preview = portal.desk.preview(written).await?;
    preview.wrong = refused.or(preview.wrong);
    let status = if preview.wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let plan = shown(portal, me, name, Some((text, was)), Some(preview), None).await?;
    Ok(view::page(status, &plan))
}
