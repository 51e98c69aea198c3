//! Numbers that people dial: our own at outside lines, ring groups, mailboxes, menus, grants, and where each leads.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use pbx::config::Ring;
use serde_json::{Value, json};

use super::{deed, done, said, shown};
use crate::portal::Portal;
use crate::portal::door::{self, Fields, Me};
use crate::portal::sessions::Flash;
use crate::portal::view::{self, Frame};

struct Menu {
    name: String,
    greeting: String,
    keys: Vec<(String, String)>,
    timeout: String,
}

#[derive(Template)]
#[template(path = "numbers.html")]
struct Numbers {
    frame: Frame,
    strangers: String,
    dids: Vec<(String, String, String)>,
    groups: Vec<(String, String, String, u32, String)>,
    menus: Vec<Menu>,
    mailboxes: Vec<(String, String, bool)>,
    grants: Vec<(String, String)>,
    trunks: Vec<String>,
    destinations: Vec<String>,
    extensions: Vec<(String, String)>,
}

/// All of them.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let config = portal.desk.config();
    let mut destinations: Vec<String> = config.menus.keys().map(|name| format!("menu:{name}")).collect();
    destinations.extend(config.extensions.keys().map(|number| format!("extension:{number}")));
    destinations.extend(config.groups.keys().map(|number| format!("group:{number}")));
    destinations.extend(config.mailboxes.keys().map(|number| format!("mailbox:{number}")));
    destinations.extend(["directory", "closed"].map(str::to_owned));
    let own = |number: &str| config.extensions.values().any(|extension| extension.mailbox.as_deref() == Some(number));
    let numbers = Numbers {
        frame: Frame::new(&portal, &me, "Numbers and menus"),
        strangers: config
            .strangers
            .answer
            .as_ref()
            .map_or_else(|| "nowhere: they are refused".to_owned(), ToString::to_string),
        dids: config
            .dids
            .iter()
            .map(|(number, did)| (number.clone(), did.to.to_string(), did.trunk.clone().unwrap_or_default()))
            .collect(),
        groups: config
            .groups
            .iter()
            .map(|(number, group)| {
                let ring = match group.ring {
                    Ring::All => "all at once",
                    Ring::InOrder => "one after the other",
                };
                (number.clone(), group.members.join(", "), ring.to_owned(), group.seconds, group.then.to_string())
            })
            .collect(),
        menus: config
            .menus
            .iter()
            .map(|(name, menu)| Menu {
                name: name.clone(),
                greeting: menu.greeting.clone(),
                keys: menu.keys.iter().map(|(key, to)| (key.clone(), to.to_string())).collect(),
                timeout: menu.timeout.to_string(),
            })
            .collect(),
        mailboxes: config
            .mailboxes
            .iter()
            .map(|(number, mailbox)| (number.clone(), mailbox.name.clone(), own(number)))
            .collect(),
        grants: config
            .grants
            .iter()
            .map(|(name, grant)| {
                (name.clone(), grant.may.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            })
            .collect(),
        trunks: config.trunks.keys().cloned().collect(),
        destinations,
        extensions: config
            .extensions
            .iter()
            .map(|(number, extension)| (number.clone(), extension.name.clone()))
            .collect(),
    };
    view::page(StatusCode::OK, &numbers)
}

/// Makes and removes.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let (number, name) = (fields.get("number"), fields.get("name"));
    let change = match fields.get("do") {
        "add-did" => {
            json!({ "what": "add-did", "number": number, "trunk": fields.some("trunk"), "to": fields.get("to") })
        }
        "remove-did" => json!({ "what": "remove-did", "number": number }),
        "add-group" => {
            let ring = if fields.get("ring") == "in-order" { "in-order" } else { "all" };
            let seconds = fields.get("seconds").parse().unwrap_or(20_u32);
            json!({ "what": "add-group", "number": number, "members": fields.list("members"), "ring": ring, "seconds": seconds })
        }
        "remove-group" => json!({ "what": "remove-group", "number": number }),
        "add-mailbox" => json!({ "what": "add-mailbox", "number": number, "name": fields.some("name") }),
        "remove-mailbox" => json!({ "what": "remove-mailbox", "number": number }),
        "remove-grant" => json!({ "what": "remove-grant", "name": name }),
        "pin" => return pin(&portal, &me, json!({ "mailbox": number }), &format!("mailbox {number}")).await,
        "grant-pin" => return pin(&portal, &me, json!({ "grant": name }), &format!("grant {name}")).await,
        _ => return door::back(&portal, &me, "/numbers", Flash::default()),
    };
    let what = format!("{} {}", fields.get("do").replace('-', " "), if number.is_empty() { name } else { number });
    let text = format!("Done: {what}.");
    deed(&portal, &me, "/numbers", &what, json!({ "do": "edit", "change": change }), |_| done(text)).await
}

async fn pin(portal: &Portal, me: &Me, opens: Value, of: &str) -> Response {
    deed(
        portal,
        me,
        "/numbers",
        &format!("make a new PIN for {of}"),
        json!({ "do": "new-pin", "opens": opens }),
        |value| shown(format!("New PIN of {of}"), vec![("PIN".to_owned(), said(value, "pin"))]),
    )
    .await
}
