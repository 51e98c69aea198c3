//! Putting the exchange together, letting it go and taking it apart. Nothing is created before the ports are ours.
//! Next: `until_told` for what happens in between.

use crate::control::server;
use crate::drill::Drilling;
use crate::exchange::deeds;
use crate::exchange::desk;
use crate::exchange::first_run::{self, Prepared};
use crate::exchange::plan_rows::PlanRows;
use crate::exchange::public;
use crate::exchange::records::StoreRecords;
use crate::exchange::scripts::Scripts;
use crate::exchange::serve::Running;
use crate::exchange::snapshot::{self, Built};
use crate::exchange::source::Numbers;
use crate::exchange::trunks::{Locals, Roads};
use crate::exchange::until_told::{self, Signals};
use crate::exchange::{random, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::{Home, State, template};
use crate::limits::LAST_WORDS;
use crate::net::bind::{self, Bound, Wanted};
use crate::net::media_io::{self, MediaIo};
use crate::net::ports::Ports;
use crate::net::sip_io::{Ask, Report, SipIo};
use crate::net::tls::Identity;
use crate::prompts::Prompts;
use pbx::config::{Config, Network, PortalListen};
use pbx::database::Database;
use pbx::drill::Drills;
use pbx::entry::Door;
use pbx::exchange::{Clock, Exchange, Parts};
use pbx::gate::Gate;
use pbx::gate::budget::InStore;
use pbx::guard::Guard;
use pbx::live::Wires;
use pbx::mailbox::{self, Mailboxes};
use pbx::phones::Phones;
use pbx::trunks::Trunks;
use pbx::trunks::keeper::Keeper;
use sip::Endpoint;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{EventFilter, Mode, Spool, Store, Swept};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinHandle, JoinSet};

/// Where metrics are served when nothing else is said: loopback only.
const METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5080);

/// How often registrations and the like are looked through for what ran out.
const TIDY: Duration = Duration::from_secs(5);

