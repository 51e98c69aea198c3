//! Keeps the trunks: registers, asks whether they are there, moves on to the next address, tells when one goes or comes.
//!
//! Runs in the signalling task and waits for nothing: it says when it wants to be called ([`Keeper::due`]) and hears the
//! answers to what it sent ([`Keeper::answered`]).

mod line;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use sip::{Endpoint, RequestId, Response};

use self::line::{Line, Outcome, Question};
use super::{Health, Known, TrunkWay, Trunks};
use crate::switch::Origin;

pub use self::words::{in_words, refused_realm, status_in_words};

/// What a trunk said to a question of its owner's ([`Keeper::probe`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whether the question was REGISTER, else OPTIONS.
    pub register: bool,
    /// The status; 0 for silence or a connection that did not come about.
    pub status: u16,
    /// The same in plain words.
    pub words: String,
}

/// Takes what a trunk said.
pub type Listener = Box<dyn FnOnce(Said) + Send>;

/// Tells an owner what happened: a kind and a sentence.
pub type Tell = Box<dyn Fn(&str, &str) + Send>;

/// The keeper of all trunks.
pub struct Keeper {
    trunks: Arc<Trunks>,
    tell: Tell,
    lines: BTreeMap<String, Line>,
    asked: HashMap<RequestId, (String, Question)>,
    listeners: HashMap<RequestId, Listener>,
    dice: u64,
    /// We have said goodbye.
    left: bool,
}

impl Keeper {
    /// One without trunks. `seed` spreads registrations over time, it protects nothing.
    #[must_use]
    pub fn new(trunks: Arc<Trunks>, seed: u64, tell: Tell) -> Self {
        let (lines, asked, listeners) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        Self { trunks, tell, lines, asked, listeners, dice: seed, left: false }
    }

    /// The exchange ends: providers are told that we cannot be called here any more (RFC 3261 §10.2.2).
    pub fn leave(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>) {
        self.left = true;
        for (name, line) in &mut self.lines {
            if let Some(request) = line.leave(now, name) {
                let id = endpoint.request(now, request);
                self.asked.insert(id, (name.clone(), Question::Leave));
            }
        }
    }

    /// Providers that have not answered that yet.
    #[must_use]
    pub fn leaving(&self) -> usize {
        self.asked.values().filter(|(_, question)| *question == Question::Leave).count()
    }

    /// Takes over how trunks are reached from now on. What did not change keeps its registration and its health; where we no
    /// longer want to be called, our registration is taken back.
    pub fn set(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>, ways: BTreeMap<String, TrunkWay>) {
        if self.left {
            return;
        }
        let gone: Vec<String> = self.lines.keys().filter(|name| !ways.contains_key(*name)).cloned().collect();
        for (name, line) in &mut self.lines {
            if ways.get(name).is_none_or(|way| line.is_registered_elsewhere(way))
                && let Some(request) = line.leave(now, name)
            {
                let id = endpoint.request(now, request);
                self.asked.insert(id, (name.clone(), Question::Leave));
            }
        }
        for name in gone {
            self.lines.remove(&name);
            self.trunks.write(&name, None);
        }
        for (name, way) in ways {
            match self.lines.get_mut(&name) {
                Some(line) => line.replace(now, Arc::new(way)),
                None => {
                    let line = Line::new(now, Arc::new(way));
                    self.lines.insert(name.clone(), line);
                }
            }
            self.publish(now, &name);
        }
    }

    /// When it wants to be called next.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.lines.values().filter_map(Line::due).min()
    }

    /// Sends what is due.
    pub fn timeout(&mut self, now: Instant, endpoint: &mut Endpoint<Origin>) {
        let names: Vec<String> = self
            .lines
            .iter()
            .filter(|(_, line)| line.due().is_some_and(|at| at <= now))
            .map(|(n, _)| n.clone())
            .collect();
        for name in names {
            let dice = self.roll();
            let Some(line) = self.lines.get_mut(&name) else { continue };
            line.give_up(now, dice);
            for question in line.questions(now) {
                self.ask(now, endpoint, &name, question, None);
            }
            self.publish(now, &name);
        }
    }

    fn ask(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        name: &str,
        question: Question,
        listener: Option<Listener>,
    ) {
        let Some(request) = self.lines.get_mut(name).and_then(|line| line.request(now, name, question)) else {
            // INVARIANT: what is due is sent or put off, or the signalling task would turn for ever.
            if let Some(line) = self.lines.get_mut(name) {
                line.cannot_be_asked();
            }
            if let Some(listener) = listener {
                let words = "it cannot be asked: it has no address".to_owned();
                listener(Said { register: question == Question::Register, status: 0, words });
            }
            return;
        };
        let id = endpoint.request(now, request);
        self.asked.insert(id, (name.to_owned(), question));
        if let Some(listener) = listener {
            self.listeners.insert(id, listener);
        }
    }

    /// Asks a trunk on behalf of its owner, now.
    pub fn probe(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint<Origin>,
        name: &str,
        register: bool,
        listener: Listener,
    ) {
        let question = if register { Question::Register } else { Question::Options };
        self.ask(now, endpoint, name, question, Some(listener));
    }

    /// Takes the answer to a request; `false` if it was none of ours.
    pub fn answered(&mut self, now: Instant, id: RequestId, status: u16, response: Option<&Response>) -> bool {
        let Some((name, question)) = self.asked.remove(&id) else { return false };
        if question == Question::Leave {
            // The line of this name may be another one by now.
            return true;
        }
        let dice = self.roll();
        let mut words = in_words(status, response, question == Question::Register);
        if let Some(line) = self.lines.get_mut(&name) {
            words = line.broken().filter(|_| response.is_none()).map_or(words, str::to_owned);
            if let Some(response) = response
                && let Some(other) = refused_realm(response, line.credentials())
            {
                words = other;
            }
            line.heard(now, &name, Outcome { question, status, response, words: &words, dice });
            self.publish(now, &name);
        }
        if let Some(listener) = self.listeners.remove(&id) {
            let status = if response.is_some() { status } else { 0 };
            listener(Said { register: question == Question::Register, status, words });
        }
        true
    }

    /// A stream of ours did not come about; the answers to what waited for it follow.
    pub fn refused(&mut self, connection: u64, why: &str) {
        for line in self.lines.values_mut() {
            line.connection_refused(connection, why);
        }
    }

    /// A call over this trunk got no answer: is it there at all?
    pub fn suspect(&mut self, now: Instant, name: &str) {
        if let Some(line) = self.lines.get_mut(name) {
            line.suspect(now);
        }
    }

    /// Shows the line to everybody, and tells its owner when it went or came.
    fn publish(&mut self, now: Instant, name: &str) {
        let Some(line) = self.lines.get(name) else { return };
        let health = line.health(now);
        let before = self.trunks.get(name).map(|known| known.health);
        match (&before, &health) {
            (Some(Health::Down(_)), Health::Up) => {
                tracing::info!(trunk = name, "the trunk works again");
                (self.tell)("trunk-up", &format!("trunk {name} works again"));
            }
            (Some(Health::Down(_)), Health::Down(_)) => {}
            (_, Health::Down(why)) => {
                tracing::warn!(trunk = name, why, "the trunk does not work");
                (self.tell)("trunk-down", &format!("trunk {name} does not work: {why}"));
            }
            _ => {}
        }
        let known = Known { way: Arc::clone(line.way()), at: line.at(), health };
        self.trunks.write(name, Some(known));
    }

    /// SplitMix64.
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
