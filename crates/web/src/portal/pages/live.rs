//! News for the first screen: an event whenever something there has changed. The script then fetches it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use crate::desk::Overview;
use crate::limits;
use crate::portal::Portal;
use crate::portal::door::Me;
use crate::portal::secrets::hash_of;

/// The stream of one viewer; it ends with his session's connection.
pub(crate) async fn stream(State(portal): State<Arc<Portal>>, me: Me) -> Response {
    let Ok(seat) = Arc::clone(&portal.viewers).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many people look").into_response();
    };
    let begin = (portal, me, None, seat);
    let news = stream::unfold(begin, |(portal, me, mut seen, seat)| async move {
        loop {
            let overview = portal.desk.overview().await.ok()?;
            let told = hash_of(&serde_json::to_string(&changes(overview)).ok()?);
            let first = seen.is_none();
            if seen != Some(told) {
                seen = Some(told);
                // Browsers pass an event without data by (HTML standard, "dispatch the event").
                let event = Event::default().event(if first { "hello" } else { "news" }).data("1");
                return Some((Ok::<_, Infallible>(event.retry(limits::LOOK)), (portal, me, seen, seat)));
            }
            tokio::time::sleep(limits::LOOK).await;
            // Whoever was logged out meanwhile hears nothing more, and a page that only stands open ends like an idle one.
            portal.sessions().still(std::time::Instant::now(), &me.cookie).then_some(())?;
        }
    });
    Sse::new(news).into_response()
}

/// What makes the screen worth fetching: everything but the time that passes.
fn changes(overview: Overview) -> Overview {
    Overview { up: 0, ..overview }
}
