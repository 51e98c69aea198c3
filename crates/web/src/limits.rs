//! The bounds of the HTTP side, each with its reason; kept by `listen` and `lib`.

use std::time::Duration;

/// Connections at once. One monitoring system needs one; a few people with a browser fit too.
pub const CONNECTIONS: usize = 32;

/// Life of a connection, all requests included. It ends who sends a byte a minute, and a scraper simply connects anew.
pub const LIFE: Duration = Duration::from_secs(10);

/// Samples in one answer: all trunks and extensions of a large office, not the imagination of a caller.
pub const SAMPLES: usize = 10_000;
