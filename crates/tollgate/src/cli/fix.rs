//! `tollgate check --fix`: makes the changes that findings call safe, in the owner's own files. The first time a file is
//! changed, what it was stays beside it as `NAME.orig`; `--dry-run` shows the difference and changes nothing.

use super::print::{self, say};
use super::{Check, Common};
use crate::exchange::files::PlanFiles;
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::Home;
use dialplan::load::{Source, fix};
use dialplan::{Choice, Compat, Dialect, load_each};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A change may make the next one visible; more rounds than this are a mistake of ours.
const ROUNDS: usize = 16;

/// The files of a plan and how they are read.
struct Plan {
    folder: PathBuf,
    names: Vec<String>,
    choice: Choice,
    compat: Compat,
}

/// Changes files, or shows what would change.
pub(super) fn run(common: &Common, check: &Check) -> Outcome<()> {
    let plan = plan(common, check)?;
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut changes = 0;
    for _ in 0..ROUNDS {
        let files = PlanFiles::over(&plan.folder, texts.clone());
        let sources: Vec<Source> = files
            .named(&plan.names)?
            .into_iter()
            .map(|(name, text)| Source { name, text, choice: plan.choice, compat: plan.compat })
            .collect();
        let loaded = load_each(&sources, &files);
        let changed = fix::apply(&loaded.findings, &loaded.sources);
        if changed.is_empty() {
            break;
        }
        for (file, (text, count)) in changed {
            changes += count;
            texts.insert(plan.folder.join(loaded.sources.name(file)), text);
        }
    }
    for (path, text) in &texts {
        if check.dry_run {
            let before = std::fs::read_to_string(path).doing(|| format!("read {}", path.display()))?;
            print::text(&difference(path, &before, text));
        } else {
            replace(path, text)?;
            say!("{}: repaired; what it was is in {}.orig", path.display(), path.display());
        }
    }
    if !check.dry_run || texts.is_empty() {
        say!("{changes} changes in {} files", texts.len());
    }
    Ok(())
}

fn plan(common: &Common, check: &Check) -> Outcome<Plan> {
    let of_home = |home: &Home, path: &Path| -> Outcome<Plan> {
        let text = crate::config_file::text_of(path)?;
        let config = crate::config_file::read(&path.display().to_string(), &text).map_err(|b| b.fault())?.config;
        Ok(Plan {
            folder: home.path().to_path_buf(),
            choice: pbx::plan::choice(&config),
            compat: config.dialplan.compat,
            names: config.dialplan.files,
        })
    };
    let bare = |folder: &Path, name: &str| Plan {
        folder: folder.to_path_buf(),
        names: vec![name.to_owned()],
        choice: Choice::Auto(Dialect::V22),
        compat: Compat::default(),
    };
    let Some(path) = &check.place.path else { return of_home(&common.home, &common.home.config()) };
    if path.join("tollgate.toml").is_file() {
        let home = Home::locate(Some(path))?;
        return of_home(&home, &home.config());
    }
    if path.is_dir() {
        return Ok(bare(path, "extensions.conf"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.extension().is_some_and(|ending| ending == "toml") {
        return of_home(&Home::locate(Some(folder))?, path);
    }
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(|name| bare(folder, name)).ok_or_else(|| Fault::unusable("the file has no name"))
}

/// Whole or not at all: a new file beside the old one, then one rename.
fn replace(path: &Path, text: &str) -> Outcome<()> {
    let beside = |ending: &str| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        path.with_file_name(name)
    };
    let original = beside(".orig");
    if !original.exists() {
        std::fs::copy(path, &original).doing(|| format!("keep {}", original.display()))?;
    }
    let new = beside(".tollgate-new");
    let doing = || format!("write {}", path.display());
    let rights = std::fs::metadata(path).doing(doing)?.permissions();
    let mut file = std::fs::File::create(&new).doing(doing)?;
    file.set_permissions(rights).doing(doing)?;
    file.write_all(text.as_bytes()).doing(doing)?;
    file.sync_all().doing(doing)?;
    std::fs::rename(&new, path).doing(doing)
}

/// Lines that change, as `diff -U0` shows them; a change never adds or takes away a line.
fn difference(path: &Path, before: &str, after: &str) -> String {
    let name = path.display();
    let mut out = format!("--- {name}\n+++ {name}\n");
    for (number, (old, new)) in (1u32..).zip(before.lines().zip(after.lines())) {
        if old != new {
            out += &format!("@@ -{number} +{number} @@\n-{old}\n+{new}\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_original_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("extensions.conf");
        std::fs::write(&path, "one\n").unwrap();
        replace(&path, "two\n").unwrap();
        replace(&path, "three\n").unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!((read("extensions.conf"), read("extensions.conf.orig")), ("three\n".into(), "one\n".into()));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_difference_shows_changed_lines_only() {
        let shown = difference(Path::new("x"), "a\nb\nc\n", "a\nB\nc\n");
        assert_eq!(shown, "--- x\n+++ x\n@@ -2 +2 @@\n-b\n+B\n");
    }
}
