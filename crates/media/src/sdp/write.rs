//! A [`Session`] as text. What comes from the peer (names, parameters) has passed the parser, which lets no line end through.

use super::session::{Media, Session};
use std::fmt::{Display, Formatter, Result};
use std::net::IpAddr;

fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}

impl Display for Session {
    /// The description with CRLF line ends, ready for a message body.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Session { origin, connection, direction, media } = self;
        let from = origin.address;
        write!(f, "v=0\r\no=- {} {} IN {} {from}\r\ns=-\r\n", origin.session, origin.version, family(from))?;
        if let Some(address) = connection {
            write!(f, "c=IN {} {address}\r\n", family(*address))?;
        }
        f.write_str("t=0 0\r\n")?;
        if let Some(direction) = direction {
            write!(f, "a={}\r\n", direction.name())?;
        }
        media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl Display for Media {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "m={} {} {}", self.kind, self.port, self.protocol)?;
        for payload in &self.payloads {
            write!(f, " {}", payload.payload_type)?;
        }
        for format in &self.other_formats {
            write!(f, " {format}")?;
        }
        if self.payloads.is_empty() && self.other_formats.is_empty() {
            f.write_str(" 0")?;
        }
        f.write_str("\r\n")?;
        if let Some(address) = self.connection {
            write!(f, "c=IN {} {address}\r\n", family(address))?;
        }
        for payload in &self.payloads {
            if !payload.name.is_empty() {
                write!(f, "a=rtpmap:{} {}/{}", payload.payload_type, payload.name, payload.clock)?;
                if payload.channels != 1 {
                    write!(f, "/{}", payload.channels)?;
                }
                f.write_str("\r\n")?;
            }
            if let Some(fmtp) = &payload.fmtp {
                write!(f, "a=fmtp:{} {fmtp}\r\n", payload.payload_type)?;
            }
        }
        if let Some(ptime) = self.ptime {
            write!(f, "a=ptime:{ptime}\r\n")?;
        }
        if let Some(rtcp) = self.rtcp {
            write!(f, "a=rtcp:{}", rtcp.port)?;
            if let Some(address) = rtcp.address {
                write!(f, " IN {} {address}", family(address))?;
            }
            f.write_str("\r\n")?;
        }
        if self.rtcp_mux {
            f.write_str("a=rtcp-mux\r\n")?;
        }
        if let Some(direction) = self.direction {
            write!(f, "a={}\r\n", direction.name())?;
        }
        Ok(())
    }
}
