//! Vectors of RFC 2617, RFC 7616 and the rules of [`super`].

use std::time::{Duration, Instant};

use super::*;
use crate::flow::Flow;
use crate::limits;
use crate::message::Request;

const REALM: &str = "tollgate";

fn flow(n: u8) -> Flow {
    Flow::udp("127.0.0.1:5060".parse().unwrap(), format!("127.0.0.{n}:5070").parse().unwrap())
}

fn request(uri: &str, authorization: Option<&str>) -> Request {
    let auth = authorization.map_or(String::new(), |a| format!("Authorization: {a}\r\n"));
    let text = format!(
        "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:204@h>;tag=1\r\n\
         To: <sip:204@h>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{auth}Content-Length: 0\r\n\r\n"
    );
    Request::parse(text.as_bytes()).unwrap()
}

fn unauthorized(values: &[crate::header::Value]) -> crate::message::Response {
    let mut text = String::from(
        "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:204@h>;tag=1\r\n\
         To: <sip:204@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n",
    );
    for v in values {
        text.push_str(&format!("WWW-Authenticate: {v}\r\n"));
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    let bytes = bytes::Bytes::from(text);
    match sipx_sip::parse_datagram(bytes, &limits::parser()).unwrap() {
        sipx_sip::Message::Response(r) => crate::message::Response::new(r).unwrap(),
        sipx_sip::Message::Request(_) => panic!("a request"),
    }
}

fn lookup(user: &str) -> Option<Ha1> {
    (user == "204").then(|| Ha1::of("204", REALM, "secret"))
}

fn signed(auth: &mut Authenticator, now: Instant, flow: &Flow, user: &str, password: &str, count: u32) -> Request {
    let response = unauthorized(&auth.challenge(now, flow));
    let credentials = Credentials::new(user, REALM, password);
    let challenge = Challenge::find(&response, &credentials).unwrap();
    let value = answer(&challenge, &credentials, &sipx_sip::Method::Register, "sip:h", "c0", count).unwrap();
    request("sip:h", Some(&value.to_text()))
}

#[test]
fn rfc_2617_and_7616_vectors() {
    // RFC 2617 §3.5 and RFC 7616 §3.9.1.
    let ha1_md5 = ha1(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
    assert_eq!(ha1_md5, "939e7578ed9e3c518a452acee763bce9");
    let got = response(
        Algorithm::Md5,
        &ha1_md5,
        "GET",
        "/dir/index.html",
        "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        Some(("00000001", "0a4f113b")),
    );
    assert_eq!(got, "6629fae49393a05397450978507c4ef1");

    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    for (algorithm, want) in [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let ha1 = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        let got = response(algorithm, &ha1, "GET", "/dir/index.html", nonce, Some(("00000001", cnonce)));
        assert_eq!(got, want);
    }
}

#[test]
fn sha_256_is_offered_first_and_chosen() {
    let now = Instant::now();
    let mut auth = Authenticator::new([1; 32], REALM, now);
    let values = auth.challenge(now, &flow(2));
    assert_eq!(values.len(), 2);
    assert!(values[0].to_text().contains("SHA-256") && values[1].to_text().contains("MD5"));
    assert!(!values[0].to_text().contains("auth-int"));
    let request = signed(&mut auth, now, &flow(2), "204", "secret", 1);
    assert!(request.header("Authorization").unwrap().contains("algorithm=SHA-256"));
    assert_eq!(auth.verify(now, &request, &flow(2), &lookup), Verdict::Ok("204".into()));
}

#[test]
fn wrong_password_and_unknown_user_look_alike() {
    let now = Instant::now();
    let mut auth = Authenticator::new([1; 32], REALM, now);
    for (user, password) in [("204", "x"), ("205", "secret"), ("205", "x")] {
        let request = signed(&mut auth, now, &flow(2), user, password, 1);
        assert_eq!(auth.verify(now, &request, &flow(2), &lookup), Verdict::Wrong);
    }
    assert_eq!(auth.verify(now, &request("sip:h", None), &flow(2), &lookup), Verdict::NoCredentials);
    assert_eq!(auth.remembered(), 0, "failures cost no memory");
}

#[test]
fn an_answer_is_used_once() {
    let now = Instant::now();
    let mut auth = Authenticator::new([1; 32], REALM, now);
    let first = signed(&mut auth, now, &flow(2), "204", "secret", 1);
    assert_eq!(auth.verify(now, &first, &flow(2), &lookup), Verdict::Ok("204".into()));
    assert_eq!(auth.verify(now, &first, &flow(2), &lookup), Verdict::Replay);
    assert_eq!(auth.remembered(), 1);
}

#[test]
fn counters_may_arrive_out_of_order_but_once() {
    let mut w = server::Window::default();
    for nc in [3, 1, 2, 70, 10] {
        assert!(w.take(nc), "{nc}");
        assert!(!w.take(nc), "{nc}");
    }
    assert!(!w.take(0));
    assert!(!w.take(5), "older than the window");
    assert!(w.take(u32::MAX));
    assert!(!w.take(71));
}

#[test]
fn a_nonce_is_bound_to_address_time_and_secret() {
    let now = Instant::now();
    let mut auth = Authenticator::new([1; 32], REALM, now);
    let request = signed(&mut auth, now, &flow(2), "204", "secret", 1);
    assert_eq!(auth.verify(now, &request, &flow(3), &lookup), Verdict::Stale);
    let late = now + limits::NONCE_LIFE + Duration::from_millis(1);
    assert_eq!(auth.verify(late, &request, &flow(2), &lookup), Verdict::Stale);
    let mut other = Authenticator::new([2; 32], REALM, now);
    assert_eq!(other.verify(now, &request, &flow(2), &lookup), Verdict::Stale);
    assert_eq!(auth.verify(now, &request, &flow(2), &lookup), Verdict::Ok("204".into()));
}

#[test]
fn the_digest_uri_is_the_request_uri() {
    let now = Instant::now();
    let mut auth = Authenticator::new([1; 32], REALM, now);
    let good = signed(&mut auth, now, &flow(2), "204", "secret", 1);
    let moved = request("sip:9005551234@h", good.header("Authorization").as_deref());
    assert_eq!(auth.verify(now, &moved, &flow(2), &lookup), Verdict::Wrong);
    let same = request("sip:H", good.header("Authorization").as_deref());
    assert_eq!(auth.verify(now, &same, &flow(2), &lookup), Verdict::Ok("204".into()));
}

#[test]
fn no_downgrade_below_what_is_offered() {
    let now = Instant::now();
    let mut both = Authenticator::new([1; 32], REALM, now);
    let mut strict = Authenticator::new([1; 32], REALM, now).with_algorithms(&[Algorithm::Sha256]);
    let response = unauthorized(&both.challenge(now, &flow(2))[1..]);
    let credentials = Credentials::new("204", REALM, "secret");
    let challenge = Challenge::find(&response, &credentials).unwrap();
    let value = answer(&challenge, &credentials, &sipx_sip::Method::Register, "sip:h", "c", 1).unwrap();
    let request = request("sip:h", Some(&value.to_text()));
    assert_eq!(strict.verify(now, &request, &flow(2), &lookup), Verdict::Malformed);
    let no_md5 = |_: &str| Some(Ha1 { sha256: ha1(Algorithm::Sha256, "204", REALM, "secret"), md5: String::new() });
    assert_eq!(both.verify(now, &request, &flow(2), &no_md5), Verdict::Wrong);
    assert_eq!(both.verify(now, &request, &flow(2), &lookup), Verdict::Ok("204".into()));
}

#[test]
fn only_our_realm_is_answered() {
    let now = Instant::now();
    let mut auth = Authenticator::new([1; 32], "evil", now);
    let response = unauthorized(&auth.challenge(now, &flow(2)));
    assert!(Challenge::find(&response, &Credentials::new("204", REALM, "secret")).is_none());
}

#[test]
fn replay_memory_is_bounded_and_forgetting_opens_nothing() {
    let now = Instant::now();
    let mut auth = Authenticator::new([1; 32], REALM, now);
    let first = signed(&mut auth, now, &flow(2), "204", "secret", 1);
    assert_eq!(auth.verify(now, &first, &flow(2), &lookup), Verdict::Ok("204".into()));
    for n in 0..limits::NONCES + 10 {
        let stamp = (1, u32::try_from(n).unwrap() + 100);
        assert_eq!(auth.use_once(stamp, 1, "204"), Verdict::Ok("204".into()));
        assert!(auth.remembered() <= limits::NONCES);
    }
    // The first nonce lost its window; its old answer must not work again.
    assert_eq!(auth.verify(now, &first, &flow(2), &lookup), Verdict::Stale);
    auth.forget(now + limits::NONCE_LIFE * 3);
    assert_eq!(auth.remembered(), 0);
}

#[test]
fn two_answers_for_our_realm_are_refused() {
    let now = Instant::now();
    let mut auth = Authenticator::new([1; 32], REALM, now);
    let good = signed(&mut auth, now, &flow(2), "204", "secret", 1);
    let value = good.header("Authorization").unwrap();
    let twice = request("sip:h", Some(&format!("{value}\r\nAuthorization: {value}")));
    assert_eq!(auth.verify(now, &twice, &flow(2), &lookup), Verdict::Malformed);
}

#[test]
fn the_first_realm_is_learnt_and_never_another() {
    let credentials = Credentials::of_first_realm("me", "secret");
    let shared = credentials.clone();
    let of = |realm: &str| {
        unauthorized(&[
            crate::header::Value::new(format!("Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\"")).unwrap()
        ])
    };
    let register = sipx_sip::Method::Register;
    let first = Challenge::find(&of("itsp"), &credentials).unwrap();
    assert_eq!(credentials.realm(), None, "looking is not answering");
    assert!(answer(&first, &credentials, &register, "sip:h", "c", 1).is_some());
    assert_eq!(shared.realm(), Some("itsp"), "every clone knows it");
    assert!(Challenge::find(&of("evil"), &shared).is_none());
    // Two that were read before either was answered: the second one comes too late.
    let fresh = Credentials::of_first_realm("me", "secret");
    let [a, b] = ["itsp", "evil"].map(|realm| Challenge::find(&of(realm), &fresh).unwrap());
    assert!(answer(&a, &fresh, &register, "sip:h", "c", 1).is_some());
    assert!(answer(&b, &fresh, &register, "sip:h", "c", 1).is_none());
}

#[test]
fn the_password_is_in_no_debug_text() {
    assert!(!format!("{:?}", Credentials::new("me", "itsp", "hunter2")).contains("hunter2"));
}
