//! The call log: search, one call with all its legs, export.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use store::{CallFilter, CallRecord, Disposition, Listed, Road};

use super::home::Row;
use super::{broken, from_store, zone};
use crate::desk::Told;
use crate::limits;
use crate::portal::Portal;
use crate::portal::door::Me;
use crate::portal::view::{self, Frame, length, when};

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    text: String,
    direction: String,
    how: String,
    trunk: String,
    since: String,
    until: String,
    before: Option<i64>,
    /// `asterisk`: the columns of Master.csv.
    columns: String,
}

impl Search {
    fn filter(&self, zone: &TimeZone) -> Result<CallFilter, Told> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let day = |text: &str, after: i64| -> Result<Option<i64>, Told> {
            let Some(text) = some(text) else { return Ok(None) };
            let wrong = |_| Told::new(format!("{text} is no day: write it as 2026-12-24"));
            let date = text.parse::<Date>().map_err(wrong)?;
            let date = date.checked_add(jiff::Span::new().days(after)).map_err(wrong)?;
            let at = date.to_zoned(zone.clone()).map_err(wrong)?;
            Ok(Some(at.timestamp().as_millisecond()))
        };
        Ok(CallFilter {
            text: some(&self.text),
            road: Road::from_word(&self.direction),
            disposition: Disposition::from_word(&self.how),
            trunk: some(&self.trunk),
            since: day(&self.since, 0)?,
            until: day(&self.until, 1)?,
            before: self.before,
            limit: limits::PAGE,
            ..CallFilter::default()
        })
    }

    /// As part of an address, without the page.
    fn query(&self) -> String {
        let all = [
            ("text", &self.text),
            ("direction", &self.direction),
            ("how", &self.how),
            ("trunk", &self.trunk),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let set = all.iter().filter(|(_, value)| !value.is_empty());
        set.map(|(name, value)| format!("&{name}={}", view::encoded(value))).collect()
    }
}

#[derive(Template)]
#[template(path = "calls.html")]
struct Calls {
    frame: Frame,
    search: Search,
    trunks: Vec<String>,
    hows: &'static [&'static str],
    rows: Vec<Row>,
    query: String,
    older: Option<i64>,
    wrong: String,
}

const HOWS: &[&str] = &["answered", "no-answer", "busy", "failed", "refused", "stopped", "open"];

/// A page of the log.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me, Query(search): Query<Search>) -> Response {
    let zone = zone(&portal);
    let (filter, wrong) = match search.filter(&zone) {
        Ok(filter) => (filter, String::new()),
        Err(told) => (CallFilter { limit: limits::PAGE, ..CallFilter::default() }, told.message),
    };
    let listed = match portal.desk.store().calls(&filter).await {
        Ok(listed) => listed,
        Err(error) => return broken(&from_store(&error)),
    };
    let now = portal.desk.now();
    let full = listed.len() >= limits::PAGE as usize;
    let calls = Calls {
        frame: Frame::new(&portal, &me, "Calls"),
        trunks: portal.desk.config().trunks.keys().cloned().collect(),
        hows: HOWS,
        rows: Row::all(&zone, now, &listed),
        query: search.query(),
        older: listed.last().filter(|_| full).map(|last| last.n),
        search,
        wrong,
    };
    view::page(StatusCode::OK, &calls)
}

/// One leg, in full.
struct Leg {
    record: CallRecord,
    at: String,
    answered: String,
    length: String,
    heard: Option<String>,
}

#[derive(Template)]
#[template(path = "call.html")]
struct Call {
    frame: Frame,
    legs: Vec<Leg>,
    source: Option<String>,
}

/// One call.
pub(crate) async fn one(State(portal): State<Arc<Portal>>, me: Me, Path(id): Path<String>) -> Response {
    let filter = CallFilter { call_id: Some(id), ..CallFilter::default() };
    let mut legs = match portal.desk.store().calls(&filter).await {
        Ok(legs) if legs.is_empty() => return view::refused(StatusCode::NOT_FOUND, "this call is not in the log"),
        Ok(legs) => legs,
        Err(error) => return broken(&from_store(&error)),
    };
    legs.reverse();
    let (zone, now) = (zone(&portal), portal.desk.now());
    let source = legs.first().and_then(|leg| leg.record.origin.strip_prefix("stranger:").map(str::to_owned));
    let legs = legs.into_iter().map(|listed| leg(&zone, now, listed)).collect();
    view::page(StatusCode::OK, &Call { frame: Frame::new(&portal, &me, "Calls"), legs, source })
}

fn leg(zone: &TimeZone, now: i64, Listed { record, .. }: Listed) -> Leg {
    let heard = record.rtp.as_ref().and_then(|rtp| serde_json::to_value(rtp).ok()).map(|rtp| {
        let fields = rtp.as_object().map(|all| {
            all.iter().map(|(name, value)| format!("{} {value}", name.replace('_', " "))).collect::<Vec<_>>()
        });
        fields.unwrap_or_default().join(", ")
    });
    Leg {
        at: when(zone, now, record.at),
        answered: record.answered_at.map(|at| when(zone, now, at)).unwrap_or_default(),
        length: record.answered_at.map(|at| length(record.ended_at.unwrap_or(now) - at)).unwrap_or_default(),
        heard,
        record,
    }
}

