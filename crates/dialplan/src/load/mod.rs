//! Text to program: reads files, sections, extensions, and tells everything that is odd, with place and repair.
//!
//! `lines` takes comments out and follows includes, `sections` sorts lines into contexts with their templates, `exten`
//! understands one line, `check`, `flow`, `shadow`, `names` and `habits` look at the finished program, `past` at lines of old times, `codes` explains each finding, `guess` finds the dialect of a
//! file, `allow` reads comments that speak to us.

pub mod allow;
mod check;
pub mod codes;
mod exten;
pub mod fix;
mod flow;
pub mod guess;
mod habits;
mod lines;
mod names;
mod nearest;
mod past;
mod sections;
mod shadow;

use crate::dialect::{Choice, Compat, Dialect, Rules};
use crate::finding::{Edit, Finding, Severity};
use crate::limits;
use crate::program::{Builder, Program};
use crate::span::{SourceMap, Span};
use std::collections::HashMap;

/// How the loader gets at included files; the shell reads them.
pub trait Files {
    /// All files that an `#include` means, which may be a pattern: names and texts. `Err`: why there are none.
    fn read(&self, include_glob: &str) -> Result<Vec<(String, String)>, String>;
}

/// No included files at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, include_glob: &str) -> Result<Vec<(String, String)>, String> {
        Err(format!("{include_glob} cannot be read here"))
    }
}

/// One file, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As findings name it.
    pub name: String,
    /// All of it.
    pub text: String,
    /// Its dialect.
    pub choice: Choice,
    /// Unsafe habits on top.
    pub compat: Compat,
}

/// What came out of the text.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The program; whatever could not be understood is not in it.
    pub program: Program,
    /// Everything that is odd, in the order of the text.
    pub findings: Vec<Finding>,
    /// What is odd and accepted by the text itself, with the reason.
    pub accepted: Vec<(Finding, String)>,
    /// What the text accepts; findings that are made later are asked too.
    pub allows: allow::Allows,
    /// The files, to show findings with.
    pub sources: SourceMap,
}

impl Loaded {
    /// Whether a finding says that the text cannot be used as it stands.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }
}

