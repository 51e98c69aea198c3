//! Keys 3 and 8: a message goes on to another mailbox, is answered, or a new one is left. All of it inside the house:
//! nothing here calls anybody.

use store::Message;

use super::compose::{self, Ending, Wish};
use super::folder::{self, Session};
use super::takes::Take;
use super::{ask, ask_number, is_known, tell, trouble};
use crate::call::{Call, Stop};
use crate::limits;

impl Session {
    /// 3: answer (1), envelope (3), a message for somebody else (5), `*` back.
    pub(super) async fn more(&mut self, call: &mut Call) -> Result<Option<char>, Stop> {
        let mut silent = 0;
        loop {
            let current = self.view.current().map(|item| item.message.clone());
            let sender = current.as_ref().and_then(|message| sender(call, message));
            let mut prompts: Vec<&str> = Vec::new();
            if sender.is_some() {
                prompts.push("vm-toreply");
            }
            if current.is_some() {
                prompts.push("vm-tohearenv");
            }
            prompts.extend(["vm-leavemsg", "vm-starmain"]);
            let prompts: Vec<String> = prompts.into_iter().map(str::to_owned).collect();
            match (ask(call, &prompts).await?, current, sender) {
                (Some('1'), Some(_), Some(sender)) => {
                    self.send(call, &sender, "reply").await?;
                    return Ok(None);
                }
                (Some('1'), Some(_), None) => tell(call, &["vm-nobox"]).await?,
                (Some('3'), Some(message), _) => {
                    let said = folder::envelope(call, &message);
                    if let Some(key) = Self::interruptible(call, &said).await? {
                        return Ok(Some(key));
                    }
                }
                (Some('5'), ..) => {
                    if let Some(mailbox) = whose(call, "vm-whichbox").await? {
                        self.send(call, &mailbox, "reply").await?;
                    }
                    return Ok(None);
                }
                (Some('*' | '#'), ..) => return Ok(None),
                (Some(_), ..) => tell(call, &["vm-sorry"]).await?,
                (None, ..) => {
                    silent += 1;
                    if silent >= limits::MENU_ROUNDS {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Speaks a message into another mailbox.
    async fn send(&self, call: &mut Call, mailbox: &str, via: &str) -> Result<(), Stop> {
        if !compose::has_room(call, mailbox) {
            return tell(call, &["vm-mailboxfull"]).await;
        }
        tell(call, &["vm-intro"]).await?;
        let wish = Wish { review: true, ..Wish::message(&call.snapshot.config.voicemail) };
        let (draft, ended) = compose::compose(call, &wish).await;
        let Some(take) = &draft.take else { return ended.map(drop) };
        let kept = compose::keep(call, mailbox, take, draft.urgent, via).await;
        ended?;
        match kept {
            Ok(true) => tell(call, &["vm-msgsaved"]).await,
            Ok(false) => tell(call, &["vm-mailboxfull"]).await,
            Err(error) => trouble(call, mailbox, &error).await,
        }
    }

    /// 8: passes the message on, with an introduction (1) or as it is (2).
    pub(super) async fn forward(&mut self, call: &mut Call) -> Result<Option<char>, Stop> {
        let Some(message) = self.view.current().map(|item| item.message.clone()) else {
            tell(call, &["vm-sorry"]).await?;
            return Ok(None);
        };
        let Some(mailbox) = whose(call, "vm-forward").await? else { return Ok(None) };
        for _ in 0..limits::MENU_ROUNDS {
            match ask(call, &["vm-forwardoptions".to_owned(), "vm-starmain".to_owned()]).await? {
                Some('1') => {
                    tell(call, &["vm-record-prepend"]).await?;
                    let wish = Wish { message: false, ..Wish::message(&call.snapshot.config.voicemail) };
                    let (draft, ended) = compose::compose(call, &Wish { review: true, ..wish }).await;
                    let (Ending::Keep, Some(take)) = (ended?, draft.take) else { return Ok(None) };
                    self.pass_on(call, &message, &mailbox, Some(take)).await?;
                    return Ok(None);
                }
                Some('2') => {
                    self.pass_on(call, &message, &mailbox, None).await?;
                    return Ok(None);
                }
                Some('*' | '#') => return Ok(None),
                Some(_) => tell(call, &["vm-sorry"]).await?,
                None => {}
            }
        }
        Ok(None)
    }

    /// A copy, with the facts of the one who left it.
    async fn pass_on(&self, call: &mut Call, message: &Message, to: &str, intro: Option<Take>) -> Result<(), Stop> {
        let Some(sound) = call.exchange.mailboxes.sound(&self.mailbox, &message.uid).await else {
            return tell(call, &["something-terribly-wrong"]).await;
        };
        let rate = sound.rate();
        let (wav, duration) = match intro {
            Some(intro) => {
                let whole = intro.before(&sound);
                (whole.wav(), whole.milliseconds())
            }
            None => (media::wav::write(rate, &sound.pcm(rate)), message.duration),
        };
        let mine = compose::message(call, to, duration, message.urgent, "forward");
        let copy = Message {
            from: message.from.clone(),
            from_name: message.from_name.clone(),
            origin: message.origin.clone(),
            to: message.to.clone(),
            ..mine
        };
        let quota = compose::quota(call);
        match call.exchange.mailboxes.leave(copy, wav, quota).await {
            Ok(true) => tell(call, &["vm-msgforwarded"]).await,
            Ok(false) => tell(call, &["vm-mailboxfull"]).await,
            Err(error) => trouble(call, to, &error).await,
        }
    }
}

/// Whose mailbox? None after three wrong ones, or `*`.
async fn whose(call: &mut Call, question: &str) -> Result<Option<String>, Stop> {
    for _ in 0..limits::MENU_ROUNDS {
        match ask_number(call, &[question]).await? {
            Ok(number) if is_known(call, &number) => return Ok(Some(number)),
            Ok(_) => tell(call, &["vm-nobox"]).await?,
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

/// The mailbox of whoever left a message, where the exchange knows that it was one of its phones. A caller ID says
/// nothing about that.
fn sender(call: &Call, message: &Message) -> Option<String> {
    let user = message.origin.strip_prefix("extension:")?;
    call.snapshot.config.extensions.get(user)?.mailbox.clone()
}
