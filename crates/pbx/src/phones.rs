//! Where phones are reached: registrations and credentials. Trunks are in [`crate::trunks`].
//!
//! Shared by the signalling task (which registers) and the call tasks (which ring). The store has a copy of the
//! registrations, so that phones ring at once after a restart; a stream's registration ends with its connection.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sip::registrar::Reply;
use sip::{Flow, Ha1, HeaderList, Registrar, Request, SavedBinding, Transport, Uri};
use store::{Registration, Store};
use tokio::sync::{mpsc, watch};

use crate::gate::{Permit, PermitTarget};
use crate::limits;
use crate::switch::Contact;
use crate::trunks::Route;

/// What the store's keeper is told: everything that one address of record has now.
type Kept = (String, Vec<SavedBinding>);

/// Registrations and credentials.
pub struct Phones {
    realm: String,
    credentials: RwLock<BTreeMap<String, Ha1>>,
    registrar: Mutex<Registrar>,
    /// Addresses of registered phones: these go first, and are never banned.
    known: RwLock<HashSet<IpAddr>>,
    keeper: mpsc::Sender<Kept>,
    store: Store,
    /// The public address that was learned last.
    public: watch::Sender<Option<IpAddr>>,
}

impl Phones {
    /// Phones of this realm, with what the store kept. Starts the task that keeps registrations in the store.
    ///
    /// `now` and `wall_ms` are the same moment on both clocks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(store: Store, now: Instant, wall_ms: i64) -> Result<Self, store::Error> {
        let credentials = store.all_credentials().await?.into_iter().map(|(user, kept)| (user, ha1(&kept))).collect();
        let mut registrar = Registrar::new();
        let saved = store.registrations(wall_ms).await?;
        registrar.import(now, saved.into_iter().filter_map(|row| binding(row, wall_ms)));
        let realm = store.realm().to_owned();
        let (keeper, kept) = mpsc::channel(limits::KEEPER);
        tokio::spawn(keep(store.clone(), kept));
        let phones = Self {
            realm,
            credentials: RwLock::new(credentials),
            registrar: Mutex::new(registrar),
            known: RwLock::default(),
            keeper,
            store,
            public: watch::Sender::new(None),
        };
        phones.know();
        Ok(phones)
    }

    /// The public address as it was learned, from a trunk or a STUN server.
    #[must_use]
    pub fn public(&self) -> watch::Receiver<Option<IpAddr>> {
        self.public.subscribe()
    }

    /// Somebody who is believed says where our packets come from.
    pub fn learned(&self, ip: IpAddr) {
        self.public.send_if_modified(|known| known.replace(ip) != Some(ip));
    }

    /// Phones that are reached through a router of their own: their contact is not where their packets come from.
    #[must_use]
    pub(crate) fn behind_routers(&self, now: Instant) -> Vec<(Flow, Uri)> {
        let mut registrar = self.registrar();
        registrar.expire(now);
        registrar
            .iter()
            .flat_map(|(_, all)| all.iter())
            .filter(|binding| binding.flow.transport == Transport::Udp)
            .filter(|binding| binding.contact.ip() != Some(binding.flow.remote.ip().to_canonical()))
            .map(|binding| (binding.flow, binding.contact.clone()))
            .collect()
    }

    /// The store that registrations are kept in.
    #[must_use]
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The realm of our challenges.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// What is kept of a user's secret.
    #[must_use]
    pub fn credentials(&self, user: &str) -> Option<Ha1> {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner).get(user).cloned()
    }

    /// Replaces, or with `None` removes, a user's secret. Registrations made with the old one end.
    pub fn set_credentials(&self, user: &str, secret: Option<Ha1>) {
        let mut credentials = self.credentials.write().unwrap_or_else(PoisonError::into_inner);
        match secret {
            Some(secret) => credentials.insert(user.to_owned(), secret),
            None => credentials.remove(user),
        };
        drop(credentials);
        self.registrar().remove_aor(user);
        self.know();
        self.keep(user, Vec::new());
    }

    /// Whether a registered phone is at this address.
    #[must_use]
    pub fn knows(&self, ip: IpAddr) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&ip.to_canonical())
    }

    /// Works out anew who is known, after somebody may have gone.
    fn know(&self) {
        let known: HashSet<IpAddr> = self
            .registrar()
            .iter()
            .flat_map(|(_, all)| all.iter().map(|binding| binding.flow.remote.ip().to_canonical()))
            .collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn registrar(&self) -> std::sync::MutexGuard<'_, Registrar> {
        self.registrar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a live registration came by this flow.
    #[must_use]
    pub fn is_registered_flow(&self, now: Instant, flow: &Flow) -> bool {
        self.registrar().aor_of(now, flow).is_some()
    }

    /// Carries out a REGISTER of an authenticated user and returns the answer.
    pub fn register(&self, now: Instant, user: &str, request: &Request, flow: Flow) -> Reply {
        let wanted = request.to().user();
        if wanted.as_deref() != Some(user) {
            // A phone may register itself and nobody else (RFC 3261 §10.3 step 3).
            return Reply { status: 403, reason: "Forbidden", headers: HeaderList::new(), changed: false };
        }
        let mut registrar = self.registrar();
        let reply = registrar.register(now, user, request, flow);
        if reply.changed {
            let all = registrar.export_of(now, user);
            drop(registrar);
            if !all.is_empty() && !self.knows(flow.remote.ip()) {
                self.known.write().unwrap_or_else(PoisonError::into_inner).insert(flow.remote.ip().to_canonical());
            }
            self.keep(user, all);
        }
        reply
    }

    fn keep(&self, user: &str, all: Vec<SavedBinding>) {
        if self.keeper.try_send((user.to_owned(), all)).is_err() {
            tracing::warn!(user, "the store does not keep up: this registration will not survive a restart");
        }
    }

    /// Ends the registrations that came by a stream which is gone.
    pub fn connection_closed(&self, now: Instant, connection: u64) {
        let losers = self.registrar().closed(connection);
        if !losers.is_empty() {
            self.know();
        }
        for user in losers {
            tracing::debug!(user, "a phone's connection is gone");
            let left = self.registrar().export_of(now, &user);
            self.keep(&user, left);
        }
    }

    /// Forgets registrations that ran out, and says when to call again.
    pub fn expire(&self, now: Instant) -> Option<Instant> {
        let losers = self.registrar().expire(now);
        if !losers.is_empty() {
            self.know();
        }
        self.registrar().poll_timeout()
    }

    /// The contacts of a phone, best first.
    #[must_use]
    pub fn contacts(&self, now: Instant, user: &str) -> Vec<Contact> {
        self.registrar()
            .bindings(now, user)
            .map(|binding| Contact { uri: binding.contact.to_string(), flow: Some(binding.flow) })
            .collect()
    }

    /// How many contacts are registered.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.registrar().len()
    }

    /// Users that are registered now, with the address of each contact.
    #[must_use]
    pub fn list(&self) -> Vec<(String, Vec<SocketAddr>)> {
        self.registrar()
            .iter()
            .map(|(user, all)| (user.to_owned(), all.iter().map(|binding| binding.flow.remote).collect()))
            .collect()
    }

    /// Where a permitted leg to a phone goes.
    #[must_use]
    pub fn route(&self, now: Instant, permit: &Permit, contact: &Contact) -> Option<Route> {
        // A permit for one phone must not ring another: the contact has to be one of its own.
        let PermitTarget::Phone { user } = permit.target() else { return None };
        let flow = contact.flow?;
        if !self.contacts(now, user).contains(contact) {
            return None;
        }
        Some(Route::to_phone(flow, Uri::parse(&contact.uri).ok()?))
    }
}

