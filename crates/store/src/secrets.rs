//! Sealed secrets by name. The key is not ours to know: who sealed them can open them.

use sqlx::{Row, SqliteConnection};

use crate::{Error, Ms};

pub(crate) async fn put(db: &mut SqliteConnection, name: &str, sealed: &[u8], at: Ms) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO secrets (name, sealed, set_at) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, set_at = excluded.set_at",
    )
    .bind(name)
    .bind(sealed)
    .bind(at)
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn remove(db: &mut SqliteConnection, name: &str) -> Result<u64, Error> {
    Ok(sqlx::query("DELETE FROM secrets WHERE name = ?").bind(name).execute(db).await?.rows_affected())
}

pub(crate) async fn get(db: &mut SqliteConnection, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let row = sqlx::query("SELECT sealed FROM secrets WHERE name = ?").bind(name).fetch_optional(db).await?;
    row.map(|row| row.try_get("sealed").map_err(Error::from)).transpose()
}
