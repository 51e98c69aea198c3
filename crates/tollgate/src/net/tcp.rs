//! Stream connections: a listener per address, one small task per connection. Bounded in number, in time and in what waits to be written.

use crate::limits::{
    STREAM_CONNECT, STREAM_FIRST_MESSAGE, STREAM_IDLE, STREAM_REST_OF_MESSAGE, STREAM_WRITE, STREAM_WRITES, STREAMS,
    STREAMS_PER_SOURCE,
};
use crate::net::address::source;
use bytes::Bytes;
use sip::framer::PONG;
use sip::{Flow, Frame, Framer, Transport};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What connections tell the signalling task.
#[derive(Debug)]
pub(crate) enum Input {
    /// A connection stands; messages for it go to `writes`.
    Opened {
        /// The connection.
        flow: Flow,
        /// Where its outgoing messages go.
        writes: mpsc::Sender<Bytes>,
        /// We opened it.
        ours: bool,
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
        /// To where.
        remote: SocketAddr,
    },
}

/// Shared by listeners and connections: who has how many, and where messages go.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    inputs: mpsc::Sender<Input>,
    next: AtomicU64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// A place among the connections; given back when dropped.
#[derive(Debug)]
struct Place {
    inner: Arc<Inner>,
    source: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.total = held.total.saturating_sub(1);
        if let Some(count) = held.by_source.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.by_source.remove(&self.source);
            }
        }
    }
}

impl Streams {
    /// Connections that report to `inputs`.
    pub(crate) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self {
            inner: Arc::new(Inner {
                inputs,
                // 0 stands for "no connection" in a flow.
                next: AtomicU64::new(1),
                held: Mutex::default(),
            }),
        }
    }

    fn place(&self, peer: IpAddr) -> Option<Place> {
        let source = source(peer);
        let mut held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.total >= STREAMS {
            return None;
        }
        let count = held.by_source.entry(source).or_default();
        if *count >= STREAMS_PER_SOURCE {
            return None;
        }
        *count += 1;
        held.total += 1;
        Some(Place { inner: Arc::clone(&self.inner), source })
    }

    /// Accepts until the task is aborted.
    pub(crate) async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    if let Some(place) = self.place(peer.ip()) {
                        self.serve(stream, peer, place, false);
                    } else {
                        tracing::debug!(%peer, "too many connections: refused");
                    }
                }
                Err(error) => {
                    // Most often: no file descriptor left. Waiting lets some be given back.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place, ours: bool) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let connection = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let flow = Flow { transport: Transport::Tcp, local, remote: peer, connection };
        tokio::spawn(hold(stream, flow, self.inner.inputs.clone(), place, ours));
    }

    /// Opens a connection to a trunk or phone; it reports itself with [`Input::Opened`] or [`Input::Refused`].
    pub(crate) async fn connect(&self, remote: SocketAddr) {
        let opened = match self.place(remote.ip()) {
            Some(place) => tokio::time::timeout(STREAM_CONNECT, TcpStream::connect(remote))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                .map(|stream| self.serve(stream, remote, place, true)),
            None => Err(io::Error::other("too many connections")),
        };
        if let Err(error) = opened {
            tracing::debug!(%error, %remote, "a connection did not come about");
            let _ = self.inner.inputs.send(Input::Refused { remote }).await;
        }
    }
}

/// The life of one connection.
async fn hold(stream: TcpStream, flow: Flow, inputs: mpsc::Sender<Input>, place: Place, ours: bool) {
    let _ = stream.set_nodelay(true);
    let (writes, queue) = mpsc::channel(STREAM_WRITES);
    // The connection's own way to answer keep-alives; it must not keep the queue open.
    let pongs = writes.downgrade();
    if inputs.send(Input::Opened { flow, writes, ours }).await.is_err() {
        return;
    }
    let (reader, writer) = stream.into_split();
    let why = tokio::select! {
        why = read(reader, flow, &inputs, &pongs, ours) => why,
        why = write(writer, queue) => why,
    };
    tracing::debug!(peer = %flow.remote, why, "connection closed");
    drop(place);
    let _ = inputs.send(Input::Closed { connection: flow.connection }).await;
}

async fn read(
    mut reader: tokio::net::tcp::OwnedReadHalf,
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

async fn write(mut writer: tokio::net::tcp::OwnedWriteHalf, mut queue: mpsc::Receiver<Bytes>) -> &'static str {
    while let Some(bytes) = queue.recv().await {
        match tokio::time::timeout(STREAM_WRITE, writer.write_all(&bytes)).await {
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
    use std::net::Ipv4Addr;

    const MESSAGE: &[u8] = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n";

    fn streams() -> (Streams, mpsc::Receiver<Input>) {
        let (heard, inputs) = mpsc::channel(STREAM_READS);
        (Streams::new(heard), inputs)
    }

    async fn listening() -> (SocketAddr, mpsc::Receiver<Input>) {
        let (streams, inputs) = streams();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(streams.accept(listener));
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
        for other in 0..(STREAMS - STREAMS_PER_SOURCE) {
            let other = Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(other).unwrap());
            held.push(streams.place(other.into()).unwrap());
        }
        assert!(streams.place(Ipv4Addr::new(198, 51, 100, 1).into()).is_none());
        drop(held);
        assert!(streams.inner.held.lock().unwrap().by_source.is_empty());
    }

    // With the clock paused, time jumps ahead as soon as nothing else can happen.
    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_closed_after_a_while() {
        let (at, mut inputs) = listening().await;
        let mut silent = TcpStream::connect(at).await.unwrap();
        let begun = Instant::now();
        assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(begun.elapsed() >= STREAM_FIRST_MESSAGE && begun.elapsed() < STREAM_FIRST_MESSAGE * 2);
        assert!(matches!(inputs.recv().await, Some(Input::Opened { ours: false, .. })));
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
        streams.connect(nobody).await;
        assert!(matches!(inputs.recv().await, Some(Input::Refused { remote }) if remote == nobody));
    }
}
