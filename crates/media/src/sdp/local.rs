//! Our side of offer/answer on one call leg (RFC 3264): makes offers and answers, keeps `o=` version and the `m=` lines.

use super::caps::{Caps, Format, Prefer};
use super::parse::ParseError;
use super::session::{Direction, Media, Origin, Payload, Session};
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The payload type that we offer for events at first.
const EVENTS: u8 = 101;
/// The range of dynamic payload types (RFC 3551 §3).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;

/// A codec that both sides take, and what each calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadTypes {
    /// The codec.
    pub format: Format,
    /// The payload type of packets that come to us.
    pub pt_in: u8,
    /// The payload type of packets that we send.
    pub pt_out: u8,
}

/// What an offer and its answer agreed on for the one audio stream of a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The codec that we send.
    pub codec: Format,
    /// The payload type of `codec` in packets that come to us.
    pub pt_in: u8,
    /// The payload type of `codec` in packets that we send.
    pub pt_out: u8,
    /// All common codecs, `codec` first. The peer may send any of them.
    pub common: Vec<PayloadTypes>,
    /// The payload types (in, out) of telephone events, if agreed.
    pub dtmf: Option<(u8, u8)>,
    /// Where the peer wants its packets. An unspecified address when it gave none (old-style hold).
    pub remote: SocketAddr,
    /// Where the peer wants its reports.
    pub remote_rtcp: SocketAddr,
    /// Our direction: whether we may send and shall listen.
    pub direction: Direction,
    /// The packet length that the peer prefers, in milliseconds; 20 when it says nothing. We always send 20.
    pub ptime: u16,
}

impl Negotiated {
    /// Whether the peer put us on hold: we shall not be heard.
    pub fn held(&self) -> bool {
        !self.direction.sends()
    }
}

/// Why no media came out of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NegotiateError {
    /// The text is no session description. (400)
    #[error("malformed session description: {0}")]
    Malformed(#[from] ParseError),
    /// There is no audio, or its port is 0. (488)
    #[error("no audio stream")]
    NoAudio,
    /// All audio wants encryption that this leg does not have. (488)
    #[error("only secure RTP is offered")]
    SecureOnly,
    /// No codec in common. (488)
    #[error("no codec in common")]
    NoCodec,
    /// An answer came and there was no offer of ours.
    #[error("an answer without an offer")]
    NoOffer,
}

/// One leg's own descriptions from the first offer to the last re-INVITE.
#[derive(Debug, Clone)]
pub struct Local {
    address: SocketAddr,
    session: u64,
    /// The payload type of events: what the first answer agreed on stays (RFC 3264 §8.3.2).
    events: u8,
    /// The description that went out last; its version counts up when the next one differs.
    last: Option<Session>,
    /// Our offer that waits for its answer, with the capabilities it came from.
    offered: Option<(Session, Caps)>,
}

impl Local {
    /// A leg whose RTP arrives at `address` (RTCP one port above). `session` is any number that is not used twice.
    pub fn new(address: SocketAddr, session: u64) -> Local {
        Local { address, session: session & (i64::MAX as u64), events: EVENTS, last: None, offered: None }
    }

    /// The address that the descriptions name.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An offer: for an INVITE, a re-INVITE, or the 2xx to an INVITE without one. The version counts up when it changes.
    pub fn offer(&mut self, caps: &Caps, direction: Direction) -> Bytes {
        let audio = self.audio_line(offer_payloads(caps, self.events), direction);
        let mut media: Vec<Media> = Vec::new();
        let mut placed = false;
        for line in self.last.iter().flat_map(|last| &last.media) {
            if !placed && line.kind == "audio" && line.is_plain_rtp() && line.port != 0 {
                media.push(Media { protocol: line.protocol.clone(), ..audio.clone() });
                placed = true;
            } else {
                media.push(refused(line));
            }
        }
        if !placed {
            media.push(audio);
        }
        let session = self.describe(media);
        self.offered = Some((session.clone(), caps.clone()));
        Bytes::from(session.to_string())
    }

