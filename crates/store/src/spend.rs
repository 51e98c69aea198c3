//! Money: a paid leg is debited before its INVITE and settled after its end. The sum and the caps are looked at inside the
//! writer's transaction, so two legs that start at once cannot both take the last cent. Asked by the gate only.

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

/// A sum that must not be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// What is summed up.
    pub scope: Scope,
    /// The most that may be spent in a day, this debit included.
    pub most: Micros,
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
    /// Id of the call record of the leg.
    pub leg: String,
    /// How much is reserved: the dearest that the permitted duration can cost.
    pub amount: Micros,
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
    /// The money is reserved, durably.
    Granted(DebitId),
    /// The cap would be passed; nothing was reserved.
    Refused {
        /// The first cap in the way.
        cap: Cap,
        /// What was spent or reserved under it before.
        spent: Micros,
    },
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
    let amount = signed(d.amount)?;
    for cap in &d.caps {
        let mut filter = SpendFilter { day: Some(d.day), ..SpendFilter::default() };
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
        let spent = spent(db, &filter).await?;
        if spent.saturating_add(d.amount) > cap.most {
            return Ok(Debited::Refused { cap: *cap, spent });
        }
    }
    let done =
        sqlx::query("INSERT INTO spend (day, origin, class, trunk, leg, reserved, at) VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(d.day)
            .bind(&d.origin)
            .bind(&d.class)
            .bind(&d.trunk)
            .bind(&d.leg)
            .bind(amount)
            .bind(d.at)
            .execute(db)
            .await?;
    Ok(Debited::Granted(DebitId(done.last_insert_rowid())))
}

/// Settles once; the second settlement of a debit changes nothing and says so with 0.
pub(crate) async fn settle(db: &mut SqliteConnection, id: DebitId, cost: Micros, at: Ms) -> Result<u64, Error> {
    let done = sqlx::query("UPDATE spend SET settled = ?, settled_at = ? WHERE id = ? AND settled IS NULL")
        .bind(signed(cost)?)
        .bind(at)
        .bind(id.0)
        .execute(db)
        .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn spent(db: &mut SqliteConnection, f: &SpendFilter) -> Result<Micros, Error> {
    // total() never overflows, where sum() would fail; a float this size is already beyond every cap.
    let row = sqlx::query(
        "SELECT CAST(total(COALESCE(settled, reserved)) AS INTEGER) AS spent FROM spend
         WHERE day BETWEEN ?1 AND ?5 AND (?2 IS NULL OR origin = ?2) AND (?3 IS NULL OR class = ?3) AND (?4 IS NULL OR trunk = ?4)",
    )
    .bind(f.day.unwrap_or(i32::MIN))
    .bind(&f.origin)
    .bind(&f.class)
    .bind(&f.trunk)
    .bind(f.day.unwrap_or(i32::MAX))
    .fetch_one(db)
    .await?;
    let spent: i64 = row.try_get("spent")?;
    u64::try_from(spent).map_err(|_| Error::Damaged("a negative sum".to_owned()))
}
