//! `Dial(destination[&destination…][,timeout[,options]])`: rings one or several parties and joins the caller with the
//! first that answers.
//!
//! Destinations: `PJSIP/204` and `SIP/204` (a phone), `PJSIP/number@trunk` and `SIP/trunk/number` (a trunk),
//! `Local/exten@context`. Options: `r` ringing tone at once, `m[(class)]` hold music instead, `g` go on with the plan
//! when the called party hangs up, `L(x[:y[:z]])` limit in milliseconds with warnings. `DIALSTATUS`, `ANSWEREDTIME`,
//! `DIALEDTIME` and `HANGUPCAUSE` tell how it went. A stranger rings nothing before he is known to be there.

mod forward;
mod options;
mod screen;
pub(crate) mod target;

use std::time::Duration;

use media::tone::Kind;
use tokio::time::Instant;

use self::forward::Forwards;
use self::options::Options;
use self::target::Target;
use super::{Outcome, arg, old_jump, seconds};
use crate::call::bridge::BridgeEnd;
use crate::call::codes::Codes;
use crate::call::{Call, Event, Next, Stop};
use crate::limits;
use crate::switch::{Cause, LegCommand, LegEvent, LegId};

/// How an attempt ended, as `DIALSTATUS` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Answer,
    Busy,
    NoAnswer,
    Cancel,
    Congestion,
    Unavailable,
    Invalid,
    /// The called party refused the caller (option `p`).
    DontCall,
    /// The called party blocked the caller (option `p`).
    Torture,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Answer => "ANSWER",
            Self::Busy => "BUSY",
            Self::NoAnswer => "NOANSWER",
            Self::Cancel => "CANCEL",
            Self::Congestion => "CONGESTION",
            Self::Unavailable => "CHANUNAVAIL",
            Self::Invalid => "INVALIDARGS",
            Self::DontCall => "DONTCALL",
            Self::Torture => "TORTURE",
        }
    }
}

/// What became of the parties that did not answer.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    busy: bool,
    congestion: bool,
    no_answer: bool,
    last: Option<Cause>,
}

impl Failures {
    pub(super) fn add(&mut self, cause: Cause) {
        match cause {
            Cause::BUSY => self.busy = true,
            Cause::NO_ANSWER | Cause::NO_RESPONSE | Cause::NORMAL => self.no_answer = true,
            Cause::CONGESTION | Cause::REJECTED | Cause::INTERWORKING => self.congestion = true,
            _ => {}
        }
        self.last = Some(cause);
    }

    /// As Asterisk sums it up: one busy party is enough for `BUSY`.
    fn status(&self) -> Status {
        match self {
            Self { busy: true, .. } => Status::Busy,
            Self { no_answer: true, .. } => Status::NoAnswer,
            Self { congestion: true, .. } => Status::Congestion,
            _ => Status::Unavailable,
        }
    }
}

pub(super) async fn run(call: &mut Call, invocation: &dialplan::Invocation) -> Outcome {
    let args = &invocation.args;
    let started = Instant::now();
    call.machine.set("DIALSTATUS", "");
    call.machine.set("ANSWEREDTIME", "");
    call.machine.set("DIALEDTIME", "");
    let options = Options::parse(arg(args, 2));
    let targets: Vec<Target> = arg(args, 0).split('&').map(|text| Target::parse(call, text)).collect();
    if arg(args, 0).is_empty() || targets.len() > limits::LEGS {
        return finish(call, Status::Invalid, started, None, options.jump);
    }
    call.wait_alive().await?;
    let mut failures = Failures::default();
    let mut legs = Vec::new();
    for target in &targets {
        target::start(call, invocation.app, target, &mut legs, &mut failures).await;
    }
    if legs.is_empty() {
        return finish(call, failures.status(), started, failures.last, options.jump);
    }
    indicate(call, &options);
    let patience = seconds(arg(args, 1)).filter(|time| !time.is_zero()).unwrap_or(limits::RINGING);
    let ringing = ring(call, &mut legs, &options, started + patience.min(limits::RINGING), &mut failures).await;
    let answered = match ringing {
        Ok(Some(leg)) => leg,
        Ok(None) => {
            let timed_out = !legs.is_empty();
            for leg in legs {
                call.hang_up(leg, Cause::NO_ANSWER);
            }
            call.quiet();
            let status = if timed_out { Status::NoAnswer } else { failures.status() };
            return finish(call, status, started, failures.last, options.jump);
        }
        Err(stop) => {
            for leg in legs {
                call.hang_up(leg, Cause::NORMAL);
            }
            finish(call, Status::Cancel, started, None, false)?;
            return Err(stop);
        }
    };
    if let Some(recording) = &options.screen
        && let Some(status) = screen::ask(call, answered, recording).await?
    {
        call.quiet();
        return finish(call, status, started, Some(Cause::NORMAL), false);
    }
    talk(call, answered, &options, started).await
}

