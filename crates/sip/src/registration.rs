//! Our registration at a provider (RFC 3261 §10.2): when to ask, what an answer means, when to ask again.
//!
//! It sends nothing itself: whoever owns it sends a REGISTER when [`Registration::due`] says so and hands the answer to
//! [`Registration::answered`]. Challenges are answered by the endpoint; a 401 that arrives here was final. The other side
//! of the counter, where phones register at us, is [`crate::registrar`].

use std::time::{Duration, Instant};

use crate::limits::{REGISTER_AGAIN, REGISTER_AGAIN_MAX, REGISTER_LIFE_MAX, REGISTER_LIFE_MIN, REGISTER_REFUSED};
use crate::message::Response;

/// What came of a REGISTER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// We are registered.
    Yes,
    /// Not this time, but another address of the same provider may answer: silence, a lost connection, 5xx.
    TryElsewhere,
    /// The provider does not want us: a wrong secret, an unknown user. Asking again soon would only have us banned.
    Refused,
    /// Only the time that we asked for was too short: ask again at once.
    Again,
}

/// One registration that is kept up.
#[derive(Debug, Clone)]
pub struct Registration {
    /// What we ask for.
    wanted: Duration,
    /// Until when the provider knows us.
    until: Option<Instant>,
    due: Instant,
    asking: bool,
    failures: u32,
    /// Call-ID and CSeq of the last REGISTER: all of them are one row (RFC 3261 §10.2.4).
    row: Option<(String, u32)>,
}

impl Registration {
    /// One that is due now and asks for `wanted`.
    #[must_use]
    pub fn new(wanted: Duration, now: Instant) -> Self {
        let wanted = wanted.clamp(REGISTER_LIFE_MIN, REGISTER_LIFE_MAX);
        Self { wanted, until: None, due: now, asking: false, failures: 0, row: None }
    }

    /// When the next REGISTER is to be sent; nothing while one is under way.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        (!self.asking).then_some(self.due)
    }

    /// Whether the provider knows us.
    #[must_use]
    pub fn is_up(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// Asks at the next opportunity, whatever was planned.
    pub fn hurry(&mut self, now: Instant) {
        self.due = now;
    }

    /// A REGISTER goes out: the seconds for its Expires header, and the row that it goes on with.
    pub fn asked(&mut self) -> (u32, Option<(String, u32)>) {
        self.asking = true;
        (u32::try_from(self.wanted.as_secs()).unwrap_or(u32::MAX), self.row.clone())
    }

    /// The answer, or with `None` silence or a lost connection. `user` is that of our Contact, `dice` any random number.
    pub fn answered(&mut self, now: Instant, response: Option<&Response>, user: &str, dice: u64) -> Registered {
        self.asking = false;
        if let Some(response) = response {
            self.row = Some((response.call_id().to_owned(), response.cseq()));
        }
        match response.map_or(408, Response::status) {
            200..300 => {
                let granted = response.and_then(|r| granted(r, user)).unwrap_or(self.wanted);
                let granted = granted.clamp(REGISTER_LIFE_MIN, REGISTER_LIFE_MAX);
                self.failures = 0;
                self.until = Some(now + granted);
                // Early enough for a few tries, and not all lines of a provider at the same moment.
                self.due = now + between(granted.mul_f64(0.7), granted.mul_f64(0.85), dice);
                Registered::Yes
            }
            423 if self.failures == 0 => {
                let least = response.and_then(|r| r.header("Min-Expires")).and_then(|v| v.trim().parse().ok());
                self.wanted = Duration::from_secs(least.unwrap_or(3600)).clamp(REGISTER_LIFE_MIN, REGISTER_LIFE_MAX);
                self.failures = 1;
                self.due = now;
                Registered::Again
            }
            status @ (408 | 430 | 480 | 500..600) => {
                self.failures = self.failures.saturating_add(1);
                let asked = response.and_then(|r| r.header("Retry-After")).filter(|_| status >= 480);
                let asked = asked.and_then(|v| {
                    let digits: String = v.trim().chars().take_while(char::is_ascii_digit).collect();
                    digits.parse().ok().map(Duration::from_secs)
                });
                let wait = REGISTER_AGAIN.saturating_mul(1 << (self.failures - 1).min(10)).min(REGISTER_AGAIN_MAX);
                // RFC 5626 §4.5: between half and all of it, so that a provider that comes back is not trampled.
                let wait = between(wait / 2, wait, dice);
                self.due = now + asked.map_or(wait, |asked| asked.clamp(wait, REGISTER_REFUSED));
                Registered::TryElsewhere
            }
            _ => {
                self.failures = self.failures.saturating_add(1);
                self.until = None;
                let wait = REGISTER_AGAIN_MAX.saturating_mul(1 << (self.failures - 1).min(4)).min(REGISTER_REFUSED);
                self.due = now + between(wait / 2, wait, dice);
                Registered::Refused
            }
        }
    }
}

fn between(low: Duration, high: Duration, dice: u64) -> Duration {
    let span = u64::try_from(high.saturating_sub(low).as_millis()).unwrap_or(u64::MAX).max(1);
    low + Duration::from_millis(dice % span)
}

