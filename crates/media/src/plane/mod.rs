//! All audio of one media thread as a state machine: commands, packets and the time go in, packets and events come out.

mod command;
mod report;

pub use command::{Command, LockRule, PortId, PortKind, RecordSpec};
pub use report::{Channel, Event, RecordEnd, Stats, Transmit};

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

/// The audio of many calls. After each call into it, take what [`poll_transmit`](Plane::poll_transmit) and
/// [`poll_event`](Plane::poll_event) give, and call [`timeout`](Plane::timeout) at [`poll_timeout`](Plane::poll_timeout).
#[derive(Debug)]
pub struct Plane {
    events: VecDeque<Event>,
    deadline: Option<Instant>,
}

impl Plane {
    /// An empty plane. SSRCs, first sequence numbers and timestamps come from `seed`: take it from the system's randomness.
    pub fn new(seed: [u8; 32]) -> Plane {
        let _ = seed;
        Plane { events: VecDeque::new(), deadline: None }
    }

    /// Carries out a command.
    pub fn command(&mut self, now: Instant, command: Command) {
        let _ = now;
        if let Command::Close { port } = command {
            self.events.push_back(Event::Closed { port, stats: Box::default() });
        }
    }

    /// A datagram that came to a port's socket.
    pub fn packet(&mut self, now: Instant, port: PortId, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        let _ = (now, port, channel, from, bytes);
    }

    /// Does what is due. May be called at any time.
    pub fn timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// When to call [`timeout`](Plane::timeout) next; `None` while nothing is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// The next packet to send. Its bytes are lent until the next call, so that a relayed packet needs no allocation.
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How many ports are open.
    pub fn ports(&self) -> usize {
        0
    }
}
