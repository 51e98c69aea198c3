//! The messages that we write. Every value passes [`sipx_sip::Header::build`], which refuses line
//! breaks, so no text of a peer or of a configuration becomes a header of its own.

use bytes::Bytes;
use sipx_sip::headers::via::{Via, first_hop_end};
use sipx_sip::{Header, HeaderName, Headers, Method, Request, Response, StatusCode, TypedHeader};

use crate::event::{Config, Party};
use crate::flow::Flow;
use crate::header::{HeaderList, is_token, quoted};
use crate::uri::Uri;

/// The methods that we understand (RFC 3261 §20.5).
pub(crate) const ALLOW: &str =
    "INVITE, ACK, CANCEL, OPTIONS, BYE, PRACK, UPDATE, INFO, REFER, NOTIFY, SUBSCRIBE, REGISTER";
/// The extensions that we understand (RFC 3261 §20.37).
pub(crate) const SUPPORTED: &str = "100rel, replaces, timer";

/// Whether an option tag is one of [`SUPPORTED`].
pub(crate) fn understands(tag: &[u8]) -> bool {
    SUPPORTED.split(", ").any(|known| tag.eq_ignore_ascii_case(known.as_bytes()))
}

/// A header list under construction; remembers whether something did not fit.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    headers: Headers,
    body: Bytes,
    failed: bool,
}

impl Draft {
    pub(crate) fn put(mut self, name: HeaderName, value: impl Into<Bytes>) -> Self {
        match Header::build(name, value) {
            Ok(header) => self.headers.push(header),
            Err(_) => self.failed = true,
        }
        self
    }

    pub(crate) fn put_if(self, name: HeaderName, value: Option<String>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// Copies every header of this name, unfolded.
    fn copy(mut self, from: &Headers, name: &HeaderName) -> Self {
        for header in from.get_all(name) {
            self = self.put(name.clone(), header.value().into_owned());
        }
        self
    }

    /// Copies the first header of this name, unfolded.
    fn copy_one(self, from: &Headers, name: &HeaderName) -> Self {
        match from.get(name) {
            Some(header) => {
                let value = header.value().into_owned();
                self.put(name.clone(), value)
            }
            None => self,
        }
    }

    pub(crate) fn list(mut self, list: HeaderList) -> Self {
        for (name, value) in list {
            if !is_ours(&name) {
                self = self.put(name, value.bytes());
            }
        }
        self
    }

    pub(crate) fn body(mut self, body: Option<(&str, Bytes)>) -> Self {
        if let Some((kind, body)) = body {
            self = self.put(HeaderName::ContentType, kind.to_owned());
            self.body = body;
        }
        self
    }

    /// This draft followed by another, which brings the body.
    pub(crate) fn join(mut self, other: Self) -> Self {
        for header in other.headers.iter() {
            self.headers.push(header.clone());
        }
        self.body = other.body;
        self.failed |= other.failed;
        self
    }

    fn finish(self) -> Option<(Headers, Bytes)> {
        let length = self.body.len().to_string();
        let body = self.body.clone();
        let done = self.put(HeaderName::ContentLength, length);
        (!done.failed).then_some((done.headers, body))
    }

    pub(crate) fn request(self, method: Method, uri: sipx_sip::Uri) -> Option<Request> {
        let (headers, body) = self.finish()?;
        let mut request = Request::new(method, uri);
        request.headers = headers;
        request.set_body(body);
        Some(request)
    }
}

/// Headers that this crate writes itself: they are never taken from a list.
fn is_ours(name: &HeaderName) -> bool {
    matches!(
        name,
        HeaderName::Via
            | HeaderName::From
            | HeaderName::To
            | HeaderName::CallId
            | HeaderName::CSeq
            | HeaderName::MaxForwards
            | HeaderName::ContentLength
            | HeaderName::ContentType
            | HeaderName::Route
            | HeaderName::RecordRoute
            | HeaderName::RSeq
            | HeaderName::RAck
            | HeaderName::Authorization
            | HeaderName::ProxyAuthorization
    )
}

/// The words for a status, when the exchange has none of its own.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => "Status",
    }
}

