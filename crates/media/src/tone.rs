//! Call progress tones: what a country's telephones sound like (ITU-T E.180 supplement 2), information tones, digits.
//!
//! A [`Tone`] is a list of [`Segment`]s; its text form is that of Asterisk's `indications.conf`, with an optional level:
//! `440+480@-19/2000,0/4000`. [`TonePlayer`] turns it into samples.

use std::borrow::Cow;

use crate::codec::Rate;
use crate::limits::{TONE_SEGMENT_MS, TONE_SEGMENTS};
use crate::sine::{Oscillator, peak};

/// Level of each frequency where the text names none, in dBm0: that of a dial tone.
const DEFAULT_LEVEL: i8 = -13;

/// One piece of a cadence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Frequencies in Hz that sound together; zero means none.
    pub hz: [u16; 3],
    /// Amplitude modulation in Hz; zero means none.
    pub modulation: u16,
    /// Level of each frequency in dBm0, -60 to 0.
    pub level: i8,
    /// Length in milliseconds; zero means for ever.
    pub ms: u32,
    /// Only in the first round.
    pub once: bool,
}

/// A tone with its cadence. Repeats until it is stopped, unless every segment plays once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tone {
    segments: Cow<'static, [Segment]>,
}

/// Why a text is not a tone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToneError {
    /// Nothing there.
    #[error("a tone needs at least one segment, like 440+480/2000,0/4000")]
    Empty,
    /// More than [`TONE_SEGMENTS`].
    #[error("a tone has at most {TONE_SEGMENTS} segments")]
    TooMany,
    /// This segment is not `frequency[+frequency][*modulation][@level][/milliseconds]`.
    #[error("{0:?} is not frequency[+frequency][*modulation][@level][/milliseconds]")]
    Segment(String),
}

impl Tone {
    /// Silence for ever.
    pub const SILENCE: Tone =
        Tone { segments: Cow::Borrowed(&[Segment { hz: [0; 3], modulation: 0, level: -60, ms: 0, once: false }]) };

    /// Of segments; too many are cut at [`TONE_SEGMENTS`].
    pub fn new(mut segments: Vec<Segment>) -> Tone {
        segments.truncate(TONE_SEGMENTS);
        Tone { segments: Cow::Owned(segments) }
    }

    /// Reads the text form: segments between commas, `!` before one that plays only in the first round.
    ///
    /// # Errors
    /// Says which segment is wrong. Frequencies are 0 to 4000 Hz, levels -60 to 0 dBm0, lengths at most a minute.
    pub fn parse(text: &str) -> Result<Tone, ToneError> {
        let mut segments = Vec::new();
        for part in text.split([',', '|']).map(str::trim).filter(|part| !part.is_empty()) {
            if segments.len() == TONE_SEGMENTS {
                return Err(ToneError::TooMany);
            }
            segments.push(segment(part).ok_or_else(|| ToneError::Segment(part.chars().take(40).collect()))?);
        }
        if segments.is_empty() { Err(ToneError::Empty) } else { Ok(Tone { segments: Cow::Owned(segments) }) }
    }

    /// The segments.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Does it end by itself?
    pub fn ends(&self) -> bool {
        self.segments.iter().all(|segment| segment.once && segment.ms > 0)
    }

    /// The special information tone before "no such number": 950, 1400, 1800 Hz, 330 ms each, then it ends (E.180 §7).
    pub fn sit() -> Tone {
        Tone::of("!950@-16/330,!1400@-16/330,!1800@-16/330")
    }

    /// The milliwatt test tone: 1004 Hz at 0 dBm0 for ever (1004 and not 1000, so that it is no fraction of 8000).
    pub fn milliwatt() -> Tone {
        Tone::of("1004@0")
    }

    /// A short beep, as before a recording; it ends.
    pub fn beep() -> Tone {
        Tone::of("!1000@-16/250")
    }

    /// Of a text that is part of this program. Tests see that all of them can be read.
    fn of(text: &str) -> Tone {
        Tone::parse(text).unwrap_or(Tone::SILENCE)
    }

    /// Samples of this tone from its beginning.
    pub fn player(&self, rate: Rate) -> TonePlayer {
        TonePlayer::new(self.clone(), rate)
    }
}

