//! Messages of mailboxes: who called when, in which folder it lies, whether it is urgent. The sound is a file ([`crate::Spool`]).

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::calls::short;
use crate::{Error, Ms};

/// A folder of a mailbox, in the order in which callers are offered them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Folder {
    /// What nobody has heard yet.
    #[serde(rename = "INBOX")]
    Inbox,
    /// What was heard.
    Old,
    /// One of the owner's.
    Work,
    /// One of the owner's.
    Family,
    /// One of the owner's.
    Friends,
}

impl Folder {
    /// All of them; the place is the key that names it.
    pub const ALL: [Self; 5] = [Self::Inbox, Self::Old, Self::Work, Self::Family, Self::Friends];

    /// Its name, the folder of an Asterisk spool.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inbox => "INBOX",
            Self::Old => "Old",
            Self::Work => "Work",
            Self::Family => "Family",
            Self::Friends => "Friends",
        }
    }

    /// The folder of this name, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|folder| folder.word().eq_ignore_ascii_case(word))
    }

    /// Where it stands in [`Folder::ALL`].
    pub fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A message that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its name for ever, also that of its file: letters, digits and `-`.
    pub uid: String,
    /// The mailbox it lies in.
    pub mailbox: String,
    /// The folder.
    pub folder: Folder,
    /// Marked as urgent by the caller.
    pub urgent: bool,
    /// When it was left.
    pub at: Ms,
    /// Length of its sound in milliseconds.
    pub duration: u32,
    /// Size of its file.
    pub bytes: u64,
    /// Number the caller showed. Nobody vouches for it.
    pub from: String,
    /// Name the caller showed.
    pub from_name: String,
    /// Who it was by what the exchange knows ([`crate::CallRecord::origin`]).
    pub origin: String,
    /// What had been dialled.
    pub to: String,
    /// The call tree in which it was left.
    pub call_id: String,
    /// How it came: `call`, `forward`, `reply` or `import`.
    pub via: String,
}

/// How many messages lie where in a mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// By folder, in the order of [`Folder::ALL`].
    pub folders: [u32; 5],
    /// Urgent ones among those in the first folder.
    pub urgent: u32,
}

impl Counts {
    /// Messages in a folder.
    pub fn of(&self, folder: Folder) -> u32 {
        self.folders.get(folder.place()).copied().unwrap_or_default()
    }

    /// Messages nobody has heard, urgent ones included.
    pub fn new_messages(&self) -> u32 {
        self.of(Folder::Inbox)
    }

    /// Messages that were heard and left where they were.
    pub fn old_messages(&self) -> u32 {
        self.of(Folder::Old)
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It moves.
    Folder(Folder),
    /// It is deleted.
    Gone,
}

/// How much may be kept. The row is only written where all three hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Messages of one mailbox, all folders together.
    pub messages: u32,
    /// Bytes of one mailbox.
    pub bytes: u64,
    /// Bytes of all mailboxes together.
    pub all_bytes: u64,
}

impl Quota {
    /// No bound; for what is in the spool already.
    pub const NONE: Self = Self { messages: u32::MAX, bytes: i64::MAX as u64, all_bytes: i64::MAX as u64 };
}

