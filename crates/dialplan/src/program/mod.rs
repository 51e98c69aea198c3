//! A loaded plan: contexts, extensions, lines. Nothing in it changes after loading, so all calls share one.
//!
//! `search` finds lines by the rules S1-S6, `print` writes it back as text, `build` is used by the loader.

mod build;
mod print;
mod search;
mod uses;

use crate::control::Call;
use crate::pattern::{Caller, Pattern};
use crate::span::Span;
use crate::text::Template;
use crate::time::Times;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

pub(crate) use build::Builder;
pub use search::Found;
pub use uses::SoundUse;

/// Whose rules a text follows: syntax, matching, order and defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// `V22` without its traps: what is dialled is cleaned first, a call stays in the extension it matched.
    #[default]
    Safe,
    /// Asterisk 1.6 to 22.
    V22,
    /// Asterisk 1.4. Not supported yet: loading is an error.
    V1_4,
    /// Asterisk 1.2. Not supported yet: loading is an error.
    V1_2,
    /// Asterisk 1.0. Not supported yet: loading is an error.
    V1_0,
}

impl Dialect {
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

    /// Which dialect a text was probably written for, and why: what `auto` in the configuration means.
    pub fn guess(text: &str) -> (Dialect, &'static str) {
        for line in text.lines() {
            let Some((_, value)) = line.split_once('=') else { continue };
            let Some((_, rest)) = value.split_once(',') else { continue };
            let Some((_, app)) = rest.split_once(',') else { continue };
            let name = app.split(['(', ',', '|']).next().unwrap_or_default().trim();
            if crate::apps::lookup(name).is_none() && crate::load::gone(name).is_none() {
                continue;
            }
            if app.trim_start().get(name.len()..).is_some_and(|rest| rest.trim_start().starts_with([',', '|'])) {
                return (Dialect::V1_2, "arguments stand without brackets");
            }
            if app.contains('|') && !app.contains("$[") && !app.contains("||") {
                return (Dialect::V1_2, "| stands between arguments");
            }
        }
        (Dialect::Safe, "nothing in it needs an older dialect")
    }

    /// The dialect of that name.
    pub fn from_name(name: &str) -> Option<Dialect> {
        [Dialect::Safe, Dialect::V22, Dialect::V1_4, Dialect::V1_2, Dialect::V1_0]
            .into_iter()
            .find(|d| d.name() == name)
    }
}

/// Unsafe habits of Asterisk that the owner asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Compat {
    /// `fall-through`: each priority is looked for anew in all matching extensions (S3). Always so in dialect 22.
    pub fall_through: bool,
    /// `late-arguments`: arguments are split after values were put in (S9).
    pub late_arguments: bool,
    /// `textual-expressions`: values are put into expressions as text (S10).
    pub textual_expressions: bool,
}

impl Compat {
    /// The flags that are set, by their names in the configuration.
    pub fn names(self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for (set, name) in [
            (self.fall_through, "fall-through"),
            (self.late_arguments, "late-arguments"),
            (self.textual_expressions, "textual-expressions"),
        ] {
            if set {
                names.push(name);
            }
        }
        names
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
}

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
    pub(crate) dialect: Dialect,
    pub(crate) compat: Compat,
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
    /// Whose rules it follows.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The unsafe habits it was loaded with.
    pub fn compat(&self) -> Compat {
        self.compat
    }

    /// Whether each priority is looked for anew in all matching extensions (S3).
    pub fn falls_through(&self) -> bool {
        self.compat.fall_through || self.dialect != Dialect::Safe
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

    /// Whether a call that runs out of priorities is hung up (`autofallthrough`, S11); else it waits for an extension.
    pub fn autofallthrough(&self) -> bool {
        self.general.get("autofallthrough").is_none_or(|v| is_yes(v))
    }

    /// All contexts in file order.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// The context of that name.
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.get(*self.by_name.get(name)? as usize)
    }

    /// SHA-256 of dialect, compat flags and printed text: the same for the same plan, whatever file it came from.
    pub fn hash(&self) -> [u8; 32] {
        *self.hash.get_or_init(|| {
            use sha2::{Digest, Sha256};
            let mut digest = Sha256::new();
            digest.update(format!("{}\n{}\n{self}", self.dialect.name(), self.compat.names().join(",")));
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
