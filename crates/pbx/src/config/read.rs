//! From tree to checked objects: each table in turn, then what only makes sense together ([`super::cross`]).

use std::cell::RefCell;
use std::collections::BTreeMap;

use dialplan::number::Class;
use serde_json::Value;

use super::tree::{Problems, Table};
use super::{
    Caps, Config, Destination, Dialplan, Did, Extension, Features, Group, Limits, Lot, Mailbox, Media, Menu, Money,
    Network, Portal, Problem, Programs, Route, RouteUsers, Screening, Sip, Strangers, System, Tls, Trunk, cross, fresh,
    mail, trunk, words,
};

pub(super) fn config(tree: &Value) -> Result<Config, Vec<Problem>> {
    let problems: Problems = RefCell::default();
    let root = Table::root(tree, &problems);

    let extensions = extensions(&root);
    let groups = groups(&root, &extensions);
    let mailboxes = mailboxes(&root, &extensions);
    let policy = limits(&root);
    let grants = super::grant::read(&root, &policy);
    let config = Config {
        system: system(root.table("system")),
        sip: sip(root.table("sip")),
        media: media(root.table("media")),
        tls: tls(root.table("tls")),
        portal: portal(root.table("portal")),
        strangers: strangers(root.table("strangers")),
        bans: super::bans::read(root.table("bans")),
        menus: menus(&root, &extensions, &groups, &grants),
        grants,
        trunks: trunks(&root),
        dids: dids(&root),
        routes: routes(&root),
        parking: parking(&root, &extensions, &groups),
        screening: screening(&root, &extensions),
        programs: programs(root.table("programs")),
        policy,
        features: features(root.table("features")),
        dialplan: dialplan(root.table("dialplan")),
        extensions,
        mailboxes,
        voicemail: super::voicemail::read(root.table("voicemail")),
        mail: mail::read(&root),
        notify: super::notify::read(&root),
        groups,
    };
    root.finish();
    cross::check(&config, &problems);

    let problems = problems.into_inner();
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn system(table: Table<'_>) -> System {
    let fresh = fresh::system();
    let system = System {
        name: table.parse("name", words::text).unwrap_or(fresh.name),
        country: table.parse("country", words::country).unwrap_or(fresh.country),
        language: table.parse("language", words::language).unwrap_or(fresh.language),
        timezone: table.parse("timezone", words::timezone).unwrap_or(fresh.timezone),
    };
    table.finish();
    system
}

fn sip(table: Table<'_>) -> Sip {
    let fresh = fresh::sip();
    // "auto" believes what trunks say of where our packets come from.
    let public = |text: &str| match (text, text.strip_prefix("stun:")) {
        ("auto", _) => Ok((None, None)),
        (_, Some(server)) => {
            let (host, port) = trunk::host_and_port(&words::token(server)?);
            Ok((None, Some((host, port.unwrap_or(3478)))))
        }
        (text, None) => text
            .parse()
            .map(|ip| (Some(ip), None))
            .map_err(|_| "\"auto\", \"stun:stun.example.net\" or an address like \"192.0.2.1\"".to_owned()),
    };
    let (public_address, stun) = table.parse("public_address", public).unwrap_or((fresh.public_address, fresh.stun));
    // Whoever names his addresses for one transport and not for another does not want the other's default port taken.
    let named = table.has("udp") || table.has("tcp") || table.has("tls");
    let or_fresh = |list: Option<Vec<_>>, fresh: Vec<_>| list.unwrap_or(if named { Vec::new() } else { fresh });
    let udp = table.list("udp", words::socket);
    let tcp = table.list("tcp", words::socket);
    // TCP and UDP belong together (RFC 3261 §18.2.1): udp alone means the same addresses for tcp.
    let tcp = tcp.or_else(|| udp.clone());
    let tls = table.list("tls", words::socket);
    let sip = Sip {
        udp: or_fresh(udp, fresh.udp),
        tcp: or_fresh(tcp, fresh.tcp),
        tls: or_fresh(tls, fresh.tls),
        public_address,
        stun,
        local_networks: table.list("local_networks", Network::parse).unwrap_or(fresh.local_networks),
        dns: table.list("dns", words::name_server).unwrap_or(fresh.dns),
    };
    table.finish();
    sip
}

fn media(table: Table<'_>) -> Media {
    let fresh = fresh::media();
    let address = |text: &str| text.parse().map_err(|_| format!("{text:?}: an address like \"0.0.0.0\""));
    let media = Media {
        address: table.parse("address", address).unwrap_or(fresh.address),
        ports: table.parse("ports", words::ports).unwrap_or(fresh.ports),
        sounds: table.parse("sounds", words::text).or(fresh.sounds),
    };
    table.finish();
    media
}

fn tls(table: Table<'_>) -> Tls {
    let fresh = fresh::tls();
    if table.has("certificate") != table.has("key") {
        table.problem(&["certificate"], "certificate and key belong together: name both or none");
    }
    let tls = Tls {
        certificate: table.parse("certificate", words::text).unwrap_or(fresh.certificate),
        key: table.parse("key", words::text).unwrap_or(fresh.key),
    };
    table.finish();
    tls
}

fn portal(table: Table<'_>) -> Portal {
    let portal = Portal { listen: table.parse("listen", words::portal).unwrap_or(super::PortalListen::Private) };
    table.finish();
    portal
}

fn strangers(table: Table<'_>) -> Strangers {
    let fresh = fresh::strangers();
    let answer = |text: &str| match text {
        "refuse" => Ok(None),
        text => Destination::parse(text).map(Some).map_err(|message| format!("{message}, \"refuse\"")),
    };
    let strangers = Strangers {
        answer: table.parse("answer", answer).unwrap_or(fresh.answer),
        max_calls: table.number("max_calls", 1..=100_000).unwrap_or(fresh.max_calls),
        per_source: table.number("per_source", 1..=100_000).unwrap_or(fresh.per_source),
    };
    table.finish();
    strangers
}

/// Named things with checked names.
pub(super) fn named<'a, T>(
    root: &Table<'a>,
    key: &'static str,
    name: impl Fn(&str) -> Result<String, String>,
    read: impl Fn(&str, Table<'a>) -> T,
) -> BTreeMap<String, T> {
    let mut all = BTreeMap::new();
    for (text, table) in root.named(key) {
        match name(&text) {
            Ok(name) => {
                all.insert(name, read(&text, table));
            }
            Err(message) => root.problem(&[key, &text], message),
        }
    }
    all
}

fn extensions(root: &Table<'_>) -> BTreeMap<String, Extension> {
    let all = named(root, "extension", words::short_number, |number, table| {
        let fresh = fresh::extension(number, number);
        let extension = Extension {
            name: table.parse("name", words::text).unwrap_or(fresh.name),
            mailbox: table.parse("mailbox", words::short_number).or(fresh.mailbox),
            context: table.parse("context", words::name).unwrap_or(fresh.context),
            may: table.list("may", words::class).map_or(fresh.may, |list| list.into_iter().collect()),
            seconds: table.number("seconds", 5..=600).unwrap_or(fresh.seconds),
            listed: table.flag("listed").unwrap_or(fresh.listed),
            caller_id: table.parse("caller_id", words::public_number),
            caps: caps(&table),
            forwards: table.flag("forwards").unwrap_or(fresh.forwards),
        };
        table.finish();
        extension
    });
    if root.has("extension") { all } else { fresh::config().extensions }
}

/// Those that are written, and one for each extension that has one.
fn mailboxes(root: &Table<'_>, extensions: &BTreeMap<String, Extension>) -> BTreeMap<String, Mailbox> {
    let usual = fresh::mailboxes(extensions);
    let mut all = named(root, "mailbox", words::short_number, |number, table| {
        let fresh = usual.get(number).cloned().unwrap_or_else(|| fresh::mailbox(number));
        let mailbox = Mailbox {
            name: table.parse("name", words::text).unwrap_or(fresh.name),
            email: table.parse("email", mail::address),
            attach: table.flag("attach").unwrap_or(fresh.attach),
        };
        table.finish();
        mailbox
    });
    for (number, mailbox) in usual {
        all.entry(number).or_insert(mailbox);
    }
    all
}

fn groups(root: &Table<'_>, extensions: &BTreeMap<String, Extension>) -> BTreeMap<String, Group> {
    let everybody = fresh::group(extensions);
    let all = named(root, "group", words::short_number, |_, table| {
        let members = table.list("members", words::short_number).unwrap_or_else(|| everybody.members.clone());
        let group = Group {
            name: table.parse("name", words::text).unwrap_or_else(|| everybody.name.clone()),
            members,
            ring: table.parse("ring", words::ring).unwrap_or(everybody.ring),
            seconds: table.number("seconds", 5..=600).unwrap_or(everybody.seconds),
            then: table.parse("then", Destination::parse).unwrap_or_else(|| everybody.then.clone()),
        };
        table.finish();
        group
    });
    // A number that the owner gave to a phone is not taken by a group that he did not write.
    if root.has("group") || extensions.contains_key("222") || extensions.is_empty() {
        all
    } else {
        BTreeMap::from([("222".to_owned(), everybody)])
    }
}

fn menus(
    root: &Table<'_>,
    extensions: &BTreeMap<String, Extension>,
    groups: &BTreeMap<String, Group>,
    grants: &BTreeMap<String, super::Grant>,
) -> BTreeMap<String, Menu> {
    let fresh = fresh::attendant(extensions, groups, grants);
    let key = |key: &str, value: &Value| {
        let good = (1..=4).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#');
        if !good {
            return Err("keys are 0-9, * and #".to_owned());
        }
        Destination::parse(value.as_str().ok_or("a destination in quotes, like \"group:222\"")?)
    };
    let dial = |text: &str| if text.is_empty() { Ok(None) } else { words::pattern(text).map(Some) };
    let invalid = |text: &str| match text {
        "again" => Ok(None),
        text => Destination::parse(text).map(Some).map_err(|message| format!("{message}, \"again\"")),
    };
    let mut all = named(root, "menu", words::name, |name, table| {
        // Only the attendant has keys that nobody wrote.
        let usual = if name == fresh::ATTENDANT { fresh.keys.clone() } else { BTreeMap::new() };
        let menu = Menu {
            greeting: table.parse("greeting", words::sound).unwrap_or_else(|| fresh.greeting.clone()),
            keys: table.texts("keys", key).map_or(usual, |keys| keys.into_iter().collect()),
            dial: table.parse("dial", dial).unwrap_or_else(|| fresh.dial.clone()),
            timeout: table.parse("timeout", Destination::parse).unwrap_or_else(|| fresh.timeout.clone()),
            invalid: table.parse("invalid", invalid).unwrap_or_else(|| fresh.invalid.clone()),
            seconds: table.number("seconds", 1..=60).unwrap_or(fresh.seconds),
        };
        table.finish();
        menu
    });
    all.entry(fresh::ATTENDANT.to_owned()).or_insert(fresh);
    all
}

fn trunks(root: &Table<'_>) -> BTreeMap<String, Trunk> {
    named(root, "trunk", words::name, |_, table| trunk::read(table))
}

fn dids(root: &Table<'_>) -> BTreeMap<String, Did> {
    named(root, "did", words::public_number, |_, table| {
        let to = table.parse("to", Destination::parse).unwrap_or_else(|| {
            if !table.has("to") {
                table.problem(&["to"], "say where this number leads, like to = \"menu:attendant\"");
            }
            Destination::Closed
        });
        let did = Did { trunk: table.parse("trunk", words::name), to };
        table.finish();
        did
    })
}

fn routes(root: &Table<'_>) -> BTreeMap<String, Route> {
    named(root, "route", words::name, |_, table| {
        let dial = table.parse("dial", words::pattern).unwrap_or_else(|| {
            if !table.has("dial") {
                table.problem(&["dial"], "say what is dialled, like dial = \"_9NXXNXXXXXX\"");
            }
            String::new()
        });
        let digits = |text: &str| {
            let good = text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit() || b == b'+');
            if good { Ok(text.to_owned()) } else { Err(format!("{text:?}: at most 15 digits")) }
        };
        let users = table.list("for", |text| match text {
            "extensions" => Ok(None),
            text => {
                let number = text.strip_prefix("extension:").unwrap_or(text);
                words::short_number(number).map(Some).map_err(|_| {
                    format!("{text:?}: \"extensions\" for all of them, or numbers; strangers and trunks never")
                })
            }
        });
        let users = match users {
            Some(list) if list.iter().all(Option::is_some) && !list.is_empty() => {
                RouteUsers::Only(list.into_iter().flatten().collect())
            }
            _ => RouteUsers::Extensions,
        };
        let route = Route {
            dial,
            strip: table.number("strip", 0..=20).unwrap_or(0) as usize,
            prepend: table.parse("prepend", digits).unwrap_or_default(),
            trunks: table.list("trunks", words::name).unwrap_or_default(),
            users,
        };
        table.finish();
        route
    })
}