/// Findings up to their bound.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    /// The nearest known name of each unknown one: a plan repeats its mistakes.
    near: HashMap<String, Option<&'static str>>,
    /// Variables that are read, with the first place of each.
    pub(super) reads: HashMap<String, Span>,
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        if self.list.len() < limits::FINDINGS {
            self.list.push(finding);
        } else if let Some(last) = self.list.last_mut()
            && last.code != codes::TOO_MANY
        {
            *last =
                Finding::new(codes::TOO_MANY, Severity::Error, finding.span, "there are more findings than are kept");
        }
    }

    /// Whether more would not be kept: looking for repairs is not worth its time any more.
    fn is_full(&self) -> bool {
        self.list.len() >= limits::FINDINGS
    }

    pub(crate) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Self {
        self.push(Finding::new(code, Severity::Error, Some(span), message));
        self
    }

    pub(crate) fn warn(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Self {
        self.push(Finding::new(code, Severity::Warning, Some(span), message));
        self
    }

    pub(crate) fn note(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Self {
        self.push(Finding::new(code, Severity::Note, Some(span), message));
        self
    }

    /// The owner asked for an unsafe habit; told once.
    pub(crate) fn compat(&mut self, flag: &str, span: Span) {
        let (code, message) = match flag {
            "fall-through" => (codes::COMPAT_FALL, "a call may fall into another extension that has the next priority"),
            "late-arguments" => (codes::COMPAT_LATE, "data that holds separators writes arguments of its own"),
            _ => (codes::COMPAT_TEXTUAL, "data becomes operators and functions of expressions"),
        };
        if !self.list.iter().any(|f| f.code == code) {
            self.warn(code, span, format!("compat {flag}: {message}"));
        }
    }

    /// The known name that was probably meant, looked up once for each unknown one.
    fn nearest(&mut self, name: &str, look: impl FnOnce(&str) -> Option<&'static str>) -> Option<&'static str> {
        if let Some(known) = self.near.get(name) {
            return *known;
        }
        let found = look(name);
        if self.near.len() < limits::FINDINGS {
            self.near.insert(name.to_owned(), found);
        }
        found
    }

    /// Adds a change to the finding that was just pushed: in its line, `from` becomes `to`. `at`: only at its column.
    pub(crate) fn fix(&mut self, at: bool, from: impl Into<String>, to: impl Into<String>) -> &mut Self {
        if let Some(last) = self.list.last_mut()
            && let Some(span) = last.span
            && last.code != codes::TOO_MANY
        {
            let span = if at { span } else { Span { col: 0, len: 0, ..span } };
            last.fix.push(Edit { span, from: from.into(), to: to.into() });
        }
        self
    }

    /// Adds a change at another place to the last finding of this kind.
    pub(crate) fn also_fix(&mut self, code: &str, span: Span, from: impl Into<String>, to: impl Into<String>) {
        if let Some(last) = self.list.iter_mut().rev().take(64).find(|f| f.code == code) {
            last.fix.push(Edit { span, from: from.into(), to: to.into() });
        }
    }

    /// The same at another place.
    pub(crate) fn fix_at(&mut self, span: Span, from: impl Into<String>, to: impl Into<String>) -> &mut Self {
        if let Some(last) = self.list.last_mut()
            && last.code != codes::TOO_MANY
        {
            last.fix.push(Edit { span, from: from.into(), to: to.into() });
        }
        self
    }

    /// Adds a repair to the finding that was just pushed.
    pub(crate) fn repair(&mut self, repair: impl Into<String>) {
        if let Some(last) = self.list.last_mut()
            && last.repair.is_none()
            && last.code != codes::TOO_MANY
        {
            last.repair = Some(repair.into());
        }
    }
}

/// Loads a plan without any compat flag.
pub fn load(files: &[(String, String)], dialect: Dialect, includes: &dyn Files) -> Loaded {
    load_with(files, dialect, Compat::default(), includes)
}

/// Loads a plan of one dialect. Several files are read one after the other, as if each began with a context of its own.
pub fn load_with(files: &[(String, String)], dialect: Dialect, compat: Compat, includes: &dyn Files) -> Loaded {
    let source = |(name, text): &(String, String)| Source {
        name: name.clone(),
        text: text.clone(),
        choice: Choice::Is(dialect),
        compat,
    };
    load_each(&files.iter().map(source).collect::<Vec<_>>(), includes)
}

/// Loads a plan whose files may be of different dialects.
pub fn load_each(files: &[Source], includes: &dyn Files) -> Loaded {
    let mut findings = Findings::default();
    let mut sources = SourceMap::default();
    let read = lines::read(files, includes, &mut sources, &mut findings);
    let mut builder = Builder::new(read.rules.first().copied().unwrap_or_default());
    read.rules.iter().for_each(|rules: &Rules| builder.follows(*rules));
    builder.program.execs = read.execs;
    let mut allows = read.allows;
    let sections = sections::sort(read.lines, &mut findings);
    exten::build(sections, &mut builder, &mut findings);
    let program = builder.finish();
    check::check(&program, &mut findings);
    flow::check(&program, &mut findings);
    shadow::check(&program, &mut findings);
    names::check(&program, &mut findings);
    habits::check(&program, &mut findings);
    let mut findings = findings.list;
    findings.sort_by_key(|f| (f.span.map(|s| (s.file, s.line, s.col)), f.code));
    let accepted = allows.take(&mut findings);
    Loaded { program, findings, accepted, allows, sources }
}

/// Bytes of a file as text: UTF-8, or else Latin-1, which the second value tells.
pub fn decode(bytes: &[u8]) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (bytes.iter().map(|b| char::from(*b)).collect(), true),
    }
}
