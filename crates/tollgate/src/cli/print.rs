//! Tables and JSON on standard output.

use serde_json::Value;
use std::fmt::Arguments;
use std::io::Write as _;

/// `println!` that minds a reader who has gone away (`tollgate calls | head`): then there is nobody to tell.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::print::line(format_args!($($text)*)) };
}
pub(super) use say;

/// One line on standard output.
pub(super) fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Text as it stands on standard output. An exchange goes on when nobody reads what it says.
pub(super) fn text(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Prints rows under a head, columns as wide as they need to be.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    row(&head.map(str::to_owned), &widths);
    for row in rows {
        self::row(row, &widths);
    }
}

fn row(cells: &[String], widths: &[usize]) {
    let mut out = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        out.push_str(&clean(cell));
        out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
    }
    say!("{}", out.trim_end());
}

/// Strangers write caller names; their control characters shall not reach the terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The same for a text of several lines.
pub(super) fn lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// One JSON value.
pub(super) fn json(value: &Value) {
    say!("{value:#}");
}
