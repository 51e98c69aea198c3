//! Where the money of paid calls is counted: the store, or nothing at all in simulations.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use dialplan::number::Class;
use store::Store;

use crate::config::Money;

/// A wish to spend, before the INVITE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debit {
    /// Days since 1970 in the owner's time zone: what the cap counts for.
    pub day: i32,
    /// Who spends ([`dialplan::policy::OriginKind::entry`]).
    pub origin: String,
    /// Class of the number.
    pub class: Class,
    /// Trunk that will send the bill.
    pub trunk: String,
    /// Id of the call tree.
    pub call: String,
    /// The dearest that the permitted duration can cost.
    pub amount: Money,
    /// The most that this origin may spend on the day, this debit included.
    pub cap: Money,
    /// Milliseconds since 1970.
    pub at: i64,
}

/// Why there is no money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoMoney {
    /// The cap would be passed.
    CapReached {
        /// Spent or reserved before.
        spent: Money,
        /// The cap.
        cap: Money,
    },
    /// The counter does not answer.
    Down(String),
}

/// A future that the budget answers with.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Reserved>, NoMoney>> + Send + 'a>>;

/// Counts money. A reservation is durable before the answer comes.
pub trait Budget: Send + Sync {
    /// Reserves an amount, or says why not.
    fn debit(&self, debit: Debit) -> Answer<'_>;
}

/// Money that was reserved for one leg. One that is never settled stays spent: the careful way round.
pub trait Reserved: Send + Sync + fmt::Debug {
    /// Puts the true cost in its place. Must not block.
    fn settle(self: Box<Self>, cost: Money);
}

/// Counts in memory: for simulations and tests. Keeps the caps, forgets at the end.
#[derive(Debug, Clone, Default)]
pub struct InMemory(Arc<Mutex<Vec<Row>>>);

/// A debit, and what it came to.
type Row = (Debit, Option<Money>);

impl InMemory {
    /// What an origin has spent or reserved on a day.
    #[must_use]
    pub fn spent(&self, origin: &str, day: i32) -> Money {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum(&rows, origin, day)
    }
}

impl Budget for InMemory {
    fn debit(&self, debit: Debit) -> Answer<'_> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = sum(&rows, &debit.origin, debit.day);
        if spent.0.saturating_add(debit.amount.0) > debit.cap.0 {
            let cap = debit.cap;
            return Box::pin(async move { Err(NoMoney::CapReached { spent, cap }) });
        }
        rows.push((debit, None));
        let row = rows.len() - 1;
        drop(rows);
        let budget = self.clone();
        Box::pin(async move { Ok(Box::new(InMemoryReserved { budget, row }) as Box<dyn Reserved>) })
    }
}

fn sum(rows: &[Row], origin: &str, day: i32) -> Money {
    let of = rows.iter().filter(|(debit, _)| debit.origin == origin && debit.day == day);
    Money(of.map(|(debit, settled)| settled.unwrap_or(debit.amount).0).sum())
}

#[derive(Debug)]
struct InMemoryReserved {
    budget: InMemory,
    row: usize,
}

impl Reserved for InMemoryReserved {
    fn settle(self: Box<Self>, cost: Money) {
        let mut rows = self.budget.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, settled)) = rows.get_mut(self.row) {
            *settled = Some(cost);
        }
    }
}

/// Counts in the store. Settlements are written in the background of the runtime that the exchange runs on.
#[derive(Clone)]
pub struct InStore {
    store: Store,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl InStore {
    /// `now`: milliseconds since 1970.
    #[must_use]
    pub fn new(store: Store, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { store, now: Arc::new(now) }
    }
}

impl fmt::Debug for InStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InStore")
    }
}

/// The store counts in millionths.
fn micros(money: Money) -> store::Micros {
    money.0.saturating_mul(1000)
}

impl Budget for InStore {
    fn debit(&self, debit: Debit) -> Answer<'_> {
        Box::pin(async move {
            let wish = store::Debit {
                day: debit.day,
                origin: debit.origin,
                class: debit.class.word().to_owned(),
                trunk: debit.trunk,
                leg: debit.call,
                amount: micros(debit.amount),
                caps: vec![store::Cap { scope: store::Scope::Origin, most: micros(debit.cap) }],
                at: debit.at,
            };
            match self.store.debit(wish).await {
                Ok(store::Debited::Granted(id)) => {
                    Ok(Box::new(InStoreReserved { budget: self.clone(), id }) as Box<dyn Reserved>)
                }
                Ok(store::Debited::Refused { spent, .. }) => {
                    Err(NoMoney::CapReached { spent: Money(spent / 1000), cap: debit.cap })
                }
                Err(error) => Err(NoMoney::Down(error.to_string())),
            }
        })
    }
}

#[derive(Debug)]
struct InStoreReserved {
    budget: InStore,
    id: store::DebitId,
}

impl Reserved for InStoreReserved {
    fn settle(self: Box<Self>, cost: Money) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // The exchange is going down: what is not settled stays reserved, which errs on the careful side.
            return;
        };
        runtime.spawn(async move {
            let at = (self.budget.now)();
            if let Err(error) = self.budget.store.settle(self.id, micros(cost), at).await {
                tracing::warn!(%error, "the cost of a call could not be written: its reservation stays");
            }
        });
    }
}
