//! Session timers (RFC 4028) in both roles, and dialogs that are hung up by an endpoint that knows nothing else of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/raw.rs"]
mod raw;
mod support;

use sip::{Config, End, Endpoint, Event, Method};
use support::{A, B, Pair, address};

#[test]
fn the_caller_refreshes_and_the_call_lives_on() {
    let mut p = Pair::new(1);
    let (a, _) = p.up();
    assert!(
        p.sent.iter().any(|(side, m)| *side == A && m.starts_with("INVITE") && m.contains("Session-Expires: 1800\r\n"))
    );
    let answer = p.sent.iter().find(|(side, m)| *side == B && m.starts_with("SIP/2.0 200")).unwrap().1.clone();
    assert!(
        answer.contains("Session-Expires: 1800;refresher=uac\r\n") && answer.contains("Require: timer\r\n"),
        "{answer}"
    );
    p.run(4_000_000);
    assert_eq!(p.count_sent(A, "UPDATE"), 4);
    assert_eq!(p.count_sent(B, "UPDATE"), 0);
    assert!(p.take(A).is_empty() && p.take(B).is_empty());
    assert!(p.ends[A].bye(p.now, a, None));
    p.assert_empty();
}

#[test]
fn a_call_whose_peer_vanished_ends_on_both_sides() {
    let mut p = Pair::new(1);
    let _ = p.up();
    p.loss = 1000;
    p.run(900_000 + 33_000);
    assert!(matches!(p.take(A)[..], [Event::Ended { cause: End::Gone, .. }]), "whoever refreshes hears nothing");
    p.run(1_768_000 - 933_000 + 1_000);
    assert!(matches!(p.take(B)[..], [Event::Ended { cause: End::Timeout, .. }]), "whoever waits is not refreshed");
    p.assert_empty();
}

const TIMER: &str = "Supported: timer\r\nAllow: INVITE, ACK, BYE\r\n";

#[test]
fn an_interval_that_is_too_brief_is_refused_with_the_least() {
    let mut bench = raw::Bench::new(raw::Count::default());
    let flow = raw::flow(9, 5060);
    let out = bench.put(flow, &raw::request("INVITE", "b1", &format!("{TIMER}Session-Expires: 60\r\n"), "offer"));
    assert_eq!(raw::status(&out[0]), 422);
    assert_eq!(raw::header(&out[0], "Min-SE"), "90");
    assert_eq!(bench.door.0, 0, "refused before anybody is asked");
}

/// A called party that refreshes by re-INVITE where the caller takes no UPDATE, with the same description.
#[test]
fn the_called_side_refreshes_when_the_caller_wants_it() {
    let mut bench = raw::Bench::new(raw::Count::default());
    let flow = raw::flow(9, 5060);
    let more = format!("{TIMER}Session-Expires: 120;refresher=uas\r\n");
    bench.put(flow, &raw::request("INVITE", "b1", &more, "offer"));
    let Event::Invite { session, .. } = bench.events().remove(0) else { panic!("no call") };
    assert!(bench.end.accept(bench.now, session, bytes::Bytes::from_static(b"answer"), vec![]));
    let answer = bench.out(flow).pop().unwrap();
    assert_eq!(raw::header(&answer, "Session-Expires"), "120;refresher=uas");
    let tag = raw::to_tag(&answer);
    bench.put(flow, &raw::request_to("ACK", "sip:204@127.0.0.1", "b2", &tag, "c1", 1, "", ""));
    bench.run(61_000);
    let refresh = bench.out(flow).remove(0);
    assert!(refresh.starts_with("INVITE sip:100@10.9.9.9") && refresh.ends_with("answer"), "{refresh}");
    assert_eq!(raw::header(&refresh, "Session-Expires"), "120;refresher=uac");
    // Nobody answers: the call is over before its interval is.
    bench.run(33_000);
    let gone = bench.events();
    assert!(gone.iter().any(|e| matches!(e, Event::Ended { .. })), "{gone:?}");
    while bench.end.poll_transmit().is_some() {}
    bench.assert_empty();
}

#[test]
fn a_call_that_wants_a_longer_interval_gets_it() {
    let mut p = Pair::new(1);
    let a = p.invite(A, "offer");
    p.run(1);
    // The other side is played by hand.
    let invite = p.sent.iter().find(|(_, m)| m.starts_with("INVITE")).unwrap().1.clone();
    let part = |name: &str| raw::header(&invite, name).to_owned();
    let refusal = format!(
        "SIP/2.0 422 Session Interval Too Small\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=x\r\nCall-ID: {}\r\nCSeq: {}\r\nMin-SE: 7200\r\nContent-Length: 0\r\n\r\n",
        part("Via"),
        part("From"),
        part("To"),
        part("Call-ID"),
        part("CSeq"),
    );
    let (now, flow) = (p.now, p.flow(A));
    p.ends[A].receive(now, flow, refusal.as_bytes(), &mut support::Open);
    p.flush();
    let again = p.sent.iter().rev().find(|(_, m)| m.starts_with("INVITE")).unwrap().1.clone();
    assert_eq!(raw::header(&again, "Session-Expires"), "7200");
    assert_eq!(raw::header(&again, "Min-SE"), "7200");
    assert_ne!(raw::header(&again, "CSeq"), part("CSeq"));
    let _ = a;
}

