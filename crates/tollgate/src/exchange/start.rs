//! Putting the exchange together and keeping it until it is told to end. Nothing is created before the ports are ours.

use crate::control::server;
use crate::exchange::first_run::{self, Prepared};
use crate::exchange::records::StoreRecords;
use crate::exchange::serve::Running;
use crate::exchange::snapshot::{self, Built};
use crate::exchange::source::Numbers;
use crate::exchange::trunks::{self, Locals};
use crate::exchange::{random, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::{Home, State, template};
use crate::limits::{DRAIN, LAST_WORDS};
use crate::net::bind::{self, Bound, Wanted};
use crate::net::media_io::{self, MediaIo};
use crate::net::ports::Ports;
use crate::net::sip_io::{Ask, Report, SipIo};
use crate::prompts::Prompts;
use pbx::config::{Config, Network, PortalListen};
use pbx::entry::Door;
use pbx::exchange::{Clock, Exchange, Parts};
use pbx::gate::Gate;
use pbx::gate::budget::InStore;
use pbx::live::Wires;
use pbx::phones::Phones;
use sip::Endpoint;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{Mode, Store};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};

/// Where metrics are served when nothing else is said: loopback only.
const METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5080);

/// How often registrations and the like are looked through for what ran out.
const TIDY: Duration = Duration::from_secs(5);

/// What a start tells its owner.
#[derive(Debug)]
pub(crate) struct Told {
    /// Sockets for calls, as `udp 192.0.2.1:5060`.
    pub(crate) listens: Vec<String>,
    /// Addresses of ours that phones can be given.
    pub(crate) addresses: Vec<IpAddr>,
    /// Addresses that this machine does not have.
    pub(crate) skipped: Vec<String>,
    /// Where metrics are.
    pub(crate) metrics: Option<SocketAddr>,
    /// The home, and the secrets that this start made, to be shown once.
    pub(crate) prepared: Prepared,
    /// What strangers can reach.
    pub(crate) verdict: String,
    /// Findings worth a look, as text.
    pub(crate) findings: Vec<String>,
    /// Extensions that no phone can register as.
    pub(crate) without_secret: Vec<String>,
}

/// Starts, calls `tell` when calls can come, and runs until told to end.
pub(crate) async fn run(home: &Home, drain: Option<u64>, tell: impl FnOnce(&Told)) -> Outcome<()> {
    // From here on no signal ends the process halfway through.
    let mut signals = Signals::listen()?;
    allow_many_files();
    let state = home.state()?;
    short_enough(home)?;
    let text = match state {
        State::Absent | State::Empty => template::TEXT.to_owned(),
        State::Written | State::Lived => crate::config_file::text_of(&home.config())?,
    };
    let built = snapshot::build(home, &home.config().display().to_string(), &text)?;
    if home.lock_file().exists() {
        // A home that is in use is a clearer answer than a port that is.
        drop(home.lock()?);
    }
    let config = Arc::clone(&built.snapshot.config);
    if let Some(at) = config.sip.tls.first() {
        return Err(Fault::unusable(format!("[sip] tls = [\"{at}\"]: this version speaks no TLS"))
            .repair("leave tls out; phones and trunks come by UDP and TCP"));
    }
    let named = |key: &str| built.written.contains(&["sip", key]) || built.written.contains(&["sip", "udp"]);
    let wanted = |list: &[SocketAddr], key: &str| -> Vec<Wanted> {
        list.iter().map(|at| Wanted { at: *at, named: named(key) }).collect()
    };
    let bound = bind::signalling(&wanted(&config.sip.udp, "udp"), &wanted(&config.sip.tcp, "tcp"))?;
    let metrics = metrics_listener(&config)?;
    let prepared = first_run::prepare(home, state, &text).await?;
    let first = prepared.first;
    let outcome = Starting { home, built, bound, metrics }.go(prepared, &mut signals, drain, tell).await;
    match outcome {
        Err(Stopped::BeforeItRan(fault)) => {
            if first {
                take_back(home, state);
            }
            Err(fault)
        }
        Err(Stopped::Running(fault)) => Err(fault),
        Ok(()) => Ok(()),
    }
}

