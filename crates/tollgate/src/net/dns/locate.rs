//! From a trunk's name to addresses, best first (RFC 3263 §4). What is written in the configuration is never second-guessed: with a port there
//! is no SRV, with a transport no NAPTR. A domain that names several transports gets the one it likes best and no other, so that nobody who
//! blocks TLS on the way can have us talk in clear.

use super::{Dns, Srv};
use pbx::config::Transport;
use std::net::{IpAddr, SocketAddr};

/// Most addresses of one trunk that are kept, and most hosts that are looked up for them: more is no redundancy, it is an attack.
const ADDRESSES: usize = 16;
const HOSTS: usize = 8;

/// A way to a trunk.
pub(crate) type Way = (Transport, SocketAddr);

/// What a configuration says of a trunk's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    pub(crate) transport: Option<Transport>,
}

/// The ways to a trunk, best first. `dice` gives random numbers, for the weights of SRV.
pub(crate) async fn locate(dns: &dyn Dns, place: Place<'_>, mut dice: impl FnMut() -> u64) -> Result<Vec<Way>, String> {
    let host = place.host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse::<IpAddr>() {
        let transport = place.transport.unwrap_or(Transport::Udp);
        return Ok(vec![(transport, SocketAddr::new(ip, place.port.unwrap_or(usual_port(transport))))]);
    }
    if let Some(port) = place.port {
        return hosts(dns, place.transport.unwrap_or(Transport::Udp), &[(host.to_owned(), port)]).await;
    }
    let services = match place.transport {
        Some(transport) => vec![(transport, service(transport, host))],
        None => match preferred(dns, host).await {
            Some(service) => vec![service],
            // TLS only if somebody says so: a host that was never asked to speak it would seem dead.
            None => [Transport::Udp, Transport::Tcp].map(|transport| (transport, service(transport, host))).into(),
        },
    };
    for (transport, name) in &services {
        // A server that fails to answer for SRV may still know the host.
        let records = dns.srv(name).await.unwrap_or_default();
        if records.is_empty() {
            continue;
        }
        let targets: Vec<(String, u16)> = ordered(records, &mut dice)
            .into_iter()
            .filter(|record| !matches!(record.target.as_str(), "" | "."))
            .map(|record| (record.target, record.port))
            .take(HOSTS)
            .collect();
        if targets.is_empty() {
            return Err(format!("{host} says in the DNS that it offers no telephone service"));
        }
        return hosts(dns, *transport, &targets).await;
    }
    let transport = services.first().map_or(Transport::Udp, |(transport, _)| *transport);
    hosts(dns, transport, &[(host.to_owned(), usual_port(transport))]).await
}

pub(crate) fn usual_port(transport: Transport) -> u16 {
    if transport == Transport::Tls { 5061 } else { 5060 }
}

fn service(transport: Transport, host: &str) -> String {
    match transport {
        Transport::Udp => format!("_sip._udp.{host}"),
        Transport::Tcp => format!("_sip._tcp.{host}"),
        Transport::Tls => format!("_sips._tcp.{host}"),
    }
}

/// The transport that a domain likes best, and where its SRV records are.
async fn preferred(dns: &dyn Dns, host: &str) -> Option<(Transport, String)> {
    // Many domains have none, and some servers refuse the question: then SRV is asked directly.
    let records = dns.naptr(host).await.unwrap_or_default();
    records
        .into_iter()
        .filter(|record| record.flags.eq_ignore_ascii_case("s") && !record.replacement.is_empty())
        .filter_map(|record| {
            let transport = match record.service.to_ascii_uppercase().as_str() {
                "SIP+D2U" => Transport::Udp,
                "SIP+D2T" => Transport::Tcp,
                "SIPS+D2T" => Transport::Tls,
                _ => return None,
            };
            Some(((record.order, record.preference), (transport, record.replacement)))
        })
        .min_by_key(|(order, _)| *order)
        .map(|(_, service)| service)
}

