//! The exchange speaks to a phone, echoes it, keeps it alive, and notices when it falls silent.

use crate::world::*;
use media::codec::Codec;
use media::limits::SILENT_AFTER;
use media::plane::{Channel, Command, Event, PortId};
use media::rtp::Header;
use media::sdp::{Caps, Direction};
use media::tone::Country;
use media::tone::Kind;

#[test]
fn a_caller_hears_prompts_in_order_in_every_codec() {
    for codec in Codec::ALL {
        let mut world = World::new();
        world.call(1, &one(codec), &one(codec));
        world.record(Phones, 1, 9, endless());
        world.play(Exchange, 1, 5, &[sine(400, ms(1000)), sine(1000, ms(1000))], false);
        world.run(ms(2500));
        assert_eq!(world.has(Exchange, |event| matches!(event, Event::Played { port: PortId(1), id: 5 })), 1);
        world.command(Phones, Command::StopRecord { port: PortId(1) });
        let (pcm, rate) = world.recording(9);
        assert_eq!(rate, codec.rate());
        let at = |ms: u32| &pcm[rate.samples(ms)..rate.samples(ms + 400)];
        assert!(purity(at(400), rate, 400.0) > 0.9, "{codec:?} {}", purity(at(400), rate, 400.0));
        assert!(purity(at(1400), rate, 1000.0) > 0.9, "{codec:?} {}", purity(at(1400), rate, 1000.0));
        let sent = world.sent(Exchange, 1);
        assert_eq!(sent.len(), 100);
        assert!(sent[0].header.marker && sent.iter().skip(1).all(|seen| !seen.header.marker));
        is_one_stream(&sent, ms(3));
    }
}

#[test]
fn a_played_list_waits_for_the_answer() {
    let mut world = World::new();
    world.open(Exchange, 1);
    world.play(Exchange, 1, 5, &[sine(400, ms(200))], false);
    world.run(ms(500));
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::Played { .. })), 0);
    let (at_phone, at_exchange) = negotiate(1, &Caps::default(), &Caps::default());
    world.open(Phones, 1);
    world.remote(Phones, 1, &at_phone);
    world.remote(Exchange, 1, &at_exchange);
    world.run(ms(500));
    assert_eq!(world.sent(Exchange, 1).len(), 10);
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::Played { .. })), 1);
}

#[test]
fn stop_ends_a_prompt_without_played_and_a_new_one_replaces_the_old() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.play(Exchange, 1, 1, &[sine(400, ms(1000))], false);
    world.run(ms(100));
    world.play(Exchange, 1, 2, &[sine(400, ms(1000))], false);
    world.run(ms(100));
    world.command(Exchange, Command::Stop { port: PortId(1) });
    world.run(ms(2000));
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::Played { .. })), 0);
    let sent = world.sent(Exchange, 1).len();
    assert!((9..=12).contains(&sent), "{sent}");
}

#[test]
fn hold_music_repeats_and_its_sound_is_shared() {
    let mut world = World::new();
    let music = sine(440, ms(300));
    for port in 1..4 {
        world.call(port, &Caps::default(), &Caps::default());
        world.play(Exchange, port, 1, std::slice::from_ref(&music), true);
    }
    world.run(ms(2000));
    for port in 1..4 {
        let sent = world.sent(Exchange, port);
        assert!((99..=101).contains(&sent.len()), "{}", sent.len());
        is_one_stream(&sent, ms(3));
    }
    let first = world.sent(Exchange, 1)[3].payload.clone();
    assert!((2..4).all(|port| world.sent(Exchange, port)[3].payload == first));
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::Played { .. })), 0);
}

#[test]
fn a_ringing_tone_has_its_cadence() {
    let mut world = World::new();
    world.call(1, &one(Codec::Pcma), &one(Codec::Pcma));
    world.record(Phones, 1, 9, endless());
    world.command(Exchange, Command::Tone { port: PortId(1), tone: Country::of("US").tone(Kind::Ringback) });
    world.run(ms(5000));
    world.command(Phones, Command::StopRecord { port: PortId(1) });
    let (pcm, rate) = world.recording(9);
    assert!(loudness(&pcm[rate.samples(500)..rate.samples(1800)]) > 1000.0);
    assert!(loudness(&pcm[rate.samples(2500)..rate.samples(4500)]) < 20.0);
}

#[test]
fn echo_returns_what_is_said() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.command(Exchange, Command::Echo { port: PortId(1), on: true });
    world.record(Phones, 1, 9, endless());
    world.play(Phones, 1, 1, &[sine(700, ms(1000))], false);
    world.run(ms(1500));
    world.command(Phones, Command::StopRecord { port: PortId(1) });
    let (pcm, rate) = world.recording(9);
    assert!(purity(&pcm[rate.samples(300)..rate.samples(900)], rate, 700.0) > 0.9);
    world.command(Exchange, Command::Echo { port: PortId(1), on: false });
    let before = world.sent(Exchange, 1).len();
    world.play(Phones, 1, 1, &[sine(700, ms(500))], false);
    world.run(ms(1000));
    assert_eq!(world.sent(Exchange, 1).len(), before);
}

