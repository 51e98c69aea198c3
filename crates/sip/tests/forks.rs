//! Forks, reliable provisionals and challenges, against peers who write their messages by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/raw.rs"]
mod raw;

use std::time::Duration;

use bytes::Bytes;
use raw::{Bench, Count, flow, header, request, request_to, status, to_tag};
use sip::{Credentials, Event, ForkTag, Invite, Party, Uri, limits};

fn invite(credentials: Option<Credentials>) -> Invite {
    Invite {
        flow: flow(9, 5060),
        target: Uri::parse("sip:204@127.0.0.9").unwrap(),
        from: Party::new("100", "h"),
        to: None,
        routes: vec![],
        sdp: Bytes::from_static(b"offer"),
        headers: vec![],
        credentials,
        patience: None,
        max_forwards: 70,
    }
}

/// A response to one of our requests.
fn answer(sent: &str, status: &str, tag: &str, more: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let to = header(sent, "To").split(";tag=").next().unwrap();
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to};tag={tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
        header(sent, "Via"),
        header(sent, "From"),
        header(sent, "Call-ID"),
        header(sent, "CSeq"),
        body.len()
    )
}

#[test]
fn the_first_answer_wins_and_others_are_hung_up() {
    let f = flow(9, 5060);
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, invite(None));
    let sent = b.out(f).remove(0);
    for tag in ["x", "y", "x"] {
        b.put(f, &answer(&sent, "180 Ringing", tag, "", ""));
    }
    let forks: Vec<ForkTag> = b
        .events()
        .into_iter()
        .map(|e| match e {
            Event::Progress { fork, .. } => fork,
            e => panic!("{e:?}"),
        })
        .collect();
    assert_eq!(forks, [ForkTag(0), ForkTag(1), ForkTag(0)]);
    let contact = "Contact: <sip:y@10.0.0.2>\r\nRecord-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n";
    let ok = answer(&sent, "200 OK", "y", contact, "answer");
    let ack = b.put(f, &ok);
    assert!(ack[0].starts_with("ACK sip:y@10.0.0.2 SIP/2.0\r\n"), "{}", ack[0]);
    let routes: Vec<&str> = ack[0].split("\r\n").filter_map(|l| l.strip_prefix("Route: ")).collect();
    assert_eq!(routes, ["<sip:p2;lr>", "<sip:p1;lr>"]);
    assert!(matches!(&b.events()[..], [Event::Answered { fork: ForkTag(1), sdp: Some(s), .. }] if s == "answer"));
    assert_eq!(b.put(f, &ok), ack, "a repeated 2xx gets the same ACK");
    // Phone x answers too: ACK and BYE, once.
    let late = answer(&sent, "200 OK", "x", "Contact: <sip:x@10.0.0.1>\r\n", "answer");
    let out = b.put(f, &late);
    assert!(out[0].starts_with("ACK sip:x@10.0.0.1") && out[1].starts_with("BYE sip:x@10.0.0.1"));
    assert!(header(&out[1], "To").ends_with(";tag=x"));
    assert_eq!(b.put(f, &late), [out[0].clone()], "only the ACK again");
    b.put(f, &answer(&out[1], "200 OK", "x", "", ""));
    assert!(b.events().is_empty());
    assert_eq!(b.end.stats().dialogs, 1);
    // Even after our own hang-up.
    let Some(session) = Some(sip::SessionId(1)) else { return };
    b.end.bye(b.now, session, None);
    let bye = b.out(f);
    b.put(f, &answer(&bye[0], "200 OK", "y", "", ""));
    let third = b.put(f, &answer(&sent, "200 OK", "z", "Contact: <sip:z@10.0.0.3>\r\n", "answer"));
    assert!(third[0].starts_with("ACK") && third[1].starts_with("BYE"));
    b.assert_empty();
}

