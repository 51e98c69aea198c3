//! Speaking a message or a greeting: tone, recording, review, and keeping what came of it.

use std::time::Duration;

use media::plane::RecordSpec;
use store::{Error, Folder, Message, Quota};
use tokio::sync::OwnedSemaphorePermit;

use super::takes::Take;
use super::{ask, tell};
use crate::call::play::Heard;
use crate::call::recordings::Ended;
use crate::call::{Call, Stop};
use crate::cdr::origin_word;
use crate::config::Voicemail;
use crate::limits;

/// How often somebody may say nothing before we give up asking.
const TRIES: u32 = 3;

/// What is to be spoken.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// The tone before it; empty: none.
    pub(super) beep: String,
    /// Longest duration, seconds.
    pub(super) longest: u32,
    /// The speaker may hear it, speak it again or throw it away.
    pub(super) review: bool,
    /// 0 leads to the operator.
    pub(super) operator: bool,
    /// It can be marked as urgent; greetings cannot.
    pub(super) message: bool,
    /// It is marked so from the beginning.
    pub(super) urgent: bool,
    /// Louder by so many decibels.
    pub(super) gain: i8,
}

impl Wish {
    /// A message as the owner's settings have it.
    pub(super) fn message(settings: &Voicemail) -> Self {
        Self {
            beep: "beep".to_owned(),
            longest: settings.longest,
            review: settings.review,
            operator: false,
            message: true,
            urgent: false,
            gain: 0,
        }
    }

    /// A greeting: always reviewed.
    pub(super) fn greeting() -> Self {
        let settings = Voicemail { longest: limits::GREETING_SECONDS, review: true, ..Voicemail::default() };
        Self { message: false, ..Self::message(&settings) }
    }
}

/// What was spoken so far. It is kept when the caller goes.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) take: Option<Take>,
    pub(super) urgent: bool,
    _room: Option<OwnedSemaphorePermit>,
}

/// How composing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is to be kept, if there is anything.
    Keep,
    /// The speaker asked for the operator; what is in the draft is to be kept.
    Operator,
    /// The speaker threw it away.
    Dropped,
    /// Nothing worth keeping was spoken, or nothing can be kept.
    Empty,
}

/// Lets the caller speak. The draft is there however it ends.
pub(super) async fn compose(call: &mut Call, wish: &Wish) -> (Draft, Result<Ending, Stop>) {
    let room = call.exchange.mailboxes.room(u64::from(wish.longest));
    let full = room.is_none();
    let mut draft = Draft { take: None, urgent: wish.urgent, _room: room };
    if full {
        tracing::warn!(call = %call.tree.id, "too many callers record at once: this message cannot be kept");
        let told = tell(call, &["vm-notkept"]).await;
        return (draft, told.map(|()| Ending::Empty));
    }
    let ended = story(call, wish, &mut draft).await;
    (draft, ended)
}

async fn story(call: &mut Call, wish: &Wish, draft: &mut Draft) -> Result<Ending, Stop> {
    let settings = call.snapshot.config.voicemail.clone();
    let settings = if wish.message { settings } else { Voicemail { shortest: 0, ..settings } };
    let spec = RecordSpec {
        max: Duration::from_secs(u64::from(wish.longest)),
        silence: (settings.silence > 0).then(|| Duration::from_secs(u64::from(settings.silence))),
        terminators: "#".to_owned(),
    };
    let mut empty = 0;
    loop {
        if !wish.beep.is_empty() {
            tell(call, &[&wish.beep]).await?;
        }
        let (taken, ended) = call.take(spec.clone(), if wish.operator { "#0" } else { "#" }).await;
        let take = Take::of(taken, wish.gain).filter(|take| take.is_worth(&settings));
        let nothing = take.is_none();
        draft.take = take.or(draft.take.take());
        match ended {
            Ended::Gone(stop) => return Err(stop),
            Ended::Key('0') => return operator(call, draft).await,
            Ended::Key(_) | Ended::Silence | Ended::Longest => {}
        }
        if nothing {
            tell(call, &["vm-tooshort"]).await?;
            empty += 1;
            match (&draft.take, empty >= TRIES) {
                (None, true) => return Ok(Ending::Empty),
                (None, false) => continue,
                // The earlier one is still there.
                (Some(_), _) => {}
            }
        }
        if !wish.review {
            return Ok(Ending::Keep);
        }
        match review(call, wish, draft).await? {
            Some(ending) => return Ok(ending),
            None => continue,
        }
    }
}

