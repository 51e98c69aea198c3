//! Outside judges for the codecs: ffmpeg for G.722, libgsm's `toast` and sox for GSM 06.10 and G.711, to the bit; speech and
//! music for the digit detector.
//!
//! A tool that is missing fails its test and says which; `./test` installs them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

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
