//! Taking the ports the configuration names, all of them or none, before anything is created.

use crate::fault::{Fault, Outcome};
use crate::limits::SIP_SOCKET_BUFFER;
use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// The signalling sockets, bound and not yet read from.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// Datagram sockets.
    pub(crate) udp: Vec<UdpSocket>,
    /// Listening stream sockets.
    pub(crate) tcp: Vec<TcpListener>,
    /// Listening stream sockets for TLS.
    pub(crate) tls: Vec<TcpListener>,
    /// Addresses that this machine cannot have, and that nobody asked for by name.
    pub(crate) skipped: Vec<String>,
}

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The address and port; port 0 lets the system choose.
    pub(crate) at: SocketAddr,
    /// Somebody wrote it down: then it must work. Otherwise a machine without IPv6 goes on without.
    pub(crate) named: bool,
}

/// Binds everything wanted, or says which port is taken and by whom as far as the system tells.
pub(crate) fn signalling(udp: &[Wanted], tcp: &[Wanted], tls: &[Wanted]) -> Outcome<Bound> {
    let mut bound = Bound::default();
    for wanted in udp {
        match datagram(wanted.at, SIP_SOCKET_BUFFER) {
            Ok(socket) => bound.udp.push(socket),
            Err(error) if may_skip(wanted, &error) => bound.skipped.push(format!("udp {}", wanted.at)),
            Err(error) => return Err(taken("udp", wanted.at, &error)),
        }
    }
    for (name, list, sockets) in [("tcp", tcp, &mut bound.tcp), ("tls", tls, &mut bound.tls)] {
        for wanted in list {
            match listener(wanted.at) {
                Ok(socket) => sockets.push(socket),
                Err(error) if may_skip(wanted, &error) => bound.skipped.push(format!("{name} {}", wanted.at)),
                Err(error) => return Err(taken(name, wanted.at, &error)),
            }
        }
    }
    if bound.udp.is_empty() && bound.tcp.is_empty() && bound.tls.is_empty() {
        return Err(Fault::failed("there is no address to listen on for calls")
            .repair("name one in tollgate.toml: [sip] udp = [\"0.0.0.0:5060\"]"));
    }
    Ok(bound)
}

fn may_skip(wanted: &Wanted, error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own.
    let no_family = error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    !wanted.named && wanted.at.is_ipv6() && (no_family || error.kind() == io::ErrorKind::AddrNotAvailable)
}

/// A bound datagram socket with room for a burst.
pub(crate) fn datagram(at: SocketAddr, buffer: usize) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    if at.is_ipv6() {
        // Each family has its own socket, so that an IPv4 peer never shows as ::ffff:….
        socket.set_only_v6(true)?;
    }
    // The kernel grants what it may; less is no reason not to start.
    let _ = socket.set_recv_buffer_size(buffer);
    let _ = socket.set_send_buffer_size(buffer);
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    Ok(socket.into())
}

/// Lets large SIP messages be fragmented, which QUIC would not: quinn-udp forbids it when it takes a socket.
pub(crate) fn allow_fragments(socket: &impl std::os::fd::AsFd, ipv6: bool) {
    let done = if ipv6 {
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::WANT)
    } else {
        sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::WANT)
    };
    if let Err(error) = done {
        tracing::debug!(%error, "the system does not let us choose how large datagrams are sent");
    }
}

fn listener(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of an earlier run may linger; this does not let two listeners share a port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(256)?;
    Ok(socket.into())
}

/// The fault for an address that cannot be had.
pub(crate) fn taken(transport: &str, at: SocketAddr, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let holder = holder(transport, at).map_or(String::new(), |who| format!(" by {who}"));
            Fault::failed(format!("{transport} port {} on {} is already in use{holder}", at.port(), at.ip()))
                .repair("stop the other program, or choose another port in tollgate.toml ([sip] udp = …, tcp = …; [portal] listen = …)")
        }
        io::ErrorKind::PermissionDenied => {
            Fault::failed(format!("the system does not let us use {transport} port {} on {}", at.port(), at.ip()))
                .repair("ports below 1024 need the right CAP_NET_BIND_SERVICE; choose one above")
        }
        io::ErrorKind::AddrNotAvailable => {
            Fault::failed(format!("this machine has no address {} ({transport} port {})", at.ip(), at.port()))
                .repair("correct the address in tollgate.toml, or use 0.0.0.0 for all of this machine's")
        }
        _ => Fault::failed(format!("cannot listen on {transport} {at}: {error}")),
    }
}

/// The program that holds a port, as far as /proc lets us see.
fn holder(transport: &str, at: SocketAddr) -> Option<String> {
    let transport = if transport == "tls" { "tcp" } else { transport };
    let inodes: Vec<String> = [transport.to_owned(), format!("{transport}6")]
        .iter()
        .filter_map(|table| std::fs::read_to_string(format!("/proc/net/{table}")).ok())
        .flat_map(|table| inodes_on_port(&table, at.port()))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        for file in files.flatten() {
            let Ok(link) = std::fs::read_link(file.path()) else {
                continue;
            };
            let link = link.to_string_lossy();
            if inodes.iter().any(|inode| link == format!("socket:[{inode}]")) {
                let comm = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                return Some(format!("{} (process {name})", comm.trim()));
            }
        }
    }
    None
}

/// Inodes of the sockets on `port` in a table of /proc/net.
fn inodes_on_port(table: &str, port: u16) -> Vec<String> {
    let ending = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let local = words.nth(1)?;
            let inode = words.nth(7)?;
            (local.ends_with(&ending) && inode != "0").then(|| inode.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_holder() {
        let first = datagram("127.0.0.1:0".parse().unwrap(), 4096).unwrap();
        let at = first.local_addr().unwrap();
        let wanted = Wanted { at, named: true };
        let fault = signalling(&[wanted], &[], &[]).unwrap_err();
        assert!(fault.message.contains(&at.port().to_string()), "{fault}");
        assert!(fault.message.contains(&format!("process {}", std::process::id())), "{fault}");
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        let wanted = Wanted { at: "192.0.2.1:5060".parse().unwrap(), named: true };
        assert!(signalling(&[], &[wanted], &[]).unwrap_err().message.contains("no address 192.0.2.1"));
    }
}
