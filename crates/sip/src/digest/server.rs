//! The asking side: challenges without memory, answers checked in constant time.
//!
//! A nonce is `time || count || HMAC(key, time || count || source address)` in hexadecimal: whoever brings it
//! back proves that he reads packets at that address, and we kept nothing. Only a right answer
//! costs memory: the window of counters already used with its nonce.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use subtle::{Choice, ConstantTimeEq};

use super::old_phones::knows_only_md5;
use super::params::Params;
use super::{Algorithm, Ha1, response};
use crate::flow::Flow;
use crate::header::{Value, quoted};
use crate::limits;
use crate::message::Request;
use crate::rng::prf;
use crate::uri::Uri;

const TAG_BYTES: usize = 16;

/// What an Authorization was worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The user of this name knows his password, and this answer is used for the first time.
    Ok(String),
    /// There is no Authorization for our realm.
    NoCredentials,
    /// The nonce is too old, of another address or forgotten: challenge again with `stale`.
    Stale,
    /// This very answer was used before.
    Replay,
    /// User, password or request do not fit. One answer for all of these.
    Wrong,
    /// It is no Digest answer that we could have asked for.
    Malformed,
}

/// Counters used with one nonce: the highest and a bit for each of the 64 below it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    highest: u32,
    seen: u64,
}

impl Window {
    /// Whether this counter is used for the first time; remembers it.
    pub(super) fn take(&mut self, nc: u32) -> bool {
        if nc == 0 {
            return false;
        }
        if nc > self.highest {
            let step = nc - self.highest;
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            self.highest = nc;
            return true;
        }
        let back = self.highest - nc;
        let Some(bit) = 1u64.checked_shl(back) else {
            return false;
        };
        if self.seen & bit != 0 {
            return false;
        }
        self.seen |= bit;
        true
    }
}

/// When a nonce was made: milliseconds since the authenticator began, and a count.
type Stamp = (u64, u32);

/// Asks for and checks digests of one realm.
#[derive(Debug)]
pub struct Authenticator {
    realm: String,
    key: [u8; 32],
    dummy: [u8; 32],
    began: Instant,
    count: u32,
    algorithms: Vec<Algorithm>,
    windows: HashMap<Stamp, Window>,
    order: BTreeMap<Stamp, ()>,
    /// Nonces up to here may have been forgotten: without a window they are stale.
    floor: Option<Stamp>,
}

impl Authenticator {
    /// `secret` signs nonces; nonces of another secret are stale. Offers SHA-256, then MD5.
    #[must_use]
    pub fn new(secret: [u8; 32], realm: impl Into<String>, now: Instant) -> Self {
        let realm = realm.into();
        Self {
            key: prf(&secret, &[b"nonce", realm.as_bytes()]),
            dummy: prf(&secret, &[b"dummy"]),
            realm,
            began: now,
            count: 0,
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            windows: HashMap::new(),
            order: BTreeMap::new(),
            floor: None,
        }
    }

