//! The signalling task: the only owner of `sip::Endpoint`. Datagrams, streams, orders of call tasks and timers come in; `pbx::signal` is told
//! what happened; packets go out, each by the way its peer came.

use crate::limits::{STREAM_READS, STREAMS};
use crate::net::bind::Bound;
use crate::net::tcp::{Input, Known, Line, Streams};
use crate::net::udp::Ports;
use bytes::Bytes;
use pbx::signal::{Signal, SipCommand};
use pbx::switch::Origin;
use pbx::trunks::TrunkWay;
use pbx::trunks::keeper::Said;
use sip::{Endpoint, Flow, Transmit, Transport};
use std::collections::{BTreeMap, HashMap};
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;

/// What the exchange asks of the signalling task.
pub(crate) enum Ask {
    /// Take no new calls.
    Drain,
    /// Trunks are reached like this from now on, those by streams over these lines.
    Trunks {
        /// Lines of ours.
        lines: Vec<Line>,
        /// The ways.
        ways: BTreeMap<String, TrunkWay>,
    },
    /// Ask a trunk something, for its owner: REGISTER or OPTIONS.
    Probe {
        /// Which one.
        trunk: String,
        /// REGISTER, else OPTIONS.
        register: bool,
        /// Where what it says goes.
        reply: oneshot::Sender<Said>,
    },
    /// Keep the way to phones behind routers open.
    KeepAlive,
    /// From now on, tell peers this address.
    Advertise(Option<sip::Advertise>),
    /// How are you?
    Report(oneshot::Sender<Report>),
    /// Send what is still to be sent, and end.
    Stop,
}

/// Numbers for metrics and for the wait at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// Calls' sessions that are on.
    pub(crate) sessions: usize,
    /// Providers that have not yet answered that we leave.
    pub(crate) leaving: usize,
    /// The endpoint's own counts.
    pub(crate) endpoint: sip::Stats,
    /// Stream connections.
    pub(crate) streams: usize,
    /// Datagrams that could not be sent.
    pub(crate) unsent: u64,
}

/// Everything the task owns.
pub(crate) struct SipIo {
    endpoint: Endpoint<Origin>,
    signal: Signal,
    ports: Ports,
    streams: Streams,
    writers: HashMap<u64, mpsc::Sender<Bytes>>,
    /// Streams of our own making, by the number of their line.
    lines: HashMap<u64, Outgoing>,
    /// Which line a connection carries.
    carries: HashMap<u64, u64>,
    inputs: mpsc::Receiver<Input>,
    commands: mpsc::Receiver<SipCommand>,
    asks: mpsc::Receiver<Ask>,
    sleep: Pin<Box<Sleep>>,
    sleeps_until: Option<Instant>,
    accepting: Vec<tokio::task::JoinHandle<()>>,
}

/// A line, and the stream that carries it.
struct Outgoing {
    line: Line,
    stream: Stream,
    /// Trunks still use it.
    current: bool,
}

/// The stream of a line.
enum Stream {
    /// There is none; what is sent opens it.
    Closed,
    /// What waits until it stands.
    Opening(Vec<Bytes>),
    /// It stands under this number.
    Open(u64),
}

/// Messages that may wait for a stream of ours to stand: a few calls' INVITEs.
const WAITING: usize = 32;

