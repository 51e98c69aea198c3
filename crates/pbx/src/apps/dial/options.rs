//! The options of Dial that concern us; the others are read and have no effect here.

use std::time::Duration;

use crate::call::bridge::Limit;

/// What the third argument of Dial asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// `r`: the caller hears ringing at once.
    pub(super) ring: bool,
    /// `m[(class)]`: hold music instead; empty for the channel's own class.
    pub(super) music: Option<String>,
    /// `p(recording)`: who answers hears who calls, and decides by a key.
    pub(super) screen: Option<String>,
    /// `g`: the plan goes on when the called party hangs up.
    pub(super) go_on: bool,
    /// `j`: goes on at the priority + 101 when all destinations failed, in the dialects that know it.
    pub(super) jump: bool,
    /// `t`, `T`: the called, the calling party may transfer by key.
    pub(super) transfer_called: bool,
    /// See above.
    pub(super) transfer_caller: bool,
    /// `k`, `K`: the called, the calling party may park by key.
    pub(super) park_called: bool,
    /// See above.
    pub(super) park_caller: bool,
    /// `L(x[:y[:z]])`, milliseconds.
    pub(super) limit: Limit,
}

impl Options {
    pub(super) fn parse(text: &str) -> Self {
        let mut options = Self::default();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            let mut value = "";
            if let Some(inside) = rest.strip_prefix('(') {
                let (inside, after) = inside.split_once(')').unwrap_or((inside, ""));
                value = inside;
                rest = after;
            }
            match letter {
                'r' => options.ring = true,
                'm' => options.music = Some(value.to_owned()),
                'p' => options.screen = Some(value.to_owned()),
                'g' => options.go_on = true,
                'j' => options.jump = true,
                't' => options.transfer_called = true,
                'T' => options.transfer_caller = true,
                'k' => options.park_called = true,
                'K' => options.park_caller = true,
                'L' => options.limit = limit(value),
                _ => {}
            }
        }
        options
    }
}

fn limit(text: &str) -> Limit {
    let mut parts = text.split(':').map(|part| part.trim().parse().ok().map(Duration::from_millis));
    let mut next = || parts.next().flatten().filter(|time| !time.is_zero());
    Limit { total: next(), warn_left: next(), warn_every: next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_with_their_values() {
        let options = Options::parse("trm(jazz)gL(60000:10000)K");
        assert!(options.park_caller && !options.park_called);
        assert!(options.ring && options.go_on && options.transfer_called && !options.transfer_caller);
        assert_eq!(options.music.as_deref(), Some("jazz"));
        assert_eq!(options.limit.total, Some(Duration::from_secs(60)));
        assert_eq!(options.limit.warn_left, Some(Duration::from_secs(10)));
        assert_eq!(options.limit.warn_every, None);
        assert_eq!(Options::parse(""), Options::default());
        assert_eq!(Options::parse("m(").music.as_deref(), Some(""));
    }
}