/// The signals that concern an exchange.
struct Signals {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
    /// A file as large as it may be is the store's error to report, not the end of the process.
    _full: Signal,
}

impl Signals {
    fn listen() -> Outcome<Self> {
        let to = |kind| signal(kind).doing(|| "listen for signals".to_owned());
        Ok(Self {
            hang_up: to(SignalKind::hangup())?,
            terminate: to(SignalKind::terminate())?,
            interrupt: to(SignalKind::interrupt())?,
            _full: to(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }
}

/// Why an exchange ended that should not have.
enum Stopped {
    /// It never got to take calls.
    BeforeItRan(Fault),
    /// It broke down.
    Running(Fault),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::BeforeItRan(fault)
    }
}

/// A home that this start made, and nobody has seen yet, goes again.
fn take_back(home: &Home, state: State) {
    let gone = match state {
        State::Absent => std::fs::remove_dir_all(home.path()),
        _ => std::fs::read_dir(home.path()).map(|entries| {
            for entry in entries.flatten() {
                let path = entry.path();
                let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            }
        }),
    };
    if let Err(error) = gone {
        tracing::warn!(%error, "the home that was begun could not be removed");
    }
}

/// A UNIX socket's path has room for 107 bytes.
fn short_enough(home: &Home) -> Outcome<()> {
    let length = home.control().as_os_str().len();
    if length > 107 {
        return Err(Fault::unusable(format!(
            "the path of the home is too long by {} characters for the control socket in it",
            length - 107
        ))
        .repair("name a shorter one with --home"));
    }
    Ok(())
}

fn metrics_listener(config: &Config) -> Outcome<Option<TcpListener>> {
    let at = match config.portal.listen {
        PortalListen::Off => return Ok(None),
        PortalListen::Private => METRICS,
        PortalListen::Address(at) if at.ip().is_loopback() => at,
        PortalListen::Address(at) => {
            return Err(Fault::unusable(format!("[portal] listen = \"{at}\" is not a loopback address"))
                .repair("metrics know no passwords: use \"private\", \"off\" or an address like \"127.0.0.1:5080\""));
        }
    };
    let listener = TcpListener::bind(at).map_err(|error| bind::taken("tcp", at, &error))?;
    listener.set_nonblocking(true).doing(|| format!("listen on {at}"))?;
    Ok(Some(listener))
}

/// What there is before the home is.
struct Starting<'a> {
    home: &'a Home,
    built: Built,
    bound: Bound,
    metrics: Option<TcpListener>,
}

impl Starting<'_> {
    async fn go(
        self,
        prepared: Prepared,
        signals: &mut Signals,
        drain: Option<u64>,
        tell: impl FnOnce(&Told),
    ) -> Result<(), Stopped> {
        let Self { home, built, bound, metrics } = self;
        let config = Arc::clone(&built.snapshot.config);
        let hash = built.snapshot.program.hash();
        let store = Store::open(&home.store(), Mode::Run)
            .await
            .doing(|| format!("open the store {}", home.store().display()))?;
        let prompts = Arc::new(Prompts::new(snapshot::sound_folders(home, &config)));
        let seed = random()?;
        let exchange = Arc::new(Exchange::new(Parts {
            snapshot: built.snapshot,
            gate: Gate::new(Arc::new(InStore::new(store.clone(), wall))),
            records: Arc::new(StoreRecords(store.clone())),
            sounds: prompts.clone(),
            clock: Clock::new(wall),
            seed: seed.first_chunk().copied().map_or(0, u64::from_le_bytes),
        }));
        let (broke, mut broken) = mpsc::channel(4);
        let media = Arc::new(media(&config, broke.clone())?);
        let now = Instant::now();
        let phones = Phones::load(store.clone(), now, wall()).await.doing(|| "read the registrations".to_owned())?;
        let phones = Arc::new(phones);
        let (orders, ordered) = mpsc::channel(pbx::limits::SIP_COMMANDS);
        let wires = Arc::new(Wires { sip: orders, media: media.clone(), phones: Arc::clone(&phones) });
        let door = Door::new(Arc::clone(&exchange), Arc::clone(&phones), random()?, now);
        let signal = pbx::signal::Signal::new(Arc::clone(&exchange), wires, door);
        let endpoint = Endpoint::new(sip_config(&config, phones.realm())?);
        let locals = Locals { udp: bound.udp.iter().filter_map(|socket| socket.local_addr().ok()).collect() };
        let listens = listens(&bound);
        let skipped = bound.skipped.clone();
        let addresses = addresses(&bound);
        let (asks, asked) = mpsc::channel(64);
        let sip = SipIo::new(bound, endpoint, signal, ordered, asked).doing(|| "take the sockets".to_owned())?;
        let listening = server::listen(home)?;
        let (end, ended) = mpsc::channel(4);
        let running = Arc::new(Running {
            home: home.clone(),
            exchange,
            store: store.clone(),
            phones,
            media,
            prompts,
            signalling: asks,
            trunks_changed: Arc::new(Notify::new()),
            locals,
            started: now,
            end,
            changing: tokio::sync::Mutex::new(()),
        });
        let metrics_at = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
        let told = Told {
            listens,
            addresses,
            skipped,
            metrics: metrics_at,
            prepared,
            verdict: built.verdict.clone(),
            findings: built.findings.iter().map(|finding| finding.render(&built.sources)).collect(),
            without_secret: config
                .extensions
                .keys()
                .filter(|user| running.phones.credentials(user).is_none())
                .cloned()
                .collect(),
        };
        let mut tasks = tokio::task::JoinSet::new();
        let sip = tokio::spawn(async move {
            sip.run().await;
            // Told to stop or broken: whoever waits finds out which.
            let _ = broke.try_send("the signalling task ended by itself".to_owned());
        });
        tasks.spawn(trunks::keep(
            Arc::clone(&running.exchange),
            Arc::clone(&running.phones),
            running.locals.clone(),
            Arc::clone(&running.trunks_changed),
        ));
        tasks.spawn(server::run(listening, Arc::clone(&running)));
        tasks.spawn(tidy(Arc::clone(&running)));
        if let Some(listener) = metrics {
            serve_metrics(&mut tasks, listener, &running)?;
        }
        running.warm();
        running.keep_version(&built.text, hash, "the file", &built.verdict).await;
        tell(&told);
        drop(built.sources);
        tracing::info!(home = %home.path().display(), listens = ?told.listens, "the exchange answers");

        let outcome = wait(&running, signals, ended, &mut broken, drain).await;
        let _ = running.signalling.send(Ask::Stop).await;
        let _ = tokio::time::timeout(LAST_WORDS, sip).await;
        tasks.shutdown().await;
        let _ = tokio::time::timeout(LAST_WORDS, media_io::stopped(Arc::clone(&running.media))).await;
        let closed = tokio::time::timeout(LAST_WORDS, store.close()).await;
        if !matches!(closed, Ok(Ok(()))) {
            tracing::error!("the store could not be closed in order");
        }
        drop(told.prepared.lock);
        tracing::info!("the exchange has ended");
        outcome.map_err(Stopped::Running)
    }
}