/// RFC 2782: by priority, and within one by chance, the heavier the likelier.
fn ordered(records: Vec<Srv>, dice: &mut impl FnMut() -> u64) -> Vec<Srv> {
    let mut left = records;
    left.sort_by_key(|record| (record.priority, record.weight, record.target.clone()));
    let mut out = Vec::with_capacity(left.len());
    while let Some(priority) = left.first().map(|record| record.priority) {
        let same: Vec<usize> =
            (0..left.len()).filter(|i| left.get(*i).is_some_and(|r| r.priority == priority)).collect();
        let total: u64 = same.iter().filter_map(|i| left.get(*i)).map(|record| u64::from(record.weight)).sum();
        let mut point = dice() % (total + 1);
        let chosen = same.iter().copied().find(|i| {
            let weight = left.get(*i).map_or(0, |record| u64::from(record.weight));
            let here = point <= weight;
            point = point.saturating_sub(weight);
            here
        });
        out.push(left.remove(chosen.unwrap_or(0)));
    }
    out
}

async fn hosts(dns: &dyn Dns, transport: Transport, targets: &[(String, u16)]) -> Result<Vec<Way>, String> {
    let mut ways: Vec<Way> = Vec::new();
    let mut trouble = None;
    for (host, port) in targets {
        let bare = host.trim_end_matches('.');
        match dns.addresses(bare).await {
            Ok(found) => {
                for ip in found {
                    let way = (transport, SocketAddr::new(ip, *port));
                    if ways.len() < ADDRESSES && !ways.contains(&way) {
                        ways.push(way);
                    }
                }
            }
            Err(error) => trouble = Some(format!("{bare} cannot be found: {error}")),
        }
    }
    if ways.is_empty() {
        let names = targets.iter().map(|(host, _)| host.trim_end_matches('.')).collect::<Vec<_>>().join(", ");
        return Err(trouble.unwrap_or_else(|| format!("the DNS knows no address of {names}")));
    }
    Ok(ways)
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Naptr};
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Fake {
        naptr: BTreeMap<&'static str, Vec<Naptr>>,
        srv: BTreeMap<&'static str, Vec<Srv>>,
        hosts: BTreeMap<&'static str, Vec<&'static str>>,
        refuses_naptr: bool,
    }

    fn said<'a, T: Clone + Send + 'a>(list: Option<&Vec<T>>) -> Asked<'a, T> {
        let list = list.cloned().unwrap_or_default();
        Box::pin(async move { Ok(list) })
    }

    impl Dns for Fake {
        fn naptr<'a>(&'a self, name: &'a str) -> Asked<'a, Naptr> {
            if self.refuses_naptr {
                return Box::pin(async { Err("refused".to_owned()) });
            }
            said(self.naptr.get(name))
        }
        fn srv<'a>(&'a self, name: &'a str) -> Asked<'a, Srv> {
            said(self.srv.get(name))
        }
        fn addresses<'a>(&'a self, name: &'a str) -> Asked<'a, IpAddr> {
            let found: Vec<IpAddr> =
                self.hosts.get(name).into_iter().flatten().map(|text| text.parse().unwrap()).collect();
            Box::pin(async move { Ok(found) })
        }
    }

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Srv {
        Srv { priority, weight, port, target: target.to_owned() }
    }

    fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Naptr {
        Naptr { order, preference, flags: "S".into(), service: service.to_owned(), replacement: replacement.to_owned() }
    }

    /// The example of RFC 3263 §4.1, and more.
    fn world() -> Fake {
        Fake {
            naptr: [(
                "example.com",
                vec![
                    naptr(50, 50, "SIPS+D2T", "_sips._tcp.example.com."),
                    naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com."),
                    naptr(100, 50, "SIP+D2U", "_sip._udp.example.com."),
                    naptr(1, 1, "E2U+sip", "elsewhere.example.com."),
                ],
            )]
            .into(),
            srv: [
                ("_sips._tcp.example.com.", vec![srv(2, 0, 5071, "b.example.com."), srv(1, 0, 5061, "a.example.com.")]),
                ("_sip._udp.example.org", vec![srv(1, 0, 5070, "a.example.com.")]),
                ("_sip._tcp.tcp.example", vec![srv(1, 0, 5070, "b.example.com.")]),
                ("_sip._udp.closed.example", vec![srv(0, 0, 0, ".")]),
            ]
            .into(),
            hosts: [
                ("a.example.com", vec!["192.0.2.1"]),
                ("b.example.com", vec!["192.0.2.2", "2001:db8::2"]),
                ("plain.example", vec!["192.0.2.3"]),
                ("example.org", vec!["192.0.2.9"]),
            ]
            .into(),
            refuses_naptr: false,
        }
    }

    async fn check(host: &str, port: Option<u16>, transport: Option<Transport>, expected: &[&str]) {
        let found = locate(&world(), Place { host, port, transport }, || 0).await.unwrap();
        let found: Vec<String> =
            found.iter().map(|(transport, at)| format!("{transport:?} {at}").to_lowercase()).collect();
        assert_eq!(found, expected, "{host} {port:?} {transport:?}");
    }

    #[tokio::test]
    async fn what_is_written_wins_and_the_rest_is_asked() {
        use Transport::{Tcp, Tls, Udp};
        check("192.0.2.7", None, None, &["udp 192.0.2.7:5060"]).await;
        check("192.0.2.7", None, Some(Tls), &["tls 192.0.2.7:5061"]).await;
        check("[2001:db8::7]", Some(5070), Some(Tcp), &["tcp [2001:db8::7]:5070"]).await;
        check("example.org", Some(5080), None, &["udp 192.0.2.9:5080"]).await;
        check("example.org", None, Some(Udp), &["udp 192.0.2.1:5070"]).await;
        check("example.org", None, Some(Tls), &["tls 192.0.2.9:5061"]).await;
        check("example.org", None, None, &["udp 192.0.2.1:5070"]).await;
        check("tcp.example", None, None, &["tcp 192.0.2.2:5070", "tcp [2001:db8::2]:5070"]).await;
        check("plain.example", None, None, &["udp 192.0.2.3:5060"]).await;
    }

    #[tokio::test]
    async fn a_domain_that_prefers_tls_is_called_by_tls_and_never_in_clear() {
        check("example.com", None, None, &["tls 192.0.2.1:5061", "tls 192.0.2.2:5071", "tls [2001:db8::2]:5071"]).await;
    }

    #[tokio::test]
    async fn who_is_not_there_is_told_in_words() {
        let place = |host| Place { host, port: None, transport: None };
        let none = locate(&world(), place("nowhere.example"), || 0).await.unwrap_err();
        assert!(none.contains("knows no address of nowhere.example"), "{none}");
        let closed = locate(&world(), place("closed.example"), || 0).await.unwrap_err();
        assert!(closed.contains("no telephone service"), "{closed}");
        let stubborn = Fake { refuses_naptr: true, ..world() };
        let found = locate(&stubborn, place("example.org"), || 0).await.unwrap();
        assert_eq!(found.len(), 1, "a server that refuses NAPTR is no obstacle");
    }

    #[tokio::test]
    async fn a_flood_of_records_is_cut() {
        let mut world = world();
        let many = (0..200).map(|n| srv(n, 0, 5060, if n % 2 == 0 { "a.example.com" } else { "b.example.com" }));
        world.srv.insert("_sip._udp.flood.example", many.collect());
        world.hosts.insert("a.example.com", vec!["192.0.2.1"; 500]);
        let place = Place { host: "flood.example", port: None, transport: None };
        assert!(locate(&world, place, || 7).await.unwrap().len() <= ADDRESSES);
    }

    #[test]
    fn heavier_hosts_come_first_more_often() {
        let records = vec![srv(1, 10, 1, "light"), srv(1, 90, 1, "heavy"), srv(0, 0, 1, "first"), srv(1, 0, 1, "none")];
        let (mut heavy, mut n) = (0, 0_u64);
        for _ in 0..1000 {
            let order = ordered(records.clone(), &mut || {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                n >> 33
            });
            assert_eq!((order.len(), order[0].target.as_str()), (4, "first"));
            heavy += usize::from(order[1].target == "heavy");
        }
        assert!((820..=950).contains(&heavy), "{heavy}");
    }
}
