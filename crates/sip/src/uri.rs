//! SIP and tel URIs as the exchange uses them: checked, decoded, and never cut short.
//!
//! Next: [`crate::message`] for the addresses of From, To and Contact.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use sipx_sip::{Host, HostName, Scheme};

use crate::limits;

/// Why a text is no usable URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUri {
    /// It does not follow the grammar of RFC 3261 §25.1 or RFC 3966.
    #[error("not a URI")]
    Syntax,
    /// It is longer than [`limits::URI_BYTES`].
    #[error("a URI that is too long")]
    Long,
}

/// A URI: `sip:`, `sips:`, `tel:` or another scheme kept as it came.
#[derive(Debug, Clone)]
pub struct Uri(sipx_sip::Uri);

impl Uri {
    /// Reads a URI without angle brackets.
    ///
    /// # Errors
    /// [`BadUri`] when it is no URI or too long.
    pub fn parse(text: &str) -> Result<Self, BadUri> {
        if text.len() > limits::URI_BYTES {
            return Err(BadUri::Long);
        }
        sipx_sip::Uri::parse(Bytes::copy_from_slice(text.as_bytes())).map(Self).map_err(|_| BadUri::Syntax)
    }

    /// Builds `sip:user@host:port`. The user is any text and is escaped where RFC 3261 §25.1 asks
    /// for it; the host is a name or an address (IPv6 with or without brackets).
    ///
    /// # Errors
    /// [`BadUri`] when the host is no host, the user is empty or holds control characters.
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Result<Self, BadUri> {
        let mut text = String::from("sip:");
        if let Some(user) = user {
            if user.is_empty() || user.chars().any(char::is_control) {
                return Err(BadUri::Syntax);
            }
            text.push_str(&escape_user(user));
            text.push('@');
        }
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => text.push_str(&format!("[{ip}]")),
            Ok(IpAddr::V4(ip)) => text.push_str(&ip.to_string()),
            Err(_) => {
                let name = HostName::new(Bytes::copy_from_slice(host.as_bytes())).map_err(|_| BadUri::Syntax)?;
                text.push_str(&String::from_utf8_lossy(name.as_bytes()));
            }
        }
        if let Some(port) = port {
            text.push_str(&format!(":{port}"));
        }
        Self::parse(&text)
    }

    /// The same URI with a parameter more (an older one of this name goes). Both are tokens.
    ///
    /// # Errors
    /// [`BadUri::Syntax`] when name or value is no token.
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Result<Self, BadUri> {
        let ok = |t: &str| crate::header::is_token(t.as_bytes());
        if !ok(name) || value.is_some_and(|v| !ok(v)) {
            return Err(BadUri::Syntax);
        }
        self.0.remove_param(name);
        let name = Bytes::copy_from_slice(name.as_bytes());
        self.0.push_param(match value {
            Some(v) => sipx_sip::Param::new(name, Bytes::copy_from_slice(v.as_bytes())),
            None => sipx_sip::Param::flag(name),
        });
        Ok(self)
    }

    pub(crate) fn from_sipx(uri: sipx_sip::Uri) -> Self {
        Self(uri)
    }

    pub(crate) fn sipx(&self) -> &sipx_sip::Uri {
        &self.0
    }

    /// The scheme in lower case: `sip`, `sips`, `tel`, …
    #[must_use]
    pub fn scheme(&self) -> String {
        String::from_utf8_lossy(self.0.scheme().as_bytes()).to_ascii_lowercase()
    }

    /// Whether it is `sip:` or `sips:`.
    #[must_use]
    pub fn is_sip(&self) -> bool {
        self.0.scheme().is_sip()
    }

    /// The user part, decoded; for `tel:` the number without visual separators (RFC 3966 §5.1.1).
    ///
    /// `None` when there is none, or when it is not fit to be a dialled number or a user: empty,
    /// not UTF-8, holding control characters, or longer than [`limits::USER_BYTES`]. It is never
    /// cut short: a number with its tail cut off is another number.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        let bytes = match self.0.scheme() {
            Scheme::Tel => self.0.tel_parts()?.subscriber().iter().copied().filter(|b| !b"-.()".contains(b)).collect(),
            _ => self.0.decoded_user()?,
        };
        if bytes.is_empty() || bytes.len() > limits::USER_BYTES {
            return None;
        }
        let text = String::from_utf8(bytes).ok()?;
        (!text.chars().any(char::is_control)).then_some(text)
    }

    /// Whether there is a user part at all, fit or not.
    #[must_use]
    pub fn has_user(&self) -> bool {
        self.0.user().is_some() || matches!(self.0.scheme(), Scheme::Tel)
    }

    /// The host: a name in lower case or an address (IPv6 with or without brackets). Empty for `tel:`.
    #[must_use]
    pub fn host(&self) -> String {
        match self.0.host() {
            Some(Host::Ip(ip)) => ip.to_string(),
            Some(Host::Name(name)) => String::from_utf8_lossy(name.as_bytes()).to_ascii_lowercase(),
            None => String::new(),
        }
    }

    /// The host when it is written as an address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self.0.host() {
            Some(Host::Ip(ip)) => Some(*ip),
            _ => None,
        }
    }

    /// The port, when it is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.0.port()
    }

    /// A URI parameter; a flag such as `lr` gives an empty text.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<String> {
        let param = self.0.params()?.get(name)?;
        Some(String::from_utf8_lossy(param.value().unwrap_or(&[])).into_owned())
    }

    /// A header that the URI brings along (RFC 3261 §19.1.1), decoded: `Replaces` in a Refer-To.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let header = self.0.headers()?.get(name)?;
        unescape(header.value()?)
    }

    /// RFC 3261 §19.1.4.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        self.0.equivalent(&other.0)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `%HH` and what stands for itself; nothing if it is no text.
