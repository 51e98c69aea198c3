//! What strangers send to an open port must not be heard, must not redirect, must not end anything ("RTP bleed").

use crate::world::*;
use media::limits::{MAX_PACKETS_PER_SECOND, MAX_UNPROVEN_PACKETS};
use media::plane::{Channel, Command, Event, LockRule, PortId};
use media::rtp::Header;
use media::sdp::Caps;

fn rtp(sequence: u16, ssrc: u32, payload_type: u8, fill: u8) -> Vec<u8> {
    let header = Header { marker: false, payload_type, sequence, timestamp: u32::from(sequence) * 160, ssrc };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes.extend_from_slice(&[fill; 160]);
    bytes
}

/// Two phones that talk.
fn bridged() -> World {
    let mut world = World::new();
    for port in [1, 2] {
        world.call(port, &Caps::default(), &Caps::default());
        world.play(Phones, port, 1, &[sine(500, ms(60_000))], false);
    }
    world.join(1, 2);
    world.run(ms(500));
    world
}

#[test]
fn packets_of_strangers_are_neither_heard_nor_followed() {
    let mut world = bridged();
    let heard_before = world.sent(Exchange, 2).len();
    for sequence in 0..200 {
        // Another machine, and another port of the phone's machine.
        world.inject("127.0.0.66:10002", 1, Channel::Rtp, &rtp(sequence, 666, 0, 0x55));
        world.inject("127.0.0.2:40000", 1, Channel::Rtp, &rtp(sequence, 666, 0, 0x55));
    }
    world.run(ms(1000));
    assert!(world.sent(Exchange, 2).iter().all(|seen| seen.payload != [0x55; 160]));
    assert!((49..=51).contains(&(world.sent(Exchange, 2).len() - heard_before)));
    assert!(world.sent(Exchange, 1).iter().all(|seen| seen.to == address(Phones, 1)));
    let stats = world.close(Exchange, 1);
    assert_eq!(stats.wrong_source, 400);
    assert_eq!(stats.source, Some(address(Phones, 1)));
}

#[test]
fn a_stranger_before_the_first_packet_does_not_get_the_stream() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    for sequence in 0..50 {
        world.inject("127.0.0.66:10002", 1, Channel::Rtp, &rtp(sequence, 666, 0, 0x55));
    }
    world.play(Exchange, 1, 1, &[sine(500, ms(200))], false);
    world.run(ms(300));
    assert!(world.sent(Exchange, 1).iter().all(|seen| seen.to == address(Phones, 1)));
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::FirstPacket { .. })), 0);
}

#[test]
fn digits_of_strangers_are_not_pressed() {
    let mut world = bridged();
    let mut event = rtp(1, 666, 101, 0);
    event.truncate(12);
    event.extend_from_slice(&[9, 0x8A, 3, 32]);
    world.inject("127.0.0.66:10002", 1, Channel::Rtp, &event);
    world.run(ms(300));
    assert_eq!(world.heard_digits(Exchange, 1), "");
}

#[test]
fn a_spoofed_goodbye_ends_nothing_and_reports_of_strangers_are_dropped() {
    let mut world = bridged();
    let mut bye = Vec::new();
    media::rtcp::write(&mut bye, 1, None, None, "mallory", true);
    let before = world.plane(Exchange).stats(PortId(1)).unwrap();
    world.inject("127.0.0.66:10003", 1, Channel::Rtcp, &bye);
    world.inject("127.0.0.2:10003", 1, Channel::Rtcp, &bye);
    world.run(ms(200));
    let after = world.plane(Exchange).stats(PortId(1)).unwrap();
    assert_eq!(after.wrong_source, before.wrong_source + 1);
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::Closed { .. })), 0);
    assert!(after.packets_in > before.packets_in);
}

#[test]
fn stun_rubbish_and_unknown_payload_types_are_dropped_and_counted() {
    let mut world = bridged();
    let sent = world.sent(Exchange, 2).len();
    let before = world.plane(Exchange).stats(PortId(1)).unwrap().junk;
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
    stun.extend_from_slice(&[7; 12]);
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &stun);
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &[]);
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &[0x80]);
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(1, 1, 77, 0));
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &vec![0x80; 4000]);
    world.inject("127.0.0.2:10003", 1, Channel::Rtcp, &[0x80; 9]);
    assert_eq!(world.plane(Exchange).stats(PortId(1)).unwrap().junk, before + 6);
    assert_eq!(world.sent(Exchange, 2).len(), sent);
}

