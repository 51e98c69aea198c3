//! What the language asks of the call while it expands values. `pbx` implements it for a real call,
//! tests and the prover for an imagined one. The clock and chance come from here too.

use crate::time::CivilTime;

/// The call as values see it.
///
/// The machine itself knows `EXTEN`, `CONTEXT`, `PRIORITY`, all variables set with `Set` or
/// [`crate::Machine::set`], and the pure functions. Everything else is asked here.
pub trait Host {
    /// A variable built into the channel (`CALLERID`, `CHANNEL`, `UNIQUEID`, `EPOCH`, …), which user variables cannot
    /// hide. `None`: there is no such built-in; then the channel's own variables and the globals are looked at.
    fn variable(&mut self, name: &str) -> Option<String>;
    /// Reads a function about the call: `CALLERID(num)`, `CHANNEL(name)`, `TIMEOUT(digit)`, `DB(a/b)`. `None`: unknown.
    fn function(&mut self, name: &str, args: &[String]) -> Option<String>;
    /// Writes a function about the call: `Set(CALLERID(num)=5)`.
    fn set_function(&mut self, name: &str, args: &[String], value: &str) -> Result<(), String>;
    /// The local time of the exchange now.
    fn now(&mut self) -> CivilTime;
    /// Chance, from a generator that the caller cannot guess.
    fn random(&mut self) -> u64;
    /// A global variable, after those that the program's `[globals]` set.
    fn global(&mut self, name: &str) -> Option<String>;
    /// Sets a global variable.
    fn set_global(&mut self, name: &str, value: &str);
    /// Something worth a line in the log of this call (a function nobody knows, a division by zero).
    fn note(&mut self, _text: &str) {}
}
