//! Real name servers, by hickory: those of the configuration, or the machine's own. Bounded in time and in what is remembered.

use super::{Asked, Dns, Naptr, Srv};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One question to one server; two tries and two servers stay within the time a look-up has.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers that are remembered: a few trunks with a handful of names each.
const REMEMBERED: u64 = 256;

/// Answers are not believed for longer than this, whatever they say.
const LONGEST: Duration = Duration::from_secs(3600);

/// That something does not exist is believed this long: a provider who repairs his zone is found soon.
const LONGEST_NO: Duration = Duration::from_secs(60);

/// Most records of one answer that are looked at.
const RECORDS: usize = 32;

/// Asks name servers.
pub(crate) struct Resolver {
    servers: Option<TokioResolver>,
    /// The machine's own way of finding names (hosts file, mDNS) is asked for addresses that its name servers do not know.
    system: bool,
}

impl Resolver {
    /// One that asks these servers, or the machine's.
    pub(crate) fn new(servers: &[SocketAddr]) -> Self {
        let system = servers.is_empty();
        let builder = if system {
            TokioResolver::builder_tokio()
        } else {
            let servers = servers.iter().map(|at| {
                let port = |mut connection: ConnectionConfig| {
                    connection.port = at.port();
                    connection
                };
                let connections = vec![port(ConnectionConfig::udp()), port(ConnectionConfig::tcp())];
                NameServerConfig::new(at.ip(), true, connections)
            });
            let config = ResolverConfig::from_name_servers(servers.collect());
            Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
        };
        let built = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = PATIENCE;
            options.attempts = 2;
            options.cache_size = REMEMBERED;
            options.positive_max_ttl = Some(LONGEST);
            options.negative_max_ttl = Some(LONGEST_NO);
            // SIP over IPv4 is what providers test.
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            builder.build()
        });
        if let Err(error) = &built {
            tracing::warn!(%error, "no name servers: trunks are found by the machine's own means, without SRV");
        }
        Self { servers: built.ok(), system }
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Option<Lookup>, String> {
        let Some(servers) = &self.servers else { return Ok(None) };
        let whole = format!("{}.", name.trim_end_matches('.'));
        match servers.lookup(whole, kind).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_no_records_found() => Ok(None),
            Err(error) => Err(words(&error)),
        }
    }
}

