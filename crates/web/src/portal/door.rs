//! What every request to a page passes: is it meant for us, is somebody logged in, may he, and does a change come from a page of ours.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::people::Role;
use super::routes::{self, For};
use super::sessions::Flash;
use super::{Portal, view};
use crate::limits;
use crate::listen::Peer;

/// The cookie of a session. `__Host-`: only over a way that browsers trust, only to us, for no other path (RFC 6265bis §4.1.3.2).
pub(crate) const SESSION: &str = "__Host-tollgate";

/// What a browser that was let in once is known by.
pub(crate) const KNOWN: &str = "__Host-tollgate-known";

/// Who asks, on a page that needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Me {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) extension: Option<String>,
    pub(crate) csrf: String,
    pub(crate) cookie: String,
    pub(crate) from: SocketAddr,
}

impl Me {
    /// As an act is signed: `anna from 127.0.0.1`.
    pub(crate) fn signed(&self) -> String {
        format!("{} from {}", self.name, self.from.ip())
    }
}

/// The fields of a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub(crate) HashMap<String, String>);

impl Fields {
    /// A field without the spaces around it; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// The same, none where it is empty.
    pub(crate) fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|text| !text.is_empty())
    }

    /// A list with commas or spaces.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.get(name).split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// As it was written, spaces and all.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Me {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Fields {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::BAD_REQUEST)
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Lets a request through to its page, or answers it.
pub(super) async fn keep(
    State(portal): State<Arc<Portal>>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(who) = routes::who(path.as_str()) else { return StatusCode::NOT_FOUND.into_response() };
    let changes = match *request.method() {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    if changes && !is_from_us(request.headers()) {
        return view::refused(StatusCode::FORBIDDEN, "this form came from another site");
    }
    let me = match who {
        For::All => None,
        For::Role(role) => match enter(&portal, &request) {
            Some(me) if me.role >= role => Some(me),
            Some(_) => return view::refused(StatusCode::FORBIDDEN, "this page is for others"),
            None if changes => return view::refused(StatusCode::UNAUTHORIZED, "you are not logged in any more"),
            None => return Redirect::to("/login").into_response(),
        },
    };
    if changes {
        let (parts, body) = request.into_parts();
        let Ok(bytes) = to_bytes(body, limits::FORM).await else {
            return view::refused(StatusCode::PAYLOAD_TOO_LARGE, "this form is too large");
        };
        let Some(fields) = fields(&bytes) else {
            return view::refused(StatusCode::BAD_REQUEST, "this form cannot be read");
        };
        if let Some(me) = &me {
            let vouched = portal
                .sessions()
                .of(Instant::now(), &me.cookie)
                .is_some_and(|session| session.vouches(fields.get("csrf")));
            if !vouched {
                return view::refused(StatusCode::FORBIDDEN, "this form is out of date: load the page again");
            }
        }
        request = Request::from_parts(parts, Body::empty());
        request.extensions_mut().insert(fields);
    }
    if let Some(me) = me {
        request.extensions_mut().insert(me);
    }
    next.run(request).await
}

/// Who sends this cookie.
fn enter(portal: &Portal, request: &Request) -> Option<Me> {
    let from = source(request)?;
    let cookie = cookie(request.headers(), SESSION)?;
    let mut sessions = portal.sessions();
    let session = sessions.of(Instant::now(), cookie)?;
    Some(Me {
        name: session.name.clone(),
        role: session.role,
        extension: session.extension.clone(),
        csrf: session.csrf.clone(),
        cookie: cookie.to_owned(),
        from,
    })
}

/// Where a request comes from.
fn source(request: &Request) -> Option<SocketAddr> {
    request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(Peer(from))| *from)
}

/// A change must name the site it comes from, and that must be us: browsers do so for every POST (Fetch standard, "append a request
/// Origin header"), and no page can forge it.
fn is_from_us(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let (Some(host), Ok(origin)) = (headers.get(HOST).and_then(|host| host.to_str().ok()), origin.to_str()) else {
        return false;
    };
    origin
        .split_once("://")
        .is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest.eq_ignore_ascii_case(host))
}

/// Reads `application/x-www-form-urlencoded`. A field that comes twice is a list.
fn fields(bytes: &[u8]) -> Option<Fields> {
    let mut all: HashMap<String, String> = HashMap::new();
    for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = match at {
            Some(at) => (pair.get(..at)?, pair.get(at + 1..)?),
            None => (pair, &b""[..]),
        };
        let (name, value) = (decoded(name)?, decoded(value)?);
        all.entry(name).and_modify(|before| *before = format!("{before},{value}")).or_insert(value);
    }
    Some(Fields(all))
}

fn decoded(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?)
                    .ok()
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
                out.push(u8::from_str_radix(digits, 16).ok()?);
                rest = rest.get(2..)?;
            }
            byte => out.push(*byte),
        }
    }
    String::from_utf8(out).ok()
}

/// Goes back to a page, where `flash` is told.
pub(crate) fn back(portal: &Portal, me: &Me, to: &str, flash: Flash) -> Response {
    if let Some(session) = portal.sessions().of(Instant::now(), &me.cookie) {
        session.flash = Some(flash);
    }
    Redirect::to(to).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<(axum::http::HeaderName, axum::http::HeaderValue)>>()
            .into_iter()
            .collect()
    }

    #[test]
    fn a_change_comes_from_our_own_pages() {
        let check =
            |all: &[(&'static str, &str)], expected: bool| assert_eq!(is_from_us(&headers(all)), expected, "{all:?}");
        check(&[("host", "127.0.0.1:5080"), ("origin", "http://127.0.0.1:5080")], true);
        check(&[("host", "box:5080"), ("origin", "https://BOX:5080")], true);
        check(&[("host", "127.0.0.1:5080")], false);
        check(&[("host", "127.0.0.1:5080"), ("origin", "null")], false);
        check(&[("host", "127.0.0.1:5080"), ("origin", "http://127.0.0.1:5081")], false);
        check(&[("host", "127.0.0.1:5080"), ("origin", "http://evil.example")], false);
        check(&[("host", "127.0.0.1:5080"), ("origin", "ftp://127.0.0.1:5080")], false);
        check(&[("origin", "http://127.0.0.1:5080")], false);
    }

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let read = |text: &str| fields(text.as_bytes());
        let all = read("a=1+2&b=%C3%BC%0D%0A&c&d=x&d=y").unwrap();
        assert_eq!(
            (all.get("a"), all.raw("b"), all.get("c"), all.list("d")),
            ("1 2", "ü\r\n", "", vec!["x".into(), "y".into()])
        );
        assert_eq!(all.some("c"), None);
        for broken in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff"] {
            assert!(read(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let all = headers(&[("cookie", "x__Host-tollgate=no; __Host-tollgate=yes; y=z")]);
        assert_eq!(cookie(&all, SESSION), Some("yes"));
        assert_eq!(cookie(&all, "tollgate"), None);
    }
}
