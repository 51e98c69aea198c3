//! The world of a real call: SIP by the signalling task, sound by the media plane.
//!
//! Here offers meet answers: each leg has its own [`media::sdp::Local`] and knows nothing of the other side's
//! description but the codec, so that two legs share one where they can and relay without decoding.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use dialplan::number::Class;
use media::codec::Codec;
use media::plane::{Command as MediaCommand, LockRule};
use media::sdp::{Caps, Direction, Format, Local, Negotiated, Prefer, Session};
use tokio::sync::mpsc;

use crate::drill::Watch;
use crate::gate::Permit;
use crate::media_port::MediaPlane;
use crate::phones::Phones;
use crate::signal::{Outgoing, SipCommand};
use crate::switch::{
    CallEvent, Cause, Contact, LegCommand, LegEvent, LegId, Origin, Postbox, Presentation, Sign, World,
};
use crate::trunks::Trunks;

/// The wires that all real calls share.
pub struct Wires {
    /// Orders to the signalling task.
    pub sip: mpsc::Sender<SipCommand>,
    /// The media sockets.
    pub media: Arc<dyn MediaPlane>,
    /// Where phones are reached.
    pub phones: Arc<Phones>,
    /// Where trunks are reached.
    pub trunks: Arc<Trunks>,
}

/// One SIP leg's session description.
struct Talk {
    local: Option<Local>,
    /// The peer's offer that waits for our answer.
    offer: Option<Session>,
    /// Where its signalling comes from.
    peer: IpAddr,
    agreed: Option<Negotiated>,
    /// What its trunk may speak, best first; empty: all that we do.
    codecs: Vec<Codec>,
    /// Our last answer or offer, repeated in the 200 after a 183.
    said: Option<Bytes>,
    incoming: bool,
    answered: bool,
    held: bool,
}

impl Talk {
    fn new(peer: IpAddr, offer: Option<Session>, incoming: bool, codecs: Vec<Codec>) -> Self {
        Self { local: None, offer, peer, agreed: None, codecs, said: None, incoming, answered: false, held: false }
    }

    /// What may be spoken with this party.
    fn base(&self) -> Caps {
        if self.codecs.is_empty() {
            return Caps::default();
        }
        Caps { prefer: Prefer::Ours, ..Caps::of(&self.codecs) }
    }

    /// The same, what is spoken already first. An owner's own order stays.
    fn base_preferring(&self, format: &Format) -> Caps {
        let base = self.base();
        if self.codecs.is_empty() || base.formats.contains(format) { base.preferring(format) } else { base }
    }
}

/// The party that begins a call.
pub struct LiveCaller {
    /// His leg.
    pub line: LegId,
    /// Where his signalling comes from.
    pub peer: IpAddr,
    /// The media thread of his call.
    pub shard: u64,
    /// What he offers to speak.
    pub offer: Option<Session>,
    /// What his trunk may speak, best first; empty: all that we do.
    pub codecs: Vec<Codec>,
}

/// The world as one call task sees it.
pub struct LiveWorld {
    wires: Arc<Wires>,
    events: Postbox,
    /// Legs of one tree share a media thread.
    shard: u64,
    talks: BTreeMap<LegId, Talk>,
    /// What the caller's leg speaks, or offers to: the other legs are asked for that first.
    spoken: Option<Spoken>,
    /// A drill looks on.
    watch: Option<Arc<Watch>>,
}

#[derive(Clone)]
enum Spoken {
    Offered(Session),
    Agreed(Format),
}

impl LiveWorld {
    /// The world of a call that came in.
    #[must_use]
    pub fn incoming(wires: Arc<Wires>, events: Postbox, caller: LiveCaller) -> Self {
        let LiveCaller { line, peer, shard, offer, codecs } = caller;
        let spoken = offer.clone().map(Spoken::Offered);
        let mut talks = BTreeMap::new();
        talks.insert(line, Talk::new(peer, offer, true, codecs));
        Self { wires, events, shard, talks, spoken, watch: None }
    }

    /// The same world, and a drill looks on.
    #[must_use]
    pub fn watched(self, watch: Option<Arc<Watch>>) -> Self {
        Self { watch, ..self }
    }

    /// What a leg has agreed to speak.
    #[must_use]
    pub fn codec(&self, leg: LegId) -> Option<String> {
        Some(self.talks.get(&leg)?.agreed.as_ref()?.codec.name().to_owned())
    }