/// What the caller hears while nobody has answered.
fn indicate(call: &mut Call, options: &Options) {
    if let Some(class) = &options.music {
        if !class.is_empty() {
            class.clone_into(&mut call.channel.music_class);
        }
        call.music();
    } else if options.ring {
        ringing(call);
    }
}

fn ringing(call: &mut Call) {
    if call.is_answered() || call.channel.early {
        let tone = call.country_tone(Kind::Ringback);
        call.tone(tone);
    } else {
        call.signal(call.line, LegCommand::Ring);
    }
}

/// Waits for the first answer; nothing when all failed or the time is over. `legs` keeps those still ringing.
async fn ring(
    call: &mut Call,
    legs: &mut Vec<LegId>,
    options: &Options,
    until: Instant,
    failures: &mut Failures,
) -> Result<Option<LegId>, Stop> {
    let mut told = options.ring || options.music.is_some();
    let mut forwards = Forwards::of(call, legs);
    loop {
        match call.next(Some(until)).await? {
            Event::Timeout => return Ok(None),
            Event::Leg(leg, LegEvent::Answered) if legs.contains(&leg) => {
                for other in legs.iter().filter(|other| **other != leg) {
                    call.hang_up(*other, Cause::NORMAL);
                }
                return Ok(Some(leg));
            }
            Event::Leg(leg, LegEvent::Moved { to }) if legs.contains(&leg) => {
                legs.retain(|other| *other != leg);
                forwards.follow(call, leg, &to, legs, failures).await;
                if legs.is_empty() {
                    return Ok(None);
                }
            }
            Event::Leg(leg, LegEvent::Failed { cause, .. } | LegEvent::HungUp { cause }) if legs.contains(&leg) => {
                legs.retain(|other| *other != leg);
                failures.add(cause);
                if legs.is_empty() {
                    return Ok(None);
                }
            }
            Event::Leg(leg, LegEvent::Ringing) if legs.contains(&leg) && !told => {
                told = true;
                ringing(call);
            }
            Event::Leg(leg, LegEvent::EarlyMedia)
                if legs.as_slice() == [leg] && !options.ring && options.music.is_none() =>
            {
                told = true;
                call.quiet();
                call.open_ear();
                call.join(leg);
            }
            _ => {}
        }
    }
}

/// Somebody answered: the two talk until one of them goes.
async fn talk(call: &mut Call, leg: LegId, options: &Options, started: Instant) -> Outcome {
    call.answer();
    call.machine.set("DIALSTATUS", Status::Answer.word());
    let answered = Instant::now();
    let line = call.line;
    let who = |caller: bool, called: bool| caller.then_some(line).into_iter().chain(called.then_some(leg));
    let transfer = who(options.transfer_caller, options.transfer_called);
    let codes = Codes::new(&call.snapshot.config.features, transfer, who(options.park_caller, options.park_called));
    let ended = call.bridge(leg, options.limit, codes).await;
    if ended == Ok(BridgeEnd::CalledHungUp) && !options.go_on {
        call.ended_by = store::Side::Other;
    }
    call.machine.set("ANSWEREDTIME", answered.elapsed().as_secs().to_string());
    call.machine.set("DIALEDTIME", started.elapsed().as_secs().to_string());
    call.channel.hangup_cause = Some(Cause::NORMAL);
    match ended? {
        BridgeEnd::CalledHungUp if options.go_on => Ok(Next::Line),
        BridgeEnd::PaidOver => {
            // With nobody else on the line any more: what a call costs is between the owner and his phone.
            call.say(&["tollgate/limit"], "").await?;
            Ok(Next::HangUp(Cause::REJECTED))
        }
        BridgeEnd::CalledHungUp | BridgeEnd::TimeOver => Ok(Next::HangUp(Cause::NORMAL)),
    }
}

/// Tells the plan. Old plans go on at their priority + 101 when all destinations failed, `j` asks for it (S15).
fn finish(call: &mut Call, status: Status, started: Instant, cause: Option<Cause>, option_j: bool) -> Outcome {
    call.machine.set("DIALSTATUS", status.word());
    let time: Duration = started.elapsed();
    call.machine.set("DIALEDTIME", time.as_secs().to_string());
    if let Some(cause) = cause {
        call.channel.hangup_cause = Some(cause);
    }
    let failed = matches!(status, Status::Busy | Status::Congestion | Status::Unavailable);
    if failed { old_jump(call, "Dial", if option_j { "j" } else { "" }) } else { Ok(Next::Line) }
}
