//! Which RTP port a leg gets: an even one and the odd one above it (RFC 3550 §11), taken in turn so that packets of a call that ended do not
//! reach the next one.

use crate::limits::{RTP_PORT_TRIES, RTP_SOCKET_BUFFER};
use crate::net::address::toward;
use crate::net::bind::datagram;
use pbx::config::Network;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

/// A bound pair of sockets.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The even port; names the pair.
    pub(crate) number: u16,
    /// RTP.
    pub(crate) rtp: UdpSocket,
    /// RTCP.
    pub(crate) rtcp: UdpSocket,
    /// What the peer is told.
    pub(crate) shown: SocketAddr,
}

/// The ports of the exchange, and what addresses peers are told.
#[derive(Debug)]
pub(crate) struct Ports {
    address: IpAddr,
    first: u16,
    pairs: u16,
    next: u16,
    used: HashSet<u16>,
    public: Option<IpAddr>,
    local: Vec<Network>,
}

impl Ports {
    /// Pairs within `range`, bound to `address` (or, if that is unspecified, to the address a peer is reached from).
    pub(crate) fn new(address: IpAddr, range: &RangeInclusive<u16>, random: u16) -> Self {
        let mut ports = Self {
            address,
            first: 0,
            pairs: 0,
            next: 0,
            used: HashSet::new(),
            public: None,
            local: Network::PRIVATE.to_vec(),
        };
        ports.set_range(address, range);
        ports.next = random.checked_rem(ports.pairs).unwrap_or(0);
        ports
    }

    /// From the next pair on, use this range.
    pub(crate) fn set_range(&mut self, address: IpAddr, range: &RangeInclusive<u16>) {
        self.address = address;
        self.first = range.start().saturating_add(range.start() % 2);
        self.pairs = (u32::from(range.end().saturating_sub(self.first)) + 1)
            .checked_div(2)
            .and_then(|pairs| u16::try_from(pairs).ok())
            .unwrap_or(0);
        self.next = 0;
    }

    /// Peers outside the `local` networks are told `public`.
    pub(crate) fn set_public(&mut self, public: Option<IpAddr>, local: Vec<Network>) {
        self.public = public;
        self.local = if local.is_empty() { Network::PRIVATE.to_vec() } else { local };
    }

    /// Pairs in use.
    pub(crate) fn used(&self) -> usize {
        self.used.len()
    }

    /// Binds the next free pair.
    pub(crate) fn take(&mut self, peer: IpAddr) -> Result<Pair, String> {
        let fits = !self.address.is_unspecified() && self.address.is_ipv4() == peer.is_ipv4();
        let ip = if fits {
            self.address
        } else {
            toward(peer).map_err(|error| format!("no address of ours reaches {peer}: {error}"))?
        };
        if self.used.len() >= usize::from(self.pairs) {
            return Err(format!("all {} pairs of RTP ports are in use: widen [media] ports", self.pairs));
        }
        let mut tries = 0;
        let mut last = None;
        for _ in 0..self.pairs {
            let number = self.first + self.next * 2;
            self.next = (self.next + 1) % self.pairs;
            if self.used.contains(&number) {
                continue;
            }
            match bind(ip, number) {
                Ok((rtp, rtcp)) => {
                    self.used.insert(number);
                    let shown = SocketAddr::new(self.shown(ip, peer), number);
                    return Ok(Pair { number, rtp, rtcp, shown });
                }
                Err(error) => last = Some(error),
            }
            tries += 1;
            if tries >= RTP_PORT_TRIES {
                break;
            }
        }
        Err(match last {
            Some(error) => format!("no pair of RTP ports could be bound on {ip}: {error}"),
            None => "no pair of RTP ports is free".to_owned(),
        })
    }

    /// A pair is closed.
    pub(crate) fn give_back(&mut self, number: u16) {
        self.used.remove(&number);
    }

    fn shown(&self, ip: IpAddr, peer: IpAddr) -> IpAddr {
        match self.public {
            Some(public) if public.is_ipv4() == ip.is_ipv4() && !self.local.iter().any(|net| net.contains(peer)) => {
                public
            }
            _ => ip,
        }
    }
}

fn bind(ip: IpAddr, number: u16) -> std::io::Result<(UdpSocket, UdpSocket)> {
    let rtp = datagram(SocketAddr::new(ip, number), RTP_SOCKET_BUFFER)?;
    let rtcp = datagram(SocketAddr::new(ip, number.saturating_add(1)), RTP_SOCKET_BUFFER)?;
    Ok((rtp, rtcp))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// A range with three pairs that is free at the moment.
    fn three() -> Ports {
        let probe = UdpSocket::bind((LOOP, 0)).unwrap();
        let first = probe.local_addr().unwrap().port() / 2 * 2 - 8;
        Ports::new(LOOP, &(first..=first + 5), 1)
    }

    #[test]
    fn pairs_are_even_and_bounded_and_come_back() {
        let mut ports = three();
        let pairs: Vec<Pair> = (0..3).map(|_| ports.take(LOOP).unwrap()).collect();
        assert!(pairs.iter().all(|pair| pair.number % 2 == 0 && pair.shown.port() == pair.number));
        assert!(ports.take(LOOP).unwrap_err().contains("all 3 pairs"));
        for pair in pairs {
            let number = pair.number;
            drop(pair);
            ports.give_back(number);
        }
        assert_eq!(ports.used(), 0);
        assert!(ports.take(LOOP).is_ok());
    }

    #[test]
    fn peers_outside_are_told_the_public_address() {
        let mut ports = three();
        let public: IpAddr = "203.0.113.5".parse().unwrap();
        ports.set_public(Some(public), Vec::new());
        assert_eq!(ports.take(LOOP).unwrap().shown.ip(), LOOP);
        assert_eq!(ports.take("198.51.100.1".parse().unwrap()).unwrap().shown.ip(), public);
    }
}
