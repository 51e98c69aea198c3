//! One media thread: waits for packets, orders and the clock, and feeds its plane. Started and spoken to by `media_io`.

use crate::limits::{RTP_BURST, RTP_PACKET};
use crate::net::media_io::{Alarm, Order, Shard, Shared, lock};
use crate::net::ports::Pair;
use media::plane::{Channel, Command, Event, Plane, PortId, PortKind};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Registry, Token};
use pbx::switch::CallEvent;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// What an order's ring looks like among the sockets.
pub(super) const WAKE: Token = Token(usize::MAX);

/// How often ports whose call is gone are looked for: a call closes its ports itself, this is for tasks that died.
const SWEEP: Duration = Duration::from_secs(5);

/// The two sockets of one RTP port.
struct Held {
    port: PortId,
    number: u16,
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

/// Sockets by slot; a socket's token is twice its slot, plus one for RTCP.
#[derive(Default)]
struct Sockets {
    slots: Vec<Option<Held>>,
    free: Vec<usize>,
    by_port: HashMap<PortId, usize>,
}

impl Sockets {
    fn insert(&mut self, held: Held) -> usize {
        let port = held.port;
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(Some(held));
        } else if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(held);
        }
        self.by_port.insert(port, slot);
        slot
    }

    fn remove(&mut self, port: PortId) -> Option<Held> {
        let slot = self.by_port.remove(&port)?;
        let held = self.slots.get_mut(slot)?.take();
        self.free.push(slot);
        held
    }

    fn of(&self, port: PortId, channel: Channel) -> Option<&UdpSocket> {
        let held = self.slots.get(*self.by_port.get(&port)?)?.as_ref()?;
        Some(match channel {
            Channel::Rtp => &held.rtp,
            Channel::Rtcp => &held.rtcp,
        })
    }

    fn at(&self, token: Token) -> Option<(PortId, Channel, &UdpSocket)> {
        let held = self.slots.get(token.0 / 2)?.as_ref()?;
        Some(if token.0.is_multiple_of(2) {
            (held.port, Channel::Rtp, &held.rtp)
        } else {
            (held.port, Channel::Rtcp, &held.rtcp)
        })
    }
}

/// One media thread.
pub(super) struct Runner {
    poll: Poll,
    plane: Plane,
    shard: Arc<Shard>,
    shared: Arc<Shared>,
    sockets: Sockets,
    listeners: HashMap<PortId, mpsc::Sender<CallEvent>>,
    /// Sockets that had more than their turn.
    again: Vec<Token>,
    swept: Instant,
}

impl Runner {
    /// A thread's things, before it runs.
    pub(super) fn new(poll: Poll, seed: [u8; 32], shard: Arc<Shard>, shared: Arc<Shared>) -> Self {
        Self {
            poll,
            plane: Plane::new(seed),
            shard,
            shared,
            sockets: Sockets::default(),
            listeners: HashMap::new(),
            again: Vec::new(),
            swept: Instant::now(),
        }
    }

