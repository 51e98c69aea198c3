//! The telephone of a drill: real INVITEs from a socket of its own, and real sound with keys in it (RFC 4733).

use crate::drill::tone::Voice;
use crate::exchange::random;
use crate::fault::{Doing as _, Outcome};
use media::codec::Codec;
use media::sdp::{Caps, Direction, Local, Session};
use sip::{Admit, Doorman, Endpoint, Event, Flow, HeaderList, Invite, Party, Request, SessionId, Uri};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

/// Orders and events that may wait.
const WAITING: usize = 256;

/// Largest datagram that is read: whatever the exchange sends.
const DATAGRAM: usize = 65_535;

/// A telephone with many lines.
pub(crate) struct Phone {
    orders: mpsc::Sender<Order>,
    /// Where the exchange is.
    to: SocketAddr,
    /// Its own socket.
    pub(crate) at: SocketAddr,
    /// Numbers its descriptions of sound.
    descriptions: AtomicU64,
}

enum Order {
    Call { invite: Box<Invite>, heard: mpsc::Sender<Heard>, session: oneshot::Sender<SessionId> },
    HangUp(SessionId),
}

/// What becomes of a line.
enum Heard {
    /// The exchange says where it wants sound.
    Sound(bytes::Bytes),
    /// It is over: the status, or 200 for a call that was up.
    Over(u16),
}

impl Phone {
    /// A telephone that calls the exchange at `to`. It works until it is dropped.
    pub(crate) async fn plug_in(to: SocketAddr) -> Outcome<Self> {
        let socket = UdpSocket::bind((to.ip(), 0)).await.doing(|| format!("open a port at {}", to.ip()))?;
        let at = socket.local_addr().doing(|| "learn the port".to_owned())?;
        let mut config = sip::Config::new(random()?);
        "tollgate drill".clone_into(&mut config.user_agent);
        let (orders, ordered) = mpsc::channel(WAITING);
        let line = Wire { socket, endpoint: Endpoint::new(config), at, lines: HashMap::new(), ordered };
        tokio::spawn(line.run());
        Ok(Self { orders, to, at, descriptions: AtomicU64::new(1) })
    }

    /// Calls `dialled`, with `number` as caller ID and a ticket's host in From. None where that cannot be dialled at all.
    pub(crate) async fn call(&self, dialled: &str, number: &str, ticket: &str) -> Outcome<Option<Line>> {
        let user = Some(dialled).filter(|user| !user.is_empty());
        let Ok(target) = Uri::sip(user, &self.to.ip().to_string(), Some(self.to.port())) else { return Ok(None) };
        let sound = UdpSocket::bind((self.at.ip(), 0)).await.doing(|| "open a port for sound".to_owned())?;
        let address = sound.local_addr().doing(|| "learn the port for sound".to_owned())?;
        let mut local = Local::new(address, self.descriptions.fetch_add(1, Ordering::Relaxed));
        let sdp = local.offer(&Caps::of(&[Codec::Pcmu, Codec::Pcma]), Direction::SendRecv);
        let invite = Box::new(Invite {
            flow: Flow::udp(self.at, self.to),
            target,
            from: Party::new(if number.is_empty() { "anonymous" } else { number }, ticket),
            to: None,
            routes: Vec::new(),
            sdp,
            headers: HeaderList::new(),
            credentials: None,
            patience: None,
            max_forwards: 70,
        });
        let (heard, events) = mpsc::channel(16);
        let (session, placed) = oneshot::channel();
        let gone = || "place a call of the drill".to_owned();
        self.orders.send(Order::Call { invite, heard, session }).await.doing(gone)?;
        let session = placed.await.doing(gone)?;
        let (keys, pressed) = mpsc::channel(WAITING);
        let over = Arc::new(std::sync::OnceLock::new());
        let talk = Talk { local, sound: Some(sound), pressed: Some(pressed), over: Arc::clone(&over) };
        let task = tokio::spawn(talk.follow(events)).abort_handle();
        Ok(Some(Line { session, orders: self.orders.clone(), keys, over, task }))
    }
}

/// One call.
pub(crate) struct Line {
    session: SessionId,
    orders: mpsc::Sender<Order>,
    keys: mpsc::Sender<char>,
    over: Arc<std::sync::OnceLock<u16>>,
    task: tokio::task::AbortHandle,
}

impl Line {
    /// Presses keys, one after the other. Returns at once.
    pub(crate) fn press(&self, keys: &str) {
        for key in keys.chars() {
            if self.keys.try_send(key).is_err() {
                tracing::debug!(key = %key, "a drill presses faster than it can");
            }
        }
    }

    /// The caller hangs up.
    pub(super) fn hang_up(&self) {
        if self.over().is_none() && self.orders.try_send(Order::HangUp(self.session)).is_err() {
            tracing::debug!("a drill's call is left to its timers");
        }
    }

    /// The status it was refused with, or 200 where the exchange hung up; none while it goes on.
    pub(crate) fn over(&self) -> Option<u16> {
        self.over.get().copied()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.hang_up();
        self.task.abort();
    }
}

