//! Each bound of the plane, gone past.

use crate::world::*;
use media::limits::{
    MAX_DIGIT_MS, MAX_DIGITS, MAX_EVENTS, MAX_HOPS, MAX_PLAYLIST, MAX_PORTS, MAX_RECORDING, MIN_DIGIT_MS,
};
use media::plane::{Channel, Command, Event, Plane, PortId, PortKind, RecordEnd, RecordSpec};
use media::sdp::Caps;
use std::time::{Duration, Instant};

#[test]
fn a_plane_has_so_many_ports() {
    let now = Instant::now();
    let mut plane = Plane::new([0; 32]);
    for port in 0..MAX_PORTS as u64 + 10 {
        plane.command(now, Command::Open { port: PortId(port), kind: PortKind::LocalPair { with: PortId(port ^ 1) } });
    }
    assert_eq!(plane.ports(), MAX_PORTS);
    plane.command(now, Command::Close { port: PortId(0) });
    plane.command(now, Command::Open { port: PortId(u64::MAX), kind: PortKind::Rtp });
    assert_eq!(plane.kind(PortId(u64::MAX)), Some(PortKind::Rtp));
}

#[test]
fn a_playlist_is_cut() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    let list = vec![sine(500, ms(20)); MAX_PLAYLIST + 50];
    world.play(Exchange, 1, 1, &list, false);
    world.run(ms(20_000));
    assert_eq!(world.sent(Exchange, 1).len(), MAX_PLAYLIST);
}

#[test]
fn waiting_digits_are_cut_and_their_length_is_kept_within_reason() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    let digits = "5".repeat(MAX_DIGITS + 50);
    world.command(Exchange, Command::SendDigits { port: PortId(1), digits, ms: 0 });
    world.run(ms(60_000));
    assert_eq!(world.heard_digits(Phones, 1).len(), MAX_DIGITS);
    let length = |world: &World, wanted: u32| {
        world.has(Phones, |event| matches!(event, Event::Digit { ms, .. } if *ms == wanted))
    };
    assert_eq!(length(&world, MIN_DIGIT_MS), MAX_DIGITS);
    world.command(Exchange, Command::SendDigits { port: PortId(1), digits: "1".to_owned(), ms: 1_000_000 });
    world.run(ms(20_000));
    assert_eq!(length(&world, MAX_DIGIT_MS), 1);
}

#[test]
fn a_recording_never_passes_the_hour() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.record(Exchange, 1, 4, RecordSpec { max: Duration::MAX, ..endless() });
    world.run(MAX_RECORDING + ms(1000));
    let ended = world.has(
        Exchange,
        |event| matches!(event, Event::Recorded { length, end: RecordEnd::Max, .. } if *length == MAX_RECORDING),
    );
    assert_eq!(ended, 1);
}

#[test]
fn events_that_nobody_takes_give_way_except_ends() {
    let now = Instant::now();
    let mut plane = Plane::new([0; 32]);
    let (_, negotiated) = negotiate(1, &Caps::default(), &Caps::default());
    plane.command(now, Command::Open { port: PortId(1), kind: PortKind::Rtp });
    plane.command(
        now,
        Command::Remote {
            port: PortId(1),
            negotiated: Box::new(negotiated),
            signalling_ip: ip(Phones),
            lock: Default::default(),
        },
    );
    for index in 0..MAX_EVENTS as u32 + 500 {
        let at = now + ms(10) * index;
        let sequence = index as u16;
        let header = media::rtp::Header { marker: true, payload_type: 101, sequence, timestamp: index * 1000, ssrc: 5 };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        bytes.extend_from_slice(&[1, 0x80, 3, 32]);
        plane.packet(at, PortId(1), Channel::Rtp, address(Phones, 1), &bytes);
    }
    plane.command(now, Command::Close { port: PortId(1) });
    let events: Vec<Event> = std::iter::from_fn(|| plane.poll_event()).collect();
    assert_eq!(events.len(), MAX_EVENTS + 1);
    assert!(matches!(events.last(), Some(Event::Closed { .. })));
}

#[test]
fn a_packet_passes_so_many_pairs() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    let chain = u64::from(MAX_HOPS) + 4;
    let mut before = 1;
    for index in 0..chain {
        let (near, far) = (100 + 2 * index, 101 + 2 * index);
        world.pair(near, far);
        world.join(before, near);
        before = far;
    }
    world.digits(Phones, 1, "7");
    world.run(ms(1000));
    let heard = (0..chain).filter(|index| !world.heard_digits(Exchange, 101 + 2 * index).is_empty()).count();
    assert_eq!(heard, usize::from(MAX_HOPS));
}

#[test]
fn commands_for_ports_that_do_not_exist_do_nothing() {
    let mut world = World::new();
    world.join(1, 2);
    world.play(Exchange, 1, 1, &[sine(500, ms(20))], true);
    world.digits(Exchange, 1, "1");
    world.record(Exchange, 1, 1, endless());
    world.command(Exchange, Command::Close { port: PortId(1) });
    world.call(3, &Caps::default(), &Caps::default());
    world.join(3, 3);
    world.join(3, 4);
    world.run(ms(1000));
    assert!(world.events.is_empty() && world.seen.is_empty());
}
