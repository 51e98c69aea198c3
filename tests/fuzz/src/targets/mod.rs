//! What is fed, and what must be true whatever it is fed with.

mod endpoint;
mod message;
mod plan;
mod sound;

/// A target: its name (and folder), words of its language, and what takes an input and says what came of it.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Words that the mutator puts in.
    pub words: &'static [&'static str],
    /// Takes one input.
    pub feed: fn(&[u8]) -> u64,
}

/// All of them. The control socket's is in the shell, which alone knows its requests.
#[must_use]
pub fn all() -> Vec<Target> {
    let target = |name, words, feed| Target { name, words, feed };
    vec![
        target("message", message::WORDS, message::feed as fn(&[u8]) -> u64),
        target("endpoint", message::WORDS, endpoint::feed),
        target("sdp", sound::SDP_WORDS, sound::sdp),
        target("rtp", &[], sound::rtp),
        target("dtmf", &[], sound::dtmf),
        target("dialplan", plan::PLAN_WORDS, plan::dialplan),
        target("config", plan::CONFIG_WORDS, plan::config),
    ]
}

/// Collects what came of an input.
pub(crate) struct Outcome(u64);

impl Outcome {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, what: impl std::fmt::Display) {
        for byte in what.to_string().bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}
