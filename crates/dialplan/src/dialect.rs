//! Whose rules a text follows. Every difference between the versions of Asterisk that parser, machine and proof must agree
//! on is one function here; who needs to know asks, and nobody compares versions by himself.
//!
//! Rules belong to lines and contexts, not to a whole program: each file may be of another time ([`Rules`]).

use crate::text::Split;
use std::borrow::Cow;
use std::fmt;

/// Whose rules a text follows: syntax, matching, order and defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// `V22` without its traps: what is dialled is cleaned first, a call stays in the extension it matched.
    #[default]
    Safe,
    /// Asterisk 1.6 to 22.
    V22,
    /// Asterisk 1.4.
    V1_4,
    /// Asterisk 1.2.
    V1_2,
    /// Asterisk 1.0.
    V1_0,
}

impl Dialect {
    /// All of them, oldest first.
    pub const ALL: [Dialect; 5] = [Dialect::V1_0, Dialect::V1_2, Dialect::V1_4, Dialect::V22, Dialect::Safe];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Safe => "safe",
            Dialect::V22 => "22",
            Dialect::V1_4 => "1.4",
            Dialect::V1_2 => "1.2",
            Dialect::V1_0 => "1.0",
        }
    }

    /// The dialect of that name.
    pub fn from_name(name: &str) -> Option<Dialect> {
        Dialect::ALL.into_iter().find(|d| d.name() == name)
    }

    /// 1.0 and 1.2.
    pub fn is_legacy(self) -> bool {
        matches!(self, Dialect::V1_0 | Dialect::V1_2)
    }

    /// 1.0, 1.2 and 1.4: `|` separates arguments, names of variables ignore case.
    pub fn is_old(self) -> bool {
        self.is_legacy() || self == Dialect::V1_4
    }

    /// What separates arguments once a line is loaded (S9).
    pub fn separator(self) -> u8 {
        if self.is_old() { b'|' } else { b',' }
    }

    /// What protects a separator between arguments, and vanishes (S9).
    pub fn split(self) -> Split {
        match self {
            Dialect::V1_0 | Dialect::V1_2 => Split::Parens,
            Dialect::V1_4 => Split::Quoted,
            Dialect::V22 | Dialect::Safe => Split::Clean,
        }
    }

    /// The same where quotes and backslashes stay.
    pub fn raw_split(self) -> Split {
        if self.is_old() { Split::Parens } else { Split::Raw }
    }

    /// `App,args` without brackets is an application with arguments.
    pub fn has_bare_arguments(self) -> bool {
        self.is_old()
    }

    /// `n`, `s`, `n+2` and labels.
    pub fn has_next(self) -> bool {
        self != Dialect::V1_0
    }

    /// `same =>` (since 1.6.2).
    pub fn has_same(self) -> bool {
        !self.is_old()
    }

    /// `;-- … --;`.
    pub fn has_block_comments(self) -> bool {
        self != Dialect::V1_0
    }

    /// `n` goes on counting over the border of a context.
    pub fn counts_over_contexts(self) -> bool {
        self == Dialect::V1_2
    }

    /// A comma inside `[ ]` belongs to the extension, and spaces stay there.
    pub fn has_open_sets(self) -> bool {
        !self.is_old()
    }

    /// `!` at the end of a pattern; in 1.0 it is the character itself.
    pub fn has_early(self) -> bool {
        self != Dialect::V1_0
    }

    /// Extensions that are no patterns are compared to the last dash, and half of one ignores case (S1).
    pub fn compares_literals_exactly(self) -> bool {
        self.is_old()
    }

    /// Patterns are tried in the order of their text (S4).
    pub fn orders_by_text(self) -> bool {
        self.is_legacy()
    }

    /// What begins with `_` is compared with the text of patterns (S2).
    pub fn compares_pattern_text(self) -> bool {
        self != Dialect::Safe
    }

    /// Patterns stand for `h`, `i`, `t` and their like too.
    pub fn patterns_are_special(self) -> bool {
        self != Dialect::Safe
    }

    /// An empty part of a label keeps the current one, which lets an empty value slip past a check.
    pub fn keeps_empty_parts(self) -> bool {
        self != Dialect::Safe
    }

    /// `Goto(BYEXTENSION|2)` means the current extension.
    pub fn has_by_extension(self) -> bool {
        self.is_legacy()
    }

    /// `e` where there is no `i`, `t` or `T` (S6).
    pub fn has_error_extension(self) -> bool {
        !self.is_old()
    }

    /// A place that does not exist begins at `s` instead, or in context `default` (S6).
    pub fn starts_elsewhere(self) -> bool {
        self.is_legacy()
    }

    /// `WaitExten` without seconds waits for the response timeout.
    pub fn waits_without_seconds(self) -> bool {
        self != Dialect::V1_0
    }

    /// `autofallthrough` where `[general]` says nothing (S11); 1.0 does not know it.
    pub fn falls_out(self) -> bool {
        !self.is_legacy()
    }

    /// Names of variables ignore case (S8).
    pub fn folds_case(self) -> bool {
        self.is_old()
    }

    /// `${CALLERIDNUM}` and its kin.
    pub fn has_old_variables(self) -> bool {
        self.is_old()
    }

    /// `DigitTimeout`, `SetVar`, `SetCIDNum` and their like are applications.
    pub fn has_old_applications(self) -> bool {
        self.is_old()
    }

    /// A `$` alone stops substitution for the rest of the line (S8).
    pub fn stops_at_dollar(self) -> bool {
        self.is_legacy()
    }

    /// `${A:2:-1}`: a negative length leaves out the end; else it means no limit (S8).
    pub fn cuts_from_end(self) -> bool {
        !self.is_legacy()
    }

    /// What a function that nobody knows gives (S8).
    pub fn unknown_function(self) -> &'static str {
        if self.is_legacy() { "0" } else { "" }
    }

    /// `Set(A=1|B=2)` sets both, a last `g` makes them global (S12).
    pub fn sets_several(self) -> bool {
        self.is_old()
    }

    /// `_NAME` and `__NAME` are inherited (S12).
    pub fn inherits(self) -> bool {
        self != Dialect::V1_0
    }

    /// Expressions compute with whole numbers; a syntax error leaves what was complete before it, or 0 (S10).
    pub fn computes_whole_numbers(self) -> bool {
        self.is_old()
    }

    /// What an expression without any value is (S10).
    pub fn no_expression(self) -> &'static str {
        if self.is_old() { "0" } else { "" }
    }

    /// Time conditions are looked at in steps of two minutes and know no time zone.
    pub fn has_two_minute_slots(self) -> bool {
        self.is_old()
    }

    /// Whether a Goto, a condition or IF takes the text for true (S10).
    pub fn truth(self, text: &str) -> bool {
        if !self.is_old() {
            return crate::truth(text);
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit);
        let number = digits.clone().count() > 0;
        !text.is_empty() && (!number || digits.into_iter().any(|b| b != b'0'))
    }

    /// Dialled data as it is compared with patterns (S1): dashes go, in old dialects all but one at the end.
    pub fn normalise(self, dialled: &str) -> Cow<'_, str> {
        if !dialled.contains('-') {
            return dialled.into();
        }
        let mut plain = dialled.replace('-', "");
        if self.is_legacy() && dialled.ends_with('-') {
            plain.push('-');
        }
        plain.into()
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Unsafe habits of Asterisk that the owner asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Compat {
    /// `fall-through`: each priority is looked for anew in all matching extensions (S3). Always so but in `safe`.
    pub fall_through: bool,
    /// `late-arguments`: arguments are split after values were put in (S9).
    pub late_arguments: bool,
    /// `textual-expressions`: values are put into expressions as text (S10).
    pub textual_expressions: bool,
}

