//! A recording under way: what comes in at a port, put in order, decoded, and cut into parts that fit in memory.

use super::command::{PortId, RecordSpec};
use super::frame::Frame;
use super::report::{Event, RecordEnd};
use crate::codec::{Codec, Decoder, Rate};
use crate::jitter::{Jitter, Pull};
use crate::limits::{CHUNK_SECONDS, MAX_RECORDING};
use crate::plc::Concealer;
use crate::resample::Resampler;
use crate::silence::SilenceDetector;
use std::time::Duration;

/// Decodes one stream, and brings it to the recording's rate.
#[derive(Debug)]
struct Ear {
    codec: Codec,
    decoder: Decoder,
    resampler: Resampler,
    concealer: Concealer,
}

/// The recording of one port.
#[derive(Debug)]
pub(super) struct Recorder {
    id: u64,
    spec: RecordSpec,
    rate: Rate,
    jitter: Jitter,
    /// The stream that is recorded.
    key: Option<u64>,
    ear: Option<Ear>,
    silence: SilenceDetector,
    /// Decoded and not yet of its 20 ms.
    fifo: Vec<i16>,
    /// Since the last chunk.
    pcm: Vec<i16>,
    /// Samples before `pcm`.
    given: usize,
}

/// What a tick brought.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Samples to hand out.
    pub(super) chunk: Option<Vec<i16>>,
    /// The recording is over.
    pub(super) end: Option<RecordEnd>,
}

impl Recorder {
    /// At 16 kHz for a wideband codec, else at 8 kHz.
    pub(super) fn new(id: u64, spec: RecordSpec, codec: Option<Codec>) -> Recorder {
        let rate = codec.map_or(Rate::Narrow, Codec::rate);
        Recorder {
            id,
            spec,
            rate,
            jitter: Jitter::new(),
            key: None,
            ear: None,
            silence: SilenceDetector::new(rate),
            fifo: Vec::new(),
            pcm: Vec::new(),
            given: 0,
        }
    }

    /// Takes a packet of audio.
    pub(super) fn packet(&mut self, frame: &Frame<'_>, codec: Codec) {
        if self.key != Some(frame.key) {
            self.key = Some(frame.key);
            self.jitter.restart();
        }
        self.jitter.push(frame.timestamp, codec, frame.payload);
    }

    /// Whether this digit ends it.
    pub(super) fn ends_with(&self, digit: char) -> bool {
        self.spec.terminators.chars().any(|known| known.eq_ignore_ascii_case(&digit))
    }

    /// 20 ms have passed.
    pub(super) fn tick(&mut self) -> Heard {
        let frame = self.rate.frame();
        while self.fifo.len() < frame {
            match self.jitter.pull() {
                Pull::Packet(codec, payload) => {
                    let ear = match &mut self.ear {
                        Some(ear) if ear.codec == codec => ear,
                        ear => ear.insert(Ear {
                            codec,
                            decoder: codec.decoder(),
                            resampler: Resampler::new(codec.rate(), self.rate),
                            concealer: Concealer::new(codec.rate()),
                        }),
                    };
                    let mut pcm = Vec::with_capacity(codec.frame_samples());
                    ear.decoder.decode(payload, &mut pcm);
                    ear.concealer.good(&mut pcm);
                    if pcm.is_empty() {
                        // A payload without a whole unit still took its time.
                        pcm.resize(codec.frame_samples(), 0);
                    }
                    ear.resampler.push(&pcm, &mut self.fifo);
                }
                Pull::Lost => match &mut self.ear {
                    Some(ear) => {
                        let mut pcm = Vec::with_capacity(ear.codec.frame_samples());
                        ear.concealer.lost(ear.codec.frame_samples(), &mut pcm);
                        ear.resampler.push(&pcm, &mut self.fifo);
                    }
                    None => self.fifo.resize(frame, 0),
                },
                Pull::Idle => self.fifo.resize(frame, 0),
            }
        }
        let start = self.pcm.len();
        self.pcm.extend(self.fifo.drain(..frame.min(self.fifo.len())));
        let silent = self.silence.push(self.pcm.get(start..).unwrap_or_default());
        let length = self.given + self.pcm.len();
        let max = self.spec.max.min(MAX_RECORDING);
        let mut heard = Heard::default();
        if self.length_of(length) >= max {
            heard.end = Some(RecordEnd::Max);
        } else if self.spec.silence.is_some_and(|limit| silent >= limit) {
            heard.end = Some(RecordEnd::Silence);
        } else if self.pcm.len() >= CHUNK_SECONDS * self.rate.hz() as usize {
            self.given = length;
            heard.chunk = Some(std::mem::take(&mut self.pcm));
        }
        heard
    }

    fn length_of(&self, samples: usize) -> Duration {
        Duration::from_micros(samples as u64 * 1_000_000 / u64::from(self.rate.hz()))
    }

    /// A chunk as an event.
    pub(super) fn chunk(&self, port: PortId, pcm: Vec<i16>) -> Event {
        Event::RecordChunk { port, id: self.id, pcm, rate: self.rate }
    }

    /// The last part.
    pub(super) fn finish(self, port: PortId, end: RecordEnd) -> Event {
        let length = self.length_of(self.given + self.pcm.len());
        Event::Recorded { port, id: self.id, pcm: self.pcm, rate: self.rate, length, end }
    }
}
