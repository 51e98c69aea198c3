//! What one line may do: the effects of its application by the table, and of the functions in its arguments. Labels are
//! followed in `steer`, destinations in `dial`, options in `options`, applications with ways of their own in `apps`.

use dialplan::apps::{ArgKind, Effect};
use dialplan::control::{App, Call};
use dialplan::program::{Exten, Line};
use dialplan::reach::Sink;
use dialplan::text::{Name, Template};

use super::gates::Gate;
use super::search::At;
use super::state::{Env, State, Val};
use super::{Here, Node, Prover, Spot, Via};
use crate::bytes::{Bytes, keypad};
use crate::mutant::{Mutant, on};

/// Applications after which the next line never runs.
const LAST: &[&str] = &["Hangup", "Busy", "Congestion"];

/// How a line goes on: with what is known then, and by which gate.
pub(super) struct After {
    pub(super) state: State,
    pub(super) gate: Option<Gate>,
    pub(super) via: Via,
}

impl After {
    pub(super) fn of(state: State) -> Self {
        Self { state, gate: None, via: Via::Next }
    }
}

impl Prover<'_> {
    /// Follows all that a line may do.
    pub(super) fn line(&mut self, here: Here) {
        let Some(found) = self.plan.exten(here.home) else { return };
        let Some(line) = found.lines.get(&here.priority) else { return };
        self.name(&here, found);
        let mut here = here;
        if line.rules.compat.late_arguments && line.data.contains('$') {
            self.late(&mut here, line);
        }
        self.expanded(&mut here, &line.call);
        self.moment(Some(here.at), here.node, &here.state.env);
        for after in self.call(&here, &line.call) {
            if after.state.env != here.state.env {
                self.moment(Some(here.at), here.node, &after.state.env);
            }
            let mut node = here.node;
            if let Some(mut gate) = after.gate {
                gate.place = self.place_of(&here, found);
                node.gates = self.gates.with(node.gates, gate);
            }
            self.next(here.at, node, here.home, here.priority, &after.state, &after.via);
        }
    }

    /// All values of a line are worked out before it does anything, also those of ways that it does not go: functions in
    /// them act, and what they write may be anything from then on and is narrowed by no comparison of this line.
    fn expanded(&mut self, here: &mut Here, call: &Call<Template>) {
        self.pinned.clear();
        if !self.acts.entry((here.home, here.priority)).or_insert_with(|| has_functions(call)).to_owned() {
            return;
        }
        let mut templates = Vec::new();
        call.each_template(&mut |template| templates.push(template.clone()));
        for template in &templates {
            self.functions(here, template);
            self.written_while_read(&mut here.state, template);
        }
    }

    pub(super) fn place_of(&self, here: &Here, found: &Exten) -> String {
        let context = self.plan.room(here.node.context).map_or("", |room| &*room.context.name);
        format!("{context},{},{}", found.title(), here.priority)
    }

    /// The word that a report has for this extension.
    fn name(&mut self, here: &Here, found: &Exten) {
        let Some(room) = self.plan.room(here.home.context) else { return };
        if let Some(word) = self.facts.words.get(&*room.context.name).filter(|word| word.contains("{}"))
            && found.name.chars().all(|c| c.is_ascii_alphanumeric())
            && !matches!(&*found.name, "s" | "h" | "i" | "t" | "T" | "e" | "o" | "a")
        {
            self.inside(word.replace("{}", &found.name), here.at);
        }
    }

    /// The next priority: of the same extension, or of whatever matches then (S3).
    pub(super) fn next(
        &mut self,
        from: usize,
        node: Node,
        home: crate::plan::Home,
        priority: u32,
        state: &State,
        via: &Via,
    ) {
        let next = priority.saturating_add(1);
        let own = self.plan.exten(home).is_some_and(|found| found.lines.contains_key(&next));
        if self.plan.program.falls_through() && !on(Mutant::FirstMatchOnly) {
            let hits = self.searches_of(node.context, state, next);
            let found_all = hits.unmatched.is_none() && hits.lacking.is_none();
            for (home, priority, lang) in &hits.lines {
                let state = State { exten: *lang, env: state.env.clone() };
                self.flow(
                    Node { spot: Spot::Line { home: *home, priority: *priority }, ..node },
                    state,
                    Some(from),
                    via.clone(),
                );
            }
            if own {
                // It may be what still matches best.
                self.flow(
                    Node { spot: Spot::Line { home, priority: next }, ..node },
                    state.clone(),
                    Some(from),
                    via.clone(),
                );
            }
            if !found_all || hits.lines.is_empty() {
                self.ran_out(Some(from), node, &state.env);
                // No line at all any more, not even a first one: the extension became invalid (a caller ID, a time).
                self.gone(from, node, state);
            }
        } else if own {
            self.flow(
                Node { spot: Spot::Line { home, priority: next }, ..node },
                state.clone(),
                Some(from),
                via.clone(),
            );
        } else {
            self.ran_out(Some(from), node, &state.env);
            if self.plan.exten(home).is_some_and(|found| !found.lines.contains_key(&1)) {
                self.gone(from, node, state);
            }
        }
    }

    fn gone(&mut self, from: usize, node: Node, state: &State) {
        let mut told = state.env.clone();
        told.forget(super::state::Source::Exten);
        let kept = if on(Mutant::InvalidExten) { self.langs.empty() } else { state.exten };
        told.set(self.names.var("INVALID_EXTEN"), Val::of(kept));
        if !on(Mutant::NoInvalid) {
            self.special(Some(from), node, "i", &told, Via::Next);
            self.special(Some(from), node, "e", &state.env, Via::Next);
        }
    }

    fn searches_of(&self, context: u32, state: &State, priority: u32) -> std::rc::Rc<super::search::Hits> {
        self.searches.find(context, state.exten, &At::Priority(priority), false)
    }

    /// Arguments are separated after values were put in (S9): data that holds separators writes its own arguments.
    fn late(&mut self, here: &mut Here, line: &Line) {
        if on(Mutant::LateArguments) {
            return;
        }
        let template = Template::parse(&line.data).0;
        let mut dangerous = false;
        for piece in template.pieces() {
            if let dialplan::text::Piece::Text(_) = piece {
                continue;
            }
            let one = Template::parse(&match piece {
                dialplan::text::Piece::Value(_) | dialplan::text::Piece::Expr(_) => piece_text(piece),
                dialplan::text::Piece::Text(text) => text.to_string(),
            })
            .0;
            let lang = self.lang(&here.state, &one);
            let borders = Bytes::of(b",()?:&|^\"'\\[]{}=$");
            dangerous |= !self.langs.bytes(lang).and(borders).is_empty();
        }
        if !dangerous {
            return;
        }
        let mut jumps = false;
        let mut writes = false;
        line.call.each(&mut |call| {
            let jumping = [Effect::Jumps, Effect::Dials, Effect::Collects, Effect::JumpsByOthers, Effect::Transfers];
            let spec = call.app.spec();
            jumps |= call.app.name() == "ExecIf" || spec.effects.iter().any(|effect| jumping.contains(effect));
            writes |= spec.effects.contains(&Effect::Assigns);
        });
        if jumps {
            // Anything may follow: the coarse search says so at less expense.
            self.gave_up = true;
        } else if writes {
            self.wild("data may write arguments (late-arguments)");
            here.state.env = Env::anything();
        }
    }

    /// What an application may do; how it goes on, if it does.
    pub(super) fn call(&mut self, here: &Here, call: &Call<Template>) -> Vec<After> {
        let mut here = here.clone();
        for arg in &call.args {
            self.written_while_read(&mut here.state, arg);
        }
        if let Some(control) = call.control.as_deref() {
            return self.steer(&here, control);
        }
        let (name, spec) = (call.app.name(), call.app.spec());
        if matches!(call.app, App::Unknown(_)) {
            self.unknown(format!("application {name}"), here.at);
        } else if spec.steers {
            // Steering without its grammar: too deep inside itself.
            self.unknown(format!("{name}, nested too deeply"), here.at);
        }
        for arg in &call.args {
            self.functions(&here, arg);
        }
        // What it writes may be there when it goes on elsewhere.
        let mut after = here.clone();
        self.writes(&mut after, call);
        let gate = if spec.effects.contains(&Effect::Gate) { Gate::of(call) } else { None };
        for effect in spec.effects {
            self.effect(&after, call, *effect, gate.as_ref());
        }
        if spec.position(ArgKind::Options).is_some() {
            self.options(&after, call);
        }
        if LAST.contains(&name) {
            return Vec::new();
        }
        vec![After { state: after.state, gate, via: Via::Next }]
    }

    /// Variables that an application writes.
    fn writes(&mut self, here: &mut Here, call: &Call<Template>) {
        if on(Mutant::WritesForgotten) {
            return;
        }
        let (name, spec, langs) = (call.app.name(), call.app.spec(), self.langs);
        for effect in spec.effects {
            match effect {
                Effect::Writes(names) => {
                    for variable in *names {
                        let lang = match *variable {
                            "DIALSTATUS" => langs.run((b'A'..=b'Z').fold(Bytes::NONE, Bytes::with)),
                            _ => langs.any(),
                        };
                        // It may as well fail before it writes.
                        let before = self.read(&here.state, variable).lang;
                        let lang = langs.or(lang, before);
                        self.assign(&mut here.state, variable, Val::of(lang));
                    }
                }
                Effect::Anything => here.state.env = Env::anything(),
                Effect::Assigns if spec.position(ArgKind::Variable).is_none() => {
                    for arg in &call.args {
                        match arg.as_literal() {
                            Some(text) => {
                                for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
                                    if !word.is_empty() {
                                        self.assign(&mut here.state, word, Val::of(langs.any()));
                                    }
                                }
                            }
                            None => here.state.env = Env::anything(),
                        }
                    }
                }
                _ => {}
            }
        }
        for (arg, spec) in call.args.iter().zip(spec.args) {
            if spec.kind != ArgKind::Variable {
                continue;
            }
            match arg.as_literal() {
                Some(names) => {
                    for variable in names.split(['&', ',']) {
                        let keys = langs.run(keypad());
                        let keys = if on(Mutant::ReadEmpty) { langs.minus(keys, langs.empty()) } else { keys };
                        let before = self.read(&here.state, variable).lang;
                        let (lang, keyed) =
                            if name == "Read" { (langs.or(keys, before), true) } else { (langs.any(), false) };
                        self.assign(&mut here.state, variable, Val { lang, alias: None, keyed });
                    }
                }
                None => here.state.env = Env::anything(),
            }
        }
    }

    pub(super) fn effect(&mut self, here: &Here, call: &Call<Template>, effect: Effect, gate: Option<&Gate>) {
        let (name, at) = (call.app.name(), here.at);
        match effect {
            Effect::Anything => self.unknown(format!("application {name}"), at),
            Effect::RunsProgram => {
                let program = call.args.first().map_or_else(String::new, |arg| format!(" {arg}"));
                self.sink(Sink::Program(format!("{name}{program}")), at, None);
            }
            Effect::Network | Effect::Messages => self.sink(Sink::Network, at, None),
            Effect::WritesDatabase => self.sink(Sink::Database, at, None),
            Effect::Records | Effect::WritesFiles => self.sink(Sink::File, at, None),
            Effect::Collects => self.collects(here, call),
            Effect::Dials => self.dials(here, call),
            Effect::Jumps | Effect::JumpsByOthers | Effect::Transfers => self.jumps(here, call, gate),
            Effect::Mailbox => self.named(here, call, "mailbox"),
            Effect::Joins if !matches!(name, "Park" | "ParkAndAnnounce") => self.named(here, call, name),
            Effect::Spies => self.inside("other people's calls".to_owned(), at),
            Effect::HangsUp
            | Effect::Answers
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

    fn named(&mut self, here: &Here, call: &Call<Template>, word: &str) {
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
    pub(super) fn functions(&mut self, here: &Here, template: &Template) {
        let mut found = Vec::new();
        template.each_value(&mut |value| {
            if let Name::Function { name, args } = &value.name {
                found.push((name.clone(), args.to_string()));
            }
        });
        for (name, args) in found {
            match &*name {
                "SHELL" => self.sink(Sink::Program(format!("SHELL {args}")), here.at, None),
                "CURL" => self.sink(Sink::Network, here.at, None),
                "DB_DELETE" => self.sink(Sink::Database, here.at, None),
                "EVAL" => self.unknown("EVAL makes code of data".to_owned(), here.at),
                name if dialplan::func::lookup(name).is_none() => {
                    self.unknown(format!("function {name}"), here.at);
                }
                _ => {}
            }
        }
    }

    pub(super) fn is_safe(&self) -> bool {
        self.plan.program.is_safe()
    }
}

fn has_functions(call: &Call<Template>) -> bool {
    let mut any = false;
    call.each_template(&mut |template| {
        template.each_value(&mut |value| any |= matches!(value.name, Name::Function { .. }));
    });
    any
}

fn piece_text(piece: &dialplan::text::Piece) -> String {
    match piece {
        dialplan::text::Piece::Text(text) => text.to_string(),
        dialplan::text::Piece::Value(value) => {
            let mut text = match &value.name {
                Name::Variable(name) => format!("${{{name}"),
                Name::Function { name, args } => format!("${{{name}({args})"),
            };
            if let Some(slice) = &value.slice {
                text += &format!(":{slice}");
            }
            text + "}"
        }
        dialplan::text::Piece::Expr(expr) => format!("$[{}]", expr.source()),
    }
}