/// The log as a file for spreadsheets.
pub(crate) async fn export(State(portal): State<Arc<Portal>>, _: Me, Query(search): Query<Search>) -> Response {
    let zone = zone(&portal);
    let mut filter = match search.filter(&zone) {
        Ok(filter) => CallFilter { limit: 0, before: None, ..filter },
        Err(told) => return view::refused(StatusCode::UNPROCESSABLE_ENTITY, &told.message),
    };
    let asterisk = search.columns == "asterisk";
    let mut text = if asterisk { String::new() } else { line(COLUMNS.iter().map(|name| (*name).to_owned())) };
    let mut rows = 0;
    loop {
        let listed = match portal.desk.store().calls(&filter).await {
            Ok(listed) => listed,
            Err(error) => return broken(&from_store(&error)),
        };
        let Some(last) = listed.last() else { break };
        filter.before = Some(last.n);
        rows += listed.len();
        for listed in &listed {
            text.push_str(&line(
                if asterisk { master(&zone, &listed.record) } else { own(&zone, &listed.record) }.into_iter(),
            ));
        }
        if rows >= limits::EXPORT {
            break;
        }
    }
    let name = if asterisk { "Master.csv" } else { "calls.csv" };
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}

const COLUMNS: &[&str] = &[
    "begin",
    "answered",
    "end",
    "seconds",
    "direction",
    "origin",
    "from",
    "name",
    "to",
    "trunk",
    "result",
    "ended by",
    "cause",
    "permit",
    "call",
    "way",
];

fn stamp(zone: &TimeZone, at: i64) -> String {
    Timestamp::from_millisecond(at)
        .map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

fn own(zone: &TimeZone, r: &CallRecord) -> Vec<String> {
    let some = |at: Option<i64>| at.map(|at| stamp(zone, at)).unwrap_or_default();
    let talked = r.answered_at.zip(r.ended_at).map_or(0, |(answered, ended)| (ended - answered) / 1000);
    vec![
        stamp(zone, r.at),
        some(r.answered_at),
        some(r.ended_at),
        talked.to_string(),
        r.road().word().to_owned(),
        r.origin.clone(),
        r.from.clone(),
        r.from_name.clone(),
        r.to.clone(),
        r.trunk.clone().unwrap_or_default(),
        r.disposition.word().to_owned(),
        r.hangup_side.map(|side| side.word().to_owned()).unwrap_or_default(),
        r.cause.map(|cause| cause.to_string()).unwrap_or_default(),
        r.permit.clone().unwrap_or_default(),
        r.call_id.clone(),
        r.path.join(" > "),
    ]
}

/// The columns of Asterisk's cdr-csv/Master.csv: accountcode, src, dst, dcontext, clid, channel, dstchannel, lastapp, lastdata, start,
/// answer, end, duration, billsec, disposition, amaflags, uniqueid.
fn master(zone: &TimeZone, r: &CallRecord) -> Vec<String> {
    let some = |at: Option<i64>| at.map(|at| stamp(zone, at)).unwrap_or_default();
    let disposition = match r.disposition {
        Disposition::Answered => "ANSWERED",
        Disposition::Busy => "BUSY",
        Disposition::Failed | Disposition::Refused => "FAILED",
        _ => "NO ANSWER",
    };
    let end = r.ended_at.unwrap_or(r.at);
    let last = r.path.last().cloned().unwrap_or_default();
    vec![
        String::new(),
        r.from.clone(),
        r.to.clone(),
        last.split(',').next().unwrap_or_default().to_owned(),
        format!("\"{}\" <{}>", r.from_name, r.from),
        r.origin.clone(),
        r.trunk.clone().unwrap_or_default(),
        r.app.clone(),
        last,
        stamp(zone, r.at),
        some(r.answered_at),
        stamp(zone, end),
        ((end - r.at) / 1000).to_string(),
        (r.answered_at.map_or(0, |answered| end - answered) / 1000).to_string(),
        disposition.to_owned(),
        "DOCUMENTATION".to_owned(),
        r.id.clone(),
    ]
}

/// One line (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe.
fn line(cells: impl Iterator<Item = String>) -> String {
    let cells = cells.map(|cell| {
        let safe = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell };
        format!("\"{}\"", safe.replace('"', "\"\""))
    });
    format!("{}\r\n", cells.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula() {
        let cells = ["=1+1", "+12025550100", "-1", "@x", "a\"b", "line\nbreak"].map(str::to_owned);
        assert_eq!(
            line(cells.into_iter()),
            "\"'=1+1\",\"'+12025550100\",\"'-1\",\"'@x\",\"a\"\"b\",\"line\nbreak\"\r\n"
        );
    }

    #[test]
    fn a_search_is_a_filter_and_an_address() {
        let search = Search {
            text: " 555 ".into(),
            since: "2026-11-26".into(),
            until: "2026-11-26".into(),
            how: "busy".into(),
            ..Search::default()
        };
        let filter = search.filter(&TimeZone::UTC).unwrap();
        assert_eq!((filter.text.as_deref(), filter.disposition), (Some("555"), Some(Disposition::Busy)));
        assert_eq!(filter.until.unwrap() - filter.since.unwrap(), 86_400_000);
        assert_eq!(search.query(), "&text=%20555%20&how=busy&since=2026-11-26&until=2026-11-26");
        assert!(Search { since: "yesterday".into(), ..Search::default() }.filter(&TimeZone::UTC).is_err());
    }
}
