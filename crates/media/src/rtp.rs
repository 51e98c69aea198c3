//! RTP packets (RFC 3550 §5.1): parse, write, and what sequence numbers and arrival times tell about a stream.
//!
//! Who may send such packets is [`crate::lock`]; reports about them are [`crate::rtcp`].

use crate::limits::MAX_PACKET;
use std::time::Instant;

/// Length of a header without CSRCs and extension.
pub const HEADER: usize = 12;

/// The part of the header that we read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// First packet of a talk spurt or of an event.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Counts packets, wraps.
    pub sequence: u16,
    /// Counts ticks of the format's clock, wraps.
    pub timestamp: u32,
    /// Names the stream.
    pub ssrc: u32,
}

/// A parsed packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    /// The payload without CSRCs, header extension and padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram. `None` for what is no RTP of version 2: STUN, DTLS, RTCP on the wrong port, rubbish, too long.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Option<Packet<'a>> {
        if bytes.len() > MAX_PACKET {
            return None;
        }
        let (&[flags, kind, s1, s0, t3, t2, t1, t0, c3, c2, c1, c0], mut rest) = bytes.split_first_chunk::<HEADER>()?;
        if flags >> 6 != 2 || (192..=223).contains(&kind) {
            // RFC 5761 §4: these second bytes are RTCP's.
            return None;
        }
        let csrcs = usize::from(flags & 0x0F) * 4;
        rest = rest.get(csrcs..)?;
        if flags & 0x10 != 0 {
            let (&[_, _, high, low], after) = rest.split_first_chunk::<4>()?;
            rest = after.get(usize::from(u16::from_be_bytes([high, low])) * 4..)?;
        }
        if flags & 0x20 != 0 {
            let padding = usize::from(*rest.last()?);
            if padding == 0 {
                return None;
            }
            rest = rest.get(..rest.len().checked_sub(padding)?)?;
        }
        let header = Header {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7F,
            sequence: u16::from_be_bytes([s1, s0]),
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
            ssrc: u32::from_be_bytes([c3, c2, c1, c0]),
        };
        Some(Packet { header, payload: rest })
    }
}

impl Header {
    /// Appends the twelve bytes to `out`; the payload follows them.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        let [s1, s0] = self.sequence.to_be_bytes();
        let [t3, t2, t1, t0] = self.timestamp.to_be_bytes();
        let [c3, c2, c1, c0] = self.ssrc.to_be_bytes();
        let kind = (self.payload_type & 0x7F) | if self.marker { 0x80 } else { 0 };
        out.extend_from_slice(&[0x80, kind, s1, s0, t3, t2, t1, t0, c3, c2, c1, c0]);
    }
}

/// A jump of more than this forward is a restart, not loss (RFC 3550 A.1).
const MAX_DROPOUT: u16 = 3000;
/// A packet older than this is a restart, not reordering (RFC 3550 A.1).
const MAX_MISORDER: u16 = 100;

/// What a packet's sequence number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Newer than all before.
    Ahead,
    /// Older than the newest: out of order or doubled.
    Behind,
    /// Too far off to belong to the stream; a second one in sequence starts the count anew.
    Stray,
}

/// One incoming stream (one SSRC): RFC 3550 appendices A.1, A.3 and A.8.
#[derive(Debug, Clone)]
pub struct Reception {
    ssrc: u32,
    clock: u32,
    base: u32,
    highest: u16,
    cycles: u32,
    /// The sequence number that a restarted stream would have next.
    restart: Option<u16>,
    received: u64,
    /// Lost before the last restart.
    lost_before: u64,
    expected_prior: u64,
    received_prior: u64,
    /// Arrival and timestamp of the packet before.
    last: (Instant, u32),
    /// In ticks, times 16.
    jitter: u32,
}

/// What a report block says about a stream (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// Of which stream.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all; can be negative by doubled packets.
    pub lost: i32,
    /// Highest sequence number with its wraps above it.
    pub highest: u32,
    /// In ticks.
    pub jitter: u32,
    /// The middle of the NTP time of the last sender report.
    pub last_sr: u32,
    /// Time since that report in 1/65536 s.
    pub delay: u32,
}