/// The sound of one call.
struct Talk {
    local: Local,
    sound: Option<UdpSocket>,
    pressed: Option<mpsc::Receiver<char>>,
    over: Arc<std::sync::OnceLock<u16>>,
}

impl Talk {
    async fn follow(mut self, mut events: mpsc::Receiver<Heard>) {
        let mut voice: Option<tokio::task::JoinHandle<()>> = None;
        while let Some(event) = events.recv().await {
            match event {
                Heard::Sound(sdp) => {
                    let answer = Session::parse(&sdp).ok().and_then(|said| self.local.accept_answer(&said).ok());
                    if let (Some(agreed), None) = (answer, &voice)
                        && let (Some(sound), Some(pressed)) = (self.sound.take(), self.pressed.take())
                    {
                        voice = Some(tokio::spawn(Voice::new(sound, agreed, pressed).speak()));
                    }
                }
                Heard::Over(status) => {
                    let _ = self.over.set(status);
                    break;
                }
            }
        }
        let _ = self.over.set(408);
        // Dropping Line ends the call's keys, and with them the voice.
        drop(voice);
    }
}

/// Nobody calls the telephone of a drill.
struct Nobody;

impl Doorman<()> for Nobody {
    fn admit(&mut self, _: Instant, _: &Request, _: &Flow) -> Admit<()> {
        Admit::Reply { status: 403, reason: "Forbidden".to_owned(), headers: HeaderList::new() }
    }
}

/// The signalling of all lines.
struct Wire {
    socket: UdpSocket,
    endpoint: Endpoint<()>,
    at: SocketAddr,
    lines: HashMap<SessionId, mpsc::Sender<Heard>>,
    ordered: mpsc::Receiver<Order>,
}

impl Wire {
    /// Until nobody can order any more and the last call is hung up.
    async fn run(mut self) {
        let mut datagram = vec![0; DATAGRAM];
        let mut open = true;
        // Nothing is left on the other side when its lines are dropped, but BYEs want their answers.
        let mut until: Option<tokio::time::Instant> = None;
        loop {
            let wakes = self.endpoint.poll_timeout().unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
            tokio::select! {
                order = self.ordered.recv(), if open => match order {
                    Some(order) => self.order(order),
                    None => {
                        open = false;
                        until = Some(tokio::time::Instant::now() + Duration::from_secs(4));
                        for session in self.lines.keys().copied().collect::<Vec<_>>() {
                            self.hang_up(session);
                        }
                    }
                },
                got = self.socket.recv_from(&mut datagram) => if let Ok((length, from)) = got {
                    let bytes = datagram.get(..length).unwrap_or_default();
                    self.endpoint.receive(Instant::now(), Flow::udp(self.at, from), bytes, &mut Nobody);
                },
                () = tokio::time::sleep_until(wakes.into()) => self.endpoint.timeout(Instant::now()),
            }
            self.pump().await;
            if until.is_some_and(|until| self.lines.is_empty() || tokio::time::Instant::now() > until) {
                return;
            }
        }
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::Call { invite, heard, session } => {
                let id = self.endpoint.invite(Instant::now(), *invite);
                self.lines.insert(id, heard);
                let _ = session.send(id);
            }
            Order::HangUp(session) => self.hang_up(session),
        }
    }

    fn hang_up(&mut self, session: SessionId) {
        let now = Instant::now();
        if !self.endpoint.bye(now, session, None) {
            self.endpoint.cancel(now, session);
        }
    }

    async fn pump(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            self.event(event);
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            if let Err(error) = self.socket.send_to(&transmit.bytes, transmit.flow.remote).await {
                tracing::debug!(%error, "a drill could not send");
            }
        }
    }

    fn event(&mut self, event: Event<()>) {
        let now = Instant::now();
        match event {
            Event::Progress { session, sdp: Some(sdp), .. } | Event::Answered { session, sdp: Some(sdp), .. } => {
                self.tell(session, Heard::Sound(sdp));
            }
            Event::Rejected { session, status, .. } => self.over(session, status),
            Event::Ended { session, .. } | Event::Cancelled { session } => self.over(session, 200),
            Event::InDialog { txn, .. } | Event::Request { txn, .. } => {
                self.endpoint.respond(now, txn, 405, "Method Not Allowed", HeaderList::new(), None);
            }
            Event::Offer { txn, .. } => {
                self.endpoint.respond_offer(now, txn, Err(488));
            }
            Event::Invite { session, .. } => {
                self.endpoint.reject(now, session, 403, "Forbidden", HeaderList::new());
            }
            _ => {}
        }
    }

    fn tell(&mut self, session: SessionId, heard: Heard) {
        if let Some(line) = self.lines.get(&session)
            && line.try_send(heard).is_err()
        {
            tracing::trace!("a line of the drill was hung up");
        }
    }

    fn over(&mut self, session: SessionId, status: u16) {
        self.tell(session, Heard::Over(status));
        self.lines.remove(&session);
    }
}
