//! The variables of one channel: inheritance marks, and the frames of Gosub with their local variables (S12, S13).

use crate::limits;
use std::borrow::Cow;
use std::collections::HashMap;

/// How far a variable goes to channels that this one makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inherit {
    /// Not at all.
    No,
    /// `_NAME`: to the next channel.
    Once,
    /// `__NAME`: to all below.
    All,
}

#[derive(Debug, Clone)]
struct Var {
    value: String,
    inherit: Inherit,
}

/// One Gosub: where it came from and what its local variables hide.
#[derive(Debug, Clone)]
pub(crate) struct Frame<P> {
    pub(crate) back: P,
    hidden: Vec<(String, Option<Var>)>,
    argc: usize,
}

/// A name as it is kept.
pub(crate) fn key(name: &str, folds: bool) -> Cow<'_, str> {
    if folds && name.bytes().any(|b| b.is_ascii_lowercase()) { name.to_ascii_uppercase().into() } else { name.into() }
}

/// All variables of a channel.
#[derive(Debug, Clone)]
pub(crate) struct Vars<P> {
    map: HashMap<String, Var>,
    /// Names ignore case: they are kept in capitals.
    folds: bool,
    frames: Vec<Frame<P>>,
    /// Names and values in the map and hidden in frames.
    bytes: usize,
}

impl<P> Default for Vars<P> {
    fn default() -> Self {
        Vars { map: HashMap::new(), folds: false, frames: Vec::new(), bytes: 0 }
    }
}

/// The name without its inheritance mark.
pub(crate) fn bare(name: &str) -> (&str, Inherit) {
    match name.strip_prefix("__") {
        Some(rest) => (rest, Inherit::All),
        None => match name.strip_prefix('_') {
            Some(rest) => (rest, Inherit::Once),
            None => (name, Inherit::No),
        },
    }
}

impl<P> Vars<P> {
    /// Variables whose names ignore case.
    pub(crate) fn folding(folds: bool) -> Self {
        Vars { folds, ..Vars::default() }
    }

