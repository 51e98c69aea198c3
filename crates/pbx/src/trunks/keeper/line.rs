//! One trunk as the keeper holds it: what it said last, what is asked next, which of its addresses is in use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sip::{Credentials, Method, OutRequest, Party, Registered, Registration, Response, Transport, Uri};

use super::super::{Health, TrunkWay, registers};
use crate::limits::{TRUNK_ANSWER, TRUNK_ASK_AGAIN, TRUNK_DOWN_ASK};

/// What a trunk is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// May we be called here?
    Register,
    /// Are you there?
    Options,
    /// We may no longer be called here.
    Leave,
}

/// What came of a question.
pub(super) struct Outcome<'a> {
    pub(super) question: Question,
    pub(super) status: u16,
    pub(super) response: Option<&'a Response>,
    pub(super) words: &'a str,
    pub(super) dice: u64,
}

#[derive(Debug)]
pub(super) struct Line {
    way: Arc<TrunkWay>,
    at: usize,
    registration: Option<Registration>,
    /// Why the last REGISTER brought nothing.
    unregistered: Option<String>,
    /// The REGISTER that is under way counts as unanswered from then on.
    register_until: Option<Instant>,
    /// When OPTIONS is sent next.
    options: Option<Instant>,
    /// The OPTIONS that is under way counts as unanswered from then on.
    options_until: Option<Instant>,
    /// It has answered OPTIONS at least once: silence means something.
    answers: bool,
    /// Questions without answer, in a row.
    silent: u32,
    /// Why it counts as dead.
    dead: Option<String>,
    /// Flows that failed one after the other.
    failed: usize,
    /// Why a stream of ours did not come about.
    broken: Option<(u64, String)>,
}

impl Line {
    pub(super) fn new(now: Instant, way: Arc<TrunkWay>) -> Self {
        let mut this = Self {
            way,
            at: 0,
            registration: None,
            unregistered: None,
            register_until: None,
            options: None,
            options_until: None,
            answers: false,
            silent: 0,
            dead: None,
            failed: 0,
            broken: None,
        };
        this.begin(now);
        this
    }

    fn begin(&mut self, now: Instant) {
        let trunk = &self.way.trunk;
        let can = registers(trunk) && self.way.credentials.is_some();
        let wanted = Duration::from_secs(u64::from(trunk.expires));
        self.registration = can.then(|| Registration::new(wanted, now));
        self.options = (trunk.health > 0).then_some(now);
    }

    /// Takes over how it is reached from now on.
    pub(super) fn replace(&mut self, now: Instant, way: Arc<TrunkWay>) {
        let same_secret = match (&self.way.credentials, &way.credentials) {
            (Some(old), Some(new)) => old.same(new),
            (None, None) => true,
            _ => false,
        };
        if self.way.trunk != way.trunk || !same_secret {
            *self = Self::new(now, way);
            return;
        }
        if self.way.flows != way.flows {
            let used = self.flow();
            self.at = way.flows.iter().position(|flow| Some(*flow) == used).unwrap_or(0);
            if way.flows.get(self.at).copied() != used {
                // It moved: what it said at the old address does not count.
                self.dead = None;
                self.failed = 0;
                if let Some(registration) = &mut self.registration {
                    registration.hurry(now);
                }
                self.options = self.options.map(|_| now);
            }
        }
        // The credentials that have learnt their realm stay.
        let credentials = self.way.credentials.clone();
        self.way = Arc::new(TrunkWay { credentials, ..way.as_ref().clone() });
    }

    pub(super) fn way(&self) -> &Arc<TrunkWay> {
        &self.way
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.way.credentials.as_ref()
    }

    /// Why the stream in use did not come about.
    pub(super) fn broken(&self) -> Option<&str> {
        let (connection, why) = self.broken.as_ref()?;
        self.flow().is_some_and(|flow| flow.connection == *connection).then_some(why)
    }

