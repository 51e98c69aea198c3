//! The 400 for a request that does not parse, if enough of it can be made out to answer it
//! (RFC 3261 §8.2.2): a request line, exactly one From, To, Call-ID and CSeq, and a Via, each a
//! plain line. Anything less gets silence; ACKs and responses always do.

use bytes::Bytes;

use crate::flow::Flow;
use crate::limits;

/// The answer, if there can be one. It copies five headers and is never longer than the request
/// by more than its own few words.
pub(crate) fn answer(bytes: &[u8], flow: &Flow) -> Option<Bytes> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let mut lines = head.split("\r\n");
    let start = lines.next()?.trim_end();
    let method = start.split(' ').next()?;
    let is_request = start.ends_with(" SIP/2.0") && crate::header::is_token(method.as_bytes());
    if !is_request || method == "ACK" {
        return None;
    }
    let mut vias = Vec::new();
    let mut single: [Option<String>; 4] = [None, None, None, None];
    let mut skipping = false;
    for line in lines.take(limits::HEADERS) {
        if line.starts_with([' ', '\t']) {
            // A fold may only continue what we do not copy.
            if skipping {
                continue;
            }
            return None;
        }
        skipping = false;
        let Some((name, value)) = line.split_once(':') else {
            skipping = true;
            continue;
        };
        let slot = match name.trim_end().to_ascii_lowercase().as_str() {
            "via" | "v" => {
                let value = plain(value)?;
                if vias.is_empty() {
                    let address = format!(";received={};rport={}", flow.remote.ip().to_canonical(), flow.remote.port());
                    vias.push(format!("{}{address}", strip(&value)?));
                } else {
                    vias.push(value);
                }
                continue;
            }
            "from" | "f" => single.get_mut(0)?,
            "to" | "t" => single.get_mut(1)?,
            "call-id" | "i" => single.get_mut(2)?,
            "cseq" => single.get_mut(3)?,
            _ => {
                skipping = true;
                continue;
            }
        };
        if slot.replace(plain(value)?).is_some() {
            return None;
        }
    }
    let [Some(from), Some(to), Some(call_id), Some(cseq)] = single else {
        return None;
    };
    // The CSeq must at least name a method, or the answer would match nothing.
    let number = cseq.split([' ', '\t']).next()?;
    if vias.is_empty() || vias.len() > limits::VIAS || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let tag = if to.contains(";tag=") || to.contains("; tag=") { "" } else { ";tag=400" };
    let mut out = String::from("SIP/2.0 400 Bad Request\r\n");
    for via in vias {
        out.push_str(&format!("Via: {via}\r\n"));
    }
    out.push_str(&format!(
        "From: {from}\r\nTo: {to}{tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
    ));
    Some(Bytes::from(out))
}

/// A value that can be copied: short, printable, no stray line break.
fn plain(value: &str) -> Option<String> {
    let value = value.trim();
    let fine =
        !value.is_empty() && value.len() <= limits::HEADER_BYTES && !value.chars().any(|c| c.is_control() && c != '\t');
    fine.then(|| value.to_owned())
}

/// The first hop of a Via without what it claims about where it came from. A comma list is left
/// alone: it is not answered.
fn strip(via: &str) -> Option<String> {
    if via.contains(',') || via.contains('"') {
        return None;
    }
    let kept: Vec<&str> = via
        .split(';')
        .filter(|p| {
            let name = p.split('=').next().unwrap_or("").trim().to_ascii_lowercase();
            !matches!(name.as_str(), "received" | "rport" | "maddr") && !p.trim().is_empty()
        })
        .collect();
    Some(kept.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flow() -> Flow {
        Flow::udp("127.0.0.1:5060".parse().unwrap(), "127.0.0.9:7".parse().unwrap())
    }

    const GOOD: &str = "INVITE sip:a b@h SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx;maddr=5.6.7.8;received=5.6.7.8;rport=9\r\n\
        From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nX: y\r\n folded\r\n\r\n";

    #[test]
    fn what_can_be_made_out_is_answered() {
        let text = String::from_utf8(answer(GOOD.as_bytes(), &flow()).unwrap().to_vec()).unwrap();
        assert!(text.starts_with("SIP/2.0 400 "));
        assert!(text.contains("Via: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx;received=127.0.0.9;rport=7\r\n"), "{text}");
        assert!(text.contains("To: <sip:c@d>;tag=400\r\n"));
        assert!(!text.contains("5.6.7.8") && !text.contains("folded"));
    }

    #[test]
    fn all_else_is_met_with_silence() {
        for (from, to) in [
            ("INVITE sip", "ACK sip"),
            ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"),
            ("Call-ID: x\r\n", ""),
            ("Call-ID: x\r\n", "Call-ID: x\r\nCall-ID: y\r\n"),
            ("Call-ID: x\r\n", "Call-ID: x\nEvil: y\r\n"),
            ("Call-ID: x\r\n", "Call-ID:\r\n x\r\n"),
            ("CSeq: 1 INVITE", "CSeq: one INVITE"),
            ("Via: SIP", "Vix: SIP"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD);
            assert!(answer(text.as_bytes(), &flow()).is_none(), "{text}");
        }
        assert!(answer(b"", &flow()).is_none());
        assert!(answer(b"SIP/2.0 200 OK\r\n\r\n", &flow()).is_none());
    }

    proptest! {
        #[test]
        fn an_answer_has_no_lines_that_we_did_not_write(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..300) {
            let mut text = GOOD.as_bytes().to_vec();
            let at = at.min(text.len());
            text.splice(at..at, bytes);
            if let Some(answer) = answer(&text, &flow()) {
                let answer = String::from_utf8(answer.to_vec()).unwrap();
                for line in answer.trim_end().split("\r\n").skip(1) {
                    let name = line.split(':').next().unwrap();
                    prop_assert!(["Via", "From", "To", "Call-ID", "CSeq", "Content-Length"].contains(&name), "{}", line);
                }
            }
        }
    }
}
