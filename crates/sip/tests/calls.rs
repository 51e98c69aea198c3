//! Calls between two endpoints over a perfect wire: every way a session can go.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use bytes::Bytes;
use sip::{End, Event, Method, Name, OutRequest, Party, Transport, Uri, Value};
use support::{A, B, Pair, address, terminal};

fn text(s: &str) -> Bytes {
    Bytes::copy_from_slice(s.as_bytes())
}

#[test]
fn a_call_is_answered_and_hung_up_by_the_caller() {
    let mut p = Pair::new(1);
    let (a, b) = p.up();
    assert!(p.ends[A].bye(p.now, a, Some(16)));
    p.run(50);
    assert!(matches!(p.take(A)[..], [Event::Ended { session, cause: End::Local }] if session == a));
    assert!(matches!(
        p.take(B)[..],
        [Event::Ended { session, cause: End::Bye { reason_cause: Some(16) } }] if session == b
    ));
    assert_eq!(p.count_sent(A, "ACK"), 1);
    assert_eq!(p.count_sent(B, "SIP/2.0 100"), 1);
    p.assert_empty();
}

#[test]
fn a_call_over_tcp_is_hung_up_by_the_called() {
    let mut p = Pair::new(1);
    p.transport = Transport::Tcp;
    let (_, b) = p.up();
    assert!(p.ends[B].bye(p.now, b, None));
    p.run(50);
    assert!(matches!(p.take(A)[..], [Event::Ended { cause: End::Bye { reason_cause: None }, .. }]));
    assert!(matches!(p.take(B)[..], [Event::Ended { cause: End::Local, .. }]));
    p.assert_empty();
}

#[test]
fn headers_ringing_and_early_media_arrive() {
    let mut p = Pair::new(1);
    let mut invite = p.invitation(A, "offer");
    invite.from.display = Some("Bell, \"Alex\"\r\nX: y".into());
    invite.headers =
        vec![(Name::PAssertedIdentity, Value::new("<sip:1@h>").unwrap()), (Name::Via, Value::new("evil").unwrap())];
    let a = p.ends[A].invite(p.now, invite);
    let b = p.incoming(B);
    let Event::Invite { request, offer, origin, .. } = &p.events[B][0] else {
        panic!("{:?}", p.events[B]);
    };
    assert_eq!(request.from().display(), Some("Bell, \"Alex\"  X: y"));
    assert_eq!(request.from().user().as_deref(), Some("100"));
    assert_eq!(request.user(), Some("204"));
    assert_eq!(request.asserted_identity().unwrap().user().as_deref(), Some("1"));
    assert_eq!(request.carried().len(), 1);
    assert_eq!(offer.as_deref(), Some(&b"offer"[..]));
    assert_eq!(*origin, address(A));
    p.ends[B].ring(p.now, b, 180, None);
    p.ends[B].ring(p.now, b, 183, Some(text("early")));
    p.run(20);
    assert!(matches!(
        &p.take(A)[..],
        [Event::Progress { session, status: 180, sdp: None, .. }, Event::Progress { status: 183, sdp: Some(_), .. }] if *session == a
    ));
    p.ends[B].reject(p.now, b, 486, "", vec![]);
    p.run(20);
    assert!(matches!(&p.take(A)[..], [Event::Rejected { status: 486, .. }]));
    assert!(!p.ends[B].accept(p.now, b, text("x"), vec![]), "it is over");
    p.assert_empty();
}

#[test]
fn a_cancelled_call_ends_once_on_both_sides() {
    let mut p = Pair::new(1);
    let a = p.invite(A, "offer");
    let b = p.incoming(B);
    p.ends[B].ring(p.now, b, 180, None);
    p.run(20);
    assert!(p.ends[A].cancel(p.now, a));
    assert!(p.ends[A].cancel(p.now, a));
    p.run(50);
    assert!(matches!(p.take(A)[..], [_, Event::Rejected { status: 487, .. }]));
    assert!(matches!(p.take(B)[..], [_, Event::Cancelled { session }] if session == b));
    assert_eq!(p.count_sent(A, "CANCEL"), 1);
    p.assert_empty();
}

#[test]
fn cancel_waits_for_a_provisional() {
    let mut p = Pair::new(1);
    let a = p.invite(A, "offer");
    assert!(p.ends[A].cancel(p.now, a));
    p.flush();
    assert_eq!(p.count_sent(A, "CANCEL"), 0);
    p.run(100);
    assert_eq!(p.count_sent(A, "CANCEL"), 1);
    assert!(matches!(p.take(A)[..], [Event::Rejected { status: 487, .. }]));
    p.assert_empty();
}

#[test]
fn an_answer_that_crosses_cancel_is_acknowledged_and_hung_up() {
    let mut p = Pair::new(1);
    let a = p.invite(A, "offer");
    let b = p.incoming(B);
    p.ends[B].accept(p.now, b, text("answer"), vec![]);
    p.flush();
    assert!(p.ends[A].cancel(p.now, a));
    p.run(100);
    assert!(matches!(p.take(A)[..], [Event::Rejected { status: 487, .. }]));
    let events = p.take(B);
    assert!(
        matches!(
            events[..],
            [Event::Invite { .. }, Event::Confirmed { .. }, Event::Ended { cause: End::Bye { .. }, .. }]
        ),
        "{events:?}"
    );
    assert_eq!((p.count_sent(A, "ACK"), p.count_sent(A, "BYE")), (1, 1));
    p.assert_empty();
}