    fn order(&self, command: SipCommand) {
        if let Err(error) = self.wires.sip.try_send(command) {
            // The signalling task is overloaded or gone; the leg's own timers end it.
            tracing::error!(%error, "signalling takes no more orders");
        }
    }

    /// For an offer: what the caller speaks first, unless the called trunk's owner set an order of his own.
    fn caps(&self, codecs: &[Codec]) -> Caps {
        if !codecs.is_empty() {
            return Caps::of(codecs);
        }
        match &self.spoken {
            Some(Spoken::Offered(session)) => Caps::default().toward(session),
            Some(Spoken::Agreed(format)) => {
                let mut caps = Caps::default().preferring(format);
                caps.prefer = media::sdp::Prefer::Theirs;
                caps
            }
            None => Caps::default(),
        }
    }

    /// Opens the leg's port if it has none yet.
    fn local(&mut self, leg: LegId) -> Result<(), Cause> {
        let Some(talk) = self.talks.get_mut(&leg) else { return Err(Cause::INTERWORKING) };
        if talk.local.is_none() {
            let address =
                self.wires.media.open(leg.port(), self.shard, talk.peer, self.events.clone()).map_err(|error| {
                    tracing::error!(%error, "no media port");
                    Cause::CONGESTION
                })?;
            talk.local = Some(Local::new(address, leg.0));
        }
        Ok(())
    }

    /// Our description for a caller's leg: the answer to its offer, or an offer of our own.
    fn describe(&mut self, leg: LegId) -> Result<Bytes, Cause> {
        self.local(leg)?;
        let caps = self.answer_caps(leg);
        let Some(talk) = self.talks.get_mut(&leg) else { return Err(Cause::INTERWORKING) };
        if let Some(said) = &talk.said {
            return Ok(said.clone());
        }
        let Some(local) = talk.local.as_mut() else { return Err(Cause::INTERWORKING) };
        let said = match talk.offer.take() {
            Some(offer) => {
                let (answer, agreed) = local.answer(&caps, &offer, Direction::SendRecv).map_err(|error| {
                    tracing::debug!(%error, "the offer cannot be answered");
                    Cause::NO_CODEC
                })?;
                self.agree(leg, agreed);
                answer
            }
            None => local.offer(&caps, Direction::SendRecv),
        };
        if let Some(talk) = self.talks.get_mut(&leg) {
            talk.said = Some(said.clone());
        }
        Ok(said)
    }

    /// For an answer: the codec that another leg has agreed on already wins.
    fn answer_caps(&self, leg: LegId) -> Caps {
        let other = self.talks.values().find_map(|talk| (!talk.incoming).then_some(talk.agreed.as_ref()).flatten());
        match (self.talks.get(&leg), other) {
            (Some(talk), Some(agreed)) => talk.base_preferring(&agreed.codec),
            (Some(talk), None) => talk.base(),
            (None, _) => Caps::default(),
        }
    }

    fn agree(&mut self, leg: LegId, agreed: Negotiated) {
        let Some(talk) = self.talks.get_mut(&leg) else { return };
        self.wires.media.command(MediaCommand::Remote {
            port: leg.port(),
            negotiated: Box::new(agreed.clone()),
            signalling_ip: talk.peer,
            lock: LockRule::Follow,
        });
        if talk.incoming {
            self.spoken = Some(Spoken::Agreed(agreed.codec.clone()));
        }
        talk.agreed = Some(agreed);
    }

    /// The peer's answer to our offer. `false` when nothing can be made of it. An early one (in a 18x) may still be
    /// replaced by that of the 2xx, which can come from another fork.
    fn take_answer(&mut self, leg: LegId, sdp: &[u8], early: bool) -> bool {
        let Some(talk) = self.talks.get_mut(&leg) else { return false };
        let Some(local) = talk.local.as_mut() else { return false };
        let mut trial = local.clone();
        let chosen = if early { &mut trial } else { local };
        let agreed = match Session::parse(sdp).map_err(Into::into).and_then(|answer| chosen.accept_answer(&answer)) {
            Ok(agreed) => agreed,
            Err(media::sdp::NegotiateError::NoOffer) => return talk.agreed.is_some(),
            Err(error) => {
                tracing::debug!(%error, "the answer cannot be used");
                return false;
            }
        };
        self.agree(leg, agreed);
        true
    }

