//! The torture messages of RFC 4475 and RFC 5118 and what the endpoint does with each; see `rfc4475/README.md` and
//! `rfc5118/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "support/raw.rs"]
mod raw;

use raw::{Bench, Count, flow, status};
use sip::{Event, Framer};

/// Name, what is expected, and the bytes.
fn messages(text: &str) -> Vec<(String, String, Vec<u8>)> {
    text.split("=== ")
        .skip(1)
        .map(|part| {
            let (title, body) = part.split_once('\n').unwrap();
            let words: Vec<&str> = title.split(' ').collect();
            (words[0].to_owned(), words[2].to_owned(), expand(body))
        })
        .collect()
}

fn expand(text: &str) -> Vec<u8> {
    let mut text = text.replace("<sp>", " ");
    while let Some((before, rest)) = text.clone().split_once("<repeat count=") {
        let (count, rest) = rest.split_once('>').unwrap();
        let (inner, after) = rest.split_once("</repeat>").unwrap();
        text = format!("{before}{}{after}", inner.repeat(count.parse().unwrap()));
    }
    let mut out = Vec::new();
    let mut rest = text.replace('\n', "\r\n");
    while let Some((before, tail)) = rest.clone().split_once("<hex>") {
        let (digits, after) = tail.split_once("</hex>").unwrap();
        out.extend_from_slice(before.as_bytes());
        out.extend(
            digits.as_bytes().chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()),
        );
        rest = after.to_owned();
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

const TORTURE: &str = include_str!("rfc4475/messages.txt");
const IPV6: &str = include_str!("rfc5118/messages.txt");

#[test]
fn each_message_is_met_as_it_deserves() {
    assert_eq!((messages(TORTURE).len(), messages(IPV6).len()), (49, 11));
    meet(messages(TORTURE));
    meet(messages(IPV6));
}

fn meet(all: Vec<(String, String, Vec<u8>)>) {
    let mut wrong = Vec::new();
    for (name, expected, bytes) in all {
        let f = flow(9, 40_000);
        let mut b = Bench::new(Count::default());
        let out = b.put_bytes(f, &bytes);
        let events = b.events();
        let got = match (&events[..], &out[..]) {
            ([Event::Invite { .. }], [m]) if status(m) == 100 => "invite".to_owned(),
            ([Event::Request { .. }], []) => "request".to_owned(),
            ([], [m]) => status(m).to_string(),
            ([], []) => "silence".to_owned(),
            other => format!("{other:?}"),
        };
        if got != expected {
            wrong.push(format!("{name}: expected {expected}, got {got}"));
        }
        // Whatever it was, it leaves nothing behind.
        if let Some(Event::Invite { session, .. }) = events.first() {
            b.end.reject(b.now, *session, 404, "", vec![]);
        }
        b.assert_empty();
        // And a stream never panics over it.
        let mut framer = Framer::new();
        for chunk in bytes.chunks(7) {
            if framer.push(chunk).is_err() {
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_was_read_is_what_was_meant() {
    let mut all = messages(TORTURE);
    all.extend(messages(IPV6));
    let read = |name: &str| {
        let (_, _, bytes) = all.iter().find(|(n, _, _)| n == name).unwrap();
        sip::Request::parse(bytes).unwrap()
    };
    let wsinv = read("wsinv");
    assert_eq!(wsinv.from().display(), Some("J Rosenberg \\\""));
    assert_eq!((wsinv.from().tag(), wsinv.to().tag()), ("98asjd8", "1918181833n"));
    assert_eq!((wsinv.cseq(), wsinv.max_forwards()), (9, 68));
    assert_eq!(wsinv.header("NewFangledHeader").as_deref(), Some("newfangled value continued newfangled value"));
    assert_eq!(wsinv.contact().unwrap().display(), Some("Quoted string \"\""));
    let esc01 = read("esc01");
    assert_eq!(esc01.user(), Some("sips:user@example.com"));
    assert_eq!(esc01.to().user().as_deref(), Some("user"));
    assert_eq!(esc01.from().user().as_deref(), Some("I have spaces"));
    let semi = read("semiuri");
    assert_eq!(semi.user(), Some("user;par=u@example.net"));
    let null = read("escnull");
    assert_eq!(null.to().user(), None, "a user with NUL is no user");
    assert_eq!(null.contacts().len(), 2);
    let mpart = read("mpart01");
    assert_eq!((mpart.body().len(), mpart.content_type().as_deref()), (553, Some("multipart/mixed")));
    assert_eq!(mpart.sdp(), None, "two parts, neither of them a description");
    assert_eq!(read("port-ambiguous").uri().to_string(), "sip:[2001:db8::10:5070]");
    assert_eq!(read("port-unambiguous").uri().to_string(), "sip:[2001:db8::10]:5070");
    assert_eq!(read("ipv4-mapped-ipv6").contact().unwrap().host(), "::ffff:192.0.2.2");
    assert!(read("mult-ip-in-sdp").sdp().is_some_and(|sdp| sdp.ends_with(b"H263-1998/90000\r\n")));
    assert_eq!(read("cparam01").contact().unwrap().param("unknownparam"), Some(""));
    assert_eq!(read("cparam02").contact().unwrap().uri().param("unknownparam").as_deref(), Some(""));
}
