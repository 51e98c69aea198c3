//! Finding the line at a place and expanding its arguments.

use super::{Ending, Invocation, Machine, State, Step, Wait};
use crate::control::Call;
use crate::eval::Fault;
use crate::host::Host;
use crate::limits;
use crate::program::{Line, Program};
use crate::text::{Template, textual};
use std::sync::Arc;

impl Machine {
    /// What comes next. An application that was handed out before and did not report counts as done.
    pub fn step(&mut self, host: &mut dyn Host) -> Step {
        if matches!(self.state, State::Running) {
            self.advance();
        }
        let program = Arc::clone(&self.program);
        if std::mem::take(&mut self.starting) {
            let now = host.now();
            if let Some(place) = program.start(&self.place, &self.caller, Some(&now))
                && place != self.place
            {
                self.enter(place);
            }
        }
        loop {
            match &self.state {
                State::Ended(ending) => return Step::End(ending.clone()),
                State::Collecting { so_far, wait, limit, .. } => {
                    return Step::Collect { so_far: so_far.clone(), wait: *wait, limit: *limit };
                }
                State::Ready | State::Running => {}
            }
            // INVARIANT: every line and every look at a place that is not there counts.
            self.steps = self.steps.saturating_add(1);
            if self.steps > limits::STEPS {
                self.end(Ending::TooManySteps);
                continue;
            }
            if program.callers
                && let Some(number) = host.function("CALLERID", &["num".to_owned()])
            {
                self.caller = number;
            }
            let Some(line) = self.line_at(&program, self.place.priority, host) else {
                self.missing(host);
                continue;
            };
            self.rules = line.rules;
            match self.invocation(&program, line, host) {
                Ok(invocation) => {
                    self.state = State::Running;
                    return Step::Run(invocation);
                }
                Err(fault) => self.end(Ending::Fault(fault)),
            }
        }
    }

    /// The line of the current extension at a priority.
    pub(super) fn line_at<'a>(&mut self, program: &'a Program, priority: u32, host: &mut dyn Host) -> Option<&'a Line> {
        let (context, exten) = (&self.place.context, &self.place.exten);
        if program.rules_of(context).falls_through() {
            let now = host.now();
            return program.find(context, exten, priority, &self.caller, Some(&now)).map(|f| f.line);
        }
        // INVARIANT (S3, safe): once a call is in an extension, only its lines run.
        if self.matched.is_none() {
            let now = host.now();
            let (context, exten) = program.best(context, exten, &self.caller, Some(&now))?;
            self.matched = Some((context.number, exten.number));
        }
        let (context, exten) = self.matched?;
        program.contexts.get(context as usize)?.extens.get(exten as usize)?.lines.get(&priority)
    }

    /// There is no line at the place.
    fn missing(&mut self, host: &mut dyn Host) {
        // The end of a macro, which may itself have been run by `h`.
        if self.vars.innermost().is_some_and(|b| b.in_macro.as_ref() == Some(&self.place.context)) {
            return self.end_macro(host);
        }
        if self.hanging_up {
            return self.end(Ending::Done);
        }
        let program = Arc::clone(&self.program);
        if self.place.priority == 1 || self.line_at(&program, 1, host).is_none() {
            let dialled = self.place.exten.to_string();
            return self.invalid(&dialled, host);
        }
        if program.autofallthrough(&self.place.context) {
            return self.end(Ending::FellThrough);
        }
        self.state =
            State::Collecting { so_far: String::new(), wait: Wait::FirstDigit, limit: None, wait_exten: false };
    }

    /// What was dialled does not exist: `i`, else `e`, else the end.
    pub(super) fn invalid(&mut self, dialled: &str, host: &mut dyn Host) {
        let special = matches!(&*self.place.exten, "i" | "e") && *self.place.exten == *dialled;
        if !special && self.handler("i", host) {
            let kept: String = dialled.chars().take(limits::EXTENSION_CHARS).collect();
            self.vars.set("INVALID_EXTEN", kept);
            self.go_handler("i");
        } else if special || !self.raise("INVALID", host) {
            let context = self.place.context.to_string();
            self.end(Ending::NoSuchExtension { context, exten: dialled.to_owned() });
        }
    }

    fn invocation(&mut self, program: &Program, line: &Line, host: &mut dyn Host) -> Result<Invocation, Fault> {
        let mut scope = self.scope(program, host);
        // S9: with late arguments the text is expanded first and separated afterwards.
        let late = if line.rules.compat.late_arguments && line.data.contains('$') {
            let text = textual::expand(&mut scope, &line.data)?;
            Some(Call::parse(&line.app, &Template::literal(text), line.rules.dialect))
        } else {
            None
        };
        let call = late.as_ref().unwrap_or(&line.call).expand(&mut |t| scope.expand(t))?;
        Ok(Invocation {
            app: call.app.spec(),
            name: line.app.to_string(),
            args: call.args,
            control: call.control,
            place: self.place.clone(),
            span: line.span,
        })
    }
}
