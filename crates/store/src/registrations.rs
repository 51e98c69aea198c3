//! Where registered phones can be reached, kept so that they ring at once after a restart. The registrar in `pbx` owns the
//! live table; this is its copy on disk.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{Error, Ms, limits};

/// One contact of one address of record, with the flow its REGISTER came by (RFC 5626 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Address of record: the user, as the credentials name it.
    pub aor: String,
    /// Contact URI as the phone wrote it.
    pub contact: String,
    /// `udp`, `tcp` or `tls`.
    pub transport: String,
    /// Our address of the flow, as text (`SocketAddr`).
    pub local: String,
    /// The phone's address of the flow, as text (`SocketAddr`).
    pub remote: String,
    /// Number of the connection; 0 for UDP. Connections do not survive a restart.
    pub connection: u64,
    /// When the binding ends.
    pub expires_at: Ms,
    /// Call-ID of the REGISTER (RFC 3261 §10.3 step 7).
    pub call_id: String,
    /// CSeq of the REGISTER.
    pub cseq: u32,
    /// What the phone calls itself.
    pub user_agent: Option<String>,
    /// Path header, if the phone registered through an edge proxy (RFC 3327).
    pub path: Option<String>,
}

pub(crate) async fn put(db: &mut SqliteConnection, r: &Registration) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO registrations (aor, contact, transport, local, remote, connection, expires_at, call_id, cseq, user_agent, path)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (aor, contact) DO UPDATE SET transport = excluded.transport, local = excluded.local, remote = excluded.remote,
            connection = excluded.connection, expires_at = excluded.expires_at, call_id = excluded.call_id, cseq = excluded.cseq,
            user_agent = excluded.user_agent, path = excluded.path",
    )
    .bind(&r.aor)
    .bind(&r.contact)
    .bind(&r.transport)
    .bind(&r.local)
    .bind(&r.remote)
    .bind(r.connection.cast_signed())
    .bind(r.expires_at)
    .bind(&r.call_id)
    .bind(i64::from(r.cseq))
    .bind(&r.user_agent)
    .bind(&r.path)
    .execute(&mut *db)
    .await?;
    // The oldest bindings beyond the bound go: a phone that invents a new contact each time pushes out its own past only.
    sqlx::query(
        "DELETE FROM registrations WHERE aor = ?1 AND contact IN
           (SELECT contact FROM registrations WHERE aor = ?1 ORDER BY (contact = ?2) DESC, expires_at DESC LIMIT -1 OFFSET ?3)",
    )
    .bind(&r.aor)
    .bind(&r.contact)
    .bind(i64::from(limits::CONTACTS))
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn remove(db: &mut SqliteConnection, aor: &str, contact: Option<&str>) -> Result<u64, Error> {
    let done = sqlx::query("DELETE FROM registrations WHERE aor = ?1 AND (?2 IS NULL OR contact = ?2)")
        .bind(aor)
        .bind(contact)
        .execute(db)
        .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn expire(db: &mut SqliteConnection, now: Ms) -> Result<u64, Error> {
    Ok(sqlx::query("DELETE FROM registrations WHERE expires_at <= ?").bind(now).execute(db).await?.rows_affected())
}

pub(crate) async fn live(db: &mut SqliteConnection, now: Ms) -> Result<Vec<Registration>, Error> {
    let rows = sqlx::query("SELECT * FROM registrations WHERE expires_at > ? ORDER BY aor, contact")
        .bind(now)
        .fetch_all(db)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<Registration, Error> {
    Ok(Registration {
        aor: row.try_get("aor")?,
        contact: row.try_get("contact")?,
        transport: row.try_get("transport")?,
        local: row.try_get("local")?,
        remote: row.try_get("remote")?,
        connection: row.try_get::<i64, _>("connection")?.cast_unsigned(),
        expires_at: row.try_get("expires_at")?,
        call_id: row.try_get("call_id")?,
        cseq: u32::try_from(row.try_get::<i64, _>("cseq")?)
            .map_err(|_| Error::Damaged("a CSeq out of range".to_owned()))?,
        user_agent: row.try_get("user_agent")?,
        path: row.try_get("path")?,
    })
}
