//! One port: a leg or half of a pair, and what is done at it.

use super::command::{PortId, PortKind};
use super::keys::Keys;
use super::leg::Leg;
use super::player::Player;
use super::recorder::Recorder;
use crate::event;

/// What stands behind the port.
#[derive(Debug)]
pub(super) enum End {
    /// An RTP peer.
    Rtp(Box<Leg>),
    /// The other half of a pair, and the stream that we make for it.
    Local { with: PortId, stream: LocalStream },
}

/// The numbers of a stream that is made here for the other half of a pair.
#[derive(Debug)]
pub(super) struct LocalStream {
    pub(super) key: u64,
    pub(super) sequence: u16,
    /// Goes on by a frame in each tick.
    pub(super) timestamp: u32,
    /// When the event under way began.
    pub(super) event: u32,
}

/// One port.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) id: PortId,
    pub(super) end: End,
    /// The slot of the partner.
    pub(super) joined: Option<usize>,
    pub(super) echo: bool,
    pub(super) keep_alive: bool,
    pub(super) player: Option<Player>,
    pub(super) keys: Keys,
    pub(super) recorder: Option<Box<Recorder>>,
    /// Digits that come in as events, of the stream of this key.
    pub(super) events: event::Receiver,
    pub(super) event_key: u64,
    pub(super) event_clock: u32,
    /// Its place in the tick list.
    pub(super) phase: Option<usize>,
}

impl Port {
    pub(super) fn new(id: PortId, end: End) -> Port {
        Port {
            id,
            end,
            joined: None,
            echo: false,
            keep_alive: false,
            player: None,
            keys: Keys::default(),
            recorder: None,
            events: event::Receiver::default(),
            event_key: 0,
            event_clock: 8000,
            phase: None,
        }
    }

    /// What other ports have to say is not to be heard: something of our own is.
    pub(super) fn is_busy(&self) -> bool {
        self.player.is_some() || self.keys.is_busy()
    }

    /// Whether it has something to do every 20 ms.
    pub(super) fn needs_ticks(&self) -> bool {
        self.is_busy() || self.recorder.is_some() || self.events.is_held() || (self.keep_alive && self.joined.is_none())
    }

    pub(super) fn kind(&self) -> PortKind {
        match &self.end {
            End::Rtp(_) => PortKind::Rtp,
            End::Local { with, .. } => PortKind::LocalPair { with: *with },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_with_its_leg_is_small() {
        let size = size_of::<Port>() + size_of::<Leg>();
        assert!(size < 2048, "{size} bytes");
    }
}
