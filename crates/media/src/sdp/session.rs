//! The parts of a session description that a telephone exchange reads. [`super::parse`] makes them, [`super::write`] writes them.

use std::net::IpAddr;

/// A session description: who made it, and one [`Media`] for each `m=` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `o=`: who made the description, and which version of it this is.
    pub origin: Origin,
    /// The session's `c=`. `None` when it is missing or holds a name instead of an address.
    pub connection: Option<IpAddr>,
    /// The session's direction attribute, for all media that have none.
    pub direction: Option<Direction>,
    /// The `m=` lines in order. Their number and order never shrink within a dialog (RFC 3264 §8).
    pub media: Vec<Media>,
}

/// `o=` (RFC 8866 §5.2) without user name, which is always `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Names the session among all of this machine's.
    pub session: u64,
    /// Counts up by one when the description changes.
    pub version: u64,
    /// The address of the maker, or the unspecified one where a name stood.
    pub address: IpAddr,
}

/// One `m=` line with its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, `image` …
    pub kind: String,
    /// The port to send to; 0 means refused or stopped.
    pub port: u16,
    /// `RTP/AVP`, `RTP/SAVP`, `udptl` …
    pub protocol: String,
    /// The formats of an RTP protocol, in the order of preference.
    pub payloads: Vec<Payload>,
    /// The formats of the line when they are not RTP payload types.
    pub other_formats: Vec<String>,
    /// The media's own `c=`.
    pub connection: Option<IpAddr>,
    /// The media's own direction attribute.
    pub direction: Option<Direction>,
    /// `a=rtcp` (RFC 3605): where reports go when that is not the port above.
    pub rtcp: Option<Rtcp>,
    /// `a=rtcp-mux` (RFC 5761) was present.
    pub rtcp_mux: bool,
    /// `a=ptime`: milliseconds of audio in a packet.
    pub ptime: Option<u16>,
}

/// One payload type of a media line with what `a=rtpmap` and `a=fmtp`, or the static table, say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// 0 to 127.
    pub payload_type: u8,
    /// The encoding name; empty for a payload type that nothing explains.
    pub name: String,
    /// The RTP clock in Hz; 0 for a payload type that nothing explains.
    pub clock: u32,
    /// Channels, usually 1.
    pub channels: u8,
    /// The parameters of `a=fmtp` without the payload type.
    pub fmtp: Option<String>,
}

/// `a=rtcp` (RFC 3605).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rtcp {
    /// The port for RTCP.
    pub port: u16,
    /// The address, where it is another than that of the media.
    pub address: Option<IpAddr>,
}

/// Which way media flows, seen from whoever says it (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// I send only: you are on hold.
    SendOnly,
    /// I listen only.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// From two questions.
    pub const fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether this side sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether this side listens.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same fact seen from the other side.
    pub const fn reversed(self) -> Direction {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow.
    pub const fn and(self, other: Direction) -> Direction {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute's name.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Direction> {
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
            .into_iter()
            .find(|direction| direction.name() == name)
    }
}

impl Session {
    /// The address to which `media` wants its packets: its own `c=`, else the session's.
    pub fn address_of(&self, media: &Media) -> Option<IpAddr> {
        media.connection.or(self.connection)
    }

    /// The direction that the maker of this description gives to `media`.
    pub fn direction_of(&self, media: &Media) -> Direction {
        media.direction.or(self.direction).unwrap_or_default()
    }
}

impl Media {
    /// Plain RTP, the only kind we speak here.
    pub fn is_plain_rtp(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("RTP/AVP") || self.protocol.eq_ignore_ascii_case("RTP/AVPF")
    }

    /// RTP that must be encrypted (SDES or DTLS).
    pub fn is_secure_rtp(&self) -> bool {
        self.protocol.to_ascii_uppercase().contains("SAVP")
    }
}
