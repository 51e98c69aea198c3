//! One channel's walk through a program: which application runs next, with which arguments.
//!
//! The machine does nothing itself: [`Machine::step`] says what to do, the caller does it and tells how it went. `step`
//! finds and expands lines, `steer` carries out Goto and its kin, `collect` gathers dialled digits.

mod collect;
mod steer;
mod step;

use crate::apps::AppSpec;
use crate::control::{Call, Control};
use crate::dialect::Rules;
use crate::eval::{Exception, Fault, Scope};
use crate::host::Host;
use crate::program::{Place, Program};
use crate::span::Span;
use crate::text::{Template, textual};
use crate::vars::Vars;
use std::sync::Arc;
use std::time::Duration;

pub use collect::{Collected, Wait};
pub use steer::ControlResult;

/// An application to run, its arguments expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Its table line; [`crate::apps::UNKNOWN`] for a name nobody knows.
    pub app: &'static AppSpec,
    /// Its name as the plan writes it.
    pub name: String,
    /// Its arguments by the grammar of its table line; empty for steering ones.
    pub args: Vec<String>,
    /// What it does to the walk, if it is a steering one: hand it to [`Machine::control`].
    pub control: Option<Box<Control<String>>>,
    /// Where the call is.
    pub place: Place,
    /// Where the line stands in its file.
    pub span: Span,
}

impl Invocation {
    /// The nth argument, from 0; empty if it is not there.
    pub fn arg(&self, n: usize) -> &str {
        self.args.get(n).map_or("", String::as_str)
    }

    /// `App(arguments)` for logs and for showing the walk.
    pub fn text(&self) -> String {
        match &self.control {
            Some(control) => format!("{}({control})", self.name),
            None => format!("{}({})", self.name, crate::apps::without_pin(self.app.name, &self.args.join(","))),
        }
    }
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Run this application, then call one of `control`, `advance`, `goto`, `jump`, `digit`, `wait_exten`, `fail`, …
    Run(Invocation),
    /// Wait for a digit, then call [`Machine::collected`].
    Collect {
        /// What was dialled so far.
        so_far: String,
        /// Which timeout applies.
        wait: Wait,
        /// The time that `WaitExten(seconds)` gave, instead of the response timeout.
        limit: Option<Duration>,
    },
    /// The walk is over; [`Machine::hang_up`] may still run `h`.
    End(Ending),
}

/// Why a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// An application or a party hung up.
    HungUp,
    /// The extension has no more priorities.
    FellThrough,
    /// There is no such extension and neither `i` nor `e`.
    NoSuchExtension {
        /// The context it was looked for in.
        context: String,
        /// What was dialled or jumped to.
        exten: String,
    },
    /// Nothing was dialled and there is neither `t` nor `e`.
    Timeout,
    /// Return without Gosub.
    NoGosub,
    /// More steps than one call may take.
    TooManySteps,
    /// A value or a jump that cannot be.
    Fault(Fault),
    /// `h` ran to its end.
    Done,
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ending::HungUp => f.write_str("hung up"),
            Ending::FellThrough => f.write_str("no more priorities"),
            Ending::NoSuchExtension { context, exten } => write!(f, "no extension {exten} in {context}"),
            Ending::Timeout => f.write_str("nothing was dialled"),
            Ending::NoGosub => f.write_str("Return without Gosub"),
            Ending::TooManySteps => write!(f, "more than {} steps", crate::limits::STEPS),
            Ending::Fault(fault) => fault.fmt(f),
            Ending::Done => f.write_str("done"),
        }
    }
}

/// Where a Gosub goes back to.
#[derive(Debug, Clone)]
pub(crate) struct Back {
    place: Place,
    matched: Option<Matched>,
    /// The context of a macro, which ends when the call leaves it.
    in_macro: Option<Arc<str>>,
}

/// The extension line a call is in: numbers of context and extension.
type Matched = (u32, u32);

#[derive(Debug, Clone)]
enum State {
    /// The line at the place runs next.
    Ready,
    /// It was handed out and did not report back yet.
    Running,
    /// Digits are gathered.
    Collecting { so_far: String, wait: Wait, limit: Option<Duration>, wait_exten: bool },
    /// Over.
    Ended(Ending),
}

