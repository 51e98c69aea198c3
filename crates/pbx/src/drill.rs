//! What a drill needs of the exchange: tickets by which its calls come in as whoever they play, and a look at what those
//! calls do.
//!
//! A ticket is 128 random bits in the host of a From address, good for one INVITE from the one socket of the drill.
//! Its call runs in an exchange beside the real one ([`Exchange::for_drill`]), whose gate permits nothing
//! ([`crate::gate::Ledger`]). Who walks there and what he presses is not this crate's affair.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dialplan::Invocation;
use dialplan::span::Span;
use sip::{Flow, Request};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::cdr::Records;
use crate::exchange::Exchange;
use crate::limits;
use crate::switch::{Origin, Sign};

/// Ends the host of a drill's From address. RFC 2606 keeps `.invalid` for names that are nobody's.
const HOST: &str = ".drill.invalid";

/// A call of a drill, as the exchange has to take it.
#[derive(Clone)]
pub struct Part {
    /// Whom it plays.
    pub origin: Origin,
    /// Where it runs.
    pub exchange: Arc<Exchange>,
    /// Who looks on.
    pub watch: Arc<Watch>,
}

/// The drill that is on, if one is.
#[derive(Default)]
pub struct Drills(Mutex<Option<Open>>);

struct Open {
    /// The socket that its calls come from.
    from: SocketAddr,
    tickets: HashMap<String, Part>,
}

/// Nobody could be given a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the drill has too many calls on their way, or is over")]
pub struct NoTicket;

impl Drills {
    /// From now on calls with a ticket come in from this socket; false where another drill is on.
    #[must_use]
    pub fn open(&self, from: SocketAddr) -> bool {
        let mut open = self.lock();
        if open.is_some() {
            return false;
        }
        *open = Some(Open { from, tickets: HashMap::new() });
        true
    }

    /// No call comes in by a ticket any more.
    pub fn close(&self) {
        *self.lock() = None;
    }

    /// A ticket: the host to write into the From address of one INVITE.
    ///
    /// # Errors
    /// [`NoTicket`] when [`limits::DRILL_TICKETS`] wait to be used.
    pub fn ticket(&self, secret: [u8; 16], part: Part) -> Result<String, NoTicket> {
        let mut open = self.lock();
        let Some(open) = open.as_mut().filter(|open| open.tickets.len() < limits::DRILL_TICKETS) else {
            return Err(NoTicket);
        };
        let host = format!("{}{HOST}", hex::encode(secret));
        open.tickets.insert(host.clone(), part);
        Ok(host)
    }

    /// A ticket that was not used is worth nothing any more.
    pub fn forget(&self, host: &str) {
        if let Some(open) = self.lock().as_mut() {
            open.tickets.remove(host);
        }
    }

    /// Whether this comes from the drill's own socket.
    pub(crate) fn is_from(&self, flow: &Flow) -> bool {
        self.lock().as_ref().is_some_and(|open| open.from == flow.remote)
    }

    /// Whom the caller plays, where he has a ticket. It stays good until [`Drills::take`].
    pub(crate) fn origin(&self, request: &Request, flow: &Flow) -> Option<Origin> {
        let open = self.lock();
        let open = open.as_ref().filter(|open| open.from == flow.remote)?;
        open.tickets.get(&request.from().host()).map(|part| part.origin.clone())
    }

    pub(crate) fn take(&self, request: &Request, flow: &Flow) -> Option<Part> {
        let mut open = self.lock();
        let open = open.as_mut().filter(|open| open.from == flow.remote)?;
        open.tickets.remove(&request.from().host())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records and events of a drill's calls: none. Its report tells.
pub struct Nowhere;

impl Records for Nowhere {
    fn write(&self, _: store::CallRecord) {}
}

/// What one call of a drill shows of itself.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Name of its call tree, once it came in.
    pub tree: String,
    /// Lines passed, oldest first: `context,extension,priority Application`.
    pub lines: Vec<String>,
    /// The same as places in the plan's text.
    pub spans: BTreeSet<Span>,
    /// Prompts since the last line, or the last key that it took.
    pub prompts: Vec<String>,
    /// Keys that it took since the last line or prompt.
    pub entered: String,
    /// Keys that it took in all.
    pub taken: usize,
    /// Whether a key means something now.
    pub listens: bool,
    /// When it last showed something.
    pub at: Instant,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            tree: String::new(),
            lines: Vec::new(),
            spans: BTreeSet::new(),
            prompts: Vec::new(),
            entered: String::new(),
            taken: 0,
            listens: false,
            at: Instant::now(),
        }
    }
}

