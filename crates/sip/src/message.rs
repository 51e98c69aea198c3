//! Messages as the exchange reads them: parsed once, checked once, shared cheaply.
//!
//! A [`Request`] that reaches the exchange has passed [`crate::endpoint`]'s checks, so the
//! accessors below do not fail. Next: [`Response`], and [`crate::header`] for what we send.

mod address;
mod read;
mod response;

use std::sync::Arc;

use bytes::Bytes;
use sipx_sip::HeaderName;
use sipx_sip::headers::{CSeq, Expires, MaxForwards, Via};

use crate::header::HeaderList;
use crate::limits;
use crate::uri::Uri;

pub use address::NameAddr;
pub use read::is_carried;
pub(crate) use read::target;
pub use response::Response;
/// A request method; an unknown one is kept as it came.
pub use sipx_sip::Method;

use read::{all, carried, contacts, content_type, first, has_token, sdp};

#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) cseq_method: Method,
    pub(crate) branch: String,
    pub(crate) sent_by: String,
}

impl Common {
    pub(crate) fn read(headers: &sipx_sip::Headers) -> Option<Self> {
        let from = headers.typed::<sipx_sip::headers::From>()?.ok()?;
        let to = headers.typed::<sipx_sip::headers::To>()?.ok()?;
        let call_id = headers.value(&HeaderName::CallId)?;
        let cseq = headers.typed::<CSeq>()?.ok()?;
        let via = headers.typed::<Via>()?.ok()?;
        let call_id = std::str::from_utf8(&call_id).ok()?.to_owned();
        let branch = std::str::from_utf8(via.branch().unwrap_or(b"")).ok()?.to_owned();
        let from = NameAddr::from_sipx(from.0);
        let to = NameAddr::from_sipx(to.0);
        let short = |t: &str| t.len() <= limits::TOKEN_BYTES;
        if !(short(&call_id) && short(&branch) && short(from.tag()) && short(to.tag())) {
            return None;
        }
        let mut sent_by = String::from_utf8_lossy(&via.host.to_bytes()).to_ascii_lowercase();
        if let Some(port) = via.port {
            sent_by.push_str(&format!(":{port}"));
        }
        Some(Self { from, to, call_id, cseq: cseq.sequence, cseq_method: cseq.method, branch, sent_by })
    }
}

#[derive(Debug)]
struct RequestInner {
    raw: sipx_sip::Request,
    uri: Uri,
    user: Option<String>,
    common: Common,
}

/// A request that passed our checks. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Request(Arc<RequestInner>);

impl Request {
    pub(crate) fn new(raw: sipx_sip::Request) -> Option<Self> {
        let common = Common::read(&raw.headers)?;
        let uri = Uri::from_sipx(raw.uri.clone());
        let user = uri.user();
        Some(Self(Arc::new(RequestInner { raw, uri, user, common })))
    }

    /// Reads a request from bytes without any endpoint, for tests and tools.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match sipx_sip::parse_datagram(Bytes::copy_from_slice(bytes), &limits::parser()).ok()? {
            sipx_sip::Message::Request(raw) => Self::new(raw),
            sipx_sip::Message::Response(_) => None,
        }
    }

    pub(crate) fn raw(&self) -> &sipx_sip::Request {
        &self.0.raw
    }

    pub(crate) fn common(&self) -> &Common {
        &self.0.common
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.raw.method
    }

    /// The Request-URI.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// The user part of the Request-URI: the dialled number or name, decoded and whole.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.0.user.as_deref()
    }

    /// Who says that he calls. Nothing here is proven.
    #[must_use]
    pub fn from(&self) -> &NameAddr {
        &self.0.common.from
    }

    /// Whom he says that he calls.
    #[must_use]
    pub fn to(&self) -> &NameAddr {
        &self.0.common.to
    }

    /// The first Contact that is an address.
    #[must_use]
    pub fn contact(&self) -> Option<NameAddr> {
        contacts(&self.0.raw.headers).into_iter().next()
    }

    /// Every Contact that is an address.
    #[must_use]
    pub fn contacts(&self) -> Vec<NameAddr> {
        contacts(&self.0.raw.headers)
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.0.common.call_id
    }

    /// The sequence number.
    #[must_use]
    pub fn cseq(&self) -> u32 {
        self.0.common.cseq
    }

    /// The branch of the topmost Via; empty for a peer older than RFC 3261.
    #[must_use]
    pub fn branch(&self) -> &str {
        &self.0.common.branch
    }

    /// Hops that are left; 70 when the header is missing (RFC 3261 §16.6).
    #[must_use]
    pub fn max_forwards(&self) -> u8 {
        match self.0.raw.headers.typed::<MaxForwards>() {
            Some(Ok(hops)) => hops.0,
            _ => 70,
        }
    }

    /// The Expires header in seconds.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.0.raw.headers.typed::<Expires>()?.ok().map(|e| e.0)
    }

    /// The first header of this name (any case, compact or long), unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        first(&self.0.raw.headers, name)
    }

    /// Every header of this name, one entry per header line.
    #[must_use]
    pub fn headers(&self, name: &str) -> Vec<String> {
        all(&self.0.raw.headers, name)
    }

    /// P-Asserted-Identity (RFC 3325): worth as much as the peer who sent it.
    #[must_use]
    pub fn asserted_identity(&self) -> Option<NameAddr> {
        self.header("P-Asserted-Identity").and_then(|text| text.split(',').next().and_then(NameAddr::parse))
    }

    /// The peer's User-Agent.
    #[must_use]
    pub fn user_agent(&self) -> Option<String> {
        self.header("User-Agent")
    }

    /// Whether a comma list (Supported, Require, Allow …) has this token, in any case.
    #[must_use]
    pub fn has_token(&self, header: &str, token: &str) -> bool {
        has_token(&self.0.raw.headers, header, token)
    }

    /// The body, empty when there is none.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.0.raw.body()
    }

    /// `type/subtype` of the body in lower case.
    #[must_use]
    pub fn content_type(&self) -> Option<String> {
        content_type(&self.0.raw.headers)
    }

    /// The session description: the body, or the one part of it that is `application/sdp`.
    #[must_use]
    pub fn sdp(&self) -> Option<Bytes> {
        sdp(&self.0.raw.headers, self.0.raw.body())
    }

    /// The headers that may travel to another leg; see [`is_carried`].
    #[must_use]
    pub fn carried(&self) -> HeaderList {
        carried(&self.0.raw.headers)
    }

    /// The message as it would go over the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.0.raw.write_to(&mut out);
        Bytes::from(out)
    }
}
