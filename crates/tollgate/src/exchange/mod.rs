//! The exchange as the shell puts it together. `start` does it, `until_told` keeps it, `snapshot` makes program and proof of the owner's texts, `deeds` are what an
//! owner can do to a home whether the exchange runs or not.

pub(crate) mod deeds;
pub(crate) mod desk;
pub(crate) mod files;
pub(crate) mod first_run;
pub(crate) mod plan_rows;
pub(crate) mod play;
pub(crate) mod public;
pub(crate) mod records;
pub(crate) mod replay;
pub(crate) mod scripts;
pub(crate) mod serve;
pub(crate) mod snapshot;
pub(crate) mod source;
pub(crate) mod start;
pub(crate) mod test_call;
pub(crate) mod trunk_test;
pub(crate) mod trunks;
pub(crate) mod until_told;

use crate::fault::{Doing as _, Outcome};
use std::future::Future;

/// Milliseconds since 1970.
pub(crate) fn wall() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// 32 bytes that nobody can guess.
pub(crate) fn random() -> Outcome<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).doing(|| "get random bytes from the system".to_owned())?;
    Ok(bytes)
}

/// Runs what a command has to wait for, on this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .doing(|| "start the runtime".to_owned())?
        .block_on(work)
}