    /// Offers (and accepts) only these, best first.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// The realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Nonces that are remembered, for tests and metrics.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.windows.len()
    }

    /// Values for WWW-Authenticate, one header each, best algorithm first (RFC 8760 §2.4).
    pub fn challenge(&mut self, now: Instant, flow: &Flow) -> Vec<Value> {
        self.challenge_with(now, flow, false)
    }

    /// As [`Self::challenge`]; `stale` tells the phone that its password is not in question.
    pub fn challenge_with(&mut self, now: Instant, flow: &Flow, stale: bool) -> Vec<Value> {
        self.offer(now, flow, stale, false)
    }

    /// As [`Self::challenge_with`], to a phone that names itself `user_agent`: some phones give up at the first
    /// algorithm they do not know, see [`knows_only_md5`].
    pub fn challenge_phone(&mut self, now: Instant, flow: &Flow, stale: bool, user_agent: &str) -> Vec<Value> {
        self.offer(now, flow, stale, knows_only_md5(user_agent))
    }

    fn offer(&mut self, now: Instant, flow: &Flow, stale: bool, only_md5: bool) -> Vec<Value> {
        self.count = self.count.wrapping_add(1);
        let stamp = (self.millis(now), self.count);
        let nonce = self.nonce(stamp, flow);
        let only_md5 = only_md5 && self.algorithms.contains(&Algorithm::Md5);
        self.algorithms
            .iter()
            .filter(|algorithm| !only_md5 || **algorithm == Algorithm::Md5)
            .map(|algorithm| {
                Value::lossy(&format!(
                    "Digest realm={}, nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{}",
                    quoted(&self.realm),
                    algorithm.token(),
                    if stale { ", stale=true" } else { "" },
                ))
            })
            .collect()
    }

    /// Checks the Authorization of a request. `lookup` gives the HA1 of a user; an unknown user
    /// costs the same time and gets the same verdict as a wrong password.
    pub fn verify(
        &mut self,
        now: Instant,
        request: &Request,
        flow: &Flow,
        lookup: &dyn Fn(&str) -> Option<Ha1>,
    ) -> Verdict {
        let values = request.headers("Authorization");
        let mut mine = None;
        for value in &values {
            let Some(params) = Params::parse(value) else {
                return Verdict::Malformed;
            };
            if params.get("realm") == Some(self.realm.as_str()) {
                if mine.is_some() {
                    return Verdict::Malformed;
                }
                mine = Some(params);
            }
        }
        match mine {
            None => Verdict::NoCredentials,
            Some(params) => self.check(now, request, flow, lookup, &params),
        }
    }

    fn check(
        &mut self,
        now: Instant,
        request: &Request,
        flow: &Flow,
        lookup: &dyn Fn(&str) -> Option<Ha1>,
        params: &Params,
    ) -> Verdict {
        let Some(fields) = Fields::read(params) else {
            return Verdict::Malformed;
        };
        if !self.algorithms.contains(&fields.algorithm) {
            return Verdict::Malformed;
        }
        let Some(stamp) = self.open(now, fields.nonce, flow) else {
            return Verdict::Stale;
        };
        if !same_uri(fields.uri, request.uri()) {
            return Verdict::Wrong;
        }
        let found = lookup(fields.username);
        let stored = found.as_ref().map(|h| h.of_algorithm(fields.algorithm)).filter(|h| !h.is_empty());
        let dummy = self.dummy_ha1(fields.algorithm, fields.username);
        let expected = response(
            fields.algorithm,
            stored.unwrap_or(&dummy),
            &request.method().to_string(),
            fields.uri,
            fields.nonce,
            Some((fields.nc_text, fields.cnonce)),
        );
        let right: Choice = expected.as_bytes().ct_eq(fields.response.as_bytes());
        let known = Choice::from(u8::from(stored.is_some()));
        if !bool::from(right & known) {
            return Verdict::Wrong;
        }
        self.forget(now);
        self.use_once(stamp, fields.nc, fields.username)
    }

    pub(super) fn use_once(&mut self, stamp: Stamp, nc: u32, user: &str) -> Verdict {
        if !self.windows.contains_key(&stamp) {
            if self.floor.is_some_and(|floor| stamp <= floor) {
                return Verdict::Stale;
            }
            if self.windows.len() >= limits::NONCES
                && let Some((oldest, ())) = self.order.pop_first()
            {
                self.windows.remove(&oldest);
                self.floor = self.floor.max(Some(oldest));
                if stamp <= oldest {
                    return Verdict::Stale;
                }
            }
            self.order.insert(stamp, ());
        }
        if self.windows.entry(stamp).or_default().take(nc) { Verdict::Ok(user.to_owned()) } else { Verdict::Replay }
    }

    /// Forgets the counters of nonces that are too old to be used again.
    pub fn forget(&mut self, now: Instant) {
        let life = u64::try_from(limits::NONCE_LIFE.as_millis()).unwrap_or(u64::MAX);
        let Some(edge) = self.millis(now).checked_sub(life.saturating_add(1)) else {
            return;
        };
        while let Some((&stamp, ())) = self.order.first_key_value() {
            if stamp.0 > edge {
                break;
            }
            self.order.remove(&stamp);
            self.windows.remove(&stamp);
            self.floor = self.floor.max(Some(stamp));
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    fn seal(&self, stamp: Stamp, flow: &Flow) -> [u8; 32] {
        let ip = flow.remote.ip().to_canonical().to_string();
        prf(&self.key, &[&stamp.0.to_be_bytes(), &stamp.1.to_be_bytes(), ip.as_bytes()])
    }

    fn nonce(&self, stamp: Stamp, flow: &Flow) -> String {
        let seal = self.seal(stamp, flow);
        let tag = seal.get(..TAG_BYTES).unwrap_or(&[]);
        format!("{:016x}{:08x}{}", stamp.0, stamp.1, hex::encode(tag))
    }

    /// When a nonce was made, if we made it for this address and it is not too old.
    fn open(&self, now: Instant, nonce: &str, flow: &Flow) -> Option<Stamp> {
        if nonce.len() != 24 + 2 * TAG_BYTES || !nonce.is_ascii() {
            return None;
        }
        let time = u64::from_str_radix(nonce.get(..16)?, 16).ok()?;
        let count = u32::from_str_radix(nonce.get(16..24)?, 16).ok()?;
        let stamp = (time, count);
        if !bool::from(self.nonce(stamp, flow).as_bytes().ct_eq(nonce.as_bytes())) {
            return None;
        }
        let age = self.millis(now).checked_sub(time)?;
        (u128::from(age) <= limits::NONCE_LIFE.as_millis()).then_some(stamp)
    }

    fn dummy_ha1(&self, algorithm: Algorithm, user: &str) -> String {
        let block = prf(&self.dummy, &[user.as_bytes()]);
        let bytes = match algorithm {
            Algorithm::Md5 => block.get(..16).unwrap_or(&[]),
            Algorithm::Sha256 => &block,
        };
        hex::encode(bytes)
    }
}

/// Who the sender of a digest answer says he is; for logs, nothing is proven.
#[must_use]
pub fn claimed_user(request: &Request, realm: &str) -> Option<String> {
    let answers = request.headers("Authorization");
    let mut mine = answers.iter().filter_map(|value| Params::parse(value)).filter(|p| p.get("realm") == Some(realm));
    mine.next()?.get("username").map(str::to_owned)
}

struct Fields<'a> {
    username: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: String,
    algorithm: Algorithm,
    cnonce: &'a str,
    nc_text: &'a str,
    nc: u32,
}

