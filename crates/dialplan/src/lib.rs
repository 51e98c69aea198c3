//! The dialplan language, and the words that proof and gate share.
//!
//! `load` makes a [`Program`] of text, [`Machine`] walks through it, [`Host`] is what both ask of the call. `apps` and
//! `func` are the reviewed tables of what there is. No file, socket or clock is touched here.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod apps;
pub mod control;
pub mod dialect;
mod eval;
pub mod expr;
pub mod finding;
pub mod func;
pub mod host;
pub mod limits;
pub mod load;
mod machine;
pub mod number;
pub mod pattern;
pub mod policy;
pub mod program;
pub mod reach;
pub mod reference;
pub mod span;
pub mod text;
pub mod time;
mod vars;

pub use dialect::{Choice, Compat, Dialect, Rules};
pub use eval::Fault;
pub use expr::truth;
pub use finding::{Edit, Finding, Severity};
pub use host::Host;
pub use load::{Files, Loaded, Source, load, load_each, load_with};
pub use machine::{Collected, ControlResult, Ending, Invocation, Machine, Step, Wait};
pub use program::{Context, Exten, Found, Line, Place, Program};
pub use span::{FileId, SourceMap, Span};
pub use time::CivilTime;