/// Parking lots. The usual one is there by itself; its numbers only where the house has no others for them.
fn parking(
    root: &Table<'_>,
    extensions: &BTreeMap<String, Extension>,
    groups: &BTreeMap<String, Group>,
) -> BTreeMap<String, Lot> {
    let usual = Lot::usual();
    let number = |text: &str| if text.is_empty() { Ok(None) } else { words::short_number(text).map(Some) };
    let music = |text: &str| words::name(text).map(Some);
    let mut all = named(root, "parking", words::name, |name, table| {
        let slots = table.parse("slots", words::slots).unwrap_or_else(|| {
            if name != "default" && !table.has("slots") {
                table.problem(&["slots"], "say which numbers fetch its calls, like slots = \"701-720\"");
            }
            usual.slots.clone()
        });
        let usual_number = if name == "default" { usual.number.clone() } else { None };
        let lot = Lot {
            number: table.parse("number", number).unwrap_or(usual_number),
            slots,
            seconds: table.number("seconds", 5..=1_800).unwrap_or(usual.seconds),
            music: table.parse("music", music).unwrap_or_default(),
            call_back: table.number("call_back", 0..=120).unwrap_or(usual.call_back),
            then: table.parse("then", Destination::parse),
        };
        table.finish();
        lot
    });
    all.entry("default".to_owned()).or_insert_with(|| {
        let numbers = || extensions.keys().chain(groups.keys()).filter_map(|number| number.parse::<u32>().ok());
        if numbers().any(|taken| (700..=720).contains(&taken)) {
            Lot { number: None, ..usual.clone() }
        } else {
            usual.clone()
        }
    });
    all
}