#[test]
fn an_endpoint_that_forgot_everything_hangs_up_what_was_kept() {
    let mut p = Pair::new(1);
    let (a, b) = p.up();
    let kept = p.ends[A].leftover(a).unwrap();
    assert!(p.ends[B].leftover(b).is_some());
    p.ends[A] = Endpoint::new(Config::new([9; 32]));
    let now = p.now;
    assert!(p.ends[A].hang_up_leftover(now, &kept, None).is_some());
    p.run(100);
    assert!(matches!(p.take(B)[..], [Event::Ended { cause: End::Bye { reason_cause: Some(41) }, .. }]));
    assert!(matches!(p.take(A)[..], [Event::Response { status: 200, .. }]));
    p.assert_empty();
}

#[test]
fn an_endpoint_that_forgot_everything_cancels_what_was_not_answered() {
    let mut p = Pair::new(1);
    let a = p.invite(A, "offer");
    let b = p.incoming(B);
    let now = p.now;
    assert!(p.ends[B].ring(now, b, 180, None));
    p.run(20);
    let kept = p.ends[A].leftover(a).unwrap();
    p.take(B);
    p.ends[A] = Endpoint::new(Config::new([9; 32]));
    p.events = vec![Vec::new(), Vec::new()];
    let now = p.now;
    assert!(p.ends[A].hang_up_leftover(now, &kept, None).is_none(), "it is not up");
    let again = p.ends[A].cancel_leftover(now, &kept).unwrap();
    p.run(100);
    assert!(matches!(p.take(B)[..], [Event::Cancelled { session }] if session == b));
    assert!(matches!(p.take(A)[..], [Event::Rejected { session, status: 487, .. }] if session == again));
    assert_eq!((p.count_sent(A, "INVITE"), p.count_sent(A, "CANCEL"), p.count_sent(A, "ACK")), (1, 1, 1));
    p.assert_empty();
}

#[test]
fn an_answer_that_crosses_the_cancel_of_what_was_left_is_hung_up() {
    let mut p = Pair::new(1);
    let a = p.invite(A, "offer");
    let b = p.incoming(B);
    let kept = p.ends[A].leftover(a).unwrap();
    p.ends[A] = Endpoint::new(Config::new([9; 32]));
    let now = p.now;
    assert!(p.ends[B].accept(now, b, bytes::Bytes::from_static(b"answer"), vec![]));
    p.run(100);
    p.events = vec![Vec::new(), Vec::new()];
    let now = p.now;
    let again = p.ends[A].cancel_leftover(now, &kept).unwrap();
    p.run(5_000);
    assert!(p.take(B).iter().any(|e| matches!(e, Event::Ended { cause: End::Bye { .. }, .. })));
    assert!(matches!(p.take(A)[..], [Event::Rejected { session, status: 487, .. }] if session == again));
    p.assert_empty();
}

#[test]
fn nobody_who_hears_of_an_invite_s_cancel_for_the_first_time_keeps_it() {
    let mut p = Pair::new(1);
    let a = p.invite(A, "offer");
    let kept = p.ends[A].leftover(a).unwrap();
    p.ends = [8u8, 9].map(|n| Endpoint::new(Config::new([n; 32]))).into();
    p.run(0);
    let (mut fresh, now) = (Pair::new(2), p.now);
    let again = fresh.ends[A].cancel_leftover(now, &kept).unwrap();
    fresh.run(40_000);
    assert!(fresh.take(A).iter().any(|e| matches!(e, Event::Rejected { session, .. } if *session == again)));
    fresh.assert_empty();
}

/// Attack 21: nobody finds a dialog by its Call-ID alone.
#[test]
fn a_dialog_is_found_by_call_id_and_both_tags_only() {
    let mut p = Pair::new(1);
    let (a, _) = p.up();
    let kept = p.ends[A].leftover(a).unwrap();
    let tag = |value: &str| value.split(";tag=").nth(1).unwrap().to_owned();
    let (ours, theirs) = (tag(&kept.local), tag(&kept.remote));
    let find = |id: &str, one: &str, other: &str| p.ends[A].find_dialog(id, one, other);
    assert_eq!(find(&kept.call_id, &ours, &theirs), Some(a));
    assert_eq!(find(&kept.call_id, &theirs, &ours), Some(a));
    for (id, one, other) in [
        (kept.call_id.as_str(), "", ""),
        (&kept.call_id, &ours, ""),
        (&kept.call_id, &ours, "x"),
        (&kept.call_id, "x", &theirs),
        ("x", &ours, &theirs),
    ] {
        assert_eq!(find(id, one, other), None);
    }
}

