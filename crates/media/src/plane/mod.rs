//! All audio of one media thread as a state machine: commands, packets and the time go in, packets and events come out.
//!
//! [`Plane`] is the table of ports and carries out [`Command`]s; how a packet runs from port to port is in `flow`, what
//! happens every 20 ms in `tick`, and one RTP peer with its source lock and its outgoing stream in `leg`.

mod command;
mod flow;
mod frame;
mod keys;
mod leg;
mod listener;
mod outbox;
mod outgoing;
mod player;
mod port;
mod random;
mod recorder;
mod report;
mod tick;
mod ticks;
mod transcode;

pub use command::{Command, LockRule, PortId, PortKind, RecordSpec};
pub use report::{Channel, Event, RecordEnd, Stats, Transmit};

use crate::limits::{MAX_EVENTS, MAX_PORTS};
use leg::Leg;
use outbox::Outbox;
use player::Player;
use port::{End, LocalStream, Port};
use random::Random;
use recorder::Recorder;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;
use ticks::Ticks;

/// The audio of many calls. After each call into it, take what [`poll_transmit`](Plane::poll_transmit) and
/// [`poll_event`](Plane::poll_event) give, and call [`timeout`](Plane::timeout) at [`poll_timeout`](Plane::poll_timeout).
#[derive(Debug)]
pub struct Plane {
    slots: Vec<Option<Port>>,
    free: Vec<usize>,
    index: HashMap<PortId, usize>,
    ticks: Ticks,
    outbox: Outbox,
    events: VecDeque<Event>,
    random: Random,
    /// The last stream key given out.
    key: u64,
    /// The first `now`: NTP times of reports count from here.
    epoch: Option<Instant>,
    /// Payloads of our own are made here.
    scratch: Vec<u8>,
}

impl Plane {
    /// An empty plane. SSRCs, first sequence numbers and timestamps come from `seed`: take it from the system's randomness.
    pub fn new(seed: [u8; 32]) -> Plane {
        Plane {
            slots: Vec::new(),
            free: Vec::new(),
            index: HashMap::new(),
            ticks: Ticks::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            random: Random::new(seed),
            key: 0,
            epoch: None,
            scratch: Vec::new(),
        }
    }

    /// Carries out a command.
    pub fn command(&mut self, now: Instant, command: Command) {
        self.epoch.get_or_insert(now);
        match command {
            Command::Open { port, kind } => self.open(now, port, kind),
            Command::Close { port } => self.close(now, port),
            Command::Join { a, b } => self.join(now, a, b),
            Command::Remote { port, .. }
            | Command::Watch { port, .. }
            | Command::Play { port, .. }
            | Command::Tone { port, .. }
            | Command::Stop { port }
            | Command::Leave { port }
            | Command::SendDigits { port, .. }
            | Command::Record { port, .. }
            | Command::StopRecord { port }
            | Command::Echo { port, .. }
            | Command::KeepAlive { port, .. } => {
                if let Some(slot) = self.index.get(&port).copied() {
                    self.at_port(now, slot, command);
                }
            }
        }
    }

    /// The commands that are about one port.
    fn at_port(&mut self, now: Instant, slot: usize, command: Command) {
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        match command {
            Command::Remote { negotiated, signalling_ip, lock, .. } => {
                if let End::Rtp(leg) = &mut port.end {
                    leg.agree(now, &mut self.random, *negotiated, signalling_ip, lock);
                }
                self.schedule(slot);
            }
            Command::Watch { silent_after, .. } => {
                if let End::Rtp(leg) = &mut port.end {
                    leg.watch(now, silent_after);
                }
                self.schedule(slot);
            }
            Command::Play { id, list, repeat, .. } => port.player = Some(Player::list(id, list, repeat)),
            Command::Tone { tone, .. } => port.player = Some(Player::tone(tone)),
            Command::Stop { .. } => port.player = None,
            Command::Leave { .. } => self.part(now, slot),
            Command::SendDigits { digits, ms, .. } => port.keys.push(&digits, ms),
            Command::Record { id, spec, .. } => {
                self.end_recording(slot, RecordEnd::Stopped);
                let codec = self.codec_toward(slot, 0);
                if let Some(Some(port)) = self.slots.get_mut(slot) {
                    port.recorder = Some(Box::new(Recorder::new(id, spec, codec)));
                }
            }
            Command::StopRecord { .. } => self.end_recording(slot, RecordEnd::Stopped),
            Command::Echo { on, .. } => port.echo = on,
            Command::KeepAlive { on, .. } => port.keep_alive = on,
            Command::Open { .. } | Command::Close { .. } | Command::Join { .. } => {}
        }
        self.set_ticking(now, slot);
    }

    fn open(&mut self, now: Instant, id: PortId, kind: PortKind) {
        if self.index.contains_key(&id) || self.index.len() >= MAX_PORTS {
            return;
        }
        let end = match kind {
            PortKind::Rtp => End::Rtp(Box::new(Leg::new(now, &mut self.random))),
            PortKind::LocalPair { with } => {
                self.key += 1;
                End::Local { with, stream: LocalStream { key: self.key, sequence: 0, timestamp: 0, event: 0 } }
            }
        };
        let port = Some(Port::new(id, end));
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        if let Some(place) = self.slots.get_mut(slot) {
            *place = port;
            self.index.insert(id, slot);
        }
    }

