//! Getting in and out: the set-up link, the log-in, the log-out.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::door::{Fields, KNOWN, Me, SESSION, cookie};
use super::people::{Person, is_name};
use super::secrets::{self, PasswordHash};
use super::sessions::Who;
use super::{Invitation, Portal, seconds, view};
use crate::desk::Told;
use crate::limits;
use crate::listen::Peer;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    wrong: &'a str,
    name: &'a str,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct Setup<'a> {
    wrong: &'a str,
    fixed: bool,
    name: &'a str,
    role: &'a str,
    secret: &'a str,
    uri: &'a str,
    squares: &'a str,
    side: i32,
    shortest: usize,
}

/// The log-in's page.
pub(super) async fn login_page() -> Response {
    view::page(StatusCode::OK, &Login { wrong: "", name: "" })
}

/// A log-in. Whatever was wrong, the answer is the same.
pub(super) async fn login(
    State(portal): State<Arc<Portal>>,
    ConnectInfo(Peer(from)): ConnectInfo<Peer>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let name = fields.get("name");
    let again = |status: StatusCode, wrong: &str| view::page(status, &Login { wrong, name });
    let who = match cookie(&headers, KNOWN) {
        Some(known) if is_known(&portal, known, name) => Who::Known(secrets::hash_of(known)),
        _ => Who::At(from.ip()),
    };
    let now = Instant::now();
    if let Some(left) = portal.tries().wait(now, &who) {
        return again(
            StatusCode::TOO_MANY_REQUESTS,
            &format!("Too many attempts. Try again in {} seconds.", seconds(left)),
        );
    }
    match check(&portal, name, fields.raw("password"), fields.get("code")).await {
        Ok(Some(person)) => {
            portal.tries().right(&who);
            portal.act(&format!("{} from {}", person.name, from.ip()), "logged in");
            let_in(&portal, &person)
        }
        Ok(None) => {
            portal.tries().failed(now, who);
            let text = format!("a log-in to the portal from {} failed", from.ip());
            portal.desk.store().event(portal.desk.now(), "portal-login-failed", &text);
            again(
                StatusCode::UNAUTHORIZED,
                "Name, password and code do not fit together. A code works once; wait for the next one.",
            )
        }
        Err(told) => again(StatusCode::SERVICE_UNAVAILABLE, &told.message),
    }
}

/// Whose password and code these are. The code's step is kept as used before he is let in.
async fn check(portal: &Portal, name: &str, password: &str, code: &str) -> Result<Option<Person>, Told> {
    if password.len() > secrets::LONGEST {
        return Ok(None);
    }
    let _one = portal.checks.acquire().await.map_err(|_| Told::new("the portal ends"))?;
    let pepper = portal.desk.pepper().await?;
    let _changing = portal.changing.lock().await;
    let mut people = portal.people().await?;
    let found = people.get(name).cloned();
    let (hash, password) = (found.as_ref().map(|person| person.password.clone()), password.to_owned());
    let right = tokio::task::spawn_blocking(move || match hash {
        Some(hash) => hash.is(&pepper, &password),
        None => {
            secrets::waste(&pepper, &password);
            false
        }
    })
    .await
    .map_err(|error| Told::new(error.to_string()))?;
    let Some(person) = found.filter(|_| right) else { return Ok(None) };
    let Some(step) = secrets::step_of(&person.totp, code, portal.desk.now(), person.used) else { return Ok(None) };
    if let Some(kept) = people.get_mut(name) {
        kept.used = step;
    }
    portal.keep(&people).await?;
    Ok(Some(person))
}

/// What a browser is given that was let in: the person's name under a key of this start.
fn known(portal: &Portal, name: &str) -> String {
    let hash = secrets::hash_of(&format!("{}:{name}", hex::encode(portal.known)));
    format!("{}.{}", hex::encode(name), hex::encode(hash))
}

fn is_known(portal: &Portal, cookie: &str, name: &str) -> bool {
    secrets::same(known(portal, name).as_bytes(), cookie.as_bytes())
}

