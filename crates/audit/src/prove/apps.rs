//! Applications that go on elsewhere by settings of their own, not by a label: directory, voicemail, DISA, parking, macros.

use dialplan::apps::ArgKind;
use dialplan::control::Call;
use dialplan::reach::Sink;
use dialplan::text::Template;

use super::gates::Gate;
use super::search::At;
use super::{Here, Node, Prover, Via};
use crate::bytes::keypad;
use crate::lang::Lang;
use crate::mutant::{Mutant, on};

impl Prover<'_> {
    /// Keys are listened to: in this context, and in the one that an argument names.
    pub(super) fn collects(&mut self, here: &Here, call: &Call<Template>) {
        match call.app.name() {
            "Queue" => self.unknown("Queue: members and context are not in the plan".to_owned(), here.at),
            "Incomplete" => {
                let any = self.langs.any();
                self.search(Some(here.at), here.node, any, &At::First, &here.state.env, Via::Others, false);
            }
            _ => {}
        }
        if on(Mutant::BackgroundDeaf) && call.app.name() == "Background" {
            return;
        }
        self.listen(Some(here.at), here.node, &here.state.env, Via::Next);
        if let Some(position) = call.app.spec().position(ArgKind::Context)
            && let Some(other) = call.args.get(position)
            && !on(Mutant::BackgroundContext)
        {
            let names = self.lang(&here.state, other);
            // In Background's other context only one key is looked for (S7).
            let one = self.langs.one(keypad());
            for context in self.contexts(names) {
                let node = Node { context, ..here.node };
                if call.app.name() == "Background" {
                    self.search(Some(here.at), node, one, &At::First, &here.state.env, Via::Keys(one), true);
                } else {
                    self.listen(Some(here.at), node, &here.state.env, Via::Next);
                }
            }
        }
    }

    /// A text in another context, as an application jumps there.
    fn jump(&mut self, here: &Here, context: u32, exten: Lang, via: Via) {
        let node = Node { context, ..here.node };
        self.search(Some(here.at), node, exten, &At::First, &here.state.env, via, false);
    }

    fn exits(&mut self, here: &Here, context: u32) {
        for (exten, key) in [("o", b"0"), ("a", b"*")] {
            let via = Via::Keys(self.langs.literal(key));
            let exten = self.langs.literal(exten.as_bytes());
            let node = Node { context, ..here.node };
            self.search(Some(here.at), node, exten, &At::First, &here.state.env, Via::Others, false);
            let _ = via;
        }
    }

    /// Jumps of applications that do not steer by a grammar of their own.
    pub(super) fn jumps(&mut self, here: &Here, call: &Call<Template>, gate: Option<&Gate>) {
        let (name, at) = (call.app.name(), here.at);
        let keyed = self.langs.then(self.langs.one(keypad()), self.langs.run(keypad()));
        match name {
            "Directory" => {
                self.exits(here, here.node.context);
                let named = call.args.get(1).or(call.args.first()).filter(|arg| !arg.is_empty());
                let contexts = match named {
                    Some(arg) => self.lang(&here.state, arg),
                    None => self.langs.literal(b"default"),
                };
                if !on(Mutant::DirectoryContext) {
                    for context in self.contexts(contexts) {
                        self.jump(here, context, keyed, Via::Others);
                        self.exits(here, context);
                    }
                }
                self.inside("the directory".to_owned(), at);
            }
            "VoiceMail" | "VoiceMailMain" | "VMAuthenticate" | "MinivmRecord" => {
                if !on(Mutant::VoicemailExits) {
                    self.exits(here, here.node.context);
                }
                self.dial_context(here, call);
            }
            "Authenticate" | "LookupBlacklist" => {
                let next = At::Priority(here.priority.saturating_add(101));
                let exten = here.state.exten;
                if self.plan.exten(here.home).is_some_and(|found| {
                    found.lines.contains_key(&here.priority.saturating_add(101)) || self.plan.program.falls_through()
                }) {
                    self.search(Some(at), here.node, exten, &next, &here.state.env, Via::Next, false);
                }
            }
            "DISA" if self.facts.grants.is_some() => {
                for name in self.facts.guarded(call) {
                    self.sink(Sink::Guarded(name), at, None);
                }
            }
            "DISA" => {
                let context = call.args.get(1).or_else(|| call.args.first()).cloned().unwrap_or_default();
                let whole = context
                    .as_literal()
                    .and_then(|text| text.split(',').nth(usize::from(call.args.len() < 2)).map(str::to_owned));
                let mut there = here.clone();
                if let (Some(gate), Some(found)) = (gate, self.plan.exten(here.home)) {
                    let gate = Gate { place: self.place_of(here, found), ..gate.clone() };
                    there.node.gates = self.gates.with(here.node.gates, gate);
                }
                match whole {
                    _ if on(Mutant::DisaContext) => {}
                    Some(context) => {
                        let context = self.langs.literal(context.trim().as_bytes());
                        for context in self.contexts(context) {
                            let node = Node { context, ..there.node };
                            self.listen(Some(at), node, &here.state.env, Via::Next);
                        }
                    }
                    None => self.every_key(&there),
                }
            }
            "RaiseException" => {
                let exten = self.langs.literal(b"e");
                self.search(Some(at), here.node, exten, &At::First, &here.state.env, Via::Next, false);
            }
            "Random" => {
                let label = call.args.first().and_then(Template::as_literal).and_then(|text| text.split_once(':'));
                match label {
                    Some((_, label)) => self.place(here, label, &Via::Branch),
                    None => self.everywhere(here),
                }
            }
            "Park" | "ParkAndAnnounce" => self.parks(here, call),
            "ParkedCall" | "Transfer" | "BackgroundDetect" | "Queue" => {
                self.listen(Some(at), here.node, &here.state.env, Via::Others);
            }
            _ => self.unknown(format!("{name} goes on where its own settings say"), at),
        }
    }

    /// VoiceMail's option `d(context)`: numbers dialled while the greeting plays.
    fn dial_context(&mut self, here: &Here, call: &Call<Template>) {
        let Some(options) = call.args.get(1) else { return };
        match options.as_literal() {
            Some(text) => {
                if let Some((_, rest)) = text.split_once("d(") {
                    let context = self.langs.literal(rest.split(')').next().unwrap_or(rest).trim().as_bytes());
                    for context in self.contexts(context) {
                        let node = Node { context, ..here.node };
                        self.listen(Some(here.at), node, &here.state.env, Via::Next);
                    }
                } else if text.contains('d') {
                    self.listen(Some(here.at), here.node, &here.state.env, Via::Next);
                }
            }
            None => self.every_key(here),
        }
    }

    fn every_key(&mut self, here: &Here) {
        for context in (0u32..).zip(&self.plan.contexts).map(|(n, _)| n).collect::<Vec<_>>() {
            let node = Node { context, ..here.node };
            self.listen(Some(here.at), node, &here.state.env, Via::Others);
        }
    }

    /// The parked call comes back to the one who parked it; ParkAndAnnounce also calls somebody.
    fn parks(&mut self, here: &Here, call: &Call<Template>) {
        self.inside("parked calls".to_owned(), here.at);
        for context in ["park-dial", "parkedcallstimeout"] {
            if let Some(context) = self.plan.find(context) {
                let any = self.langs.any();
                self.jump(here, context, any, Via::Others);
            }
        }
        if call.app.name() != "ParkAndAnnounce" && call.args.is_empty() {
            return;
        }
        for (position, arg) in call.args.iter().enumerate() {
            let lang = self.lang(&here.state, arg);
            if crate::jumps::calls_out(call, position) && self.langs.bytes(lang).has(b'/') {
                self.destinations(here, lang);
            }
            match arg.as_literal() {
                Some(text) if text.contains("c(") => {
                    let label = text.split_once("c(").map_or("", |(_, rest)| rest.split(')').next().unwrap_or(rest));
                    self.place(here, &label.replace(['|', '^'], ","), &Via::Others);
                }
                Some(_) => {}
                None => self.everywhere(here),
            }
        }
        if let Some(label) = crate::jumps::parked_back(call) {
            self.place(here, &label, &Via::Others);
        }
    }
}