fn media(config: &Config, broke: mpsc::Sender<String>) -> Outcome<MediaIo> {
    let [low, high, ..] = random()?;
    let mut ports = Ports::new(config.media.address, &config.media.ports, u16::from_le_bytes([low, high]));
    ports.set_public(config.sip.public_address, config.sip.local_networks.clone());
    // One thread relays a thousand calls on one core; the others are for signalling and calls.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    MediaIo::start((cores / 2).clamp(1, 8), ports, broke)
}

fn sip_config(config: &Config, realm: &str) -> Outcome<sip::Config> {
    let mut sip = sip::Config::new(random()?);
    sip.user_agent = format!("tollgate/{}", env!("CARGO_PKG_VERSION"));
    sip.names = vec![realm.to_ascii_lowercase()];
    sip.advertise = advertise(config);
    Ok(sip)
}

/// What peers outside the local networks are told about where we are.
pub(crate) fn advertise(config: &Config) -> Option<sip::Advertise> {
    let public = config.sip.public_address?;
    let networks = match config.sip.local_networks.as_slice() {
        [] => Network::PRIVATE.as_slice(),
        named => named,
    };
    Some(sip::Advertise { public, local_networks: networks.iter().map(Network::parts).collect() })
}

/// Each call has four sockets: as many open files as the system lets us have.
fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the number of open files stays as it was");
        }
    }
}

