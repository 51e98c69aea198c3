//! Table lines of voicemail. Nothing of it dials: call-back and dial-out do not exist here.

use super::{AppSpec, ArgKind, Effect, may, need, opt, opt_arg};

pub(super) const TABLE: &[AppSpec] = &[
    AppSpec::new("VoiceMail", "leaves a message in a mailbox")
        .args(&[need("mailboxes", ArgKind::Mailbox), may("options", ArgKind::Options)])
        .options(&[
            opt('u', "the greeting for callers whom nobody answers"),
            opt('b', "the greeting for callers who find the phone busy"),
            opt('s', "no instructions"),
            opt('S', "no instructions where a greeting was recorded"),
            opt('e', "greetings before the call is answered"),
            opt_arg('d', "keys during the greeting are an extension, of that context or of the current one"),
            opt_arg('g', "louder by so many decibels"),
            opt_arg('t', "another sound than the beep, or none"),
            opt('U', "the message is urgent"),
            opt('P', "the message is urgent"),
        ])
        .effects(&[
            Effect::Answers,
            Effect::Plays,
            Effect::Reads,
            Effect::Records,
            Effect::Mailbox,
            Effect::Jumps,
            Effect::Messages,
            Effect::Writes(&["VMSTATUS"]),
        ])
        .help("Mailboxes are joined by &. 0 goes to `o` and * to `a` of the current context, where they exist. VMSTATUS is SUCCESS, USEREXIT or FAILED."),
    AppSpec::new("VoiceMailMain", "lets the owner of a mailbox hear it")
        .args(&[may("mailbox", ArgKind::Mailbox), may("options", ArgKind::Options)])
        .options(&[
            opt('s', "no PIN for the authenticated phone whose mailbox it is; a caller ID opens nothing"),
            opt('p', "the mailbox stands before what is typed"),
            opt_arg('a', "opens this folder: 0 new, 1 old, 2 work, 3 family, 4 friends"),
            opt_arg('g', "louder by so many decibels"),
        ])
        .effects(&[
            Effect::Answers,
            Effect::Plays,
            Effect::Reads,
            Effect::Records,
            Effect::Mailbox,
            Effect::Gate,
            Effect::Jumps,
        ])
        .help("Asks for mailbox and PIN where they are not given. * at either goes to `a` of the current context. Calling senders back and dialling out do not exist."),
    AppSpec::new("VMAuthenticate", "asks for a mailbox and its PIN")
        .args(&[may("mailbox", ArgKind::Mailbox), may("options", ArgKind::Options)])
        .options(&[opt('s', "no first prompt")])
        .effects(&[
            Effect::Answers,
            Effect::Plays,
            Effect::Reads,
            Effect::Gate,
            Effect::Jumps,
            Effect::Writes(&["AUTH_MAILBOX", "AUTH_CONTEXT"]),
        ])
        .help("Goes on when the PIN is right, and hangs up when it is not."),
    AppSpec::new("MailboxExists", "says whether there is such a mailbox")
        .args(&[need("mailbox", ArgKind::Mailbox), may("options", ArgKind::Text)])
        .effects(&[Effect::Writes(&["VMBOXEXISTSSTATUS"])])
        .help("VMBOXEXISTSSTATUS is SUCCESS or FAILED. Plans of 1.0 and 1.2 go on at n+101 where there is such a mailbox."),
    AppSpec::new("VMSayName", "says the name that was recorded for a mailbox, or its digits")
        .args(&[need("mailbox", ArgKind::Mailbox)])
        .effects(&[Effect::Answers, Effect::Plays]),
];
