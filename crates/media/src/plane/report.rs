//! What the [`Plane`](super::Plane) tells: events, packets to send, and the figures of a port.

use super::command::PortId;
use crate::codec::Rate;
use std::net::SocketAddr;
use std::time::Duration;

/// The socket of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The even port.
    Rtp,
    /// The port above it.
    Rtcp,
}

/// A packet to send now from a port's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// Whose socket.
    pub port: PortId,
    /// Which of the two.
    pub channel: Channel,
    /// To where.
    pub to: SocketAddr,
    /// The datagram.
    pub bytes: &'a [u8],
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordEnd {
    /// It reached its longest length.
    Max,
    /// Nothing was said for long enough.
    Silence,
    /// This terminator was pressed.
    Digit(char),
    /// `StopRecord`, or a new `Record`.
    Stopped,
    /// The port closed.
    Closed,
}

/// Something that happened at a port.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A key was pressed and let go. Each press comes once, however its packets were lost or doubled.
    Digit {
        /// Where.
        port: PortId,
        /// `0-9 * # A-D`.
        digit: char,
        /// How long it was held.
        ms: u32,
    },
    /// A `Play` came to its end.
    Played {
        /// Where.
        port: PortId,
        /// Of which `Play`.
        id: u64,
    },
    /// The source proved itself: the first packet from the address that this port is now locked to.
    FirstPacket {
        /// Where.
        port: PortId,
    },
    /// No valid packet for so long while we were to receive. Comes once until packets flow again.
    Silent {
        /// Where.
        port: PortId,
        /// Since the last packet.
        quiet: Duration,
    },
    /// A part of a long recording; more follows.
    RecordChunk {
        /// Where.
        port: PortId,
        /// Of which `Record`.
        id: u64,
        /// The samples, in order.
        pcm: Vec<i16>,
        /// Their rate, the same for the whole recording.
        rate: Rate,
    },
    /// The last part of a recording.
    Recorded {
        /// Where.
        port: PortId,
        /// Of which `Record`.
        id: u64,
        /// The samples after the last chunk.
        pcm: Vec<i16>,
        /// Their rate.
        rate: Rate,
        /// Length of the whole recording.
        length: Duration,
        /// Why it ended.
        end: RecordEnd,
    },
    /// The port is gone.
    Closed {
        /// Which.
        port: PortId,
        /// What went through it.
        stats: Box<Stats>,
    },
}

impl Event {
    /// The port it is about.
    pub fn port(&self) -> PortId {
        match self {
            Event::Digit { port, .. }
            | Event::Played { port, .. }
            | Event::FirstPacket { port }
            | Event::Silent { port, .. }
            | Event::RecordChunk { port, .. }
            | Event::Recorded { port, .. }
            | Event::Closed { port, .. } => *port,
        }
    }
}

/// The figures of one port over its life. In = from the peer to us.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Valid RTP packets from the locked source.
    pub packets_in: u64,
    /// Their payload bytes.
    pub bytes_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Their payload bytes.
    pub bytes_out: u64,
    /// Packets that the sequence numbers promised and that never came (RFC 3550 A.3).
    pub lost_in: u64,
    /// Interarrival jitter at the end, in milliseconds (RFC 3550 A.8).
    pub jitter_in_ms: f32,
    /// Packets of ours that the peer reported lost.
    pub lost_out: u64,
    /// The peer's last report of jitter, in milliseconds.
    pub jitter_out_ms: f32,
    /// The last round trip, from the peer's reports.
    pub round_trip: Option<Duration>,
    /// Packets from addresses that are not the locked source, RTP and RTCP.
    pub wrong_source: u64,
    /// Packets that are no RTP or RTCP that we agreed to.
    pub junk: u64,
    /// The codec of the last packet that came in.
    pub codec_in: Option<String>,
    /// The codec that we send.
    pub codec_out: Option<String>,
    /// Where media came from in the end.
    pub source: Option<SocketAddr>,
}
