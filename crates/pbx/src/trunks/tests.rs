//! Who is a trunk, what it says, how it is told who calls, and what becomes of it when it is silent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sip::{Admit, Credentials, Doorman, Endpoint, Event, Flow, Request, Transport, Uri};

use super::keeper::{Keeper, Said};
use super::*;
use crate::switch::{Origin, Presentation};

fn config(trunk: Value) -> Config {
    Config::from_tree(&json!({ "trunk": { "itsp": trunk } })).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn flow(transport: Transport, remote: &str, connection: u64) -> Flow {
    Flow { transport, local: "127.0.0.1:5060".parse().unwrap(), remote: remote.parse().unwrap(), connection }
}

fn way(trunk: Value, flows: Vec<Flow>) -> TrunkWay {
    let trunk = config(trunk).trunks.remove("itsp").unwrap();
    let addresses = flows.iter().map(|flow| flow.remote.ip()).collect();
    let credentials = trunk.secret.is_some().then(|| Credentials::of_first_realm("me", "secret"));
    TrunkWay { trunk, flows, addresses, credentials, trouble: None }
}

fn invite(uri: &str, more: &str) -> Request {
    let text = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: \"Al\" <sip:12025550177@h>;tag=1\r\n\
         {}Call-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:x@h>\r\n{more}Content-Length: 0\r\n\r\n",
        if more.contains("To: ") { "" } else { "To: <sip:someone@h>\r\n" }
    );
    Request::parse(text.as_bytes()).unwrap()
}

/// The table of trunks as a keeper that was told of them shows it.
fn table(ways: Vec<(&str, TrunkWay)>) -> Arc<Trunks> {
    let trunks = Arc::new(Trunks::default());
    let mut keeper = Keeper::new(Arc::clone(&trunks), 1, Box::new(|_, _| {}));
    let mut endpoint = Endpoint::new(sip::Config::new([7; 32]));
    keeper.set(Instant::now(), &mut endpoint, ways.into_iter().map(|(name, way)| (name.to_owned(), way)).collect());
    trunks
}

#[test]
fn a_trunk_is_known_by_a_connection_of_ours_or_by_an_address_that_is_hard_enough_to_forge() {
    let line = (1 << 63) + 1;
    let trunks = table(vec![
        ("udp", way(json!({ "host": "192.0.2.1" }), vec![flow(Transport::Udp, "192.0.2.1:5060", 0)])),
        (
            "tls",
            way(json!({ "host": "192.0.2.2", "transport": "tls" }), vec![flow(Transport::Tls, "192.0.2.2:5061", line)]),
        ),
    ]);
    let check = |from: Flow, expected: Option<&str>| {
        assert_eq!(trunks.of(&from, &invite("sip:1@h", "")).as_deref(), expected, "{from:?}");
    };
    check(flow(Transport::Udp, "192.0.2.1:9", 0), Some("udp"));
    check(flow(Transport::Tcp, "192.0.2.1:9", 7), Some("udp"));
    check(flow(Transport::Udp, "192.0.2.9:5060", 0), None);
    check(flow(Transport::Tls, "192.0.2.2:5061", line), Some("tls"));
    check(flow(Transport::Tls, "192.0.2.2:40000", 9), Some("tls"));
    // A datagram with the address of a trunk that speaks TLS proves nothing.
    check(flow(Transport::Udp, "192.0.2.2:5061", 0), None);
    check(flow(Transport::Tcp, "192.0.2.2:5061", 9), None);
}

#[test]
fn trunks_at_one_address_are_told_apart_by_our_account() {
    let at = vec![flow(Transport::Udp, "192.0.2.1:5060", 0)];
    let of = |user: &str| {
        way(json!({ "kind": "register", "host": "192.0.2.1", "username": user, "secret": "env:X" }), at.clone())
    };
    let trunks = table(vec![("home", of("alice")), ("work", of("bob"))]);
    let from = flow(Transport::Udp, "192.0.2.1:5060", 0);
    assert_eq!(trunks.of(&from, &invite("sip:bob@h", "")).as_deref(), Some("work"));
    assert_eq!(trunks.of(&from, &invite("sip:alice@h", "")).as_deref(), Some("home"));
    assert_eq!(trunks.of(&from, &invite("sip:12025550100@h", "")).as_deref(), Some("home"));
}