/// A response to a request whose Via was stamped: To gets `tag` unless it has one.
pub(crate) fn response(
    config: &Config,
    request: &Request,
    status: u16,
    words: &str,
    tag: Option<&str>,
    more: Draft,
) -> Option<Response> {
    let code = StatusCode::new(status)?;
    let mut draft = Draft::default();
    let from = &request.headers;
    draft = draft.copy(from, &HeaderName::Via);
    draft = draft.copy_one(from, &HeaderName::From);
    let to = from.get(&HeaderName::To)?;
    let has_tag = sipx_sip::headers::To::decode(&to.value()).ok().is_some_and(|to| to.tag().is_some());
    let mut to = to.value().into_owned();
    if let Some(tag) = tag
        && !has_tag
    {
        to.extend_from_slice(b";tag=");
        to.extend_from_slice(tag.as_bytes());
    }
    draft = draft.put(HeaderName::To, to);
    draft = draft.copy_one(from, &HeaderName::CallId);
    draft = draft.copy_one(from, &HeaderName::CSeq);
    // RFC 3261 §12.1.1: answers that form a dialog carry the recorded route.
    let opens = matches!(request.method, Method::Invite | Method::Subscribe);
    if opens && (101..300).contains(&status) {
        draft = draft.copy(from, &HeaderName::RecordRoute);
    }
    if !config.user_agent.is_empty() {
        draft = draft.put(HeaderName::Server, config.user_agent.clone());
    }
    draft = draft.join(more);
    let (headers, body) = draft.finish()?;
    let words = if words.is_empty() { reason(status) } else { words };
    let words = crate::header::Value::lossy(words);
    let mut response = Response::new(code, words.bytes());
    response.headers = headers;
    response.set_body(body);
    Some(response)
}

/// Notes on the topmost Via where a request really came from and strikes out what it claims about
/// that (RFC 3261 §18.2.1, RFC 3581 §4): no response ever follows a Via, but what we echo is true.
pub(crate) fn stamp_via(request: &mut Request, flow: &Flow) -> Option<()> {
    let at = request.headers.iter().position(|h| *h.name() == HeaderName::Via)?;
    let value = request.headers.value(&HeaderName::Via)?.into_owned();
    let end = first_hop_end(&value);
    let (first, rest) = value.split_at_checked(end)?;
    let via = Via::parse_one(first).ok()?;
    // A Via of another version belongs to a request of another version, which gets its 505.
    let version = via.version == b"2.0" || !request.version.is_supported();
    if !via.protocol.eq_ignore_ascii_case(b"SIP") || !version {
        return None;
    }
    let cut = first.iter().position(|&b| b == b';').unwrap_or(first.len());
    let mut text = first.get(..cut)?.trim_ascii().to_vec();
    let mut wants_port = false;
    for param in &via.params {
        if param.is("rport") {
            wants_port = true;
            continue;
        }
        if param.is("received") || param.is("maddr") {
            continue;
        }
        text.push(b';');
        text.extend_from_slice(&param.name);
        if let Some(v) = &param.value {
            text.push(b'=');
            if is_token(v) || v.iter().all(|b| b.is_ascii_hexdigit() || b"[]:./".contains(b)) {
                text.extend_from_slice(v);
            } else {
                text.extend_from_slice(quoted(&String::from_utf8_lossy(v)).as_bytes());
            }
        }
    }
    let remote = flow.remote;
    text.extend_from_slice(format!(";received={}", remote.ip().to_canonical()).as_bytes());
    if wants_port {
        text.extend_from_slice(format!(";rport={}", remote.port()).as_bytes());
    }
    text.extend_from_slice(rest);
    let header = Header::build(HeaderName::Via, text).ok()?;
    request.headers.remove_first(&HeaderName::Via)?;
    request.headers.insert(at, header);
    Some(())
}

