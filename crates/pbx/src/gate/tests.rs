//! Every question of the gate, answered both ways; money in both states of the store.

use std::collections::BTreeSet;

use dialplan::apps;
use dialplan::load::NoFiles;
use dialplan::policy::Reason;
use dialplan::reach::Reach;
use serde_json::json;

use super::budget::{Answer, InMemory};
use super::*;
use crate::plan::{HandWritten, compile};
use store::Debit;

const NOW: i64 = 1_767_268_800_000;

fn snapshot(change: impl FnOnce(&mut serde_json::Value)) -> Snapshot {
    let mut tree = json!({
        "system": { "timezone": "UTC" },
        "extension": {
            "200": { "may": ["internal", "national", "mobile", "international", "premium", "satellite"] },
            "204": { "may": ["internal", "national"] },
        },
        "trunk": { "itsp": { "host": "127.0.0.9", "max_calls": 3 }, "line": { "host": "127.0.0.8", "number_format": "national" } },
        "route": { "all": { "dial": "9.", "strip": 1, "trunks": ["itsp"] } },
    });
    change(&mut tree);
    let config = Config::from_tree(&tree).unwrap_or_else(|problems| panic!("{problems:?}"));
    let program = compile(&config, &HandWritten::default(), &NoFiles).program;
    let mut reach = Reach::of(program.hash());
    for entry in ["extension:200", "extension:204"] {
        for trunk in config.trunks.keys() {
            reach.add(entry, Sink::Trunk(trunk.clone()));
        }
        for class in Class::ALL {
            reach.add(entry, Sink::Paid(class));
        }
    }
    Snapshot { config: Arc::new(config), program: Arc::new(program), reach }
}

fn plain() -> Snapshot {
    snapshot(|_| {})
}

fn kitchen() -> OriginKind {
    OriginKind::Extension("204".to_owned())
}

fn office() -> OriginKind {
    OriginKind::Extension("200".to_owned())
}

fn gate() -> Gate {
    Gate::new(Arc::new(InMemory::default()))
}

async fn ask_at(
    gate: &Gate,
    snapshot: &Snapshot,
    origin: &OriginKind,
    target: Target<'_>,
    now: i64,
) -> Result<(Permit, Meter), Refusal> {
    let entry = origin.entry();
    let app = apps::lookup("Dial").unwrap();
    gate.ask(Ask { origin, by: None, entry: &entry, app, snapshot, call: "c1", target, now }).await
}

/// A grant to two area codes, two calls a day, three units of money.
fn granting() -> Snapshot {
    let mut snapshot = snapshot(|tree| {
        tree["grant"] = json!({ "disa-me": {
            "kind": "disa", "may": ["national", "premium"], "to": ["_1202NXXXXXX", "_1212NXXXXXX"],
            "calls_at_once": 1, "calls_per_day": 2, "money_per_day": 3.0, "minutes_per_call": 10,
        } });
        tree["policy"] = json!({ "closed": ["premium"] });
    });
    for class in Class::ALL {
        snapshot.reach.add("grant:disa-me", Sink::Paid(class));
    }
    snapshot.reach.add("grant:disa-me", Sink::Trunk("itsp".to_owned()));
    snapshot
}

fn lent_to(name: &str) -> OriginKind {
    OriginKind::Grant(name.to_owned())
}

#[tokio::test]
async fn a_grant_lends_what_it_says_to_whom_it_says_and_the_permit_names_it() {
    let (gate, snapshot) = (gate(), granting());
    let (permit, meter) = ask(&gate, &snapshot, &lent_to("disa-me"), "2025550100").await.unwrap();
    assert_eq!((permit.id(), permit.limit()), ("p1/disa-me", Some(Duration::from_secs(600))));
    drop(meter);
    let refused = |name: &'static str, dialled: &'static str| {
        let (gate, snapshot) = (&gate, &snapshot);
        async move { ask(gate, snapshot, &lent_to(name), dialled).await.expect_err("a refusal").why }
    };
    assert_eq!(refused("disa-me", "3125550100").await, Why::NotGranted, "another area code");
    assert!(matches!(refused("disa-me", "0119005551234").await, Why::Policy(Reason::NotGranted { .. })));
    assert!(matches!(refused("disa-me", "9005551234").await, Why::Policy(Reason::ClassClosed(_))));
    assert!(matches!(refused("disa-me", "911").await, Why::Policy(Reason::EmergencyIsForExtensions(_))));
    assert!(matches!(refused("forged", "2025550100").await, Why::Policy(Reason::NotGranted { .. })));
    let line = Target::Number { trunk: "line", dialled: "2025550100" };
    let beyond = ask_at(&gate, &snapshot, &lent_to("disa-me"), line, NOW).await.expect_err("a refusal").why;
    assert_eq!(beyond, Why::BeyondProof, "the proof of the grant does not know this trunk");
}

