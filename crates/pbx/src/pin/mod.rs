//! PINs: what callers type to hear a mailbox or to use a grant.
//!
//! [`Pins::check`] is the only way to compare one: it counts the try before it hashes ([`Keep`]), hashes with Argon2id
//! and the pepper of the home ([`Hasher`]), a bounded number at once, and says [`Verdict`]. A PIN lives in [`Digits`],
//! which is wiped when it goes and has no text of its own, so that no log, record or event can hold one. What is too
//! easy to guess is refused by [`weak`]. Applications ask by [`crate::call::Call::check_pin`].

mod hash;
mod keep;
mod weak;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use store::Tried;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::limits;
use crate::switch::Origin;

pub use hash::Hasher;
pub use keep::{Answer, InMemory, InStore, Keep};
pub use weak::{Weak, weak};

/// Digits that somebody typed or that a PIN is made of. Wiped when dropped; shows nothing.
#[derive(Clone, Default)]
pub struct Digits(Zeroizing<String>);

impl Digits {
    /// Takes a text over; what is longer than any PIN is cut, and then it is no PIN.
    #[must_use]
    pub fn new(text: &str) -> Self {
        // Room for all that may follow: a buffer that grows leaves copies behind.
        let mut digits = Self::empty();
        text.chars().for_each(|key| digits.push(key));
        digits
    }

    /// No digits yet.
    #[must_use]
    pub fn empty() -> Self {
        Self(Zeroizing::new(String::with_capacity(limits::PIN_DIGITS + 4)))
    }

    /// One more key; beyond [`limits::PIN_DIGITS`] and one it is dropped.
    pub fn push(&mut self, key: char) {
        if self.0.len() <= limits::PIN_DIGITS {
            self.0.push(key);
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The digits, for hashing, and for showing a new PIN to its owner once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits(…)")
    }
}

/// What a PIN opens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinOf {
    /// A mailbox.
    Mailbox(String),
    /// A grant of the owner.
    Grant(String),
    /// Whatever a context of a hand-written plan guards with a PIN in its text. All of them together are one account:
    /// a caller chooses which line he comes by.
    Plan(String),
}

impl PinOf {
    /// Fewest digits of a PIN for it. What leads to money wants more than what leads to messages.
    #[must_use]
    pub fn shortest(&self) -> usize {
        match self {
            Self::Mailbox(_) | Self::Plan(_) => limits::PIN_SHORTEST,
            Self::Grant(_) => limits::PIN_SHORTEST_GRANT,
        }
    }

    /// Its key in the store.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Mailbox(number) => format!("mailbox:{number}"),
            Self::Grant(name) => format!("grant:{name}"),
            Self::Plan(context) => format!("plan:{context}"),
        }
    }

    /// A number that everybody would try first.
    fn number(&self) -> Option<&str> {
        match self {
            Self::Mailbox(number) => Some(number),
            Self::Grant(_) | Self::Plan(_) => None,
        }
    }
}

impl fmt::Display for PinOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(number) => write!(f, "mailbox {number}"),
            Self::Grant(name) => write!(f, "grant {name}"),
            Self::Plan(context) => write!(f, "context {context} of the plan"),
        }
    }
}

/// Whose tries are counted together. A phone that proved its secret has an account of its own, so that no stranger can
/// lock it out; everybody else shares one, for addresses and caller IDs cost an attacker nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// This extension's phone.
    Extension(String),
    /// Strangers and trunks.
    Outside,
}

impl Who {
    /// The account of whoever started a call.
    #[must_use]
    pub fn of(origin: &Origin) -> Self {
        match origin {
            Origin::Extension { user } => Self::Extension(user.clone()),
            Origin::Stranger { .. } | Origin::Trunk { .. } | Origin::System => Self::Outside,
        }
    }

    /// Its key in the store.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Extension(user) => format!("extension:{user}"),
            Self::Outside => "outside".to_owned(),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(user) => write!(f, "the phone of extension {user}"),
            Self::Outside => f.write_str("callers from outside"),
        }
    }
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the PIN.
    Right,
    /// It is not.
    Wrong {
        /// Further tries before the account is locked; 0: it is locked now.
        left: u32,
        /// Until when it is locked by this try, milliseconds since 1970.
        locked_until: Option<i64>,
    },
    /// Not looked at: too many wrong ones before.
    Locked {
        /// Milliseconds since 1970.
        until: i64,
    },
    /// There is no PIN, so nothing opens.
    NoneSet,
    /// It cannot be checked now (the store does not answer), so nothing opens.
    Unknown,
}

/// Why a PIN was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSet {
    /// Too easy.
    #[error(transparent)]
    Weak(#[from] Weak),
    /// It cannot be kept now.
    #[error("the PIN cannot be kept: {0}")]
    Failed(String),
}

/// All PINs of an exchange.
pub struct Pins {
    keep: Arc<dyn Keep>,
    hasher: Hasher,
    checks: Semaphore,
}