fn unescape(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&b, after)) = rest.split_first() {
        rest = after;
        if b != b'%' {
            out.push(b);
            continue;
        }
        let (code, after) = after.split_at_checked(2)?;
        out.extend(hex::decode(code).ok()?);
        rest = after;
    }
    let text = String::from_utf8(out).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

/// Escapes what the `user` production of RFC 3261 §25.1 does not allow.
fn escape_user(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for &b in user.as_bytes() {
        if b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_come_back_as_they_were_given() {
        for user in ["204", "*72", "#9", "+12025550100", "a b", "ü", "x@y", "%2A"] {
            let uri = Uri::sip(Some(user), "example.com", Some(5070)).unwrap();
            assert_eq!(uri.user().as_deref(), Some(user), "{uri}");
            assert_eq!(Uri::parse(&uri.to_string()).unwrap().user().as_deref(), Some(user));
        }
    }

    #[test]
    fn unfit_users_are_refused_and_not_cut() {
        assert_eq!(Uri::parse("sip:null-%00-null@h").unwrap().user(), None);
        assert_eq!(Uri::parse("sip:%ff@h").unwrap().user(), None);
        let long = "1".repeat(limits::USER_BYTES);
        assert_eq!(Uri::parse(&format!("sip:{long}@h")).unwrap().user(), Some(long.clone()));
        assert_eq!(Uri::parse(&format!("sip:{long}1@h")).unwrap().user(), None);
        assert_eq!(Uri::parse(&format!("sip:{}@h", "1".repeat(limits::URI_BYTES))).unwrap_err(), BadUri::Long);
    }

    #[test]
    fn an_ipv6_host_may_have_its_brackets() {
        for host in ["::1", "[::1]"] {
            assert_eq!(Uri::sip(Some("204"), host, Some(5070)).unwrap().to_string(), "sip:204@[::1]:5070");
        }
        assert!(Uri::sip(None, "[::1", None).is_err());
    }

    #[test]
    fn a_tel_number_loses_its_separators() {
        let uri = Uri::parse("tel:+1-202-555.0100;ext=1").unwrap();
        assert_eq!(uri.user().as_deref(), Some("+12025550100"));
        assert_eq!(uri.host(), "");
    }

    #[test]
    fn nothing_is_injected() {
        assert!(Uri::sip(Some("a\r\nb"), "h", None).is_err());
        assert!(Uri::sip(Some("a"), "h>\r\nX: y", None).is_err());
        assert!(Uri::sip(Some("a"), "h;lr", None).is_err());
        let uri = Uri::sip(Some("a"), "h", None).unwrap();
        assert!(uri.clone().with_param("x", Some("a;b")).is_err());
        assert_eq!(uri.with_param("transport", Some("tcp")).unwrap().to_string(), "sip:a@h;transport=tcp");
    }
}