    pub(super) fn run(mut self, mut alarm: Alarm) {
        let mut events = Events::with_capacity(1024);
        let mut orders = Vec::new();
        loop {
            let now = Instant::now();
            let mut wait = SWEEP;
            if let Some(at) = self.plane.poll_timeout() {
                wait = wait.min(at.saturating_duration_since(now));
            }
            if !self.again.is_empty() {
                wait = Duration::ZERO;
            }
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!(%error, "a media thread cannot wait for packets");
                    return;
                }
            }
            let now = Instant::now();
            self.shard.rung.store(false, Ordering::Release);
            std::mem::swap(&mut orders, &mut *lock(&self.shard.queue));
            for order in orders.drain(..) {
                if matches!(order, Order::End) {
                    alarm.calm = true;
                    return;
                }
                self.carry_out(now, order);
                self.flush();
            }
            for token in std::mem::take(&mut self.again) {
                self.read(now, token);
            }
            for event in &events {
                if event.token() != WAKE {
                    self.read(now, event.token());
                }
            }
            if self.plane.poll_timeout().is_some_and(|at| at <= now) {
                self.plane.timeout(now);
                self.flush();
            }
            if now.saturating_duration_since(self.swept) >= SWEEP {
                self.swept = now;
                self.sweep(now);
            }
        }
    }

    fn carry_out(&mut self, now: Instant, order: Order) {
        match order {
            Order::Open { port, pair, events } => {
                self.listeners.insert(port, events);
                self.plane.command(now, Command::Open { port, kind: PortKind::Rtp });
                if let Err(error) = self.hold(port, pair) {
                    tracing::error!(%error, "an RTP port cannot be watched");
                    self.plane.command(now, Command::Close { port });
                }
            }
            Order::OpenHalf { port, with, events } => {
                self.listeners.insert(port, events);
                self.plane.command(now, Command::Open { port, kind: PortKind::LocalPair { with } });
            }
            Order::Do(command) => self.plane.command(now, command),
            Order::End => {}
        }
    }

    fn hold(&mut self, port: PortId, pair: Pair) -> io::Result<()> {
        let held = Held {
            port,
            number: pair.number,
            rtp: UdpSocket::from_std(pair.rtp),
            rtcp: UdpSocket::from_std(pair.rtcp),
        };
        let slot = self.sockets.insert(held);
        let registry = self.poll.registry();
        if let Some(Some(held)) = self.sockets.slots.get_mut(slot) {
            watch(registry, &mut held.rtp, Token(slot * 2))?;
            watch(registry, &mut held.rtcp, Token(slot * 2 + 1))?;
        }
        Ok(())
    }

    fn read(&mut self, now: Instant, token: Token) {
        let mut buffer = [0; RTP_PACKET];
        for _ in 0..RTP_BURST {
            let Some((port, channel, socket)) = self.sockets.at(token) else {
                return;
            };
            match socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    if let Some(bytes) = buffer.get(..length) {
                        self.plane.packet(now, port, channel, from, bytes);
                        self.flush();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // ICMP errors of earlier packets come back here; the next read goes on.
                Err(_) => {}
            }
        }
        self.again.push(token);
    }

    /// Sends what the plane has to send and tells calls what it has to tell.
    fn flush(&mut self) {
        while let Some(packet) = self.plane.poll_transmit() {
            let Some(socket) = self.sockets.of(packet.port, packet.channel) else {
                continue;
            };
            if socket.send_to(packet.bytes, packet.to).is_err() {
                self.shared.unsent.fetch_add(1, Ordering::Relaxed);
            }
        }
        while let Some(event) = self.plane.poll_event() {
            self.tell(event);
        }
    }

    fn tell(&mut self, event: Event) {
        let port = event.port();
        let last = matches!(event, Event::Closed { .. });
        if let Some(listener) = self.listeners.get(&port)
            && listener.try_send(CallEvent::Media(event)).is_err()
        {
            self.shared.unheard.fetch_add(1, Ordering::Relaxed);
        }
        if last {
            self.forget(port);
        }
    }

    fn forget(&mut self, port: PortId) {
        self.listeners.remove(&port);
        lock(&self.shared.places).remove(&port);
        if let Some(mut held) = self.sockets.remove(port) {
            let registry = self.poll.registry();
            let _ = registry.deregister(&mut held.rtp);
            let _ = registry.deregister(&mut held.rtcp);
            let number = held.number;
            // Only when the sockets are closed can the pair be bound again.
            drop(held);
            lock(&self.shared.ports).give_back(number);
        }
    }

    /// Closes the ports of calls that are gone.
    fn sweep(&mut self, now: Instant) {
        let orphans: Vec<PortId> =
            self.listeners.iter().filter(|(_, events)| events.is_closed()).map(|(port, _)| *port).collect();
        for port in orphans {
            tracing::warn!(port = port.0, "a call left a port open");
            self.plane.command(now, Command::Close { port });
            self.flush();
            self.forget(port);
        }
    }
}

fn watch(registry: &Registry, socket: &mut UdpSocket, token: Token) -> io::Result<()> {
    registry.register(socket, token, Interest::READABLE)
}