fn screening(root: &Table<'_>, extensions: &BTreeMap<String, Extension>) -> Option<Screening> {
    let table = root.table("screening");
    let who = |text: &str| match Destination::parse(text)? {
        to @ (Destination::Extension(_) | Destination::Group(_)) => Ok(to),
        _ => Err(format!("{text:?}: who decides is an extension or a group, like \"extension:204\"")),
    };
    let seconds = table.number("seconds", 5..=120).unwrap_or(20);
    let ask = table.parse("ask", who);
    let box_of = |number: &String| extensions.get(number).and_then(|extension| extension.mailbox.clone());
    let usual = match &ask {
        Some(Destination::Extension(number)) => box_of(number).map_or(Destination::Closed, Destination::Mailbox),
        _ => Destination::Closed,
    };
    let then = table.parse("then", Destination::parse).unwrap_or(usual);
    if root.has("screening") && !table.has("ask") {
        table.problem(&["ask"], "say who is asked, like ask = \"extension:204\"");
    }
    table.finish();
    ask.map(|ask| Screening { ask, seconds, then })
}

fn programs(table: Table<'_>) -> Programs {
    let fresh = fresh::programs();
    let programs = Programs {
        folder: table.parse("folder", words::text),
        system: table.list("system", words::file_name).unwrap_or_default().into_iter().collect(),
        fastagi: table.list("fastagi", words::host_port).unwrap_or_default().into_iter().collect(),
        seconds: table.number("seconds", 1..=86_400).unwrap_or(fresh.seconds),
    };
    if programs.folder.is_none() && !programs.system.is_empty() {
        table.problem(&["system"], "say where the programs are: folder = \"scripts\"");
    }
    table.finish();
    programs
}

