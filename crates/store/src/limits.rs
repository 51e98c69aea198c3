//! Every bound of this crate, each with its reason. The writer keeps the queue bounds, `calls` and `events` the rest.

use std::time::Duration;

/// How long a row may wait for company before the writer commits. A commit costs a disk flush whether it carries one
/// row or a hundred, and nobody at a telephone notices a fiftieth of a second.
pub const LINGER: Duration = Duration::from_millis(20);

/// Requests in one transaction. Enough to make the flush cheap, few enough that an urgent debit behind them waits only
/// a few milliseconds.
pub const BATCH: usize = 256;

/// Requests that may wait for the writer. The next one waits for room, or is summed if it is an event.
pub const QUEUE: usize = 1_024;

/// Call records that may wait for the writer while the disk is full or gone. They are kept apart from [`QUEUE`] because
/// they must not be lost; at about a kilobyte each this is the memory that we give to a broken disk.
pub const RECORDS: usize = 65_536;

/// Everything in the writer's queue at once: [`QUEUE`] and [`RECORDS`] each give out their room first, and one may ask it to stop.
pub const WAITING: usize = QUEUE + RECORDS + 1;

/// Pause between attempts while the disk refuses: long enough to keep a broken disk from costing a core.
pub const RETRY: Duration = Duration::from_secs(1);

/// How often the writer notes that the exchange is alive while calls are open, so that calls cut short by a power failure
/// get an end that is at most this much too early.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// Different kinds of events that are summed while the queue is full; further kinds are summed as `other`.
pub const EVENT_KINDS: usize = 64;

/// Longest text that an event or a field of a call record keeps, in bytes. The sender is a stranger, the disk is ours.
pub const TEXT: usize = 1_024;

/// Places kept of the way a call took. The first half and the last half stay: where it came in and where it ended.
pub const PATH: usize = 128;

/// Rows that one question may return: a page of the portal, not the whole log.
pub const ROWS: u32 = 1_000;

/// Contacts of one address of record that [`crate::Store::save_registration`] keeps; the registrar has its own, lower bound.
pub const CONTACTS: u32 = 64;

/// Banned sources that are kept, those included whose ban is over. A scanner's whole /24 is 256 of them.
pub const BANS: u32 = 4_096;

/// Configuration text in bytes: a very large hand-written plan has about two megabytes.
pub const CONFIG: usize = 16 * 1_024 * 1_024;

/// Bytes read of one sound file of a mailbox: half an hour at 16 kHz, more than any message may last.
pub const SOUND_FILE: u64 = 64 * 1_024 * 1_024;

/// Messages that one request may move or delete: all that a large mailbox holds.
pub const CHANGES: usize = 10_000;

/// Mail that is looked at in one go.
pub const MAIL: u32 = 1_000;

/// Wrong PINs in a row before the first pause: people mistype, and Asterisk's menus allow three a call.
pub const PIN_TRIES: u32 = 3;

/// The first pause after them; each further wrong PIN doubles it.
pub const PIN_PAUSE: crate::Ms = 30_000;

/// No pause is longer: six tries a day are left, which at six digits is a lifetime, and a caller from outside who is
/// locked out by somebody else's tries gets in on the same day.
pub const PIN_PAUSE_MAX: crate::Ms = 4 * 3_600_000;

/// Wrong tries are forgotten after so long without another.
pub const PIN_FORGOTTEN: crate::Ms = 7 * 24 * 3_600_000;
