//! What comes in: bounds, grammar, transaction, dialog, doorman, in this order. Nothing is kept
//! for anybody before the doorman let him in, and every answer goes where the packet came from.

use std::time::Instant;

use bytes::Bytes;
use sipx_sip::headers::{ContactValue, ContentType, Date, Expires, Require, Route};
use sipx_sip::{Finding, HeaderName, Message, Method};

use super::Endpoint;
use super::build::{ALLOW, SUPPORTED, stamp_via, understands};
use super::salvage;
use super::table::{Asked, Key, Kind};
use crate::event::{Admit, Doorman, Event, TxnId};
use crate::flow::{Flow, Transport};
use crate::header::{HeaderList, Name, Value};
use crate::limits::{self, Source};
use crate::message::Request;

/// Why a request is refused without asking anybody.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) words: &'static str,
    pub(crate) headers: HeaderList,
}

impl Refusal {
    fn new(status: u16, words: &'static str) -> Self {
        Self { status, words, headers: Vec::new() }
    }

    fn with(mut self, name: Name, value: &str) -> Self {
        self.headers.push((name, Value::lossy(value)));
        self
    }
}

impl<O> Endpoint<O> {
    /// A packet (UDP) or a message cut by [`crate::Framer`] (streams) came in.
    ///
    /// The doorman is asked once for each request that belongs to no transaction and no dialog,
    /// before anything is kept. What cannot be parsed gets 400 if it can be answered, else nothing.
    pub fn receive(&mut self, now: Instant, flow: Flow, bytes: &[u8], door: &mut impl Doorman<O>) {
        let ip = flow.remote.ip();
        let taken = if door.knows(&flow) { self.buckets.take_known(now, ip) } else { self.buckets.take(now, ip) };
        if !taken {
            return;
        }
        // RFC 5626 §4.4.1 keep-alives and their like; port 0 cannot be answered.
        if bytes.len() <= 4 || bytes.len() > limits::MESSAGE_BYTES || flow.remote.port() == 0 {
            return;
        }
        let copy = Bytes::copy_from_slice(bytes);
        match sipx_sip::parse_datagram(copy, &limits::parser()) {
            Ok(Message::Response(response)) => self.on_response(now, flow, response),
            Ok(Message::Request(request)) => self.on_request(now, flow, request, door),
            Err(_) => {
                if let Some(answer) = salvage::answer(bytes, &flow) {
                    self.send(flow, answer);
                }
            }
        }
    }

    fn on_request(&mut self, now: Instant, flow: Flow, mut raw: sipx_sip::Request, door: &mut impl Doorman<O>) {
        let findings = sipx_sip::validate_request(&raw);
        let fault = findings.iter().find(|f| !f.is_repairable());
        let vias = raw.headers.count(&HeaderName::Via);
        if vias == 0 || vias > limits::VIAS || stamp_via(&mut raw, &flow).is_none() {
            return;
        }
        // INVARIANT: what is let in can be answered. A request whose answer cannot be written would wait for ever.
        if !can_be_echoed(&raw.headers) {
            return;
        }
        let Some(request) = Request::new(raw.clone()) else {
            // A header that every answer needs is malformed: answer by copying, as for bad bytes.
            let mut bytes = Vec::new();
            raw.write_to(&mut bytes);
            if let Some(answer) = salvage::answer(&bytes, &flow) {
                self.send(flow, answer);
            }
            return;
        };
        if let Some(finding) = fault {
            let (status, words) = match finding {
                Finding::UnsupportedVersion => (505, ""),
                Finding::RequestUriHasHeaders => (400, "Headers In Request-URI"),
                Finding::CSeqMethodMismatch => (400, "CSeq Does Not Match"),
                _ => (400, ""),
            };
            self.reply(flow, &request, status, words, Vec::new());
            return;
        }
        if let Err(refusal) = check(&request) {
            self.reply(flow, &request, refusal.status, refusal.words, refusal.headers);
            return;
        }
        self.match_request(now, flow, request, door);
    }

    fn match_request(&mut self, now: Instant, flow: Flow, request: Request, door: &mut impl Doorman<O>) {
        if *request.method() == Method::Cancel {
            self.on_cancel(now, flow, &request);
            return;
        }
        let key = Key::of_request(&request, &flow, request.method());
        if let Some(id) = self.table.find(&key) {
            self.on_repeated(now, id, &request);
            return;
        }
        // A refresh proves who sends it like the first SUBSCRIBE did.
        let refreshes = *request.method() == Method::Subscribe && self.subscriptions.knows(&request).is_some();
        if refreshes {
            self.on_request_outside(now, flow, request, door);
            return;
        }
        if !request.to().tag().is_empty() {
            self.on_request_inside(now, flow, request);
            return;
        }
        match request.method() {
            // An ACK without dialog acknowledges a refusal that we gave without state.
            Method::Ack => {}
            Method::Bye | Method::Prack | Method::Update | Method::Info => {
                self.reply(flow, &request, 481, "", Vec::new());
            }
            Method::Publish => {
                let allow = vec![(Name::Allow, Value::lossy(ALLOW))];
                self.reply(flow, &request, 405, "", allow);
            }
            Method::Other(_) => {
                let allow = vec![(Name::Allow, Value::lossy(ALLOW))];
                self.reply(flow, &request, 501, "", allow);
            }
            _ => self.on_request_outside(now, flow, request, door),
        }
    }

