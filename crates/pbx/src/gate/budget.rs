//! Where the money of paid calls is counted: the store, or nothing at all in simulations.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use store::{Cap, Debit, Measure, Scope, Store};

use crate::config::Money;

/// Why there is no money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoMoney {
    /// A cap would be passed.
    CapReached {
        /// Spent, reserved or begun before.
        spent: u64,
        /// The cap.
        cap: Cap,
    },
    /// The counter does not answer.
    Down(String),
}

/// Minutes that were reserved, and what settles them.
pub type Grant = (Box<dyn Reserved>, u32);

/// A future that the budget answers with.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Grant, NoMoney>> + Send + 'a>>;

/// Counts money, minutes and calls. A reservation is durable before the answer comes.
pub trait Budget: Send + Sync {
    /// Reserves as many minutes as there is room for, or says why not one.
    fn debit(&self, debit: Debit) -> Answer<'_>;
}

/// Money that was reserved for one leg. One that is never settled stays spent: the careful way round.
pub trait Reserved: Send + Sync + fmt::Debug {
    /// Puts the true cost and duration in its place. Must not block.
    fn settle(self: Box<Self>, cost: Money, seconds: u64);
}

/// The store counts in millionths.
pub(super) fn micros(money: Money) -> store::Micros {
    money.0.saturating_mul(1000)
}

/// What the store counted, in the money of the configuration.
pub(super) fn money(micros: store::Micros) -> Money {
    Money(micros / 1000)
}

/// Counts in memory: for simulations and tests. Keeps the caps, forgets at the end.
#[derive(Debug, Clone, Default)]
pub struct InMemory(Arc<Mutex<Vec<Row>>>);

/// A debit, the minutes it got, and what it came to.
type Row = (Debit, u32, Option<(Money, u64)>);

impl InMemory {
    /// What an origin has spent or reserved on a day.
    #[must_use]
    pub fn spent(&self, origin: &str, day: i32) -> Money {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        money(rows.iter().filter(|(debit, ..)| debit.origin == origin && debit.day == day).map(cost).sum())
    }
}

fn cost((debit, minutes, settled): &Row) -> u64 {
    settled.map_or(debit.minute.saturating_mul(u64::from(*minutes)), |(cost, _)| micros(cost))
}

/// What stands against a cap, as the store counts it.
fn counted(rows: &[Row], wish: &Debit, cap: &Cap) -> u64 {
    let in_scope = |row: &&Row| match cap.scope {
        Scope::Everything => true,
        Scope::Origin => row.0.origin == wish.origin,
        Scope::OriginClass => row.0.origin == wish.origin && row.0.class == wish.class,
        Scope::Class => row.0.class == wish.class,
        Scope::Trunk => row.0.trunk == wish.trunk,
    };
    let rows = rows.iter().filter(in_scope);
    let today = |row: &&Row| row.0.day == wish.day;
    match cap.measure {
        Measure::Money => rows.filter(today).map(cost).sum(),
        Measure::Seconds => {
            rows.filter(today).map(|(_, minutes, settled)| settled.map_or(u64::from(*minutes) * 60, |s| s.1)).sum()
        }
        Measure::Calls { since } => rows.filter(|row| row.0.at >= since).count() as u64,
    }
}

impl Budget for InMemory {
    fn debit(&self, debit: Debit) -> Answer<'_> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut minutes = u64::from(debit.minutes);
        for cap in &debit.caps {
            let spent = counted(&rows, &debit, cap);
            let room = cap.most.saturating_sub(spent);
            minutes = minutes.min(match cap.measure {
                Measure::Money => room.checked_div(debit.minute).unwrap_or(u64::MAX),
                Measure::Seconds => room / 60,
                Measure::Calls { .. } => {
                    if room > 0 {
                        u64::MAX
                    } else {
                        0
                    }
                }
            });
            if minutes == 0 {
                let cap = *cap;
                return Box::pin(async move { Err(NoMoney::CapReached { spent, cap }) });
            }
        }
        let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
        rows.push((debit, minutes, None));
        let row = rows.len() - 1;
        drop(rows);
        let budget = self.clone();
        Box::pin(async move { Ok((Box::new(InMemoryReserved { budget, row }) as Box<dyn Reserved>, minutes)) })
    }
}

