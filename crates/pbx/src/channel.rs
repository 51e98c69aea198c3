//! What the plan may ask of a channel: caller ID, time-outs, names, time, globals. The language's [`Host`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dialplan::{CivilTime, Ending, Host, Machine};

use crate::exchange::Exchange;
use crate::functions;
use crate::groups::Member;
use crate::switch::{Cause, LegId, Presentation};

/// The three time-outs of a channel (`TIMEOUT(digit)` and so on).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Between two keys.
    pub digit: Duration,
    /// Until the first key.
    pub response: Duration,
    /// For the whole call, from when it is set.
    pub absolute: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { digit: Duration::from_secs(5), response: Duration::from_secs(10), absolute: None }
    }
}

/// Facts of one channel.
pub struct Channel {
    pub(crate) exchange: Arc<Exchange>,
    /// Name as Asterisk spells it: `PJSIP/204-0000002a`, `Local/222@groups-0000002b`.
    pub name: String,
    /// Unique number of the channel.
    pub unique_id: String,
    /// Caller's number, or empty.
    pub caller_number: String,
    /// Caller's name, or empty.
    pub caller_name: String,
    /// Whether the caller asked not to be shown.
    pub caller_private: bool,
    /// The number that the owner lets this caller show outside.
    pub caller_outside: Option<String>,
    /// What was dialled.
    pub dialled: String,
    /// Language of prompts.
    pub language: String,
    /// Class of hold music.
    pub music_class: String,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// A change of the absolute time-out that the call has not yet taken over.
    pub absolute_changed: bool,
    /// Whether the line is answered.
    pub answered: bool,
    /// Whether the caller's ear is open before the answer.
    pub early: bool,
    /// Why the call, or the last outgoing leg, ended.
    pub hangup_cause: Option<Cause>,
    /// How many Local channels lie between this channel and the caller.
    pub depth: u8,
    /// The mailbox of the phone that started the call tree, where it proved that it is that phone; no caller ID gives one.
    pub own_mailbox: Option<String>,
    /// Account code, free text of the plan for the records.
    pub account: String,
    /// When the channel began, milliseconds since 1970.
    pub began: i64,
    /// When its line was answered.
    pub answered_at: Option<i64>,
    /// The address that a stranger's signalling comes from; empty for everybody else.
    pub source: String,
    /// Groups that the plan counts this channel in, by category.
    pub(crate) groups: BTreeMap<String, Member>,
    /// Fields of the record that the plan set.
    pub(crate) facts: BTreeMap<String, String>,
    /// What a function read last from the plan's database.
    pub(crate) db_result: Option<String>,
    /// `CONNECTEDLINE`.
    pub(crate) connected: BTreeMap<String, String>,
    /// `REDIRECTING`.
    pub(crate) redirecting: BTreeMap<String, String>,
    /// The request that the call came by, for its headers.
    pub(crate) request: Option<bytes::Bytes>,
}

impl Channel {
    /// A caller's channel.
    #[must_use]
    pub fn new(exchange: Arc<Exchange>, name: &str, leg: LegId, caller: &Presentation, dialled: &str) -> Self {
        let began = exchange.clock.now();
        let unique_id = format!("{}.{leg}", began / 1000);
        let language = exchange.language();
        Self {
            exchange,
            name: format!("{name}-{:08x}", leg.0),
            unique_id,
            caller_number: caller.number.clone(),
            caller_name: caller.name.clone(),
            caller_private: caller.private,
            caller_outside: caller.outside.clone(),
            dialled: dialled.to_owned(),
            language,
            music_class: "default".to_owned(),
            timeouts: Timeouts::default(),
            absolute_changed: false,
            answered: false,
            early: false,
            hangup_cause: None,
            depth: 0,
            own_mailbox: None,
            account: String::new(),
            began,
            answered_at: None,
            source: String::new(),
            groups: BTreeMap::new(),
            facts: BTreeMap::new(),
            db_result: None,
            connected: BTreeMap::new(),
            redirecting: BTreeMap::new(),
            request: None,
        }
    }