impl Pins {
    /// PINs kept in `keep`.
    #[must_use]
    pub fn new(keep: Arc<dyn Keep>, hasher: Hasher) -> Self {
        Self { keep, hasher, checks: Semaphore::new(limits::PIN_CHECKS) }
    }

    /// PINs in memory with a quick hash, for virtual time and tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::default()), Hasher::quick())
    }

    /// Compares digits with the PIN, counting the try for `who`.
    pub async fn check(&self, of: &PinOf, who: &Who, digits: &Digits, now: i64) -> Verdict {
        let hash = match self.keep.hash(of).await {
            Ok(Some(hash)) => hash,
            Ok(None) => return Verdict::NoneSet,
            Err(why) => return unknown(of, &why),
        };
        self.judge(of, who, now, async { self.matches(digits.clone(), hash).await }).await
    }

    /// Compares digits with a PIN that stands in the text of a plan; the tries are counted all the same.
    pub async fn check_literal(&self, context: &str, right: &Digits, who: &Who, digits: &Digits, now: i64) -> Verdict {
        let of = PinOf::Plan(context.to_owned());
        let same = !right.is_empty() && bool::from(digits.reveal().as_bytes().ct_eq(right.reveal().as_bytes()));
        self.judge(&of, who, now, async { Ok(same) }).await
    }

    async fn judge(
        &self,
        of: &PinOf,
        who: &Who,
        now: i64,
        look: impl Future<Output = Result<bool, String>>,
    ) -> Verdict {
        let (left, locked_until) = match self.keep.count(of, who, now).await {
            Ok(Tried::Go { left, locked_until }) => (left, locked_until),
            Ok(Tried::Locked { until }) => return Verdict::Locked { until },
            Err(why) => return unknown(of, &why),
        };
        match look.await {
            Ok(true) => {
                if let Err(why) = self.keep.right(of, who).await {
                    tracing::warn!(of = %of, why, "a right PIN still counts as a wrong try: the store does not answer");
                }
                Verdict::Right
            }
            Ok(false) => Verdict::Wrong { left, locked_until },
            Err(why) => unknown(of, &why),
        }
    }

    async fn matches(&self, digits: Digits, hash: store::PinHash) -> Result<bool, String> {
        let _turn = self.checks.acquire().await.map_err(|error| error.to_string())?;
        let salt = hash.salt;
        let costs = (hash.memory_kib, hash.passes, hash.lanes);
        let made = self.hasher.hash(digits, salt, costs).await?;
        Ok(made.ct_eq(&hash.hash).into())
    }

    /// Sets a PIN that its owner chose.
    ///
    /// # Errors
    /// When it is too easy, or cannot be kept.
    pub async fn set(&self, of: &PinOf, digits: &Digits, now: i64) -> Result<(), NotSet> {
        weak(of, digits)?;
        self.put(of, digits, now).await
    }

    /// Sets a new random PIN and returns it, to be shown once.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn set_random(&self, of: &PinOf, now: i64) -> Result<Digits, NotSet> {
        let digits = random(of).map_err(NotSet::Failed)?;
        self.put(of, &digits, now).await?;
        Ok(digits)
    }

    /// Takes a PIN away: what it opened is closed to everybody.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remove(&self, of: &PinOf) -> Result<bool, String> {
        self.keep.remove(of).await
    }

    /// Whether there is a PIN.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn is_set(&self, of: &PinOf) -> Result<bool, String> {
        Ok(self.keep.hash(of).await?.is_some())
    }

    async fn put(&self, of: &PinOf, digits: &Digits, now: i64) -> Result<(), NotSet> {
        let _turn = self.checks.acquire().await.map_err(|error| NotSet::Failed(error.to_string()))?;
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| NotSet::Failed(error.to_string()))?;
        let (memory_kib, passes, lanes) = self.hasher.costs();
        let hash = self.hasher.hash(digits.clone(), salt, (memory_kib, passes, lanes)).await.map_err(NotSet::Failed)?;
        let row = store::PinHash { memory_kib, passes, lanes, salt, hash, set_at: now };
        self.keep.set(of, row).await.map_err(NotSet::Failed)
    }
}

fn unknown(of: &PinOf, why: &str) -> Verdict {
    tracing::error!(of = %of, why, "a PIN cannot be checked: nothing is opened");
    Verdict::Unknown
}

/// A PIN that nobody chose: uniform, drawn again while it is weak.
fn random(of: &PinOf) -> Result<Digits, String> {
    let length = (of.shortest() + 2).max(limits::PIN_RANDOM);
    loop {
        let mut digits = Digits::empty();
        let mut bytes = Zeroizing::new([0_u8; 64]);
        getrandom::fill(bytes.as_mut()).map_err(|error| error.to_string())?;
        // 250 is the largest multiple of 10 in a byte: no digit is likelier than another.
        for byte in bytes.iter().filter(|byte| **byte < 250).take(length) {
            digits.push(char::from(b'0' + byte % 10));
        }
        if digits.len() == length && weak(of, &digits).is_ok() {
            return Ok(digits);
        }
    }
}
