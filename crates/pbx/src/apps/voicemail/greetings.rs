//! Key 0: what callers hear of a mailbox, and its PIN.

use store::Greeting;

use super::compose::{self, Ending, Wish};
use super::folder::Session;
use super::{ask, greeting, login, tell, trouble};
use crate::call::{Call, Stop};
use crate::limits;

impl Session {
    /// 1 unavailable, 2 busy, 3 name, 4 for the time being, 5 PIN, `*` back.
    pub(super) async fn choices(&mut self, call: &mut Call) -> Result<Option<char>, Stop> {
        let prompts = ["vm-options".to_owned(), "vm-starmain".to_owned()];
        let mut silent = 0;
        loop {
            match ask(call, &prompts).await? {
                Some('1') => self.record(call, Greeting::Unavailable, "vm-rec-unv").await?,
                Some('2') => self.record(call, Greeting::Busy, "vm-rec-busy").await?,
                Some('3') => self.record(call, Greeting::Name, "vm-rec-name").await?,
                Some('4') => self.temporary(call).await?,
                Some('5') => {
                    login::change_pin(call, &self.mailbox).await?;
                }
                Some('*' | '#') => return Ok(None),
                Some(_) => tell(call, &["vm-sorry"]).await?,
                None => {
                    silent += 1;
                    if silent >= limits::MENU_ROUNDS {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn temporary(&self, call: &mut Call) -> Result<(), Stop> {
        let there = greeting(call, &self.mailbox, Greeting::Temporary).await.is_some();
        let question = if there { "vm-tempgreeting2" } else { "vm-tempgreeting" };
        match ask(call, &[question.to_owned(), "vm-starmain".to_owned()]).await? {
            Some('1') => self.record(call, Greeting::Temporary, "vm-rec-temp").await,
            Some('2') if there => {
                let removed = call.exchange.mailboxes.set_greeting(&self.mailbox, Greeting::Temporary, None).await;
                match removed {
                    Ok(()) => tell(call, &["vm-tempremoved"]).await,
                    Err(error) => trouble(call, &self.mailbox, &error).await,
                }
            }
            Some('*' | '#') | None => Ok(()),
            Some(_) => tell(call, &["vm-sorry"]).await,
        }
    }

    /// Only what its owner has reviewed and wants is what callers hear.
    async fn record(&self, call: &mut Call, which: Greeting, instructions: &str) -> Result<(), Stop> {
        tell(call, &[instructions]).await?;
        let (draft, ended) = compose::compose(call, &Wish::greeting()).await;
        let (Ending::Keep, Some(take)) = (ended?, draft.take) else { return Ok(()) };
        match call.exchange.mailboxes.set_greeting(&self.mailbox, which, Some(take.wav())).await {
            Ok(()) => tell(call, &["vm-msgsaved"]).await,
            Err(error) => trouble(call, &self.mailbox, &error).await,
        }
    }
}
