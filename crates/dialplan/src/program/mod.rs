//! A loaded plan: contexts, extensions, lines. Nothing in it changes after loading, so all calls share one.
//!
//! `search` finds lines by the rules S1-S6, `print` writes it back as text, `build` is used by the loader.

mod build;
mod print;
mod search;
mod uses;

use crate::control::Call;
pub use crate::dialect::{Compat, Dialect, Rules};
use crate::pattern::{Caller, Pattern};
use crate::span::Span;
use crate::text::Template;
use crate::time::Times;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

pub(crate) use build::Builder;
pub use search::Found;
pub use uses::SoundUse;

/// A place in the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The context the call is in (not the included one where a line was found).
    pub context: Arc<str>,
    /// What was dialled or jumped to, not the pattern.
    pub exten: Arc<str>,
    /// The priority, from 1.
    pub priority: u32,
}

impl Place {
    /// A place.
    pub fn new(context: &str, exten: &str, priority: u32) -> Place {
        Place { context: context.into(), exten: exten.into(), priority }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{},{}", self.context, self.exten, self.priority)
    }
}

/// A whole plan.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Those of the first file.
    pub(crate) rules: Rules,
    /// All compat flags of all files.
    pub(crate) compat: Compat,
    /// Whether names of variables ignore case, because a file of an old dialect is among them.
    pub(crate) folds: bool,
    /// Whether a file of 1.0 or 1.2 is among them.
    pub(crate) legacy: bool,
    pub(crate) general: BTreeMap<String, String>,
    pub(crate) globals: BTreeMap<String, String>,
    /// `[globals]` as written, in order, for printing.
    pub(crate) globals_text: Vec<(String, String)>,
    pub(crate) execs: Vec<String>,
    pub(crate) contexts: Vec<Context>,
    pub(crate) by_name: HashMap<Arc<str>, u32>,
    /// Whether any extension has a caller-ID part.
    pub(crate) callers: bool,
    hash: OnceLock<[u8; 32]>,
}

/// One context, all its sections together.
#[derive(Debug, Clone)]
pub struct Context {
    /// Its name; case matters.
    pub name: Arc<str>,
    /// Where it was opened first.
    pub span: Span,
    /// By which rules its extensions are matched: those of the file that opened it first.
    pub rules: Rules,
    /// Its extensions in file order.
    pub extens: Vec<Exten>,
    /// Included contexts in file order.
    pub includes: Vec<Include>,
    /// `ignorepat` texts: dial tone goes on after these digits.
    pub ignorepats: Vec<String>,
    /// `switch` lines: extensions looked up elsewhere, which the prover takes for anything.
    pub switches: Vec<Switch>,
    /// `hint` lines.
    pub hints: Vec<Hint>,
    pub(crate) number: u32,
    pub(crate) index: search::Index,
}

/// An extension with all its lines.
#[derive(Debug, Clone)]
pub struct Exten {
    /// As it was first written, without spaces: `s`, `204`, `_2XX`.
    pub name: Arc<str>,
    /// What it matches.
    pub pattern: Pattern,
    /// The caller-ID part after `/`, if there is one.
    pub caller: Option<Caller>,
    /// Where it was written first.
    pub span: Span,
    /// Its lines by priority.
    pub lines: BTreeMap<u32, Line>,
    pub(crate) number: u32,
}

impl Exten {
    /// The name with its caller-ID part, as `exten =>` takes it.
    pub fn title(&self) -> String {
        match &self.caller {
            Some(caller) => format!("{}/{}", self.name, caller.text()),
            None => self.name.to_string(),
        }
    }

    /// The priority with this label.
    pub fn label(&self, label: &str) -> Option<u32> {
        self.lines.iter().find(|(_, line)| line.label.as_deref() == Some(label)).map(|(priority, _)| *priority)
    }
}

/// One line: label, application, arguments.
#[derive(Debug, Clone)]
pub struct Line {
    /// The label in brackets after the priority.
    pub label: Option<Arc<str>>,
    /// The application's name as it is written.
    pub app: Box<str>,
    /// The text between the application's brackets as it is written.
    pub data: Box<str>,
    /// The same, parsed.
    pub call: Call<Template>,
    /// Where it stands: the application with its arguments.
    pub span: Span,
    /// By which rules it runs: those of its file.
    pub rules: Rules,
}

