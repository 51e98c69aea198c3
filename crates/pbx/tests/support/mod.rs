//! An exchange without sockets: the real door, signalling and call tasks over an endpoint that is fed by hand.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dialplan::load::NoFiles;
use dialplan::reach::Reach;
use media::plane::{Command, PortId};
use media::sound::Sound;
use pbx::cdr::Listed;
use pbx::config::Config;
use pbx::entry::Door;
use pbx::exchange::{Clock, Exchange, Parts};
use pbx::gate::Gate;
use pbx::gate::budget::InMemory;
use pbx::guard::Guard;
use pbx::live::Wires;
use pbx::mailbox::Mailboxes;
use pbx::media_port::MediaPlane;
use pbx::phones::Phones;
use pbx::pin::Pins;
use pbx::plan::{self, HandWritten};
use pbx::signal::{Signal, SipCommand};
use pbx::snapshot::Snapshot;
use pbx::sounds::Sounds;
use pbx::switch::{CallEvent, Origin};
use pbx::trunks::Trunks;
use pbx::trunks::keeper::Keeper;
use sip::{Endpoint, Flow};
use store::{Mode, Options, Store};
use tokio::sync::mpsc;

/// Every prompt exists, and lasts a second.
pub struct OneSecond;

impl Sounds for OneSecond {
    fn find(&self, _: &str, _: &str) -> Option<Arc<Sound>> {
        Some(Arc::new(Sound::silence(Duration::from_secs(1)).unwrap()))
    }
}

/// Ports that hear what the test says they do, and never say that they are closed.
#[derive(Default)]
pub struct Mute(pub std::sync::Mutex<Vec<(PortId, mpsc::Sender<CallEvent>)>>);

impl MediaPlane for Mute {
    fn together(&self, _: media::plane::PortId, _: media::plane::PortId) -> bool {
        true
    }

    fn open(&self, port: PortId, _: u64, _: IpAddr, events: mpsc::Sender<CallEvent>) -> Result<SocketAddr, String> {
        self.0.lock().unwrap().push((port, events));
        Ok("127.0.0.1:40000".parse().unwrap())
    }
    fn open_pair(&self, _: u64, _: (PortId, mpsc::Sender<CallEvent>), _: (PortId, mpsc::Sender<CallEvent>)) {}
    fn command(&self, _: Command) {}
}

/// A configuration and its plan, without proof: nothing paid is reachable.
pub fn snapshot(toml: &str, dialplan: &str) -> Snapshot {
    let tree: serde_json::Value = toml::from_str(toml).unwrap();
    let config = Config::from_tree(&tree).unwrap();
    let files = if dialplan.is_empty() { Vec::new() } else { vec![("plan".to_owned(), dialplan.to_owned())] };
    let loaded = plan::compile(&config, &HandWritten { files }, &NoFiles);
    let reach = Reach::of(loaded.program.hash());
    Snapshot { config: Arc::new(config), program: Arc::new(loaded.program), reach }
}

pub struct Bench {
    pub now: Instant,
    pub exchange: Arc<Exchange>,
    pub records: Arc<Listed>,
    pub phones: Arc<Phones>,
    pub store: Store,
    pub guard: Arc<Guard>,
    pub endpoint: Endpoint<Origin>,
    pub signal: Signal,
    pub media: Arc<Mute>,
    pub commands: mpsc::Receiver<SipCommand>,
    _home: tempfile::TempDir,
}

impl Bench {
    pub async fn new(toml: &str) -> Self {
        Self::with(toml, "").await
    }

    pub async fn with(toml: &str, dialplan: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open_with(Options {
            linger: Duration::ZERO,
            ..Options::new(&home.path().join("store.sqlite"), Mode::Run)
        })
        .await
        .unwrap();
        let now = Instant::now();
        let wall = || jiff::Timestamp::now().as_millisecond();
        let phones = Arc::new(Phones::load(store.clone(), now, wall()).await.unwrap());
        let records = Arc::new(Listed::default());
        let exchange = Arc::new(Exchange::new(Parts {
            snapshot: snapshot(toml, dialplan),
            gate: Gate::new(Arc::new(InMemory::default())),
            records: records.clone(),
            sounds: Arc::new(OneSecond),
            clock: Clock::new(wall),
            seed: 1,
            pins: Arc::new(Pins::in_memory()),
            mailboxes: Arc::new(Mailboxes::in_memory()),
        }));
        let media = Arc::new(Mute::default());
        let guard = Guard::load(store.clone(), now, wall()).await.unwrap();
        let (orders, commands) = mpsc::channel(pbx::limits::SIP_COMMANDS);
        let trunks = Arc::new(Trunks::default());
        let wires = Arc::new(Wires {
            sip: orders,
            media: media.clone(),
            phones: Arc::clone(&phones),
            trunks: Arc::clone(&trunks),
        });
        let (of_phones, of_guard) = (Arc::clone(&phones), Arc::clone(&guard));
        let door = Door::new(Arc::clone(&exchange), of_phones, of_guard, Arc::clone(&trunks), [3; 32], now);
        let signal = Signal::new(Arc::clone(&exchange), wires, door, Keeper::new(trunks, 1, Box::new(|_, _| {})));
        let endpoint = Endpoint::new(sip::Config::new([7; 32]));
        Self { now, exchange, records, phones, store, guard, endpoint, signal, media, commands, _home: home }
    }

    /// Puts one packet in and gives what goes out at once. Call tasks do not run meanwhile.
    pub fn put(&mut self, flow: Flow, message: &str) -> Vec<String> {
        self.endpoint.receive(self.now, flow, message.as_bytes(), self.signal.door());
        self.pump()
    }

    pub fn pump(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        loop {
            let mut idle = true;
            while let Some(event) = self.endpoint.poll_event() {
                idle = false;
                self.signal.event(self.now, &mut self.endpoint, event);
            }
            while let Some(packet) = self.endpoint.poll_transmit() {
                idle = false;
                out.push(String::from_utf8_lossy(&packet.bytes).into_owned());
            }
            if idle {
                return out;
            }
        }
    }

    /// Lets the call tasks run until one of them orders something of signalling, and carries that out.
    pub async fn order(&mut self) -> Vec<String> {
        let command = tokio::time::timeout(Duration::from_secs(20), self.commands.recv()).await.unwrap().unwrap();
        self.signal.command(self.now, &mut self.endpoint, command);
        self.pump()
    }
}

pub fn flow(remote: &str) -> Flow {
    Flow::udp("127.0.0.1:5060".parse().unwrap(), remote.parse().unwrap())
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// A request by hand.
pub fn request(method: &str, n: usize, cseq: usize, to_tag: &str, user: &str, more: &str) -> String {
    let body = if method == "INVITE" && to_tag.is_empty() { SDP } else { "" };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    format!(
        "{method} sip:{user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK-{n}-{cseq}-{method}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@x>;tag=f{n}\r\nTo: <sip:{user}@127.0.0.1>{tag}\r\nCall-ID: c{n}\r\n\
         CSeq: {cseq} {method}\r\nContact: <sip:{user}@127.0.0.9>\r\n{kind}{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The tag that an answer gave its To.
pub fn to_tag(answer: &str) -> String {
    let line = answer.lines().find(|line| line.starts_with("To:")).unwrap();
    line.split("tag=").nth(1).unwrap().to_owned()
}