fn segment(text: &str) -> Option<Segment> {
    let (once, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, text),
    };
    let (text, ms) = match text.split_once('/') {
        Some((text, ms)) => (text.trim(), ms.trim().parse().ok().filter(|ms| *ms <= TONE_SEGMENT_MS)?),
        None => (text, 0),
    };
    let (text, level) = match text.split_once('@') {
        Some((text, level)) => (text, level.parse().ok().filter(|level| (-60..=0).contains(level))?),
        None => (text, DEFAULT_LEVEL),
    };
    let frequency = |text: &str| text.trim().parse::<u16>().ok().filter(|hz| *hz <= 4000);
    let (text, modulation) = match text.split_once('*') {
        Some((text, modulation)) => (text, frequency(modulation)?),
        None => (text, 0),
    };
    let mut hz = [0; 3];
    let mut parts = text.split('+');
    for slot in &mut hz {
        match parts.next() {
            Some(part) => *slot = frequency(part)?,
            None => break,
        }
    }
    if parts.next().is_some() {
        return None;
    }
    Some(Segment { hz, modulation, level, ms, once })
}

/// The tones of call progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// You may dial.
    Dial,
    /// The other phone rings.
    Ringback,
    /// The other party is busy.
    Busy,
    /// No way through (also called reorder or fast busy).
    Congestion,
    /// A second caller waits.
    CallWaiting,
}

/// What one country's telephones sound like.
#[derive(Debug, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166 code in capitals.
    pub code: &'static str,
    dial: &'static str,
    ringback: &'static str,
    busy: &'static str,
    congestion: &'static str,
    waiting: &'static str,
}

/// North America comes first: it is what an unknown country gets.
static COUNTRIES: &[Country] = &[
    country(
        "US",
        "350+440@-13",
        "440+480@-19/2000,0/4000",
        "480+620@-24/500,0/500",
        "480+620@-24/250,0/250",
        "440@-13/300,0/10000",
    ),
    country(
        "CA",
        "350+440@-13",
        "440+480@-19/2000,0/4000",
        "480+620@-24/500,0/500",
        "480+620@-24/250,0/250",
        "440@-13/300,0/10000",
    ),
    country(
        "GB",
        "350+440@-13",
        "400+450@-16/400,0/200,400+450@-16/400,0/2000",
        "400@-16/375,0/375",
        "400@-16/400,0/350,400@-16/225,0/525",
        "400@-16/100,0/4000",
    ),
    country(
        "IE",
        "425@-10",
        "400+450@-16/400,0/200,400+450@-16/400,0/2000",
        "425@-13/500,0/500",
        "425@-13/250,0/250",
        "425@-16/180,0/200,425@-16/200,0/4500",
    ),
    country(
        "DE",
        "425@-10",
        "425@-13/1000,0/4000",
        "425@-13/480,0/480",
        "425@-13/240,0/240",
        "425@-16/200,0/200,425@-16/200,0/5000",
    ),
    country("AT", "420@-10", "420@-13/1000,0/5000", "420@-13/400,0/400", "420@-13/200,0/200", "420@-16/40,0/1950"),
    country(
        "CH",
        "425@-10",
        "425@-13/1000,0/4000",
        "425@-13/500,0/500",
        "425@-13/200,0/200",
        "425@-16/200,0/200,425@-16/200,0/4000",
    ),
    country("NL", "425@-10", "425@-13/1000,0/4000", "425@-13/500,0/500", "425@-13/250,0/250", "425@-16/500,0/9500"),
    country(
        "BE",
        "425@-10",
        "425@-13/1000,0/3000",
        "425@-13/500,0/500",
        "425@-13/167,0/167",
        "1400@-16/175,0/175,1400@-16/175,0/3500",
    ),
    country("FR", "440@-10", "440@-13/1500,0/3500", "440@-13/500,0/500", "440@-13/250,0/250", "440@-16/300,0/10000"),
    country(
        "ES",
        "425@-10",
        "425@-13/1500,0/3000",
        "425@-13/200,0/200",
        "425@-13/200,0/200,425@-13/200,0/200,425@-13/200,0/600",
        "425@-16/175,0/175,425@-16/175,0/3500",
    ),
    country(
        "IT",
        "425@-10/200,0/200,425@-10/600,0/1000",
        "425@-13/1000,0/4000",
        "425@-13/500,0/500",
        "425@-13/200,0/200",
        "425@-16/400,0/100,425@-16/250,0/100,425@-16/150,0/14000",
    ),
    country(
        "SE",
        "425@-10",
        "425@-13/1000,0/5000",
        "425@-13/250,0/250",
        "425@-13/250,0/750",
        "425@-16/200,0/500,425@-16/200,0/9100",
    ),
    country(
        "AU",
        "413+438@-13",
        "413+438@-16/400,0/200,413+438@-16/400,0/2000",
        "425@-13/375,0/375",
        "425@-13/375,0/375,425@-23/375,0/375",
        "425@-16/200,0/200,425@-16/200,0/4400",
    ),
];

