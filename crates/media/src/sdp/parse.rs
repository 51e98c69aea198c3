//! Text to [`Session`]: tolerant of line ends, order and unknown lines, strict about size. Never panics on what it reads.

use super::session::{Direction, Media, Origin, Payload, Rtcp, Session};
use crate::codec::Codec;
use crate::limits::{MAX_CLOCK, MAX_FORMATS, MAX_MEDIA, MAX_SDP, MAX_SDP_LINES, MAX_SDP_WORD};
use std::net::{IpAddr, Ipv4Addr};

/// What is wrong with a text that should be a session description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More bytes, lines, media or formats than [`crate::limits`] allows.
    #[error("too long")]
    TooLong,
    /// It does not start with `v=0`.
    #[error("no v=0")]
    Version,
    /// Line of this number (from 1) is not `x=…` in UTF-8, or its `m=` cannot be read.
    #[error("line {0}")]
    Line(usize),
}

/// Static payload types (RFC 3551 table 4) that are not [`Codec`]s: audio that can only pass through, and comfort noise.
const STATIC: [(u8, &str, u32, u8); 7] = [
    (4, "G723", 8000, 1),
    (10, "L16", 44100, 2),
    (11, "L16", 44100, 1),
    (12, "QCELP", 8000, 1),
    (13, "CN", 8000, 1),
    (15, "G728", 8000, 1),
    (18, "G729", 8000, 1),
];

impl Session {
    /// Reads a description (RFC 8866). Unknown lines and attributes are skipped.
    ///
    /// # Errors
    /// The peer's fault: too long, not `v=0`, or an unreadable line.
    pub fn parse(text: &[u8]) -> Result<Session, ParseError> {
        if text.len() > MAX_SDP {
            return Err(ParseError::TooLong);
        }
        let mut session = Session {
            origin: Origin { session: 0, version: 0, address: IpAddr::V4(Ipv4Addr::UNSPECIFIED) },
            connection: None,
            direction: None,
            media: Vec::new(),
        };
        let mut seen_version = false;
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            if number > MAX_SDP_LINES {
                return Err(ParseError::TooLong);
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let line = std::str::from_utf8(line).map_err(|_| ParseError::Line(number))?;
            if line.contains('\r') || line.contains('\0') {
                return Err(ParseError::Line(number));
            }
            let Some((kind, value)) = line.split_once('=') else { return Err(ParseError::Line(number)) };
            if !seen_version {
                if kind != "v" || value.trim() != "0" {
                    return Err(ParseError::Version);
                }
                seen_version = true;
                continue;
            }
            match kind {
                "o" => session.origin = origin(value).unwrap_or(session.origin),
                "c" => match session.media.last_mut() {
                    Some(media) => media.connection = connection(value),
                    None => session.connection = connection(value),
                },
                "m" => {
                    if session.media.len() >= MAX_MEDIA {
                        return Err(ParseError::TooLong);
                    }
                    session.media.push(media(value).ok_or(ParseError::Line(number))??);
                }
                "a" => attribute(&mut session, value),
                _ => {}
            }
        }
        if !seen_version {
            return Err(ParseError::Version);
        }
        Ok(session)
    }
}

fn origin(value: &str) -> Option<Origin> {
    let mut words = value.split_ascii_whitespace();
    let _user = words.next()?;
    let session = words.next()?.parse().unwrap_or(0);
    let version = words.next()?.parse().unwrap_or(0);
    let (_net, _family, address) = (words.next()?, words.next()?, words.next()?);
    Some(Origin { session, version, address: address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) })
}

