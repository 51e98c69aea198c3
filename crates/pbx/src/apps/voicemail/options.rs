//! Option letters of VoiceMail and VoiceMailMain, with what stands in brackets behind them.

/// What a plan asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Options {
    /// `u`: nobody answers.
    pub(super) unavailable: bool,
    /// `b`: the phone is busy.
    pub(super) busy: bool,
    /// `s`: no instructions (VoiceMail), no PIN for one's own phone (VoiceMailMain), no first prompt (VMAuthenticate).
    pub(super) short: bool,
    /// `S`: no instructions where a greeting was recorded.
    pub(super) short_if_recorded: bool,
    /// `U` and `P`: the message is urgent.
    pub(super) urgent: bool,
    /// `e`: greetings before the call is answered.
    pub(super) early: bool,
    /// `d(context)`: digits during the greeting are an extension; an empty context is the current one.
    pub(super) dial: Option<String>,
    /// `g(decibels)`.
    pub(super) gain: i8,
    /// `t(sound)` in place of the beep; `t` alone: none.
    pub(super) tone: Option<String>,
    /// `p`: the mailbox argument stands before what the caller types.
    pub(super) prefix: bool,
    /// `a(folder)`: opens this folder, by number or name.
    pub(super) folder: Option<String>,
}

impl Options {
    pub(super) fn parse(text: &str) -> Self {
        let mut options = Self::default();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            let mut value = "";
            if let Some(inside) = rest.strip_prefix('(') {
                (value, rest) = inside.split_once(')').unwrap_or((inside, ""));
            }
            match letter {
                'u' => options.unavailable = true,
                'b' => options.busy = true,
                's' => options.short = true,
                'S' => options.short_if_recorded = true,
                'U' | 'P' => options.urgent = true,
                'e' => options.early = true,
                'd' => options.dial = Some(value.trim().to_owned()),
                // Louder than 20 dB is noise.
                'g' => options.gain = value.trim().parse().ok().filter(|db| (-20..=20).contains(db)).unwrap_or(0),
                't' => options.tone = Some(value.trim().to_owned()),
                'p' => options.prefix = true,
                'a' => options.folder = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_asterisk_writes_them() {
        let all = Options::parse("usUd(inside)g(6)t(custom/beep)");
        assert!(all.unavailable && all.short && all.urgent && !all.busy && !all.early);
        assert_eq!((all.dial.as_deref(), all.gain, all.tone.as_deref()), (Some("inside"), 6, Some("custom/beep")));
        assert_eq!(Options::parse("d").dial.as_deref(), Some(""));
        assert_eq!(Options::parse("a(1)").folder.as_deref(), Some("1"));
        assert_eq!(Options::parse("g(99)").gain, 0);
        assert_eq!(Options::parse(""), Options::default());
        assert_eq!(Options::parse("g("), Options::default());
    }
}
