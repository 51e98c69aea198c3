//! What happened in a simulated call, moment by moment.

use std::fmt;
use std::time::Duration;

use dialplan::number::Class;
use serde::Serialize;

use crate::switch::Cause;

/// One moment of a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// Seconds since the call came in.
    pub at: f64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum What {
    /// The plan passed a line.
    Step {
        /// `context,extension,priority`.
        place: String,
        /// The application with its arguments as they were then.
        line: String,
    },
    /// The caller pressed a key.
    Key {
        /// Which.
        key: char,
    },
    /// The caller is told something by signalling: `ringing`, `early media`, `answered`.
    Caller {
        /// What.
        state: &'static str,
    },
    /// The gate let a leg out.
    Leg {
        /// Whom: an extension or a number.
        to: String,
        /// Over which trunk, if it leads outside.
        trunk: Option<String>,
        /// Class of the number.
        class: String,
        /// Id of the permit.
        permit: String,
    },
    /// The gate did not let a leg out.
    Refused {
        /// Whom.
        to: String,
        /// Why.
        why: String,
    },
    /// A called party did something: `rings`, `answers`, `hangs up`, `refuses 486`, `is let go`.
    Party {
        /// Which.
        who: String,
        /// What.
        does: String,
    },
    /// The call is over.
    End {
        /// `caller` or `exchange`.
        by: &'static str,
        /// Q.850 cause.
        cause: u16,
    },
    /// Nothing was there to begin with.
    NoEntry {
        /// Why.
        why: String,
    },
}

/// A whole simulated call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Trace {
    /// Its moments, in order.
    pub moments: Vec<Moment>,
}

impl Trace {
    /// Most moments that are kept: a plan that loops does not fill the memory.
    pub const MOST: usize = 20_000;

    pub(super) fn push(&mut self, at: Duration, what: What) {
        if self.moments.len() < Self::MOST {
            // Milliseconds are enough, and the same everywhere.
            let at = (at.as_secs_f64() * 1000.0).round() / 1000.0;
            self.moments.push(Moment { at, what });
        }
    }

    /// The lines passed, as `context,extension,priority App(arguments)`.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.moments.iter().filter_map(|moment| match &moment.what {
            What::Step { place, line } => Some(format!("{place} {line}")),
            _ => None,
        })
    }

    /// Legs that were let out over trunks: `(trunk, number)`.
    pub fn outside(&self) -> impl Iterator<Item = (&str, &str)> {
        self.moments.iter().filter_map(|moment| match &moment.what {
            What::Leg { to, trunk: Some(trunk), .. } => Some((trunk.as_str(), to.as_str())),
            _ => None,
        })
    }

    /// Phones of the house that were rung.
    pub fn rung(&self) -> impl Iterator<Item = &str> {
        self.moments.iter().filter_map(|moment| match &moment.what {
            What::Leg { to, trunk: None, .. } => Some(to.as_str()),
            _ => None,
        })
    }

    /// Why the gate refused, each time it did.
    pub fn refusals(&self) -> impl Iterator<Item = &str> {
        self.moments.iter().filter_map(|moment| match &moment.what {
            What::Refused { why, .. } => Some(why.as_str()),
            _ => None,
        })
    }
}

impl What {
    pub(super) fn leg(permit: &crate::gate::Permit) -> Self {
        let class: Class = permit.class();
        Self::Leg {
            to: permit.target_text(),
            trunk: permit.trunk().map(str::to_owned),
            class: class.word().to_owned(),
            permit: permit.id().to_owned(),
        }
    }

    pub(super) fn end(by: &'static str, cause: Cause) -> Self {
        Self::End { by, cause: cause.0 }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { place, line } => write!(f, "{place:<28} {line}"),
            Self::Key { key } => write!(f, "    the caller presses {key}"),
            Self::Caller { state } => write!(f, "    the caller is told: {state}"),
            Self::Leg { to, trunk: Some(trunk), class, permit } => {
                write!(f, "    calls {to} over trunk {trunk} ({class}, permit {permit})")
            }
            Self::Leg { to, permit, .. } => write!(f, "    rings {to} (permit {permit})"),
            Self::Refused { to, why } => write!(f, "    does not call {to}: {why}"),
            Self::Party { who, does } => write!(f, "    {who} {does}"),
            Self::End { by, cause } => write!(f, "    the {by} hangs up (cause {cause})"),
            Self::NoEntry { why } => write!(f, "    refused at the door: {why}"),
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for moment in &self.moments {
            writeln!(f, "{:>8.2}  {}", moment.at, moment.what)?;
        }
        Ok(())
    }
}
