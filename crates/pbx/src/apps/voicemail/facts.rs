//! What a plan may ask about mailboxes: `MailboxExists(box[,options])`, `VMSayName(box)`, and the values of `VM_INFO`,
//! `VMCOUNT`, `MAILBOX_EXISTS` and `CHANNEL(mailbox)`.

use store::{Folder, Greeting};

use super::{Named, greeting};
use crate::apps::say;
use crate::apps::{Outcome, arg, old_jump};
use crate::call::{Call, Next};
use crate::exchange::Exchange;

/// `VMBOXEXISTSSTATUS` is `SUCCESS` or `FAILED`; old plans go on at n+101 where there is such a mailbox.
pub(in crate::apps) async fn exists(call: &mut Call, args: &[String]) -> Outcome {
    let known = Named::parse(arg(args, 0)).known(call).is_some();
    call.machine.set("VMBOXEXISTSSTATUS", if known { "SUCCESS" } else { "FAILED" });
    if known { old_jump(call, "MailboxExists", arg(args, 1)) } else { Ok(Next::Line) }
}

/// The recorded name, else the digits of the mailbox.
pub(in crate::apps) async fn say_name(call: &mut Call, args: &[String]) -> Outcome {
    call.answer();
    let Some(mailbox) = Named::parse(arg(args, 0)).known(call) else { return Ok(Next::Line) };
    match greeting(call, &mailbox, Greeting::Name).await {
        Some(name) => call.say_sounds(vec![name], "").await?,
        None => {
            let digits: Vec<String> = mailbox.chars().filter_map(say::digit).collect();
            let digits: Vec<&str> = digits.iter().map(String::as_str).collect();
            call.say(&digits, "").await?
        }
    };
    Ok(Next::Line)
}

/// A function's value. None: it is none of ours.
pub(crate) fn value(exchange: &Exchange, name: &str, args: &[String]) -> Option<String> {
    let snapshot = exchange.snapshot.load();
    let named = Named::parse(arg(args, 0));
    let here = named.context.is_empty() || named.context == "default";
    let mailbox = snapshot.config.mailboxes.get(&named.number).filter(|_| here);
    let count = |folder: &str| {
        let counts = exchange.mailboxes.counts(&named.number);
        let count = match folder {
            "" => counts.of(Folder::Inbox),
            folder if folder.eq_ignore_ascii_case("urgent") => counts.urgent,
            folder => Folder::from_word(folder).map_or(0, |folder| counts.of(folder)),
        };
        if mailbox.is_some() { count } else { 0 }.to_string()
    };
    let truth = |yes: bool| if yes { "1" } else { "0" }.to_owned();
    Some(match name {
        "MAILBOX_EXISTS" | "VM_EXISTS" => truth(mailbox.is_some()),
        "VMCOUNT" => count(arg(args, 1)),
        "VM_INFO" => match arg(args, 1).to_ascii_lowercase().as_str() {
            "exists" => truth(mailbox.is_some()),
            "count" => count(arg(args, 2)),
            "fullname" => mailbox.map(|mailbox| mailbox.name.clone()).unwrap_or_default(),
            "language" => mailbox.map(|_| snapshot.config.system.language.clone()).unwrap_or_default(),
            "tz" => mailbox.map(|_| snapshot.config.system.timezone.clone()).unwrap_or_default(),
            // Nobody reads a PIN, and a plan does not send an owner's address anywhere.
            _ => String::new(),
        },
        _ => return None,
    })
}
