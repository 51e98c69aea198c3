//! When something is due: ports that make sound of their own every 20 ms, and each leg's rare duties (reports, silence).

use crate::limits::MAX_CATCH_UP;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Ports are spread over so many moments of a frame, so that a thousand of them do not send at once.
const PHASES: u64 = 10;
/// Between two phases.
const STEP: Duration = Duration::from_millis(2);

/// The ports of one phase and the step of its next tick.
#[derive(Debug, Default)]
struct Phase {
    slots: Vec<usize>,
    next: u64,
}

/// A tick that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Which phase.
    pub(super) phase: usize,
    /// Ticks before it were left out, because `timeout` came too late.
    pub(super) skipped: bool,
}

/// The tick list of all ports.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    epoch: Option<Instant>,
    phases: [Phase; PHASES as usize],
    wakes: BTreeSet<(Instant, usize)>,
}

impl Ticks {
    /// Ticks for this slot from the next step on; the phase is needed to take it out again.
    pub(super) fn add(&mut self, now: Instant, slot: usize) -> usize {
        let epoch = *self.epoch.get_or_insert(now);
        let since = now.saturating_duration_since(epoch).as_micros() as u64;
        let step = since.div_ceil(STEP.as_micros() as u64);
        let phase = (step % PHASES) as usize;
        if let Some(entry) = self.phases.get_mut(phase) {
            if entry.slots.is_empty() {
                entry.next = step;
            }
            entry.slots.push(slot);
        }
        phase
    }

    /// No more ticks for this slot.
    pub(super) fn remove(&mut self, phase: usize, slot: usize) {
        if let Some(entry) = self.phases.get_mut(phase) {
            entry.slots.retain(|other| *other != slot);
        }
    }

    fn at(&self, step: u64) -> Option<Instant> {
        self.epoch.map(|epoch| epoch + Duration::from_millis(step.saturating_mul(STEP.as_millis() as u64)))
    }

    fn next_phase(&self) -> Option<(u64, usize)> {
        let busy = self.phases.iter().enumerate().filter(|(_, phase)| !phase.slots.is_empty());
        busy.map(|(index, phase)| (phase.next, index)).min()
    }

    /// When the next tick or wake is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let tick = self.next_phase().and_then(|(step, _)| self.at(step));
        let wake = self.wakes.first().map(|(at, _)| *at);
        match (tick, wake) {
            (Some(tick), Some(wake)) => Some(tick.min(wake)),
            (tick, wake) => tick.or(wake),
        }
    }

    /// The next phase that is due, moved on to its next tick.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let (step, index) = self.next_phase()?;
        let at = self.at(step).filter(|at| *at <= now)?;
        let behind = now.saturating_duration_since(at).as_micros() as u64 / (STEP.as_micros() as u64 * PHASES);
        let skipped = behind > u64::from(MAX_CATCH_UP);
        let phase = self.phases.get_mut(index)?;
        phase.next += PHASES * if skipped { behind } else { 1 };
        Some(Due { phase: index, skipped })
    }

    /// The slots of a phase, by position; the list may change between calls.
    pub(super) fn slot(&self, phase: usize, position: usize) -> Option<usize> {
        self.phases.get(phase)?.slots.get(position).copied()
    }

    /// Replaces a slot's wake.
    pub(super) fn wake(&mut self, slot: usize, before: Option<Instant>, after: Option<Instant>) {
        if let Some(before) = before {
            self.wakes.remove(&(before, slot));
        }
        if let Some(after) = after {
            self.wakes.insert((after, slot));
        }
    }

    /// The next slot whose wake is due, taken out.
    pub(super) fn woken(&mut self, now: Instant) -> Option<usize> {
        let (at, slot) = *self.wakes.first()?;
        if at > now {
            return None;
        }
        self.wakes.remove(&(at, slot));
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_ticks_every_twenty_milliseconds() {
        let start = Instant::now();
        let mut ticks = Ticks::default();
        assert_eq!(ticks.deadline(), None);
        ticks.add(start, 7);
        for index in 0..10u32 {
            let at = start + Duration::from_millis(20) * index;
            assert_eq!(ticks.deadline(), Some(at));
            assert_eq!(ticks.due(at), Some(Due { phase: 0, skipped: false }));
            assert_eq!(ticks.due(at), None);
        }
        ticks.remove(0, 7);
        assert_eq!(ticks.deadline(), None);
    }

    #[test]
    fn slots_that_start_at_other_times_tick_at_other_times() {
        let start = Instant::now();
        let mut ticks = Ticks::default();
        let phases: Vec<usize> = (0..6).map(|index| ticks.add(start + Duration::from_millis(3) * index, 0)).collect();
        assert_eq!(phases, [0, 2, 3, 5, 6, 8]);
    }

    #[test]
    fn a_late_timeout_makes_up_for_a_little_and_skips_the_rest() {
        let start = Instant::now();
        let mut ticks = Ticks::default();
        ticks.add(start, 1);
        let now = start + Duration::from_millis(20) * (MAX_CATCH_UP);
        let caught = std::iter::from_fn(|| ticks.due(now)).map(|due| assert!(!due.skipped)).count();
        assert_eq!(caught as u32, MAX_CATCH_UP + 1);
        let now = now + Duration::from_secs(60);
        assert_eq!(ticks.due(now), Some(Due { phase: 0, skipped: true }));
        assert!(std::iter::from_fn(|| ticks.due(now)).count() < 2);
    }

    #[test]
    fn wakes_come_in_order_and_can_be_moved() {
        let start = Instant::now();
        let mut ticks = Ticks::default();
        let second = Duration::from_secs(1);
        ticks.wake(1, None, Some(start + second * 2));
        ticks.wake(2, None, Some(start + second));
        ticks.wake(1, Some(start + second * 2), Some(start + second * 3));
        assert_eq!(ticks.deadline(), Some(start + second));
        assert_eq!(ticks.woken(start), None);
        assert_eq!(ticks.woken(start + second * 2), Some(2));
        assert_eq!(ticks.woken(start + second * 2), None);
        assert_eq!(ticks.woken(start + second * 3), Some(1));
        assert_eq!(ticks.deadline(), None);
    }
}
