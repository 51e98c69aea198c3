//! Call records: one row per leg, opened when the leg starts and closed when it ends, so that a leg whose task died or
//! whose machine lost power still has its row. `pbx::cdr` writes them, portal and command line read them.

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{Error, Ms, limits, spend};

/// Cause text of a record that was still open when the exchange started.
pub const STOPPED: &str = "exchange stopped";

/// One leg of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Names this leg; unique for ever. Adding a record with a known id replaces it, but never opens a closed one.
    pub id: String,
    /// Names the tree of legs that began with one incoming call.
    pub call_id: String,
    /// Number of the leg in the tree; 0 is the caller's.
    pub leg: u32,
    /// Did the other side call us, or we them?
    pub direction: Direction,
    /// Who pays and whose rights count: `stranger:192.0.2.7`, `trunk:itsp`, `extension:204`, `system`.
    pub origin: String,
    /// Calling number or user.
    pub from: String,
    /// Calling name as it was sent; a stranger writes it, so nobody believes it.
    pub from_name: String,
    /// Number or user that was called.
    pub to: String,
    /// Trunk of the leg, if any.
    pub trunk: Option<String>,
    /// Permit that the leg used up, if it is an outgoing one.
    pub permit: Option<String>,
    /// Start.
    pub at: Ms,
    /// Answer.
    pub answered_at: Option<Ms>,
    /// End; `None` while the leg lives.
    pub ended_at: Option<Ms>,
    /// Places of the dialplan gone through, `context,exten,priority`, in order.
    pub path: Vec<String>,
    /// Last application that ran.
    pub app: String,
    /// How it went.
    pub disposition: Disposition,
    /// Who ended it.
    pub hangup_side: Option<Side>,
    /// Q.850 cause of the end (RFC 3398 §8.2.6.1).
    pub cause: Option<u16>,
    /// The same in words.
    pub cause_text: Option<String>,
    /// Codec that was spoken.
    pub codec: Option<String>,
    /// What the media plane counted.
    pub rtp: Option<RtpStats>,
}

/// Packets and their losses of one leg.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtpStats {
    /// Packets received.
    pub packets_in: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// Payload bytes received.
    pub bytes_in: u64,
    /// Payload bytes sent.
    pub bytes_out: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1) in microseconds.
    pub jitter_us: u64,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }
        impl $name {
            /// The word in the table.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// Reads the word of the table back.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.word()) }
        }
    };
}

words! {
    /// Direction of a leg as seen from the exchange.
    Direction {
        /// The other side called us.
        In = "in",
        /// We called the other side.
        Out = "out",
    }
}

words! {
    /// Where a leg comes from and goes to, as its owner sees it.
    Road {
        /// Somebody outside called: a stranger, or over a trunk.
        In = "in",
        /// It went out over a trunk.
        Out = "out",
        /// Between phones and applications of the house.
        Inside = "inside",
    }
}

words! {
    /// Who ended a leg.
    Side {
        /// The party of this leg.
        Party = "party",
        /// The party at the other end of the bridge.
        Other = "other",
        /// The exchange: the plan, a limit, the gate or a fault.
        Exchange = "exchange",
    }
}

words! {
    /// How a leg went.
    Disposition {
        /// It still lives.
        Open = "open",
        /// It was answered.
        Answered = "answered",
        /// Nobody answered in time, or the caller gave up.
        NoAnswer = "no-answer",
        /// The party was busy.
        Busy = "busy",
        /// It could not be reached.
        Failed = "failed",
        /// The gate or a limit said no.
        Refused = "refused",
        /// The exchange stopped while the leg lived.
        Stopped = "stopped",
    }
}

/// Which records to return, newest first; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Records of this tree.
    pub call_id: Option<String>,
    /// Started at this time or later.
    pub since: Option<Ms>,
    /// Started before this time.
    pub until: Option<Ms>,
    /// This origin exactly.
    pub origin: Option<String>,
    /// This direction.
    pub direction: Option<Direction>,
    /// This road.
    pub road: Option<Road>,
    /// This disposition.
    pub disposition: Option<Disposition>,
    /// This trunk.
    pub trunk: Option<String>,
    /// Calling number, calling name or called number contains this text.
    pub text: Option<String>,
    /// Only records older in the list than this [`Listed::n`]: the next page.
    pub before: Option<i64>,
    /// At most so many; 0 and anything above mean [`limits::ROWS`].
    pub limit: u32,
}

impl CallRecord {
    /// Where this leg comes from and goes to. [`find`] says the same in SQL.
    #[must_use]
    pub fn road(&self) -> Road {
        match self.direction {
            Direction::In if !self.origin.starts_with("extension:") => Road::In,
            Direction::Out if self.trunk.is_some() => Road::Out,
            _ => Road::Inside,
        }
    }
}

