//! Mail that waits: which message, how often it was tried, and when next. Rows come by a trigger with the message itself.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::calls::short;
use crate::store::Store;
use crate::writer::{Op, Reply};
use crate::{Error, Ms, limits};

/// A message that is to be mailed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mail {
    /// The message.
    pub uid: String,
    /// The mailbox it was left in.
    pub mailbox: String,
    /// When it was left.
    pub added_at: Ms,
    /// Tries so far.
    pub tries: u32,
    /// Not before this time.
    pub next_at: Ms,
    /// Why the last try failed.
    pub trouble: String,
}

/// What to write about mail.
pub(crate) enum MailOp {
    Done(String),
    Later { uid: String, next_at: Ms, trouble: String },
}

impl Store {
    /// Mail whose time has come, the oldest first.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn mail_due(&self, now: Ms) -> Result<Vec<Mail>, Error> {
        let mut db = self.reader().await;
        let rows = sqlx::query("SELECT * FROM mail WHERE next_at <= ? ORDER BY added_at, uid LIMIT ?")
            .bind(now)
            .bind(limits::MAIL)
            .fetch_all(&mut *db)
            .await?;
        rows.iter().map(read).collect()
    }

    /// All mail that waits, the oldest first.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn mail_waiting(&self) -> Result<Vec<Mail>, Error> {
        self.mail_due(Ms::MAX).await
    }

    /// When the next mail is to be tried, if any waits.
    ///
    /// # Errors
    /// What keeps the file from being read.
    pub async fn mail_next(&self) -> Result<Option<Ms>, Error> {
        let mut db = self.reader().await;
        Ok(sqlx::query("SELECT min(next_at) AS at FROM mail").fetch_one(&mut *db).await?.try_get("at")?)
    }

    /// It went out, or never will.
    ///
    /// # Errors
    /// As all writes.
    pub async fn mail_done(&self, uid: &str) -> Result<(), Error> {
        self.rows(Op::Mail(MailOp::Done(uid.to_owned()))).await.map(|_| ())
    }

    /// It did not go out and is tried again at `next_at`.
    ///
    /// # Errors
    /// As all writes.
    pub async fn mail_later(&self, uid: &str, next_at: Ms, trouble: &str) -> Result<(), Error> {
        let (uid, trouble) = (uid.to_owned(), short(trouble).into_owned());
        self.rows(Op::Mail(MailOp::Later { uid, next_at, trouble })).await.map(|_| ())
    }
}

pub(crate) async fn apply(db: &mut SqliteConnection, op: &MailOp) -> Result<Reply, Error> {
    let done = match op {
        MailOp::Done(uid) => sqlx::query("DELETE FROM mail WHERE uid = ?").bind(uid).execute(db).await?,
        MailOp::Later { uid, next_at, trouble } => {
            sqlx::query("UPDATE mail SET tries = tries + 1, next_at = ?, trouble = ? WHERE uid = ?")
                .bind(next_at)
                .bind(trouble)
                .bind(uid)
                .execute(db)
                .await?
        }
    };
    Ok(Reply::Rows(done.rows_affected()))
}

fn read(row: &SqliteRow) -> Result<Mail, Error> {
    Ok(Mail {
        uid: row.try_get("uid")?,
        mailbox: row.try_get("mailbox")?,
        added_at: row.try_get("added_at")?,
        tries: row.try_get("tries")?,
        next_at: row.try_get("next_at")?,
        trouble: row.try_get("trouble")?,
    })
}
