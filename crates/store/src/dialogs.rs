//! Dialogs of paid legs that are up: what a restart after a crash needs to hang them up. Kept by `pbx::signal`, which also
//! knows what the state says; here it is a text.

use sqlx::{Row, SqliteConnection};

use crate::{Error, Ms};

/// One paid leg that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// Permit of the leg, as in [`crate::Debit::leg`]; unique over restarts.
    pub leg: String,
    /// Trunk that it goes over.
    pub trunk: String,
    /// Whatever signalling needs to hang it up.
    pub state: String,
    /// When it was answered.
    pub at: Ms,
}

pub(crate) async fn put(db: &mut SqliteConnection, dialog: &Dialog) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO dialogs (leg, trunk, state, at) VALUES (?, ?, ?, ?)
         ON CONFLICT (leg) DO UPDATE SET trunk = excluded.trunk, state = excluded.state, at = excluded.at",
    )
    .bind(&dialog.leg)
    .bind(&dialog.trunk)
    .bind(&dialog.state)
    .bind(dialog.at)
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn remove(db: &mut SqliteConnection, leg: &str) -> Result<u64, Error> {
    Ok(sqlx::query("DELETE FROM dialogs WHERE leg = ?").bind(leg).execute(db).await?.rows_affected())
}

pub(crate) async fn all(db: &mut SqliteConnection) -> Result<Vec<Dialog>, Error> {
    let rows = sqlx::query("SELECT leg, trunk, state, at FROM dialogs ORDER BY at").fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(Dialog {
                leg: row.try_get("leg")?,
                trunk: row.try_get("trunk")?,
                state: row.try_get("state")?,
                at: row.try_get("at")?,
            })
        })
        .collect()
}
