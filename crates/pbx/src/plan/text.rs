//! The objects of the configuration as an extensions.conf that a person can read.
//!
//! One function per kind of object; every line is explicit, no macros, so that an owner can follow a call by eye.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::config::{Config, Destination, Features, Menu, Ring, Route};

/// Contexts that are generated whatever the configuration says; menus may not take these names.
pub const RESERVED: [&str; 16] = [
    "grants",
    "from-internal",
    "from-sip-external",
    "from-trunk",
    "ext-local",
    "groups",
    "features",
    "parkedcalls",
    PARKED_BACK,
    SCREENING,
    "emergency",
    "outbound",
    "mailboxes",
    "directory",
    "closed",
    "default",
];

/// Where callers without caller ID say who they are.
const SCREENING: &str = "screening";

/// Where parked calls come back to that nobody fetched: one extension for each lot, by its name.
pub const PARKED_BACK: &str = "parkedcallstimeout";

/// What the phone of a called number rings at most, seconds, on its way out over a trunk.
const OUTSIDE_SECONDS: u32 = 60;
/// The same for an emergency call: exchanges of rescue services take their time.
const EMERGENCY_SECONDS: u32 = 120;

/// Context and extension where a destination begins.
#[must_use]
pub(super) fn place_of(to: &Destination) -> (&str, &str) {
    match to {
        Destination::Extension(number) => ("ext-local", number),
        Destination::Group(number) => ("groups", number),
        Destination::Menu(name) | Destination::Context(name) => (name, "s"),
        Destination::Mailbox(number) => ("mailboxes", number),
        Destination::Grant(name) => ("grants", name),
        Destination::Directory => ("directory", "s"),
        Destination::Closed => ("closed", "s"),
        Destination::Hangup => ("closed", "hangup"),
    }
}

/// Name of the context that holds a trunk's DIDs.
#[must_use]
pub fn trunk_context(trunk: &str) -> String {
    format!("from-trunk-{trunk}")
}

/// The whole text. Contexts in `hand_written` are left to their author.
#[must_use]
pub fn text(config: &Config, hand_written: &BTreeSet<String>) -> String {
    let mut page = Page { text: String::new(), hand_written, skip: false, next: 1, exten: String::new() };
    entries(&mut page, config);
    for (name, menu) in &config.menus {
        self::menu(&mut page, config, name, menu);
    }
    inside(&mut page, config);
    outside(&mut page, config);
    page.text
}

/// Writes lines and counts priorities.
struct Page<'a> {
    text: String,
    hand_written: &'a BTreeSet<String>,
    skip: bool,
    next: u32,
    exten: String,
}

