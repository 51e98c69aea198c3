//! Our answer to a challenge. Only the configured realm gets one.

use sipx_sip::Method;

use super::params::Params;
use super::{Algorithm, Credentials, response};
use crate::header::{Value, quoted};
use crate::message::Response;

/// A challenge of our realm that we can answer.
#[derive(Debug, Clone)]
pub struct Challenge {
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
    /// Picks the best challenge of a 401 or 407 for these credentials: our realm, an algorithm we
    /// have an HA1 for, SHA-256 before MD5, `qop=auth` or RFC 2069. `None`: do not answer.
    #[must_use]
    pub fn find(response: &Response, credentials: &Credentials) -> Option<Self> {
        let (name, proxy) = match response.status() {
            401 => ("WWW-Authenticate", false),
            407 => ("Proxy-Authenticate", true),
            _ => return None,
        };
        response
            .headers(name)
            .iter()
            .filter_map(|value| Self::read(value, proxy, credentials))
            .max_by_key(|c| c.algorithm)
    }

    fn read(value: &str, proxy: bool, credentials: &Credentials) -> Option<Self> {
        let params = Params::parse(value)?;
        if params.get("realm")? != credentials.realm {
            return None;
        }
        let algorithm = Algorithm::parse(params.get("algorithm").unwrap_or("MD5"))?;
        if credentials.ha1.of_algorithm(algorithm).is_empty() {
            return None;
        }
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
/// often this nonce was used by us, starting with 1.
#[must_use]
pub fn answer(
    challenge: &Challenge,
    credentials: &Credentials,
    method: &Method,
    uri: &str,
    cnonce: &str,
    count: u32,
) -> Value {
    let algorithm = challenge.algorithm;
    let nc = format!("{count:08x}");
    let qop = challenge.qop.then_some((nc.as_str(), cnonce));
    let digest =
        response(algorithm, credentials.ha1.of_algorithm(algorithm), &method.to_string(), uri, &challenge.nonce, qop);
    let mut text = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{digest}\", algorithm={}",
        quoted(&credentials.username),
        quoted(&credentials.realm),
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
    Value::lossy(&text)
}
