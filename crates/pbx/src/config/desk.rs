//! Objects of the switchboard: parking lots, and the programs that plans may run.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::Destination;

/// `[parking.NAME]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The number that parks whoever is sent there; none: only the plan parks.
    pub number: Option<String>,
    /// Numbers that fetch a parked call.
    pub slots: RangeInclusive<u32>,
    /// Seconds until a parked call that nobody fetched comes back.
    pub seconds: u32,
    /// Class of hold music; none: that of the call.
    pub music: Option<String>,
    /// Seconds that the phone which parked the call rings then; 0: it does not.
    pub call_back: u32,
    /// Where the call goes after that; none: where the plan says.
    pub then: Option<Destination>,
}

/// `[screening]`: callers without caller ID say who they are, and somebody decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screening {
    /// Who hears it and decides: an extension or a group.
    pub ask: Destination,
    /// Seconds that he is rung.
    pub seconds: u32,
    /// Where a caller goes when nobody decides, or when voicemail is decided.
    pub then: Destination,
}

/// `[programs]`: everything is closed where nothing is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs {
    /// The one folder that scripts come from, relative to the home.
    pub folder: Option<String>,
    /// Programs of it that `System` may run, by their file names.
    pub system: BTreeSet<String>,
    /// FastAGI servers, `host:port`.
    pub fastagi: BTreeSet<String>,
    /// Seconds that a script may take.
    pub seconds: u32,
}

impl Lot {
    /// The lot that every exchange has.
    #[must_use]
    pub fn usual() -> Self {
        Self { number: Some("700".to_owned()), slots: 701..=720, seconds: 45, music: None, call_back: 20, then: None }
    }

    /// The numbers of its slots as patterns of the plan, literals without `_`.
    #[must_use]
    pub fn patterns(&self) -> Vec<String> {
        patterns(*self.slots.start(), *self.slots.end())
    }
}

/// Covers a range of numbers with patterns: 701-720 is `_70[1-9]`, `_71X`, `720`.
fn patterns(low: u32, high: u32) -> Vec<String> {
    let mut all = Vec::new();
    let mut at = low;
    while at <= high {
        // The largest block of a power of ten that begins here and fits.
        let mut size = 1_u32;
        while at.is_multiple_of(size * 10) && at + size * 10 - 1 <= high && size < 1000 {
            size *= 10;
        }
        let head = at / size;
        // As many of these blocks as differ in one digit.
        let last = (head / 10 * 10 + 9).min((high + 1) / size - 1);
        let tail = "X".repeat(size.ilog10() as usize);
        let prefix = if head >= 10 { (head / 10).to_string() } else { String::new() };
        all.push(match (head % 10, last % 10) {
            (a, b) if a == b && tail.is_empty() => format!("{prefix}{a}"),
            (a, b) if a == b => format!("_{prefix}{a}{tail}"),
            (0, 9) => format!("_{prefix}X{tail}"),
            (a, b) => format!("_{prefix}[{a}-{b}]{tail}"),
        });
        at = (last + 1) * size;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_a_range_and_nothing_else() {
        assert_eq!(patterns(701, 720), ["_70[1-9]", "_71X", "720"]);
        assert_eq!(patterns(71, 78), ["_7[1-8]"]);
        assert_eq!(patterns(5, 5), ["5"]);
        assert_eq!(patterns(98, 101), ["_9[8-9]", "_10[0-1]"]);
        for (low, high) in [(701, 720), (71, 78), (1, 250), (995, 1013), (700, 799), (3, 3)] {
            let context: String = patterns(low, high).iter().map(|p| format!("exten => {p},1,NoOp()\n")).collect();
            let loaded = dialplan::load::load(
                &[("t".to_owned(), format!("[t]\n{context}"))],
                dialplan::Dialect::Safe,
                &dialplan::load::NoFiles,
            );
            for number in 0..1_100_u32 {
                let found = loaded.program.exists("t", &number.to_string(), "", None);
                assert_eq!(found, (low..=high).contains(&number), "{low}-{high}: {number}");
            }
        }
    }
}