impl Compat {
    /// All names that [`Compat::enable`] knows.
    pub const NAMES: [&'static str; 3] = ["fall-through", "late-arguments", "textual-expressions"];

    /// The flags that are set, by their names in the configuration.
    pub fn names(self) -> Vec<&'static str> {
        let set = [self.fall_through, self.late_arguments, self.textual_expressions];
        Compat::NAMES.into_iter().zip(set).filter_map(|(name, set)| set.then_some(name)).collect()
    }

    /// Sets the flag of that name; `false` if there is none.
    pub fn enable(&mut self, name: &str) -> bool {
        match name {
            "fall-through" => self.fall_through = true,
            "late-arguments" => self.late_arguments = true,
            "textual-expressions" => self.textual_expressions = true,
            _ => return false,
        }
        true
    }

    /// What is set in one of them.
    #[must_use]
    pub fn or(self, other: Compat) -> Compat {
        Compat {
            fall_through: self.fall_through || other.fall_through,
            late_arguments: self.late_arguments || other.late_arguments,
            textual_expressions: self.textual_expressions || other.textual_expressions,
        }
    }
}

/// The rules of one line or context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rules {
    /// Whose rules.
    pub dialect: Dialect,
    /// Unsafe habits on top.
    pub compat: Compat,
}

impl Rules {
    /// Whether each priority is looked for anew in all matching extensions (S3).
    pub fn falls_through(self) -> bool {
        self.compat.fall_through || self.dialect != Dialect::Safe
    }

