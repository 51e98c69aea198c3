//! What one line may do: the effects of its application by the table, and of the functions in its arguments. Labels are
//! followed in `steer`, destinations in `legs`, options in `options`, applications with ways of their own in `jumps`.

use dialplan::apps::{ArgKind, Effect};
use dialplan::control::{App, Call};
use dialplan::program::{Exten, Line};
use dialplan::reach::Sink;
use dialplan::text::{Name, Template};

use crate::eval::Eval;
use crate::value::{Value, Values};
use crate::walk::{At, Walk};

/// Applications after which the next line never runs.
const LAST: &[&str] = &["Hangup", "Busy", "Congestion", "MacroExit"];

/// The line that is looked at, with what is known of the call there.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) at: usize,
    pub(crate) context: u32,
    pub(crate) exten: &'a Value,
    pub(crate) priority: u32,
    pub(crate) found: &'a Exten,
}

impl Walk<'_> {
    /// Follows all that a line may do; true if the next line may run after it.
    pub(crate) fn effects(
        &mut self,
        at: usize,
        context: u32,
        exten: &Value,
        priority: u32,
        found: &Exten,
        line: &Line,
    ) -> bool {
        let here = Here { at, context, exten, priority, found };
        if line.rules.compat.late_arguments && line.data.contains('$') {
            self.late(here, line);
        }
        if line.rules.dialect.is_old() {
            // Applications that fail go on there (S15).
            let jump = At::Jump(priority.saturating_add(101));
            self.search(context, exten.clone(), jump, at);
        }
        self.call(here, &line.call)
    }

    /// Arguments are separated after values were put in (S9): data that holds separators writes its own arguments.
    fn late(&mut self, here: Here<'_>, line: &Line) {
        let texts = self.eval(here, &Template::parse_in(&line.data, line.rules.dialect).0);
        let borders = b",()?:&|^";
        if !texts.iter().any(|text| borders.iter().any(|border| text.data_may_hold(*border))) {
            return;
        }
        let mut jumps = false;
        line.call.each(&mut |call| {
            let jumping = [Effect::Jumps, Effect::Dials, Effect::Collects, Effect::JumpsByOthers, Effect::Transfers];
            let name = call.app.name();
            jumps |= name == "ExecIf" || call.app.spec().effects.iter().any(|effect| jumping.contains(effect));
        });
        if jumps {
            self.unknown(format!("data may write arguments of {} (late-arguments)", line.app), here.at);
            self.everywhere(here.at);
            self.anything(here.at);
        }
    }

    pub(crate) fn call(&mut self, here: Here<'_>, call: &Call<Template>) -> bool {
        if let Some(control) = call.control.as_deref() {
            return self.steer(here, control);
        }
        let (name, spec) = (call.app.name(), call.app.spec());
        if matches!(call.app, App::Unknown(_)) {
            self.unknown(format!("application {name}"), here.at);
        } else if spec.steers {
            // Steering without its grammar: too deep inside itself.
            self.unknown(format!("{name}, nested too deeply"), here.at);
        }
        for arg in &call.args {
            self.functions(here, arg);
        }
        for effect in spec.effects {
            self.effect(here, call, *effect);
        }
        if spec.position(ArgKind::Options).is_some() {
            self.options(here, call);
        }
        !LAST.contains(&name)
    }

    pub(crate) fn eval(&self, here: Here<'_>, template: &Template) -> Values {
        let context = self.plan.room(here.context).map(|room| &*room.context.name);
        let compat = self.plan.program.compat();
        let textual = compat.textual_expressions || compat.late_arguments;
        let legacy = self.plan.program.has_legacy();
        Eval { vars: self.vars, exten: here.exten, context, textual, legacy }.template(template)
    }

    pub(crate) fn effect(&mut self, here: Here<'_>, call: &Call<Template>, effect: Effect) {
        let (name, at) = (call.app.name(), here.at);
        match effect {
            Effect::Anything => self.unknown(format!("application {name}"), at),
            Effect::RunsProgram => {
                let program = call.args.first().map_or_else(String::new, |arg| format!(" {arg}"));
                self.sink(Sink::Program(format!("{name}{program}")), at);
            }
            Effect::Network | Effect::Messages => self.sink(Sink::Network, at),
            Effect::WritesDatabase => self.sink(Sink::Database, at),
            Effect::Records | Effect::WritesFiles => self.sink(Sink::File, at),
            Effect::Collects => self.collects(here, call),
            Effect::Dials => self.dials(here, call),
            Effect::Jumps | Effect::JumpsByOthers | Effect::Transfers => self.jumps(here, call),
            Effect::Mailbox => self.named(here, call, "mailbox"),
            Effect::Joins if !matches!(name, "Park" | "ParkAndAnnounce") => self.named(here, call, name),
            Effect::Spies => self.inside("other people's calls".to_owned(), at),
            Effect::HangsUp => {}
            Effect::Answers
            | Effect::Plays
            | Effect::Waits
            | Effect::Reads
            | Effect::Writes(_)
            | Effect::Assigns
            | Effect::Joins
            | Effect::ReadsDatabase
            | Effect::ReadsFiles
            | Effect::Gate
            | Effect::Signals
            | Effect::Logs => {}
        }
    }

    fn named(&mut self, here: Here<'_>, call: &Call<Template>, word: &str) {
        let word = match word {
            "ConfBridge" | "MeetMe" => "conference".to_owned(),
            other => other.to_lowercase(),
        };
        let which = call.args.first().and_then(Template::as_literal).map(|text| text.split('@').next().unwrap_or(text));
        match which.filter(|which| !which.is_empty()) {
            Some(which) => self.inside(format!("{word} {which}"), here.at),
            None => self.inside(word, here.at),
        }
    }

    /// Effects of functions that stand in arguments.
    pub(crate) fn functions(&mut self, here: Here<'_>, template: &Template) {
        let mut found = Vec::new();
        template.each_value(&mut |value| {
            if let Name::Function { name, args } = &value.name {
                found.push((name.clone(), args.to_string()));
            }
        });
        for (name, args) in found {
            match &*name {
                "SHELL" => self.sink(Sink::Program(format!("SHELL {args}")), here.at),
                "CURL" => self.sink(Sink::Network, here.at),
                "DB_DELETE" => self.sink(Sink::Database, here.at),
                "EVAL" => self.unknown("EVAL makes code of data".to_owned(), here.at),
                name if dialplan::func::lookup(name).is_none() => self.unknown(format!("function {name}"), here.at),
                _ => {}
            }
        }
    }
}
