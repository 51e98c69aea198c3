//! Carrying out Goto, Set, Gosub, ExecIf, While and their kin.

use super::{Back, Ending, Invocation, Machine, State};
use crate::control::{Assign, Call, Control, Label, MacroCall, Sub, Target};
use crate::dialect::Dialect;
use crate::eval::{Fault, leading_number};
use crate::func;
use crate::host::Host;
use crate::program::{Place, Program};
use crate::text::Template;
use crate::time::Times;
use std::sync::Arc;

/// What is left to do after a steering application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlResult {
    /// Nothing: ask for the next step.
    Done,
    /// Run this (it stood inside ExecIf), as if [`super::Step::Run`] had said so.
    Run(Invocation),
}

/// Which way to look for the other end of a loop.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Down,
    Up,
}

impl Machine {
    /// Carries out a steering application. One without anything to steer counts as done.
    pub fn control(&mut self, invocation: &Invocation, host: &mut dyn Host) -> ControlResult {
        let Some(control) = invocation.control.as_deref() else {
            self.advance();
            return ControlResult::Done;
        };
        match self.steer(control, invocation, host) {
            Ok(Some(inner)) => ControlResult::Run(inner),
            Ok(None) => ControlResult::Done,
            Err(fault) => {
                host.note(&fault.to_string());
                self.end(Ending::Fault(fault));
                ControlResult::Done
            }
        }
    }

    fn steer(
        &mut self,
        control: &Control<String>,
        at: &Invocation,
        host: &mut dyn Host,
    ) -> Result<Option<Invocation>, Fault> {
        let choose = |yes: bool, a, b| if yes { a } else { b };
        let dialect = self.rules.dialect;
        let truth = |text: &str| dialect.truth(text);
        match control {
            Control::Goto(label) => self.goto_label(label, host)?,
            Control::GotoIf { condition, yes, no } => match choose(truth(condition), yes, no) {
                Some(label) => self.goto_label(label, host)?,
                None => self.advance(),
            },
            Control::GotoIfTime { times, yes, no } => {
                let now = host.now();
                match choose(Times::parse_in(times, dialect).contains(&now), yes, no) {
                    Some(label) => self.goto_label(label, host)?,
                    None => self.advance(),
                }
            }
            Control::Set(assigns) => {
                for assign in assigns {
                    self.assign(assign, host)?;
                }
                self.advance();
            }
            Control::Gosub(sub) => self.gosub_label(sub, host)?,
            Control::GosubIf { condition, yes, no } => match if truth(condition) { yes } else { no } {
                Some(sub) => self.gosub_label(sub, host)?,
                None => self.advance(),
            },
            Control::Return(value) => self.ret(value, host)?,
            Control::StackPop => {
                if self.vars.leave().is_none() {
                    host.note("StackPop without Gosub");
                }
                self.advance();
            }
            Control::Macro(call) => self.enter_macro(call, host)?,
            Control::MacroIf { condition, yes, no } => match if truth(condition) { yes } else { no } {
                Some(call) => self.enter_macro(call, host)?,
                None => self.advance(),
            },
            Control::MacroExit => match self.vars.innermost().map(|b| b.in_macro.is_some()) {
                Some(true) => self.end_macro(host),
                _ => self.end(Ending::HungUp),
            },
            Control::Lookup { set, found, jump_if_found, option_j } => {
                for assign in set {
                    self.assign(assign, host)?;
                }
                if truth(found) != *jump_if_found || !self.jump_101(true, *option_j, host) {
                    self.advance();
                }
            }
            Control::ExecIf { condition, yes, no } => {
                return match if truth(condition) { yes } else { no } {
                    Some(call) => self.inner(call, at, host),
                    None => {
                        self.advance();
                        Ok(None)
                    }
                };
            }
            Control::While(condition) => {
                if truth(condition) {
                    self.advance();
                } else {
                    self.leave_loop(host)?;
                }
            }
            Control::ExitWhile => self.leave_loop(host)?,
            Control::EndWhile | Control::ContinueWhile => match self.other_end(Way::Up, host) {
                Some(priority) => self.at_priority(priority),
                None => {
                    host.note("a loop has no While");
                    self.advance();
                }
            },
        }
        Ok(None)
    }

    fn inner(
        &mut self,
        call: &Call<String>,
        at: &Invocation,
        host: &mut dyn Host,
    ) -> Result<Option<Invocation>, Fault> {
        let inner = Invocation {
            app: call.app.spec(),
            name: call.app.name().to_owned(),
            args: call.args.clone(),
            control: call.control.clone(),
            place: at.place.clone(),
            span: at.span,
        };
        match call.control.as_deref() {
            // ExecIf nests no deeper than the loader parsed it.
            Some(control) => self.steer(control, &inner, host),
            None => Ok(Some(inner)),
        }
    }

