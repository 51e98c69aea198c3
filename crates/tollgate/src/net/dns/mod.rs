//! Finding a trunk by its name (RFC 3263). `locate` is the reasoning, `resolver` asks real name servers; tests bring their own [`Dns`].

pub(crate) mod locate;
pub(crate) mod resolver;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

/// What name servers can be asked. No record is an empty list; an error is a server that does not answer or does not want to.
pub(crate) trait Dns: Send + Sync {
    /// How a domain wants to be reached (RFC 3263 §4.1).
    fn naptr<'a>(&'a self, name: &'a str) -> Asked<'a, Naptr>;
    /// Which hosts serve (RFC 2782).
    fn srv<'a>(&'a self, name: &'a str) -> Asked<'a, Srv>;
    /// The addresses of a host.
    fn addresses<'a>(&'a self, name: &'a str) -> Asked<'a, IpAddr>;
}

/// An answer under way.
pub(crate) type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<Vec<T>, String>> + Send + 'a>>;

/// A NAPTR record, as far as it concerns SIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Naptr {
    pub(crate) order: u16,
    pub(crate) preference: u16,
    pub(crate) flags: String,
    pub(crate) service: String,
    pub(crate) replacement: String,
}

/// An SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Srv {
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    pub(crate) port: u16,
    pub(crate) target: String,
}