#[test]
fn bye_right_after_accept_waits_for_the_ack() {
    let mut p = Pair::new(1);
    p.invite(A, "offer");
    let b = p.incoming(B);
    p.ends[B].accept(p.now, b, text("answer"), vec![]);
    p.ends[B].bye(p.now, b, None);
    p.flush();
    assert_eq!(p.count_sent(B, "BYE"), 0);
    p.run(100);
    assert_eq!(p.count_sent(B, "BYE"), 1);
    assert!(matches!(p.take(A)[..], [Event::Answered { .. }, Event::Ended { .. }]));
    assert!(matches!(p.take(B)[..], [_, Event::Ended { cause: End::Local, .. }]));
    p.assert_empty();
}

#[test]
fn a_missing_ack_ends_the_call_after_32_seconds() {
    let mut p = Pair::new(1);
    p.invite(A, "offer");
    let b = p.incoming(B);
    p.ends[B].accept(p.now, b, text("answer"), vec![]);
    p.loss = 1000;
    p.run(31_000);
    assert!(p.take(B).iter().all(|e| terminal(e).is_none()));
    p.run(2_000);
    assert!(matches!(p.take(B)[..], [Event::Ended { cause: End::NoAck, .. }]));
    assert_eq!(p.count_sent(B, "SIP/2.0 200"), 11);
    p.assert_empty();
}

#[test]
fn silence_is_408() {
    let mut p = Pair::new(1);
    p.loss = 1000;
    p.invite(A, "offer");
    p.run(33_000);
    assert!(matches!(p.take(A)[..], [Event::Rejected { status: 408, .. }]));
    assert_eq!(p.count_sent(A, "INVITE"), 7);
    p.assert_empty();
}

#[test]
fn media_is_renegotiated_both_ways() {
    let mut p = Pair::new(1);
    let (a, b) = p.up();
    for (from, to, session, update) in [(A, B, a, false), (B, A, b, false), (A, B, a, true), (B, A, b, true)] {
        let sent = if update {
            p.ends[from].update(p.now, session, text("new"))
        } else {
            p.ends[from].reinvite(p.now, session, text("new"))
        };
        assert!(sent);
        p.run(20);
        let events = p.take(to);
        let Event::Offer { txn, sdp: Some(sdp), update: u, .. } = &events[0] else {
            panic!("{events:?}");
        };
        assert_eq!((sdp.as_ref(), *u), (&b"new"[..], update));
        assert!(p.ends[to].respond_offer(p.now, *txn, Ok(text("yes"))));
        assert!(!p.ends[to].respond_offer(p.now, *txn, Ok(text("again"))));
        p.run(20);
        assert!(matches!(&p.take(from)[..], [Event::Answer { sdp, .. }] if sdp == "yes"));
        p.run(20);
        // And a refusal.
        assert!(p.ends[from].reinvite(p.now, session, text("bad")));
        p.run(20);
        let events = p.take(to);
        let Event::Offer { txn, .. } = &events[0] else {
            panic!("{events:?}");
        };
        p.ends[to].respond_offer(p.now, *txn, Err(488));
        p.run(20);
        assert!(matches!(p.take(from)[..], [Event::OfferFailed { status: 488, .. }]));
    }
    p.ends[A].bye(p.now, a, None);
    p.assert_empty();
}

#[test]
fn crossing_re_invites_get_491_and_are_tried_again() {
    let mut p = Pair::new(1);
    let (a, b) = p.up();
    p.ends[A].reinvite(p.now, a, text("from a"));
    p.ends[B].reinvite(p.now, b, text("from b"));
    let mut answers = (0, 0);
    for _ in 0..80 {
        p.run(100);
        for side in [A, B] {
            for e in p.take(side) {
                match e {
                    Event::Offer { txn, .. } => {
                        p.ends[side].respond_offer(p.now, txn, Ok(text("ok")));
                    }
                    Event::Answer { .. } if side == A => answers.0 += 1,
                    Event::Answer { .. } => answers.1 += 1,
                    e => panic!("{e:?}"),
                }
            }
        }
    }
    assert_eq!(answers, (1, 1));
    assert_eq!(p.count_sent(A, "SIP/2.0 491") + p.count_sent(B, "SIP/2.0 491"), 2);
    p.ends[A].bye(p.now, a, None);
    p.assert_empty();
}