    /// Goes where a text says: `[[context,]extension,]priority-or-label`.
    pub fn goto(&mut self, text: &str, host: &mut dyn Host) -> Result<(), Fault> {
        // What comes from outside the plan is written in today's form.
        let dialect = if text.contains('|') { self.rules.dialect } else { Dialect::V22 };
        let label = Label::parse(Template::literal(text), dialect).ok_or_else(|| Fault::Label(text.to_owned()))?;
        let label = label.expand(&mut |t: &Template| Ok(t.as_literal().unwrap_or_default().to_owned()))?;
        self.goto_label(&label, host)
    }

    fn goto_label(&mut self, label: &Label<String>, host: &mut dyn Host) -> Result<(), Fault> {
        let place = self.target(label, host)?;
        self.jump(place);
        Ok(())
    }

    /// The place a label means, which need not exist.
    fn target(&self, label: &Label<String>, host: &mut dyn Host) -> Result<Place, Fault> {
        let wrong = || Fault::Label(label.to_string());
        let keeps = self.rules.dialect.keeps_empty_parts();
        let part = |given: &Option<String>, own: &Arc<str>| match given.as_deref().map(str::trim) {
            None => Ok(own.clone()),
            // An empty part keeps the current one in Asterisk, which lets an empty value slip past a check.
            Some("") if !keeps => Err(wrong()),
            Some("") => Ok(own.clone()),
            Some(text) => Ok(text.into()),
        };
        let context = part(&label.context, &self.place.context)?;
        let mut exten = part(&label.exten, &self.place.exten)?;
        if &*exten == "BYEXTENSION" && self.rules.dialect.has_by_extension() {
            exten = self.place.exten.clone();
        }
        let text = label.priority.trim();
        let relative = text.starts_with(['+', '-']);
        let priority = match leading_number(text) {
            Some((n, _)) if relative => i64::from(self.place.priority).saturating_add(n),
            Some((n, _)) => n,
            None => {
                let now = host.now();
                let found = self.label_of(&context, &exten, text, &now);
                i64::from(found.ok_or_else(wrong)?)
            }
        };
        let priority = u32::try_from(priority).ok().filter(|p| *p > 0).ok_or_else(wrong)?;
        Ok(Place { context, exten, priority })
    }

    fn label_of(&self, context: &Arc<str>, exten: &Arc<str>, label: &str, now: &crate::CivilTime) -> Option<u32> {
        // Within the extension the call is in, its own labels count (S3, safe).
        if !self.program.rules_of(context).falls_through()
            && *context == self.place.context
            && *exten == self.place.exten
            && let Some((c, e)) = self.matched
        {
            return self.program.contexts.get(c as usize)?.extens.get(e as usize)?.label(label);
        }
        self.program.find_label(context, exten, label, &self.caller, Some(now))
    }

    /// Goes to a subroutine; the call comes back to the next priority.
    pub fn gosub(&mut self, place: Place, args: &[String], host: &mut dyn Host) -> Result<(), Fault> {
        let now = host.now();
        let found = self.program.find(&place.context, &place.exten, place.priority, &self.caller, Some(&now));
        if found.is_none() {
            return Err(Fault::Label(place.to_string()));
        }
        let mut back = self.place.clone();
        back.priority = back.priority.saturating_add(1);
        if !self.vars.enter(Back { place: back, matched: self.matched, in_macro: None }, args) {
            return Err(Fault::TooManyFrames);
        }
        self.jump(place);
        Ok(())
    }

    fn gosub_label(&mut self, sub: &Sub<String>, host: &mut dyn Host) -> Result<(), Fault> {
        let place = self.target(&sub.label, host)?;
        self.gosub(place, &sub.args, host)
    }

    /// Comes back from a subroutine; without one the call ends.
    pub fn ret(&mut self, value: &str, host: &mut dyn Host) -> Result<(), Fault> {
        let Some(back) = self.vars.leave() else {
            host.note("Return without Gosub");
            self.end(Ending::NoGosub);
            return Ok(());
        };
        if !self.vars.set("GOSUB_RETVAL", value.to_owned()) {
            return Err(Fault::TooManyVariables);
        }
        if !self.ended() {
            self.place = back.place;
            self.matched = back.matched;
            self.state = State::Ready;
        }
        Ok(())
    }