    fn flow(&self) -> Option<sip::Flow> {
        self.way.flows.get(self.at).copied()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        if self.way.flows.is_empty() {
            return None;
        }
        let register = self.registration.as_ref().and_then(Registration::due);
        let options = if self.options_until.is_some() { None } else { self.options };
        [register, options, self.register_until, self.options_until].into_iter().flatten().min()
    }

    /// Counts questions that nobody answered in time as silence; their transactions may go on a while.
    pub(super) fn give_up(&mut self, now: Instant, dice: u64) {
        if self.options_until.is_some_and(|until| until <= now) {
            self.options_until = None;
            self.no_answer(now, "it does not answer");
        }
        if self.register_until.is_some_and(|until| until <= now) {
            self.register_until = None;
            if let Some(registration) = &mut self.registration {
                registration.answered(now, None, "", dice);
            }
            self.unregistered = Some("it does not answer REGISTER".to_owned());
            self.elsewhere(now);
        }
    }

    /// What is to be asked now.
    pub(super) fn questions(&self, now: Instant) -> Vec<Question> {
        let mut all = Vec::new();
        if self.registration.as_ref().and_then(Registration::due).is_some_and(|at| at <= now) {
            all.push(Question::Register);
        }
        if self.options_until.is_none() && self.options.is_some_and(|at| at <= now) {
            all.push(Question::Options);
        }
        all
    }

    /// The request, which is now under way.
    pub(super) fn request(&mut self, now: Instant, name: &str, question: Question) -> Option<OutRequest> {
        let flow = self.flow()?;
        let trunk = &self.way.trunk;
        let account = self.way.account(name).to_owned();
        let us = Party::new(account.clone(), trunk.host.clone());
        let target = Uri::sip(None, &trunk.host, trunk.port.filter(|port| *port != 5060)).ok()?;
        let target = match flow.transport {
            Transport::Udp => target,
            stream => target.with_param("transport", Some(stream.param())).ok()?,
        };
        let mut request = OutRequest {
            flow,
            method: Method::Options,
            target,
            from: us.clone(),
            to: Party::new("", trunk.host.clone()),
            routes: Vec::new(),
            contact_user: Some(account),
            expires: None,
            headers: Vec::new(),
            body: None,
            credentials: self.way.credentials.clone(),
            continues: None,
        };
        match question {
            Question::Options => self.options_until = Some(now + TRUNK_ANSWER),
            Question::Register | Question::Leave => {
                let (seconds, row) = self.registration.as_mut()?.asked();
                self.register_until = Some(now + TRUNK_ANSWER);
                request.method = Method::Register;
                request.to = us;
                request.expires = Some(seconds);
                request.continues = row;
            }
        }
        Some(request)
    }

    /// Whether that way leads to another registrar, or to the same under another name: what is registered by now would stay.
    pub(super) fn is_registered_elsewhere(&self, way: &TrunkWay) -> bool {
        let (old, new) = (&self.way.trunk, &way.trunk);
        !registers(new)
            || (&old.host, old.port, old.transport, &old.username, &old.outbound_proxy)
                != (&new.host, new.port, new.transport, &new.username, &new.outbound_proxy)
    }

    /// The REGISTER that ends our registration, if there is one; nothing more is asked after it.
    pub(super) fn leave(&mut self, now: Instant, name: &str) -> Option<OutRequest> {
        let is_up = self.registration.as_ref().is_some_and(|registration| registration.is_up(now));
        let last = if is_up { self.request(now, name, Question::Leave) } else { None };
        self.registration = None;
        self.register_until = None;
        self.options = None;
        last.map(|request| OutRequest { expires: Some(0), ..request })
    }

    /// No request can be made of what is configured.
    pub(super) fn cannot_be_asked(&mut self) {
        self.registration = None;
        self.options = None;
        self.dead = Some("its host is no name that can be called".to_owned());
    }

    /// An answer, also one that comes late.
    pub(super) fn heard(&mut self, now: Instant, name: &str, outcome: Outcome<'_>) {
        match outcome.question {
            Question::Options => self.options_heard(now, &outcome),
            Question::Register => self.register_heard(now, name, &outcome),
            Question::Leave => {}
        }
    }

