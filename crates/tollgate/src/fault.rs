//! What went wrong, said once and to the person who can repair it. Every command ends in a `Fault` or in success; `main` prints it.
//! Next: `cli` for the commands that raise them.

use std::fmt;

/// One clear sentence, what to do about it, and the exit code of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong and where, in the owner's words.
    pub(crate) message: String,
    /// What to do next, if there is something.
    pub(crate) repair: Option<String>,
    /// 1: the thing asked for failed. 2: what we were given cannot be read or used at all.
    pub(crate) exit: u8,
}

/// The result of everything a command does.
pub(crate) type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// The thing asked for could not be done.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), repair: None, exit: 1 }
    }

    /// What we were given (a home, a file, an argument) cannot be used.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self { message: message.into(), repair: None, exit: 2 }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn repair(mut self, repair: impl Into<String>) -> Self {
        self.repair = Some(repair.into());
        self
    }

    /// The fault as the JSON object that `--json` prints.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": self.message, "repair": self.repair })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.message)?;
        if let Some(repair) = &self.repair {
            write!(out, "\n  → {repair}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// Turns an error of the operating system into a fault that names what was being done.
pub(crate) trait Doing<T> {
    /// `doing` completes the sentence "cannot …".
    fn doing(self, doing: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, doing: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Fault::failed(format!("cannot {}: {error}", doing())))
    }
}
