//! Two phones through the exchange: without decoding where codecs agree, transcoded where not, also through local pairs.

use crate::world::*;
use media::codec::{Codec, Rate};
use media::plane::{Command, PortId};
use media::sdp::{Caps, Direction, Format, Local, Session};

/// Two calls, joined; phone 1 says 500 Hz, phone 2 says 900 Hz, both record.
fn talk(world: &mut World, a: Codec, b: Codec) {
    world.call(1, &one(a), &one(a));
    world.call(2, &one(b), &one(b));
    world.join(1, 2);
    say(world);
}

fn say(world: &mut World) {
    for (port, hz) in [(1, 500), (2, 900)] {
        world.record(Phones, port, port, endless());
        world.play(Phones, port, 1, &[sine(hz, ms(2000))], false);
    }
    world.run(ms(2500));
    for port in [1, 2] {
        world.command(Phones, Command::StopRecord { port: PortId(port) });
    }
}

fn hears(world: &World, port: u64, hz: f64, least: f64) {
    let (pcm, rate) = world.recording(port);
    let purity = purity(&pcm[rate.samples(500)..rate.samples(1500)], rate, hz);
    assert!(purity > least, "port {port} hears {hz} Hz only with {purity}");
}

#[test]
fn the_same_codec_is_relayed_byte_for_byte() {
    for codec in Codec::ALL {
        let mut world = World::new();
        talk(&mut world, codec, codec);
        hears(&world, 1, 900.0, 0.9);
        hears(&world, 2, 500.0, 0.9);
        let (said, given) = (world.sent(Phones, 1), world.sent(Exchange, 2));
        // One packet proves the source from another port only; from the negotiated one none is lost.
        assert_eq!(said.len(), given.len());
        assert!(said.iter().zip(&given).all(|(said, given)| said.payload == given.payload));
        assert_ne!(said[0].header.ssrc, given[0].header.ssrc);
        is_one_stream(&given, ms(3));
    }
}

#[test]
fn every_codec_is_turned_into_every_other() {
    for a in Codec::ALL {
        for b in Codec::ALL {
            let mut world = World::new();
            talk(&mut world, a, b);
            hears(&world, 1, 900.0, 0.85);
            hears(&world, 2, 500.0, 0.85);
            is_one_stream(&world.sent(Exchange, 2), ms(3));
        }
    }
}

#[test]
fn a_bad_wire_is_handed_on_as_it_is_and_no_worse() {
    let mut world = World::new();
    world.loss = 5;
    world.spread = ms(45);
    talk(&mut world, Codec::Pcmu, Codec::Pcmu);
    hears(&world, 1, 900.0, 0.5);
    let given = world.sent(Exchange, 2);
    assert!(given.len() > 80);
    let first = given[0].header.sequence;
    let mut numbers: Vec<u16> = given.iter().map(|seen| seen.header.sequence.wrapping_sub(first)).collect();
    let in_order = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(!in_order, "this wire reorders");
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), given.len(), "no number twice");
    for seen in &given {
        let (number, time) =
            (seen.header.sequence.wrapping_sub(first), seen.header.timestamp.wrapping_sub(given[0].header.timestamp));
        assert_eq!(time, u32::from(number) * 160, "each packet keeps its time");
    }
    let stats = world.close(Exchange, 1);
    assert!(stats.lost_in > 0 && stats.jitter_in_ms > 1.0, "{stats:?}");
}

#[test]
fn prompt_bridge_and_hold_music_are_one_stream_to_the_caller() {
    let mut world = World::new();
    world.call(1, &one(Codec::Pcmu), &one(Codec::Pcmu));
    world.call(2, &one(Codec::Pcmu), &one(Codec::Pcmu));
    world.call(3, &one(Codec::G722), &one(Codec::G722));
    for port in [2, 3] {
        world.play(Phones, port, 1, &[sine(900, ms(60_000))], false);
    }
    world.play(Exchange, 1, 1, &[sine(400, ms(500))], false);
    world.run(ms(600));
    world.join(1, 2);
    world.run(ms(500));
    world.play(Exchange, 1, 2, &[sine(300, ms(200))], true);
    world.run(ms(500));
    world.command(Exchange, Command::Stop { port: PortId(1) });
    world.run(ms(500));
    world.digits(Exchange, 1, "1");
    world.run(ms(500));
    world.join(1, 3);
    world.run(ms(500));
    world.command(Exchange, Command::Leave { port: PortId(1) });
    world.run(ms(300));
    world.play(Exchange, 1, 3, &[sine(400, ms(500))], false);
    world.run(ms(600));
    let sent = world.sent(Exchange, 1);
    assert!(sent.len() > 150, "{}", sent.len());
    is_one_stream(&sent, ms(150));
}

#[test]
fn a_re_invite_may_change_the_codec_in_the_middle() {
    let mut world = World::new();
    world.call(1, &one(Codec::Pcmu), &one(Codec::Pcmu));
    world.call(2, &one(Codec::Pcmu), &one(Codec::Pcmu));
    world.join(1, 2);
    world.play(Phones, 2, 1, &[sine(900, ms(60_000))], false);
    world.run(ms(1000));
    let (at_phone, at_exchange) = negotiate(1, &one(Codec::G722), &one(Codec::G722));
    world.remote(Phones, 1, &at_phone);
    world.remote(Exchange, 1, &at_exchange);
    world.record(Phones, 1, 9, endless());
    world.run(ms(1500));
    world.command(Phones, Command::StopRecord { port: PortId(1) });
    let (pcm, rate) = world.recording(9);
    assert_eq!(rate, Rate::Wide);
    assert!(purity(&pcm[rate.samples(500)..rate.samples(1400)], rate, 900.0) > 0.85);
    let sent = world.sent(Exchange, 1);
    is_one_stream(&sent, ms(3));
    assert_eq!((sent[0].header.payload_type, sent.last().unwrap().header.payload_type), (0, 9));
}

