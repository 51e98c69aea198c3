//! Dial's option `p(recording)`: whoever answers hears who calls and decides: 1 takes the call, 2 sends the caller to
//! voicemail, 3 refuses him, 4 blocks him. The caller goes on hearing music.

use std::time::Duration;

use tokio::time::Instant;

use super::Status;
use crate::call::{Call, Event, Stop};
use crate::switch::{Cause, LegEvent, LegId};

/// How long the called party may think about it.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the called party decided; nothing: he takes the call.
pub(super) async fn ask(call: &mut Call, leg: LegId, recording: &str) -> Result<Option<Status>, Stop> {
    let names = ["priv-callpending", recording, "screen-callee-options"];
    let list: Vec<_> = names.iter().filter(|name| !name.is_empty()).filter_map(|name| call.sound(name)).collect();
    let length: Duration = list.iter().map(|sound| sound.duration()).sum();
    call.play_to(leg, list, false);
    let until = Instant::now() + length + PATIENCE;
    let decided = loop {
        match call.next(Some(until)).await {
            Ok(Event::KeyOf(of, key)) if of == leg => match key {
                '1' => break Ok(None),
                '2' => break Ok(Some(Status::NoAnswer)),
                '3' => break Ok(Some(Status::DontCall)),
                '4' => break Ok(Some(Status::Torture)),
                _ => {}
            },
            Ok(Event::Timeout) => break Ok(Some(Status::NoAnswer)),
            Ok(Event::Leg(of, LegEvent::HungUp { .. } | LegEvent::Failed { .. })) if of == leg => {
                break Ok(Some(Status::NoAnswer));
            }
            Ok(_) => {}
            Err(stop) => break Err(stop),
        }
    };
    call.quiet_leg(leg);
    if !matches!(decided, Ok(None)) {
        call.hang_up(leg, Cause::NORMAL);
    }
    decided
}
