//! Every configuration that was applied, with its author and what the proof said of it, so that each can be taken back.

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{Error, Ms, calls, limits};

/// One applied configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigVersion {
    /// Rises with every version; 0 before it is stored.
    pub id: i64,
    /// Hash of the program it compiled to.
    pub hash: [u8; 32],
    /// The text.
    pub text: String,
    /// Who applied it.
    pub author: String,
    /// When.
    pub at: Ms,
    /// Sentence of the proof.
    pub verdict: String,
}

pub(crate) async fn put(db: &mut SqliteConnection, v: &ConfigVersion) -> Result<i64, Error> {
    if v.text.len() > limits::CONFIG {
        return Err(Error::Invalid(format!("a configuration of more than {} bytes", limits::CONFIG)));
    }
    let done = sqlx::query("INSERT INTO config_versions (hash, text, author, at, verdict) VALUES (?, ?, ?, ?, ?)")
        .bind(v.hash.as_slice())
        .bind(&v.text)
        .bind(calls::short(&v.author))
        .bind(v.at)
        .bind(calls::short(&v.verdict))
        .execute(db)
        .await?;
    Ok(done.last_insert_rowid())
}

pub(crate) async fn newest(db: &mut SqliteConnection, limit: u32) -> Result<Vec<ConfigVersion>, Error> {
    let rows = sqlx::query("SELECT * FROM config_versions ORDER BY id DESC LIMIT ?")
        .bind(i64::from(calls::page(limit)))
        .fetch_all(db)
        .await?;
    rows.iter().map(read).collect()
}

pub(crate) async fn get(db: &mut SqliteConnection, id: i64) -> Result<Option<ConfigVersion>, Error> {
    sqlx::query("SELECT * FROM config_versions WHERE id = ?")
        .bind(id)
        .fetch_optional(db)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

fn read(row: &SqliteRow) -> Result<ConfigVersion, Error> {
    Ok(ConfigVersion {
        id: row.try_get("id")?,
        hash: row
            .try_get::<&[u8], _>("hash")?
            .try_into()
            .map_err(|_| Error::Damaged("a hash of the wrong length".to_owned()))?,
        text: row.try_get("text")?,
        author: row.try_get("author")?,
        at: row.try_get("at")?,
        verdict: row.try_get("verdict")?,
    })
}
