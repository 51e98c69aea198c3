//! The table of applications: name, synopsis, arguments, options and declared effects.
//!
//! It is the trusted base of the proof: `audit` believes it, and `pbx` refuses what an application does without having
//! declared it. One line per application; behaviour lives in `pbx/apps` and, for the steering ones, in `control`.

mod answer;
mod article;
mod foreign;
mod grants;
pub mod instead;
mod rest;
mod second;
mod steer;
mod voicemail;

use std::collections::HashMap;
use std::sync::LazyLock;

/// Technologies by which `ParkAndAnnounce` tells a destination from a sound of the announcement.
const TECHNOLOGIES: [&str; 8] = ["LOCAL", "SIP", "PJSIP", "DAHDI", "ZAP", "IAX2", "CONSOLE", "IAX"];

/// Whether `ParkAndAnnounce` calls this text: the exchange and the proof ask the same.
pub fn is_destination(text: &str) -> bool {
    let technology = text.split_once('/').map(|(technology, _)| technology.trim());
    technology.is_some_and(|name| TECHNOLOGIES.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Something that an application may do to the call or to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Answers the call.
    Answers,
    /// Plays sound to the caller.
    Plays,
    /// Waits for time to pass.
    Waits,
    /// Listens to the caller's keys.
    Reads,
    /// Leaves the extension when a key is pressed: collection of an extension follows.
    Collects,
    /// Writes these channel variables.
    Writes(&'static [&'static str]),
    /// Writes variables or functions that the arguments name.
    Assigns,
    /// Goes on at another place of the plan, by its arguments.
    Jumps,
    /// Goes on at a place that somebody outside the plan chooses (a party of the call, a program).
    JumpsByOthers,
    /// Starts outgoing legs.
    Dials,
    /// Joins the call with another one that exists.
    Joins,
    /// Lets a party transfer the call.
    Transfers,
    /// Records sound into a file.
    Records,
    /// Leaves or hears messages of a mailbox.
    Mailbox,
    /// Runs a program of the system or asks a script.
    RunsProgram,
    /// Talks to another machine, not by a call.
    Network,
    /// Reads the plan's database.
    ReadsDatabase,
    /// Writes the plan's database.
    WritesDatabase,
    /// Reads files.
    ReadsFiles,
    /// Writes files other than recordings.
    WritesFiles,
    /// Sends a text message.
    Messages,
    /// Lets only those through who know a secret.
    Gate,
    /// Listens to another call.
    Spies,
    /// Changes what the caller hears of the call's state: ringing, progress, busy, congestion.
    Signals,
    /// Ends the call.
    HangsUp,
    /// Writes to the log only.
    Logs,
    /// Nobody knows.
    Anything,
}

/// What an argument means; it tells checks and completion how to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgKind {
    /// Any text.
    Text,
    /// Seconds, possibly with a fraction.
    Seconds,
    /// A whole number.
    Number,
    /// Sound names joined by `&`, without ending.
    Sounds,
    /// `[[context,]extension,]priority`.
    Label,
    /// A context.
    Context,
    /// The name of a variable that is written.
    Variable,
    /// Option letters.
    Options,
    /// Destinations joined by `&`: `Technology/resource`.
    Destinations,
    /// `box@context`.
    Mailbox,
    /// A file name with or without ending.
    File,
    /// Digits.
    Digits,
}

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgSpec {
    /// Its name in the synopsis.
    pub name: &'static str,
    /// What it means.
    pub kind: ArgKind,
    /// Whether it must be there.
    pub required: bool,
}

/// One option letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptSpec {
    /// The letter.
    pub letter: char,
    /// Whether it takes `(…)`.
    pub argument: bool,
    /// What it adds to the application's effects.
    pub effects: &'static [Effect],
    /// One line.
    pub help: &'static str,
    /// Whether tollgate carries it out; otherwise it is a finding.
    pub runs: bool,
}

/// One application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppSpec {
    /// Its name; plans may write it in any case.
    pub name: &'static str,
    /// One line.
    pub synopsis: &'static str,
    /// Its arguments; the last one takes what is left.
    pub args: &'static [ArgSpec],
    /// Its options.
    pub options: &'static [OptSpec],
    /// What it may do without any option.
    pub effects: &'static [Effect],
    /// Some lines more.
    pub help: &'static str,
    /// Whether tollgate runs it. One that does not run loads with a finding and ends the call that gets there.
    pub runs: bool,
    /// Whether the machine itself carries it out ([`crate::control`]).
    pub steers: bool,
}

