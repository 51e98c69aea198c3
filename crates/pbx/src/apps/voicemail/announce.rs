//! What is said about messages: how many there are, when one came, from whom, how long it is. Names of prompts only.

use dialplan::CivilTime;
use store::{Counts, Folder, Message};

use crate::apps::say;

/// `vm-INBOX` and its like.
pub(super) fn folder(folder: Folder) -> String {
    format!("vm-{}", folder.word())
}

pub(super) fn number(n: usize) -> Vec<String> {
    say::words(i64::try_from(n).unwrap_or(i64::MAX))
}

pub(super) fn digits(text: &str) -> Vec<String> {
    text.chars().take(40).filter_map(say::digit).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn messages(n: usize) -> String {
    if n == 1 { "vm-message" } else { "vm-messages" }.to_owned()
}

/// "You have two new and one old message."
pub(super) fn all(counts: &Counts) -> Vec<String> {
    let n = |count: u32| count as usize;
    let parts: Vec<(usize, &str)> = [
        (n(counts.urgent), "vm-Urgent"),
        (n(counts.new_messages().saturating_sub(counts.urgent)), "vm-INBOX"),
        (n(counts.old_messages()), "vm-Old"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .collect();
    let mut said = owned(&["vm-youhave"]);
    let Some((last, _)) = parts.last() else {
        said.extend(owned(&["vm-no", "vm-messages"]));
        return said;
    };
    for (at, (count, kind)) in parts.iter().enumerate() {
        if at > 0 && at + 1 == parts.len() {
            said.push("vm-and".to_owned());
        }
        said.extend(number(*count));
        said.push((*kind).to_owned());
    }
    said.push(messages(*last));
    said
}

/// "You have three old messages."
pub(super) fn in_folder(which: Folder, count: usize) -> Vec<String> {
    let mut said = owned(&["vm-youhave"]);
    if count == 0 {
        said.push("vm-no".to_owned());
    } else {
        said.extend(number(count));
    }
    said.push(folder(which));
    said.push(messages(count));
    said
}

/// When it came, from whom, how long it is.
pub(super) fn envelope(message: &Message, at: &CivilTime, today: &CivilTime, yesterday: &CivilTime) -> Vec<String> {
    let mut said = owned(&["vm-received"]);
    said.extend(date(at, today, yesterday));
    said.extend(time(at));
    said.extend(sender(message));
    said.push("vm-duration".to_owned());
    let seconds = message.duration.div_ceil(1_000) as usize;
    let (count, unit) = if seconds < 60 { (seconds, "seconds") } else { (seconds.div_ceil(60), "vm-minutes") };
    said.extend(number(count));
    said.push(unit.to_owned());
    said
}

/// An extension only where the exchange knows that it was one; a number shown by a stranger is a number.
fn sender(message: &Message) -> Vec<String> {
    if let Some(user) = message.origin.strip_prefix("extension:") {
        return owned(&["vm-from-extension"]).into_iter().chain(digits(user)).collect();
    }
    let number = digits(&message.from);
    if number.is_empty() {
        return owned(&["vm-unknown-caller"]);
    }
    owned(&["vm-from-phonenumber"]).into_iter().chain(number).collect()
}

fn same_day(a: &CivilTime, b: &CivilTime) -> bool {
    (a.year, a.month, a.day) == (b.year, b.month, b.day)
}

fn date(at: &CivilTime, today: &CivilTime, yesterday: &CivilTime) -> Vec<String> {
    if same_day(at, today) {
        return owned(&["digits/today"]);
    }
    if same_day(at, yesterday) {
        return owned(&["digits/yesterday"]);
    }
    let mut said = vec![format!("digits/day-{}", at.weekday), format!("digits/mon-{}", at.month.saturating_sub(1))];
    match at.day {
        day @ (21..=29 | 31) => {
            said.push(format!("digits/{}", day / 10 * 10));
            said.push(format!("digits/h-{}", day % 10));
        }
        day => said.push(format!("digits/h-{day}")),
    }
    if at.year != today.year {
        said.extend(say::words(i64::from(at.year)));
    }
    said
}

fn time(at: &CivilTime) -> Vec<String> {
    let mut said = owned(&["digits/at"]);
    said.extend(number(usize::from((at.hour + 11) % 12 + 1)));
    match at.minute {
        0 => said.push("digits/oclock".to_owned()),
        minute @ 1..=9 => said.extend(["digits/oh".to_owned(), format!("digits/{minute}")]),
        minute => said.extend(number(usize::from(minute))),
    }
    said.push(if at.hour < 12 { "digits/a-m" } else { "digits/p-m" }.to_owned());
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &[String], expected: &str) {
        let said: Vec<&str> =
            said.iter().map(|name| name.trim_start_matches("digits/").trim_start_matches("vm-")).collect();
        assert_eq!(said.join(" "), expected);
    }

    fn day(month: u8, day: u8, weekday: u8, hour: u8, minute: u8) -> CivilTime {
        CivilTime { year: 2026, month, day, weekday, hour, minute, second: 0, utc_offset_s: 0 }
    }

    #[test]
    fn counts_are_said_as_people_say_them() {
        let counts = |new, old, urgent| Counts { folders: [new, old, 0, 0, 0], urgent };
        check(&all(&counts(0, 0, 0)), "youhave no messages");
        check(&all(&counts(1, 0, 0)), "youhave 1 INBOX message");
        check(&all(&counts(2, 1, 0)), "youhave 2 INBOX and 1 Old message");
        check(&all(&counts(3, 2, 1)), "youhave 1 Urgent 2 INBOX and 2 Old messages");
        check(&in_folder(Folder::Work, 0), "youhave no Work messages");
        check(&in_folder(Folder::Old, 21), "youhave 20 1 Old messages");
    }

    #[test]
    fn an_envelope_says_when_from_whom_and_how_long() {
        let today = day(11, 25, 3, 9, 0);
        let yesterday = day(11, 24, 2, 9, 0);
        let message = |from: &str, origin: &str, duration: u32| Message {
            uid: "a".to_owned(),
            mailbox: "204".to_owned(),
            folder: Folder::Inbox,
            urgent: false,
            at: 0,
            duration,
            bytes: 0,
            from: from.to_owned(),
            from_name: String::new(),
            origin: origin.to_owned(),
            to: String::new(),
            call_id: String::new(),
            via: "call".to_owned(),
        };
        let said = |message: &Message, at: &CivilTime| envelope(message, at, &today, &yesterday);
        let stranger = message("2025550100", "stranger:192.0.2.1", 12_300);
        check(
            &said(&stranger, &today),
            "received today at 9 oclock a-m from-phonenumber 2 0 2 5 5 5 0 1 0 0 duration 13 seconds",
        );
        // A stranger who calls himself 204 is no extension.
        let forged = message("204", "stranger:192.0.2.1", 61_000);
        check(
            &said(&forged, &day(11, 24, 2, 0, 5)),
            "received yesterday at 12 oh 5 a-m from-phonenumber 2 0 4 duration 2 minutes",
        );
        let inside = message("", "extension:204", 1_000);
        check(
            &said(&inside, &day(11, 21, 6, 13, 30)),
            "received day-6 mon-10 20 h-1 at 1 30 p-m from-extension 2 0 4 duration 1 seconds",
        );
        let nobody = message("", "trunk:itsp", 1_000);
        check(
            &said(&nobody, &day(1, 20, 2, 12, 59)),
            "received day-2 mon-0 h-20 at 12 50 9 p-m unknown-caller duration 1 seconds",
        );
    }
}
