//! Session timers (RFC 4028): a call whose other end vanished without a word ends by itself, on both sides.
//!
//! Whoever is the refresher repeats the session's terms at half of the interval, by UPDATE where the peer takes it, else by a
//! re-INVITE with the same description. The other one hangs up shortly before the interval is over.

use std::time::{Duration, Instant};

use sipx_sip::headers::Supported;
use sipx_sip::session::{MinSe, Refresher, SessionExpires};
use sipx_sip::{HeaderName, Headers, Method};

use super::Endpoint;
use super::build::{ALLOW, Draft, SUPPORTED, contact};
use super::replies::Outcome;
use super::session::{Alarm, OurOffer, Session};
use super::table::Asks;
use crate::event::{End, Event, SessionId};
use crate::header::{HeaderList, Name, Value};
use crate::limits;
use crate::message::{Request, Response};

/// The terms of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The session ends when so long nothing refreshed it.
    pub(crate) interval: Duration,
    /// We do the refreshing.
    pub(crate) ours: bool,
    /// The peer knows of it: it hears the terms, and they bind it.
    pub(crate) agreed: bool,
}

/// What we remember of a session's timer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clockwork {
    pub(crate) terms: Option<Terms>,
    /// The peer takes UPDATE.
    pub(crate) update: bool,
    /// What a peer called the least (422).
    pub(crate) least: Option<Duration>,
}

fn supports_timer(headers: &Headers) -> bool {
    headers
        .typed_all::<Supported>()
        .flatten()
        .any(|supported| supported.0.0.iter().any(|tag| tag.eq_ignore_ascii_case(b"timer")))
}

fn interval(headers: &Headers) -> Option<SessionExpires> {
    headers.typed::<SessionExpires>().and_then(Result::ok)
}

fn least(headers: &Headers) -> Duration {
    headers.typed::<MinSe>().and_then(Result::ok).map_or(limits::SESSION_LEAST, |min| min.0)
}

fn takes_update(headers: &Headers) -> bool {
    headers
        .get_all(&HeaderName::Allow)
        .any(|allow| allow.value().split(|b| *b == b',').any(|m| m.trim_ascii().eq_ignore_ascii_case(b"UPDATE")))
}

/// The refusal of an interval that would only make traffic (RFC 4028 §9): 422 with what we take.
pub(crate) fn too_brief(request: &Request) -> Option<HeaderList> {
    let headers = &request.raw().headers;
    let wanted = interval(headers)?;
    (wanted.interval < limits::SESSION_LEAST && supports_timer(headers))
        .then(|| vec![(Name::MinSe, Value::number(limits::SESSION_LEAST.as_secs()))])
}

/// The terms that a request asks for, as its answer will state them (RFC 4028 §9, table 2).
pub(crate) fn terms_of_request(request: &Request) -> Terms {
    let headers = &request.raw().headers;
    let knows = supports_timer(headers);
    let (interval, refresher) = match interval(headers) {
        Some(wanted) => (wanted.interval.max(limits::SESSION_LEAST), wanted.refresher),
        None => (limits::SESSION_EXPIRES.max(least(headers)), Some(Refresher::Uas)),
    };
    // A peer that does not know the timer cannot be told to refresh.
    let theirs = knows && refresher != Some(Refresher::Uas);
    Terms { interval, ours: !theirs, agreed: knows }
}

/// The headers by which the answer to a request states the terms.
pub(crate) fn state(terms: Terms, mut draft: Draft) -> Draft {
    if !terms.agreed {
        return draft;
    }
    let refresher = if terms.ours { Refresher::Uas } else { Refresher::Uac };
    draft = draft.put(HeaderName::SessionExpires, text(terms.interval, Some(refresher)));
    if terms.ours { draft } else { draft.put(HeaderName::Require, "timer") }
}

/// The same as a list, for answers without a body.
pub(crate) fn stated(terms: Terms) -> HeaderList {
    let mut headers = HeaderList::new();
    if terms.agreed {
        let refresher = if terms.ours { Refresher::Uas } else { Refresher::Uac };
        headers.push((Name::SessionExpires, Value::lossy(&text(terms.interval, Some(refresher)))));
        if !terms.ours {
            headers.push((Name::Require, Value::lossy("timer")));
        }
    }
    headers
}

fn text(interval: Duration, refresher: Option<Refresher>) -> String {
    SessionExpires { interval, refresher }.to_string()
}

/// What a new INVITE of ours asks for.
pub(crate) fn ask(draft: Draft) -> Draft {
    draft
        .put(HeaderName::SessionExpires, text(limits::SESSION_EXPIRES, None))
        .put(HeaderName::MinSe, limits::SESSION_LEAST.as_secs().to_string())
}

impl Session {
    /// Notes what a peer's message tells of its abilities.
    pub(crate) fn note_abilities(&mut self, headers: &Headers) {
        self.clockwork.update |= takes_update(headers);
    }

    /// The headers by which a refresh or a new offer of ours goes on with the terms; who sends it is its UAC.
    pub(crate) fn go_on(&self, draft: Draft) -> Draft {
        let Some(terms) = self.clockwork.terms.filter(|terms| terms.agreed) else { return draft };
        let refresher = if terms.ours { Refresher::Uac } else { Refresher::Uas };
        let least = self.clockwork.least.unwrap_or(limits::SESSION_LEAST);
        draft
            .put(HeaderName::SessionExpires, text(terms.interval, Some(refresher)))
            .put(HeaderName::MinSe, least.as_secs().to_string())
    }
}

