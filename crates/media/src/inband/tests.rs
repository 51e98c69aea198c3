//! The table of Q.24: what must be heard, what must not.

use super::*;
use crate::codec::{Codec, g711};
use crate::sine;

/// How the digits of a case sound.
#[derive(Clone, Copy)]
struct Case {
    on: usize,
    off: usize,
    /// Tenths of dBm0 of the low and the high frequency.
    low: i32,
    high: i32,
    /// Frequency offsets.
    detune: (f64, f64),
    /// Noise in dB below the two frequencies together.
    snr: Option<f64>,
    dial_tone: bool,
}

const PLAIN: Case = Case { on: 50, off: 50, low: -100, high: -100, detune: (0.0, 0.0), snr: None, dial_tone: false };

impl Case {
    /// 320 digits, or as many as make half a minute.
    fn count(&self) -> usize {
        (30_000 / self.on).min(320)
    }
}

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal, variance one.
    fn normal(&mut self) -> f64 {
        ((0..4).map(|_| self.next()).sum::<f64>() - 2.0) * 1.732
    }
}

/// Digits in a row, each beginning anywhere; what was sent and the audio.
fn audio(case: Case) -> (String, Vec<i16>) {
    let mut chance = Chance(0x5DEECE66D);
    let (mut sent, mut pcm) = (String::new(), vec![0.0; 800]);
    let (low, high) = (f64::from(sine::peak(case.low)), f64::from(sine::peak(case.high)));
    for n in 0..case.count() {
        let (row, column) = (n % 4, n / 4 % 4);
        sent.push(KEYS[row][column]);
        let phases = (chance.next() * 6.0, chance.next() * 6.0);
        let turn = |hz: u16, detune: f64| std::f64::consts::TAU * f64::from(hz) * (1.0 + detune) / 8000.0;
        let (a, b) = (turn(LOW[row], case.detune.0), turn(HIGH[column], case.detune.1));
        pcm.extend(
            (0..case.on * 8).map(|t| low * (a * t as f64 + phases.0).sin() + high * (b * t as f64 + phases.1).sin()),
        );
        pcm.extend(vec![0.0; case.off * 8 + (chance.next() * 40.0) as usize]);
    }
    pcm.extend([0.0; 800]);
    let power = (low * low + high * high) / 2.0;
    let noise = case.snr.map_or(0.0, |snr| (power / 10_f64.powf(snr / 10.0)).sqrt());
    let dial = if case.dial_tone { f64::from(sine::peak(-220)) } else { 0.0 };
    let tone = |hz: f64, t: usize| (std::f64::consts::TAU * hz * t as f64 / 8000.0).sin();
    let samples = pcm.iter().enumerate().map(|(t, sample)| {
        let sum = sample + noise * chance.normal() + dial * (tone(350.0, t) + tone(440.0, t));
        sum.clamp(-32768.0, 32767.0) as i16
    });
    (sent, samples.collect())
}

fn listen(pcm: &[i16]) -> String {
    let mut detector = Detector::new();
    pcm.chunks(160).flat_map(|frame| detector.push(frame)).map(|heard| heard.digit).collect()
}

/// Every digit exactly once and nothing else.
#[track_caller]
fn accept(what: &str, case: Case) {
    let (sent, pcm) = audio(case);
    let heard = listen(&pcm);
    assert!(heard == sent, "{what}: {} of {} heard\n{sent}\n{heard}", heard.len(), sent.len());
}

#[track_caller]
fn refuse(what: &str, case: Case) {
    let heard = listen(&audio(case).1);
    assert!(heard.is_empty(), "{what}: {} of {} heard: {heard}", heard.len(), case.count());
}

#[test]
fn what_q24_wants_heard_is_heard() {
    accept("50/50 ms", PLAIN);
    accept("40/40 ms", Case { on: 40, off: 40, ..PLAIN });
    accept("1 s", Case { on: 1000, off: 40, ..PLAIN });
    for (a, b) in [(0.015, 0.015), (-0.015, -0.015), (0.015, -0.015), (-0.015, 0.015)] {
        accept(&format!("{a} {b}"), Case { detune: (a, b), ..PLAIN });
        accept(&format!("{a} {b} at 15 dB"), Case { detune: (a, b), snr: Some(15.0), ..PLAIN });
        accept(&format!("{a} {b} in 40 ms"), Case { detune: (a, b), on: 40, off: 40, ..PLAIN });
    }
    for snr in [24.0, 15.0, 12.0] {
        accept(&format!("{snr} dB"), Case { snr: Some(snr), ..PLAIN });
        accept(&format!("{snr} dB in 40 ms"), Case { snr: Some(snr), on: 40, off: 40, ..PLAIN });
    }
}

#[test]
fn levels_and_twists_of_q24_are_heard() {
    accept("twist +4", Case { low: -140, high: -100, ..PLAIN });
    accept("twist -8", Case { low: -100, high: -180, ..PLAIN });
    for detune in [(0.015, 0.015), (-0.015, -0.015)] {
        accept("twist +4 detuned", Case { low: -140, high: -100, detune, snr: Some(20.0), ..PLAIN });
        accept("twist -8 detuned", Case { low: -100, high: -180, detune, snr: Some(20.0), ..PLAIN });
    }
    for level in [-300, -250, -30, 0] {
        accept(&format!("{} dBm0", level / 10), Case { low: level, high: level, ..PLAIN });
    }
    accept("dial tone", Case { dial_tone: true, ..PLAIN });
}

