//! Whatever a whole call does, applications and all, is inside what the proof said: random plans, random callers and
//! keys, in virtual time. Policy lets the extension call everything here, so that only the proof stands between it
//! and the trunks: a refusal "beyond the proof" is a hole in the proof. `audit` tests the same of the bare machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use dialplan::load::NoFiles;
use dialplan::policy::OriginKind;
use dialplan::reach::Sink;
use pbx::config::Config;
use pbx::plan::{self, HandWritten};
use pbx::simulate::{Party, Script, Simulation, What};
use pbx::snapshot::Snapshot;
use pbx::sounds::NoSounds;
use pbx::switch::Origin;

/// Small and the same everywhere: failures are named by their seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.roll(all.len())]
    }
}

const CONTEXTS: &[&str] = &["hand", "side", "deep"];
const EXTENS: &[&str] = &["s", "1", "2", "12", "200", "_X.", "_9X.", "_2XX", "i", "t", "h", "o", "a", "_[a-z]", "T"];
const PLACES: &[&str] =
    &["hand,s,1", "side,1,1", "deep,s,1", "from-internal,92025550100,1", "s,1", "2", "attendant,s,1", "${V},1,1"];
const NUMBERS: &[&str] = &[
    "2025550100",
    "${EXTEN}",
    "${EXTEN:1}",
    "911",
    "${V}",
    "19005550100",
    "${CALLERID(num)}",
    "18005551234",
    "0114420794${EXTEN}",
    "411",
    "1${EXTEN:0:10}",
];

fn line(dice: &mut Dice) -> String {
    let number = dice.of(NUMBERS);
    let place = dice.of(PLACES);
    match dice.roll(28) {
        0 | 1 => format!("Dial(PJSIP/{number}@itsp,5)"),
        2 => format!("Dial(PJSIP/{number}@spare,5,g)"),
        3 => format!("Dial(PJSIP/200&PJSIP/{number}@itsp,5)"),
        4 => "Dial(PJSIP/${V},5)".to_owned(),
        5 => format!("Dial(Local/{number}@{},5,g)", dice.of(CONTEXTS)),
        6 => format!("Dial(${{V}}/{number}@itsp,5)"),
        7 | 8 => format!("Goto({place})"),
        9 => format!("GotoIf($[${{V}} = 2]?{place})"),
        10 => "Background(one)".to_owned(),
        11 => "WaitExten(1)".to_owned(),
        12 => format!("Background(one,,,{})", dice.of(CONTEXTS)),
        13 => "Read(V,one,4,,1,1)".to_owned(),
        14 => format!("Set(V={number})"),
        15 => format!("Gosub({},s,1(x))", dice.of(CONTEXTS)),
        16 => "Return(${EXTEN})".to_owned(),
        17 => format!("Directory(default,{},b)", dice.of(&["hand", "ext-local", "from-internal"])),
        18 => format!("ExecIf($[${{V}} > 1]?Dial(PJSIP/{number}@spare,5):Goto({place}))"),
        19 => "Set(CALLERID(num)=${EXTEN})".to_owned(),
        20 => "Answer()".to_owned(),
        21 => format!("VoiceMail({},ud({}))", dice.of(&["200", "204", "${V}", "999"]), dice.of(CONTEXTS)),
        22 => format!("VoiceMailMain({},s)", dice.of(&["", "204", "${CALLERID(num)}", "${CHANNEL(mailbox)}"])),
        23 => "VMAuthenticate(204)".to_owned(),
        24 => format!("Park(,t(2)c({place}))"),
        25 => format!("Park(2000,{})", dice.of(&["hand,s,1", "deep,1,1", "from-internal,92025550100,1"])),
        26 => format!("ParkAndAnnounce(one:PARKED,3,Local/{number}@{},{place})", dice.of(CONTEXTS)),
        _ => "NoOp(${V})".to_owned(),
    }
}

fn plan_text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for context in CONTEXTS {
        text.push_str(&format!("[{context}]\n"));
        if dice.roll(3) == 0 {
            text.push_str(&format!(
                "include => {}\n",
                dice.of(&["side", "deep", "ext-local", "outbound", "emergency"])
            ));
        }
        let first = dice.roll(EXTENS.len());
        for step in 0..1 + dice.roll(5) {
            let exten = EXTENS[(first + step * 4) % EXTENS.len()];
            for priority in 1..=1 + dice.roll(3) {
                text.push_str(&format!("exten => {exten},{priority},{}\n", line(dice)));
            }
        }
    }
    text
}

