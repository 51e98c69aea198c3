//! The codecs: what SDP calls them, how big their frames are, and encoders and decoders as values with state.
//!
//! Every codec is integer code that equals its standard to the bit. Read [`g711`] for companding, [`g722`] for wideband,
//! [`gsm`] for the files of Asterisk sound folders. PCM is 16-bit mono at the codec's own [`Rate`].

pub mod g711;
pub mod g722;
pub mod gsm;
pub mod linear;

/// How many PCM samples a second holds. Everything in this crate is one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rate {
    /// 8000 Hz: the telephone.
    Narrow,
    /// 16000 Hz: wideband.
    Wide,
}

impl Rate {
    /// Samples per second.
    pub const fn hz(self) -> u32 {
        match self {
            Rate::Narrow => 8000,
            Rate::Wide => 16000,
        }
    }

    /// Samples in one frame of 20 ms.
    pub const fn frame(self) -> usize {
        self.hz() as usize / 50
    }

    /// Samples in this many milliseconds.
    pub const fn samples(self, ms: u32) -> usize {
        ms as usize * (self.hz() as usize / 1000)
    }
}

/// Audio codecs that tollgate can turn into PCM and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 µ-law, 64 kbit/s (RFC 3551 §4.5.14).
    Pcmu,
    /// G.711 A-law, 64 kbit/s (RFC 3551 §4.5.14).
    Pcma,
    /// G.722 at 64 kbit/s (RFC 3551 §4.5.2): 16 kHz audio under an RTP clock of 8000.
    G722,
    /// GSM 06.10 full rate, 13 kbit/s (RFC 3551 §4.5.8).
    Gsm,
    /// Linear 16 bit, big-endian, mono at 8 kHz (RFC 3551 §4.5.11); a dynamic payload type.
    L16,
}

impl Codec {
    /// All codecs, in the order in which we would rather use them: audio quality, then work.
    pub const ALL: [Codec; 5] = [Codec::G722, Codec::Pcmu, Codec::Pcma, Codec::L16, Codec::Gsm];

    /// The encoding name of `a=rtpmap`. Compare without case.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Gsm => "GSM",
            Codec::L16 => "L16",
        }
    }

    /// The RTP clock. G.722 says 8000 although it samples at 16000: an old mistake that RFC 3551 §4.5.2 keeps.
    pub const fn clock(self) -> u32 {
        8000
    }

    /// The rate of the PCM that goes into the encoder and comes out of the decoder.
    pub const fn rate(self) -> Rate {
        match self {
            Codec::G722 => Rate::Wide,
            Codec::Pcmu | Codec::Pcma | Codec::Gsm | Codec::L16 => Rate::Narrow,
        }
    }

    /// The static payload type of RFC 3551 table 4; `None` means a dynamic one must be agreed.
    pub const fn payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcmu => Some(0),
            Codec::Gsm => Some(3),
            Codec::Pcma => Some(8),
            Codec::G722 => Some(9),
            Codec::L16 => None,
        }
    }

    /// The codec of a static payload type that stands in `m=` without an `a=rtpmap`.
    pub fn from_payload_type(payload_type: u8) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.payload_type() == Some(payload_type))
    }

    /// The codec of an `a=rtpmap` (name without case, clock in Hz, mono).
    pub fn from_name(name: &str, clock: u32) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.clock() == clock && codec.name().eq_ignore_ascii_case(name))
    }

    /// PCM samples in a frame of 20 ms.
    pub const fn frame_samples(self) -> usize {
        self.rate().frame()
    }

    /// Payload bytes of a frame of 20 ms.
    pub const fn frame_bytes(self) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 160,
            Codec::Gsm => gsm::FRAME_BYTES,
            Codec::L16 => 320,
        }
    }

    /// What a frame of 20 ms adds to the RTP timestamp.
    pub const fn frame_ticks(self) -> u32 {
        self.clock() / 50
    }

    /// How many RTP ticks a payload of this many bytes lasts. Counts whole units only.
    pub const fn ticks(self, payload_bytes: usize) -> u32 {
        let ticks = match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => payload_bytes,
            Codec::Gsm => payload_bytes / gsm::FRAME_BYTES * gsm::FRAME_SAMPLES,
            Codec::L16 => payload_bytes / 2,
        };
        // A payload is below 64 KiB; the cast cannot cut.
        ticks as u32
    }

    /// A fresh encoder.
    pub fn encoder(self) -> Encoder {
        match self {
            Codec::Pcmu => Encoder::Pcmu,
            Codec::Pcma => Encoder::Pcma,
            Codec::G722 => Encoder::G722(Box::default()),
            Codec::Gsm => Encoder::Gsm(Box::default()),
            Codec::L16 => Encoder::L16,
        }
    }

    /// A fresh decoder.
    pub fn decoder(self) -> Decoder {
        match self {
            Codec::Pcmu => Decoder::Pcmu,
            Codec::Pcma => Decoder::Pcma,
            Codec::G722 => Decoder::G722(Box::default()),
            Codec::Gsm => Decoder::Gsm(Box::default()),
            Codec::L16 => Decoder::L16,
        }
    }
}

