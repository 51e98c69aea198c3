//! Who is called: phones, numbers on trunks, Local channels, and keys that lead to them.

use dialplan::apps::ArgKind;
use dialplan::control::Call;
use dialplan::number;
use dialplan::reach::Sink;
use dialplan::text::Template;

use crate::dial::{self, Target};
use crate::line::Here;
use crate::value::Value;
use crate::walk::{At, Spot, Walk};

impl Walk<'_> {
    /// Keys are listened to: in this context, and in the one that an argument names.
    pub(crate) fn collects(&mut self, here: Here<'_>, call: &Call<Template>) {
        match call.app.name() {
            "Queue" => self.unknown("Queue: members and context are not in the plan".to_owned(), here.at),
            "Incomplete" => self.search(here.context, Value::anything(), At::First, here.at),
            _ => {}
        }
        self.go(Spot::Keys(here.context), Some(here.at));
        if let Some(position) = call.app.spec().position(ArgKind::Context)
            && let Some(other) = call.args.get(position)
        {
            for value in self.eval(here, other).iter() {
                for context in self.plan.named(value) {
                    self.go(Spot::Keys(context), Some(here.at));
                }
            }
        }
    }

    pub(crate) fn dials(&mut self, here: Here<'_>, call: &Call<Template>) {
        let name = call.app.name();
        if matches!(name, "Park" | "ParkAndAnnounce") {
            // Calling the parker back is a grant of the owner, not of the plan.
            return;
        }
        let Some(position) = call.app.spec().position(ArgKind::Destinations) else {
            return self.unknown(format!("{name}: whom it calls is not in its table line"), here.at);
        };
        let Some(destinations) = call.args.get(position) else { return };
        for text in self.eval(here, destinations).iter() {
            for target in dial::targets(text, self.facts) {
                self.target(here, target);
            }
        }
    }

    pub(crate) fn target(&mut self, here: Here<'_>, target: Target) {
        match target {
            Target::Anything => self.anything(here.at),
            Target::Phone(value) => self.phone(&value, here.at),
            Target::Trunk(name, number) => {
                self.sink(Sink::Trunk(name), here.at);
                self.classes(&number, here.at);
            }
            Target::Local { exten, context } => {
                let named = self.plan.named(&context);
                let names = named.iter().filter_map(|context| self.plan.room(*context)).map(|room| &*room.context.name);
                // A place that does not exist begins elsewhere in legacy contexts (S6).
                let starts = |name| self.plan.program.start_instead(&dialplan::Place::new(name, "", 1));
                let elsewhere: Vec<dialplan::Place> = names.chain([""]).flat_map(starts).collect();
                for context in named {
                    self.search_worked_out(context, exten.clone(), At::First, here.at);
                }
                for place in elsewhere {
                    if let Some(context) = self.plan.find(&place.context) {
                        self.search(context, Value::literal(&place.exten), At::First, here.at);
                    }
                }
            }
        }
    }

    fn phone(&mut self, value: &Value, at: usize) {
        match value.text() {
            Some(name) if self.facts.phones.is_empty() || self.facts.phones.contains(&name) => {
                self.inside(format!("extension {name}"), at);
            }
            Some(_) => {}
            None if self.facts.phones.is_empty() => self.inside("any extension".to_owned(), at),
            None => {
                for name in self.facts.phones.iter().filter(|name| value.meets(&Value::literal(name))) {
                    self.inside(format!("extension {name}"), at);
                }
            }
        }
    }

    /// Data decides whom to call: every phone, every trunk, every place.
    pub(crate) fn anything(&mut self, at: usize) {
        if self.facts.trunks.is_empty() {
            self.sink(Sink::Trunk("any trunk".to_owned()), at);
        }
        for name in &self.facts.trunks {
            self.sink(Sink::Trunk(name.clone()), at);
        }
        self.classes(&Value::anything(), at);
        self.phone(&Value::anything(), at);
        for context in (0u32..).zip(&self.plan.contexts).map(|(n, _)| n) {
            self.search(context, Value::anything(), At::First, at);
        }
    }

    /// Which kinds of paid calls a number may make.
    fn classes(&mut self, value: &Value, at: usize) {
        let numbers = self.facts.country.and_then(|country| Some((country, value.all()?)));
        match numbers {
            Some((country, numbers)) => {
                for number in numbers {
                    let class = number::classify(country, &number);
                    if class.is_paid() && class != number::Class::Unknown {
                        self.sink(Sink::Paid(class), at);
                    }
                }
            }
            None => {
                for class in number::Class::ALL {
                    if class.is_paid() && class != number::Class::Unknown {
                        self.sink(Sink::Paid(class), at);
                    }
                }
            }
        }
    }
}
