//! Hears digits in the audio of a peer with which no events were agreed.

use crate::codec::{Codec, Decoder, Rate};
use crate::inband::{Detector, Heard};
use crate::resample::Resampler;

/// Missing packets that are made up for by silence; a longer gap ends any digit just as well.
const MAX_GAP: u16 = 5;

/// The ear for one incoming codec.
#[derive(Debug)]
pub(super) struct Listener {
    codec: Codec,
    decoder: Decoder,
    resampler: Resampler,
    detector: Detector,
    /// The sequence number that comes next.
    next: Option<u16>,
    pcm: Vec<i16>,
    narrow: Vec<i16>,
}

impl Listener {
    pub(super) fn new(codec: Codec) -> Listener {
        Listener {
            codec,
            decoder: codec.decoder(),
            resampler: Resampler::new(codec.rate(), Rate::Narrow),
            detector: Detector::new(),
            next: None,
            pcm: Vec::new(),
            narrow: Vec::new(),
        }
    }

    pub(super) fn is_for(&self, codec: Codec) -> bool {
        self.codec == codec
    }

    /// Takes a packet; gives the digits that ended in it. A packet that was overtaken is left out.
    pub(super) fn packet(&mut self, sequence: u16, payload: &[u8]) -> Vec<Heard> {
        let missing = self.next.map_or(0, |next| sequence.wrapping_sub(next));
        if missing > u16::MAX / 2 {
            return Vec::new();
        }
        self.next = Some(sequence.wrapping_add(1));
        self.pcm.clear();
        self.narrow.clear();
        self.narrow.resize(usize::from(missing.min(MAX_GAP)) * Rate::Narrow.frame(), 0);
        self.decoder.decode(payload, &mut self.pcm);
        self.resampler.push(&self.pcm, &mut self.narrow);
        self.detector.push(&self.narrow)
    }
}
