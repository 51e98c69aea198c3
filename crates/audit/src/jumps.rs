//! Applications that go on elsewhere by settings of their own, not by a label: directory, voicemail, DISA, parking, macros.

use dialplan::control::Call;
use dialplan::reach::Sink;
use dialplan::text::Template;

use crate::bytes::keypad;
use crate::dial;
use crate::line::Here;
use crate::value::{Value, Values};
use crate::walk::{At, Spot, Walk};

impl Walk<'_> {
    /// Jumps of applications that do not steer by a grammar of their own.
    pub(crate) fn jumps(&mut self, here: Here<'_>, call: &Call<Template>) {
        let (name, at) = (call.app.name(), here.at);
        let keyed = || Value::run(keypad());
        match name {
            "Directory" => {
                for exten in ["o", "a"] {
                    self.search(here.context, Value::literal(exten), At::First, at);
                }
                let named = call.args.get(1).or(call.args.first()).filter(|arg| !arg.is_empty());
                let contexts = named.map_or_else(|| Values::of(Value::literal("default")), |arg| self.eval(here, arg));
                for context in contexts.iter().flat_map(|value| self.plan.named(value)).collect::<Vec<_>>() {
                    self.search(context, keyed(), At::First, at);
                    for exten in ["o", "a"] {
                        self.search(context, Value::literal(exten), At::First, at);
                    }
                }
                self.inside("the directory".to_owned(), at);
            }
            "VoiceMail" | "VoiceMailMain" | "VMAuthenticate" | "MinivmRecord" => {
                for exten in ["o", "a"] {
                    self.search(here.context, Value::literal(exten), At::First, at);
                }
                self.dial_context(here, call);
            }
            "Authenticate" | "LookupBlacklist" => {
                let next = here.priority.saturating_add(101);
                self.search(here.context, here.exten.clone(), At::Priority(next), at);
            }
            "DISA" if self.facts.grants.is_some() => {
                for name in self.facts.guarded(call) {
                    self.sink(Sink::Guarded(name), at);
                }
            }
            "DISA" => {
                let context = call.args.get(1).or_else(|| call.args.first()).cloned().unwrap_or_default();
                let whole: Vec<String> = context.as_literal().map_or_else(Vec::new, |text| {
                    text.split(',').nth(usize::from(call.args.len() < 2)).map(str::to_owned).into_iter().collect()
                });
                match whole.first() {
                    Some(context) => {
                        for context in self.plan.named(&Value::literal(context.trim())) {
                            self.go(Spot::Keys(context), Some(at));
                        }
                    }
                    None => self.every_key(at),
                }
            }
            "MacroExclusive" => self.macros(here, call),
            "RaiseException" => self.search(here.context, Value::literal("e"), At::First, at),
            "Random" => self.random(here, call),
            "Park" | "ParkAndAnnounce" => self.parks(here, call),
            "ParkedCall" | "Transfer" | "BackgroundDetect" => self.go(Spot::Keys(here.context), Some(at)),
            "Queue" => self.go(Spot::Keys(here.context), Some(at)),
            _ => self.unknown(format!("{name} goes on where its own settings say"), at),
        }
    }

    /// VoiceMail's option `d(context)`: numbers dialled while the greeting plays.
    fn dial_context(&mut self, here: Here<'_>, call: &Call<Template>) {
        let Some(options) = call.args.get(1) else { return };
        match options.as_literal() {
            Some(text) => {
                if let Some((_, rest)) = text.split_once("d(") {
                    let context = rest.split(')').next().unwrap_or(rest).trim();
                    for context in self.plan.named(&Value::literal(context)) {
                        self.go(Spot::Keys(context), Some(here.at));
                    }
                } else if text.contains('d') {
                    self.go(Spot::Keys(here.context), Some(here.at));
                }
            }
            None => self.every_key(here.at),
        }
    }

    pub(crate) fn every_key(&mut self, at: usize) {
        for context in (0u32..).zip(&self.plan.contexts).map(|(n, _)| n) {
            self.go(Spot::Keys(context), Some(at));
        }
    }

    fn macros(&mut self, here: Here<'_>, call: &Call<Template>) {
        let name = call.args.first().map_or_else(Values::anything, |arg| self.eval(here, arg));
        let contexts = Values::of(Value::literal("macro-")).then(&name);
        for context in contexts.iter().flat_map(|value| self.plan.named(value)).collect::<Vec<_>>() {
            self.search(context, Value::literal("s"), At::First, here.at);
        }
    }

    fn random(&mut self, here: Here<'_>, call: &Call<Template>) {
        let label = call.args.first().and_then(Template::as_literal).and_then(|text| text.split_once(':'));
        match label {
            Some((_, label)) => self.place(here, label),
            None => self.everywhere(here.at),
        }
    }

    /// The parked call comes back to the one who parked it; ParkAndAnnounce also calls somebody.
    fn parks(&mut self, here: Here<'_>, call: &Call<Template>) {
        self.inside("parked calls".to_owned(), here.at);
        // Where lots of the configuration come back to, and those of a foreign exchange.
        for context in ["park-dial", "parkedcallstimeout"] {
            for context in self.plan.named(&Value::literal(context)) {
                self.search(context, Value::anything(), At::First, here.at);
            }
        }
        if call.app.name() == "ParkAndAnnounce" || !call.args.is_empty() {
            for (position, arg) in call.args.iter().enumerate() {
                for text in self.eval(here, arg).iter() {
                    if calls_out(call, position) && text.bytes().has(b'/') {
                        for target in dial::targets(text, self.facts) {
                            self.target(here, target);
                        }
                    }
                }
                match arg.as_literal() {
                    Some(text) if text.contains("c(") => {
                        let label =
                            text.split_once("c(").map_or("", |(_, rest)| rest.split(')').next().unwrap_or(rest));
                        self.place(here, &label.replace(['|', '^'], ","));
                    }
                    Some(_) => {}
                    None => self.everywhere(here.at),
                }
            }
            if let Some(label) = parked_back(call) {
                self.place(here, &label);
            }
        }
    }
}

