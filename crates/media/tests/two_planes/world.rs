//! The world of these tests: two planes, their sockets, the wire between them, and the time.

use media::codec::{Codec, Rate};
use media::plane::{Channel, Command, Event, LockRule, Plane, PortId, PortKind, RecordSpec, Stats};
use media::rtp::Packet;
use media::sdp::{Caps, Direction, Local, Negotiated, Session};
use media::sound::Sound;
use media::tone::Tone;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Which plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Phones,
    Exchange,
}
pub use Side::{Exchange, Phones};

/// An RTP packet seen on the wire.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Duration,
    pub side: Side,
    pub port: u64,
    pub to: SocketAddr,
    pub header: media::rtp::Header,
    pub payload: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Flying {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

pub struct World {
    pub start: Instant,
    pub now: Instant,
    phones: Plane,
    exchange: Plane,
    flying: BTreeMap<(Instant, u64), Flying>,
    counter: u64,
    random: u64,
    /// Packets lost out of a hundred.
    pub loss: u64,
    /// Longest extra delay of a packet: more than 20 ms reorders.
    pub spread: Duration,
    pub events: Vec<(Side, Event)>,
    pub seen: Vec<Seen>,
    pub reports: Vec<(Side, SocketAddr, Vec<u8>)>,
    pub deaf: bool,
}

pub fn ip(side: Side) -> IpAddr {
    match side {
        Phones => "127.0.0.2".parse().unwrap(),
        Exchange => "127.0.0.1".parse().unwrap(),
    }
}

/// The RTP address of a port.
pub fn address(side: Side, port: u64) -> SocketAddr {
    SocketAddr::new(ip(side), 10_000 + 2 * port as u16)
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A sound of one frequency.
pub fn sine(hz: u32, length: Duration) -> Arc<Sound> {
    Arc::new(Sound::from_tone(&Tone::parse(&format!("{hz}@-10")).unwrap(), length).unwrap())
}

/// The share of the energy of `pcm` that is at `hz`, 0 to 1.
pub fn purity(pcm: &[i16], rate: Rate, hz: f64) -> f64 {
    let step = 2.0 * std::f64::consts::PI * hz / f64::from(rate.hz());
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (index, sample) in pcm.iter().enumerate() {
        let (value, angle) = (f64::from(*sample), step * index as f64);
        re += value * angle.cos();
        im += value * angle.sin();
        energy += value * value;
    }
    if energy == 0.0 { 0.0 } else { 2.0 * (re * re + im * im) / (energy * pcm.len() as f64) }
}

pub fn loudness(pcm: &[i16]) -> f64 {
    (pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / pcm.len().max(1) as f64).sqrt()
}

impl World {
    pub fn new() -> World {
        let start = Instant::now();
        World {
            start,
            now: start,
            phones: Plane::new([1; 32]),
            exchange: Plane::new([2; 32]),
            flying: BTreeMap::new(),
            counter: 0,
            random: 88_172_645_463_325_252,
            loss: 0,
            spread: Duration::ZERO,
            events: Vec::new(),
            seen: Vec::new(),
            reports: Vec::new(),
            deaf: false,
        }
    }

    pub fn plane(&mut self, side: Side) -> &mut Plane {
        match side {
            Phones => &mut self.phones,
            Exchange => &mut self.exchange,
        }
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    pub fn command(&mut self, side: Side, command: Command) {
        let now = self.now;
        self.plane(side).command(now, command);
        self.collect();
    }

    pub fn open(&mut self, side: Side, port: u64) {
        self.command(side, Command::Open { port: PortId(port), kind: PortKind::Rtp });
    }

    pub fn pair(&mut self, a: u64, b: u64) {
        for (port, with) in [(a, b), (b, a)] {
            self.command(
                Exchange,
                Command::Open { port: PortId(port), kind: PortKind::LocalPair { with: PortId(with) } },
            );
        }
    }

    /// A phone with this port calls the exchange at the port of the same number; both start.
    pub fn call(&mut self, port: u64, phone: &Caps, exchange: &Caps) -> (Negotiated, Negotiated) {
        self.open(Phones, port);
        self.open(Exchange, port);
        let (at_phone, at_exchange) = negotiate(port, phone, exchange);
        self.remote(Phones, port, &at_phone);
        self.remote(Exchange, port, &at_exchange);
        (at_phone, at_exchange)
    }

    pub fn remote(&mut self, side: Side, port: u64, negotiated: &Negotiated) {
        let other = if side == Phones { Exchange } else { Phones };
        let command = Command::Remote {
            port: PortId(port),
            negotiated: Box::new(negotiated.clone()),
            signalling_ip: ip(other),
            lock: LockRule::Follow,
        };
        self.command(side, command);
    }

    pub fn play(&mut self, side: Side, port: u64, id: u64, list: &[Arc<Sound>], repeat: bool) {
        self.command(side, Command::Play { port: PortId(port), id, list: list.to_vec(), repeat });
    }

    pub fn join(&mut self, a: u64, b: u64) {
        self.command(Exchange, Command::Join { a: PortId(a), b: PortId(b) });
    }

    pub fn digits(&mut self, side: Side, port: u64, digits: &str) {
        self.command(side, Command::SendDigits { port: PortId(port), digits: digits.to_owned(), ms: 100 });
    }

    pub fn record(&mut self, side: Side, port: u64, id: u64, spec: RecordSpec) {
        self.command(side, Command::Record { port: PortId(port), id, spec });
    }

    pub fn close(&mut self, side: Side, port: u64) -> Stats {
        self.command(side, Command::Close { port: PortId(port) });
        let closed = self.events.iter().rev().find_map(|(at, event)| match event {
            Event::Closed { port: closed, stats } if *at == side && closed.0 == port => Some((**stats).clone()),
            _ => None,
        });
        closed.expect("closed")
    }

    /// A datagram from anywhere to a port of the exchange.
    pub fn inject(&mut self, from: &str, port: u64, channel: Channel, bytes: &[u8]) {
        let now = self.now;
        self.exchange.packet(now, PortId(port), channel, from.parse().unwrap(), bytes);
        self.collect();
    }

    fn collect(&mut self) {
        for side in [Phones, Exchange] {
            while let Some(event) = self.plane(side).poll_event() {
                self.events.push((side, event));
            }
            let mut sent = Vec::new();
            while let Some(transmit) = self.plane(side).poll_transmit() {
                sent.push((transmit.port.0, transmit.channel, transmit.to, transmit.bytes.to_vec()));
            }
            for (port, channel, to, bytes) in sent {
                let mut from = address(side, port);
                match channel {
                    Channel::Rtp => {
                        let packet = Packet::parse(&bytes).expect("we send RTP");
                        let at = self.now - self.start;
                        let (header, payload) = (packet.header, packet.payload.to_vec());
                        self.seen.push(Seen { at, side, port, to, header, payload });
                    }
                    Channel::Rtcp => {
                        from.set_port(from.port() + 1);
                        self.reports.push((side, to, bytes.clone()));
                    }
                }
                if self.deaf || self.random() % 100 < self.loss {
                    continue;
                }
                let spread = self.spread.as_micros() as u64;
                let extra = if spread == 0 { 0 } else { self.random() % spread };
                self.counter += 1;
                let at = self.now + ms(5) + Duration::from_micros(extra);
                self.flying.insert((at, self.counter), Flying { from, to, bytes });
            }
        }
    }

    /// Lets this much time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let wire = self.flying.first_key_value().map(|((at, _), _)| *at);
            let due = [wire, self.phones.poll_timeout(), self.exchange.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            let now = self.now;
            self.phones.timeout(now);
            self.exchange.timeout(now);
            while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= now) {
                let Flying { from, to, bytes } = entry.remove();
                let side = if to.ip() == ip(Phones) { Phones } else { Exchange };
                if to.ip() != ip(side) || to.port() < 10_000 {
                    continue;
                }
                let number = to.port() - 10_000;
                let channel = if number % 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
                self.plane(side).packet(now, PortId(u64::from(number / 2)), channel, from, &bytes);
            }
            self.collect();
        }
        self.now = end;
    }

    /// The digits that a port reported, as text.
    pub fn heard_digits(&self, at: Side, port: u64) -> String {
        let digit = |(side, event): &(Side, Event)| match event {
            Event::Digit { port: of, digit, .. } if *side == at && of.0 == port => Some(*digit),
            _ => None,
        };
        self.events.iter().filter_map(digit).collect()
    }

    pub fn has(&self, at: Side, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(side, event)| *side == at && wanted(event)).count()
    }

    /// Everything that was recorded under this number.
    pub fn recording(&self, wanted: u64) -> (Vec<i16>, Rate) {
        let mut all = Vec::new();
        let mut at = Rate::Narrow;
        for (_, event) in &self.events {
            match event {
                Event::RecordChunk { id, pcm, rate, .. } | Event::Recorded { id, pcm, rate, .. } if *id == wanted => {
                    all.extend_from_slice(pcm);
                    at = *rate;
                }
                _ => {}
            }
        }
        (all, at)
    }

    /// The packets that a port sent.
    pub fn sent(&self, side: Side, port: u64) -> Vec<&Seen> {
        self.seen.iter().filter(|seen| seen.side == side && seen.port == port).collect()
    }
}

