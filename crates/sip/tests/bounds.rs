//! Bounds of `limits` that no other test reaches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/raw.rs"]
mod raw;

use bytes::Bytes;
use raw::{Bench, Count, flow, header, request, request_to, status, to_tag};
use sip::{Credentials, Event, Invite, Party, SessionId, Uri, limits};

fn answered(text: &str) -> u16 {
    let mut b = Bench::new(Count::default());
    b.put(flow(9, 1), text).first().map_or(0, |m| status(m))
}

#[test]
fn sizes_of_messages() {
    let body = |n: usize| request("MESSAGE", "a", "Content-Type: text/plain\r\n", &"x".repeat(n));
    assert_eq!(answered(&body(limits::BODY_BYTES)), 0, "taken and waiting");
    assert_eq!(answered(&body(limits::BODY_BYTES + 1)), 400);
    let long = |n: usize| request("OPTIONS", "a", &format!("X: {}\r\n", "x".repeat(n)), "");
    assert_eq!(answered(&long(limits::HEADER_BYTES - 10)), 200);
    assert_eq!(answered(&long(limits::HEADER_BYTES + 10)), 400);
    let folded = |n: usize| request("OPTIONS", "a", &format!("X: y{}\r\n", "\r\n z".repeat(n)), "");
    assert_eq!(answered(&folded(limits::FOLDS)), 200);
    assert_eq!(answered(&folded(limits::FOLDS + 2)), 400);
    let token = |n: usize| request("OPTIONS", "a", "", "").replace("c1", &"c".repeat(n));
    assert_eq!(answered(&token(limits::TOKEN_BYTES)), 200);
    assert_eq!(answered(&token(limits::TOKEN_BYTES + 1)), 400);
    let mut b = Bench::new(Count::default());
    assert!(b.put_bytes(flow(9, 1), &vec![b'x'; limits::MESSAGE_BYTES + 1]).is_empty());
}

fn up(b: &mut Bench<Count>) -> (SessionId, String) {
    let f = flow(9, 1);
    b.put(f, &request("INVITE", "a", "", "v=0"));
    let Event::Invite { session, .. } = b.events().remove(0) else { panic!() };
    b.end.accept(b.now, session, Bytes::from_static(b"v=0"), vec![]);
    let tag = to_tag(&b.out(f)[0]);
    b.put(f, &request_to("ACK", "sip:204@127.0.0.1", "k", &tag, "c1", 1, "", ""));
    b.events();
    (session, tag)
}

#[test]
fn requests_that_wait_in_a_session() {
    let mut b = Bench::new(Count::default());
    let (_, tag) = up(&mut b);
    let mut answers = Vec::new();
    for n in 0..u32::try_from(limits::PENDING_PER_SESSION).unwrap() + 1 {
        let info = request_to("INFO", "sip:204@127.0.0.1", &format!("i{n}"), &tag, "c1", n + 2, "", "");
        answers.extend(b.put(flow(9, 1), &info).iter().map(|m| status(m)));
    }
    assert_eq!(answers, [503]);
    assert_eq!(b.events().len(), limits::PENDING_PER_SESSION);
    // Hanging up is never refused, and ends them all.
    let out = b.put(flow(9, 1), &request_to("BYE", "sip:204@127.0.0.1", "b", &tag, "c1", 99, "", ""));
    assert_eq!(status(&out[0]), 200, "{out:?}");
    b.assert_empty();
}

#[test]
fn glares_in_a_row() {
    let f = flow(9, 1);
    let mut b = Bench::new(Count::default());
    let (session, _) = up(&mut b);
    b.end.reinvite(b.now, session, Bytes::from_static(b"x"));
    let mut tries = std::collections::BTreeSet::new();
    for _ in 0..20 {
        for sent in b.out(f) {
            if sent.starts_with("INVITE") {
                tries.insert(header(&sent, "CSeq").to_owned());
                let answer = format!(
                    "SIP/2.0 491 Pending\r\nVia: {}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {}\r\nContent-Length: 0\r\n\r\n",
                    header(&sent, "Via"),
                    header(&sent, "From"),
                    header(&sent, "To"),
                    header(&sent, "Call-ID"),
                    header(&sent, "CSeq")
                );
                b.end.receive(b.now, f, answer.as_bytes(), &mut b.door);
            }
        }
        b.run(1000);
    }
    assert_eq!(tries.len(), usize::from(limits::GLARE_RETRIES) + 1);
    assert!(matches!(b.events()[..], [Event::OfferFailed { status: 491, .. }]));
    b.end.bye(b.now, session, None);
    b.assert_empty();
}

#[test]
fn challenges_in_a_row() {
    let f = flow(9, 1);
    let mut b = Bench::new(Count::default());
    b.end.invite(
        b.now,
        Invite {
            flow: f,
            target: Uri::parse("sip:204@127.0.0.9").unwrap(),
            from: Party::anonymous(),
            to: None,
            routes: vec![],
            sdp: Bytes::from_static(b"offer"),
            headers: vec![],
            credentials: Some(Credentials::new("u", "r", "p")),
            patience: None,
            max_forwards: 70,
        },
    );
    let mut tries = 0;
    let mut sent = b.out(f);
    while let Some(invite) = sent.pop().filter(|m| m.starts_with("INVITE")) {
        tries += 1;
        let answer = format!(
            "SIP/2.0 401 No\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=x\r\nCall-ID: {}\r\nCSeq: {}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"{tries}\", qop=\"auth\", stale=true\r\nContent-Length: 0\r\n\r\n",
            header(&invite, "Via"),
            header(&invite, "From"),
            header(&invite, "To"),
            header(&invite, "Call-ID"),
            header(&invite, "CSeq")
        );
        sent = b.put(f, &answer);
    }
    assert_eq!(tries, usize::from(limits::CHALLENGES) + 1);
    b.assert_empty();
}

#[test]
fn packets_that_nobody_fetches() {
    let mut b = Bench::new(Count::default());
    let _ = b.end.buckets().grant(flow(9, 1).remote.ip(), 1_000_000, 1_000_000);
    let text = request("OPTIONS", "a", "", "");
    for _ in 0..limits::QUEUE + 10 {
        b.end.receive(b.now, flow(9, 1), text.as_bytes(), &mut b.door);
    }
    assert_eq!(b.end.stats().queued, limits::QUEUE);
}

#[test]
fn hops_of_a_route() {
    let routed = |count: usize| {
        let routes = "Record-Route: <sip:10.0.0.1;lr>\r\n".repeat(count);
        let mut b = Bench::new(Count::default());
        b.put(flow(9, 1), &request("INVITE", "a", &routes, "v=0"));
        let events = b.events();
        events.iter().any(|event| matches!(event, Event::Invite { .. }))
    };
    assert!(routed(limits::ROUTES));
    assert!(!routed(limits::ROUTES + 1));
    let invite = |count: usize| {
        let mut b = Bench::new(Count::default());
        let route = Uri::parse("sip:10.0.0.1;lr").unwrap();
        let invite = Invite {
            flow: flow(9, 1),
            target: Uri::parse("sip:204@10.0.0.9").unwrap(),
            from: Party::new("200", "127.0.0.1"),
            to: None,
            routes: vec![route; count],
            sdp: Bytes::from_static(b"v=0"),
            headers: vec![],
            credentials: None,
            patience: None,
            max_forwards: 70,
        };
        b.end.invite(b.now, invite);
        b.out(flow(9, 1)).len()
    };
    assert_eq!((invite(limits::ROUTES), invite(limits::ROUTES + 1)), (1, 0));
}
