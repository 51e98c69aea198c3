//! `tollgate mail`: does mail go out, and what waits.

use super::keep::{done, open, show};
use super::{Common, Mail, print};
use crate::exchange::{block_on, deeds, random, wall};
use crate::fault::{Doing as _, Fault, Outcome};
use crate::mail;
use store::Mode;

/// `tollgate mail …`
pub(super) fn mail(common: &Common, what: &Mail) -> Outcome<u8> {
    match what {
        Mail::Test { address } => test(common, address.as_deref())?,
        Mail::List => list(common)?,
    }
    Ok(0)
}

/// Sends one mail now, from this process, and says what is wrong.
fn test(common: &Common, address: Option<&str>) -> Outcome<()> {
    let config = deeds::config(&common.home)?.config;
    let Some(server) = &config.mail else {
        return Err(Fault::failed("mail is not set up").repair("write [mail] with server and from into tollgate.toml"));
    };
    let to = address.or_else(|| config.mailboxes.values().find_map(|mailbox| mailbox.email.as_deref()));
    let Some(to) = to else {
        return Err(
            Fault::failed("no mailbox has an address").repair("say where to: tollgate mail test you@example.net")
        );
    };
    let letter = mail::test_letter(to, &hex::encode(random()?.get(..8).unwrap_or_default()));
    block_on(async {
        let store = open(common, Mode::Read).await?;
        mail::send(&common.home, &store, server, letter).await.map_err(|trouble| Fault::failed(trouble.why))
    })?;
    done(common, &format!("{}:{} has taken a mail to {to}", server.server, server.port));
    Ok(())
}

fn list(common: &Common) -> Outcome<()> {
    let waiting = block_on(async {
        let store = open(common, Mode::Read).await?;
        store.mail_waiting().await.doing(|| "read the store".to_owned())
    })?;
    if common.json {
        print::json(&serde_json::json!(waiting));
        return Ok(());
    }
    let rows: Vec<[String; 5]> = waiting
        .into_iter()
        .map(|mail| {
            let next = ((mail.next_at - wall()) / 1000).max(0);
            [mail.mailbox, mail.uid, mail.tries.to_string(), format!("{next} s"), mail.trouble]
        })
        .collect();
    show(common, "mail waits", ["mailbox", "message", "tries", "again in", "why"], &rows);
    Ok(())
}
