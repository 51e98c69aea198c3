//! SUBSCRIBE and NOTIFY (RFC 6665): granted, refreshed, ended by either side or by time, told one after the other, bounded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/raw.rs"]
mod raw;

use bytes::Bytes;
use raw::{Bench, Count, Wall, flow, header, request, request_to, status, to_tag};
use sip::{Event, Flow, SubscriptionId, Topic, limits};

type House = Bench<Count>;

const HEAD: &str = "Contact: <sip:100@10.9.9.9>\r\nEvent: message-summary;id=7\r\n";

fn topic() -> Topic {
    Topic { package: "message-summary", of: "204".into() }
}

fn content(text: &str) -> (String, Bytes) {
    ("application/simple-message-summary".into(), Bytes::copy_from_slice(text.as_bytes()))
}

fn wants(house: &mut House, text: &str, said: &str) -> (Option<SubscriptionId>, Vec<String>) {
    let way = flow(9, 1);
    let before = house.put(way, text);
    assert!(before.is_empty(), "{before:?}");
    let Some(Event::Request { txn, .. }) = house.events().pop() else { panic!("no request came up") };
    let id = house.end.subscribe(house.now, txn, topic(), content(said));
    (id, house.out(way))
}

/// A house with one subscription, and what it said: the 200 and the first NOTIFY, which was answered.
fn subscribed(expires: u32) -> (House, Vec<String>) {
    let mut house = House::new(Count::default());
    let (id, out) = wants(&mut house, &request("SUBSCRIBE", "s1", &format!("{HEAD}Expires: {expires}\r\n"), ""), "one");
    assert!(id.is_some());
    assert_eq!(out.len(), 2, "{out:?}");
    say(&mut house, &out[1], 200);
    (house, out)
}

/// The phone's answer to a request of ours.
fn say(house: &mut House, notify: &str, code: u16) -> Vec<String> {
    let copied = ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", header(notify, name)));
    house.put(flow(9, 1), &format!("SIP/2.0 {code} Yes\r\n{}Content-Length: 0\r\n\r\n", copied.concat()))
}

fn refresh(tag: &str, cseq: u32, expires: u32) -> String {
    let more = format!("{HEAD}Expires: {expires}\r\n");
    request_to("SUBSCRIBE", "sip:204@127.0.0.1", &format!("r{cseq}"), tag, "c1", cseq, &more, "")
}

fn change(house: &mut House, said: &str) -> Vec<String> {
    house.end.notify(house.now, &topic(), &|_| content(said));
    house.out(flow(9, 1))
}

#[test]
fn granted_and_told_at_once_in_its_dialog() {
    let (mut house, out) = subscribed(600);
    let (ok, notify) = (&out[0], &out[1]);
    assert_eq!(status(ok), 200);
    assert_eq!(header(ok, "Expires"), "600");
    assert!(notify.starts_with("NOTIFY sip:100@10.9.9.9 SIP/2.0\r\n"), "{notify}");
    assert_eq!(header(notify, "Event"), "message-summary;id=7");
    assert_eq!(header(notify, "Subscription-State"), "active;expires=600");
    assert_eq!(header(notify, "Call-ID"), "c1");
    assert_eq!(header(notify, "To"), "\"Al\" <sip:100@example.com>;tag=f1");
    assert_eq!(header(notify, "From"), header(ok, "To"), "the tag of the 200");
    assert!(notify.ends_with("\r\n\r\none"));
    let next = change(&mut house, "two");
    assert!(next[0].ends_with("\r\n\r\ntwo"));
    let number = |text: &str| header(text, "CSeq").split(' ').next().unwrap().parse::<u32>().unwrap();
    assert_eq!(number(&next[0]), number(notify) + 1);
}

#[test]
fn the_next_notify_waits_for_the_answer_and_brings_the_newest() {
    let (mut house, _) = subscribed(600);
    let first = change(&mut house, "a");
    assert!(change(&mut house, "b").is_empty());
    assert!(change(&mut house, "c").is_empty());
    let next = say(&mut house, &first[0], 200);
    assert_eq!(next.len(), 1);
    assert!(next[0].ends_with("\r\n\r\nc"), "{next:?}");
    assert!(say(&mut house, &next[0], 200).is_empty());
}

#[test]
fn time_ends_it_and_a_refresh_does_not_let_it() {
    let (mut house, out) = subscribed(60);
    let tag = to_tag(&out[0]);
    house.run(50_000);
    let (id, out) = wants(&mut house, &refresh(&tag, 2, 60), "two");
    assert!(id.is_some());
    assert_eq!((status(&out[0]), to_tag(&out[0])), (200, tag));
    assert!(out[1].ends_with("\r\n\r\ntwo"));
    say(&mut house, &out[1], 200);
    house.run(50_000);
    assert!(house.out(flow(9, 1)).is_empty());
    house.run(20_000);
    let last = house.out(flow(9, 1));
    assert_eq!(header(&last[0], "Subscription-State"), "terminated;reason=timeout");
    assert!(change(&mut house, "three").is_empty(), "nobody hears any more");
    house.assert_empty();
}

#[test]
fn the_phone_ends_it_and_asks_once() {
    let (mut house, out) = subscribed(600);
    let (_, out) = wants(&mut house, &refresh(&to_tag(&out[0]), 2, 0), "bye");
    assert_eq!(header(&out[0], "Expires"), "0");
    assert!(header(&out[1], "Subscription-State").starts_with("terminated"));
    say(&mut house, &out[1], 200);
    let mut once = House::new(Count::default());
    let (_, out) = wants(&mut once, &request("SUBSCRIBE", "s2", &format!("{HEAD}Expires: 0\r\n"), ""), "now");
    assert!(out[1].ends_with("\r\n\r\nnow"));
    say(&mut once, &out[1], 200);
    for mut house in [house, once] {
        assert!(change(&mut house, "three").is_empty());
        house.assert_empty();
    }
}

