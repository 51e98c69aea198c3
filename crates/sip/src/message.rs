//! Messages as the exchange reads them: parsed once, checked once, shared cheaply.
//!
//! A [`Request`] that reaches the exchange has passed [`crate::endpoint`]'s checks, so the
//! accessors below do not fail. Next: [`crate::header`] for what we send.

use std::sync::Arc;

use bytes::Bytes;
use sipx_sip::headers::{Address, CSeq, Contact, ContactValue, ContentType, Expires, MaxForwards, Via};
use sipx_sip::{HeaderName, TypedHeader};

use crate::body::{self, Content};
use crate::header::{self, HeaderList, Name, Value};
use crate::limits;
use crate::uri::Uri;

/// A request method; an unknown one is kept as it came.
pub use sipx_sip::Method;

/// Display name, URI and parameters of a From, To, Contact or identity header.
#[derive(Debug, Clone)]
pub struct NameAddr {
    display: Option<String>,
    uri: Uri,
    params: Vec<(String, String)>,
}

impl NameAddr {
    pub(crate) fn from_sipx(address: Address) -> Self {
        let display = address.display_name.and_then(|raw| {
            let text = String::from_utf8_lossy(&raw).into_owned();
            let text: String = text.chars().filter(|c| !c.is_control()).collect();
            let text = text.trim().to_owned();
            (!text.is_empty()).then_some(text)
        });
        let params = address
            .params
            .into_iter()
            .map(|p| {
                (
                    String::from_utf8_lossy(&p.name).into_owned(),
                    String::from_utf8_lossy(&p.value.unwrap_or_default()).into_owned(),
                )
            })
            .collect();
        Self { display, uri: Uri::from_sipx(address.uri), params }
    }

    /// Reads one name-addr or addr-spec, for headers such as P-Asserted-Identity.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Address::parse(text.as_bytes(), "address").ok().map(Self::from_sipx)
    }

    /// The display name: no quotes, no control characters, never empty.
    #[must_use]
    pub fn display(&self) -> Option<&str> {
        self.display.as_deref()
    }

    /// The URI.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The URI's user part; see [`Uri::user`].
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.uri.user()
    }

    /// The URI's host; see [`Uri::host`].
    #[must_use]
    pub fn host(&self) -> String {
        self.uri.host()
    }

    /// The `tag` parameter; empty when there is none.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.param("tag").unwrap_or("")
    }

    /// A header parameter by its lower-case name; a flag gives an empty text.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

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

#[derive(Debug)]
struct ResponseInner {
    raw: sipx_sip::Response,
    common: Common,
}

/// A response to a request of ours. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Response(Arc<ResponseInner>);

impl Response {
    pub(crate) fn new(raw: sipx_sip::Response) -> Option<Self> {
        let common = Common::read(&raw.headers)?;
        Some(Self(Arc::new(ResponseInner { raw, common })))
    }

    pub(crate) fn raw(&self) -> &sipx_sip::Response {
        &self.0.raw
    }

    pub(crate) fn common(&self) -> &Common {
        &self.0.common
    }

    /// Where the peer says that our request came from (RFC 3261 §18.2.1, RFC 3581 §4).
    #[must_use]
    pub fn seen_as(&self) -> Option<std::net::SocketAddr> {
        let value = self.raw().headers.value(&sipx_sip::HeaderName::Via)?.into_owned();
        let first = value.get(..sipx_sip::headers::via::first_hop_end(&value))?;
        let via = sipx_sip::headers::Via::parse_one(first).ok()?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let ip = text(via.received()?)?.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok()?;
        let port = text(via.rport()??)?.parse::<u16>().ok().filter(|port| *port > 0)?;
        Some(std::net::SocketAddr::new(ip.to_canonical(), port))
    }