#[test]
fn the_called_number_is_found_where_the_trunk_puts_it() {
    let check = |trunk: Value, uri: &str, to: &str, expected: &str| {
        let mut tree = json!({ "kind": "register", "host": "h", "username": "me", "secret": "env:X" });
        for (key, value) in trunk.as_object().unwrap() {
            tree[key] = value.clone();
        }
        let config = config(tree);
        let request = invite(uri, &format!("To: <sip:{to}@h>\r\n"));
        assert_eq!(called(&config, "itsp", &config.trunks["itsp"], &request), expected, "{uri} {to}");
    };
    check(json!({}), "sip:+12025550100@h", "me", "+12025550100");
    check(json!({}), "sip:me@h", "+12025550100", "+12025550100");
    check(json!({}), "sip:12025550100@h", "x", "+12025550100");
    check(json!({}), "sip:2025550100@h", "x", "+12025550100");
    check(json!({ "number_in": "to" }), "sip:+12025550100@h", "+12025550111", "+12025550111");
    check(json!({ "number_in": "request-uri" }), "sip:me@h", "+12025550111", "me");
    check(json!({ "number_format": "digits" }), "sip:442079460000@h", "x", "+442079460000");
    check(json!({ "prefix_in": "77" }), "sip:772025550100@h", "x", "+12025550100");
    // Short codes and words are no numbers of ours: nothing is put before them.
    check(json!({}), "sip:911@h", "x", "911");
    check(json!({}), "sip:204@h", "x", "204");
    check(json!({}), "sip:*72@h", "x", "*72");
}

#[test]
fn a_trunk_is_told_who_calls_as_its_owner_wants() {
    let show = |private, outside: Option<&str>| Presentation {
        number: "204".into(),
        name: "Kitchen".into(),
        private,
        outside: outside.map(str::to_owned),
    };
    let check = |trunk: Value, show: &Presentation, from: &str, headers: &[&str]| {
        let way = way(trunk, vec![flow(Transport::Tcp, "192.0.2.1:5060", 1 << 63)]);
        let route = Route::to_trunk(&way, way.flows[0], "+12025550123").unwrap();
        let party = route.from_party(show);
        assert_eq!(format!("{}@{}", party.user, party.host), from);
        let said: Vec<String> =
            route.identity_headers(show).iter().map(|(name, value)| format!("{name}: {}", value.to_text())).collect();
        assert_eq!(said, headers);
        assert_eq!(route.target.to_string(), "sip:+12025550123@sip.example.net;transport=tcp");
        assert!(route.patience.is_some());
    };
    let base = json!({ "host": "sip.example.net", "username": "me", "caller_id": "+12025550100" });
    check(base.clone(), &show(false, None), "+12025550100@sip.example.net", &[]);
    check(base.clone(), &show(false, Some("+12025550111")), "+12025550111@sip.example.net", &[]);
    check(base.clone(), &show(true, None), "anonymous@anonymous.invalid", &["Privacy: id"]);
    let mut pai = base;
    pai["identity"] = json!("pai");
    let asserted = "P-Asserted-Identity: <sip:+12025550100@sip.example.net>";
    check(pai.clone(), &show(false, None), "+12025550100@sip.example.net", &[asserted]);
    check(pai, &show(true, None), "anonymous@anonymous.invalid", &[asserted, "Privacy: id"]);
    check(json!({ "host": "sip.example.net" }), &show(false, None), "204@127.0.0.1", &[]);
}

#[test]
fn an_outbound_proxy_is_a_hop_and_not_the_destination() {
    let way = way(
        json!({ "host": "sip.example.net", "outbound_proxy": "edge.example.net:5070", "prefix": "9" }),
        vec![flow(Transport::Udp, "192.0.2.1:5070", 0)],
    );
    let route = Route::to_trunk(&way, way.flows[0], "12025550123").unwrap();
    assert_eq!(route.target.to_string(), "sip:912025550123@sip.example.net");
    assert_eq!(route.routes.iter().map(Uri::to_string).collect::<Vec<_>>(), ["sip:edge.example.net:5070;lr"]);
}

#[test]
fn a_phone_is_not_told_what_a_caller_hides() {
    let route = Route::to_phone(flow(Transport::Udp, "192.0.2.1:5060", 0), Uri::parse("sip:204@192.0.2.1").unwrap());
    let caller = Presentation { number: "+12025550177".into(), name: "Al".into(), private: true, outside: None };
    assert_eq!(route.from_party(&caller).user, "anonymous");
    assert!(route.identity_headers(&caller).is_empty());
}

/// What a provider answers to a request: a status and headers, or nothing.
type Answers<'a> = dyn FnMut(&str, &Flow) -> Option<(u16, String)> + 'a;

