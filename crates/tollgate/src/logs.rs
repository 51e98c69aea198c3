//! Logs: structured, to standard error, so that what the commands print stays clean. `TOLLGATE_LOG` chooses the level, as in `debug` or `info,sip=trace`.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Starts logging for the life of the process.
pub(crate) fn start(format: Format) {
    let filter = EnvFilter::try_from_env("TOLLGATE_LOG").unwrap_or_else(|_| {
        // sqlx reports each slow statement with its text; ours are not secret, and the store times them itself.
        EnvFilter::new("info,sqlx=warn")
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match format {
        Format::Json => builder.json().try_init(),
        Format::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    if begun.is_err() {
        eprintln!("logging was already started");
    }
}
