//! One record per leg, opened when the leg starts and closed when it ends, also when its task dies.
//!
//! The record is a guard: dropping it writes what is known. [`Records`] is the store, or a list in simulations.

use std::sync::{Arc, Mutex, PoisonError};

use media::plane::Stats;
use store::{CallRecord, Direction, Disposition, RtpStats, Side};

use crate::call::Tree;
use crate::exchange::{Clock, Exchange};
use crate::gate::Permit;
use crate::switch::{Cause, LegId, Origin, Presentation};

/// Where records go.
pub trait Records: Send + Sync {
    /// Takes a new or changed record. Must not block; must not lose it.
    fn write(&self, record: CallRecord);

    /// Notes what the owner wants to read in the morning, in plain words: no secret, no stranger's number. Must not block.
    fn event(&self, at: i64, kind: &str, text: &str) {
        let _ = (at, kind, text);
    }
}

/// A list in memory, for simulations and tests.
#[derive(Debug, Default)]
pub struct Listed(Mutex<Vec<CallRecord>>);

impl Listed {
    /// The records written so far, the newest state of each.
    #[must_use]
    pub fn all(&self) -> Vec<CallRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Records for Listed {
    fn write(&self, record: CallRecord) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match list.iter_mut().find(|known| known.id == record.id) {
            Some(known) => *known = record,
            None => list.push(record),
        }
    }
}

/// The origin as records, metrics and the store spell it.
#[must_use]
pub fn origin_word(origin: &Origin) -> String {
    match origin {
        Origin::Stranger { source } => format!("stranger:{source}"),
        Origin::Trunk { name } => format!("trunk:{name}"),
        Origin::Extension { user } => format!("extension:{user}"),
        Origin::System => "system".to_owned(),
    }
}

/// The record of one leg while it lives.
pub struct LegRecord {
    row: Option<Box<CallRecord>>,
    tree: Option<Arc<Tree>>,
    records: Option<Arc<dyn Records>>,
    clock: Option<Clock>,
}

impl std::fmt::Debug for LegRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LegRecord").field(&self.row.as_ref().map(|row| &row.id)).finish()
    }
}

impl LegRecord {
    /// No record: the near end of a Local channel, whose far end has one.
    #[must_use]
    pub fn silent() -> Self {
        Self { row: None, tree: None, records: None, clock: None }
    }

    /// The leg of whoever called us.
    #[must_use]
    pub fn incoming(exchange: &Exchange, tree: &Arc<Tree>, leg: LegId, show: &Presentation) -> Self {
        let mut record = Self::open(exchange, tree, leg, Direction::In, show, tree.dialled.clone());
        if let (Some(row), Origin::Trunk { name }) = (&mut record.row, &tree.origin) {
            row.trunk = Some(name.clone());
        }
        record.save();
        record
    }

    /// A leg that we start under a permit.
    #[must_use]
    pub fn outgoing(exchange: &Exchange, tree: &Arc<Tree>, leg: LegId, permit: &Permit, show: &Presentation) -> Self {
        let mut record = Self::open(exchange, tree, leg, Direction::Out, show, permit.target_text());
        if let Some(row) = &mut record.row {
            row.permit = Some(permit.id().to_owned());
            row.trunk = permit.trunk().map(str::to_owned);
        }
        record.save();
        record
    }

    /// The far end of a Local channel: a call into our own plan.
    #[must_use]
    pub fn local(exchange: &Exchange, tree: &Arc<Tree>, leg: LegId, label: &str) -> Self {
        let record = Self::open(exchange, tree, leg, Direction::In, &Presentation::default(), label.to_owned());
        record.save();
        record
    }

    /// A call that was refused before it had a leg.
    pub fn refused(exchange: &Exchange, tree: &Arc<Tree>, leg: LegId, show: &Presentation, cause: Cause, why: &str) {
        let mut record = Self::open(exchange, tree, leg, Direction::In, show, tree.dialled.clone());
        if let Some(row) = &mut record.row {
            row.disposition = Disposition::Refused;
            row.hangup_side = Some(Side::Exchange);
            row.cause = Some(cause.0);
            row.cause_text = Some(why.to_owned());
            row.ended_at = Some(row.at);
        }
    }

    /// An attempt to call out that the gate, or a missing route, refused: a record without a leg.
    pub fn not_started(exchange: &Exchange, tree: &Arc<Tree>, target: &str, show: &Presentation, why: &str) {
        let leg = exchange.leg_id();
        let mut record = Self::open(exchange, tree, leg, Direction::Out, show, target.to_owned());
        if let Some(row) = &mut record.row {
            row.disposition = Disposition::Refused;
            row.hangup_side = Some(Side::Exchange);
            row.cause = Some(Cause::REJECTED.0);
            row.cause_text = Some(why.to_owned());
            row.ended_at = Some(row.at);
        }
    }