/// `include => context,times`.
#[derive(Debug, Clone)]
pub struct Include {
    /// The included context.
    pub context: Arc<str>,
    /// Only at these times.
    pub times: Option<Times>,
    /// Where it stands.
    pub span: Span,
}

/// `switch => Technology/arguments`.
#[derive(Debug, Clone)]
pub struct Switch {
    /// `switch`, `lswitch` or `eswitch`.
    pub kind: &'static str,
    /// What follows.
    pub target: String,
    /// Where it stands.
    pub span: Span,
}

/// `exten => 204,hint,PJSIP/204`.
#[derive(Debug, Clone)]
pub struct Hint {
    /// The extension.
    pub exten: Arc<str>,
    /// The devices.
    pub devices: String,
    /// Where it stands.
    pub span: Span,
}

impl Program {
    /// The rules of the first file; each context and each line has its own.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// The dialect of the first file.
    pub fn dialect(&self) -> Dialect {
        self.rules.dialect
    }

    /// All unsafe habits of all files together.
    pub fn compat(&self) -> Compat {
        self.compat
    }

    /// Whether names of variables ignore case: they do for all if one file is of an old dialect (S8).
    pub fn folds_case(&self) -> bool {
        self.folds
    }

    /// Whether a file of 1.0 or 1.2 is among those it was made of.
    pub fn has_legacy(&self) -> bool {
        self.legacy
    }

    /// A variable's name as it is kept.
    pub(crate) fn variable_key<'a>(&self, name: &'a str) -> std::borrow::Cow<'a, str> {
        crate::vars::key(name, self.folds)
    }

    /// Whether every context follows the `safe` dialect.
    pub fn is_safe(&self) -> bool {
        self.contexts.iter().all(|c| c.rules.dialect == Dialect::Safe)
    }

    /// Whether in some context each priority is looked for anew in all matching extensions (S3).
    pub fn falls_through(&self) -> bool {
        self.contexts.iter().any(|c| c.rules.falls_through())
    }

    /// The rules of a context; those of the first file if there is no such context.
    pub fn rules_of(&self, context: &str) -> Rules {
        self.context(context).map_or(self.rules, |c| c.rules)
    }

    /// `[general]`, names in lower case.
    pub fn general(&self) -> &BTreeMap<String, String> {
        &self.general
    }

    /// `[globals]` with their values worked out.
    pub fn globals(&self) -> &BTreeMap<String, String> {
        &self.globals
    }

    /// `#exec` lines, never run.
    pub fn execs(&self) -> &[String] {
        &self.execs
    }

    /// Whether a call that runs out of priorities in a context is hung up (`autofallthrough`, S11); else it waits for an
    /// extension.
    pub fn autofallthrough(&self, context: &str) -> bool {
        let dialect = self.rules_of(context).dialect;
        match self.general.get("autofallthrough") {
            Some(_) if dialect == Dialect::V1_0 => false,
            Some(value) => is_yes(value),
            None => dialect.falls_out(),
        }
    }

    /// Whether applications that fail go on at their priority + 101 without being asked to (S15).
    pub fn jumps_101(&self, dialect: Dialect) -> bool {
        let setting = self.general.get("priorityjumping").map(|v| is_yes(v));
        match dialect {
            Dialect::V1_0 => true,
            Dialect::V1_2 => setting.unwrap_or(true),
            Dialect::V1_4 => setting.unwrap_or(false),
            Dialect::V22 | Dialect::Safe => false,
        }
    }

    /// All contexts in file order.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// The context of that name.
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.get(*self.by_name.get(name)? as usize)
    }

    /// SHA-256 of rules and printed text: the same for the same plan, whatever file it came from.
    pub fn hash(&self) -> [u8; 32] {
        *self.hash.get_or_init(|| {
            use sha2::{Digest, Sha256};
            let mut digest = Sha256::new();
            digest.update(format!("{}\n{self}", self.rules));
            digest.finalize().into()
        })
    }
}

impl PartialEq for Program {
    /// The same plan: everything but the places in files.
    fn eq(&self, other: &Self) -> bool {
        self.hash() == other.hash()
    }
}

impl Eq for Program {}

/// `yes`, `true`, `y`, `t`, `1`, `on`, as Asterisk takes them.
pub(crate) fn is_yes(value: &str) -> bool {
    ["yes", "true", "y", "t", "1", "on"].iter().any(|w| w.eq_ignore_ascii_case(value.trim()))
}
