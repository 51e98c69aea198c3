//! Session descriptions as phones write them, offers and answers (RFC 3264), and anything else that may come in a body.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use media::codec::Codec;
use media::limits::{MAX_CLOCK, MAX_FORMATS, MAX_MEDIA, MAX_SDP, MAX_SDP_LINES, MAX_SDP_WORD};
use media::sdp::{Caps, Direction, Format, Local, NegotiateError, Negotiated, ParseError, Prefer, Session};
use proptest::prelude::*;
use std::net::SocketAddr;

const LINPHONE: &str = "v=0\r\no=204 2470 3136 IN IP4 192.168.1.20\r\ns=Talk\r\nc=IN IP4 192.168.1.20\r\nb=AS:380\r\nt=0 0\r\n\
    a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\na=record:off\r\n\
    m=audio 7078 RTP/AVPF 96 97 98 0 8 101 99 100\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
    a=rtpmap:97 speex/16000\r\na=fmtp:97 vbr=on\r\na=rtpmap:98 speex/8000\r\na=fmtp:98 vbr=on\r\n\
    a=rtpmap:101 telephone-event/48000\r\na=rtpmap:99 telephone-event/16000\r\na=rtpmap:100 telephone-event/8000\r\n\
    a=rtcp:7079\r\na=rtcp-fb:* trr-int 5000\r\nm=video 9078 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp:9079\r\n";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn local() -> Local {
    Local::new(at("203.0.113.1:20000"), 77)
}

/// A description with this audio line and these attributes.
fn audio(line: &str, attributes: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm={line}\r\n{attributes}")
}

fn parse(text: &str) -> Session {
    Session::parse(text.as_bytes()).unwrap()
}

fn answer(caps: &Caps, offer: &str) -> Result<(Session, Negotiated), NegotiateError> {
    let (text, negotiated) = local().answer(caps, &parse(offer), Direction::SendRecv)?;
    Ok((parse(std::str::from_utf8(&text).unwrap()), negotiated))
}

fn names(session: &Session, media: usize) -> Vec<String> {
    session.media[media].payloads.iter().map(|payload| format!("{} {}", payload.payload_type, payload.name)).collect()
}