#[test]
fn forks_are_bounded() {
    let f = flow(9, 5060);
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, invite(None));
    let sent = b.out(f).remove(0);
    for n in 0..limits::FORKS + 10 {
        b.put(f, &answer(&sent, "180 Ringing", &format!("t{n}"), "", ""));
    }
    assert_eq!(b.events().len(), limits::FORKS);
    assert_eq!(b.end.stats().dialogs, limits::FORKS);
    // An answer of a phone that did not fit still counts.
    let out = b.put(f, &answer(&sent, "200 OK", "late", "Contact: <sip:x@h>\r\n", "answer"));
    assert!(out[0].starts_with("ACK"));
    let mut killed = 0;
    for n in 0..limits::FORKS + 10 {
        killed +=
            usize::from(!b.put(f, &answer(&sent, "200 OK", &format!("k{n}"), "Contact: <sip:x@h>\r\n", "")).is_empty());
    }
    assert_eq!(killed, limits::FORKS);
    b.end.closed(b.now, 0);
    b.end.bye(b.now, sip::SessionId(1), None);
    b.assert_empty();
}

#[test]
fn reliable_provisionals_are_acknowledged_in_order() {
    let f = flow(9, 5060);
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, invite(None));
    let sent = b.out(f).remove(0);
    assert_eq!(header(&sent, "Supported"), "100rel, replaces, timer");
    let reliable = |rseq: u32, body: &str| {
        answer(&sent, "183 Progress", "x", &format!("Require: 100rel\r\nRSeq: {rseq}\r\nContact: <sip:x@h>\r\n"), body)
    };
    let prack = b.put(f, &reliable(7, "early"));
    assert!(prack[0].starts_with("PRACK sip:x@h SIP/2.0\r\n"));
    assert_eq!(header(&prack[0], "RAck"), format!("7 {}", header(&sent, "CSeq")));
    assert!(b.put(f, &reliable(7, "early")).is_empty(), "a repetition");
    assert!(b.put(f, &reliable(9, "early")).is_empty(), "one is missing");
    assert_eq!(b.put(f, &reliable(8, "")).len(), 1);
    assert_eq!(b.events().len(), 2);
    // The 2xx has no SDP: the answer was in the provisional.
    b.put(f, &answer(&sent, "200 OK", "x", "Contact: <sip:x@h>\r\n", ""));
    assert!(matches!(&b.events()[..], [Event::Answered { sdp: Some(s), .. }] if s == "early"));
}

#[test]
fn who_requires_reliable_provisionals_gets_them() {
    let f = flow(9, 40_000);
    let mut b = Bench::new(Count::default());
    b.put(f, &request("INVITE", "a", "Require: 100rel\r\n", "offer"));
    let Event::Invite { session, .. } = b.events().remove(0) else { panic!() };
    b.end.ring(b.now, session, 183, Some(Bytes::from_static(b"early")));
    let first = b.out(f).remove(0);
    assert_eq!((status(&first), header(&first, "Require")), (183, "100rel"));
    let tag = to_tag(&first);
    // The next ones wait for the PRACK; so does the answer.
    b.end.ring(b.now, session, 180, None);
    assert!(b.end.accept(b.now, session, Bytes::from_static(b"answer"), vec![]));
    assert!(b.out(f).is_empty());
    b.run(1_600);
    assert_eq!(b.out(f), [first.clone(), first.clone()], "repeated after 0.5 and 1.5 s");
    let rseq: u32 = header(&first, "RSeq").parse().unwrap();
    let prack = |n: u32, rack: &str| {
        request_to("PRACK", "sip:204@127.0.0.1", &format!("p{n}"), &tag, "c1", n, &format!("RAck: {rack}\r\n"), "")
    };
    assert_eq!(status(&b.put(f, &prack(2, &format!("{} 1 INVITE", rseq + 1)))[0]), 481);
    assert_eq!(status(&b.put(f, &prack(3, &format!("{rseq} 2 INVITE")))[0]), 481);
    let out = b.put(f, &prack(4, &format!("{rseq} 1 INVITE")));
    assert_eq!(out.iter().map(|m| status(m)).collect::<Vec<_>>(), [200, 200]);
    assert!(out[1].contains("CSeq: 1 INVITE") && out[1].ends_with("Content-Length: 0\r\n\r\n"), "the SDP went before");
    b.put(f, &request_to("ACK", "sip:204@127.0.0.1", "k", &tag, "c1", 1, "", ""));
    assert!(matches!(b.events()[..], [Event::Confirmed { answer: None, .. }]));
    b.end.bye(b.now, session, None);
    b.assert_empty();
}