    fn close(&mut self, now: Instant, id: PortId) {
        let Some(slot) = self.index.remove(&id) else { return };
        self.end_recording(slot, RecordEnd::Closed);
        self.part(now, slot);
        let ntp = self.ntp(now);
        let Some(mut port) = self.slots.get_mut(slot).and_then(Option::take) else { return };
        self.free.push(slot);
        if let Some(phase) = port.phase {
            self.ticks.remove(phase, slot);
        }
        let stats = match &mut port.end {
            End::Rtp(leg) => {
                self.ticks.wake(slot, leg.wake.take(), None);
                leg.report(now, ntp, &mut self.random, &mut self.outbox, id, true);
                Box::new(leg.stats())
            }
            End::Local { .. } => Box::default(),
        };
        self.tell(Event::Closed { port: id, stats });
    }

    fn join(&mut self, now: Instant, a: PortId, b: PortId) {
        let (Some(&one), Some(&other)) = (self.index.get(&a), self.index.get(&b)) else { return };
        if one == other {
            return;
        }
        self.part(now, one);
        self.part(now, other);
        for (slot, partner) in [(one, other), (other, one)] {
            if let Some(Some(port)) = self.slots.get_mut(slot) {
                port.joined = Some(partner);
            }
        }
    }

    /// Undoes the join of this slot, on both sides.
    fn part(&mut self, now: Instant, slot: usize) {
        let Some(partner) = self.slots.get_mut(slot).and_then(|port| port.as_mut()?.joined.take()) else { return };
        if let Some(Some(port)) = self.slots.get_mut(partner) {
            port.joined = None;
        }
        self.set_ticking(now, slot);
        self.set_ticking(now, partner);
    }

    fn end_recording(&mut self, slot: usize, end: RecordEnd) {
        let Some(Some(port)) = self.slots.get_mut(slot) else { return };
        if let Some(recorder) = port.recorder.take() {
            let event = recorder.finish(port.id, end);
            self.tell(event);
        }
    }

    /// Puts the port on the tick list if it has something to do there. It leaves the list by itself.
    fn set_ticking(&mut self, now: Instant, slot: usize) {
        if let Some(Some(port)) = self.slots.get_mut(slot)
            && port.phase.is_none()
            && port.needs_ticks()
        {
            port.phase = Some(self.ticks.add(now, slot));
            match &mut port.end {
                End::Rtp(leg) => leg.interrupt(),
                End::Local { stream, .. } => {
                    // Time has passed unnoticed: for those who hear it, this is another stream.
                    self.key += 1;
                    stream.key = self.key;
                }
            }
        }
    }

    /// Brings the timer of a leg's rare duties up to date.
    fn schedule(&mut self, slot: usize) {
        if let Some(Some(Port { end: End::Rtp(leg), .. })) = self.slots.get_mut(slot) {
            let (before, after) = (leg.wake, leg.next_wake());
            if before != after {
                leg.wake = after;
                self.ticks.wake(slot, before, after);
            }
        }
    }

    /// Queues an event. When the shell takes none, digits and parts of recordings give way; ends never do.
    fn tell(&mut self, event: Event) {
        let may_wait = matches!(event, Event::Digit { .. } | Event::RecordChunk { .. });
        if !may_wait || self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        }
    }

    /// The time for reports: 32.32 bits of seconds since the first `now`.
    fn ntp(&self, now: Instant) -> u64 {
        let since = self.epoch.map(|epoch| now.saturating_duration_since(epoch)).unwrap_or_default();
        // One is added, because a report time of zero means "none" (RFC 3550 §6.4.1).
        ((since.as_secs() + 1) << 32) | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000)
    }

    /// A datagram that came to a port's socket.
    pub fn packet(&mut self, now: Instant, port: PortId, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        self.epoch.get_or_insert(now);
        let Some(&slot) = self.index.get(&port) else { return };
        match channel {
            Channel::Rtp => self.rtp(now, slot, from, bytes),
            Channel::Rtcp => {
                let ntp = self.ntp(now);
                if let Some(Some(Port { end: End::Rtp(leg), .. })) = self.slots.get_mut(slot) {
                    leg.rtcp(now, ntp, from, bytes);
                }
            }
        }
    }

    /// When to call [`timeout`](Plane::timeout) next; `None` while nothing is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ticks.deadline()
    }

    /// The next packet to send. Its bytes are lent until the next call, so that a relayed packet needs no allocation.
    #[inline]
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        self.outbox.pop()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How many ports are open.
    pub fn ports(&self) -> usize {
        self.index.len()
    }

    /// What a port is, if it is open.
    pub fn kind(&self, port: PortId) -> Option<PortKind> {
        let slot = *self.index.get(&port)?;
        Some(self.slots.get(slot)?.as_ref()?.kind())
    }

    /// The figures of an RTP port so far.
    pub fn stats(&self, port: PortId) -> Option<Stats> {
        let slot = *self.index.get(&port)?;
        match &self.slots.get(slot)?.as_ref()?.end {
            End::Rtp(leg) => Some(leg.stats()),
            End::Local { .. } => None,
        }
    }
}
