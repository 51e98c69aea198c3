//! The bounds of the HTTP side, each with its reason; kept by `listen`, `lib` and `portal`.

use std::time::Duration;

/// Connections at once. A browser opens six; a monitoring system needs one.
pub const CONNECTIONS: usize = 128;

/// Life of a connection, all requests included. It ends who sends a byte a minute; a scraper, a browser and an event stream simply
/// connect anew.
pub const LIFE: Duration = Duration::from_secs(60);

/// Samples in one answer: all trunks and extensions of a large office, not the imagination of a caller.
pub const SAMPLES: usize = 10_000;

/// Largest form, in bytes: a text of the owner's (1 MB), in which every byte may be written as three.
pub const FORM: usize = 3 << 20;

/// People of the portal: an office, with room.
pub const PEOPLE: usize = 200;

/// Browsers that are logged in at one time; the one that was seen longest ago makes room.
pub const SESSIONS: usize = 512;

/// A session in which nothing happens ends after this.
pub const SESSION_IDLE: Duration = Duration::from_secs(45 * 60);

/// No session lives longer: a working day.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3_600);

/// Longest pause after failed log-ins.
pub const LOGIN_PAUSE: Duration = Duration::from_secs(60);

/// Failed log-ins are forgotten after this.
pub const LOGIN_FORGOTTEN: Duration = Duration::from_secs(3_600);

/// Sources whose failed log-ins are counted.
pub const LOGIN_SOURCES: usize = 4_096;

/// Passwords that are checked at one time: each takes 19 MiB and a core for a moment.
pub const LOGIN_CHECKS: usize = 2;

/// Set-up links and invitations that are open at one time.
pub const INVITATIONS: usize = 16;

/// A set-up link opens for so long.
pub const INVITATION_LIFE: Duration = Duration::from_secs(30 * 60);

/// Wrong codes at one set-up link until it is spent.
pub const INVITATION_TRIES: u32 = 10;

/// Event streams at one time.
pub const VIEWERS: usize = 32;

/// How often the exchange is looked at for a stream.
pub const LOOK: Duration = Duration::from_secs(2);

/// Rows of a page of calls.
pub const PAGE: u32 = 50;

/// Rows of an exported file.
pub const EXPORT: usize = 100_000;