#[test]
fn another_ssrc_needs_two_packets_in_sequence() {
    let mut world = bridged();
    let sent = world.sent(Exchange, 2).len();
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(100, 4242, 0, 0x11));
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(900, 4343, 0, 0x11));
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(101, 4242, 0, 0x11));
    assert_eq!(world.sent(Exchange, 2).len(), sent, "none of them has company");
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(102, 4242, 0, 0x22));
    let after = world.sent(Exchange, 2);
    assert_eq!(after.len(), sent + 1);
    assert_eq!(after.last().unwrap().payload, [0x22; 160]);
    is_one_stream(&after, ms(60));
}

#[test]
fn a_flood_from_the_right_address_is_cut() {
    let mut world = bridged();
    let sent = world.sent(Exchange, 2).len();
    for sequence in 0..5000 {
        world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(sequence, 4242, 0, 0x11));
    }
    let relayed = world.sent(Exchange, 2).len() - sent;
    assert!(relayed <= MAX_PACKETS_PER_SECOND as usize, "{relayed}");
    world.run(ms(1100));
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(5000, 4242, 0, 0x33));
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(5001, 4242, 0, 0x33));
    assert_eq!(world.sent(Exchange, 2).last().unwrap().payload, [0x33; 160]);
}

#[test]
fn a_description_that_names_a_victim_gives_it_ten_seconds_at_most() {
    let mut world = World::new();
    world.open(Exchange, 1);
    let (_, mut negotiated) = negotiate(1, &Caps::default(), &Caps::default());
    negotiated.remote = "198.51.100.200:53".parse().unwrap();
    negotiated.remote_rtcp = "198.51.100.200:54".parse().unwrap();
    world.remote(Exchange, 1, &negotiated);
    world.play(Exchange, 1, 1, &[sine(500, ms(1000))], true);
    world.run(ms(60_000));
    assert_eq!(world.sent(Exchange, 1).len(), MAX_UNPROVEN_PACKETS as usize);
}

#[test]
fn a_strict_lock_takes_the_negotiated_port_only() {
    let mut world = World::new();
    world.open(Exchange, 1);
    let (_, negotiated) = negotiate(1, &Caps::default(), &Caps::default());
    let command = Command::Remote {
        port: PortId(1),
        negotiated: Box::new(negotiated),
        signalling_ip: ip(Phones),
        lock: LockRule::Strict,
    };
    world.command(Exchange, command);
    (0..9).for_each(|sequence| world.inject("127.0.0.2:40000", 1, Channel::Rtp, &rtp(sequence, 1, 0, 0)));
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::FirstPacket { .. })), 0);
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(1, 1, 0, 0));
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::FirstPacket { .. })), 1);
}

#[test]
fn a_phone_behind_nat_is_followed_once_and_moved_by_a_re_invite_only() {
    let mut world = World::new();
    let (_, negotiated) = world.call(1, &Caps::default(), &Caps::default());
    let speak = |world: &mut World, from: &str, ssrc: u32| {
        (0..5).for_each(|sequence| world.inject(from, 1, Channel::Rtp, &rtp(sequence, ssrc, 0, 0)));
    };
    let target = |world: &mut World| {
        world.play(Exchange, 1, 1, &[sine(500, ms(40))], false);
        world.run(ms(100));
        world.sent(Exchange, 1).last().unwrap().to.to_string()
    };
    assert_eq!(target(&mut world), "127.0.0.2:10002");
    speak(&mut world, "127.0.0.2:40000", 1);
    assert_eq!(target(&mut world), "127.0.0.2:40000");
    speak(&mut world, "127.0.0.2:50000", 2);
    assert_eq!(target(&mut world), "127.0.0.2:40000");
    world.remote(Exchange, 1, &negotiated);
    assert_eq!(target(&mut world), "127.0.0.2:40000");
    speak(&mut world, "127.0.0.66:50000", 3);
    speak(&mut world, "127.0.0.2:50000", 4);
    assert_eq!(target(&mut world), "127.0.0.2:50000");
    let is_first = |event: &Event| matches!(event, Event::FirstPacket { .. });
    assert_eq!(world.has(Exchange, is_first), 1);
    is_one_stream(&world.sent(Exchange, 1), ms(3));
}

#[test]
fn packets_before_the_answer_and_after_the_end_do_nothing() {
    let mut world = World::new();
    world.open(Exchange, 1);
    (0..9).for_each(|sequence| world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(sequence, 1, 0, 0)));
    let stats = world.close(Exchange, 1);
    assert_eq!((stats.packets_in, stats.wrong_source), (0, 9));
    world.inject("127.0.0.2:10002", 1, Channel::Rtp, &rtp(9, 1, 0, 0));
    assert!(world.seen.is_empty() && world.reports.is_empty());
}