/// Our address on a flow, as a host.
pub(crate) fn host(flow: &Flow) -> String {
    match flow.local.ip() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

fn ha1(kept: &store::Credentials) -> Ha1 {
    Ha1 { sha256: hex::encode(kept.ha1_sha256), md5: hex::encode(kept.ha1_md5) }
}

fn binding(row: Registration, wall_ms: i64) -> Option<SavedBinding> {
    let remaining = u64::try_from(row.expires_at - wall_ms).ok()?;
    Some(SavedBinding {
        aor: row.aor,
        contact: row.contact,
        flow: Flow {
            transport: Transport::parse(&row.transport)?,
            local: row.local.parse().ok()?,
            remote: row.remote.parse().ok()?,
            connection: row.connection,
        },
        remaining: Duration::from_millis(remaining),
        q: 1000,
        instance: None,
        user_agent: row.user_agent,
        call_id: row.call_id,
        cseq: row.cseq,
    })
}

/// Writes what phones registered into the store, one after the other, so that the last word of a phone stands.
async fn keep(store: Store, mut kept: mpsc::Receiver<Kept>) {
    while let Some((user, all)) = kept.recv().await {
        if let Err(error) = replace(&store, &user, all).await {
            tracing::warn!(user, %error, "a registration is not kept for a restart");
        }
    }
}

async fn replace(store: &Store, user: &str, all: Vec<SavedBinding>) -> Result<(), store::Error> {
    let wall = jiff::Timestamp::now().as_millisecond();
    store.remove_registration(user, None).await?;
    for saved in all {
        let remaining = i64::try_from(saved.remaining.as_millis()).unwrap_or(i64::MAX);
        let row = Registration {
            aor: saved.aor,
            contact: saved.contact,
            transport: saved.flow.transport.param().to_owned(),
            local: saved.flow.local.to_string(),
            remote: saved.flow.remote.to_string(),
            connection: saved.flow.connection,
            expires_at: wall.saturating_add(remaining),
            call_id: saved.call_id,
            cseq: saved.cseq,
            user_agent: saved.user_agent,
            path: None,
        };
        store.save_registration(row).await?;
    }
    Ok(())
}
