//! How far each channel is in telling the owner of events, so that a restart neither repeats nor leaves out any.

use sqlx::{Row, SqliteConnection};

use crate::writer::Op;
use crate::{Error, Store};

impl Store {
    /// The newest event that was told by this channel; none: it never told any.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn told(&self, channel: &str) -> Result<Option<i64>, Error> {
        let mut db = self.reader().await;
        let row =
            sqlx::query("SELECT event FROM notices WHERE channel = ?").bind(channel).fetch_optional(&mut *db).await?;
        Ok(row.map(|row| row.try_get("event")).transpose()?)
    }

    /// This event and all before it are told.
    ///
    /// # Errors
    /// As all writes.
    pub async fn set_told(&self, channel: &str, event: i64) -> Result<(), Error> {
        self.rows(Op::Told { channel: channel.to_owned(), event }).await.map(|_| ())
    }
}

pub(crate) async fn put(db: &mut SqliteConnection, channel: &str, event: i64) -> Result<u64, Error> {
    let done = sqlx::query(
        "INSERT INTO notices (channel, event) VALUES (?1, ?2) ON CONFLICT (channel) DO UPDATE SET event = ?2",
    )
    .bind(channel)
    .bind(event)
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
