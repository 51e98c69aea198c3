//! Session descriptions, RTP and RTCP at open ports, and sound in which digits are looked for.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::event::{self, Payload};
use media::inband::Detector;
use media::plane::{Channel, Command, LockRule, Plane, PortId, PortKind};
use media::sdp::{Caps, Direction, Local, Session};

use super::Outcome;

pub(crate) const SDP_WORDS: &[&str] = &[
    "v=0\r\n",
    "o=- 1 1 IN IP4 192.0.2.1\r\n",
    "s=-\r\n",
    "c=IN IP4 ",
    "c=IN IP6 ",
    "0.0.0.0",
    "::1",
    "127.0.0.1",
    "t=0 0\r\n",
    "m=audio 4000 RTP/AVP 0\r\n",
    "m=audio 0 RTP/AVP 8\r\n",
    "m=video 4000 RTP/AVP 96\r\n",
    "RTP/SAVP",
    "RTP/AVPF",
    "UDP/TLS/RTP/SAVPF",
    "a=rtpmap:",
    "101 telephone-event/8000",
    "9 G722/8000",
    "96 opus/48000/2",
    "a=fmtp:",
    "101 0-16",
    "a=ptime:20\r\n",
    "a=maxptime:",
    "a=sendrecv\r\n",
    "a=sendonly\r\n",
    "a=inactive\r\n",
    "a=recvonly\r\n",
    "a=rtcp:4001\r\n",
    "a=rtcp-mux\r\n",
    "a=crypto:1 ",
    "b=AS:64\r\n",
    "\r\n",
    "/",
    " ",
    "=",
    "65536",
    "-1",
];

fn ours() -> SocketAddr {
    "192.0.2.9:16384".parse().unwrap()
}

pub(crate) fn sdp(input: &[u8]) -> u64 {
    let mut outcome = Outcome::new();
    match Session::parse(input) {
        Err(error) => outcome.add(error),
        Ok(session) => {
            outcome.add(session.media.len());
            let mut local = Local::new(ours(), 1);
            match local.answer(&Caps::default(), &session, Direction::SendRecv) {
                Err(error) => outcome.add(error),
                Ok((answer, agreed)) => {
                    outcome.add(format!("{:?}", agreed.direction));
                    outcome.add(agreed.common.len());
                    // Our answer can be read, and has a line for each of theirs (RFC 3264 §6).
                    let read = Session::parse(&answer).expect("our answer can be read");
                    assert_eq!(read.media.len(), session.media.len());
                }
            }
            let mut local = Local::new(ours(), 2);
            drop(local.offer(&Caps::default(), Direction::SendRecv));
            match local.accept_answer(&session) {
                Err(error) => outcome.add(error),
                Ok(agreed) => outcome.add(agreed.pt_out),
            }
        }
    }
    outcome.number()
}

const PHONE: &str = "192.0.2.1:4000";

/// Two ports that relay; packets to the first, from the phone or from somebody else.
///
/// Each record: a byte of which bit 0 says RTCP, bits 1 and 2 from whom, bits 3 to 7 how many times 5 ms pass before; a byte
/// with the length; the packet.
pub(crate) fn rtp(input: &[u8]) -> u64 {
    let mut outcome = Outcome::new();
    let mut plane = Plane::new([5; 32]);
    let begun = Instant::now();
    let mut now = begun;
    for (port, phone) in [(1, PHONE), (2, "192.0.2.2:4000")] {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 {}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            phone.split(':').next().unwrap()
        );
        let session = Session::parse(text.as_bytes()).unwrap();
        let (_, negotiated) = Local::new(ours(), port).answer(&Caps::default(), &session, Direction::SendRecv).unwrap();
        let at: SocketAddr = phone.parse().unwrap();
        plane.command(now, Command::Open { port: PortId(port), kind: PortKind::Rtp });
        let negotiated = Box::new(negotiated);
        let lock = LockRule::Follow;
        plane.command(now, Command::Remote { port: PortId(port), negotiated, signalling_ip: at.ip(), lock });
    }
    plane.command(now, Command::Join { a: PortId(1), b: PortId(2) });
    let (mut rest, mut taken, mut sent) = (input, 0_u32, 0_u32);
    while let [head, length, tail @ ..] = rest {
        let (packet, after) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = after;
        now += Duration::from_millis(u64::from(head >> 3) * 5);
        while plane.poll_timeout().is_some_and(|at| at <= now) {
            plane.timeout(now);
            drain(&mut plane, &mut sent, &mut outcome);
        }
        let from: SocketAddr = ["192.0.2.1:4000", "192.0.2.1:4001", "203.0.113.9:4000", "192.0.2.1:9999"]
            [usize::from(head >> 1 & 3)]
        .parse()
        .unwrap();
        let channel = if head & 1 == 0 { Channel::Rtp } else { Channel::Rtcp };
        plane.packet(now, PortId(1), channel, from, packet);
        taken += 1;
        drain(&mut plane, &mut sent, &mut outcome);
    }
    // Nothing that comes in makes more go out: one packet relayed for one taken, and reports by the clock.
    let reports = u32::try_from(now.duration_since(begun).as_secs()).unwrap() * 4 + 8;
    assert!(sent <= taken * 2 + reports, "{sent} packets sent for {taken}");
    outcome.number()
}

fn drain(plane: &mut Plane, sent: &mut u32, outcome: &mut Outcome) {
    while let Some(packet) = plane.poll_transmit() {
        let to = packet.to.ip().to_string();
        assert!(to == "192.0.2.1" || to == "192.0.2.2", "sound to {to}, who is no party of this call");
        outcome.add(packet.port.0);
        *sent += 1;
    }
    while let Some(event) = plane.poll_event() {
        outcome.add(format!("{event:?}").split(' ').next().unwrap_or_default());
    }
}

/// Sound as 16-bit samples, and the same bytes as telephone events.
pub(crate) fn dtmf(input: &[u8]) -> u64 {
    let mut outcome = Outcome::new();
    let samples: Vec<i16> = input.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut detector = Detector::new();
    for piece in samples.chunks(usize::from(input.first().copied().unwrap_or(0)) + 1) {
        for heard in detector.push(piece) {
            outcome.add(format!("{heard:?}").chars().take(24).collect::<String>());
        }
    }
    let mut receiver = event::Receiver::default();
    let mut now = Instant::now();
    for (n, bytes) in input.chunks(5).enumerate() {
        let payload = Payload::parse(bytes);
        outcome.add(payload.is_some());
        now += Duration::from_millis(20);
        let timestamp = u32::from(bytes.first().copied().unwrap_or(0)) * 160 + u32::try_from(n / 8).unwrap() * 160;
        let presses = receiver.packet(now, timestamp, bytes, 8000);
        outcome.add(presses.iter().flatten().count());
        outcome.add(receiver.expire(now, 8000).is_some());
    }
    outcome.number()
}