    /// The far end of a Local channel: the caller's facts, a name of its own.
    #[must_use]
    pub fn local(parent: &Self, exten: &str, context: &str, show: &Presentation, leg: LegId) -> Self {
        let mut channel =
            Self::new(Arc::clone(&parent.exchange), &format!("Local/{exten}@{context}"), leg, show, exten);
        channel.language.clone_from(&parent.language);
        channel.music_class.clone_from(&parent.music_class);
        channel.account.clone_from(&parent.account);
        channel.depth = parent.depth.saturating_add(1);
        channel.source.clone_from(&parent.source);
        channel.request.clone_from(&parent.request);
        channel
    }

    /// Whether the caller has caller ID ([`crate::caller`]).
    #[must_use]
    pub fn is_known(&self) -> bool {
        crate::caller::is_known(&self.caller_number, &self.caller_name, self.caller_private)
    }

    /// The caller as an outgoing leg shows him.
    #[must_use]
    pub fn presentation(&self) -> Presentation {
        Presentation {
            number: self.caller_number.clone(),
            name: self.caller_name.clone(),
            private: self.caller_private,
            outside: self.caller_outside.clone(),
        }
    }

    /// The cause a caller is told when the plan ended this way.
    #[must_use]
    pub fn end_cause(&self, ending: &Ending) -> Cause {
        match ending {
            Ending::NoSuchExtension { .. } => Cause::UNALLOCATED,
            _ => self.hangup_cause.unwrap_or(Cause::NORMAL),
        }
    }

    /// Sets number and name from `"Name" <number>`; a text without brackets is the number.
    pub fn set_caller(&mut self, text: &str) {
        match text.split_once('<') {
            Some((name, number)) => {
                name.trim().trim_matches('"').clone_into(&mut self.caller_name);
                number.trim_end_matches('>').trim().clone_into(&mut self.caller_number);
            }
            None => text.trim().clone_into(&mut self.caller_number),
        }
    }

    fn caller_id(&self, part: &str) -> Option<String> {
        Some(match part.to_ascii_lowercase().as_str() {
            "num" | "number" | "ani" | "ani-num" => self.caller_number.clone(),
            "name" => self.caller_name.clone(),
            "known" => u8::from(self.is_known()).to_string(),
            "all" => format!("\"{}\" <{}>", self.caller_name, self.caller_number),
            "dnid" | "dnid-num-plan" => self.dialled.clone(),
            "pres" | "num-pres" | "name-pres" => {
                if self.caller_private { "prohib_not_screened" } else { "allowed_not_screened" }.to_owned()
            }
            "rdnis" | "subaddr" | "tag" => String::new(),
            _ => return None,
        })
    }

