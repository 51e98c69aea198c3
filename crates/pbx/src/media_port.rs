//! Where a call gets its RTP ports from; the shell implements it with sockets, tests with none.

use std::net::{IpAddr, SocketAddr};

use media::plane::{Command, PortId};
use tokio::sync::mpsc;

use crate::switch::CallEvent;

/// The media sockets of the exchange.
pub trait MediaPlane: Send + Sync {
    /// Binds an RTP/RTCP pair for `port` that can reach `toward` and returns its RTP address.
    ///
    /// Ports with the same `shard` run in the same thread, so that they can be joined. What the port hears
    /// (digits, ends of prompts) goes to `events`.
    ///
    /// # Errors
    /// A sentence for the owner when no port is free or none can be bound.
    fn open(
        &self,
        port: PortId,
        shard: u64,
        toward: IpAddr,
        events: mpsc::Sender<CallEvent>,
    ) -> Result<SocketAddr, String>;

    /// Makes the two ends of a Local channel: what one hears the other says.
    fn open_pair(&self, shard: u64, a: (PortId, mpsc::Sender<CallEvent>), b: (PortId, mpsc::Sender<CallEvent>));

    /// Whether two open ports can be joined: they run in the same thread.
    fn together(&self, a: PortId, b: PortId) -> bool;

    /// Orders something of an open port; of a closed one it does nothing.
    fn command(&self, command: Command);
}
