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
            let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
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
            let _ = writeln!(out, "   repair: {repair}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
