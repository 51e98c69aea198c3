//! What a running exchange does when it is asked over the control socket, or by a signal.

use crate::config_file::edit::Change;
use crate::control::server::Serve;
use crate::control::{Answer, Request};
use crate::drill;
use crate::exchange::trunks::Locals;
use crate::exchange::{deeds, desk, public, snapshot, trunk_test, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::Home;
use crate::net::media_io::MediaIo;
use crate::net::sip_io::{Ask, Report};
use crate::net::tls::Identity;
use crate::prompts::Prompts;
use pbx::exchange::Exchange;
use pbx::guard::{self, Guard};
use pbx::live::Wires;
use pbx::phones::Phones;
use pbx::trunks::Trunks;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use store::{ConfigVersion, Store};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};

/// A reload that was asked for a moment ago has happened within this time.
const RELOAD: Duration = Duration::from_secs(3);

/// Everything that is going on.
pub(crate) struct Running {
    pub(crate) home: Home,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) store: Store,
    pub(crate) phones: Arc<Phones>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) trunks: Arc<Trunks>,
    /// For calls that the exchange places itself.
    pub(crate) wires: Arc<Wires>,
    /// Our certificate, where TLS is spoken.
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) media: Arc<MediaIo>,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) signalling: mpsc::Sender<Ask>,
    pub(crate) trunks_changed: Arc<Notify>,
    pub(crate) public_changed: Notify,
    pub(crate) locals: Locals,
    pub(crate) started: Instant,
    /// Told to end, with the seconds that calls may still have.
    pub(crate) end: mpsc::Sender<Option<u64>>,
    /// What the proof said of the plan that runs.
    pub(crate) proof: std::sync::Mutex<web::desk::Proof>,
    /// Where the portal is served.
    pub(crate) portal_at: Option<std::net::SocketAddr>,
    /// The portal, where it is served.
    pub(crate) portal: std::sync::OnceLock<std::sync::Weak<web::Portal>>,
    /// By which the calls of a drill come in.
    pub(crate) drills: Arc<pbx::drill::Drills>,
    /// The drill that is on, or was.
    pub(crate) drill: drill::Drilling,
    /// One change of the text at a time.
    pub(crate) changing: Mutex<()>,
}

impl Running {
    /// Reads the configuration again. All of it is taken, or nothing; calls that are on keep what they began with.
    pub(crate) async fn reload(&self, author: &str) -> Outcome<Value> {
        let _one = self.changing.lock().await;
        self.take_over(author).await
    }

    /// Needs [`Running::changing`].
    pub(crate) async fn take_over(&self, author: &str) -> Outcome<Value> {
        let home = self.home.clone();
        // Parsing and proving a large plan takes a while: not on a thread that calls need.
        let running = self.exchange.snapshot.load_full();
        let build = move || {
            let built = snapshot::of(&home)?;
            snapshot::vouched(&home, &running.reach, &built)?;
            Ok::<_, Fault>(built)
        };
        let built = tokio::task::spawn_blocking(build).await.doing(|| "build the plan".to_owned())??;
        let config = Arc::clone(&built.snapshot.config);
        let before = Arc::clone(&self.exchange.snapshot.load().config);
        let verdict = built.verdict.clone();
        let proof = desk::proof(&built);
        let hash = built.snapshot.program.hash();
        // A certificate that cannot be used is a broken configuration: nothing is taken over.
        if let Some(identity) = &self.identity {
            let (certificate, key) = self.home.tls(&config.tls);
            if identity.reload(&certificate, &key)? {
                tracing::info!("new connections see another certificate");
            }
        }
        self.prompts.set_folders(snapshot::sound_folders(&self.home, &config));
        self.exchange.snapshot.store(Arc::new(built.snapshot));
        *self.proof.lock().unwrap_or_else(PoisonError::into_inner) = proof;
        self.media.configure(|ports| {
            if config.media != before.media {
                ports.set_range(config.media.address, &config.media.ports);
            }
        });
        public::take_over(self, &config).await;
        self.public_changed.notify_one();
        self.trunks_changed.notify_one();
        self.warm();
        let mut later = Vec::new();
        let listens = |config: &pbx::config::Config| {
            let sip = &config.sip;
            (sip.udp.clone(), sip.tcp.clone(), sip.tls.clone(), config.portal.listen)
        };
        if listens(&config) != listens(&before) {
            later.push("the addresses to listen on are taken at the next start");
        }
        self.keep_version(&built.text, hash, author, &verdict).await;
        tracing::info!(author, verdict = verdict.replace('\n', " | "), "configuration taken over");
        Ok(json!({ "reloaded": true, "verdict": verdict, "findings": built.findings.len(), "later": later }))
    }