#[test]
fn a_prompt_is_louder_than_the_partner_and_leave_ends_the_talk() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.call(2, &Caps::default(), &Caps::default());
    world.join(1, 2);
    world.play(Phones, 2, 1, &[sine(900, ms(5000))], false);
    world.record(Phones, 1, 9, endless());
    world.play(Exchange, 1, 1, &[sine(400, ms(1000))], false);
    world.run(ms(1000));
    world.command(Phones, Command::StopRecord { port: PortId(1) });
    let (pcm, rate) = world.recording(9);
    assert!(purity(&pcm[rate.samples(300)..rate.samples(800)], rate, 400.0) > 0.9);
    world.command(Exchange, Command::Leave { port: PortId(2) });
    let before = world.sent(Exchange, 1).len();
    world.run(ms(1000));
    assert!(world.sent(Exchange, 1).len() - before <= 2);
}

#[test]
fn local_pairs_carry_audio_both_ways_and_are_transparent() {
    let mut world = World::new();
    world.call(1, &one(Codec::Pcmu), &one(Codec::Pcmu));
    world.call(2, &one(Codec::Pcmu), &one(Codec::Pcmu));
    world.pair(11, 12);
    world.pair(13, 14);
    world.join(1, 11);
    world.join(12, 13);
    world.join(14, 2);
    say(&mut world);
    hears(&world, 1, 900.0, 0.9);
    hears(&world, 2, 500.0, 0.9);
    let (said, given) = (world.sent(Phones, 1), world.sent(Exchange, 2));
    assert!(said.iter().zip(&given).all(|(said, given)| said.payload == given.payload));
    // A prompt into one end is heard at the other, in the codec of the leg there.
    world.record(Phones, 2, 20, endless());
    world.play(Exchange, 13, 1, &[sine(1500, ms(1000))], false);
    // 13 speaks to 14, which hands to 2.
    world.run(ms(1200));
    world.command(Phones, Command::StopRecord { port: PortId(2) });
    let (pcm, rate) = world.recording(20);
    assert!(purity(&pcm[rate.samples(300)..rate.samples(900)], rate, 1500.0) > 0.9);
}

#[test]
fn a_ring_of_pairs_comes_to_an_end() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.pair(11, 12);
    world.pair(13, 14);
    world.join(12, 13);
    world.join(14, 11);
    world.play(Exchange, 11, 1, &[sine(500, ms(200))], false);
    world.digits(Exchange, 11, "5");
    world.run(ms(1000));
    assert!(world.heard_digits(Exchange, 12).starts_with('5'));
}

#[test]
fn a_codec_that_we_cannot_decode_passes_between_legs_that_both_have_it() {
    let offer = |port: u64, pt: u8| {
        let at = address(Phones, port);
        format!(
            "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP {pt}\r\n\
             a=rtpmap:{pt} opus/48000/2\r\na=fmtp:{pt} useinbandfec=1\r\n",
            at.ip(),
            at.port()
        )
    };
    let first = Session::parse(offer(1, 111).as_bytes()).unwrap();
    // The second leg is offered what the first can do, in its order.
    let caps = Caps::default().toward(&first);
    let mut second = Local::new(address(Exchange, 2), 2);
    let text = second.offer(&caps, Direction::SendRecv);
    assert!(std::str::from_utf8(&text).unwrap().contains("m=audio 10004 RTP/AVP 111 0 8 9 101"));
    let at_second = second.accept_answer(&Session::parse(offer(2, 96).as_bytes()).unwrap()).unwrap();
    assert!(matches!(at_second.codec, Format::Opaque(_)));
    let mut answer = Local::new(address(Exchange, 1), 1);
    let (_, at_first) =
        answer.answer(&Caps::default().preferring(&at_second.codec), &first, Direction::SendRecv).unwrap();
    assert_eq!(at_first.codec, at_second.codec);
    let mut world = World::new();
    for (port, negotiated) in [(1, &at_first), (2, &at_second)] {
        world.open(Exchange, port);
        world.remote(Exchange, port, negotiated);
    }
    world.join(1, 2);
    for index in 0..10u16 {
        let header = media::rtp::Header {
            marker: index == 0,
            payload_type: 111,
            sequence: index,
            timestamp: u32::from(index) * 960,
            ssrc: 7,
        };
        let mut packet = Vec::new();
        header.write(&mut packet);
        packet.extend_from_slice(&[1, 2, 3, index as u8]);
        world.inject("127.0.0.2:10002", 1, media::plane::Channel::Rtp, &packet);
        world.run(ms(20));
    }
    let given = world.sent(Exchange, 2);
    assert_eq!(given.len(), 10);
    for (index, pair) in given.windows(2).enumerate() {
        assert_eq!(pair[0].header.payload_type, 96);
        assert_eq!(pair[0].payload, [1, 2, 3, index as u8]);
        assert_eq!(pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp), 960);
    }
}
