//! Configuration, program, proof: what a call is judged by, fixed when it begins and swapped whole on reload.

use std::sync::Arc;

use dialplan::reach::Reach;
use dialplan::{Host, Place, Program};

use crate::config::Config;

/// One moment's truth. Calls hold the snapshot of their beginning; a reload concerns new calls only.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The checked configuration.
    pub config: Arc<Config>,
    /// The plan: objects and hand-written contexts in one program.
    pub program: Arc<Program>,
    /// What each entry was proved to be able to reach; the gate lets nothing beyond it.
    pub reach: Reach,
}

impl Snapshot {
    /// Whether the plan has something at `place` for this caller at this moment.
    #[must_use]
    pub fn has_place(&self, place: &Place, caller: &str, host: &mut dyn Host) -> bool {
        self.program.start(place, caller, Some(&host.now())).is_some()
    }
}
