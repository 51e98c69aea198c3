//! Who is called: destinations as languages, cut like `pbx` cuts texts. `PJSIP/204`, `PJSIP/number@trunk`,
//! `SIP/trunk/number`, `Local/exten@context`, joined by `&`.

use dialplan::apps::ArgKind;
use dialplan::control::Call;
use dialplan::reach::Sink;
use dialplan::text::Template;

use super::classes::classes;
use super::search::At;
use super::state::{Env, Val};
use super::{Here, Node, Prover, Via};
use crate::bytes::Bytes;
use crate::lang::Lang;
use crate::limits;
use crate::mutant::{Mutant, on};

impl Prover<'_> {
    pub(super) fn dials(&mut self, here: &Here, call: &Call<Template>) {
        let name = call.app.name();
        if name == "Park" {
            // Calling the parker back is a grant of the owner, not of the plan.
            return;
        }
        let Some(position) = call.app.spec().position(ArgKind::Destinations) else {
            return self.unknown(format!("{name}: whom it calls is not in its table line"), here.at);
        };
        let Some(destinations) = call.args.get(position) else { return };
        let lang = self.lang(&here.state, destinations);
        self.destinations(here, lang);
    }

    /// All destinations of some texts.
    pub(super) fn destinations(&mut self, here: &Here, lang: Lang) {
        let langs = self.langs;
        let mut one = langs.elements(lang, b'&');
        if on(Mutant::SecondDestination) {
            one = langs.before(lang, b'&');
        }
        let one = langs.trim(one);
        let any = langs.any();
        let slash = langs.then(any, langs.then(langs.literal(b"/"), any));
        let one = langs.and(one, slash);
        if langs.is_none(one) {
            return;
        }
        let technologies = langs.before(one, b'/');
        if langs.is_none(technologies) {
            return;
        }
        if langs.within(langs.run(Bytes::of(b"PJSIPSL")), technologies) && !on(Mutant::DataDestination) {
            // Data writes the technology.
            return self.anything(here);
        }
        let mut left = technologies;
        for name in
            ["PJSIP", "SIP", "LOCAL", "DAHDI", "ZAP", "IAX2", "SCCP", "SKINNY", "MGCP", "CONSOLE", "DONGLE", "H323"]
        {
            let named = langs.any_case(name);
            for technology in langs.all(langs.and(left, named), 64).unwrap_or_default() {
                let rest = langs.after_prefix(one, format!("{technology}/").as_bytes());
                match name {
                    "PJSIP" | "SIP" => self.sip(here, rest),
                    "LOCAL" => self.local_channels(here, rest),
                    other => self.other(here, other, rest),
                }
            }
            left = langs.minus(left, named);
        }
        for technology in langs.all(langs.minus(left, langs.empty()), limits::TEXTS).unwrap_or_default() {
            let rest = langs.after_prefix(one, format!("{technology}/").as_bytes());
            self.other(here, &technology.to_ascii_uppercase(), rest);
        }
    }

    fn sip(&mut self, here: &Here, rest: Lang) {
        let langs = self.langs;
        let any = langs.any();
        let at_sign = langs.then(any, langs.then(langs.literal(b"@"), any));
        let by_at = langs.and(rest, at_sign);
        let plain = langs.and(rest, langs.run(Bytes::ALL.without(b'@')));
        let mut other = langs.after_last(by_at, b'@');
        if on(Mutant::DataDestination) && langs.text(by_at).is_none() && langs.text(other).is_none() {
            other = langs.none();
        } else {
            for name in self.facts.trunks.clone() {
                let numbers = langs.before_suffix(by_at, format!("@{name}").as_bytes());
                if !langs.is_none(numbers) {
                    self.trunk(here, name.clone(), numbers);
                }
                other = langs.minus(other, langs.literal(name.as_bytes()));
            }
        }
        self.nobodys_trunks(here, other, langs.any());
        let slash = langs.then(any, langs.then(langs.literal(b"/"), any));
        let by_slash = langs.and(plain, slash);
        let mut other = langs.before(by_slash, b'/');
        other = if langs.is_none(by_slash) { by_slash } else { other };
        for name in self.facts.trunks.clone() {
            let numbers = langs.after_prefix(by_slash, format!("{name}/").as_bytes());
            if !langs.is_none(numbers) {
                self.trunk(here, name.clone(), langs.or(numbers, langs.after_prefix(numbers, b"sip:")));
            }
            other = langs.minus(other, langs.literal(name.as_bytes()));
        }
        self.nobodys_trunks(here, other, langs.any());
        let phones = langs.and(plain, langs.run(Bytes::ALL.without(b'@').without(b'/')));
        if langs.is_none(phones) {
            return;
        }
        for name in self.facts.trunks.clone() {
            if langs.holds(phones, name.as_bytes()) && !on(Mutant::TrunkAsPhone) {
                self.trunk(here, name.clone(), langs.empty());
            }
        }
        self.phone(here, phones);
    }

    /// Names of trunks that nobody configured: they are at least no phones.
    fn nobodys_trunks(&mut self, here: &Here, names: Lang, numbers: Lang) {
        let langs = self.langs;
        if langs.is_none(names) {
            return;
        }
        match langs.all(names, limits::TEXTS) {
            Some(names) => {
                for name in names {
                    self.trunk(here, name, numbers);
                }
            }
            None if self.facts.trunks.is_empty() => self.trunk(here, "any trunk".to_owned(), numbers),
            None => {}
        }
    }

    fn trunk(&mut self, here: &Here, name: String, numbers: Lang) {
        self.sink(Sink::Trunk(name), here.at, Some(numbers));
        let known = match self.classes.get(&numbers) {
            Some(known) => std::rc::Rc::clone(known),
            None => {
                let found = std::rc::Rc::new(classes(self.langs, numbers, self.facts.country));
                self.classes.insert(numbers, std::rc::Rc::clone(&found));
                found
            }
        };
        for (class, dialled) in known.iter() {
            self.sink(Sink::Paid(*class), here.at, Some(*dialled));
        }
    }

    fn phone(&mut self, here: &Here, names: Lang) {
        match self.langs.text(names) {
            Some(name) if self.facts.phones.is_empty() || self.facts.phones.contains(&name) => {
                self.inside(format!("extension {name}"), here.at);
            }
            Some(_) => {}
            None if self.facts.phones.is_empty() => self.inside("any extension".to_owned(), here.at),
            None => {
                for name in self.facts.phones.clone() {
                    if self.langs.holds(names, name.as_bytes()) {
                        self.inside(format!("extension {name}"), here.at);
                    }
                }
            }
        }
    }

    fn local_channels(&mut self, here: &Here, rest: Lang) {
        if on(Mutant::LocalForgets) {
            return;
        }
        let langs = self.langs;
        let no_at = Bytes::ALL.without(b'@');
        let bare = langs.and(rest, langs.run(no_at));
        if !langs.is_none(bare)
            && let Some(context) = self.plan.find("default")
        {
            self.channel(here, context, bare);
        }
        if let Some(text) = langs.text(rest) {
            let Some((exten, context)) = text.split_once('@') else { return };
            let context = context.split('/').next().unwrap_or_default();
            if let Some(context) = self.plan.find(context) {
                self.channel(here, context, langs.literal(exten.as_bytes()));
            }
            return;
        }
        let tail = langs.or(langs.empty(), langs.then(langs.literal(b"/"), langs.any()));
        for (context, room) in (0u32..).zip(&self.plan.contexts) {
            let name = &room.context.name;
            let wanted = langs.then(langs.run(no_at), langs.then(langs.literal(format!("@{name}").as_bytes()), tail));
            if langs.meets(rest, wanted) {
                let exten = langs.before(langs.and(rest, wanted), b'@');
                self.channel(here, context, exten);
            }
        }
    }

    /// A channel of its own, with the variables that are inherited, or without.
    fn channel(&mut self, here: &Here, context: u32, exten: Lang) {
        let mut env = Env::default();
        env.wild = here.state.env.wild;
        for (var, val) in here.state.env.iter() {
            if on(Mutant::InheritedForgotten) {
                break;
            }
            let unset = super::state::Unset::unset(&self.names, var);
            env.set(var, Val::of(self.langs.bounded(self.langs.or(val.lang, unset))));
        }
        let node = Node { context, stack: 0, ..here.node };
        self.search(Some(here.at), node, exten, &At::First, &env, Via::Local, false);
    }

    /// Other technologies are lines to outside.
    fn other(&mut self, here: &Here, technology: &str, rest: Lang) {
        let langs = self.langs;
        let name = match langs.text(langs.before(rest, b'/')) {
            Some(line) => format!("{technology}/{line}"),
            None => technology.to_owned(),
        };
        let numbers = match langs.text(rest) {
            Some(text) => langs.literal(text.split_once('/').map_or("", |(_, number)| number).as_bytes()),
            None => langs.or(langs.after_last(rest, b'/'), langs.empty()),
        };
        self.trunk(here, name, numbers);
    }

    /// Data decides whom to call: every phone, every trunk, every place.
    pub(super) fn anything(&mut self, here: &Here) {
        let any = self.langs.any();
        if self.facts.trunks.is_empty() {
            self.trunk(here, "any trunk".to_owned(), any);
        }
        for name in self.facts.trunks.clone() {
            self.trunk(here, name, any);
        }
        self.phone(here, any);
        for context in (0u32..).zip(&self.plan.contexts).map(|(n, _)| n).collect::<Vec<_>>() {
            self.channel(here, context, any);
        }
    }
}