/// Keep, hear, speak again, mark, throw away. None: it is spoken again.
async fn review(call: &mut Call, wish: &Wish, draft: &mut Draft) -> Result<Option<Ending>, Stop> {
    let (mut silent, mut pressed) = (0, None);
    loop {
        let mut prompts = vec!["vm-review"];
        if wish.message {
            prompts.push(if draft.urgent { "vm-review-nonurgent" } else { "vm-review-urgent" });
        }
        prompts.push("vm-tocancelmsg");
        if wish.operator {
            prompts.push("vm-reachoper");
        }
        let prompts: Vec<String> = prompts.into_iter().map(str::to_owned).collect();
        let key = match pressed.take() {
            Some(key) => Some(key),
            None => ask(call, &prompts).await?,
        };
        match key {
            Some('1' | '#') => return Ok(Some(Ending::Keep)),
            Some('2') => {
                let sounds = draft.take.as_ref().and_then(Take::sound).map(std::sync::Arc::new);
                if let Heard::Key(key) = call.say_sounds(sounds.into_iter().collect(), super::KEYS).await? {
                    pressed = Some(key);
                }
            }
            Some('3') => return Ok(None),
            Some('4') if wish.message => {
                draft.urgent = !draft.urgent;
                tell(call, &[if draft.urgent { "vm-marked-urgent" } else { "vm-marked-nonurgent" }]).await?;
            }
            Some('0') if wish.operator => return operator(call, draft).await.map(Some),
            Some('*') => {
                draft.take = None;
                tell(call, &["vm-deleted"]).await?;
                return Ok(Some(Ending::Dropped));
            }
            Some(_) => tell(call, &["vm-sorry"]).await?,
            None => {
                silent += 1;
                if silent >= TRIES {
                    return Ok(Some(Ending::Keep));
                }
            }
        }
    }
}

/// On the way to the operator: what was spoken is kept by 1, and forgotten by anything else.
async fn operator(call: &mut Call, draft: &mut Draft) -> Result<Ending, Stop> {
    if draft.take.is_some() && ask(call, &["vm-saveoper".to_owned()]).await? != Some('1') {
        draft.take = None;
        tell(call, &["vm-deleted"]).await?;
    }
    Ok(Ending::Operator)
}

/// What a message's facts are in this call.
pub(super) fn message(call: &Call, mailbox: &str, duration: u32, urgent: bool, via: &str) -> Message {
    let at = call.exchange.clock.now();
    Message {
        uid: format!("{at:013}-{:016x}", call.exchange.random()),
        mailbox: mailbox.to_owned(),
        folder: Folder::Inbox,
        urgent,
        at,
        duration,
        bytes: 0,
        from: call.channel.caller_number.clone(),
        from_name: call.channel.caller_name.clone(),
        origin: origin_word(&call.tree.origin),
        to: call.tree.dialled.clone(),
        call_id: call.tree.id.clone(),
        via: via.to_owned(),
    }
}

/// Keeps what was spoken; false where the mailbox is full. True: it is on the disk.
pub(super) async fn keep(call: &mut Call, mailbox: &str, take: &Take, urgent: bool, via: &str) -> Result<bool, Error> {
    let message = message(call, mailbox, take.milliseconds(), urgent, via);
    call.exchange.mailboxes.leave(message, take.wav(), quota(call)).await
}

/// How much may be kept.
pub(super) fn quota(call: &Call) -> Quota {
    let settings = &call.snapshot.config.voicemail;
    let megabytes = |count: u32| u64::from(count) * 1024 * 1024;
    Quota {
        messages: settings.messages,
        bytes: megabytes(settings.megabytes),
        all_bytes: megabytes(settings.megabytes_in_all),
    }
}

/// Whether a mailbox has room for one more message.
pub(super) fn has_room(call: &Call, mailbox: &str) -> bool {
    let all: u32 = call.exchange.mailboxes.counts(mailbox).folders.iter().sum();
    all < call.snapshot.config.voicemail.messages
}
