//! What both kinds of message have: looking headers, lists and bodies up, and which headers may travel.

use bytes::Bytes;
use sipx_sip::headers::{Contact, ContactValue, ContentType};
use sipx_sip::{HeaderName, TypedHeader};

use super::NameAddr;
use crate::body::{self, Content};
use crate::header::{self, HeaderList, Name, Value};
use crate::uri::Uri;

/// Headers that may pass from one leg to another or into a request that the exchange builds. All
/// others are made by this crate or are dropped: a back-to-back user agent forwards nothing by
/// accident.
#[must_use]
pub fn is_carried(name: &Name) -> bool {
    match name {
        Name::PAssertedIdentity
        | Name::PPreferredIdentity
        | Name::Privacy
        | Name::Reason
        | Name::Date
        | Name::HistoryInfo
        | Name::AlertInfo
        | Name::CallInfo
        | Name::Subject
        | Name::Priority
        | Name::Organization
        | Name::AcceptLanguage
        | Name::Warning
        | Name::RetryAfter
        | Name::ErrorInfo => true,
        Name::Other(raw) => {
            raw.eq_ignore_ascii_case(b"Diversion")
                || raw.eq_ignore_ascii_case(b"Remote-Party-ID")
                || raw.eq_ignore_ascii_case(b"Answer-Mode")
                || raw.get(..2).is_some_and(|p| p.eq_ignore_ascii_case(b"X-"))
        }
        _ => false,
    }
}

pub(super) fn carried(headers: &sipx_sip::Headers) -> HeaderList {
    headers
        .iter()
        .filter(|h| is_carried(h.name()))
        .filter_map(|h| {
            let value = Value::new(Bytes::copy_from_slice(&h.value())).ok()?;
            Some((h.name().clone(), value))
        })
        .collect()
}

pub(super) fn first(headers: &sipx_sip::Headers, name: &str) -> Option<String> {
    let name = header::name(name)?;
    headers.value(&name).map(|v| String::from_utf8_lossy(&v).into_owned())
}

pub(super) fn all(headers: &sipx_sip::Headers, name: &str) -> Vec<String> {
    let Some(name) = header::name(name) else {
        return Vec::new();
    };
    headers.get_all(&name).map(|h| String::from_utf8_lossy(&h.value()).into_owned()).collect()
}

pub(super) fn has_token(headers: &sipx_sip::Headers, name: &str, token: &str) -> bool {
    all(headers, name).iter().flat_map(|line| line.split(',')).any(|t| t.trim().eq_ignore_ascii_case(token))
}

pub(super) fn contacts(headers: &sipx_sip::Headers) -> Vec<NameAddr> {
    headers
        .get_all(&HeaderName::Contact)
        .filter_map(|h| ContactValue::decode_list(&h.value()).ok())
        .flatten()
        .filter_map(|c| match c {
            ContactValue::Address(a) => Some(NameAddr::from_sipx(a)),
            ContactValue::Wildcard => None,
        })
        .collect()
}

pub(super) fn content_type(headers: &sipx_sip::Headers) -> Option<String> {
    let value = headers.value(&ContentType::NAME)?;
    let text = String::from_utf8_lossy(&value);
    let word = text.split(';').next().unwrap_or("").trim();
    Some(word.to_ascii_lowercase())
}

fn content(headers: &sipx_sip::Headers, body: &Bytes) -> Content {
    body::content(first(headers, "Content-Type").as_deref(), first(headers, "Content-Disposition").as_deref(), body)
}

pub(super) fn sdp(headers: &sipx_sip::Headers, body: &Bytes) -> Option<Bytes> {
    match content(headers, body) {
        Content::Description(sdp) => Some(sdp),
        Content::Nothing | Content::Foreign => None,
    }
}

/// The one Contact of a dialog-forming message, if it has exactly one SIP address.
pub(crate) fn target(headers: &sipx_sip::Headers) -> Option<Uri> {
    let mut all = headers.typed_all::<Contact>();
    let first = all.next()?.ok()?;
    if all.next().is_some() {
        return None;
    }
    let uri = Uri::from_sipx(first.0.uri);
    uri.is_sip().then_some(uri)
}
