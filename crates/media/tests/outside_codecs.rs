//! Outside judges for the codecs: ffmpeg for G.722, libgsm's `toast` and sox for GSM 06.10 and G.711, to the bit; speech and
//! music for the digit detector.
//!
//! A tool that is missing fails its test and says which; `./test` installs them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, missing_docs)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use media::codec::{Codec, Rate, linear};
use media::resample;

/// Runs a tool with `input` on its standard input and gives what it writes.
fn tool(name: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(name)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{name} is needed for this test ({error}): apt-get install {name}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{name} {arguments:?} failed");
    output.stdout
}

fn bytes(pcm: &[i16]) -> Vec<u8> {
    let mut out = Vec::new();
    linear::encode_le(pcm, &mut out);
    out
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    let mut out = Vec::new();
    linear::decode_le(bytes, &mut out);
    out
}

/// Repeatable noise (xorshift).
fn noise(seed: u64, count: usize, peak: i32) -> Vec<i16> {
    let mut state = seed | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 40) as i32 % (peak + 1) * if state & 1 == 0 { 1 } else { -1 }) as i16
        })
        .collect()
}

/// What the codecs are tried with, at 16 kHz: speech, tones, noise, full-scale square waves, silence, an impulse.
fn material() -> Vec<i16> {
    let mut pcm =
        speech("slt", "She had your dark suit in greasy wash water all year. Press one for sales, two for service.");
    pcm.extend(noise(1, 16_000, 32_767));
    pcm.extend(noise(2, 16_000, 300));
    pcm.extend((0..16_000).map(|n| if n / 37 % 2 == 0 { i16::MAX } else { i16::MIN }));
    pcm.extend((0..32_000).map(|n: i32| {
        // A sweep from low to high that also changes its level.
        let t = f64::from(n) / 32_000.0;
        ((t * t * 12_000.0).sin() * (1.0 - t) * 32_000.0) as i16
    }));
    pcm.extend([0; 4_000]);
    pcm.push(i16::MIN);
    pcm.extend([0; 4_000]);
    // Whole frames at both rates.
    pcm.truncate(pcm.len() / 640 * 640);
    pcm
}

/// Speech by flite at 16 kHz.
fn speech(voice: &str, text: &str) -> Vec<i16> {
    let folder = Folder::new();
    let file = folder.0.join("speech.wav");
    let path = file.to_str().unwrap();
    tool("flite", &["-voice", voice, "-t", text, "-o", path], &[]);
    sox(&[path, "-t", "s16", "-r", "16000", "-c", "1", "-"], &[])
}

fn sox(arguments: &[&str], input: &[u8]) -> Vec<i16> {
    let mut all = vec!["-V1", "-R", "-D"];
    all.extend_from_slice(arguments);
    samples(&tool("sox", &all, input))
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("codecs-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn encode(codec: Codec, pcm: &[i16]) -> Vec<u8> {
    let mut out = Vec::new();
    codec.encoder().encode(pcm, &mut out);
    out
}

fn decode(codec: Codec, payload: &[u8]) -> Vec<i16> {
    let mut out = Vec::new();
    codec.decoder().decode(payload, &mut out);
    out
}

fn same<T: PartialEq + std::fmt::Debug>(ours: &[T], theirs: &[T], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}: lengths");
    let apart = ours.iter().zip(theirs).filter(|(a, b)| a != b).count();
    let first = ours.iter().zip(theirs).position(|(a, b)| a != b);
    assert_eq!(apart, 0, "{what}: {apart} of {} differ, the first at {first:?}", ours.len());
}

const PCM16: [&str; 6] = ["-f", "s16le", "-ar", "16000", "-ac", "1"];

#[test]
fn g722_encoder_is_ffmpegs_to_the_bit() {
    let pcm = material();
    let mut arguments = vec!["-v", "error"];
    arguments.extend(PCM16);
    arguments.extend(["-i", "-", "-c:a", "g722", "-f", "g722", "-"]);
    let theirs = tool("ffmpeg", &arguments, &bytes(&pcm));
    let ours = encode(Codec::G722, &pcm);
    same(&ours, &theirs, "G.722 encoder");
}

#[test]
fn g722_decoder_is_ffmpegs_to_the_bit() {
    // Real payload first, then bytes that no encoder would write.
    let mut payload = encode(Codec::G722, &material());
    payload.extend(noise(3, 40_000, 255).iter().map(|sample| *sample as u8));
    let mut arguments = vec!["-v", "error", "-f", "g722", "-i", "-"];
    arguments.extend(PCM16);
    arguments.push("-");
    let theirs = samples(&tool("ffmpeg", &arguments, &payload));
    same(&decode(Codec::G722, &payload), &theirs, "G.722 decoder");
}