    /// A repetition, or the ACK to an answer of ours within the transaction.
    fn on_repeated(&mut self, now: Instant, id: u64, request: &Request) {
        let ack = *request.method() == Method::Ack;
        let Some(txn) = self.table.get_mut(id) else {
            return;
        };
        match &mut txn.kind {
            Kind::Server { machine, .. } => {
                let outputs = machine.on_request(request.raw());
                self.run(now, id, outputs);
            }
            // Some phones give the ACK to a 2xx the branch of their INVITE.
            Kind::Done { .. } if ack => self.on_ack(now, request),
            Kind::Done { answer } => {
                let (flow, answer) = (txn.flow, answer.clone());
                if let Some(answer) = answer {
                    self.send(flow, answer);
                }
            }
            Kind::Client(_) | Kind::Acked { .. } => {}
        }
    }

    /// RFC 3261 §9.2. The answer depends on the INVITE's transaction only, so it needs none of its
    /// own: a repeated CANCEL gets it again.
    fn on_cancel(&mut self, now: Instant, flow: Flow, request: &Request) {
        let key = Key::of_request(request, &flow, &Method::Invite);
        let Some(id) = self.table.find(&key) else {
            self.reply(flow, request, 481, "", Vec::new());
            return;
        };
        self.reply(flow, request, 200, "", Vec::new());
        let owner = match self.table.get(id).map(|t| &t.kind) {
            Some(Kind::Server { owner, .. }) => *owner,
            _ => return,
        };
        match owner {
            Asked::Invite(session) => {
                self.with_session(session, |ep, s| ep.cancelled(now, s));
            }
            Asked::Reinvite(_) => {
                self.answer(now, id, 487, "", Vec::new(), None);
            }
            Asked::Update(_) | Asked::Inside(_) | Asked::Outside => {}
        }
    }

    fn on_request_outside(&mut self, now: Instant, flow: Flow, request: Request, door: &mut impl Doorman<O>) {
        let opens = request.to().tag().is_empty();
        if opens && self.table.find_merged(&Key::of_merged(&request)).is_some() {
            self.reply(flow, &request, 482, "", Vec::new());
            return;
        }
        if let Err(refusal) = check_outside(&request) {
            self.reply(flow, &request, refusal.status, refusal.words, refusal.headers);
            return;
        }
        // RFC 5630 §5.1.1: whoever is called by `sips:` has to be reached by TLS, and was not.
        if request.uri().scheme() == "sips" && flow.transport != Transport::Tls {
            self.reply(flow, &request, 416, "", Vec::new());
            return;
        }
        let origin = match door.admit(now, &request, &flow) {
            Admit::Drop => return,
            Admit::Reply { status, reason, headers } => {
                self.reply(flow, &request, status.clamp(200, 699), &reason, headers);
                return;
            }
            Admit::Accept(origin) => origin,
        };
        if *request.method() == Method::Options {
            self.reply(flow, &request, 200, "", capabilities());
            return;
        }
        let source = Source::of(flow.remote.ip());
        let full = self.table.pending_of(&source) >= door.allowance(&origin)
            || (*request.method() == Method::Invite && self.sessions.len() >= self.share(door.goes_first(&origin)))
            || !self.make_room();
        if full {
            let later = vec![(Name::RetryAfter, Value::number(5))];
            self.reply(flow, &request, 503, "", later);
            return;
        }
        if *request.method() == Method::Invite {
            self.incoming(now, flow, request, origin, source);
        } else {
            let txn = self.new_server(now, &request, flow, Asked::Outside, Some(source));
            self.emit(Event::Request { txn: TxnId(txn), origin, request, flow });
        }
    }
}

impl<O> Endpoint<O> {
    /// How many sessions may be on for one more to be let in: the last quarter is for those who are known.
    fn share(&self, first: bool) -> usize {
        let all = self.config.limits.sessions;
        if first { all } else { all - all / limits::KEPT_FOR_KNOWN }
    }
}

/// What an OPTIONS is told (RFC 3261 §11.2).
pub(crate) fn capabilities() -> HeaderList {
    [
        (Name::Allow, ALLOW),
        (Name::Accept, "application/sdp"),
        (Name::AcceptEncoding, "identity"),
        (Name::Supported, SUPPORTED),
    ]
    .into_iter()
    .map(|(name, value)| (name, Value::lossy(value)))
    .collect()
}

