//! The plan's database (`DB(family/key)`): small texts that outlive calls. Kept in memory, written behind to a [`Keeper`].
//!
//! Everything in it may have come from a caller, so keys, values and rows are bounded ([`limits`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits;

/// Where rows outlive the exchange.
pub trait Keeper: Send + Sync {
    /// A row has this value now; `None`: it is gone.
    fn keep(&self, key: &str, value: Option<&str>);
}

/// All rows.
#[derive(Default)]
pub struct Database {
    rows: Mutex<Rows>,
    keeper: Option<Arc<dyn Keeper>>,
}

#[derive(Default)]
struct Rows {
    map: BTreeMap<String, String>,
    bytes: usize,
}

/// Why a row was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// The name is empty, or longer than [`limits::DB_KEY`].
    #[error("a name is family/key, at most {} bytes", limits::DB_KEY)]
    Key,
    /// The value is longer than [`limits::DB_VALUE`].
    #[error("a value has at most {} bytes", limits::DB_VALUE)]
    Value,
    /// All rows, or all their bytes, are taken.
    #[error("the plan's database is full")]
    Full,
}

/// One spelling for a name: no slashes around it.
fn tidy(key: &str) -> &str {
    key.trim().trim_matches('/')
}

impl Database {
    /// With the rows that were kept, and a keeper for what is to come.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = (String, String)>, keeper: Arc<dyn Keeper>) -> Self {
        let map: BTreeMap<String, String> = rows.into_iter().take(limits::DB_ROWS).collect();
        let bytes = map.iter().map(|(key, value)| key.len() + value.len()).sum();
        Self { rows: Mutex::new(Rows { map, bytes }), keeper: Some(keeper) }
    }

    /// The same rows, kept nowhere.
    #[must_use]
    pub fn copy(&self) -> Self {
        let rows = self.rows();
        Self { rows: Mutex::new(Rows { map: rows.map.clone(), bytes: rows.bytes }), keeper: None }
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of `family/key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        self.rows().map.get(tidy(key)).cloned()
    }

    /// Writes a row.
    ///
    /// # Errors
    /// [`NoRoom`] where it is too long or too many are there.
    pub fn put(&self, key: &str, value: &str) -> Result<(), NoRoom> {
        let key = tidy(key);
        if key.is_empty() || key.len() > limits::DB_KEY || key.contains(char::is_control) {
            return Err(NoRoom::Key);
        }
        if value.len() > limits::DB_VALUE {
            return Err(NoRoom::Value);
        }
        let mut rows = self.rows();
        let old = rows.map.get(key).map(|old| key.len() + old.len());
        let bytes = rows.bytes - old.unwrap_or(0) + key.len() + value.len();
        if bytes > limits::DB_BYTES || (old.is_none() && rows.map.len() >= limits::DB_ROWS) {
            return Err(NoRoom::Full);
        }
        rows.bytes = bytes;
        rows.map.insert(key.to_owned(), value.to_owned());
        self.keep(key, Some(value));
        Ok(())
    }

    /// Deletes a row; whether there was one.
    pub fn delete(&self, key: &str) -> bool {
        let key = tidy(key);
        let mut rows = self.rows();
        let Some(value) = rows.map.remove(key) else { return false };
        rows.bytes -= key.len() + value.len();
        self.keep(key, None);
        true
    }

    /// Deletes a family, or a part of it; how many rows.
    pub fn delete_tree(&self, family: &str) -> usize {
        let family = tidy(family);
        if family.is_empty() {
            return 0;
        }
        let below = format!("{family}/");
        let keys: Vec<String> =
            self.rows().map.keys().filter(|key| *key == family || key.starts_with(&below)).cloned().collect();
        keys.iter().filter(|key| self.delete(key)).count()
    }

    /// The names directly below a family, sorted.
    #[must_use]
    pub fn keys(&self, family: &str) -> Vec<String> {
        let family = tidy(family);
        let below = if family.is_empty() { String::new() } else { format!("{family}/") };
        let rows = self.rows();
        let names = rows.map.keys().filter_map(|key| key.strip_prefix(&below)?.split('/').next());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.dedup();
        names
    }

    /// In the order of the changes: the lock of the rows is held.
    fn keep(&self, key: &str, value: Option<&str>) {
        if let Some(keeper) = &self.keeper {
            keeper.keep(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_read_and_deleted() {
        let db = Database::default();
        assert_eq!(db.put("cidname/204", "Ann"), Ok(()));
        assert_eq!(db.put("/cidname/205/", "Bob"), Ok(()));
        assert_eq!(db.put("cid", "x"), Ok(()));
        assert_eq!(db.get("cidname/205").as_deref(), Some("Bob"));
        assert_eq!(db.keys("cidname"), ["204", "205"]);
        assert_eq!(db.keys(""), ["cid", "cidname"]);
        assert!(db.delete("cidname/204") && !db.delete("cidname/204"));
        assert_eq!(db.delete_tree("cidname"), 1);
        assert_eq!(db.delete_tree(""), 0, "everything is no family");
        assert_eq!(db.get("cid").as_deref(), Some("x"));
    }

    #[test]
    fn a_caller_cannot_fill_it_beyond_its_bounds() {
        let db = Database::default();
        assert_eq!(db.put("", "x"), Err(NoRoom::Key));
        assert_eq!(db.put("a\nb", "x"), Err(NoRoom::Key));
        assert_eq!(db.put(&"k".repeat(limits::DB_KEY + 1), "x"), Err(NoRoom::Key));
        assert_eq!(db.put("k", &"x".repeat(limits::DB_VALUE + 1)), Err(NoRoom::Value));
        let big = "x".repeat(limits::DB_VALUE);
        let fitting = (0..).take_while(|n| db.put(&format!("k{n:06}"), &big).is_ok()).count();
        assert_eq!(fitting, limits::DB_BYTES / (limits::DB_VALUE + 7));
        assert_eq!(db.put("k000000", "small"), Ok(()), "what is there may change");
        let db = Database::default();
        let fitting = (0..=limits::DB_ROWS).take_while(|n| db.put(&n.to_string(), "").is_ok()).count();
        assert_eq!(fitting, limits::DB_ROWS);
    }
}