/// Every so many of these, phones behind routers are asked for: a router forgets a way of datagrams after 30 s (RFC 4787 §4.3
/// wants two minutes; many do not care).
const KEEP_ALIVE: u32 = 5;

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
    /// Where the portal is, and the link by which its first owner is made; none while there is one.
    pub(crate) portal: Option<(String, bool)>,
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
    let named = |key: &str| built.written.contains(&["sip", key]) || built.written.contains(&["sip", "udp"]);
    let wanted = |list: &[SocketAddr], key: &str| -> Vec<Wanted> {
        list.iter().map(|at| Wanted { at: *at, named: named(key) }).collect()
    };
    let bound = bind::signalling(
        &wanted(&config.sip.udp, "udp"),
        &wanted(&config.sip.tcp, "tcp"),
        &wanted(&config.sip.tls, "tls"),
    )?;
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
        let mut ready = self.assemble(prepared).await?;
        let (tasks, portal) = ready.begin()?;
        if let Some(portal) = &portal {
            ready.told.portal = Some(desk::link(&ready.running, portal).await?);
        }
        ready.running.warm();
        ready.running.keep_version(&ready.text, ready.hash, "the file", &ready.told.verdict).await;
        tell(&ready.told);
        tracing::info!(home = %ready.running.home.path().display(), listens = ?ready.told.listens, "the exchange answers");
        let outcome = until_told::wait(&ready.running, signals, &mut ready.ended, &mut ready.broken, drain).await;
        ready.end(tasks).await;
        outcome.map_err(Stopped::Running)
    }

    /// Everything that runs later, made but not yet running.
    async fn assemble(self, prepared: Prepared) -> Outcome<Ready> {
        let Self { home, built, bound, metrics } = self;
        let config = Arc::clone(&built.snapshot.config);
        let hash = built.snapshot.program.hash();
        let proof = desk::proof(&built);
        let findings = built.findings.iter().map(|finding| finding.render(&built.sources)).collect();
        let store = Store::open(&home.store(), Mode::Run)
            .await
            .doing(|| format!("open the store {}", home.store().display()))?;
        let prompts = Arc::new(Prompts::new(snapshot::sound_folders(home, &config)));
        let mailboxes = mailboxes(home, &store).await?;
        let seed = random()?;
        let scripts = Arc::new(Scripts::new(home.path()));
        let rows = store.plan_rows().await.doing(|| "read the plan's database".to_owned())?;
        let database = Database::new(rows, Arc::new(PlanRows::new(store.clone())));
        let exchange = Exchange::new(Parts {
            snapshot: built.snapshot,
            gate: Gate::new(Arc::new(InStore::new(store.clone(), wall)))
                .telling(Arc::new(StoreRecords(store.clone())))
                .since(wall()),
            records: Arc::new(StoreRecords(store.clone())),
            pins: Arc::new(deeds::pins(home, store.clone())?),
            sounds: prompts.clone(),
            mailboxes,
            clock: Clock::new(wall),
            seed: seed.first_chunk().copied().map_or(0, u64::from_le_bytes),
        })
        .with_outside(database, Arc::clone(&scripts) as _);
        let exchange = Arc::new(exchange);
        scripts.of(&exchange);
        let abroad = EventFilter { kind: Some("new-country".to_owned()), ..EventFilter::default() };
        let abroad = store.events(&abroad).await.doing(|| "read the countries that were called".to_owned())?;
        exchange.gate.unusual.remember(abroad.iter().map(|event| event.text.as_str()));
        let (broke, broken) = mpsc::channel(4);
        let media = Arc::new(media(&config, broke.clone())?);
        let now = Instant::now();
        let phones = Phones::load(store.clone(), now, wall()).await.doing(|| "read the registrations".to_owned())?;
        let phones = Arc::new(phones);
        let known = Arc::clone(&phones);
        exchange.ask_registered(move |user| !known.contacts(Instant::now(), user).is_empty());
        let (orders, ordered) = mpsc::channel(pbx::limits::SIP_COMMANDS);
        let trunks = Arc::new(Trunks::default());
        let dialogs = store.dialogs().await.doing(|| "read what was left behind".to_owned())?;
        let left = Box::pin(pbx::signal::hang_up(dialogs, Arc::clone(&phones), Arc::clone(&trunks), orders.clone()));
        let wires = Arc::new(Wires {
            sip: orders.clone(),
            media: media.clone(),
            phones: Arc::clone(&phones),
            trunks: Arc::clone(&trunks),
        });
        let running_wires = Arc::clone(&wires);
        let guard = Guard::load(store.clone(), now, wall()).await.doing(|| "read the bans".to_owned())?;
        let shared = (Arc::clone(&phones), Arc::clone(&guard), Arc::clone(&trunks));
        let drills = Arc::new(Drills::default());
        let door = Door::new(Arc::clone(&exchange), shared.0, shared.1, shared.2, random()?, now);
        let door = door.for_drills(Arc::clone(&drills));
        let signal = pbx::signal::Signal::new(Arc::clone(&exchange), wires, door, keeper(&trunks, &store)?);
        let endpoint = Endpoint::new(sip_config(&config, phones.realm())?);
        let portal_at = metrics.as_ref().and_then(|listener| listener.local_addr().ok());
        let told = Told {
            listens: listens(&bound),
            addresses: addresses(&bound),
            skipped: bound.skipped.clone(),
            metrics: metrics.as_ref().and_then(|listener| listener.local_addr().ok()),
            portal: None,
            prepared,
            verdict: built.verdict,
            findings,
            without_secret: config.extensions.keys().filter(|u| phones.credentials(u).is_none()).cloned().collect(),
        };
        let at = |list: &[TcpListener]| list.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        let locals = Locals {
            udp: bound.udp.iter().filter_map(|socket| socket.local_addr().ok()).collect(),
            tcp: at(&bound.tcp),
            tls: at(&bound.tls),
        };
        let identity = identity(home, &config)?;
        let tls = match &identity {
            Some(identity) => Some(tokio_rustls::TlsAcceptor::from(identity.server()?)),
            None => None,
        };
        let (asks, asked) = mpsc::channel(64);
        let (who, ways) = (Arc::clone(&phones), Arc::clone(&trunks));
        let known = Arc::new(move |ip| who.knows(ip) || ways.knows(ip));
        let sip =
            SipIo::new(bound, tls, endpoint, signal, ordered, asked, known).doing(|| "take the sockets".to_owned())?;
        let control = server::listen(home)?;
        let (end, ended) = mpsc::channel(4);
        let running = Arc::new(Running {
            home: home.clone(),
            exchange,
            store,
            phones,
            guard,
            trunks,
            wires: running_wires,
            identity,
            media,
            prompts,
            signalling: asks,
            trunks_changed: Arc::new(Notify::new()),
            public_changed: Notify::new(),
            locals,
            started: now,
            end,
            proof: Mutex::new(proof),
            portal_at,
            portal: std::sync::OnceLock::new(),
            drills,
            drill: Drilling::default(),
            changing: tokio::sync::Mutex::new(()),
        });
        let doors = Some(Doors { sip, orders, control, metrics, left });
        Ok(Ready { running, told, doors, text: built.text, hash, broke, broken, ended })
    }
}

