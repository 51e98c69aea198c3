//! What everybody has: his own messages, his PIN, his calls. Nobody else's.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use store::CallFilter;

use super::home::Row;
use super::{broken, deed, done, from_store, not_done, said, shown, zone};
use crate::portal::Portal;
use crate::portal::door::{self, Fields, Me};
use crate::portal::sessions::Flash;
use crate::portal::view::{self, Frame, length, when};

struct Message {
    uid: String,
    from: String,
    at: String,
    length: String,
    folder: String,
    urgent: bool,
}

#[derive(Template)]
#[template(path = "mine.html")]
struct Mine {
    frame: Frame,
    extension: Option<String>,
    mailbox: Option<String>,
    messages: Vec<Message>,
    calls: Vec<Row>,
}

/// The mailbox of whoever asks.
fn mailbox(portal: &Portal, me: &Me) -> Option<String> {
    portal.desk.config().extensions.get(me.extension.as_ref()?)?.mailbox.clone()
}

/// His page.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let (zone, now) = (zone(&portal), portal.desk.now());
    let store = portal.desk.store();
    let mailbox = mailbox(&portal, &me);
    let mut messages = Vec::new();
    if let Some(mailbox) = &mailbox {
        messages = match store.messages(Some(mailbox), None).await {
            Ok(messages) => messages,
            Err(error) => return broken(&from_store(&error)),
        };
    }
    let mut calls = Vec::new();
    if let Some(extension) = &me.extension {
        let filter = CallFilter { origin: Some(format!("extension:{extension}")), limit: 20, ..CallFilter::default() };
        let to = CallFilter { text: Some(extension.clone()), limit: 100, ..CallFilter::default() };
        let (own, other) = (store.calls(&filter).await, store.calls(&to).await);
        let mut all = own.unwrap_or_default();
        all.extend(other.unwrap_or_default().into_iter().filter(|listed| listed.record.to == *extension));
        all.sort_by_key(|listed| std::cmp::Reverse(listed.n));
        all.dedup_by_key(|listed| listed.n);
        calls = Row::all(&zone, now, &all).into_iter().take(20).collect();
    }
    let messages = messages.into_iter().map(|message| Message {
        from: if message.from_name.is_empty() {
            message.from.clone()
        } else {
            format!("{} ({})", message.from_name, message.from)
        },
        at: when(&zone, now, message.at),
        length: length(i64::from(message.duration)),
        folder: message.folder.word().to_owned(),
        urgent: message.urgent,
        uid: message.uid,
    });
    let mine = Mine {
        frame: Frame::new(&portal, &me, "My mailbox"),
        extension: me.extension.clone(),
        mailbox,
        messages: messages.collect(),
        calls,
    };
    view::page(StatusCode::OK, &mine)
}

/// One of his messages, as sound.
pub(crate) async fn sound(State(portal): State<Arc<Portal>>, me: Me, Path(uid): Path<String>) -> Response {
    let Some(mailbox) = mailbox(&portal, &me) else { return super::nothing().await };
    match portal.desk.sound(mailbox, uid).await {
        Ok(bytes) => ([(CONTENT_TYPE, "audio/wav")], bytes).into_response(),
        Err(_) => super::nothing().await,
    }
}

/// Deletes a message, makes the PIN new.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let Some(mailbox) = mailbox(&portal, &me) else { return super::nothing().await };
    match fields.get("do") {
        "delete" => {
            let uid = fields.get("uid");
            let what = format!("delete message {uid} of mailbox {mailbox}");
            let flash = match portal.desk.delete_message(mailbox, uid.to_owned()).await {
                Ok(()) => {
                    portal.act(&me.signed(), &what);
                    done("The message is deleted.")
                }
                Err(told) => not_done(&portal, &me, &what, told),
            };
            door::back(&portal, &me, "/mine", flash)
        }
        "pin" => {
            let request = json!({ "do": "new-pin", "opens": { "mailbox": mailbox } });
            deed(&portal, &me, "/mine", &format!("make a new PIN for mailbox {mailbox}"), request, |value| {
                shown("Your mailbox has a new PIN.", vec![("PIN".to_owned(), said(value, "pin"))])
            })
            .await
        }
        _ => door::back(&portal, &me, "/mine", Flash::default()),
    }
}
