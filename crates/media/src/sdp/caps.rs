//! What we are ready to speak, in order, and how two legs of a call are brought to the same codec.

use super::session::{Payload, Session};
use crate::codec::Codec;
use std::sync::Arc;

/// A way to put audio into packets: one we can turn into PCM, or one we can only hand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// We have an encoder and a decoder.
    Audio(Codec),
    /// We can relay it between two legs that both speak it, nothing else (G.729, iLBC, Opus).
    Opaque(Arc<Opaque>),
}

/// A codec that passes through us unread.
#[derive(Debug, Clone)]
pub struct Opaque {
    /// The encoding name as the first side wrote it.
    pub name: String,
    /// RTP clock in Hz.
    pub clock: u32,
    /// Channels.
    pub channels: u8,
    /// The payload type that the first side used, for our own offer.
    pub payload_type: u8,
    /// `a=fmtp` of the first side.
    pub fmtp: Option<String>,
}

impl PartialEq for Opaque {
    /// Payload type and parameters may differ between legs; it is the same codec all the same.
    fn eq(&self, other: &Opaque) -> bool {
        self.name.eq_ignore_ascii_case(&other.name) && self.clock == other.clock && self.channels == other.channels
    }
}

impl Eq for Opaque {}

impl Format {
    /// The encoding name, for records and logs.
    pub fn name(&self) -> &str {
        match self {
            Format::Audio(codec) => codec.name(),
            Format::Opaque(opaque) => &opaque.name,
        }
    }

    /// The RTP clock in Hz.
    pub fn clock(&self) -> u32 {
        match self {
            Format::Audio(codec) => codec.clock(),
            Format::Opaque(opaque) => opaque.clock,
        }
    }

    /// The codec, if we can decode it.
    pub fn codec(&self) -> Option<Codec> {
        match self {
            Format::Audio(codec) => Some(*codec),
            Format::Opaque(_) => None,
        }
    }

    /// What a line of a description means to us. `None` for events, comfort noise, redundancy and what nothing explains.
    pub fn of(payload: &Payload) -> Option<Format> {
        if payload.name.is_empty() || payload.clock == 0 {
            return None;
        }
        // Some phones write the rate of G.722's audio instead of its RTP clock, which is 8000 all the same (RFC 3551 §4.5.2).
        let g722 = payload.name.eq_ignore_ascii_case("G722") && payload.clock == 16_000;
        let clock = if g722 { 8000 } else { payload.clock };
        if payload.channels == 1
            && let Some(codec) = Codec::from_name(&payload.name, clock)
        {
            return Some(Format::Audio(codec));
        }
        const NOT_AUDIO: [&str; 5] = ["telephone-event", "CN", "red", "ulpfec", "rtx"];
        if NOT_AUDIO.iter().any(|name| payload.name.eq_ignore_ascii_case(name)) {
            return None;
        }
        Some(Format::Opaque(Arc::new(Opaque {
            name: payload.name.clone(),
            clock: payload.clock,
            channels: payload.channels,
            payload_type: payload.payload_type,
            fmtp: payload.fmtp.clone(),
        })))
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose order decides among the common codecs when we answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prefer {
    /// The offerer's (RFC 3264 §6.1 recommends it).
    #[default]
    Theirs,
    /// Ours: to keep two legs on one codec.
    Ours,
}

/// What we offer and accept on one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// The codecs, best first.
    pub formats: Vec<Format>,
    /// Whether we offer and accept `telephone-event` (RFC 4733).
    pub dtmf: bool,
    /// Whose order decides when we answer.
    pub prefer: Prefer,
}

impl Default for Caps {
    /// PCMU, PCMA, G722 and events; the offerer's order decides.
    fn default() -> Caps {
        Caps::of(&[Codec::Pcmu, Codec::Pcma, Codec::G722])
    }
}

impl Caps {
    /// These codecs in this order, with events.
    pub fn of(codecs: &[Codec]) -> Caps {
        Caps { formats: codecs.iter().copied().map(Format::Audio).collect(), dtmf: true, prefer: Prefer::Theirs }
    }

    /// For the offer on a second leg: what the first leg's description can speak comes first and in its order; our own others
    /// follow, so that a call is transcoded rather than lost. Codecs that we can only relay are offered when the first leg
    /// has no other: no prompt and no hold music could be heard in them.
    pub fn toward(&self, first_leg: &Session) -> Caps {
        let audio = first_leg.media.iter().find(|media| media.kind == "audio" && media.port != 0);
        let theirs: Vec<Format> = audio.iter().flat_map(|media| &media.payloads).filter_map(Format::of).collect();
        let speaks_with_us = theirs.iter().any(|format| self.formats.contains(format));
        let wanted = theirs.into_iter().filter(|format| !speaks_with_us || self.formats.contains(format));
        let mut formats: Vec<Format> = Vec::new();
        for format in wanted.chain(self.formats.iter().cloned()) {
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        Caps { formats, dtmf: self.dtmf, prefer: self.prefer }
    }

    /// For the answer on the first leg once the second has agreed on `format`: that codec wins if the offer has it.
    pub fn preferring(&self, format: &Format) -> Caps {
        let mut formats = vec![format.clone()];
        formats.extend(self.formats.iter().filter(|other| *other != format).cloned());
        Caps { formats, dtmf: self.dtmf, prefer: Prefer::Ours }
    }
}
