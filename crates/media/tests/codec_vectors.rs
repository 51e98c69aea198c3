//! G.722 and GSM 06.10 give what ffmpeg and libgsm gave for the same two words (`vectors/README.md` says how they were made).
//! `outside_codecs.rs` asks the tools themselves about far more.

#![allow(missing_docs)]

use media::codec::{Codec, linear};

fn check(codec: Codec, speech: &[u8], coded: &[u8], decoded: &[u8]) {
    let mut pcm = Vec::new();
    linear::decode_le(speech, &mut pcm);
    let mut payload = Vec::new();
    // In frames, as calls do it: state must live across them.
    let mut encoder = codec.encoder();
    for frame in pcm.chunks(codec.frame_samples()) {
        encoder.encode(frame, &mut payload);
    }
    let whole = coded.len() / codec.frame_bytes() * codec.frame_bytes();
    assert_eq!(payload[..whole], coded[..whole], "{codec:?} encoder");

    let (mut back, mut decoder) = (Vec::new(), codec.decoder());
    for frame in coded.chunks(codec.frame_bytes()) {
        decoder.decode(frame, &mut back);
    }
    let mut bytes = Vec::new();
    linear::encode_le(&back, &mut bytes);
    assert_eq!(bytes, decoded, "{codec:?} decoder");
}

#[test]
fn g722_is_ffmpegs() {
    check(
        Codec::G722,
        include_bytes!("vectors/speech.sln16"),
        include_bytes!("vectors/speech.g722"),
        include_bytes!("vectors/decoded.sln16"),
    );
}

#[test]
fn gsm_is_libgsms() {
    check(
        Codec::Gsm,
        include_bytes!("vectors/speech.sln"),
        include_bytes!("vectors/speech.gsm"),
        include_bytes!("vectors/decoded.sln"),
    );
}
