//! The first screen: are you safe, what does it cost, can people reach you, what goes on, what needs you.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::tz::TimeZone;
use serde_json::json;
use store::{CallFilter, Disposition, EventFilter, Listed, Road};

use super::{broken, deed, done, drills, from_store, zone};
use crate::desk::{Overview, Told};
use crate::portal::Portal;
use crate::portal::door::{Fields, Me};
use crate::portal::people::Role;
use crate::portal::view::{Frame, ago, money, page as show, when};

/// At most so many things are said to need the owner.
const NEEDS: usize = 5;

const DAY: i64 = 86_400_000;

/// Kinds of events that are attacks, in the owner's words.
const ATTACKS: &[(&str, &str)] = &[
    ("login-failed", "failed log-ins of phones"),
    ("turned-away", "messages of scanners that were turned away"),
    ("portal-login-failed", "failed log-ins to this portal"),
    ("banned", "sources shut out"),
    ("cap-reached", "calls stopped by a limit of money"),
    ("pin-locked", "PINs locked after wrong guesses"),
];

/// A sentence with a place where it can be mended.
pub(crate) struct Need {
    pub(crate) text: String,
    pub(crate) link: &'static str,
}

/// A call of the log in one line.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) at: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) how: String,
    pub(crate) length: String,
    pub(crate) direction: &'static str,
}

impl Row {
    /// One for each call; its legs stand beside each other in the log, the newest first.
    pub(crate) fn all(zone: &TimeZone, now: i64, listed: &[Listed]) -> Vec<Self> {
        listed
            .chunk_by(|one, other| one.record.call_id == other.record.call_id)
            .filter_map(|legs| Self::of(zone, now, legs))
            .collect()
    }

    /// As its caller's leg says, which is the oldest; but that it cost money, and what the gate said, is in the others.
    fn of(zone: &TimeZone, now: i64, legs: &[Listed]) -> Option<Self> {
        let record = &legs.last()?.record;
        let refused = legs.iter().any(|leg| leg.record.disposition == Disposition::Refused);
        let how = if refused { Disposition::Refused } else { record.disposition };
        let out = legs.iter().any(|leg| leg.record.road() == Road::Out);
        let road = if out { Road::Out } else { record.road() };
        let name = if record.from_name.is_empty() { String::new() } else { format!(" ({})", record.from_name) };
        let talked = record.answered_at.map(|at| record.ended_at.unwrap_or(now) - at);
        Some(Self {
            id: record.call_id.clone(),
            at: when(zone, now, record.at),
            from: format!("{}{name}", record.from),
            to: record.to.clone(),
            how: how.word().replace('-', " "),
            length: talked.map(crate::portal::view::length).unwrap_or_default(),
            direction: road.word(),
        })
    }
}

/// What changes while one looks.
#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    csrf: String,
    colour: &'static str,
    sentence: String,
    proved: String,
    lines: Vec<String>,
    open: Vec<String>,
    drilled: String,
    stopped: bool,
    today: String,
    month: String,
    cap: String,
    one_phone: String,
    spent: u64,
    paid_calls: usize,
    trunks: Vec<(String, String, String)>,
    phones_here: usize,
    phones: usize,
    away: Vec<String>,
    calls: Vec<(String, String, String, String, String)>,
    parked: Vec<(String, u32)>,
    needs: Vec<Need>,
    attacks: Vec<(u64, &'static str)>,
    bans: usize,
    last: Vec<Row>,
    last_in: String,
    last_out: String,
    up: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    now: String,
}

/// The whole page.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    if me.role < Role::Manager {
        return Redirect::to("/mine").into_response();
    }
    match part(&portal, &me).await {
        Ok(now) => show(StatusCode::OK, &Home { frame: Frame::new(&portal, &me, "Overview"), now }),
        Err(told) => broken(&told),
    }
}

/// The part that changes.
pub(crate) async fn now(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    match part(&portal, &me).await {
        Ok(text) => axum::response::Html(text).into_response(),
        Err(told) => broken(&told),
    }
}

