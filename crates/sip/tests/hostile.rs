//! What strangers send: refused early, answered only at their own address, kept by nobody.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/raw.rs"]
mod raw;

use bytes::Bytes;
use proptest::prelude::*;
use raw::{Bench, Count, Wall, flow, header, request, request_to, status, to_tag};
use sip::{Event, Flow, Limits, Transport, limits};

const F: Flow = Flow {
    transport: Transport::Udp,
    local: std::net::SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 5060)),
    remote: std::net::SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::new(127, 0, 0, 9), 40_000)),
    connection: 0,
};

#[test]
fn an_answer_goes_to_the_source_whatever_via_says() {
    for claim in
        [";maddr=127.0.0.8", ";received=127.0.0.8", ";rport=9999", ";received=127.0.0.8;rport=9999;maddr=127.0.0.7", ""]
    {
        let mut b = Bench::new(Count::default());
        let text = request("OPTIONS", "a", "", "").replace(";rport", claim);
        // `put` itself fails if anything goes elsewhere.
        let out = b.put(F, &text);
        assert_eq!(status(&out[0]), 200);
        let via = header(&out[0], "Via");
        assert!(via.contains(";received=127.0.0.9"), "{via}");
        assert!(!via.contains("127.0.0.8") && !via.contains("127.0.0.7") && !via.contains("9999"), "{via}");
        assert_eq!(via.contains(";rport=40000"), claim.contains("rport"), "{via}");
        assert_eq!(b.end.stats(), Bench::new(Count::default()).end.stats(), "nothing is kept");
    }
}

#[test]
fn lower_vias_come_back_as_they_were() {
    let mut b = Bench::new(Count::default());
    let text = request("OPTIONS", "a", "Via: SIP/2.0/UDP two;branch=z9hG4bK2;received=1.2.3.4\r\n", "")
        .replace(";rport\r\n", ";x=\"a, b\", SIP/2.0/TCP one;maddr=5.6.7.8;branch=z9hG4bK1\r\n");
    let out = b.put(F, &text);
    let vias: Vec<&str> = out[0].split("\r\n").filter_map(|l| l.strip_prefix("Via: ")).collect();
    assert_eq!(vias.len(), 2);
    assert!(
        vias[0].ends_with(";x=\"a, b\";received=127.0.0.9, SIP/2.0/TCP one;maddr=5.6.7.8;branch=z9hG4bK1"),
        "{}",
        vias[0]
    );
    assert_eq!(vias[1], "SIP/2.0/UDP two;branch=z9hG4bK2;received=1.2.3.4");
}

#[test]
fn the_doorman_is_asked_once_and_before_anything_is_kept() {
    for method in ["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "REFER", "NOTIFY"] {
        let empty = Bench::new(Count::default()).end.stats();
        let mut wall = Bench::new(Wall(Some(401)));
        let out = wall.put(F, &request(method, "a", "", ""));
        assert_eq!((out.len(), status(&out[0])), (1, 401));
        assert_eq!(wall.end.stats(), empty);
        assert_eq!(wall.put(F, &request(method, "a", "", "")), out, "a repetition gets the same bytes");
        // Its ACK finds nothing and is met with silence.
        let ack = request_to("ACK", "sip:204@127.0.0.1", "a", &to_tag(&out[0]), "c1", 1, "", "");
        assert!(wall.put(F, &ack).is_empty());
        let mut silent = Bench::new(Wall(None));
        assert!(silent.put(F, &request(method, "a", "", "")).is_empty());
        assert_eq!(silent.end.stats(), empty);
        let mut open = Bench::new(Count::default());
        open.put(F, &request(method, "a", "", ""));
        open.put(F, &request(method, "a", "", ""));
        assert_eq!(open.door.0, if method == "OPTIONS" { 2 } else { 1 }, "{method}");
        assert_eq!(open.events().len(), usize::from(method != "OPTIONS"));
    }
}