/// A keeper, an endpoint, and a provider who answers as a test says.
struct Bench {
    now: Instant,
    endpoint: Endpoint<Origin>,
    keeper: Keeper,
    trunks: Arc<Trunks>,
    told: Arc<Mutex<Vec<String>>>,
}

struct Nobody;

impl Doorman<Origin> for Nobody {
    fn admit(&mut self, _: Instant, _: &Request, _: &Flow) -> Admit<Origin> {
        Admit::Drop
    }
}

impl Bench {
    fn new(ways: Vec<(&str, TrunkWay)>) -> Self {
        let (now, trunks, told) = (Instant::now(), Arc::new(Trunks::default()), Arc::new(Mutex::new(Vec::new())));
        let list = Arc::clone(&told);
        let tell = Box::new(move |kind: &str, text: &str| list.lock().unwrap().push(format!("{kind}: {text}")));
        let mut keeper = Keeper::new(Arc::clone(&trunks), 7, tell);
        let mut endpoint = Endpoint::new(sip::Config::new([7; 32]));
        keeper.set(now, &mut endpoint, ways.into_iter().map(|(name, way)| (name.to_owned(), way)).collect());
        Self { now, endpoint, keeper, trunks, told }
    }

    /// Lets time pass; each request that is sent meanwhile is answered by `provider` with a status and headers, or not at all.
    fn run(&mut self, seconds: u64, provider: &mut Answers<'_>) {
        let end = self.now + Duration::from_secs(seconds);
        loop {
            self.keeper.timeout(self.now, &mut self.endpoint);
            let mut idle = true;
            while let Some(sent) = self.endpoint.poll_transmit() {
                idle = false;
                let text = String::from_utf8_lossy(&sent.bytes).into_owned();
                if let Some((status, more)) = provider(&text, &sent.flow) {
                    let response = answer(&text, status, &more);
                    self.endpoint.receive(self.now, sent.flow, response.as_bytes(), &mut Nobody);
                }
            }
            while let Some(event) = self.endpoint.poll_event() {
                idle = false;
                if let Event::Response { id, status, response, .. } = event {
                    assert!(self.keeper.answered(self.now, id, status, response.as_ref()));
                }
            }
            if !idle {
                continue;
            }
            let next = self.keeper.due().into_iter().chain(self.endpoint.poll_timeout()).min();
            match next.filter(|at| *at <= end) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
            self.endpoint.timeout(self.now);
        }
        self.now = end;
    }

    fn set(&mut self, ways: BTreeMap<String, TrunkWay>) {
        self.keeper.set(self.now, &mut self.endpoint, ways);
    }

    fn state(&self) -> (String, String) {
        let view = self.trunks.list().remove(0);
        (view.state, view.why)
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().drain(..).collect()
    }
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    message.split("\r\n").find_map(|l| l.strip_prefix(name).and_then(|l| l.strip_prefix(": "))).unwrap_or("")
}

fn answer(request: &str, status: u16, more: &str) -> String {
    format!(
        "SIP/2.0 {status} X\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=p\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: 0\r\n\r\n",
        header(request, "Via"),
        header(request, "From"),
        header(request, "To"),
        header(request, "Call-ID"),
        header(request, "CSeq"),
    )
}

fn register(flows: Vec<Flow>) -> TrunkWay {
    way(
        json!({ "kind": "register", "host": "sip.example.net", "username": "me", "secret": "env:X", "health": 0 }),
        flows,
    )
}

