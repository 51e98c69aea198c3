//! The plan's database, as kept between two runs of the exchange: names and values, nothing else.

use sqlx::{Row, SqliteConnection};

use crate::{Error, now};

pub(crate) async fn put(db: &mut SqliteConnection, key: &str, value: Option<&str>) -> Result<u64, Error> {
    let Some(value) = value else {
        return Ok(sqlx::query("DELETE FROM plan_rows WHERE key = ?").bind(key).execute(db).await?.rows_affected());
    };
    let done = sqlx::query(
        "INSERT INTO plan_rows (key, value, changed_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (key) DO UPDATE SET value = ?2, changed_at = ?3",
    )
    .bind(key)
    .bind(value)
    .bind(now())
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn all(db: &mut SqliteConnection) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query("SELECT key, value FROM plan_rows ORDER BY key").fetch_all(db).await?;
    rows.iter().map(|row| Ok((row.try_get("key")?, row.try_get("value")?))).collect()
}
