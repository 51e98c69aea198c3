//! What a call needs of the world around it, and what the world tells a call.
//!
//! [`World`] is implemented by [`crate::live`] (SIP and RTP) and by [`crate::simulate`] (scripted parties in
//! virtual time). Applications never see it: they hold a [`crate::call::Call`].

use std::fmt;
use std::net::IpAddr;

use media::plane::{Command as MediaCommand, Event as MediaEvent, PortId};
use tokio::sync::mpsc;

use crate::gate::Permit;

/// Who started a call. Given by [`crate::entry`] alone, and kept by the whole call tree for ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Anybody on the internet.
    Stranger {
        /// Where his packets come from.
        source: IpAddr,
    },
    /// A trunk that proved itself by its configured address or registration.
    Trunk {
        /// Name in the configuration.
        name: String,
    },
    /// A phone that answered our digest challenge.
    Extension {
        /// The extension's number.
        user: String,
    },
    /// The exchange itself (drill, call-back of the owner).
    System,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger { source } => write!(f, "stranger {source}"),
            Self::Trunk { name } => write!(f, "trunk {name}"),
            Self::Extension { user } => write!(f, "extension {user}"),
            Self::System => f.write_str("the exchange"),
        }
    }
}

/// One leg of a call; also the number of its media port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

impl LegId {
    /// The media port of this leg.
    #[must_use]
    pub fn port(self) -> PortId {
        PortId(self.0)
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why a leg ended: ITU-T Q.850 cause values, as in `HANGUPCAUSE` and SIP Reason headers (RFC 3326).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cause(pub u16);

impl Cause {
    /// Unallocated number.
    pub const UNALLOCATED: Self = Self(1);
    /// Normal call clearing.
    pub const NORMAL: Self = Self(16);
    /// User busy.
    pub const BUSY: Self = Self(17);
    /// No user responding.
    pub const NO_RESPONSE: Self = Self(18);
    /// No answer from the user.
    pub const NO_ANSWER: Self = Self(19);
    /// Call rejected.
    pub const REJECTED: Self = Self(21);
    /// Destination out of order.
    pub const OUT_OF_ORDER: Self = Self(27);
    /// Number format invalid.
    pub const INVALID_NUMBER: Self = Self(28);
    /// No circuit available.
    pub const CONGESTION: Self = Self(34);
    /// Bearer capability not implemented: no common codec.
    pub const NO_CODEC: Self = Self(88);
    /// Recovery on timer expiry.
    pub const TIMER: Self = Self(102);
    /// Interworking, unspecified.
    pub const INTERWORKING: Self = Self(127);

    /// The cause that a SIP failure stands for (RFC 3398 §8.2.6.1 table, as Asterisk maps it).
    #[must_use]
    pub fn from_status(status: u16) -> Self {
        match status {
            486 | 600 => Self::BUSY,
            480 | 408 => Self::NO_RESPONSE,
            487 => Self::NO_ANSWER,
            401 | 403 | 407 | 603 => Self::REJECTED,
            404 | 604 => Self::UNALLOCATED,
            484 => Self::INVALID_NUMBER,
            488 | 606 | 415 => Self::NO_CODEC,
            500 | 502 | 504 => Self::OUT_OF_ORDER,
            503 => Self::CONGESTION,
            _ => Self::INTERWORKING,
        }
    }

    /// The SIP status that refuses a call for this cause (RFC 3398 §7.2.4.1).
    #[must_use]
    pub fn to_status(self) -> (u16, &'static str) {
        match self {
            Self::UNALLOCATED => (404, "Not Found"),
            Self::BUSY => (486, "Busy Here"),
            Self::NO_RESPONSE | Self::NO_ANSWER => (480, "Temporarily Unavailable"),
            Self::REJECTED => (403, "Forbidden"),
            Self::INVALID_NUMBER => (484, "Address Incomplete"),
            Self::NO_CODEC => (488, "Not Acceptable Here"),
            Self::CONGESTION | Self::OUT_OF_ORDER => (503, "Service Unavailable"),
            _ => (480, "Temporarily Unavailable"),
        }
    }
}

/// What can happen on one leg, in telephone words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegEvent {
    /// The caller's side is up: our answer has been acknowledged (RFC 3261 §13.3.1.4).
    Up,
    /// The called side rings.
    Ringing,
    /// The called side sends sound before it answers.
    EarlyMedia,
    /// The called side answered and its sound is connected to its port.
    Answered,
    /// The called side did not take the call.
    Failed {
        /// Why, as a Q.850 cause.
        cause: Cause,
        /// SIP status, or 0 where there was none.
        status: u16,
    },
    /// The party hung up, or gave up before the answer. Last event of a leg.
    HungUp {
        /// Why, as a Q.850 cause.
        cause: Cause,
    },
    /// The party put us on hold (`true`) or took the call back (`false`).
    Hold(bool),
    /// A key reported by signalling (INFO, RFC 6086) and not by RTP.
    Key(char),
    /// The called phone sends the call elsewhere (3xx): the number of its first contact. Nothing was called there.
    Moved {
        /// As dialled.
        to: String,
    },
}

/// What a REFER asks for (RFC 3515).
#[derive(Debug)]
pub struct Refer {
    /// To answer it.
    pub txn: u64,
    /// The number to go to, as that phone would dial it.
    pub to: String,
    /// The other call of the same phone that its Replaces names, where it has one.
    pub other: Option<Other>,
}

/// A phone's leg in another call.
#[derive(Debug)]
pub struct Other {
    /// The leg.
    pub leg: LegId,
    /// That call's mailbox.
    pub postbox: Postbox,
}

/// A party of a call shall be moved.
#[derive(Debug)]
pub enum Move {
    /// By the other party of its own call.
    Refer(LegId, Refer),
    /// By another call.
    Take(Box<crate::call::merge::Take>),
}

/// What a call orders of one leg's signalling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegCommand {
    /// Tell the caller that it rings (180).
    Ring,
    /// Open the caller's ear before answering (183 with SDP).
    EarlyMedia,
    /// Answer the caller (200).
    Answer,
    /// Refuse the caller before the answer.
    Refuse(Cause),
    /// End the leg in whatever state it is: CANCEL, BYE or a refusal.
    HangUp(Cause),
    /// Send a key by INFO.
    Key(char),
    /// Answer a REFER.
    Referred {
        /// Which.
        txn: u64,
        /// 202, or why not.
        status: u16,
    },
    /// Tell whoever sent the call on how that goes (RFC 3515 §2.4.4).
    Notify {
        /// The status of the new leg.
        status: u16,
        /// Nothing more will be told.
        last: bool,
    },
}

