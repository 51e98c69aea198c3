//! What the metrics say. Names in the manner of Prometheus, prefix `tollgate_`.

use crate::exchange::serve::Running;
use crate::net::sip_io::Report;
use std::sync::{Arc, Mutex, PoisonError};
use web::{Metric, Source};

/// Asks the running exchange; the signalling task's own numbers are fetched beforehand, for this must not wait.
pub(crate) struct Numbers {
    pub(crate) running: Arc<Running>,
    pub(crate) signalling: Mutex<Report>,
}

impl Source for Numbers {
    fn metrics(&self) -> Vec<Metric> {
        let report = self.signalling.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let running = &self.running;
        let media = running.media.counts();
        let store = running.store.stats();
        let up = running.started.elapsed().as_secs_f64();
        let gauge = Metric::gauge;
        let counter = Metric::counter;
        let n = |number: usize| number as f64;
        let u = |number: u64| number as f64;
        vec![
            gauge("tollgate_up_seconds", "Time since the start", up),
            gauge("tollgate_calls", "Calls that are on", n(running.exchange.calls.count())),
            gauge("tollgate_sip_sessions", "INVITE sessions that are on", n(report.sessions)),
            gauge(
                "tollgate_sip_transactions",
                "Transactions that are kept",
                n(report.endpoint.server_transactions + report.endpoint.client_transactions),
            ),
            gauge(
                "tollgate_sip_server_transactions",
                "Requests of peers that are kept",
                n(report.endpoint.server_transactions),
            ),
            gauge(
                "tollgate_sip_client_transactions",
                "Requests of ours that are kept",
                n(report.endpoint.client_transactions),
            ),
            gauge("tollgate_sip_timers", "Timers of signalling that are set", n(report.endpoint.timers)),
            counter("tollgate_sip_dropped_total", "Packets of sources that sent too many", u(report.endpoint.dropped)),
            gauge("tollgate_sip_dialogs", "Dialogs that are kept", n(report.endpoint.dialogs)),
            gauge("tollgate_sip_streams", "Stream connections", n(report.streams)),
            counter("tollgate_sip_unsent_total", "Datagrams that the system did not take", u(report.unsent)),
            gauge("tollgate_bans", "Sources that are shut out", n(running.guard.list(std::time::Instant::now()).len())),
            gauge("tollgate_registrations", "Contacts of phones", n(running.phones.registered())),
            gauge("tollgate_media_ports", "Media ports, halves of Local channels included", n(media.ports)),
            gauge("tollgate_rtp_pairs", "Pairs of RTP ports in use", n(media.pairs)),
            counter("tollgate_rtp_unsent_total", "RTP packets that the system did not take", u(media.unsent)),
            counter("tollgate_media_unheard_total", "Media events that a call had no room for", u(media.unheard)),
            gauge("tollgate_trunks_down", "Trunks that do not work", n(running.trunks.down())),
            gauge("tollgate_paid_calls", "Paid calls that are on", n(running.exchange.gate.paid_calls())),
            counter(
                "tollgate_proof_alarms_total",
                "Times the engine got where the proof says it cannot",
                u(running.exchange.gate.alarms()),
            ),
            gauge("tollgate_store_healthy", "1 while the store can write", f64::from(u8::from(running.store.health()))),
            gauge("tollgate_store_waiting", "Rows that wait to be written", u(store.waiting)),
            counter("tollgate_store_commits_total", "Transactions of the store", u(store.commits)),
            counter("tollgate_store_rows_total", "Rows written", u(store.rows)),
            counter("tollgate_store_failures_total", "Transactions that failed", u(store.failures)),
        ]
    }

    fn healthy(&self) -> bool {
        self.running.store.health()
    }
}
