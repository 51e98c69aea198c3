//! Digest credentials (RFC 8760): only HA1 values, never a password. The gate's `entry` reads them, `extension rotate` writes.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{Error, Ms};

/// What is kept of one user's secret: `H(user:realm:password)` under both algorithms.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// SHA-256 form (RFC 8760), offered first.
    pub ha1_sha256: [u8; 32],
    /// MD5 form (RFC 2617) for phones that know nothing better.
    pub ha1_md5: [u8; 16],
    /// When the secret was last made new.
    pub rotated_at: Ms,
}

/// HA1 values are as good as the password: they do not appear in logs.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("rotated_at", &self.rotated_at).finish_non_exhaustive()
    }
}

pub(crate) async fn put(db: &mut SqliteConnection, user: &str, c: &Credentials) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO credentials (user, ha1_sha256, ha1_md5, rotated_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (user) DO UPDATE SET ha1_sha256 = excluded.ha1_sha256, ha1_md5 = excluded.ha1_md5, rotated_at = excluded.rotated_at",
    )
    .bind(user)
    .bind(c.ha1_sha256.as_slice())
    .bind(c.ha1_md5.as_slice())
    .bind(c.rotated_at)
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn remove(db: &mut SqliteConnection, user: &str) -> Result<u64, Error> {
    Ok(sqlx::query("DELETE FROM credentials WHERE user = ?").bind(user).execute(db).await?.rows_affected())
}

pub(crate) async fn get(db: &mut SqliteConnection, user: &str) -> Result<Option<Credentials>, Error> {
    let row = sqlx::query("SELECT user, ha1_sha256, ha1_md5, rotated_at FROM credentials WHERE user = ?")
        .bind(user)
        .fetch_optional(db)
        .await?;
    row.as_ref().map(read).transpose().map(|found| found.map(|(_, credentials)| credentials))
}

pub(crate) async fn all(db: &mut SqliteConnection) -> Result<Vec<(String, Credentials)>, Error> {
    let rows = sqlx::query("SELECT user, ha1_sha256, ha1_md5, rotated_at FROM credentials ORDER BY user")
        .fetch_all(db)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<(String, Credentials), Error> {
    let wrong = |_| Error::Damaged("a digest of the wrong length".to_owned());
    Ok((
        row.try_get("user")?,
        Credentials {
            ha1_sha256: row.try_get::<&[u8], _>("ha1_sha256")?.try_into().map_err(wrong)?,
            ha1_md5: row.try_get::<&[u8], _>("ha1_md5")?.try_into().map_err(wrong)?,
            rotated_at: row.try_get("rotated_at")?,
        },
    ))
}