    fn options_heard(&mut self, now: Instant, outcome: &Outcome<'_>) {
        let waited = self.options_until.take().is_some();
        match outcome.response {
            // Out of service is the one answer that means no.
            Some(_) if outcome.status == 503 => self.no_answer(now, outcome.words),
            Some(_) => {
                self.answers = true;
                self.silent = 0;
                self.failed = 0;
                self.dead = None;
                self.broken = None;
                let pause = Duration::from_secs(u64::from(self.way.trunk.health.max(1)));
                self.options = self.options.map(|_| now + pause);
            }
            None if outcome.status == 503 => {
                // A connection that is refused leaves no doubt.
                self.silent = u32::MAX;
                self.no_answer(now, outcome.words);
            }
            None if waited => self.no_answer(now, outcome.words),
            None => {}
        }
    }

    fn register_heard(&mut self, now: Instant, name: &str, outcome: &Outcome<'_>) {
        let waited = self.register_until.take().is_some();
        let account = self.way.account(name).to_owned();
        let Some(registration) = &mut self.registration else { return };
        if !waited && outcome.response.is_none() {
            return;
        }
        match registration.answered(now, outcome.response, &account, outcome.dice) {
            Registered::Yes => {
                self.unregistered = None;
                self.failed = 0;
                self.dead = None;
                self.broken = None;
            }
            Registered::Again => {}
            Registered::Refused => self.unregistered = Some(outcome.words.to_owned()),
            Registered::TryElsewhere => {
                self.unregistered = Some(outcome.words.to_owned());
                self.elsewhere(now);
            }
        }
    }

    fn no_answer(&mut self, now: Instant, why: &str) {
        self.silent = self.silent.saturating_add(1);
        // Whoever never answered OPTIONS may be a trunk that does not know it.
        let certain = self.silent == u32::MAX || (self.answers && self.silent >= 2);
        self.options = self.options.map(|_| now + if certain { TRUNK_DOWN_ASK } else { TRUNK_ASK_AGAIN });
        if certain || self.way.flows.len() > 1 {
            self.elsewhere(now);
        }
        let all_failed = self.failed >= self.way.flows.len();
        // Who is never asked by himself would stay dead for ever.
        if certain && all_failed && self.options.is_some() {
            self.dead = Some(why.to_owned());
        }
    }

    /// Another address of the same trunk, at once; once round, everybody waits.
    fn elsewhere(&mut self, now: Instant) {
        self.failed = self.failed.saturating_add(1);
        let count = self.way.flows.len().max(1);
        self.at = (self.at + 1) % count;
        if self.failed < count {
            if let Some(registration) = &mut self.registration {
                registration.hurry(now);
            }
            self.options = self.options.map(|_| now);
        }
    }

    pub(super) fn connection_refused(&mut self, connection: u64, why: &str) {
        if self.way.flows.iter().any(|flow| flow.connection == connection) {
            self.broken = Some((connection, why.to_owned()));
        }
    }

    /// A call got no answer.
    pub(super) fn suspect(&mut self, now: Instant) {
        if self.options_until.is_none() && self.options.is_some() {
            self.options = Some(now);
        }
    }

    pub(super) fn health(&self, now: Instant) -> Health {
        if let Some(trouble) = &self.way.trouble {
            return Health::Down(trouble.clone());
        }
        if self.way.flows.is_empty() {
            return Health::Down("it has no address".to_owned());
        }
        if let Some(why) = &self.dead {
            return Health::Down(why.clone());
        }
        if registers(&self.way.trunk) {
            return match (&self.registration, &self.unregistered) {
                (Some(registration), _) if registration.is_up(now) => Health::Up,
                (_, Some(why)) => Health::Down(why.clone()),
                _ => Health::Unknown("not registered yet".to_owned()),
            };
        }
        if self.answers {
            return Health::Up;
        }
        let asked = self.way.trunk.health > 0 && self.silent > 0;
        Health::Unknown(if asked { "it does not answer OPTIONS" } else { "not heard of yet" }.to_owned())
    }
}
