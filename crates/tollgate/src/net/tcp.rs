//! Stream connections, in clear and under TLS: a listener per address, one small task per connection. Bounded in number, in time and in what
//! waits to be written; a TLS handshake besides in number at once, in total and per source, so that who begins many and ends none is alone with it.
//! Connections of our own lead to trunks and are called [`Line`]s.

use crate::limits::{
    HANDSHAKES, HANDSHAKES_PER_SOURCE, STREAM_CONNECT, STREAM_FIRST_MESSAGE, STREAM_IDLE, STREAM_REST_OF_MESSAGE,
    STREAM_WRITE, STREAM_WRITES, STREAMS, STREAMS_KEPT_FOR_KNOWN, STREAMS_PER_SOURCE, TLS_HANDSHAKE,
};
use crate::net::address::source;
use crate::net::tls::{self, Peer};
use bytes::Bytes;
use sip::framer::PONG;
use sip::{Flow, Frame, Framer, Transport};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What connections tell the signalling task.
#[derive(Debug)]
pub(crate) enum Input {
    /// A connection stands; messages for it go to `writes`.
    Opened {
        /// The connection.
        flow: Flow,
        /// Where its outgoing messages go.
        writes: mpsc::Sender<Bytes>,
        /// We opened it, for the line of this number.
        line: Option<u64>,
    },
    /// One whole message.
    Message {
        /// The connection it came by.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// The connection is gone.
    Closed {
        /// The number of the connection.
        connection: u64,
    },
    /// A connection that we wanted did not come about.
    Refused {
        /// For which line.
        line: u64,
        /// Why, in words for an owner.
        why: String,
    },
}

/// A way to a trunk by a stream that we open, and open again when it was lost. Flows know it by its number.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its number; see [`Line::number`].
    pub(crate) number: u64,
    /// To where.
    pub(crate) remote: SocketAddr,
    /// The address of ours that the trunk is told; the stream's own port is nobody's to call.
    pub(crate) local: SocketAddr,
    /// How the trunk proves who it is; none: in clear.
    pub(crate) tls: Option<Peer>,
}

impl Line {
    /// Numbers of lines are told from those of connections by their first bit.
    pub(crate) const FIRST: u64 = 1 << 63;
}

/// Shared by listeners and connections: who has how many, and where messages go.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    inner: Arc<Inner>,
}

/// Whether a trunk or a registered phone is at an address.
pub(crate) type Known = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

struct Inner {
    inputs: mpsc::Sender<Input>,
    known: Known,
    next: AtomicU64,
    held: Mutex<Held>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("held", &self.held).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Held {
    streams: Count,
    handshakes: Count,
}

/// How many there are, in total and by source.
#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

impl Count {
    fn take(&mut self, source: IpAddr, most: usize, most_per_source: usize) -> bool {
        if self.total >= most {
            return false;
        }
        let count = self.by_source.entry(source).or_default();
        if *count >= most_per_source {
            return false;
        }
        *count += 1;
        self.total += 1;
        true
    }

    fn give_back(&mut self, source: IpAddr) {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.by_source.get_mut(&source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }
}

/// A place among the connections, or among the handshakes; given back when dropped.
#[derive(Debug)]
struct Place {
    inner: Arc<Inner>,
    source: IpAddr,
    of: fn(&mut Held) -> &mut Count,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        (self.of)(&mut held).give_back(self.source);
    }
}

impl Streams {
    /// Connections that report to `inputs`; the last places are kept for whoever is `known`.
    pub(crate) fn new(inputs: mpsc::Sender<Input>, known: Known) -> Self {
        Self {
            inner: Arc::new(Inner {
                inputs,
                known,
                // 0 stands for "no connection" in a flow.
                next: AtomicU64::new(1),
                held: Mutex::default(),
            }),
        }
    }

    fn place(&self, peer: IpAddr) -> Option<Place> {
        self.take(peer, |held| &mut held.streams, STREAMS, STREAMS_PER_SOURCE)
    }