impl Page<'_> {
    fn push(&mut self, line: &str) {
        if !self.skip {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn context(&mut self, name: &str, what: &str) {
        self.skip = self.hand_written.contains(name);
        if !self.text.is_empty() {
            self.push("");
        }
        self.push(&format!("; {what}"));
        self.push(&format!("[{name}]"));
    }

    fn exten(&mut self, exten: &str) -> &mut Self {
        exten.clone_into(&mut self.exten);
        self.next = 1;
        self
    }

    fn run(&mut self, line: impl AsRef<str>) -> &mut Self {
        self.labelled("", line)
    }

    fn labelled(&mut self, label: &str, line: impl AsRef<str>) -> &mut Self {
        let mut text = format!("exten => {},{}", self.exten, self.next);
        if !label.is_empty() {
            let _ = write!(text, "({label})");
        }
        let _ = write!(text, ",{}", line.as_ref());
        self.push(&text);
        self.next += 1;
        self
    }

    fn go(&mut self, to: &Destination) -> &mut Self {
        match to {
            Destination::Hangup => self.run("Hangup()"),
            to => {
                let (context, exten) = place_of(to);
                self.run(format!("Goto({context},{exten},1)"))
            }
        }
    }
}

/// Where callers from outside arrive.
fn entries(page: &mut Page<'_>, config: &Config) {
    let answer = front(config);
    page.context("from-sip-external", "Strangers of the internet, where the plan itself names this context");
    page.exten("s").go(&answer);
    page.exten("_[0-9A-Za-z+*#].").go(&answer);
    page.exten("_[0-9A-Za-z+*#]").go(&answer);
    page.context("from-trunk", "Callers from trunks whose number has no DID");
    page.exten("s").go(&answer);
    page.exten("_[0-9+].").go(&answer);
    for name in config.trunks.keys() {
        page.context(&trunk_context(name), &format!("Callers from trunk {name}"));
        page.exten("s").go(&answer);
        for (number, did) in &config.dids {
            if did.trunk.as_ref().is_none_or(|trunk| trunk == name) {
                page.exten(number).go(&did.to);
            }
        }
    }
}

/// Where unknown callers go: the strangers' destination, or nowhere.
pub(super) fn front(config: &Config) -> Destination {
    match &config.strangers.answer {
        Some(Destination::Context(name)) if name == "from-sip-external" || name == "from-trunk" => {
            Destination::Menu("attendant".to_owned())
        }
        Some(answer) => answer.clone(),
        None => Destination::Menu("attendant".to_owned()),
    }
}

fn menu(page: &mut Page<'_>, config: &Config, name: &str, menu: &Menu) {
    page.context(name, &format!("Menu {name}"));
    page.exten("s").run("Answer()");
    let asked = config.screening.is_some() && front(config) == Destination::Menu(name.to_owned());
    if asked {
        page.run(format!("GotoIf($[\"${{CALLERID(known)}}\" = \"0\"]?{SCREENING},s,1)"));
    }
    page.run("Set(TIMEOUT(digit)=3)")
        .run("Wait(0.5)")
        .labelled("menu", format!("Background({})", menu.greeting))
        .run(format!("WaitExten({})", menu.seconds));
    for (key, to) in &menu.keys {
        page.exten(key);
        if matches!(to, Destination::Extension(_) | Destination::Group(_)) {
            page.run("Playback(pls-hold-while-try)");
        }
        page.go(to);
    }
    if let Some(dial) = &menu.dial {
        let extensions = config.extensions.keys().map(|number| Destination::Extension(number.clone()));
        let groups = config.groups.keys().map(|number| Destination::Group(number.clone()));
        for to in extensions.chain(groups) {
            let (_, number) = place_of(&to);
            if matches(dial, number) && !menu.keys.contains_key(number) {
                page.exten(number).run("Playback(pls-hold-while-try)").go(&to);
            }
        }
    }
    page.exten("t");
    if matches!(menu.timeout, Destination::Extension(_) | Destination::Group(_)) {
        page.run("Playback(pls-hold-while-try)");
    }
    page.go(&menu.timeout);
    page.exten("i").run("Playback(invalid)");
    match &menu.invalid {
        Some(to) => page.go(to),
        None => page.run("Goto(s,menu)"),
    };
}

/// Everything that rings or speaks inside the house.
fn inside(page: &mut Page<'_>, config: &Config) {
    page.context("from-internal", "What the phones of the house may dial");
    for context in ["ext-local", "groups", "features", "parkedcalls", "emergency", "outbound"] {
        page.push(&format!("include => {context}"));
    }

    // Keys that transfer are for phones of the house, on whichever side they are.
    let both = if config.features == Features::default() { "" } else { ",tTkK" };
    page.context("ext-local", "The phones of the house");
    for (number, extension) in &config.extensions {
        let then = match &extension.mailbox {
            Some(mailbox) => Destination::Mailbox(mailbox.clone()),
            None => Destination::Closed,
        };
        page.push(&format!("; {number} {}", extension.name));
        page.exten(number).run(format!("Dial(PJSIP/{number},{}{both})", extension.seconds)).go(&then);
    }

    page.context("groups", "Groups of phones");
    for (number, group) in &config.groups {
        page.push(&format!("; {number} {}", group.name));
        page.exten(number);
        let phones: Vec<String> = group.members.iter().map(|member| format!("PJSIP/{member}")).collect();
        match group.ring {
            Ring::All => {
                page.run(format!("Dial({},{}{both})", phones.join("&"), group.seconds));
            }
            Ring::InOrder => {
                for phone in phones {
                    page.run(format!("Dial({phone},{}{both})", group.seconds));
                }
            }
        }
        page.go(&group.then);
    }

    page.context("features", "*43 hears himself, *97 his messages, *98 those of any mailbox");
    page.exten("*43").run("Answer()").run("Echo()").run("Hangup()");
    if let Some(code) = &config.voicemail.own {
        page.exten(code).run("VoiceMailMain(${CHANNEL(mailbox)})").run("Hangup()");
    }
    if let Some(code) = &config.voicemail.any {
        page.exten(code).run("VoiceMailMain()").run("Hangup()");
    }

    page.context("parkedcalls", "Parking lots: one number parks whoever is sent there, the others fetch a call");
    for (name, lot) in &config.parking {
        let Some(number) = &lot.number else { continue };
        let of = if name == "default" { "" } else { name };
        page.exten(number).run(format!("Park({of})"));
        for pattern in lot.patterns() {
            let of = if name == "default" { String::new() } else { format!(",{name}") };
            page.exten(&pattern).run(format!("ParkedCall(${{EXTEN}}{of})"));
        }
    }

    screening(page, config);

    page.context(PARKED_BACK, "Parked calls that nobody fetched, by the name of their lot");
    for (name, lot) in &config.parking {
        if let Some(to) = &lot.then {
            page.exten(name).go(to);
        }
    }

    page.context("grants", "What the owner lends to whoever knows a PIN");
    for name in config.grants.keys() {
        page.exten(name).run(format!("DISA(grant:{name})")).run("Hangup()");
    }

    let operator = config.menus.get("attendant").map_or(Destination::Closed, |menu| menu.timeout.clone());
    page.context("directory", "Dial by name; 0 is the operator, * the menu again");
    // Back in the menu the caller hears its greeting at once; a hand-written menu may have no such label.
    let again = if page.hand_written.contains("attendant") { "Goto(attendant,s,1)" } else { "Goto(attendant,s,menu)" };
    page.exten("s").run("Answer()").run("Directory(default,ext-local,b)").run(again);
    page.exten("o").go(&operator);
    page.exten("a").run(again);
    mailboxes(page, config, &operator);

    page.context("closed", "Nobody is there");
    page.exten("s").run("Answer()").run("Playback(vm-nobodyavail)").run("Playback(vm-goodbye)").run("Hangup()");
    page.exten("hangup").run("Hangup()");
}

/// Where callers leave messages. A phone that was busy is announced as busy, also after a group of phones.
fn mailboxes(page: &mut Page<'_>, config: &Config, operator: &Destination) {
    page.context("mailboxes", "Nobody answers: a message is left; 0 leads to the operator");
    for (number, mailbox) in &config.mailboxes {
        page.push(&format!("; {number} {}", mailbox.name));
        page.exten(number)
            .run("GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?busy)")
            .run(format!("VoiceMail({number},u)"))
            .run("Playback(vm-goodbye)")
            .run("Hangup()")
            .labelled("busy", format!("VoiceMail({number},b)"))
            .run("Playback(vm-goodbye)")
            .run("Hangup()");
    }
    if config.voicemail.operator {
        page.exten("o").go(operator);
    }
    if config.voicemail.remote {
        page.exten("a").run("VoiceMailMain()").run("Hangup()");
    }
}

/// Callers without caller ID say who they are; whoever is asked takes the call, sends it to voicemail, refuses or blocks it.
fn screening(page: &mut Page<'_>, config: &Config) {
    page.context(SCREENING, "Callers without caller ID: who is it, and does somebody want the call?");
    let Some(screening) = &config.screening else { return };
    let phones = match &screening.ask {
        Destination::Group(number) => config.groups.get(number).map_or_else(Vec::new, |group| group.members.clone()),
        Destination::Extension(number) => vec![number.clone()],
        _ => Vec::new(),
    };
    let phones: Vec<String> = phones.iter().map(|phone| format!("PJSIP/{phone}")).collect();
    page.exten("s")
        .run("Answer()")
        .run("GotoIf($[\"${DB_EXISTS(screening/${CHANNEL(peerip)})}\" = \"1\"]?refused)")
        .run("Playback(privacy-unident&vm-rec-name)")
        .run("Record(screening-name:wav,3,10)")
        .run("Playback(pls-hold-while-try)")
        .run(format!("Dial({},{},mp(screening-name))", phones.join("&"), screening.seconds))
        .run("GotoIf($[\"${DIALSTATUS}\" = \"DONTCALL\"]?refused)")
        .run("GotoIf($[\"${DIALSTATUS}\" = \"TORTURE\"]?block)")
        .go(&screening.then)
        // A trunk's address stands for all its callers, so only strangers are blocked by theirs.
        .labelled("block", "ExecIf($[\"${CHANNEL(peerip)}\" != \"\"]?Set(DB(screening/${CHANNEL(peerip)})=${EPOCH}))")
        .labelled("refused", "Playback(goodbye)")
        .run("Hangup(21)");
}

/// Everything that leaves the house.
fn outside(page: &mut Page<'_>, config: &Config) {
    page.context("emergency", "Emergency numbers, over any trunk that can");
    for number in config.system.country.emergency() {
        page.exten(number);
        for (trunk, _) in config.trunks.iter().filter(|(_, trunk)| trunk.emergency) {
            page.run(format!("Dial(PJSIP/{number}@{trunk},{EMERGENCY_SECONDS})"));
        }
        page.run("Answer()").run("Playback(ss-noservice)").run("Congestion(10)");
    }

    page.context("outbound", "Routes to the public network; the gate asks who is calling and what it costs");
    for (name, route) in &config.routes {
        page.push(&format!("; route {name}"));
        self::route(page, config, route);
    }
}

fn route(page: &mut Page<'_>, config: &Config, route: &Route) {
    let caller = if config.features == Features::default() { "" } else { ",TK" };
    let literal = route.dial.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#' || b == b'+');
    page.exten(&if literal { route.dial.clone() } else { format!("_{}", route.dial) });
    let number = match route.strip {
        0 => format!("{}${{EXTEN}}", route.prepend),
        strip => format!("{}${{EXTEN:{strip}}}", route.prepend),
    };
    for (index, trunk) in route.trunks.iter().enumerate() {
        if index > 0 {
            // The next trunk is for a trunk that failed, not for a called party who is busy or away.
            page.run("GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?end)");
            page.run("GotoIf($[\"${DIALSTATUS}\" = \"NOANSWER\"]?end)");
        }
        page.run(format!("Dial(PJSIP/{number}@{trunk},{OUTSIDE_SECONDS}{caller})"));
    }
    page.labelled("end", "Hangup(${HANGUPCAUSE})");
}

/// Whether a whole number matches a pattern of the configuration (checked by [`crate::config`]).
#[must_use]
pub fn matches(pattern: &str, number: &str) -> bool {
    let mut digits = number.chars().peekable();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let set = match letter {
            '.' => return digits.peek().is_some(),
            '!' => return true,
            'X' | 'x' => "0-9".to_owned(),
            'Z' | 'z' => "1-9".to_owned(),
            'N' | 'n' => "2-9".to_owned(),
            '[' => letters.by_ref().take_while(|c| *c != ']').collect(),
            literal => literal.to_string(),
        };
        match digits.next() {
            Some(digit) if in_set(&set, digit) => {}
            _ => return false,
        }
    }
    digits.peek().is_none()
}

fn in_set(set: &str, digit: char) -> bool {
    let set: Vec<char> = set.chars().collect();
    let mut index = 0;
    while let Some(&low) = set.get(index) {
        match (set.get(index + 1), set.get(index + 2)) {
            (Some('-'), Some(&high)) => {
                if (low..=high).contains(&digit) {
                    return true;
                }
                index += 3;
            }
            _ => {
                if low == digit {
                    return true;
                }
                index += 1;
            }
        }
    }
    false
}
