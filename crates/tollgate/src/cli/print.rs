//! Tables and JSON on standard output.

use serde_json::Value;

/// Prints rows under a head, columns as wide as they need to be.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(&head.map(str::to_owned), &widths);
    for row in rows {
        line(row, &widths);
    }
}

fn line(cells: &[String], widths: &[usize]) {
    let mut out = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        out.push_str(&clean(cell));
        out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
    }
    println!("{}", out.trim_end());
}

/// Strangers write caller names; their control characters shall not reach the terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// One JSON value.
pub(super) fn json(value: &Value) {
    println!("{value:#}");
}
