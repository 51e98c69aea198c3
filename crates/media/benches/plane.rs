//! What a packet costs inside the plane: relayed, transcoded, played, refused. Sockets come on top.
#![allow(missing_docs, clippy::disallowed_methods)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use media::codec::Codec;
use media::plane::{Channel, Command, LockRule, Plane, PortId, PortKind};
use media::rtp::{Header, Packet};
use media::sdp::{Caps, Direction, Local, Session};
use media::sound::Sound;
use media::tone::Tone;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn peer(port: u64) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2], 10_000 + port as u16 * 2))
}

/// A plane with so many ports that agreed on a codec, by their number.
fn plane(now: Instant, ports: u64, codec: impl Fn(u64) -> Codec) -> Plane {
    let mut plane = Plane::new([3; 32]);
    for port in 0..ports {
        let caps = Caps::of(&[codec(port)]);
        let offer = Local::new(peer(port), port).offer(&caps, Direction::SendRecv);
        let (Ok(offer), id) = (Session::parse(&offer), PortId(port)) else { continue };
        let ours = SocketAddr::from(([127, 0, 0, 1], 20_000));
        let Ok((_, negotiated)) = Local::new(ours, port).answer(&caps, &offer, Direction::SendRecv) else { continue };
        plane.command(now, Command::Open { port: id, kind: PortKind::Rtp });
        let (negotiated, signalling_ip, lock) = (Box::new(negotiated), peer(port).ip(), LockRule::Follow);
        plane.command(now, Command::Remote { port: id, negotiated, signalling_ip, lock });
    }
    plane
}

fn packet(payload_type: u8, sequence: u16, ssrc: u32) -> Vec<u8> {
    let header = Header { marker: false, payload_type, sequence, timestamp: u32::from(sequence) * 160, ssrc };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes.resize(172, 0x55);
    bytes
}

/// One packet from each of a thousand peers, each joined to its neighbour.
fn through(c: &mut Criterion, name: &str, codec: impl Fn(u64) -> Codec) {
    const PORTS: u64 = 1000;
    let start = Instant::now();
    let mut plane = plane(start, PORTS, &codec);
    for port in (0..PORTS).step_by(2) {
        plane.command(start, Command::Join { a: PortId(port), b: PortId(port + 1) });
    }
    let mut packets: Vec<Vec<u8>> =
        (0..PORTS).map(|port| packet(codec(port).payload_type().unwrap_or(0), 0, port as u32)).collect();
    let mut sequence = 0u16;
    let mut now = start;
    let mut group = c.benchmark_group("plane");
    group.throughput(Throughput::Elements(PORTS));
    group.bench_function(name, |b| {
        b.iter(|| {
            sequence = sequence.wrapping_add(1);
            now += Duration::from_millis(20);
            for (port, bytes) in packets.iter_mut().enumerate() {
                bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
                bytes[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
                plane.packet(now, PortId(port as u64), Channel::Rtp, peer(port as u64), bytes);
                while let Some(transmit) = plane.poll_transmit() {
                    black_box(transmit.bytes);
                }
            }
        });
    });
    group.finish();
}

fn benches(c: &mut Criterion) {
    through(c, "relay G.711", |_| Codec::Pcmu);
    through(c, "relay G.722", |_| Codec::G722);
    through(c, "transcode µ-law A-law", |port| if port % 2 == 0 { Codec::Pcmu } else { Codec::Pcma });
    through(c, "transcode G.711 G.722", |port| if port % 2 == 0 { Codec::Pcmu } else { Codec::G722 });

    const PORTS: u64 = 1000;
    let start = Instant::now();
    let mut playing = plane(start, PORTS, |_| Codec::Pcmu);
    let Ok(music) = Tone::parse("440@-20").map(|tone| Sound::from_tone(&tone, Duration::from_secs(60))) else { return };
    let Ok(music) = music.map(Arc::new) else { return };
    for port in 0..PORTS {
        let list = vec![Arc::clone(&music)];
        playing.command(start, Command::Play { port: PortId(port), id: 1, list, repeat: true });
    }
    let mut now = start;
    let mut group = c.benchmark_group("plane");
    group.throughput(Throughput::Elements(PORTS));
    group.bench_function("play a prompt, a frame", |b| {
        b.iter(|| {
            now += Duration::from_millis(20);
            playing.timeout(now);
            while let Some(transmit) = playing.poll_transmit() {
                black_box(transmit.bytes);
            }
        });
    });
    group.throughput(Throughput::Elements(1));
    let stranger = SocketAddr::from(([127, 0, 0, 66], 4000));
    let bytes = packet(0, 1, 1);
    group.bench_function("drop a stranger's packet", |b| {
        b.iter(|| playing.packet(now, PortId(7), Channel::Rtp, stranger, black_box(&bytes)));
    });
    group.bench_function("parse", |b| b.iter(|| Packet::parse(black_box(&bytes)).is_some()));
    group.bench_function("open, agree and close a port", |b| {
        b.iter_batched(|| (), |()| open_and_close(start), BatchSize::SmallInput);
    });
    group.finish();
}

fn open_and_close(now: Instant) {
    let mut plane = plane(now, 1, |_| Codec::Pcmu);
    plane.command(now, Command::Close { port: PortId(0) });
    black_box(plane.poll_event());
}

criterion_group!(all, benches);
criterion_main!(all);