fn words(error: &NetError) -> String {
    match error {
        NetError::Timeout => "the name server does not answer".to_owned(),
        other => other.to_string(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Dns for Resolver {
    fn naptr<'a>(&'a self, name: &'a str) -> Asked<'a, Naptr> {
        Box::pin(async move {
            let found = self.records(name, RecordType::NAPTR).await?;
            let records = found.iter().flat_map(Lookup::answers).filter_map(|record| match &record.data {
                RData::NAPTR(naptr) => Some(Naptr {
                    order: naptr.order,
                    preference: naptr.preference,
                    flags: text(&naptr.flags),
                    service: text(&naptr.services),
                    replacement: naptr.replacement.to_utf8(),
                }),
                _ => None,
            });
            Ok(records.take(RECORDS).collect())
        })
    }

    fn srv<'a>(&'a self, name: &'a str) -> Asked<'a, Srv> {
        Box::pin(async move {
            let found = self.records(name, RecordType::SRV).await?;
            let records = found.iter().flat_map(Lookup::answers).filter_map(|record| match &record.data {
                RData::SRV(srv) => Some(Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: srv.target.to_utf8(),
                }),
                _ => None,
            });
            Ok(records.take(RECORDS).collect())
        })
    }

    fn addresses<'a>(&'a self, name: &'a str) -> Asked<'a, IpAddr> {
        Box::pin(async move {
            let asked = match &self.servers {
                Some(servers) => match servers.lookup_ip(name).await {
                    Ok(found) => Ok(found.iter().take(RECORDS).collect()),
                    Err(error) if error.is_no_records_found() => Ok(Vec::new()),
                    Err(error) => Err(words(&error)),
                },
                None => Ok(Vec::new()),
            };
            match asked {
                Ok(found) if !found.is_empty() => Ok(found),
                other if !self.system => other,
                other => match tokio::net::lookup_host((name, 0)).await {
                    Ok(found) => Ok(found.map(|at| at.ip()).take(RECORDS).collect()),
                    Err(_) => other,
                },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::dns::locate::{Place, locate};
    use hickory_resolver::proto::op::{Message, ResponseCode};
    use hickory_resolver::proto::rr::rdata::{A, NAPTR, SRV};
    use hickory_resolver::proto::rr::{Name, Record};
    use hickory_resolver::proto::serialize::binary::BinDecodable as _;
    use pbx::config::Transport;
    use std::str::FromStr as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::UdpSocket;

    fn name(text: &str) -> Name {
        Name::from_str(text).unwrap()
    }

    fn zone(asked: &Name, kind: RecordType) -> Vec<RData> {
        match (asked.to_utf8().to_lowercase().as_str(), kind) {
            ("itsp.example.", RecordType::NAPTR) => vec![RData::NAPTR(NAPTR::new(
                10,
                20,
                b"s".as_slice().into(),
                b"SIP+D2T".as_slice().into(),
                Box::default(),
                name("_sip._tcp.itsp.example."),
            ))],
            ("_sip._tcp.itsp.example.", RecordType::SRV) => vec![
                RData::SRV(SRV::new(20, 0, 5066, name("two.itsp.example."))),
                RData::SRV(SRV::new(10, 0, 5065, name("one.itsp.example."))),
            ],
            ("one.itsp.example.", RecordType::A) => vec![RData::A(A::new(192, 0, 2, 1))],
            ("two.itsp.example.", RecordType::A) => vec![RData::A(A::new(192, 0, 2, 2))],
            _ => Vec::new(),
        }
    }

    /// A name server of our own on loopback: real packets, and it counts them.
    async fn server() -> (SocketAddr, Arc<AtomicUsize>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_bytes(&buffer[..length]).unwrap();
                let query = question.queries.first().unwrap().clone();
                // That there is no IPv6 is not remembered: this server does not say for how long (RFC 2308 §5).
                counted.fetch_add(usize::from(query.query_type() != RecordType::AAAA), Ordering::Relaxed);
                let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
                answer.metadata.recursion_available = true;
                let data = zone(query.name(), query.query_type());
                if data.is_empty() {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                for data in data {
                    answer.add_answer(Record::from_rdata(query.name().clone(), 300, data));
                }
                answer.add_query(query);
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        });
        (at, count)
    }

    #[tokio::test]
    async fn a_real_name_server_leads_to_the_trunk_and_is_asked_once() {
        let (at, count) = server().await;
        let resolver = Resolver::new(&[at]);
        let place = Place { host: "itsp.example", port: None, transport: None };
        let ways = locate(&resolver, place, || 0).await.unwrap();
        let expected = ["192.0.2.1:5065", "192.0.2.2:5066"].map(|at| (Transport::Tcp, at.parse().unwrap()));
        assert_eq!(ways, expected);
        let asked = count.load(Ordering::Relaxed);
        assert_eq!(locate(&resolver, place, || 0).await.unwrap(), expected);
        assert_eq!(count.load(Ordering::Relaxed), asked, "the second time from memory");
        let unknown = Place { host: "unknown.example", port: None, transport: None };
        assert!(locate(&resolver, unknown, || 0).await.unwrap_err().contains("knows no address"));
    }

    #[tokio::test]
    async fn a_dead_name_server_is_not_waited_for_long() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let resolver = Resolver::new(&[silent.local_addr().unwrap()]);
        let begun = tokio::time::Instant::now();
        assert!(resolver.addresses("itsp.example").await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}
