//! What the loader (and later the prover) has to say about a text, with place and repair.
//! The codes and their help pages are in `load::codes`.

use crate::span::{SourceMap, Span};
use std::fmt::Write as _;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what the owner means; the program runs.
    Warning,
    /// The text cannot be used as it stands.
    Error,
}

impl Severity {
    /// The word shown to the owner.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A safe change of the text: in one line, `from` becomes `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The line; a column that is not 0 means only the `from` that stands there.
    pub span: Span,
    /// What stands there now; the change is made only where it does.
    pub from: String,
    /// What should.
    pub to: String,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable name such as `unknown-application`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where, if it has a place.
    pub span: Option<Span>,
    /// What is wrong, in words the owner knows.
    pub message: String,
    /// What to write instead.
    pub repair: Option<String>,
    /// The same as a change that `tollgate check --fix` makes, where that is safe.
    pub fix: Vec<Edit>,
    /// How a call gets there, line by line, with what the caller does before each.
    pub way: Vec<(Span, String)>,
}

impl Finding {
    /// A finding without repair.
    pub fn new(code: &'static str, severity: Severity, span: Option<Span>, message: impl Into<String>) -> Self {
        Finding { code, severity, span, message: message.into(), repair: None, fix: Vec::new(), way: Vec::new() }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn repair(mut self, repair: impl Into<String>) -> Self {
        self.repair = Some(repair.into());
        self
    }

    /// Several lines of text: place, message, the source line with a caret under it, repair.
    pub fn render(&self, sources: &SourceMap) -> String {
        let mut out = String::new();
        if let Some(span) = self.span {
            let _ = write!(out, "{}: ", sources.place(span));
        }
        let _ = writeln!(out, "{}: {} [{}]", self.severity.word(), self.message, self.code);
        if let Some(span) = self.span
            && let Some(text) = sources.line(span.file, span.line)
        {
            let text: String = without_secrets(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let number = span.line.to_string();
            let length = text.chars().count();
            let col = (span.col.max(1) as usize).min(length + 1);
            let room = (length + 1 - col).max(1);
            let carets = if span.len == 0 { room } else { (span.len as usize).min(room) };
            let _ = writeln!(out, " {number} | {text}");
            let _ =
                writeln!(out, " {} | {}{}", " ".repeat(number.len()), " ".repeat(col - 1), "^".repeat(carets.max(1)));
        }
        if let Some(repair) = &self.repair {
            let _ = writeln!(out, "   repair: {}", without_secrets(repair));
        }
        out
    }
}

/// Words behind which a PIN or password may stand in a line.
const SECRET_WORDS: [&str; 6] = ["authenticate", "disa", "pin", "passw", "secret", "passcode"];

/// A line of a plan as it may be shown and logged: digits behind a word for a PIN become dots, one for each.
fn without_secrets(line: &str) -> String {
    let small = line.to_ascii_lowercase();
    let starts = SECRET_WORDS.iter().filter_map(|word| {
        let mut places = small.match_indices(word).map(|(at, _)| at);
        places.find(|at| !small.get(..*at).is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphabetic())))
    });
    let Some((shown, rest)) = starts.min().and_then(|at| line.split_at_checked(at)) else { return line.to_owned() };
    format!("{shown}{}", rest.replace(|c: char| c.is_ascii_digit(), "\u{2022}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_not_shown() {
        for (line, shown) in [
            (
                "exten => 4,1,Authenticate(246813)",
                "exten => 4,1,Authenticate(\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022})",
            ),
            ("exten => 4,1,DISA,12|a", "exten => 4,1,DISA,\u{2022}\u{2022}|a"),
            ("MY_PIN=12", "MY_PIN=\u{2022}\u{2022}"),
            ("exten => 1,1,Dial(PJSIP/spin12)", "exten => 1,1,Dial(PJSIP/spin12)"),
            ("exten => é1,1,NoOp(İpin 1)", "exten => é1,1,NoOp(İpin \u{2022})"),
        ] {
            assert_eq!(without_secrets(line), shown);
        }
        let mut sources = SourceMap::default();
        let file = sources.add("extensions.conf", "[a]\nexten => 1,1,DISA(1234|b)\n");
        let span = Span { file, line: 2, col: 14, len: 12 };
        let text = Finding::new("x", Severity::Note, Some(span), "m").repair("DISA(1234,b)").render(&sources);
        assert!(!text.contains("1234") && text.contains("   |              ^^^^^^^^^^^^\n"), "{text}");
    }

    #[test]
    fn caret_points_at_the_column() {
        let mut sources = SourceMap::default();
        let file = sources.add("extensions.conf", "[a]\nexten => 1,1,Playbak(x)\n");
        let span = Span { file, line: 2, col: 14, len: 7 };
        let text = Finding::new("unknown-application", Severity::Warning, Some(span), "no application Playbak")
            .repair("Playback")
            .render(&sources);
        assert_eq!(
            text,
            "extensions.conf:2:14: warning: no application Playbak [unknown-application]\n \
             2 | exten => 1,1,Playbak(x)\n   |              ^^^^^^^\n   repair: Playback\n"
        );
    }

    #[test]
    fn a_place_that_does_not_exist_is_harmless() {
        let sources = SourceMap::default();
        let span = Span { line: 9, col: 99, ..Span::default() };
        assert!(Finding::new("x", Severity::Note, Some(span), "m").render(&sources).starts_with("?:9:99: note"));
    }
}
