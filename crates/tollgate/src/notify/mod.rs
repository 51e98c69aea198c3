//! The owner hears of what happens (`[notify]`): events of the kinds in [`pbx::notice`], by mail and by a signed webhook.
//!
//! Each channel remembers in the store how far it is, so that nothing is told twice or left out over a restart. Mail goes
//! out at most once in [`MAIL_PAUSE`], with all that happened meanwhile; a webhook that does not answer is asked again, ever
//! more slowly.

mod post;

use crate::exchange::wall;
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::Home;
use crate::home::vault::Vault;
use crate::limits::{NOTICE_AGAIN, NOTICE_AGAIN_MAX, NOTICE_LOOK, NOTICES_AT_ONCE};
use crate::mail::{self, Letter};
use pbx::config::{Config, Notify};
use pbx::exchange::Exchange;
use pbx::notice::notice;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use store::{Event, EventFilter, Store};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Under this name the webhook's secret is sealed.
const SECRET: &str = "notify/webhook";

/// Between two mails.
const MAIL_PAUSE: Duration = Duration::from_secs(300);

/// Between two posts.
const POST_PAUSE: Duration = Duration::from_secs(5);

/// A way to the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Mail,
    Webhook,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }

    fn pause(self) -> Duration {
        match self {
            Self::Mail => MAIL_PAUSE,
            Self::Webhook => POST_PAUSE,
        }
    }

    fn is_on(self, notify: &Notify) -> bool {
        match self {
            Self::Mail => notify.mail.is_some(),
            Self::Webhook => notify.webhook.is_some(),
        }
    }
}

/// Tells what happens until the exchange ends.
pub(crate) async fn run(home: Home, exchange: Arc<Exchange>, store: Store) {
    let one = |channel| follow(home.clone(), Arc::clone(&exchange), store.clone(), channel);
    tokio::join!(one(Channel::Mail), one(Channel::Webhook));
}

async fn follow(home: Home, exchange: Arc<Exchange>, store: Store, channel: Channel) {
    let mut failed = 0_u32;
    let mut last: Option<Instant> = None;
    loop {
        tokio::time::sleep(NOTICE_LOOK).await;
        let again = NOTICE_AGAIN.saturating_mul(1 << failed.min(12)).min(NOTICE_AGAIN_MAX);
        let pause = if failed > 0 { again } else { channel.pause() };
        if last.is_some_and(|at| at.elapsed() < pause) {
            continue;
        }
        let config = Arc::clone(&exchange.snapshot.load().config);
        match turn(&home, &config, &store, channel).await {
            Ok(false) => {}
            Ok(true) => (failed, last) = (0, Some(Instant::now())),
            Err(why) => {
                if failed == 0 {
                    tracing::warn!(channel = channel.name(), why, "the owner is not told yet: it is tried again");
                }
                (failed, last) = (failed.saturating_add(1), Some(Instant::now()));
            }
        }
    }
}

/// One look: whether something went out.
async fn turn(home: &Home, config: &Config, store: &Store, channel: Channel) -> Result<bool, String> {
    let failed = |error: store::Error| error.to_string();
    let newest = store.events(&EventFilter { limit: 1, ..EventFilter::default() }).await.map_err(failed)?;
    let newest = newest.first().map_or(0, |event| event.id);
    let told = store.told(channel.name()).await.map_err(failed)?;
    if !channel.is_on(&config.notify) || told.is_none() {
        // What happened before the owner wished to hear of it is in the list of events.
        if told.is_none_or(|told| told < newest) {
            store.set_told(channel.name(), newest).await.map_err(failed)?;
        }
        return Ok(false);
    }
    let told = told.unwrap_or_default();
    if told >= newest {
        return Ok(false);
    }
    let mut events =
        store.events(&EventFilter { limit: NOTICES_AT_ONCE, ..EventFilter::default() }).await.map_err(failed)?;
    events.retain(|event| event.id > told);
    events.reverse();
    let seen = events.last().map_or(newest, |event| event.id);
    // A mail that fails is itself an event, and is not told of by mail.
    events.retain(|event| {
        notice(&event.kind).is_some() && !(channel == Channel::Mail && event.kind.starts_with("mail-"))
    });
    if !events.is_empty() {
        deliver(home, config, store, channel, &events).await?;
    }
    store.set_told(channel.name(), seen).await.map_err(failed)?;
    Ok(!events.is_empty())
}

