//! voicemail.conf: PINs that are guessed at once, and mailboxes that dial out. PINs are never shown.

use super::Foreign;
use super::conf::{Conf, Key};
use dialplan::load::codes;
use dialplan::policy::OriginKind;

/// Sections that are no contexts of mailboxes.
const OTHERS: [&str; 2] = ["general", "zonemessages"];

pub(super) fn read(conf: &Conf, all: &mut Foreign) {
    if let Some(general) = conf.section("general") {
        for word in ["dialout", "callback"] {
            if let Some(key) = general.get(word) {
                dials(all, key, word, "every mailbox", &key.value);
            }
        }
    }
    for section in conf.sections().filter(|section| !OTHERS.contains(&section.name.to_ascii_lowercase().as_str())) {
        for key in &section.keys {
            let mut parts = key.value.split(',');
            let pin = parts.next().unwrap_or_default().trim();
            let (number, options) = (key.key.as_str(), parts.nth(3).unwrap_or_default());
            // A PIN that begins with a dash may not be changed by telephone.
            if let Some(why) = weakness(pin.trim_start_matches('-'), number) {
                let text = format!("the PIN of mailbox {number} {why}");
                all.found(
                    codes::WEAK_MAILBOX_PIN,
                    key.span,
                    text,
                    "six digits that are no row and no number of the house",
                );
            }
            for option in options.split('|') {
                if let Some((word, context)) = option.split_once('=')
                    && ["dialout", "callback"].contains(&word.trim())
                {
                    dials(all, key, word.trim(), &format!("mailbox {number}"), context.trim());
                }
            }
        }
    }
}

/// Whoever knows the PIN may call from there.
fn dials(all: &mut Foreign, key: &Key, word: &str, whose: &str, context: &str) {
    if context.is_empty() {
        return;
    }
    let does = if word == "dialout" { "dial out" } else { "call back whoever left a message" };
    let text = format!("whoever knows the PIN of {whose} may {does} through context {context}");
    all.found(codes::MAILBOX_DIALS_OUT, key.span, text, "take it out, or name a context without paid calls");
    all.enter(OriginKind::Grant(format!("{word} of {whose}")), context);
}

fn weakness(pin: &str, number: &str) -> Option<&'static str> {
    let digits = pin.as_bytes();
    let step = |by: i16| digits.windows(2).all(|two| matches!(two, [a, b] if i16::from(*b) - i16::from(*a) == by));
    match digits {
        [] => Some("is empty"),
        _ if pin == number => Some("is its own number"),
        _ if digits.len() < 4 => Some("is shorter than four digits"),
        _ if step(0) => Some("is one digit again and again"),
        _ if step(1) || step(-1) => Some("is a row of digits"),
        _ => None,
    }
}