impl<'a> Fields<'a> {
    fn read(params: &'a Params) -> Option<Self> {
        let algorithm = Algorithm::parse(params.get("algorithm").unwrap_or("MD5"))?;
        if !params.get("qop")?.eq_ignore_ascii_case("auth") {
            return None;
        }
        if params.get("userhash").is_some_and(|u| !u.eq_ignore_ascii_case("false")) {
            return None;
        }
        let nc_text = params.get("nc")?;
        if nc_text.len() != 8 || !nc_text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        Some(Self {
            username: params.get("username").filter(|u| !u.is_empty())?,
            nonce: params.get("nonce")?,
            uri: params.get("uri")?,
            response: params.get("response")?.to_ascii_lowercase(),
            algorithm,
            cnonce: params.get("cnonce").filter(|c| !c.is_empty())?,
            nc_text,
            nc: u32::from_str_radix(nc_text, 16).ok()?,
        })
    }
}

/// The digest-uri must be the Request-URI (RFC 7616 §3.4.6), or the answer to one request could be
/// used for another: compared as URIs (RFC 3261 §19.1.4),
/// so that letter case and escapes of the same URI do not matter.
fn same_uri(text: &str, uri: &Uri) -> bool {
    Uri::parse(text).is_ok_and(|u| u.equivalent(uri))
}
