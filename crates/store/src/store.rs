//! The handle that everybody holds. Writes go to the writer's queue, reads to a connection of their own.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::writer::{Op, Reply, Request, Shared, Writer};
use crate::{
    Ban, CallFilter, CallRecord, ConfigVersion, Counts, Credentials, Debit, DebitId, Debited, Dialog, Error, Event,
    EventFilter, Fate, Folder, Listed, Message, Micros, Mode, Ms, Options, Quota, Registration, Settled, SpendFilter,
    Spending, bans, calls, credentials, dialogs, events, limits, messages, open, plan_rows, registrations, secrets,
    spend, versions,
};

/// The store; clones share one writer.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    realm: String,
    requests: Option<mpsc::Sender<Request>>,
    room: Arc<Semaphore>,
    records: Arc<Semaphore>,
    reader: Mutex<SqliteConnection>,
    shared: Arc<Shared>,
}

/// Resolves when the row is on the disk. Dropping it changes nothing: the row is written all the same.
#[derive(Debug)]
pub struct Receipt(Result<oneshot::Receiver<Result<Reply, Error>>, Option<Error>>);

impl Future for Receipt {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Ok(reply) => Pin::new(reply).poll(cx).map(|reply| reply.unwrap_or(Err(Error::Closed)).map(|_| ())),
            Err(error) => Poll::Ready(Err(error.take().unwrap_or(Error::Closed))),
        }
    }
}

/// Counters for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests and call records that wait for the writer.
    pub waiting: u64,
    /// Transactions since the start.
    pub commits: u64,
    /// Requests in them.
    pub rows: u64,
    /// Transactions that failed.
    pub failures: u64,
}

impl Store {
    /// Opens the file, inside a tokio runtime. See [`Mode`] for who may do what.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ReadOnly`], [`Error::Full`] where the file cannot be used, [`Error::Damaged`] where it is
    /// no store of this or an earlier version.
    pub async fn open(path: &Path, mode: Mode) -> Result<Self, Error> {
        Self::open_with(Options::new(path, mode)).await
    }

