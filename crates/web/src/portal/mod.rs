//! The portal: pages for people, rendered here, acting through [`Desk`] alone. `routes` says who may see what, `door` keeps it,
//! `entrance` lets people in, `pages` are one file each. Everything works without scripts.

mod door;
mod entrance;
mod pages;
mod people;
mod routes;
mod secrets;
mod sessions;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use tokio::sync::Semaphore;

use crate::desk::{Desk, Told};
use crate::limits;
use people::{People, Role};
use sessions::{Sessions, Tries};

/// The portal of one exchange.
pub struct Portal {
    pub(crate) desk: Arc<dyn Desk>,
    sessions: Mutex<Sessions>,
    tries: Mutex<Tries>,
    invitations: Mutex<HashMap<[u8; 32], Invitation>>,
    /// One change of the people at a time.
    changing: tokio::sync::Mutex<()>,
    checks: Semaphore,
    viewers: Arc<Semaphore>,
    /// Codes of browsers that were let in once; hashes are made with it.
    known: [u8; 32],
}

/// A link by which somebody becomes a person of the portal.
#[derive(Debug, Clone)]
pub(crate) struct Invitation {
    /// The name is fixed, where one person invites another.
    name: Option<String>,
    role: Role,
    extension: Option<String>,
    totp: Vec<u8>,
    until: Instant,
    tries: u32,
}

impl Portal {
    /// A portal without people in it.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn new(desk: Arc<dyn Desk>) -> Result<Arc<Self>, Told> {
        let known = secrets::random().ok_or_else(|| Told::new("the system gives no random bytes"))?;
        Ok(Arc::new(Self {
            desk,
            sessions: Mutex::default(),
            tries: Mutex::default(),
            invitations: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            checks: Semaphore::new(limits::LOGIN_CHECKS),
            viewers: Arc::new(Semaphore::new(limits::VIEWERS)),
            known,
        }))
    }

    /// Is there nobody yet who could log in as owner?
    ///
    /// # Errors
    /// What keeps the people from being read.
    pub async fn is_empty(&self) -> Result<bool, Told> {
        Ok(!self.people().await?.0.iter().any(|person| person.role == Role::Owner))
    }

    /// The path of a new link by which an owner is made, or made anew: once, for [`limits::INVITATION_LIFE`].
    ///
    /// # Errors
    /// Where the system gives no random bytes, or too many links are open.
    pub fn set_up_link(&self) -> Result<String, Told> {
        self.invite(None, Role::Owner, None)
    }

    fn invite(&self, name: Option<String>, role: Role, extension: Option<String>) -> Result<String, Told> {
        let none = || Told::new("the system gives no random bytes");
        let token = secrets::token().ok_or_else(none)?;
        let totp: [u8; 20] = secrets::random().ok_or_else(none)?;
        let now = Instant::now();
        let mut open = self.invitations();
        open.retain(|_, one| one.until > now);
        if open.len() >= limits::INVITATIONS {
            return Err(Told::new("too many links are open: wait until some have run out"));
        }
        let until = now + limits::INVITATION_LIFE;
        open.insert(
            secrets::hash_of(&token),
            Invitation { name, role, extension, totp: totp.to_vec(), until, tries: 0 },
        );
        Ok(format!("/setup/{token}"))
    }

    fn invitations(&self) -> MutexGuard<'_, HashMap<[u8; 32], Invitation>> {
        self.invitations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn people(&self) -> Result<People, Told> {
        let kept = self.desk.people().await?;
        People::from_kept(kept.as_ref().map(|text| text.as_str()))
            .map_err(|_| Told::new("the list of people is damaged"))
    }

    async fn keep(&self, people: &People) -> Result<(), Told> {
        let kept = people.to_kept().map_err(|error| Told::new(error.to_string()))?;
        self.desk.keep_people(kept).await
    }

    /// Writes down what a person did.
    fn act(&self, who: &str, what: &str) {
        self.desk.store().event(self.desk.now(), "act", &format!("{who}: {what}"));
    }
}

/// Time until `until`, in whole seconds that a person can wait for.
fn seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

/// All pages.
pub(crate) fn router(portal: Arc<Portal>) -> Router {
    routes::all(portal)
}