    /// The status code, 100 to 699.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.raw.status.code()
    }

    /// The reason phrase.
    #[must_use]
    pub fn reason(&self) -> String {
        String::from_utf8_lossy(&self.0.raw.reason).chars().filter(|c| !c.is_control()).collect()
    }

    /// The Call-ID of our request; with [`Self::cseq`] what a refresh goes on from.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.0.common.call_id
    }

    /// The sequence number of our request, challenges counted.
    #[must_use]
    pub fn cseq(&self) -> u32 {
        self.0.common.cseq
    }

    /// The To header; its tag names the dialog.
    #[must_use]
    pub fn to(&self) -> &NameAddr {
        &self.0.common.to
    }

    /// The first header of this name, unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        first(&self.0.raw.headers, name)
    }

    /// Every header of this name, one entry per header line.
    #[must_use]
    pub fn headers(&self, name: &str) -> Vec<String> {
        all(&self.0.raw.headers, name)
    }

    /// Every Contact that is an address.
    #[must_use]
    pub fn contacts(&self) -> Vec<NameAddr> {
        contacts(&self.0.raw.headers)
    }

    /// The body, empty when there is none.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.0.raw.body()
    }

    /// The session description: the body, or the one part of it that is `application/sdp`.
    #[must_use]
    pub fn sdp(&self) -> Option<Bytes> {
        sdp(&self.0.raw.headers, self.0.raw.body())
    }

    /// Whether a comma list has this token, in any case.
    #[must_use]
    pub fn has_token(&self, header: &str, token: &str) -> bool {
        has_token(&self.0.raw.headers, header, token)
    }

    /// The headers that may travel to another leg; see [`is_carried`].
    #[must_use]
    pub fn carried(&self) -> HeaderList {
        carried(&self.0.raw.headers)
    }
}

/// Headers that may pass from one leg to another or into a request that the exchange builds. All
/// others are made by this crate or are dropped: a back-to-back user agent forwards nothing by
/// accident.
#[must_use]
pub fn is_carried(name: &Name) -> bool {
    match name {
        Name::PAssertedIdentity
        | Name::PPreferredIdentity
        | Name::Privacy
        | Name::Reason
        | Name::Date
        | Name::HistoryInfo
        | Name::AlertInfo
        | Name::CallInfo
        | Name::Subject
        | Name::Priority
        | Name::Organization
        | Name::AcceptLanguage
        | Name::Warning
        | Name::RetryAfter
        | Name::ErrorInfo => true,
        Name::Other(raw) => {
            raw.eq_ignore_ascii_case(b"Diversion")
                || raw.eq_ignore_ascii_case(b"Remote-Party-ID")
                || raw.eq_ignore_ascii_case(b"Answer-Mode")
                || raw.get(..2).is_some_and(|p| p.eq_ignore_ascii_case(b"X-"))
        }
        _ => false,
    }
}

fn carried(headers: &sipx_sip::Headers) -> HeaderList {
    headers
        .iter()
        .filter(|h| is_carried(h.name()))
        .filter_map(|h| {
            let value = Value::new(Bytes::copy_from_slice(&h.value())).ok()?;
            Some((h.name().clone(), value))
        })
        .collect()
}

fn first(headers: &sipx_sip::Headers, name: &str) -> Option<String> {
    let name = header::name(name)?;
    headers.value(&name).map(|v| String::from_utf8_lossy(&v).into_owned())
}

fn all(headers: &sipx_sip::Headers, name: &str) -> Vec<String> {
    let Some(name) = header::name(name) else {
        return Vec::new();
    };
    headers.get_all(&name).map(|h| String::from_utf8_lossy(&h.value()).into_owned()).collect()
}

fn has_token(headers: &sipx_sip::Headers, name: &str, token: &str) -> bool {
    all(headers, name).iter().flat_map(|line| line.split(',')).any(|t| t.trim().eq_ignore_ascii_case(token))
}

fn contacts(headers: &sipx_sip::Headers) -> Vec<NameAddr> {
    headers
        .get_all(&HeaderName::Contact)
        .filter_map(|h| ContactValue::decode_list(&h.value()).ok())
        .flatten()
        .filter_map(|c| match c {
            ContactValue::Address(a) => Some(NameAddr::from_sipx(a)),
            ContactValue::Wildcard => None,
        })
        .collect()
}

fn content_type(headers: &sipx_sip::Headers) -> Option<String> {
    let value = headers.value(&ContentType::NAME)?;
    let text = String::from_utf8_lossy(&value);
    let word = text.split(';').next().unwrap_or("").trim();
    Some(word.to_ascii_lowercase())
}

fn content(headers: &sipx_sip::Headers, body: &Bytes) -> Content {
    body::content(first(headers, "Content-Type").as_deref(), first(headers, "Content-Disposition").as_deref(), body)
}

fn sdp(headers: &sipx_sip::Headers, body: &Bytes) -> Option<Bytes> {
    match content(headers, body) {
        Content::Description(sdp) => Some(sdp),
        Content::Nothing | Content::Foreign => None,
    }
}

/// The one Contact of a dialog-forming message, if it has exactly one SIP address.
pub(crate) fn target(headers: &sipx_sip::Headers) -> Option<Uri> {
    let mut all = headers.typed_all::<Contact>();
    let first = all.next()?.ok()?;
    if all.next().is_some() {
        return None;
    }
    let uri = Uri::from_sipx(first.0.uri);
    uri.is_sip().then_some(uri)
}