#[derive(Debug)]
struct InMemoryReserved {
    budget: InMemory,
    row: usize,
}

impl Reserved for InMemoryReserved {
    fn settle(self: Box<Self>, cost: Money, seconds: u64) {
        let mut rows = self.budget.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, settled)) = rows.get_mut(self.row) {
            *settled = Some((cost, seconds));
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
    /// `now`: milliseconds since 1970. Whoever has spent half of his day's money, four fifths or all of it is told of.
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

impl Budget for InStore {
    fn debit(&self, debit: Debit) -> Answer<'_> {
        Box::pin(async move {
            let (origin, minute) = (debit.origin.clone(), debit.minute);
            let day = debit.caps.iter().find(|cap| cap.scope == Scope::Origin && cap.measure == Measure::Money);
            let cap = day.map_or(u64::MAX, |cap| cap.most);
            match self.store.debit(debit).await {
                Ok(store::Debited::Granted { id, minutes }) => {
                    let reserved = InStoreReserved { budget: self.clone(), id, origin, cap, minute };
                    Ok((Box::new(reserved) as Box<dyn Reserved>, minutes))
                }
                Ok(store::Debited::Refused { cap, spent }) => Err(NoMoney::CapReached { spent, cap }),
                Err(error) => Err(NoMoney::Down(error.to_string())),
            }
        })
    }
}

#[derive(Debug)]
struct InStoreReserved {
    budget: InStore,
    id: store::DebitId,
    origin: String,
    /// What the origin may spend on the day.
    cap: store::Micros,
    /// Price of a minute.
    minute: store::Micros,
}

impl Reserved for InStoreReserved {
    fn settle(self: Box<Self>, cost: Money, seconds: u64) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // The exchange is going down: what is not settled stays reserved, which errs on the careful side.
            return;
        };
        runtime.spawn(async move {
            let at = (self.budget.now)();
            match self.budget.store.settle(self.id, micros(cost), seconds, at).await {
                Ok(Some(settled)) => {
                    if let Some((kind, percent)) = passed(settled, self.cap, self.minute) {
                        let text = format!(
                            "{} has spent {} today: {percent} % of the {} it may",
                            self.origin,
                            money(settled.after),
                            money(self.cap)
                        );
                        tracing::warn!("{text}");
                        self.budget.store.event(at, kind, &text);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "the cost of a call could not be written: its reservation stays");
                }
            }
        });
    }
}

/// The highest mark that this settlement passed. All is spent when not one more minute of that price fits.
fn passed(settled: store::Settled, cap: store::Micros, minute: store::Micros) -> Option<(&'static str, u8)> {
    let all = cap.saturating_sub(minute.saturating_sub(1));
    let marks = [("spend-100", 100, all), ("spend-80", 80, cap / 5 * 4), ("spend-50", 50, cap / 2)];
    let hit = |mark: &&(_, _, u64)| settled.before < mark.2 && settled.after >= mark.2;
    marks.iter().find(hit).map(|(kind, percent, _)| (*kind, *percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_told_once_and_the_highest_of_several() {
        let check = |before, after, expected: Option<&str>| {
            let settled = store::Settled { before, after };
            assert_eq!(passed(settled, 1_000, 100).map(|(kind, _)| kind), expected, "{before} {after}");
        };
        check(0, 499, None);
        check(0, 500, Some("spend-50"));
        check(500, 799, None);
        check(499, 800, Some("spend-80"));
        check(800, 900, None);
        check(900, 901, Some("spend-100"));
        check(0, 1_000, Some("spend-100"));
        check(901, 1_000, None);
        check(500, 500, None);
    }
}
