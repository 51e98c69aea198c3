//! Passwords (Argon2id, RFC 9106), one-time codes (TOTP, RFC 6238) and tokens. What is kept of each is worth nothing by itself: a
//! password's hash needs the key file of the home, a token is kept as its hash.

use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// 19 MiB, two passes, one lane: OWASP's advice, 30 ms on a small machine.
const COSTS: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Shortest password. Length is what counts (NIST SP 800-63B): no rules about signs.
pub(crate) const SHORTEST: usize = 12;

/// Longest password, so that hashing stays cheap.
pub(crate) const LONGEST: usize = 256;

/// Seconds that a code lasts (RFC 6238 §5.2).
const STEP: i64 = 30;

/// `N` bytes that nobody can guess, or none where the system has none to give: then nothing is opened.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// A token of 128 bits or more, as hexadecimal digits.
pub(crate) fn token() -> Option<String> {
    random::<24>().map(hex::encode)
}

/// What is kept of a token.
pub(crate) fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Equal, in the same time whatever they are.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A kept password.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PasswordHash {
    salt: String,
    hash: String,
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl PasswordHash {
    /// Of a new password.
    pub(crate) fn new(pepper: &[u8], password: &str) -> Option<Self> {
        let salt: [u8; 16] = random()?;
        Some(Self { salt: hex::encode(salt), hash: hex::encode(argon(pepper, password, &salt)?) })
    }

    /// Whether this is the password.
    pub(crate) fn is(&self, pepper: &[u8], password: &str) -> bool {
        let (Ok(salt), Ok(kept)) = (hex::decode(&self.salt), hex::decode(&self.hash)) else { return false };
        argon(pepper, password, &salt).is_some_and(|hash| same(&hash, &kept))
    }
}

fn argon(pepper: &[u8], password: &str, salt: &[u8]) -> Option<[u8; 32]> {
    let (memory, passes, lanes) = COSTS;
    let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let argon = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).ok()?;
    let mut out = [0; 32];
    argon.hash_password_into(password.as_bytes(), salt, &mut out).ok()?;
    Some(out)
}

/// As long as checking a real one: who asks for a name that does not exist must not be told so by the clock.
pub(crate) fn waste(pepper: &[u8], password: &str) {
    let _ = argon(pepper, password, b"nobody's own salt");
}

/// The code of a step (RFC 4226 §5.3, six digits), with SHA-1 because that is what the apps speak.
fn code(secret: &[u8], step: i64) -> Option<u32> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let bytes = mac.finalize().into_bytes();
    let at = usize::from(bytes.last()? & 0xf);
    let word: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some((u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

/// The step whose code this is: now, or one before or after for clocks that differ (RFC 6238 §5.2). It must be later than `used`,
/// for a code opens once.
pub(crate) fn step_of(secret: &[u8], typed: &str, now_ms: i64, used: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    if typed.len() != 6 || !typed.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let now = now_ms.div_euclid(1000).div_euclid(STEP);
    [now, now - 1, now + 1]
        .into_iter()
        .filter(|step| *step > used)
        .find(|step| code(secret, *step).is_some_and(|code| same(format!("{code:06}").as_bytes(), typed.as_bytes())))
}

/// Base 32 without padding (RFC 4648 §6), as apps want a secret typed.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::new();
    let (mut word, mut bits) = (0_u32, 0);
    for byte in bytes {
        word = (word << 8 | u32::from(*byte)) & 0xfff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(letter(LETTERS, word >> bits));
        }
    }
    if bits > 0 {
        out.push(letter(LETTERS, word << (5 - bits)));
    }
    out
}

fn letter(letters: &[u8; 32], five: u32) -> char {
    letters.get((five & 31) as usize).copied().map_or('A', char::from)
}

/// A code of squares as the path of an SVG, one unit a square, and its side.
pub(crate) fn squares(text: &str) -> Option<(String, i32)> {
    use std::fmt::Write as _;
    let qr = qrcodegen::QrCode::encode_text(text, qrcodegen::QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..qr.size() {
        for x in (0..qr.size()).filter(|x| qr.get_module(*x, y)) {
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    Some((path, qr.size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn codes_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, digits) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let now = seconds * 1000;
            assert_eq!(step_of(secret, digits, now, 0), Some(seconds / 30), "{seconds}");
            assert_eq!(step_of(secret, digits, now, seconds / 30), None, "a code opens once");
            assert!(step_of(secret, digits, now + 30_000, 0).is_some(), "a clock that is a little late");
            assert_eq!(step_of(secret, digits, now + 90_000, 0), None);
        }
        for odd in ["", "28708", "2870822", "28708a", "２８７０８２"] {
            assert_eq!(step_of(secret, odd, 59_000, 0), None, "{odd}");
        }
        assert!(step_of(secret, "287 082", 59_000, 0).is_some(), "as apps show it");
    }

    /// RFC 4648 §10.
    #[test]
    fn base32_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_password_opens_with_its_pepper_only() {
        let kept = PasswordHash::new(b"pepper", "correct horse battery").unwrap();
        assert!(kept.is(b"pepper", "correct horse battery"));
        assert!(!kept.is(b"other", "correct horse battery"));
        assert!(!kept.is(b"pepper", "correct horse batterY"));
        assert_ne!(PasswordHash::new(b"pepper", "correct horse battery").unwrap().hash, kept.hash);
        assert_eq!(format!("{kept:?}"), "PasswordHash(…)");
    }
}
