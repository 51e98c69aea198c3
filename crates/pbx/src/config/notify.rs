//! `[notify]`: how the owner hears of what happens.

use std::net::IpAddr;

use super::tree::Table;
use super::{mail, words};

/// `[notify]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// Mail goes to this address; it needs `[mail]`.
    pub mail: Option<String>,
    /// Events are posted here.
    pub webhook: Option<Url>,
    /// Certificates (PEM, relative to the home) that the webhook's is signed by, instead of the public ones.
    pub ca: Option<String>,
}

/// Where a webhook is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// The host, a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Path and query, from the first slash on.
    pub path: String,
}

impl Url {
    /// Reads an address. Without TLS to this machine only.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address of a webhook; for example \"https://example.net/hook\"");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        if !rest.bytes().all(|b| b.is_ascii_graphic()) || rest.contains(['#', '@', '\\', '"', '<', '>']) {
            return Err(wrong());
        }
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(if tls { 443 } else { 80 }), str::parse).map_err(|_| wrong())?;
        let named = host.parse::<IpAddr>().is_ok()
            || (!host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'));
        if !named {
            return Err(wrong());
        }
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !tls && !here {
            return Err(
                "http goes to this machine only: what happens in the house is nobody else's business; use https"
                    .to_owned(),
            );
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { tls, host: host.to_owned(), port, path })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}{}", self.host, self.port, self.path),
            false => write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path),
        }
    }
}

/// Reads `[notify]`.
pub(super) fn read(root: &Table<'_>) -> Notify {
    let table = root.table("notify");
    let notify = Notify {
        mail: table.parse("mail", mail::address),
        webhook: table.parse("webhook", Url::parse),
        ca: table.parse("ca", words::text),
    };
    if notify.mail.is_some() && !root.has("mail") {
        table.problem(&["mail"], "mail needs a server: write [mail] with server and from");
    }
    table.finish();
    notify
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_under_tls_or_on_this_machine() {
        let url = Url::parse("https://example.net/hook?x=1").unwrap();
        assert_eq!((url.tls, url.host.as_str(), url.port, url.path.as_str()), (true, "example.net", 443, "/hook?x=1"));
        assert_eq!(Url::parse("https://[2001:db8::1]:8443").unwrap().to_string(), "https://[2001:db8::1]:8443/");
        assert!(Url::parse("http://127.0.0.1:8080/x").is_ok() && Url::parse("http://localhost/x").is_ok());
        for bad in [
            "",
            "example.net",
            "ftp://example.net",
            "http://example.net/",
            "https://",
            "https://a b/",
            "https://user@example.net/",
            "https://example.net:99999/",
            "https://exa\r\nmple.net/",
            "https://example.net/#x",
            "http://127.0.0.1.example.net/",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