fn let_in(portal: &Portal, person: &Person) -> Response {
    let begun = portal.sessions().begin(Instant::now(), &person.name, person.role, person.extension.clone());
    let Some(session) = begun else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let mut response = Redirect::to("/").into_response();
    let set = |name: &str, value: &str, more: &str| {
        HeaderValue::from_str(&format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{more}"))
    };
    let cookies = [set(SESSION, &session, ""), set(KNOWN, &known(portal, &person.name), "; Max-Age=31536000")];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Out again.
pub(super) async fn logout(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    portal.sessions().end(&me.cookie);
    let mut response = Redirect::to("/login").into_response();
    let gone = format!("{SESSION}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    if let Ok(gone) = HeaderValue::from_str(&gone) {
        response.headers_mut().append(SET_COOKIE, gone);
    }
    response
}

/// The page behind a set-up link.
pub(super) async fn setup_page(State(portal): State<Arc<Portal>>, Path(token): Path<String>) -> Response {
    match open(&portal, &token) {
        Some(invitation) => show(&invitation, "", ""),
        None => spent(),
    }
}

fn open(portal: &Portal, token: &str) -> Option<Invitation> {
    let now = Instant::now();
    portal.invitations().get(&secrets::hash_of(token)).filter(|one| one.until > now).cloned()
}

fn spent() -> Response {
    view::refused(
        StatusCode::GONE,
        "this link was used, or is too old; an owner gets a new one on the console: tollgate rescue",
    )
}

fn show(invitation: &Invitation, name: &str, wrong: &str) -> Response {
    let secret = secrets::base32(&invitation.totp);
    let uri = format!("otpauth://totp/tollgate?secret={secret}&issuer=tollgate");
    let (squares, side) = secrets::squares(&uri).unwrap_or_default();
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let setup = Setup {
        wrong,
        fixed: invitation.name.is_some(),
        name: invitation.name.as_deref().unwrap_or(name),
        role: invitation.role.word(),
        secret: &secret,
        uri: &uri,
        squares: &squares,
        side,
        shortest: secrets::SHORTEST,
    };
    view::page(status, &setup)
}

/// Makes a person of whoever has the link, once.
pub(super) async fn setup(
    State(portal): State<Arc<Portal>>,
    ConnectInfo(Peer(from)): ConnectInfo<Peer>,
    Path(token): Path<String>,
    fields: Fields,
) -> Response {
    let Some(invitation) = open(&portal, &token) else { return spent() };
    let typed = fields.get("name");
    let name = invitation.name.clone().unwrap_or_else(|| typed.to_owned());
    let (password, again) = (fields.raw("password"), fields.raw("again"));
    if !is_name(&name) {
        return show(&invitation, typed, "A name has up to 40 letters, digits, dots, dashes and spaces.");
    }
    if password.chars().count() < secrets::SHORTEST || password.len() > secrets::LONGEST {
        return show(
            &invitation,
            typed,
            "The password is too short. Three or four words that have nothing to do with each other are good.",
        );
    }
    if password != again {
        return show(&invitation, typed, "The two passwords differ.");
    }
    let Some(used) = secrets::step_of(&invitation.totp, fields.get("code"), portal.desk.now(), 0) else {
        return match miss(&portal, &token) {
            true => show(
                &invitation,
                typed,
                "That is not the code of now. Compare the clocks of this machine and your telephone.",
            ),
            false => spent(),
        };
    };
    let made = make(&portal, &token, &invitation, &name, password, used).await;
    match made {
        Ok(Some(person)) => {
            portal
                .act(&format!("{name} from {}", from.ip()), &format!("became {} by a set-up link", person.role.word()));
            let_in(&portal, &person)
        }
        Ok(None) => spent(),
        Err(told) => show(&invitation, typed, &told.message),
    }
}

/// Counts a wrong code; false when the link is spent by it.
fn miss(portal: &Portal, token: &str) -> bool {
    let mut open = portal.invitations();
    let key = secrets::hash_of(token);
    let Some(invitation) = open.get_mut(&key) else { return false };
    invitation.tries += 1;
    if invitation.tries < limits::INVITATION_TRIES {
        return true;
    }
    open.remove(&key);
    false
}

async fn make(
    portal: &Portal,
    token: &str,
    invitation: &Invitation,
    name: &str,
    password: &str,
    used: i64,
) -> Result<Option<Person>, Told> {
    let _one = portal.checks.acquire().await.map_err(|_| Told::new("the portal ends"))?;
    let (pepper, password) = (portal.desk.pepper().await?, password.to_owned());
    let hash = tokio::task::spawn_blocking(move || PasswordHash::new(&pepper, &password)).await.ok().flatten();
    let password = hash.ok_or_else(|| Told::new("the password cannot be hashed"))?;
    let _changing = portal.changing.lock().await;
    // Of two who come at once, one finds the link spent.
    if portal.invitations().remove(&secrets::hash_of(token)).is_none() {
        return Ok(None);
    }
    let person = Person {
        name: name.to_owned(),
        role: invitation.role,
        extension: invitation.extension.clone(),
        password,
        totp: invitation.totp.clone(),
        used,
    };
    let mut people = portal.people().await?;
    if !people.put(person.clone()) {
        return Err(Told::new("there are too many people"));
    }
    portal.keep(&people).await?;
    portal.sessions().end_all(name, None);
    Ok(Some(person))
}
