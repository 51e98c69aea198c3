//! `Echo()`: the caller hears himself until he presses `#` or hangs up.

use super::Outcome;
use crate::call::{Call, Event, Next};

pub(super) async fn run(call: &mut Call) -> Outcome {
    call.answer();
    call.echo(true);
    let end = loop {
        match call.next(None).await {
            Ok(Event::Key('#')) => break Ok(Next::Line),
            Ok(_) => {}
            Err(stop) => break Err(stop),
        }
    };
    call.echo(false);
    end
}
