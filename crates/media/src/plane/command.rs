//! What the exchange may ask of the [`Plane`](super::Plane).

use crate::sdp::Negotiated;
use crate::sound::Sound;
use crate::tone::Tone;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// One end of audio: an RTP leg, or one half of a local pair. The caller chooses the number and never uses it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortId(pub u64);

/// What stands behind a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortKind {
    /// A pair of UDP sockets that the shell owns.
    Rtp,
    /// What is sent to this port comes in at `with`, and the other way. Open both; the order does not matter.
    LocalPair {
        /// The other half.
        with: PortId,
    },
}

/// From where packets of an RTP port are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockRule {
    /// The negotiated address; where that is private or is not the signalling address, also the signalling address with any
    /// port, and then the first of them that proves itself. Right for phones and trunks alike.
    #[default]
    Follow,
    /// Only ever the negotiated address and port.
    Strict,
}

/// How a recording ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSpec {
    /// Longest recording. Bounded by [`limits::MAX_RECORDING`](crate::limits::MAX_RECORDING).
    pub max: Duration,
    /// End after this much silence in a row, counted from the start too.
    pub silence: Option<Duration>,
    /// Digits that end it; each such digit is also reported as [`Event::Digit`](super::Event::Digit).
    pub terminators: String,
}

/// A request to the plane. A command for a port that does not exist (any more) does nothing.
#[derive(Debug, Clone)]
pub enum Command {
    /// A new port. For RTP the shell has bound its sockets already.
    Open {
        /// Its number from now on.
        port: PortId,
        /// RTP or half of a pair.
        kind: PortKind,
    },
    /// The outcome of an offer/answer. The first one starts media, each later one is a re-INVITE and may move the source.
    Remote {
        /// Which port.
        port: PortId,
        /// What was agreed.
        negotiated: Box<Negotiated>,
        /// The address that the signalling of this leg comes from.
        signalling_ip: IpAddr,
        /// From where packets are taken.
        lock: LockRule,
    },
    /// Ask for [`Event::Silent`](super::Event::Silent) after this long without a valid packet; `None` never. A new port has
    /// [`limits::SILENT_AFTER`](crate::limits::SILENT_AFTER).
    Watch {
        /// Which port.
        port: PortId,
        /// How long without packets.
        silent_after: Option<Duration>,
    },
    /// Play these sounds one after the other, in place of what plays now and louder than a joined party. Ends with
    /// [`Event::Played`](super::Event::Played) unless repeated, stopped or replaced.
    Play {
        /// To whom.
        port: PortId,
        /// Comes back in `Played`.
        id: u64,
        /// What, in order. At most [`limits::MAX_PLAYLIST`](crate::limits::MAX_PLAYLIST), the rest is not played.
        list: Vec<Arc<Sound>>,
        /// Again and again: hold music.
        repeat: bool,
    },
    /// Play a call progress tone until `Stop`, `Play` or another tone.
    Tone {
        /// To whom.
        port: PortId,
        /// Which.
        tone: Tone,
    },
    /// Stop what plays. No `Played` follows.
    Stop {
        /// Which port.
        port: PortId,
    },
    /// Each hears the other. Either leaves its earlier partner.
    Join {
        /// One.
        a: PortId,
        /// The other.
        b: PortId,
    },
    /// Undo `Join` for both partners.
    Leave {
        /// Either partner.
        port: PortId,
    },
    /// Send digits as events, or as tones where no event type was agreed. Queued behind those under way.
    SendDigits {
        /// To whom.
        port: PortId,
        /// `0-9 * # A-D`; others are skipped. At most [`limits::MAX_DIGITS`](crate::limits::MAX_DIGITS) wait.
        digits: String,
        /// How long each lasts; at least 40 ms.
        ms: u32,
    },
    /// Record what comes in at this port, in place of a recording under way (which ends as `Stopped`).
    Record {
        /// Which port.
        port: PortId,
        /// Comes back in the events.
        id: u64,
        /// When it ends.
        spec: RecordSpec,
    },
    /// End the recording as `Stopped`.
    StopRecord {
        /// Which port.
        port: PortId,
    },
    /// Send everything back to where it came from.
    Echo {
        /// Which port.
        port: PortId,
        /// Start or stop.
        on: bool,
    },
    /// Send silence while nothing else is sent: keeps a NAT open and a partner content.
    KeepAlive {
        /// Which port.
        port: PortId,
        /// Start or stop.
        on: bool,
    },
    /// The end of the port. [`Event::Closed`](super::Event::Closed) follows.
    Close {
        /// Which port.
        port: PortId,
    },
}
