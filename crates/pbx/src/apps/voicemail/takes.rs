//! What a caller spoke: whether it is worth keeping, how it is kept.

use media::codec::Rate;
use media::silence::SilenceDetector;
use media::sound::Sound;

use crate::call::recordings::Taken;
use crate::config::Voicemail;

/// A recording that may become a message or a greeting.
#[derive(Debug, Clone)]
pub(super) struct Take {
    pcm: Vec<i16>,
    rate: Rate,
    spoken: bool,
}

impl Take {
    /// With its silent end cut off, and louder by so many decibels. None: nothing at all was heard.
    pub(super) fn of(taken: Taken, gain: i8) -> Option<Self> {
        let rate = taken.rate?;
        let mut pcm = taken.pcm;
        let mut detector = SilenceDetector::new(rate);
        let mut end = pcm.len();
        let mut silent = 0;
        for block in pcm.chunks(rate.samples(10)) {
            silent = rate.samples(u32::try_from(detector.push(block).as_millis()).unwrap_or(u32::MAX));
        }
        let spoken = detector.spoken();
        if spoken {
            // Half a second of breath stays.
            end -= silent.saturating_sub(rate.samples(500)).min(end);
        }
        pcm.truncate(end);
        if gain != 0 {
            let factor = 10_f32.powf(f32::from(gain) / 20.0);
            for sample in &mut pcm {
                #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
                let louder = (f32::from(*sample) * factor) as i16;
                *sample = louder;
            }
        }
        (!pcm.is_empty()).then_some(Self { pcm, rate, spoken })
    }

    /// One spoken piece before another.
    pub(super) fn before(mut self, other: &Sound) -> Self {
        self.pcm.extend_from_slice(&other.pcm(self.rate));
        self
    }

    pub(super) fn milliseconds(&self) -> u32 {
        let ms = self.pcm.len() as u64 * 1_000 / u64::from(self.rate.hz());
        u32::try_from(ms).unwrap_or(u32::MAX)
    }

    /// Whether the owner wants to hear it: long enough, and somebody spoke.
    pub(super) fn is_worth(&self, settings: &Voicemail) -> bool {
        self.milliseconds() >= settings.shortest * 1_000 && (self.spoken || !settings.drop_silent)
    }

    pub(super) fn sound(&self) -> Option<Sound> {
        Sound::from_pcm(self.rate, &self.pcm).ok()
    }

    pub(super) fn wav(&self) -> Vec<u8> {
        media::wav::write(self.rate, &self.pcm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(ms: u32, peak: i16) -> Vec<i16> {
        (0..Rate::Narrow.samples(ms)).map(|n| if n / 8 % 2 == 0 { peak } else { -peak }).collect()
    }

    fn take(parts: &[(u32, i16)], gain: i8) -> Option<Take> {
        let pcm: Vec<i16> = parts.iter().flat_map(|(ms, peak)| tone(*ms, *peak)).collect();
        Take::of(Taken { pcm, rate: Some(Rate::Narrow) }, gain)
    }

    #[test]
    fn silence_and_short_noises_are_not_worth_keeping_unless_the_owner_says_so() {
        let settings = Voicemail { shortest: 2, ..Voicemail::default() };
        let all = Voicemail { shortest: 0, drop_silent: false, ..Voicemail::default() };
        for (parts, worth) in [(&[(3_000, 4_000)][..], true), (&[(1_000, 4_000)], false), (&[(10_000, 0)], false)] {
            let take = take(parts, 0).unwrap();
            assert_eq!(take.is_worth(&settings), worth, "{parts:?}");
            assert!(take.is_worth(&all));
        }
        assert!(take(&[], 0).is_none());
    }

    #[test]
    fn the_silent_end_goes_and_the_beginning_stays() {
        let cut = take(&[(1_000, 0), (2_000, 4_000), (8_000, 0)], 0).unwrap();
        assert!((3_400..=3_600).contains(&cut.milliseconds()), "{}", cut.milliseconds());
        assert_eq!(take(&[(4_000, 0)], 0).unwrap().milliseconds(), 4_000);
    }

    #[test]
    fn gain_is_in_decibels_and_never_wraps() {
        assert_eq!(take(&[(100, 1_000)], 20).unwrap().pcm[0], 10_000);
        assert_eq!(take(&[(100, 20_000)], 20).unwrap().pcm[0], i16::MAX);
        assert_eq!(take(&[(100, 10_000)], -20).unwrap().pcm[0], 1_000);
    }

    #[test]
    fn an_introduction_stands_before_the_message() {
        let message = take(&[(1_000, 4_000)], 0).unwrap().sound().unwrap();
        assert_eq!(take(&[(500, 2_000)], 0).unwrap().before(&message).milliseconds(), 1_500);
    }
}
