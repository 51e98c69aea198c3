//! The one task that writes. It gathers what arrives within [`limits::LINGER`] into one transaction, and answers each
//! request only after the commit. While the disk refuses, it keeps call records and turns everything else down at once.
//! [`crate::Store`] is its only client.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::dialogs::{self, Dialog};
use crate::events::Event;
use crate::lockout::Tried;
use crate::registrations::Registration;
use crate::spend::{Debit, DebitId, Debited, Micros, Settled};
use crate::{
    Ban, CallRecord, ConfigVersion, Credentials, Error, Fate, Message, Ms, Quota, bans, calls, credentials, drills,
    events, limits, mail, messages, notices, now, pins, plan_rows, registrations, secrets, spend, versions,
};

/// What to write.
pub(crate) enum Op {
    Record(Box<CallRecord>),
    Credentials(String, Credentials),
    RemoveCredentials(String),
    Secret { name: String, sealed: Vec<u8>, at: Ms },
    RemoveSecret(String),
    Registration(Box<Registration>),
    RemoveRegistration { aor: String, contact: Option<String> },
    ExpireRegistrations(Ms),
    Debit(Debit),
    Settle { id: DebitId, cost: Micros, seconds: u64, at: Ms },
    Dialog(Box<Dialog>),
    RemoveDialog(String),
    Event(Event),
    Version(Box<ConfigVersion>),
    Message(Box<Message>, Quota),
    Messages(String, Vec<(String, Fate)>),
    ForgetMessages(Vec<String>),
    Told { channel: String, event: i64 },
    Drill { at: Ms, text: String, keep: u32 },
    Ban(Box<Ban>),
    RemoveBan(String),
    PlanRow { key: String, value: Option<String> },
    Prune(Ms),
    Pin(pins::PinOp),
    Mail(mail::MailOp),
    Stop,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Rows(u64),
    Id(i64),
    Debited(Debited),
    Tried(Tried),
    Settled(Option<Settled>),
}

/// One request with its way back and the room it takes up in the queue.
pub(crate) struct Request {
    pub(crate) op: Op,
    pub(crate) reply: oneshot::Sender<Result<Reply, Error>>,
    /// Given back when the request is gone; that is all it does.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
}

/// What the writer and its clients both see.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) healthy: AtomicBool,
    pub(crate) commits: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) failures: AtomicU64,
    /// Events that found no room, summed by kind.
    pub(crate) summed: Mutex<BTreeMap<String, Event>>,
}

impl Shared {
    /// Adds an event to the sums; bounded by [`limits::EVENT_KINDS`].
    pub(crate) fn sum(&self, event: Event) {
        let mut summed = self.summed.lock().unwrap_or_else(PoisonError::into_inner);
        let room = summed.len() < limits::EVENT_KINDS || summed.contains_key(&event.kind);
        let kind = if room { event.kind.clone() } else { "other".to_owned() };
        let sum = summed.entry(kind.clone()).or_insert_with(|| Event { count: 0, kind, ..event.clone() });
        sum.count = sum.count.saturating_add(event.count);
        sum.at = event.at;
        sum.text = event.text;
    }
}

pub(crate) struct Writer {
    pub(crate) options: SqliteConnectOptions,
    pub(crate) db: Option<SqliteConnection>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) linger: Duration,
    /// Call records that wait for a disk that refuses.
    pub(crate) kept: VecDeque<Request>,
    /// Why the disk refuses, and when it is tried again.
    pub(crate) trouble: Option<(Error, Instant)>,
    /// How many kept records go into the next attempt: one after a failure, so that a little room is used too, then more.
    pub(crate) step: usize,
}

impl Writer {
    pub(crate) async fn run(mut self) {
        loop {
            let idle_until =
                self.trouble.as_ref().map_or_else(|| Instant::now() + limits::HEARTBEAT, |(_, again)| *again);
            let request = match timeout_at(idle_until, self.requests.recv()).await {
                Ok(Some(request)) => Some(request),
                Ok(None) => break,
                Err(_) => None,
            };
            match (request, self.trouble.clone()) {
                (Some(Request { op: Op::Stop, reply, .. }), trouble) => {
                    self.close().await;
                    let _ = reply.send(trouble.map_or(Ok(Reply::Rows(0)), |(error, _)| Err(error)));
                    return;
                }
                (Some(request), Some((error, again))) if Instant::now() < again => self.turn_down(request, &error),
                (Some(request), None) => self.gather(request).await,
                (request, Some(_)) => {
                    let room = self.step.min(self.kept.len());
                    let batch = self.kept.drain(..room).chain(request).collect();
                    self.commit(batch).await;
                }
                (None, None) => self.heartbeat().await,
            }
        }
        self.close().await;
    }