#[test]
fn what_q24_wants_refused_is_refused() {
    for (a, b) in [(0.035, 0.035), (-0.035, -0.035), (0.035, 0.0), (-0.035, 0.0), (0.0, 0.035), (0.0, -0.035)] {
        refuse(&format!("{a} {b}"), Case { detune: (a, b), ..PLAIN });
        refuse(&format!("{a} {b} for 1 s"), Case { detune: (a, b), on: 1000, ..PLAIN });
        refuse(&format!("{a} {b} at 20 dB"), Case { detune: (a, b), snr: Some(20.0), ..PLAIN });
    }
    refuse("20 ms", Case { on: 20, ..PLAIN });
    refuse("20 ms at 20 dB", Case { on: 20, snr: Some(20.0), ..PLAIN });
    refuse("-60 dBm0", Case { low: -600, high: -600, ..PLAIN });
    refuse("twist +12", Case { low: -220, high: -100, ..PLAIN });
    refuse("twist -14", Case { low: -100, high: -240, ..PLAIN });
    refuse("only low", Case { high: -900, ..PLAIN });
    refuse("only high", Case { low: -900, ..PLAIN });
}

#[test]
fn a_drop_out_of_10_ms_does_not_make_two_digits() {
    let mut pcm = vec![0; 800];
    let on = audio(Case { on: 60, off: 10, ..PLAIN }).1;
    let digit = &on[800..800 + 480];
    pcm.extend_from_slice(digit);
    pcm.extend([0; 80]);
    pcm.extend_from_slice(digit);
    pcm.extend([0; 800]);
    assert_eq!(listen(&pcm), "1");
}

#[test]
fn lengths_are_told_to_about_10_ms() {
    for on in [40, 100, 500, 3000] {
        let pcm = audio(Case { on, off: 60, ..PLAIN }).1;
        let mut detector = Detector::new();
        for heard in detector.push(&pcm[..pcm.len().min(80_000)]) {
            assert!(heard.ms.abs_diff(on as u32) <= 12, "{} for {on}", heard.ms);
        }
    }
}

#[test]
fn companding_does_not_hide_digits() {
    let (sent, pcm) = audio(PLAIN);
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let (mut payload, mut back) = (Vec::new(), Vec::new());
        codec.encoder().encode(&pcm, &mut payload);
        codec.decoder().decode(&payload, &mut back);
        assert_eq!(listen(&back), sent);
    }
    assert_eq!(g711::linear_from_ulaw(g711::ULAW_SILENCE), 0);
}

/// A voice: harmonics of a gliding pitch under three gliding formants. Four minutes; `tests/outside_codecs.rs` has real ones.
#[test]
fn gliding_harmonics_are_no_digits() {
    let mut chance = Chance(99);
    let (mut phase, mut pitch, mut target) = (0.0_f64, 120.0_f64, 120.0_f64);
    let mut formants = [500.0, 1500.0, 2500.0];
    let mut detector = Detector::new();
    let mut heard = Vec::new();
    let mut pcm = [0_i16; 80];
    for turn in 0..24_000 {
        if turn % 20 == 0 {
            target = (target + chance.normal() * 25.0).clamp(80.0, 300.0);
        }
        for (formant, (low, high)) in formants.iter_mut().zip([(250.0, 950.0), (800.0, 2300.0), (2000.0, 3200.0)]) {
            *formant = (*formant + chance.normal() * 25.0_f64).clamp(low, high);
        }
        let gains: [f64; 12] = std::array::from_fn(|n| {
            let hz = pitch * (n + 1) as f64;
            let formants = formants.iter().zip([1.0, 0.7, 0.3]);
            formants.map(|(f, weight)| weight / (1.0 + ((hz - f) / 60.0).powi(2)).sqrt()).sum()
        });
        for sample in &mut pcm {
            pitch += (target - pitch) * 0.001;
            phase += std::f64::consts::TAU * pitch / 8000.0;
            let sum: f64 = gains.iter().enumerate().map(|(n, gain)| gain * (phase * (n + 1) as f64).sin()).sum();
            *sample = (sum * 8000.0).clamp(-32768.0, 32767.0) as i16;
        }
        heard.extend(detector.push(&pcm));
    }
    assert_eq!(heard.len(), 0, "{heard:?}");
}

proptest::proptest! {
    #[test]
    fn pieces_of_any_length_are_heard_alike(sizes in proptest::collection::vec(1_usize..400, 1..20)) {
        let (_, pcm) = audio(Case { on: 1000, ..PLAIN });
        let pcm = &pcm[..16_000];
        let mut detector = Detector::new();
        let mut rest = pcm;
        let mut heard = String::new();
        for size in sizes.into_iter().cycle() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            heard.extend(detector.push(piece).iter().map(|heard| heard.digit));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        proptest::prop_assert_eq!(heard, listen(pcm));
    }
}