/// Attack 21: a REFER that does not come the call's own way is refused, tags or not.
#[test]
fn a_refer_from_elsewhere_is_refused() {
    let mut bench = raw::Bench::new(raw::Count::default());
    let flow = raw::flow(9, 5060);
    bench.put(flow, &raw::request("INVITE", "b1", "", "offer"));
    let Event::Invite { session, .. } = bench.events().remove(0) else { panic!("no call") };
    assert!(bench.end.accept(bench.now, session, bytes::Bytes::from_static(b"answer"), vec![]));
    let answer = bench.out(flow).pop().unwrap();
    let tag = raw::to_tag(&answer);
    bench.put(flow, &raw::request_to("ACK", "sip:204@127.0.0.1", "b2", &tag, "c1", 1, "", ""));
    let _ = bench.events();
    let to = "Refer-To: <sip:9005551234@x>\r\nContact: <sip:100@10.9.9.9>\r\n";
    let other = raw::flow(8, 5060);
    let out = bench.put(other, &raw::request_to("REFER", "sip:204@127.0.0.1", "b3", &tag, "c1", 2, to, ""));
    assert_eq!(raw::status(&out[0]), 403);
    assert!(bench.events().is_empty());
    bench.put(flow, &raw::request_to("REFER", "sip:204@127.0.0.1", "b4", &tag, "c1", 3, to, ""));
    assert!(matches!(&bench.events()[..], [Event::InDialog { request, .. }] if *request.method() == Method::Refer));
}

/// Behind a router: what a peer saw is reported once, told to it when it is believed, and forgotten again.
#[test]
fn a_peer_that_sees_us_elsewhere_is_told_that_address() {
    let mut p = Pair::new(1);
    let (a, _) = p.up();
    let _ = p.take(A);
    let seen: std::net::SocketAddr = "203.0.113.7:40000".parse().unwrap();
    let (now, flow) = (p.now, p.flow(A));
    let answer = |p: &Pair, cseq: &str| {
        let sent = &p.sent.iter().rev().find(|(side, m)| *side == A && m.starts_with(cseq)).unwrap().1;
        let part = |name: &str| raw::header(sent, name).to_owned();
        format!(
            "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {}\r\nContent-Length: 0\r\n\r\n",
            part("Via").replace(";rport", ";rport=40000;received=203.0.113.7"),
            part("From"),
            part("To"),
            part("Call-ID"),
            part("CSeq"),
        )
    };
    assert!(p.ends[A].request_in_dialog(now, a, Method::Info, vec![], None).is_some());
    p.flush();
    let response = answer(&p, "INFO");
    p.ends[A].receive(now, flow, response.as_bytes(), &mut support::Open);
    let events = p.take(A);
    assert!(events.iter().any(|e| matches!(e, Event::SeenAs { address, .. } if *address == seen)), "{events:?}");
    p.ends[A].seen_by(flow.remote, Some(seen));
    assert!(p.ends[A].request_in_dialog(now, a, Method::Info, vec![], None).is_some());
    p.flush();
    let sent = p.sent.last().unwrap().1.clone();
    assert!(
        sent.contains("Via: SIP/2.0/UDP 203.0.113.7:40000;") && sent.contains("Contact: <sip:100@203.0.113.7:40000"),
        "{sent}"
    );
    let response = answer(&p, "INFO");
    p.ends[A].receive(now, flow, response.as_bytes(), &mut support::Open);
    assert!(!p.take(A).iter().any(|e| matches!(e, Event::SeenAs { .. })), "known already");
    let mut invite = p.invitation(A, "offer");
    invite.from.host = address(A).ip().to_string();
    p.ends[A].invite(now, invite);
    p.flush();
    let sent = p.sent.last().unwrap().1.clone();
    assert!(sent.contains("From: <sip:100@203.0.113.7>") && !sent.contains("127.0.0.1:5060"), "{sent}");
    let public = |ip: &str| Some(sip::Advertise { public: ip.parse().unwrap(), local_networks: Vec::new() });
    for (public, via) in [(public("203.0.113.7"), "203.0.113.7:40000"), (public("203.0.113.8"), "127.0.0.1:5060")] {
        p.ends[A].advertise(public);
        assert!(p.ends[A].request_in_dialog(now, a, Method::Info, vec![], None).is_some());
        p.flush();
        let sent = &p.sent.last().unwrap().1;
        assert!(
            sent.contains(&format!("Via: SIP/2.0/UDP {via};")),
            "with a new address the old one is forgotten: {sent}"
        );
    }
    p.ends[A].advertise(None);
    p.ends[A].seen_by(flow.remote, Some(seen));
    p.ends[A].seen_by(flow.remote, None);
    assert!(p.ends[A].request_in_dialog(now, a, Method::Info, vec![], None).is_some());
    p.flush();
    assert!(p.sent.last().unwrap().1.contains("Via: SIP/2.0/UDP 127.0.0.1:5060;"));
}
