//! Datagrams in and out, each with the address of ours that it came to or leaves from: a peer hears back from the address it spoke to.

use crate::limits::{DATAGRAM_BUFFER, DATAGRAM_BURST};
use crate::net::bind::allow_fragments;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Buffers handed to the kernel at once.
const BATCH: usize = 8;

/// One datagram socket.
#[derive(Debug)]
pub(crate) struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    bound: SocketAddr,
}

/// All datagram sockets of the exchange and the buffers they share.
#[derive(Debug)]
pub(crate) struct Ports {
    ports: Vec<Port>,
    buffer: Vec<u8>,
    /// The socket whose turn is next.
    turn: usize,
    /// Datagrams that could not be sent, since the start.
    pub(crate) unsent: u64,
}

impl Ports {
    /// Takes bound sockets over. Must be called inside the runtime.
    pub(crate) fn new(sockets: Vec<std::net::UdpSocket>) -> io::Result<Self> {
        let mut ports = Vec::with_capacity(sockets.len());
        for socket in sockets {
            let bound = socket.local_addr()?;
            let state = UdpSocketState::new((&socket).into())?;
            allow_fragments(&socket, bound.is_ipv6());
            ports.push(Port { socket: UdpSocket::from_std(socket)?, state, bound });
        }
        Ok(Self { ports, buffer: vec![0; BATCH * DATAGRAM_BUFFER], turn: 0, unsent: 0 })
    }

    /// Hands every waiting datagram to `each(local, remote, bytes)`, at most [`DATAGRAM_BURST`] of each socket.
    /// Ready when there was at least one; otherwise the task is woken when there is.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        each: &mut dyn FnMut(SocketAddr, SocketAddr, &[u8]),
    ) -> Poll<()> {
        let Self { ports, buffer, turn, .. } = self;
        let count = ports.len();
        let mut any = false;
        for step in 0..count {
            let Some(port) = ports.get((*turn + step) % count) else {
                continue;
            };
            let mut taken = 0;
            while taken < DATAGRAM_BURST && port.socket.poll_recv_ready(cx).is_ready() {
                let mut slices = slices(buffer);
                let mut metas = [RecvMeta::default(); BATCH];
                let received = port
                    .socket
                    .try_io(Interest::READABLE, || port.state.recv((&port.socket).into(), &mut slices, &mut metas));
                match received {
                    Ok(number) => {
                        for (meta, slice) in metas.iter().zip(slices.iter()).take(number) {
                            taken += deliver(port.bound, meta, slice, each);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => {
                        // ICMP errors of earlier datagrams come back here; the next read goes on.
                        tracing::trace!(%error, "reading a datagram");
                        taken += 1;
                    }
                }
            }
            any |= taken > 0;
        }
        *turn = turn.wrapping_add(1) % count.max(1);
        if any { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Sends a datagram from `local` to `remote`. What the system cannot take now is dropped and counted; SIP retransmits.
    pub(crate) fn send(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let fits = |port: &&Port| {
            port.bound == local
                || (port.bound.port() == local.port()
                    && port.bound.ip().is_unspecified()
                    && port.bound.is_ipv4() == local.is_ipv4())
        };
        let Some(port) = self.ports.iter().find(fits) else {
            self.unsent += 1;
            tracing::warn!(%local, "no socket of ours has this address any more");
            return;
        };
        let src_ip = (!local.ip().is_unspecified()).then(|| local.ip());
        let transmit = Transmit { destination: remote, ecn: None, contents: bytes, segment_size: None, src_ip };
        if let Err(error) = port.state.try_send((&port.socket).into(), &transmit) {
            self.unsent += 1;
            tracing::debug!(%error, %remote, "a datagram was not sent");
        }
    }
}

fn slices(buffer: &mut [u8]) -> [IoSliceMut<'_>; BATCH] {
    let mut chunks = buffer.chunks_mut(DATAGRAM_BUFFER);
    std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()))
}

/// Splits a run of datagrams that the kernel put together; returns how many there were.
fn deliver(
    bound: SocketAddr,
    meta: &RecvMeta,
    slice: &[u8],
    each: &mut dyn FnMut(SocketAddr, SocketAddr, &[u8]),
) -> usize {
    let ip: IpAddr = meta.dst_ip.unwrap_or(bound.ip());
    // An answer cannot leave from a group's address, so nothing that came to one is answered.
    let group = ip.is_multicast() || matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    let Some(run) = slice.get(..meta.len).filter(|_| !group) else {
        return 1;
    };
    let local = SocketAddr::new(ip, bound.port());
    let mut count = 0;
    for datagram in run.chunks(meta.stride.max(1)) {
        each(local, meta.addr, datagram);
        count += 1;
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::bind::datagram;
    use std::time::Duration;

    async fn next(ports: &mut Ports) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut got = Vec::new();
        let all = std::future::poll_fn(|cx| {
            ports.poll(cx, &mut |local, remote, bytes| got.push((local, remote, bytes.to_vec())))
        });
        tokio::time::timeout(Duration::from_secs(5), all).await.unwrap();
        got
    }

    #[tokio::test]
    async fn an_answer_leaves_from_the_address_that_was_asked() {
        let any = datagram("0.0.0.0:0".parse().unwrap(), 4096).unwrap();
        let port = any.local_addr().unwrap().port();
        let mut ports = Ports::new(vec![any]).unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        peer.send_to(b"hello", ("127.0.0.7", port)).unwrap();
        let got = next(&mut ports).await;
        let (local, remote, bytes) = got.first().unwrap();
        assert_eq!(bytes, b"hello");
        assert_eq!(local.to_string(), format!("127.0.0.7:{port}"));
        ports.send(*local, *remote, b"world");
        let mut buffer = [0; 64];
        let (length, from) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (&b"world"[..], *local));
    }

    #[tokio::test]
    async fn a_datagram_larger_than_a_frame_is_sent() {
        let mut ports = Ports::new(vec![datagram("127.0.0.1:0".parse().unwrap(), 1 << 20).unwrap()]).unwrap();
        let local = ports.ports.first().unwrap().bound;
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        ports.send(local, peer.local_addr().unwrap(), &[b'x'; 16_000]);
        let mut buffer = vec![0; 65_536];
        assert_eq!(peer.recv_from(&mut buffer).unwrap().0, 16_000);
    }
}