    fn handshake(&self, peer: IpAddr) -> Option<Place> {
        self.take(peer, |held| &mut held.handshakes, HANDSHAKES, HANDSHAKES_PER_SOURCE)
    }

    fn take(&self, peer: IpAddr, of: fn(&mut Held) -> &mut Count, most: usize, per_source: usize) -> Option<Place> {
        let source = source(peer);
        let most = if (self.inner.known)(peer) { most } else { most - most / STREAMS_KEPT_FOR_KNOWN };
        let mut held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        of(&mut held).take(source, most, per_source).then(|| Place { inner: Arc::clone(&self.inner), source, of })
    }

    /// Accepts until the task is aborted; under TLS with a certificate to show.
    pub(crate) async fn accept(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => match (self.place(peer.ip()), &tls) {
                    (None, _) => tracing::debug!(%peer, "too many connections: refused"),
                    (Some(place), None) => self.serve(stream, peer, place),
                    (Some(place), Some(tls)) => self.shake(stream, peer, place, tls.clone()),
                },
                Err(error) => {
                    // Most often: no file descriptor left. Waiting lets some be given back.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn flow(&self, transport: Transport, local: SocketAddr, remote: SocketAddr) -> Flow {
        let connection = self.inner.next.fetch_add(1, Ordering::Relaxed);
        Flow { transport, local, remote, connection }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let _ = stream.set_nodelay(true);
        let flow = self.flow(Transport::Tcp, local, peer);
        let (reader, writer) = stream.into_split();
        tokio::spawn(hold(reader, writer, flow, self.inner.inputs.clone(), place, None));
    }

    /// A handshake of its own task and of bounded length, and only then a connection.
    fn shake(&self, stream: TcpStream, peer: SocketAddr, place: Place, tls: TlsAcceptor) {
        let (Ok(local), Some(handshake)) = (stream.local_addr(), self.handshake(peer.ip())) else {
            tracing::debug!(%peer, "too many handshakes at once: refused");
            return;
        };
        let _ = stream.set_nodelay(true);
        let this = self.clone();
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(TLS_HANDSHAKE, tls.accept(stream)).await;
            drop(handshake);
            match shaken {
                Ok(Ok(stream)) => {
                    let flow = this.flow(Transport::Tls, local, peer);
                    let (reader, writer) = tokio::io::split(stream);
                    hold(reader, writer, flow, this.inner.inputs.clone(), place, None).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
        });
    }

    /// Opens a connection to a trunk and holds it until it is lost; it reports itself with [`Input::Opened`] or [`Input::Refused`].
    pub(crate) async fn connect(self, line: Line) {
        let opening = tokio::time::timeout(STREAM_CONNECT, self.open(&line)).await;
        let why = match opening {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tls::in_words(&error),
            Err(_) => tls::in_words(&io::ErrorKind::TimedOut.into()),
        };
        tracing::debug!(remote = %line.remote, why, "a connection did not come about");
        let _ = self.inner.inputs.send(Input::Refused { line: line.number, why }).await;
    }

    async fn open(&self, line: &Line) -> io::Result<()> {
        // Trunks are few and ours: they take no place that peers compete for.
        let stream = TcpStream::connect(line.remote).await?;
        let local = stream.local_addr()?;
        let _ = stream.set_nodelay(true);
        let (inputs, number) = (self.inner.inputs.clone(), Some(line.number));
        match &line.tls {
            None => {
                let flow = self.flow(Transport::Tcp, local, line.remote);
                let (reader, writer) = stream.into_split();
                tokio::spawn(hold(reader, writer, flow, inputs, (), number));
            }
            Some(peer) => {
                let connector = TlsConnector::from(Arc::clone(&peer.config));
                let stream = connector.connect(peer.name.clone(), stream).await?;
                let flow = self.flow(Transport::Tls, local, line.remote);
                let (reader, writer) = tokio::io::split(stream);
                tokio::spawn(hold(reader, writer, flow, inputs, (), number));
            }
        }
        Ok(())
    }
}

/// The life of one connection. `place` is given back at its end.
async fn hold<P: Send>(
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
    flow: Flow,
    inputs: mpsc::Sender<Input>,
    place: P,
    line: Option<u64>,
) {
    let (writes, queue) = mpsc::channel(STREAM_WRITES);
    // The connection's own way to answer keep-alives; it must not keep the queue open.
    let pongs = writes.downgrade();
    if inputs.send(Input::Opened { flow, writes, line }).await.is_err() {
        return;
    }
    let why = tokio::select! {
        why = read(reader, flow, &inputs, &pongs, line.is_some()) => why,
        why = write(writer, queue) => why,
    };
    tracing::debug!(peer = %flow.remote, why, "connection closed");
    drop(place);
    let _ = inputs.send(Input::Closed { connection: flow.connection }).await;
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    flow: Flow,
    inputs: &mpsc::Sender<Input>,
    pongs: &mpsc::WeakSender<Bytes>,
    ours: bool,
) -> &'static str {
    let mut framer = Framer::new();
    let mut buffer = vec![0; 4096];
    let mut begun: Option<Instant> = None;
    let opened = Instant::now();
    // Who was called need not speak first.
    let mut proved = ours;
    loop {
        let idle_until = Instant::now() + STREAM_IDLE;
        let deadline = match (proved, begun) {
            (false, _) => opened + STREAM_FIRST_MESSAGE,
            (true, Some(since)) => since + STREAM_REST_OF_MESSAGE,
            (true, None) => idle_until,
        };
        let length = match tokio::time::timeout_at(deadline, reader.read(&mut buffer)).await {
            Err(_) => return "silent for too long",
            Ok(Err(_)) => return "broken",
            Ok(Ok(0)) => return "closed by the peer",
            Ok(Ok(length)) => length,
        };
        let Some(bytes) = buffer.get(..length) else {
            return "broken";
        };
        let Ok(frames) = framer.push(bytes) else {
            return "not SIP";
        };
        for frame in frames {
            match frame {
                Frame::Message(bytes) => {
                    proved = true;
                    begun = None;
                    if inputs.send(Input::Message { flow, bytes }).await.is_err() {
                        return "shutting down";
                    }
                }
                // RFC 5626 §3.5.1: a double CRLF is answered by a single one.
                Frame::Pong => {
                    if let Some(writes) = pongs.upgrade() {
                        let _ = writes.try_send(Bytes::from_static(PONG));
                    }
                }
            }
        }
        begun = if framer.pending() == 0 { None } else { begun.or_else(|| Some(Instant::now())) };
    }
}

async fn write(mut writer: impl AsyncWrite + Unpin, mut queue: mpsc::Receiver<Bytes>) -> &'static str {
    while let Some(bytes) = queue.recv().await {
        let written = async {
            writer.write_all(&bytes).await?;
            // Under TLS a record may wait inside until it is flushed.
            writer.flush().await
        };
        match tokio::time::timeout(STREAM_WRITE, written).await {
            Err(_) => return "does not read",
            Ok(Err(_)) => return "broken",
            Ok(Ok(())) => {}
        }
    }
    let _ = writer.shutdown().await;
    "no longer needed"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::STREAM_READS;
    use crate::net::tls::Identity;
    use crate::net::tls::tests::Authority;
    use std::net::Ipv4Addr;

