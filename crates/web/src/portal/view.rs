//! From templates to answers, and the words for times, money and lengths.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Portal;
use super::door::Me;
use super::people::Role;
use super::sessions::Flash;
use std::time::Instant;

/// What every page inside has around it.
pub(crate) struct Frame {
    pub(crate) title: &'static str,
    pub(crate) system: String,
    pub(crate) name: String,
    pub(crate) csrf: String,
    /// Who may change the texts.
    pub(crate) owner: bool,
    pub(crate) flash: Option<Flash>,
    pub(crate) links: Vec<(&'static str, &'static str, bool)>,
}

const LINKS: &[(&str, &str, Role)] = &[
    ("/", "Overview", Role::Manager),
    ("/calls", "Calls", Role::Manager),
    ("/phones", "Phones", Role::Manager),
    ("/numbers", "Numbers and menus", Role::Manager),
    ("/lines", "Outside lines", Role::Manager),
    ("/plan", "Plan", Role::Manager),
    ("/simulate", "Try a call", Role::Manager),
    ("/safety", "Safety", Role::Manager),
    ("/events", "Events", Role::Manager),
    ("/people", "People", Role::Owner),
    ("/mine", "My mailbox", Role::User),
];

impl Frame {
    /// Takes what there is to be told with it.
    pub(crate) fn new(portal: &Portal, me: &Me, title: &'static str) -> Self {
        let flash = portal.sessions().of(Instant::now(), &me.cookie).and_then(|session| session.flash.take());
        let mine = |path: &str| path != "/mine" || me.extension.is_some() || me.role == Role::User;
        let links = LINKS.iter().filter(|(path, _, role)| me.role >= *role && mine(path));
        Self {
            title,
            system: portal.desk.config().system.name.clone(),
            name: me.name.clone(),
            csrf: me.csrf.clone(),
            owner: me.role == Role::Owner,
            flash,
            links: links.map(|(path, text, _)| (*path, *text, *text == title)).collect(),
        }
    }
}

/// A page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    text: &'a str,
}

/// A page that says no.
pub(crate) fn refused(status: StatusCode, text: &str) -> Response {
    page(status, &Refused { text })
}

/// `26 Nov 12:16`, where the exchange is; with the year when it is another one.
pub(crate) fn when(zone: &TimeZone, now: i64, at: i64) -> String {
    let (Ok(now), Ok(at)) = (Timestamp::from_millisecond(now), Timestamp::from_millisecond(at)) else {
        return String::new();
    };
    let (now, at) = (now.to_zoned(zone.clone()), at.to_zoned(zone.clone()));
    if now.date() == at.date() {
        at.strftime("%H:%M:%S").to_string()
    } else if now.year() == at.year() {
        at.strftime("%-d %b %H:%M").to_string()
    } else {
        at.strftime("%-d %b %Y %H:%M").to_string()
    }
}

/// `1:05`, `1:01:05`.
pub(crate) fn length(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Thousandths as `12.50`.
pub(crate) fn money(thousandths: u64) -> String {
    let cents = thousandths.div_ceil(10);
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Text as part of an address (RFC 3986 §2).
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// How long ago, in one unit.
pub(crate) fn ago(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (n, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if n == 1 { format!("{n} {unit}") } else { format!("{n} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_people() {
        assert_eq!([length(65_000), length(3_665_999), length(-5)], ["1:05", "1:01:05", "0:00"]);
        assert_eq!([money(0), money(12_500), money(1), money(9_999_990)], ["0.00", "12.50", "0.01", "9999.99"]);
        assert_eq!([ago(1_000), ago(180_000), ago(86_400_000 * 3)], ["1 second", "3 minutes", "3 days"]);
        let utc = TimeZone::UTC;
        let at = 1_795_000_000_000;
        assert_eq!(when(&utc, at, at), "11:06:40");
        assert_eq!(when(&utc, at + 86_400_000, at), "18 Nov 11:06");
        assert_eq!(when(&utc, at + 86_400_000 * 300, at), "18 Nov 2026 11:06");
    }
}
