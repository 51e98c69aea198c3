//! Linear 16-bit samples: big-endian on the wire (RFC 3551 §4.5.11), little-endian in `.sln` files.

/// Appends samples as big-endian bytes.
pub fn encode_be(pcm: &[i16], out: &mut Vec<u8>) {
    out.extend(pcm.iter().flat_map(|sample| sample.to_be_bytes()));
}

/// Appends the samples of big-endian bytes; an odd last byte is left out.
pub fn decode_be(bytes: &[u8], out: &mut Vec<i16>) {
    let (pairs, _) = bytes.as_chunks::<2>();
    out.extend(pairs.iter().map(|pair| i16::from_be_bytes(*pair)));
}

/// Appends samples as little-endian bytes.
pub fn encode_le(pcm: &[i16], out: &mut Vec<u8>) {
    out.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
}

/// Appends the samples of little-endian bytes; an odd last byte is left out.
pub fn decode_le(bytes: &[u8], out: &mut Vec<i16>) {
    let (pairs, _) = bytes.as_chunks::<2>();
    out.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_lead_back() {
        let pcm = [0, 1, -1, i16::MIN, i16::MAX, 0x1234];
        let (mut wire, mut file) = (Vec::new(), Vec::new());
        encode_be(&pcm, &mut wire);
        encode_le(&pcm, &mut file);
        assert_eq!(wire.last_chunk(), Some(&[0x12, 0x34]));
        assert_eq!(file.last_chunk(), Some(&[0x34, 0x12]));
        wire.push(7);
        file.push(7);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        decode_be(&wire, &mut a);
        decode_le(&file, &mut b);
        assert_eq!(a, pcm);
        assert_eq!(b, pcm);
    }
}