/// Host and port that a peer on this flow should reach us at.
pub(crate) fn our_address(config: &Config, flow: &Flow) -> String {
    if flow.transport == crate::flow::Transport::Udp
        && let Some(seen) = config.mapped.get(&flow.remote)
    {
        return seen.to_string();
    }
    let mut address = flow.local;
    if let Some(advertise) = &config.advertise {
        let remote = flow.remote.ip().to_canonical();
        let inside = advertise.local_networks.iter().any(|&(net, bits)| in_network(remote, net, bits));
        if !inside && !remote.is_loopback() {
            address.set_ip(advertise.public);
        }
    }
    if let std::net::IpAddr::V6(v6) = address.ip()
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        address.set_ip(v4.into());
    }
    address.to_string()
}

/// A party of ours as this peer shall see it: where our own address stands for a host, it is the one that the peer reaches us at.
pub(crate) fn presented(config: &Config, flow: &Flow, party: &Party) -> Party {
    let mut shown = party.clone();
    let written = party.host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    if written.is_ok_and(|ip| ip == flow.local.ip())
        && let Ok(address) = our_address(config, flow).parse::<std::net::SocketAddr>()
    {
        shown.host = match address.ip() {
            std::net::IpAddr::V4(v4) => v4.to_string(),
            std::net::IpAddr::V6(v6) => format!("[{v6}]"),
        };
    }
    shown
}

fn in_network(ip: std::net::IpAddr, net: std::net::IpAddr, bits: u8) -> bool {
    use std::net::IpAddr::{V4, V6};
    match (ip, net) {
        (V4(ip), V4(net)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            u32::from(ip) & mask == u32::from(net) & mask
        }
        (V6(ip), V6(net)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            u128::from(ip) & mask == u128::from(net) & mask
        }
        _ => false,
    }
}

/// Our Via with a fresh branch.
pub(crate) fn via(config: &Config, flow: &Flow, branch: &str) -> String {
    format!("SIP/2.0/{} {};branch={branch};rport", flow.transport.via(), our_address(config, flow))
}

/// Our Contact; `sips:` in a session that asked for it (RFC 3261 §8.1.1.8).
pub(crate) fn contact(config: &Config, flow: &Flow, user: Option<&str>, secure: bool) -> String {
    let address = our_address(config, flow);
    let user = user
        .and_then(|u| Uri::sip(Some(u), "h", None).ok())
        .and_then(|u| {
            let text = u.to_string();
            text.strip_prefix("sip:")?.strip_suffix('h').map(str::to_owned)
        })
        .unwrap_or_default();
    if secure {
        // The scheme says it all (RFC 3261 §26.2.2: `transport=tls` does not go with it).
        return format!("<sips:{user}{address}>");
    }
    format!("<sip:{user}{address};transport={}>", flow.transport.param())
}

/// `"Name" <sip:user@host>` of a party, or `None` when its address is none.
pub(crate) fn name_addr(party: &Party) -> Option<String> {
    let user = (!party.user.is_empty()).then_some(party.user.as_str());
    let uri = Uri::sip(user, &party.host, None).ok()?;
    Some(with_display(party.display.as_deref(), &uri))
}

/// `"Name" <uri>`.
pub(crate) fn with_display(display: Option<&str>, uri: &Uri) -> String {
    match display {
        Some(display) if !display.trim().is_empty() => format!("{} <{uri}>", quoted(display)),
        _ => format!("<{uri}>"),
    }
}

/// A URI as a Request-URI: without header components (RFC 3261 §19.1.1).
pub(crate) fn request_uri(uri: &Uri) -> sipx_sip::Uri {
    let mut uri = uri.sipx().clone();
    if uri.has_headers() {
        let names: Vec<String> = uri
            .headers()
            .into_iter()
            .flat_map(|h| h.iter())
            .map(|p| String::from_utf8_lossy(p.name()).into_owned())
            .collect();
        for name in names {
            uri.remove_header(&name);
        }
    }
    uri
}

pub(crate) fn bytes_of(request: &Request) -> Bytes {
    let mut out = Vec::with_capacity(1024);
    request.write_to(&mut out);
    Bytes::from(out)
}

pub(crate) fn bytes_of_response(response: &Response) -> Bytes {
    let mut out = Vec::with_capacity(1024);
    response.write_to(&mut out);
    Bytes::from(out)
}
