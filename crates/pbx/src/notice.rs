//! What the owner is told of without asking (`[notify]`), and for each kind of event what the exchange did and what he may
//! do. One table for mail, webhook, portal and command line.

/// One kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// The kind, as events have it.
    pub kind: &'static str,
    /// What was done.
    pub done: &'static str,
    /// What the owner may do.
    pub may: &'static str,
}

const fn of(kind: &'static str, done: &'static str, may: &'static str) -> Notice {
    Notice { kind, done, may }
}

/// Every kind that is told.
pub const NOTICES: &[Notice] = &[
    of(
        "attendant-calls",
        "each call was answered; none cost anything",
        "tollgate ban add ADDRESS, or a lower [strangers] per_source",
    ),
    of(
        "attendant-keys",
        "nothing was placed; the call went on",
        "tollgate calls shows its way; tollgate ban add ADDRESS shuts a source out",
    ),
    of("attendant-night", "the call was answered as by day", "a schedule in the menu closes it at night"),
    of(
        "banned",
        "its packets are dropped until the ban ends",
        "tollgate ban list; tollgate ban remove ADDRESS lets it in",
    ),
    of(
        "call-refused",
        "the call was not placed",
        "tollgate reach shows who may call what; [extension.N] may = [...] allows a class",
    ),
    of(
        "cap-reached",
        "calls that cost money are refused until the day or the hour is over; emergency calls go on",
        "raise the cap in [policy], or make the extension's secret new",
    ),
    of(
        "drill-found",
        "nothing was placed",
        "tollgate drill --list; correct the plan at the lines that the report names",
    ),
    of("emergency-call", "it goes out whatever the caps say; a call back rings that phone", "go and look"),
    of("grant-call", "the grant's caps bound it", "tollgate grant pin NAME makes its PIN new"),
    of("grant-used", "the caller may call what the grant allows", "tollgate grant pin NAME makes its PIN new"),
    of(
        "login-failed",
        "the source was slowed down; ten wrong secrets shut it out",
        "tollgate extension rotate N, if a phone of yours has an old secret",
    ),
    of("mail-failed", "the message is still in its mailbox", "tollgate mail test"),
    of("mail-late", "it is tried again", "tollgate mail test"),
    of(
        "mailbox-full",
        "callers are told that nothing more can be left",
        "hear and delete messages, or a larger [voicemail] messages",
    ),
    of(
        "new-country",
        "the call was placed within its caps",
        "take international out of [extension.N] may, if nobody of the house called",
    ),
    of("notify-test", "nothing", "nothing: this is a test"),
    of(
        "pin-locked",
        "that PIN is locked for those callers, and for nobody else",
        "tollgate mailbox pin N makes a new one",
    ),
    of("portal-login-failed", "the source waits longer after each try", "tollgate rescue, if it was you"),
    of("portal-rescue", "the link works once, for 30 minutes", "remove people who should not be there"),
    of(
        "spend-100",
        "calls that cost money are refused for today",
        "tollgate spend; raise the cap if this was the house",
    ),
    of("spend-50", "calls go on", "tollgate spend shows who called where"),
    of("spend-80", "calls go on", "tollgate spend; [policy] stopped = true stops all but emergency calls"),
    of("trunk-down", "the next trunk of each route is tried; it is asked again and again", "tollgate trunk test NAME"),
    of("trunk-up", "it is used again", "nothing"),
    of("turned-away", "nothing was answered that helps a scanner", "nothing"),
];

/// The notice for a kind of event; none where the owner is not told.
#[must_use]
pub fn notice(kind: &str) -> Option<&'static Notice> {
    NOTICES.iter().find(|notice| notice.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_stands_once_and_in_order() {
        let kinds: Vec<&str> = NOTICES.iter().map(|notice| notice.kind).collect();
        assert!(kinds.windows(2).all(|pair| pair[0] < pair[1]), "{kinds:?}");
        assert!(notice("spend-80").is_some() && notice("secret-rotated").is_none());
    }
}
