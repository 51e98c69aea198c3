//! Rows in and out: credentials, registrations, call records, messages, spending, events and configuration versions in one
//! SQLite file; the sound of messages beside it. One task writes ([`writer`](self), group commit), everybody reads. Begin with [`Store::open`]; the rows are in
//! `bans`, `calls`, `credentials`, `registrations`, `dialogs`, `drills`, `messages` (their sound: `spool`), `spend`, `events`, `versions`; the schema is in `migrations/`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bans;
mod calls;
mod credentials;
mod dialogs;
mod drills;
mod error;
mod events;
pub mod limits;
mod lockout;
mod mail;
mod messages;
mod notices;
mod open;
mod pins;
mod plan_rows;
mod registrations;
mod secrets;
mod spend;
mod spool;
mod store;
mod versions;
mod writer;

pub use bans::Ban;
pub use calls::{CallFilter, CallRecord, Direction, Disposition, Listed, Road, RtpStats, STOPPED, Side};
pub use credentials::Credentials;
pub use dialogs::Dialog;
pub use drills::Drill;
pub use error::Error;
pub use events::{Event, EventFilter};
pub use lockout::{Tried, Tries};
pub use mail::Mail;
pub use messages::{Counts, Fate, Folder, Message, Quota};
pub use open::{Mode, Options};
pub use pins::{PinHash, PinLock};
pub use registrations::Registration;
pub use spend::{Cap, Debit, DebitId, Debited, Measure, Micros, Scope, Settled, SpendFilter, Spending};
pub use spool::{Greeting, Spool, Swept};
pub use store::{Receipt, Stats, Store};
pub use versions::ConfigVersion;

/// Milliseconds since 1970 UTC.
pub type Ms = i64;

/// The time of day; 0 if the clock stands before 1970.
fn now() -> Ms {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ms::try_from(since.as_millis()).unwrap_or(Ms::MAX)
}
