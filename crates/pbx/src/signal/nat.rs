//! Routers in between: what trunks say of where we are, and phones whose way must not close.

use std::net::SocketAddr;
use std::time::Instant;

use sip::{Endpoint, Flow, HeaderList, Method, OutRequest, Party};

use super::Signal;
use crate::switch::Origin;

impl Signal {
    /// A peer sees us at another address. Only trunks are believed: they are the owner's choice, and a lie of theirs harms
    /// nobody but themselves.
    pub(super) fn seen_as(&self, endpoint: &mut Endpoint<Origin>, flow: Flow, address: SocketAddr) {
        if !self.wires.trunks.knows(flow.remote.ip()) {
            return;
        }
        if address.ip() == flow.local.ip().to_canonical() {
            endpoint.seen_by(flow.remote, None);
            return;
        }
        tracing::info!(trunk = %flow.remote, %address, "the trunk sees us at another address: it is told that one");
        endpoint.seen_by(flow.remote, Some(address));
        self.wires.phones.learned(address.ip());
    }

    /// Asks phones behind a router of their own whether they are there, so that the router keeps their way open.
    pub fn keep_alive(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>) {
        for (flow, target) in self.wires.phones.behind_routers(now) {
            let us = Party::new("tollgate", self.wires.phones.realm());
            endpoint.request(
                now,
                OutRequest {
                    flow,
                    method: Method::Options,
                    target,
                    from: us.clone(),
                    to: us,
                    routes: Vec::new(),
                    contact_user: None,
                    expires: None,
                    headers: HeaderList::new(),
                    body: None,
                    credentials: None,
                    continues: None,
                },
            );
        }
    }
}
