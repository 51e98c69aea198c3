//! From whom an RTP port takes packets, and where it sends: the answer to "RTP bleed" and to phones behind NAT.
//!
//! A public negotiated address that is also the signalling address is the only source. Otherwise (private, or another
//! machine than the one that signals) the negotiated address and port count too, and so does any port of the signalling
//! address once it has shown packets in sequence. The first to prove itself is the source; only [`Lock::renegotiate`] (a
//! re-INVITE) opens the question again. RTCP follows RTP's address and never moves it.

use crate::limits::MAX_UNPROVEN_PACKETS;
use crate::plane::LockRule;
use crate::rtp::Header;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// After a re-INVITE that names another address, packets still under way from the old one do not prove anything.
const STRAGGLERS: Duration = Duration::from_millis(500);
/// Sources that may try to prove themselves at the same time.
const CANDIDATES: usize = 4;
/// How far sequence numbers of two packets that prove a source may be apart: 1 is next, some loss is allowed.
const NEAR: u16 = 4;

/// What to do with an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is from the source.
    Accept,
    /// It is the packet by which its sender became the source.
    Proved,
    /// It may become the source, but one packet is not enough.
    Probation,
    /// Drop it.
    WrongSource,
}

/// A source on probation.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
}

/// The source lock of one port.
#[derive(Debug, Clone)]
pub struct Lock {
    negotiated: SocketAddr,
    negotiated_rtcp: SocketAddr,
    signalling: IpAddr,
    rule: LockRule,
    source: Option<SocketAddr>,
    source_rtcp: Option<SocketAddr>,
    /// Whether the source may still change: from a negotiation to the first packet after it.
    open: bool,
    candidates: [Option<Candidate>; CANDIDATES],
    next_candidate: usize,
    /// The source before a re-INVITE named another address.
    stragglers: Option<(SocketAddr, Instant)>,
    unproven: u32,
}

fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
}