#[test]
fn who_does_not_want_it_or_is_gone_is_asked_no_more() {
    for code in [481, 489, 403, 500] {
        let (mut house, _) = subscribed(600);
        let out = change(&mut house, "two");
        say(&mut house, &out[0], code);
        assert!(change(&mut house, "three").is_empty(), "{code}");
        house.assert_empty();
    }
    let (mut house, _) = subscribed(600);
    change(&mut house, "two");
    house.run(33_000);
    house.out(flow(9, 1));
    assert!(change(&mut house, "three").is_empty(), "silence");
    house.assert_empty();
}

#[test]
fn a_refresh_passes_the_door_and_fits_its_dialog() {
    let (house, out) = subscribed(600);
    let tag = to_tag(&out[0]);
    let mut guarded = Bench { now: house.now, end: house.end, door: Wall(Some(401)) };
    assert_eq!(status(&guarded.put(flow(9, 1), &refresh(&tag, 2, 60))[0]), 401);
    let mut house = Bench { now: guarded.now, end: guarded.end, door: Count::default() };
    let unknown = house.put(flow(9, 1), &refresh("other", 3, 60));
    assert_eq!(status(&unknown[0]), 481);
    let (id, out) = wants(&mut house, &refresh(&tag, 1, 60), "x");
    assert_eq!((id, status(&out[0])), (None, 500), "older than what we had");
    house.put(flow(9, 1), &refresh(&tag, 4, 60));
    let Some(Event::Request { txn, .. }) = house.events().pop() else { panic!() };
    let other = Topic { of: "200".into(), ..topic() };
    assert_eq!(house.end.subscribe(house.now, txn, other, content("secret")), None);
    let out = house.out(flow(9, 1));
    assert_eq!((out.len(), status(&out[0])), (1, 403), "a subscription never changes whom it is about");
}

#[test]
fn what_is_no_subscription_is_refused() {
    let check = |more: &str, expected: u16| {
        let mut house = House::new(Count::default());
        let (id, out) = wants(&mut house, &request("SUBSCRIBE", "s", more, ""), "x");
        assert_eq!((id, out.len(), status(&out[0])), (None, 1, expected), "{more}");
        house.assert_empty();
    };
    check("Event: message-summary\r\n", 400);
    check("Contact: <sip:100@10.9.9.9>\r\n", 400);
    check(&format!("{HEAD}Expires: 5\r\n"), 423);
}

fn flood(house: &mut House, n: usize, from: u8, of: &str) -> usize {
    let mut granted = 0;
    for i in 0..n {
        let more = format!("Contact: <sip:p{i}@10.9.9.9>\r\nEvent: message-summary\r\n");
        let way: Flow = flow(from, 1);
        house.put(
            way,
            &request_to(
                "SUBSCRIBE",
                "sip:204@h",
                &format!("{from}{of}{i}"),
                "",
                &format!("{from}{of}{i}"),
                1,
                &more,
                "",
            ),
        );
        let Some(Event::Request { txn, .. }) = house.events().pop() else { panic!() };
        let topic = Topic { of: format!("{of}{}", i / limits::SUBSCRIBERS), ..topic() };
        granted += usize::from(house.end.subscribe(house.now, txn, topic, content("x")).is_some());
        house.out(way);
    }
    granted
}

#[test]
fn bounded_by_source_by_account_and_by_contact() {
    let mut house = House::new(Count::default());
    assert_eq!(flood(&mut house, limits::SUBSCRIPTIONS_PER_SOURCE + 20, 9, "a"), limits::SUBSCRIPTIONS_PER_SOURCE);
    assert_eq!(flood(&mut house, 10, 8, "b"), 10, "others still may");
    let mut one = House::new(Count::default());
    for i in 0..limits::SUBSCRIBERS + 5 {
        let contact = format!("Contact: <sip:p{i}@10.9.9.9>\r\nEvent: message-summary\r\n");
        let call = format!("o{i}");
        wants(&mut one, &request_to("SUBSCRIBE", "sip:204@h", &call, "", &call, 1, &contact, ""), "x");
        one.run(1);
    }
    assert_eq!(one.end.stats().subscriptions, limits::SUBSCRIBERS);
    let again = request_to(
        "SUBSCRIBE",
        "sip:204@h",
        "z",
        "",
        "z",
        1,
        "Contact: <sip:p9@10.9.9.9>\r\nEvent: message-summary\r\n",
        "",
    );
    wants(&mut one, &again, "x");
    assert_eq!(one.end.stats().subscriptions, limits::SUBSCRIBERS, "a phone that began again");
}

#[test]
fn a_closed_connection_takes_its_subscriptions_along() {
    let mut house = House::new(Count::default());
    let way = Flow { transport: sip::Transport::Tcp, connection: 5, ..flow(9, 1) };
    house.put(way, &request("SUBSCRIBE", "s1", HEAD, "").replace("SIP/2.0/UDP", "SIP/2.0/TCP"));
    let Some(Event::Request { txn, .. }) = house.events().pop() else { panic!() };
    assert!(house.end.subscribe(house.now, txn, topic(), content("x")).is_some());
    house.out(way);
    assert_eq!(house.end.subscribers(&topic()), [way]);
    house.end.closed(house.now, 5);
    assert!(house.end.subscribers(&topic()).is_empty());
    house.assert_empty();
}