/// Whether an argument may say whom to call. Sounds have slashes too: in an announcement that is written out only a
/// technology that `ParkAndAnnounce` calls makes a destination, in the place of its older form or of today's. Where data
/// is in it, each argument is taken for one.
pub(crate) fn calls_out(call: &Call<Template>, position: usize) -> bool {
    if call.app.name() != "ParkAndAnnounce" || call.args.iter().any(|arg| arg.as_literal().is_none()) {
        return true;
    }
    matches!(position, 2 | 3)
        && call.args.get(position).and_then(Template::as_literal).is_some_and(dialplan::apps::is_destination)
}

/// Older forms name the place to come back to by their position: Park(milliseconds,context,extension,priority) and
/// ParkAndAnnounce(announcement,seconds,destination,label).
pub(crate) fn parked_back(call: &Call<Template>) -> Option<String> {
    let literal = |n: usize| call.args.get(n).map_or(Some(""), Template::as_literal).map(str::to_owned);
    if call.app.name() != "Park" {
        return literal(3).filter(|text| !text.is_empty() && !text.contains('/')).map(|text| text.replace('|', ","));
    }
    match (literal(0), literal(1), literal(2)) {
        (Some(first), ..) if first.trim().parse::<u64>().is_err() => None,
        (Some(_), Some(context), Some(rest)) => {
            let rest = rest.replace('|', ",");
            let mut parts = rest.split(',').map(str::trim);
            let exten = parts.next().unwrap_or_default().to_owned();
            let priority = parts.next().filter(|part| !part.is_empty()).unwrap_or("1");
            (!context.is_empty()).then(|| format!("{},{exten},{priority}", context.trim()))
        }
        // Data decides; the arguments themselves were looked at before.
        _ => None,
    }
}
