//! RTCP between two planes: loss, jitter and round trip reach the other side, and a call that is over leaves nothing.

use crate::world::*;
use media::codec::Codec;
use media::plane::{Command, PortId};
use media::rtcp::{Packet, parse};
use media::sdp::Caps;

#[test]
fn reports_tell_loss_jitter_and_round_trip() {
    let mut world = World::new();
    world.loss = 8;
    world.spread = ms(15);
    world.call(1, &Caps::default(), &Caps::default());
    for side in [Phones, Exchange] {
        world.play(side, 1, 1, &[sine(500, ms(1000))], true);
    }
    world.run(ms(60_000));
    let phone = world.close(Phones, 1);
    let exchange = world.close(Exchange, 1);
    for stats in [&phone, &exchange] {
        assert!((2_995..=3_001).contains(&stats.packets_out), "{stats:?}");
        assert_eq!(stats.bytes_out, stats.packets_out * 160);
        let share = stats.lost_in as f64 / (stats.packets_in + stats.lost_in) as f64;
        assert!((0.05..0.11).contains(&share), "{share}");
        assert!((2.0..8.0).contains(&stats.jitter_in_ms), "{stats:?}");
        assert!((2.0..8.0).contains(&stats.jitter_out_ms), "{stats:?}");
        let trip = stats.round_trip.unwrap();
        assert!((ms(10)..ms(45)).contains(&trip), "{trip:?}");
        assert_eq!(stats.codec_in.as_deref(), Some("PCMU"));
        assert_eq!(stats.codec_out.as_deref(), Some("PCMU"));
        assert_eq!((stats.wrong_source, stats.junk), (0, 0));
    }
    // The last report is some seconds old.
    assert!(phone.lost_out.abs_diff(exchange.lost_in) < 60, "{} {}", phone.lost_out, exchange.lost_in);
    let reports = world.reports.iter().filter(|(side, ..)| *side == Exchange).count();
    assert!((8..=26).contains(&reports), "every 5 s or so: {reports}");
}

#[test]
fn goodbye_is_said_when_a_port_closes() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.play(Exchange, 1, 1, &[sine(500, ms(500))], false);
    world.run(ms(600));
    world.close(Exchange, 1);
    let (_, to, bytes) = world.reports.last().unwrap();
    let mut expected = address(Phones, 1);
    expected.set_port(expected.port() + 1);
    assert_eq!(*to, expected);
    let packets = parse(bytes).unwrap();
    assert!(matches!(packets.first(), Some(Packet::Report { sender: Some(_), .. })));
    assert!(matches!(packets.last(), Some(Packet::Bye { .. })));
}

#[test]
fn a_port_that_was_never_used_reports_nothing() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.run(ms(30_000));
    world.close(Exchange, 1);
    assert!(world.reports.is_empty());
}

#[test]
fn a_whole_call_leaves_nothing() {
    let mut world = World::new();
    for round in 0..3 {
        let base = 10 * round;
        world.call(base + 1, &Caps::default(), &Caps::default());
        world.call(base + 2, &one(Codec::G722), &one(Codec::G722));
        world.pair(base + 3, base + 4);
        world.play(Exchange, base + 1, 1, &[sine(500, ms(300))], false);
        world.run(ms(400));
        world.join(base + 1, base + 3);
        world.join(base + 4, base + 2);
        for port in [base + 1, base + 2] {
            world.play(Phones, port, 1, &[sine(500, ms(1000))], true);
            world.record(Exchange, port, port, endless());
            world.digits(Phones, port, "123");
            world.command(Exchange, Command::KeepAlive { port: PortId(port), on: true });
        }
        world.run(ms(7000));
        for port in 1..5 {
            world.close(Exchange, base + port);
        }
        for port in 1..3 {
            world.close(Phones, base + port);
        }
        for side in [Phones, Exchange] {
            assert_eq!(world.plane(side).ports(), 0);
            assert_eq!(world.plane(side).poll_timeout(), None, "no timer stays");
            assert!(world.plane(side).poll_transmit().is_none());
            assert!(world.plane(side).poll_event().is_none());
        }
    }
}