/// One channel's walk.
#[derive(Debug, Clone)]
pub struct Machine {
    program: Arc<Program>,
    place: Place,
    caller: String,
    vars: Vars<Back>,
    exception: Exception,
    state: State,
    steps: u32,
    matched: Option<Matched>,
    /// Those of the line that runs.
    rules: Rules,
    /// Nothing ran yet: a place that does not exist may begin elsewhere (S6).
    starting: bool,
    /// `h` runs: what ends it ends the walk.
    hanging_up: bool,
}

impl Machine {
    /// A walk that begins at a place. `callerid` is the number that caller-ID parts of extensions are compared with.
    pub fn start(program: Arc<Program>, place: Place, callerid: &str) -> Machine {
        let mut machine = Machine {
            rules: program.rules_of(&place.context),
            starting: true,
            vars: Vars::folding(program.folds_case()),
            program,
            place: place.clone(),
            caller: callerid.to_owned(),
            exception: Exception::default(),
            state: State::Ready,
            steps: 0,
            matched: None,
            hanging_up: false,
        };
        machine.enter(place);
        machine
    }

    /// Where the call is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The program it walks through.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// How many lines ran so far.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// How deep Gosubs are nested.
    pub fn depth(&self) -> usize {
        self.vars.depth()
    }

    /// Where its Gosubs and macros go back to, innermost first.
    pub fn sites(&self) -> Vec<Place> {
        self.vars.backs().map(|back| back.place.clone()).collect()
    }

    /// Whether `h` runs.
    pub fn hanging_up(&self) -> bool {
        self.hanging_up
    }

    /// The caller ID number changed.
    pub fn set_caller(&mut self, number: &str) {
        number.clone_into(&mut self.caller);
    }

