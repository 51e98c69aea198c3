//! `Ringing()`: tells the caller that it rings; `Progress()`: opens his ear before the answer.

use media::tone::Kind;

use super::Outcome;
use crate::call::{Call, Next};
use crate::switch::LegCommand;

pub(super) async fn run(call: &mut Call) -> Outcome {
    if call.is_answered() || call.channel.early {
        let tone = call.country_tone(Kind::Ringback);
        call.tone(tone);
    } else {
        call.signal(call.line, LegCommand::Ring);
    }
    Ok(Next::Line)
}

pub(super) async fn progress(call: &mut Call) -> Outcome {
    call.open_ear();
    Ok(Next::Line)
}

/// A caller hears that the exchange works on it; SIP has said so with its 100 already.
pub(super) async fn proceeding(call: &mut Call) -> Outcome {
    tracing::trace!(call = %call.tree.id, "Proceeding");
    Ok(Next::Line)
}