impl SipIo {
    /// Takes the sockets over. Must be called inside the runtime.
    pub(crate) fn new(
        bound: Bound,
        tls: Option<TlsAcceptor>,
        endpoint: Endpoint<Origin>,
        signal: Signal,
        commands: mpsc::Receiver<SipCommand>,
        asks: mpsc::Receiver<Ask>,
        known: Known,
    ) -> std::io::Result<Self> {
        let (heard, inputs) = mpsc::channel(STREAM_READS);
        let streams = Streams::new(heard, known);
        let mut accepting = Vec::new();
        let clear = bound.tcp.into_iter().map(|listener| (listener, None));
        let secure = bound.tls.into_iter().map(|listener| (listener, tls.clone()));
        for (listener, tls) in clear.chain(secure) {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            accepting.push(tokio::spawn(streams.clone().accept(listener, tls)));
        }
        Ok(Self {
            endpoint,
            signal,
            ports: Ports::new(bound.udp)?,
            streams,
            writers: HashMap::with_capacity(64),
            lines: HashMap::new(),
            carries: HashMap::new(),
            inputs,
            commands,
            asks,
            sleep: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
            sleeps_until: None,
            accepting,
        })
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(mut self) {
        loop {
            let stop = std::future::poll_fn(|cx| self.turn(cx)).await;
            self.pump(Instant::now());
            if stop {
                break;
            }
        }
        for task in &self.accepting {
            task.abort();
        }
    }

    /// Takes all that is there, in an order in which a flood from outside comes last. Ready when there was something.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let now = Instant::now();
        let mut some = false;
        while let Poll::Ready(ask) = self.asks.poll_recv(cx) {
            some = true;
            match ask {
                Some(Ask::KeepAlive) => self.signal.keep_alive(now, &mut self.endpoint),
                Some(Ask::Drain) => self.signal.drain(now, &mut self.endpoint),
                Some(Ask::Trunks { lines, ways }) => {
                    self.set_lines(lines);
                    self.signal.set_trunks(now, &mut self.endpoint, ways);
                }
                Some(Ask::Probe { trunk, register, reply }) => {
                    let listener = Box::new(move |said| {
                        let _ = reply.send(said);
                    });
                    self.signal.probe(now, &mut self.endpoint, &trunk, register, listener);
                }
                Some(Ask::Advertise(advertise)) => self.endpoint.advertise(advertise),
                Some(Ask::Report(reply)) => {
                    let _ = reply.send(self.report());
                }
                Some(Ask::Stop) | None => return Poll::Ready(true),
            }
        }
        // Bounded: a busy exchange still reads its sockets and minds its timers.
        for _ in 0..256 {
            let Poll::Ready(Some(command)) = self.commands.poll_recv(cx) else {
                break;
            };
            some = true;
            self.signal.command(now, &mut self.endpoint, command);
            self.pump(now);
        }
        for _ in 0..64 {
            let Poll::Ready(Some(input)) = self.inputs.poll_recv(cx) else {
                break;
            };
            some = true;
            self.input(now, input);
            self.pump(now);
        }
        some |= self.timers(now, cx);
        let Self { ports, endpoint, signal, .. } = self;
        let heard = ports.poll(cx, &mut |local, remote, bytes| {
            if !signal.door().shuts_out(now, remote.ip()) {
                endpoint.receive(now, Flow::udp(local, remote), bytes, signal.door());
            }
        });
        if heard.is_ready() || some { Poll::Ready(false) } else { Poll::Pending }
    }

    /// Lets due timers fire and sets the alarm for the next. True if any was due.
    fn timers(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.endpoint.poll_timeout().into_iter().chain(self.signal.poll_timeout()).min() else {
            return false;
        };
        if at <= now {
            self.endpoint.timeout(now);
            self.signal.timeout(now, &mut self.endpoint);
            return true;
        }
        if self.sleeps_until != Some(at) {
            self.sleeps_until = Some(at);
            self.sleep.as_mut().reset(at.into());
        }
        self.sleep.as_mut().poll(cx).is_ready()
    }

