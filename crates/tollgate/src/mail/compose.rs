//! What a mail about a message says. Names and numbers in it were chosen by strangers: they are one line of bounded,
//! printable text before they come near a header, and `lettre` encodes what is left.

use super::smtp::Trouble;
use jiff::tz::TimeZone;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, MultiPart, SinglePart};

/// Most characters of a caller's name or number that a mail repeats.
const SHOWN: usize = 60;

/// A mail before it is one.
pub(crate) struct Letter {
    to: String,
    subject: String,
    text: String,
    id: String,
    sound: Option<(String, Vec<u8>)>,
}

impl Letter {
    /// About a message.
    pub(crate) fn of(message: &store::Message, to: &str, sound: Option<Vec<u8>>, zone: &TimeZone) -> Self {
        let seconds = (message.duration + 500) / 1000;
        let from = caller(&message.from_name, &message.from);
        let at = jiff::Timestamp::from_millisecond(message.at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let at = at.to_zoned(zone.clone()).strftime("%A, %-d %B %Y, %H:%M").to_string();
        let urgent = if message.urgent { "Urgent: " } else { "" };
        let with = if sound.is_some() { "\nThe message is attached.\n" } else { "" };
        Self {
            to: to.to_owned(),
            subject: format!("{urgent}Message of {seconds} seconds from {from} in mailbox {}", message.mailbox),
            text: format!(
                "Mailbox {}\nFrom     {from}, as the caller showed it; nobody vouches for it\nCalled   {}\nAt       {at}\nLength   {seconds} seconds\n{with}",
                message.mailbox,
                tidy(&message.to),
            ),
            id: message.uid.clone(),
            sound: sound.map(|bytes| (format!("message-{}.wav", message.mailbox), bytes)),
        }
    }

    /// About what happened: `words` are lines of ours, in which strangers chose only names.
    pub(crate) fn notices(to: &str, exchange: &str, words: &str, newest: i64) -> Self {
        Self {
            to: to.to_owned(),
            subject: format!("{}: something happened", tidy(exchange)),
            text: words.to_owned(),
            id: format!("notice-{newest}-{}", crate::exchange::wall()),
            sound: None,
        }
    }

    /// The mail on the wire.
    pub(crate) fn compose(self, from: &str) -> Result<lettre::Message, Trouble> {
        let address = |text: &str| {
            text.parse::<lettre::Address>()
                .map(|address| lettre::message::Mailbox::new(None, address))
                .map_err(|error| Trouble::for_good(format!("{text}: {error}")))
        };
        let host = from.split_once('@').map_or("localhost", |(_, host)| host);
        let builder = lettre::Message::builder()
            .from(address(from)?)
            .to(address(&self.to)?)
            .subject(self.subject)
            .message_id(Some(format!("<{}@{host}>", self.id)));
        let text = SinglePart::plain(self.text);
        let built = match self.sound {
            None => builder.singlepart(text),
            Some((name, bytes)) => {
                let kind = ContentType::parse("audio/x-wav").map_err(|error| Trouble::for_good(error.to_string()))?;
                // Sound is never text, even where its bytes happen to look like it: always base64.
                let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64)
                    .map_err(|_| Trouble::for_good("the sound cannot be attached".to_owned()))?;
                builder
                    .multipart(MultiPart::mixed().singlepart(text).singlepart(Attachment::new(name).body(body, kind)))
            }
        };
        built.map_err(|error| Trouble::for_good(error.to_string()))
    }
}

/// A letter that shows that mail works.
pub(crate) fn test_letter(to: &str, id: &str) -> Letter {
    Letter {
        to: to.to_owned(),
        subject: "tollgate: mail works".to_owned(),
        text: "This mail was asked for with: tollgate mail test\n".to_owned(),
        id: format!("test-{id}"),
        sound: None,
    }
}

fn caller(name: &str, number: &str) -> String {
    match (tidy(name), tidy(number)) {
        (name, number) if name.is_empty() && number.is_empty() => "an unknown caller".to_owned(),
        (name, number) if name.is_empty() => number,
        (name, number) if number.is_empty() => name,
        (name, number) => format!("{name} ({number})"),
    }
}

/// One line of printable text.
fn tidy(text: &str) -> String {
    let shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(shown).take(SHOWN).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Folder, Message};

    fn message(name: &str, number: &str) -> Message {
        Message {
            uid: "m1-2".into(),
            mailbox: "204".into(),
            folder: Folder::Inbox,
            urgent: false,
            at: 1_767_268_800_000,
            duration: 12_400,
            bytes: 4,
            from: number.into(),
            from_name: name.into(),
            origin: "stranger:192.0.2.1".into(),
            to: "anything".into(),
            call_id: "c".into(),
            via: "call".into(),
        }
    }

    fn text(name: &str, number: &str) -> String {
        let letter = Letter::of(&message(name, number), "you@example.net", Some(b"RIFF".to_vec()), &TimeZone::UTC);
        String::from_utf8(letter.compose("pbx@example.net").unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_mail_says_who_when_and_how_long_and_has_the_sound() {
        let mail = text("Ada", "+12025550100");
        let has = |part: &str| assert!(mail.contains(part), "{part}\n{mail}");
        has("To: you@example.net\r\n");
        has("Message-ID: <m1-2@example.net>\r\n");
        has("Subject: Message of 12 seconds from Ada (+12025550100) in mailbox 204\r\n");
        has("Thursday, 1 January 2026, 12:00");
        has("filename=\"message-204.wav\"");
        has("UklGRg==");
    }

    #[test]
    fn a_callers_name_adds_no_header_and_no_recipient() {
        for evil in [
            "x\r\nBcc: thief@example.com",
            "x\nTo: thief@example.com\n\nbody",
            "\"\r\n.\r\nMAIL FROM:<a@b>",
            "x\u{2028}Bcc: thief@example.com",
            "Ünïcödé\r\n Bcc: thief@example.com",
        ] {
            let mail = text(evil, evil);
            let head = mail.split("\r\n\r\n").next().unwrap();
            let names: Vec<&str> = head
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            let mut expected = ["From", "To", "Subject", "Message-ID", "MIME-Version", "Date", "Content-Type"];
            let mut found = names.clone();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{evil:?}");
            assert!(!mail.contains("\n.\r\n"), "{evil:?}");
        }
    }
}
