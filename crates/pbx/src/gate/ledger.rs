//! What the gate writes down instead of permitting while a drill goes on: the fake trunk of its calls.
//!
//! A gate with a ledger answers every question as always, and where it would permit, it writes that down and says no. So
//! a drill can start nothing that costs, not even a call for help, and disturbs nobody.

use std::sync::{Mutex, PoisonError};

use dialplan::number::Class;

use super::{Ask, Refusal, Target, Why};
use crate::limits;

/// One wish to start a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The call tree.
    pub call: String,
    /// The application that wished it.
    pub app: &'static str,
    /// The extension or the number.
    pub to: String,
    /// The trunk; none: a phone of the house.
    pub trunk: Option<String>,
    /// Class of the number; none where it is no number.
    pub class: Option<Class>,
    /// Why the gate refuses it; none: it would have gone out.
    pub refused: Option<String>,
}

/// All wishes of a drill's calls.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Phones of the house ring for real.
    pub ring: bool,
    rows: Mutex<Vec<Asked>>,
}

impl Ledger {
    /// An empty one; with `ring`, phones of the house are not spared.
    #[must_use]
    pub fn new(ring: bool) -> Self {
        Self { ring, rows: Mutex::default() }
    }

    /// Writes down what was asked, and what the gate said to it.
    pub(super) fn note(&self, ask: &Ask<'_>, refusal: Option<&Refusal>) {
        let country = ask.snapshot.config.system.country;
        let (to, trunk, class) = match ask.target {
            Target::Phone(user) => (user, None, Some(Class::Inside)),
            Target::Number { trunk, dialled } => {
                let class = dialplan::number::normalise(country, dialled).ok().map(|number| number.class);
                (dialled, Some(trunk.to_owned()), class)
            }
        };
        let refused = refusal.filter(|no| no.why != Why::Drill).map(|no| no.reason.clone());
        let to = to.chars().take(limits::DIALLED).collect();
        let asked = Asked { call: ask.call.to_owned(), app: ask.app.name, to, trunk, class, refused };
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken away after every key; a drill's own calls are few.
        if rows.len() < limits::DRILL_WISHES {
            rows.push(asked);
        }
    }

    /// Takes away what one call tree wished for since it was last asked.
    #[must_use]
    pub fn take(&self, call: &str) -> Vec<Asked> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.extract_if(.., |asked| asked.call == call).collect()
    }
}