impl Reception {
    /// A stream whose first packet this is. Count the packet by [`accept`](Reception::accept) too.
    pub fn new(now: Instant, header: &Header, clock: u32) -> Reception {
        Reception {
            ssrc: header.ssrc,
            clock: clock.max(1),
            base: u32::from(header.sequence),
            highest: header.sequence.wrapping_sub(1),
            cycles: if header.sequence == 0 { 0u32.wrapping_sub(1 << 16) } else { 0 },
            restart: None,
            received: 0,
            lost_before: 0,
            expected_prior: 0,
            received_prior: 0,
            last: (now, header.timestamp),
            jitter: 0,
        }
    }

    /// The stream's name.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Takes a packet of this SSRC into account.
    pub fn accept(&mut self, now: Instant, header: &Header) -> Order {
        let step = header.sequence.wrapping_sub(self.highest);
        let order = if step != 0 && step < MAX_DROPOUT {
            if header.sequence < self.highest {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.highest = header.sequence;
            Order::Ahead
        } else if step == 0 || step > u16::MAX - MAX_MISORDER {
            Order::Behind
        } else if self.restart == Some(header.sequence) {
            self.lost_before = self.lost();
            self.base = u32::from(header.sequence);
            self.highest = header.sequence;
            self.cycles = 0;
            self.received = 0;
            self.expected_prior = 0;
            self.received_prior = 0;
            self.last = (now, header.timestamp);
            Order::Ahead
        } else {
            self.restart = Some(header.sequence.wrapping_add(1));
            return Order::Stray;
        };
        self.restart = None;
        self.received += 1;
        self.measure(now, header.timestamp);
        order
    }

    /// A.8: the smoothed difference between the spacing of arrivals and the spacing of timestamps.
    fn measure(&mut self, now: Instant, timestamp: u32) {
        let (then, before) = self.last;
        self.last = (now, timestamp);
        let apart = now.saturating_duration_since(then).as_micros() as u64;
        let arrival = (apart.min(3_600_000_000) * u64::from(self.clock) / 1_000_000) as i64;
        let sent = i64::from(timestamp.wrapping_sub(before) as i32);
        let off = (arrival - sent).unsigned_abs();
        // Silence suppression and restarts are no jitter.
        if off < u64::from(self.clock) {
            let smoothed = i64::from(self.jitter) + off as i64 - ((i64::from(self.jitter) + 8) >> 4);
            self.jitter = smoothed.clamp(0, i64::from(u32::MAX)) as u32;
        }
    }

    fn expected(&self) -> u64 {
        if self.received == 0 {
            return 0;
        }
        u64::from(self.extended().wrapping_sub(self.base).wrapping_add(1))
    }

    fn extended(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.highest))
    }

    /// Packets that should have come and did not.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.expected().saturating_sub(self.received)
    }

    /// The smoothed jitter in milliseconds.
    pub fn jitter_ms(&self) -> f32 {
        (self.jitter >> 4) as f32 * 1000.0 / self.clock as f32
    }

    /// The block for our next report; the fraction starts anew with each call. `last_sr` and `delay` are the caller's.
    pub fn report(&mut self) -> ReportBlock {
        let expected = self.expected();
        let interval = expected - self.expected_prior.min(expected);
        let came = self.received - self.received_prior.min(self.received);
        self.expected_prior = expected;
        self.received_prior = self.received;
        let fraction = (interval.saturating_sub(came) * 256).checked_div(interval).unwrap_or(0);
        let lost = expected as i64 - self.received as i64;
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction.min(255) as u8,
            lost: lost.clamp(-0x80_0000, 0x7F_FFFF) as i32,
            highest: self.extended(),
            jitter: self.jitter >> 4,
            last_sr: 0,
            delay: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc: 7 }
    }

    fn bytes(header: Header, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        header.write(&mut out);
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn what_is_written_is_read_back() {
        let header = Header { marker: true, payload_type: 101, sequence: 65_535, timestamp: 0xDEAD_BEEF, ssrc: 42 };
        let bytes = bytes(header, b"audio");
        assert_eq!(Packet::parse(&bytes), Some(Packet { header, payload: b"audio" }));
    }

    #[test]
    fn csrcs_extension_and_padding_are_taken_off() {
        let mut packet = bytes(header(1, 2), &[]);
        packet[0] |= 0x20 | 0x10 | 2;
        packet.extend_from_slice(&[0; 8]);
        packet.extend_from_slice(&[0xBE, 0xDE, 0, 1, 1, 2, 3, 4]);
        packet.extend_from_slice(b"pay");
        packet.extend_from_slice(&[0, 0, 3]);
        assert_eq!(Packet::parse(&packet).unwrap().payload, b"pay");
    }

    #[test]
    fn stun_rtcp_rubbish_and_giants_are_not_rtp() {
        assert!(Packet::parse(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_none());
        let mut report = bytes(header(1, 1), &[0; 16]);
        report[1] = 200;
        assert!(Packet::parse(&report).is_none());
        let whole = bytes(header(1, 1), &[0; 4]);
        for length in 0..HEADER {
            assert!(Packet::parse(&whole[..length]).is_none());
        }
        let mut padded = bytes(header(1, 1), &[9]);
        padded[0] |= 0x20;
        assert!(Packet::parse(&padded).is_none());
        assert!(Packet::parse(&bytes(header(1, 1), &[0; MAX_PACKET - HEADER])).is_some());
        assert!(Packet::parse(&bytes(header(1, 1), &[0; MAX_PACKET - HEADER + 1])).is_none());
    }

    #[test]
    fn losses_are_counted_over_the_wrap() {
        let start = Instant::now();
        let mut stream = Reception::new(start, &header(65_530, 0), 8000);
        for index in 0..20u16 {
            if index % 5 == 4 {
                continue;
            }
            let now = start + Duration::from_millis(20) * u32::from(index);
            let header = header(65_530u16.wrapping_add(index), u32::from(index) * 160);
            assert_eq!(stream.accept(now, &header), Order::Ahead);
        }
        // The last one, 19, is missing too but nobody can know.
        assert_eq!(stream.lost(), 3);
        let block = stream.report();
        assert_eq!((block.lost, block.highest), (3, 65_536 + 12));
        assert_eq!(block.fraction_lost, (3 * 256 / 19) as u8);
        assert_eq!(stream.report().fraction_lost, 0);
        assert_eq!(stream.jitter_ms(), 0.0);
    }

    #[test]
    fn a_stream_that_starts_at_zero_counts_right() {
        let now = Instant::now();
        let mut stream = Reception::new(now, &header(0, 0), 8000);
        stream.accept(now, &header(0, 0));
        stream.accept(now, &header(1, 0));
        assert_eq!((stream.lost(), stream.report().highest), (0, 1));
    }

    #[test]
    fn old_packets_do_not_move_the_stream_and_strays_need_company() {
        let now = Instant::now();
        let mut stream = Reception::new(now, &header(1000, 0), 8000);
        assert_eq!(stream.accept(now, &header(1000, 0)), Order::Ahead);
        assert_eq!(stream.accept(now, &header(1002, 320)), Order::Ahead);
        assert_eq!(stream.accept(now, &header(1001, 160)), Order::Behind);
        assert_eq!(stream.accept(now, &header(30_000, 0)), Order::Stray);
        assert_eq!(stream.accept(now, &header(1003, 480)), Order::Ahead);
        assert_eq!(stream.accept(now, &header(30_000, 0)), Order::Stray);
        assert_eq!(stream.accept(now, &header(30_001, 160)), Order::Ahead);
        assert_eq!(stream.lost(), 0);
    }

    #[test]
    fn jitter_follows_the_rfc() {
        let start = Instant::now();
        let mut stream = Reception::new(start, &header(0, 0), 8000);
        for index in 0..200u32 {
            // Every second packet is 5 ms late: |D| is always 5 ms.
            let late = Duration::from_millis(if index % 2 == 1 { 5 } else { 0 });
            let now = start + Duration::from_millis(20) * index + late;
            stream.accept(now, &header(index as u16, index * 160));
        }
        assert!((stream.jitter_ms() - 5.0).abs() < 0.3, "{}", stream.jitter_ms());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.payload.len() + HEADER <= bytes.len());
            }
        }

        #[test]
        fn any_sequence_keeps_the_figures_sane(steps in proptest::collection::vec((any::<u16>(), any::<u32>(), 0u64..100_000), 1..200)) {
            let mut now = Instant::now();
            let mut stream = Reception::new(now, &header(steps[0].0, steps[0].1), 8000);
            for (sequence, timestamp, wait) in steps {
                now += Duration::from_micros(wait);
                stream.accept(now, &header(sequence, timestamp));
                stream.report();
                prop_assert!(stream.jitter_ms() >= 0.0);
            }
        }
    }
}
