//! How many seconds of audio each codec turns over in a second of processor time: `cargo bench -p media --bench codec`.
//! Throughput is in samples; divide by 8,000 or 16,000.

#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use media::codec::{Codec, Rate};
use media::inband::Detector;
use media::plc::Concealer;
use media::resample::Resampler;
use media::tone::{Country, Kind};

/// One second that is neither silence nor a steady tone.
fn material(rate: Rate) -> Vec<i16> {
    let mut state = 1_u32;
    (0..rate.hz())
        .map(|n| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let t = f64::from(n) / f64::from(rate.hz());
            let voice = (t * 900.0).sin() + 0.5 * (t * 5_300.0).sin() + 0.2 * (t * 14_000.0).sin();
            (voice * 6_000.0 * (t * 9.0).sin()) as i16 + (state >> 24) as i16
        })
        .collect()
}

fn codecs(criterion: &mut Criterion) {
    for codec in Codec::ALL {
        let pcm = material(codec.rate());
        let mut payload = Vec::new();
        codec.encoder().encode(&pcm, &mut payload);
        let mut group = criterion.benchmark_group(codec.name());
        group.throughput(Throughput::Elements(pcm.len() as u64));
        group.bench_function("encode", |bencher| {
            let (mut encoder, mut out) = (codec.encoder(), Vec::new());
            bencher.iter(|| {
                out.clear();
                encoder.encode(black_box(&pcm), &mut out);
            });
        });
        group.bench_function("decode", |bencher| {
            let (mut decoder, mut out) = (codec.decoder(), Vec::new());
            bencher.iter(|| {
                out.clear();
                decoder.decode(black_box(&payload), &mut out);
            });
        });
    }
}

fn signals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("signal");
    let (narrow, wide) = (material(Rate::Narrow), material(Rate::Wide));
    group.throughput(Throughput::Elements(8_000));
    group.bench_function("digits heard", |bencher| {
        let mut detector = Detector::new();
        bencher.iter(|| narrow.chunks(160).map(|frame| detector.push(black_box(frame)).len()).sum::<usize>());
    });
    group.bench_function("ringing tone", |bencher| {
        let mut player = Country::of("US").tone(Kind::Dial).player(Rate::Narrow);
        let mut out = vec![0; 8_000];
        bencher.iter(|| player.fill(black_box(&mut out)));
    });
    group.bench_function("concealment, one frame in ten lost", |bencher| {
        let (mut concealer, mut out) = (Concealer::new(Rate::Narrow), Vec::new());
        let mut frames = narrow.clone();
        bencher.iter(|| {
            for (number, frame) in frames.chunks_mut(160).enumerate() {
                out.clear();
                if number % 10 == 9 { concealer.lost(160, &mut out) } else { concealer.good(frame) }
            }
        });
    });
    for (from, to, pcm) in [(Rate::Narrow, Rate::Wide, &narrow), (Rate::Wide, Rate::Narrow, &wide)] {
        group.throughput(Throughput::Elements(pcm.len() as u64));
        group.bench_function(format!("{} to {} Hz", from.hz(), to.hz()), |bencher| {
            let (mut resampler, mut out) = (Resampler::new(from, to), Vec::new());
            bencher.iter(|| {
                out.clear();
                pcm.chunks(from.frame()).for_each(|frame| resampler.push(black_box(frame), &mut out));
            });
        });
    }
}

criterion_group!(benches, codecs, signals);
criterion_main!(benches);
