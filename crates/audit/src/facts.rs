//! What the proof must be told about the exchange: trunks, phones, country, and how contexts are called in reports.

use std::collections::{BTreeMap, BTreeSet};

use dialplan::number::Country;
use dialplan::policy::Policy;

/// Facts from the configuration. [`Facts::default`] knows nothing, which is sound: everything unknown costs money.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Names of trunks.
    pub trunks: BTreeSet<String>,
    /// Names of phones. Empty: they are not known, and a report says "extension 204" for whatever a plan dials.
    pub phones: BTreeSet<String>,
    /// Country, for the classes of numbers; without it every paid call is of any class.
    pub country: Option<&'static Country>,
    /// What policy allows, for the verdict; the reach is computed without it, so that each can fail alone.
    pub policy: Option<Policy>,
    /// How a report names what is in a context: `groups` → `group {}`, where `{}` is the extension.
    pub words: BTreeMap<String, String>,
    /// The exchange takes only letters, digits and `+*#-._` as a dialled number and never the name of a special
    /// extension (`s`, `h`, `i`, …); true for tollgate, false for a foreign exchange.
    pub clean_dialling: bool,
}

impl Facts {
    /// For a plan that tollgate itself runs: its doors refuse odd characters, its generated contexts have names.
    #[must_use]
    pub fn ours() -> Self {
        let words = [("groups", "group {}"), ("mailboxes", "mailbox {}"), ("directory", "the directory")];
        Self {
            clean_dialling: true,
            words: words.map(|(context, word)| (context.to_owned(), word.to_owned())).into(),
            ..Self::default()
        }
    }
}
