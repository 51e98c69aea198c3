//! A prompt or a piece of music: kept as it was stored, encoded once per codec for all who hear it.
//!
//! Share it in an `Arc`. [`Sound::frames`] gives 20 ms payloads that go into RTP as they are; the first caller with a new
//! codec pays for the encoding (about 1 ms per second of G.722), all others borrow it.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::codec::{Codec, Rate, gsm, linear};
use crate::limits::SOUND_SECONDS;
use crate::tone::Tone;
use crate::{resample, wav};

/// File name extensions that [`Sound::from_file`] can read, the best audio first.
pub const EXTENSIONS: [&str; 14] =
    ["sln16", "wav16", "g722", "wav", "sln", "raw", "ulaw", "ul", "pcm", "alaw", "al", "gsm", "wav49", "l16"];

/// How the bytes of a sound are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// Frames of a codec without any header.
    Codec(Codec),
    /// 16-bit little-endian samples.
    Linear(Rate),
    /// GSM as WAV files have it.
    Gsm49,
}

/// Why a file cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// The extension is none of [`EXTENSIONS`].
    #[error("{0:?} is not a kind of sound file we can play")]
    Extension(String),
    /// It is a broken or unfit WAV file.
    #[error(transparent)]
    Wav(#[from] wav::WavError),
    /// Less than one frame of 20 ms.
    #[error("the sound file is empty")]
    Empty,
    /// Longer than [`SOUND_SECONDS`].
    #[error("the sound file is longer than {} minutes", SOUND_SECONDS / 60)]
    TooLong,
}

/// A recording that can be played to any number of calls.
#[derive(Debug)]
pub struct Sound {
    bytes: Cow<'static, [u8]>,
    coding: Coding,
    pcm: [OnceLock<Arc<[i16]>>; 2],
    encoded: [OnceLock<Box<[u8]>>; Codec::ALL.len()],
}

impl Sound {
    /// Reads a sound file by its extension (without the dot, any case): WAV files by their header, `gsm`, `g722`,
    /// `ulaw`/`ul`/`pcm`, `alaw`/`al`, `sln`/`raw` (8 kHz), `sln16` (16 kHz) without one, as in Asterisk's sound folders.
    ///
    /// # Errors
    /// Unknown extension, unfit WAV, empty or too long. An incomplete last frame is left out.
    pub fn from_file(extension: &str, bytes: &[u8]) -> Result<Sound, SoundError> {
        let extension = extension.to_ascii_lowercase();
        if let "wav" | "wav16" | "wav49" = extension.as_str() {
            let wav = wav::parse(bytes)?;
            let coding = match wav.coding {
                wav::Coding::Linear => Coding::Linear(wav.rate),
                wav::Coding::Gsm49 => Coding::Gsm49,
                // 16 kHz µ-law is a rarity that no codec frame fits: unfold it.
                law if wav.rate == Rate::Wide => {
                    let codec = if law == wav::Coding::Ulaw { Codec::Pcmu } else { Codec::Pcma };
                    let mut pcm = Vec::new();
                    codec.decoder().decode(wav.data, &mut pcm);
                    return Sound::from_pcm(Rate::Wide, &pcm);
                }
                wav::Coding::Ulaw => Coding::Codec(Codec::Pcmu),
                wav::Coding::Alaw => Coding::Codec(Codec::Pcma),
            };
            return Sound::new(Cow::Owned(wav.data.to_vec()), coding);
        }
        Sound::new(Cow::Owned(bytes.to_vec()), headerless(&extension)?)
    }

    /// Like [`Sound::from_file`] for files inside the program: nothing is copied. Not for WAV.
    ///
    /// # Errors
    /// As [`Sound::from_file`].
    pub fn from_static(extension: &str, bytes: &'static [u8]) -> Result<Sound, SoundError> {
        Sound::new(Cow::Borrowed(bytes), headerless(&extension.to_ascii_lowercase())?)
    }

    /// Of samples.
    ///
    /// # Errors
    /// Empty or too long.
    pub fn from_pcm(rate: Rate, pcm: &[i16]) -> Result<Sound, SoundError> {
        let mut bytes = Vec::new();
        linear::encode_le(pcm, &mut bytes);
        // Whole frames, so that nothing of a recording is lost.
        let frame = rate.frame() * 2;
        bytes.resize(bytes.len().next_multiple_of(frame), 0);
        Sound::new(Cow::Owned(bytes), Coding::Linear(rate))
    }