    /// Our answer to the peer's `offer`, and what that settles. Takes the first plain RTP audio stream and refuses the others.
    /// One codec is answered, so that no phone has to follow a change of codec without notice.
    pub fn answer(
        &mut self,
        caps: &Caps,
        offer: &Session,
        direction: Direction,
    ) -> Result<(Bytes, Negotiated), NegotiateError> {
        let index = choose(offer, caps)?;
        let Some(theirs) = offer.media.get(index) else { return Err(NegotiateError::NoAudio) };
        let common = in_common(caps, theirs);
        let Some(chosen) = common.first().cloned() else { return Err(NegotiateError::NoCodec) };
        let direction = direction.and(flow(offer, theirs));
        let mut payloads = vec![payload_of(&chosen.format, chosen.pt_in)];
        let dtmf = events_of(theirs, chosen.format.clock()).filter(|_| caps.dtmf);
        if let Some(events) = dtmf {
            payloads.push(events_payload(events.payload_type, events.clock));
            if events.clock == 8000 {
                self.events = events.payload_type;
            }
        }
        let audio = self.audio_line(payloads, direction);
        let media =
            offer
                .media
                .iter()
                .enumerate()
                .map(|(at, line)| {
                    if at == index { Media { protocol: line.protocol.clone(), ..audio.clone() } } else { refused(line) }
                })
                .collect();
        let session = self.describe(media);
        self.offered = None;
        let negotiated = settle(
            offer,
            theirs,
            vec![chosen],
            dtmf.map(|events| (events.payload_type, events.payload_type)),
            direction,
        );
        Ok((Bytes::from(session.to_string()), negotiated))
    }

    /// The peer's answer to our last [`offer`](Local::offer).
    pub fn accept_answer(&mut self, answer: &Session) -> Result<Negotiated, NegotiateError> {
        let Some((ours, caps)) = &self.offered else { return Err(NegotiateError::NoOffer) };
        let index = ours.media.iter().position(|media| media.port != 0).unwrap_or(0);
        let (Some(ours), Some(theirs)) = (ours.media.get(index), answer.media.get(index)) else {
            return Err(NegotiateError::NoAudio);
        };
        if theirs.port == 0 || theirs.kind != "audio" {
            return Err(NegotiateError::NoAudio);
        }
        if theirs.is_secure_rtp() {
            return Err(NegotiateError::SecureOnly);
        }
        // The answerer's order decides; our own payload types are what comes to us.
        let mut common = Vec::new();
        for payload in &theirs.payloads {
            let Some(format) = Format::of(payload) else { continue };
            let Some(mine) = ours.payloads.iter().find(|mine| Format::of(mine).as_ref() == Some(&format)) else {
                continue;
            };
            common.push(PayloadTypes { format, pt_in: mine.payload_type, pt_out: payload.payload_type });
        }
        let Some(first) = common.first() else { return Err(NegotiateError::NoCodec) };
        let clock = first.format.clock();
        let dtmf = match (events_of(ours, clock), events_of(theirs, clock)) {
            (Some(mine), Some(yours)) if caps.dtmf => Some((mine.payload_type, yours.payload_type)),
            _ => None,
        };
        let direction = answer_direction(ours).and(flow(answer, theirs));
        let negotiated = settle(answer, theirs, common, dtmf, direction);
        self.offered = None;
        Ok(negotiated)
    }

    /// The offer failed or was answered with an error: the state before it holds.
    pub fn offer_failed(&mut self) {
        self.offered = None;
    }

    fn audio_line(&self, payloads: Vec<Payload>, direction: Direction) -> Media {
        Media {
            kind: "audio".to_owned(),
            port: self.address.port(),
            protocol: "RTP/AVP".to_owned(),
            payloads,
            other_formats: Vec::new(),
            connection: None,
            direction: Some(direction),
            rtcp: None,
            rtcp_mux: false,
            ptime: Some(20),
        }
    }

    fn describe(&mut self, media: Vec<Media>) -> Session {
        let version = self.last.as_ref().map_or(1, |last| last.origin.version);
        let mut session = Session {
            origin: Origin { session: self.session, version, address: self.address.ip() },
            connection: Some(self.address.ip()),
            direction: None,
            media,
        };
        if let Some(last) = &self.last
            && *last != session
        {
            session.origin.version = version.wrapping_add(1);
        }
        self.last = Some(session.clone());
        session
    }
}

/// The first audio line we can take; the error says what comes nearest.
fn choose(offer: &Session, caps: &Caps) -> Result<usize, NegotiateError> {
    let mut error = NegotiateError::NoAudio;
    for (index, media) in offer.media.iter().enumerate() {
        if media.kind != "audio" || media.port == 0 {
            continue;
        }
        if media.is_plain_rtp() {
            if !in_common(caps, media).is_empty() {
                return Ok(index);
            }
            error = NegotiateError::NoCodec;
        } else if media.is_secure_rtp() && error == NegotiateError::NoAudio {
            error = NegotiateError::SecureOnly;
        }
    }
    Err(error)
}

