//! Each bound of `pbx::limits` is passed by one, and holds: what a caller, a phone or a plan does too much of costs
//! him his call and never us our memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dialplan::Place;
use media::plane::Event as MediaEvent;
use pbx::call::Tree;
use pbx::limits;
use pbx::simulate::{Party, Script, Simulation, Trace, What};
use pbx::switch::{CallEvent, Origin};
use sip::{Admit, Doorman, Endpoint, Flow, Request};
use support::{Bench, OneSecond, flow, request, snapshot, to_tag};

fn tree() -> Tree {
    Tree::new("t".to_owned(), Origin::System, "system".to_owned(), None, String::new(), None)
}

fn stranger() -> Origin {
    Origin::Stranger { source: IpAddr::from([192, 0, 2, 1]) }
}

fn when(trace: &Trace, is: impl Fn(&What) -> bool) -> f64 {
    trace.moments.iter().find(|moment| is(&moment.what)).unwrap_or_else(|| panic!("{trace}")).at
}

fn near(at: f64, limit: Duration) {
    assert!((at - limit.as_secs_f64()).abs() < 1.0, "{at} s, not {limit:?}");
}

#[test]
fn a_call_tree_has_so_many_local_channels_over_its_life() {
    let tree = tree();
    let taken = (0..limits::LOCAL_TOTAL + 10).filter(|_| tree.take_local()).count();
    assert_eq!(taken, limits::LOCAL_TOTAL);
}

#[test]
fn a_call_tree_is_parked_so_often() {
    let tree = tree();
    let taken = (0..limits::PARKINGS + 10).filter(|_| tree.take_parking()).count();
    assert_eq!(taken, limits::PARKINGS);
}

#[test]
fn a_record_keeps_so_many_lines_of_the_way() {
    let tree = tree();
    for priority in 1..=u32::try_from(limits::PATH).unwrap() + 50 {
        tree.pass(&Place::new("loop", "s", priority), "NoOp");
    }
    assert_eq!(tree.path().len(), limits::PATH);
    assert_eq!(tree.path().first().unwrap(), "loop,s,1 NoOp");
}

/// As many phones as a call may have legs, rung at once.
fn ring_everybody(phones: usize) -> Trace {
    let numbers: Vec<String> = (0..phones).map(|n| format!("{}", 2000 + n)).collect();
    let mut toml = String::from("[strangers]\nanswer = \"context:test\"\n");
    for number in &numbers {
        toml.push_str(&format!("[extension.{number}]\n"));
    }
    let all: Vec<String> = numbers.iter().map(|number| format!("PJSIP/{number}")).collect();
    let plan = format!("[test]\nexten => s,1,Dial({},5)\n same => n,NoOp(${{DIALSTATUS}})\n", all.join("&"));
    let snapshot = snapshot(&toml, &plan);
    let mut call = Simulation::new(&snapshot, stranger(), "s", Arc::new(OneSecond));
    call.phones = numbers.iter().map(|number| (number.clone(), Party::Rings)).collect();
    call.run()
}

#[test]
fn a_call_has_so_many_legs_at_a_time() {
    // The caller's own leg is one of them.
    let trace = ring_everybody(limits::LEGS);
    assert_eq!(trace.rung().count(), limits::LEGS - 1, "{trace}");
    let trace = ring_everybody(limits::LEGS + 1);
    assert_eq!(trace.rung().count(), 0);
    assert!(trace.lines().any(|line| line.contains("INVALIDARGS")), "{trace}");
}

