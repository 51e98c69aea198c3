//! What one line may do: jumps, keys, destinations, effects of its application and of the functions in its arguments.

use dialplan::apps::{ArgKind, Effect};
use dialplan::control::{App, Call, Control, Label, Sub, Target as Written};
use dialplan::number;
use dialplan::program::{Exten, Line};
use dialplan::reach::Sink;
use dialplan::text::{Name, Template};

use crate::bytes::keypad;
use crate::dial::{self, Target};
use crate::eval::Eval;
use crate::value::{Value, Values};
use crate::walk::{At, Spot, Walk};

/// Applications after which the next line never runs.
const LAST: &[&str] = &["Hangup", "Busy", "Congestion", "MacroExit"];

/// The line that is looked at, with what is known of the call there.
#[derive(Clone, Copy)]
struct Here<'a> {
    at: usize,
    context: u32,
    exten: &'a Value,
    priority: u32,
    found: &'a Exten,
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
        if self.plan.program.compat().late_arguments && line.data.contains('$') {
            self.late(here, line);
        }
        self.call(here, &line.call)
    }

    /// Arguments are separated after values were put in (S9): data that holds separators writes its own arguments.
    fn late(&mut self, here: Here<'_>, line: &Line) {
        let texts = self.eval(here, &Template::parse(&line.data).0);
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

    fn call(&mut self, here: Here<'_>, call: &Call<Template>) -> bool {
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

    fn eval(&self, here: Here<'_>, template: &Template) -> Values {
        let context = self.plan.room(here.context).map(|room| &*room.context.name);
        let compat = self.plan.program.compat();
        let textual = compat.textual_expressions || compat.late_arguments;
        Eval { vars: self.vars, exten: here.exten, context, textual }.template(template)
    }

    fn effect(&mut self, here: Here<'_>, call: &Call<Template>, effect: Effect) {
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

    /// Keys are listened to: in this context, and in the one that an argument names.
    fn collects(&mut self, here: Here<'_>, call: &Call<Template>) {
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

    fn dials(&mut self, here: Here<'_>, call: &Call<Template>) {
        let name = call.app.name();
        if name == "VoiceMailMain" || name == "Park" {
            // Calling a sender back, dialling out and calling the parker back are grants of the owner, not of the plan.
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

    fn target(&mut self, here: Here<'_>, target: Target) {
        match target {
            Target::Anything => self.anything(here.at),
            Target::Phone(value) => self.phone(&value, here.at),
            Target::Trunk(name, number) => {
                self.sink(Sink::Trunk(name), here.at);
                self.classes(&number, here.at);
            }
            Target::Local { exten, context } => {
                for context in self.plan.named(&context) {
                    self.search_worked_out(context, exten.clone(), At::First, here.at);
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
    fn anything(&mut self, at: usize) {
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

    /// Jumps of applications that do not steer by a grammar of their own.
    fn jumps(&mut self, here: Here<'_>, call: &Call<Template>) {
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
            "Macro" | "MacroExclusive" | "MacroIf" => self.macros(here, call),
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

    fn every_key(&mut self, at: usize) {
        for context in (0u32..).zip(&self.plan.contexts).map(|(n, _)| n) {
            self.go(Spot::Keys(context), Some(at));
        }
    }

    fn macros(&mut self, here: Here<'_>, call: &Call<Template>) {
        let name = call.args.first().map_or_else(Values::anything, |arg| self.eval(here, arg));
        let contexts = if call.app.name() == "MacroIf" {
            Values::of(Value::literal("macro-").then(&Value::anything()))
        } else {
            Values::of(Value::literal("macro-")).then(&name)
        };
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
        for context in ["park-dial", "parkedcallstimeout"] {
            for context in self.plan.named(&Value::literal(context)) {
                self.search(context, Value::anything(), At::First, here.at);
            }
        }
        if call.app.name() == "ParkAndAnnounce" || !call.args.is_empty() {
            for arg in &call.args {
                for text in self.eval(here, arg).iter() {
                    // Template, lot, destination and options are told apart by nobody here: each is taken for all.
                    if text.bytes().has(b'/') {
                        for target in dial::targets(text, self.facts) {
                            self.target(here, target);
                        }
                    }
                }
                match arg.as_literal() {
                    Some(text) if text.contains("c(") => {
                        let label =
                            text.split_once("c(").map_or("", |(_, rest)| rest.split(')').next().unwrap_or(rest));
                        self.place(here, label);
                    }
                    Some(text) if text.contains(',') => {
                        self.unknown("Park with arguments of an older form".to_owned(), here.at)
                    }
                    Some(_) => {}
                    None => self.everywhere(here.at),
                }
            }
        }
    }

    /// Options of Dial and its like: only those that are written count, unless data writes them.
    fn options(&mut self, here: Here<'_>, call: &Call<Template>) {
        let spec = call.app.spec();
        let Some(options) = spec.position(ArgKind::Options).and_then(|position| call.args.get(position)) else {
            return;
        };
        let letters: Vec<(char, String, bool)> = match options.as_literal() {
            Some(text) => letters(text),
            // A value inside an option's brackets leaves the letters as they are written.
            None => {
                let text = options.to_string();
                let mut all = letters(&text);
                all.iter_mut().for_each(|(_, arg, data)| *data = arg.contains('$'));
                if all.iter().any(|(letter, ..)| matches!(letter, '$' | '{' | '}')) {
                    all = spec.options.iter().map(|option| (option.letter, "${}".to_owned(), true)).collect();
                }
                all
            }
        };
        for (letter, arg, by_data) in letters {
            let Some(option) = spec.option(letter) else { continue };
            for effect in option.effects {
                match effect {
                    Effect::Jumps => self.option_jump(here, letter, &arg, by_data),
                    Effect::Transfers => self.transfers(here),
                    Effect::Collects => self.go(Spot::Keys(here.context), Some(here.at)),
                    other => self.effect(here, call, *other),
                }
            }
        }
    }

    fn option_jump(&mut self, here: Here<'_>, letter: char, arg: &str, by_data: bool) {
        match letter {
            _ if by_data => self.everywhere(here.at),
            'e' => self.search(here.context, Value::literal("h"), At::First, here.at),
            'M' => {
                let name = arg.split('^').next().unwrap_or(arg);
                for context in self.plan.named(&Value::literal(&format!("macro-{name}"))) {
                    self.search(context, Value::literal("s"), At::First, here.at);
                }
            }
            'U' => {
                let parts: Vec<&str> = arg.split('^').collect();
                for context in self.plan.named(&Value::literal(parts.first().unwrap_or(&""))) {
                    self.search(context, Value::literal("s"), At::First, here.at);
                }
                self.place(here, &parts.join(","));
            }
            _ if arg.is_empty() => {}
            _ => {
                // G(context^extension^priority), F and the like; arguments of a subroutine stand in brackets.
                let label = arg.split('(').next().unwrap_or(arg).replace('^', ",");
                self.place(here, &label);
            }
        }
    }

    /// Somebody in the call may dial anything where transfers are looked up.
    fn transfers(&mut self, here: Here<'_>) {
        self.go(Spot::Keys(here.context), Some(here.at));
        for value in self.vars.assigned("TRANSFER_CONTEXT").iter() {
            for context in self.plan.named(value) {
                self.go(Spot::Keys(context), Some(here.at));
            }
        }
    }

    /// A label that is written out.
    fn place(&mut self, here: Here<'_>, label: &str) {
        if label.contains('$') {
            return self.everywhere(here.at);
        }
        if let Some(label) = Label::parse(Template::literal(label)) {
            self.label(here, &label);
        }
    }

    /// Any line at all.
    fn everywhere(&mut self, at: usize) {
        for context in (0u32..).zip(&self.plan.contexts).map(|(n, _)| n) {
            self.search(context, Value::anything(), At::Any, at);
        }
    }

    /// Effects of functions that stand in arguments.
    fn functions(&mut self, here: Here<'_>, template: &Template) {
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

    fn steer(&mut self, here: Here<'_>, control: &Control<Template>) -> bool {
        match control {
            Control::Goto(label) => {
                self.label(here, label);
                false
            }
            Control::GotoIf { condition, yes, no } | Control::GotoIfTime { times: condition, yes, no } => {
                self.functions(here, condition);
                for label in [yes, no].into_iter().flatten() {
                    self.label(here, label);
                }
                yes.is_none() || no.is_none()
            }
            Control::Set(assigns) => {
                for assign in assigns {
                    self.functions(here, &assign.value);
                    self.set(here, &assign.target, &assign.value);
                }
                true
            }
            Control::Gosub(sub) => {
                self.sub(here, sub);
                true
            }
            Control::GosubIf { condition, yes, no } => {
                self.functions(here, condition);
                for sub in [yes, no].into_iter().flatten() {
                    self.sub(here, sub);
                }
                true
            }
            // Where a Gosub may have come from, the search went on already.
            Control::Return(value) => {
                self.functions(here, value);
                false
            }
            Control::StackPop => true,
            Control::ExecIf { condition, yes, no } => {
                self.functions(here, condition);
                let mut goes_on = yes.is_none() || no.is_none();
                for call in [yes, no].into_iter().flatten() {
                    goes_on |= self.call(here, call);
                }
                goes_on
            }
            Control::While(condition) => {
                self.functions(here, condition);
                self.loops(here);
                true
            }
            Control::EndWhile | Control::ExitWhile | Control::ContinueWhile => {
                self.loops(here);
                true
            }
        }
    }

    /// A loop may go to each of its heads and behind each of its ends.
    fn loops(&mut self, here: Here<'_>) {
        if self.plan.program.falls_through() {
            // The lines of a loop may stand in several extensions.
            return self.search(here.context, here.exten.clone(), At::Any, here.at);
        }
        for (priority, line) in &here.found.lines {
            match line.call.control.as_deref() {
                Some(Control::While(_)) => {
                    self.search(here.context, here.exten.clone(), At::Priority(*priority), here.at);
                }
                Some(Control::EndWhile) => {
                    let behind = priority.saturating_add(1);
                    self.search(here.context, here.exten.clone(), At::Priority(behind), here.at);
                }
                _ => {}
            }
        }
    }

    fn sub(&mut self, here: Here<'_>, sub: &Sub<Template>) {
        for arg in &sub.args {
            self.functions(here, arg);
        }
        self.label(here, &sub.label);
    }

    fn set(&mut self, here: Here<'_>, target: &Written<Template>, value: &Template) {
        let Written::Function { name, args } = target else { return };
        let first = args.first().map_or("", Template::literal_prefix);
        match &**name {
            "DB" => self.sink(Sink::Database, here.at),
            "FILE" => self.sink(Sink::File, here.at),
            "CHANNEL" if first.is_empty() || first.starts_with("hangup_handler") => {
                for text in self.eval(here, value).iter() {
                    match text.text() {
                        Some(text) => self.place(here, text.split('(').next().unwrap_or(&text)),
                        None => self.everywhere(here.at),
                    }
                }
            }
            name if dialplan::func::lookup(name).is_none() => self.unknown(format!("function {name}"), here.at),
            _ => {}
        }
    }

    /// Everything that a label may mean.
    fn label(&mut self, here: Here<'_>, label: &Label<Template>) {
        for part in [label.context.as_ref(), label.exten.as_ref(), Some(&label.priority)].into_iter().flatten() {
            self.functions(here, part);
        }
        let at: Vec<At> = self.eval(here, &label.priority).iter().flat_map(priority).collect();
        let mut contexts = Vec::new();
        match &label.context {
            None => contexts.push(here.context),
            Some(context) => {
                for value in self.eval(here, context).iter() {
                    contexts.extend(self.plan.named(value));
                    if value.may_be_empty() {
                        contexts.push(here.context);
                    }
                }
            }
        }
        contexts.sort_unstable();
        contexts.dedup();
        let mut extens: Vec<Value> = Vec::new();
        // Only texts that the plan writes out are bounded by the plan itself.
        let written = label.exten.as_ref().is_some_and(|exten| exten.as_literal().is_some());
        match &label.exten {
            None => extens.push(here.exten.clone()),
            Some(exten) => {
                for value in self.eval(here, exten).iter() {
                    extens.push(value.clone());
                    if value.may_be_empty() {
                        // An empty extension leaves the one that was there.
                        extens.push(here.exten.clone());
                    }
                }
            }
        }
        for context in contexts {
            for exten in &extens {
                for at in &at {
                    if written {
                        self.search(context, exten.clone(), at.clone(), here.at);
                    } else {
                        self.search_worked_out(context, exten.clone(), at.clone(), here.at);
                    }
                }
            }
        }
    }
}

/// The lines that the last part of a label may mean.
fn priority(value: &Value) -> Vec<At> {
    let Some(text) = value.text() else { return vec![At::Any] };
    let text = text.trim();
    if let Ok(number) = text.parse::<u32>()
        && !text.starts_with('+')
    {
        return vec![At::Priority(number)];
    }
    let begins = |c: char| c.is_ascii_digit() || c == '+' || c == '-';
    if text.is_empty() || text.starts_with(begins) {
        // A step forward or back, or a number with something behind it.
        return vec![At::Any];
    }
    vec![At::Label(text.into())]
}

/// Option letters with what stands in brackets behind them.
fn letters(text: &str) -> Vec<(char, String, bool)> {
    let mut found: Vec<(char, String, bool)> = Vec::new();
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ')' => {
                depth -= 1;
                if depth == 0 {
                    continue;
                }
            }
            _ => {}
        }
        match (depth, found.last_mut()) {
            (1.., Some((_, arg, _))) => arg.push(c),
            _ => found.push((c, String::new(), false)),
        }
    }
    found
}
