//! G.711 companding by table: exact to the ITU-T G.191 software tools for every one of the 65,536 linear values.
//!
//! The tables are computed by the compiler from the segment rule of G.711; the test restates the loops of G.191.

/// 14 bits of a sample decide its µ-law code.
static ULAW_CODE: [u8; 1 << 14] = ulaw_codes();
/// 12 bits of a sample decide its A-law code.
static ALAW_CODE: [u8; 1 << 12] = alaw_codes();
static ULAW_VALUE: [i16; 256] = ulaw_values();
static ALAW_VALUE: [i16; 256] = alaw_values();

/// µ-law silence: the code of zero.
pub const ULAW_SILENCE: u8 = 0xFF;
/// A-law silence: the code of the smallest positive value.
pub const ALAW_SILENCE: u8 = 0xD5;

const fn ulaw_codes() -> [u8; 1 << 14] {
    let mut table = [0; 1 << 14];
    let mut index = 0;
    while index < table.len() {
        let value = (((index as u16) << 2) as i16) >> 2;
        // One's complement for the negative half, and the bias of 33 that makes every segment a power of two.
        let biased = (if value < 0 { !value } else { value }) as u32 + 33;
        let magnitude = if biased > 0x1FFF { 0x1FFF } else { biased };
        let segment = (32 - (magnitude >> 6).leading_zeros()) + 1;
        let code = ((8 - segment) << 4) | (0x0F - ((magnitude >> segment) & 0x0F));
        table[index] = (if value < 0 { code } else { code | 0x80 }) as u8;
        index += 1;
    }
    table
}

const fn alaw_codes() -> [u8; 1 << 12] {
    let mut table = [0; 1 << 12];
    let mut index = 0;
    while index < table.len() {
        let value = (((index as u16) << 4) as i16) >> 4;
        let magnitude = (if value < 0 { !value } else { value }) as u32;
        let segment = 32 - (magnitude >> 4).leading_zeros();
        let code = if segment == 0 { magnitude } else { (segment << 4) | ((magnitude >> (segment - 1)) & 0x0F) };
        table[index] = (if value < 0 { code } else { code | 0x80 } ^ 0x55) as u8;
        index += 1;
    }
    table
}

const fn ulaw_values() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let inverted = !(code as u8) as i16;
        let (exponent, mantissa) = ((inverted >> 4) & 7, inverted & 0x0F);
        let magnitude = (((mantissa << 3) + 132) << exponent) - 132;
        table[code] = if code < 128 { -magnitude } else { magnitude };
        code += 1;
    }
    table
}

const fn alaw_values() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let plain = (code as i16) ^ 0x55;
        let (exponent, mantissa) = ((plain >> 4) & 7, plain & 0x0F);
        let magnitude = if exponent == 0 { (mantissa << 4) + 8 } else { ((mantissa << 4) + 264) << (exponent - 1) };
        table[code] = if code < 128 { -magnitude } else { magnitude };
        code += 1;
    }
    table
}

/// The µ-law code of a linear sample.
pub fn ulaw_from_linear(sample: i16) -> u8 {
    ULAW_CODE[usize::from(sample as u16 >> 2)]
}

/// The A-law code of a linear sample.
pub fn alaw_from_linear(sample: i16) -> u8 {
    ALAW_CODE[usize::from(sample as u16 >> 4)]
}

/// The linear value of a µ-law code.
pub fn linear_from_ulaw(code: u8) -> i16 {
    ULAW_VALUE[usize::from(code)]
}

/// The linear value of an A-law code.
pub fn linear_from_alaw(code: u8) -> i16 {
    ALAW_VALUE[usize::from(code)]
}

/// Appends the µ-law codes of `pcm`.
pub fn encode_ulaw(pcm: &[i16], out: &mut Vec<u8>) {
    out.extend(pcm.iter().map(|sample| ulaw_from_linear(*sample)));
}

/// Appends the A-law codes of `pcm`.
pub fn encode_alaw(pcm: &[i16], out: &mut Vec<u8>) {
    out.extend(pcm.iter().map(|sample| alaw_from_linear(*sample)));
}

/// Appends the linear values of µ-law codes.
pub fn decode_ulaw(codes: &[u8], out: &mut Vec<i16>) {
    out.extend(codes.iter().map(|code| linear_from_ulaw(*code)));
}

/// Appends the linear values of A-law codes.
pub fn decode_alaw(codes: &[u8], out: &mut Vec<i16>) {
    out.extend(codes.iter().map(|code| linear_from_alaw(*code)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ulaw_compress` of G.191 in its own steps.
    fn stl_ulaw(sample: i16) -> u8 {
        let lin = i32::from(sample);
        let mut absno = if lin < 0 { ((!lin) >> 2) + 33 } else { (lin >> 2) + 33 };
        if absno > 0x1FFF {
            absno = 0x1FFF;
        }
        let mut i = absno >> 6;
        let mut segno = 1;
        while i != 0 {
            segno += 1;
            i >>= 1;
        }
        let high_nibble = 8 - segno;
        let low_nibble = 0x0F - ((absno >> segno) & 0x0F);
        let code = (high_nibble << 4) | low_nibble;
        (if lin >= 0 { code | 0x80 } else { code }) as u8
    }

    /// `alaw_compress` of G.191 in its own steps.
    fn stl_alaw(sample: i16) -> u8 {
        let lin = i32::from(sample);
        let mut ix = if lin < 0 { (!lin) >> 4 } else { lin >> 4 };
        if ix > 15 {
            let mut iexp = 1;
            while ix > 16 + 15 {
                ix >>= 1;
                iexp += 1;
            }
            ix -= 16;
            ix += iexp << 4;
        }
        if lin >= 0 {
            ix |= 0x80;
        }
        (ix ^ 0x55) as u8
    }

    #[test]
    fn every_linear_value_is_encoded_as_g191_does() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(ulaw_from_linear(sample), stl_ulaw(sample), "µ {sample}");
            assert_eq!(alaw_from_linear(sample), stl_alaw(sample), "A {sample}");
        }
    }

    #[test]
    fn every_code_is_decoded_as_g191_does() {
        for code in 0..=255_u8 {
            let inverted = i32::from(!code);
            let (exponent, mantissa) = ((inverted >> 4) & 7, inverted & 0x0F);
            let step = 4 << (exponent + 1);
            let sign = if code < 0x80 { -1 } else { 1 };
            let value = sign * ((0x80 << exponent) + step * mantissa + step / 2 - 4 * 33);
            assert_eq!(i32::from(linear_from_ulaw(code)), value, "µ {code}");

            let ix = i32::from((code ^ 0x55) & 0x7F);
            let iexp = ix >> 4;
            let mut mant = ix & 0x0F;
            if iexp > 0 {
                mant += 16;
            }
            mant = (mant << 4) + 8;
            if iexp > 1 {
                mant <<= iexp - 1;
            }
            let value = if code > 127 { mant } else { -mant };
            assert_eq!(i32::from(linear_from_alaw(code)), value, "A {code}");
        }
    }

    #[test]
    fn a_decoded_code_encodes_to_itself() {
        for code in 0..=255_u8 {
            // 0x7F is minus zero in µ-law; it comes back as plus zero.
            let expected = if code == 0x7F { ULAW_SILENCE } else { code };
            assert_eq!(ulaw_from_linear(linear_from_ulaw(code)), expected);
            assert_eq!(alaw_from_linear(linear_from_alaw(code)), code);
        }
        assert_eq!(ulaw_from_linear(0), ULAW_SILENCE);
        assert_eq!(alaw_from_linear(0), ALAW_SILENCE);
    }
}
