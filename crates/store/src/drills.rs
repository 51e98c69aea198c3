//! Reports of drills. What is in them is the exchange's affair; here they are texts with a date.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::writer::{Op, Reply};
use crate::{Error, Ms, Store, calls, limits};

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// Rises with every drill.
    pub id: i64,
    /// When it began.
    pub at: Ms,
    /// The report.
    pub text: String,
}

impl Store {
    /// Keeps the report of a drill and forgets all but the newest `keep`; returns its number.
    ///
    /// # Errors
    /// As all writes; [`Error::Invalid`] beyond [`limits::CONFIG`] bytes.
    pub async fn add_drill(&self, at: Ms, text: &str, keep: u32) -> Result<i64, Error> {
        match self.ask(Op::Drill { at, text: text.to_owned(), keep }).await? {
            Reply::Id(id) => Ok(id),
            _ => Err(Error::Closed),
        }
    }

    /// The newest reports, newest first.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn drills(&self, limit: u32) -> Result<Vec<Drill>, Error> {
        newest(&mut *self.reader().await, limit).await
    }

    /// One report by its number.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn drill(&self, id: i64) -> Result<Option<Drill>, Error> {
        get(&mut *self.reader().await, id).await
    }
}

/// Adds a report and forgets all but the newest `keep`.
pub(crate) async fn put(db: &mut SqliteConnection, at: Ms, text: &str, keep: u32) -> Result<i64, Error> {
    if text.len() > limits::CONFIG {
        return Err(Error::Invalid(format!("a report of more than {} bytes", limits::CONFIG)));
    }
    let done = sqlx::query("INSERT INTO drills (at, text) VALUES (?, ?)").bind(at).bind(text).execute(&mut *db).await?;
    sqlx::query("DELETE FROM drills WHERE id NOT IN (SELECT id FROM drills ORDER BY id DESC LIMIT ?)")
        .bind(i64::from(keep.max(1)))
        .execute(db)
        .await?;
    Ok(done.last_insert_rowid())
}

pub(crate) async fn newest(db: &mut SqliteConnection, limit: u32) -> Result<Vec<Drill>, Error> {
    let rows = sqlx::query("SELECT id, at, text FROM drills ORDER BY id DESC LIMIT ?")
        .bind(i64::from(calls::page(limit)))
        .fetch_all(db)
        .await?;
    rows.iter().map(read).collect()
}

pub(crate) async fn get(db: &mut SqliteConnection, id: i64) -> Result<Option<Drill>, Error> {
    let row = sqlx::query("SELECT id, at, text FROM drills WHERE id = ?").bind(id).fetch_optional(db).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &SqliteRow) -> Result<Drill, Error> {
    Ok(Drill { id: row.try_get("id")?, at: row.try_get("at")?, text: row.try_get("text")? })
}