    /// So much of a tone.
    ///
    /// # Errors
    /// Empty or too long.
    pub fn from_tone(tone: &Tone, length: Duration) -> Result<Sound, SoundError> {
        let ms = length.as_millis().min(u128::from(SOUND_SECONDS + 1) * 1000) as u32;
        let mut pcm = vec![0; Rate::Narrow.samples(ms)];
        let used = tone.player(Rate::Narrow).fill(&mut pcm);
        pcm.truncate(used);
        Sound::from_pcm(Rate::Narrow, &pcm)
    }

    /// So much silence.
    ///
    /// # Errors
    /// Empty or too long.
    pub fn silence(length: Duration) -> Result<Sound, SoundError> {
        Sound::from_tone(&Tone::SILENCE, length)
    }

    fn new(bytes: Cow<'static, [u8]>, coding: Coding) -> Result<Sound, SoundError> {
        let sound = Sound { bytes, coding, pcm: Default::default(), encoded: Default::default() };
        match sound.frame_count() {
            0 => Err(SoundError::Empty),
            count if count > SOUND_SECONDS as usize * 50 => Err(SoundError::TooLong),
            _ => Ok(sound),
        }
    }

    /// The rate at which it is stored.
    pub fn rate(&self) -> Rate {
        match self.coding {
            Coding::Codec(codec) => codec.rate(),
            Coding::Linear(rate) => rate,
            Coding::Gsm49 => Rate::Narrow,
        }
    }

    /// How many frames of 20 ms it has; the same for every codec.
    pub fn frame_count(&self) -> usize {
        match self.coding {
            Coding::Codec(codec) => self.bytes.len() / codec.frame_bytes(),
            Coding::Linear(rate) => self.bytes.len() / (rate.frame() * 2),
            Coding::Gsm49 => self.bytes.len() / gsm::WAV49_BYTES * 2,
        }
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.frame_count() as u64 * 20)
    }

    /// The payloads of a codec. The first call encodes, the others borrow.
    pub fn frames(&self, codec: Codec) -> Frames<'_> {
        let bytes: &[u8] = if self.coding == Coding::Codec(codec) {
            self.bytes.get(..self.frame_count() * codec.frame_bytes()).unwrap_or_default()
        } else {
            let slot = Codec::ALL.iter().position(|other| *other == codec).unwrap_or(0);
            self.encoded[slot].get_or_init(|| self.encode(codec))
        };
        Frames { bytes, size: codec.frame_bytes() }
    }

    fn encode(&self, codec: Codec) -> Box<[u8]> {
        let pcm = match self.pcm[slot(codec.rate())].get() {
            Some(pcm) => Arc::clone(pcm),
            None => self.decode(codec.rate()).into(),
        };
        let mut out = Vec::with_capacity(self.frame_count() * codec.frame_bytes());
        codec.encoder().encode(&pcm, &mut out);
        out.into_boxed_slice()
    }

    /// The samples at a rate, whole frames. The first call decodes and keeps; use it for mixing, not for playing.
    pub fn pcm(&self, rate: Rate) -> Arc<[i16]> {
        Arc::clone(self.pcm[slot(rate)].get_or_init(|| self.decode(rate).into()))
    }

    fn decode(&self, rate: Rate) -> Vec<i16> {
        let mut pcm = Vec::with_capacity(self.frame_count() * self.rate().frame());
        match self.coding {
            Coding::Codec(codec) => codec.decoder().decode(&self.bytes, &mut pcm),
            Coding::Linear(_) => linear::decode_le(&self.bytes, &mut pcm),
            Coding::Gsm49 => gsm::Decoder::new().decode_wav49(&self.bytes, &mut pcm),
        }
        pcm.truncate(self.frame_count() * self.rate().frame());
        if rate == self.rate() { pcm } else { resample::whole(self.rate(), rate, &pcm) }
    }
}

fn slot(rate: Rate) -> usize {
    match rate {
        Rate::Narrow => 0,
        Rate::Wide => 1,
    }
}