/// Whether an answer may repeat what it has to: no control characters travel through us.
fn can_be_echoed(headers: &sipx_sip::Headers) -> bool {
    let echoed = [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::RecordRoute,
    ];
    headers
        .iter()
        .filter(|header| echoed.contains(header.name()))
        .all(|header| sipx_sip::Header::build(header.name().clone(), header.value().into_owned()).is_ok())
}

/// What sipx-sip's validation leaves to the one who reads the header: all that we will read, in
/// any request.
fn check(request: &Request) -> Result<(), Refusal> {
    let headers = &request.raw().headers;
    let bad = |words| Err(Refusal::new(400, words));
    if headers.typed_all::<ContactValue>().any(|c| c.is_err()) {
        return bad("Bad Contact");
    }
    let routes = headers
        .typed_all::<Route>()
        .map(|r| r.is_ok())
        .chain(headers.typed_all::<sipx_sip::headers::RecordRoute>().map(|r| r.is_ok()));
    let mut hops = 0;
    for fine in routes {
        hops += 1;
        if !fine || hops > 2 * limits::ROUTES {
            return bad("Bad Route");
        }
    }
    if matches!(headers.typed::<Date>(), Some(Err(_))) {
        return bad("Bad Date");
    }
    if matches!(headers.typed::<Expires>(), Some(Err(_))) {
        return bad("Bad Expires");
    }
    if matches!(headers.typed::<ContentType>(), Some(Err(_))) {
        return bad("Bad Content-Type");
    }
    for name in [HeaderName::ContentType, HeaderName::ContentLength, HeaderName::Expires] {
        if headers.count(&name) > 1 {
            return bad("Repeated Header");
        }
    }
    if request.cseq() > limits::CSEQ_MAX {
        return bad("Bad CSeq");
    }
    let uri = request.uri().to_string();
    if uri.len() > limits::URI_BYTES {
        return Err(Refusal::new(414, "Request-URI Too Long"));
    }
    Ok(())
}

/// Whether we understand all that a request requires (RFC 3261 §8.2.2.3).
pub(crate) fn check_required(request: &Request) -> Result<(), Refusal> {
    let mut unsupported = Vec::new();
    for require in request.raw().headers.typed_all::<Require>() {
        let Ok(require) = require else {
            return Err(Refusal::new(400, "Bad Require"));
        };
        for tag in &require.0.0 {
            if !understands(tag) {
                unsupported.push(String::from_utf8_lossy(tag).into_owned());
            }
        }
    }
    if unsupported.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(420, "").with(Name::Unsupported, &unsupported.join(", ")))
}

/// What a request outside dialogs has to be besides (RFC 3261 §8.2.1 to §8.2.3).
fn check_outside(request: &Request) -> Result<(), Refusal> {
    let method = request.method();
    let scheme = request.uri().scheme();
    if !matches!(scheme.as_str(), "sip" | "sips" | "tel") {
        return Err(Refusal::new(416, ""));
    }
    // A number that we cannot take whole is not taken at all.
    if request.uri().has_user() && request.user().is_none() {
        return Err(Refusal::new(404, "Bad User"));
    }
    check_required(request)?;
    // What asks about ourselves is answered; what could travel on ends here (RFC 3261 §16.3).
    let travels = !matches!(method, Method::Options | Method::Register);
    if travels && request.max_forwards() == 0 {
        return Err(Refusal::new(483, ""));
    }
    if let Some(encoding) = request.header("Content-Encoding")
        && !encoding.trim().eq_ignore_ascii_case("identity")
    {
        return Err(Refusal::new(415, "").with(Name::AcceptEncoding, "identity"));
    }
    if *method == Method::Invite {
        if !request.body().is_empty() && request.sdp().is_none() {
            return Err(Refusal::new(415, "").with(Name::Accept, "application/sdp"));
        }
        if crate::message::target(&request.raw().headers).is_none() {
            return Err(Refusal::new(400, "One Contact Wanted"));
        }
        if let Some(headers) = super::timer::too_brief(request) {
            return Err(Refusal { headers, ..Refusal::new(422, "") });
        }
        if super::session::Dialog::of_request(request).is_none() {
            return Err(Refusal::new(400, "Bad Route"));
        }
    }
    Ok(())
}

/// Whether two flows lead to the same host over the same kind of transport.
pub(crate) fn same_host(a: &Flow, b: &Flow) -> bool {
    let plain = |t: Transport| t == Transport::Tls;
    a.remote.ip().to_canonical() == b.remote.ip().to_canonical() && plain(a.transport) == plain(b.transport)
}
