//! Sound in and out: a few threads, each with an epoll over its RTP and RTCP sockets and a `media::plane::Plane` that knows what to do with
//! packets. Legs of one call share a thread, so that what relays them needs no lock. Calls reach it as `pbx::media_port::MediaPlane`.
//! Next: `media_thread` for what one thread does, `ports` for which port a leg gets.

use crate::fault::{Doing as _, Outcome};
use crate::limits::MEDIA_COMMANDS;
use crate::net::media_thread::{Runner, WAKE};
use crate::net::ports::{Pair, Ports};
use media::plane::{Command, PortId};
use mio::{Poll, Waker};
use pbx::media_port::MediaPlane;
use pbx::switch::CallEvent;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// The media threads.
pub(crate) struct MediaIo {
    shards: Vec<Arc<Shard>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

/// What all threads and all callers share.
pub(super) struct Shared {
    pub(super) ports: Mutex<Ports>,
    /// Which thread has a port.
    pub(super) places: Mutex<HashMap<PortId, usize>>,
    pub(super) unsent: AtomicU64,
    pub(super) unheard: AtomicU64,
}

/// The way into one thread.
pub(super) struct Shard {
    pub(super) queue: Mutex<Vec<Order>>,
    /// Somebody has already rung; no need to ring twice.
    pub(super) rung: AtomicBool,
    waker: Waker,
}

/// What a thread is asked to do.
pub(super) enum Order {
    Open { port: PortId, pair: Pair, events: mpsc::Sender<CallEvent> },
    OpenHalf { port: PortId, with: PortId, events: mpsc::Sender<CallEvent> },
    Do(Command),
    End,
}

/// Numbers for metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Open ports, halves of Local channels included.
    pub(crate) ports: usize,
    /// RTP port pairs in use.
    pub(crate) pairs: usize,
    /// Packets that the system did not take.
    pub(crate) unsent: u64,
    /// Events that a call had no room for.
    pub(crate) unheard: u64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MediaIo {
    /// Starts `count` threads. `broken` hears of a thread that ended without being told to.
    pub(crate) fn start(count: usize, ports: Ports, broken: mpsc::Sender<String>) -> Outcome<Self> {
        let shared = Arc::new(Shared {
            ports: Mutex::new(ports),
            places: Mutex::default(),
            unsent: AtomicU64::new(0),
            unheard: AtomicU64::new(0),
        });
        let mut shards = Vec::new();
        let mut threads = Vec::new();
        for index in 0..count.max(1) {
            let poll = Poll::new().doing(|| "start a media thread".to_owned())?;
            let waker = Waker::new(poll.registry(), WAKE).doing(|| "start a media thread".to_owned())?;
            let shard = Arc::new(Shard { queue: Mutex::default(), rung: AtomicBool::new(false), waker });
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).doing(|| "get random bytes from the system".to_owned())?;
            let runner = Runner::new(poll, seed, Arc::clone(&shard), Arc::clone(&shared));
            let broken = broken.clone();
            let thread = std::thread::Builder::new()
                .name(format!("media-{index}"))
                .spawn(move || {
                    let guard = Alarm { broken, calm: false };
                    runner.run(guard);
                })
                .doing(|| "start a media thread".to_owned())?;
            shards.push(shard);
            threads.push(thread);
        }
        Ok(Self { shards, threads: Mutex::new(threads), shared })
    }

    /// What is going on.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            ports: lock(&self.shared.places).len(),
            pairs: lock(&self.shared.ports).used(),
            unsent: self.shared.unsent.load(Ordering::Relaxed),
            unheard: self.shared.unheard.load(Ordering::Relaxed),
        }
    }

    /// From the next port on, take them from here.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut Ports)) {
        change(&mut lock(&self.shared.ports));
    }

    /// Ends the threads and waits for them. Must not be called on a runtime thread that calls need.
    pub(crate) fn stop(&self) {
        for shard in &self.shards {
            shard.push(Order::End, true);
        }
        for thread in lock(&self.threads).drain(..) {
            let _ = thread.join();
        }
    }

    fn shard(&self, shard: u64) -> Option<(usize, &Arc<Shard>)> {
        let index = usize::try_from(shard % self.shards.len().max(1) as u64).unwrap_or(0);
        self.shards.get(index).map(|shard| (index, shard))
    }

    fn of(&self, port: PortId) -> Option<&Arc<Shard>> {
        let index = lock(&self.shared.places).get(&port).copied()?;
        self.shards.get(index)
    }
}

impl Shard {
    /// Queues an order. Beyond the bound only what gives something back is taken.
    fn push(&self, order: Order, always: bool) -> bool {
        let mut queue = lock(&self.queue);
        if !always && queue.len() >= MEDIA_COMMANDS {
            return false;
        }
        queue.push(order);
        drop(queue);
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a media thread cannot be woken");
        }
        true
    }
}

impl MediaPlane for MediaIo {
    fn open(
        &self,
        port: PortId,
        shard: u64,
        toward: IpAddr,
        events: mpsc::Sender<CallEvent>,
    ) -> Result<SocketAddr, String> {
        let (index, shard) = self.shard(shard).ok_or("no media thread is running")?;
        let pair = lock(&self.shared.ports).take(toward)?;
        let shown = pair.shown;
        let number = pair.number;
        lock(&self.shared.places).insert(port, index);
        if shard.push(Order::Open { port, pair, events }, false) {
            return Ok(shown);
        }
        lock(&self.shared.places).remove(&port);
        lock(&self.shared.ports).give_back(number);
        Err("the media threads are overloaded".to_owned())
    }

