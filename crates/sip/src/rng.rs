//! The endpoint's random numbers: HMAC-SHA-256 in counter mode over the secret of its
//! configuration, so that one secret and one sequence of calls always give one result (tests), and
//! nobody without the secret can guess a tag or a branch.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

type HmacSha256 = Hmac<Sha256>;

/// HMAC-SHA-256 over some parts, each preceded by its length so that borders cannot move.
pub(crate) fn prf(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A 32-byte key never fails; the other branch keeps this function total.
    let Ok(mut mac) = <HmacSha256 as Mac>::new_from_slice(key) else {
        return *key;
    };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// SHA-256 over some parts, framed as in [`prf`].
pub(crate) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    sha.finalize().into()
}

#[derive(Clone)]
pub(crate) struct Rng {
    key: [u8; 32],
    counter: u64,
}

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rng")
    }
}

impl Rng {
    pub(crate) fn new(secret: &[u8; 32], purpose: &str) -> Self {
        Self { key: prf(secret, &[b"rng", purpose.as_bytes()]), counter: 0 }
    }

    /// Mixes fresh entropy in; earlier secrets stay part of the key.
    pub(crate) fn reseed(&mut self, entropy: &[u8]) {
        self.key = prf(&self.key, &[b"reseed", entropy]);
    }

    pub(crate) fn block(&mut self) -> [u8; 32] {
        self.counter = self.counter.wrapping_add(1);
        prf(&self.key, &[b"block", &self.counter.to_be_bytes()])
    }

    /// 128 bits in hexadecimal: a tag, a Call-ID, the rest of a branch.
    pub(crate) fn token(&mut self) -> String {
        let block = self.block();
        hex::encode(block.get(..16).unwrap_or(&[]))
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        let block = self.block();
        let mut v = 0u64;
        for b in block.iter().take(8) {
            v = (v << 8) | u64::from(*b);
        }
        if n == 0 { 0 } else { v % n }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_secret_gives_one_sequence() {
        let mut a = Rng::new(&[1; 32], "x");
        let mut b = Rng::new(&[1; 32], "x");
        let mut c = Rng::new(&[1; 32], "y");
        let (ta, tb, tc) = (a.token(), b.token(), c.token());
        assert_eq!(ta, tb);
        assert_ne!(ta, tc);
        assert_ne!(a.token(), ta);
        assert_eq!(ta.len(), 32);
        a.reseed(b"z");
        assert_ne!(a.token(), {
            b.token();
            b.token()
        });
        assert_eq!(a.below(1), 0);
    }
}
