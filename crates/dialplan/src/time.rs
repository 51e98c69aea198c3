//! Local time as the plan sees it, and the time conditions of `include`, `GotoIfTime` and `IFTIME`.
//! No clock is read here: the time comes in through [`crate::Host::now`].

use crate::dialect::Dialect;

/// A moment in the exchange's own time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CivilTime {
    /// Year, such as 2026.
    pub year: i32,
    /// Month, 1-12.
    pub month: u8,
    /// Day of the month, 1-31.
    pub day: u8,
    /// Day of the week, 0 = Sunday.
    pub weekday: u8,
    /// Hour, 0-23.
    pub hour: u8,
    /// Minute, 0-59.
    pub minute: u8,
    /// Second, 0-60.
    pub second: u8,
    /// Seconds east of Greenwich.
    pub utc_offset_s: i32,
}

impl CivilTime {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub fn epoch(&self) -> i64 {
        days_from_civil(i64::from(self.year), i64::from(self.month), i64::from(self.day)) * 86_400
            + i64::from(self.hour) * 3_600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
            - i64::from(self.utc_offset_s)
    }

    /// The local time of a moment, with the offset given.
    pub fn from_epoch(epoch: i64, utc_offset_s: i32) -> CivilTime {
        let local = epoch.saturating_add(i64::from(utc_offset_s));
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        CivilTime {
            year: i32::try_from(year).unwrap_or(i32::MAX),
            month: small(month),
            day: small(day),
            weekday: small((days + 4).rem_euclid(7)),
            hour: small(rest / 3_600),
            minute: small(rest / 60 % 60),
            second: small(rest % 60),
            utc_offset_s,
        }
    }

    /// Day of the year, from 1.
    pub(crate) fn day_of_year(&self) -> i64 {
        days_from_civil(i64::from(self.year), i64::from(self.month), i64::from(self.day))
            - days_from_civil(i64::from(self.year), 1, 1)
            + 1
    }
}

fn small(n: i64) -> u8 {
    u8::try_from(n).unwrap_or(0)
}

/// Days since 1970-01-01 in the Gregorian calendar (Howard Hinnant's method).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * m + 2) / 5 + 1)
}

/// A time condition `times,weekdays,days,months`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    text: Box<str>,
    /// Minutes of the day, both ends included; `None`: always.
    minutes: Option<Vec<(u16, u16)>>,
    weekdays: u8,
    days: u32,
    months: u16,
    wrong: Option<Box<str>>,
    dialect: Dialect,
}

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Times {
    /// Parses a condition, separated by commas or `|`. A wrong part makes it never true, see [`Times::wrong`].
    pub fn parse(text: &str) -> Times {
        Times::parse_in(text, Dialect::V22)
    }

    /// The same in a dialect: old ones know only `|`, steps of two minutes and no time zone.
    pub fn parse_in(text: &str, dialect: Dialect) -> Times {
        let separators: &[char] = if dialect.is_old() { &['|'] } else { &[',', '|'] };
        let mut parts = text.split(separators).map(str::trim);
        let mut wrong = None;
        let mut bad = |what: &str, part: &str| {
            wrong.get_or_insert_with(|| format!("{what} \u{201c}{part}\u{201d}").into());
        };
        let hours = parts.next().unwrap_or("*");
        let minutes = match hours {
            "" | "*" => None,
            _ => Some(minutes(hours).unwrap_or_else(|| {
                bad("time", hours);
                Vec::new()
            })),
        };
        let mut mask = |part: Option<&str>, what: &str, read: &dyn Fn(&str) -> Option<u32>, last: u32| {
            let part = part.unwrap_or("*");
            if part.is_empty() || part == "*" {
                return u32::MAX;
            }
            mask(part, read, last).unwrap_or_else(|| {
                bad(what, part);
                0
            })
        };
        let name = |names: &'static [&'static str]| {
            move |text: &str| {
                names
                    .iter()
                    .position(|n| text.get(..3).is_some_and(|t| t.eq_ignore_ascii_case(n)))
                    .and_then(|p| u32::try_from(p).ok())
            }
        };
        let number = |least: u32, most: u32| {
            move |text: &str| text.parse::<u32>().ok().filter(|n| (least..=most).contains(n)).map(|n| n - least)
        };
        let weekday = name(&WEEKDAYS);
        let weekdays = mask(parts.next(), "weekday", &|t| weekday(t).or_else(|| number(0, 6)(t)), 6);
        let days = mask(parts.next(), "day", &number(1, 31), 30);
        let month = name(&MONTHS);
        let months = mask(parts.next(), "month", &|t| month(t).or_else(|| number(1, 12)(t)), 11);
        Times {
            text: text.into(),
            minutes,
            weekdays: u8::try_from(weekdays & 0x7f).unwrap_or(0),
            days,
            months: u16::try_from(months & 0xfff).unwrap_or(0),
            wrong,
            dialect,
        }
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// By whose rules it is read.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The part that cannot be read, which makes the condition never true.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// Whether a fifth part names a time zone. The exchange has one time zone, so it is not looked at.
    pub fn zone(&self) -> Option<&str> {
        if self.dialect.is_old() {
            return None;
        }
        self.text.split([',', '|']).nth(4).map(str::trim).filter(|z| !z.is_empty())
    }

    /// Whether it is true now.
    pub fn contains(&self, now: &CivilTime) -> bool {
        let slot = if self.dialect.has_two_minute_slots() { 2 } else { 1 };
        let minute = (u16::from(now.hour) * 60 + u16::from(now.minute)) / slot;
        let in_minutes = self.minutes.as_ref().is_none_or(|ranges| {
            ranges.iter().map(|(from, to)| (from / slot, to / slot)).any(|(from, to)| {
                if from <= to { (from..=to).contains(&minute) } else { minute >= from || minute <= to }
            })
        });
        in_minutes
            && self.weekdays & 1u8.checked_shl(u32::from(now.weekday)).unwrap_or(0) != 0
            && self.days & 1u32.checked_shl(u32::from(now.day).wrapping_sub(1)).unwrap_or(0) != 0
            && self.months & 1u16.checked_shl(u32::from(now.month).wrapping_sub(1)).unwrap_or(0) != 0
    }
}