    /// The same with all options.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(options: Options) -> Result<Self, Error> {
        let writer = if options.mode == Mode::Read { None } else { Some(open::writer(&options).await?) };
        let mut reader = options.sqlite_reader().connect().await?;
        let realm = open::realm(&mut reader).await?;
        let shared = Arc::new(Shared::default());
        shared.healthy.store(true, Ordering::Release);
        let requests = writer.map(|db| {
            let (sender, receiver) = mpsc::channel(limits::WAITING);
            let writer = Writer {
                options: options.sqlite(),
                db: Some(db),
                requests: receiver,
                shared: Arc::clone(&shared),
                linger: options.linger,
                kept: Default::default(),
                trouble: None,
                step: 1,
            };
            tokio::spawn(writer.run());
            sender
        });
        let (room, records) = (Arc::new(Semaphore::new(limits::QUEUE)), Arc::new(Semaphore::new(limits::RECORDS)));
        Ok(Self { inner: Arc::new(Inner { realm, requests, room, records, reader: Mutex::new(reader), shared }) })
    }

    /// Writes what waits, then closes the file. Later requests fail with [`Error::Closed`].
    ///
    /// # Errors
    /// What keeps the last rows from being written.
    pub async fn close(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let Some(requests) = &self.inner.requests else { return Ok(()) };
        requests.send(Request { op: Op::Stop, reply, _room: None }).await.map_err(|_| Error::Closed)?;
        answer.await.unwrap_or(Err(Error::Closed)).map(|_| ())
    }

    /// Name of the protection domain of all digests; made at birth, the same for ever.
    pub fn realm(&self) -> &str {
        &self.inner.realm
    }

    /// False while the disk refuses: then paid legs are refused, inside and emergency calls go on.
    pub fn health(&self) -> bool {
        self.inner.shared.healthy.load(Ordering::Acquire)
            && self.inner.requests.as_ref().is_none_or(|requests| !requests.is_closed())
    }

    /// Counters for metrics.
    pub fn stats(&self) -> Stats {
        let inner = &self.inner;
        let waiting =
            (limits::QUEUE - inner.room.available_permits()) + (limits::RECORDS - inner.records.available_permits());
        Stats {
            waiting: waiting as u64,
            commits: inner.shared.commits.load(Ordering::Relaxed),
            rows: inner.shared.rows.load(Ordering::Relaxed),
            failures: inner.shared.failures.load(Ordering::Relaxed),
        }
    }

    /// Writes or replaces the record of a leg, open or closed. Never waits, so that it also works in a `Drop` of a task
    /// that dies; the receipt resolves when the row is on the disk, however long that takes.
    pub fn add_call_record(&self, record: CallRecord) -> Receipt {
        match Arc::clone(&self.inner.records).try_acquire_owned() {
            Ok(room) => self.send(Op::Record(Box::new(record)), Some(room)),
            Err(_) => Receipt(Err(Some(Error::Overrun))),
        }
    }

    /// Notes an event. Never waits and never fails: where there is no room, events of a kind are summed.
    pub fn event(&self, at: Ms, kind: &str, text: &str) {
        let event =
            Event { id: 0, at, kind: calls::short(kind).into_owned(), text: calls::short(text).into_owned(), count: 1 };
        match Arc::clone(&self.inner.room).try_acquire_owned() {
            Ok(room) => drop(self.send(Op::Event(event), Some(room))),
            Err(_) => self.inner.shared.sum(event),
        }
    }

    /// Sets a user's digests.
    ///
    /// # Errors
    /// As all writes: what keeps the row from the disk.
    pub async fn set_credentials(&self, user: &str, credentials: Credentials) -> Result<(), Error> {
        self.rows(Op::Credentials(user.to_owned(), credentials)).await.map(|_| ())
    }

    /// Forgets a user's digests; true if there were any.
    ///
    /// # Errors
    /// As all writes.
    pub async fn remove_credentials(&self, user: &str) -> Result<bool, Error> {
        Ok(self.rows(Op::RemoveCredentials(user.to_owned())).await? > 0)
    }

    /// A user's digests.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn credentials(&self, user: &str) -> Result<Option<Credentials>, Error> {
        credentials::get(&mut *self.reader().await, user).await
    }

    /// All users' digests, by user.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn all_credentials(&self) -> Result<Vec<(String, Credentials)>, Error> {
        credentials::all(&mut *self.reader().await).await
    }

    /// Keeps a sealed secret under a name.
    ///
    /// # Errors
    /// As all writes.
    pub async fn set_secret(&self, name: &str, sealed: &[u8], at: Ms) -> Result<(), Error> {
        self.rows(Op::Secret { name: name.to_owned(), sealed: sealed.to_vec(), at }).await.map(|_| ())
    }

    /// Forgets a sealed secret; true if there was one.
    ///
    /// # Errors
    /// As all writes.
    pub async fn remove_secret(&self, name: &str) -> Result<bool, Error> {
        Ok(self.rows(Op::RemoveSecret(name.to_owned())).await? > 0)
    }

    /// A sealed secret.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        secrets::get(&mut *self.reader().await, name).await
    }

    /// Writes or replaces a binding.
    ///
    /// # Errors
    /// As all writes.
    pub async fn save_registration(&self, registration: Registration) -> Result<(), Error> {
        self.rows(Op::Registration(Box::new(registration))).await.map(|_| ())
    }

    /// Removes one contact of an address of record, or all (`None`); says how many.
    ///
    /// # Errors
    /// As all writes.
    pub async fn remove_registration(&self, aor: &str, contact: Option<&str>) -> Result<u64, Error> {
        self.rows(Op::RemoveRegistration { aor: aor.to_owned(), contact: contact.map(str::to_owned) }).await
    }

    /// Removes the bindings that ended at `now` or before; says how many.
    ///
    /// # Errors
    /// As all writes.
    pub async fn expire_registrations(&self, now: Ms) -> Result<u64, Error> {
        self.rows(Op::ExpireRegistrations(now)).await
    }

    /// The bindings that live at `now`.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn registrations(&self, now: Ms) -> Result<Vec<Registration>, Error> {
        registrations::live(&mut *self.reader().await, now).await
    }

    /// Call records, newest first.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn calls(&self, filter: &CallFilter) -> Result<Vec<Listed>, Error> {
        calls::find(&mut *self.reader().await, filter).await
    }

    /// Reserves money for a leg, durably, before its INVITE.
    ///
    /// # Errors
    /// What keeps the store from deciding; the gate then refuses. Passing a cap is no error but [`Debited::Refused`].
    pub async fn debit(&self, debit: Debit) -> Result<Debited, Error> {
        match self.ask(Op::Debit(debit)).await? {
            Reply::Debited(debited) => Ok(debited),
            _ => Err(Error::Closed),
        }
    }

    /// Replaces a reservation by what the leg cost; none if it was settled before.
    ///
    /// # Errors
    /// As all writes; the reservation then stands at its full amount.
    pub async fn settle(&self, id: DebitId, cost: Micros, seconds: u64, at: Ms) -> Result<Option<Settled>, Error> {
        match self.ask(Op::Settle { id, cost, seconds, at }).await? {
            Reply::Settled(settled) => Ok(settled),
            _ => Err(Error::Closed),
        }
    }

    /// What was spent since a day, by day, origin, class and trunk.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn ledger(&self, since: i32) -> Result<Vec<Spending>, Error> {
        spend::ledger(&mut *self.reader().await, since).await
    }

    /// Keeps the dialog of a paid leg. Does not wait: it is on the disk within [`limits::LINGER`], or, while the disk
    /// refuses, not at all.
    pub fn keep_dialog(&self, dialog: Dialog) {
        self.at_once(Op::Dialog(Box::new(dialog)));
    }

    /// Forgets the dialog of a leg that is over. Does not wait.
    pub fn forget_dialog(&self, leg: String) {
        self.at_once(Op::RemoveDialog(leg));
    }

    /// Dialogs that an exchange which ended without a word left behind.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn dialogs(&self) -> Result<Vec<Dialog>, Error> {
        dialogs::all(&mut *self.reader().await).await
    }

    /// Takes the records' room: a paid call has one of these for two of those.
    fn at_once(&self, op: Op) {
        if let Ok(room) = Arc::clone(&self.inner.records).try_acquire_owned() {
            drop(self.send(op, Some(room)));
        }
    }

    /// What was spent or reserved.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn spent(&self, filter: &SpendFilter) -> Result<Micros, Error> {
        spend::spent(&mut *self.reader().await, filter).await
    }

    /// Events, newest first.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn events(&self, filter: &EventFilter) -> Result<Vec<Event>, Error> {
        events::find(&mut *self.reader().await, filter).await
    }

    /// Keeps an applied configuration; returns its number.
    ///
    /// # Errors
    /// As all writes; [`Error::Invalid`] beyond [`limits::CONFIG`] bytes.
    pub async fn add_config_version(&self, version: ConfigVersion) -> Result<i64, Error> {
        match self.ask(Op::Version(Box::new(version))).await? {
            Reply::Id(id) => Ok(id),
            _ => Err(Error::Closed),
        }
    }

    /// Writes a row of the plan's database, or deletes it; how many rows changed.
    ///
    /// # Errors
    /// As all writes.
    pub async fn put_plan_row(&self, key: &str, value: Option<&str>) -> Result<u64, Error> {
        self.rows(Op::PlanRow { key: key.to_owned(), value: value.map(str::to_owned) }).await
    }

    /// All rows of the plan's database, by name.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn plan_rows(&self) -> Result<Vec<(String, String)>, Error> {
        plan_rows::all(&mut *self.reader().await).await
    }

    /// The newest configurations, newest first.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn config_versions(&self, limit: u32) -> Result<Vec<ConfigVersion>, Error> {
        versions::newest(&mut *self.reader().await, limit).await
    }

    /// One configuration by its number.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn config_version(&self, id: i64) -> Result<Option<ConfigVersion>, Error> {
        versions::get(&mut *self.reader().await, id).await
    }

    /// Writes the row of a message whose sound is in its place. True if it was written; false if there is no room or it is
    /// there already.
    ///
    /// # Errors
    /// As all writes.
    pub(crate) async fn add_message(&self, message: Message, quota: Quota) -> Result<bool, Error> {
        Ok(self.rows(Op::Message(Box::new(message), quota)).await? > 0)
    }

    /// Moves messages of a mailbox, or marks them as gone; says how many were there.
    ///
    /// # Errors
    /// As all writes; [`Error::Invalid`] beyond [`limits::CHANGES`].
    pub(crate) async fn change_messages(&self, mailbox: &str, fates: Vec<(String, Fate)>) -> Result<u64, Error> {
        if fates.len() > limits::CHANGES {
            return Err(Error::Invalid("too many messages at once".to_owned()));
        }
        self.rows(Op::Messages(mailbox.to_owned(), fates)).await
    }

    /// Forgets rows whose files are gone.
    ///
    /// # Errors
    /// As all writes.
    pub(crate) async fn forget_messages(&self, uids: Vec<String>) -> Result<u64, Error> {
        self.rows(Op::ForgetMessages(uids)).await
    }

    /// Every message's name, mailbox, and whether it is gone.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub(crate) async fn known_messages(&self) -> Result<Vec<(String, String, bool)>, Error> {
        messages::known(&mut *self.reader().await).await
    }

    /// Messages of a mailbox or of all, of one folder or of all; urgent ones first, then by time.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn messages(&self, mailbox: Option<&str>, folder: Option<Folder>) -> Result<Vec<Message>, Error> {
        messages::list(&mut *self.reader().await, mailbox, folder).await
    }

    /// How many messages lie where, by mailbox; those without any are left out.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn message_counts(&self, mailbox: Option<&str>) -> Result<Vec<(String, Counts)>, Error> {
        messages::counts(&mut *self.reader().await, mailbox).await
    }

    /// Keeps a ban, or the newest word about it.
    ///
    /// # Errors
    /// As all writes.
    pub async fn save_ban(&self, ban: Ban) -> Result<(), Error> {
        self.rows(Op::Ban(Box::new(ban))).await.map(|_| ())
    }

    /// Forgets a ban and that there was one; false if there was none.
    ///
    /// # Errors
    /// As all writes.
    pub async fn remove_ban(&self, source: &str) -> Result<bool, Error> {
        Ok(self.rows(Op::RemoveBan(source.to_owned())).await? > 0)
    }

    /// The bans, those that are over included, the last to end first.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn bans(&self) -> Result<Vec<Ban>, Error> {
        bans::all(&mut *self.reader().await).await
    }

    /// Deletes closed call records and events from before a time; says how many. Spending stays: it is the owner's ledger.
    ///
    /// # Errors
    /// As all writes.
    pub async fn prune(&self, before: Ms) -> Result<u64, Error> {
        self.rows(Op::Prune(before)).await
    }

    pub(crate) async fn reader(&self) -> MutexGuard<'_, SqliteConnection> {
        self.inner.reader.lock().await
    }

    pub(crate) async fn rows(&self, op: Op) -> Result<u64, Error> {
        match self.ask(op).await? {
            Reply::Rows(rows) => Ok(rows),
            _ => Err(Error::Closed),
        }
    }

    /// Waits for room in the queue, then for the commit.
    pub(crate) async fn ask(&self, op: Op) -> Result<Reply, Error> {
        let room = Arc::clone(&self.inner.room).acquire_owned().await.map_err(|_| Error::Closed)?;
        match self.send(op, Some(room)).0 {
            Ok(reply) => reply.await.unwrap_or(Err(Error::Closed)),
            Err(error) => Err(error.unwrap_or(Error::Closed)),
        }
    }

    fn send(&self, op: Op, room: Option<OwnedSemaphorePermit>) -> Receipt {
        let Some(requests) = &self.inner.requests else { return Receipt(Err(Some(Error::ReadOnly))) };
        let (reply, answer) = oneshot::channel();
        match requests.try_send(Request { op, reply, _room: room }) {
            Ok(()) => Receipt(Ok(answer)),
            Err(TrySendError::Full(_)) => Receipt(Err(Some(Error::Overrun))),
            Err(TrySendError::Closed(_)) => Receipt(Err(Some(Error::Closed))),
        }
    }
}