const fn country(
    code: &'static str,
    dial: &'static str,
    ringback: &'static str,
    busy: &'static str,
    congestion: &'static str,
    waiting: &'static str,
) -> Country {
    Country { code, dial, ringback, busy, congestion, waiting }
}

impl Country {
    /// By ISO 3166 code, without case. What we do not know sounds American.
    pub fn of(code: &str) -> &'static Country {
        static FALLBACK: Country = country(
            "US",
            "350+440",
            "440+480/2000,0/4000",
            "480+620/500,0/500",
            "480+620/250,0/250",
            "440/300,0/10000",
        );
        COUNTRIES
            .iter()
            .find(|country| country.code.eq_ignore_ascii_case(code))
            .or(COUNTRIES.first())
            .unwrap_or(&FALLBACK)
    }

    /// Every country we know.
    pub fn all() -> &'static [Country] {
        COUNTRIES
    }

    /// One of its tones.
    pub fn tone(&self, kind: Kind) -> Tone {
        Tone::of(match kind {
            Kind::Dial => self.dial,
            Kind::Ringback => self.ringback,
            Kind::Busy => self.busy,
            Kind::Congestion => self.congestion,
            Kind::CallWaiting => self.waiting,
        })
    }

    /// A tone by the name `PlayTones` uses for it: dial, ring, busy, congestion, callwaiting, info, milliwatt, beep.
    pub fn named(&self, name: &str) -> Option<Tone> {
        Some(match name.to_ascii_lowercase().as_str() {
            "dial" | "dialrecall" => self.tone(Kind::Dial),
            "ring" | "ringback" | "ringing" => self.tone(Kind::Ringback),
            "busy" => self.tone(Kind::Busy),
            "congestion" => self.tone(Kind::Congestion),
            "callwaiting" => self.tone(Kind::CallWaiting),
            "info" => Tone::sit(),
            "milliwatt" => Tone::milliwatt(),
            "beep" => Tone::beep(),
            _ => return None,
        })
    }
}

/// A tone as it sounds. Phases run on over the border of two segments with the same frequency only within one segment.
#[derive(Debug, Clone)]
pub struct TonePlayer {
    tone: Tone,
    rate: Rate,
    index: usize,
    /// Samples left in this segment; `None` means for ever.
    left: Option<usize>,
    round: u32,
    voices: [Oscillator; 3],
    count: usize,
    modulator: Option<Oscillator>,
    peak: i32,
    ended: bool,
}

impl TonePlayer {
    fn new(tone: Tone, rate: Rate) -> TonePlayer {
        let idle = Oscillator::new(0, rate.hz());
        let mut player = TonePlayer {
            tone,
            rate,
            index: 0,
            left: Some(0),
            round: 0,
            voices: [idle; 3],
            count: 0,
            modulator: None,
            peak: 0,
            ended: false,
        };
        player.enter();
        player
    }

    /// Begins the segment at `index`, going round if need be.
    fn enter(&mut self) {
        // Every segment is looked at once; if none may play in this round, the tone has ended.
        for _ in 0..=self.tone.segments.len() {
            let Some(segment) = self.tone.segments.get(self.index).copied() else {
                self.index = 0;
                self.round = self.round.saturating_add(1);
                continue;
            };
            if segment.once && self.round > 0 {
                self.index += 1;
                continue;
            }
            self.left = (segment.ms > 0).then(|| self.rate.samples(segment.ms));
            self.count = 0;
            for hz in segment.hz.into_iter().filter(|hz| *hz > 0) {
                self.voices[self.count] = Oscillator::new(u32::from(hz) * 10, self.rate.hz());
                self.count += 1;
            }
            self.modulator =
                (segment.modulation > 0).then(|| Oscillator::new(u32::from(segment.modulation) * 10, self.rate.hz()));
            self.peak = peak(i32::from(segment.level) * 10);
            return;
        }
        self.ended = true;
    }

