//! The known name that somebody probably meant.

/// The nearest of the names, if it is near enough: a third of its letters may differ.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.chars().take(40).map(|c| c.to_ascii_lowercase()).collect();
    known
        .map(|candidate| (distance(&wanted, candidate), candidate))
        .filter(|(d, candidate)| *d <= candidate.len().max(3) / 3)
        .min_by_key(|(d, _)| *d)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let at = |row: &[usize], i: usize| row.get(i).copied().unwrap_or(usize::MAX / 2);
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    at(&row, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["Playback", "Background", "Dial", "Goto", "Read"];
        for (name, expected) in
            [("Playbak", Some("Playback")), ("Gtoo", Some("Goto")), ("dail", Some("Dial")), ("Quux", None)]
        {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
    }
}