#[tokio::test]
async fn the_caps_of_a_grant_bind_all_who_use_it_together() {
    let (gate, snapshot, grant) = (gate(), granting(), lent_to("disa-me"));
    let first = ask(&gate, &snapshot, &grant, "2025550100").await.unwrap();
    assert_eq!(ask(&gate, &snapshot, &grant, "2125550100").await.expect_err("two at once").why, Why::TooManyAtOnce);
    drop(first);
    let second = ask(&gate, &snapshot, &grant, "2125550100").await.unwrap();
    drop(second);
    assert_eq!(ask(&gate, &snapshot, &grant, "2125550100").await.expect_err("a third").why, Why::TooOften);
    assert!(ask(&gate, &snapshot, &kitchen(), "2125550100").await.is_ok(), "the house's own calls are not touched");
}

#[tokio::test]
async fn a_route_for_some_phones_is_not_for_a_grant() {
    let mut some = granting();
    let mut config = some.config.as_ref().clone();
    for route in config.routes.values_mut() {
        route.users = crate::config::RouteUsers::Only(["204".to_owned()].into());
    }
    some.config = Arc::new(config);
    let no = ask(&gate(), &some, &lent_to("disa-me"), "2025550100").await.expect_err("a refusal");
    assert_eq!(no.why, Why::NotARouteUser);
}

async fn ask(gate: &Gate, snapshot: &Snapshot, origin: &OriginKind, dialled: &str) -> Result<(Permit, Meter), Refusal> {
    ask_at(gate, snapshot, origin, Target::Number { trunk: "itsp", dialled }, NOW).await
}

#[tokio::test(start_paused = true)]
async fn the_owner_stops_everything_but_emergency_calls() {
    let stopped = snapshot(|tree| tree["policy"] = json!({ "stopped": true }));
    for dialled in ["2025550100", "011442079460000"] {
        let refusal = ask(&gate(), &stopped, &office(), dialled).await.expect_err("a refusal");
        assert_eq!(refusal.why, Why::Stopped, "{dialled}");
    }
    assert!(ask(&gate(), &stopped, &office(), "911").await.is_ok());
}

async fn why(origin: OriginKind, dialled: &str) -> Why {
    ask(&gate(), &plain(), &origin, dialled).await.expect_err("a refusal").why
}

#[tokio::test(start_paused = true)]
async fn an_extension_calls_what_may_says_and_the_permit_names_it() {
    let (permit, _meter) = ask(&gate(), &plain(), &kitchen(), "202-555-0100").await.unwrap();
    assert_eq!(permit.target_text(), "+12025550100");
    assert_eq!(permit.number(), Some("+12025550100"));
    assert_eq!(permit.trunk(), Some("itsp"));
    assert_eq!(permit.phone(), None);
    assert_eq!(permit.class(), Class::National);
    assert_eq!(permit.limit(), Some(Duration::from_secs(120 * 60)));
}

#[tokio::test(start_paused = true)]
async fn permits_have_names_of_their_own() {
    let (gate, snapshot) = (gate(), plain());
    let (one, _a) = ask(&gate, &snapshot, &kitchen(), "2025550100").await.unwrap();
    let (two, _b) = ask(&gate, &snapshot, &kitchen(), "2025550100").await.unwrap();
    assert_ne!(one.id(), two.id());
}

