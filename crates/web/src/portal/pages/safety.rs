//! Who can reach what, who is shut out, how old the secrets are.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{broken, deed, done, from_store, zone};
use crate::portal::Portal;
use crate::portal::door::{self, Fields, Me};
use crate::portal::sessions::Flash;
use crate::portal::view::{self, Frame, ago, money, when};

struct Ban {
    source: String,
    why: String,
    until: String,
    times: u32,
}

#[derive(Template)]
#[template(path = "safety.html")]
struct Safety {
    frame: Frame,
    entries: Vec<(String, String)>,
    open: Vec<String>,
    accepted: Vec<(String, String)>,
    bans: Vec<Ban>,
    ages: Vec<(String, String)>,
    grants: Vec<(String, String, String)>,
    closed: String,
    per_call: String,
    per_day: String,
    together: String,
}

/// All of it.
pub(crate) async fn page(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let overview = match portal.desk.overview().await {
        Ok(overview) => overview,
        Err(told) => return broken(&told),
    };
    let credentials = match portal.desk.store().all_credentials().await {
        Ok(all) => all,
        Err(error) => return broken(&from_store(&error)),
    };
    let config = portal.desk.config();
    let (zone, now) = (zone(&portal), portal.desk.now());
    let words = |list: Vec<String>| if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
    let safety = Safety {
        frame: Frame::new(&portal, &me, "Safety"),
        entries: overview.proof.entries,
        open: overview.proof.open,
        accepted: config.policy.accept.iter().map(|(finding, why)| (finding.clone(), why.clone())).collect(),
        bans: overview
            .bans
            .iter()
            .map(|ban| Ban {
                source: ban.source.clone(),
                why: ban.why.clone(),
                until: when(&zone, now, ban.until),
                times: ban.times,
            })
            .collect(),
        ages: credentials.into_iter().map(|(user, kept)| (user, ago(now - kept.rotated_at))).collect(),
        grants: config
            .grants
            .iter()
            .map(|(name, grant)| {
                let bounds = grant.bounds(&config.policy);
                (
                    name.clone(),
                    words(grant.may.iter().map(ToString::to_string).collect()),
                    money(bounds.money_per_day.0),
                )
            })
            .collect(),
        closed: words(config.policy.closed.iter().map(ToString::to_string).collect()),
        per_call: money(config.policy.money_per_call.0),
        per_day: money(config.policy.money_per_day.0),
        together: money(config.policy.money_per_day_together.0),
    };
    view::page(StatusCode::OK, &safety)
}

/// Shuts out, lets in.
pub(crate) async fn act(State(portal): State<Arc<Portal>>, me: Me, fields: Fields) -> Response {
    let source = fields.get("source");
    match fields.get("do") {
        "ban" => {
            let seconds = fields.get("hours").parse::<u64>().ok().map(|hours| hours.saturating_mul(3600));
            let request = json!({ "do": "ban", "source": source, "seconds": seconds });
            deed(&portal, &me, "/safety", &format!("shut out {source}"), request, |_| {
                done(format!("{source} is shut out."))
            })
            .await
        }
        "unban" => {
            let request = json!({ "do": "unban", "source": source });
            deed(&portal, &me, "/safety", &format!("let {source} in again"), request, |_| {
                done(format!("{source} may come again."))
            })
            .await
        }
        _ => door::back(&portal, &me, "/safety", Flash::default()),
    }
}
