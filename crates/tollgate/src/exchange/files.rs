//! Dialplan files on the disk, for the loader that reads none itself: those the configuration names, and what they include.

use crate::exchange::snapshot::plan_text;
use crate::fault::{Fault, Outcome};
use crate::home::Home;
use crate::limits::{DIALPLAN_FILES, DIALPLAN_TEXT};
use dialplan::load::Files;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads plan files below a folder, as many as are allowed together.
#[derive(Debug)]
pub(crate) struct PlanFiles {
    base: PathBuf,
    room: Cell<u64>,
    /// Texts that stand for those on the disk.
    instead: BTreeMap<PathBuf, String>,
    /// The home whose keys, messages and store are no plan.
    home: Option<Home>,
}

impl PlanFiles {
    /// Relative names begin in `base`.
    pub(crate) fn new(base: &Path) -> Self {
        Self::over(base, BTreeMap::new())
    }

    /// The same, with some texts instead of those on the disk.
    pub(crate) fn over(base: &Path, instead: BTreeMap<PathBuf, String>) -> Self {
        Self { base: base.to_path_buf(), room: Cell::new(DIALPLAN_TEXT), instead, home: None }
    }

    /// Those of a home: what it keeps for itself is not read as a plan, for a plan's text is shown and a key's must never be.
    pub(crate) fn of(home: &Home, instead: BTreeMap<PathBuf, String>) -> Self {
        Self { home: Some(home.clone()), ..Self::over(home.path(), instead) }
    }

    /// The files of a list, in order.
    pub(crate) fn named(&self, names: &[String]) -> Outcome<Vec<(String, String)>> {
        names.iter().map(|name| Ok((name.clone(), self.take(&self.base.join(name))?))).collect()
    }

    fn take(&self, path: &Path) -> Outcome<String> {
        if let Some(text) = self.instead.get(path) {
            return Ok(text.clone());
        }
        if self.home.as_ref().is_some_and(|home| home.keeps_for_itself(path)) {
            let fault = format!("{} is no dialplan: the exchange keeps it for itself", path.display());
            return Err(Fault::unusable(fault).repair("name a file of the plan, such as extensions.conf"));
        }
        let text = plan_text(path, self.room.get())?;
        self.room.set(self.room.get().saturating_sub(text.len() as u64));
        Ok(text)
    }
}

impl Files for PlanFiles {
    fn read(&self, include: &str) -> Result<Vec<(String, String)>, String> {
        let path = self.base.join(include);
        let paths = if include.contains(['*', '?']) { matching(&path)? } else { vec![path] };
        let read = |path: PathBuf| {
            let text = self.take(&path).map_err(|fault| fault.message)?;
            let name = path.strip_prefix(&self.base).unwrap_or(&path).display().to_string();
            Ok((name, text))
        };
        paths.into_iter().map(read).collect()
    }
}

/// Files that match a pattern in the last part of a path, in order of their names.
fn matching(path: &Path) -> Result<Vec<PathBuf>, String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let pattern = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if folder.to_string_lossy().contains(['*', '?']) {
        return Err("* and ? may stand in the file's name only, not in that of a folder".to_owned());
    }
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| fits(pattern.as_bytes(), name.as_bytes())))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .take(DIALPLAN_FILES + 1)
        .collect();
    if found.len() > DIALPLAN_FILES {
        return Err(format!("more than {DIALPLAN_FILES} files"));
    }
    found.sort();
    Ok(found)
}

/// `*` is any run of characters, `?` is one. Linear but for the last star.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_plan_is_so_large_and_of_so_many_files() {
        let dir = tempfile::tempdir().unwrap();
        let half = "; \n".repeat(usize::try_from(DIALPLAN_TEXT).unwrap() / 6);
        std::fs::write(dir.path().join("a.conf"), &half).unwrap();
        std::fs::write(dir.path().join("b.conf"), &half).unwrap();
        std::fs::write(dir.path().join("c.conf"), "; one more\n").unwrap();
        let files = PlanFiles::new(dir.path());
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(files.named(&names(&["a.conf", "b.conf"])).is_ok());
        let refused = files.named(&names(&["c.conf"])).unwrap_err();
        assert!(refused.message.contains("too large"), "{}", refused.message);
        let many = tempfile::tempdir().unwrap();
        for n in 0..=DIALPLAN_FILES {
            std::fs::write(many.path().join(format!("{n}.conf")), "").unwrap();
        }
        let files = PlanFiles::new(many.path());
        assert!(files.read("*.conf").unwrap_err().contains("more than"));
        std::fs::remove_file(many.path().join("0.conf")).unwrap();
        assert_eq!(files.read("*.conf").unwrap().len(), DIALPLAN_FILES);
    }

    use std::fs;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        };
        check("*.conf", "extensions.conf", true);
        check("ext*a?.conf", "extensions_ab.conf", true);
        check("*.conf", "extensions.conf.bak", false);
        check("*", "", true);
        check("?", "", false);
        check("a*b*c", "aXbYbZc", true);
    }

    #[test]
    fn what_a_home_keeps_for_itself_is_no_plan() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["keys", "voicemail/204", "cert"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let private =
            ["keys/vault", "voicemail/204/a.wav", "cert/key.pem", "tollgate.db", "tollgate.db-wal", "tollgate.toml"];
        for name in private.into_iter().chain(["keys.conf"]) {
            fs::write(dir.path().join(name), "[x]").unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("keys/vault"), dir.path().join("linked.conf")).unwrap();
        let home = Home::locate(Some(dir.path())).unwrap();
        let files = PlanFiles::of(&home, BTreeMap::new());
        let check = |name: &str| match files.read(name) {
            Ok(_) => panic!("{name} was read"),
            Err(told) => assert!(told.contains("keeps it for itself"), "{name}: {told}"),
        };
        private.into_iter().for_each(check);
        ["linked.conf", "keys/../keys/vault", "keys/*"].into_iter().for_each(check);
        check(&dir.path().join("keys/vault").display().to_string());
        assert!(files.read("keys.conf").is_ok());
    }

    #[test]
    fn includes_come_in_order_and_together_have_a_bound() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", "c.txt"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let files = PlanFiles::new(dir.path());
        let names: Vec<String> = files.read("*.conf").unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.conf", "b.conf"]);
        assert!(files.read("nowhere.conf").is_err());
        files.room.set(3);
        assert!(files.read("a.conf").unwrap_err().contains("too large"));
    }
}