/// `IN IP4 192.0.2.1`, with or without the multicast suffix. A name gives `None`: we ask no DNS for media.
fn connection(value: &str) -> Option<IpAddr> {
    let mut words = value.split_ascii_whitespace();
    let (net, _family, address) = (words.next()?, words.next()?, words.next()?);
    if !net.eq_ignore_ascii_case("IN") {
        return None;
    }
    address.split('/').next()?.parse().ok()
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.len() <= MAX_SDP_WORD && word.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `audio 49170 RTP/AVP 0 8 101`. The inner error is about size.
fn media(value: &str) -> Option<Result<Media, ParseError>> {
    let mut words = value.split_ascii_whitespace();
    let (kind, port, protocol) = (words.next()?, words.next()?, words.next()?);
    let port = port.split('/').next()?.parse().ok()?;
    if !is_word(kind) || !is_word(protocol) {
        return None;
    }
    let mut media = Media {
        kind: kind.to_ascii_lowercase(),
        port,
        protocol: protocol.to_owned(),
        payloads: Vec::new(),
        other_formats: Vec::new(),
        connection: None,
        direction: None,
        rtcp: None,
        rtcp_mux: false,
        ptime: None,
    };
    let rtp = protocol.to_ascii_uppercase().contains("RTP/");
    for word in words {
        if media.payloads.len() + media.other_formats.len() >= MAX_FORMATS {
            return Some(Err(ParseError::TooLong));
        }
        if rtp {
            let payload_type: u8 = word.parse().ok().filter(|pt| *pt <= 127)?;
            if !media.payloads.iter().any(|known| known.payload_type == payload_type) {
                media.payloads.push(known_payload(payload_type));
            }
        } else if is_word(word) {
            media.other_formats.push(word.to_owned());
        } else {
            return None;
        }
    }
    Some(Ok(media))
}

/// What a payload type means before `a=rtpmap` speaks.
fn known_payload(payload_type: u8) -> Payload {
    let (name, clock, channels) = match Codec::from_payload_type(payload_type) {
        Some(codec) => (codec.name(), codec.clock(), 1),
        None => STATIC
            .iter()
            .find(|entry| entry.0 == payload_type)
            .map_or(("", 0, 1), |(_, name, clock, channels)| (*name, *clock, *channels)),
    };
    Payload { payload_type, name: name.to_owned(), clock, channels, fmtp: None }
}

/// Takes what we know of an attribute. An unreadable attribute is skipped like an unknown one.
fn attribute(session: &mut Session, value: &str) {
    let (name, rest) = value.split_once(':').map_or((value, ""), |(name, rest)| (name, rest.trim()));
    let name = name.trim();
    if let Some(direction) = Direction::from_name(name) {
        match session.media.last_mut() {
            Some(media) => media.direction = Some(direction),
            None => session.direction = Some(direction),
        }
        return;
    }
    let Some(media) = session.media.last_mut() else { return };
    match name {
        "rtpmap" => drop(rtpmap(media, rest)),
        "fmtp" => drop(fmtp(media, rest)),
        "ptime" => {
            let whole = rest.split('.').next().unwrap_or_default();
            media.ptime = whole.parse().ok().filter(|ms| (1..=1000).contains(ms));
        }
        "rtcp" => media.rtcp = rtcp(rest),
        "rtcp-mux" => media.rtcp_mux = true,
        _ => {}
    }
}

fn payload<'a>(media: &'a mut Media, payload_type: &str) -> Option<&'a mut Payload> {
    let payload_type: u8 = payload_type.parse().ok()?;
    media.payloads.iter_mut().find(|payload| payload.payload_type == payload_type)
}

/// `101 telephone-event/8000`, `111 opus/48000/2`.
fn rtpmap(media: &mut Media, rest: &str) -> Option<()> {
    let (payload_type, encoding) = rest.split_once(' ')?;
    let payload = payload(media, payload_type)?;
    let mut parts = encoding.trim().split('/');
    let (name, clock) = (parts.next()?, parts.next()?.parse().ok()?);
    let channels = parts.next().map_or(Some(1), |channels| channels.parse().ok())?;
    if !is_word(name) || clock == 0 || clock > MAX_CLOCK || channels == 0 {
        return None;
    }
    payload.name = name.to_owned();
    payload.clock = clock;
    payload.channels = channels;
    Some(())
}

/// `101 0-16`.
fn fmtp(media: &mut Media, rest: &str) -> Option<()> {
    let (payload_type, parameters) = rest.split_once(' ')?;
    let parameters = parameters.trim();
    let fits = !parameters.is_empty() && parameters.len() <= MAX_SDP_WORD && !parameters.chars().any(char::is_control);
    payload(media, payload_type)?.fmtp = fits.then(|| parameters.to_owned());
    Some(())
}

/// `53020`, or `53020 IN IP4 192.0.2.1`.
fn rtcp(rest: &str) -> Option<Rtcp> {
    let (port, address) = rest.split_once(' ').map_or((rest, None), |(port, address)| (port, connection(address)));
    Some(Rtcp { port: port.trim().parse().ok().filter(|port| *port != 0)?, address })
}
