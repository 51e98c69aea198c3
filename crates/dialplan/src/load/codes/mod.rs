//! The findings: what each one sees, why it matters, a plan that has it and the same plan repaired.
//!
//! This table is the one source of `tollgate help CODE`, of the rules in SARIF, and of a test that walks it: each bad
//! example must have its finding and each good one must not. `reading`, `lines`, `names`, `habits` and `proof` are its parts.

mod habits;
mod lines;
mod names;
mod proof;
mod reading;

use crate::finding::Severity;

pub use habits::*;
pub use lines::*;
pub use names::*;
pub use proof::*;
pub use reading::*;

/// Who finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// The loader, of the text alone.
    Loader,
    /// The proof or the exchange, which know more than the text.
    Exchange,
}

/// One kind of finding.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// Its stable name.
    pub name: &'static str,
    /// How much it usually matters.
    pub severity: Severity,
    /// What it sees, in one line.
    pub title: &'static str,
    /// Why it matters and what to do.
    pub why: &'static str,
    /// The rules that the examples are read by: a dialect with compat flags, or `auto`.
    pub rules: &'static str,
    /// A plan that has it.
    pub bad: &'static str,
    /// The same plan repaired.
    pub good: &'static str,
    /// Who finds it.
    pub maker: Maker,
}

/// Names and pages of one part of the table.
macro_rules! codes {
    ($table:ident, $maker:ident; $($id:ident = $name:literal, $severity:ident, $rules:literal, $title:literal, $why:literal, $bad:literal, $good:literal;)+) => {
        $(#[doc = $title] pub const $id: &str = $name;)+
        pub(super) const $table: &[$crate::load::codes::Code] = &[$($crate::load::codes::Code {
            name: $name,
            severity: $crate::finding::Severity::$severity,
            title: $title,
            why: $why,
            rules: $rules,
            bad: $bad,
            good: $good,
            maker: $crate::load::codes::Maker::$maker,
        }),+];
    };
}
use codes;

/// All findings.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [reading::TABLE_READING, lines::TABLE_LINES, names::TABLE_NAMES, habits::TABLE_HABITS, proof::TABLE_PROOF]
        .into_iter()
        .flatten()
}

/// The page of a finding.
pub fn find(name: &str) -> Option<&'static Code> {
    all().find(|code| code.name == name)
}

/// Whether there is a finding of this name.
pub fn is_known(name: &str) -> bool {
    find(name).is_some()
}

impl Code {
    /// The page that `tollgate help CODE` shows.
    pub fn page(&self) -> String {
        let indent = |text: &str| text.trim_end().lines().map(|l| format!("    {l}\n")).collect::<String>();
        let read = if self.maker == Maker::Loader { format!(" (dialect {})", self.rules) } else { String::new() };
        format!(
            "{} ({})\n\n{}.\n{}\n\nFound in{read}:\n\n{}\nNot in:\n\n{}\nAccept it on one line, with your reason:\n\n    ; tollgate: allow {} reason\n",
            self.name,
            self.severity.word(),
            self.title,
            self.why,
            indent(self.bad),
            indent(self.good),
            self.name,
        )
    }
}
