//! What the portal asks of the exchange, in one trait: the shell implements it over the same deeds that the command line uses, so
//! that text, commands and portal never disagree. Next: `portal` for who may ask.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use pbx::config::Config;
use pbx::control::CallView;
use pbx::trunks::TrunkView;
use serde::Serialize;
use serde_json::Value;
use store::{Ban, Store};
use zeroize::Zeroizing;

/// An answer that takes a moment.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = Result<T, Told>> + Send + 'a>>;

/// Why something was not done, in words for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub repair: Option<String>,
}

impl Told {
    /// Without a repair.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), repair: None }
    }
}

/// What the proof said of the plan that runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// In sentences, one for each kind of caller.
    pub verdict: String,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Paid ways that are open to people who are not known; the owner accepted each, or the plan would not run.
    pub open: Vec<String>,
    /// Each entry with its sentence.
    pub entries: Vec<(String, String)>,
    /// Notes and warnings of the plan.
    pub findings: Vec<String>,
    /// Names of the owner's texts, `tollgate.toml` first.
    pub texts: Vec<String>,
}

/// Money of a day or month, in thousandths of the owner's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// Spent or reserved today.
    pub today: u64,
    /// Since the first of the month.
    pub month: u64,
    /// The most that all calls together may cost in a day.
    pub cap: u64,
    /// The most that one phone may cost in a day: what a stolen phone can do.
    pub one_phone: u64,
}

/// A phone on the first screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneView {
    /// Its extension.
    pub number: String,
    /// Whose it is.
    pub name: String,
    /// Where its telephones are; none: nobody would hear it ring.
    pub at: Vec<SocketAddr>,
    /// Whether any phone could register.
    pub has_secret: bool,
}

/// The exchange of this moment.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// What the proof says.
    pub proof: Proof,
    /// The bill.
    pub bill: Bill,
    /// Paid calls that are on.
    pub paid_calls: usize,
    /// The owner stopped all outside calls.
    pub stopped: bool,
    /// Outside lines.
    pub trunks: Vec<TrunkView>,
    /// Phones.
    pub phones: Vec<PhoneView>,
    /// Calls that are on.
    pub calls: Vec<CallView>,
    /// Parked calls: lot and slot.
    pub parked: Vec<(String, u32)>,
    /// Who is shut out.
    pub bans: Vec<Ban>,
    /// False while the disk refuses.
    pub healthy: bool,
    /// Seconds since the start.
    pub up: u64,
}

/// A text of the owner's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanText {
    /// As the configuration names it.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// What a text would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// What is wrong; nothing can be applied then.
    pub wrong: Option<String>,
    /// Notes and warnings.
    pub findings: Vec<String>,
    /// What the proof would say.
    pub verdict: String,
    /// Paid ways that it opens to people who are not known.
    pub opens: Vec<String>,
    /// Those that it closes.
    pub closes: Vec<String>,
}

/// A call to be played in virtual time; the words of `tollgate simulate`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Play {
    /// `stranger`, `extension:204`, `trunk:itsp`.
    pub from: String,
    /// The number dialled.
    pub to: String,
    /// Keys, pauses, hanging up.
    pub keys: String,
    /// Caller ID.
    pub caller_id: String,
    /// Civil time; empty: now.
    pub at: String,
}

/// What the portal may see and do.
pub trait Desk: Send + Sync + 'static {
    /// The exchange of this moment.
    fn overview(&self) -> Soon<'_, Overview>;
    /// The configuration that runs.
    fn config(&self) -> Arc<Config>;
    /// Calls, events, versions.
    fn store(&self) -> &Store;
    /// A request in the words of the control socket, asked by a person.
    fn ask(&self, who: String, request: Value) -> Soon<'_, Value>;
    /// People of the portal as they were kept, sealed; none: nobody yet.
    fn people(&self) -> Soon<'_, Option<Zeroizing<String>>>;
    /// Keeps them, sealed.
    fn keep_people(&self, json: Zeroizing<String>) -> Soon<'_, ()>;
    /// The key file of the home, which passwords are hashed with.
    fn pepper(&self) -> Soon<'_, Zeroizing<Vec<u8>>>;
    /// The owner's texts: `tollgate.toml` first, then the files of the plan.
    fn texts(&self) -> Soon<'_, Vec<PlanText>>;
    /// What a text would do in place of the one of that name. Changes nothing.
    fn preview(&self, text: PlanText) -> Soon<'_, Preview>;
    /// Writes a text and takes it over, if it can be used, opens nothing and `was` still stands there. All of it or nothing.
    fn apply(&self, who: String, was: String, text: PlanText) -> Soon<'_, Value>;
    /// Plays a call; one line a moment.
    fn play(&self, play: Play) -> Soon<'_, Vec<String>>;
    /// Sound of a message.
    fn sound(&self, mailbox: String, uid: String) -> Soon<'_, Vec<u8>>;
    /// Deletes a message.
    fn delete_message(&self, mailbox: String, uid: String) -> Soon<'_, ()>;
    /// Milliseconds since 1970.
    fn now(&self) -> i64;
}
