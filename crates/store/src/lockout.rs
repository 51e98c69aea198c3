//! How wrong PINs are counted: a few in a row are human, then each costs a pause twice as long as the one before.
//!
//! No clock and no row here; [`crate::Store::pin_try`] keeps the count, simulations keep it in memory.

use crate::{Ms, limits};

/// Wrong tries of one account at one PIN since its last right one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    /// How many.
    pub wrong: u32,
    /// No try before this time.
    pub locked_until: Ms,
    /// When the last one was.
    pub last: Ms,
}

/// Whether a PIN may be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Yes; it is counted as wrong until [`Tries::right`] says otherwise.
    Go {
        /// Tries left after this one before the first pause.
        left: u32,
        /// The pause that has begun unless this one is right.
        locked_until: Option<Ms>,
    },
    /// No.
    Locked {
        /// Until then.
        until: Ms,
    },
}

impl Tries {
    /// Counts a try before it is made: tries at the same time, or a crash in the middle, are not free.
    pub fn take(&mut self, now: Ms) -> Tried {
        // A clock that was set back must not lock for longer than any pause is.
        self.locked_until = self.locked_until.min(now.saturating_add(limits::PIN_PAUSE_MAX));
        if now < self.locked_until {
            return Tried::Locked { until: self.locked_until };
        }
        if self.last.saturating_add(limits::PIN_FORGOTTEN) <= now {
            self.wrong = 0;
        }
        self.wrong = self.wrong.saturating_add(1);
        self.last = now;
        let left = limits::PIN_TRIES.saturating_sub(self.wrong);
        let locked_until = (left == 0).then(|| now.saturating_add(pause(self.wrong - limits::PIN_TRIES)));
        self.locked_until = locked_until.unwrap_or(now);
        Tried::Go { left, locked_until }
    }

    /// The try was right: nothing is held against the account any more.
    pub fn right(&mut self) {
        *self = Self::default();
    }
}

/// The pause after the wrong try number `n` beyond the free ones.
fn pause(n: u32) -> Ms {
    limits::PIN_PAUSE.saturating_mul(1 << n.min(20)).min(limits::PIN_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Ms = 60_000;
    const DAY: Ms = 24 * 60 * MINUTE;

    #[test]
    fn three_are_free_then_each_costs_twice_the_pause() {
        let mut tries = Tries::default();
        assert_eq!(tries.take(0), Tried::Go { left: 2, locked_until: None });
        assert_eq!(tries.take(0), Tried::Go { left: 1, locked_until: None });
        assert_eq!(tries.take(0), Tried::Go { left: 0, locked_until: Some(30_000) });
        assert_eq!(tries.take(29_999), Tried::Locked { until: 30_000 });
        assert_eq!(tries.take(30_000), Tried::Go { left: 0, locked_until: Some(90_000) });
        assert_eq!(tries.take(90_000), Tried::Go { left: 0, locked_until: Some(210_000) });
        tries.right();
        assert_eq!(tries.take(90_001), Tried::Go { left: 2, locked_until: None });
    }

    #[test]
    fn whoever_never_stops_has_a_handful_of_tries_a_day() {
        let mut tries = Tries::default();
        let mut made = [0; 30];
        for (day, count) in made.iter_mut().enumerate() {
            for minute in 0..24 * 60 {
                let now = day as Ms * DAY + minute * MINUTE;
                *count += u32::from(matches!(tries.take(now), Tried::Go { .. }));
            }
        }
        assert!(made[0] <= 18, "{made:?}");
        assert!(made[1..].iter().all(|tries| *tries <= 6), "{made:?}");
    }

    #[test]
    fn quiet_weeks_are_forgotten_and_a_clock_set_back_does_not_lock_for_years() {
        let mut tries = Tries::default();
        let locked = (0..9).map(|_| tries.take(tries.locked_until)).last();
        assert!(matches!(locked, Some(Tried::Go { left: 0, .. })));
        let mut later = tries;
        assert_eq!(later.take(tries.locked_until + 8 * DAY), Tried::Go { left: 2, locked_until: None });
        let mut back = Tries { wrong: 9, locked_until: 400 * DAY, last: 400 * DAY };
        assert_eq!(back.take(0), Tried::Locked { until: limits::PIN_PAUSE_MAX });
    }
}
