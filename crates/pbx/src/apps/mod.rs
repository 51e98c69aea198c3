//! The applications: each a straight story in a file of its own, each one line in [`find`].
//!
//! What an application declares to the proof stands in `dialplan::apps::TABLE`; a test keeps both tables equal.

mod answer;
mod background;
mod busy;
mod dial;
mod directory;
mod echo;
mod hangup;
mod noop;
mod playback;
mod read;
mod record;
mod ringing;
mod say;
mod wait;
mod wait_exten;

use std::future::Future;
use std::pin::Pin;

use dialplan::Invocation;

use crate::call::{Call, Next, Stop};
use crate::switch::Cause;

/// What an application leaves behind: where the plan goes on, or why it cannot.
pub type Outcome = Result<Next, Stop>;

type Story<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Looks an application up by its name in lower case.
#[rustfmt::skip]
fn find<'a>(name: &str, call: &'a mut Call, invocation: &'a Invocation) -> Option<Story<'a>> {
    let args = invocation.args.as_slice();
    Some(match name {
        "answer" => Box::pin(answer::run(call, args)),
        "background" => Box::pin(background::run(call, args)),
        "busy" => Box::pin(busy::run(call, args, Cause::BUSY)),
        "congestion" => Box::pin(busy::run(call, args, Cause::CONGESTION)),
        "dial" => Box::pin(dial::run(call, invocation)),
        "directory" => Box::pin(directory::run(call, args)),
        "echo" => Box::pin(echo::run(call)),
        "hangup" => Box::pin(hangup::run(args)),
        "noop" | "verbose" | "log" => Box::pin(noop::run(call, args)),
        "playback" => Box::pin(playback::run(call, args)),
        "progress" => Box::pin(ringing::progress(call)),
        "read" => Box::pin(read::run(call, args)),
        "record" => Box::pin(record::run(call, args)),
        "ringing" => Box::pin(ringing::run(call)),
        "sayalpha" => Box::pin(say::alpha(call, args)),
        "saydigits" => Box::pin(say::digits(call, args)),
        "saynumber" => Box::pin(say::number(call, args)),
        "wait" => Box::pin(wait::run(call, args)),
        "waitexten" => Box::pin(wait_exten::run(call, args)),
        _ => return None,
    })
}

/// Runs the application of one line.
///
/// # Errors
/// [`Stop`] when the caller is gone or the call is to end.
pub async fn run(call: &mut Call, invocation: &Invocation) -> Outcome {
    let name = invocation.app.name.to_ascii_lowercase();
    if let Some(story) = find(&name, call, invocation) {
        return story.await;
    }
    // Parsed, known to the proof, and not offered by this exchange: the call must not go on as if it had run.
    tracing::warn!(call = %call.tree.id, app = invocation.app.name, "this application does not run here: the call ends");
    Ok(Next::HangUp(Cause::INTERWORKING))
}

/// An argument, or the empty text.
fn arg(args: &[String], index: usize) -> &str {
    args.get(index).map_or("", |text| text.trim())
}

/// Seconds as the plan writes them (`2`, `0.5`); nothing for an empty or unreadable text.
fn seconds(text: &str) -> Option<std::time::Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    (0.0..=86_400.0).contains(&seconds).then(|| std::time::Duration::from_secs_f64(seconds))
}