fn narrow() -> Vec<i16> {
    let mut pcm = resample::whole(Rate::Wide, Rate::Narrow, &material());
    // Full-scale and offset signals as they are, without our resampler between.
    pcm.extend(noise(4, 16_000, 32_767));
    pcm.extend((0..8_000).map(|n| if n / 50 % 2 == 0 { i16::MAX } else { i16::MIN }));
    pcm.extend([9_000; 3_200]);
    pcm.extend((0..8_000).map(|n: i32| (n * 4 - 16_000) as i16));
    pcm.truncate(pcm.len() / 320 * 320);
    pcm
}

const RAW8: [&str; 10] = ["-t", "raw", "-e", "signed-integer", "-b", "16", "-r", "8000", "-c", "1"];

/// The arguments of sox from raw 8 kHz samples, or to them.
fn sox_raw(gsm: &[&str], from_raw: bool) -> Vec<String> {
    let (mut raw, mut coded) = (RAW8.to_vec(), gsm.to_vec());
    raw.push("-");
    coded.push("-");
    let all = if from_raw { [raw, coded] } else { [coded, raw] };
    ["-V1", "-D"].into_iter().chain(all.concat()).map(str::to_string).collect()
}

fn sox_bytes(gsm: &[&str], from_raw: bool, input: &[u8]) -> Vec<u8> {
    let arguments = sox_raw(gsm, from_raw);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    tool("sox", &arguments, input)
}

const GSM: [&str; 6] = ["-t", "gsm", "-r", "8000", "-c", "1"];

#[test]
fn gsm_encoder_is_libgsms_to_the_bit() {
    let pcm = narrow();
    let ours = encode(Codec::Gsm, &pcm);
    same(&ours, &sox_bytes(&GSM, true, &bytes(&pcm)), "GSM encoder against sox");
    let theirs = tool("toast", &["-c", "-l"], &bytes(&pcm));
    same(&ours, &theirs, "GSM encoder against toast");
}

/// Frames that begin rightly and are chance otherwise.
fn wild_frames(count: usize) -> Vec<u8> {
    let mut wild: Vec<u8> = noise(5, count * 33, 255).iter().map(|sample| *sample as u8).collect();
    wild.chunks_exact_mut(33).for_each(|frame| frame[0] = frame[0] & 0x0F | 0xD0);
    wild
}

#[test]
fn gsm_decoder_is_libgsms_to_the_bit() {
    let mut payload = encode(Codec::Gsm, &narrow());
    payload.extend(wild_frames(1_000));
    let ours = decode(Codec::Gsm, &payload);
    same(&ours, &samples(&sox_bytes(&GSM, false, &payload)), "GSM decoder against sox");
    let theirs = tool("toast", &["-d", "-c", "-l"], &payload);
    same(&ours, &samples(&theirs), "GSM decoder against toast");
}

#[test]
fn gsm_in_wav_files_is_soxs_to_the_bit() {
    let pcm = narrow();
    let mut ours = Vec::new();
    media::codec::gsm::Encoder::new().encode_wav49(&pcm, &mut ours);
    let folder = Folder::new();
    let file = folder.0.join("x.wav");
    let mut arguments = vec!["-V1", "-D"];
    arguments.extend(RAW8);
    arguments.extend(["-", "-e", "gsm-full-rate", file.to_str().unwrap()]);
    tool("sox", &arguments, &bytes(&pcm));
    let stored = std::fs::read(&file).unwrap();
    let wav = media::wav::parse(&stored).unwrap();
    same(&ours, &wav.data[..ours.len()], "WAV49 encoder");
    let theirs = tool("sox", &["-V1", "-D", file.to_str().unwrap(), "-t", "s16", "-"], &[]);
    let sound = media::sound::Sound::from_file("WAV", &stored).unwrap();
    let pcm = sound.pcm(Rate::Narrow);
    let count = samples(&theirs).len().min(pcm.len());
    same(&pcm[..count], &samples(&theirs)[..count], "WAV49 decoder");
}

#[test]
fn g711_is_decoded_as_sox_does() {
    let codes: Vec<u8> = (0..=255).collect();
    let ulaw = sox_bytes(&["-t", "ul", "-r", "8000", "-c", "1"], false, &codes);
    same(&decode(Codec::Pcmu, &codes), &samples(&ulaw), "µ-law");
    let alaw = sox_bytes(&["-t", "al", "-r", "8000", "-c", "1"], false, &codes);
    same(&decode(Codec::Pcma, &codes), &samples(&alaw), "A-law");
}