#[test]
fn what_cannot_be_served_is_refused_with_the_right_words() {
    let invite = || request("INVITE", "a", "", "v=0");
    let cases: Vec<(String, u16)> = vec![
        (request("CANCEL", "a", "", ""), 481),
        (request("BYE", "a", "", ""), 481),
        (request("INFO", "a", "", ""), 481),
        (request("PRACK", "a", "", ""), 481),
        (request_to("BYE", "sip:x@h", "a", "tag", "c", 1, "", ""), 481),
        (request_to("INVITE", "sip:x@h", "a", "tag", "c", 1, "", ""), 481),
        (request("PUBLISH", "a", "", ""), 405),
        (request("SUCK", "a", "", ""), 501),
        (invite().replace("Max-Forwards: 70", "Max-Forwards: 0"), 483),
        (request("INVITE", "a", "Require: 100rel, gruu\r\nRequire: x\r\n", ""), 420),
        (invite().replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), 505),
        (invite().replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), 400),
        (invite().replace("CSeq: 1 ", "CSeq: 2147483648 "), 400),
        (invite().replace("<sip:100@10.9.9.9>", "*"), 400),
        (invite().replace("Contact: <sip:100@10.9.9.9>\r\n", ""), 400),
        (invite().replace("<sip:100@10.9.9.9>", "<sip:1@a>, <sip:2@a>"), 400),
        (invite().replace("<sip:100@10.9.9.9>", "<mailto:1@a>"), 400),
        (invite().replace("application/sdp", "text/plain"), 415),
        (request("INVITE", "a", "Content-Encoding: gzip\r\n", "x"), 415),
        (invite().replace("INVITE sip:204@", "INVITE http:204@"), 416),
        (invite().replace("INVITE sip:204@", &format!("INVITE sip:{}@", "1".repeat(limits::USER_BYTES + 1))), 404),
        (invite().replace("INVITE sip:204@", "INVITE sip:20%00@"), 404),
        (invite().replace("INVITE sip:204@", "INVITE sip:20%0d%0aX@"), 404),
        (invite().replace("INVITE sip:204@", &format!("INVITE sip:{}@", "1".repeat(limits::URI_BYTES))), 414),
        (request("INVITE", "a", "Date: yesterday\r\n", ""), 400),
        (request("INVITE", "a", "Expires: never\r\n", ""), 400),
        (request("INVITE", "a", "Route: <sip:a\r\n", ""), 400),
        (request("INVITE", "a", &"Record-Route: <sip:a;lr>\r\n".repeat(17), ""), 400),
        (invite().replace("To: <sip:204@127.0.0.1>", "To: <sip:204@127.0.0.1>\r\nTo: <sip:1@h>"), 400),
        (invite().replace("Call-ID: c1\r\n", "Call-ID: c1\r\nBad header\r\n"), 400),
        (invite().replace("Content-Length: 3", "Content-Length: 30"), 400),
        (invite().replace("Content-Length: 3", "Content-Length: -3"), 400),
        (request("INVITE", "a", &"X: y\r\n".repeat(limits::HEADERS), ""), 400),
    ];
    for (text, want) in cases {
        let mut b = Bench::new(Count::default());
        let empty = b.end.stats();
        let out = b.put(F, &text);
        assert_eq!(out.len(), 1, "{text}");
        assert_eq!(status(&out[0]), want, "{text}\n{}", out[0]);
        assert!(out[0].contains("branch=z9hG4bKa"));
        assert_eq!(out[0].matches("\r\nTo: ").count(), 1);
        assert_eq!((b.door.0, b.end.stats()), (0, empty), "{text}");
    }
    let mut b = Bench::new(Count::default());
    let out = b.put(F, &request("SUCK", "a", "", ""));
    assert!(header(&out[0], "Allow").contains("INVITE"));
    let out = b.put(F, &request("INVITE", "a", "Require: 100rel, gruu\r\nRequire: x\r\n", ""));
    assert_eq!(header(&out[0], "Unsupported"), "gruu, x");
}

#[test]
fn what_deserves_no_answer_gets_none() {
    let options = || request("OPTIONS", "a", "", "");
    for text in [
        request("ACK", "a", "", ""),
        request("ACK", "a", "Bad header\r\n", ""),
        request("ACK", "a", "Date: x\r\n", ""),
        options().replace("Via: SIP/2.0/UDP", "Via: SIP/1.0/UDP"),
        options().replace("Via: ", "X: "),
        options().replace("OPTIONS sip", "SIP/2.0 200 sip"),
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n".into(),
        "\r\n\r\n".into(),
        "hello world\r\n\r\n".into(),
        String::new(),
        options().replace("Via: SIP", &format!("{}Via: SIP", "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n".repeat(limits::VIAS))),
    ] {
        let mut b = Bench::new(Count::default());
        assert!(b.put(F, &text).is_empty(), "{text}");
        assert!(b.events().is_empty());
    }
    let mut b = Bench::new(Count::default());
    assert!(b.put(flow(9, 0), &options()).is_empty(), "port 0");
}