/// What listens.
struct Doors {
    sip: SipIo,
    orders: mpsc::Sender<pbx::signal::SipCommand>,
    control: server::Listening,
    metrics: Option<TcpListener>,
    /// Hangs up what a crash left behind.
    left: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// An exchange that only has to be let go.
struct Ready {
    running: Arc<Running>,
    told: Told,
    doors: Option<Doors>,
    text: String,
    hash: [u8; 32],
    /// Where parts say that they ended by themselves, both ends.
    broke: mpsc::Sender<String>,
    broken: mpsc::Receiver<String>,
    ended: mpsc::Receiver<Option<u64>>,
}

/// The tasks of a running exchange.
struct Tasks {
    sip: Option<JoinHandle<()>>,
    rest: JoinSet<()>,
}

impl Ready {
    /// From here on calls come in.
    fn begin(&mut self) -> Outcome<(Tasks, Option<Arc<web::Portal>>)> {
        let running = &self.running;
        let mut tasks = Tasks { sip: None, rest: JoinSet::new() };
        let Some(Doors { sip, orders, control, metrics, left }) = self.doors.take() else { return Ok((tasks, None)) };
        let broke = self.broke.clone();
        tasks.sip = Some(tokio::spawn(async move {
            sip.run().await;
            // Told to stop or broken: whoever waits finds out which.
            let _ = broke.try_send("the signalling task ended by itself".to_owned());
        }));
        tasks.rest.spawn(
            Roads {
                home: running.home.clone(),
                exchange: Arc::clone(&running.exchange),
                store: running.store.clone(),
                locals: running.locals.clone(),
                signalling: running.signalling.clone(),
                changed: Arc::clone(&running.trunks_changed),
            }
            .keep(),
        );
        tasks.rest.spawn(left);
        tasks.rest.spawn(public::follow(Arc::clone(running)));
        tasks.rest.spawn(server::run(control, Arc::clone(running)));
        tasks.rest.spawn(pbx::lamp::watch(Arc::clone(&running.exchange), orders));
        tasks.rest.spawn(crate::mail::run(running.home.clone(), Arc::clone(&running.exchange), running.store.clone()));
        tasks.rest.spawn(crate::notify::run(
            running.home.clone(),
            Arc::clone(&running.exchange),
            running.store.clone(),
        ));
        tasks.rest.spawn(tidy(Arc::clone(running)));
        let portal = match metrics {
            Some(listener) => Some(serve_metrics(&mut tasks.rest, listener, running)?),
            None => None,
        };
        Ok((tasks, portal))
    }