#[test]
fn an_idle_port_sends_nothing_unless_it_keeps_alive() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.run(ms(2000));
    assert!(world.sent(Exchange, 1).is_empty());
    world.command(Exchange, Command::KeepAlive { port: PortId(1), on: true });
    world.run(ms(1000));
    let sent = world.sent(Exchange, 1);
    assert!((50..=51).contains(&sent.len()));
    assert!(sent.iter().all(|seen| seen.payload == [0xFF; 160]), "µ-law silence");
    world.command(Exchange, Command::KeepAlive { port: PortId(1), on: false });
    world.run(ms(1000));
    assert!(world.sent(Exchange, 1).len() <= 51);
}

#[test]
fn silence_of_the_peer_is_told_once_until_it_speaks_again() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.command(Exchange, Command::Watch { port: PortId(1), silent_after: Some(ms(3000)) });
    world.play(Phones, 1, 1, &[sine(700, ms(1000))], false);
    let silent = |world: &World| world.has(Exchange, |event| matches!(event, Event::Silent { port: PortId(1), .. }));
    world.run(ms(3900));
    assert_eq!(silent(&world), 0);
    world.run(ms(200));
    assert_eq!(silent(&world), 1);
    world.run(ms(10_000));
    assert_eq!(silent(&world), 1);
    world.play(Phones, 1, 1, &[sine(700, ms(100))], false);
    world.run(ms(3300));
    assert_eq!(silent(&world), 2);
    world.command(Exchange, Command::Watch { port: PortId(1), silent_after: None });
    world.run(ms(60_000));
    assert_eq!(silent(&world), 2);
}

#[test]
fn without_being_asked_silence_is_told_after_the_usual_time() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    let silent = |world: &World| world.has(Exchange, |event| matches!(event, Event::Silent { port: PortId(1), .. }));
    world.run(SILENT_AFTER - ms(1));
    assert_eq!(silent(&world), 0);
    world.run(ms(1));
    assert_eq!(silent(&world), 1);
}

#[test]
fn comfort_noise_that_nobody_agreed_on_is_a_sign_of_life_and_not_heard() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.command(Exchange, Command::Echo { port: PortId(1), on: true });
    for sequence in 0..400 {
        let header =
            Header { marker: false, payload_type: 13, sequence, timestamp: u32::from(sequence) * 800, ssrc: 1 };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        bytes.push(60);
        world.inject("127.0.0.2:10002", 1, Channel::Rtp, &bytes);
        world.run(ms(100));
    }
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::Silent { .. })), 0);
    assert!(world.sent(Exchange, 1).is_empty());
    let stats = world.close(Exchange, 1);
    assert_eq!((stats.packets_in, stats.junk, stats.lost_in), (400, 0, 0));
}

#[test]
fn a_peer_on_hold_is_not_silent_and_not_spoken_to() {
    let mut world = World::new();
    let (_, mut at_exchange) = world.call(1, &Caps::default(), &Caps::default());
    // The phone said inactive.
    at_exchange.direction = Direction::Inactive;
    world.remote(Exchange, 1, &at_exchange);
    world.command(Exchange, Command::Watch { port: PortId(1), silent_after: Some(ms(1000)) });
    world.play(Exchange, 1, 3, &[sine(700, ms(500))], false);
    world.run(ms(5000));
    assert!(world.sent(Exchange, 1).is_empty());
    assert_eq!(world.has(Exchange, |event| matches!(event, Event::Silent { .. })), 0);
    assert_eq!(
        world.has(Exchange, |event| matches!(event, Event::Played { .. })),
        1,
        "time goes on for who is on hold"
    );
}

#[test]
fn the_first_packet_is_told_once() {
    let mut world = World::new();
    let (_, at_exchange) = world.call(1, &Caps::default(), &Caps::default());
    let first = |world: &World| world.has(Exchange, |event| matches!(event, Event::FirstPacket { port: PortId(1) }));
    world.run(ms(1000));
    assert_eq!(first(&world), 0);
    world.play(Phones, 1, 1, &[sine(700, ms(100))], false);
    world.run(ms(1000));
    assert_eq!(first(&world), 1);
    world.remote(Exchange, 1, &at_exchange);
    world.play(Phones, 1, 1, &[sine(700, ms(100))], false);
    world.run(ms(1000));
    assert_eq!(first(&world), 1);
}

#[test]
fn a_late_shell_catches_up_a_little_and_the_stream_stays_whole() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.play(Exchange, 1, 1, &[sine(700, ms(60_000))], false);
    world.run(ms(200));
    // Nobody calls the plane for ten seconds.
    world.now += ms(10_000);
    world.run(ms(1000));
    let sent = world.sent(Exchange, 1);
    assert!(sent.len() < 75, "{}", sent.len());
    is_one_stream(&sent, ms(130));
}