#[test]
fn merged_copies_of_one_request_get_482() {
    let mut b = Bench::new(Count::default());
    assert_eq!(status(&b.put(F, &request("INVITE", "a", "", ""))[0]), 100);
    assert_eq!(status(&b.put(F, &request("INVITE", "b", "", ""))[0]), 482);
    assert_eq!(status(&b.put(flow(8, 1), &request("INVITE", "a", "", ""))[0]), 482);
    assert_eq!(b.events().len(), 1);
    b.assert_empty();
}

#[test]
fn a_cancel_counts_only_on_the_invites_own_flow() {
    let mut b = Bench::new(Count::default());
    b.put(F, &request("INVITE", "a", "", ""));
    assert_eq!(status(&b.put(flow(9, 41_000), &request("CANCEL", "a", "", ""))[0]), 481);
    assert_eq!(status(&b.put(flow(8, 40_000), &request("CANCEL", "a", "", ""))[0]), 481);
    assert_eq!(b.events().len(), 1);
    let out = b.put(F, &request("CANCEL", "a", "", ""));
    assert_eq!(out.iter().map(|m| status(m)).collect::<Vec<_>>(), [200, 487]);
    assert!(matches!(b.events()[..], [Event::Cancelled { .. }]));
    assert_eq!(status(&b.put(F, &request("CANCEL", "a", "", ""))[0]), 200, "a repeated one");
    let ack = request_to("ACK", "sip:204@127.0.0.1", "a", &to_tag(&out[1]), "c1", 1, "", "");
    b.put(F, &ack);
    b.assert_empty();
}

#[test]
fn one_source_cannot_have_all_the_waiting_room() {
    let mut b = Bench::new(Count::default());
    let send = |b: &mut Bench<Count>, f: Flow, n: usize| {
        let text = request_to("MESSAGE", "sip:204@127.0.0.1", &format!("b{n}"), "", &format!("c{n}"), 1, "", "");
        b.put(f, &text)
    };
    for n in 0..limits::PENDING_PER_SOURCE {
        assert!(send(&mut b, F, n).is_empty());
    }
    let out = send(&mut b, flow(9, 50_000), 900);
    assert_eq!(status(&out[0]), 503);
    assert_eq!(header(&out[0], "Retry-After"), "5");
    assert!(send(&mut b, flow(8, 1), 901).is_empty(), "another source is served");
    // Answering frees the place at once.
    let Event::Request { txn, .. } = b.events().remove(0) else { panic!() };
    b.end.respond(b.now, txn, 200, "", vec![], None);
    b.out(F);
    assert!(send(&mut b, F, 902).is_empty());
    b.assert_empty();
}

#[test]
fn the_table_is_bounded_and_finished_transactions_make_room() {
    let mut b = Bench::new(Count::default());
    let mut config = sip::Config::new([7; 32]);
    config.limits = Limits { transactions: 100, packets_burst: 100_000, ..Limits::default() };
    b.end = sip::Endpoint::new(config);
    for n in 0..1000u16 {
        let text = request_to("MESSAGE", "sip:204@127.0.0.1", &format!("b{n}"), "", &format!("c{n}"), 1, "", "");
        let f = flow(u8::try_from(n % 200).unwrap() + 2, 1000 + n);
        assert!(b.put(f, &text).is_empty());
        for e in b.events() {
            if let Event::Request { txn, .. } = e {
                b.end.respond(b.now, txn, 200, "", vec![], None);
            }
        }
        b.out(f);
        assert!(b.end.stats().server_transactions <= 100);
    }
    // Nothing finished: no room.
    for n in 0..100u16 {
        let text = request_to("MESSAGE", "sip:204@127.0.0.1", &format!("d{n}"), "", &format!("d{n}"), 1, "", "");
        b.put(flow(u8::try_from(n).unwrap() + 2, 1), &text);
    }
    let out = b.put(F, &request("MESSAGE", "z", "", ""));
    assert_eq!(status(&out[0]), 503);
    b.assert_empty();
}

