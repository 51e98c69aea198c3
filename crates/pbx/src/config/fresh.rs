//! What a fresh install has, and so what every key means that is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use dialplan::number::{Class, Country};

use super::{
    Caps, Config, Destination, DialectChoice, Dialplan, Extension, Grant, GrantKind, Group, Limits, Lot, Mailbox,
    Media, Menu, Money, Portal, PortalListen, Programs, Ring, Sip, Strangers, System, Tls,
};

/// Name of the menu that answers strangers.
pub(super) const ATTENDANT: &str = "attendant";
/// Context in which phones of the house dial.
pub(super) const FROM_INTERNAL: &str = "from-internal";

pub(super) fn config() -> Config {
    let extensions =
        BTreeMap::from([("200".to_owned(), extension("Office", "200")), ("204".to_owned(), extension("Home", "204"))]);
    let groups = BTreeMap::from([("222".to_owned(), group(&extensions))]);
    let menus = BTreeMap::from([(ATTENDANT.to_owned(), attendant(&extensions, &groups, &BTreeMap::new()))]);
    Config {
        system: system(),
        sip: sip(),
        media: media(),
        tls: tls(),
        portal: Portal { listen: PortalListen::Private },
        strangers: strangers(),
        bans: super::Bans::default(),
        mailboxes: mailboxes(&extensions),
        voicemail: super::Voicemail::default(),
        mail: None,
        notify: super::Notify::default(),
        extensions,
        groups,
        menus,
        trunks: BTreeMap::new(),
        dids: BTreeMap::new(),
        routes: BTreeMap::new(),
        parking: BTreeMap::from([("default".to_owned(), Lot::usual())]),
        screening: None,
        programs: programs(),
        grants: BTreeMap::new(),
        policy: limits(),
        features: super::Features::default(),
        dialplan: Dialplan { files: Vec::new(), dialect: DialectChoice::Auto, compat: dialplan::Compat::default() },
    }
}

pub(super) fn system() -> System {
    System { name: "tollgate".to_owned(), country: Country::us(), language: "en".to_owned(), timezone: String::new() }
}

pub(super) fn sip() -> Sip {
    let any = |port| {
        vec![
            SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
            SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
        ]
    };
    Sip {
        udp: any(5060),
        tcp: any(5060),
        tls: any(5061),
        public_address: None,
        stun: None,
        local_networks: Vec::new(),
        dns: Vec::new(),
    }
}

/// The certificate that a home is made with.
pub(super) fn tls() -> Tls {
    Tls { certificate: "cert/certificate.pem".to_owned(), key: "cert/key.pem".to_owned() }
}

pub(super) fn media() -> Media {
    Media { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), ports: 16384..=32767, sounds: None }
}

pub(super) fn strangers() -> Strangers {
    Strangers { answer: Some(Destination::Menu(ATTENDANT.to_owned())), max_calls: 20, per_source: 3 }
}

/// The extension `number` where nothing but its name is written.
pub(super) fn extension(name: &str, number: &str) -> Extension {
    Extension {
        name: name.to_owned(),
        mailbox: Some(number.to_owned()),
        context: FROM_INTERNAL.to_owned(),
        may: may(),
        seconds: 20,
        listed: true,
        caller_id: None,
        caps: Caps::default(),
        forwards: false,
    }
}

/// The mailbox `number` where nothing is written.
pub(super) fn mailbox(number: &str) -> Mailbox {
    Mailbox { name: number.to_owned(), email: None, attach: true }
}

/// The mailboxes that extensions have, named as they are.
pub(super) fn mailboxes(extensions: &BTreeMap<String, Extension>) -> BTreeMap<String, Mailbox> {
    let mut all = BTreeMap::new();
    for extension in extensions.values() {
        if let Some(number) = &extension.mailbox {
            all.entry(number.clone()).or_insert_with(|| Mailbox { name: extension.name.clone(), ..mailbox(number) });
        }
    }
    all
}

/// What a phone may call: the house, the country's fixed lines and what is free. Nothing that fraud lives on.
pub(super) fn may() -> BTreeSet<Class> {
    BTreeSet::from([Class::Inside, Class::TollFree, Class::Local, Class::National])
}

/// The group that rings every extension of the house.
pub(super) fn group(extensions: &BTreeMap<String, Extension>) -> Group {
    let first = first_of(extensions, "204");
    Group {
        name: "Everybody".to_owned(),
        members: extensions.keys().cloned().collect(),
        ring: Ring::All,
        seconds: 20,
        then: first.map_or(Destination::Closed, Destination::Mailbox),
    }
}

/// The attendant of the article: 0 directory, 1 everybody, extensions at once, silence rings the house. Its 4 was DISA: it
/// is there once the owner has opened a grant.
pub(super) fn attendant(
    extensions: &BTreeMap<String, Extension>,
    groups: &BTreeMap<String, Group>,
    grants: &BTreeMap<String, Grant>,
) -> Menu {
    let mut keys = BTreeMap::from([("0".to_owned(), Destination::Directory)]);
    if let Some(group) = first_of(groups, "222") {
        keys.insert("1".to_owned(), Destination::Group(group));
    }
    if let Some((name, _)) = grants.iter().find(|(_, grant)| grant.kind == GrantKind::Disa) {
        keys.insert("4".to_owned(), Destination::Grant(name.clone()));
    }
    let first = first_of(extensions, "204");
    Menu {
        greeting: "welcome".to_owned(),
        keys,
        dial: Some("2XX".to_owned()),
        timeout: first.map_or(Destination::Closed, Destination::Extension),
        invalid: None,
        seconds: 3,
    }
}

/// No folder, so nothing runs.
pub(super) fn programs() -> Programs {
    Programs { seconds: 300, ..Programs::default() }
}

pub(super) fn limits() -> Limits {
    let rate = |class, thousandths| (class, Money(thousandths));
    Limits {
        stopped: false,
        closed: BTreeSet::new(),
        calls_at_once: 2,
        calls_per_hour: 30,
        calls_per_day: 100,
        minutes_per_call: 120,
        money_per_call: Money(10_000),
        money_per_day: Money(20_000),
        minutes_per_day: None,
        money_per_day_together: Money(100_000),
        prefixes: BTreeMap::new(),
        rates: BTreeMap::from([
            rate(Class::Emergency, 0),
            rate(Class::TollFree, 0),
            rate(Class::Local, 20),
            rate(Class::National, 20),
            rate(Class::Mobile, 200),
            rate(Class::International, 1_000),
            rate(Class::Premium, 5_000),
            rate(Class::Satellite, 15_000),
        ]),
        accept: BTreeMap::new(),
    }
}

/// The usual number if it exists, else the first.
fn first_of<T>(things: &BTreeMap<String, T>, usual: &str) -> Option<String> {
    things.get_key_value(usual).or_else(|| things.first_key_value()).map(|(number, _)| number.clone())
}
