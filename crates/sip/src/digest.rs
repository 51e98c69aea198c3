//! HTTP digest for SIP (RFC 3261 §22, RFC 7616, RFC 8760): SHA-256 first, MD5 for old phones.
//!
//! [`Authenticator`] asks and checks (`server.rs`); [`answer`] answers for us, and only to the realm
//! that it was configured for (`client.rs`). Passwords are never kept: HA1 is enough.

mod client;
mod old_phones;
mod params;
mod server;

use std::fmt;
use std::sync::{Arc, OnceLock};

use md5::Md5;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

pub use client::{Challenge, answer};
pub use old_phones::knows_only_md5;
pub use server::{Authenticator, Verdict, claimed_user};

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RFC 2617's; for phones that know nothing better.
    Md5,
    /// RFC 7616's and RFC 8760's.
    Sha256,
}

impl Algorithm {
    /// The token on the wire.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Reads the token in any case; the `-sess` variants are not spoken.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        if token.eq_ignore_ascii_case("MD5") {
            Some(Self::Md5)
        } else if token.eq_ignore_ascii_case("SHA-256") {
            Some(Self::Sha256)
        } else {
            None
        }
    }

    /// The lower-case hexadecimal digest of some bytes.
    #[must_use]
    pub fn hex(self, data: &[u8]) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(data)),
            Self::Sha256 => hex::encode(Sha256::digest(data)),
        }
    }
}

/// H(user:realm:password) in lower-case hexadecimal (RFC 7616 §3.4.2).
#[must_use]
pub fn ha1(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> String {
    let mut text = format!("{user}:{realm}:{password}");
    let digest = algorithm.hex(text.as_bytes());
    text.zeroize();
    digest
}

/// What is stored of a password: its HA1 for each algorithm that the account may use, in lower-case
/// hexadecimal. An empty text switches that algorithm off for the account.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    /// 64 hexadecimal digits.
    pub sha256: String,
    /// 32 hexadecimal digits.
    pub md5: String,
}

impl Ha1 {
    /// Both digests of a password.
    #[must_use]
    pub fn of(user: &str, realm: &str, password: &str) -> Self {
        Self { sha256: ha1(Algorithm::Sha256, user, realm, password), md5: ha1(Algorithm::Md5, user, realm, password) }
    }

    pub(crate) fn of_algorithm(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
        }
    }
}

impl Drop for Ha1 {
    fn drop(&mut self) {
        self.sha256.zeroize();
        self.md5.zeroize();
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(…)")
    }
}

/// What we answer a challenge with: one user in one realm. A challenge of any other realm gets no
/// answer, so that a called party cannot have our secret tried against him (RFC 3261 §22.1).
///
/// The realm is given, or it is the first one that the other side names in a challenge to a REGISTER
/// or an INVITE of ours; clones share what was learnt, and it is never learnt again.
#[derive(Clone)]
pub struct Credentials {
    realm: Arc<OnceLock<String>>,
    username: String,
    password: Arc<Password>,
}

struct Password(String);

impl Drop for Password {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Credentials {
    /// Credentials for one realm, compared byte by byte.
    #[must_use]
    pub fn new(username: &str, realm: &str, password: &str) -> Self {
        let this = Self::of_first_realm(username, password);
        this.learn(realm);
        this
    }

    /// Credentials for the first realm that the other side names.
    #[must_use]
    pub fn of_first_realm(username: &str, password: &str) -> Self {
        Self { realm: Arc::default(), username: username.to_owned(), password: Arc::new(Password(password.to_owned())) }
    }

    /// The user name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The realm, once it is known.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        self.realm.get().map(String::as_str)
    }

    /// Whether both are the same user with the same password.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.username == other.username && self.password.0 == other.password.0
    }

    /// Fixes the realm, if it is not fixed yet.
    // INVARIANT: a realm that is known never changes.
    pub(crate) fn learn(&self, realm: &str) {
        self.realm.get_or_init(|| realm.to_owned());
    }

    pub(crate) fn ha1(&self, algorithm: Algorithm) -> Option<String> {
        Some(ha1(algorithm, &self.username, self.realm()?, &self.password.0))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("realm", &self.realm())
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The response value (RFC 7616 §3.4.1) for `qop=auth`, or RFC 2069's when `qop` is `None`.
pub(crate) fn response(
    algorithm: Algorithm,
    ha1: &str,
    method: &str,
    uri: &str,
    nonce: &str,
    qop: Option<(&str, &str)>,
) -> String {
    let ha2 = algorithm.hex(format!("{method}:{uri}").as_bytes());
    let mut text = match qop {
        Some((nc, cnonce)) => format!("{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}"),
        None => format!("{ha1}:{nonce}:{ha2}"),
    };
    let digest = algorithm.hex(text.as_bytes());
    text.zeroize();
    digest
}

#[cfg(test)]
mod tests;