    /// Signalling first, so that nothing new comes; then sound; the store last, with all that they wrote.
    async fn end(self, mut tasks: Tasks) {
        let _ = self.running.signalling.send(Ask::Stop).await;
        if let Some(sip) = tasks.sip {
            let _ = tokio::time::timeout(LAST_WORDS, sip).await;
        }
        tasks.rest.shutdown().await;
        let _ = tokio::time::timeout(LAST_WORDS, media_io::stopped(Arc::clone(&self.running.media))).await;
        let _ = tokio::time::timeout(LAST_WORDS, self.running.guard.written()).await;
        let closed = tokio::time::timeout(LAST_WORDS, self.running.store.close()).await;
        if !matches!(closed, Ok(Ok(()))) {
            tracing::error!("the store could not be closed in order");
        }
        drop(self.told.prepared.lock);
        tracing::info!("the exchange has ended");
    }
}

/// Opens the mailboxes, and finishes what a crash left in them.
async fn mailboxes(home: &Home, store: &Store) -> Outcome<Arc<Mailboxes>> {
    let doing = || format!("open the mailboxes in {}", home.voicemail().display());
    let (spool, swept) = Spool::open(store.clone(), &home.voicemail()).await.doing(doing)?;
    if swept != Swept::default() {
        tracing::warn!(?swept, "finished what was left of messages when the exchange stopped");
        let text = format!(
            "messages taken in: {}, unfinished ones and finished deletions removed: {}, sound lost: {}",
            swept.taken_in, swept.removed, swept.lost
        );
        store.event(wall(), "voicemail-repaired", &text);
    }
    let mailboxes = Arc::new(Mailboxes::new(mailbox::InStore(spool)));
    mailboxes.refresh(None).await.doing(doing)?;
    Ok(mailboxes)
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
    sip.advertise = advertise(config, config.sip.public_address);
    Ok(sip)
}

/// What peers outside the local networks are told about where we are.
pub(crate) fn advertise(config: &Config, public: Option<std::net::IpAddr>) -> Option<sip::Advertise> {
    let public = public?;
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

/// Our certificate, where somebody may ask for it.
fn identity(home: &Home, config: &Config) -> Outcome<Option<Arc<Identity>>> {
    if config.sip.tls.is_empty() {
        return Ok(None);
    }
    let (certificate, key) = home.tls(&config.tls);
    Identity::load(&certificate, &key).map(Some)
}

/// Who registers at trunks, and writes down for the owner when one goes or comes.
fn keeper(trunks: &Arc<Trunks>, store: &Store) -> Outcome<Keeper> {
    let seed = random()?.first_chunk().copied().map_or(0, u64::from_le_bytes);
    let store = store.clone();
    Ok(Keeper::new(Arc::clone(trunks), seed, Box::new(move |kind, text| store.event(wall(), kind, text))))
}

fn listens(bound: &Bound) -> Vec<String> {
    let udp = bound.udp.iter().filter_map(|socket| socket.local_addr().ok()).map(|at| format!("udp {at}"));
    let tcp = bound.tcp.iter().filter_map(|socket| socket.local_addr().ok()).map(|at| format!("tcp {at}"));
    let tls = bound.tls.iter().filter_map(|socket| socket.local_addr().ok()).map(|at| format!("tls {at}"));
    udp.chain(tcp).chain(tls).collect()
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

fn serve_metrics(tasks: &mut JoinSet<()>, listener: TcpListener, running: &Arc<Running>) -> Outcome<Arc<web::Portal>> {
    let listener = tokio::net::TcpListener::from_std(listener).doing(|| "serve metrics".to_owned())?;
    let numbers = Arc::new(Numbers { running: Arc::clone(running), signalling: Mutex::new(Report::default()) });
    let source = Arc::clone(&numbers);
    let portal = desk::portal(running)?;
    let served = Arc::clone(&portal);
    tasks.spawn(async move {
        if let Err(error) = web::serve(listener, source, Some(served), std::future::pending()).await {
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
    Ok(portal)
}

/// Forgets what ran out.
async fn tidy(running: Arc<Running>) {
    let mut turn = 0_u32;
    loop {
        tokio::time::sleep(TIDY).await;
        turn = turn.wrapping_add(1);
        if turn.is_multiple_of(KEEP_ALIVE) {
            let _ = running.signalling.send(Ask::KeepAlive).await;
        }
        running.phones.expire(Instant::now());
        running.guard.tidy(Instant::now(), wall());
        if let Err(error) = running.store.expire_registrations(wall()).await {
            tracing::warn!(%error, "registrations that ran out stay in the store");
        }
    }
}