/// A record with its place in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Rises with every record; the next page begins before the last one of this page.
    pub n: i64,
    /// The record.
    #[serde(flatten)]
    pub record: CallRecord,
}

/// Cuts a text to [`limits::TEXT`] bytes at a character, with `…` in place of the rest.
pub(crate) fn short(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= limits::TEXT {
        return text.into();
    }
    let end = (0..=limits::TEXT - '…'.len_utf8()).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or("")).into()
}

/// Both ends of a long way: where the call came in and where it ended.
fn ends(path: &[String]) -> Vec<std::borrow::Cow<'_, str>> {
    if path.len() <= limits::PATH {
        return path.iter().map(|place| short(place)).collect();
    }
    let half = limits::PATH / 2;
    let left_out = format!("… {} more …", path.len() - 2 * half);
    let (first, last) = (path.iter().take(half), path.iter().skip(path.len() - half));
    first
        .map(|place| short(place))
        .chain(std::iter::once(left_out.into()))
        .chain(last.map(|place| short(place)))
        .collect()
}

pub(crate) async fn put(db: &mut SqliteConnection, r: &CallRecord) -> Result<(), Error> {
    let path = serde_json::to_string(&ends(&r.path)).map_err(|error| Error::Invalid(error.to_string()))?;
    let rtp =
        r.rtp.map(|rtp| serde_json::to_string(&rtp)).transpose().map_err(|error| Error::Invalid(error.to_string()))?;
    // INVARIANT: a closed record stays closed; a late "open" of the same leg must not bring it back to life.
    sqlx::query(
        "INSERT INTO call_records (id, call_id, leg, direction, origin, caller, caller_name, called, trunk, permit, at, answered_at, ended_at,
            path, app, disposition, hangup_side, cause, cause_text, codec, rtp)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET call_id = excluded.call_id, leg = excluded.leg, direction = excluded.direction, origin = excluded.origin,
            caller = excluded.caller, caller_name = excluded.caller_name, called = excluded.called, trunk = excluded.trunk, permit = excluded.permit,
            at = excluded.at, answered_at = excluded.answered_at, ended_at = excluded.ended_at, path = excluded.path, app = excluded.app,
            disposition = excluded.disposition, hangup_side = excluded.hangup_side, cause = excluded.cause, cause_text = excluded.cause_text,
            codec = excluded.codec, rtp = excluded.rtp
         WHERE call_records.ended_at IS NULL OR excluded.ended_at IS NOT NULL",
    )
    .bind(&r.id)
    .bind(&r.call_id)
    .bind(i64::from(r.leg))
    .bind(r.direction.word())
    .bind(short(&r.origin))
    .bind(short(&r.from))
    .bind(short(&r.from_name))
    .bind(short(&r.to))
    .bind(&r.trunk)
    .bind(&r.permit)
    .bind(r.at)
    .bind(r.answered_at)
    .bind(r.ended_at)
    .bind(path)
    .bind(short(&r.app))
    .bind(r.disposition.word())
    .bind(r.hangup_side.map(Side::word))
    .bind(r.cause.map(i64::from))
    .bind(r.cause_text.as_deref().map(short))
    .bind(r.codec.as_deref().map(short))
    .bind(rtp)
    .execute(db)
    .await?;
    Ok(())
}

/// Closes what a crash left open: at the last moment at which the exchange is known to have lived, but a paid leg whose dialog
/// was kept goes on until we hang it up, which is now. What those legs cost is settled along with it.
pub(crate) async fn close_leftovers(db: &mut SqliteConnection, now: Ms) -> Result<u64, Error> {
    // Cause 41 is Q.850 "temporary failure".
    let closed = sqlx::query(
        "UPDATE call_records SET disposition = 'stopped', hangup_side = 'exchange', cause = 41, cause_text = ?1,
            ended_at = max(at, COALESCE(answered_at, at), CASE
                WHEN permit IS NOT NULL AND permit IN (SELECT leg FROM dialogs) THEN ?2
                ELSE (SELECT last_seen FROM system) END)
         WHERE ended_at IS NULL RETURNING permit, answered_at, ended_at",
    )
    .bind(STOPPED)
    .bind(now)
    .fetch_all(&mut *db)
    .await?;
    for row in &closed {
        let Some(permit) = row.try_get::<Option<String>, _>("permit")? else { continue };
        let answered: Option<Ms> = row.try_get("answered_at")?;
        let ended: Ms = row.try_get("ended_at")?;
        let talked = answered.map(|answered| ended.saturating_sub(answered).unsigned_abs());
        spend::settle_leftover(db, &permit, talked, now).await?;
    }
    Ok(closed.len() as u64)
}

pub(crate) async fn any_open(db: &mut SqliteConnection) -> Result<bool, Error> {
    Ok(sqlx::query("SELECT 1 FROM call_records WHERE ended_at IS NULL LIMIT 1").fetch_optional(db).await?.is_some())
}