fn challenge(realm: &str) -> String {
    format!("WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"\r\n")
}

#[test]
fn it_registers_with_digest_and_refreshes() {
    let mut bench = Bench::new(vec![("itsp", register(vec![flow(Transport::Udp, "192.0.2.1:5060", 0)]))]);
    assert_eq!(bench.state().0, "unknown");
    let (mut challenged, mut granted) = (0, Vec::new());
    bench.run(400, &mut |sent, _| {
        assert!(sent.starts_with("REGISTER sip:sip.example.net SIP/2.0"), "{sent}");
        assert!(header(sent, "Contact").starts_with("<sip:me@127.0.0.1:5060"), "{sent}");
        assert!(!sent.contains("secret"), "{sent}");
        if header(sent, "Authorization").is_empty() {
            challenged += 1;
            return Some((401, challenge("itsp")));
        }
        granted.push(header(sent, "CSeq").to_owned());
        Some((200, "Contact: <sip:me@127.0.0.1:5060>;expires=120\r\n".to_owned()))
    });
    assert_eq!(bench.state(), ("up".to_owned(), String::new()));
    assert!((4..=5).contains(&granted.len()) && challenged == granted.len(), "{granted:?}");
    assert!(bench.told().is_empty());
}

#[test]
fn another_realm_gets_no_answer_and_the_owner_hears_why() {
    let mut bench = Bench::new(vec![("itsp", register(vec![flow(Transport::Udp, "192.0.2.1:5060", 0)]))]);
    let mut realm = "itsp";
    let mut answered = Vec::new();
    for round in 0..2 {
        bench.run(120, &mut |sent, _| {
            let auth = header(sent, "Authorization");
            if auth.is_empty() {
                return Some((401, challenge(realm)));
            }
            answered.push(auth.to_owned());
            Some((200, "Expires: 60\r\n".to_owned()))
        });
        if round == 0 {
            assert_eq!(bench.state().0, "up");
            answered.clear();
        }
        realm = "evil";
    }
    assert!(answered.is_empty(), "{answered:?}");
    let (state, why) = bench.state();
    assert!(state == "down" && why.contains("another realm"), "{state} {why}");
    assert_eq!(bench.told().len(), 1);
}

#[test]
fn a_wrong_secret_is_told_and_not_tried_again_and_again() {
    let mut bench = Bench::new(vec![("itsp", register(vec![flow(Transport::Udp, "192.0.2.1:5060", 0)]))]);
    let mut tries = 0;
    bench.run(3600, &mut |sent, _| {
        tries += usize::from(!header(sent, "Authorization").is_empty());
        Some((401, challenge("itsp")))
    });
    assert!((2..=8).contains(&tries), "{tries} tries in an hour");
    let (state, why) = bench.state();
    assert!(state == "down" && why.contains("user name or secret"), "{why}");
}

#[test]
fn a_silent_registrar_is_left_for_the_next_address() {
    let flows = vec![flow(Transport::Udp, "192.0.2.1:5060", 0), flow(Transport::Udp, "192.0.2.2:5060", 0)];
    let mut bench = Bench::new(vec![("itsp", register(flows))]);
    bench.run(30, &mut |_, flow| {
        (flow.remote.ip().to_string() == "192.0.2.2").then(|| (200, "Expires: 600\r\n".to_owned()))
    });
    let view = bench.trunks.list().remove(0);
    assert_eq!((view.state.as_str(), view.at.as_str()), ("up", "udp 192.0.2.2:5060"));
}

fn plain(flows: Vec<Flow>) -> TrunkWay {
    way(json!({ "host": "sip.example.net", "health": 30 }), flows)
}

#[test]
fn a_trunk_that_stops_answering_is_told_down_and_up_again_once() {
    let mut bench = Bench::new(vec![("itsp", plain(vec![flow(Transport::Udp, "192.0.2.1:5060", 0)]))]);
    // 404 is an answer too: somebody is there.
    bench.run(100, &mut |sent, _| {
        assert!(sent.starts_with("OPTIONS sip:sip.example.net SIP/2.0"), "{sent}");
        Some((404, String::new()))
    });
    assert_eq!(bench.state().0, "up");
    bench.run(60, &mut |_, _| None);
    assert_eq!(bench.state().0, "down");
    bench.run(300, &mut |_, _| None);
    let told = bench.told();
    assert!(told.len() == 1 && told[0].starts_with("trunk-down: trunk itsp"), "{told:?}");
    bench.run(60, &mut |_, _| Some((200, String::new())));
    assert_eq!(bench.state().0, "up");
    assert_eq!(bench.told(), ["trunk-up: trunk itsp works again"]);
}

#[test]
fn a_trunk_that_never_answers_options_is_tried_all_the_same() {
    let mut bench = Bench::new(vec![("itsp", plain(vec![flow(Transport::Udp, "192.0.2.1:5060", 0)]))]);
    let mut asked = 0;
    bench.run(600, &mut |_, _| {
        asked += 1;
        None
    });
    assert_eq!(bench.state().0, "unknown");
    assert!(bench.told().is_empty() && asked > 10);
}

#[test]
fn a_refused_connection_is_down_at_once_and_says_why() {
    let line = (1 << 63) + 3;
    let mut bench = Bench::new(vec![("itsp", plain(vec![flow(Transport::Tls, "192.0.2.1:5061", line)]))]);
    bench.keeper.timeout(bench.now, &mut bench.endpoint);
    bench.keeper.refused(line, "its certificate has expired");
    bench.endpoint.interrupted(bench.now, line);
    bench.run(1, &mut |_, _| None);
    assert_eq!(bench.state(), ("down".to_owned(), "its certificate has expired".to_owned()));
}

#[test]
fn an_owner_s_question_is_answered_whatever_happens() {
    let mut bench = Bench::new(vec![("itsp", plain(vec![flow(Transport::Udp, "192.0.2.1:5060", 0)]))]);
    let said: Arc<Mutex<Vec<Said>>> = Arc::default();
    let ask = |bench: &mut Bench, name: &str, status: Option<u16>| {
        let list = Arc::clone(&said);
        let listener = Box::new(move |said| list.lock().unwrap().push(said));
        bench.keeper.probe(bench.now, &mut bench.endpoint, name, false, listener);
        bench.run(40, &mut |_, _| status.map(|status| (status, String::new())));
        let found = said.lock().unwrap().pop().unwrap();
        (found.status, found.words)
    };
    assert_eq!(ask(&mut bench, "itsp", Some(200)), (200, "answers (200 X)".to_owned()));
    let (status, words) = ask(&mut bench, "itsp", None);
    assert!(status == 0 && words.contains("does not answer"), "{words}");
    assert_eq!(ask(&mut bench, "nobody", Some(200)).0, 0);
}

#[test]
fn what_did_not_change_keeps_its_registration() {
    let at = vec![flow(Transport::Udp, "192.0.2.1:5060", 0)];
    let mut bench = Bench::new(vec![("itsp", register(at.clone()))]);
    let mut registered = 0;
    let mut provider = |_: &str, _: &Flow| {
        registered += 1;
        Some((200, "Expires: 3600\r\n".to_owned()))
    };
    bench.run(5, &mut provider);
    let ways = |way: TrunkWay| BTreeMap::from([("itsp".to_owned(), way)]);
    bench.set(ways(register(at.clone())));
    bench.run(5, &mut provider);
    assert_eq!(registered, 1, "looked up again, and nothing new");
    bench.set(ways(register(vec![flow(Transport::Udp, "192.0.2.7:5060", 0)])));
    let mut moved = None;
    bench.run(5, &mut |_, flow| {
        moved = Some(flow.remote.to_string());
        Some((200, "Expires: 3600\r\n".to_owned()))
    });
    assert_eq!(moved.as_deref(), Some("192.0.2.7:5060"), "the name moved");
    bench.set(BTreeMap::new());
    assert!(bench.trunks.list().is_empty() && bench.keeper.due().is_none());
}

#[test]
fn where_we_no_longer_want_to_be_called_the_registration_is_taken_back() {
    let at = vec![flow(Transport::Udp, "192.0.2.1:5060", 0)];
    let provider = |seen: &mut Vec<String>, request: &str| {
        seen.push(format!(
            "{} {}",
            header(request, "From").split(['<', '>']).nth(1).unwrap(),
            header(request, "Expires")
        ));
        Some((200, "Expires: 3600\r\n".to_owned()))
    };
    // What it becomes, and what its provider hears then.
    let same = "sip:me@sip.example";
    let cases: [(Option<Value>, Vec<String>); 4] = [
        (None, vec![format!("{same} 0")]),
        (Some(json!({ "codecs": ["pcma"] })), vec![format!("{same} 3600")]),
        (Some(json!({ "username": "you" })), vec![format!("{same} 0"), "sip:you@sip.example 3600".to_owned()]),
        (Some(json!({ "kind": "address" })), vec![format!("{same} 0")]),
    ];
    for (change, expected) in cases {
        let trunk = |change: &Value| {
            let mut all = json!({ "kind": "register", "host": "sip.example", "username": "me", "secret": "env:X",
                "expires": 3600, "health": 0 });
            all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            TrunkWay { credentials: Some(Credentials::of_first_realm("me", "s3cret")), ..way(all, at.clone()) }
        };
        let mut bench = Bench::new(vec![("itsp", trunk(&json!({})))]);
        bench.run(5, &mut |request, _| provider(&mut Vec::new(), request));
        assert_eq!(bench.state().0, "up");
        let mut seen = Vec::new();
        bench.set(change.iter().map(|change| ("itsp".to_owned(), trunk(change))).collect());
        bench.run(5, &mut |request, _| provider(&mut seen, request));
        assert_eq!(seen, expected, "{change:?}");
        assert_eq!(bench.keeper.leaving(), 0);
    }
}

#[test]
fn a_host_that_cannot_be_called_is_down_and_costs_nothing() {
    let odd = way(json!({ "host": "a@b!c" }), vec![flow(Transport::Udp, "192.0.2.1:5060", 0)]);
    let mut bench = Bench::new(vec![("itsp", odd)]);
    bench.run(600, &mut |_, _| panic!("nothing is sent"));
    assert_eq!(bench.state().0, "down");
    assert_eq!(bench.keeper.due(), None);
}