fn headerless(extension: &str) -> Result<Coding, SoundError> {
    Ok(match extension {
        "ulaw" | "ul" | "mu" | "pcm" => Coding::Codec(Codec::Pcmu),
        "alaw" | "al" => Coding::Codec(Codec::Pcma),
        "g722" => Coding::Codec(Codec::G722),
        "gsm" => Coding::Codec(Codec::Gsm),
        "l16" => Coding::Codec(Codec::L16),
        "sln" | "raw" => Coding::Linear(Rate::Narrow),
        "sln16" => Coding::Linear(Rate::Wide),
        _ => return Err(SoundError::Extension(extension.chars().take(20).collect())),
    })
}

/// The payloads of a sound in one codec, 20 ms each.
#[derive(Debug, Clone, Copy)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl<'a> Frames<'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.size
    }

    /// Never true for a [`Sound`]; there is no empty one.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// One of them; `None` after the last.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(self.size)?;
        self.bytes.get(start..start.checked_add(self.size)?)
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.bytes.chunks_exact(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(extension: &str, bytes: &[u8], rate: Rate, frames: usize) {
        let sound = Sound::from_file(extension, bytes).unwrap();
        assert_eq!((sound.rate(), sound.frame_count()), (rate, frames), "{extension}");
        for codec in Codec::ALL {
            assert_eq!(sound.frames(codec).len(), frames, "{extension} as {codec:?}");
            assert_eq!(sound.frames(codec).get(frames), None);
            assert_eq!(sound.frames(codec).iter().count(), frames);
        }
        for rate in [Rate::Narrow, Rate::Wide] {
            assert_eq!(sound.pcm(rate).len(), frames * rate.frame(), "{extension} at {rate:?}");
        }
    }

    #[test]
    fn every_kind_of_file_plays_in_every_codec() {
        check("ulaw", &[0x7F; 330], Rate::Narrow, 2);
        check("alaw", &[0xD5; 330], Rate::Narrow, 2);
        check("g722", &[0xFA; 330], Rate::Wide, 2);
        check("gsm", &[0xD0; 99], Rate::Narrow, 3);
        check("sln", &[0; 641], Rate::Narrow, 2);
        check("sln16", &[0; 641], Rate::Wide, 1);
        check("WAV", &wav::write(Rate::Wide, &[7; 640]), Rate::Wide, 2);
    }

    #[test]
    fn a_sound_is_encoded_once_and_its_own_codec_never() {
        static BYTES: [u8; 480] = [0x55; 480];
        let sound = Sound::from_static("g722", &BYTES).unwrap();
        assert!(std::ptr::eq(sound.frames(Codec::G722).get(0).unwrap().as_ptr(), BYTES.as_ptr()));
        let (first, second) = (sound.frames(Codec::Pcmu), sound.frames(Codec::Pcmu));
        assert!(std::ptr::eq(first.get(0).unwrap(), second.get(0).unwrap()));
        assert_eq!(sound.duration(), Duration::from_millis(60));
    }

    #[test]
    fn what_is_empty_too_long_or_unknown_is_refused() {
        let error = |extension: &str, bytes: &[u8]| Sound::from_file(extension, bytes).map(|_| ()).unwrap_err();
        assert_eq!(error("ulaw", &[0; 159]), SoundError::Empty);
        assert_eq!(error("gsm", &vec![0; (SOUND_SECONDS as usize * 50 + 1) * 33]), SoundError::TooLong);
        assert_eq!(error("mp3", &[0; 1000]), SoundError::Extension("mp3".into()));
        assert!(Sound::silence(Duration::ZERO).is_err());
        assert!(Sound::silence(Duration::from_secs(u64::MAX)).is_err());
    }

    #[test]
    fn silence_is_silent_in_every_codec() {
        let sound = Sound::silence(Duration::from_secs(1)).unwrap();
        assert_eq!(sound.frame_count(), 50);
        for codec in Codec::ALL {
            let mut pcm = Vec::new();
            let mut decoder = codec.decoder();
            sound.frames(codec).iter().for_each(|frame| decoder.decode(frame, &mut pcm));
            assert!(pcm.iter().all(|sample| sample.abs() < 40), "{codec:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_under_any_extension_play_or_are_refused(which in 0..EXTENSIONS.len(), bytes in proptest::collection::vec(0_u8.., 0..700)) {
            if let Ok(sound) = Sound::from_file(EXTENSIONS[which], &bytes) {
                for codec in Codec::ALL {
                    proptest::prop_assert_eq!(sound.frames(codec).len(), sound.frame_count());
                }
            }
        }
    }
}