    /// Loads the prompts that the plan names, before somebody has to wait for them.
    pub(crate) fn warm(&self) {
        let snapshot = self.exchange.snapshot.load_full();
        let prompts = Arc::clone(&self.prompts);
        std::thread::spawn(move || {
            let sounds: BTreeSet<String> = snapshot.program.sounds().map(|used| used.sound).collect();
            prompts.warm(sounds.iter().map(String::as_str), &snapshot.config.system.language);
        });
    }

    /// Keeps the text in the store, so that it can be taken back.
    pub(crate) async fn keep_version(&self, text: &str, hash: [u8; 32], author: &str, verdict: &str) {
        match self.store.config_versions(1).await {
            Ok(newest) if newest.first().is_some_and(|version| version.text == text) => return,
            _ => {}
        }
        let version = ConfigVersion {
            id: 0,
            hash,
            text: text.to_owned(),
            author: author.to_owned(),
            at: wall(),
            verdict: verdict.to_owned(),
        };
        if let Err(error) = self.store.add_config_version(version).await {
            tracing::warn!(%error, "this version of the configuration is not kept");
        }
    }

    async fn edit(&self, author: &str, change: Change) -> Outcome<Value> {
        let _one = self.changing.lock().await;
        let (home, wanted) = (self.home.clone(), change.clone());
        tokio::task::spawn_blocking(move || deeds::change(&home, &wanted))
            .await
            .doing(|| "change the configuration".to_owned())??;
        let told = self.take_over(author).await?;
        if let Change::RemoveExtension { number } = &change {
            self.phones.set_credentials(number, None);
            let doing = || format!("forget the secret of {number}");
            self.store.remove_credentials(number).await.doing(doing)?;
        }
        if let Some(of) = change.closes() {
            self.exchange.pins.remove(&of).await.doing(|| format!("forget the PIN of {of}"))?;
        }
        Ok(told)
    }

    async fn new_pin(&self, opens: &deeds::Opens) -> Outcome<Value> {
        // What was written just now may be on its way in with a reload.
        let written = deeds::config(&self.home)?.config;
        opens.must_exist(&written)?;
        Ok(deeds::new_pin(&self.store, &self.exchange.pins, opens).await?.to_json())
    }

    async fn rotate(&self, user: &str) -> Outcome<Value> {
        self.must_know(user).await?;
        let rotated = deeds::rotate(&self.store, user).await?;
        self.phones.set_credentials(user, Some(rotated.ha1.clone()));
        tracing::info!(user, "the secret is new");
        Ok(rotated.to_json())
    }

