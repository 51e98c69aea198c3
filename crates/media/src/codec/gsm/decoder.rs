//! Frames to samples (ETSI EN 300 961 §4.3).

use super::arith::{add, mult_r, sub};
use super::{
    FRAME_BYTES, FRAME_SAMPLES, Frame, GAIN, MAX_LAG, SUBFRAME, WAV49_BYTES, bits, decode_lar, decode_pulses, stretches,
};

/// Packed frames to 8 kHz samples.
#[derive(Debug, Clone)]
pub struct Decoder {
    /// The excitation of the last three subframes.
    past: [i16; MAX_LAG],
    /// The last lag that was possible.
    lag: usize,
    /// LARs of the last frame.
    lar: [i16; 8],
    /// The lattice of the short-term filter.
    lattice: [i16; 9],
    /// Memory of the de-emphasis.
    emphasis: i16,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// In its home state.
    pub const fn new() -> Decoder {
        Decoder { past: [0; MAX_LAG], lag: 40, lar: [0; 8], lattice: [0; 9], emphasis: 0 }
    }

    /// Appends 160 samples for every whole frame of 33 bytes; a frame that does not begin with 1101 is silence.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        let (frames, _) = payload.as_chunks::<FRAME_BYTES>();
        out.reserve(frames.len() * FRAME_SAMPLES);
        for packed in frames {
            match bits::unpack(packed) {
                Some(frame) => out.extend_from_slice(&self.frame(&frame)),
                None => out.resize(out.len() + FRAME_SAMPLES, 0),
            }
        }
    }

    /// Appends 320 samples for every whole pair of frames as WAV files of format 49 have them.
    pub fn decode_wav49(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        let (pairs, _) = payload.as_chunks::<WAV49_BYTES>();
        out.reserve(pairs.len() * 2 * FRAME_SAMPLES);
        for packed in pairs {
            for frame in bits::unpack_wav49(packed) {
                out.extend_from_slice(&self.frame(&frame));
            }
        }
    }

    fn frame(&mut self, frame: &Frame) -> [i16; FRAME_SAMPLES] {
        let mut pcm = [0; FRAME_SAMPLES];
        for (sub, out) in frame.sub.iter().zip(pcm.chunks_exact_mut(SUBFRAME)) {
            // §4.3.2: the long-term filter.
            if let lag @ 40..=120 = sub.lag {
                self.lag = lag as usize;
            }
            let gain = GAIN[sub.gain as usize & 3];
            let pulses = decode_pulses(sub);
            for ((sample, pulse), old) in out.iter_mut().zip(pulses).zip(&self.past[MAX_LAG - self.lag..]) {
                *sample = add(pulse, mult_r(gain, *old));
            }
            self.past.copy_within(SUBFRAME.., 0);
            self.past[MAX_LAG - SUBFRAME..].copy_from_slice(out);
        }
        self.short_term(&decode_lar(&frame.lar), &mut pcm);
        for sample in &mut pcm {
            // §4.3.5 to §4.3.7: de-emphasis, up-scaling, and the three bits that do not exist.
            self.emphasis = add(*sample, mult_r(self.emphasis, 28180));
            *sample = add(self.emphasis, self.emphasis) & !7;
        }
        pcm
    }

    /// §4.3.4: the lattice, backwards.
    fn short_term(&mut self, lar: &[i16; 8], pcm: &mut [i16; FRAME_SAMPLES]) {
        let mut rest = &mut pcm[..];
        for (count, reflection) in stretches(&self.lar, lar) {
            let (here, after) = rest.split_at_mut(count);
            rest = after;
            for sample in here {
                let mut value = *sample;
                for n in (0..8).rev() {
                    value = sub(value, mult_r(reflection[n], self.lattice[n]));
                    self.lattice[n + 1] = add(self.lattice[n], mult_r(reflection[n], value));
                }
                self.lattice[0] = value;
                *sample = value;
            }
        }
        self.lar = *lar;
    }
}
