//! Every row of the attack list in SECURITY.md stands there once, and every test that a row of that page names exists.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.ends_with("target") {
            files(&path, end, found);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}

/// Names of all functions that stand after these words.
fn functions(folder: &Path, end: &str, word: &str) -> BTreeSet<String> {
    let mut sources = Vec::new();
    files(folder, end, &mut sources);
    let mut all = BTreeSet::new();
    for path in sources {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        for rest in text.split(word).skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            all.insert(format!("{stem}.{name}"));
            all.insert(name);
        }
    }
    all
}

/// What stands between backticks in a cell.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn each_attack_has_a_row_and_each_row_a_test_that_exists() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let (_, list) = page.split_once("## The attack list, row by row").unwrap();
    let outside = functions(&root().join("tests/outside/scenarios"), ".py", "def test_");
    let units = functions(&root().join("crates"), ".rs", "fn ");
    let mut numbers = Vec::new();
    for line in list.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let number: u32 = cells.first().unwrap().trim_start_matches("| ").trim().parse().unwrap();
        numbers.push(number);
        let tests: Vec<&str> = quoted(cells.last().unwrap()).collect();
        assert!(cells.len() == 4 && !tests.is_empty(), "row {number} names no test: {line}");
        for test in tests {
            let known = if test.contains('.') { outside.contains(test) } else { units.contains(test) };
            assert!(known, "row {number}: there is no test {test}");
        }
    }
    assert_eq!(numbers, (1..=55).collect::<Vec<_>>());
}

#[test]
fn the_page_names_only_tests_that_exist() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let outside = functions(&root().join("tests/outside/scenarios"), ".py", "def test_");
    let files: BTreeSet<&str> = outside.iter().filter_map(|name| name.split_once('.').map(|(file, _)| file)).collect();
    let named = page.lines().filter(|line| line.starts_with("| ")).flat_map(quoted);
    let scenario =
        |name: &&str| name.split_once('.').is_some_and(|(file, test)| files.contains(file) && !test.is_empty());
    // A name may be cut off where it is clear: then it begins exactly one test.
    let missing: Vec<&str> = named
        .filter(scenario)
        .filter(|name| !outside.iter().any(|known| known.starts_with(name.trim_end_matches('…'))))
        .collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist: {missing:?}");
}
