//! One RTP peer: who it is (lock), what comes from it (reception, listener), what goes to it (one outgoing stream), reports.

use super::command::{LockRule, PortId};
use super::frame::{Frame, Kind};
use super::listener::Listener;
use super::outbox::Outbox;
use super::outgoing::{Outgoing, Place};
use super::random::Random;
use super::report::{Channel, Stats};
use super::transcode::Transcoder;
use crate::event::Payload;
use crate::inband::Heard;
use crate::limits::{MAX_PACKETS_PER_SECOND, SILENT_AFTER};
use crate::lock::{Lock, Verdict};
use crate::rtcp;
use crate::rtp::{Header, Order, Packet, Reception};
use crate::sdp::{Direction, Format, Negotiated};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The static payload type of comfort noise (RFC 3389).
const COMFORT_NOISE: u8 = 13;
/// Between two reports, before it is spread by half (RFC 3550 §6.2).
const REPORTS: Duration = Duration::from_secs(5);

/// What an offer/answer settled, and the lock that follows from it.
#[derive(Debug)]
struct Agreed {
    terms: Negotiated,
    lock: Lock,
}

/// The last sender report of the peer, for our next report block.
#[derive(Debug, Clone, Copy)]
struct SenderReport {
    /// The middle of its NTP time.
    ntp: u32,
    at: Instant,
}

/// One RTP peer.
#[derive(Debug)]
pub(super) struct Leg {
    agreed: Option<Box<Agreed>>,
    reception: Option<Reception>,
    /// Another SSRC and the sequence number that would make it the stream.
    suspect: Option<(u32, u16)>,
    /// The key of the incoming stream.
    key: u64,
    listener: Option<Box<Listener>>,
    outgoing: Outgoing,
    transcoder: Option<Box<Transcoder>>,
    cname: String,
    last_sr: Option<SenderReport>,
    report_at: Option<Instant>,
    reported_packets: u64,
    /// When the peer was last heard, or when it should have begun.
    heard: Instant,
    silent_after: Option<Duration>,
    silence_told: bool,
    proved: bool,
    /// The second that `burst` counts.
    window: Instant,
    burst: u32,
    stats: Stats,
    lost_before: u64,
    codec_in: Option<Format>,
    /// What the timer list holds for this leg.
    pub(super) wake: Option<Instant>,
}

/// What came of a packet.
pub(super) enum Arrival<'a> {
    /// Not for us.
    Dropped,
    /// Good, and on its way.
    Frame(Frame<'a>),
}

/// What the rest of the plane must know about an accepted packet.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The first proof of life.
    pub(super) first: bool,
    /// Silence was told and is over.
    pub(super) awake: bool,
    /// Digits heard in the audio.
    pub(super) digits: Vec<Heard>,
}

impl Leg {
    pub(super) fn new(now: Instant, random: &mut Random) -> Leg {
        Leg {
            agreed: None,
            reception: None,
            suspect: None,
            key: 0,
            listener: None,
            outgoing: Outgoing::new(random, 8000),
            transcoder: None,
            cname: format!("{:016x}@tollgate", random.next()),
            last_sr: None,
            report_at: None,
            reported_packets: 0,
            heard: now,
            silent_after: Some(SILENT_AFTER),
            silence_told: false,
            proved: false,
            window: now,
            burst: 0,
            stats: Stats::default(),
            lost_before: 0,
            codec_in: None,
            wake: None,
        }
    }

    /// An offer/answer was settled.
    pub(super) fn agree(
        &mut self,
        now: Instant,
        random: &mut Random,
        terms: Negotiated,
        signalling: IpAddr,
        rule: LockRule,
    ) {
        self.outgoing.set_clock(random, terms.codec.clock());
        let lock = match self.agreed.take() {
            Some(before) => {
                let mut lock = before.lock;
                lock.renegotiate(now, terms.remote, terms.remote_rtcp, signalling, rule);
                if before.terms.codec != terms.codec {
                    self.transcoder = None;
                }
                lock
            }
            None => {
                self.report_at = Some(now + spread(random) / 2);
                Lock::new(terms.remote, terms.remote_rtcp, signalling, rule)
            }
        };
        if terms.dtmf.is_some() {
            self.listener = None;
        }
        self.heard = now;
        self.silence_told = false;
        self.agreed = Some(Box::new(Agreed { terms, lock }));
    }