    /// A re-INVITE or UPDATE: answered here; only hold and its end concern the call.
    fn re_offer(&mut self, leg: LegId, txn: sip::TxnId, sdp: Option<&[u8]>) -> Option<LegEvent> {
        let caps = self.reoffer_caps(leg);
        let talk = self.talks.get_mut(&leg)?;
        let local = talk.local.as_mut()?;
        let outcome = match sdp {
            None => Ok((local.offer(&caps, Direction::SendRecv), None)),
            Some(sdp) => Session::parse(sdp)
                .map_err(media::sdp::NegotiateError::from)
                .and_then(|offer| local.answer(&caps, &offer, Direction::SendRecv))
                .map(|(answer, agreed)| (answer, Some(agreed))),
        };
        match outcome {
            Ok((said, agreed)) => {
                let held = agreed.as_ref().map_or(talk.held, Negotiated::held);
                let change = (held != talk.held).then_some(LegEvent::Hold(held));
                talk.held = held;
                if let Some(agreed) = agreed {
                    self.agree(leg, agreed);
                }
                self.order(SipCommand::AnswerOffer { leg, txn, answer: Ok(said) });
                change
            }
            Err(error) => {
                tracing::debug!(%error, "a new offer cannot be answered");
                self.order(SipCommand::AnswerOffer { leg, txn, answer: Err(488) });
                None
            }
        }
    }

    /// In a new offer the codec in use is kept where the peer still offers it.
    fn reoffer_caps(&self, leg: LegId) -> Caps {
        match self.talks.get(&leg) {
            Some(talk) => match &talk.agreed {
                Some(agreed) => talk.base_preferring(&agreed.codec),
                None => talk.base(),
            },
            None => Caps::default(),
        }
    }

    fn answered(&mut self, leg: LegId, sdp: Option<&[u8]>) -> LegEvent {
        let usable = match sdp {
            Some(sdp) => self.take_answer(leg, sdp, false),
            None => self.talks.get(&leg).is_some_and(|talk| talk.agreed.is_some()),
        };
        if let Some(talk) = self.talks.get_mut(&leg) {
            talk.answered = true;
        }
        if usable {
            return LegEvent::Answered;
        }
        self.order(SipCommand::HangUp { leg, cause: Cause::NO_CODEC });
        LegEvent::Failed { cause: Cause::NO_CODEC, status: 488 }
    }
}

impl World for LiveWorld {
    fn contacts(&self, user: &str) -> Vec<Contact> {
        self.wires.phones.contacts(now(), user)
    }

    fn signal(&mut self, leg: LegId, command: LegCommand) {
        let described = match command {
            LegCommand::EarlyMedia | LegCommand::Answer => Some(self.describe(leg)),
            _ => None,
        };
        let order = match (command, described) {
            (LegCommand::Ring, _) => SipCommand::Ring { leg, sdp: None },
            (LegCommand::EarlyMedia, Some(Ok(sdp))) => SipCommand::Ring { leg, sdp: Some(sdp) },
            (LegCommand::Answer, Some(Ok(sdp))) => {
                if let Some(talk) = self.talks.get_mut(&leg) {
                    talk.answered = true;
                }
                SipCommand::Accept { leg, sdp }
            }
            (_, Some(Err(cause))) => {
                // The caller cannot be talked to at all: he is told why, and the call task hears that he is gone.
                let gone = CallEvent::Leg(leg, LegEvent::HungUp { cause });
                if self.events.try_send(gone).is_err() {
                    tracing::debug!("the mailbox is full");
                }
                SipCommand::Refuse { leg, cause }
            }
            (LegCommand::Refuse(cause), _) => SipCommand::Refuse { leg, cause },
            (LegCommand::HangUp(cause), _) => {
                self.talks.remove(&leg);
                SipCommand::HangUp { leg, cause }
            }
            (LegCommand::Key(key), _) => SipCommand::Key { leg, key },
            (LegCommand::Referred { txn, status }, _) => SipCommand::Referred { txn: sip::TxnId(txn), status },
            (LegCommand::Notify { status, last }, _) => SipCommand::Notify { leg, status, last },
            (LegCommand::EarlyMedia | LegCommand::Answer, None) => return,
        };
        self.order(order);
    }

