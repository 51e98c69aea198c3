//! What all calls of one call tree share: the first caller's origin, his signs of life, the way taken.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use dialplan::Place;

use crate::entry::Ticket;
use crate::limits;
use crate::switch::Origin;

/// Facts of a call tree. The origin is set once, by [`crate::entry`], and never changes: a Local channel, a
/// transfer or a parked call has the rights of whoever started the tree, and no more.
#[derive(Debug)]
pub struct Tree {
    /// Number of the call tree, unique over restarts.
    pub id: String,
    /// Who started it.
    pub origin: Origin,
    /// Name of the entry, as the proof knows it.
    pub entry: String,
    /// The address its caller's signalling came from, where there is one.
    pub source: Option<IpAddr>,
    /// What the caller had dialled.
    pub dialled: String,
    /// A stranger's place in the pool, given back when the whole tree is over.
    _ticket: Option<Ticket>,
    acknowledged: AtomicBool,
    heard: AtomicBool,
    joined: AtomicBool,
    keys: AtomicUsize,
    locals: AtomicUsize,
    parkings: AtomicUsize,
    path: Mutex<Vec<String>>,
    pub(super) recordings: super::recordings::Recordings,
}

impl Tree {
    /// A new tree.
    #[must_use]
    pub fn new(
        id: String,
        origin: Origin,
        entry: String,
        source: Option<IpAddr>,
        dialled: String,
        ticket: Option<Ticket>,
    ) -> Self {
        Self {
            id,
            origin,
            entry,
            source,
            dialled,
            _ticket: ticket,
            acknowledged: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            joined: AtomicBool::new(false),
            keys: AtomicUsize::new(0),
            locals: AtomicUsize::new(0),
            parkings: AtomicUsize::new(0),
            path: Mutex::new(Vec::new()),
            recordings: super::recordings::Recordings::default(),
        }
    }

    /// The first caller's ACK has come.
    pub fn acknowledged(&self) {
        self.acknowledged.store(true, Ordering::Relaxed);
    }

    /// The first caller has been heard: a valid RTP packet or a key.
    pub fn heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Whether the first caller is known to be there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.acknowledged.load(Ordering::Relaxed) && self.heard.load(Ordering::Relaxed)
    }

    /// The first caller pressed a key.
    pub fn pressed(&self) {
        self.keys.fetch_add(1, Ordering::Relaxed);
    }

    /// Keys that the first caller pressed.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// Two parties of this tree talk.
    pub fn join(&self) {
        self.joined.store(true, Ordering::Relaxed);
    }

    /// Whether two parties of this tree have talked.
    #[must_use]
    pub fn was_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    /// Takes one of the tree's Local channels; `false` when all are used up.
    #[must_use]
    pub fn take_local(&self) -> bool {
        self.locals.fetch_add(1, Ordering::Relaxed) < limits::LOCAL_TOTAL
    }

    /// Counts a parking; `false` when the tree has been parked as often as a call may.
    #[must_use]
    pub fn take_parking(&self) -> bool {
        self.parkings.fetch_add(1, Ordering::Relaxed) < limits::PARKINGS
    }

    /// Notes that the plan passed this line.
    pub fn pass(&self, place: &Place, app: &str) {
        let mut path = self.path.lock().unwrap_or_else(PoisonError::into_inner);
        if path.len() < limits::PATH {
            path.push(format!("{},{},{} {app}", place.context, place.exten, place.priority));
        }
    }

    /// The lines passed so far, oldest first.
    #[must_use]
    pub fn path(&self) -> Vec<String> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