#[test]
fn a_provisional_that_nobody_acknowledges_ends_the_call() {
    let f = flow(9, 40_000);
    let mut b = Bench::new(Count::default());
    b.put(f, &request("INVITE", "a", "Require: 100rel\r\n", "offer"));
    let Event::Invite { session, .. } = b.events().remove(0) else { panic!() };
    b.end.ring(b.now, session, 180, None);
    b.run(33_000);
    let last = b.out(f).into_iter().find(|m| status(m) >= 200).unwrap();
    assert_eq!(status(&last), 504);
    assert!(matches!(b.events()[..], [Event::Ended { cause: sip::End::Timeout, .. }]));
    b.assert_empty();
}

#[test]
fn an_offer_of_ours_is_answered_in_the_ack() {
    let f = flow(9, 40_000);
    let mut b = Bench::new(Count::default());
    b.put(f, &request("INVITE", "a", "", ""));
    let Event::Invite { session, offer: None, .. } = b.events().remove(0) else { panic!() };
    b.end.accept(b.now, session, Bytes::from_static(b"our offer"), vec![]);
    let ok = b.out(f).remove(0);
    let tag = to_tag(&ok);
    b.put(f, &request_to("ACK", "sip:204@127.0.0.1", "k", &tag, "c1", 1, "", "their answer"));
    assert!(matches!(&b.events()[..], [Event::Confirmed { answer: Some(s), .. }] if s == "their answer"));
    // And in a re-INVITE without offer.
    b.put(f, &request_to("INVITE", "sip:204@127.0.0.1", "r", &tag, "c1", 2, "", ""));
    let Event::Offer { txn, sdp: None, .. } = b.events().remove(0) else { panic!() };
    b.end.respond_offer(b.now, txn, Ok(Bytes::from_static(b"our second")));
    let ok = b.out(f).remove(0);
    assert!(ok.ends_with("our second"));
    b.put(f, &request_to("ACK", "sip:204@127.0.0.1", "k2", &tag, "c1", 2, "", "yes"));
    assert!(matches!(&b.events()[..], [Event::Answer { sdp, .. }] if sdp == "yes"));
    b.end.bye(b.now, session, None);
    b.assert_empty();
}

fn challenge(realm: &str, nonce: &str, more: &str) -> String {
    format!(
        "WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\"{more}\r\nWWW-Authenticate: Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\"{more}\r\n"
    )
}

#[test]
fn a_challenge_of_our_realm_is_answered_once() {
    let f = flow(9, 5060);
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, invite(Some(Credentials::new("u", "itsp", "p"))));
    let first = b.out(f).remove(0);
    let out = b.put(f, &answer(&first, "401 Unauthorized", "x", &challenge("itsp", "n1", ""), ""));
    assert!(out[0].starts_with("ACK"));
    let second = out[1].clone();
    let auth = header(&second, "Authorization");
    assert!(
        auth.contains("algorithm=SHA-256")
            && auth.contains("nonce=\"n1\"")
            && auth.contains("uri=\"sip:204@127.0.0.9\""),
        "{auth}"
    );
    assert_eq!(header(&second, "Call-ID"), header(&first, "Call-ID"));
    assert_eq!(header(&second, "From"), header(&first, "From"));
    assert_ne!(header(&second, "Via"), header(&first, "Via"));
    let number = |m: &str| header(m, "CSeq").split(' ').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(number(&second), number(&first) + 1);
    // A stale nonce is worth another try, a refusal is not.
    let out = b.put(f, &answer(&second, "401 Unauthorized", "x", &challenge("itsp", "n2", ", stale=true"), ""));
    let third = out[1].clone();
    assert!(
        b.put(f, &answer(&second, "401 Unauthorized", "x", &challenge("itsp", "n2", ", stale=true"), ""))[0]
            .starts_with("ACK")
    );
    let out = b.put(f, &answer(&third, "401 Unauthorized", "x", &challenge("itsp", "n3", ""), ""));
    assert_eq!(out.len(), 1, "only the ACK");
    let told = b.events();
    assert!(
        matches!(told[..], [Event::Resent { .. }, Event::Resent { .. }, Event::Rejected { status: 401, .. }]),
        "each try is told, a repeated answer is not: {told:?}"
    );
    b.assert_empty();
}