#[test]
fn our_offer_reads_as_it_should() {
    let text = local().offer(&Caps::default(), Direction::SendRecv);
    assert_eq!(
        std::str::from_utf8(&text).unwrap(),
        "v=0\r\no=- 77 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 0 8 9 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

#[test]
fn a_linphone_offer_is_answered_with_one_codec_and_the_video_refused() {
    let (session, negotiated) = answer(&Caps::default(), LINPHONE).unwrap();
    assert_eq!(session.media.len(), 2);
    assert_eq!(names(&session, 0), ["0 PCMU", "100 telephone-event"]);
    assert_eq!(session.media[0].protocol, "RTP/AVPF");
    assert_eq!((session.media[1].port, session.media[1].kind.as_str()), (0, "video"));
    assert_eq!(negotiated.codec, Format::Audio(Codec::Pcmu));
    assert_eq!((negotiated.pt_in, negotiated.pt_out, negotiated.dtmf), (0, 0, Some((100, 100))));
    assert_eq!((negotiated.remote, negotiated.remote_rtcp), (at("192.168.1.20:7078"), at("192.168.1.20:7079")));
    assert_eq!((negotiated.direction, negotiated.ptime), (Direction::SendRecv, 20));
}

#[test]
fn the_offerers_order_decides_unless_we_want_ours() {
    let offer = audio("audio 4000 RTP/AVP 8 9 0", "");
    let (_, theirs) = answer(&Caps::default(), &offer).unwrap();
    assert_eq!(theirs.codec, Format::Audio(Codec::Pcma));
    let (_, ours) = answer(&Caps { prefer: Prefer::Ours, ..Caps::default() }, &offer).unwrap();
    assert_eq!(ours.codec, Format::Audio(Codec::Pcmu));
    let (_, wanted) = answer(&Caps::default().preferring(&Format::Audio(Codec::G722)), &offer).unwrap();
    assert_eq!(wanted.codec, Format::Audio(Codec::G722));
    let (_, fallback) = answer(&Caps::default().preferring(&Format::Audio(Codec::Gsm)), &offer).unwrap();
    assert_eq!(fallback.codec, Format::Audio(Codec::Pcmu));
}

#[test]
fn both_legs_of_a_call_come_to_the_same_codec_where_they_can() {
    // The caller prefers A-law to µ-law, and to both G.729, which we cannot decode.
    let caller = parse(&audio("audio 4000 RTP/AVP 18 8 0 96", "a=rtpmap:96 telephone-event/8000\r\n"));
    let caps = Caps::default().toward(&caller);
    let names_of: Vec<&str> = caps.formats.iter().map(Format::name).collect();
    assert_eq!(names_of, ["PCMA", "PCMU", "G722"]);
    let mut second = Local::new(at("203.0.113.1:20002"), 78);
    let offer = second.offer(&caps, Direction::SendRecv);
    assert!(std::str::from_utf8(&offer).unwrap().contains("m=audio 20002 RTP/AVP 8 0 9 101\r\n"));
    let callee = parse(&audio("audio 5000 RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000\r\n"));
    let settled = second.accept_answer(&callee).unwrap();
    assert_eq!(settled.codec, Format::Audio(Codec::Pcmu));
    assert_eq!(settled.common.len(), 2);
    let mut first = local();
    let (_, caller_side) =
        first.answer(&Caps::default().preferring(&settled.codec), &caller, Direction::SendRecv).unwrap();
    assert_eq!(caller_side.codec, settled.codec, "relayed without decoding");
}

#[test]
fn a_codec_that_we_cannot_decode_is_offered_on_when_the_caller_has_no_other() {
    let caller = parse(&audio("audio 4000 RTP/AVP 18 98", "a=rtpmap:98 iLBC/8000\r\na=fmtp:98 mode=20\r\n"));
    let offer = local().offer(&Caps::default().toward(&caller), Direction::SendRecv);
    let offer = std::str::from_utf8(&offer).unwrap();
    assert!(offer.contains("m=audio 20000 RTP/AVP 18 98 0 8 9 101\r\n"), "{offer}");
    assert!(offer.contains("a=rtpmap:98 iLBC/8000\r\na=fmtp:98 mode=20\r\n"), "{offer}");
    assert_eq!(answer(&Caps::default(), &caller.to_string()).err(), Some(NegotiateError::NoCodec));
}

#[test]
fn events_keep_their_payload_type_for_the_life_of_the_leg() {
    let mut local = local();
    local.answer(&Caps::default(), &parse(LINPHONE), Direction::SendRecv).unwrap();
    let offer = local.offer(&Caps::default(), Direction::SendRecv);
    assert!(std::str::from_utf8(&offer).unwrap().contains("RTP/AVPF 0 8 9 100\r\n"));
}

#[test]
fn g722_with_the_wrong_clock_is_g722() {
    let offer = audio("audio 4000 RTP/AVP 9", "a=rtpmap:9 G722/16000\r\n");
    let (session, negotiated) = answer(&Caps::default(), &offer).unwrap();
    assert_eq!((negotiated.codec, session.media[0].payloads[0].clock), (Format::Audio(Codec::G722), 8000));
}

#[test]
fn payload_types_may_differ_by_direction() {
    let mut local = local();
    local.offer(&Caps::of(&[Codec::Pcmu, Codec::L16]), Direction::SendRecv);
    let text = "a=rtpmap:120 L16/8000\r\na=rtpmap:97 telephone-event/8000\r\n";
    let settled = local.accept_answer(&parse(&audio("audio 5000 RTP/AVP 120 97", text))).unwrap();
    assert_eq!((settled.codec, settled.pt_in, settled.pt_out), (Format::Audio(Codec::L16), 96, 120));
    assert_eq!(settled.dtmf, Some((101, 97)));
}

#[test]
fn hold_in_its_three_forms_and_resume() {
    let mut local = local();
    let base = audio("audio 4000 RTP/AVP 0", "");
    let cases = [
        (base.clone(), Direction::SendRecv),
        (format!("{base}a=sendonly\r\n"), Direction::RecvOnly),
        (format!("{base}a=inactive\r\n"), Direction::Inactive),
        (base.replace("c=IN IP4 198.51.100.7", "c=IN IP4 0.0.0.0"), Direction::RecvOnly),
        (format!("{base}a=recvonly\r\n"), Direction::SendOnly),
        (base.replace("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n"), Direction::RecvOnly),
        (base.clone(), Direction::SendRecv),
        (base, Direction::SendRecv),
    ];
    let mut version = 0;
    for (offer, expected) in cases {
        let (text, negotiated) = local.answer(&Caps::default(), &parse(&offer), Direction::SendRecv).unwrap();
        assert_eq!(negotiated.direction, expected, "{offer}");
        assert_eq!(negotiated.held(), !expected.sends());
        let answer = parse(std::str::from_utf8(&text).unwrap());
        assert_eq!(answer.media[0].direction, Some(expected));
        assert!(answer.origin.version >= version);
        version = answer.origin.version;
    }
    assert_eq!(version, 7, "an answer that says the same keeps its version");
}

#[test]
fn a_re_offer_counts_up_keeps_its_lines_and_can_hold() {
    let mut local = local();
    local.answer(&Caps::default(), &parse(LINPHONE), Direction::SendRecv).unwrap();
    let text = local.offer(&Caps::default(), Direction::SendOnly);
    let offer = parse(std::str::from_utf8(&text).unwrap());
    assert_eq!((offer.origin.session, offer.origin.version), (77, 2));
    assert_eq!(offer.media.len(), 2);
    assert_eq!((offer.media[0].port, offer.media[1].port), (20_000, 0));
    assert_eq!(offer.media[0].direction, Some(Direction::SendOnly));
    assert_eq!(offer.media[0].protocol, "RTP/AVPF");
    let reply = LINPHONE.replace("m=video 9078", "m=video 0").replace("a=rtcp:7079", "a=recvonly");
    let settled = local.accept_answer(&parse(&reply)).unwrap();
    assert_eq!(settled.direction, Direction::SendOnly);
    // The same again keeps its version (RFC 3264 §8).
    let again = local.offer(&Caps::default(), Direction::SendOnly);
    assert_eq!(again, text);
}

#[test]
fn a_delayed_offer_is_ours_and_its_answer_comes_later() {
    let mut local = local();
    local.offer(&Caps::default(), Direction::SendRecv);
    let settled = local.accept_answer(&parse(&audio("audio 4000 RTP/AVP 9", ""))).unwrap();
    assert_eq!((settled.codec, settled.dtmf), (Format::Audio(Codec::G722), None));
    let unasked = local.accept_answer(&parse(&audio("audio 4000 RTP/AVP 9", "")));
    assert_eq!(unasked, Err(NegotiateError::NoOffer));
}

#[test]
fn an_answer_that_takes_nothing_is_an_error_and_may_be_corrected() {
    let mut local = local();
    local.offer(&Caps::default(), Direction::SendRecv);
    for (line, error) in [
        ("audio 0 RTP/AVP 0", NegotiateError::NoAudio),
        ("audio 4000 RTP/SAVP 0", NegotiateError::SecureOnly),
        ("audio 4000 RTP/AVP 18", NegotiateError::NoCodec),
        ("video 4000 RTP/AVP 0", NegotiateError::NoAudio),
    ] {
        assert_eq!(local.accept_answer(&parse(&audio(line, ""))), Err(error), "{line}");
    }
    assert!(local.accept_answer(&parse(&audio("audio 4000 RTP/AVP 0", ""))).is_ok());
    local.offer(&Caps::default(), Direction::SendRecv);
    local.offer_failed();
    assert!(local.accept_answer(&parse(&audio("audio 4000 RTP/AVP 0", ""))).is_err());
}

#[test]
fn what_we_do_not_take_is_refused_and_secure_audio_too() {
    for (offer, error) in [
        (audio("audio 4000 RTP/SAVP 0", ""), NegotiateError::SecureOnly),
        (audio("audio 9 UDP/TLS/RTP/SAVPF 111 0", ""), NegotiateError::SecureOnly),
        (audio("audio 4000 RTP/AVP 18 101", "a=rtpmap:101 telephone-event/8000\r\n"), NegotiateError::NoCodec),
        (audio("video 4000 RTP/AVP 96", ""), NegotiateError::NoAudio),
        (audio("audio 0 RTP/AVP 0", ""), NegotiateError::NoAudio),
        (audio("image 4000 udptl t38", ""), NegotiateError::NoAudio),
    ] {
        assert_eq!(answer(&Caps::default(), &offer).err(), Some(error), "{offer}");
    }
    let lines = "audio 4000 RTP/SAVP 0\r\nm=image 4002 udptl t38\r\nm=audio 4004 RTP/AVP 8 0\r\nm=audio 4006 RTP/AVP 0";
    let (session, negotiated) = answer(&Caps::default(), &audio(lines, "")).unwrap();
    let ports: Vec<u16> = session.media.iter().map(|media| media.port).collect();
    assert_eq!(ports, [0, 0, 20_000, 0]);
    assert_eq!(session.media[1].other_formats, ["t38"]);
    assert_eq!(negotiated.remote, at("198.51.100.7:4004"));
}

#[test]
fn ipv6_rtcp_ptime_and_a_name_instead_of_an_address() {
    let offer = "v=0\no=- 5 6 IN IP6 2001:db8::7\ns=-\nc=IN IP6 2001:db8::7\nt=0 0\nm=audio 4000/2 RTP/AVP 0\n\
                 a=rtcp:53020 IN IP6 2001:db8::8\na=ptime:30\n";
    let mut local = Local::new(at("[2001:db8::1]:20000"), 1);
    let (text, negotiated) = local.answer(&Caps::default(), &parse(offer), Direction::SendRecv).unwrap();
    assert!(std::str::from_utf8(&text).unwrap().contains("c=IN IP6 2001:db8::1\r\n"));
    assert_eq!(negotiated.remote, at("[2001:db8::7]:4000"));
    assert_eq!(negotiated.remote_rtcp, at("[2001:db8::8]:53020"));
    assert_eq!(negotiated.ptime, 30);
    let named = audio("audio 4000 RTP/AVP 0", "").replace("IN IP4 198.51.100.7", "IN IP4 phone.example.com");
    let (_, negotiated) = answer(&Caps::default(), &named).unwrap();
    assert_eq!((negotiated.remote, negotiated.direction), (at("0.0.0.0:4000"), Direction::SendRecv));
}

#[test]
fn static_payload_types_may_be_named_anew() {
    let (_, negotiated) = answer(&Caps::default(), &audio("audio 4000 RTP/AVP 0", "a=rtpmap:0 pcma/8000\r\n")).unwrap();
    assert_eq!((negotiated.codec, negotiated.pt_out), (Format::Audio(Codec::Pcma), 0));
}

#[test]
fn a_line_without_its_meaning_is_no_codec_and_odd_lines_are_passed_over() {
    let text = "a=rtpmap:abc\r\na=rtpmap:97\r\na=rtpmap:97 x\r\na=rtpmap:97 x/0\r\na=rtpmap:300 PCMU/8000\r\na=fmtp:97 \r\n\
                a=ptime:nonsense\r\na=rtcp:0\r\na=\r\na=:\r\nz=whatever\r\n";
    let session = parse(&audio("audio 4000 RTP/AVP 97 0", text));
    assert_eq!(names(&session, 0), ["97 ", "0 PCMU"]);
    assert_eq!((session.media[0].ptime, session.media[0].rtcp), (None, None));
}

#[test]
fn broken_texts_say_where() {
    for (text, error) in [
        ("", ParseError::Version),
        ("v=1\r\n", ParseError::Version),
        ("o=- 1 1 IN IP4 1.2.3.4\r\n", ParseError::Version),
        ("v=0\r\nnonsense\r\n", ParseError::Line(2)),
        ("v=0\r\nm=audio\r\n", ParseError::Line(2)),
        ("v=0\r\nm=audio x RTP/AVP 0\r\n", ParseError::Line(2)),
        ("v=0\r\nm=audio 99999 RTP/AVP 0\r\n", ParseError::Line(2)),
        ("v=0\r\nm=audio 1 RTP/AVP 128\r\n", ParseError::Line(2)),
        ("v=0\r\ns=a\rb\r\n", ParseError::Line(2)),
    ] {
        assert_eq!(Session::parse(text.as_bytes()), Err(error), "{text:?}");
    }
    assert_eq!(Session::parse(b"v=0\r\ns=\xFF\r\n"), Err(ParseError::Line(2)));
}

#[test]
fn descriptions_have_bounds() {
    let too_long = format!("v=0\r\ns={}\r\n", "x".repeat(MAX_SDP));
    assert_eq!(Session::parse(too_long.as_bytes()), Err(ParseError::TooLong));
    let lines = |count: usize| format!("v=0\n{}", "a=x\n".repeat(count));
    assert!(Session::parse(lines(MAX_SDP_LINES - 2).as_bytes()).is_ok());
    assert_eq!(Session::parse(lines(MAX_SDP_LINES).as_bytes()), Err(ParseError::TooLong));
    let media = |count: usize| format!("v=0\n{}", "m=audio 1 RTP/AVP 0\n".repeat(count));
    assert!(Session::parse(media(MAX_MEDIA).as_bytes()).is_ok());
    assert_eq!(Session::parse(media(MAX_MEDIA + 1).as_bytes()), Err(ParseError::TooLong));
    let formats = |count: usize| {
        let list: Vec<String> = (0..count).map(|pt| (pt % 128).to_string()).collect();
        format!("v=0\nm=audio 1 RTP/AVP {}\n", list.join(" "))
    };
    assert!(Session::parse(formats(MAX_FORMATS).as_bytes()).is_ok());
    assert_eq!(Session::parse(formats(MAX_FORMATS + 1).as_bytes()), Err(ParseError::TooLong));
    let long = audio("audio 1 RTP/AVP 96", &format!("a=rtpmap:96 {}/8000\r\n", "x".repeat(MAX_SDP_WORD + 1)));
    assert_eq!(names(&parse(&long), 0), ["96 "]);
    let clock = |hz: u32| parse(&audio("audio 1 RTP/AVP 96", &format!("a=rtpmap:96 x/{hz}\r\n")));
    assert_eq!(names(&clock(MAX_CLOCK), 0), ["96 x"]);
    assert_eq!(names(&clock(MAX_CLOCK + 1), 0), ["96 "]);
    let long = audio("audio 1 RTP/AVP 0", &format!("a=fmtp:0 {}\r\n", "x".repeat(MAX_SDP_WORD + 1)));
    assert_eq!(parse(&long).media[0].payloads[0].fmtp, None);
}

#[test]
fn nothing_of_the_offer_can_add_lines_to_our_answer() {
    let evil = audio("audio 4000 RTP/AVP 96 0", "a=rtpmap:96 x\ra=evil/8000\r\n");
    assert!(Session::parse(evil.as_bytes()).is_err());
    let evil = audio("audio 4000 RTP/AVP 96 0", "a=rtpmap:96 evil/8000\r\na=fmtp:96 a\u{85}b\r\n");
    let session = parse(&evil);
    assert_eq!(session.media[0].payloads[0].fmtp, None, "control characters are not kept");
    let caps = Caps::default().toward(&session);
    let text = local().offer(&caps, Direction::SendRecv);
    assert_eq!(std::str::from_utf8(&text).unwrap().lines().filter(|line| line.starts_with("m=")).count(), 1);
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("v=0\r\n".to_owned()),
        Just("c=IN IP4 0.0.0.0\r\n".to_owned()),
        Just("c=IN IP6 ::1\r\n".to_owned()),
        Just("a=sendonly\r\n".to_owned()),
        Just("a=rtcp-mux\r\n".to_owned()),
        "m=(audio|video) [0-9]{1,6} RTP/S?AVPF?( [0-9]{1,3}){0,5}\r\n",
        "a=rtpmap:[0-9]{1,3} (PCMU|G722|opus|telephone-event|[a-z]{0,5})/[0-9]{1,6}(/[0-9])?\r\n",
        "a=fmtp:[0-9]{1,3} [ -~]{0,20}\r\n",
        "a=(ptime|rtcp):[0-9]{1,6}\r\n",
        "[a-z]=[ -~]{0,30}\r\n",
    ]
}

proptest! {
    #[test]
    fn any_bytes_parse_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Session::parse(&bytes);
    }

    #[test]
    fn any_description_can_be_answered_or_refused_and_reads_back(pieces in proptest::collection::vec(piece(), 0..30)) {
        let text = format!("v=0\r\n{}", pieces.concat());
        if let Ok(session) = Session::parse(text.as_bytes()) {
            let back = Session::parse(session.to_string().as_bytes()).unwrap();
            prop_assert_eq!(back.media.len(), session.media.len());
            for (one, other) in back.media.iter().zip(&session.media) {
                prop_assert_eq!(one.port, other.port);
                prop_assert_eq!(one.direction, other.direction);
            }
            let mut leg = local();
            if let Ok((answer, negotiated)) = leg.answer(&Caps::default(), &session, Direction::SendRecv) {
                let answer = Session::parse(&answer).unwrap();
                prop_assert_eq!(answer.media.len(), session.media.len());
                prop_assert_eq!(answer.media.iter().filter(|media| media.port != 0).count(), 1);
                prop_assert!(negotiated.common.len() == 1);
            }
            let caps = Caps::default().toward(&session);
            let offer = leg.offer(&caps, Direction::SendRecv);
            prop_assert!(Session::parse(&offer).is_ok());
            let _ = leg.accept_answer(&session);
        }
    }

    #[test]
    fn two_of_us_always_agree(order in proptest::sample::subsequence(Codec::ALL.to_vec(), 1..=5).prop_shuffle(), theirs in proptest::sample::subsequence(Codec::ALL.to_vec(), 1..=5).prop_shuffle()) {
        let mut one = Local::new(at("192.0.2.1:4000"), 1);
        let mut other = Local::new(at("192.0.2.2:5000"), 2);
        let offer = Session::parse(&one.offer(&Caps::of(&order), Direction::SendRecv)).unwrap();
        let common: Vec<Codec> = order.iter().copied().filter(|codec| theirs.contains(codec)).collect();
        match other.answer(&Caps::of(&theirs), &offer, Direction::SendRecv) {
            Ok((answer, at_other)) => {
                let at_one = one.accept_answer(&Session::parse(&answer).unwrap()).unwrap();
                prop_assert_eq!(&at_one.codec, &Format::Audio(common[0]));
                prop_assert_eq!(&at_other.codec, &at_one.codec);
                prop_assert_eq!((at_one.pt_in, at_one.pt_out), (at_other.pt_out, at_other.pt_in));
                prop_assert_eq!(at_one.dtmf, Some((101, 101)));
                prop_assert_eq!(at_one.remote, at("192.0.2.2:5000"));
            }
            Err(error) => {
                prop_assert!(common.is_empty());
                prop_assert_eq!(error, NegotiateError::NoCodec);
            }
        }
    }
}
