//! What can go wrong with the store, sorted by what the caller does about it.

use thiserror::Error;

/// Why a row did not get in or out. Clonable, because one failed transaction answers many who waited for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The disk, or the quota given to the store, is full. Paid legs are refused until it has room.
    #[error("the disk of the store is full")]
    Full,
    /// The file or its folder cannot be written.
    #[error("the store is read-only")]
    ReadOnly,
    /// Another process held the lock for longer than we wait.
    #[error("the store is locked by another process")]
    Busy,
    /// The file is no store, was made by a newer tollgate or is damaged.
    #[error("the store is damaged or of another version: {0}")]
    Damaged(String),
    /// The operating system refused: permissions, a missing folder, a broken disk.
    #[error("the store cannot be reached: {0}")]
    Io(String),
    /// The caller broke a rule of this crate; nothing was written.
    #[error("{0}")]
    Invalid(String),
    /// More call records wait for a broken disk than we keep ([`crate::limits::RECORDS`]).
    #[error("too many call records wait for the store")]
    Overrun,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// True where the trouble lies with disk or lock and the same request may succeed later.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Full | Self::ReadOnly | Self::Busy | Self::Io(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(db) => {
                // https://sqlite.org/rescode.html: the low byte of an extended result code is the primary one.
                let code = db.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or(0) & 0xff;
                match code {
                    13 => Self::Full,
                    8 => Self::ReadOnly,
                    5 | 6 => Self::Busy,
                    11 | 26 => Self::Damaged(db.message().to_owned()),
                    10 | 14 | 3 | 23 => Self::Io(db.message().to_owned()),
                    _ => Self::Invalid(db.message().to_owned()),
                }
            }
            sqlx::Error::Io(io) => Self::Io(io.to_string()),
            sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed => Self::Io(error.to_string()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Io(error.to_string()),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => error.into(),
            sqlx::migrate::MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}