    fn open(
        exchange: &Exchange,
        tree: &Arc<Tree>,
        leg: LegId,
        direction: Direction,
        show: &Presentation,
        to: String,
    ) -> Self {
        let row = CallRecord {
            id: format!("{}-{leg}", tree.id),
            call_id: tree.id.clone(),
            leg: u32::try_from(leg.0).unwrap_or(u32::MAX),
            direction,
            origin: origin_word(&tree.origin),
            from: show.number.clone(),
            from_name: show.name.clone(),
            to,
            trunk: None,
            permit: None,
            at: exchange.clock.now(),
            answered_at: None,
            ended_at: None,
            path: Vec::new(),
            app: String::new(),
            disposition: Disposition::Open,
            hangup_side: None,
            cause: None,
            cause_text: None,
            codec: None,
            rtp: None,
        };
        Self {
            row: Some(Box::new(row)),
            tree: Some(Arc::clone(tree)),
            records: Some(Arc::clone(&exchange.records)),
            clock: Some(exchange.clock.clone()),
        }
    }

    /// Whether there is anything to keep.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.row.is_some()
    }

    fn save(&self) {
        if let (Some(row), Some(records)) = (&self.row, &self.records) {
            records.write(row.as_ref().clone());
        }
    }

    /// The leg was answered at `now`, milliseconds since 1970.
    pub fn answered(&mut self, now: i64) {
        if let Some(row) = &mut self.row {
            row.answered_at = Some(now);
        }
        self.save();
    }

    /// The leg ended at `now` by `side`; the row is written when the record is finished or dropped.
    pub fn ended(&mut self, now: i64, cause: Cause, side: Side) {
        let Some(row) = &mut self.row else { return };
        if row.ended_at.is_some() {
            return;
        }
        row.ended_at = Some(now);
        row.cause = Some(cause.0);
        row.hangup_side = Some(side);
        row.disposition = match (row.answered_at, cause) {
            (Some(_), _) => Disposition::Answered,
            (None, Cause::BUSY) => Disposition::Busy,
            (None, Cause::NORMAL | Cause::NO_ANSWER | Cause::NO_RESPONSE) => Disposition::NoAnswer,
            (None, _) => Disposition::Failed,
        };
        if let Some(tree) = &self.tree
            && row.direction == Direction::In
        {
            row.path = tree.path();
            row.app = row.path.last().and_then(|line| line.rsplit(' ').next()).unwrap_or_default().to_owned();
        }
    }

    /// Closes the record with what the leg's media port measured.
    pub fn finish(mut self, stats: Option<&Stats>) {
        if let (Some(row), Some(stats)) = (&mut self.row, stats) {
            row.codec = stats.codec_in.clone().or_else(|| stats.codec_out.clone());
            row.rtp = Some(RtpStats {
                packets_in: stats.packets_in,
                packets_out: stats.packets_out,
                bytes_in: stats.bytes_in,
                bytes_out: stats.bytes_out,
                lost: stats.lost_in,
                jitter_us: micros(stats.jitter_in_ms),
            });
        }
    }
}

impl Drop for LegRecord {
    /// INVARIANT: every leg has its record. A task that dies drops its legs, and with them their records, which then
    /// say that the exchange ended them.
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            let now = clock.now();
            self.ended(now, Cause::INTERWORKING, Side::Exchange);
        }
        self.save();
    }
}

/// Milliseconds as whole microseconds.
fn micros(ms: f32) -> u64 {
    // A float-to-integer cast saturates; jitter is neither negative nor beyond an hour.
    (ms.clamp(0.0, 3_600_000.0) * 1000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_dropped_is_closed() {
        let records = Arc::new(Listed::default());
        let row = CallRecord {
            id: "1-1".to_owned(),
            call_id: "1".to_owned(),
            leg: 1,
            direction: Direction::Out,
            origin: "system".to_owned(),
            from: String::new(),
            from_name: String::new(),
            to: "204".to_owned(),
            trunk: None,
            permit: None,
            at: 1_000,
            answered_at: Some(2_000),
            ended_at: None,
            path: Vec::new(),
            app: String::new(),
            disposition: Disposition::Open,
            hangup_side: None,
            cause: None,
            cause_text: None,
            codec: None,
            rtp: None,
        };
        let clock = Clock::new(|| 5_000);
        drop(LegRecord { row: Some(Box::new(row)), tree: None, records: Some(records.clone()), clock: Some(clock) });
        let written = records.all();
        assert_eq!((written[0].ended_at, written[0].disposition), (Some(5_000), Disposition::Answered));
        assert_eq!(written[0].hangup_side, Some(Side::Exchange));
    }
}
