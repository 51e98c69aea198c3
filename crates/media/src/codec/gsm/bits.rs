//! The two ways in which the 260 bits of a frame are packed: RTP and `.gsm` files begin with four bits 1101 and put the most
//! significant bit first; WAV files of format 49 put two frames into 65 bytes with the least significant bit first.

use super::{FRAME_BYTES, Frame, LAR_BITS, WAV49_BYTES};

/// The four bits before a frame.
const MAGIC: u8 = 0xD;

/// Goes over all parameters of a frame with the bits that each takes.
fn each(frame: &mut Frame, mut field: impl FnMut(&mut i16, u32)) {
    for (lar, bits) in frame.lar.iter_mut().zip(LAR_BITS) {
        field(lar, bits);
    }
    for sub in &mut frame.sub {
        field(&mut sub.lag, 7);
        field(&mut sub.gain, 2);
        field(&mut sub.grid, 2);
        field(&mut sub.max, 6);
        sub.pulses.iter_mut().for_each(|pulse| field(pulse, 3));
    }
}

/// A frame of 33 bytes.
pub(super) fn pack(mut frame: Frame) -> [u8; FRAME_BYTES] {
    let mut out = [0; FRAME_BYTES];
    let mut bytes = out.iter_mut();
    let (mut held, mut count) = (u32::from(MAGIC), 4);
    each(&mut frame, |value, bits| {
        held = (held << bits) | (*value as u32 & ((1 << bits) - 1));
        count += bits;
        while count >= 8 {
            count -= 8;
            if let Some(byte) = bytes.next() {
                *byte = (held >> count) as u8;
            }
        }
    });
    out
}

/// What 33 bytes say; `None` if they do not begin with 1101.
pub(super) fn unpack(bytes: &[u8; FRAME_BYTES]) -> Option<Frame> {
    if bytes[0] >> 4 != MAGIC {
        return None;
    }
    let mut frame = Frame::default();
    let mut rest = bytes.iter();
    let (mut held, mut count) = (rest.next().map_or(0, |byte| u32::from(*byte)), 4);
    each(&mut frame, |value, bits| {
        while count < bits {
            held = (held << 8) | rest.next().map_or(0, |byte| u32::from(*byte));
            count += 8;
        }
        count -= bits;
        *value = ((held >> count) & ((1 << bits) - 1)) as i16;
    });
    Some(frame)
}

/// Two frames in 65 bytes.
pub(super) fn pack_wav49(frames: [Frame; 2]) -> [u8; WAV49_BYTES] {
    let mut out = [0; WAV49_BYTES];
    let mut bytes = out.iter_mut();
    let (mut held, mut count) = (0_u32, 0);
    for mut frame in frames {
        each(&mut frame, |value, bits| {
            held |= (*value as u32 & ((1 << bits) - 1)) << count;
            count += bits;
            while count >= 8 {
                if let Some(byte) = bytes.next() {
                    *byte = held as u8;
                }
                held >>= 8;
                count -= 8;
            }
        });
    }
    out
}

/// What 65 bytes say.
pub(super) fn unpack_wav49(bytes: &[u8; WAV49_BYTES]) -> [Frame; 2] {
    let mut frames = [Frame::default(); 2];
    let mut rest = bytes.iter();
    let (mut held, mut count) = (0_u32, 0);
    for frame in &mut frames {
        each(frame, |value, bits| {
            while count < bits {
                held |= rest.next().map_or(0, |byte| u32::from(*byte)) << count;
                count += 8;
            }
            *value = (held & ((1 << bits) - 1)) as i16;
            held >>= bits;
            count -= bits;
        });
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn both_packings_lead_back(bytes: [[u8; 11]; 3], wav: [[u8; 13]; 5]) {
            let mut frame: [u8; FRAME_BYTES] = bytes.concat().try_into().unwrap();
            frame[0] = frame[0] & 0x0F | 0xD0;
            assert_eq!(pack(unpack(&frame).unwrap()), frame);
            let wav: [u8; WAV49_BYTES] = wav.concat().try_into().unwrap();
            assert_eq!(pack_wav49(unpack_wav49(&wav)), wav);
        }
    }
}