impl Seen {
    /// A name for what the call waits for: the line it is at, what it has said, what was keyed in so far.
    #[must_use]
    pub fn state(&self) -> String {
        let line = self.lines.last().map_or("nowhere", String::as_str);
        let mut name = line.to_owned();
        if !self.prompts.is_empty() {
            name = format!("{name} {}", self.prompts.join("&"));
        }
        if !self.entered.is_empty() {
            name = format!("{name} …{}", self.entered);
        }
        name
    }
}

/// Looks at one call of a drill.
#[derive(Debug, Default)]
pub struct Watch {
    seen: Mutex<Seen>,
    changed: Notify,
}

impl Watch {
    /// What it has shown so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Waits until it shows more; returns at once if it did since the last time.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The call came in under this name.
    pub(crate) fn came(&self, tree: &str) {
        self.note(|seen| tree.clone_into(&mut seen.tree));
    }

    pub(crate) fn passed(&self, line: &Invocation) {
        self.note(|seen| {
            if seen.lines.len() < limits::DRILL_SIGNS {
                seen.lines.push(format!("{} {}", line.place, line.app.name));
            }
            if seen.spans.len() < limits::DRILL_SIGNS {
                seen.spans.insert(line.span);
            }
            seen.entered.clear();
            seen.prompts.clear();
            seen.listens = false;
        });
    }