#[test]
fn requests_inside_a_call_are_answered_by_the_exchange() {
    let mut p = Pair::new(1);
    let (a, b) = p.up();
    let id = p.ends[A]
        .request_in_dialog(p.now, a, Method::Info, vec![], Some(("application/dtmf-relay", text("Signal=5"))))
        .unwrap();
    p.run(20);
    let events = p.take(B);
    let Event::InDialog { session, txn, request } = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!((*session, request.body().as_ref()), (b, &b"Signal=5"[..]));
    assert!(p.ends[B].respond(p.now, *txn, 200, "", vec![], None));
    assert!(!p.ends[B].respond(p.now, *txn, 200, "", vec![], None), "once");
    p.run(20);
    assert!(matches!(p.take(A)[..], [Event::Response { id: i, status: 200, .. }] if i == id));
    // OPTIONS inside is ours.
    p.ends[B].request_in_dialog(p.now, b, Method::Options, vec![], None).unwrap();
    p.run(20);
    assert!(matches!(p.take(B)[..], [Event::Response { status: 200, .. }]));
    assert!(p.take(A).is_empty());
    assert!(p.ends[A].request_in_dialog(p.now, a, Method::Invite, vec![], None).is_none());
    // One that nobody answers.
    p.ends[A].request_in_dialog(p.now, a, Method::Refer, vec![], None).unwrap();
    p.run(33_000);
    assert!(matches!(p.take(A)[..], [Event::Response { status: 408, .. }]));
    p.ends[A].bye(p.now, a, None);
    p.assert_empty();
}

#[test]
fn a_lost_connection_ends_the_call_unless_the_peer_comes_back() {
    for back in [false, true] {
        let mut p = Pair::new(1);
        p.transport = Transport::Tcp;
        let (_, b) = p.up();
        p.ends[B].closed(p.now, 1);
        p.run(10_000);
        if back {
            let mut flow = p.flow(B);
            flow.connection = 2;
            assert!(p.ends[B].move_flow(b, flow));
        }
        p.run(30_000);
        let ended = matches!(p.take(B)[..], [Event::Ended { cause: End::TransportLost, .. }]);
        assert_eq!(ended, !back);
    }
}

#[test]
fn a_lost_connection_ends_what_rings() {
    let mut p = Pair::new(1);
    p.transport = Transport::Tcp;
    let a = p.invite(A, "offer");
    let b = p.incoming(B);
    p.ends[A].closed(p.now, 1);
    p.ends[B].closed(p.now, 1);
    assert!(matches!(p.take(A)[..], [Event::Rejected { session, status: 503, .. }] if session == a));
    assert!(matches!(p.take(B)[..], [_, Event::Ended { session, cause: End::TransportLost }] if session == b));
    p.assert_empty();
}

#[test]
fn nobody_rings_for_ever() {
    let mut p = Pair::new(1);
    p.invite(A, "offer");
    let b = p.incoming(B);
    p.ends[B].ring(p.now, b, 180, None);
    p.take(B);
    p.run(601_000);
    assert_eq!(p.count_sent(B, "SIP/2.0 180"), 10, "repeated each minute");
    assert!(matches!(p.take(B)[..], [Event::Ended { cause: End::Timeout, .. }] | [Event::Cancelled { .. }]));
    p.assert_empty();
}

#[test]
fn requests_outside_dialogs_are_answered() {
    let mut p = Pair::new(1);
    let request = |p: &Pair, method| OutRequest {
        flow: p.flow(A),
        method,
        target: Uri::parse("sip:127.0.0.2").unwrap(),
        from: Party::new("100", "h"),
        to: Party::new("", "127.0.0.2"),
        routes: vec![],
        contact_user: Some("100".into()),
        expires: Some(60),
        headers: vec![],
        body: None,
        credentials: None,
        continues: None,
    };
    let r = request(&p, Method::Options);
    let id = p.ends[A].request(p.now, r);
    p.run(20);
    let events = p.take(A);
    let [Event::Response { id: i, status: 200, response: Some(r), .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(*i, id);
    assert!(r.has_token("Allow", "INVITE") && r.has_token("Supported", "100rel"));
    assert_eq!(p.ends[B].stats().server_transactions, 0, "OPTIONS leaves nothing");
    let r = request(&p, Method::Register);
    p.ends[A].request(p.now, r);
    p.run(20);
    let events = p.take(B);
    let [Event::Request { txn, request: r, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!((r.expires(), r.contact().unwrap().user().as_deref()), (Some(60), Some("100")));
    p.ends[B].respond(p.now, *txn, 200, "", vec![], None);
    p.run(20);
    assert!(matches!(p.take(A)[..], [Event::Response { status: 200, .. }]));
    let r = request(&p, Method::Invite);
    p.ends[A].request(p.now, r);
    assert!(matches!(p.take(A)[..], [Event::Response { status: 503, .. }]));
    p.assert_empty();
}

#[test]
fn hanging_up_without_ever_hearing_an_ack_ends_once() {
    let mut p = Pair::new(1);
    p.invite(A, "offer");
    let b = p.incoming(B);
    p.take(B);
    p.ends[B].accept(p.now, b, text("answer"), vec![]);
    p.ends[B].bye(p.now, b, None);
    p.loss = 1000;
    p.run(40_000);
    assert!(matches!(p.take(B)[..], [Event::Ended { cause: End::Local, .. }]));
    assert!(p.count_sent(B, "BYE") > 0, "the BYE goes out all the same");
    p.assert_empty();
}