    /// Waits a moment for company, unless somebody waits for the answer with a call in his hand.
    async fn gather(&mut self, first: Request) {
        let until = Instant::now() + self.linger;
        let mut batch = vec![first];
        let mut stop = None;
        while batch.len() < limits::BATCH {
            match self.requests.try_recv() {
                Ok(request) if matches!(request.op, Op::Stop) => {
                    stop = Some(request);
                    break;
                }
                Ok(request) => batch.push(request),
                Err(_) if self.linger.is_zero() || batch.iter().any(|request| urgent(&request.op)) => break,
                Err(_) => match timeout_at(until, self.requests.recv()).await {
                    Ok(Some(request)) if matches!(request.op, Op::Stop) => {
                        stop = Some(request);
                        break;
                    }
                    Ok(Some(request)) => batch.push(request),
                    Ok(None) | Err(_) => break,
                },
            }
        }
        self.commit(batch).await;
        if let Some(Request { reply, .. }) = stop {
            self.close().await;
            self.requests.close();
            let _ = reply.send(self.trouble.take().map_or(Ok(Reply::Rows(0)), |(error, _)| Err(error)));
        }
    }

    /// The disk refuses: keep what must not be lost, say no to the rest, so that nobody waits and the paid road is closed.
    fn turn_down(&mut self, request: Request, error: &Error) {
        match request.op {
            Op::Record(_) => self.kept.push_back(request),
            Op::Event(event) => self.shared.sum(event),
            _ => {
                let _ = request.reply.send(Err(error.clone()));
            }
        }
    }

    async fn commit(&mut self, mut batch: Vec<Request>) {
        let sums = std::mem::take(&mut *self.shared.summed.lock().unwrap_or_else(PoisonError::into_inner));
        batch.extend(sums.into_values().map(|event| Request {
            op: Op::Event(event),
            reply: oneshot::channel().0,
            _room: None,
        }));
        match self.transaction(&batch).await {
            Ok(replies) => {
                self.shared.commits.fetch_add(1, Ordering::Relaxed);
                self.shared.rows.fetch_add(batch.len() as u64, Ordering::Relaxed);
                if self.trouble.take().is_some() {
                    tracing::info!("the store writes again");
                }
                self.shared.healthy.store(true, Ordering::Release);
                for (request, reply) in batch.into_iter().zip(replies) {
                    let _ = request.reply.send(reply);
                }
                self.step = (self.step * 2).min(limits::BATCH);
                if !self.kept.is_empty() {
                    // Go on with the rest of what was kept, at once.
                    self.trouble = Some((Error::Full, Instant::now()));
                }
            }
            Err(error) => {
                self.shared.failures.fetch_add(1, Ordering::Relaxed);
                self.step = 1;
                if self.shared.healthy.swap(false, Ordering::AcqRel) {
                    tracing::error!(%error, "the store cannot write; paid calls are refused until it can");
                }
                self.trouble = Some((error.clone(), Instant::now() + limits::RETRY));
                // Newly failed records go before those that came later.
                for request in batch.into_iter().rev() {
                    match request.op {
                        Op::Record(_) => self.kept.push_front(request),
                        _ => self.turn_down(request, &error),
                    }
                }
                if !matches!(error, Error::Full | Error::Busy) {
                    self.db = None;
                }
            }
        }
    }

    /// All of the batch or nothing of it; a request that breaks a rule fails alone.
    async fn transaction(&mut self, batch: &[Request]) -> Result<Vec<Result<Reply, Error>>, Error> {
        let db = match &mut self.db {
            Some(db) => db,
            none => none.insert(self.options.connect().await?),
        };
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *db).await?;
        let done = Self::statements(db, batch).await;
        let done = match done {
            Ok(replies) => match sqlx::query("COMMIT").execute(&mut *db).await {
                Ok(_) => return Ok(replies),
                Err(error) => Error::from(error),
            },
            Err(error) => error,
        };
        // SQLite may have rolled back by itself; then this fails and is right to.
        let _ = sqlx::query("ROLLBACK").execute(&mut *db).await;
        Err(done)
    }

    async fn statements(db: &mut SqliteConnection, batch: &[Request]) -> Result<Vec<Result<Reply, Error>>, Error> {
        let mut replies = Vec::with_capacity(batch.len());
        let newest = newest_states(batch);
        for (n, request) in batch.iter().enumerate() {
            if let Op::Record(record) = &request.op
                && newest.get(record.id.as_str()).is_some_and(|newest| *newest != n)
            {
                replies.push(Ok(Reply::Rows(0)));
                continue;
            }
            match apply(db, &request.op).await {
                Ok(reply) => replies.push(Ok(reply)),
                Err(error @ Error::Invalid(_)) => replies.push(Err(error)),
                Err(error) => return Err(error),
            }
        }
        sqlx::query("UPDATE system SET last_seen = max(last_seen, ?)").bind(now()).execute(db).await?;
        Ok(replies)
    }

    /// Notes that the exchange lives, while a call does.
    async fn heartbeat(&mut self) {
        let sums_wait = !self.shared.summed.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let open = match &mut self.db {
            Some(db) => calls::any_open(db).await.unwrap_or(true),
            None => true,
        };
        if open || sums_wait {
            self.commit(Vec::new()).await;
        }
    }

    async fn close(&mut self) {
        if !self.kept.is_empty() {
            let batch = self.kept.drain(..).collect();
            self.commit(batch).await;
        }
        if let Some(mut db) = self.db.take() {
            // The file alone is whole after this, also while a reader is still open: a home is made elsewhere and moved.
            if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut db).await {
                tracing::warn!(%error, "the store's log stays beside it");
            }
            let _ = db.close().await;
        }
        if !self.kept.is_empty() {
            tracing::error!(records = self.kept.len(), "call records could not be written before the end");
        }
    }
}

