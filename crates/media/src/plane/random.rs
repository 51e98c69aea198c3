//! Numbers that a stream starts from (RFC 3550 §5.1 wants them random), from one seed: the same seed, the same plane.

/// xoshiro256**: good spread, small, not for secrets. What keeps strangers out is [`crate::lock`].
#[derive(Debug, Clone)]
pub(super) struct Random([u64; 4]);

impl Random {
    pub(super) fn new(seed: [u8; 32]) -> Random {
        let mut state = [0x9E37_79B9_7F4A_7C15; 4];
        for (word, bytes) in state.iter_mut().zip(seed.as_chunks::<8>().0) {
            *word ^= u64::from_le_bytes(*bytes);
        }
        let mut random = Random(state);
        for _ in 0..16 {
            random.next();
        }
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    pub(super) fn next_u32(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    pub(super) fn next_u16(&mut self) -> u16 {
        (self.next() >> 48) as u16
    }
}
