//! Every bound of SDP, RTP and the plane, with its reason. Each has a test that goes past it.

use std::time::Duration;

/// Longest session description. Browsers reach 6 KB; the SIP body limit is 16 KB.
pub const MAX_SDP: usize = 16 * 1024;
/// Most lines of a description. Browsers reach 150.
pub const MAX_SDP_LINES: usize = 512;
/// Most `m=` lines: a dialog that adds and drops media keeps the dead lines for ever (RFC 3264 §8.2).
pub const MAX_MEDIA: usize = 16;
/// Most formats of one `m=` line. There are 128 payload types; phones name up to 20.
pub const MAX_FORMATS: usize = 64;
/// Longest word of a description that we keep (names, parameters).
pub const MAX_SDP_WORD: usize = 256;

/// Fastest RTP clock that an `a=rtpmap` may name, in Hz: four times studio audio. Ticks are computed in 64 bits.
pub const MAX_CLOCK: u32 = 768_000;

/// Longest RTP or RTCP datagram we look at: an Ethernet frame and some. L16 at 60 ms is 960 bytes.
pub const MAX_PACKET: usize = 2048;
/// Most RTP packets a second from one source; 10 ms packets with a digit on top are 150. More is a flood that a relay must
/// not hand on.
pub const MAX_PACKETS_PER_SECOND: u32 = 400;
/// Most packets sent to an address that nothing valid came from and that is not the signalling address: 10 s of audio. A
/// description that names a victim buys no more than that.
pub const MAX_UNPROVEN_PACKETS: u32 = 500;
/// Most blocks we read of an RTCP packet, and most packets of a compound.
pub const MAX_RTCP_BLOCKS: usize = 32;

/// Ports of one plane. A port pair takes two sockets, of which 16-bit port numbers allow 32,768 pairs an address.
pub const MAX_PORTS: usize = 32_768;
/// Sounds in one `Play`: a number of 80 digits has 80.
pub const MAX_PLAYLIST: usize = 256;
/// Digits waiting to be sent on a port: a number and a PIN.
pub const MAX_DIGITS: usize = 128;
/// Shortest digit sent (Q.24 hears 40 ms).
pub const MIN_DIGIT_MS: u32 = 40;
/// Longest digit sent: a duration of 16 bits at 8 kHz lasts 8.19 s (RFC 4733 §2.5.1.3).
pub const MAX_DIGIT_MS: u32 = 8_000;
/// Events waiting for the shell, which takes them after each call. Digits beyond that are dropped, ends are not.
pub const MAX_EVENTS: usize = 4_096;
/// Longest recording whatever is asked: an hour.
pub const MAX_RECORDING: Duration = Duration::from_secs(3_600);
/// A recording hands out a chunk after so many seconds, so that a port holds at most 320 KB of it.
pub const CHUNK_SECONDS: usize = 10;
/// `Silent` after this long without packets, until `Watch` says otherwise.
pub const SILENT_AFTER: Duration = Duration::from_secs(30);
/// Frames that the jitter buffer holds: 400 ms. A stream further behind starts anew.
pub const MAX_JITTER_FRAMES: usize = 20;
/// Local pairs that one packet may pass; a ring of pairs ends there.
pub const MAX_HOPS: u8 = 8;
/// Ticks of 20 ms that a late `timeout` makes up for; what is older is skipped.
pub const MAX_CATCH_UP: u32 = 5;

/// Longest sound that can be played, in seconds: half an hour of hold music is 14 MB as G.722.
pub const SOUND_SECONDS: u32 = 1_800;
/// Most segments of one tone: 80 dialled digits with their pauses.
pub const TONE_SEGMENTS: usize = 160;
/// Longest segment of a tone in milliseconds; longer ones are written as "for ever".
pub const TONE_SEGMENT_MS: u32 = 60_000;