#[test]
fn sessions_are_bounded() {
    let mut b = Bench::new(Count::default());
    let mut config = sip::Config::new([7; 32]);
    config.limits = Limits { sessions: 3, ..Limits::default() };
    b.end = sip::Endpoint::new(config);
    let mut answers = Vec::new();
    for n in 0..4 {
        let text = request_to("INVITE", "sip:204@127.0.0.1", &format!("b{n}"), "", &format!("c{n}"), 1, "", "v=0");
        answers.push(status(&b.put(F, &text)[0]));
    }
    assert_eq!(answers, [100, 100, 100, 503]);
    b.assert_empty();
}

#[test]
fn a_flood_of_one_source_is_not_even_parsed() {
    let mut b = Bench::new(Count::default());
    let text = request("OPTIONS", "a", "", "");
    let answered = (0..10_000).filter(|_| !b.put(F, &text).is_empty()).count();
    assert_eq!(answered, limits::PACKETS_BURST as usize);
    assert_eq!(b.end.stats().dropped, 10_000 - u64::from(limits::PACKETS_BURST));
    assert!(!b.put(flow(8, 1), &text).is_empty());
}

#[test]
fn only_who_knows_the_dialog_may_speak_in_it() {
    let mut b = Bench::new(Count::default());
    b.put(F, &request("INVITE", "a", "", "v=0"));
    let Event::Invite { session, .. } = b.events().remove(0) else { panic!() };
    b.end.accept(b.now, session, Bytes::from_static(b"v=0"), vec![]);
    let ok = b.out(F).remove(0);
    let tag = to_tag(&ok);
    assert_eq!(header(&ok, "Contact"), "<sip:204@127.0.0.1:5060;transport=udp>");
    let inside = |method: &str, cseq: u32, tag: &str, call: &str, from: &str| {
        request_to(method, "sip:204@127.0.0.1", &format!("i{cseq}{method}"), tag, call, cseq, "", "")
            .replace("tag=f1", from)
    };
    b.put(F, &inside("ACK", 1, &tag, "c1", "tag=f1"));
    assert!(matches!(b.events()[..], [Event::Confirmed { .. }]));
    for (tag, call, from) in [("x", "c1", "tag=f1"), (&tag[..], "c2", "tag=f1"), (&tag[..], "c1", "tag=f2")] {
        assert_eq!(status(&b.put(F, &inside("BYE", 5, tag, call, from))[0]), 481);
    }
    // What is required and not understood is named, inside a dialog as well.
    let require = inside("INFO", 7, &tag, "c1", "tag=f1").replace("CSeq", "Require: x\r\nCSeq");
    let out = b.put(F, &require);
    assert_eq!((status(&out[0]), header(&out[0], "Unsupported")), (420, "x"));
    // Old numbers change nothing.
    assert_eq!(status(&b.put(F, &inside("BYE", 1, &tag, "c1", "tag=f1"))[0]), 500);
    assert!(b.events().is_empty());
    let bye = inside("BYE", 2, &tag, "c1", "tag=f1");
    assert_eq!(status(&b.put(F, &bye)[0]), 200);
    assert_eq!(status(&b.put(F, &bye)[0]), 200, "repeated");
    assert!(matches!(b.events()[..], [Event::Ended { .. }]));
    b.assert_empty();
}

#[test]
fn our_requests_follow_the_peer_only_where_he_proves_himself() {
    let mut b = Bench::new(Count::default());
    b.put(F, &request("INVITE", "a", "", "v=0"));
    let Event::Invite { session, .. } = b.events().remove(0) else { panic!() };
    b.end.accept(b.now, session, Bytes::from_static(b"v=0"), vec![]);
    let tag = to_tag(&b.out(F)[0]);
    let inside = |method: &str, cseq: u32| {
        request_to(method, "sip:204@127.0.0.1", &format!("i{cseq}"), &tag, "c1", cseq, "", "")
    };
    b.put(F, &inside("ACK", 1));
    let moved = flow(9, 50_000);
    b.put(moved, &inside("OPTIONS", 2));
    let stranger = flow(8, 50_000);
    b.put(stranger, &inside("OPTIONS", 3));
    b.events();
    b.end.bye(b.now, session, None);
    let bye = b.out(moved);
    assert!(bye[0].starts_with("BYE sip:100@10.9.9.9 SIP/2.0\r\n"), "{}", bye[0]);
}