    /// An extension that was written just now may be on its way in with a reload.
    async fn must_know(&self, user: &str) -> Outcome<()> {
        let known = || self.exchange.snapshot.load().config.extensions.contains_key(user);
        let until = Instant::now() + RELOAD;
        while !known() {
            let written = deeds::config(&self.home).is_ok_and(|read| read.config.extensions.contains_key(user));
            if !written {
                return deeds::must_exist(&self.exchange.snapshot.load().config, user);
            }
            if Instant::now() > until {
                return Err(Fault::failed(format!("extension {user} is written but not taken over yet"))
                    .repair(format!("kill -HUP {}", std::process::id())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn ban(&self, source: &str, seconds: Option<u64>) -> Outcome<Value> {
        let ip = guard::parse(source).map_err(Fault::failed)?;
        if self.phones.knows(ip) || self.trunks.knows(ip) {
            return Err(Fault::failed(format!("{source} is the address of a trunk or of a registered phone"))
                .repair("remove the trunk or make the extension's secret new first"));
        }
        let rules = &self.exchange.snapshot.load().config.bans;
        if rules.spares(ip) {
            return Err(deeds::never_banned(source));
        }
        let time = |times| seconds.map_or_else(|| rules.time(times), Duration::from_secs);
        let ban = self.guard.ban(Instant::now(), wall(), ip, &time, "by the owner");
        self.guard.written().await;
        Ok(json!(ban))
    }

    async fn unban(&self, source: &str) -> Outcome<Value> {
        let ip = guard::parse(source).map_err(Fault::failed)?;
        if !self.guard.unban(wall(), ip) {
            return Err(Fault::failed(format!("{source} is not banned")).repair("tollgate ban list"));
        }
        self.guard.written().await;
        Ok(json!({ "removed": guard::text(ip) }))
    }

    fn rescue(&self) -> Outcome<Value> {
        let (portal, at) =
            self.portal.get().and_then(std::sync::Weak::upgrade).zip(self.portal_at).ok_or_else(|| {
                Fault::failed("the portal is not served")
                    .repair("write listen = \"private\" under [portal] in tollgate.toml and start again")
            })?;
        let path = portal.set_up_link().map_err(|told| Fault::failed(told.message))?;
        self.store.event(wall(), "portal-rescue", "a set-up link of the portal was made on the console");
        Ok(json!({ "link": format!("http://{at}{path}"), "minutes": 30 }))
    }

    /// The signalling task's numbers.
    pub(crate) async fn report(&self) -> Option<Report> {
        let (reply, answer) = oneshot::channel();
        self.signalling.send(Ask::Report(reply)).await.ok()?;
        tokio::time::timeout(Duration::from_secs(2), answer).await.ok()?.ok()
    }

    async fn status(&self) -> Outcome<Value> {
        let report = self.report().await.ok_or_else(|| Fault::failed("signalling does not answer"))?;
        let media = self.media.counts();
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "up_seconds": self.started.elapsed().as_secs(),
            "calls": self.exchange.calls.count(),
            "sessions": report.sessions,
            "transactions": report.endpoint.server_transactions + report.endpoint.client_transactions,
            "dialogs": report.endpoint.dialogs,
            "streams": report.streams,
            "registrations": self.phones.registered(),
            "media_ports": media.ports,
            "rtp_pairs": media.pairs,
            "store_healthy": self.store.health(),
            "listens": self.locals.udp,
        }))
    }

    /// Does what somebody asked for.
    pub(crate) async fn carry_out(self: Arc<Self>, author: &str, request: Request) -> Outcome<Value> {
        match request {
            Request::Status => self.status().await,
            Request::Reload => self.reload(author).await,
            Request::Shutdown { drain } => {
                self.end.send(drain).await.doing(|| "end the exchange".to_owned())?;
                Ok(json!({ "ending": true }))
            }
            Request::Channels => Ok(json!(self.exchange.calls.list())),
            Request::Rotate { user } => self.rotate(&user).await,
            Request::CountMessages => {
                self.exchange.mailboxes.refresh(None).await.doing(|| "count the messages".to_owned())?;
                Ok(json!({ "counted": true }))
            }
            Request::NewPin { opens } => self.new_pin(&opens).await,
            Request::Bans => Ok(json!(self.guard.list(Instant::now()))),
            Request::Ban { source, seconds } => self.ban(&source, seconds).await,
            Request::Unban { source } => self.unban(&source).await,
            Request::Edit { change } => self.edit(author, change).await,
            Request::HangUp { call } => match self.exchange.calls.end(Some(&call)) {
                0 => Err(Fault::failed("there is no such call any more").repair("see: tollgate channels")),
                ended => Ok(json!({ "ended": ended })),
            },
            Request::Drill { wishes } => {
                drill::begin(&self, wishes).await?;
                Ok(json!({ "began": true }))
            }
            Request::DrillStatus => serde_json::to_value(drill::status(&self)).doing(|| "tell of the drill".to_owned()),
            Request::DrillStop if drill::stop(&self) => Ok(json!({ "ending": true })),
            Request::DrillStop => Err(Fault::failed("no drill is on")),
            Request::NotifyTest => {
                let config = Arc::clone(&self.exchange.snapshot.load().config);
                let told = crate::notify::test(&self.home, &config, &self.store).await;
                let said = told.into_iter().map(|(way, sent)| json!({ "way": way, "wrong": sent.err() }));
                Ok(Value::Array(said.collect()))
            }
            Request::NotifySecret => {
                Ok(json!({ "secret": *crate::notify::new_secret(&self.home, &self.store).await? }))
            }
            Request::Rescue => self.rescue(),
            Request::Trunks => Ok(json!(self.trunks.list())),
            Request::TrunkSecret { trunk, secret } => {
                deeds::trunk_secret(&self.home, &self.store, &trunk, &secret.0).await?;
                self.trunks_changed.notify_one();
                Ok(json!({ "kept": true }))
            }
            Request::TrunkTest { trunk, call, user } => {
                let call = call.as_deref().zip(user.as_deref());
                Ok(json!(trunk_test::run(&self, &trunk, call).await?))
            }
        }
    }
}

impl Serve for Running {
    fn serve(self: Arc<Self>, request: Request) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        Box::pin(async move { Answer::from(self.carry_out("the command line", request).await) })
    }
}
