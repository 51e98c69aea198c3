//! Money: a paid leg is debited before its INVITE and settled after its end. The sum and the caps are looked at inside the
//! writer's transaction, so two legs that start at once cannot both take the last cent. Asked by the gate only.

use serde::Serialize;
use sqlx::{Row, SqliteConnection};

use crate::{Error, Ms};

/// Money in millionths of the owner's currency. Never negative, never a float.
pub type Micros = u64;

/// What a cap sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything that all callers spend on the day.
    Everything,
    /// All that this origin spends on the day.
    Origin,
    /// All that this origin spends on numbers of this class on the day.
    OriginClass,
    /// All that is spent on numbers of this class on the day.
    Class,
    /// All that goes over this trunk on the day.
    Trunk,
}

/// What a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Money of the day, in [`Micros`].
    Money,
    /// Seconds of conversation of the day.
    Seconds,
    /// Calls begun at this time or later.
    Calls {
        /// From when on they count.
        since: Ms,
    },
}

/// A sum that must not be passed, this debit included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Whose spending is summed up.
    pub scope: Scope,
    /// What of it.
    pub measure: Measure,
    /// The most.
    pub most: u64,
}

/// A wish to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debit {
    /// Day that the caps count for: days since 1970 in the owner's time zone.
    pub day: i32,
    /// Who spends, as in [`crate::CallRecord::origin`].
    pub origin: String,
    /// Number class.
    pub class: String,
    /// Trunk that will send the bill.
    pub trunk: String,
    /// Permit of the leg, as in [`crate::CallRecord::permit`].
    pub leg: String,
    /// What a begun minute costs.
    pub minute: Micros,
    /// How many minutes are wanted; as many are reserved as the caps leave room for, at least one.
    pub minutes: u32,
    /// Seconds that a call is billed for at least.
    pub first_s: u32,
    /// What follows is rounded up to a multiple of so many seconds.
    pub next_s: u32,
    /// All caps that apply. No cap means no bound, so the gate always passes some.
    pub caps: Vec<Cap>,
    /// Now.
    pub at: Ms,
}

/// Names a debit for [`crate::Store::settle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DebitId(pub(crate) i64);

/// Answer to a [`Debit`] that the store could decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Debited {
    /// So many minutes are reserved, durably.
    Granted {
        /// Names the debit.
        id: DebitId,
        /// At most as many as were wanted, at least one.
        minutes: u32,
    },
    /// A cap would be passed; nothing was reserved.
    Refused {
        /// The first cap in the way.
        cap: Cap,
        /// What was spent, reserved or begun under it before.
        spent: u64,
    },
}

/// What an origin had spent on the day before and after a settlement; reservations of calls that are on not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Before.
    pub before: Micros,
    /// After.
    pub after: Micros,
}

/// What was spent on one day by one origin over one trunk on numbers of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spending {
    /// Day, as in [`Debit::day`].
    pub day: i32,
    /// Who spent.
    pub origin: String,
    /// Number class.
    pub class: String,
    /// Trunk.
    pub trunk: String,
    /// Calls that were begun.
    pub calls: u64,
    /// Seconds of conversation of those that are over.
    pub seconds: u64,
    /// What those that are over cost.
    pub settled: Micros,
    /// What is reserved for those that are on.
    pub reserved: Micros,
}

/// Which spendings to sum up; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpendFilter {
    /// Day, as in [`Debit::day`].
    pub day: Option<i32>,
    /// Origin.
    pub origin: Option<String>,
    /// Number class.
    pub class: Option<String>,
    /// Trunk.
    pub trunk: Option<String>,
}

fn signed(amount: Micros) -> Result<i64, Error> {
    i64::try_from(amount).map_err(|_| Error::Invalid("an amount beyond all money".to_owned()))
}