    fn open_pair(&self, shard: u64, a: (PortId, mpsc::Sender<CallEvent>), b: (PortId, mpsc::Sender<CallEvent>)) {
        let Some((index, shard)) = self.shard(shard) else {
            return;
        };
        let halves = [(a.0, b.0, a.1), (b.0, a.0, b.1)];
        for (port, with, events) in halves {
            lock(&self.shared.places).insert(port, index);
            if !shard.push(Order::OpenHalf { port, with, events }, false) {
                lock(&self.shared.places).remove(&port);
                tracing::error!("the media threads are overloaded: a Local channel has no sound");
            }
        }
    }

    fn together(&self, a: PortId, b: PortId) -> bool {
        let places = lock(&self.shared.places);
        matches!((places.get(&a), places.get(&b)), (Some(a), Some(b)) if a == b)
    }

    fn command(&self, command: Command) {
        let (port, closes) = subject(&command);
        let Some(shard) = self.of(port) else {
            return;
        };
        if !shard.push(Order::Do(command), closes) {
            tracing::error!(port = port.0, "the media threads are overloaded: a command is lost");
        }
    }
}

/// The port a command is about, and whether it gives something back.
fn subject(command: &Command) -> (PortId, bool) {
    match command {
        Command::Close { port } => (*port, true),
        Command::Join { a, .. } => (*a, false),
        Command::Open { port, .. }
        | Command::Remote { port, .. }
        | Command::Watch { port, .. }
        | Command::Play { port, .. }
        | Command::Tone { port, .. }
        | Command::Stop { port }
        | Command::Leave { port }
        | Command::SendDigits { port, .. }
        | Command::Record { port, .. }
        | Command::StopRecord { port }
        | Command::Echo { port, .. }
        | Command::KeepAlive { port, .. } => (*port, false),
    }
}

/// Tells the exchange when a thread ends that should not.
pub(super) struct Alarm {
    broken: mpsc::Sender<String>,
    pub(super) calm: bool,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.calm {
            let _ = self.broken.try_send("a media thread ended by itself".to_owned());
        }
    }
}

/// Waits for all threads to end, off the runtime.
pub(crate) async fn stopped(media: Arc<MediaIo>) {
    let (done, wait) = oneshot::channel();
    std::thread::spawn(move || {
        media.stop();
        let _ = done.send(());
    });
    let _ = wait.await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::plane::Event;
    use mio::net::UdpSocket;
    use std::time::{Duration, Instant};

    const LOOP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn media(pairs: u16) -> (MediaIo, mpsc::Receiver<String>) {
        let probe = std::net::UdpSocket::bind((LOOP, 0)).unwrap();
        let first = probe.local_addr().unwrap().port() / 2 * 2 - 200;
        let (broken, heard) = mpsc::channel(1);
        let ports = Ports::new(LOOP, &(first..=first + pairs * 2 - 1), 0);
        (MediaIo::start(2, ports, broken).unwrap(), heard)
    }

    fn until(what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < Duration::from_secs(20), "never {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn so_many_orders_wait_and_what_gives_back_always_does() {
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), WAKE).unwrap();
        let shard = Shard { queue: Mutex::default(), rung: AtomicBool::new(false), waker };
        let order = || Order::Do(Command::Stop { port: PortId(1) });
        let taken = (0..MEDIA_COMMANDS + 5).filter(|_| shard.push(order(), false)).count();
        assert_eq!(taken, MEDIA_COMMANDS);
        assert!(shard.push(order(), true));
    }

    #[test]
    fn a_closed_port_is_told_and_given_back() {
        let (media, mut broken) = media(4);
        let (events, mut mail) = mpsc::channel(16);
        let at = media.open(PortId(1), 7, LOOP, events.clone()).unwrap();
        assert_eq!(at.port() % 2, 0);
        assert!(UdpSocket::bind(at).is_err(), "the port is ours");
        assert_eq!((media.counts().ports, media.counts().pairs), (1, 1));
        media.command(Command::Close { port: PortId(1) });
        until("given back", || media.counts().pairs == 0 && media.counts().ports == 0);
        assert!(matches!(mail.blocking_recv(), Some(CallEvent::Media(Event::Closed { port: PortId(1), .. }))));
        media.stop();
        assert!(broken.try_recv().is_err(), "an end that was asked for is no alarm");
    }

    #[test]
    fn when_all_ports_are_taken_the_next_call_is_refused_and_ports_return() {
        let (media, _broken) = media(3);
        let (events, _mail) = mpsc::channel(64);
        for round in 0..3 {
            for leg in 0..3 {
                media.open(PortId(round * 10 + leg), round, LOOP, events.clone()).unwrap();
            }
            assert!(media.open(PortId(99), 0, LOOP, events.clone()).unwrap_err().contains("in use"));
            for leg in 0..3 {
                media.command(Command::Close { port: PortId(round * 10 + leg) });
            }
            until("free again", || media.counts().pairs == 0);
        }
        media.stop();
    }

    #[test]
    fn both_halves_of_a_local_channel_open_and_close() {
        let (media, _broken) = media(1);
        let (events, _mail) = mpsc::channel(64);
        media.open_pair(3, (PortId(1), events.clone()), (PortId(2), events.clone()));
        assert_eq!((media.counts().ports, media.counts().pairs), (2, 0));
        for port in [1, 2] {
            media.command(Command::Close { port: PortId(port) });
        }
        until("closed", || media.counts().ports == 0);
        media.stop();
    }

    #[test]
    fn the_port_of_a_call_that_died_is_found() {
        let (media, _broken) = media(1);
        let (events, mail) = mpsc::channel(4);
        media.open(PortId(1), 0, LOOP, events).unwrap();
        drop(mail);
        until("swept", || media.counts().pairs == 0);
        media.stop();
    }
}
