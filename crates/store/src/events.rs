//! What an owner wants to read in the morning, in plain words: failed log-ins, refusals of the gate, alarms, changes.

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{Error, Ms, calls};

/// One thing that happened, or many of one kind that were summed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Rises with every event; 0 before it is stored.
    pub id: i64,
    /// When (the last of them).
    pub at: Ms,
    /// Short name to filter by, for instance `login-failed`.
    pub kind: String,
    /// In plain words.
    pub text: String,
    /// How many; above 1 where the store was too busy to write each.
    pub count: u64,
}

/// Which events to return, newest first; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// This kind.
    pub kind: Option<String>,
    /// At this time or later.
    pub since: Option<Ms>,
    /// Older in the list than this id: the next page.
    pub before: Option<i64>,
    /// At most so many; 0 and anything above mean [`crate::limits::ROWS`].
    pub limit: u32,
}

pub(crate) async fn put(db: &mut SqliteConnection, e: &Event) -> Result<(), Error> {
    sqlx::query("INSERT INTO events (at, kind, text, count) VALUES (?, ?, ?, ?)")
        .bind(e.at)
        .bind(calls::short(&e.kind))
        .bind(calls::short(&e.text))
        .bind(i64::try_from(e.count.max(1)).unwrap_or(i64::MAX))
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn find(db: &mut SqliteConnection, f: &EventFilter) -> Result<Vec<Event>, Error> {
    let rows = sqlx::query(
        "SELECT * FROM events WHERE id < ?1 AND at >= ?2 AND (?3 IS NULL OR kind = ?3) ORDER BY id DESC LIMIT ?4",
    )
    .bind(f.before.unwrap_or(i64::MAX))
    .bind(f.since.unwrap_or(i64::MIN))
    .bind(&f.kind)
    .bind(i64::from(calls::page(f.limit)))
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<Event, Error> {
    Ok(Event {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        kind: row.try_get("kind")?,
        text: row.try_get("text")?,
        count: row.try_get::<i64, _>("count")?.unsigned_abs(),
    })
}