    /// The rules as `; tollgate: dialect …` takes them.
    pub fn parse(text: &str) -> Option<Rules> {
        let mut words = text.split_whitespace();
        let mut rules = Rules { dialect: Dialect::from_name(words.next()?)?, compat: Compat::default() };
        words.all(|word| rules.compat.enable(word)).then_some(rules)
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dialect.name())?;
        self.compat.names().iter().try_for_each(|name| write!(f, " {name}"))
    }
}

/// How the dialect of a file is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This one.
    Is(Dialect),
    /// Decided by what the file holds; this one where nothing in it tells.
    Auto(Dialect),
}

/// What an application of 1.0 and 1.2 did about the priority n+101 (S15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OldJump {
    /// It went there only by its option `j`.
    Asked,
    /// It went there by itself where the plan's `priorityjumping` says so.
    Always,
}

/// Whether an application went on at n+101 once, by its name in the table of applications.
pub fn jumps_101(app: &str) -> Option<OldJump> {
    Some(match app {
        "Authenticate" => OldJump::Asked,
        // Whoever is called, sent away or joined was not to be had.
        "Dial" | "RetryDial" | "Transfer" | "ChanIsAvail" | "Queue" | "ZapBarge" => OldJump::Always,
        // A sound, a mailbox or an entry is not there; of MailboxExists and LookupBlacklist, it is.
        "Playback" | "ControlPlayback" | "VoiceMail" | "MailboxExists" | "LookupBlacklist" | "DBget" => OldJump::Always,
        "PrivacyManager" | "System" | "TrySystem" => OldJump::Always,
        "SendText" | "SendImage" | "SendURL" => OldJump::Always,
        "AddQueueMember" | "RemoveQueueMember" | "PauseQueueMember" | "UnpauseQueueMember" => OldJump::Always,
        "MinivmRecord" => OldJump::Always,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_print_and_parse() {
        let rules = Rules::parse("1.2 late-arguments fall-through").unwrap();
        assert_eq!(rules.dialect, Dialect::V1_2);
        assert_eq!(Rules::parse(&rules.to_string()), Some(rules));
        assert_eq!((Rules::parse("1.3"), Rules::parse("22 nonsense"), Rules::parse("")), (None, None, None));
    }

    #[test]
    fn truth_differs_by_dialect() {
        for (text, old, new) in
            [("", false, false), ("0", false, false), ("-0", true, false), (" 0", true, false), ("7", true, true)]
        {
            assert_eq!((Dialect::V1_2.truth(text), Dialect::V22.truth(text)), (old, new), "{text:?}");
        }
    }

    #[test]
    fn dashes_go_but_for_the_last() {
        assert_eq!(Dialect::V1_2.normalise("66-7-8"), "6678");
        assert_eq!(Dialect::V1_2.normalise("6678-"), "6678-");
        assert_eq!(Dialect::V22.normalise("6678-"), "6678");
    }
}
