//! What each entry was proved to reach: written by `audit`, asked by the gate.
//!
//! A [`Reach`] belongs to one program, by hash. It lists what an entry *may* reach (an over-approximation); what is not
//! in it was proved out of reach, and an engine that gets there anyway is an alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::number::Class;

/// Something that a call may do to the world outside the exchange.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sink {
    /// A call to a number of that class over some trunk.
    Paid(Class),
    /// A leg over that trunk.
    Trunk(String),
    /// A phone, group or application of the exchange rings or runs: costs nothing.
    Inside(String),
    /// What that grant of the owner opens, behind its PIN. What lies there is the reach of the grant's own entry.
    Guarded(String),
    /// A program of the system or a script runs.
    Program(String),
    /// Something is written to the database of the plan.
    Database,
    /// A file is written (recordings).
    File,
    /// Something is asked of another machine that is no call.
    Network,
    /// Something that the proof could not see through. It is a warning to the owner and permits nothing: the gate
    /// keeps everything paid behind it closed.
    Unknown(String),
}

impl Sink {
    /// Whether reaching it may cost money.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        match self {
            Self::Paid(class) => class.is_paid(),
            Self::Trunk(_) | Self::Unknown(_) => true,
            Self::Inside(_) | Self::Guarded(_) | Self::Program(_) | Self::Database | Self::File | Self::Network => {
                false
            }
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paid(class) => write!(f, "{class} calls"),
            Self::Trunk(name) => write!(f, "trunk {name}"),
            Self::Inside(what) => f.write_str(what),
            Self::Guarded(grant) => write!(f, "what grant {grant} opens, guarded by its PIN"),
            Self::Program(what) => write!(f, "program {what}"),
            Self::Database => f.write_str("the database"),
            Self::File => f.write_str("files"),
            Self::Network => f.write_str("other machines"),
            Self::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

/// What every entry of one program may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Hash of the program that it was computed for.
    pub program_hash: [u8; 32],
    /// By entry name ([`crate::policy::OriginKind::entry`]).
    pub entries: BTreeMap<String, BTreeSet<Sink>>,
}

impl Reach {
    /// For that program, nothing reachable yet: nothing allowed.
    #[must_use]
    pub fn of(program_hash: [u8; 32]) -> Self {
        Self { program_hash, entries: BTreeMap::new() }
    }

    /// Notes that an entry may reach a sink.
    pub fn add(&mut self, entry: &str, sink: Sink) {
        self.entries.entry(entry.to_owned()).or_default().insert(sink);
    }

    /// Whether the proof allows `entry` to reach `sink`. An entry that the proof does not know reaches nothing, and
    /// [`Sink::Unknown`] stands for no other sink.
    #[must_use]
    pub fn allows(&self, entry: &str, sink: &Sink) -> bool {
        self.entries.get(entry).is_some_and(|sinks| sinks.contains(sink))
    }

    /// What an entry may reach that can cost money.
    pub fn paid<'a>(&'a self, entry: &str) -> impl Iterator<Item = &'a Sink> + use<'a> {
        self.entries.get(entry).into_iter().flatten().filter(|sink| sink.is_paid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_proved_reachable_is_not_allowed() {
        let mut reach = Reach::of([7; 32]);
        reach.add("extension:204", Sink::Trunk("itsp".into()));
        reach.add("strangers", Sink::Unknown("AGI".into()));
        assert!(reach.allows("extension:204", &Sink::Trunk("itsp".into())));
        assert!(!reach.allows("extension:204", &Sink::Trunk("other".into())));
        assert!(!reach.allows("extension:200", &Sink::Trunk("itsp".into())));
        assert!(!reach.allows("strangers", &Sink::Trunk("itsp".into())));
        assert!(!reach.allows("strangers", &Sink::Paid(Class::National)));
        assert_eq!(reach.paid("strangers").count(), 1);
    }
}
