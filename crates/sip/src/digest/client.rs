//! Our answer to a challenge. Only the one realm of our credentials gets one.

use sipx_sip::Method;
use zeroize::Zeroize;

use super::params::Params;
use super::{Algorithm, Credentials, response};
use crate::header::{Value, quoted};
use crate::message::Response;

/// A challenge of our realm that we can answer.
#[derive(Debug, Clone)]
pub struct Challenge {
    realm: String,
    algorithm: Algorithm,
    nonce: String,
    opaque: Option<String>,
    qop: bool,
    /// Whether the peer says that only our nonce was old.
    pub stale: bool,
    /// Whether the answer goes into Proxy-Authorization (407) or Authorization (401).
    pub proxy: bool,
}

impl Challenge {
    /// Picks the best challenge of a 401 or 407 for these credentials: their realm, an algorithm that
    /// we speak, SHA-256 before MD5, `qop=auth` or RFC 2069. Credentials without a realm yet take that of
    /// the first challenge that can be answered. `None`: do not answer.
    #[must_use]
    pub fn find(response: &Response, credentials: &Credentials) -> Option<Self> {
        let (name, proxy) = match response.status() {
            401 => ("WWW-Authenticate", false),
            407 => ("Proxy-Authenticate", true),
            _ => return None,
        };
        let all: Vec<Self> = response.headers(name).iter().filter_map(|value| Self::read(value, proxy)).collect();
        let realm = match credentials.realm() {
            Some(realm) => realm.to_owned(),
            None => all.first()?.realm.clone(),
        };
        all.into_iter().filter(|challenge| challenge.realm == realm).max_by_key(|c| c.algorithm)
    }

    fn read(value: &str, proxy: bool) -> Option<Self> {
        let params = Params::parse(value)?;
        let algorithm = Algorithm::parse(params.get("algorithm").unwrap_or("MD5"))?;
        let qop = match params.get("qop") {
            None => false,
            Some(list) => {
                if !list.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")) {
                    return None;
                }
                true
            }
        };
        Some(Self {
            realm: params.get("realm")?.to_owned(),
            algorithm,
            nonce: params.get("nonce")?.to_owned(),
            opaque: params.get("opaque").map(str::to_owned),
            qop,
            stale: params.get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
            proxy,
        })
    }
}

/// The value of Authorization or Proxy-Authorization. `cnonce` is fresh random text, `count` how
/// often this nonce was used by us, starting with 1. Fixes the realm of credentials that had none;
/// `None` when theirs is another.
#[must_use]
pub fn answer(
    challenge: &Challenge,
    credentials: &Credentials,
    method: &Method,
    uri: &str,
    cnonce: &str,
    count: u32,
) -> Option<Value> {
    let algorithm = challenge.algorithm;
    credentials.learn(&challenge.realm);
    if credentials.realm() != Some(challenge.realm.as_str()) {
        return None;
    }
    let nc = format!("{count:08x}");
    let qop = challenge.qop.then_some((nc.as_str(), cnonce));
    let mut ha1 = credentials.ha1(algorithm)?;
    let digest = response(algorithm, &ha1, &method.to_string(), uri, &challenge.nonce, qop);
    ha1.zeroize();
    let mut text = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{digest}\", algorithm={}",
        quoted(credentials.username()),
        quoted(&challenge.realm),
        quoted(&challenge.nonce),
        quoted(uri),
        algorithm.token(),
    );
    if let Some((nc, cnonce)) = qop {
        text.push_str(&format!(", qop=auth, nc={nc}, cnonce={}", quoted(cnonce)));
    }
    if let Some(opaque) = &challenge.opaque {
        text.push_str(&format!(", opaque={}", quoted(opaque)));
    }
    Some(Value::lossy(&text))
}