    pub(super) fn watch(&mut self, now: Instant, silent_after: Option<Duration>) {
        self.silent_after = silent_after;
        self.heard = self.heard.max(now);
        self.silence_told = false;
    }

    /// The format that is sent to the peer.
    pub(super) fn format(&self) -> Option<&Format> {
        self.agreed.as_ref().map(|agreed| &agreed.terms.codec)
    }

    /// The clock of its events, if it takes events.
    pub(super) fn event_clock(&self) -> Option<u32> {
        self.agreed.as_ref().filter(|agreed| agreed.terms.dtmf.is_some()).map(|agreed| agreed.terms.codec.clock())
    }

    fn counts_too_many(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.window) >= Duration::from_secs(1) {
            self.window = now;
            self.burst = 0;
        }
        self.burst = self.burst.saturating_add(1);
        self.burst > MAX_PACKETS_PER_SECOND
    }

    /// A datagram on the RTP socket. `next_key` names a stream that has not been seen.
    pub(super) fn rtp<'a>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &'a [u8],
        next_key: &mut u64,
        noted: &mut Noted,
    ) -> Arrival<'a> {
        let Some(agreed) = &mut self.agreed else {
            self.stats.wrong_source += 1;
            return Arrival::Dropped;
        };
        let Some(Packet { header, payload }) = Packet::parse(bytes) else {
            self.stats.junk += 1;
            return Arrival::Dropped;
        };
        let terms = &agreed.terms;
        let event = terms.dtmf.is_some_and(|(incoming, _)| incoming == header.payload_type);
        let kind = if event {
            Some(Kind::Event(terms.codec.clock()))
        } else if let Some(types) = terms.common.iter().find(|types| types.pt_in == header.payload_type) {
            Some(Kind::Audio(types.format.clone()))
        } else if header.payload_type == COMFORT_NOISE {
            // Many send it unasked while nobody speaks. It is a sign of life and nothing else.
            None
        } else {
            self.stats.junk += 1;
            return Arrival::Dropped;
        };
        match agreed.lock.rtp(now, from, &header) {
            Verdict::Accept => {}
            Verdict::Proved => {
                // Whoever proves itself anew brings its own stream.
                self.forget_stream();
                noted.first = !self.proved;
                self.proved = true;
            }
            Verdict::Probation => return Arrival::Dropped,
            Verdict::WrongSource => {
                self.stats.wrong_source += 1;
                return Arrival::Dropped;
            }
        }
        if self.counts_too_many(now) || !self.receive(now, &header, next_key) {
            self.stats.junk += 1;
            return Arrival::Dropped;
        }
        self.stats.packets_in += 1;
        self.stats.bytes_in += payload.len() as u64;
        self.heard = now;
        noted.awake = std::mem::take(&mut self.silence_told);
        let (Some(agreed), Some(kind)) = (&self.agreed, kind) else { return Arrival::Dropped };
        if !agreed.terms.direction.receives() {
            return Arrival::Dropped;
        }
        if let Kind::Audio(format) = &kind {
            if self.codec_in.as_ref() != Some(format) {
                self.codec_in = Some(format.clone());
            }
            if agreed.terms.dtmf.is_none()
                && let Some(codec) = format.codec()
            {
                let listener = match &mut self.listener {
                    Some(listener) if listener.is_for(codec) => listener,
                    listener => listener.insert(Box::new(Listener::new(codec))),
                };
                noted.digits = listener.packet(header.sequence, payload);
            }
        }
        Arrival::Frame(Frame {
            kind,
            payload,
            marker: header.marker,
            sequence: header.sequence,
            timestamp: header.timestamp,
            key: self.key,
        })
    }

    fn forget_stream(&mut self) {
        if let Some(reception) = self.reception.take() {
            self.lost_before += reception.lost();
        }
    }

    /// Counts the packet; `false` when it fits into no stream. Another SSRC needs two packets in sequence, as any stray does.
    fn receive(&mut self, now: Instant, header: &Header, next_key: &mut u64) -> bool {
        if let Some(reception) = &mut self.reception {
            if reception.ssrc() == header.ssrc {
                return reception.accept(now, header) != Order::Stray;
            }
            let next = Some((header.ssrc, header.sequence));
            if self.suspect != next {
                self.suspect = Some((header.ssrc, header.sequence.wrapping_add(1)));
                return false;
            }
            self.forget_stream();
        }
        self.suspect = None;
        let clock = self.outgoing.clock();
        self.reception.insert(Reception::new(now, header, clock)).accept(now, header);
        *next_key += 1;
        self.key = *next_key;
        self.last_sr = None;
        true
    }

    /// A datagram on the RTCP socket.
    pub(super) fn rtcp(&mut self, now: Instant, ntp: u64, from: SocketAddr, bytes: &[u8]) {
        if !self.agreed.as_mut().is_some_and(|agreed| agreed.lock.rtcp(from)) {
            self.stats.wrong_source += 1;
            return;
        }
        let Some(packets) = (!self.counts_too_many(now)).then(|| rtcp::parse(bytes)).flatten() else {
            self.stats.junk += 1;
            return;
        };
        for packet in packets {
            let rtcp::Packet::Report { sender, blocks, .. } = packet else { continue };
            if let Some(sender) = sender {
                self.last_sr = Some(SenderReport { ntp: (sender.ntp >> 16) as u32, at: now });
            }
            for block in blocks.iter().filter(|block| block.ssrc == self.outgoing.ssrc) {
                self.stats.lost_out = u64::try_from(block.lost).unwrap_or(0);
                self.stats.jitter_out_ms = block.jitter as f32 * 1000.0 / self.outgoing.clock() as f32;
                if block.last_sr != 0 {
                    // RFC 3550 §6.4.1: now - LSR - DLSR, in 1/65536 s.
                    let trip = ((ntp >> 16) as u32).wrapping_sub(block.last_sr).wrapping_sub(block.delay);
                    let trip = Duration::from_micros(u64::from(trip) * 1_000_000 / 65_536);
                    if trip < Duration::from_secs(60) {
                        self.stats.round_trip = Some(trip);
                    }
                }
            }
        }
    }

    fn send(&mut self, outbox: &mut Outbox, port: PortId, payload_type: u8, place: Place, payload: &[u8]) {
        let Some(to) = self.agreed.as_mut().and_then(|agreed| agreed.lock.target().filter(|_| agreed.lock.may_send()))
        else {
            return;
        };
        let Place { sequence, timestamp, marker } = place;
        let header = Header { marker, payload_type, sequence, timestamp, ssrc: self.outgoing.ssrc };
        outbox.push(port, Channel::Rtp, to, |out| {
            header.write(out);
            out.extend_from_slice(payload);
        });
        self.stats.packets_out += 1;
        self.stats.bytes_out += payload.len() as u64;
    }

    /// Whether the peer wants to hear us.
    fn terms_to_send(&self) -> Option<&Negotiated> {
        self.agreed.as_ref().map(|agreed| &agreed.terms).filter(|terms| terms.direction.sends())
    }

    /// Sends a frame of our own making, in the leg's codec.
    pub(super) fn send_frame(&mut self, now: Instant, outbox: &mut Outbox, port: PortId, payload: &[u8]) {
        let Some(payload_type) = self.terms_to_send().map(|terms| terms.pt_out) else {
            self.outgoing.interrupt();
            return;
        };
        let place = self.outgoing.local(now);
        self.send(outbox, port, payload_type, place, payload);
    }

    /// Sends a packet of an event of our own.
    pub(super) fn send_event(
        &mut self,
        now: Instant,
        outbox: &mut Outbox,
        port: PortId,
        payload: Payload,
        first: bool,
    ) {
        let Some((_, payload_type)) = self.terms_to_send().and_then(|terms| terms.dtmf) else { return };
        let place = self.outgoing.event(now, first);
        self.send(outbox, port, payload_type, place, &payload.bytes());
    }

    /// What we send ourselves was interrupted.
    pub(super) fn interrupt(&mut self) {
        self.outgoing.interrupt();
    }

    /// Sends what another port heard: as it is when the formats agree, else decoded and encoded again.
    pub(super) fn relay(&mut self, now: Instant, outbox: &mut Outbox, port: PortId, frame: &Frame<'_>) {
        let Some(terms) = self.terms_to_send() else { return };
        let (payload_type, transcode) = match &frame.kind {
            Kind::Event(_) => match terms.dtmf {
                Some((_, payload_type)) => (payload_type, None),
                None => return,
            },
            Kind::Audio(format) if *format == terms.codec => (terms.pt_out, None),
            Kind::Audio(format) => match (format.codec(), terms.codec.codec()) {
                (Some(from), Some(to)) => (terms.pt_out, Some((from, to))),
                _ => return,
            },
        };
        let Frame { key, sequence, timestamp, marker, .. } = *frame;
        match transcode {
            None => {
                if let Some(place) = self.outgoing.relay(now, key, sequence, timestamp, marker) {
                    self.send(outbox, port, payload_type, place, frame.payload);
                }
            }
            Some((from, to)) => {
                let mut transcoder = match self.transcoder.take() {
                    Some(transcoder) if transcoder.is_for(key, from, to) => transcoder,
                    _ => Box::new(Transcoder::new(key, from, to)),
                };
                if let Some(payload) = transcoder.packet(sequence, frame.payload)
                    && let Some(place) = self.outgoing.relay(now, key, sequence, timestamp, marker)
                {
                    self.send(outbox, port, payload_type, place, payload);
                }
                self.transcoder = Some(transcoder);
            }
        }
    }

    /// Reports to the peer if it is time, or for the last time.
    pub(super) fn report(
        &mut self,
        now: Instant,
        ntp: u64,
        random: &mut Random,
        outbox: &mut Outbox,
        port: PortId,
        bye: bool,
    ) {
        if !bye && self.report_at.is_none_or(|at| at > now) {
            return;
        }
        self.report_at = Some(now + spread(random));
        let Some(to) = self.agreed.as_ref().and_then(|agreed| agreed.lock.rtcp_target()) else { return };
        if self.stats.packets_out == 0 && self.reception.is_none() {
            return;
        }
        let sender = rtcp::SenderInfo {
            ntp,
            rtp: self.outgoing.timestamp_at(now),
            packets: self.stats.packets_out as u32,
            octets: self.stats.bytes_out as u32,
        };
        let sender = (self.stats.packets_out > self.reported_packets).then_some(sender);
        self.reported_packets = self.stats.packets_out;
        let last_sr = self.last_sr;
        let block = self.reception.as_mut().map(|reception| {
            let mut block = reception.report();
            if let Some(last) = last_sr {
                block.last_sr = last.ntp;
                let since = now.saturating_duration_since(last.at).as_micros() as u64;
                block.delay = (since.saturating_mul(65_536) / 1_000_000).min(u64::from(u32::MAX)) as u32;
            }
            block
        });
        outbox.push(port, Channel::Rtcp, to, |out| {
            rtcp::write(out, self.outgoing.ssrc, sender.as_ref(), block.as_ref(), &self.cname, bye);
        });
    }

    /// How long the peer has been silent, if that is to be told now.
    pub(super) fn silence(&mut self, now: Instant) -> Option<Duration> {
        let quiet = now.saturating_duration_since(self.heard);
        if self.silence_at().is_none_or(|at| at > now) {
            return None;
        }
        self.silence_told = true;
        Some(quiet)
    }

    fn silence_at(&self) -> Option<Instant> {
        // Whoever holds the call may well send nothing, though "sendonly" would allow music.
        let expects = self.agreed.as_ref().is_some_and(|agreed| agreed.terms.direction == Direction::SendRecv);
        let limit = self.silent_after.filter(|_| expects && !self.silence_told)?;
        self.heard.checked_add(limit)
    }

    /// When the leg has something to do by itself.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        match (self.silence_at(), self.report_at) {
            (Some(silence), Some(report)) => Some(silence.min(report)),
            (silence, report) => silence.or(report),
        }
    }

    /// The figures so far.
    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.stats.clone();
        stats.lost_in = self.lost_before;
        if let Some(reception) = &self.reception {
            stats.lost_in += reception.lost();
            stats.jitter_in_ms = reception.jitter_ms();
        }
        stats.codec_in = self.codec_in.as_ref().map(|format| format.name().to_owned());
        stats.codec_out = self.format().map(|format| format.name().to_owned());
        stats.source = self.agreed.as_ref().and_then(|agreed| agreed.lock.source());
        stats
    }
}

/// The time to the next report: 2.5 to 7.5 s, so that the reports of many legs do not fall together.
fn spread(random: &mut Random) -> Duration {
    REPORTS / 2 + Duration::from_millis(random.next() % REPORTS.as_millis() as u64)
}
