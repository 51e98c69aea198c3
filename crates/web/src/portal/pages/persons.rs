//! Who may use the portal. Only owners come here.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{broken, done, not_done};
use crate::desk::Told;
use crate::portal::Portal;
use crate::portal::door::{self, Fields, Me};
use crate::portal::people::{Role, is_name};
use crate::portal::sessions::Flash;
use crate::portal::view::{self, Frame};

#[derive(Template)]
#[template(path = "people.html")]
struct Persons {
    frame: Frame,
    people: Vec<(String, &'static str, String)>,
    extensions: Vec<(String, String)>,
}

/// All of them.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let people = match portal.people().await {
        Ok(people) => people,
        Err(told) => return broken(&told),
    };
    let config = portal.desk.config();
    let persons = Persons {
        frame: Frame::new(&portal, &me, "People"),
        people: people
            .0
            .iter()
            .map(|one| (one.name.clone(), one.role.word(), one.extension.clone().unwrap_or_default()))
            .collect(),
        extensions: config.extensions.iter().map(|(number, one)| (number.clone(), one.name.clone())).collect(),
    };
    view::page(StatusCode::OK, &persons)
}

/// Invites, removes.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let name = fields.get("name").to_owned();
    let (what, result) = match fields.get("do") {
        "invite" => (format!("invite {name}"), invite(&portal, &fields, &name)),
        "remove" => (format!("remove {name}"), remove(&portal, &name).await),
        _ => return door::back(&portal, &me, "/people", Flash::default()),
    };
    let flash = match result {
        Ok(flash) => {
            portal.act(&me.signed(), &what);
            flash
        }
        Err(told) => not_done(&portal, &me, &what, told),
    };
    door::back(&portal, &me, "/people", flash)
}

fn invite(portal: &Portal, fields: &Fields, name: &str) -> Result<Flash, Told> {
    if !is_name(name) {
        return Err(Told::new("a name has up to 40 letters, digits, dots, dashes and spaces"));
    }
    let role = Role::from_word(fields.get("role")).ok_or_else(|| Told::new("choose a role"))?;
    let extension = fields.some("extension").map(str::to_owned);
    if let Some(number) = &extension
        && !portal.desk.config().extensions.contains_key(number)
    {
        return Err(Told::new(format!("there is no extension {number}")));
    }
    let link = portal.invite(Some(name.to_owned()), role, extension)?;
    Ok(Flash {
        text: format!(
            "{name} becomes {} by this link. It works once, for 30 minutes, on a machine that reaches this portal.",
            role.word()
        ),
        more: "Give it to that person only.".to_owned(),
        secrets: vec![("Link".to_owned(), link)],
        bad: false,
    })
}

async fn remove(portal: &Portal, name: &str) -> Result<Flash, Told> {
    let _changing = portal.changing.lock().await;
    let mut people = portal.people().await?;
    people.remove(name).map_err(Told::new)?;
    portal.keep(&people).await?;
    portal.sessions().end_all(name, None);
    Ok(done(format!("{name} is out, at once.")))
}