#[tokio::test(start_paused = true)]
async fn strangers_trunks_and_the_exchange_itself_start_nothing_paid() {
    for origin in [OriginKind::Stranger, OriginKind::Trunk("itsp".to_owned()), OriginKind::System] {
        for dialled in ["2025550100", "18005551234", "19005551234", "011442079460000", "5550100", "411"] {
            assert_eq!(why(origin.clone(), dialled).await, Why::Policy(Reason::NeverPaid(origin.clone())), "{dialled}");
        }
        assert_eq!(why(origin.clone(), "911").await, Why::Policy(Reason::EmergencyIsForExtensions(origin.clone())));
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_does_not_say_is_refused() {
    let may_not = |class| Why::Policy(Reason::MayNot { extension: "204".to_owned(), class });
    for (dialled, class) in [
        ("19005551234", Class::Premium),
        ("9765551234", Class::Unknown),
        ("18765551234", Class::International),
        ("8765551234", Class::International),
        ("18095551234", Class::International),
        ("011442079460000", Class::International),
        ("011881612345678", Class::Satellite),
        ("10103212025550100", Class::Premium),
        ("411", Class::Premium),
    ] {
        let expected = if class == Class::Unknown { Why::Policy(Reason::Unclassified) } else { may_not(class) };
        assert_eq!(why(kitchen(), dialled).await, expected, "{dialled}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_classified_is_refused_whoever_asks() {
    for dialled in ["1", "99999999999", "204", "0", "1911", "12020550100"] {
        assert_eq!(why(office(), dialled).await, Why::Policy(Reason::Unclassified), "{dialled}");
    }
}

/// Attacks 9, 10, 17: destinations and options by data.
#[tokio::test(start_paused = true)]
async fn what_is_no_number_is_refused() {
    for dialled in
        ["300&PJSIP/itsp/19005551234", "9-00*", "2025550100,30,T", "", "+", "2025550100@itsp", &"9".repeat(80)]
    {
        assert_eq!(why(office(), dialled).await, Why::NotANumber, "{dialled}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trunk_that_does_not_exist_is_refused() {
    let target = Target::Number { trunk: "none", dialled: "2025550100" };
    let refusal = ask_at(&gate(), &plain(), &kitchen(), target, NOW).await.expect_err("a refusal");
    assert_eq!(refusal.why, Why::NoSuchTrunk);
}

#[tokio::test(start_paused = true)]
async fn a_trunk_of_other_extensions_routes_is_refused_and_one_of_no_route_is_not() {
    let snapshot = snapshot(|tree| tree["route"]["all"]["for"] = json!(["200"]));
    let gate = gate();
    assert!(ask(&gate, &snapshot, &office(), "2025550100").await.is_ok());
    assert_eq!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.expect_err("no").why, Why::NotARouteUser);
    let target = Target::Number { trunk: "line", dialled: "2025550100" };
    assert!(ask_at(&gate, &snapshot, &kitchen(), target, NOW).await.is_ok());
    // The emergency road has no owner.
    assert!(ask(&gate, &snapshot, &kitchen(), "911").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn two_routes_of_one_trunk_each_have_their_users() {
    let snapshot = snapshot(|tree| {
        tree["route"]["dear"] =
            json!({ "dial": "_70[1-9]XXXXXXXX.", "strip": 2, "prepend": "011", "trunks": ["itsp"], "for": ["200"] });
        tree["route"]["all"]["dial"] = json!("_9NXXNXXXXXX");
        tree["extension"]["204"]["may"] = json!(["internal", "national", "international"]);
    });
    let gate = gate();
    assert!(ask(&gate, &snapshot, &office(), "011442079460000").await.is_ok());
    assert_eq!(ask(&gate, &snapshot, &kitchen(), "011442079460000").await.expect_err("no").why, Why::NotARouteUser);
    assert!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn beyond_the_proof_is_refused_and_an_alarm() {
    let mut snapshot = plain();
    snapshot.reach = Reach::of(snapshot.program.hash());
    let gate = gate();
    assert_eq!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.expect_err("no").why, Why::BeyondProof);
    assert_eq!(gate.alarms(), 1);
    // The emergency road stays open, with an alarm all the same.
    assert!(ask(&gate, &snapshot, &kitchen(), "911").await.is_ok());
    assert_eq!(gate.alarms(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_class_that_the_proof_did_not_see_on_this_way_is_beyond_it() {
    let mut snapshot = plain();
    snapshot.reach = Reach::of(snapshot.program.hash());
    snapshot.reach.add("extension:204", Sink::Trunk("itsp".to_owned()));
    snapshot.reach.add("extension:204", Sink::Paid(Class::TollFree));
    let gate = gate();
    assert!(ask(&gate, &snapshot, &kitchen(), "18005551234").await.is_ok());
    assert_eq!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.expect_err("no").why, Why::BeyondProof);
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_a_proof_calls_inside_and_emergency_only() {
    let mut snapshot = plain();
    snapshot.reach.program_hash = [0; 32];
    let gate = gate();
    assert_eq!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.expect_err("no").why, Why::NoProof);
    assert!(ask(&gate, &snapshot, &kitchen(), "911").await.is_ok());
    assert!(ask_at(&gate, &snapshot, &kitchen(), Target::Phone("200"), NOW).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_application_that_did_not_declare_to_dial_is_refused() {
    let (gate, snapshot, origin) = (gate(), plain(), kitchen());
    let app = apps::lookup("Playback").unwrap();
    for target in [Target::Phone("200"), Target::Number { trunk: "itsp", dialled: "2025550100" }] {
        let ask = Ask {
            origin: &origin,
            by: None,
            entry: "extension:204",
            app,
            snapshot: &snapshot,
            call: "c",
            target,
            now: NOW,
        };
        assert_eq!(gate.ask(ask).await.expect_err("no").why, Why::NotDeclared);
    }
}

#[tokio::test(start_paused = true)]
async fn phones_of_the_house_ring_for_everybody_and_cost_nothing() {
    let (gate, snapshot) = (gate(), plain());
    for origin in [OriginKind::Stranger, OriginKind::Trunk("itsp".to_owned()), kitchen()] {
        let (permit, _meter) = ask_at(&gate, &snapshot, &origin, Target::Phone("204"), NOW).await.unwrap();
        assert_eq!((permit.phone(), permit.trunk(), permit.class()), (Some("204"), None, Class::Inside));
        assert_eq!(permit.limit(), None);
    }
    let nobody = ask_at(&gate, &snapshot, &OriginKind::Stranger, Target::Phone("itsp"), NOW).await;
    assert_eq!(nobody.expect_err("no").why, Why::NoSuchPhone);
}

#[tokio::test(start_paused = true)]
async fn numbers_are_written_as_the_trunk_wants_them() {
    let (gate, snapshot) = (gate(), plain());
    let target = Target::Number { trunk: "line", dialled: "011442079460000" };
    let (permit, _meter) = ask_at(&gate, &snapshot, &office(), target, NOW).await.unwrap();
    assert_eq!(permit.number(), Some("011442079460000"));
    let (permit, _meter) = ask(&gate, &snapshot, &office(), "011442079460000").await.unwrap();
    assert_eq!(permit.number(), Some("+442079460000"));
    let (permit, _meter) = ask(&gate, &snapshot, &kitchen(), "911").await.unwrap();
    assert_eq!(permit.number(), Some("911"));
}

/// Attack 50: a stolen phone and 50 parallel calls.
#[tokio::test(start_paused = true)]
async fn caps_hold_on_calls_at_once_and_a_place_comes_back() {
    let (gate, snapshot) = (gate(), plain());
    let one = ask(&gate, &snapshot, &kitchen(), "2025550100").await.unwrap();
    let _two = ask(&gate, &snapshot, &kitchen(), "2025550100").await.unwrap();
    assert_eq!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.expect_err("no").why, Why::TooManyAtOnce);
    // Another phone has places of its own; the trunk has three.
    let _three = ask(&gate, &snapshot, &office(), "2025550100").await.unwrap();
    assert_eq!(ask(&gate, &snapshot, &office(), "2025550100").await.expect_err("no").why, Why::TooManyAtOnce);
    // Emergency calls take no place.
    assert!(ask(&gate, &snapshot, &kitchen(), "911").await.is_ok());
    assert_eq!(gate.paid_calls(), 3);
    drop(one);
    assert_eq!(gate.paid_calls(), 2);
    assert!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn caps_hold_on_calls_in_an_hour_and_in_a_day() {
    let snapshot = snapshot(|tree| tree["policy"] = json!({ "calls_per_hour": 2, "calls_per_day": 3 }));
    let gate = gate();
    let target = Target::Number { trunk: "itsp", dialled: "2025550100" };
    let at = |minutes: i64| ask_at(&gate, &snapshot, &OFFICE, target, NOW + minutes * 60_000);
    static OFFICE: std::sync::LazyLock<OriginKind> = std::sync::LazyLock::new(office);
    assert!(at(0).await.is_ok());
    assert!(at(1).await.is_ok());
    assert_eq!(at(59).await.expect_err("no").why, Why::TooOften);
    assert!(at(61).await.is_ok());
    assert_eq!(at(300).await.expect_err("no").why, Why::TooOften);
    assert!(at(24 * 60 + 2).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn money_is_reserved_before_and_settled_after_the_call() {
    let budget = InMemory::default();
    let gate = Gate::new(Arc::new(budget.clone()));
    let snapshot = plain();
    let today = day(&snapshot.config, NOW);
    let spent = || budget.spent("extension:204", today);
    // 120 minutes at 0.02 are reserved; 61 seconds cost two minutes.
    let (_permit, mut meter) = ask(&gate, &snapshot, &kitchen(), "2025550100").await.unwrap();
    assert_eq!(spent(), Money(2_400));
    tokio::time::advance(Duration::from_secs(30)).await;
    meter.answered();
    tokio::time::advance(Duration::from_secs(61)).await;
    drop(meter);
    assert_eq!(spent(), Money(40));
    // A call that nobody answers costs nothing.
    let (_permit, meter) = ask(&gate, &snapshot, &kitchen(), "2025550100").await.unwrap();
    drop(meter);
    assert_eq!(spent(), Money(40));
}

#[tokio::test(start_paused = true)]
async fn dear_calls_are_short_and_the_day_has_an_end() {
    let (gate, snapshot) = (gate(), plain());
    // 10 a call at 1 a minute: ten minutes. 20 a day: the third does not fit.
    let (permit, one) = ask(&gate, &snapshot, &office(), "011442079460000").await.unwrap();
    assert_eq!(permit.limit(), Some(Duration::from_secs(600)));
    let two = ask(&gate, &snapshot, &office(), "011442079460000").await.unwrap();
    drop(two);
    let mut one = one;
    one.answered();
    tokio::time::advance(Duration::from_secs(600)).await;
    drop(one);
    // 10 are spent, 10 are left.
    let (_permit, mut meter) = ask(&gate, &snapshot, &office(), "19005551234").await.unwrap();
    meter.answered();
    tokio::time::advance(Duration::from_secs(120)).await;
    drop(meter);
    assert_eq!(ask(&gate, &snapshot, &office(), "2025550100").await.expect_err("no").why, Why::Money);
    // Tomorrow is another day.
    let target = Target::Number { trunk: "itsp", dialled: "2025550100" };
    assert!(ask_at(&gate, &snapshot, &office(), target, NOW + 86_400_000).await.is_ok());
    // A minute that costs more than a call may is refused at any time.
    assert_eq!(ask(&gate, &snapshot, &office(), "011881612345678").await.expect_err("no").why, Why::Money);
}

/// Attack 50: the day's money is shared out to the last minute and no further.
#[tokio::test(start_paused = true)]
async fn a_call_gets_the_minutes_that_are_left() {
    let budget = InMemory::default();
    let gate = Gate::new(Arc::new(budget.clone()));
    let snapshot = snapshot(|tree| {
        tree["extension"]["200"]["money_per_day"] = json!(0.05);
        tree["rates"] = json!({ "national": 0.02 });
    });
    let (permit, mut meter) = ask(&gate, &snapshot, &office(), "2025550100").await.unwrap();
    assert_eq!(permit.limit(), Some(Duration::from_secs(120)));
    assert_eq!(ask(&gate, &snapshot, &office(), "2025550100").await.expect_err("no").why, Why::Money);
    // The other phone has money of its own, and help costs nothing.
    assert!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.is_ok());
    assert!(ask(&gate, &snapshot, &office(), "911").await.is_ok());
    meter.answered();
    tokio::time::advance(Duration::from_secs(30)).await;
    drop(meter);
    let (permit, _meter) = ask(&gate, &snapshot, &office(), "2025550100").await.unwrap();
    assert_eq!(permit.limit(), Some(Duration::from_secs(60)));
}

#[tokio::test(start_paused = true)]
async fn a_trunk_and_the_whole_house_have_caps_of_their_own() {
    let snapshot = snapshot(|tree| {
        tree["trunk"]["itsp"]["calls_per_hour"] = json!(2);
        tree["trunk"]["line"]["minutes_per_day"] = json!(3);
        tree["policy"] = json!({ "money_per_day_together": 5 });
    });
    let gate = gate();
    drop(ask(&gate, &snapshot, &office(), "2025550100").await.unwrap());
    drop(ask(&gate, &snapshot, &kitchen(), "2025550100").await.unwrap());
    assert_eq!(ask(&gate, &snapshot, &office(), "2025550100").await.expect_err("no").why, Why::TooOften);
    let line = |dialled| Target::Number { trunk: "line", dialled };
    let (permit, _meter) = ask_at(&gate, &snapshot, &kitchen(), line("2025550100"), NOW).await.unwrap();
    assert_eq!(permit.limit(), Some(Duration::from_secs(180)));
    let refusal = ask_at(&gate, &snapshot, &kitchen(), line("2025550100"), NOW).await.expect_err("no");
    assert_eq!(refusal.why, Why::Minutes);
    let gate = self::gate();
    let (permit, _meter) = ask_at(&gate, &snapshot, &office(), line("011442079460000"), NOW).await.unwrap();
    assert_eq!(permit.limit(), Some(Duration::from_secs(180)));
}

/// Attacks 20 to 24: who sends a call on gives it no right that its caller lacks, and none that he lacks himself.
#[tokio::test(start_paused = true)]
async fn a_leg_that_is_sent_on_needs_the_rights_of_both() {
    let (gate, snapshot) = (gate(), plain());
    let app = apps::lookup("Dial").unwrap();
    let ask = async |origin: &OriginKind, by, dialled| {
        let entry = origin.entry();
        let target = Target::Number { trunk: "itsp", dialled };
        gate.ask(Ask { origin, by: Some(by), entry: &entry, app, snapshot: &snapshot, call: "c", target, now: NOW })
            .await
    };
    let abroad = "011442079460000";
    assert!(ask(&office(), "200", abroad).await.is_ok());
    assert!(ask(&kitchen(), "200", "2025550100").await.is_ok());
    for (origin, by) in [(office(), "204"), (kitchen(), "200")] {
        let refusal = ask(&origin, by, abroad).await.expect_err("no");
        assert!(matches!(refusal.why, Why::Policy(Reason::MayNot { .. })), "{origin} {by}");
    }
    for origin in [OriginKind::Stranger, OriginKind::Trunk("itsp".to_owned())] {
        assert!(ask(&origin, "200", "2025550100").await.is_err(), "{origin}");
        assert!(ask(&origin, "200", "911").await.is_err(), "{origin}");
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<(String, String)>>);

impl Records for Heard {
    fn write(&self, _: store::CallRecord) {}

    fn event(&self, _: i64, kind: &str, text: &str) {
        self.0.lock().unwrap().push((kind.to_owned(), text.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_for_help_is_told_at_once_and_called_back() {
    let heard = Arc::new(Heard::default());
    let gate = Gate::new(Arc::new(Broken)).telling(heard.clone());
    let snapshot = plain();
    assert_eq!(gate.call_back("itsp", NOW), None);
    assert!(ask(&gate, &snapshot, &kitchen(), "911").await.is_ok());
    assert_eq!(gate.call_back("itsp", NOW + 60_000).as_deref(), Some("204"));
    assert_eq!(gate.call_back("line", NOW), None);
    assert_eq!(gate.call_back("itsp", NOW + 3_600_000), None);
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].0 == "emergency-call" && heard[0].1.contains("204") && heard[0].1.contains("911"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cap_that_stops_a_phone_is_told_once_a_day() {
    let heard = Arc::new(Heard::default());
    let gate = Gate::new(Arc::new(InMemory::default())).telling(heard.clone());
    let snapshot = snapshot(|tree| tree["policy"] = json!({ "calls_per_day": 1 }));
    assert!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.is_ok());
    for _ in 0..3 {
        assert!(ask(&gate, &snapshot, &kitchen(), "2025550100").await.is_err());
    }
    let kinds: Vec<_> = heard.0.lock().unwrap().iter().map(|(kind, _)| kind.clone()).collect();
    assert_eq!(kinds, ["cap-reached"]);
}

struct Broken;

impl Budget for Broken {
    fn debit(&self, _: Debit) -> Answer<'_> {
        Box::pin(async { Err(NoMoney::Down("disk full".to_owned())) })
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_store_down_paid_calls_are_refused_and_help_and_the_house_are_not() {
    let gate = Gate::new(Arc::new(Broken));
    let snapshot = plain();
    for dialled in ["2025550100", "18005551234"] {
        assert_eq!(ask(&gate, &snapshot, &kitchen(), dialled).await.expect_err("no").why, Why::StoreDown);
    }
    assert_eq!(gate.paid_calls(), 0);
    assert!(ask(&gate, &snapshot, &kitchen(), "911").await.is_ok());
    assert!(ask_at(&gate, &snapshot, &OriginKind::Stranger, Target::Phone("204"), NOW).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_no_number() {
    for dialled in ["19005551234", "18765551234", "99999999999", "2025550100&x"] {
        let refusal = ask(&gate(), &plain(), &kitchen(), dialled).await.expect_err("no");
        assert!(!refusal.reason.contains(dialled), "{refusal}");
    }
}

#[test]
fn days_are_those_of_the_owner() {
    let in_zone = |zone: &str| {
        let mut config = Config::fresh();
        zone.clone_into(&mut config.system.timezone);
        day(&config, NOW - 12 * 3_600_000)
    };
    // Midnight in London is still yesterday in New York.
    assert_eq!(in_zone("UTC") - in_zone("America/New_York"), 1);
}

#[test]
fn the_part_of_the_policy_for_one_origin_decides_as_the_whole() {
    let config = Arc::clone(&snapshot(|tree| tree["policy"] = json!({ "closed": ["satellite"] })).config);
    let origins =
        [office(), kitchen(), OriginKind::Extension("999".to_owned()), OriginKind::Stranger, OriginKind::System];
    for origin in origins {
        for class in Class::ALL {
            let part = config.decide_by_for(&origin).decide(&origin, class);
            assert_eq!(part, config.decide_by().decide(&origin, class), "{origin} {class}");
        }
    }
}

#[test]
fn everybody_but_extensions_is_denied_by_the_same_function_that_the_proof_uses() {
    let policy = plain().config.decide_by();
    let denied: BTreeSet<Class> =
        Class::ALL.into_iter().filter(|class| !policy.decide(&OriginKind::Stranger, *class).is_allow()).collect();
    assert_eq!(denied.len(), Class::ALL.len() - 1);
}

#[tokio::test]
async fn a_drill_is_judged_like_everybody_and_gets_nothing() {
    let (ledger, snapshot) = (Arc::new(Ledger::new(false)), plain());
    let gate = Gate::drilling(Arc::clone(&ledger));
    let why = |answer: Result<(Permit, Meter), Refusal>| answer.expect_err("a drill gets no permit").why;
    assert_eq!(why(ask(&gate, &snapshot, &kitchen(), "2025550100").await), Why::Drill);
    assert_eq!(why(ask(&gate, &snapshot, &kitchen(), "911").await), Why::Drill, "not even for help");
    assert!(matches!(why(ask(&gate, &snapshot, &kitchen(), "9005550100").await), Why::Policy(_)));
    assert!(matches!(why(ask(&gate, &snapshot, &OriginKind::Stranger, "2025550100").await), Why::Policy(_)));
    let phone = Target::Phone("200");
    assert_eq!(why(ask_at(&gate, &snapshot, &OriginKind::Stranger, phone, NOW).await), Why::Drill, "spared");
    let told: Vec<_> = ledger.take("c1").into_iter().map(|one| (one.to, one.class, one.refused.is_some())).collect();
    let expected = [
        ("2025550100", Some(Class::National), false),
        ("911", Some(Class::Emergency), false),
        ("9005550100", Some(Class::Premium), true),
        ("2025550100", Some(Class::National), true),
        ("200", Some(Class::Inside), false),
    ];
    assert_eq!(told, expected.map(|(to, class, refused)| (to.to_owned(), class, refused)));
    assert_eq!((ledger.take("c1").len(), gate.paid_calls()), (0, 0));
    let rings = Gate::drilling(Arc::new(Ledger::new(true)));
    assert!(ask_at(&rings, &snapshot, &OriginKind::Stranger, phone, NOW).await.is_ok(), "the owner wants to hear them");
    assert_eq!(why(ask(&rings, &snapshot, &kitchen(), "2025550100").await), Why::Drill);
}

#[tokio::test]
async fn the_book_of_a_drill_is_bounded() {
    let (ledger, snapshot) = (Arc::new(Ledger::new(false)), plain());
    let gate = Gate::drilling(Arc::clone(&ledger));
    for _ in 0..=crate::limits::DRILL_WISHES {
        let _ = ask_at(&gate, &snapshot, &OriginKind::Stranger, Target::Phone("200"), NOW).await;
    }
    assert_eq!(ledger.take("c1").len(), crate::limits::DRILL_WISHES);
}
