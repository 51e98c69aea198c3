//! How trunks are reached: their names looked up, our own address toward them chosen, their secrets opened. Looked at again now and then, for
//! names move. What is done with it is `pbx::trunks::keeper`'s business.

use crate::home::Home;
use crate::home::vault::Vault;
use crate::net::address;
use crate::net::dns::locate::{Place, Way, locate};
use crate::net::dns::resolver::Resolver;
use crate::net::sip_io::Ask;
use crate::net::tcp::Line;
use crate::net::tls::{Peer, Trust};
use pbx::config::{Config, SecretRef, Sip, Transport, Trunk, TrunkKind};
use pbx::exchange::Exchange;
use pbx::trunks::TrunkWay;
use sip::{Credentials, Flow};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

/// How often names are looked up again.
const AGAIN: Duration = Duration::from_secs(300);

/// The same while one cannot be found.
const SOON: Duration = Duration::from_secs(20);

/// One trunk's look-ups together may take this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The sockets that calls can leave from, and that trunks are told to call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locals {
    /// Datagram sockets.
    pub(crate) udp: Vec<SocketAddr>,
    /// Stream sockets.
    pub(crate) tcp: Vec<SocketAddr>,
    /// Stream sockets for TLS.
    pub(crate) tls: Vec<SocketAddr>,
}

impl Locals {
    fn of(&self, transport: Transport) -> &[SocketAddr] {
        match transport {
            Transport::Udp => &self.udp,
            Transport::Tcp => &self.tcp,
            Transport::Tls => &self.tls,
        }
    }
}

/// Looks after the ways to trunks.
pub(crate) struct Roads {
    pub(crate) home: Home,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) store: Store,
    pub(crate) locals: Locals,
    pub(crate) signalling: mpsc::Sender<Ask>,
    /// Asks for it at once.
    pub(crate) changed: Arc<Notify>,
}

/// What is known of lines and names from one look to the next.
#[derive(Default)]
struct Memory {
    /// The number of each line, by all that makes it another one.
    numbers: HashMap<String, u64>,
    /// Lines numbered so far.
    count: u64,
    /// Where a trunk was found last: names that cannot be asked for at the moment have not moved.
    found: HashMap<String, (Trunk, Found)>,
}

impl Memory {
    fn number(&mut self, of: String) -> u64 {
        let count = &mut self.count;
        *self.numbers.entry(of).or_insert_with(|| {
            *count += 1;
            Line::FIRST + *count
        })
    }
}

