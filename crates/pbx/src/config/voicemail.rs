//! `[voicemail]`: what holds for all mailboxes.

use super::tree::Table;
use crate::limits;

/// Settings of all mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voicemail {
    /// What a phone dials to hear its own mailbox; none: nothing.
    pub own: Option<String>,
    /// What a phone dials to hear any mailbox whose PIN it knows; none: nothing.
    pub any: Option<String>,
    /// A caller may hear his message, speak it again, mark it as urgent or throw it away.
    pub review: bool,
    /// 0 leads a caller to the operator, where the plan has one.
    pub operator: bool,
    /// `*` in the greeting asks for the PIN: owners hear their messages from anywhere. Closed unless the owner opens it.
    pub remote: bool,
    /// When and from whom a message came is said before it.
    pub envelope: bool,
    /// A message in which nobody speaks is not kept.
    pub drop_silent: bool,
    /// A shorter message is not kept, seconds.
    pub shortest: u32,
    /// A longer one is ended, seconds.
    pub longest: u32,
    /// So many seconds of silence end a message; 0: none do.
    pub silence: u32,
    /// Messages of one mailbox.
    pub messages: u32,
    /// Megabytes of one mailbox.
    pub megabytes: u32,
    /// Megabytes of all mailboxes together.
    pub megabytes_in_all: u32,
}

impl Default for Voicemail {
    fn default() -> Self {
        Self {
            own: Some("*97".to_owned()),
            any: Some("*98".to_owned()),
            review: true,
            operator: true,
            remote: false,
            envelope: true,
            drop_silent: true,
            shortest: 1,
            longest: 180,
            silence: 10,
            messages: 100,
            megabytes: 200,
            megabytes_in_all: 1_000,
        }
    }
}

/// A feature code: a star and digits, or digits alone.
fn code(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix('*').unwrap_or(text);
    let good = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if good {
        Ok(Some(text.to_owned()))
    } else {
        Err(format!("{text:?}: a star and digits like \"*97\", or \"\" for none"))
    }
}

pub(super) fn read(table: Table<'_>) -> Voicemail {
    let usual = Voicemail::default();
    let settings = Voicemail {
        own: table.parse("own", code).unwrap_or(usual.own),
        any: table.parse("any", code).unwrap_or(usual.any),
        review: table.flag("review").unwrap_or(usual.review),
        operator: table.flag("operator").unwrap_or(usual.operator),
        remote: table.flag("remote").unwrap_or(usual.remote),
        envelope: table.flag("envelope").unwrap_or(usual.envelope),
        drop_silent: table.flag("drop_silent").unwrap_or(usual.drop_silent),
        shortest: table.number("shortest", 0..=60).unwrap_or(usual.shortest),
        longest: table.number("longest", 1..=limits::MESSAGE_SECONDS).unwrap_or(usual.longest),
        silence: table.number("silence", 0..=60).unwrap_or(usual.silence),
        messages: table.number("messages", 1..=9_999).unwrap_or(usual.messages),
        megabytes: table.number("megabytes", 1..=100_000).unwrap_or(usual.megabytes),
        megabytes_in_all: table.number("megabytes_in_all", 1..=10_000_000).unwrap_or(usual.megabytes_in_all),
    };
    if settings.shortest >= settings.longest {
        table.problem(&["shortest"], "the shortest message is to be shorter than the longest");
    }
    if settings.own.is_some() && settings.own == settings.any {
        table.problem(&["any"], "own and any mailbox cannot have the same code");
    }
    table.finish();
    settings
}