/// Digits that are heard in audio at 8 kHz.
fn digits(pcm: &[i16]) -> String {
    let mut detector = media::inband::Detector::new();
    pcm.chunks(160).flat_map(|frame| detector.push(frame)).map(|heard| heard.digit).collect()
}

/// At the level of a loud telephone voice and of a soft one.
fn no_digit(what: &str, pcm: &[i16]) {
    for shift in [0, 2] {
        let softer: Vec<i16> = pcm.iter().map(|sample| sample >> shift).collect();
        let heard = digits(&softer);
        assert!(heard.is_empty(), "{what}: false digits {heard} in {} s", pcm.len() / 8_000);
    }
}

/// Every word of the catalogue of prompts, if it is there, and text that rhymes with digits.
fn text() -> Vec<String> {
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tollgate/prompts/catalogue.tsv");
    let mut lines: Vec<String> = std::fs::read_to_string(catalogue)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split('\t').nth(1).map(str::to_string))
        .collect();
    lines.push(
        "The quick brown fox jumps over the lazy dog, and nobody, nobody at all, moved or spoke for a minute.".into(),
    );
    lines.push(
        "Who knew you too would do so? Ooh, aah, eee. We were away a year ago. Call me Ishmael, some years ago.".into(),
    );
    lines.push(
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness."
            .into(),
    );
    lines
}

#[test]
fn there_is_no_digit_in_flites_speech() {
    for voice in ["slt", "kal", "awb", "rms"] {
        for text in text().chunks(60) {
            let wide = speech(voice, &text.join(". "));
            no_digit(voice, &resample::whole(Rate::Wide, Rate::Narrow, &wide));
        }
    }
}

#[test]
fn there_is_no_digit_in_espeaks_speech() {
    // The high female voices at these pitches have harmonics that fooled an earlier detector by the dozen.
    let text = text().join(". ");
    let voices = [
        ("en-us", "50"),
        ("en-gb", "30"),
        ("de", "60"),
        ("fr", "40"),
        ("es", "70"),
        ("it", "50"),
        ("sv", "90"),
        ("en+m3", "20"),
        ("en+croak", "50"),
        ("en+whisper", "50"),
        ("en+f1", "80"),
        ("en+f1", "99"),
        ("en+f2", "90"),
        ("en+f2", "99"),
        ("en+f3", "60"),
        ("en+f3", "70"),
        ("en+f3", "80"),
        ("en+f3", "90"),
        ("en+f4", "50"),
        ("en+f5", "90"),
    ];
    for (voice, pitch) in voices {
        let wav = tool("espeak-ng", &["-v", voice, "-p", pitch, "-s", "230", "--stdout"], text.as_bytes());
        // A pipe has no length in its header, which sox forgives only as raw.
        let raw = ["-t", "raw", "-r", "22050", "-e", "signed-integer", "-b", "16", "-c", "1", "-"];
        let mut arguments = raw.to_vec();
        arguments.extend(["-t", "s16", "-r", "8000", "-"]);
        no_digit(voice, &sox(&arguments, &wav[44..]));
    }
}

#[test]
fn there_is_no_digit_in_music() {
    // Chords of every key in several sounds, with and without tremolo.
    for (kind, effects) in [
        ("pluck", ""),
        ("sine", ""),
        ("triangle", "tremolo 6"),
        ("sawtooth", ""),
        ("square", "chorus 0.6 0.9 50 0.4 0.25 2 -t"),
    ] {
        for key in -20..12 {
            let mut arguments = vec![
                "-n".to_string(),
                "-t".into(),
                "s16".into(),
                "-r".into(),
                "8000".into(),
                "-c".into(),
                "1".into(),
                "-".into(),
            ];
            arguments.extend("synth 4".split(' ').map(str::to_string));
            for step in [0, 4, 7, 12] {
                arguments.extend([kind.to_string(), format!("%{}", key + step)]);
            }
            arguments.extend("gain -n -6 fade 0.02 0 0.3".split(' ').map(str::to_string));
            arguments.extend(effects.split(' ').filter(|word| !word.is_empty()).map(str::to_string));
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            no_digit(&format!("{kind} {key}"), &sox(&arguments, &[]));
        }
    }
    // A melody in two voices.
    for (low, high) in (0..60).map(|n| (n * 7 % 24 - 12, n * 5 % 24 + 3)) {
        let (low, high) = (format!("%{low}"), format!("%{high}"));
        let arguments = [
            "-n", "-t", "s16", "-r", "8000", "-c", "1", "-", "synth", "0.4", "sine", &low, "sine", &high, "gain", "-n",
            "-6",
        ];
        no_digit(&format!("{low} {high}"), &sox(&arguments, &[]));
    }
}