impl AppSpec {
    const fn new(name: &'static str, synopsis: &'static str) -> AppSpec {
        AppSpec { name, synopsis, args: &[], options: &[], effects: &[], help: "", runs: true, steers: false }
    }

    const fn args(mut self, args: &'static [ArgSpec]) -> AppSpec {
        self.args = args;
        self
    }

    const fn options(mut self, options: &'static [OptSpec]) -> AppSpec {
        self.options = options;
        self
    }

    const fn effects(mut self, effects: &'static [Effect]) -> AppSpec {
        self.effects = effects;
        self
    }

    const fn help(mut self, help: &'static str) -> AppSpec {
        self.help = help;
        self
    }

    const fn steers(mut self) -> AppSpec {
        self.steers = true;
        self
    }

    const fn only_known(mut self) -> AppSpec {
        self.runs = false;
        self
    }

    /// The option with this letter.
    pub fn option(&self, letter: char) -> Option<&'static OptSpec> {
        self.options.iter().find(|o| o.letter == letter)
    }

    /// Where the argument of this kind stands.
    pub fn position(&self, kind: ArgKind) -> Option<usize> {
        self.args.iter().position(|a| a.kind == kind)
    }
}

const fn need(name: &'static str, kind: ArgKind) -> ArgSpec {
    ArgSpec { name, kind, required: true }
}

const fn may(name: &'static str, kind: ArgKind) -> ArgSpec {
    ArgSpec { name, kind, required: false }
}

const fn opt(letter: char, help: &'static str) -> OptSpec {
    OptSpec { letter, argument: false, effects: &[], help, runs: true }
}

const fn opt_arg(letter: char, help: &'static str) -> OptSpec {
    OptSpec { letter, argument: true, effects: &[], help, runs: true }
}

const fn opt_does(letter: char, effects: &'static [Effect], help: &'static str) -> OptSpec {
    OptSpec { letter, argument: false, effects, help, runs: true }
}

const fn opt_known(letter: char, argument: bool, effects: &'static [Effect], help: &'static str) -> OptSpec {
    OptSpec { letter, argument, effects, help, runs: false }
}

/// Stands for every application that is not in the table.
pub static UNKNOWN: AppSpec = AppSpec {
    name: "",
    synopsis: "an application that nobody knows",
    args: &[],
    options: &[],
    effects: &[Effect::Anything],
    help: "",
    runs: false,
    steers: false,
};

/// All applications, by name.
pub static TABLE: LazyLock<Vec<AppSpec>> = LazyLock::new(|| {
    let mut all: Vec<AppSpec> = [
        answer::TABLE,
        article::TABLE,
        grants::TABLE,
        second::TABLE,
        steer::TABLE,
        voicemail::TABLE,
        foreign::TABLE,
        rest::TABLE,
    ]
    .concat();
    all.sort_by_key(|spec| spec.name.to_ascii_lowercase());
    all
});

static INDEX: LazyLock<HashMap<String, &'static AppSpec>> =
    LazyLock::new(|| TABLE.iter().map(|spec| (spec.name.to_ascii_lowercase(), spec)).collect());

/// A line's arguments as they may be shown: a PIN that stands in the plan is nobody's business in reports and traces.
pub fn without_pin<'a>(app: &str, data: &'a str) -> std::borrow::Cow<'a, str> {
    let asks = app.eq_ignore_ascii_case("Authenticate") || app.eq_ignore_ascii_case("DISA");
    let end = data.find([',', '|']).unwrap_or(data.len());
    match data.split_at_checked(end) {
        Some((pin, rest)) if asks && !pin.is_empty() && pin.bytes().all(|b| b.is_ascii_digit()) => {
            format!("…{rest}").into()
        }
        _ => data.into(),
    }
}

/// Finds an application; case does not matter.
pub fn lookup(name: &str) -> Option<&'static AppSpec> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        INDEX.get(name.to_ascii_lowercase().as_str()).copied()
    } else {
        INDEX.get(name).copied()
    }
}
