//! The framer against hostile and slow streams.

use proptest::prelude::*;

use super::*;

fn message(body: usize) -> Vec<u8> {
    let mut m = format!("OPTIONS sip:h SIP/2.0\r\nCall-ID: x\r\nContent-Length: {body}\r\n\r\n").into_bytes();
    m.extend(std::iter::repeat_n(b'x', body));
    m
}

#[test]
fn any_split_gives_the_same_messages() {
    let mut stream = b"\r\n\r\n".to_vec();
    stream.extend(message(0));
    stream.extend(message(5));
    stream.extend(b"\r\n");
    stream.extend(message(17));
    for step in 1..stream.len() {
        let mut framer = Framer::new();
        let mut frames = Vec::new();
        for chunk in stream.chunks(step) {
            frames.extend(framer.push(chunk).unwrap());
        }
        let want: Vec<Frame> =
            std::iter::once(Frame::Pong).chain([0, 5, 17].map(|n| Frame::Message(message(n).into()))).collect();
        assert_eq!(frames, want, "step {step}");
        assert_eq!(framer.pending(), 0);
    }
}

#[test]
fn doubtful_lengths_close_the_stream() {
    for head in [
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: 1\r\nl: 2",
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length:",
        "Content-Length: 1 2",
        "Content-Length: 1\r\n 2",
        "Content-Length: 99999999999999999999",
        "X: y",
    ] {
        let text = format!("OPTIONS sip:h SIP/2.0\r\n{head}\r\n\r\n");
        let mut framer = Framer::new();
        assert_eq!(framer.push(text.as_bytes()), Err(FrameError::ContentLength), "{head}");
        assert_eq!(framer.push(&message(0)), Err(FrameError::Junk));
    }
}

#[test]
fn size_is_bounded() {
    let text = format!("OPTIONS sip:h SIP/2.0\r\nl: {}\r\n\r\n", limits::BODY_BYTES + 1);
    assert_eq!(Framer::new().push(text.as_bytes()), Err(FrameError::BodyTooLong));
    let mut framer = Framer::new();
    let mut last = Ok(Vec::new());
    for _ in 0..70 {
        last = framer.push(&[b'a'; 1000]);
        assert!(framer.pending() <= limits::MESSAGE_BYTES + 4);
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last, Err(FrameError::HeadTooLong));
    let mut many = Vec::new();
    while many.len() < 300_000 {
        many.extend(message(1000));
    }
    let frames = Framer::new().push(&many).unwrap();
    assert_eq!(frames.len(), many.len() / message(1000).len());
}

#[test]
fn a_stream_of_keep_alives_gets_one_pong_per_read() {
    let mut framer = Framer::new();
    assert_eq!(framer.push(&b"\r\n".repeat(10_000)).unwrap(), vec![Frame::Pong]);
    assert_eq!(framer.push(b"\r\n").unwrap(), vec![]);
}

#[test]
fn what_is_no_sip_is_junk() {
    for junk in [&b"\x16\x03\x01"[..], b"\n\n", b"\r\r", b" x"] {
        assert_eq!(Framer::new().push(junk), Err(FrameError::Junk), "{junk:?}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut framer = Framer::new();
        for chunk in chunks {
            let _ = framer.push(&chunk);
        }
    }

    #[test]
    fn the_framer_and_the_parser_agree(body in 0usize..300, extra in "[A-Za-z-]{1,12}", value in "[ -~]{0,40}") {
        let mut text = format!("OPTIONS sip:h SIP/2.0\r\n{extra}: {value}\r\nContent-Length: {body}\r\n\r\n").into_bytes();
        text.extend(std::iter::repeat_n(b'x', body));
        text.extend(b"OPTIONS");
        if let Ok(frames) = Framer::new().push(&text)
            && let Some(Frame::Message(m)) = frames.first()
            && let Ok(parsed) = sipx_sip::parse_datagram(m.clone(), &limits::parser())
        {
            prop_assert_eq!(parsed.body().len(), body);
        }
    }
}