    fn input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Opened { flow, writes, line } => {
                if let Some(line) = line {
                    self.opened(line, &flow, &writes);
                }
                // The listeners bound what there is; this bounds what is kept, whatever they do.
                if self.writers.len() < STREAMS * 2 {
                    self.writers.insert(flow.connection, writes);
                }
            }
            Input::Message { flow, .. } if self.signal.door().shuts_out(now, flow.remote.ip()) => {
                // Forgetting its queue closes it.
                self.writers.remove(&flow.connection);
            }
            Input::Message { flow, bytes } => {
                let flow = self.known_as(flow);
                self.endpoint.receive(now, flow, &bytes, self.signal.door());
            }
            Input::Closed { connection } => {
                self.writers.remove(&connection);
                match self.carries.remove(&connection) {
                    Some(line) => self.line_closed(now, line),
                    None => {
                        self.endpoint.closed(now, connection);
                        self.signal.closed(now, connection);
                    }
                }
            }
            Input::Refused { line, why } => {
                self.signal.refused(line, &why);
                self.line_closed(now, line);
            }
        }
    }

    /// Takes new lines over. One that no trunk uses any more lives as long as its stream does.
    fn set_lines(&mut self, lines: Vec<Line>) {
        self.lines.retain(|_, known| {
            known.current = false;
            !matches!(known.stream, Stream::Closed)
        });
        for line in lines {
            let number = line.number;
            let stream = self.lines.remove(&number).map_or(Stream::Closed, |known| known.stream);
            self.lines.insert(number, Outgoing { line, stream, current: true });
        }
    }

    /// The stream of a line stands: what waited for it goes out.
    fn opened(&mut self, number: u64, flow: &Flow, writes: &mpsc::Sender<Bytes>) {
        let Some(known) = self.lines.get_mut(&number) else { return };
        self.carries.insert(flow.connection, number);
        if let Stream::Opening(waiting) = std::mem::replace(&mut known.stream, Stream::Open(flow.connection)) {
            for bytes in waiting {
                if writes.try_send(bytes).is_err() {
                    tracing::debug!(peer = %flow.remote, "a stream does not take what waited for it");
                }
            }
        }
    }

    /// The stream of a line is gone, or did not come about. What is sent next opens it anew.
    fn line_closed(&mut self, now: Instant, number: u64) {
        if let Some(known) = self.lines.get_mut(&number) {
            known.stream = Stream::Closed;
            if !known.current {
                self.lines.remove(&number);
            }
        }
        self.endpoint.interrupted(now, number);
    }

    /// What comes by a line's stream comes by the line.
    fn known_as(&self, flow: Flow) -> Flow {
        match self.carries.get(&flow.connection).and_then(|number| self.lines.get(number)) {
            Some(known) => Flow { connection: known.line.number, local: known.line.local, ..flow },
            None => flow,
        }
    }

    /// Tells signalling what happened and sends what there is to send, until there is neither.
    fn pump(&mut self, now: Instant) {
        loop {
            let mut idle = true;
            while let Some(event) = self.endpoint.poll_event() {
                idle = false;
                self.signal.event(now, &mut self.endpoint, event);
            }
            while let Some(transmit) = self.endpoint.poll_transmit() {
                idle = false;
                self.transmit(transmit);
            }
            if idle {
                return;
            }
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        let Transmit { flow, bytes } = transmit;
        match flow.transport {
            Transport::Udp => self.ports.send(flow.local, flow.remote, &bytes),
            Transport::Tcp | Transport::Tls if flow.connection >= Line::FIRST => self.call_out(flow.connection, bytes),
            Transport::Tcp | Transport::Tls => self.write(flow.connection, bytes),
        }
    }

    fn write(&mut self, connection: u64, bytes: Bytes) {
        if let Some(writes) = self.writers.get(&connection)
            && writes.try_send(bytes).is_err()
        {
            // It does not read, or is going: forgetting its queue closes it.
            tracing::debug!(connection, "a stream does not take what it is sent");
            self.writers.remove(&connection);
        }
    }

    fn call_out(&mut self, number: u64, bytes: Bytes) {
        let Some(known) = self.lines.get_mut(&number) else {
            tracing::debug!(number, "a line that is no longer there");
            return;
        };
        match &mut known.stream {
            Stream::Open(connection) => {
                let connection = *connection;
                self.write(connection, bytes);
            }
            Stream::Opening(waiting) => {
                if waiting.len() < WAITING {
                    waiting.push(bytes);
                }
            }
            Stream::Closed => {
                known.stream = Stream::Opening(vec![bytes]);
                tokio::spawn(self.streams.clone().connect(known.line.clone()));
            }
        }
    }

    fn report(&self) -> Report {
        Report {
            sessions: self.signal.sessions(),
            leaving: self.signal.leaving(),
            endpoint: self.endpoint.stats(),
            streams: self.writers.len(),
            unsent: self.ports.unsent,
        }
    }
}
