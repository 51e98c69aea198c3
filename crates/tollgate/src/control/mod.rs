//! How commands talk to a running exchange: JSON lines over `control.sock` in its home, 0600 in a folder that is 0700.
//! One request, one answer. Next: `server`, `client`.

pub(crate) mod client;
pub(crate) mod server;

use crate::fault::Fault;
use serde::{Deserialize, Serialize};

/// What can be asked of a running exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Is it well?
    Status,
    /// Read the configuration again: all of it or nothing.
    Reload,
    /// Stop taking calls, wait for those that are on, end.
    Shutdown {
        /// How long to wait, in seconds.
        drain: Option<u64>,
    },
    /// The calls that are on.
    Channels,
    /// Make a user's secret new.
    Rotate {
        /// The extension.
        user: String,
    },
    /// Make a PIN new.
    NewPin {
        /// What it opens.
        opens: crate::exchange::deeds::Opens,
    },
    /// Who is shut out.
    Bans,
    /// Shut a source out.
    Ban {
        /// An address, or an IPv6 /64.
        source: String,
        /// For how long; as long as it is due if nothing is said.
        seconds: Option<u64>,
    },
    /// Let a source in again.
    Unban {
        /// An address, or an IPv6 /64.
        source: String,
    },
    /// Messages came into mailboxes beside the exchange: count them again.
    CountMessages,
    /// Change the text of the configuration, then reload.
    Edit {
        /// The change.
        change: crate::config_file::edit::Change,
    },
    /// End a call.
    HangUp {
        /// Name of its tree, as `channels` shows it.
        call: String,
    },
    /// Begin a drill.
    Drill {
        /// What it is to be like.
        wishes: crate::drill::Wishes,
    },
    /// How does the drill go, or how did the last one end?
    DrillStatus,
    /// End the drill.
    DrillStop,
    /// Tell the owner something, to see whether he hears of it.
    NotifyTest,
    /// Make the webhook's secret new.
    NotifySecret,
    /// A link by which an owner of the portal is made, or made anew.
    Rescue,
    /// The trunks as they are.
    Trunks,
    /// Keep a trunk's secret.
    TrunkSecret {
        /// The trunk.
        trunk: String,
        /// Its secret.
        secret: Secret,
    },
    /// Try a trunk, step by step.
    TrunkTest {
        /// The trunk.
        trunk: String,
        /// A number to call.
        call: Option<String>,
        /// The extension that pays for it.
        user: Option<String>,
    },
}

/// A secret on its way; it shows in no log.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// The answer to a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// Done; what there is to tell.
    Ok(serde_json::Value),
    /// Not done.
    Error {
        /// Why.
        message: String,
        /// What to do.
        repair: Option<String>,
    },
}

impl From<Result<serde_json::Value, Fault>> for Answer {
    fn from(result: Result<serde_json::Value, Fault>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(fault) => Self::Error { message: fault.message, repair: fault.repair },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[&str] = &[
        "{\"do\":\"",
        "\"status\"",
        "\"reload\"",
        "\"rotate\"",
        "\"user\":",
        "\"edit\"",
        "\"change\":",
        "\"ban\"",
        "\"source\":",
        "\"seconds\":",
        "\"shutdown\"",
        "\"drain\":",
        "null",
        "true",
        "[",
        "]",
        "{",
        "}",
        ":",
        ",",
        "\\u0000",
        "\\ud800",
        "1e400",
        "-0",
    ];

    /// Bytes of the control socket: read as a request that says again what it said, or refused.
    fn feed(input: &[u8]) -> u64 {
        match serde_json::from_slice::<Request>(input) {
            Ok(request) => {
                let text = serde_json::to_string(&request).unwrap();
                let again: Request = serde_json::from_str(&text).unwrap();
                assert_eq!(serde_json::to_string(&again).unwrap(), text);
                u64::try_from(text.len()).unwrap() << 8
            }
            Err(error) => {
                u64::from(error.is_eof()) << 1
                    | u64::from(error.is_data())
                    | u64::try_from(error.column()).unwrap() << 8
            }
        }
    }

    /// `FUZZ_RUNS=2000000 cargo test --release -p tollgate control` is the long run.
    #[test]
    fn nothing_that_is_written_to_the_control_socket_breaks_it() {
        let runs = std::env::var("FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3_000);
        let figures = fuzz::run("control", WORDS, &feed, runs, 7, 0);
        assert!(figures.executions > runs && figures.outcomes > 5, "{figures:?}");
        println!("{figures:?}");
    }
}
