//! A flow: the pair of addresses (and the connection) that packets take between us and one peer.
//!
//! Everything we send goes over a flow that we have seen or were configured with; nothing in a
//! message can name another destination. Next: [`crate::framer`] for streams, [`crate::endpoint`].

use std::net::SocketAddr;

/// How a packet travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams; lost packets are repeated by the transactions (RFC 3261 §17).
    Udp,
    /// A stream in clear.
    Tcp,
    /// A stream under TLS.
    Tls,
}

impl Transport {
    /// The token for `Via` (RFC 3261 §20.42).
    #[must_use]
    pub fn via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// The value of a URI's `transport` parameter (RFC 3261 §19.1.1), in lower case.
    #[must_use]
    pub fn param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// Whether the transport itself delivers, so that nothing is repeated by us.
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Reads the word of a configuration or a store row: `udp`, `tcp`, `tls` in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "udp" => Some(Self::Udp),
            "tcp" => Some(Self::Tcp),
            "tls" => Some(Self::Tls),
            _ => None,
        }
    }
}

/// One way to one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// How packets travel.
    pub transport: Transport,
    /// Our address, as the packet was addressed to (never the wildcard address).
    pub local: SocketAddr,
    /// The peer's address, as the packet was really sent from.
    pub remote: SocketAddr,
    /// The connection of a stream; 0 for UDP.
    pub connection: u64,
}

impl Flow {
    /// A UDP flow.
    #[must_use]
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport: Transport::Udp, local, remote, connection: 0 }
    }
}