    /// Has it ended by itself?
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Fills `out`. Gives how many samples belong to the tone; fewer than asked means that it ended (the rest is silence).
    pub fn fill(&mut self, out: &mut [i16]) -> usize {
        let mut done = 0;
        while done < out.len() && !self.ended {
            let room = out.len() - done;
            let run = self.left.map_or(room, |left| left.min(room));
            for sample in &mut out[done..done + run] {
                *sample = self.sample();
            }
            done += run;
            if let Some(left) = &mut self.left {
                *left -= run;
                if *left == 0 {
                    self.index += 1;
                    self.enter();
                }
            }
        }
        out[done..].fill(0);
        done
    }

    fn sample(&mut self) -> i16 {
        let mut sum = 0;
        for voice in &mut self.voices[..self.count] {
            sum += (voice.next() * self.peak) >> 15;
        }
        if let Some(modulator) = &mut self.modulator {
            // Between a tenth and the whole.
            sum = (sum * (18_022 + ((modulator.next() * 14_745) >> 15))) >> 15;
        }
        sum.clamp(-32768, 32767) as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_so_many_segments_of_so_long() {
        let of = |count: usize| vec!["440/100"; count].join(",");
        assert_eq!(Tone::parse(&of(TONE_SEGMENTS)).unwrap().segments().len(), TONE_SEGMENTS);
        assert_eq!(Tone::parse(&of(TONE_SEGMENTS + 1)), Err(ToneError::TooMany));
        let one = Tone::parse("440/100").unwrap().segments()[0];
        assert_eq!(Tone::new(vec![one; TONE_SEGMENTS + 1]).segments().len(), TONE_SEGMENTS);
        assert!(Tone::parse(&format!("440/{TONE_SEGMENT_MS}")).is_ok());
        assert!(Tone::parse(&format!("440/{}", TONE_SEGMENT_MS + 1)).is_err());
    }

    #[test]
    fn every_tone_of_every_country_can_be_read() {
        for country in Country::all() {
            for text in [country.dial, country.ringback, country.busy, country.congestion, country.waiting] {
                assert!(Tone::parse(text).is_ok(), "{} {text}", country.code);
            }
        }
        for tone in [Tone::sit(), Tone::milliwatt(), Tone::beep()] {
            assert_ne!(tone, Tone::SILENCE);
        }
        assert_eq!(Country::of("gb").code, "GB");
        assert_eq!(Country::of("zz").code, "US");
    }

    #[test]
    fn american_ringback_sounds_two_seconds_in_six() {
        let mut player = Country::of("US").tone(Kind::Ringback).player(Rate::Narrow);
        let mut pcm = vec![0; 8000 * 12];
        assert_eq!(player.fill(&mut pcm), pcm.len());
        for second in 0..12 {
            let loud = pcm[second * 8000..][..8000].iter().filter(|s| s.abs() > 500).count();
            assert_eq!(loud > 4000, second % 6 < 2, "second {second}: {loud}");
        }
    }

    #[test]
    fn information_tone_ends_after_990_ms() {
        assert!(Tone::sit().ends());
        let mut player = Tone::sit().player(Rate::Narrow);
        let mut pcm = vec![1; 16000];
        assert_eq!(player.fill(&mut pcm), 330 * 8 * 3);
        assert!(player.ended());
        assert!(pcm[330 * 8 * 3..].iter().all(|s| *s == 0));
        assert_eq!(player.fill(&mut pcm), 0);
    }

    #[test]
    fn texts_that_are_no_tone_are_refused() {
        for text in ["", ",", "x", "1+2+3+4", "5000", "440/", "440/999999999", "440@5", "440*", "-3"] {
            assert!(Tone::parse(text).is_err(), "{text}");
        }
        assert_eq!(Tone::parse(&"1,".repeat(1000)), Err(ToneError::TooMany));
        assert!(Tone::parse("!350+440/100,0").is_ok_and(|tone| !tone.ends()));
        assert!(Tone::parse("425*25/1000").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}", rounds in 0_usize..4) {
            if let Ok(tone) = Tone::parse(&text) {
                let mut player = tone.player(Rate::Wide);
                let mut pcm = [0; 320];
                for _ in 0..rounds {
                    player.fill(&mut pcm);
                }
            }
        }
    }
}