/// Offer and answer between a phone and the exchange: what each of them makes of it.
pub fn negotiate(port: u64, phone: &Caps, exchange: &Caps) -> (Negotiated, Negotiated) {
    let mut ours = Local::new(address(Phones, port), port);
    let offer = ours.offer(phone, Direction::SendRecv);
    let mut theirs = Local::new(address(Exchange, port), port);
    let offer = Session::parse(&offer).unwrap();
    let (answer, at_exchange) = theirs.answer(exchange, &offer, Direction::SendRecv).unwrap();
    let at_phone = ours.accept_answer(&Session::parse(&answer).unwrap()).unwrap();
    (at_phone, at_exchange)
}

/// A recording without an end of its own.
pub fn endless() -> RecordSpec {
    RecordSpec { max: Duration::from_secs(600), silence: None, terminators: String::new() }
}

pub fn one(codec: Codec) -> Caps {
    Caps::of(&[codec])
}

/// Sequence numbers without a gap, one SSRC, timestamps that never go back and agree with the clock within `slack`.
pub fn is_one_stream(packets: &[&Seen], slack: Duration) {
    let first = packets.first().expect("packets");
    for pair in packets.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        assert_eq!(b.header.ssrc, a.header.ssrc);
        assert_eq!(b.header.sequence, a.header.sequence.wrapping_add(1), "{a:?} {b:?}");
        let step = b.header.timestamp.wrapping_sub(a.header.timestamp) as i32;
        assert!(step >= 0, "{a:?} {b:?}");
        let media = f64::from(b.header.timestamp.wrapping_sub(first.header.timestamp)) / 8000.0;
        let clock = (b.at - first.at).as_secs_f64();
        assert!((media - clock).abs() <= slack.as_secs_f64(), "{media} against {clock}");
    }
}