fn features(table: Table<'_>) -> Features {
    let code = |text: &str| {
        let good = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#');
        if good { Ok(text.to_owned()) } else { Err("one to four keys, like \"##\" or \"*2\"".to_owned()) }
    };
    let features = Features {
        transfer: table.parse("transfer", code),
        attended_transfer: table.parse("attended_transfer", code),
        park: table.parse("park", code),
    };
    table.finish();
    features
}

/// Caps of one extension.
fn caps(table: &Table<'_>) -> Caps {
    Caps {
        calls_at_once: table.number("calls_at_once", 0..=10_000),
        calls_per_hour: table.number("calls_per_hour", 0..=1_000_000),
        calls_per_day: table.number("calls_per_day", 0..=1_000_000),
        minutes_per_call: table.number("minutes_per_call", 0..=1_440),
        minutes_per_day: table.number("minutes_per_day", 0..=1_000_000),
        money_per_call: table.amount("money_per_call", Money::from_number),
        money_per_day: table.amount("money_per_day", Money::from_number),
    }
}

/// Prices of a minute: by class, by the beginning of the number.
type Prices = (BTreeMap<Class, Money>, BTreeMap<String, Money>);

fn prices(table: &Table<'_>, key: &'static str, into: &mut Prices) {
    enum For {
        Class(Class),
        Prefix(String),
    }
    let rate = |word: &str, value: &Value| {
        let of = match word.strip_prefix('+') {
            Some(digits) if (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
                For::Prefix(word.to_owned())
            }
            Some(_) => return Err("a beginning of numbers is + and digits, like \"+44\"".to_owned()),
            None => For::Class(words::class(word)?),
        };
        Money::from_number(value.as_f64().ok_or("the price of a minute")?).map(|money| (of, money))
    };
    for (_, (of, price)) in table.texts(key, rate).into_iter().flatten() {
        match of {
            For::Class(class) => into.0.insert(class, price).map(|_| ()),
            For::Prefix(prefix) => into.1.insert(prefix, price).map(|_| ()),
        };
    }
}

