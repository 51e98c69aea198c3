//! Opening the file: rights, pragmas, migrations, the realm, and what a crash left behind. [`crate::Store::open`] ends here.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, SqliteConnection};

use crate::{Error, calls, limits};

/// Who opens the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The exchange: makes the file if it is missing, and closes the call records that a crash left open.
    Run,
    /// A command beside the exchange: the file must exist; open call records are left alone, they may be alive.
    Edit,
    /// Looking only.
    Read,
}

/// How to open, where [`crate::Store::open`] does not say enough.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// Who opens.
    pub mode: Mode,
    /// How long a row waits for company; [`limits::LINGER`] by default.
    pub linger: Duration,
    /// Most bytes that the file may grow to; `None` leaves it to the disk.
    pub quota: Option<u64>,
}

/// Pages that a connection keeps in memory, in kilobytes (SQLite counts those as negative): records are written once and
/// read a page at a time, so the usual 2 MB for each connection buy nothing.
const CACHE: &str = "-512";

impl Options {
    /// The usual options.
    pub fn new(path: &Path, mode: Mode) -> Self {
        Self { path: path.to_owned(), mode, linger: limits::LINGER, quota: None }
    }

    pub(crate) fn sqlite(&self) -> SqliteConnectOptions {
        let mut options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL flushes the log at each commit: what was acknowledged survives a power failure.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(2))
            .pragma("cache_size", CACHE)
            .disable_statement_logging();
        if let Some(quota) = self.quota {
            options = options.pragma("max_page_count", (quota / 4_096).max(1).to_string());
        }
        options
    }

    pub(crate) fn sqlite_reader(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .read_only(true)
            .busy_timeout(Duration::from_secs(2))
            .pragma("cache_size", CACHE)
            .disable_statement_logging()
    }
}

/// The file exists and nobody but its owner can read it; SQLite gives its side files the same rights.
pub(crate) fn protect(path: &Path, create: bool) -> Result<(), Error> {
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::StorageFull => Error::Full,
        std::io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly,
        _ => Error::Io(format!("{}: {error}", path.display())),
    };
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(io)?;
    let rights = file.metadata().map_err(io)?.permissions();
    if rights.mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(io)?;
    }
    Ok(())
}

/// Opens for writing: migrations, then what the mode asks for.
pub(crate) async fn writer(options: &Options) -> Result<SqliteConnection, Error> {
    protect(&options.path, options.mode == Mode::Run)?;
    let mut db = options.sqlite().connect().await?;
    sqlx::migrate!("./migrations").run_direct(&mut db).await.map_err(newer)?;
    if options.mode == Mode::Run {
        let closed = calls::close_leftovers(&mut db, crate::now()).await?;
        if closed > 0 {
            tracing::warn!(legs = closed, "closed the records of calls that were open when the exchange stopped");
        }
    }
    Ok(db)
}

/// A store from the future is told apart from a damaged one.
fn newer(error: sqlx::migrate::MigrateError) -> Error {
    match error {
        sqlx::migrate::MigrateError::VersionMissing(_) => Error::Damaged("it was made by a newer tollgate".to_owned()),
        other => other.into(),
    }
}

pub(crate) async fn realm(db: &mut SqliteConnection) -> Result<String, Error> {
    Ok(sqlx::query("SELECT realm FROM system").fetch_one(db).await?.try_get("realm")?)
}