#[test]
fn responses_come_from_the_host_that_was_asked() {
    let mut b = Bench::new(Count::default());
    let invite = sip::Invite {
        flow: F,
        target: sip::Uri::parse("sip:204@10.9.9.9;x=y?Subject=z").unwrap(),
        from: sip::Party::new("100", "h"),
        to: None,
        routes: vec![sip::Uri::parse("sip:proxy;lr").unwrap()],
        sdp: Bytes::from_static(b"v=0"),
        headers: vec![],
        credentials: None,
        patience: None,
        max_forwards: 69,
    };
    b.end.invite(b.now, invite);
    let sent = b.out(F).remove(0);
    assert!(sent.starts_with("INVITE sip:204@10.9.9.9;x=y SIP/2.0\r\n"), "{sent}");
    assert_eq!(header(&sent, "Route"), "<sip:proxy;lr>");
    let answer = |status: &str, vias: &str| {
        format!(
            "SIP/2.0 {status}\r\n{vias}Via: {}\r\nFrom: {}\r\nTo: {};tag=9\r\nCall-ID: {}\r\nCSeq: {}\r\nContent-Length: 0\r\n\r\n",
            header(&sent, "Via"),
            header(&sent, "From"),
            header(&sent, "To"),
            header(&sent, "Call-ID"),
            header(&sent, "CSeq")
        )
    };
    assert!(b.put(flow(8, 40_000), &answer("486 Busy", "")).is_empty());
    assert!(b.put(F, &answer("486 Busy", "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n")).is_empty());
    assert!(b.put(F, &answer("486 Busy", "").replace("tag=9", "tag=9\r\nTo: <sip:x@y>")).is_empty());
    assert!(b.events().is_empty());
    assert_eq!(b.put(flow(9, 41_000), &answer("180 Ringing", "")).len(), 0);
    assert!(matches!(b.events()[..], [Event::Progress { .. }]));
    b.end.receive(b.now, F, answer("486 Busy", "").as_bytes(), &mut b.door);
    let ack = b.out(F);
    assert!(ack[0].starts_with("ACK "));
    // Repeated refusals get the ACK again and tell nothing new.
    assert_eq!(b.put(F, &answer("486 Busy", "")), ack);
    assert_eq!(b.events().len(), 1);
    b.assert_empty();
}

fn seeds() -> Vec<String> {
    vec![
        request("INVITE", "a", "Supported: 100rel\r\n", "v=0"),
        request("REGISTER", "b", "Contact: <sip:1@h>;expires=60\r\nAuthorization: Digest username=\"1\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"x\"\r\n", ""),
        request("OPTIONS", "c", "", ""),
        request("CANCEL", "a", "", ""),
        request_to("BYE", "sip:x@h", "d", "t", "c1", 2, "Reason: Q.850;cause=16\r\n", ""),
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n".into(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut b = Bench::new(Count::default());
        b.put_bytes(F, &bytes);
    }

    #[test]
    fn mutated_messages_never_panic_and_leave_nothing(
        picks in prop::collection::vec((0usize..6, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 0..6)), 1..12)
    ) {
        let mut b = Bench::new(Count::default());
        let seeds = seeds();
        for (pick, edits) in picks {
            let mut bytes = seeds[pick].clone().into_bytes();
            for (at, byte, how) in edits {
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    2 => { bytes.remove(at); }
                    _ => { let tail = bytes.split_off(at); bytes.extend_from_slice(&tail[tail.len() / 2..]); bytes.push(byte); }
                }
            }
            for out in b.put_bytes(F, &bytes) {
                // What we send is well-formed and has only lines that begin like headers.
                let head = out.split("\r\n\r\n").next().unwrap();
                for line in head.split("\r\n").skip(1) {
                    prop_assert!(line.split_once(": ").is_some() || line.ends_with(':') , "{line:?}");
                    prop_assert!(!line.contains(['\r', '\n', '\0']));
                }
            }
            for e in b.events() {
                if let Event::Invite { session, .. } = e {
                    b.end.accept(b.now, session, Bytes::from_static(b"x"), vec![]);
                    b.out(F);
                }
            }
        }
        b.assert_empty();
    }
}

