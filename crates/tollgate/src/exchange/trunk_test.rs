//! `tollgate trunk test`: from the name to the answer, one step after the other, each with what is wrong in plain words.

use crate::exchange::serve::Running;
use crate::exchange::trunks::{find, server_name, trust};
use crate::fault::{Fault, Outcome};
use crate::net::dns::locate::Way;
use crate::net::dns::resolver::Resolver;
use crate::net::sip_io::Ask;
use crate::net::tls::{Peer, in_words};
use pbx::config::{Transport, Trunk, TrunkKind};
use pbx::trunks::keeper::Said;
use serde::Serialize;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;

/// One connection may take this long; all addresses are tried at once.
const CONNECT: Duration = Duration::from_secs(6);

/// One question may take this long: five retransmissions over UDP and a slow provider.
const ANSWER: Duration = Duration::from_secs(10);

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    /// What.
    pub(crate) step: String,
    /// Whether it works.
    pub(crate) fine: bool,
    /// What came of it, in plain words.
    pub(crate) said: String,
}

/// What was tried so far.
#[derive(Debug, Default)]
pub(crate) struct Steps(pub(crate) Vec<Step>);

impl Steps {
    pub(crate) fn add(&mut self, step: &str, fine: bool, said: impl Into<String>) -> bool {
        self.0.push(Step { step: step.to_owned(), fine, said: said.into() });
        fine
    }
}

/// Tries a trunk; stops where going on would only repeat the trouble.
pub(crate) async fn run(running: &Arc<Running>, name: &str, call: Option<(&str, &str)>) -> Outcome<Vec<Step>> {
    let snapshot = running.exchange.snapshot.load_full();
    let config = &snapshot.config;
    let Some(trunk) = config.trunks.get(name) else {
        return Err(Fault::failed(format!("there is no trunk {name}")).repair("see: tollgate trunk list"));
    };
    let mut steps = Steps::default();
    let resolver = Resolver::new(&config.sip.dns);
    let ways = match find(trunk, &resolver).await {
        Ok(found) => found.ways,
        Err(why) => {
            steps.add("name", false, why);
            return Ok(steps.0);
        }
    };
    let list: Vec<String> = ways.iter().map(|(transport, at)| format!("{} {at}", word(*transport))).collect();
    steps.add("name", true, list.join(", "));
    if !connections(running, trunk, &ways, &mut steps).await {
        return Ok(steps.0);
    }
    // The look-ups of the running exchange may be older than what was just found.
    running.trunks_changed.notify_one();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let view = running.trunks.list().into_iter().find(|view| view.name == name);
    if let Some(view) = view.as_ref().filter(|view| view.state == "down" && view.why.contains("secret")) {
        steps.add("secret", false, view.why.clone());
        return Ok(steps.0);
    }
    let said = ask(running, name, false).await;
    let there = said.status != 0;
    steps.add("question", there, said.words);
    if trunk.kind == TrunkKind::Register {
        let said = ask(running, name, true).await;
        let fine = (200..300).contains(&said.status);
        if !steps.add("registration", fine, said.words) {
            return Ok(steps.0);
        }
    }
    if let Some((number, user)) = call {
        super::test_call::run(running, name, number, user, &mut steps).await;
    } else {
        steps.add("call", true, "not tried: --call NUMBER --as EXTENSION places one, at that extension's expense");
    }
    Ok(steps.0)
}

fn word(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    }
}

/// Streams can be opened, and the certificates are good. One that works is enough to go on.
async fn connections(running: &Arc<Running>, trunk: &Trunk, ways: &[Way], steps: &mut Steps) -> bool {
    let mut tries = tokio::task::JoinSet::new();
    for (transport, at) in ways.iter().copied().filter(|(transport, _)| *transport != Transport::Udp) {
        let peer = (transport == Transport::Tls).then(|| Peer::new(&server_name(trunk), &trust(&running.home, trunk)));
        tries.spawn(async move {
            let opened = async {
                let stream = TcpStream::connect(at).await.map_err(|error| in_words(&error))?;
                match peer {
                    None => Ok("the connection stands".to_owned()),
                    Some(peer) => {
                        let peer = peer?;
                        let connector = TlsConnector::from(peer.config);
                        let stream = connector.connect(peer.name, stream).await.map_err(|error| in_words(&error))?;
                        let version = stream.get_ref().1.protocol_version();
                        let version = version.map_or(String::new(), |version| format!("{version:?}"));
                        Ok(format!("the certificate is good ({version})"))
                    }
                }
            };
            let late = || Err(in_words(&io::ErrorKind::TimedOut.into()));
            (transport, at, tokio::time::timeout(CONNECT, opened).await.unwrap_or_else(|_| late()))
        });
    }
    if tries.is_empty() {
        return true;
    }
    let mut any = false;
    while let Some(tried) = tries.join_next().await {
        let Ok((transport, at, opened)) = tried else { continue };
        let fine = opened.is_ok();
        any |= fine;
        let (Ok(said) | Err(said)) = opened;
        steps.add(if transport == Transport::Tls { "TLS" } else { "TCP" }, fine, format!("{at}: {said}"));
    }
    any
}

async fn ask(running: &Arc<Running>, name: &str, register: bool) -> Said {
    let (reply, answer) = oneshot::channel();
    let nothing = |words: &str| Said { register, status: 0, words: words.to_owned() };
    if running.signalling.send(Ask::Probe { trunk: name.to_owned(), register, reply }).await.is_err() {
        return nothing("signalling does not answer");
    }
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(Ok(said)) => said,
        _ if register => {
            nothing("it does not answer REGISTER: wrong address, port or transport, or a firewall between")
        }
        _ => nothing(
            "it does not answer OPTIONS: wrong address, port or transport, a firewall between, or a trunk that does not know it",
        ),
    }
}
