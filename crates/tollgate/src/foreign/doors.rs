//! Who comes in: the peers of sip.conf and the endpoints of pjsip.conf, each with the context its calls begin in.

use super::Foreign;
use super::conf::{Conf, Section};
use dialplan::load::codes;
use dialplan::policy::OriginKind;
use std::collections::BTreeSet;

/// `chan_sip`: guests are let in unless `allowguest=no`.
pub(super) fn sip(conf: &Conf, all: &mut Foreign) {
    let general = conf.section("general");
    let word = |key: &str| general.map(|section| section.word(key)).unwrap_or_default();
    let context_of = |section: &Section| section.get("context").map(|key| key.value.clone());
    let common = general.and_then(context_of).unwrap_or_else(|| "default".to_owned());
    if !is_no(&word("allowguest")) {
        if let Some(section) = general {
            let span = section.get("allowguest").map_or(section.span, |key| key.span);
            let text = format!("guests are let in: anybody who sends an INVITE calls in context {common}");
            all.found(codes::GUEST_CALLS, span, text, "allowguest=no in [general]");
        }
        all.enter(OriginKind::Stranger, &common);
    }
    if let Some(section) = general.filter(|_| is_yes(&word("autocreatepeer"))) {
        let span = section.get("autocreatepeer").map_or(section.span, |key| key.span);
        all.found(codes::NO_SECRET, span, "whoever registers becomes a phone".to_owned(), "autocreatepeer=no");
        all.enter(OriginKind::Stranger, &common);
    }
    let known = |section: &&Section| {
        !["general", "authentication"].contains(&section.name.to_ascii_lowercase().as_str())
            && ["friend", "user", "peer"].contains(&section.word("type").as_str())
    };
    for section in conf.sections().filter(known) {
        let context = context_of(section).unwrap_or_else(|| common.clone());
        let name = section.name.clone();
        let secret = section.get("secret").or(section.get("md5secret")).or(section.get("remotesecret"));
        let host = section.word("host");
        let moves = host.is_empty() || host == "dynamic";
        let insecure = section.word("insecure");
        let unasked = insecure.contains("invite") || insecure == "very";
        if secret.is_none() && moves {
            let text =
                format!("[{name}] has no secret and no fixed address: anybody is this phone, in context {context}");
            all.found(codes::NO_SECRET, section.span, text, "give it a long random secret");
            all.enter(OriginKind::Stranger, &context);
            continue;
        }
        if let Some(key) = secret.filter(|key| is_weak(&key.value, &name)) {
            let text = format!("the secret of [{name}] is short or its own name: it is guessed in minutes");
            all.found(codes::WEAK_SECRET, key.span, text, "a random one of 16 characters or more");
        }
        if moves && !unasked {
            all.enter(OriginKind::Extension(name), &context);
        } else if moves {
            let text = format!("[{name}] moves and is not asked for its secret when it calls (insecure={insecure})");
            all.found(codes::NO_SECRET, section.span, text, "take insecure out");
            all.enter(OriginKind::Stranger, &context);
        } else {
            all.enter(OriginKind::Trunk(name), &context);
        }
    }
}

/// `chan_pjsip`: nobody is let in who is no endpoint; one that is called `anonymous` is everybody.
pub(super) fn pjsip(conf: &Conf, all: &mut Foreign) {
    let of_type = |kind: &'static str| conf.sections().filter(move |section| section.word("type") == kind);
    let value = |section: &Section, key: &str| section.get(key).map(|key| key.value.clone());
    let by_address: BTreeSet<String> = of_type("identify").filter_map(|section| value(section, "endpoint")).collect();
    for section in of_type("endpoint") {
        let name = section.name.clone();
        let context = value(section, "context").unwrap_or_else(|| "default".to_owned());
        let asked = section.get("auth").is_some();
        let by_address = by_address.contains(&name)
            || section.word("identify_by").split(',').all(|by| by.trim() == "ip")
                && section.get("identify_by").is_some();
        if name == "anonymous" || name.starts_with("anonymous@") {
            if !asked {
                let text = format!("everybody who sends an INVITE calls in context {context}");
                all.found(
                    codes::GUEST_CALLS,
                    section.span,
                    text,
                    "take the endpoint out, if nobody unknown has to call",
                );
                all.enter(OriginKind::Stranger, &context);
            }
        } else if by_address && (!asked || section.get("outbound_auth").is_some()) {
            all.enter(OriginKind::Trunk(name), &context);
        } else if asked {
            all.enter(OriginKind::Extension(name), &context);
        } else {
            let text =
                format!("endpoint {name} has no auth, and whoever writes {name} into From is it, in context {context}");
            all.found(
                codes::NO_SECRET,
                section.span,
                text,
                "auth=… with a long random password, or an identify section",
            );
            all.enter(OriginKind::Stranger, &context);
        }
    }
    for section in of_type("auth") {
        let user = value(section, "username").unwrap_or_else(|| section.name.clone());
        if let Some(key) = section.get("password").filter(|key| is_weak(&key.value, &user)) {
            let text =
                format!("the password of auth {} is short or its own name: it is guessed in minutes", section.name);
            all.found(codes::WEAK_SECRET, key.span, text, "a random one of 16 characters or more");
        }
    }
}

fn is_yes(word: &str) -> bool {
    ["yes", "true", "y", "t", "1", "on"].contains(&word)
}

fn is_no(word: &str) -> bool {
    ["no", "false", "n", "f", "0", "off"].contains(&word)
}

/// What scanners try first: short ones, the name itself, digits only.
fn is_weak(secret: &str, name: &str) -> bool {
    secret.len() < 8
        || secret.eq_ignore_ascii_case(name)
        || (secret.len() < 12 && secret.bytes().all(|b| b.is_ascii_digit()))
}