async fn part(portal: &Portal, me: &Me) -> Result<String, Told> {
    let overview = portal.desk.overview().await?;
    let store = portal.desk.store();
    let time = portal.desk.now();
    let last =
        store.calls(&CallFilter { limit: 60, ..CallFilter::default() }).await.map_err(|error| from_store(&error))?;
    let events = store
        .events(&EventFilter { since: Some(time - DAY), limit: 1_000, ..EventFilter::default() })
        .await
        .map_err(|error| from_store(&error))?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &events {
        if let Some((_, words)) = ATTACKS.iter().find(|(kind, _)| *kind == event.kind) {
            *counts.entry(words).or_default() += event.count;
        }
    }
    let zone = zone(portal);
    let latest = |word: &str| {
        let found = last.iter().find(|listed| listed.record.road().word() == word);
        found.map_or_else(|| "none yet".to_owned(), |listed| format!("{} ago", ago(time - listed.record.at)))
    };
    let proof = &overview.proof;
    let (colour, sentence) = verdict(&overview);
    let bill = overview.bill;
    let newest = store.drills(1).await.map_err(|error| from_store(&error))?;
    let found = newest.first().map(|drill| (drills::verdict(drill), when(&zone, time, drill.at)));
    let drilled = match (drills::progress(portal).await, &found) {
        (Some(on), _) => on,
        (None, Some(((verdict, _), at))) => format!("Drilled {at}: {verdict}"),
        (None, None) => "Not drilled yet.".to_owned(),
    };
    let dangerous = found.is_some_and(|((_, level), _)| level == "gate-only" || level == "open");
    let part = Now {
        csrf: me.csrf.clone(),
        colour,
        sentence: sentence.to_owned(),
        proved: when(&zone, time, proof.at),
        lines: proof.verdict.lines().map(str::to_owned).collect(),
        open: proof.open.clone(),
        drilled,
        stopped: overview.stopped,
        today: money(bill.today),
        month: money(bill.month),
        cap: money(bill.cap),
        one_phone: money(bill.one_phone.min(bill.cap)),
        spent: (bill.today * 100).checked_div(bill.cap).unwrap_or(100).min(100),
        paid_calls: overview.paid_calls,
        trunks: overview
            .trunks
            .iter()
            .map(|trunk| (trunk.name.clone(), trunk.state.clone(), trunk.why.clone()))
            .collect(),
        phones_here: overview.phones.iter().filter(|phone| !phone.at.is_empty()).count(),
        phones: overview.phones.len(),
        away: overview
            .phones
            .iter()
            .filter(|phone| phone.at.is_empty())
            .map(|phone| phone.number.clone())
            .take(12)
            .collect(),
        calls: overview
            .calls
            .iter()
            .map(|call| {
                (
                    call.id.clone(),
                    call.origin.clone(),
                    call.dialled.clone(),
                    ago(time - call.since),
                    call.at.clone().unwrap_or_default(),
                )
            })
            .collect(),
        parked: overview.parked.clone(),
        needs: needs(&overview, dangerous),
        attacks: counts.into_iter().map(|(words, n)| (n, words)).collect(),
        bans: overview.bans.len(),
        last_in: latest("in"),
        last_out: latest("out"),
        last: Row::all(&zone, time, &last).into_iter().take(10).collect(),
        up: ago(i64::try_from(overview.up).unwrap_or(i64::MAX).saturating_mul(1000)),
    };
    part.render().map_err(|error| Told::new(error.to_string()))
}

/// The owner's question in one sentence. Red is for what must not be; amber for what the owner chose, or where nobody can know.
fn verdict(overview: &Overview) -> (&'static str, &'static str) {
    if !overview.healthy {
        ("red", "The disk refuses to write. Paid calls are refused until it does again.")
    } else if !overview.proof.open.is_empty() {
        ("amber", "People outside can place calls that cost money, because you accepted it.")
    } else if overview.stopped {
        ("green", "All outside calls are stopped, except emergency calls.")
    } else {
        ("green", "Nobody outside can make this exchange place a paid call.")
    }
}

fn needs(overview: &Overview, dangerous: bool) -> Vec<Need> {
    let mut all = Vec::new();
    let mut need = |text: String, link: &'static str| all.push(Need { text, link });
    if !overview.healthy {
        need("The disk is full or damaged: calls are not recorded.".to_owned(), "/events");
    }
    if dangerous {
        need("The last drill found a way from outside to an outside line.".to_owned(), "/drills");
    }
    for trunk in overview.trunks.iter().filter(|trunk| trunk.state == "down") {
        need(format!("Outside line {} does not work: {}", trunk.name, trunk.why), "/lines");
    }
    if overview.bill.cap > 0 && overview.bill.today * 10 >= overview.bill.cap * 8 {
        need("Most of today's money is spent.".to_owned(), "/calls?direction=out");
    }
    if overview.trunks.is_empty() {
        need("There is no outside line yet: only people with a softphone can call you.".to_owned(), "/lines");
    }
    let without = overview.phones.iter().filter(|phone| !phone.has_secret).map(|phone| phone.number.as_str());
    let without: Vec<&str> = without.take(5).collect();
    if !without.is_empty() {
        need(format!("No telephone can register as {} yet: give it a secret.", without.join(", ")), "/phones");
    }
    if !overview.proof.findings.is_empty() {
        let n = overview.proof.findings.len();
        need(format!("The plan has {n} {} worth a look.", if n == 1 { "finding" } else { "findings" }), "/plan");
    }
    all.truncate(NEEDS);
    all
}

/// Stops all outside calls, or lets them go again.
pub(crate) async fn stop(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let on = fields.get("on") == "yes";
    let (what, text) = if on {
        (
            "stop all outside calls",
            "Outside calls are stopped. Emergency calls still go out; calls that are on go on until you end them.",
        )
    } else {
        ("let outside calls go again", "Outside calls go out again.")
    };
    let request = json!({ "do": "edit", "change": { "what": "stop-outside", "stopped": on } });
    deed(&portal, &me, "/", what, request, |_| done(text)).await
}

/// Proves again.
pub(crate) async fn prove(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    deed(&portal, &me, "/", "prove the plan again", json!({ "do": "reload" }), |_| done("Proved just now.")).await
}

/// Ends a call.
pub(crate) async fn hang_up(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let call = fields.get("call");
    let request = json!({ "do": "hang-up", "call": call });
    deed(&portal, &me, "/", &format!("end call {call}"), request, |_| done("The call was ended.")).await
}
