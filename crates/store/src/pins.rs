//! PINs as hashes, and the tries at them. Who may try and what a hash is made of is decided above; the counting is in [`crate::lockout`].

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::lockout::{Tried, Tries};
use crate::store::Store;
use crate::writer::{Op, Reply};
use crate::{Error, Ms};

/// What is kept of a PIN: Argon2id with its costs.
#[derive(Clone, PartialEq, Eq)]
pub struct PinHash {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Salt.
    pub salt: [u8; 16],
    /// The hash.
    pub hash: [u8; 32],
    /// When the PIN was set.
    pub set_at: Ms,
}

/// A hash of six digits is a secret: it does not appear in logs.
impl std::fmt::Debug for PinHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PinHash").field("set_at", &self.set_at).finish_non_exhaustive()
    }
}

/// A PIN that is locked for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinLock {
    /// What it opens.
    pub what: String,
    /// For whom.
    pub who: String,
    /// Until when.
    pub until: Ms,
    /// Wrong tries so far.
    pub wrong: u32,
}

/// What to write about PINs.
pub(crate) enum PinOp {
    Set(String, Box<PinHash>),
    Remove(String),
    Try { what: String, who: String, at: Ms },
    Right { what: String, who: String },
}

impl Store {
    /// Sets or replaces a PIN; tries at the one before are forgotten.
    ///
    /// # Errors
    /// As all writes.
    pub async fn set_pin(&self, what: &str, hash: PinHash) -> Result<(), Error> {
        self.rows(Op::Pin(PinOp::Set(what.to_owned(), Box::new(hash)))).await.map(|_| ())
    }

    /// Removes a PIN; true if there was one.
    ///
    /// # Errors
    /// As all writes.
    pub async fn remove_pin(&self, what: &str) -> Result<bool, Error> {
        Ok(self.rows(Op::Pin(PinOp::Remove(what.to_owned()))).await? > 0)
    }

    /// The hash of a PIN.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn pin(&self, what: &str) -> Result<Option<PinHash>, Error> {
        let mut db = self.reader().await;
        let row = sqlx::query("SELECT * FROM pins WHERE what = ?").bind(what).fetch_optional(&mut *db).await?;
        row.as_ref().map(read).transpose()
    }

    /// What has a PIN, and since when.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn pins(&self) -> Result<Vec<(String, Ms)>, Error> {
        let mut db = self.reader().await;
        let rows = sqlx::query("SELECT what, set_at FROM pins ORDER BY what").fetch_all(&mut *db).await?;
        rows.iter().map(|row| Ok((row.try_get("what")?, row.try_get("set_at")?))).collect()
    }

    /// Counts a try at a PIN, durably, before it is made.
    ///
    /// # Errors
    /// As all writes; the try must then not be made.
    pub async fn pin_try(&self, what: &str, who: &str, at: Ms) -> Result<Tried, Error> {
        match self.ask(Op::Pin(PinOp::Try { what: what.to_owned(), who: who.to_owned(), at })).await? {
            Reply::Tried(tried) => Ok(tried),
            _ => Err(Error::Closed),
        }
    }

    /// The last try was right: the count begins anew.
    ///
    /// # Errors
    /// As all writes.
    pub async fn pin_right(&self, what: &str, who: &str) -> Result<(), Error> {
        self.rows(Op::Pin(PinOp::Right { what: what.to_owned(), who: who.to_owned() })).await.map(|_| ())
    }

    /// PINs that are locked at `now`.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn pin_locks(&self, now: Ms) -> Result<Vec<PinLock>, Error> {
        let mut db = self.reader().await;
        let rows = sqlx::query("SELECT * FROM pin_tries WHERE locked_until > ? ORDER BY what, who")
            .bind(now)
            .fetch_all(&mut *db)
            .await?;
        let lock = |row: &SqliteRow| {
            Ok(PinLock {
                what: row.try_get("what")?,
                who: row.try_get("who")?,
                until: row.try_get("locked_until")?,
                wrong: row.try_get("wrong")?,
            })
        };
        rows.iter().map(lock).collect()
    }
}

pub(crate) async fn apply(db: &mut SqliteConnection, op: &PinOp) -> Result<Reply, Error> {
    Ok(match op {
        PinOp::Set(what, hash) => {
            set(db, what, hash).await?;
            Reply::Rows(1)
        }
        PinOp::Remove(what) => {
            forget(db, what).await?;
            let gone = sqlx::query("DELETE FROM pins WHERE what = ?").bind(what).execute(db).await?;
            Reply::Rows(gone.rows_affected())
        }
        PinOp::Try { what, who, at } => Reply::Tried(count(db, what, who, *at).await?),
        PinOp::Right { what, who } => {
            let gone = sqlx::query("DELETE FROM pin_tries WHERE what = ? AND who = ?")
                .bind(what)
                .bind(who)
                .execute(db)
                .await?;
            Reply::Rows(gone.rows_affected())
        }
    })
}

async fn forget(db: &mut SqliteConnection, what: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM pin_tries WHERE what = ?").bind(what).execute(db).await?;
    Ok(())
}

async fn set(db: &mut SqliteConnection, what: &str, hash: &PinHash) -> Result<(), Error> {
    forget(db, what).await?;
    sqlx::query(
        "INSERT OR REPLACE INTO pins (what, memory_kib, passes, lanes, salt, hash, set_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(what)
    .bind(hash.memory_kib)
    .bind(hash.passes)
    .bind(hash.lanes)
    .bind(hash.salt.as_slice())
    .bind(hash.hash.as_slice())
    .bind(hash.set_at)
    .execute(db)
    .await?;
    Ok(())
}

async fn count(db: &mut SqliteConnection, what: &str, who: &str, at: Ms) -> Result<Tried, Error> {
    let row = sqlx::query("SELECT wrong, locked_until, last FROM pin_tries WHERE what = ? AND who = ?")
        .bind(what)
        .bind(who)
        .fetch_optional(&mut *db)
        .await?;
    let mut tries = match row {
        None => Tries::default(),
        Some(row) => Tries {
            wrong: row.try_get("wrong")?,
            locked_until: row.try_get("locked_until")?,
            last: row.try_get("last")?,
        },
    };
    let tried = tries.take(at);
    if let Tried::Go { .. } = tried {
        sqlx::query("INSERT OR REPLACE INTO pin_tries (what, who, wrong, locked_until, last) VALUES (?, ?, ?, ?, ?)")
            .bind(what)
            .bind(who)
            .bind(tries.wrong)
            .bind(tries.locked_until)
            .bind(tries.last)
            .execute(db)
            .await?;
    }
    Ok(tried)
}

fn read(row: &SqliteRow) -> Result<PinHash, Error> {
    let wrong = |_| Error::Damaged("a PIN's hash of the wrong length".to_owned());
    Ok(PinHash {
        memory_kib: row.try_get("memory_kib")?,
        passes: row.try_get("passes")?,
        lanes: row.try_get("lanes")?,
        salt: row.try_get::<&[u8], _>("salt")?.try_into().map_err(wrong)?,
        hash: row.try_get::<&[u8], _>("hash")?.try_into().map_err(wrong)?,
        set_at: row.try_get("set_at")?,
    })
}
