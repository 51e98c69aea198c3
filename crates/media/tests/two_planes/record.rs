//! Recordings: complete, in order, bounded, and ended by each of their ends.

use crate::world::*;
use media::codec::{Codec, Rate};
use media::limits::CHUNK_SECONDS;
use media::plane::{Command, Event, PortId, RecordEnd, RecordSpec};
use media::sdp::Caps;
use std::time::Duration;

fn end_of(world: &World, wanted: u64) -> Vec<(RecordEnd, Duration)> {
    let of = |(_, event): &(Side, Event)| match event {
        Event::Recorded { id, end, length, .. } if *id == wanted => Some((*end, *length)),
        _ => None,
    };
    world.events.iter().filter_map(of).collect()
}

#[test]
fn a_message_is_recorded_through_loss_and_reordering() {
    for codec in [Codec::Pcmu, Codec::G722] {
        let mut world = World::new();
        world.loss = 3;
        world.spread = ms(35);
        world.call(1, &one(codec), &one(codec));
        world.play(Phones, 1, 1, &[sine(800, ms(3000))], false);
        world.record(Exchange, 1, 4, endless());
        world.run(ms(3000));
        world.command(Exchange, Command::StopRecord { port: PortId(1) });
        let (pcm, rate) = world.recording(4);
        assert_eq!(rate, codec.rate());
        let length = pcm.len() / rate.samples(1);
        assert!((2950..=3020).contains(&length), "{length} ms");
        let middle = &pcm[rate.samples(500)..rate.samples(2500)];
        assert!(purity(middle, rate, 800.0) > 0.8, "{codec:?} {}", purity(middle, rate, 800.0));
        assert!(end_of(&world, 4).iter().all(|(end, _)| *end == RecordEnd::Stopped));
    }
}

#[test]
fn a_recording_has_a_longest_length() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.record(Exchange, 1, 4, RecordSpec { max: ms(1500), ..endless() });
    world.run(ms(3000));
    assert_eq!(end_of(&world, 4), [(RecordEnd::Max, ms(1500))]);
    assert_eq!(world.recording(4).0.len(), Rate::Narrow.samples(1500));
}

#[test]
fn a_recording_ends_when_nobody_speaks_any_more() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.play(Phones, 1, 1, &[sine(800, ms(2000))], false);
    world.command(Phones, Command::KeepAlive { port: PortId(1), on: true });
    world.record(Exchange, 1, 4, RecordSpec { silence: Some(ms(1500)), ..endless() });
    world.run(ms(10_000));
    let ends = end_of(&world, 4);
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].0, RecordEnd::Silence);
    assert!((3300..3900).contains(&ends[0].1.as_millis()), "{ends:?}");
}

#[test]
fn a_long_recording_comes_in_parts() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.play(Phones, 1, 1, &[sine(800, ms(2000))], true);
    world.record(Exchange, 1, 4, endless());
    world.run(ms(25_000));
    let chunks: Vec<usize> = world
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::RecordChunk { pcm, .. } => Some(pcm.len()),
            _ => None,
        })
        .collect();
    assert_eq!(chunks, [CHUNK_SECONDS * 8000; 2]);
    world.close(Exchange, 1);
    let ends = end_of(&world, 4);
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].0, RecordEnd::Closed);
    assert!((24_950..=25_020).contains(&ends[0].1.as_millis()), "{ends:?}");
}

#[test]
fn a_new_recording_ends_the_old_one() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.record(Exchange, 1, 4, endless());
    world.run(ms(500));
    world.record(Exchange, 1, 5, endless());
    world.run(ms(500));
    world.command(Exchange, Command::StopRecord { port: PortId(1) });
    assert_eq!(end_of(&world, 4)[0].0, RecordEnd::Stopped);
    assert_eq!(end_of(&world, 5)[0].0, RecordEnd::Stopped);
    world.command(Exchange, Command::StopRecord { port: PortId(1) });
    assert_eq!(end_of(&world, 5).len(), 1);
}

#[test]
fn a_local_pair_can_be_recorded() {
    let mut world = World::new();
    world.call(1, &Caps::default(), &Caps::default());
    world.pair(11, 12);
    world.join(1, 11);
    world.record(Exchange, 12, 4, endless());
    world.play(Phones, 1, 1, &[sine(800, ms(1000))], false);
    world.run(ms(1000));
    world.command(Exchange, Command::StopRecord { port: PortId(12) });
    let (pcm, rate) = world.recording(4);
    assert!(purity(&pcm[rate.samples(300)..rate.samples(900)], rate, 800.0) > 0.9);
}
