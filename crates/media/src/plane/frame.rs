//! A packet inside the plane: on its way from the port where it came in to the port where it goes out.

use crate::sdp::Format;

/// What the payload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Audio in this format.
    Audio(Format),
    /// A telephone event under this clock.
    Event(u32),
}

/// One packet with the numbers of the stream it comes from.
#[derive(Debug, Clone)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) payload: &'a [u8],
    pub(super) marker: bool,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    /// Names the stream within this plane; another SSRC is another stream.
    pub(super) key: u64,
}
