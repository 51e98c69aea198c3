//! Packets that wait for the shell, in one piece of memory that is used again and again.

use super::command::PortId;
use super::report::{Channel, Transmit};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Memory that is kept while nothing waits: a burst of 3,000 prompts.
const KEEP: usize = 512 * 1024;

#[derive(Debug)]
struct Item {
    port: PortId,
    channel: Channel,
    to: SocketAddr,
    start: usize,
    end: usize,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    items: VecDeque<Item>,
}

impl Outbox {
    /// Adds a packet that `write` appends.
    #[inline]
    pub(super) fn push(&mut self, port: PortId, channel: Channel, to: SocketAddr, write: impl FnOnce(&mut Vec<u8>)) {
        if self.items.is_empty() {
            self.bytes.clear();
            if self.bytes.capacity() > KEEP {
                self.bytes.shrink_to(KEEP);
            }
        }
        let start = self.bytes.len();
        write(&mut self.bytes);
        let end = self.bytes.len();
        self.items.push_back(Item { port, channel, to, start, end });
    }

    /// The oldest packet.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Transmit<'_>> {
        let item = self.items.pop_front()?;
        let bytes = self.bytes.get(item.start..item.end).unwrap_or_default();
        Some(Transmit { port: item.port, channel: item.channel, to: item.to, bytes })
    }
}
