//! Addresses that are shut out for a while, kept so that a restart frees nobody.

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{Error, Ms, calls, limits};

/// One source that is, or was, shut out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// An IPv4 address, or an IPv6 network such as `2001:db8::/64`.
    pub source: String,
    /// When it began.
    pub since: Ms,
    /// When it ends; in the past for one that is over and only counts for the next.
    pub until: Ms,
    /// How often the source was banned.
    pub times: u32,
    /// In plain words.
    pub why: String,
}

pub(crate) async fn put(db: &mut SqliteConnection, ban: &Ban) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO bans (source, since, until, times, why) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (source) DO UPDATE SET since = excluded.since, until = excluded.until, times = excluded.times, why = excluded.why",
    )
    .bind(calls::short(&ban.source))
    .bind(ban.since)
    .bind(ban.until)
    .bind(ban.times)
    .bind(calls::short(&ban.why))
    .execute(&mut *db)
    .await?;
    // Those that ended first make room.
    sqlx::query("DELETE FROM bans WHERE source IN (SELECT source FROM bans ORDER BY until DESC LIMIT -1 OFFSET ?)")
        .bind(limits::BANS)
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn remove(db: &mut SqliteConnection, source: &str) -> Result<u64, Error> {
    Ok(sqlx::query("DELETE FROM bans WHERE source = ?").bind(source).execute(db).await?.rows_affected())
}

pub(crate) async fn all(db: &mut SqliteConnection) -> Result<Vec<Ban>, Error> {
    let rows = sqlx::query("SELECT * FROM bans ORDER BY until DESC LIMIT ?").bind(limits::BANS).fetch_all(db).await?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<Ban, Error> {
    Ok(Ban {
        source: row.try_get("source")?,
        since: row.try_get("since")?,
        until: row.try_get("until")?,
        times: row.try_get("times")?,
        why: row.try_get("why")?,
    })
}
