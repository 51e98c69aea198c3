//! Requests that are refused say what there is instead: packages with 489, methods with 405.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Bench, flow, request, to_tag};

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test]
async fn inside_a_call_other_packages_and_methods_are_refused_with_what_there_is() {
    let mut bench = Bench::new("").await;
    let peer = flow("127.0.0.9:5060");
    bench.put(peer, &request("INVITE", 1, 1, "", "x", ""));
    let mut answer = String::new();
    while !answer.starts_with("SIP/2.0 200") {
        answer = bench.order().await.pop().unwrap_or_default();
    }
    let tag = to_tag(&answer);
    bench.put(peer, &request("ACK", 1, 1, &tag, "x", ""));
    for (n, event) in ["presence", "message-summary", "refer"].into_iter().enumerate() {
        let out = bench.put(peer, &request("SUBSCRIBE", 1, n + 2, &tag, "x", &format!("Event: {event}\r\n")));
        assert!(out[0].starts_with("SIP/2.0 489 "), "{event}: {out:?}");
        assert_eq!(header(&out[0], "Allow-Events"), Some("message-summary"), "{event}");
    }
    for (n, method) in ["PUBLISH", "MESSAGE"].into_iter().enumerate() {
        let out = bench.put(peer, &request(method, 1, n + 9, &tag, "x", ""));
        assert!(out[0].starts_with("SIP/2.0 405 "), "{method}: {out:?}");
        let allow = header(&out[0], "Allow").unwrap_or_default();
        assert!(allow.contains("INVITE") && !allow.contains(method), "{method}: {allow}");
    }
    assert_eq!(bench.signal.sessions(), 1, "the call goes on");
}
