//! Where trunks are: their names looked up, and our own address toward them chosen. Looked up again now and then, for names move.

use crate::net::address;
use pbx::config::{Config, Transport, Trunk, TrunkKind};
use pbx::exchange::Exchange;
use pbx::phones::{Phones, TrunkWay};
use sip::Flow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How often names are looked up again.
const AGAIN: Duration = Duration::from_secs(300);

/// One look-up may take this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// The sockets that calls can leave from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locals {
    /// Datagram sockets.
    pub(crate) udp: Vec<SocketAddr>,
}

/// Keeps the ways to trunks up to date until the task is dropped; `changed` asks for it at once.
pub(crate) async fn keep(exchange: Arc<Exchange>, phones: Arc<Phones>, locals: Locals, changed: Arc<Notify>) {
    loop {
        let config = Arc::clone(&exchange.snapshot.load().config);
        let ways = ways(&config, &locals).await;
        phones.set_trunks(ways);
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = changed.notified() => {}
        }
    }
}

/// The ways to all trunks that can be found.
pub(crate) async fn ways(config: &Config, locals: &Locals) -> BTreeMap<String, TrunkWay> {
    let mut ways = BTreeMap::new();
    for (name, trunk) in &config.trunks {
        if trunk.kind == TrunkKind::Register {
            tracing::warn!(
                trunk = name,
                "this version does not register at trunks: calls go to it and come from it by its address alone"
            );
        }
        match way(trunk, locals).await {
            Ok(way) => {
                ways.insert(name.clone(), way);
            }
            Err(error) => tracing::warn!(trunk = name, error, "the trunk cannot be reached: calls over it fail"),
        }
    }
    ways
}

async fn way(trunk: &Trunk, locals: &Locals) -> Result<TrunkWay, String> {
    let addresses = look_up(&trunk.host, trunk.port).await?;
    let (host, port) = match &trunk.outbound_proxy {
        Some(proxy) => split(proxy, trunk.port),
        None => (trunk.host.as_str(), trunk.port),
    };
    let next = look_up(host, port).await?;
    let remote = next
        .iter()
        .copied()
        .find(|remote| local(*remote, locals).is_some())
        .ok_or("none of our addresses can send to it")?;
    let local = local(remote, locals).ok_or("none of our addresses can send to it")?;
    let transport = match trunk.transport {
        Transport::Udp => sip::Transport::Udp,
        Transport::Tcp => sip::Transport::Tcp,
        Transport::Tls => return Err("this version speaks no TLS".to_owned()),
    };
    let mut from: Vec<IpAddr> = addresses.iter().chain(&next).map(|address| address.ip().to_canonical()).collect();
    from.sort();
    from.dedup();
    Ok(TrunkWay {
        trunk: trunk.clone(),
        flow: Flow { transport, local, remote, connection: 0 },
        addresses: from,
        credentials: None,
    })
}

fn split(host: &str, usual: u16) -> (&str, u16) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port.parse().unwrap_or(usual)),
        _ => (host, usual),
    }
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((bare, port)))
        .await
        .map_err(|_| format!("looking {host} up took too long"))?
        .map_err(|error| format!("{host} cannot be found: {error}"))?;
    let found: Vec<SocketAddr> = found.take(16).collect();
    if found.is_empty() { Err(format!("{host} has no address")) } else { Ok(found) }
}

/// The socket of ours, with the address its packets will carry, that sends to `remote`.
fn local(remote: SocketAddr, locals: &Locals) -> Option<SocketAddr> {
    let ours = address::toward(remote.ip()).ok()?;
    let same = |local: &&SocketAddr| local.is_ipv4() == remote.is_ipv4();
    let exact = locals.udp.iter().find(|local| local.ip() == ours);
    let any = locals.udp.iter().filter(same).find(|local| local.ip().is_unspecified());
    let other = locals.udp.iter().find(same);
    exact.or(any).or(other).map(|local| {
        let ip = if local.ip().is_unspecified() { ours } else { local.ip() };
        SocketAddr::new(ip, local.port())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_leave_from_a_socket_that_reaches_the_trunk() {
        let locals = |list: &[&str]| Locals { udp: list.iter().map(|text| text.parse().unwrap()).collect() };
        let check = |remote: &str, list: &[&str], expected: Option<&str>| {
            let found = local(remote.parse().unwrap(), &locals(list)).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{remote} {list:?}");
        };
        check("127.0.0.9:5060", &["[::]:5060", "0.0.0.0:5062"], Some("127.0.0.1:5062"));
        check("127.0.0.9:5060", &["127.0.0.5:5060", "127.0.0.1:5070"], Some("127.0.0.1:5070"));
        check("127.0.0.9:5060", &["127.0.0.5:5060"], Some("127.0.0.5:5060"));
        check("127.0.0.9:5060", &["[::1]:5060"], None);
    }
}