/// Addresses that mean something only inside somebody's network, or nothing at all.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || a == 0 || (a == 100 && b & 0xC0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Somewhere a packet to one party can go.
fn is_target(to: SocketAddr) -> bool {
    let ip = to.ip().to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    to.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

impl Lock {
    /// Nothing has come yet.
    pub fn new(negotiated: SocketAddr, negotiated_rtcp: SocketAddr, signalling: IpAddr, rule: LockRule) -> Lock {
        Lock {
            negotiated,
            negotiated_rtcp,
            signalling,
            rule,
            source: None,
            source_rtcp: None,
            open: true,
            candidates: [None; CANDIDATES],
            next_candidate: 0,
            stragglers: None,
            unproven: 0,
        }
    }

    /// A re-INVITE was settled. The source may move once; until it does, the old one stays good if its address was confirmed.
    pub fn renegotiate(
        &mut self,
        now: Instant,
        negotiated: SocketAddr,
        negotiated_rtcp: SocketAddr,
        signalling: IpAddr,
        rule: LockRule,
    ) {
        self.signalling = signalling;
        self.rule = rule;
        self.open = true;
        self.candidates = [None; CANDIDATES];
        // Old-style hold names no address: whoever was the source still is.
        if negotiated.ip().is_unspecified() || same(negotiated, self.negotiated) {
            return;
        }
        self.stragglers = self.source.take().map(|old| (old, now + STRAGGLERS));
        self.source_rtcp = None;
        self.negotiated = negotiated;
        self.negotiated_rtcp = negotiated_rtcp;
        self.unproven = 0;
    }

    /// Whether the signalling address counts as a source beside the negotiated one.
    fn follows(&self) -> bool {
        self.rule == LockRule::Follow
            && (is_private(self.negotiated.ip())
                || self.negotiated.ip().to_canonical() != self.signalling.to_canonical())
    }

    /// Judges an RTP packet whose form and payload type are good.
    #[inline]
    pub fn rtp(&mut self, now: Instant, from: SocketAddr, header: &Header) -> Verdict {
        if let Some(source) = self.source
            && same(source, from)
        {
            self.open = false;
            return Verdict::Accept;
        }
        if !self.open {
            return Verdict::WrongSource;
        }
        if same(self.negotiated, from) {
            return self.prove(from);
        }
        if !self.follows() || from.ip().to_canonical() != self.signalling.to_canonical() {
            return Verdict::WrongSource;
        }
        if let Some((old, until)) = self.stragglers
            && same(old, from)
            && now < until
        {
            return Verdict::WrongSource;
        }
        self.probation(from, header)
    }

    fn probation(&mut self, from: SocketAddr, header: &Header) -> Verdict {
        let known = self.candidates.iter_mut().flatten().find(|known| same(known.from, from));
        if let Some(candidate) = known {
            let step = header.sequence.wrapping_sub(candidate.sequence);
            let proved = candidate.ssrc == header.ssrc && (1..=NEAR).contains(&step);
            candidate.ssrc = header.ssrc;
            candidate.sequence = header.sequence;
            return if proved { self.prove(from) } else { Verdict::Probation };
        }
        if let Some(slot) = self.candidates.get_mut(self.next_candidate) {
            *slot = Some(Candidate { from, ssrc: header.ssrc, sequence: header.sequence });
        }
        self.next_candidate = (self.next_candidate + 1) % CANDIDATES;
        Verdict::Probation
    }

    fn prove(&mut self, from: SocketAddr) -> Verdict {
        if self.source.is_some_and(|old| old.ip() != from.ip()) {
            self.source_rtcp = None;
        }
        self.source = Some(from);
        self.open = false;
        self.stragglers = None;
        self.candidates = [None; CANDIDATES];
        Verdict::Proved
    }

    /// Whether an RTCP packet is from the right machine: the negotiated address of reports or, once RTP has proved its
    /// source, the first port of that source's address.
    pub fn rtcp(&mut self, from: SocketAddr) -> bool {
        if let Some(source) = self.source_rtcp {
            return same(source, from);
        }
        let negotiated = same(self.negotiated_rtcp, from);
        let beside = self.source.is_some_and(|source| source.ip().to_canonical() == from.ip().to_canonical());
        let good = match self.source {
            Some(_) => beside || (negotiated && self.negotiated_rtcp.ip() != self.negotiated.ip()),
            None => negotiated,
        };
        if good && self.source.is_some() {
            self.source_rtcp = Some(from);
        }
        good
    }

    /// The proved source.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// Where RTP goes: to the source; before there is one, to the negotiated address, or if that is none that we can reach,
    /// to its port at the signalling address.
    #[inline]
    pub fn target(&self) -> Option<SocketAddr> {
        self.source.or_else(|| Some(self.reachable(self.negotiated)).filter(|to| is_target(*to)))
    }

    /// Where reports go.
    pub fn rtcp_target(&self) -> Option<SocketAddr> {
        let to = match (self.source_rtcp, self.source) {
            (Some(proved), _) => proved,
            (None, Some(source)) if source.ip() != self.negotiated.ip() => {
                SocketAddr::new(source.ip(), self.negotiated_rtcp.port())
            }
            (None, _) => self.reachable(self.negotiated_rtcp),
        };
        Some(to).filter(|to| is_target(*to))
    }

    /// A private address of a peer that is not in our network, or our own loopback, is not where the peer is.
    fn reachable(&self, to: SocketAddr) -> SocketAddr {
        let unreachable = to.ip().is_unspecified()
            || (is_private(to.ip()) && !is_private(self.signalling))
            || (to.ip().to_canonical().is_loopback() && !self.signalling.to_canonical().is_loopback());
        if unreachable && self.rule == LockRule::Follow { SocketAddr::new(self.signalling, to.port()) } else { to }
    }

    /// Counts a packet that is to be sent now; `false` when it must not be, because the address is unproven and had enough.
    #[inline]
    pub fn may_send(&mut self) -> bool {
        if self.source.is_some() {
            return true;
        }
        // The signalling address has proved that it exists by its part in the handshake.
        if self.target().is_some_and(|to| to.ip().to_canonical() == self.signalling.to_canonical()) {
            return true;
        }
        self.unproven = self.unproven.saturating_add(1);
        self.unproven <= MAX_UNPROVEN_PACKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Accept, Probation, Proved, WrongSource};

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn lock(negotiated: &str, signalling: &str) -> Lock {
        let negotiated = at(negotiated);
        let rtcp = SocketAddr::new(negotiated.ip(), negotiated.port() + 1);
        Lock::new(negotiated, rtcp, signalling.parse().unwrap(), LockRule::Follow)
    }

    fn packet(lock: &mut Lock, from: &str, sequence: u16) -> Verdict {
        later(lock, from, sequence, Instant::now())
    }

    fn later(lock: &mut Lock, from: &str, sequence: u16, now: Instant) -> Verdict {
        let header = Header { marker: false, payload_type: 0, sequence, timestamp: 0, ssrc: 9 };
        lock.rtp(now, at(from), &header)
    }

    fn move_to(lock: &mut Lock, now: Instant, negotiated: &str, signalling: &str) {
        let negotiated = at(negotiated);
        let rtcp = SocketAddr::new(negotiated.ip(), negotiated.port() + 1);
        lock.renegotiate(now, negotiated, rtcp, signalling.parse().unwrap(), LockRule::Follow);
    }

    #[test]
    fn a_public_address_that_signals_too_is_the_only_source() {
        let mut lock = lock("198.51.100.7:4000", "198.51.100.7");
        assert_eq!(packet(&mut lock, "203.0.113.66:4000", 1), WrongSource);
        assert_eq!(packet(&mut lock, "198.51.100.7:4002", 1), WrongSource);
        assert_eq!(packet(&mut lock, "198.51.100.7:4002", 2), WrongSource);
        assert_eq!(packet(&mut lock, "198.51.100.7:4000", 1), Proved);
        assert_eq!(packet(&mut lock, "198.51.100.7:4000", 2), Accept);
        assert_eq!(packet(&mut lock, "203.0.113.66:4000", 3), WrongSource);
    }

    #[test]
    fn behind_nat_the_first_port_of_the_signalling_address_with_two_packets_in_sequence_wins() {
        let mut lock = lock("192.168.1.20:4000", "203.0.113.5");
        assert_eq!(lock.target(), Some(at("203.0.113.5:4000")));
        assert_eq!(packet(&mut lock, "198.51.100.66:31000", 1), WrongSource);
        assert_eq!(packet(&mut lock, "198.51.100.66:31000", 2), WrongSource);
        assert_eq!(packet(&mut lock, "203.0.113.5:31000", 10), Probation);
        assert_eq!(packet(&mut lock, "203.0.113.5:31000", 500), Probation);
        assert_eq!(packet(&mut lock, "203.0.113.5:31000", 501), Proved);
        assert_eq!(packet(&mut lock, "203.0.113.5:31002", 502), WrongSource);
        assert_eq!(packet(&mut lock, "203.0.113.5:31002", 503), WrongSource);
        assert_eq!(lock.target(), Some(at("203.0.113.5:31000")));
    }

    #[test]
    fn a_flood_of_candidates_does_not_hinder_the_right_one() {
        let mut lock = lock("192.168.1.20:4000", "203.0.113.5");
        for port in 1..200 {
            packet(&mut lock, &format!("203.0.113.5:{port}"), 7);
        }
        assert_eq!(packet(&mut lock, "203.0.113.5:31000", 1), Probation);
        assert_eq!(packet(&mut lock, "203.0.113.5:31000", 2), Proved);
    }

    #[test]
    fn a_trunk_with_a_media_gateway_elsewhere_is_taken_at_its_word() {
        let mut lock = lock("198.51.100.9:6000", "198.51.100.7");
        assert_eq!(lock.target(), Some(at("198.51.100.9:6000")));
        assert_eq!(packet(&mut lock, "198.51.100.9:6000", 1), Proved);
        assert_eq!(packet(&mut lock, "198.51.100.7:6000", 1), WrongSource);
    }

    #[test]
    fn a_phone_on_the_same_network_may_use_another_port() {
        let mut lock = lock("127.0.0.5:4000", "127.0.0.5");
        assert_eq!(lock.target(), Some(at("127.0.0.5:4000")));
        assert_eq!(packet(&mut lock, "127.0.0.5:4010", 1), Probation);
        assert_eq!(packet(&mut lock, "127.0.0.5:4010", 2), Proved);
    }

    #[test]
    fn strict_takes_no_other_port() {
        let to = at("192.168.1.20:4000");
        let mut lock = Lock::new(to, to, to.ip(), LockRule::Strict);
        assert_eq!(packet(&mut lock, "192.168.1.20:4010", 1), WrongSource);
        assert_eq!(packet(&mut lock, "192.168.1.20:4010", 2), WrongSource);
        assert_eq!(packet(&mut lock, "192.168.1.20:4000", 3), Proved);
    }

    #[test]
    fn only_a_re_invite_moves_the_source() {
        let now = Instant::now();
        let mut lock = lock("192.168.1.20:4000", "203.0.113.5");
        packet(&mut lock, "203.0.113.5:31000", 1);
        assert_eq!(packet(&mut lock, "203.0.113.5:31000", 2), Proved);
        assert_eq!(packet(&mut lock, "203.0.113.5:40000", 3), WrongSource);
        move_to(&mut lock, now, "192.168.1.20:4000", "203.0.113.5");
        assert_eq!(lock.target(), Some(at("203.0.113.5:31000")), "kept until another proves itself");
        assert_eq!(later(&mut lock, "203.0.113.5:40000", 1, now), Probation);
        assert_eq!(later(&mut lock, "203.0.113.5:40000", 2, now), Proved);
        assert_eq!(later(&mut lock, "203.0.113.5:31000", 3, now), WrongSource);
        // The old source speaks first: it stays, and the door closes.
        move_to(&mut lock, now, "192.168.1.20:4000", "203.0.113.5");
        assert_eq!(later(&mut lock, "203.0.113.5:40000", 4, now), Accept);
        assert_eq!(later(&mut lock, "203.0.113.5:50000", 1, now), WrongSource);
    }

    #[test]
    fn stragglers_of_the_old_address_do_not_take_the_new_lock() {
        let now = Instant::now();
        let mut lock = lock("192.168.1.20:4000", "203.0.113.5");
        packet(&mut lock, "203.0.113.5:31000", 1);
        packet(&mut lock, "203.0.113.5:31000", 2);
        move_to(&mut lock, now, "192.168.1.20:4100", "203.0.113.5");
        assert_eq!(later(&mut lock, "203.0.113.5:31000", 3, now), WrongSource);
        assert_eq!(later(&mut lock, "203.0.113.5:31000", 4, now), WrongSource);
        assert_eq!(later(&mut lock, "203.0.113.5:31100", 1, now), Probation);
        assert_eq!(later(&mut lock, "203.0.113.5:31100", 2, now), Proved);
        // A NAT that kept the port: the same source is good again a moment later.
        move_to(&mut lock, now, "192.168.1.20:4200", "203.0.113.5");
        let after = now + STRAGGLERS;
        assert_eq!(later(&mut lock, "203.0.113.5:31100", 5, after), Probation);
        assert_eq!(later(&mut lock, "203.0.113.5:31100", 6, after), Proved);
    }

    #[test]
    fn old_style_hold_keeps_the_source() {
        let now = Instant::now();
        let mut lock = lock("198.51.100.7:4000", "198.51.100.7");
        assert_eq!(packet(&mut lock, "198.51.100.7:4000", 1), Proved);
        move_to(&mut lock, now, "0.0.0.0:4000", "198.51.100.7");
        assert_eq!(packet(&mut lock, "198.51.100.7:4000", 2), Accept);
        assert_eq!(packet(&mut lock, "203.0.113.66:4000", 2), WrongSource);
    }

    #[test]
    fn reports_follow_the_source_and_never_move_it() {
        let mut lock = lock("192.168.1.20:4000", "203.0.113.5");
        assert!(!lock.rtcp(at("203.0.113.5:31001")));
        assert!(!lock.rtcp(at("198.51.100.66:31001")));
        packet(&mut lock, "203.0.113.5:31000", 1);
        packet(&mut lock, "203.0.113.5:31000", 2);
        assert!(!lock.rtcp(at("198.51.100.66:31001")));
        assert!(lock.rtcp(at("203.0.113.5:31001")));
        assert!(!lock.rtcp(at("203.0.113.5:31003")));
        assert_eq!(lock.rtcp_target(), Some(at("203.0.113.5:31001")));
        assert_eq!(lock.source(), Some(at("203.0.113.5:31000")));
    }

    #[test]
    fn a_victim_named_in_a_description_gets_ten_seconds_at_most() {
        let mut lock = lock("198.51.100.200:53", "203.0.113.5");
        let sent = (0..10_000).filter(|_| lock.may_send()).count();
        assert_eq!(sent, MAX_UNPROVEN_PACKETS as usize);
        // A re-INVITE that names the same victim does not start the count again.
        move_to(&mut lock, Instant::now(), "198.51.100.200:53", "203.0.113.5");
        assert!(!lock.may_send());
        // The real one speaks: no limit.
        packet(&mut lock, "203.0.113.5:31000", 1);
        packet(&mut lock, "203.0.113.5:31000", 2);
        assert!((0..10_000).all(|_| lock.may_send()));
    }

    #[test]
    fn nothing_goes_to_our_own_loopback_to_multicast_or_nowhere() {
        assert_eq!(lock("127.0.0.1:5038", "203.0.113.5").target(), Some(at("203.0.113.5:5038")));
        assert_eq!(lock("127.0.0.1:5038", "192.168.1.9").target(), Some(at("192.168.1.9:5038")));
        assert_eq!(lock("224.0.1.75:5060", "203.0.113.5").target(), None);
        assert_eq!(lock("255.255.255.255:5060", "203.0.113.5").target(), None);
        assert_eq!(lock("198.51.100.7:0", "198.51.100.7").target(), None);
    }

    #[test]
    fn mapped_addresses_are_the_same_address() {
        let mut lock = lock("198.51.100.7:4000", "198.51.100.7");
        assert_eq!(packet(&mut lock, "[::ffff:198.51.100.7]:4000", 1), Proved);
        assert_eq!(packet(&mut lock, "198.51.100.7:4000", 2), Accept);
    }
}