    /// Runs context `macro-NAME`; the call comes back to the next priority when it has no more lines.
    fn enter_macro(&mut self, call: &MacroCall<String>, host: &mut dyn Host) -> Result<(), Fault> {
        let place = Place::new(&format!("macro-{}", call.name.trim()), "s", 1);
        let now = host.now();
        if self.program.find(&place.context, "s", 1, &self.caller, Some(&now)).is_none() {
            host.note(&format!("there is no {}", place.context));
            self.advance();
            return Ok(());
        }
        let from = self.place.clone();
        let back = Place { priority: from.priority.saturating_add(1), ..from.clone() };
        let back = Back { place: back, matched: self.matched, in_macro: Some(place.context.clone()) };
        if !self.vars.enter(back, &call.args) {
            return Err(Fault::TooManyFrames);
        }
        // A macro inside a macro still tells who called the outer one.
        if from.context.starts_with("macro-") && self.vars.get("MACRO_EXTEN").is_some() {
            // Its names stay as they are.
        } else {
            for (name, value) in [
                ("MACRO_EXTEN", from.exten.to_string()),
                ("MACRO_CONTEXT", from.context.to_string()),
                ("MACRO_PRIORITY", from.priority.to_string()),
                ("MACRO_OFFSET", String::new()),
            ] {
                if !self.vars.set_local(name, value) {
                    return Err(Fault::TooManyVariables);
                }
            }
        }
        self.jump(place);
        Ok(())
    }

    /// The end of a macro: back to the line behind its call, or `MACRO_OFFSET` further if there is one.
    pub(super) fn end_macro(&mut self, host: &mut dyn Host) {
        let offset = self.vars.get("MACRO_OFFSET").and_then(leading_number).map_or(0, |(n, _)| n);
        let Some(back) = self.vars.leave() else { return };
        if self.ended() {
            return;
        }
        self.place = back.place;
        self.matched = back.matched;
        self.state = State::Ready;
        let next = i64::from(self.place.priority).saturating_add(offset);
        if offset != 0
            && let Ok(next) = u32::try_from(next)
            && self.line_at(&Arc::clone(&self.program), next, host).is_some()
        {
            self.place.priority = next;
        }
    }

    /// A key that is pressed in a macro is dialled where the macro was called.
    pub(super) fn leave_macros(&mut self) {
        while self.vars.innermost().is_some_and(|b| b.in_macro.as_ref() == Some(&self.place.context)) {
            let Some(back) = self.vars.leave() else { return };
            self.place = back.place;
            self.matched = back.matched;
        }
    }

    /// After an application failed: goes on at its priority + 101 if the dialect does so and there is such a line (S15).
    /// `by_default`: it does so where the plan's `priorityjumping` says so; `option`: the line has option `j`.
    pub fn jump_101(&mut self, by_default: bool, option: bool, host: &mut dyn Host) -> bool {
        let dialect = self.rules.dialect;
        let asked = option && matches!(dialect, Dialect::V1_2 | Dialect::V1_4);
        if self.ended() || !(asked || by_default && self.program.jumps_101(dialect)) {
            return false;
        }
        let program = Arc::clone(&self.program);
        let priority = self.place.priority.saturating_add(101);
        if self.line_at(&program, priority, host).is_none() {
            return false;
        }
        self.at_priority(priority);
        true
    }

    fn assign(&mut self, assign: &Assign<String>, host: &mut dyn Host) -> Result<(), Fault> {
        let program = Arc::clone(&self.program);
        let mut scope = self.scope(&program, host);
        match &assign.target {
            // The name came out of a value: it may name a variable, never a function.
            Target::Variable(name) if name.contains('(') => {
                scope.host.note("Set to a function that a value names");
                Ok(())
            }
            Target::Variable(name) => scope.set(name, assign.value.clone()),
            Target::Function { name, args } => func::write(&mut scope, name, args, &assign.value),
        }
    }

    fn at_priority(&mut self, priority: u32) {
        if !self.ended() {
            self.place.priority = priority;
            self.state = State::Ready;
        }
    }

    fn leave_loop(&mut self, host: &mut dyn Host) -> Result<(), Fault> {
        let end = self.other_end(Way::Down, host).ok_or_else(|| Fault::Label("EndWhile".to_owned()))?;
        self.at_priority(end.saturating_add(1));
        Ok(())
    }

    /// The priority of the EndWhile below, or of the While above, of the loop that the current line is in.
    fn other_end(&mut self, way: Way, host: &mut dyn Host) -> Option<u32> {
        let program = Arc::clone(&self.program);
        let mut nested = 0u32;
        let mut priority = self.place.priority;
        loop {
            priority = if way == Way::Down { priority.checked_add(1)? } else { priority.checked_sub(1)? };
            let kind = self.loop_line(&program, priority, host)?;
            match (kind, way) {
                (Some(true), Way::Down) | (Some(false), Way::Up) => nested += 1,
                (Some(_), _) if nested == 0 => return Some(priority),
                (Some(_), _) => nested -= 1,
                (None, _) => {}
            }
        }
    }

    /// Whether a line begins (`true`) or ends a loop.
    #[allow(clippy::option_option)]
    fn loop_line(&mut self, program: &Program, priority: u32, host: &mut dyn Host) -> Option<Option<bool>> {
        let line = self.line_at(program, priority, host)?;
        Some(match line.call.control.as_deref() {
            Some(Control::While(_)) => Some(true),
            Some(Control::EndWhile) => Some(false),
            _ => None,
        })
    }
}
