//! The Asterisk Gateway Interface: a script asks, the call does, line by line.
//!
//! The script is told who calls in a block of `agi_…: value` lines, then says one command a line and gets one answer
//! each. [`words`] reads a line, [`command`] carries it out. What a script sets is data: no value in it is looked at again.
//! What it dials asks the gate under the call's own origin, and the proof counts the line as "may do anything".

mod command;
mod words;

use tokio::time::Instant;

use crate::call::{Call, Stop};
use crate::limits;
use crate::programs::Running;

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It came to its end, or moved the call ([`Session::moved`]).
    Done,
    /// It asked for the call's end.
    HangUp,
    /// It took longer, or said more, than a script may.
    TooMuch,
}

/// A script and its call.
pub(crate) struct Session {
    running: Running,
    /// The caller is gone: commands are answered by that.
    dead: Option<Stop>,
    /// The script said where the plan goes on.
    pub(crate) moved: bool,
    hang_up: bool,
}

impl Session {
    pub(crate) fn new(running: Running) -> Self {
        Self { running, dead: None, moved: false, hang_up: false }
    }

    /// The whole conversation.
    ///
    /// # Errors
    /// [`Stop`] when the caller went meanwhile; the script was told and had a moment to end.
    pub(crate) async fn run(&mut self, call: &mut Call, request: &str, args: &[String]) -> Result<End, Stop> {
        if call.is_gone() {
            // In `h` there is a call, but nobody who could hear or press anything.
            self.dead = Some(Stop::HungUp);
        }
        let in_h = self.dead.is_some();
        let mut until = Instant::now() + std::time::Duration::from_secs(call.snapshot.config.programs.seconds.into());
        if self.tell(environment(call, request, args)).await.is_err() {
            return Ok(End::Done);
        }
        let end = self.talk(call, &mut until).await;
        match self.dead {
            Some(stop) if !in_h => Err(stop),
            _ => Ok(end),
        }
    }

    async fn talk(&mut self, call: &mut Call, until: &mut Instant) -> End {
        for _ in 0..limits::SCRIPT_COMMANDS {
            let heard = tokio::select! {
                biased;
                line = self.running.said.recv() => Heard::Line(line),
                stop = call.until_gone(), if self.dead.is_none() => Heard::Gone(stop),
                () = tokio::time::sleep_until(*until) => Heard::TooLate,
            };
            match heard {
                Heard::Line(None) => return End::Done,
                Heard::Line(Some(line)) => {
                    let answer = command::run(self, call, &line).await;
                    if self.tell(answer).await.is_err() {
                        return End::Done;
                    }
                    if self.hang_up && self.dead.is_none() {
                        return End::HangUp;
                    }
                    if self.dead.is_some() {
                        *until = (*until).min(Instant::now() + limits::SCRIPT_LAST_WORDS);
                    }
                }
                Heard::Gone(stop) => {
                    self.dead = Some(stop);
                    *until = (*until).min(Instant::now() + limits::SCRIPT_LAST_WORDS);
                    if self.tell("HANGUP\n".to_owned()).await.is_err() {
                        return End::Done;
                    }
                }
                Heard::TooLate => {
                    if self.dead.is_none() {
                        tracing::warn!(call = %call.tree.id, "a script took longer than it may");
                    }
                    return End::TooMuch;
                }
            }
        }
        tracing::warn!(call = %call.tree.id, "a script asked for more than it may");
        End::TooMuch
    }

    async fn tell(&self, text: String) -> Result<(), ()> {
        self.running.tell.send(text).await.map_err(|_| ())
    }
}

enum Heard {
    Line(Option<String>),
    Gone(Stop),
    TooLate,
}

/// One line: what comes from a caller must not begin a line of its own.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What a script is told first.
fn environment(call: &Call, request: &str, args: &[String]) -> String {
    let channel = &call.channel;
    let place = call.machine.place();
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let mut lines = vec![
        ("request".to_owned(), request.to_owned()),
        ("channel".to_owned(), channel.name.clone()),
        ("language".to_owned(), channel.language.clone()),
        ("type".to_owned(), channel.name.split('/').next().unwrap_or_default().to_owned()),
        ("uniqueid".to_owned(), channel.unique_id.clone()),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("callerid".to_owned(), or(&channel.caller_number, "unknown")),
        ("calleridname".to_owned(), or(&channel.caller_name, "unknown")),
        ("callingpres".to_owned(), if channel.caller_private { "35" } else { "0" }.to_owned()),
        ("callingani2".to_owned(), "0".to_owned()),
        ("callington".to_owned(), "0".to_owned()),
        ("callingtns".to_owned(), "0".to_owned()),
        ("dnid".to_owned(), or(&channel.dialled, "unknown")),
        ("rdnis".to_owned(), "unknown".to_owned()),
        ("context".to_owned(), place.context.to_string()),
        ("extension".to_owned(), place.exten.to_string()),
        ("priority".to_owned(), place.priority.to_string()),
        ("enhanced".to_owned(), "0.0".to_owned()),
        ("accountcode".to_owned(), channel.account.clone()),
        ("threadid".to_owned(), "0".to_owned()),
    ];
    lines.extend(args.iter().enumerate().map(|(n, arg)| (format!("arg_{}", n + 1), arg.clone())));
    let mut text: String = lines.iter().map(|(name, value)| format!("agi_{name}: {}\n", plain(value))).collect();
    text.push('\n');
    text
}