    fn start(&mut self, permit: Permit, leg: LegId, contact: &Contact, show: &Presentation) -> Result<(), Cause> {
        let route = match permit.trunk() {
            Some(_) => {
                self.wires.trunks.route(&permit, permit.class() == Class::Emergency).ok_or(Cause::OUT_OF_ORDER)?
            }
            None => self.wires.phones.route(now(), &permit, contact).ok_or(Cause::UNALLOCATED)?,
        };
        self.talks.insert(leg, Talk::new(route.flow.remote.ip(), None, false, route.codecs.clone()));
        self.local(leg)?;
        let caps = self.caps(&route.codecs);
        let Some(local) = self.talks.get_mut(&leg).and_then(|talk| talk.local.as_mut()) else {
            return Err(Cause::INTERWORKING);
        };
        let sdp = local.offer(&caps, Direction::SendRecv);
        self.order(SipCommand::Invite(Box::new(Outgoing {
            leg,
            events: self.events.clone(),
            permit,
            route,
            show: show.clone(),
            sdp,
            shard: self.shard,
        })));
        Ok(())
    }

    fn media(&mut self, command: MediaCommand) {
        if let MediaCommand::Close { port } = &command {
            self.talks.remove(&LegId(port.0));
        }
        self.wires.media.command(command);
    }

    fn local_pair(&mut self, near: LegId, far: LegId, far_events: Postbox) {
        self.wires.media.open_pair(self.shard, (near.port(), self.events.clone()), (far.port(), far_events));
    }

    fn sibling(&self, events: Postbox) -> Box<dyn World> {
        Box::new(Self {
            wires: Arc::clone(&self.wires),
            events,
            shard: self.shard,
            talks: BTreeMap::new(),
            spoken: self.spoken.clone(),
            watch: self.watch.clone(),
        })
    }

    fn passed(&mut self, line: &dialplan::Invocation) {
        if let Some(watch) = &self.watch {
            watch.passed(line);
        }
    }

    fn sign(&mut self, sign: Sign<'_>) {
        if let Some(watch) = &self.watch {
            watch.sign(sign);
        }
    }

    fn interpret(&mut self, leg: LegId, event: sip::Event<Origin>) -> Option<LegEvent> {
        use sip::Event as E;
        match event {
            E::Confirmed { answer, .. } => {
                if let Some(sdp) = answer
                    && !self.take_answer(leg, &sdp, false)
                {
                    self.order(SipCommand::HangUp { leg, cause: Cause::NO_CODEC });
                    return Some(LegEvent::HungUp { cause: Cause::NO_CODEC });
                }
                Some(LegEvent::Up)
            }
            E::Cancelled { .. } => Some(LegEvent::HungUp { cause: Cause::NORMAL }),
            E::Progress { status, sdp, .. } => {
                let early = sdp.is_some_and(|sdp| self.take_answer(leg, &sdp, true));
                match (early, status) {
                    (true, _) => Some(LegEvent::EarlyMedia),
                    (false, 180) => Some(LegEvent::Ringing),
                    _ => None,
                }
            }
            E::Answered { sdp, .. } => Some(self.answered(leg, sdp.as_deref())),
            E::Rejected { status: 300..400, contacts, .. } => {
                let to = contacts.first().and_then(sip::NameAddr::user).filter(|to| to.len() <= crate::limits::DIALLED);
                Some(match to {
                    Some(to) => LegEvent::Moved { to },
                    None => LegEvent::Failed { cause: Cause::INTERWORKING, status: 302 },
                })
            }
            E::Rejected { status, .. } => Some(LegEvent::Failed { cause: Cause::from_status(status), status }),
            E::Offer { txn, sdp, .. } => self.re_offer(leg, txn, sdp.as_deref()),
            E::InDialog { request, .. } => sip_key(&request).map(LegEvent::Key),
            E::Ended { cause, .. } => Some(LegEvent::HungUp { cause: end_cause(&cause) }),
            _ => None,
        }
    }
}

fn end_cause(end: &sip::End) -> Cause {
    match end {
        sip::End::Bye { reason_cause } => reason_cause.map_or(Cause::NORMAL, Cause),
        _ => Cause::TIMER,
    }
}

/// The key in an INFO request: `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`).
fn sip_key(request: &sip::Request) -> Option<char> {
    let body = std::str::from_utf8(request.body()).ok()?;
    let kind = request.header("Content-Type")?.to_ascii_lowercase();
    let text = if kind.starts_with("application/dtmf-relay") {
        let line = body.lines().find(|line| line.trim_start().to_ascii_lowercase().starts_with("signal"))?;
        line.split_once('=')?.1.trim()
    } else if kind.starts_with("application/dtmf") {
        body.trim()
    } else {
        return None;
    };
    let key = match text {
        "10" => '*',
        "11" => '#',
        _ => text.chars().next()?.to_ascii_uppercase(),
    };
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D').then_some(key)
}

fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