pub(crate) async fn find(db: &mut SqliteConnection, f: &CallFilter) -> Result<Vec<Listed>, Error> {
    let like = f
        .text
        .as_deref()
        .map(|text| format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")));
    let rows = sqlx::query(
        "SELECT * FROM call_records
         WHERE n < ?1 AND at >= ?2 AND at < ?3 AND (?4 IS NULL OR call_id = ?4) AND (?5 IS NULL OR origin = ?5) AND (?6 IS NULL OR direction = ?6)
           AND (?7 IS NULL OR disposition = ?7) AND (?8 IS NULL OR trunk = ?8)
           AND (?9 IS NULL OR caller LIKE ?9 ESCAPE '\\' OR caller_name LIKE ?9 ESCAPE '\\' OR called LIKE ?9 ESCAPE '\\')
           AND (?11 IS NULL OR ?11 = CASE WHEN direction = 'in' AND origin NOT LIKE 'extension:%' THEN 'in'
                                          WHEN direction = 'out' AND trunk IS NOT NULL THEN 'out' ELSE 'inside' END)
         ORDER BY n DESC LIMIT ?10",
    )
    .bind(f.before.unwrap_or(i64::MAX))
    .bind(f.since.unwrap_or(i64::MIN))
    .bind(f.until.unwrap_or(i64::MAX))
    .bind(&f.call_id)
    .bind(&f.origin)
    .bind(f.direction.map(Direction::word))
    .bind(f.disposition.map(Disposition::word))
    .bind(&f.trunk)
    .bind(like)
    .bind(i64::from(page(f.limit)))
    .bind(f.road.map(Road::word))
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

/// Rows of one page: 0 means "as many as you give".
pub(crate) fn page(limit: u32) -> u32 {
    if limit == 0 { limits::ROWS } else { limit.min(limits::ROWS) }
}

fn read(row: &SqliteRow) -> Result<Listed, Error> {
    let damaged = |what: &str| Error::Damaged(format!("a call record with an unreadable {what}"));
    let path: Vec<String> = serde_json::from_str(row.try_get("path")?).map_err(|_| damaged("path"))?;
    let rtp =
        row.try_get::<Option<&str>, _>("rtp")?.map(serde_json::from_str).transpose().map_err(|_| damaged("rtp"))?;
    let side = row
        .try_get::<Option<&str>, _>("hangup_side")?
        .map(|word| Side::from_word(word).ok_or_else(|| damaged("side")))
        .transpose()?;
    let cause = row.try_get::<Option<i64>, _>("cause")?.map(u16::try_from).transpose().map_err(|_| damaged("cause"))?;
    Ok(Listed {
        n: row.try_get("n")?,
        record: CallRecord {
            id: row.try_get("id")?,
            call_id: row.try_get("call_id")?,
            leg: u32::try_from(row.try_get::<i64, _>("leg")?).map_err(|_| damaged("leg"))?,
            direction: Direction::from_word(row.try_get("direction")?).ok_or_else(|| damaged("direction"))?,
            origin: row.try_get("origin")?,
            from: row.try_get("caller")?,
            from_name: row.try_get("caller_name")?,
            to: row.try_get("called")?,
            trunk: row.try_get("trunk")?,
            permit: row.try_get("permit")?,
            at: row.try_get("at")?,
            answered_at: row.try_get("answered_at")?,
            ended_at: row.try_get("ended_at")?,
            path,
            app: row.try_get("app")?,
            disposition: Disposition::from_word(row.try_get("disposition")?).ok_or_else(|| damaged("disposition"))?,
            hangup_side: side,
            cause,
            cause_text: row.try_get("cause_text")?,
            codec: row.try_get("codec")?,
            rtp,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(short("Küche"), "Küche");
        let cut = short(&"ü".repeat(limits::TEXT)).into_owned();
        assert!(cut.len() <= limits::TEXT && cut.ends_with("ü…"), "{}", cut.len());
    }

    #[test]
    fn a_long_way_keeps_both_ends() {
        let path: Vec<String> = (0..1000).map(|n| format!("menu,s,{n}")).collect();
        let kept = ends(&path);
        assert_eq!(kept.len(), limits::PATH + 1);
        assert_eq!((kept[0].as_ref(), kept[kept.len() - 1].as_ref()), ("menu,s,0", "menu,s,999"));
        assert_eq!(kept[limits::PATH / 2], format!("… {} more …", 1000 - limits::PATH));
    }

    #[test]
    fn words_read_back() {
        for word in ["open", "answered", "no-answer", "busy", "failed", "refused", "stopped"] {
            assert_eq!(Disposition::from_word(word).map(Disposition::word), Some(word));
        }
        assert_eq!(Disposition::from_word("perhaps"), None);
    }
}
