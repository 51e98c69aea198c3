//! A response as the exchange reads it; the other kind of message is [`super::Request`].

use std::sync::Arc;

use bytes::Bytes;

use super::read::{all, carried, contacts, first, has_token, sdp};
use super::{Common, NameAddr};
use crate::header::HeaderList;

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
