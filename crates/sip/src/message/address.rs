//! A name with an address, as From, To, Contact and the identity headers hold one (RFC 3261 §20.10).

use sipx_sip::headers::Address;

use crate::uri::Uri;

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