pub(crate) async fn debit(db: &mut SqliteConnection, d: &Debit) -> Result<Debited, Error> {
    let mut minutes = d.minutes.max(1);
    for cap in &d.caps {
        let spent = counted(db, d, cap).await?;
        let room = cap.most.saturating_sub(spent);
        let fits = match cap.measure {
            Measure::Money => room.checked_div(d.minute).unwrap_or(u64::MAX),
            Measure::Seconds => room / 60,
            Measure::Calls { .. } if room > 0 => u64::MAX,
            Measure::Calls { .. } => 0,
        };
        minutes = minutes.min(u32::try_from(fits).unwrap_or(u32::MAX));
        if minutes == 0 {
            return Ok(Debited::Refused { cap: *cap, spent });
        }
    }
    let amount = d.minute.checked_mul(u64::from(minutes));
    let amount = signed(amount.unwrap_or(u64::MAX))?;
    let done = sqlx::query(
        "INSERT INTO spend (day, origin, class, trunk, leg, reserved, reserved_s, first_s, next_s, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(d.day)
    .bind(&d.origin)
    .bind(&d.class)
    .bind(&d.trunk)
    .bind(&d.leg)
    .bind(amount)
    .bind(i64::from(minutes) * 60)
    .bind(d.first_s.max(1))
    .bind(d.next_s.max(1))
    .bind(d.at)
    .execute(db)
    .await?;
    Ok(Debited::Granted { id: DebitId(done.last_insert_rowid()), minutes })
}

/// What stands against a cap before this debit.
async fn counted(db: &mut SqliteConnection, d: &Debit, cap: &Cap) -> Result<u64, Error> {
    let mut filter = SpendFilter::default();
    match cap.scope {
        Scope::Everything => {}
        Scope::Origin => filter.origin = Some(d.origin.clone()),
        Scope::OriginClass => {
            filter.origin = Some(d.origin.clone());
            filter.class = Some(d.class.clone());
        }
        Scope::Class => filter.class = Some(d.class.clone()),
        Scope::Trunk => filter.trunk = Some(d.trunk.clone()),
    }
    match cap.measure {
        Measure::Money => spent(db, &SpendFilter { day: Some(d.day), ..filter }).await,
        Measure::Seconds => {
            sum(db, "COALESCE(settled_s, reserved_s)", i64::MIN, &SpendFilter { day: Some(d.day), ..filter }).await
        }
        Measure::Calls { since } => sum(db, "1", since, &filter).await,
    }
}

/// Settles once; none at the second time.
pub(crate) async fn settle(
    db: &mut SqliteConnection,
    id: DebitId,
    cost: Micros,
    seconds: u64,
    at: Ms,
) -> Result<Option<Settled>, Error> {
    let Some(row) = sqlx::query("SELECT day, origin FROM spend WHERE id = ? AND settled IS NULL")
        .bind(id.0)
        .fetch_optional(&mut *db)
        .await?
    else {
        return Ok(None);
    };
    let filter =
        SpendFilter { day: Some(row.try_get("day")?), origin: Some(row.try_get("origin")?), ..SpendFilter::default() };
    let before = sum(db, "COALESCE(settled, 0)", i64::MIN, &filter).await?;
    sqlx::query("UPDATE spend SET settled = ?, settled_s = ?, settled_at = ? WHERE id = ?")
        .bind(signed(cost)?)
        .bind(signed(seconds)?)
        .bind(at)
        .bind(id.0)
        .execute(db)
        .await?;
    Ok(Some(Settled { before, after: before.saturating_add(cost) }))
}

/// Settles the debit of a leg that a crash ended, after so many milliseconds of conversation. One that was not answered, as far
/// as we know, costs a minute: it may have been answered at that very moment, and its provider gives it up soon.
pub(crate) async fn settle_leftover(
    db: &mut SqliteConnection,
    permit: &str,
    talked: Option<u64>,
    now: Ms,
) -> Result<(), Error> {
    let seconds = talked.map_or(60, |ms| ms.div_ceil(1000).max(1));
    sqlx::query(
        // The price of a minute, times what is billed, a begun thousandth in full: as pbx's Billing has it.
        "UPDATE spend SET settled_s = ?2, settled_at = ?3, settled =
            (reserved * 60 / reserved_s * (first_s + (max(?2 - first_s, 0) + next_s - 1) / next_s * next_s) + 59999) / 60000 * 1000
         WHERE leg = ?1 AND settled IS NULL AND reserved_s >= 60",
    )
    .bind(permit)
    .bind(signed(seconds)?)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn spent(db: &mut SqliteConnection, f: &SpendFilter) -> Result<Micros, Error> {
    sum(db, "COALESCE(settled, reserved)", i64::MIN, f).await
}

/// Sums an expression over the rows of a filter. `what` is one of ours, never a text from outside.
async fn sum(db: &mut SqliteConnection, what: &'static str, since: Ms, f: &SpendFilter) -> Result<u64, Error> {
    // total() never overflows, where sum() would fail; a float this size is already beyond every cap.
    let text = format!(
        "SELECT CAST(total({what}) AS INTEGER) AS spent FROM spend
         WHERE day BETWEEN ?1 AND ?5 AND at >= ?6
           AND (?2 IS NULL OR origin = ?2) AND (?3 IS NULL OR class = ?3) AND (?4 IS NULL OR trunk = ?4)"
    );
    let row = sqlx::query(&text)
        .bind(f.day.unwrap_or(i32::MIN))
        .bind(&f.origin)
        .bind(&f.class)
        .bind(&f.trunk)
        .bind(f.day.unwrap_or(i32::MAX))
        .bind(since)
        .fetch_one(db)
        .await?;
    let spent: i64 = row.try_get("spent")?;
    u64::try_from(spent).map_err(|_| Error::Damaged("a negative sum".to_owned()))
}

/// The owner's ledger since a day, newest day first.
pub(crate) async fn ledger(db: &mut SqliteConnection, since: i32) -> Result<Vec<Spending>, Error> {
    let rows = sqlx::query(
        "SELECT day, origin, class, trunk, count(*) AS calls, CAST(total(settled_s) AS INTEGER) AS seconds,
                CAST(total(settled) AS INTEGER) AS settled,
                CAST(total(CASE WHEN settled IS NULL THEN reserved ELSE 0 END) AS INTEGER) AS reserved
         FROM spend WHERE day >= ? GROUP BY day, origin, class, trunk ORDER BY day DESC, origin, class, trunk LIMIT ?",
    )
    .bind(since)
    .bind(i64::from(crate::limits::ROWS))
    .fetch_all(db)
    .await?;
    let number = |row: &sqlx::sqlite::SqliteRow, name| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    rows.iter()
        .map(|row| {
            Ok(Spending {
                day: row.try_get("day")?,
                origin: row.try_get("origin")?,
                class: row.try_get("class")?,
                trunk: row.try_get("trunk")?,
                calls: number(row, "calls")?,
                seconds: number(row, "seconds")?,
                settled: number(row, "settled")?,
                reserved: number(row, "reserved")?,
            })
        })
        .collect()
}
