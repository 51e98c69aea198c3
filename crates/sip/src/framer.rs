//! Cuts a stream (TCP, TLS) into messages by Content-Length (RFC 3261 §18.3) and answers
//! keep-alives (RFC 5626 §4.4.1). A stream that cannot be cut for sure is given up: close it.
//!
//! Each [`Frame::Message`] goes to [`crate::Endpoint::receive`].

use bytes::{Buf, Bytes, BytesMut};

use crate::limits;

/// What to write back for a [`Frame::Pong`].
pub const PONG: &[u8] = b"\r\n";

/// One thing that a stream carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// One whole message.
    Message(Bytes),
    /// The peer sent CR LF CR LF between messages: write [`PONG`] back.
    Pong,
}

/// Why a stream must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header part does not end within [`limits::MESSAGE_BYTES`].
    #[error("no end of headers within the bound")]
    HeadTooLong,
    /// The body is longer than [`limits::BODY_BYTES`].
    #[error("a body beyond the bound")]
    BodyTooLong,
    /// Content-Length is missing, repeated, folded or not a number.
    #[error("no usable Content-Length")]
    ContentLength,
    /// More than empty lines between messages; or an error came before.
    #[error("not a SIP stream")]
    Junk,
}

/// The framing state of one connection. Memory is bounded by one message.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// How far the search for the end of the head has come.
    searched: usize,
    /// Length of head and body once the head is known.
    need: Option<usize>,
    failed: bool,
}

impl Framer {
    /// A fresh connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was read and gives all that is complete now.
    ///
    /// # Errors
    /// [`FrameError`]: messages cannot be told apart any more; close the connection.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
        if self.failed {
            return Err(FrameError::Junk);
        }
        let mut frames = Vec::new();
        let mut rest = bytes;
        // Feed at most one message bound at a time, so that a large read cannot grow the buffer.
        loop {
            let room = limits::MESSAGE_BYTES.saturating_add(4).saturating_sub(self.buffer.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.buffer.extend_from_slice(now);
            rest = later;
            let before = self.buffer.len();
            match self.cut(&mut frames) {
                Ok(()) => {}
                Err(error) => {
                    self.failed = true;
                    self.buffer = BytesMut::new();
                    return Err(error);
                }
            }
            if rest.is_empty() {
                return Ok(frames);
            }
            if self.buffer.len() == before {
                self.failed = true;
                self.buffer = BytesMut::new();
                return Err(FrameError::HeadTooLong);
            }
        }
    }

    /// Bytes that wait for the rest of their message.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    fn cut(&mut self, frames: &mut Vec<Frame>) -> Result<(), FrameError> {
        loop {
            if self.need.is_none() && !self.keep_alive(frames)? {
                return Ok(());
            }
            let need = match self.need {
                Some(need) => need,
                None => match self.head()? {
                    Some(need) => *self.need.insert(need),
                    None => return Ok(()),
                },
            };
            if self.buffer.len() < need {
                return Ok(());
            }
            frames.push(Frame::Message(self.buffer.split_to(need).freeze()));
            self.need = None;
            self.searched = 0;
        }
    }

    /// Eats empty lines before a message; whether a message may begin now.
    fn keep_alive(&mut self, frames: &mut Vec<Frame>) -> Result<bool, FrameError> {
        if self.searched > 0 {
            return Ok(true);
        }
        loop {
            match self.buffer.first() {
                None => return Ok(false),
                Some(b'\r') => {}
                // Every start line begins with a token character (a method or SIP/2.0).
                Some(b) if b.is_ascii_graphic() => return Ok(true),
                Some(_) => return Err(FrameError::Junk),
            }
            if self.buffer.starts_with(b"\r\n\r\n") {
                self.buffer.advance(4);
                // One answer tells the peer that we live, however often he asked.
                if frames.last() != Some(&Frame::Pong) {
                    frames.push(Frame::Pong);
                }
            } else if b"\r\n\r\n".starts_with(&self.buffer) {
                return Ok(false);
            } else if self.buffer.starts_with(b"\r\n") {
                self.buffer.advance(2);
            } else {
                return Err(FrameError::Junk);
            }
        }
    }

    fn head(&mut self) -> Result<Option<usize>, FrameError> {
        let from = self.searched.saturating_sub(3);
        let found = self.buffer.get(from..).unwrap_or(&[]).windows(4).position(|w| w == b"\r\n\r\n");
        let Some(at) = found else {
            self.searched = self.buffer.len();
            if self.buffer.len() >= limits::MESSAGE_BYTES {
                return Err(FrameError::HeadTooLong);
            }
            return Ok(None);
        };
        let head_end = from + at + 4;
        let length = content_length(self.buffer.get(..head_end).unwrap_or(&[]))?;
        if length > limits::BODY_BYTES {
            return Err(FrameError::BodyTooLong);
        }
        let need = head_end + length;
        if need > limits::MESSAGE_BYTES {
            return Err(FrameError::HeadTooLong);
        }
        Ok(Some(need))
    }
}

/// The one Content-Length (or `l`) of a head. Anything that two readers could read in two ways is
/// an error: repeated, folded, signed, empty.
fn content_length(head: &[u8]) -> Result<usize, FrameError> {
    let mut found = None;
    let mut rest = head;
    let mut last_was_length = false;
    let mut first = true;
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let (line, tail) = rest.split_at(end);
        rest = tail.get(2..).unwrap_or(&[]);
        if line.is_empty() {
            break;
        }
        if std::mem::take(&mut first) {
            continue;
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if last_was_length {
                return Err(FrameError::ContentLength);
            }
            continue;
        }
        last_was_length = false;
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        let name = name.trim_ascii();
        if !(name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l")) {
            continue;
        }
        last_was_length = true;
        let digits = value.get(1..).unwrap_or(&[]).trim_ascii();
        if found.is_some() || digits.is_empty() || digits.len() > 9 {
            return Err(FrameError::ContentLength);
        }
        let mut n = 0usize;
        for &d in digits {
            if !d.is_ascii_digit() {
                return Err(FrameError::ContentLength);
            }
            n = n * 10 + usize::from(d - b'0');
        }
        found = Some(n);
    }
    found.ok_or(FrameError::ContentLength)
}

#[cfg(test)]
mod tests;