    const MESSAGE: &[u8] = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n";

    /// Where a registered phone is.
    const KNOWN: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

    fn streams() -> (Streams, mpsc::Receiver<Input>) {
        let (heard, inputs) = mpsc::channel(STREAM_READS);
        (Streams::new(heard, Arc::new(|ip| ip == IpAddr::from(KNOWN))), inputs)
    }

    async fn listening() -> (SocketAddr, mpsc::Receiver<Input>) {
        let (streams, inputs) = streams();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(streams.accept(listener, None));
        (at, inputs)
    }

    #[test]
    fn one_source_and_all_sources_have_a_bound() {
        let (streams, _inputs) = streams();
        let one: IpAddr = Ipv4Addr::new(192, 0, 2, 1).into();
        let mut held: Vec<Place> = (0..STREAMS_PER_SOURCE).map(|_| streams.place(one).unwrap()).collect();
        assert!(streams.place(one).is_none());
        held.pop();
        held.push(streams.place(one).unwrap());
        let strangers = STREAMS - STREAMS / STREAMS_KEPT_FOR_KNOWN;
        let other = |n: usize| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(n).unwrap()));
        for n in 0..strangers - STREAMS_PER_SOURCE {
            held.push(streams.place(other(n)).unwrap());
        }
        assert!(streams.place(other(strangers)).is_none());
        // A registered phone that comes back finds a place, of connections and of handshakes; its house has no more than others.
        let phones: Vec<Place> = (0..STREAMS_PER_SOURCE).map(|_| streams.place(KNOWN.into()).unwrap()).collect();
        assert!(streams.place(KNOWN.into()).is_none());
        let shaking: Vec<Place> = (0..HANDSHAKES - HANDSHAKES / STREAMS_KEPT_FOR_KNOWN)
            .map(|n| streams.handshake(other(n)).unwrap())
            .collect();
        assert!(streams.handshake(other(strangers)).is_none());
        assert!(streams.handshake(KNOWN.into()).is_some());
        drop((held, phones, shaking));
        assert!(streams.inner.held.lock().unwrap().streams.by_source.is_empty());
    }

    // With the clock paused, time jumps ahead as soon as nothing else can happen.
    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_closed_after_a_while() {
        let (at, mut inputs) = listening().await;
        let mut silent = TcpStream::connect(at).await.unwrap();
        let begun = Instant::now();
        assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(begun.elapsed() >= STREAM_FIRST_MESSAGE && begun.elapsed() < STREAM_FIRST_MESSAGE * 2);
        assert!(matches!(inputs.recv().await, Some(Input::Opened { line: None, .. })));
        assert!(matches!(inputs.recv().await, Some(Input::Closed { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_message_and_a_long_silence_end_a_connection() {
        let (at, _inputs) = listening().await;
        let mut slow = TcpStream::connect(at).await.unwrap();
        slow.write_all(MESSAGE).await.unwrap();
        slow.write_all(b"OPTIONS sip:").await.unwrap();
        let begun = Instant::now();
        assert_eq!(slow.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(begun.elapsed() <= STREAM_REST_OF_MESSAGE + Duration::from_secs(1), "{:?}", begun.elapsed());
        let mut idle = TcpStream::connect(at).await.unwrap();
        idle.write_all(MESSAGE).await.unwrap();
        let begun = Instant::now();
        assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(begun.elapsed() >= STREAM_IDLE, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn messages_come_whole_answers_go_out_and_keep_alives_are_answered() {
        let (at, mut inputs) = listening().await;
        let mut peer = TcpStream::connect(at).await.unwrap();
        let (first, rest) = MESSAGE.split_at(10);
        peer.write_all(first).await.unwrap();
        let Some(Input::Opened { flow, writes, .. }) = inputs.recv().await else { panic!("not opened") };
        assert!(flow.connection > 0 && flow.local == at);
        peer.write_all(rest).await.unwrap();
        match inputs.recv().await {
            Some(Input::Message { flow: by, bytes }) => assert_eq!((by, &bytes[..]), (flow, MESSAGE)),
            other => panic!("{other:?}"),
        }
        writes.try_send(Bytes::from_static(b"hello")).unwrap();
        let mut buffer = [0; 5];
        peer.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"hello");
        peer.write_all(b"\r\n\r\n").await.unwrap();
        peer.read_exact(&mut buffer[..2]).await.unwrap();
        assert_eq!(&buffer[..2], PONG);
        peer.write_all(b"\x00\x01 this is not SIP\r\n\r\n").await.unwrap();
        assert_eq!(peer.read(&mut buffer).await.unwrap(), 0, "junk ends the connection");
    }

    #[tokio::test]
    async fn a_connection_that_cannot_be_made_is_told() {
        let (streams, mut inputs) = streams();
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        streams.connect(Line { number: Line::FIRST, remote: nobody, local: nobody, tls: None }).await;
        match inputs.recv().await {
            Some(Input::Refused { line: Line::FIRST, why }) => assert!(why.contains("refuses"), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    /// A TLS listener with a certificate for `sip.example.net`, and how to call it.
    async fn secure() -> (SocketAddr, mpsc::Receiver<Input>, Peer, Authority) {
        let authority = Authority::new();
        let (certificate, key, _) = authority.sign("sip.example.net", (2020, 2100));
        let acceptor = TlsAcceptor::from(Identity::load(&certificate, &key).unwrap().server().unwrap());
        let (streams, inputs) = streams();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(streams.accept(listener, Some(acceptor)));
        (at, inputs, Peer::new("sip.example.net", &authority.trust()).unwrap(), authority)
    }

    #[tokio::test]
    async fn messages_travel_under_tls_both_ways() {
        let (at, mut heard, peer, _authority) = secure().await;
        let (ours, mut inputs) = streams();
        ours.connect(Line { number: Line::FIRST + 7, remote: at, local: at, tls: Some(peer) }).await;
        let Some(Input::Opened { flow, writes, line }) = inputs.recv().await else { panic!("not opened") };
        assert_eq!((line, flow.transport, flow.remote), (Some(Line::FIRST + 7), Transport::Tls, at));
        writes.try_send(Bytes::from_static(MESSAGE)).unwrap();
        let Some(Input::Opened { flow, writes, line: None }) = heard.recv().await else { panic!("not opened") };
        assert_eq!(flow.transport, Transport::Tls);
        assert!(matches!(heard.recv().await, Some(Input::Message { bytes, .. }) if bytes == MESSAGE));
        writes.try_send(Bytes::from_static(MESSAGE)).unwrap();
        assert!(matches!(inputs.recv().await, Some(Input::Message { bytes, .. }) if bytes == MESSAGE));
    }

    #[tokio::test]
    async fn handshakes_are_bounded_in_number_and_time_and_hinder_nobody_else() {
        let (at, mut heard, peer, _authority) = secure().await;
        // As many as one source may begin; one more is turned away at once.
        let mut silent = Vec::new();
        for _ in 0..HANDSHAKES_PER_SOURCE {
            silent.push(TcpStream::connect(at).await.unwrap());
        }
        let begun = Instant::now();
        let mut one_more = TcpStream::connect(at).await.unwrap();
        assert_eq!(one_more.read(&mut [0; 8]).await.unwrap_or(0), 0);
        assert!(begun.elapsed() < TLS_HANDSHAKE / 2, "{:?}", begun.elapsed());
        // Somebody else is served meanwhile.
        let from = tokio::net::TcpSocket::new_v4().unwrap();
        from.bind("127.0.0.77:0".parse().unwrap()).unwrap();
        let stream = from.connect(at).await.unwrap();
        let mut stream = TlsConnector::from(peer.config).connect(peer.name, stream).await.unwrap();
        stream.write_all(MESSAGE).await.unwrap();
        assert!(matches!(heard.recv().await, Some(Input::Opened { .. })));
        // The silent ones are closed when their time is over.
        for mut stream in silent {
            let end = tokio::time::timeout(TLS_HANDSHAKE * 2, stream.read(&mut [0; 8])).await.unwrap();
            assert_eq!(end.unwrap_or(0), 0);
        }
        assert!(begun.elapsed() >= TLS_HANDSHAKE, "{:?}", begun.elapsed());
    }
}
