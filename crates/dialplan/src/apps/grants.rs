//! Table lines of the doors with a PIN: what the owner lends to whoever knows it.

use super::{AppSpec, ArgKind, Effect, may, need, opt, opt_known};

const DOOR: &[Effect] = &[Effect::Answers, Effect::Plays, Effect::Waits, Effect::Reads, Effect::Gate, Effect::Jumps];

pub(super) const TABLE: &[AppSpec] = &[
    AppSpec::new("Authenticate", "goes on only for callers who know a PIN")
        .args(&[
            need("grant:NAME or digits", ArgKind::Text),
            may("options", ArgKind::Options),
            may("most digits", ArgKind::Number),
            may("prompt", ArgKind::Text),
        ])
        .options(&[
            opt('j', "in plans of 1.2 and 1.4: after the third wrong one, goes to priority n+101"),
            opt_known('a', false, &[], "the PIN would be written into the call record: never done"),
            opt_known('d', false, &[Effect::ReadsDatabase], "the PIN is in the database"),
            opt_known('m', false, &[Effect::ReadsFiles], "a file holds accounts and hashes"),
            opt_known('r', false, &[Effect::WritesDatabase], "removes the key of the database"),
        ])
        .effects(DOOR)
        .help("grant:NAME asks for the PIN of a grant, which the store keeps as a hash (tollgate grant pin NAME). Digits work too, and whoever reads the plan knows them. Tries are counted over all calls: three wrong ones, then a pause that grows; a phone of the house has a count of its own."),
    AppSpec::new("DISA", "dial tone of the house for a caller from outside, by a grant of the owner")
        .args(&[need("grant:NAME, no-password or digits", ArgKind::Text), may("context", ArgKind::Context), may("caller ID", ArgKind::Text), may("mailbox", ArgKind::Text)])
        .effects(DOOR)
        .help("There is a dial tone only where the owner opened a grant: [grant.NAME] with kind = \"disa\". The old forms use the grant that names their context. Who knows the PIN dials in the grant's context with the grant's rights and caps, and every use is an event."),
];
