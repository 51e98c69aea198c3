//! WAV files: just what telephones record and play, read without trust and written without surprises.
//!
//! Mono, 8 or 16 kHz; 16-bit linear, µ-law, A-law, and the Microsoft form of GSM 06.10 ("WAV49").

use crate::codec::{Rate, linear};

/// How the samples of a WAV file are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// 16 bit, little-endian.
    Linear,
    /// G.711 µ-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
    /// GSM 06.10, two frames in 65 bytes, least significant bit first.
    Gsm49,
}

/// A WAV file that can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wav<'a> {
    /// Samples per second.
    pub rate: Rate,
    /// How `data` is coded.
    pub coding: Coding,
    /// The bytes of the data chunk, whole units only.
    pub data: &'a [u8],
}

/// Why bytes are not a WAV file that can be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// No RIFF/WAVE at the beginning.
    #[error("not a WAV file")]
    NotWav,
    /// It ends before its `fmt ` and `data` chunks.
    #[error("the WAV file has no audio data")]
    NoData,
    /// Stereo.
    #[error("the WAV file has {0} channels, telephones have one")]
    Channels(u16),
    /// Neither 8000 nor 16000 Hz.
    #[error("the WAV file has {0} samples per second, telephones have 8000 or 16000")]
    SampleRate(u32),
    /// A coding that is not listed in [`Coding`].
    #[error("WAV format {tag} with {bits} bits is not linear 16 bit, µ-law, A-law or GSM")]
    Format {
        /// The format tag of the `fmt ` chunk.
        tag: u16,
        /// Bits per sample of the `fmt ` chunk.
        bits: u16,
    },
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// Reads the chunks. A data chunk that claims more than there is (a recording that was cut off, or a pipe) is taken as it is.
///
/// # Errors
/// Says in the owner's words why the file cannot be played.
pub fn parse(bytes: &[u8]) -> Result<Wav<'_>, WavError> {
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let mut format = None;
    let mut rest = bytes.get(12..).unwrap_or_default();
    // Every turn takes at least the eight bytes of a chunk header away, so this ends.
    while let (Some(id), Some(size)) = (rest.get(..4), u32_at(rest, 4)) {
        let body = rest.get(8..).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let chunk = body.get(..size).unwrap_or(body);
        match id {
            b"fmt " => format = Some(read_format(chunk)?),
            b"data" => {
                let (rate, coding) = format.ok_or(WavError::NoData)?;
                let unit = match coding {
                    Coding::Linear => 2,
                    Coding::Ulaw | Coding::Alaw => 1,
                    Coding::Gsm49 => 65,
                };
                let whole = chunk.len() - chunk.len() % unit;
                return Ok(Wav { rate, coding, data: chunk.get(..whole).unwrap_or_default() });
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = body.get(size.saturating_add(size & 1)..).unwrap_or_default();
    }
    Err(WavError::NoData)
}

fn read_format(chunk: &[u8]) -> Result<(Rate, Coding), WavError> {
    let field = |at| u16_at(chunk, at).ok_or(WavError::NoData);
    let (mut tag, channels, bits) = (field(0)?, field(2)?, field(14)?);
    let hz = u32_at(chunk, 4).ok_or(WavError::NoData)?;
    if tag == 0xFFFE {
        // WAVE_FORMAT_EXTENSIBLE: the tag is the beginning of the GUID.
        tag = field(24)?;
    }
    if channels != 1 {
        return Err(WavError::Channels(channels));
    }
    let rate = match hz {
        8000 => Rate::Narrow,
        16000 => Rate::Wide,
        _ => return Err(WavError::SampleRate(hz)),
    };
    let coding = match (tag, bits) {
        (1, 16) => Coding::Linear,
        (6, 8) => Coding::Alaw,
        (7, 8) => Coding::Ulaw,
        (49, _) if rate == Rate::Narrow => Coding::Gsm49,
        _ => return Err(WavError::Format { tag, bits }),
    };
    Ok((rate, coding))
}

/// A WAV file of 16-bit linear samples.
pub fn write(rate: Rate, pcm: &[i16]) -> Vec<u8> {
    let size = u32::try_from(pcm.len() * 2).unwrap_or(u32::MAX - 36);
    let mut out = Vec::with_capacity(44 + pcm.len() * 2);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(size.saturating_add(36)).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    for field in [1_u16, 1] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(&rate.hz().to_le_bytes());
    out.extend_from_slice(&(rate.hz() * 2).to_le_bytes());
    for field in [2_u16, 16] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(b"data");
    out.extend_from_slice(&size.to_le_bytes());
    linear::encode_le(pcm, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let mut out = b"RIFF\0\0\0\0WAVE".to_vec();
        for (id, body) in chunks {
            out.extend_from_slice(*id);
            out.extend_from_slice(&(body.len() as u32).to_le_bytes());
            out.extend_from_slice(body);
            if body.len() % 2 == 1 {
                out.push(0);
            }
        }
        out
    }

    fn format(tag: u16, channels: u16, hz: u32, bits: u16) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&channels.to_le_bytes());
        out.extend_from_slice(&hz.to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&bits.to_le_bytes());
        out
    }

    #[test]
    fn what_is_written_can_be_read() {
        let pcm = [1, -2, 300, i16::MIN];
        let bytes = write(Rate::Wide, &pcm);
        let wav = parse(&bytes).unwrap();
        assert_eq!((wav.rate, wav.coding), (Rate::Wide, Coding::Linear));
        let mut back = Vec::new();
        linear::decode_le(wav.data, &mut back);
        assert_eq!(back, pcm);
    }

    #[test]
    fn chunks_nobody_knows_are_passed_over() {
        let bytes = file(&[
            (b"junk", vec![1, 2, 3]),
            (b"fmt ", format(7, 1, 8000, 8)),
            (b"LIST", vec![0; 7]),
            (b"data", vec![5; 9]),
        ]);
        let wav = parse(&bytes).unwrap();
        assert_eq!((wav.coding, wav.data.len()), (Coding::Ulaw, 9));
    }

    #[test]
    fn a_recording_that_was_cut_off_is_taken_as_it_is() {
        let mut bytes = write(Rate::Narrow, &[1, 2, 3, 4]);
        bytes.truncate(bytes.len() - 3);
        assert_eq!(parse(&bytes).unwrap().data.len(), 4);
    }

    #[test]
    fn what_a_telephone_cannot_play_is_named() {
        let check = |format: Vec<u8>, error: WavError| {
            assert_eq!(parse(&file(&[(b"fmt ", format), (b"data", vec![0; 10])])), Err(error));
        };
        check(format(1, 2, 8000, 16), WavError::Channels(2));
        check(format(1, 1, 44100, 16), WavError::SampleRate(44100));
        check(format(1, 1, 8000, 24), WavError::Format { tag: 1, bits: 24 });
        check(format(3, 1, 8000, 32), WavError::Format { tag: 3, bits: 32 });
        assert_eq!(parse(b"RIFF"), Err(WavError::NotWav));
        assert_eq!(parse(&file(&[(b"data", vec![0; 10])])), Err(WavError::NoData));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(0_u8.., 0..200), cut in 0_usize..100, at in 0_usize..60, value in 0_u8..) {
            let _ = parse(&bytes);
            let mut bytes = file(&[(b"fmt ", format(1, 1, 8000, 16)), (b"data", vec![1; 20])]);
            bytes[at] = value;
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = parse(&bytes);
        }
    }
}