async fn deliver(
    home: &Home,
    config: &Config,
    store: &Store,
    channel: Channel,
    events: &[Event],
) -> Result<(), String> {
    match channel {
        Channel::Mail => {
            let (Some(server), Some(to)) = (&config.mail, &config.notify.mail) else {
                return Err("mail is not set up".to_owned());
            };
            let letter = Letter::notices(to, &config.system.name, &words(config, events), newest(events));
            mail::send(home, store, server, letter).await.map_err(|trouble| trouble.why)
        }
        Channel::Webhook => {
            let Some(url) = &config.notify.webhook else { return Err("there is no webhook".to_owned()) };
            let secret = secret(home, store).await.map_err(|fault| fault.to_string())?;
            let body = json!({ "exchange": config.system.name, "events": events.iter().map(told).collect::<Vec<_>>() });
            let ca = config.notify.ca.as_ref().map(|ca| home.path().join(ca));
            post::post(url, ca.as_deref(), &body.to_string(), &secret, wall()).await
        }
    }
}

fn newest(events: &[Event]) -> i64 {
    events.last().map_or(0, |event| event.id)
}

fn told(event: &Event) -> Value {
    let notice = notice(&event.kind);
    json!({
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "text": event.text,
        "count": event.count,
        "done": notice.map(|notice| notice.done),
        "may": notice.map(|notice| notice.may),
    })
}

/// The events as a mail says them.
fn words(config: &Config, events: &[Event]) -> String {
    let zone = config.system.time_zone();
    let mut all = String::new();
    for event in events {
        let at = jiff::Timestamp::from_millisecond(event.at).unwrap_or_default().to_zoned(zone.clone());
        let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
        let text: String = event.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        all += &format!("{}  {}{times}\n", at.strftime("%Y-%m-%d %H:%M:%S"), text);
        if let Some(notice) = notice(&event.kind) {
            all += &format!("    What was done: {}.\n    What you may do: {}.\n", notice.done, notice.may);
        }
    }
    all
}

/// The webhook's secret.
async fn secret(home: &Home, store: &Store) -> Outcome<Zeroizing<String>> {
    let row = store.secret(SECRET).await.doing(|| "read the webhook's secret".to_owned())?;
    let row = row.ok_or_else(|| {
        Fault::failed("the webhook has no secret, so nobody could tell who posts").repair("tollgate notify secret")
    })?;
    Vault::open(home)?.unseal(SECRET, &row)
}

/// Makes the webhook's secret new; it is shown once.
pub(crate) async fn new_secret(home: &Home, store: &Store) -> Outcome<Zeroizing<String>> {
    let secret = Zeroizing::new(hex::encode(crate::exchange::random()?));
    let sealed = Vault::open(home)?.seal(SECRET, &secret)?;
    store.set_secret(SECRET, &sealed, wall()).await.doing(|| "keep the webhook's secret".to_owned())?;
    store.event(wall(), "secret-rotated", "the webhook's secret");
    Ok(secret)
}

/// Tells the owner something by every channel now; what came of each.
pub(crate) async fn test(home: &Home, config: &Config, store: &Store) -> Vec<(&'static str, Result<(), String>)> {
    let event = Event {
        id: 0,
        at: wall(),
        kind: "notify-test".to_owned(),
        text: "a test of how you are told".to_owned(),
        count: 1,
    };
    let mut all = Vec::new();
    for channel in [Channel::Mail, Channel::Webhook] {
        if channel.is_on(&config.notify) {
            let sent = deliver(home, config, store, channel, std::slice::from_ref(&event)).await;
            all.push((channel.name(), sent));
        }
    }
    all
}