#[test]
fn a_proxy_and_its_server_may_both_ask() {
    let f = flow(9, 5060);
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, invite(Some(Credentials::new("u", "itsp", "p"))));
    let first = b.out(f).remove(0);
    let proxy = challenge("itsp", "n1", "").replace("WWW-", "Proxy-");
    let second = b.put(f, &answer(&first, "407 Auth", "x", &proxy, "")).remove(1);
    let third = b.put(f, &answer(&second, "401 Auth", "x", &challenge("itsp", "n2", ""), "")).remove(1);
    assert!(header(&third, "Proxy-Authorization").contains("n1") && header(&third, "Authorization").contains("n2"));
    b.put(f, &answer(&third, "200 OK", "x", "Contact: <sip:x@h>\r\n", "answer"));
    let told = b.events();
    assert!(matches!(told[..], [Event::Resent { .. }, Event::Resent { .. }, Event::Answered { .. }]), "{told:?}");
    b.end.bye(b.now, sip::SessionId(1), None);
    let bye = b.out(f).remove(0);
    b.put(f, &answer(&bye, "200 OK", "x", "", ""));
    b.assert_empty();
}

/// Attack "digest leak": whoever is called challenges our BYE, or our INVITE once it rings, to have our answer to a
/// nonce of his own choice. He may well name the right realm: the trunk passes it on.
#[test]
fn a_called_party_who_challenges_us_learns_nothing() {
    let f = flow(9, 5060);
    for credentials in [None, Some(Credentials::new("u", "itsp", "p")), Some(Credentials::of_first_realm("u", "p"))] {
        let mut b = Bench::new(Count::default());
        b.end.invite(b.now, invite(credentials.clone()));
        let sent = b.out(f).remove(0);
        b.put(f, &answer(&sent, "200 OK", "x", "Contact: <sip:x@h>\r\n", "answer"));
        b.end.bye(b.now, sip::SessionId(1), None);
        let bye = b.out(f).remove(0);
        for realm in ["itsp", "tollgate", "ITSP", "", "itsp "] {
            for kind in ["401 Auth", "407 Auth"] {
                let asked = challenge(realm, "n", "");
                let asked = if kind.starts_with("407") { asked.replace("WWW-", "Proxy-") } else { asked };
                let out = b.put(f, &answer(&bye, kind, "x", &asked, ""));
                assert!(out.is_empty(), "{realm}: {out:?}");
            }
        }
        b.assert_empty();

        let mut b = Bench::new(Count::default());
        b.end.invite(b.now, invite(credentials));
        let sent = b.out(f).remove(0);
        b.put(f, &answer(&sent, "180 Ringing", "x", "Contact: <sip:x@h>\r\n", ""));
        let out = b.put(f, &answer(&sent, "401 Auth", "x", &challenge("itsp", "n", ""), ""));
        assert!(out.len() == 1 && out[0].starts_with("ACK"), "{out:?}");
        assert!(matches!(b.events().last(), Some(Event::Rejected { status: 401, .. })));
        b.assert_empty();
    }
}

