//! How a packet runs: from a peer into its port, through joins and local pairs, out at another port.

use super::Plane;
use super::frame::{Frame, Kind};
use super::leg::{Arrival, Noted};
use super::port::{End, Port};
use super::report::{Event, RecordEnd};
use crate::codec::Codec;
use crate::event::Press;
use crate::limits::MAX_HOPS;
use std::net::SocketAddr;
use std::time::Instant;

impl Plane {
    /// A datagram on the RTP socket of a port.
    pub(super) fn rtp(&mut self, now: Instant, slot: usize, from: SocketAddr, bytes: &[u8]) {
        let Some(Some(Port { id, end: End::Rtp(leg), .. })) = self.slots.get_mut(slot) else { return };
        let port = *id;
        let mut noted = Noted::default();
        let arrival = leg.rtp(now, from, bytes, &mut self.key, &mut noted);
        if noted.first {
            self.tell(Event::FirstPacket { port });
        }
        if noted.awake {
            self.schedule(slot);
        }
        for heard in noted.digits {
            self.pressed(now, slot, Press { digit: heard.digit, ms: heard.ms }, false);
        }
        if let Arrival::Frame(frame) = arrival {
            self.arrive(now, slot, &frame, 0);
        }
    }

    /// A packet comes in at a port: for its ears, and for its partner.
    pub(super) fn arrive(&mut self, now: Instant, slot: usize, frame: &Frame<'_>, hops: u8) {
        if hops > MAX_HOPS {
            return;
        }
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        match &frame.kind {
            Kind::Event(clock) => {
                port.event_clock = *clock;
                let before = if port.event_key == frame.key { None } else { port.events.restart(*clock) };
                port.event_key = frame.key;
                let [earlier, ended] = port.events.packet(now, frame.timestamp, frame.payload, *clock);
                self.set_ticking(now, slot);
                for press in [before, earlier, ended].into_iter().flatten() {
                    self.pressed(now, slot, press, true);
                }
            }
            Kind::Audio(format) => {
                if let (Some(recorder), Some(codec)) = (&mut port.recorder, format.codec()) {
                    recorder.packet(frame, codec);
                }
            }
        }
        let Some(Some(port)) = self.slots.get(slot) else { return };
        let (echo, joined) = (port.echo, port.joined);
        if echo {
            self.emit(now, slot, frame, hops);
        } else if let Some(partner) = joined {
            self.emit(now, partner, frame, hops);
        }
    }

    /// A packet of another port goes out at this one, unless something of its own is heard there.
    fn emit(&mut self, now: Instant, slot: usize, frame: &Frame<'_>, hops: u8) {
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        if port.is_busy() {
            return;
        }
        match &mut port.end {
            End::Rtp(leg) => leg.relay(now, &mut self.outbox, port.id, frame),
            End::Local { with, .. } => {
                if let Some(other) = self.index.get(with).copied() {
                    self.arrive(now, other, frame, hops + 1);
                }
            }
        }
    }

    /// A key was pressed at a port. `event`: it came as an event, so that a partner without events has not heard it yet.
    pub(super) fn pressed(&mut self, now: Instant, slot: usize, press: Press, event: bool) {
        let Some(Some(port)) = self.slots.get(slot) else { return };
        let (id, joined) = (port.id, port.joined.filter(|_| !port.echo));
        let ends = port.recorder.as_ref().is_some_and(|recorder| recorder.ends_with(press.digit));
        self.tell(Event::Digit { port: id, digit: press.digit, ms: press.ms });
        if ends {
            self.end_recording(slot, RecordEnd::Digit(press.digit));
        }
        let partner =
            joined.filter(|_| event).and_then(|partner| Some((partner, self.slots.get_mut(partner)?.as_mut()?)));
        if let Some((slot, Port { end: End::Rtp(leg), keys, .. })) = partner
            && leg.event_clock().is_none()
        {
            keys.push(press.digit.encode_utf8(&mut [0; 4]), press.ms);
            self.set_ticking(now, slot);
        }
    }

    /// The codec in which a sound for this port is best made: that of the leg which hears it in the end.
    pub(super) fn codec_toward(&self, slot: usize, hops: u8) -> Option<Codec> {
        match &self.slots.get(slot)?.as_ref()?.end {
            End::Rtp(leg) => leg.format().and_then(|format| format.codec()),
            End::Local { with, .. } => {
                let other = self.slots.get(*self.index.get(with)?)?.as_ref()?;
                match other.joined {
                    Some(partner) if hops < MAX_HOPS => self.codec_toward(partner, hops + 1),
                    _ => Some(Codec::Pcmu),
                }
            }
        }
    }
}