    /// A variable of the channel; built-ins and globals are not looked at.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name)
    }

    /// Sets a variable of the channel; `_` or `__` before the name marks it as inherited. `false`: there is no room.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> bool {
        self.vars.set(name, value.into())
    }

    /// The rules of the line that runs.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// All variables of the channel, by name.
    pub fn variables(&self) -> Vec<(&str, &str)> {
        self.vars.all()
    }

    /// What a channel made by this one inherits; hand each pair to its [`Machine::set`].
    pub fn inherited(&self) -> Vec<(String, String)> {
        if self.rules.dialect.inherits() { self.vars.inherited() } else { Vec::new() }
    }

    /// A text with its values put in.
    pub fn expand(&mut self, text: &str, host: &mut dyn Host) -> Result<String, Fault> {
        let program = Arc::clone(&self.program);
        let mut scope = self.scope(&program, host);
        if scope.compat().late_arguments {
            return textual::expand(&mut scope, text);
        }
        let template = Template::parse_in(text, scope.rules.dialect).0;
        scope.expand(&template)
    }

    fn scope<'a>(&'a mut self, program: &'a Program, host: &'a mut dyn Host) -> Scope<'a> {
        Scope {
            program,
            rules: self.rules,
            vars: &mut self.vars,
            place: &self.place,
            caller: &self.caller,
            exception: &self.exception,
            host,
            depth: 0,
        }
    }

    /// Goes to a place; the line there runs next. What was dialled is cleaned as the dialect says.
    pub fn jump(&mut self, place: Place) {
        if !self.ended() {
            self.enter(place);
            self.state = State::Ready;
        }
    }

    fn enter(&mut self, mut place: Place) {
        let rules = self.program.rules_of(&place.context);
        if !rules.dialect.compares_pattern_text() && place.exten.contains('-') {
            // Dashes do not count when extensions are compared, so they must not stay in EXTEN either (S1), unless
            // the plan itself has an extension of that very name.
            let literal = self.program.best(&place.context, &place.exten, &self.caller, None);
            if literal.is_none_or(|(_, exten)| exten.name != place.exten) {
                place.exten = place.exten.replace('-', "").into();
            }
        }
        if place.context != self.place.context || place.exten != self.place.exten {
            self.matched = None;
        }
        // A call that leaves the context of its macro leaves the macro.
        while self.vars.innermost().is_some_and(|b| b.in_macro.as_ref().is_some_and(|c| *c != place.context)) {
            self.vars.leave();
        }
        self.place = place;
    }

    /// The next priority.
    pub fn advance(&mut self) {
        if !self.ended() {
            self.place.priority = self.place.priority.saturating_add(1);
            self.state = State::Ready;
        }
    }

    /// The call ends: an application failed, or hung up, or the caller did.
    pub fn fail(&mut self) {
        self.end(Ending::HungUp);
    }

    fn ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    fn end(&mut self, ending: Ending) {
        if !self.ended() {
            self.state = State::Ended(if self.hanging_up { Ending::Done } else { ending });
        }
    }

    /// Where `h` of the current context is, if it has one.
    pub fn hangup_extension(&self, host: &mut dyn Host) -> Option<Place> {
        let place = Place { context: self.place.context.clone(), exten: "h".into(), priority: 1 };
        self.handler("h", host).then_some(place)
    }

    /// After the walk ended: goes on with `h` of the current context if there is one, until [`Ending::Done`].
    pub fn hang_up(&mut self, host: &mut dyn Host) -> bool {
        if self.hanging_up {
            return false;
        }
        self.leave_macros();
        let Some(place) = self.hangup_extension(host) else {
            self.end(Ending::HungUp);
            return false;
        };
        self.hanging_up = true;
        self.state = State::Ready;
        // What the call itself spent does not take the steps of its clean-up away.
        self.steps = 0;
        self.enter(place);
        true
    }

    /// The time of the whole call is over: goes on with `T`, or `e`; `false` if there is neither and the call ends.
    pub fn absolute_timeout(&mut self, host: &mut dyn Host) -> bool {
        if self.hanging_up || self.ended() {
            return false;
        }
        self.leave_macros();
        if self.handler("T", host) {
            self.go_handler("T");
            return true;
        }
        let found = self.raise("ABSOLUTETIMEOUT", host);
        if !found {
            self.end(Ending::HungUp);
        }
        found
    }

    /// Whether the current context has this special extension. In the safe dialect patterns do not count as such.
    fn handler(&self, name: &str, host: &mut dyn Host) -> bool {
        let now = host.now();
        let program = &self.program;
        let found = program.find(&self.place.context, name, 1, &self.caller, Some(&now));
        let patterns = program.rules_of(&self.place.context).dialect.patterns_are_special();
        found.is_some_and(|f| patterns || !f.exten.pattern.is_pattern())
    }

    fn go_handler(&mut self, name: &str) {
        let place = Place { context: self.place.context.clone(), exten: name.into(), priority: 1 };
        self.jump(place);
    }

    /// An application with arguments that are data, as if a line had said so: no value in them is put in.
    pub fn written(&self, app: &str, data: &str) -> Invocation {
        let call = Call::parse(app, &Template::literal(data), crate::dialect::Dialect::Safe);
        let literal = call.expand(&mut |t: &Template| Ok(t.as_literal().unwrap_or_default().to_owned()));
        let (args, control) = literal.map_or_else(|_| (Vec::new(), None), |call| (call.args, call.control));
        Invocation {
            app: call.app.spec(),
            name: app.to_owned(),
            args,
            control,
            place: self.place.clone(),
            span: Span::default(),
        }
    }

    /// An application raises an exception: goes to `e`, or says that there is none.
    pub fn raise_exception(&mut self, reason: &str, host: &mut dyn Host) -> bool {
        !self.ended() && self.raise(reason, host)
    }

    /// Goes to `e` if there is one.
    fn raise(&mut self, reason: &str, host: &mut dyn Host) -> bool {
        let known = self.program.rules_of(&self.place.context).dialect.has_error_extension();
        if !known || !self.handler("e", host) {
            return false;
        }
        self.exception = Exception { reason: reason.to_owned(), place: Some(self.place.clone()) };
        self.go_handler("e");
        true
    }
}
