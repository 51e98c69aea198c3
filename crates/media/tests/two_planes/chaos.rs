//! Any commands, any packets, any waiting: nothing panics, and when all ports are closed nothing is left.

use crate::world::*;
use media::codec::Codec;
use media::plane::{Channel, Command, Plane, PortId, PortKind, RecordSpec};
use media::rtp::Header;
use media::sdp::{Caps, Direction};
use media::tone::Tone;
use proptest::prelude::*;
use std::time::Instant;

/// Ports 0 to 3 may be RTP legs, 4 to 7 pairs.
const PORTS: u64 = 8;

#[derive(Debug, Clone)]
enum Step {
    Command(u8, u64, u64, u16),
    Packet { port: u64, payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32, payload: Vec<u8>, strange: bool },
    Bytes(u64, bool, Vec<u8>),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
    let payload_type = prop_oneof![Just(0u8), Just(8), Just(9), Just(101), Just(13), 0u8..128];
    prop_oneof![
        4 => (0u8..14, 0..PORTS, 0..PORTS, any::<u16>()).prop_map(|(what, a, b, n)| Step::Command(what, a, b, n)),
        6 => (0..PORTS, payload_type, 0u16..6, any::<u32>(), 0u32..3, bytes(), any::<bool>()).prop_map(
            |(port, payload_type, sequence, timestamp, ssrc, payload, strange)| Step::Packet {
                port, payload_type, sequence, timestamp, ssrc, payload, strange
            }
        ),
        1 => (0..PORTS, any::<bool>(), bytes()).prop_map(|(port, rtcp, bytes)| Step::Bytes(port, rtcp, bytes)),
        3 => (0u64..200).prop_map(Step::Wait),
    ]
}

fn command(what: u8, a: u64, b: u64, n: u16) -> Command {
    let port = PortId(a);
    let on = n.is_multiple_of(2);
    match what {
        0 | 1 if a < 4 => Command::Open { port, kind: PortKind::Rtp },
        0 | 1 => Command::Open { port, kind: PortKind::LocalPair { with: PortId(a ^ 1) } },
        2 | 3 => {
            let codec = Codec::ALL[usize::from(n) % Codec::ALL.len()];
            let caps = Caps { dtmf: !n.is_multiple_of(3), ..Caps::of(&[codec, Codec::Pcmu]) };
            let mut negotiated = negotiate(a, &caps, &Caps::of(&Codec::ALL)).1;
            let directions = [Direction::SendRecv, Direction::SendRecv, Direction::SendOnly, Direction::Inactive];
            negotiated.direction = directions[usize::from(n / 8) % 4];
            let (negotiated, signalling_ip) = (Box::new(negotiated), ip(Phones));
            Command::Remote { port, negotiated, signalling_ip, lock: Default::default() }
        }
        4 => Command::Play {
            port,
            id: 1,
            list: vec![sine(500, ms(60)); usize::from(n % 3)],
            repeat: n.is_multiple_of(5),
        },
        5 => Command::Tone { port, tone: Tone::parse("!440/30,480+620/50,0/30").unwrap() },
        6 => Command::Stop { port },
        7 => Command::Join { a: port, b: PortId(b) },
        8 => Command::Leave { port },
        9 => Command::SendDigits { port, digits: "1#".to_owned(), ms: u32::from(n) % 200 },
        10 => {
            let spec =
                RecordSpec { max: ms(u64::from(n) % 500), silence: on.then(|| ms(100)), terminators: "1".to_owned() };
            Command::Record { port, id: 2, spec }
        }
        11 => Command::Echo { port, on },
        12 => Command::KeepAlive { port, on },
        _ => Command::Close { port },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_panics_and_nothing_is_left(steps in proptest::collection::vec(step(), 1..200)) {
        let mut now = Instant::now();
        let mut plane = Plane::new([9; 32]);
        for step in steps {
            match step {
                Step::Command(what, a, b, n) => plane.command(now, command(what, a, b, n)),
                Step::Packet { port, payload_type, sequence, timestamp, ssrc, payload, strange } => {
                    let header = Header { marker: false, payload_type, sequence, timestamp, ssrc };
                    let mut bytes = Vec::new();
                    header.write(&mut bytes);
                    bytes.extend_from_slice(&payload);
                    let mut from = address(Phones, port);
                    if strange {
                        from.set_port(9);
                    }
                    plane.packet(now, PortId(port), Channel::Rtp, from, &bytes);
                }
                Step::Bytes(port, rtcp, bytes) => {
                    let channel = if rtcp { Channel::Rtcp } else { Channel::Rtp };
                    plane.packet(now, PortId(port), channel, address(Phones, port), &bytes);
                }
                Step::Wait(time) => {
                    now += ms(time);
                    plane.timeout(now);
                    prop_assert!(plane.poll_timeout().is_none_or(|at| at > now));
                }
            }
            while plane.poll_transmit().is_some() {}
            while plane.poll_event().is_some() {}
        }
        (0..PORTS).for_each(|port| plane.command(now, Command::Close { port: PortId(port) }));
        prop_assert_eq!(plane.ports(), 0);
        prop_assert_eq!(plane.poll_timeout(), None);
    }
}