fn config() -> Config {
    Config::from_tree(&serde_json::json!({
        "strangers": { "answer": "context:hand" },
        "extension": {
            "200": { "name": "Ann Office" },
            "204": { "name": "Kitchen", "context": "hand",
                     "may": ["internal", "national", "mobile", "international", "premium", "satellite"] },
        },
        "trunk": { "itsp": { "host": "127.0.0.9" }, "spare": { "host": "127.0.0.8", "entry": "context:side" } },
        "policy": { "calls_at_once": 1000, "calls_per_hour": 1_000_000, "calls_per_day": 1_000_000,
                    "money_per_call": 1_000_000, "money_per_day": 1_000_000,
                    "money_per_day_together": 1_000_000 },
        "route": { "all": { "dial": "9.", "strip": 1, "trunks": ["itsp"] } },
    }))
    .unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Plays some calls through one plan; `forget` spoils the proof first. The number of paid legs, or what went beyond.
fn one_round(seed: u64, forget: bool) -> Result<usize, String> {
    let mut dice = Dice(seed);
    let config = config();
    let text = plan_text(&mut dice);
    let files = HandWritten { files: vec![("hand.conf".to_owned(), text.clone())] };
    let loaded = plan::compile(&config, &files, &NoFiles);
    let facts = audit::Facts {
        trunks: config.trunks.keys().cloned().collect(),
        phones: config.extensions.keys().cloned().collect(),
        country: Some(config.system.country),
        policy: Some(config.decide_by()),
        ..audit::Facts::ours()
    };
    let entries: Vec<audit::Entry> = plan::entries(&config)
        .into_iter()
        .map(|point| audit::Entry {
            name: point.name,
            origin: point.origin,
            place: point.place,
            any_exten: point.any_exten,
        })
        .collect();
    let mut report = audit::prove(&loaded.program, &entries, &facts);
    if forget {
        for entry in &mut report.entries {
            entry.sinks.retain(|(sink, _)| !matches!(sink, Sink::Trunk(_)));
        }
        for sinks in report.reach.entries.values_mut() {
            sinks.retain(|sink| !matches!(sink, Sink::Trunk(_)));
        }
    }
    let snapshot =
        Snapshot { config: Arc::new(config), program: Arc::new(loaded.program), reach: report.reach.clone() };
    let mut paid = 0;
    for _ in 0..6 {
        let (from, kind) = match dice.roll(4) {
            0 => (Origin::Stranger { source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)) }, OriginKind::Stranger),
            1 => (Origin::Trunk { name: "spare".to_owned() }, OriginKind::Trunk("spare".to_owned())),
            _ => (Origin::Extension { user: "204".to_owned() }, OriginKind::Extension("204".to_owned())),
        };
        let entry = kind.entry();
        let to = dice.of(&["1", "2", "12", "200", "92025550100", "x", "911", "19005550100", "555"]).to_owned();
        let keys = dice.of(&[
            "",
            "1",
            "wait 0.2,2",
            "12,1",
            "wait 1,633,1,0",
            "0,*,#",
            "92025550100",
            "wait 0.1,9,wait 2,hangup",
        ]);
        let mut call = Simulation::new(&snapshot, from, &to, Arc::new(NoSounds));
        call.script = Script::parse(keys).unwrap();
        call.caller.number = dice.of(&["204", "912", "2025550100", "", "side"]).to_owned();
        call.phones = BTreeMap::from([("200".to_owned(), Party::Answers { after: 1, talks: Some(2) })]);
        call.trunks = BTreeMap::from([("itsp".to_owned(), Party::Answers { after: 1, talks: Some(2) })]);
        let trace = call.run();
        let story = || format!("seed {seed}, {entry} dials {to:?}, keys {keys:?}\n{text}\n{trace}");
        let report = report.entry(&entry).unwrap();
        for moment in &trace.moments {
            match &moment.what {
                What::Leg { trunk: Some(trunk), class, .. } => {
                    let sink = Sink::Trunk(trunk.clone());
                    if !matches!(kind, OriginKind::Extension(_)) {
                        return Err(format!("a paid leg for {}", story()));
                    }
                    if !report.sinks.iter().any(|(found, _)| *found == sink) {
                        return Err(format!("{sink} {class}: {}", story()));
                    }
                    paid += 1;
                }
                What::Refused { why, .. } if why.contains("the proof says") => {
                    return Err(format!("{why}: {}", story()));
                }
                What::Step { place, .. } => {
                    let mut parts = place.split(',');
                    let mut part = || parts.next().unwrap_or_default().to_owned();
                    let (context, exten, priority) = (part(), part(), part().parse().unwrap_or_default());
                    let found = snapshot.program.find(&context, &exten, priority, "", None);
                    if found.is_some_and(|found| !report.lines.contains(&found.line.span)) {
                        return Err(format!("{place} was never seen: {}", story()));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(paid)
}

#[test]
fn whatever_a_call_does_the_proof_has_seen() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let first = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u64);
    let mut paid = 0;
    for seed in first..first + rounds {
        paid += one_round(seed, false).unwrap_or_else(|beyond| panic!("{beyond}"));
    }
    // The test is worth nothing if nobody ever gets out.
    assert!(rounds < 50 || paid > 0, "no call reached a trunk");
}

#[test]
fn a_proof_that_forgets_the_trunks_is_caught() {
    assert!((1..=60).any(|seed| one_round(seed, true).is_err()));
}