fn listens(bound: &Bound) -> Vec<String> {
    let udp = bound.udp.iter().filter_map(|socket| socket.local_addr().ok()).map(|at| format!("udp {at}"));
    let tcp = bound.tcp.iter().filter_map(|socket| socket.local_addr().ok()).map(|at| format!("tcp {at}"));
    udp.chain(tcp).collect()
}

fn addresses(bound: &Bound) -> Vec<IpAddr> {
    let mut all = Vec::new();
    for socket in &bound.udp {
        let Ok(at) = socket.local_addr() else { continue };
        for ip in crate::net::address::reachable(at.ip()) {
            if !all.contains(&ip) {
                all.push(ip);
            }
        }
    }
    all
}

fn serve_metrics(tasks: &mut tokio::task::JoinSet<()>, listener: TcpListener, running: &Arc<Running>) -> Outcome<()> {
    let listener = tokio::net::TcpListener::from_std(listener).doing(|| "serve metrics".to_owned())?;
    let numbers = Arc::new(Numbers { running: Arc::clone(running), signalling: Mutex::new(Report::default()) });
    let source = Arc::clone(&numbers);
    tasks.spawn(async move {
        if let Err(error) = web::serve(listener, source, std::future::pending()).await {
            tracing::error!(%error, "metrics are no longer served");
        }
    });
    tasks.spawn(async move {
        loop {
            if let Some(report) = numbers.running.report().await {
                *numbers.signalling.lock().unwrap_or_else(PoisonError::into_inner) = report;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    Ok(())
}

/// Forgets what ran out.
async fn tidy(running: Arc<Running>) {
    loop {
        tokio::time::sleep(TIDY).await;
        running.phones.expire(Instant::now());
        if let Err(error) = running.store.expire_registrations(wall()).await {
            tracing::warn!(%error, "registrations that ran out stay in the store");
        }
    }
}

/// Until told to end: SIGHUP reloads, SIGTERM and SIGINT drain, a second one ends at once.
async fn wait(
    running: &Arc<Running>,
    signals: &mut Signals,
    mut ended: mpsc::Receiver<Option<u64>>,
    broken: &mut mpsc::Receiver<String>,
    drain: Option<u64>,
) -> Outcome<()> {
    let patience = loop {
        tokio::select! {
            _ = signals.hang_up.recv() => {
                if let Err(fault) = running.reload("SIGHUP").await {
                    tracing::error!("the configuration was not taken over, the old one goes on: {}", fault.message);
                }
            }
            _ = signals.terminate.recv() => break drain,
            _ = signals.interrupt.recv() => break drain,
            asked = ended.recv() => break asked.flatten().or(drain),
            why = broken.recv() => {
                let why = why.unwrap_or_else(|| "a part of the exchange ended by itself".to_owned());
                return Err(Fault::failed(why).repair("this is a mistake of tollgate; start it again and report it"));
            }
        }
    };
    let patience = patience.map_or(DRAIN, Duration::from_secs);
    let _ = running.signalling.send(Ask::Drain).await;
    tracing::info!(
        calls = running.exchange.calls.count(),
        seconds = patience.as_secs(),
        "no new calls; waiting for those that are on"
    );
    let calm = async {
        while running.exchange.calls.count() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(patience, calm) => {}
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
    }
    let left = running.exchange.calls.end(None);
    if left > 0 {
        tracing::warn!(calls = left, "calls are ended");
    }
    // Their BYEs go out and are answered, their records are written.
    let quiet = async {
        loop {
            let sessions = running.report().await.map_or(0, |report| report.endpoint.sessions);
            if sessions == 0 && running.exchange.calls.count() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(LAST_WORDS, quiet).await;
    Ok(())
}