impl Roads {
    /// Keeps the ways to trunks up to date until the task is dropped.
    pub(crate) async fn keep(self) {
        let mut memory = Memory::default();
        let mut asked: Option<(Vec<SocketAddr>, Arc<Resolver>)> = None;
        loop {
            let config = Arc::clone(&self.exchange.snapshot.load().config);
            let resolver = match &asked {
                Some((servers, resolver)) if *servers == config.sip.dns => Arc::clone(resolver),
                _ => Arc::new(Resolver::new(&config.sip.dns)),
            };
            asked = Some((config.sip.dns.clone(), Arc::clone(&resolver)));
            let all_found = self.look(&config, &resolver, &mut memory).await;
            tokio::select! {
                () = tokio::time::sleep(if all_found { AGAIN } else { SOON }) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Finds every trunk, all at the same time, and tells the signalling task.
    async fn look(&self, config: &Config, resolver: &Arc<Resolver>, memory: &mut Memory) -> bool {
        let mut searches = JoinSet::new();
        for (name, trunk) in &config.trunks {
            let (name, trunk, resolver) = (name.clone(), trunk.clone(), Arc::clone(resolver));
            searches.spawn(async move {
                let found = find(&trunk, &resolver).await;
                (name, found)
            });
        }
        let (mut ways, mut lines, mut all_found) = (BTreeMap::new(), Vec::new(), true);
        while let Some(search) = searches.join_next().await {
            let Ok((name, found)) = search else { continue };
            let Some(trunk) = config.trunks.get(&name) else { continue };
            all_found &= found.is_ok();
            let found = match found {
                Ok(found) => {
                    memory.found.insert(name.clone(), (trunk.clone(), found.clone()));
                    Ok(found)
                }
                Err(error) => match memory.found.get(&name) {
                    Some((then, found)) if then == trunk => Ok(found.clone()),
                    _ => Err(error),
                },
            };
            let secret = self.secret(trunk).await;
            let way = self.way(&name, trunk, &config.sip, found, secret, &mut lines, memory);
            ways.insert(name, way);
        }
        memory.found.retain(|name, _| config.trunks.contains_key(name));
        memory.numbers.retain(|_, number| lines.iter().any(|line| line.number == *number));
        let _ = self.signalling.send(Ask::Trunks { lines, ways }).await;
        all_found
    }

    /// The secret, if there is to be one.
    async fn secret(&self, trunk: &Trunk) -> Result<Option<Zeroizing<String>>, String> {
        match &trunk.secret {
            None => Ok(None),
            Some(SecretRef::Env(variable)) => match std::env::var(variable) {
                Ok(secret) if !secret.is_empty() => Ok(Some(Zeroizing::new(secret))),
                _ => Err(format!("its secret is not in the environment variable {variable}")),
            },
            Some(SecretRef::Store(name)) => {
                let sealed =
                    self.store.secret(name).await.map_err(|error| format!("its secret cannot be read: {error}"))?;
                let missing = || format!("its secret is not in the store: tollgate trunk secret {name}");
                let sealed = sealed.ok_or_else(missing)?;
                let vault = Vault::open(&self.home).map_err(|fault| fault.message)?;
                vault.unseal(name, &sealed).map(Some).map_err(|fault| fault.message)
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn way(
        &self,
        name: &str,
        trunk: &Trunk,
        sip: &Sip,
        found: Result<Found, String>,
        secret: Result<Option<Zeroizing<String>>, String>,
        lines: &mut Vec<Line>,
        memory: &mut Memory,
    ) -> TrunkWay {
        let mut way = TrunkWay {
            trunk: trunk.clone(),
            flows: Vec::new(),
            addresses: Vec::new(),
            credentials: None,
            trouble: None,
        };
        match secret {
            Ok(Some(secret)) => {
                let user = trunk.auth_user.as_deref().or(trunk.username.as_deref()).unwrap_or(name);
                way.credentials = Some(match &trunk.realm {
                    Some(realm) => Credentials::new(user, realm, &secret),
                    None => Credentials::of_first_realm(user, &secret),
                });
            }
            Ok(None) => {}
            Err(why) => way.trouble = Some(why),
        }
        let found = match found {
            Ok(found) => found,
            Err(why) => {
                way.trouble = Some(why);
                return way;
            }
        };
        if trunk.kind == TrunkKind::Gateway && !found.ways.iter().all(|(_, at)| sip.is_local(at.ip())) {
            way.trouble = Some("it is a gateway and stands outside our own network ([sip] local_networks)".to_owned());
            return way;
        }
        for (transport, remote) in found.ways {
            match self.flow(name, trunk, transport, remote, lines, memory) {
                Ok(flow) => way.flows.push(flow),
                Err(why) => way.trouble = Some(why),
            }
        }
        if !way.flows.is_empty() && way.credentials.is_some() == trunk.secret.is_some() {
            way.trouble = None;
        }
        way.addresses = found.addresses;
        way
    }

    fn flow(
        &self,
        name: &str,
        trunk: &Trunk,
        transport: Transport,
        remote: SocketAddr,
        lines: &mut Vec<Line>,
        memory: &mut Memory,
    ) -> Result<Flow, String> {
        let local = local(remote, self.locals.of(transport))
            .or_else(|| if transport == Transport::Udp { None } else { stream_local(remote) })
            .ok_or("none of our addresses can send to it")?;
        if transport == Transport::Udp {
            return Ok(Flow::udp(local, remote));
        }
        let tls = if transport == Transport::Tls { Some((server_name(trunk), self.trust(trunk))) } else { None };
        let number = memory.number(format!("{name} {transport:?} {remote} {tls:?}"));
        let peer = match tls {
            Some((name, trust)) => Some(Peer::new(&name, &trust)?),
            None => None,
        };
        lines.push(Line { number, remote, local, tls: peer });
        let transport = if transport == Transport::Tls { sip::Transport::Tls } else { sip::Transport::Tcp };
        Ok(Flow { transport, local, remote, connection: number })
    }

    fn trust(&self, trunk: &Trunk) -> Trust {
        trust(&self.home, trunk)
    }
}

/// Whose certificate is believed for a trunk.
pub(crate) fn trust(home: &Home, trunk: &Trunk) -> Trust {
    match (&trunk.tls.fingerprint, &trunk.tls.authority) {
        (Some(fingerprint), _) => Trust::Fingerprint(*fingerprint),
        (None, Some(file)) => Trust::Authority(home.path().join(file)),
        (None, None) => Trust::Public,
    }
}

/// The name that the next hop's certificate has to bear: the one that was asked for, never one that the DNS brought (RFC 5922 §7.1).
pub(crate) fn server_name(trunk: &Trunk) -> String {
    match &trunk.outbound_proxy {
        Some(proxy) => split(proxy).0.to_owned(),
        None => trunk.host.clone(),
    }
}

/// Where a trunk was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// The ways, best first.
    pub(crate) ways: Vec<Way>,
    /// Every address its calls may come from.
    pub(crate) addresses: Vec<IpAddr>,
}

/// Looks a trunk up.
pub(crate) async fn find(trunk: &Trunk, resolver: &Resolver) -> Result<Found, String> {
    let search = async {
        let of = |host, port| Place { host, port, transport: trunk.transport };
        let home = of(trunk.host.as_str(), trunk.port);
        let (next, rest) = match &trunk.outbound_proxy {
            Some(proxy) => {
                let (host, port) = split(proxy);
                // The provider's own host may send calls too, but need not be found.
                (of(host, port), locate(resolver, home, dice).await.unwrap_or_default())
            }
            None => (home, Vec::new()),
        };
        let ways = locate(resolver, next, dice).await?;
        let mut addresses: Vec<IpAddr> = ways.iter().chain(&rest).map(|(_, at)| at.ip().to_canonical()).collect();
        addresses.sort();
        addresses.dedup();
        Ok(Found { ways, addresses })
    };
    tokio::time::timeout(PATIENCE, search)
        .await
        .unwrap_or_else(|_| Err(format!("looking {} up took too long", trunk.host)))
}

fn dice() -> u64 {
    getrandom::u64().unwrap_or_default()
}

fn split(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (host, None),
        },
        _ => (host, None),
    }
}

/// The socket of ours, with the address its packets will carry, that sends to `remote`.
fn local(remote: SocketAddr, locals: &[SocketAddr]) -> Option<SocketAddr> {
    let ours = address::toward(remote.ip()).ok()?;
    let same = |local: &&SocketAddr| local.is_ipv4() == remote.is_ipv4();
    let exact = locals.iter().find(|local| local.ip() == ours);
    let any = locals.iter().filter(same).find(|local| local.ip().is_unspecified());
    let other = locals.iter().find(same);
    exact.or(any).or(other).map(|local| {
        let ip = if local.ip().is_unspecified() { ours } else { local.ip() };
        SocketAddr::new(ip, local.port())
    })
}

/// Where no socket of ours listens for streams: the trunk can call us over the stream that we opened, and only so.
fn stream_local(remote: SocketAddr) -> Option<SocketAddr> {
    address::toward(remote.ip()).ok().map(|ip| SocketAddr::new(ip, 5060))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_leave_from_a_socket_that_reaches_the_trunk() {
        let check = |remote: &str, list: &[&str], expected: Option<&str>| {
            let list: Vec<SocketAddr> = list.iter().map(|text| text.parse().unwrap()).collect();
            let found = local(remote.parse().unwrap(), &list).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{remote} {list:?}");
        };
        check("127.0.0.9:5060", &["[::]:5060", "0.0.0.0:5062"], Some("127.0.0.1:5062"));
        check("127.0.0.9:5060", &["127.0.0.5:5060", "127.0.0.1:5070"], Some("127.0.0.1:5070"));
        check("127.0.0.9:5060", &["127.0.0.5:5060"], Some("127.0.0.5:5060"));
        check("127.0.0.9:5060", &["[::1]:5060"], None);
    }

    #[test]
    fn a_line_keeps_its_number_while_it_leads_to_the_same_place() {
        let mut memory = Memory::default();
        let first = memory.number("itsp tls a".to_owned());
        let other = memory.number("itsp tls b".to_owned());
        assert!(first >= Line::FIRST && first != other);
        assert_eq!(memory.number("itsp tls a".to_owned()), first);
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let check = |text: &str, host: &str, port: Option<u16>| assert_eq!(split(text), (host, port), "{text}");
        check("edge.example", "edge.example", None);
        check("edge.example:5070", "edge.example", Some(5070));
        check("[2001:db8::1]:5070", "[2001:db8::1]", Some(5070));
        check("2001:db8::1", "2001:db8::1", None);
    }
}