/// Our own prompts and music, and those of Debian's asterisk-core-sounds and asterisk-moh packages where they are installed.
#[test]
fn there_is_no_digit_in_prompts_and_music_on_hold() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tollgate/prompts");
    let mut folders = vec![PathBuf::from("/usr/share/asterisk"), ours];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() && !path.is_symlink() => folders.push(path),
                Some(extension @ ("wav" | "g722" | "gsm")) => files.push((extension.to_string(), path)),
                _ => {}
            }
        }
    }
    assert!(files.len() > 400, "{} sound files: where are ours?", files.len());
    for (extension, path) in files {
        let Ok(sound) = media::sound::Sound::from_file(&extension, &std::fs::read(&path).unwrap()) else { continue };
        let pcm = sound.pcm(Rate::Narrow);
        no_digit(&path.display().to_string(), &pcm);
    }
}

#[test]
fn digits_by_sox_are_heard() {
    let mut audio = Vec::new();
    let mut expected = String::new();
    for key in "1234567890*#ABCD".chars() {
        let (low, high) = media::dtmf::frequencies(key).unwrap();
        let (low, high) = (low.to_string(), high.to_string());
        let arguments = [
            "-n", "-t", "s16", "-r", "8000", "-c", "1", "-", "synth", "0.08", "sine", &low, "sine", &high, "gain",
            "-10",
        ];
        audio.extend(sox(&arguments, &[]));
        audio.extend([0; 640]);
        expected.push(key);
    }
    assert_eq!(digits(&audio), expected);
    assert_eq!(digits(&decode(Codec::Pcmu, &encode(Codec::Pcmu, &audio))), expected);
    assert_eq!(digits(&decode(Codec::Gsm, &encode(Codec::Gsm, &audio))).len() / 15, 1, "GSM may spoil one of sixteen");
}

/// A small program around libspandsp's G.722: `e` encodes 16-bit samples, `d` decodes.
const SPANDSP: &str = r#"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <spandsp.h>
int main(int argc, char **argv) {
    size_t size = 16 << 20, got;
    uint8_t *in = malloc(size);
    int16_t *out = malloc(4 * size);
    if (argc < 2 || !in || !out) return 2;
    got = fread(in, 1, size, stdin);
    if (argv[1][0] == 'e') {
        g722_encode_state_t *s = g722_encode_init(NULL, 64000, 0);
        int n = g722_encode(s, (uint8_t *) out, (int16_t *) in, (int) (got / 2));
        return fwrite(out, 1, n, stdout) != (size_t) n;
    } else {
        g722_decode_state_t *s = g722_decode_init(NULL, 64000, 0);
        int n = g722_decode(s, out, in, (int) got);
        return fwrite(out, 2, n, stdout) != (size_t) n;
    }
}
"#;

#[test]
fn g722_is_libspandsps_to_the_bit() {
    let folder = Folder::new();
    let source = folder.0.join("g722.c");
    let program = folder.0.join("g722");
    std::fs::write(&source, SPANDSP).unwrap();
    let cc = Command::new("cc").arg("-O1").arg("-o").arg(&program).arg(&source).arg("-lspandsp").output().unwrap();
    assert!(
        cc.status.success(),
        "libspandsp is needed for this test: apt-get install libspandsp-dev\n{}",
        String::from_utf8_lossy(&cc.stderr)
    );
    let program = program.to_str().unwrap();
    let pcm = material();
    let ours = encode(Codec::G722, &pcm);
    same(&ours, &tool(program, &["e"], &bytes(&pcm)), "G.722 encoder");
    // Real payload first, then bytes that no encoder would write.
    let mut payload = ours;
    payload.extend(noise(3, 40_000, 255).iter().map(|sample| *sample as u8));
    // Where the two filters add up to more than 16 bits hold, the recommendation saturates (as ffmpeg and we do) and
    // libspandsp 0.0.6 lets the number wrap around: there and nowhere else the two differ.
    let ours = decode(Codec::G722, &payload);
    let wrapped = |ours: i16, theirs: i16| {
        matches!(ours, i16::MAX | i16::MIN) && i32::from(ours).signum() != i32::from(theirs).signum()
    };
    let theirs = samples(&tool(program, &["d"], &payload));
    let fitting: Vec<i16> =
        ours.iter().zip(&theirs).map(|(ours, theirs)| if wrapped(*ours, *theirs) { *ours } else { *theirs }).collect();
    same(&ours, &fitting, "G.722 decoder");
}