    fn key<'a>(&self, name: &'a str) -> Cow<'a, str> {
        key(name, self.folds)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.map.get(&*self.key(name)).map(|v| v.value.as_str())
    }

    /// Where the innermost Gosub or macro goes back to.
    pub(crate) fn innermost(&self) -> Option<&P> {
        self.frames.last().map(|f| &f.back)
    }

    /// Where all frames go back to, innermost first.
    pub(crate) fn backs(&self) -> impl Iterator<Item = &P> {
        self.frames.iter().rev().map(|frame| &frame.back)
    }

    /// Sets a variable; `false` if there is no room for it.
    pub(crate) fn set(&mut self, name: &str, value: String) -> bool {
        let (name, inherit) = bare(name);
        let name = &*self.key(name);
        if value.len() > limits::VALUE_BYTES || name.len() > limits::VALUE_BYTES {
            return false;
        }
        let old = self.map.get(name).map_or(0, |v| name.len() + v.value.len());
        let bytes = self.bytes - old + name.len() + value.len();
        if bytes > limits::VARIABLE_BYTES || (old == 0 && self.map.len() >= limits::VARIABLES) {
            return false;
        }
        self.bytes = bytes;
        if let Some(var) = self.map.get_mut(name) {
            *var = Var { value, inherit };
            return true;
        }
        self.map.insert(name.to_owned(), Var { value, inherit });
        true
    }

    /// Sets a variable that ends with the innermost Gosub; without one it is an ordinary variable.
    pub(crate) fn set_local(&mut self, name: &str, value: String) -> bool {
        let name = &*self.key(bare(name).0);
        let old = self.map.get(name).cloned();
        let cost = name.len() + old.as_ref().map_or(0, |v| v.value.len());
        if let Some(frame) = self.frames.last_mut()
            && !frame.hidden.iter().any(|(n, _)| n == name)
        {
            if self.bytes + cost > limits::VARIABLE_BYTES || frame.hidden.len() >= limits::VARIABLES {
                return false;
            }
            self.bytes += cost;
            frame.hidden.push((name.to_owned(), old));
        }
        self.set(name, value)
    }

    /// Enters a Gosub; `false` if they nest too deeply.
    pub(crate) fn enter(&mut self, back: P, args: &[String]) -> bool {
        if self.frames.len() >= limits::FRAMES {
            return false;
        }
        let outer = self.frames.last().map_or(0, |f| f.argc);
        self.frames.push(Frame { back, hidden: Vec::new(), argc: args.len() });
        for (i, arg) in args.iter().enumerate() {
            if !self.set_local(&format!("ARG{}", i + 1), arg.clone()) {
                return false;
            }
        }
        // The arguments of the Gosub outside are not those of this one.
        for i in args.len()..outer {
            self.set_local(&format!("ARG{}", i + 1), String::new());
        }
        self.set_local("ARGC", args.len().to_string())
    }

    /// Leaves the innermost Gosub.
    pub(crate) fn leave(&mut self) -> Option<P> {
        let frame = self.frames.pop()?;
        for (name, old) in frame.hidden {
            let size = name.len();
            let gone = match old {
                Some(var) => self.map.insert(name, var),
                None => {
                    self.bytes -= size;
                    self.map.remove(&name)
                }
            };
            // What was hidden is counted already; what hid it goes.
            self.bytes -= gone.map_or(0, |v| size + v.value.len());
        }
        Some(frame.back)
    }

    /// What a channel made by this one gets: names with the mark that remains.
    pub(crate) fn inherited(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = self
            .map
            .iter()
            .filter_map(|(name, var)| match var.inherit {
                Inherit::No => None,
                Inherit::Once => Some((name.clone(), var.value.clone())),
                Inherit::All => Some((format!("__{name}"), var.value.clone())),
            })
            .collect();
        all.sort();
        all
    }

    /// All names with values, sorted.
    pub(crate) fn all(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> = self.map.iter().map(|(n, v)| (n.as_str(), v.value.as_str())).collect();
        all.sort_unstable();
        all
    }

    pub(crate) fn depth(&self) -> usize {
        self.frames.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locals_end_with_their_frame() {
        let mut vars: Vars<u8> = Vars::default();
        assert!(vars.set("A", "1".into()));
        assert!(vars.enter(7, &["x".into(), "y".into()]));
        assert!(vars.set_local("A", "2".into()));
        assert!(vars.enter(8, &["z".into()]));
        assert_eq!((vars.get("ARG1"), vars.get("ARG2"), vars.get("ARGC")), (Some("z"), Some(""), Some("1")));
        assert_eq!(vars.leave(), Some(8));
        assert_eq!((vars.get("ARG1"), vars.get("ARG2"), vars.get("A")), (Some("x"), Some("y"), Some("2")));
        assert_eq!(vars.leave(), Some(7));
        assert_eq!((vars.get("ARG1"), vars.get("A")), (None, Some("1")));
        assert_eq!(vars.leave(), None);
    }

    #[test]
    fn marks_go_down() {
        let mut vars: Vars<u8> = Vars::default();
        for name in ["__DEEP", "_ONE", "NONE"] {
            assert!(vars.set(name, "v".into()));
        }
        let child = vars.inherited();
        assert_eq!(child, [("ONE".into(), "v".into()), ("__DEEP".into(), "v".into())]);
        let mut grandchild: Vars<u8> = Vars::default();
        child.into_iter().for_each(|(n, v)| assert!(grandchild.set(&n, v)));
        assert_eq!(grandchild.inherited(), [("__DEEP".to_owned(), "v".to_owned())]);
    }

    #[test]
    fn bytes_are_counted_to_the_last() {
        let mut vars: Vars<u8> = Vars::default();
        assert!(vars.set("A", "12345".into()));
        let before = vars.bytes;
        assert!(vars.enter(1, &["x".into(), "yy".into()]));
        assert!(vars.set_local("A", "1".into()) && vars.set_local("B", "22".into()) && vars.set("A", "333".into()));
        assert!(vars.enter(2, &["z".into()]));
        assert_eq!((vars.leave(), vars.leave()), (Some(2), Some(1)));
        assert_eq!((vars.bytes, vars.get("A")), (before, Some("12345")));
        let big = "x".repeat(limits::VALUE_BYTES);
        let fitting = (0..).take_while(|i| vars.set(&format!("BIG{i}"), big.clone())).count();
        assert_eq!(fitting, limits::VARIABLE_BYTES / (limits::VALUE_BYTES + 5));
    }

    #[test]
    fn everything_is_bounded() {
        let mut vars: Vars<u8> = Vars::default();
        assert!(!vars.set("A", "x".repeat(limits::VALUE_BYTES + 1)));
        for i in 0..limits::VARIABLES {
            assert!(vars.set(&i.to_string(), String::new()));
        }
        assert!(!vars.set("one more", String::new()));
        assert!((0..limits::FRAMES).all(|_| vars.enter(0, &[]) || vars.depth() > 0));
        assert!(!vars.enter(0, &[]));
    }
}
