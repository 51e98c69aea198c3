//! What the proof must be told about the exchange: trunks, phones, country, and how contexts are called in reports.

use std::collections::{BTreeMap, BTreeSet};

use dialplan::control::Call;
use dialplan::number::Country;
use dialplan::policy::Policy;
use dialplan::text::Template;

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
    /// Grants of the owner and the context that each opens. None: a foreign exchange, where `DISA` leads on by itself.
    pub grants: Option<BTreeMap<String, String>>,
    /// The exchange takes only letters, digits and `+*#-._` as a dialled number and never the name of a special
    /// extension (`s`, `h`, `i`, …); true for tollgate, false for a foreign exchange.
    pub clean_dialling: bool,
}

impl Facts {
    /// The grants that a `DISA` of ours may mean: a door at its line, an entry of its own beyond it. A line that does not
    /// say which may mean every one.
    pub(crate) fn guarded(&self, call: &Call<Template>) -> Vec<String> {
        let texts: Option<Vec<String>> =
            call.args.iter().take(2).map(|arg| arg.as_literal().map(|text| text.to_string())).collect();
        let meant = |name: &str, context: &str| {
            let Some(whole) = texts.as_ref().map(|texts| texts.join(",")) else { return true };
            let mut parts = whole.split(['|', ',']).map(str::trim);
            let (pin, named) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            match pin.strip_prefix("grant:") {
                Some(grant) => grant == name,
                None => context == if named.is_empty() { "disa" } else { named },
            }
        };
        let all = self.grants.iter().flatten();
        all.filter(|(name, context)| meant(name, context)).map(|(name, _)| name.clone()).collect()
    }

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
