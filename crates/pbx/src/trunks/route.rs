//! Where one outgoing INVITE goes, and how it presents itself there.

use std::time::Duration;

use media::codec::Codec;
use sip::{Credentials, Flow, HeaderList, Name, Party, Transport, Uri, Value};

use super::TrunkWay;
use crate::config::Identity;
use crate::limits;
use crate::phones::host;
use crate::switch::Presentation;

/// The way of one INVITE.
#[derive(Debug, Clone)]
pub struct Route {
    /// The flow to send it over.
    pub flow: Flow,
    /// The request URI.
    pub target: Uri,
    /// Proxies to pass (an outbound proxy, RFC 3261 §8.1.2).
    pub routes: Vec<Uri>,
    /// Answers challenges of the one realm they are for.
    pub credentials: Option<Credentials>,
    /// How long it may take until anything is heard, before the next way is tried.
    pub patience: Option<Duration>,
    /// Codecs in the order in which they are offered; empty: the usual ones.
    pub codecs: Vec<Codec>,
    /// Host of our From.
    host: String,
    /// Where it leads outside: the number that stands for us there.
    outside: Option<Outside>,
}

/// How a trunk is told who calls.
#[derive(Debug, Clone)]
struct Outside {
    /// The trunk's number for us, shown instead of the caller's own.
    number: Option<String>,
    asserted: bool,
}

impl Outside {
    /// The number to show: what the owner set for this extension, the trunk's, or the caller's.
    fn number<'a>(&'a self, show: &'a Presentation) -> &'a str {
        show.outside.as_deref().or(self.number.as_deref()).unwrap_or(&show.number)
    }
}

impl Route {
    /// To a phone of the house.
    #[must_use]
    pub fn to_phone(flow: Flow, target: Uri) -> Self {
        Self {
            flow,
            target,
            routes: Vec::new(),
            credentials: None,
            patience: None,
            codecs: Vec::new(),
            host: host(&flow),
            outside: None,
        }
    }

    /// To a number over a trunk.
    pub(super) fn to_trunk(way: &TrunkWay, flow: Flow, number: &str) -> Option<Self> {
        let trunk = &way.trunk;
        let by = |uri: Uri| match flow.transport {
            Transport::Udp => Some(uri),
            stream => uri.with_param("transport", Some(stream.param())).ok(),
        };
        let port = trunk.port.filter(|port| *port != 5060);
        let number = format!("{}{number}", trunk.prefix);
        let mut routes = Vec::new();
        if let Some(proxy) = &trunk.outbound_proxy {
            let (name, port) = match proxy.rsplit_once(':') {
                Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port.parse().ok()),
                _ => (proxy.as_str(), None),
            };
            routes.push(by(Uri::sip(None, name, port).ok()?)?.with_param("lr", None).ok()?);
        }
        Some(Self {
            flow,
            target: by(Uri::sip(Some(&number), &trunk.host, port).ok()?)?,
            routes,
            credentials: way.credentials.clone(),
            patience: Some(limits::TRUNK_SILENT),
            codecs: trunk.codecs.clone(),
            host: trunk.username.as_ref().map_or_else(|| host(&flow), |_| trunk.host.clone()),
            outside: Some(Outside {
                number: trunk.caller_id.clone().or_else(|| trunk.username.clone()),
                asserted: trunk.identity == Identity::Pai,
            }),
        })
    }

    /// The From of this INVITE (RFC 3323 §4.1.1.3 for who does not want to be shown).
    #[must_use]
    pub fn from_party(&self, show: &Presentation) -> Party {
        if show.private {
            return Party::anonymous();
        }
        Party {
            display: Some(show.name.clone()).filter(|name| !name.is_empty()),
            user: self.outside.as_ref().map_or(show.number.as_str(), |outside| outside.number(show)).to_owned(),
            host: self.host.clone(),
        }
    }

    /// P-Asserted-Identity (RFC 3325) for a trunk that wants it, and Privacy (RFC 3323) for who asked for it. Phones are
    /// told neither: what a caller wants hidden is hidden from them too.
    #[must_use]
    pub fn identity_headers(&self, show: &Presentation) -> HeaderList {
        let mut headers = HeaderList::new();
        let Some(outside) = &self.outside else { return headers };
        if outside.asserted
            && let Ok(uri) = Uri::sip(Some(outside.number(show)), &self.host, None)
        {
            headers.push((Name::PAssertedIdentity, Value::lossy(&format!("<{uri}>"))));
        }
        if show.private {
            headers.push((Name::Privacy, Value::lossy("id")));
        }
        headers
    }
}