    pub(crate) fn sign(&self, sign: Sign<'_>) {
        self.note(|seen| match sign {
            Sign::Prompt(name) => {
                // What counts is what was said, not how often; numbers that are read out are not the caller's business.
                if seen.prompts.len() < 8 && !name.contains("digits/") && !seen.prompts.iter().any(|said| said == name)
                {
                    seen.prompts.push(name.to_owned());
                }
                seen.entered.clear();
                seen.listens = false;
            }
            Sign::Listens => seen.listens = true,
            Sign::Took(key) => {
                if seen.entered.is_empty() {
                    seen.prompts.clear();
                }
                if seen.entered.len() < limits::DIALLED {
                    seen.entered.push(key);
                }
                seen.taken += 1;
                seen.listens = false;
            }
        });
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        {
            let mut seen = self.lock();
            change(&mut seen);
            seen.at = Instant::now();
        }
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::exchange::{Clock, Parts};
    use crate::gate::{Gate, Ledger};
    use crate::mailbox::Mailboxes;
    use crate::pin::Pins;
    use crate::plan::{HandWritten, compile};
    use crate::snapshot::Snapshot;
    use crate::sounds::NoSounds;
    use dialplan::load::NoFiles;
    use dialplan::reach::Reach;

    fn exchange() -> Exchange {
        let config = Config::from_tree(&serde_json::json!({})).unwrap();
        let program = compile(&config, &HandWritten::default(), &NoFiles).program;
        let reach = Reach::of(program.hash());
        Exchange::new(Parts {
            snapshot: Snapshot { config: Arc::new(config), program: Arc::new(program), reach },
            gate: Gate::drilling(Arc::new(Ledger::new(false))),
            records: Arc::new(Nowhere),
            pins: Arc::new(Pins::in_memory()),
            sounds: Arc::new(NoSounds),
            mailboxes: Arc::new(Mailboxes::in_memory()),
            clock: Clock::new(|| 0),
            seed: 1,
        })
    }

    fn invite(host: &str) -> Request {
        let text = format!(
            "INVITE sip:204@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n\
             From: <sip:anonymous@{host}>;tag=1\r\nTo: <sip:204@127.0.0.1>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:x@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
        );
        Request::parse(text.as_bytes()).unwrap()
    }

    fn flow(from: &str) -> Flow {
        Flow::udp("127.0.0.1:5060".parse().unwrap(), from.parse().unwrap())
    }

    #[test]
    fn a_ticket_is_good_once_and_from_the_drills_own_socket_only() {
        let (drills, ours) = (Drills::default(), flow("127.0.0.1:40000"));
        let origin = Origin::Extension { user: "204".to_owned() };
        let part =
            || Part { origin: origin.clone(), exchange: Arc::new(exchange()), watch: Arc::new(Watch::default()) };
        assert_eq!(drills.ticket([1; 16], part()), Err(NoTicket), "no drill is on");
        assert!(drills.open(ours.remote) && !drills.open(ours.remote), "one at a time");
        let host = drills.ticket([7; 16], part()).unwrap();
        for other in ["127.0.0.1:40001", "127.0.0.2:40000", "[::1]:40000"] {
            assert_eq!(drills.origin(&invite(&host), &flow(other)), None, "{other}");
            assert!(drills.take(&invite(&host), &flow(other)).is_none(), "{other}");
            assert!(drills.is_from(&ours) && !drills.is_from(&flow(other)), "{other}");
        }
        assert_eq!(drills.origin(&invite("00000000000000000000000000000000.drill.invalid"), &ours), None);
        assert_eq!(drills.origin(&invite(&host), &ours), Some(origin.clone()));
        assert!(drills.take(&invite(&host), &ours).is_some());
        assert_eq!(drills.origin(&invite(&host), &ours), None, "used up");
        let host = drills.ticket([8; 16], part()).unwrap();
        drills.close();
        assert_eq!(drills.origin(&invite(&host), &ours), None, "the drill is over");
        assert!(drills.open(ours.remote));
        assert_eq!(drills.origin(&invite(&host), &ours), None, "of another drill");
        for n in 0..limits::DRILL_TICKETS {
            assert!(drills.ticket([u8::try_from(n).unwrap(); 16], part()).is_ok());
        }
        assert_eq!(drills.ticket([255; 16], part()), Err(NoTicket));
    }

    #[test]
    fn an_exchange_for_drills_shares_numbers_of_legs_and_keeps_its_rows_to_itself() {
        let real = exchange();
        real.database.put("family/key", "value").unwrap();
        let gate = Gate::drilling(Arc::new(Ledger::new(false)));
        let clock = Clock::new(|| 1_000);
        let beside = real.for_drill(gate, Arc::new(Pins::in_memory()), Arc::new(Nowhere), clock);
        let (one, two, three) = (real.leg_id(), beside.leg_id(), real.leg_id());
        assert!(one < two && two < three, "a leg is also a media port");
        assert_eq!(beside.database.get("family/key").as_deref(), Some("value"));
        beside.database.put("family/key", "other").unwrap();
        beside.set_global("G", "1");
        assert_eq!(real.database.get("family/key").as_deref(), Some("value"));
        assert_eq!(real.global("G"), None);
    }

    #[tokio::test]
    async fn what_a_call_waits_for_has_a_name() {
        let watch = Watch::default();
        watch.sign(Sign::Prompt("menu"));
        watch.sign(Sign::Prompt("digits/4"));
        watch.sign(Sign::Prompt("menu"));
        watch.sign(Sign::Listens);
        assert_eq!((watch.seen().state().as_str(), watch.seen().listens), ("nowhere menu", true));
        watch.sign(Sign::Took('4'));
        watch.sign(Sign::Took('2'));
        watch.sign(Sign::Listens);
        assert_eq!((watch.seen().state().as_str(), watch.seen().taken), ("nowhere …42", 2));
        watch.sign(Sign::Prompt("invalid"));
        assert_eq!((watch.seen().state().as_str(), watch.seen().listens), ("nowhere invalid", false));
        for _ in 0..limits::DRILL_SIGNS + 9 {
            watch.sign(Sign::Took('1'));
        }
        assert_eq!(watch.seen().entered.len(), limits::DIALLED);
    }
}