/// `9:00-17:30&20:00-21:00`; a single time is that minute.
fn minutes(text: &str) -> Option<Vec<(u16, u16)>> {
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then(|| hour * 60 + minute)
    };
    text.split('&')
        .map(|range| match range.split_once('-') {
            Some((from, to)) => Some((minute(from)?, minute(to)?)),
            None => minute(range).map(|m| (m, m)),
        })
        .collect()
}

/// Names or numbers from 0 to `last`, joined by `-` (may wrap) and `&`.
fn mask(text: &str, read: &dyn Fn(&str) -> Option<u32>, last: u32) -> Option<u32> {
    let mut mask = 0u32;
    for range in text.split('&') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (mut at, to) = (read(from.trim())?, read(to.trim())?);
        loop {
            mask |= 1u32.checked_shl(at)?;
            if at == to {
                break;
            }
            at = if at >= last { 0 } else { at + 1 };
        }
    }
    Some(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thursday, 11:30.
    fn thursday() -> CivilTime {
        CivilTime { year: 2026, month: 11, day: 19, weekday: 4, hour: 11, minute: 30, second: 0, utc_offset_s: -18_000 }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("*,*,*,*", true),
            ("11:30-11:30,*,*,*", true),
            ("11:00-11:29,*,*,*", false),
            ("22:00-06:00,*,*,*", false),
            ("22:00-12:00,*,*,*", true),
            ("*,fri-mon,*,*", false),
            ("*,mon-fri,*,*", true),
            ("*,thursday,*,*", true),
            ("*,mon&thu,*,*", true),
            ("*,*,19,nov", true),
            ("*,*,25-5,*", false),
            ("*,*,15-5,oct-feb", true),
            ("25:00-26:00,*,*,*", false),
            ("65535:00-17:63,*,*,*", false),
            ("1100:00,*,*,*", false),
            ("*,noday,*,*", false),
            ("9:00-17:00|mon-fri|*|*", true),
            ("11:30", true),
            ("", true),
        ] {
            assert_eq!(Times::parse(text).contains(&thursday()), expected, "{text}");
        }
        let old = |text: &str| Times::parse_in(text, Dialect::V1_2).contains(&thursday());
        assert!(old("11:31-11:31|*|*|*") && old("11:30-11:30") && !old("11:32-11:33") && !old("11:30-11:30,*,*,*"));
        assert!(Times::parse("25:00-26:00,*,*,*").wrong().is_some());
        assert_eq!(Times::parse("*,*,*,*,Europe/Berlin").zone(), Some("Europe/Berlin"));
    }

    #[test]
    fn epoch_and_back() {
        let now = thursday();
        assert_eq!(now.epoch(), 1_795_105_800);
        assert_eq!(CivilTime::from_epoch(now.epoch(), now.utc_offset_s), now);
        assert_eq!(CivilTime::from_epoch(0, 0).weekday, 4);
        assert_eq!(now.day_of_year(), 323);
    }
}