/// A name that may stand as a file: nothing that leads anywhere else.
pub(crate) fn is_plain(name: &str) -> bool {
    (1..=80).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// True if it was written, false if there was no room for it or it is there already.
pub(crate) async fn put(db: &mut SqliteConnection, m: &Message, quota: Quota) -> Result<bool, Error> {
    if !is_plain(&m.uid) || !is_plain(&m.mailbox) {
        return Err(Error::Invalid("a message needs a plain name and mailbox".to_owned()));
    }
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let done = sqlx::query(
        "INSERT INTO messages (uid, mailbox, folder, urgent, at, duration, bytes, caller, caller_name, origin, called, call_id, via)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
         WHERE (SELECT count(*) FROM messages WHERE mailbox = ?2 AND gone = 0) < ?14
           AND (SELECT COALESCE(sum(bytes), 0) FROM messages WHERE mailbox = ?2 AND gone = 0) <= ?15 - ?7
           AND (SELECT COALESCE(sum(bytes), 0) FROM messages WHERE gone = 0) <= ?16 - ?7
         ON CONFLICT (uid) DO NOTHING",
    )
    .bind(&m.uid)
    .bind(&m.mailbox)
    .bind(m.folder.word())
    .bind(m.urgent)
    .bind(m.at)
    .bind(i64::from(m.duration))
    .bind(signed(m.bytes))
    .bind(short(&m.from))
    .bind(short(&m.from_name))
    .bind(short(&m.origin))
    .bind(short(&m.to))
    .bind(&m.call_id)
    .bind(&m.via)
    .bind(i64::from(quota.messages))
    .bind(signed(quota.bytes))
    .bind(signed(quota.all_bytes))
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Moves or marks messages of one mailbox; those that are gone already are left alone. Says how many were there.
pub(crate) async fn change(db: &mut SqliteConnection, mailbox: &str, fates: &[(String, Fate)]) -> Result<u64, Error> {
    let mut changed = 0;
    for (uid, fate) in fates {
        let query = match fate {
            Fate::Folder(folder) => {
                sqlx::query("UPDATE messages SET folder = ?3 WHERE uid = ?1 AND mailbox = ?2 AND gone = 0")
                    .bind(uid)
                    .bind(mailbox)
                    .bind(folder.word())
            }
            Fate::Gone => sqlx::query("UPDATE messages SET gone = 1 WHERE uid = ?1 AND mailbox = ?2 AND gone = 0")
                .bind(uid)
                .bind(mailbox),
        };
        changed += query.execute(&mut *db).await?.rows_affected();
    }
    Ok(changed)
}

/// Forgets rows that are marked as gone; their files are removed.
pub(crate) async fn forget(db: &mut SqliteConnection, uids: &[String]) -> Result<u64, Error> {
    let mut rows = 0;
    for uid in uids {
        rows += sqlx::query("DELETE FROM messages WHERE uid = ? AND gone = 1")
            .bind(uid)
            .execute(&mut *db)
            .await?
            .rows_affected();
    }
    Ok(rows)
}

/// Messages of a mailbox, or of all (`None`): urgent ones first in the first folder, then by time.
pub(crate) async fn list(
    db: &mut SqliteConnection,
    mailbox: Option<&str>,
    folder: Option<Folder>,
) -> Result<Vec<Message>, Error> {
    let rows = sqlx::query(
        "SELECT * FROM messages WHERE gone = 0 AND (?1 IS NULL OR mailbox = ?1) AND (?2 IS NULL OR folder = ?2)
         ORDER BY mailbox, folder, urgent DESC, at, id",
    )
    .bind(mailbox)
    .bind(folder.map(Folder::word))
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

/// Every uid with its mailbox and whether it is gone, for the look through the spool.
pub(crate) async fn known(db: &mut SqliteConnection) -> Result<Vec<(String, String, bool)>, Error> {
    let rows = sqlx::query("SELECT uid, mailbox, gone FROM messages").fetch_all(db).await?;
    rows.iter().map(|row| Ok((row.try_get("uid")?, row.try_get("mailbox")?, row.try_get("gone")?))).collect()
}

/// Counts of every mailbox that has a message.
pub(crate) async fn counts(db: &mut SqliteConnection, mailbox: Option<&str>) -> Result<Vec<(String, Counts)>, Error> {
    let rows = sqlx::query(
        "SELECT mailbox, folder, count(*) AS n, sum(urgent) AS urgent FROM messages
         WHERE gone = 0 AND (?1 IS NULL OR mailbox = ?1) GROUP BY mailbox, folder ORDER BY mailbox",
    )
    .bind(mailbox)
    .fetch_all(db)
    .await?;
    let mut all: Vec<(String, Counts)> = Vec::new();
    let small = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    for row in &rows {
        let mailbox: String = row.try_get("mailbox")?;
        let folder = folder(row)?;
        if all.last().is_none_or(|(last, _)| *last != mailbox) {
            all.push((mailbox, Counts::default()));
        }
        if let Some((_, counts)) = all.last_mut() {
            if let Some(place) = counts.folders.get_mut(folder.place()) {
                *place = small(row.try_get("n")?);
            }
            if folder == Folder::Inbox {
                counts.urgent = small(row.try_get("urgent")?);
            }
        }
    }
    Ok(all)
}

fn folder(row: &SqliteRow) -> Result<Folder, Error> {
    Folder::from_word(row.try_get("folder")?).ok_or_else(|| Error::Damaged("a message in no folder".to_owned()))
}

fn read(row: &SqliteRow) -> Result<Message, Error> {
    Ok(Message {
        uid: row.try_get("uid")?,
        mailbox: row.try_get("mailbox")?,
        folder: folder(row)?,
        urgent: row.try_get("urgent")?,
        at: row.try_get("at")?,
        duration: u32::try_from(row.try_get::<i64, _>("duration")?).unwrap_or_default(),
        bytes: u64::try_from(row.try_get::<i64, _>("bytes")?).unwrap_or_default(),
        from: row.try_get("caller")?,
        from_name: row.try_get("caller_name")?,
        origin: row.try_get("origin")?,
        to: row.try_get("called")?,
        call_id: row.try_get("call_id")?,
        via: row.try_get("via")?,
    })
}