/// The codecs of an offered line that we speak too, best first.
fn in_common(caps: &Caps, theirs: &Media) -> Vec<PayloadTypes> {
    let mut common: Vec<PayloadTypes> = Vec::new();
    for payload in &theirs.payloads {
        let Some(format) = Format::of(payload) else { continue };
        if caps.formats.contains(&format) && !common.iter().any(|known| known.format == format) {
            common.push(PayloadTypes { format, pt_in: payload.payload_type, pt_out: payload.payload_type });
        }
    }
    if caps.prefer == Prefer::Ours {
        common.sort_by_key(|types| caps.formats.iter().position(|format| *format == types.format));
    }
    common
}

/// Our direction as the peer's description allows it. An unspecified address is the old way to say hold (RFC 3264 §8.4).
fn flow(theirs: &Session, media: &Media) -> Direction {
    let direction = theirs.direction_of(media).reversed();
    match theirs.address_of(media) {
        Some(address) if address.is_unspecified() => direction.and(Direction::RecvOnly),
        _ => direction,
    }
}

fn answer_direction(ours: &Media) -> Direction {
    ours.direction.unwrap_or_default()
}

/// The events of a line: those of the codec's own clock, else of 8000 Hz.
fn events_of(media: &Media, clock: u32) -> Option<&Payload> {
    let events = |clock| {
        media
            .payloads
            .iter()
            .find(move |payload| payload.name.eq_ignore_ascii_case("telephone-event") && payload.clock == clock)
    };
    events(clock).or_else(|| events(8000))
}

fn settle(
    session: &Session,
    media: &Media,
    common: Vec<PayloadTypes>,
    dtmf: Option<(u8, u8)>,
    direction: Direction,
) -> Negotiated {
    let ip = session.address_of(media).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let rtcp_port = media.rtcp.map_or(media.port.saturating_add(1), |rtcp| rtcp.port);
    let rtcp_ip = media.rtcp.and_then(|rtcp| rtcp.address).unwrap_or(ip);
    // Callers have seen to it that there is a first one; µ-law, which everybody speaks, stands for the impossible.
    let first = common.first().cloned().unwrap_or(PayloadTypes {
        format: Format::Audio(crate::codec::Codec::Pcmu),
        pt_in: 0,
        pt_out: 0,
    });
    Negotiated {
        codec: first.format,
        pt_in: first.pt_in,
        pt_out: first.pt_out,
        common,
        dtmf,
        remote: SocketAddr::new(ip, media.port),
        remote_rtcp: SocketAddr::new(rtcp_ip, rtcp_port),
        direction,
        ptime: media.ptime.filter(|ms| (10..=200).contains(ms)).unwrap_or(20),
    }
}

/// The line of an offer: our codecs with their static payload types, or free dynamic ones, then events.
fn offer_payloads(caps: &Caps, events: u8) -> Vec<Payload> {
    let mut payloads: Vec<Payload> = Vec::new();
    for format in &caps.formats {
        let wanted = match format {
            Format::Audio(codec) => codec.payload_type(),
            Format::Opaque(opaque) => Some(opaque.payload_type).filter(|pt| *pt != events),
        };
        let taken = |pt: u8| payloads.iter().any(|payload| payload.payload_type == pt);
        let free = wanted.filter(|pt| !taken(*pt)).or_else(|| DYNAMIC.clone().find(|pt| *pt != events && !taken(*pt)));
        if let Some(payload_type) = free {
            payloads.push(payload_of(format, payload_type));
        }
    }
    if caps.dtmf {
        payloads.push(events_payload(events, 8000));
    }
    payloads
}

fn payload_of(format: &Format, payload_type: u8) -> Payload {
    let (channels, fmtp) = match format {
        Format::Audio(_) => (1, None),
        Format::Opaque(opaque) => (opaque.channels, opaque.fmtp.clone()),
    };
    Payload { payload_type, name: format.name().to_owned(), clock: format.clock(), channels, fmtp }
}

fn events_payload(payload_type: u8, clock: u32) -> Payload {
    Payload { payload_type, name: "telephone-event".to_owned(), clock, channels: 1, fmtp: Some("0-15".to_owned()) }
}

/// The same line with port 0 and the first of its formats (RFC 3264 §6).
fn refused(line: &Media) -> Media {
    Media {
        kind: line.kind.clone(),
        port: 0,
        protocol: line.protocol.clone(),
        payloads: line.payloads.first().cloned().into_iter().collect(),
        other_formats: line.other_formats.first().cloned().into_iter().collect(),
        connection: None,
        direction: None,
        rtcp: None,
        rtcp_mux: false,
        ptime: None,
    }
}
