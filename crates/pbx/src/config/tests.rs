//! What a configuration means, and that every mistake is named at its key.

use serde_json::{Value, json};

use super::*;

fn good(tree: Value) -> Config {
    Config::from_tree(&tree).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[track_caller]
fn problems(tree: Value, expected: &[&str]) {
    let found = Config::from_tree(&tree).map(|_| ()).expect_err("a problem");
    let keys: Vec<String> = found.iter().map(Problem::key).collect();
    assert_eq!(keys, expected, "{found:?}");
}

#[test]
fn an_empty_text_means_a_fresh_install() {
    assert_eq!(good(json!({})), Config::fresh());
}

#[test]
fn a_fresh_install_is_the_article_s_attendant_without_disa() {
    let config = Config::fresh();
    assert_eq!(config.extensions.keys().collect::<Vec<_>>(), ["200", "204"]);
    assert_eq!(config.groups["222"].members, ["200", "204"]);
    let menu = &config.menus["attendant"];
    assert_eq!(menu.keys["0"], Destination::Directory);
    assert_eq!(menu.keys["1"], Destination::Group("222".into()));
    assert!(!menu.keys.contains_key("4"));
    assert_eq!(menu.dial.as_deref(), Some("2XX"));
    assert_eq!(menu.timeout, Destination::Extension("204".into()));
    assert_eq!(menu.invalid, None);
    assert!(config.trunks.is_empty());
}

#[test]
fn the_example_of_the_design_reads() {
    let config = good(json!({
        "system": { "name": "home", "country": "US", "language": "en", "timezone": "UTC" },
        "sip": { "udp": ["127.0.0.1:5060"], "public_address": "auto", "local_networks": ["10.0.0.0/8"] },
        "media": { "address": "0.0.0.0", "ports": "16384-32767" },
        "portal": { "listen": "private" },
        "strangers": { "answer": "menu:attendant", "max_calls": 10, "per_source": 2 },
        "extension": {
            "200": { "name": "Office" },
            "204": { "name": "Kitchen", "mailbox": "204", "context": "from-internal", "may": ["internal", "national"] },
        },
        "group": { "222": { "members": ["200", "204"], "ring": "all", "seconds": 20, "then": "mailbox:204" } },
        "menu": { "attendant": {
            "greeting": "custom/welcome", "keys": { "0": "directory", "1": "group:222" }, "dial": "2XX",
            "timeout": "extension:204", "invalid": "again",
        } },
        "trunk": { "itsp": {
            "kind": "register", "host": "sip.example.net", "transport": "tls", "username": "me", "secret": "store:itsp",
            "caller_id": "+12025550100", "identity": "pai", "number_format": "e164", "entry": "context:from-trunk",
        } },
        "did": { "+12025550100": { "trunk": "itsp", "to": "menu:attendant" } },
        "route": { "national": { "dial": "_9NXXNXXXXXX", "strip": 1, "trunks": ["itsp"], "for": ["extensions"] } },
        "policy": { "closed": ["premium"], "rates": { "national": 0.01 }, "money_per_day": 5 },
        "dialplan": { "files": ["extensions.conf"], "dialect": "auto" },
    }));
    assert_eq!(config.sip.tcp, config.sip.udp);
    assert_eq!(config.trunks["itsp"].port, None, "5061, unless the DNS says another");
    assert_eq!(config.routes["national"].dial, "9NXXNXXXXXX");
    assert_eq!(config.policy.rate(Class::National), Money(10));
    assert_eq!(config.policy.money_per_day, Money(5000));
    assert_eq!(config.extensions["204"].may, BTreeSet::from([Class::Inside, Class::National]));
    assert_eq!(config.extensions["200"].may, Config::fresh().extensions["200"].may);
}

#[test]
fn other_extensions_get_a_group_and_an_attendant_that_fit() {
    let config = good(json!({ "extension": { "31": {}, "32": {} } }));
    assert_eq!(config.groups["222"].members, ["31", "32"]);
    assert_eq!(config.groups["222"].then, Destination::Mailbox("31".into()));
    assert_eq!(config.menus["attendant"].timeout, Destination::Extension("31".into()));
}

#[test]
fn every_problem_is_named_at_once_at_its_key() {
    problems(
        json!({
            "sistem": {},
            "system": { "country": "XX", "nmae": "x" },
            "extension": { "20a": {}, "204": { "may": ["internal", "everything"], "seconds": 0 } },
            "strangers": { "answer": "menu:none" },
            "did": { "+1202555": {} },
        }),
        &[
            "extension.204.may.1",
            "extension.204.seconds",
            "extension.20a",
            "system.country",
            "system.nmae",
            "did.\"+1202555\".to",
            "sistem",
            "strangers.answer",
        ],
    );
}

#[test]
fn names_must_exist_and_numbers_must_not_clash() {
    problems(json!({ "group": { "222": { "members": ["200", "299"] } } }), &["group.222.members.1"]);
    problems(json!({ "group": { "222": { "members": [] } } }), &["group.222.members"]);
    problems(json!({ "extension": { "204": {} }, "group": { "204": {} } }), &["group.204"]);
    problems(json!({ "extension": { "911": {} } }), &["extension.911"]);
    problems(json!({ "menu": { "attendant": { "keys": { "1": "extension:9" } } } }), &["menu.attendant.keys.1"]);
    problems(json!({ "menu": { "attendant": { "keys": { "a": "directory" } } } }), &["menu.attendant.keys.a"]);
    problems(json!({ "route": { "all": { "dial": "9.", "trunks": ["x"] } } }), &["route.all.trunks.0"]);
    problems(json!({ "route": { "all": { "trunks": ["x"] } } }), &["route.all.dial", "route.all.trunks.0"]);
    problems(json!({ "did": { "+12025550100": { "trunk": "x", "to": "closed" } } }), &["did.\"+12025550100\".trunk"]);
}

#[test]
fn a_trunk_needs_what_its_kind_needs_and_holds_no_secret() {
    problems(json!({ "trunk": { "t": { "kind": "register", "host": "h" } } }), &["trunk.t.username", "trunk.t.secret"]);
    problems(json!({ "trunk": { "t": {} } }), &["trunk.t.host"]);
    let found = Config::from_tree(&json!({ "trunk": { "t": { "host": "h", "secret": "hunter2" } } })).unwrap_err();
    assert_eq!(found.len(), 1);
    assert!(!found[0].message.contains("hunter2"));
}

/// Attack: a header or a dialplan line smuggled in by a text of the configuration.
#[test]
fn texts_stay_on_one_line_and_sounds_stay_below_their_folder() {
    problems(json!({ "extension": { "204": { "name": "a\r\nb" } } }), &["extension.204.name"]);
    problems(json!({ "menu": { "attendant": { "greeting": "../../etc/passwd" } } }), &["menu.attendant.greeting"]);
    problems(json!({ "menu": { "attendant": { "greeting": "a)\nexten" } } }), &["menu.attendant.greeting"]);
    problems(json!({ "extension": { "204": { "context": "a],1" } } }), &["extension.204.context"]);
    problems(
        json!({ "route": { "r": { "dial": "9.,1,System(x)", "trunks": [] } } }),
        &["route.r.dial", "route.r.trunks"],
    );
    problems(json!({ "trunk": { "t": { "host": "h\r\nX: y" } } }), &["trunk.t.host"]);
}

#[test]
fn a_route_is_never_for_strangers() {
    problems(
        json!({ "trunk": { "t": { "host": "127.0.0.9" } },
                "route": { "r": { "dial": "9.", "trunks": ["t"], "for": ["strangers"] } } }),
        &["route.r.for.0"],
    );
}

#[test]
fn wrong_types_are_told_and_not_guessed() {
    problems(json!({ "extension": 5 }), &["extension"]);
    problems(json!({ "extension": { "204": "Kitchen" } }), &["extension.204"]);
    problems(
        json!({ "extension": { "204": { "name": 5, "listed": "yes" } } }),
        &["extension.204.name", "extension.204.listed"],
    );
    problems(json!({ "sip": { "udp": ["0.0.0.0"] } }), &["sip.udp.0"]);
    problems(json!({ "sip": { "udp": 5060 } }), &["sip.udp.0"]);
    problems(json!({ "media": { "ports": "5-2" } }), &["media.ports"]);
    problems(
        json!({ "policy": { "rates": { "national": -1, "fun": 2 } } }),
        &["policy.rates.fun", "policy.rates.national"],
    );
}

#[test]
fn bans_are_as_the_owner_sets_them() {
    let config =
        Config::from_tree(&json!({ "bans": { "on": false, "after": 20, "first_minutes": 5, "longest_minutes": 60,
        "never": ["192.0.2.7", "2001:db8:7::/48"] } }))
        .unwrap();
    let bans = &config.bans;
    assert_eq!((bans.on, bans.after, bans.time(1).as_secs(), bans.time(9).as_secs()), (false, 20, 300, 3_600));
    for (address, expected) in
        [("192.0.2.7", true), ("::ffff:192.0.2.7", true), ("192.0.2.8", false), ("2001:db8:7:9::1", true)]
    {
        assert_eq!(bans.spares(address.parse().unwrap()), expected, "{address}");
    }
    problems(
        json!({ "bans": { "on": "no", "after": 1, "first_minutes": 0, "never": ["everybody"] } }),
        &["bans.first_minutes", "bans.on", "bans.after", "bans.never.0"],
    );
    problems(json!({ "bans": { "first_minutes": 60, "longest_minutes": 5 } }), &["bans.longest_minutes"]);
}

#[test]
fn networks_contain_what_they_say() {
    let check = |network: &str, address: &str, expected: bool| {
        assert_eq!(
            Network::parse(network).unwrap().contains(address.parse().unwrap()),
            expected,
            "{network} {address}"
        );
    };
    check("10.0.0.0/8", "10.255.0.1", true);
    check("10.0.0.0/8", "11.0.0.1", false);
    check("0.0.0.0/0", "192.0.2.1", true);
    check("192.0.2.1", "192.0.2.1", true);
    check("192.0.2.1", "192.0.2.2", false);
    check("10.0.0.0/8", "::ffff:10.1.2.3", true);
    check("fc00::/7", "fd00::1", true);
    check("::/0", "2001:db8::1", true);
    check("fc00::/7", "10.0.0.1", false);
    assert!(Network::parse("10.0.0.0/33").is_err());
    assert!(Network::parse("example").is_err());
}

#[test]
fn money_is_written_as_people_do() {
    assert_eq!(Money(12_340).to_string(), "12.34");
    assert_eq!(Money(5).to_string(), "0.005");
    assert!(Money::from_number(f64::NAN).is_err());
}

#[test]
fn a_call_is_billed_in_its_provider_s_steps() {
    let check = |billing: &str, seconds, billed, cost| {
        let billing = Billing::parse(billing).unwrap();
        assert_eq!(
            (billing.billed(seconds), Money(600).for_seconds(seconds, billing)),
            (billed, Money(cost)),
            "{billing:?} {seconds}"
        );
    };
    for billing in ["60/60", "60/1", "30/6", "1/1", "6/6"] {
        check(billing, 0, 0, 0);
        check(billing, 60, 60, 600);
        check(billing, 7_200, 7_200, 72_000);
    }
    check("60/60", 1, 60, 600);
    check("60/60", 61, 120, 1_200);
    check("60/1", 61, 61, 610);
    check("30/6", 3, 30, 300);
    check("30/6", 31, 36, 360);
    check("1/1", 7, 7, 70);
    assert_eq!(Money(20).for_seconds(1, Billing::parse("1/1").unwrap()), Money(1), "never for nothing");
    // More than was reserved could be billed by these.
    for bad in ["", "60", "0/60", "60/0", "30/60", "90/60", "7/6", "60/7", "1/60", "a/b", "60/60/60"] {
        assert!(Billing::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_class_without_a_price_costs_the_dearest() {
    let mut limits = Config::fresh().policy;
    limits.rates.remove(&Class::Mobile);
    assert_eq!(limits.rate(Class::Mobile), Money(15_000));
    limits.rates.clear();
    assert!(limits.rate(Class::National) > Money::ZERO);
}

#[test]
fn a_trunk_says_how_it_is_reached_and_checked() {
    let print = "AB".repeat(32);
    let config = good(json!({ "trunk": { "itsp": {
        "kind": "register", "host": "sip.example.net:5071", "transport": "tls", "username": "me", "auth_user": "me-auth",
        "realm": "example", "secret": "env:ITSP", "outbound_proxy": "edge.example.net", "tls_fingerprint": print,
        "codecs": ["pcma", "PCMU"], "number_in": "to", "prefix": "9", "prefix_in": "00", "health": 1, "expires": 300,
    }, "box": { "kind": "gateway", "host": "192.168.1.9" }, "plain": { "host": "sip.example.org" } } }));
    let itsp = &config.trunks["itsp"];
    assert_eq!((itsp.host.as_str(), itsp.port), ("sip.example.net", Some(5071)));
    assert_eq!(itsp.tls.fingerprint, Some([0xab; 32]));
    assert_eq!(itsp.codecs, [media::codec::Codec::Pcma, media::codec::Codec::Pcmu]);
    assert_eq!((itsp.number_in, itsp.health), (NumberIn::To, 5));
    let plain = &config.trunks["plain"];
    assert_eq!((plain.port, plain.transport, plain.max_calls), (None, None, 10), "the DNS may say it");
    assert_eq!((config.trunks["box"].max_calls, config.trunks["box"].number_format), (1, NumberFormat::National));
}

#[test]
fn a_trunk_that_cannot_be_is_named() {
    problems(json!({ "trunk": { "box": { "kind": "gateway", "host": "203.0.113.9" } } }), &["trunk.box.kind"]);
    problems(json!({ "trunk": { "a": { "host": "h", "tls_ca": "ca.pem" } } }), &["trunk.a.tls_ca"]);
    problems(json!({ "trunk": { "a": { "host": "h", "codecs": ["g729"] } } }), &["trunk.a.codecs.0"]);
    problems(
        json!({ "trunk": { "a": { "host": "h", "transport": "tls", "tls_fingerprint": "12" } } }),
        &["trunk.a.tls_fingerprint"],
    );
    problems(json!({ "trunk": { "a": { "host": "h", "prefix": "9w" } } }), &["trunk.a.prefix"]);
    problems(json!({ "tls": { "certificate": "mine.pem" } }), &["tls.certificate"]);
    problems(json!({ "sip": { "dns": ["resolver.example"] } }), &["sip.dns.0"]);
}

#[test]
fn voicemail_settings_are_read_and_have_bounds() {
    let config =
        good(json!({ "voicemail": { "own": "*1", "any": "", "longest": 60, "drop_silent": false, "remote": true } }));
    let settings = &config.voicemail;
    assert_eq!((settings.own.as_deref(), settings.any.as_deref(), settings.longest), (Some("*1"), None, 60));
    assert!(settings.remote && !settings.drop_silent && settings.review);
    assert!(!Config::fresh().voicemail.remote, "nobody reaches a mailbox from outside before its owner opens that");
    problems(json!({ "voicemail": { "own": "x97" } }), &["voicemail.own"]);
    problems(json!({ "voicemail": { "own": "*98" } }), &["voicemail.any"]);
    problems(json!({ "voicemail": { "longest": 601 } }), &["voicemail.longest"]);
    problems(json!({ "voicemail": { "shortest": 10, "longest": 5 } }), &["voicemail.shortest"]);
    problems(json!({ "voicemail": { "dialout": "from-internal" } }), &["voicemail.dialout"]);
}

#[test]
fn a_rate_table_prices_numbers_by_how_they_begin() {
    let config = good(json!({
        "rates": { "+44": 0.02, "+447": 0.1, "+53": 2.5, "national": 0.01 },
        "extension": { "204": { "money_per_day": 3, "calls_at_once": 1 }, "200": {} },
        "trunk": { "itsp": { "host": "h", "money_per_day": 50, "minutes_per_day": 600 } },
        "policy": { "minutes_per_day": 90, "money_per_day_together": 40 },
    }));
    let price =
        |dialled: &str| config.policy.price(&dialplan::number::normalise(config.system.country, dialled).unwrap());
    assert_eq!(price("011442079460000"), Money(20));
    assert_eq!(price("011447700900123"), Money(100));
    assert_eq!(price("2025550100"), Money(10));
    // A number abroad that the list forgot costs at least the dearest of the list.
    assert_eq!(price("011493023125000"), Money(2_500));
    assert_eq!(price("011881612345678"), Money(15_000));
    let own = config.policy.bounds(config.extensions["204"].caps);
    assert_eq!((own.money_per_day, own.calls_at_once, own.minutes_per_day), (Money(3_000), 1, Some(90)));
    assert_eq!(config.policy.bounds(config.extensions["200"].caps).money_per_day, Money(20_000));
    assert_eq!(config.trunks["itsp"].caps.minutes_per_day, Some(600));
    problems(json!({ "rates": { "+x": 1, "44": 1 } }), &["rates.\"+x\"", "rates.44"]);
}

#[test]
fn the_public_address_is_set_learned_or_asked_for() {
    let sip = |text: &str| good(json!({ "sip": { "public_address": text } })).sip;
    assert_eq!((sip("auto").public_address, sip("auto").stun), (None, None));
    assert_eq!(sip("192.0.2.1").public_address, Some("192.0.2.1".parse().unwrap()));
    assert_eq!(sip("stun:stun.example.net").stun, Some(("stun.example.net".to_owned(), 3478)));
    assert_eq!(sip("stun:192.0.2.9:19302").stun, Some(("192.0.2.9".to_owned(), 19302)));
    problems(json!({ "sip": { "public_address": "somewhere" } }), &["sip.public_address"]);
}
