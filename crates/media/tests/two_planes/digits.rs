//! Digits: as events through a bad wire, relayed, in-band where no events were agreed, and from one kind into the other.

use crate::world::*;
use media::codec::Codec;
use media::plane::{Command, PortId};
use media::sdp::Caps;

const ALL: &str = "1234567890*#ABCD";

fn without_events(codec: Codec) -> Caps {
    Caps { dtmf: false, ..one(codec) }
}

#[test]
fn all_digits_arrive_once_each_on_a_bad_wire() {
    let mut world = World::new();
    world.loss = 10;
    world.spread = ms(30);
    world.call(1, &Caps::default(), &Caps::default());
    world.play(Phones, 1, 1, &[sine(500, ms(60_000))], false);
    world.digits(Phones, 1, ALL);
    world.run(ms(6000));
    assert_eq!(world.heard_digits(Exchange, 1), ALL);
}

#[test]
fn digits_are_relayed_as_events_and_reported() {
    let mut world = World::new();
    world.call(1, &one(Codec::Pcmu), &one(Codec::Pcmu));
    world.call(2, &one(Codec::G722), &one(Codec::G722));
    world.join(1, 2);
    world.play(Phones, 1, 1, &[sine(500, ms(60_000))], false);
    world.run(ms(500));
    world.digits(Phones, 1, "159#");
    world.run(ms(2000));
    assert_eq!(world.heard_digits(Exchange, 1), "159#");
    assert_eq!(world.heard_digits(Phones, 2), "159#");
    assert_eq!(world.heard_digits(Exchange, 2), "");
    is_one_stream(&world.sent(Exchange, 2), ms(150));
}

#[test]
fn digits_pass_local_pairs() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.pair(11, 12);
    world.join(1, 11);
    world.digits(Phones, 1, "42");
    world.run(ms(1000));
    assert_eq!(world.heard_digits(Exchange, 12), "42");
    world.digits(Exchange, 12, "77");
    world.run(ms(1000));
    assert_eq!(world.heard_digits(Phones, 1), "77");
}

#[test]
fn in_band_digits_are_heard_only_where_no_events_were_agreed() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
        let mut world = World::new();
        world.call(1, &without_events(codec), &Caps::of(&[codec]));
        world.play(Phones, 1, 1, &[sine(500, ms(300))], false);
        world.run(ms(500));
        world.digits(Phones, 1, "159D");
        world.run(ms(2000));
        assert_eq!(world.heard_digits(Exchange, 1), "159D", "{codec:?}");
    }
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    let tone = media::dtmf::tone("159D", 100, 100);
    let sound = media::sound::Sound::from_tone(&tone, ms(800)).unwrap();
    world.play(Phones, 1, 1, &[std::sync::Arc::new(sound)], false);
    world.run(ms(2000));
    assert_eq!(world.heard_digits(Exchange, 1), "");
}

#[test]
fn a_partner_without_events_gets_tones() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.call(2, &without_events(Codec::Pcma), &Caps::default());
    world.join(1, 2);
    world.digits(Phones, 1, "2468");
    world.run(ms(3000));
    assert_eq!(world.heard_digits(Exchange, 1), "2468");
    // Phone 2 agreed on no events, so it listens to the tones.
    assert_eq!(world.heard_digits(Phones, 2), "2468");
}

#[test]
fn digits_sent_by_the_exchange_interrupt_and_the_prompt_goes_on() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.play(Exchange, 1, 1, &[sine(500, ms(1000))], false);
    world.run(ms(300));
    world.command(Exchange, Command::SendDigits { port: PortId(1), digits: "1x2".to_owned(), ms: 80 });
    world.run(ms(2000));
    assert_eq!(world.heard_digits(Phones, 1), "12");
    let sent = world.sent(Exchange, 1);
    assert_eq!(sent.iter().filter(|seen| seen.header.payload_type == 0).count(), 50);
    let events: Vec<_> = sent.iter().filter(|seen| seen.header.payload_type == 101).collect();
    assert_eq!(events.len(), 2 * (4 + 2));
    assert_eq!(events.iter().filter(|seen| seen.header.marker).count(), 2);
    assert_eq!(events.iter().filter(|seen| seen.payload[1] & 0x80 != 0).count(), 6, "three ends each");
    is_one_stream(&sent, ms(150));
}

#[test]
fn a_digit_can_end_a_recording_and_reports_its_length() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    let spec = media::plane::RecordSpec { terminators: "#".to_owned(), ..endless() };
    world.record(Exchange, 1, 4, spec);
    world.play(Phones, 1, 1, &[sine(500, ms(1000))], false);
    world.run(ms(1000));
    world.digits(Phones, 1, "5#");
    world.run(ms(1000));
    let ended = world.has(Exchange, |event| {
        matches!(event, media::plane::Event::Recorded { id: 4, end: media::plane::RecordEnd::Digit('#'), .. })
    });
    assert_eq!(ended, 1);
    assert_eq!(world.heard_digits(Exchange, 1), "5#");
    assert_eq!(world.has(Exchange, |event| matches!(event, media::plane::Event::Digit { ms: 100, .. })), 2);
}
