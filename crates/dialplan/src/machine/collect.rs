//! Gathering dialled digits (S6, S7): as long as anything could still match longer, wait; then the best full match.

use super::{Ending, Machine, State};
use crate::dialect::Dialect;
use crate::host::Host;
use crate::limits;
use crate::program::Place;
use std::time::Duration;

/// Which timeout applies while waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Nothing was dialled yet: the response timeout.
    FirstDigit,
    /// Between digits: the digit timeout.
    NextDigit,
}

/// What came while waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collected {
    /// A key.
    Digit(char),
    /// Nothing in time.
    Timeout,
    /// The caller hung up.
    Hangup,
}

impl Machine {
    /// `WaitExten`: an extension is waited for, as long as `limit` or the response timeout.
    pub fn wait_exten(&mut self, limit: Option<Duration>) {
        if limit.is_none() && !self.rules.dialect.waits_without_seconds() {
            return self.advance();
        }
        if !self.ended() {
            self.state = State::Collecting { so_far: String::new(), wait: Wait::FirstDigit, limit, wait_exten: true };
        }
    }

    /// A key ended an application such as Background: it begins an extension. In `context` (Background's fourth
    /// argument) only this key alone is looked for; anything longer is dialled in the context of the call (S7).
    pub fn digit(&mut self, digit: char, context: Option<&str>, host: &mut dyn Host) {
        if self.ended() {
            return;
        }
        if self.hanging_up {
            return self.end(Ending::Done);
        }
        self.leave_macros();
        let dialled = digit.to_string();
        let own = self.place.context.clone();
        let named = context.filter(|c| !c.is_empty() && self.rules.dialect != Dialect::V1_0);
        let context = named.unwrap_or(&own);
        if named.is_some() && self.rules.dialect == Dialect::V1_2 {
            return self.jump(Place { context: context.into(), exten: dialled.into(), priority: 1 });
        }
        if self.can_match(Some(context), &dialled, host) && !self.match_more(Some(context), &dialled, host) {
            return self.jump(Place { context: context.into(), exten: dialled.into(), priority: 1 });
        }
        self.gather(dialled, host);
    }

    /// What came while waiting for digits.
    pub fn collected(&mut self, what: Collected, host: &mut dyn Host) {
        let State::Collecting { so_far, wait_exten, .. } = &mut self.state else { return };
        let (mut dialled, wait_exten) = (std::mem::take(so_far), *wait_exten);
        match what {
            Collected::Hangup => self.end(Ending::HungUp),
            Collected::Digit(digit) => {
                if dialled.is_empty() {
                    self.leave_macros();
                }
                if dialled.chars().count() < limits::EXTENSION_CHARS {
                    dialled.push(digit);
                }
                self.gather(dialled, host);
            }
            Collected::Timeout if dialled.is_empty() => self.nothing_dialled(wait_exten, host),
            Collected::Timeout => self.dialled(&dialled, host),
        }
    }

    fn gather(&mut self, so_far: String, host: &mut dyn Host) {
        if self.match_more(None, &so_far, host) {
            self.state = State::Collecting { so_far, wait: Wait::NextDigit, limit: None, wait_exten: false };
        } else {
            self.dialled(&so_far, host);
        }
    }

    fn dialled(&mut self, dialled: &str, host: &mut dyn Host) {
        if self.exists(None, dialled, host) {
            let context = self.place.context.clone();
            self.jump(Place { context, exten: dialled.into(), priority: 1 });
        } else {
            self.state = State::Ready;
            self.invalid(dialled, host);
        }
    }

    fn nothing_dialled(&mut self, wait_exten: bool, host: &mut dyn Host) {
        self.state = State::Ready;
        let program = std::sync::Arc::clone(&self.program);
        let next = self.place.priority.saturating_add(1);
        if wait_exten && self.line_at(&program, next, host).is_some() {
            self.advance();
        } else if self.handler("t", host) {
            self.go_handler("t");
        } else if !self.raise("RESPONSETIMEOUT", host) {
            self.end(Ending::Timeout);
        }
    }

    /// Whether an extension exists, in a context or in that of the call.
    pub fn exists(&self, context: Option<&str>, exten: &str, host: &mut dyn Host) -> bool {
        let now = host.now();
        self.program.exists(context.unwrap_or(&self.place.context), exten, &self.caller, Some(&now))
    }

    /// Whether what was dialled so far matches or could with more digits.
    pub fn can_match(&self, context: Option<&str>, exten: &str, host: &mut dyn Host) -> bool {
        let now = host.now();
        self.program.can_match(context.unwrap_or(&self.place.context), exten, &self.caller, Some(&now))
    }

    /// Whether something longer could match.
    pub fn match_more(&self, context: Option<&str>, exten: &str, host: &mut dyn Host) -> bool {
        let now = host.now();
        self.program.match_more(context.unwrap_or(&self.place.context), exten, &self.caller, Some(&now))
    }
}