#[test]
fn a_peer_who_says_nothing_is_given_up_and_what_he_says_late_is_ended() {
    let f = flow(9, 5060);
    for late in ["180 Ringing", "200 OK", "486 Busy"] {
        let mut b = Bench::new(Count::default());
        b.end.invite(b.now, Invite { patience: Some(Duration::from_secs(6)), ..invite(None) });
        let sent = b.out(f).remove(0);
        b.run(7_000);
        b.out(f);
        assert!(matches!(b.events()[..], [Event::Rejected { status: 504, .. }]), "{late}");
        let out =
            b.put(f, &answer(&sent, late, "x", "Contact: <sip:x@h>\r\n", if late == "200 OK" { "sdp" } else { "" }));
        let methods: Vec<&str> = out.iter().filter_map(|m| m.split(' ').next()).collect();
        match late {
            "180 Ringing" => assert_eq!(methods, ["CANCEL"]),
            "200 OK" => assert_eq!(methods, ["ACK", "BYE"]),
            _ => assert_eq!(methods, ["ACK"]),
        }
        assert!(b.events().is_empty(), "{late}: it was told already");
        b.assert_empty();
    }
}

#[test]
fn a_peer_who_is_slow_but_there_is_waited_for() {
    let f = flow(9, 5060);
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, Invite { patience: Some(Duration::from_secs(6)), ..invite(None) });
    let sent = b.out(f).remove(0);
    b.put(f, &answer(&sent, "100 Trying", "x", "", ""));
    b.run(20_000);
    b.out(f);
    assert!(b.events().is_empty());
    b.put(f, &answer(&sent, "486 Busy", "x", "", ""));
    assert!(matches!(b.events()[..], [Event::Rejected { status: 486, .. }]));
    b.assert_empty();
}

#[test]
fn a_secure_address_gets_a_secure_contact() {
    let f = flow(9, 5061);
    let f = sip::Flow { transport: sip::Transport::Tls, connection: 1, ..f };
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, Invite { flow: f, target: Uri::parse("sips:204@example.com").unwrap(), ..invite(None) });
    let sent = b.out(f).remove(0);
    assert!(header(&sent, "Contact").starts_with("<sips:"), "{sent}");
    b.end.closed(b.now, 1);
    assert!(matches!(b.events()[..], [Event::Rejected { status: 503, .. }]));
}

#[test]
fn a_redirect_is_reported_and_not_followed() {
    let f = flow(9, 5060);
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, invite(None));
    let sent = b.out(f).remove(0);
    let contacts = "Contact: <sip:9001@evil>\r\n".repeat(limits::REDIRECTS + 5);
    let out = b.put(
        f,
        &answer(
            &sent,
            "302 Moved",
            "x",
            &format!("{contacts}Retry-After: 17 (busy)\r\nReason: Q.850;cause=17\r\nX-A: b\r\nServer: s\r\n"),
            "",
        ),
    );
    assert_eq!(out.len(), 1);
    let events = b.events();
    let [Event::Rejected { status: 302, contacts, retry_after: Some(17), headers, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(contacts.len(), limits::REDIRECTS);
    assert_eq!(contacts[0].user().as_deref(), Some("9001"));
    assert_eq!(headers.len(), 3, "{headers:?}");
    b.assert_empty();
}

#[test]
fn a_strict_router_gets_what_it_wants() {
    let f = flow(9, 5060);
    let mut b = Bench::new(Count::default());
    b.end.invite(b.now, invite(None));
    let sent = b.out(f).remove(0);
    let out = b.put(
        f,
        &answer(&sent, "200 OK", "x", "Contact: <sip:x@h>\r\nRecord-Route: <sip:last;lr>, <sip:strict>\r\n", "answer"),
    );
    assert!(out[0].starts_with("ACK sip:strict SIP/2.0"));
    let routes: Vec<&str> = out[0].split("\r\n").filter_map(|l| l.strip_prefix("Route: ")).collect();
    assert_eq!(routes, ["<sip:last;lr>", "<sip:x@h>"]);
    b.end.bye(b.now, sip::SessionId(1), None);
    b.assert_empty();
}
