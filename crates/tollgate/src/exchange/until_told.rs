//! What keeps a running exchange running: signals, a reload, a drain, a part that broke.

use crate::exchange::serve::Running;
use crate::fault::{Doing as _, Fault, Outcome};
use crate::limits::{DRAIN, LAST_WORDS};
use crate::net::sip_io::Ask;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that concern an exchange.
pub(super) struct Signals {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
    /// A file as large as it may be is the store's error to report, not the end of the process.
    _full: Signal,
}

impl Signals {
    pub(super) fn listen() -> Outcome<Self> {
        let to = |kind| signal(kind).doing(|| "listen for signals".to_owned());
        Ok(Self {
            hang_up: to(SignalKind::hangup())?,
            terminate: to(SignalKind::terminate())?,
            interrupt: to(SignalKind::interrupt())?,
            _full: to(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }
}

/// Until told to end: SIGHUP reloads, SIGTERM and SIGINT drain, a second one ends at once.
pub(super) async fn wait(
    running: &Arc<Running>,
    signals: &mut Signals,
    ended: &mut mpsc::Receiver<Option<u64>>,
    broken: &mut mpsc::Receiver<String>,
    drain: Option<u64>,
) -> Outcome<()> {
    let patience = loop {
        tokio::select! {
            _ = signals.hang_up.recv() => {
                if let Err(fault) = running.reload("SIGHUP").await {
                    tracing::error!("the configuration was not taken over, the old one goes on: {}", fault.message);
                }
            }
            _ = signals.terminate.recv() => break drain,
            _ = signals.interrupt.recv() => break drain,
            asked = ended.recv() => break asked.flatten().or(drain),
            why = broken.recv() => {
                let why = why.unwrap_or_else(|| "a part of the exchange ended by itself".to_owned());
                return Err(Fault::failed(why).repair("this is a mistake of tollgate; start it again and report it"));
            }
        }
    };
    let patience = patience.map_or(DRAIN, Duration::from_secs);
    let _ = running.signalling.send(Ask::Drain).await;
    tracing::info!(
        calls = running.exchange.calls.count(),
        seconds = patience.as_secs(),
        "no new calls; waiting for those that are on"
    );
    let calm = async {
        while running.exchange.calls.count() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(patience, calm) => {}
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
    }
    let left = running.exchange.calls.end(None);
    if left > 0 {
        tracing::warn!(calls = left, "calls are ended");
    }
    // Their BYEs and our last REGISTERs go out and are answered, their records are written.
    let quiet = async {
        loop {
            let open = running.report().await.map_or(0, |report| report.endpoint.sessions + report.leaving);
            if open == 0 && running.exchange.calls.count() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(LAST_WORDS, quiet).await;
    Ok(())
}
