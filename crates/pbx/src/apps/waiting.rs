//! `WaitUntil(epoch)`, `WaitDigit([seconds[,keys]])`, `WaitForSilence([ms[,times[,seconds]]])`.

use std::time::Duration;

use media::plane::{Event as MediaEvent, RecordEnd, RecordSpec};
use tokio::time::Instant;

use super::{Outcome, arg, seconds};
use crate::call::{Call, Event, Next};
use crate::limits;

/// The longest wait for a time: a day.
const DAY: Duration = Duration::from_secs(86_400);

pub(super) async fn until(call: &mut Call, args: &[String]) -> Outcome {
    let Ok(epoch) = arg(args, 0).parse::<f64>() else {
        tracing::warn!(call = %call.tree.id, "WaitUntil needs seconds since 1970");
        call.machine.set("WAITUNTILSTATUS", "FAILURE");
        return Ok(Next::Line);
    };
    #[allow(clippy::cast_precision_loss)]
    let left = epoch - call.exchange.clock.now() as f64 / 1000.0;
    if left <= 0.0 || left.is_nan() {
        call.machine.set("WAITUNTILSTATUS", "PAST");
        return Ok(Next::Line);
    }
    call.machine.set("WAITUNTILSTATUS", "HANGUP");
    call.wait(Duration::from_secs_f64(left.min(DAY.as_secs_f64()))).await?;
    call.machine.set("WAITUNTILSTATUS", "OK");
    Ok(Next::Line)
}

pub(super) async fn digit(call: &mut Call, args: &[String]) -> Outcome {
    let time = seconds(arg(args, 0)).unwrap_or(DAY);
    let wanted = arg(args, 1).to_ascii_uppercase();
    let until = Instant::now() + time;
    call.machine.set("WAITDIGITRESULT", "");
    call.machine.set("WAITDIGITSTATUS", "CANCEL");
    call.listens();
    loop {
        match call.next(Some(until)).await? {
            Event::Key(key) if wanted.is_empty() || wanted.contains(key) => {
                call.machine.set("WAITDIGITRESULT", key.to_string());
                call.machine.set("WAITDIGITSTATUS", "DTMF");
                return Ok(Next::Line);
            }
            Event::Timeout => {
                call.machine.set("WAITDIGITSTATUS", "TIMEOUT");
                return Ok(Next::Line);
            }
            _ => {}
        }
    }
}

pub(super) async fn silence(call: &mut Call, args: &[String]) -> Outcome {
    let ms = arg(args, 0).parse().ok().filter(|ms| (1..=60_000).contains(ms)).unwrap_or(1000);
    let times = arg(args, 1).parse().ok().filter(|times| (1..=100).contains(times)).unwrap_or(1_u32);
    let end = seconds(arg(args, 2)).filter(|time| !time.is_zero()).map(|time| Instant::now() + time);
    call.answer();
    for _ in 0..times {
        if !one_silence(call, Duration::from_millis(ms), end).await? {
            call.machine.set("WAITSTATUS", "TIMEOUT");
            return Ok(Next::Line);
        }
    }
    call.machine.set("WAITSTATUS", "SILENCE");
    Ok(Next::Line)
}

/// Whether so much silence came before the end. What is heard meanwhile is thrown away.
async fn one_silence(call: &mut Call, length: Duration, end: Option<Instant>) -> Result<bool, crate::call::Stop> {
    loop {
        let spec = RecordSpec { max: limits::RECORDING, silence: Some(length), terminators: String::new() };
        let id = call.record(spec);
        let over = loop {
            match call.next(end).await? {
                Event::Timeout => {
                    call.stop_record();
                    return Ok(false);
                }
                Event::Recorded(event) => {
                    if let MediaEvent::Recorded { id: of, end, .. } = *event
                        && of == id
                    {
                        break end;
                    }
                }
                _ => {}
            }
        };
        match over {
            RecordEnd::Silence => return Ok(true),
            // He talks on and on: listen anew.
            RecordEnd::Max => {}
            RecordEnd::Digit(_) | RecordEnd::Stopped | RecordEnd::Closed => return Ok(false),
        }
    }
}