impl<O> Endpoint<O> {
    /// The terms hold from now on, and the interval begins anew.
    pub(crate) fn start_timer(&mut self, now: Instant, s: &mut Session, terms: Terms) {
        s.clockwork.terms = Some(terms);
        self.clear_alarm(s, Alarm::Renew);
        self.clear_alarm(s, Alarm::Expire);
        if terms.ours {
            self.set_alarm(s, Alarm::Renew, now + terms.interval / 2);
        }
        if terms.agreed {
            // RFC 4028 §10: a BYE shortly before the end.
            let early = (terms.interval / 3).min(Duration::from_secs(32));
            self.set_alarm(s, Alarm::Expire, now + terms.interval.saturating_sub(early));
        }
    }

    /// A 2xx to a request of ours that carried the terms (RFC 4028 §7.2).
    pub(crate) fn timer_answered(&mut self, now: Instant, s: &mut Session, response: &Response) {
        let headers = &response.raw().headers;
        s.note_abilities(headers);
        let terms = match interval(headers) {
            Some(said) => Terms {
                interval: said.interval.max(limits::SESSION_LEAST),
                ours: said.refresher != Some(Refresher::Uas),
                agreed: true,
            },
            // The peer wants none; we look for ourselves whether it is still there.
            None => Terms { interval: limits::SESSION_EXPIRES, ours: true, agreed: false },
        };
        self.start_timer(now, s, terms);
    }

    /// Half of the interval is over.
    pub(crate) fn renew(&mut self, now: Instant, s: &mut Session) {
        if s.announced || !s.confirmed() {
            return;
        }
        let busy = s.our_offer.is_some() || s.their_offer.is_some() || s.unacked.is_some();
        if busy {
            self.set_alarm(s, Alarm::Renew, now + limits::RENEW_AGAIN);
            return;
        }
        let Some(dialog) = s.dialogs.first().cloned() else { return };
        if s.clockwork.update {
            let us = contact(&self.config, &s.flow, s.contact_user.as_deref(), s.secure);
            let more = Draft::default()
                .put(HeaderName::Contact, us)
                .put(HeaderName::Allow, ALLOW)
                .put(HeaderName::Supported, SUPPORTED);
            let more = s.go_on(more);
            self.send_inside(now, s, &dialog, Method::Update, Asks::Renew(s.id), more);
        } else if let Some(sdp) = s.said.clone() {
            s.our_offer = Some(OurOffer { update: false, sdp, glares: 0, sent: false });
            self.send_offer(now, s);
        }
    }

    /// What came of a refresh by UPDATE.
    pub(crate) fn renew_outcome(&mut self, now: Instant, session: SessionId, outcome: Outcome) {
        self.with_session(session, |ep, s| match (outcome.status(), &outcome) {
            (200..300, Outcome::Response(response)) => ep.timer_answered(now, s, response),
            (422, Outcome::Response(response)) => {
                ep.longer(s, response);
                ep.set_alarm(s, Alarm::Renew, now + limits::RENEW_AGAIN);
            }
            (408 | 481, _) => ep.gone(now, s),
            (491 | 500..600, _) => ep.set_alarm(s, Alarm::Renew, now + limits::RENEW_AGAIN),
            _ => {
                // It says that it takes UPDATE and does not: a re-INVITE everybody knows.
                s.clockwork.update = false;
                ep.renew(now, s);
            }
        });
    }

    /// The peer wants a longer interval (422).
    pub(crate) fn longer(&mut self, s: &mut Session, response: &Response) {
        let wanted = least(&response.raw().headers).min(limits::SESSION_MOST);
        s.clockwork.least = Some(wanted);
        if let Some(terms) = &mut s.clockwork.terms {
            terms.interval = terms.interval.max(wanted);
        }
    }

    /// Nobody refreshed the session.
    pub(crate) fn expired(&mut self, now: Instant, s: &mut Session) {
        if s.announced {
            return;
        }
        self.send_bye(now, s, 0, Some(102));
        let session = s.id;
        self.finish(s, Event::Ended { session, cause: End::Timeout });
        self.end(now, s);
    }

    /// Our INVITE met 422: once more with the interval that was asked for (RFC 4028 §7.3).
    pub(crate) fn invite_longer(&mut self, now: Instant, id: u64, session: SessionId, response: &Response) -> bool {
        if self.sessions.get(&session).is_none_or(|s| s.announced || s.is_cancelled()) {
            return false;
        }
        let wanted = least(&response.raw().headers);
        let Some((old, flow, credentials, tries)) = self.again(id) else { return false };
        if wanted > limits::SESSION_MOST || tries >= limits::CHALLENGES {
            return false;
        }
        let seconds = wanted.as_secs();
        let mut longer = old;
        longer.headers.remove_all(&HeaderName::MinSe);
        let Ok(least) = sipx_sip::Header::build(HeaderName::MinSe, seconds.to_string()) else { return false };
        longer.headers.insert(1, least);
        let owner = Asks::Invite(session);
        let value = Value::number(seconds);
        let Some(new) = self.renewed(&longer, &flow, owner, HeaderName::SessionExpires, value) else { return false };
        let Some(fresh) = self.new_client(now, new, flow, owner, credentials, tries + 1) else { return false };
        self.invited_again(session, fresh);
        true
    }
}
