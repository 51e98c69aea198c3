//! `STRFTIME`.

use super::{Args, nth};
use crate::eval::{Fault, Scope, leading_number};
use crate::time::CivilTime;
use std::fmt::Write as _;

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `STRFTIME([epoch][,[zone][,format]])`. Zones: the exchange's own (empty) and UTC.
pub(super) fn format(scope: &mut Scope<'_>, args: &Args<'_>) -> Result<String, Fault> {
    let list = args.list(scope, 3)?;
    let now = scope.host.now();
    let zone = nth(&list, 1).trim();
    let offset = if ["UTC", "GMT", "Etc/UTC"].iter().any(|z| z.eq_ignore_ascii_case(zone)) {
        0
    } else {
        if !zone.is_empty() {
            scope.host.note("STRFTIME knows the exchange's own time zone and UTC only");
        }
        now.utc_offset_s
    };
    let epoch = leading_number(nth(&list, 0)).map_or_else(|| now.epoch(), |(n, _)| n);
    // Within some thousand years, so that the arithmetic of dates stays inside its types.
    let time = CivilTime::from_epoch(epoch.clamp(-100_000_000_000, 100_000_000_000), offset);
    let format = nth(&list, 2);
    Ok(written(&time, if format.is_empty() { "%c" } else { format }))
}

fn written(time: &CivilTime, format: &str) -> String {
    let mut out = String::new();
    let mut rest = format.chars();
    let name = |names: &[&'static str], at: u8| names.get(usize::from(at)).copied().unwrap_or_default();
    let day = name(&DAYS, time.weekday);
    let month = name(&MONTHS, time.month.wrapping_sub(1));
    let twelve = match time.hour % 12 {
        0 => 12,
        hour => hour,
    };
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let Some(code) = rest.next() else { break };
        let _ = match code {
            'a' => write!(out, "{}", day.get(..3).unwrap_or_default()),
            'A' => write!(out, "{day}"),
            'b' | 'h' => write!(out, "{}", month.get(..3).unwrap_or_default()),
            'B' => write!(out, "{month}"),
            'c' => write!(out, "{}", written(time, "%a %b %e %H:%M:%S %Y")),
            'C' => write!(out, "{:02}", time.year / 100),
            'd' => write!(out, "{:02}", time.day),
            'D' | 'x' => write!(out, "{}", written(time, "%m/%d/%y")),
            'e' => write!(out, "{:2}", time.day),
            'F' => write!(out, "{}", written(time, "%Y-%m-%d")),
            'H' => write!(out, "{:02}", time.hour),
            'I' => write!(out, "{twelve:02}"),
            'j' => write!(out, "{:03}", time.day_of_year()),
            'k' => write!(out, "{:2}", time.hour),
            'l' => write!(out, "{twelve:2}"),
            'm' => write!(out, "{:02}", time.month),
            'M' => write!(out, "{:02}", time.minute),
            'n' => writeln!(out),
            'p' => write!(out, "{}", if time.hour < 12 { "AM" } else { "PM" }),
            'P' => write!(out, "{}", if time.hour < 12 { "am" } else { "pm" }),
            'r' => write!(out, "{}", written(time, "%I:%M:%S %p")),
            'R' => write!(out, "{:02}:{:02}", time.hour, time.minute),
            's' => write!(out, "{}", time.epoch()),
            'S' => write!(out, "{:02}", time.second),
            't' => write!(out, "\t"),
            'T' | 'X' => write!(out, "{}", written(time, "%H:%M:%S")),
            'u' => write!(out, "{}", if time.weekday == 0 { 7 } else { time.weekday }),
            'w' => write!(out, "{}", time.weekday),
            'y' => write!(out, "{:02}", time.year.rem_euclid(100)),
            'Y' => write!(out, "{}", time.year),
            'z' => {
                let minutes = time.utc_offset_s.abs() / 60;
                let sign = if time.utc_offset_s < 0 { '-' } else { '+' };
                write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
            }
            'Z' if time.utc_offset_s == 0 => write!(out, "UTC"),
            'Z' => write!(out, "{}", written(time, "%z")),
            '%' => write!(out, "%"),
            other => write!(out, "%{other}"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let time = CivilTime::from_epoch(1_795_105_800, -18_000);
        assert_eq!(written(&time, "%Y-%m-%d %H:%M:%S %A %j %z %I%p"), "2026-11-19 11:30:00 Thursday 323 -0500 11AM");
        assert_eq!(written(&time, "%c|%Q|%"), "Thu Nov 19 11:30:00 2026|%Q|");
    }
}