/// What real phones and gateways write that is odd but harmless.
#[test]
fn odd_but_harmless_requests_are_served() {
    for (from, to) in [
        ("SIP/2.0/UDP 10.9.9.9:5060", "SIP/2.0/UDP my_phone_1.local:5060"),
        ("SIP/2.0/UDP 10.9.9.9:5060", "SIP/2.0/UDP [2001:db8::1]:5060;alias"),
        ("Max-Forwards: 70\r\n", ""),
        ("Call-ID: c1", "Call-ID: 1-2345@127.0.0.1"),
        ("\"Al\" <sip:100@example.com>;tag=f1", "sip:100@example.com;tag=f1"),
        ("\"Al\" <sip:100", "\"Jürgen \\\"J\\\" Müller\" <sip:+1-202-555-0100"),
        ("\"Al\" <sip:100", "Al Bundy <sip:100"),
        ("\"Al\" <sip:100@example.com>", "<sip:100@example.com;user=phone>"),
        ("To: <sip:204@127.0.0.1>", "t: <sip:204@127.0.0.1:5060;transport=UDP>"),
        ("Content-Length: 0", "l: 0"),
        ("CSeq: 1 OPTIONS", "CSeq:  1  OPTIONS"),
        (";rport", ""),
        ("OPTIONS sip:204@127.0.0.1", "OPTIONS sip:127.0.0.1"),
        ("OPTIONS sip:204@127.0.0.1", "OPTIONS sip:*72@127.0.0.1"),
        ("OPTIONS sip:204@127.0.0.1", "OPTIONS sip:%2372@my_pbx:5060;transport=udp"),
        ("OPTIONS sip:204@127.0.0.1", "OPTIONS tel:+12025550100"),
        ("Content-Length: 0", "Accept: \r\nSupported: \r\nX-Empty:\r\nContent-Length: 0"),
    ] {
        let text = request("OPTIONS", "a", "", "").replacen(from, to, 1);
        assert_ne!(text, request("OPTIONS", "a", "", ""));
        let mut b = Bench::new(Count::default());
        let out = b.put(F, &text);
        assert_eq!(status(out.first().map_or("", |m| m)), 200, "{text}\n{out:?}");
    }
}

#[test]
fn what_cannot_be_answered_is_not_let_in() {
    // An answer repeats From and the like; ours carries no control characters, so there could be none.
    for name in ["From", "To", "Call-ID", "Record-Route"] {
        for odd in ['\0', '\u{1}', '\u{7f}'] {
            let mut b = Bench::new(Count::default());
            let text = request("INVITE", "a", "Record-Route: <sip:r@x;lr>\r\n", "v=0");
            let odd = text
                .split("\r\n")
                .map(|line| match line.split_once(": ") {
                    Some((n, value)) if n == name => format!("{n}: \"{odd}\" {value}"),
                    _ => line.to_owned(),
                })
                .collect::<Vec<_>>()
                .join("\r\n");
            assert_ne!(odd, text);
            b.put(F, &odd);
            for event in b.events() {
                if let Event::Invite { session, .. } = event {
                    b.end.reject(b.now, session, 486, "", vec![]);
                    b.out(F);
                }
            }
            b.run(400_000);
            let stats = b.end.stats();
            assert_eq!((stats.server_transactions, stats.sessions, stats.indexes), (0, 0, 0), "{name}: {stats:?}");
        }
    }
}

#[test]
fn the_room_that_a_flood_took_is_given_back() {
    let mut b = Bench::new(Count::default());
    let mut config = sip::Config::new([7; 32]);
    config.limits = Limits { pending_per_source: 50_000, packets_burst: 100_000, ..Limits::default() };
    b.end = sip::Endpoint::new(config);
    for n in 0..12_000u32 {
        let text = request_to("MESSAGE", "sip:204@127.0.0.1", &format!("b{n}"), "", &format!("c{n}"), 1, "", "");
        let f = flow(u8::try_from(n % 200).unwrap() + 2, 1000);
        b.put(f, &text);
        for e in b.events() {
            if let Event::Request { txn, .. } = e {
                b.end.respond(b.now, txn, 200, "", vec![], None);
            }
        }
        b.out(f);
    }
    assert!(b.end.stats().room > 10_000, "{:?}", b.end.stats());
    b.run(40_000);
    b.end.timeout(b.now);
    let stats = b.end.stats();
    assert!(stats.server_transactions == 0 && stats.room < 2_000, "{stats:?}");
}