/// Where in the batch the state of each leg stands that is to be written: the closed one, else the last. It holds all
/// that the earlier ones said, so a short call costs one row written and not three.
fn newest_states(batch: &[Request]) -> HashMap<&str, usize> {
    let mut newest: HashMap<&str, (usize, bool)> = HashMap::new();
    for (n, request) in batch.iter().enumerate() {
        if let Op::Record(record) = &request.op
            && newest.get(record.id.as_str()).is_none_or(|(_, closed)| !closed)
        {
            newest.insert(&record.id, (n, record.ended_at.is_some()));
        }
    }
    newest.into_iter().map(|(id, (n, _))| (id, n)).collect()
}

/// Those who wait for these hold a call, a phone or an owner up.
fn urgent(op: &Op) -> bool {
    matches!(op, Op::Debit(_) | Op::Credentials(..) | Op::RemoveCredentials(_) | Op::Version(_) | Op::Stop)
        || matches!(op, Op::Message(..) | Op::Messages(..) | Op::Pin(_) | Op::Secret { .. } | Op::RemoveSecret(_))
}

async fn apply(db: &mut SqliteConnection, op: &Op) -> Result<Reply, Error> {
    Ok(match op {
        Op::Record(record) => {
            calls::put(db, record).await?;
            Reply::Rows(1)
        }
        Op::Credentials(user, credentials) => {
            credentials::put(db, user, credentials).await?;
            Reply::Rows(1)
        }
        Op::RemoveCredentials(user) => Reply::Rows(credentials::remove(db, user).await?),
        Op::Secret { name, sealed, at } => {
            secrets::put(db, name, sealed, *at).await?;
            Reply::Rows(1)
        }
        Op::RemoveSecret(name) => Reply::Rows(secrets::remove(db, name).await?),
        Op::Registration(registration) => {
            registrations::put(db, registration).await?;
            Reply::Rows(1)
        }
        Op::RemoveRegistration { aor, contact } => {
            Reply::Rows(registrations::remove(db, aor, contact.as_deref()).await?)
        }
        Op::ExpireRegistrations(now) => Reply::Rows(registrations::expire(db, *now).await?),
        Op::Debit(debit) => Reply::Debited(spend::debit(db, debit).await?),
        Op::PlanRow { key, value } => Reply::Rows(plan_rows::put(db, key, value.as_deref()).await?),
        Op::Settle { id, cost, seconds, at } => Reply::Settled(spend::settle(db, *id, *cost, *seconds, *at).await?),
        Op::Dialog(dialog) => {
            dialogs::put(db, dialog).await?;
            Reply::Rows(1)
        }
        Op::RemoveDialog(leg) => Reply::Rows(dialogs::remove(db, leg).await?),
        Op::Event(event) => {
            events::put(db, event).await?;
            Reply::Rows(1)
        }
        Op::Ban(ban) => {
            bans::put(db, ban).await?;
            Reply::Rows(1)
        }
        Op::RemoveBan(source) => Reply::Rows(bans::remove(db, source).await?),
        Op::Told { channel, event } => Reply::Rows(notices::put(db, channel, *event).await?),
        Op::Drill { at, text, keep } => Reply::Id(drills::put(db, *at, text, *keep).await?),
        Op::Version(version) => Reply::Id(versions::put(db, version).await?),
        Op::Message(message, quota) => Reply::Rows(u64::from(messages::put(db, message, *quota).await?)),
        Op::Messages(mailbox, fates) => Reply::Rows(messages::change(db, mailbox, fates).await?),
        Op::ForgetMessages(uids) => Reply::Rows(messages::forget(db, uids).await?),
        Op::Mail(op) => mail::apply(db, op).await?,
        Op::Pin(op) => pins::apply(db, op).await?,
        Op::Prune(before) => {
            let calls = sqlx::query("DELETE FROM call_records WHERE at < ? AND ended_at IS NOT NULL")
                .bind(before)
                .execute(&mut *db)
                .await?;
            let events = sqlx::query("DELETE FROM events WHERE at < ?").bind(before).execute(db).await?;
            Reply::Rows(calls.rows_affected() + events.rows_affected())
        }
        Op::Stop => Reply::Rows(0),
    })
}