/// How an outgoing leg shall present itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presentation {
    /// Caller's number, digits or a SIP user.
    pub number: String,
    /// Caller's name, may be empty.
    pub name: String,
    /// Caller asked not to be shown (RFC 3323).
    pub private: bool,
    /// The number that the owner lets this caller show outside, where it is not the trunk's.
    pub outside: Option<String>,
}

/// One reachable place of a target: a registered contact or a trunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// What is asked for, as the request URI; empty for a trunk, whose permit says it.
    pub uri: String,
    /// The flow that the phone registered by.
    pub flow: Option<sip::Flow>,
}

/// What arrives in a call's mailbox, from the signalling task, the media thread, other calls and the owner.
#[derive(Debug)]
pub enum CallEvent {
    /// A leg's signalling as it stands on the wire; the world puts it into words.
    Sip(LegId, sip::Event<Origin>),
    /// Something that happened on a leg, already in words (Local channels, scripted parties).
    Leg(LegId, LegEvent),
    /// Something a media port heard.
    Media(MediaEvent),
    /// Another call comes to this one, which waits for somebody.
    Link(crate::call::link::Link),
    /// A phone of this call sends the other party on.
    Refer(LegId, Refer),
    /// Another call wants a leg of its own in the place of a phone of this one.
    Take(Box<crate::call::merge::Take>),
    /// The owner or the exchange ends this call.
    End(Cause),
}

/// What a call shows of itself, besides the lines that it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign<'a> {
    /// It looks for this prompt, to play it.
    Prompt(&'a str),
    /// From now on a key of the caller means something.
    Listens,
    /// It takes a key of the caller.
    Took(char),
}

/// The mailbox of a call.
pub type Postbox = mpsc::Sender<CallEvent>;

/// What a call task needs of the world. All of it returns at once; answers come as [`CallEvent`]s.
pub trait World: Send {
    /// The contacts under which a phone can be reached now.
    fn contacts(&self, user: &str) -> Vec<Contact>;

    /// Carries a command out on a leg's signalling.
    fn signal(&mut self, leg: LegId, command: LegCommand);

    /// Starts an outgoing leg; the permit is used up. The only way to an outgoing INVITE.
    ///
    /// # Errors
    /// The cause, when the leg cannot even be tried (no route to it, no port free).
    fn start(&mut self, permit: Permit, leg: LegId, contact: &Contact, show: &Presentation) -> Result<(), Cause>;

    /// Orders something of the media plane.
    fn media(&mut self, command: MediaCommand);

    /// Makes the two ends of a Local channel; `far` events go to another call's mailbox.
    fn local_pair(&mut self, near: LegId, far: LegId, far_events: Postbox);

    /// The world of a Local channel's far end: same wires, no leg of its own yet.
    fn sibling(&self, events: Postbox) -> Box<dyn World>;

    /// Puts a signalling event into telephone words; nothing if the call need not know.
    fn interpret(&mut self, leg: LegId, event: sip::Event<Origin>) -> Option<LegEvent>;

    /// The plan passes this line; simulations and drills write it down.
    fn passed(&mut self, line: &dialplan::Invocation) {
        let _ = line;
    }

    /// The call shows something else of itself; a drill looks at it.
    fn sign(&mut self, sign: Sign<'_>) {
        let _ = sign;
    }
}
