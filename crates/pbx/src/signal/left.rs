//! What it takes to end a paid leg is kept in the store from its INVITE to its end, so that an exchange that died does not let
//! a bill run on: the next one begins by hanging up what is on, and cancelling what still rings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sip::{Endpoint, Flow, Leftover, RequestId, SessionId, Transport};
use store::Dialog;
use tokio::sync::mpsc;

use super::{Known, Signal, SipCommand};
use crate::phones::Phones;
use crate::switch::Origin;
use crate::trunks::Trunks;

/// How long the ways to the trunks are waited for: a stream is opened over its trunk's line.
const WAYS: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);

/// Something to hang up.
#[derive(Debug)]
pub struct Left {
    /// Its name in the store.
    key: String,
    leftover: Leftover,
}

impl Signal {
    /// Keeps how to end a paid leg that is on its way or up now.
    pub(super) fn keep(&self, endpoint: &Endpoint<Origin>, session: SessionId) {
        let Some(known) = self.sessions.get(&session) else { return };
        let (Some(paid), Some(leftover)) = (&known.paid, endpoint.leftover(session)) else { return };
        self.wires.phones.store().keep_dialog(Dialog {
            leg: paid.permit.clone(),
            trunk: paid.trunk.clone(),
            state: write(&leftover),
            at: self.exchange.clock.now(),
        });
    }

    /// A leg is over.
    pub(super) fn forget(&self, known: &Known) {
        if let Some(paid) = &known.paid {
            self.wires.phones.store().forget_dialog(paid.permit.clone());
        }
    }

    pub(super) fn hang_up_left(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, left: Vec<Left>) {
        for one in left {
            if one.leftover.via.is_some() {
                match endpoint.cancel_leftover(now, &one.leftover) {
                    Some(session) => {
                        self.cancelled.insert(session, one.key);
                    }
                    None => self.wires.phones.store().forget_dialog(one.key),
                }
                continue;
            }
            match endpoint.hang_up_leftover(now, &one.leftover, None) {
                Some(id) => {
                    self.left.insert(id, one.key);
                }
                None => self.wires.phones.store().forget_dialog(one.key),
            }
        }
    }

    /// A call that was left ringing is over.
    pub(super) fn left_is_cancelled(&mut self, session: SessionId) {
        if let Some(key) = self.cancelled.remove(&session) {
            tracing::info!("a paid call that a crash left ringing is cancelled");
            self.wires.phones.store().forget_dialog(key);
        }
    }

    /// The trunk has answered, or never will.
    pub(super) fn left_is_gone(&mut self, id: RequestId) {
        if let Some(key) = self.left.remove(&id) {
            tracing::info!("a paid call that a crash left behind is hung up");
            self.wires.phones.store().forget_dialog(key);
        }
    }
}

/// Hangs up what the exchange before this one left behind. `dialogs` were read before the first call could begin.
pub async fn hang_up(dialogs: Vec<Dialog>, phones: Arc<Phones>, trunks: Arc<Trunks>, orders: mpsc::Sender<SipCommand>) {
    if dialogs.is_empty() {
        return;
    }
    let until = tokio::time::Instant::now() + WAYS;
    while !dialogs.iter().all(|dialog| trunks.has(&dialog.trunk)) && tokio::time::Instant::now() < until {
        tokio::time::sleep(LOOK).await;
    }
    tracing::warn!(calls = dialogs.len(), "paid calls were on when the exchange died: they are hung up now");
    let left = dialogs.into_iter().filter_map(|dialog| {
        let Some(mut leftover) = read(&dialog.state) else {
            tracing::error!(leg = dialog.leg, "a dialog in the store cannot be read");
            phones.store().forget_dialog(dialog.leg);
            return None;
        };
        // The stream that it went over has died with the exchange; the trunk's line leads there again.
        if leftover.flow.transport.is_reliable()
            && let Some(flow) = trunks.line(&dialog.trunk, leftover.flow.transport)
        {
            leftover.flow = flow;
        }
        Some(Left { key: dialog.leg, leftover })
    });
    if orders.send(SipCommand::HangUpLeft(left.collect())).await.is_err() {
        tracing::error!("signalling is gone: calls that were left behind are not hung up");
    }
}

fn write(leftover: &Leftover) -> String {
    let Leftover { flow, call_id, local, remote, target, routes, cseq, via } = leftover;
    json!({
        "transport": flow.transport.param(),
        "ours": flow.local.to_string(),
        "peer": flow.remote.to_string(),
        "call_id": call_id,
        "from": local,
        "to": remote,
        "target": target,
        "routes": routes,
        "cseq": cseq,
        "via": via,
    })
    .to_string()
}

fn read(text: &str) -> Option<Leftover> {
    let tree: Value = serde_json::from_str(text).ok()?;
    let word = |key: &str| tree.get(key)?.as_str().map(str::to_owned);
    let address = |key: &str| word(key)?.parse::<SocketAddr>().ok();
    Some(Leftover {
        flow: Flow {
            transport: Transport::parse(&word("transport")?)?,
            local: address("ours")?,
            remote: address("peer")?,
            connection: 0,
        },
        call_id: word("call_id")?,
        local: word("from")?,
        remote: word("to")?,
        target: word("target")?,
        routes: tree.get("routes")?.as_array()?.iter().filter_map(|route| route.as_str().map(str::to_owned)).collect(),
        cseq: u32::try_from(tree.get("cseq")?.as_u64()?).ok()?,
        via: word("via"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back() {
        let leftover = Leftover {
            flow: Flow::udp("127.0.0.1:5060".parse().unwrap(), "127.0.0.9:5062".parse().unwrap()),
            call_id: "a\"b".to_owned(),
            local: "<sip:me@h>;tag=1".to_owned(),
            remote: "\"N\" <sip:you@h>;tag=2".to_owned(),
            target: "sip:you@127.0.0.9:5062".to_owned(),
            routes: vec!["<sip:p;lr>".to_owned()],
            cseq: 7,
            via: None,
        };
        assert_eq!(read(&write(&leftover)), Some(leftover.clone()));
        let rings = Leftover { via: Some("SIP/2.0/UDP h;branch=z9hG4bKx".to_owned()), ..leftover };
        assert_eq!(read(&write(&rings)), Some(rings));
        assert_eq!(read("{}"), None);
        assert_eq!(read("nonsense"), None);
    }
}