#[tokio::test]
async fn so_many_keys_wait_while_nobody_listens() {
    let plan = "[test]\nexten => s,1,Dial(PJSIP/204)\n same => n,Read(X,,0,,1,1)\n\
                same => n,GotoIf($[${LEN(${X})} = 64]?full,1)\nexten => full,1,NoOp()\n";
    assert_eq!(limits::DIGITS, 64, "the plan above has it");
    let mut bench = Bench::with("[strangers]\nanswer = \"context:test\"\n[extension.204]\n", plan).await;
    let peer = flow("127.0.0.9:5060");
    bench.put(peer, &request("INVITE", 1, 1, "", "s", ""));
    let mut answer = String::new();
    while !answer.starts_with("SIP/2.0 200") {
        answer = bench.order().await.pop().unwrap_or_default();
    }
    // No ACK yet: the caller counts as nobody, and his keys are kept for what comes then.
    let (port, events) = bench.media.0.lock().unwrap().first().cloned().unwrap();
    for _ in 0..limits::DIGITS + 36 {
        events.send(CallEvent::Media(MediaEvent::Digit { port, digit: '7', ms: 100 })).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    bench.put(peer, &request("ACK", 1, 1, &to_tag(&answer), "s", ""));
    let begun = Instant::now();
    let path = loop {
        if let Some(record) = bench.records.all().into_iter().find(|record| record.ended_at.is_some()) {
            break record.path;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the call goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(path.iter().any(|line| line.starts_with("test,full,1")), "{path:?}");
}

#[test]
fn a_caller_who_shows_no_life_is_let_go() {
    let snapshot =
        snapshot("[strangers]\nanswer = \"context:test\"\n[extension.204]\n", "[test]\nexten => s,1,Dial(PJSIP/204)\n");
    let mut call = Simulation::new(&snapshot, stranger(), "s", Arc::new(OneSecond));
    call.speaks = false;
    let trace = call.run();
    assert_eq!(trace.rung().count(), 0);
    near(when(&trace, |what| matches!(what, What::End { by: "exchange", .. })), limits::PROOF_OF_LIFE);
}

#[test]
fn an_attempt_outside_or_inside_rings_so_long_whatever_the_plan_says() {
    for patience in ["", ",86400"] {
        let plan = format!("[test]\nexten => s,1,Dial(PJSIP/204{patience})\n same => n,Hangup()\n");
        let snapshot = snapshot("[strangers]\nanswer = \"context:test\"\n[extension.204]\n", &plan);
        let mut call = Simulation::new(&snapshot, stranger(), "s", Arc::new(OneSecond));
        call.phones = BTreeMap::from([("204".to_owned(), Party::Rings)]);
        call.script = Script::parse("wait 1000").unwrap();
        let trace = call.run();
        let let_go = when(&trace, |what| matches!(what, What::Party { does, .. } if does == "is let go"));
        near(let_go, limits::RINGING);
    }
}

#[tokio::test]
async fn globals_are_bounded_and_known_ones_can_still_be_set() {
    let bench = Bench::new("").await;
    for n in 0..limits::GLOBALS + 5 {
        bench.exchange.set_global(&format!("G{n}"), "x");
    }
    let last = format!("G{}", limits::GLOBALS + 4);
    assert_eq!(bench.exchange.global(&last), None);
    bench.exchange.set_global("G0", "y");
    assert_eq!(bench.exchange.global("G0").as_deref(), Some("y"));
}

#[tokio::test]
async fn a_call_that_takes_no_mail_loses_its_legs() {
    let mut bench = Bench::new("").await;
    let peer = flow("127.0.0.9:5060");
    bench.put(peer, &request("INVITE", 1, 1, "", "x", ""));
    let mut answer = String::new();
    while !answer.starts_with("SIP/2.0 200") {
        answer = bench.order().await.pop().unwrap_or_default();
    }
    let tag = to_tag(&answer);
    bench.put(peer, &request("ACK", 1, 1, &tag, "x", ""));
    assert_eq!(bench.signal.sessions(), 1);
    // The call's task does not run while we speak.
    let info = (0..limits::MAILBOX + 50).find(|n| {
        let out = bench.put(peer, &request("INFO", 1, n + 2, &tag, "x", ""));
        out.iter().any(|message| message.starts_with("BYE "))
    });
    let taken = info.expect("the leg is ended");
    assert!((limits::MAILBOX - 8..=limits::MAILBOX).contains(&taken), "{taken}");
    assert_eq!(bench.signal.sessions(), 0);
}

#[tokio::test]
async fn a_call_that_is_over_waits_only_so_long_for_its_figures() {
    let mut bench = Bench::new("").await;
    let peer = flow("127.0.0.9:5060");
    bench.put(peer, &request("INVITE", 1, 1, "", "x", ""));
    bench.put(peer, &request("CANCEL", 1, 1, "", "x", "").replace("-1-CANCEL", "-1-INVITE"));
    let begun = Instant::now();
    // These ports never say what they measured.
    while bench.records.all().iter().all(|record| record.ended_at.is_none()) {
        assert!(begun.elapsed() < limits::CLOSING * 20, "the record stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn way(toml: &str, at: &str) -> BTreeMap<String, pbx::trunks::TrunkWay> {
    let config = snapshot(toml, "").config;
    let way = |trunk: &pbx::config::Trunk| pbx::trunks::TrunkWay {
        trunk: trunk.clone(),
        flows: vec![flow(&format!("{at}:5060"))],
        addresses: vec![at.parse().unwrap()],
        credentials: None,
        trouble: None,
    };
    config.trunks.iter().map(|(name, trunk)| (name.clone(), way(trunk))).collect()
}

/// INVITEs from one address that nobody answers, until one is turned down; how many were taken.
fn until_turned_down(
    endpoint: &mut Endpoint<Origin>,
    now: Instant,
    peer: Flow,
    door: &mut impl Doorman<Origin>,
) -> usize {
    (0..3_000)
        .find(|n| {
            endpoint.receive(now, peer, request("INVITE", *n, 1, "", "x", "").as_bytes(), door);
            let mut out = std::iter::from_fn(|| endpoint.poll_transmit());
            out.any(|packet| packet.bytes.starts_with(b"SIP/2.0 503"))
        })
        .expect("one is turned down")
}

#[tokio::test]
async fn so_many_calls_of_a_trunk_wait_for_an_answer() {
    let toml = "[trunk.line]\nkind = \"address\"\nhost = \"127.9.9.9\"\n";
    let mut bench = Bench::new(toml).await;
    bench.signal.set_trunks(bench.now, &mut bench.endpoint, way(toml, "127.9.9.9"));
    let (now, peer) = (bench.now, flow("127.9.9.9:5060"));
    let taken = until_turned_down(&mut bench.endpoint, now, peer, bench.signal.door());
    assert_eq!(taken, limits::PENDING_TRUNK);
    // A stranger has what the protocol's own bound gives him.
    let mut bench = Bench::new("[strangers]\nmax_calls = 5000\nper_source = 5000\n").await;
    let taken = until_turned_down(&mut bench.endpoint, now, peer, bench.signal.door());
    assert_eq!(taken, sip::limits::PENDING_PER_SOURCE);
}

/// Lets everybody in as a phone, with the allowance of the real door.
struct AllPhones<'a>(&'a pbx::entry::Door);

impl Doorman<Origin> for AllPhones<'_> {
    fn admit(&mut self, _: Instant, _: &Request, _: &Flow) -> Admit<Origin> {
        Admit::Accept(Origin::Extension { user: "204".to_owned() })
    }
    fn allowance(&self, origin: &Origin) -> usize {
        self.0.allowance(origin)
    }
}

#[tokio::test]
async fn so_many_calls_of_the_phones_at_one_address_wait_for_an_answer() {
    let mut bench = Bench::new("[extension.204]\n").await;
    let mut endpoint = Endpoint::new(sip::Config::new([7; 32]));
    let mut door = AllPhones(bench.signal.door());
    let taken = until_turned_down(&mut endpoint, bench.now, flow("127.0.0.9:5060"), &mut door);
    assert_eq!(taken, limits::PENDING_PHONES);
}

#[tokio::test]
async fn so_many_registrations_wait_for_the_store() {
    let bench = Bench::new("").await;
    let wanted = limits::KEEPER + 200;
    // The keeper does not run while we speak.
    for n in 0..wanted {
        let text = request("REGISTER", n, 1, "", &format!("u{n}"), "Expires: 600\r\n");
        let reply = bench.phones.register(
            bench.now,
            &format!("u{n}"),
            &Request::parse(text.as_bytes()).unwrap(),
            flow("127.0.0.9:5060"),
        );
        assert_eq!(reply.status, 200);
    }
    assert_eq!(bench.phones.registered(), wanted, "every phone is registered all the same");
    let begun = Instant::now();
    let kept = loop {
        let kept = bench.store.registrations(jiff::Timestamp::now().as_millisecond()).await.unwrap().len();
        if kept >= limits::KEEPER || begun.elapsed() > Duration::from_secs(60) {
            break kept;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let after = bench.store.registrations(jiff::Timestamp::now().as_millisecond()).await.unwrap().len();
    assert_eq!((kept.min(limits::KEEPER), after), (limits::KEEPER, limits::KEEPER));
}