/// The time that was granted: of our own Contact, or of the Expires header (RFC 3261 §10.2.4).
fn granted(response: &Response, user: &str) -> Option<Duration> {
    let mut ours = response.contacts().into_iter().filter(|contact| contact.user().as_deref() == Some(user));
    let of_contact = ours.find_map(|contact| contact.param("expires")?.trim().parse().ok());
    let seconds = of_contact.or_else(|| response.header("Expires").and_then(|text| text.trim().parse().ok()))?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn response(status: u16, more: &str) -> Response {
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:me@h>;tag=1\r\nTo: <sip:me@h>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 7 REGISTER\r\n{more}Content-Length: 0\r\n\r\n"
        );
        match sipx_sip::parse_datagram(bytes::Bytes::from(text), &crate::limits::parser()).unwrap() {
            sipx_sip::Message::Response(r) => Response::new(r).unwrap(),
            sipx_sip::Message::Request(_) => panic!("a request"),
        }
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn it_is_refreshed_before_it_runs_out() {
        let now = Instant::now();
        let mut reg = Registration::new(secs(3600), now);
        assert_eq!(reg.due(), Some(now));
        assert_eq!(reg.asked(), (3600, None));
        assert_eq!(reg.due(), None, "one at a time");
        // Others registered for the same user too: ours is the one with our name.
        let ok = response(200, "Contact: <sip:other@h>;expires=3000, <sip:me@h>;expires=300\r\nExpires: 1800\r\n");
        assert_eq!(reg.answered(now, Some(&ok), "me", 12_345), Registered::Yes);
        let due = reg.due().unwrap() - now;
        assert!(due >= secs(210) && due <= secs(255), "{due:?}");
        assert!(reg.is_up(now + secs(299)) && !reg.is_up(now + secs(301)));
        assert_eq!(reg.asked().1, Some(("c".to_owned(), 7)), "all in one row");
    }

    #[test]
    fn silence_is_waited_for_ever_longer_and_never_for_ever() {
        let mut now = Instant::now();
        let mut reg = Registration::new(secs(3600), now);
        let mut before = Duration::ZERO;
        for round in 0..20 {
            reg.asked();
            assert_eq!(reg.answered(now, None, "me", 0), Registered::TryElsewhere);
            let wait = reg.due().unwrap() - now;
            assert!(wait >= before && wait <= REGISTER_AGAIN_MAX, "{round}: {wait:?}");
            before = wait;
            now += wait;
        }
        let ok = response(200, "");
        reg.asked();
        assert_eq!(reg.answered(now, Some(&ok), "me", 0), Registered::Yes);
        reg.asked();
        reg.answered(now, None, "me", 0);
        assert!(reg.due().unwrap() - now <= REGISTER_AGAIN, "a success begins anew");
    }

    #[test]
    fn what_was_granted_still_counts_while_the_provider_is_silent() {
        let now = Instant::now();
        let mut reg = Registration::new(secs(600), now);
        reg.asked();
        reg.answered(now, Some(&response(200, "")), "me", 0);
        reg.asked();
        reg.answered(now + secs(500), None, "me", 0);
        assert!(reg.is_up(now + secs(599)));
    }

    #[test]
    fn a_refusal_is_not_repeated_at_once() {
        for status in [401, 403, 404, 407, 302, 603] {
            let now = Instant::now();
            let mut reg = Registration::new(secs(600), now);
            reg.asked();
            assert_eq!(reg.answered(now, Some(&response(status, "")), "me", 0), Registered::Refused, "{status}");
            assert!(reg.due().unwrap() - now >= REGISTER_AGAIN_MAX / 2, "{status}");
        }
    }

    #[test]
    fn too_short_is_asked_again_once() {
        let now = Instant::now();
        let mut reg = Registration::new(secs(60), now);
        reg.asked();
        let brief = response(423, "Min-Expires: 1800\r\n");
        assert_eq!(reg.answered(now, Some(&brief), "me", 0), Registered::Again);
        assert_eq!(reg.asked().0, 1800);
        assert_eq!(reg.answered(now, Some(&brief), "me", 0), Registered::Refused);
    }

    #[test]
    fn a_provider_s_own_wish_is_bounded() {
        let now = Instant::now();
        for (value, most) in [("30", REGISTER_AGAIN_MAX), ("999999999", REGISTER_REFUSED), ("x", REGISTER_AGAIN)] {
            let mut reg = Registration::new(secs(600), now);
            reg.asked();
            reg.answered(now, Some(&response(503, &format!("Retry-After: {value}\r\n"))), "me", 0);
            assert!(reg.due().unwrap() - now <= most, "{value}");
        }
        // An absurd time granted is not believed either.
        let mut reg = Registration::new(secs(600), now);
        reg.asked();
        reg.answered(now, Some(&response(200, "Expires: 4000000000\r\n")), "me", 0);
        assert!(reg.due().unwrap() - now <= REGISTER_LIFE_MAX);
        reg.asked();
        reg.answered(now, Some(&response(200, "Expires: 0\r\n")), "me", 0);
        assert!(reg.due().unwrap() - now >= REGISTER_LIFE_MIN / 2);
    }
}
