//! The rules of RFC 3261 §10.3 and our bounds.

use super::*;

const AOR: &str = "204";

fn flow(n: u16) -> Flow {
    Flow::udp("127.0.0.1:5060".parse().unwrap(), format!("127.0.0.2:{n}").parse().unwrap())
}

fn tcp(connection: u64) -> Flow {
    Flow { transport: Transport::Tcp, connection, ..flow(4000) }
}

fn register(call_id: &str, cseq: u32, headers: &str) -> Request {
    let text = format!(
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:204@h>;tag=1\r\n\
         To: <sip:204@h>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\nUser-Agent: phone\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    Request::parse(text.as_bytes()).unwrap()
}

fn count(r: &Registrar, now: Instant) -> usize {
    r.bindings(now, AOR).count()
}

#[test]
fn contacts_come_stay_and_go() {
    let now = Instant::now();
    let mut r = Registrar::new();
    let reply = r.register(now, AOR, &register("a", 1, "Contact: <sip:204@10.0.0.1>\r\nExpires: 60\r\n"), flow(1));
    assert_eq!((reply.status, reply.changed), (200, true));
    assert_eq!(reply.headers[0].1.to_text(), "<sip:204@10.0.0.1>;expires=60");
    let reply = r.register(
        now,
        AOR,
        &register("b", 1, "m: <sip:204@10.0.0.2>;expires=120;q=0.5, <sip:204@10.0.0.3>\r\n"),
        flow(2),
    );
    assert_eq!(reply.headers.len(), 3);
    assert_eq!(r.bindings(now, AOR).last().unwrap().q, 500);
    let asked = r.register(now, AOR, &register("c", 1, ""), flow(9));
    assert_eq!((asked.headers.len(), asked.changed), (3, false));
    assert_eq!(r.aor_of(now, &flow(2)), Some(AOR));
    assert_eq!(r.aor_of(now, &flow(9)), None);
    let later = now + Duration::from_secs(61);
    assert_eq!(count(&r, later), 2);
    assert_eq!(r.expire(later), vec![AOR.to_owned()]);
    assert_eq!(r.len(), 2);
    let reply = r.register(later, AOR, &register("b", 2, "Contact: *\r\nExpires: 0\r\n"), flow(2));
    assert_eq!((reply.status, reply.headers.len()), (200, 0));
    assert!(r.is_empty() && r.poll_timeout().is_none());
}

#[test]
fn a_star_wants_expires_zero_and_company_of_none() {
    let now = Instant::now();
    let mut r = Registrar::new();
    for bad in [
        "Contact: *\r\n",
        "Contact: *\r\nExpires: 60\r\n",
        "Contact: *\r\nContact: <sip:a@b>\r\nExpires: 0\r\n",
        "Contact: tel:+1\r\n",
        "Contact: <sip:a@b\r\n",
        "Contact: <sip:a@b>\r\nExpires: x\r\n",
    ] {
        assert_eq!(r.register(now, AOR, &register("a", 1, bad), flow(1)).status, 400, "{bad}");
    }
    assert!(r.is_empty());
}

#[test]
fn intervals_are_bounded() {
    let now = Instant::now();
    let mut r = Registrar::new();
    let brief = r.register(now, AOR, &register("a", 1, "Contact: <sip:a@b>;expires=5\r\n"), flow(1));
    assert_eq!(brief.status, 423);
    assert_eq!(brief.headers, vec![(Name::MinExpires, Value::number(30))]);
    let long = r.register(now, AOR, &register("a", 2, "Contact: <sip:a@b>;expires=4294967295\r\n"), flow(1));
    assert!(long.headers[0].1.to_text().ends_with("expires=3600"));
    let none = r.register(now, AOR, &register("a", 3, "Contact: <sip:a@b>\r\n"), flow(1));
    assert!(none.headers[0].1.to_text().ends_with("expires=600"));
    assert_eq!(r.len(), 1);
}

#[test]
fn old_requests_of_one_call_id_change_nothing() {
    let now = Instant::now();
    let mut r = Registrar::new();
    let contact = "Contact: <sip:a@b>;expires=60\r\n";
    assert_eq!(r.register(now, AOR, &register("a", 5, contact), flow(1)).status, 200);
    for (cseq, headers) in [(5, contact), (4, contact), (4, "Contact: *\r\nExpires: 0\r\n")] {
        assert_eq!(r.register(now, AOR, &register("a", cseq, headers), flow(2)).status, 500);
    }
    assert_eq!(r.bindings(now, AOR).next().unwrap().flow, flow(1));
    assert_eq!(r.register(now, AOR, &register("a", 6, contact), flow(2)).status, 200);
    assert_eq!(r.bindings(now, AOR).next().unwrap().flow, flow(2));
}

#[test]
fn one_instance_is_one_phone() {
    let now = Instant::now();
    let mut r = Registrar::new();
    let at = |host: &str| format!("Contact: <sip:a@{host}>;+sip.instance=\"<urn:uuid:1>\";expires=60\r\n");
    r.register(now, AOR, &register("a", 1, &at("10.0.0.1")), flow(1));
    r.register(now, AOR, &register("b", 1, &at("10.0.0.2")), flow(2));
    assert_eq!(count(&r, now), 1);
    assert_eq!(r.bindings(now, AOR).next().unwrap().contact.host(), "10.0.0.2");
}

#[test]
fn contacts_and_bindings_are_bounded() {
    let now = Instant::now();
    let mut r = Registrar::new();
    for n in 0..limits::CONTACTS + 5 {
        let headers = format!("Contact: <sip:a@10.0.0.{n}>;expires={}\r\n", 100 + n);
        assert_eq!(r.register(now, AOR, &register(&format!("c{n}"), 1, &headers), flow(1)).status, 200);
    }
    assert_eq!(count(&r, now), limits::CONTACTS);
    assert_eq!(r.len(), limits::CONTACTS);
    let saved = |n: usize| SavedBinding {
        aor: format!("u{n}"),
        contact: "sip:a@b".into(),
        flow: flow(1),
        remaining: Duration::from_secs(60),
        q: 1000,
        instance: None,
        user_agent: None,
        call_id: "c".into(),
        cseq: 1,
    };
    let room = limits::BINDINGS - r.len();
    assert_eq!(r.import(now, (0..room + 10).map(saved)), room);
    assert_eq!(r.len(), limits::BINDINGS);
    assert_eq!(r.register(now, "x", &register("x", 1, "Contact: <sip:x@y>\r\n"), flow(1)).status, 503);
}

#[test]
fn a_closed_connection_takes_its_bindings_along() {
    let now = Instant::now();
    let mut r = Registrar::new();
    r.register(now, "a", &register("a", 1, "Contact: <sip:a@b>\r\n"), tcp(7));
    r.register(now, "u", &register("u", 1, "Contact: <sip:u@b>\r\n"), flow(7));
    assert_eq!(r.closed(7), vec!["a".to_owned()]);
    assert_eq!(r.closed(0), Vec::<String>::new());
    assert_eq!(r.len(), 1);
}

#[test]
fn the_indexes_follow() {
    let now = Instant::now();
    let mut r = Registrar::new();
    for n in 0..200u16 {
        let aor = format!("u{}", n % 20);
        let headers = format!("Contact: <sip:a@10.0.0.{}>;expires={}\r\n", n % 7, 60 + n);
        let f = if n.is_multiple_of(3) { tcp(u64::from(n % 5)) } else { flow(n % 11 + 1) };
        assert_eq!(r.register(now, &aor, &register(&format!("c{n}"), 1, &headers), f).status, 200);
        if n.is_multiple_of(50) {
            r.closed(u64::from(n % 5));
        }
        let all: Vec<&Binding> = r.bindings.values().flatten().collect();
        assert_eq!(r.count, all.len());
        assert_eq!(r.poll_timeout(), all.iter().map(|b| b.expires).min());
        assert!(all.iter().all(|b| r.aor_of(now, &b.flow).is_some()));
    }
    r.expire(now + Duration::from_secs(1000));
    assert!(r.is_empty() && r.flows.is_empty() && r.expiries.is_empty() && r.bindings.is_empty());
}

#[test]
fn bindings_survive_a_restart_over_udp() {
    let now = Instant::now();
    let mut r = Registrar::new();
    r.register(now, "a", &register("a", 1, "Contact: <sip:a@b>;expires=60\r\n"), tcp(7));
    r.register(now, "u", &register("u", 1, "Contact: <sip:u@b>;expires=90;q=0.3\r\n"), flow(7));
    let saved = r.export(now + Duration::from_secs(10));
    assert_eq!(saved.len(), 2);
    let mut again = Registrar::new();
    assert_eq!(again.import(now, saved.clone()), 1);
    assert_eq!(again.export(now), saved.into_iter().filter(|s| s.aor == "u").collect::<Vec<_>>());
    assert_eq!(again.len(), 1);
}