    fn channel_function(&self, item: &str) -> Option<String> {
        Some(match item.to_ascii_lowercase().as_str() {
            "name" => self.name.clone(),
            "language" => self.language.clone(),
            "musicclass" => self.music_class.clone(),
            "uniqueid" | "linkedid" => self.unique_id.clone(),
            "channeltype" => self.name.split('/').next().unwrap_or_default().to_owned(),
            "state" => if self.answered { "Up" } else { "Ring" }.to_owned(),
            "accountcode" => self.account.clone(),
            "mailbox" => self.own_mailbox.clone().unwrap_or_default(),
            "peerip" | "recvip" | "remote_addr" => self.source.clone(),
            _ => return None,
        })
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    let seconds: f64 = value.trim().parse().map_err(|_| format!("'{value}' is no number of seconds"))?;
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(format!("{seconds} seconds is not between 0 and a day"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

impl Host for Channel {
    fn variable(&mut self, name: &str) -> Option<String> {
        Some(match name {
            "CHANNEL" => self.name.clone(),
            "UNIQUEID" => self.unique_id.clone(),
            "HANGUPCAUSE" => self.hangup_cause.map_or(0, |cause| cause.0).to_string(),
            "EPOCH" => (self.exchange.clock.now() / 1000).to_string(),
            "ACCOUNTCODE" => self.account.clone(),
            "CALLERID(num)" => self.caller_number.clone(),
            "DNID" => self.dialled.clone(),
            "SYSTEMNAME" => self.exchange.name(),
            "DB_RESULT" => self.db_result.clone()?,
            _ => return None,
        })
    }

    fn function(&mut self, name: &str, args: &[String]) -> Option<String> {
        let first = args.first().map_or("", String::as_str);
        match name {
            "CALLERID" => self.caller_id(first),
            "CHANNEL" => self.channel_function(first),
            "LANGUAGE" => Some(self.language.clone()),
            "MUSICCLASS" => Some(self.music_class.clone()),
            "HANGUPCAUSE" => Some(self.hangup_cause.map_or(0, |cause| cause.0).to_string()),
            "TIMEOUT" => {
                let time = match first.to_ascii_lowercase().as_str() {
                    "digit" => self.timeouts.digit,
                    "response" => self.timeouts.response,
                    "absolute" => self.timeouts.absolute.unwrap_or_default(),
                    _ => return None,
                };
                Some(format!("{:.3}", time.as_secs_f64()))
            }
            _ => functions::read(self, name, args),
        }
    }

    fn set_function(&mut self, name: &str, args: &[String], value: &str) -> Result<(), String> {
        let first = args.first().map_or("", String::as_str).to_ascii_lowercase();
        match (name, first.as_str()) {
            ("CALLERID", "num" | "number") => value.clone_into(&mut self.caller_number),
            ("CALLERID", "name") => value.clone_into(&mut self.caller_name),
            ("CALLERID", "all") => self.set_caller(value),
            ("CALLERID", "pres" | "num-pres" | "name-pres") => self.caller_private = value.starts_with("prohib"),
            ("CHANNEL", "language") | ("LANGUAGE", _) => value.clone_into(&mut self.language),
            ("CHANNEL", "musicclass") | ("MUSICCLASS", _) => value.clone_into(&mut self.music_class),
            ("CHANNEL", "accountcode") => value.clone_into(&mut self.account),
            ("TIMEOUT", "digit") => self.timeouts.digit = seconds(value)?,
            ("TIMEOUT", "response") => self.timeouts.response = seconds(value)?,
            ("TIMEOUT", "absolute") => {
                self.timeouts.absolute = Some(seconds(value)?).filter(|time| !time.is_zero());
                self.absolute_changed = true;
            }
            _ => {
                let written = functions::write(self, name, args, value);
                return written.unwrap_or_else(|| Err(format!("{name}({first}) cannot be set")));
            }
        }
        Ok(())
    }

    fn now(&mut self) -> CivilTime {
        self.exchange.civil_time()
    }

    fn random(&mut self) -> u64 {
        self.exchange.random()
    }

    fn global(&mut self, name: &str) -> Option<String> {
        self.exchange.global(name)
    }

    fn set_global(&mut self, name: &str, value: &str) {
        self.exchange.set_global(name, value);
    }

    fn note(&mut self, text: &str) {
        tracing::debug!(channel = self.name, text, "the plan");
    }
}

/// Takes over what `Set(TIMEOUT(absolute)=…)` asked for.
#[must_use]
pub fn take_absolute(channel: &mut Channel) -> Option<Option<Duration>> {
    std::mem::take(&mut channel.absolute_changed).then_some(channel.timeouts.absolute)
}

/// Variables that a Local or outgoing channel inherits from this machine.
pub fn inherit(parent: &Machine, child: &mut Machine) {
    for (name, value) in parent.inherited() {
        child.set(&name, &value);
    }
}
