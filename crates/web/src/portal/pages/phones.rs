//! Extensions: whose they are, what they may call, their secrets and PINs.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{broken, deed, done, said, shown};
use crate::portal::Portal;
use crate::portal::door::{self, Fields, Me};
use crate::portal::sessions::Flash;
use crate::portal::view::{self, Frame};

struct Line {
    number: String,
    name: String,
    may: String,
    mailbox: Option<String>,
    at: Vec<String>,
    has_secret: bool,
    can: String,
}

#[derive(Template)]
#[template(path = "phones.html")]
struct Phones {
    frame: Frame,
    lines: Vec<Line>,
}

/// All of them.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let overview = match portal.desk.overview().await {
        Ok(overview) => overview,
        Err(told) => return broken(&told),
    };
    let config = portal.desk.config();
    let can = |number: &str| {
        let entry = format!("extension:{number}");
        overview.proof.entries.iter().find(|(name, _)| *name == entry).map(|(_, text)| text.clone()).unwrap_or_default()
    };
    let line = |phone: &crate::desk::PhoneView| {
        let extension = config.extensions.get(&phone.number);
        let may =
            extension.map(|extension| extension.may.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        Line {
            number: phone.number.clone(),
            name: phone.name.clone(),
            may: may.unwrap_or_default(),
            mailbox: extension.and_then(|extension| extension.mailbox.clone()),
            at: phone.at.iter().map(ToString::to_string).collect(),
            has_secret: phone.has_secret,
            can: can(&phone.number),
        }
    };
    let lines = overview.phones.iter().map(line).collect();
    view::page(StatusCode::OK, &Phones { frame: Frame::new(&portal, &me, "Phones"), lines })
}

/// Makes, changes, removes.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let number = fields.get("number").to_owned();
    match fields.get("do") {
        "add" => add(&portal, &me, &fields, &number).await,
        "secret" => rotate(&portal, &me, &number).await,
        "pin" => {
            let request = json!({ "do": "new-pin", "opens": { "mailbox": number } });
            deed(&portal, &me, "/phones", &format!("make a new PIN for mailbox {number}"), request, |value| {
                shown(format!("Mailbox {number} has a new PIN."), vec![("PIN".to_owned(), said(value, "pin"))])
            })
            .await
        }
        "remove" => {
            let request = json!({ "do": "edit", "change": { "what": "remove-extension", "number": number } });
            deed(&portal, &me, "/phones", &format!("remove extension {number}"), request, |_| {
                done(format!("Extension {number} is gone, with its secret."))
            })
            .await
        }
        _ => door::back(&portal, &me, "/phones", Flash::default()),
    }
}

async fn add(portal: &Portal, me: &Me, fields: &Fields, number: &str) -> Response {
    let mailbox = fields.some("mailbox").is_some();
    let change = json!({
        "what": "add-extension", "number": number, "name": fields.some("name"), "may": fields.list("may"), "mailbox": mailbox,
    });
    let request = json!({ "do": "edit", "change": change });
    match portal.desk.ask(me.signed(), request).await {
        Ok(_) => {
            portal.act(&me.signed(), &format!("make extension {number}"));
            rotate(portal, me, number).await
        }
        Err(told) => {
            door::back(portal, me, "/phones", super::not_done(portal, me, &format!("make extension {number}"), told))
        }
    }
}

async fn rotate(portal: &Portal, me: &Me, number: &str) -> Response {
    let request = json!({ "do": "rotate", "user": number });
    deed(portal, me, "/phones", &format!("make a new secret for extension {number}"), request, |value| {
        let secrets = vec![
            ("User name".to_owned(), number.to_owned()),
            ("Password".to_owned(), said(value, "secret")),
            ("Domain, or realm".to_owned(), said(value, "realm")),
        ];
        shown(format!("A telephone registers as {number} with this."), secrets)
    })
    .await
}
