//! One SIP message: read whole, cut out of a stream in pieces, and everything asked that the exchange asks.

use sip::{Framer, NameAddr, Request, Uri};

use super::Outcome;

pub(crate) const WORDS: &[&str] = &[
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "PRACK",
    "UPDATE",
    "INFO",
    "SUBSCRIBE",
    "NOTIFY",
    "REFER",
    "MESSAGE",
    "sip:",
    "sips:",
    "tel:",
    "SIP/2.0",
    "Via: ",
    "v: ",
    "From: ",
    "f: ",
    "To: ",
    "t: ",
    "Call-ID: ",
    "i: ",
    "CSeq: ",
    "Contact: ",
    "m: ",
    "Contact: *\r\n",
    "Max-Forwards: 0\r\n",
    "Route: ",
    "Record-Route: ",
    "Require: 100rel\r\n",
    "Supported: 100rel\r\n",
    "Content-Length: ",
    "l: ",
    "Content-Type: application/sdp\r\n",
    "Content-Type: multipart/mixed;boundary=b\r\n",
    "--b\r\n",
    "--b--",
    "Authorization: Digest ",
    "username=\"204\"",
    "realm=\"r\"",
    "nonce=\"",
    "response=\"",
    "uri=\"",
    "qop=auth",
    "nc=00000001",
    "cnonce=\"x\"",
    "algorithm=SHA-256",
    ";tag=",
    ";branch=z9hG4bK",
    ";rport",
    ";received=",
    ";maddr=",
    ";lr",
    ";expires=0",
    "RSeq: 1\r\n",
    "RAck: 1 1 INVITE\r\n",
    "Retry-After: ",
    "Session-Expires: 90\r\n",
    "Event: ",
    "Subscription-State: active\r\n",
    "Refer-To: ",
    "Replaces: ",
    "\r\n",
    "\r\n\r\n",
    "\r\n ",
    "<",
    ">",
    "\"",
    "[2001:db8::1]",
    "%00",
    "%2A",
    "%",
    "\u{0}",
    "@",
    ":5060",
    "200 OK",
    "180 Ringing",
    "401 Unauthorized",
    "487 Request Terminated",
    "\n===\n",
    "in 1\n",
    "in 2\n",
    "wait 500\n",
    "wait 33000\n",
    "ring 180\n",
    "ring 183\n",
    "accept\n",
    "reject 486\n",
    "bye\n",
    "call\n",
    "cancel\n",
    "reinvite\n",
    "update\n",
    "answer\n",
    "$TAG",
    "$BRANCH",
    "$CALL",
    "$FROM",
    "$CSEQ",
    "$RSEQ",
];

/// Asks everything of an address.
fn ask(address: &NameAddr, outcome: &mut Outcome) {
    outcome.add(address.user().is_some());
    outcome.add(address.display().is_some());
    outcome.add(address.tag().is_empty());
    let text = address.uri().to_string();
    if let Ok(again) = Uri::parse(&text) {
        // What we write is what we read.
        assert_eq!(again.to_string(), text);
        assert_eq!(again.user(), address.uri().user());
    }
}

pub(crate) fn feed(input: &[u8]) -> u64 {
    let mut outcome = Outcome::new();
    if let Some(request) = Request::parse(input) {
        outcome.add(request.method().to_string().len().min(12));
        outcome.add(request.user().is_some());
        outcome.add(request.uri().scheme());
        ask(request.from(), &mut outcome);
        ask(request.to(), &mut outcome);
        let contacts = request.contacts();
        outcome.add(contacts.len().min(4));
        contacts.iter().for_each(|contact| ask(contact, &mut outcome));
        outcome.add(request.sdp().is_some());
        outcome.add(request.content_type().unwrap_or_default().len().min(20));
        outcome.add(request.expires().is_some());
        outcome.add(request.max_forwards() == 70);
        outcome.add(request.asserted_identity().is_some());
        outcome.add(request.has_token("Require", "100rel"));
        outcome.add(sip::digest::claimed_user(&request, "r").is_some());
        outcome.add(request.carried().len().min(3));
        let bytes = request.to_bytes();
        let again = Request::parse(&bytes).expect("what we write can be read");
        assert_eq!((again.call_id(), again.cseq(), again.user()), (request.call_id(), request.cseq(), request.user()));
    }
    // The same by a stream, in pieces of a length that the input chooses.
    let step = usize::from(input.first().copied().unwrap_or(1)) + 1;
    let mut framer = Framer::new();
    let mut frames = 0;
    for piece in input.chunks(step) {
        match framer.push(piece) {
            Ok(found) => frames += found.len(),
            Err(_) => {
                outcome.add("broken stream");
                break;
            }
        }
    }
    outcome.add(frames.min(3));
    outcome.number()
}
