//! One codec into another, packet by packet: no waiting, no timer; the far end's jitter buffer sees what ours would have seen.

use crate::codec::{Codec, Decoder, Encoder};
use crate::resample::Resampler;

/// Turns one stream into another codec.
#[derive(Debug)]
pub(super) struct Transcoder {
    key: u64,
    from: Codec,
    to: Codec,
    decoder: Decoder,
    resampler: Resampler,
    encoder: Encoder,
    last: Option<u16>,
    pcm: Vec<i16>,
    resampled: Vec<i16>,
    out: Vec<u8>,
}

impl Transcoder {
    pub(super) fn new(key: u64, from: Codec, to: Codec) -> Transcoder {
        Transcoder {
            key,
            from,
            to,
            decoder: from.decoder(),
            resampler: Resampler::new(from.rate(), to.rate()),
            encoder: to.encoder(),
            last: None,
            pcm: Vec::new(),
            resampled: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Whether it is the one for this stream and these codecs.
    pub(super) fn is_for(&self, key: u64, from: Codec, to: Codec) -> bool {
        (self.key, self.from, self.to) == (key, from, to)
    }

    /// The payload in the other codec. `None` for packets that come too late, because codecs remember, and for empty ones.
    pub(super) fn packet(&mut self, sequence: u16, payload: &[u8]) -> Option<&[u8]> {
        if self.last.is_some_and(|last| sequence.wrapping_sub(last).wrapping_sub(1) > u16::MAX / 2) {
            return None;
        }
        self.last = Some(sequence);
        self.pcm.clear();
        self.out.clear();
        self.decoder.decode(payload, &mut self.pcm);
        if self.from.rate() == self.to.rate() {
            self.encoder.encode(&self.pcm, &mut self.out);
        } else {
            self.resampled.clear();
            self.resampler.push(&self.pcm, &mut self.resampled);
            self.encoder.encode(&self.resampled, &mut self.out);
        }
        (!self.out.is_empty()).then_some(&self.out)
    }
}
