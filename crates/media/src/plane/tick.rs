//! What happens by itself: every 20 ms at ports that play, send digits, record or keep alive; and the rare duties of legs.

use super::Plane;
use super::frame::{Frame, Kind};
use super::keys::{Key, Means};
use super::player::Played;
use super::port::{End, Port};
use super::report::Event;
use crate::codec::Codec;
use crate::event::Payload;
use crate::sdp::Format;
use std::time::Instant;

/// The clock of streams between the halves of a local pair.
const CLOCK: u32 = 8000;
/// 20 ms of it.
const FRAME: u32 = CLOCK / 50;

impl Plane {
    /// Does what is due. May be called at any time.
    pub fn timeout(&mut self, now: Instant) {
        while let Some(slot) = self.ticks.woken(now) {
            self.woken(now, slot);
        }
        while let Some(due) = self.ticks.due(now) {
            let mut position = 0;
            while let Some(slot) = self.ticks.slot(due.phase, position) {
                self.tick(now, slot, due.skipped);
                // A port that has nothing more to do leaves the list, and another one takes its position.
                let Some(Some(port)) = self.slots.get_mut(slot) else {
                    self.ticks.remove(due.phase, slot);
                    continue;
                };
                if port.needs_ticks() {
                    position += 1;
                } else {
                    port.phase = None;
                    self.ticks.remove(due.phase, slot);
                }
            }
        }
    }

    /// A leg's report or silence is due.
    fn woken(&mut self, now: Instant, slot: usize) {
        let ntp = self.ntp(now);
        let Some(Some(Port { id, end: End::Rtp(leg), .. })) = self.slots.get_mut(slot) else { return };
        leg.wake = None;
        let port = *id;
        leg.report(now, ntp, &mut self.random, &mut self.outbox, port, false);
        if let Some(quiet) = leg.silence(now) {
            self.tell(Event::Silent { port, quiet });
        }
        self.schedule(slot);
    }

    fn tick(&mut self, now: Instant, slot: usize, skipped: bool) {
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        let id = port.id;
        match &mut port.end {
            End::Rtp(leg) if skipped => leg.interrupt(),
            End::Rtp(_) => {}
            End::Local { stream, .. } => stream.timestamp = stream.timestamp.wrapping_add(FRAME),
        }
        if let Some(press) = port.events.expire(now, port.event_clock) {
            self.pressed(now, slot, press, true);
        }
        self.tick_recorder(slot);
        let mut payload = std::mem::take(&mut self.scratch);
        let codec = self.codec_toward(slot, 0);
        let means = self.means(slot, codec);
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        match port.keys.next(means, &mut payload) {
            Key::Event { payload, first } => self.own_event(now, slot, payload, first),
            Key::Tone => self.own_frame(now, slot, codec, &payload),
            Key::Pause => self.nothing(slot),
            Key::Idle => {
                let ready = match &port.end {
                    // What is to be heard waits until somebody can hear it.
                    End::Rtp(leg) => leg.format().is_some(),
                    End::Local { .. } => true,
                };
                if let Some(player) = port.player.as_mut().filter(|_| ready) {
                    match player.next(codec.unwrap_or(Codec::Pcmu), &mut payload) {
                        Played::Frame => self.own_frame(now, slot, codec, &payload),
                        Played::Ended(list) => {
                            port.player = None;
                            self.nothing(slot);
                            if let Some(list) = list {
                                self.tell(Event::Played { port: id, id: list });
                            }
                        }
                    }
                } else if port.keep_alive
                    && port.joined.is_none()
                    && let Some(codec) = codec
                {
                    payload.clear();
                    silence(codec, &mut payload);
                    self.own_frame(now, slot, Some(codec), &payload);
                } else {
                    self.nothing(slot);
                }
            }
        }
        self.scratch = payload;
    }

    /// Nothing of our own goes out in this tick: what comes next takes its timestamp from the clock.
    fn nothing(&mut self, slot: usize) {
        if let Some(Some(Port { end: End::Rtp(leg), .. })) = self.slots.get_mut(slot) {
            leg.interrupt();
        }
    }

    fn tick_recorder(&mut self, slot: usize) {
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        let Some(recorder) = &mut port.recorder else { return };
        let heard = recorder.tick();
        let chunk = heard.chunk.map(|pcm| recorder.chunk(port.id, pcm));
        if let Some(chunk) = chunk {
            self.tell(chunk);
        }
        if let Some(end) = heard.end {
            self.end_recording(slot, end);
        }
    }

    fn means(&self, slot: usize, codec: Option<Codec>) -> Means {
        match self.slots.get(slot).and_then(Option::as_ref).map(|port| &port.end) {
            Some(End::Rtp(leg)) => match leg.event_clock() {
                Some(clock) => Means::Events(clock),
                None => codec.map_or(Means::None, Means::Tones),
            },
            Some(End::Local { .. }) => Means::Events(CLOCK),
            None => Means::None,
        }
    }

    /// A frame of our own goes out at a port.
    fn own_frame(&mut self, now: Instant, slot: usize, codec: Option<Codec>, payload: &[u8]) {
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        let Some(codec) = codec else { return };
        match &mut port.end {
            End::Rtp(leg) => leg.send_frame(now, &mut self.outbox, port.id, payload),
            End::Local { with, stream } => {
                stream.sequence = stream.sequence.wrapping_add(1);
                let frame = Frame {
                    kind: Kind::Audio(Format::Audio(codec)),
                    payload,
                    marker: false,
                    sequence: stream.sequence,
                    timestamp: stream.timestamp,
                    key: stream.key,
                };
                if let Some(other) = self.index.get(with).copied() {
                    self.arrive(now, other, &frame, 1);
                }
            }
        }
    }

    /// A packet of an event of our own goes out at a port.
    fn own_event(&mut self, now: Instant, slot: usize, payload: Payload, first: bool) {
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        match &mut port.end {
            End::Rtp(leg) => leg.send_event(now, &mut self.outbox, port.id, payload, first),
            End::Local { with, stream } => {
                stream.sequence = stream.sequence.wrapping_add(1);
                if first {
                    stream.event = stream.timestamp;
                }
                let bytes = payload.bytes();
                let frame = Frame {
                    kind: Kind::Event(CLOCK),
                    payload: &bytes,
                    marker: first,
                    sequence: stream.sequence,
                    timestamp: stream.event,
                    key: stream.key,
                };
                if let Some(other) = self.index.get(with).copied() {
                    self.arrive(now, other, &frame, 1);
                }
            }
        }
    }
}

/// 20 ms of silence.
fn silence(codec: Codec, out: &mut Vec<u8>) {
    let pcm = vec![0; codec.frame_samples()];
    codec.encoder().encode(&pcm, out);
}