/// PCM to payload. One per stream, because G.722 and GSM remember.
#[derive(Debug, Clone)]
pub enum Encoder {
    /// G.711 µ-law has no state.
    Pcmu,
    /// G.711 A-law has no state.
    Pcma,
    /// G.722.
    G722(Box<g722::Encoder>),
    /// GSM 06.10.
    Gsm(Box<gsm::Encoder>),
    /// Linear has no state.
    L16,
}

impl Encoder {
    /// Appends the payload of `pcm` (at [`Codec::rate`]) to `out`.
    ///
    /// Any length is taken. What does not fill a unit of the codec (2 samples for G.722, 160 for GSM) is filled with
    /// silence, so give whole frames of 20 ms.
    pub fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        match self {
            Encoder::Pcmu => g711::encode_ulaw(pcm, out),
            Encoder::Pcma => g711::encode_alaw(pcm, out),
            Encoder::G722(state) => state.encode(pcm, out),
            Encoder::Gsm(state) => state.encode(pcm, out),
            Encoder::L16 => linear::encode_be(pcm, out),
        }
    }
}

/// Payload to PCM. One per stream, because G.722 and GSM remember.
#[derive(Debug, Clone)]
pub enum Decoder {
    /// G.711 µ-law has no state.
    Pcmu,
    /// G.711 A-law has no state.
    Pcma,
    /// G.722.
    G722(Box<g722::Decoder>),
    /// GSM 06.10.
    Gsm(Box<gsm::Decoder>),
    /// Linear has no state.
    L16,
}

impl Decoder {
    /// Appends the PCM of a payload (at [`Codec::rate`]) to `out`.
    ///
    /// Any bytes are taken; a broken or cut unit at the end is left out. Never fails: what a peer sends may sound bad,
    /// but it does nothing else.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        match self {
            Decoder::Pcmu => g711::decode_ulaw(payload, out),
            Decoder::Pcma => g711::decode_alaw(payload, out),
            Decoder::G722(state) => state.decode(payload, out),
            Decoder::Gsm(state) => state.decode(payload, out),
            Decoder::L16 => linear::decode_be(payload, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_fills_exactly_its_frame_both_ways() {
        for codec in Codec::ALL {
            let pcm = vec![0_i16; codec.frame_samples()];
            let mut payload = Vec::new();
            codec.encoder().encode(&pcm, &mut payload);
            assert_eq!(payload.len(), codec.frame_bytes(), "{codec:?}");
            assert_eq!(codec.ticks(payload.len()), codec.frame_ticks(), "{codec:?}");
            let mut back = Vec::new();
            codec.decoder().decode(&payload, &mut back);
            assert_eq!(back.len(), codec.frame_samples(), "{codec:?}");
        }
    }

    #[test]
    fn names_and_static_payload_types_lead_back() {
        for codec in Codec::ALL {
            assert_eq!(Codec::from_name(&codec.name().to_ascii_lowercase(), codec.clock()), Some(codec));
            if let Some(payload_type) = codec.payload_type() {
                assert_eq!(Codec::from_payload_type(payload_type), Some(codec));
            }
        }
        assert_eq!(Codec::from_name("G722", 16000), None);
        assert_eq!(Codec::from_payload_type(18), None);
    }

    proptest::proptest! {
        #[test]
        fn any_audio_and_any_payload_pass_without_harm(
            loud in proptest::collection::vec(proptest::prop_oneof![0..1_i16, i16::MIN..=i16::MAX, i16::MAX - 1..=i16::MAX, i16::MIN..=i16::MIN + 1], 0..900),
            bytes in proptest::collection::vec(0_u8.., 0..400),
        ) {
            for codec in Codec::ALL {
                let (mut encoder, mut decoder) = (codec.encoder(), codec.decoder());
                let (mut payload, mut back) = (Vec::new(), Vec::new());
                encoder.encode(&loud, &mut payload);
                decoder.decode(&payload, &mut back);
                proptest::prop_assert!(back.len() >= loud.len() && back.len() < loud.len() + 160);
                decoder.decode(&bytes, &mut back);
                let mut frame: Vec<u8> = bytes.clone();
                frame.insert(0, 0xD0);
                decoder.decode(&frame, &mut back);
            }
        }
    }
}
