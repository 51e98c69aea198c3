//! Walks a configuration tree and notes every problem with its path, never stopping at the first.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::Problem;

/// Problems noted so far.
pub(super) type Problems = RefCell<Vec<Problem>>;

/// One table of the tree. [`Table::finish`] reports keys that nobody asked for.
pub(super) struct Table<'a> {
    path: Vec<String>,
    map: Option<&'a Map<String, Value>>,
    known: RefCell<BTreeSet<&'static str>>,
    problems: &'a Problems,
}

impl<'a> Table<'a> {
    pub(super) fn root(tree: &'a Value, problems: &'a Problems) -> Self {
        let this = Self { path: Vec::new(), map: tree.as_object(), known: RefCell::default(), problems };
        if this.map.is_none() {
            this.problem(&[], "a configuration is a table");
        }
        this
    }

    /// Notes a problem below this table.
    pub(super) fn problem(&self, below: &[&str], message: impl Into<String>) {
        let path = self.path.iter().cloned().chain(below.iter().map(|key| (*key).to_owned())).collect();
        self.problems.borrow_mut().push(Problem { path, message: message.into() });
    }

    fn value(&self, key: &'static str) -> Option<&'a Value> {
        self.known.borrow_mut().insert(key);
        self.map?.get(key)
    }

    /// Whether the key is written.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.is_some_and(|map| map.contains_key(key))
    }

    /// The table under a key; an empty one where nothing is written.
    pub(super) fn table(&self, key: &'static str) -> Table<'a> {
        self.below(key, self.value(key))
    }

    /// Every table under a table of named things: `[extension.204]`.
    pub(super) fn named(&self, key: &'static str) -> Vec<(String, Table<'a>)> {
        let all = self.table(key);
        let Some(map) = all.map else { return Vec::new() };
        map.iter().map(|(name, value)| (name.clone(), all.below(name, Some(value)))).collect()
    }

    /// Every table of a list: `[{ … }, { … }]`.
    pub(super) fn rows(&self, key: &'static str) -> Vec<Table<'a>> {
        match self.value(key) {
            None => Vec::new(),
            Some(Value::Array(rows)) => rows.iter().map(|row| self.below(key, Some(row))).collect(),
            Some(_) => {
                self.problem(&[key], "this is a list of tables: [{ … }]");
                Vec::new()
            }
        }
    }

    fn below(&self, key: &str, value: Option<&'a Value>) -> Table<'a> {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        let map = value.and_then(Value::as_object);
        if value.is_some() && map.is_none() {
            self.problem(&[key], format!("this is a table: write [{}]", path.join(".")));
        }
        Table { path, map, known: RefCell::default(), problems: self.problems }
    }

    /// A text, checked by `read`.
    pub(super) fn parse<T>(&self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = self.value(key)?;
        let Some(text) = value.as_str() else {
            self.problem(&[key], format!("a text in quotes, not {value}"));
            return None;
        };
        read(text).map_err(|message| self.problem(&[key], message)).ok()
    }

    /// A whole number within a range.
    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(key)?;
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
        if number.is_none() {
            self.problem(&[key], format!("a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// Any number, checked by `read`.
    pub(super) fn amount<T>(&self, key: &'static str, read: impl Fn(f64) -> Result<T, String>) -> Option<T> {
        let value = self.value(key)?;
        let Some(number) = value.as_f64() else {
            self.problem(&[key], "a number");
            return None;
        };
        read(number).map_err(|message| self.problem(&[key], message)).ok()
    }

    /// Yes or no.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        if !value.is_boolean() {
            self.problem(&[key], "true or false");
        }
        value.as_bool()
    }

    /// A list of texts, each checked by `read`; a single text counts as a list of one.
    pub(super) fn list<T>(&self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let value = self.value(key)?;
        let one = std::slice::from_ref(value);
        let items = value.as_array().map_or(one, Vec::as_slice);
        let mut list = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.as_str().map(&read) {
                Some(Ok(item)) => list.push(item),
                Some(Err(message)) => self.problem(&[key, &index.to_string()], message),
                None => self.problem(&[key, &index.to_string()], format!("a text in quotes, not {item}")),
            }
        }
        Some(list)
    }

    /// A small table of freely named texts, each checked by `read` with its key.
    pub(super) fn texts<T>(
        &self,
        key: &'static str,
        read: impl Fn(&str, &Value) -> Result<T, String>,
    ) -> Option<Vec<(String, T)>> {
        let table = self.table(key);
        let map = table.map?;
        let mut list = Vec::new();
        for (name, value) in map {
            match read(name, value) {
                Ok(item) => list.push((name.clone(), item)),
                Err(message) => table.problem(&[name], message),
            }
        }
        Some(list)
    }

    /// Reports what is written here and means nothing.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for key in self.map.into_iter().flat_map(Map::keys).filter(|key| !known.contains(key.as_str())) {
            let nearest =
                known.iter().min_by_key(|known| distance(known, key)).filter(|known| distance(known, key) <= 3);
            let hint = match nearest {
                Some(nearest) => format!("this key means nothing here; did you mean {nearest:?}?"),
                None => {
                    let all = known.iter().copied().collect::<Vec<_>>().join(", ");
                    format!("this key means nothing here; known are {all}")
                }
            };
            self.problem(&[key], hint);
        }
    }
}

/// Levenshtein distance of two short words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(40).enumerate() {
        let mut before = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let Some(cell) = row.get_mut(j + 1) else { break };
            let here = (before + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            before = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