fn limits(root: &Table<'_>) -> Limits {
    let table = root.table("policy");
    let fresh = fresh::limits();
    let mut known: Prices = (fresh.rates, fresh.prefixes);
    prices(&table, "rates", &mut known);
    prices(root, "rates", &mut known);
    let (rates, prefixes) = known;
    let limits = Limits {
        stopped: table.flag("stopped").unwrap_or(fresh.stopped),
        closed: table.list("closed", words::class).map_or(fresh.closed, |list| list.into_iter().collect()),
        calls_at_once: table.number("calls_at_once", 1..=10_000).unwrap_or(fresh.calls_at_once),
        calls_per_hour: table.number("calls_per_hour", 1..=1_000_000).unwrap_or(fresh.calls_per_hour),
        calls_per_day: table.number("calls_per_day", 1..=1_000_000).unwrap_or(fresh.calls_per_day),
        minutes_per_call: table.number("minutes_per_call", 1..=1_440).unwrap_or(fresh.minutes_per_call),
        minutes_per_day: table.number("minutes_per_day", 1..=1_000_000).or(fresh.minutes_per_day),
        money_per_call: table.amount("money_per_call", Money::from_number).unwrap_or(fresh.money_per_call),
        money_per_day: table.amount("money_per_day", Money::from_number).unwrap_or(fresh.money_per_day),
        money_per_day_together: table
            .amount("money_per_day_together", Money::from_number)
            .unwrap_or(fresh.money_per_day_together),
        rates,
        accept: table.rows("accept").into_iter().filter_map(accepted).collect(),
        prefixes,
    };
    table.finish();
    limits
}

/// `{ finding = "strangers reach trunk itsp", reason = "…" }`: without a reason nothing is accepted.
fn accepted(row: Table<'_>) -> Option<(String, String)> {
    let finding = row.parse("finding", words::text);
    let reason = row.parse("reason", |text| match text.trim() {
        "" => Err("a reason".to_owned()),
        reason => Ok(reason.to_owned()),
    });
    if finding.is_none() || reason.is_none() {
        row.problem(&[], "accepting a finding takes its name and a reason: { finding = \"…\", reason = \"…\" }");
    }
    row.finish();
    Some((finding?, reason?))
}

fn dialplan(table: Table<'_>) -> Dialplan {
    let dialplan = Dialplan {
        files: table.list("files", words::text).unwrap_or_default(),
        dialect: table.parse("dialect", words::dialect).unwrap_or(super::DialectChoice::Auto),
        compat: table
            .list("compat", words::compat)
            .unwrap_or_default()
            .into_iter()
            .fold(dialplan::Compat::default(), dialplan::Compat::or),
    };
    table.finish();
    dialplan
}
