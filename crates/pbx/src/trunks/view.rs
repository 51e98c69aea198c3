//! A trunk as its owner sees it: `tollgate trunk list`, the portal.

use serde::Serialize;

use super::TrunkWay;
use crate::config::TrunkKind;

/// Whether calls can leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nobody knows yet, or the trunk never answers questions: calls are tried.
    Unknown(String),
    /// It answers; registered where it has to be.
    Up,
    /// It does not work, and why.
    Down(String),
}

impl Health {
    /// Whether calls are not even tried.
    #[must_use]
    pub fn is_down(&self) -> bool {
        matches!(self, Self::Down(_))
    }

    /// `up`, `down` or `unknown`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown",
            Self::Up => "up",
            Self::Down(_) => "down",
        }
    }

    /// Why it is not up.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Up => "",
            Self::Unknown(why) | Self::Down(why) => why,
        }
    }
}

/// One trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrunkView {
    /// Its name.
    pub name: String,
    /// `register`, `address` or `gateway`.
    pub kind: String,
    /// Host as configured.
    pub host: String,
    /// Transport and address in use, as `tls 192.0.2.1:5061`.
    pub at: String,
    /// How many addresses it has.
    pub addresses: usize,
    /// `up`, `down` or `unknown`.
    pub state: String,
    /// Why it is not up, in plain words.
    pub why: String,
}

/// The word of the configuration.
fn kind(kind: TrunkKind) -> &'static str {
    match kind {
        TrunkKind::Register => "register",
        TrunkKind::Address => "address",
        TrunkKind::Gateway => "gateway",
    }
}

pub(super) fn of(name: &str, way: &TrunkWay, at: usize, health: &Health) -> TrunkView {
    let flow = way.flows.get(at).or(way.flows.first());
    TrunkView {
        name: name.to_owned(),
        kind: kind(way.trunk.kind).to_owned(),
        host: way.trunk.host.clone(),
        at: flow.map_or(String::new(), |flow| format!("{} {}", flow.transport.param(), flow.remote)),
        addresses: way.flows.len(),
        state: health.word().to_owned(),
        why: health.why().to_owned(),
    }
}
