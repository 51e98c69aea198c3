//! `VoiceMailMain([box][,options])`: the owner hears his messages and looks after his mailbox.
//!
//! 1 plays the first message, 4 5 6 the one before, the same, the next; 7 deletes and takes it back; 8 passes it on, 9
//! keeps it in a folder; 2 changes the folder, 3 has more choices, 0 those of the mailbox; `*` helps, `#` leaves. What is
//! deleted goes when the folder is closed. Options: `s` no PIN for the phone that has this mailbox, `p` the argument stands
//! before what is typed, `a(folder)` opens that folder, `g(decibels)`. A caller who does not get in is hung up on.

use store::{Folder, Greeting};

use super::folder::Session;
use super::login::{self, Login};
use super::options::Options;
use super::{Named, announce, ask, greeting, tell};
use crate::apps::{Outcome, arg};
use crate::call::{Call, Next, Stop};
use crate::limits;
use crate::switch::Cause;

pub(in crate::apps) async fn run(call: &mut Call, args: &[String]) -> Outcome {
    let options = Options::parse(arg(args, 1));
    let named = Named::parse(arg(args, 0));
    call.answer();
    let (given, prefix) = if options.prefix || named.number.is_empty() {
        (None, named.number.as_str())
    } else {
        (Some(named.number.clone()), "")
    };
    match login::login(call, given, prefix, options.short, false).await? {
        Login::In(mailbox) => {
            let mut session = Session::new(mailbox);
            let ended = session.story(call, &options).await;
            session.close(call).await;
            ended?;
            tell(call, &["vm-goodbye"]).await?;
            Ok(Next::Line)
        }
        Login::Left => Ok(Next::Jumped),
        Login::Refused => Ok(Next::HangUp(Cause::NORMAL)),
    }
}

impl Session {
    async fn story(&mut self, call: &mut Call, options: &Options) -> Result<(), Stop> {
        let mut key = self.welcome(call, options).await?;
        let mut silent = 0;
        loop {
            if key.is_none() {
                key = ask(call, &self.menu()).await?;
            }
            let Some(pressed) = key.take() else {
                silent += 1;
                if silent >= limits::MENU_ROUNDS {
                    return Ok(());
                }
                continue;
            };
            silent = 0;
            key = match pressed {
                '#' => return Ok(()),
                '1' | '4' | '5' | '6' => self.go(call, pressed).await?,
                '2' => self.change_folder(call).await?,
                '3' => self.more(call).await?,
                '7' => self.delete(call).await?,
                '8' => self.forward(call).await?,
                '9' => self.save(call).await?,
                '0' => self.choices(call).await?,
                '*' => {
                    let help = if self.view.current().is_some() { "vm-msginstruct" } else { "vm-instructions" };
                    Self::interruptible(call, &[help.to_owned()]).await?
                }
                _ => {
                    tell(call, &["vm-sorry"]).await?;
                    None
                }
            };
        }
    }

    /// How many messages there are; opens the folder where there are some.
    async fn welcome(&mut self, call: &mut Call, options: &Options) -> Result<Option<char>, Stop> {
        let mut said = Vec::new();
        if greeting(call, &self.mailbox, Greeting::Temporary).await.is_some() {
            said.push("vm-tempgreetactive".to_owned());
        }
        let counts = call.exchange.mailboxes.counts(&self.mailbox);
        said.extend(announce::all(&counts));
        let folder = match options.folder.as_deref() {
            Some(text) => {
                let numbered = text.parse().ok().and_then(|place: usize| Folder::ALL.get(place).copied());
                numbered.or_else(|| Folder::from_word(text)).unwrap_or(Folder::Inbox)
            }
            None if counts.new_messages() == 0 && counts.old_messages() > 0 => Folder::Old,
            None => Folder::Inbox,
        };
        self.open(call, folder).await?;
        Self::interruptible(call, &said).await
    }

    /// What can be pressed now.
    fn menu(&self) -> Vec<String> {
        let mut said: Vec<&str> = Vec::new();
        let folder = announce::folder(self.view.folder);
        match self.view.current() {
            None => {
                if self.view.len() > 0 {
                    said.extend(["vm-onefor", &folder, "vm-messages"]);
                }
                said.push("vm-opts");
            }
            Some(item) => {
                if !self.view.is_first() {
                    said.push("vm-prev");
                }
                said.push("vm-repeat");
                if !self.view.is_last() {
                    said.push("vm-next");
                }
                said.push(if item.deleted { "vm-undelete" } else { "vm-delete" });
                said.extend(["vm-toforward", "vm-savemessage", "vm-advopts"]);
            }
        }
        said.push("vm-helpexit");
        said.into_iter().map(str::to_owned).collect()
    }
}
