//! Making a home: everything is put together in a folder inside it and then moved into place; what fails on the way leaves nothing behind.

use crate::exchange::random;
use crate::fault::{Doing, Fault, Outcome};
use crate::home::{Home, Lock, State, certificate, write_private};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A home that is being made. Dropped before [`Making::finish`], it takes everything back.
#[derive(Debug)]
pub(crate) struct Making {
    home: Home,
    stage: PathBuf,
    /// Folders and files that were not there before us, oldest first.
    ours: Vec<PathBuf>,
    lock: Option<Lock>,
}

impl Making {
    /// Takes the place, and makes keys and certificate in a folder of its own. `state` is what stood there.
    pub(crate) fn begin(home: &Home, state: State) -> Outcome<Self> {
        let mut ours = Vec::new();
        if state == State::Absent
            && let Err(fault) = make_folders(home.path(), &mut ours)
        {
            take_back(&ours);
            return Err(fault);
        }
        let lock = match home.lock() {
            Ok(lock) => lock,
            Err(fault) => {
                take_back(&ours);
                return Err(fault);
            }
        };
        ours.push(home.lock_file());
        let mut making = Self { home: home.clone(), stage: home.path().join(".making"), ours, lock: Some(lock) };
        making.fill()?;
        Ok(making)
    }

    fn fill(&mut self) -> Outcome<()> {
        // Left by a start that was killed in the middle; the lock says that nobody else is at it.
        if self.stage.exists() {
            fs::remove_dir_all(&self.stage).doing(|| format!("clear {}", self.stage.display()))?;
        }
        make_folder(&self.stage)?;
        if !self.home.path().join("keys").exists() {
            let keys = self.stage.join("keys");
            make_folder(&keys)?;
            write_private(&keys.join("pepper"), &random()?)?;
        }
        if !self.home.path().join("cert").exists() {
            let dir = self.stage.join("cert");
            make_folder(&dir)?;
            certificate::make(&dir, certificate::names())?;
        }
        Ok(())
    }

    /// Where the store is to be made before it moves into place.
    pub(crate) fn store(&self) -> PathBuf {
        self.stage.join("tollgate.db")
    }

    /// The pepper: the home's own, or the one that is being made.
    pub(crate) fn pepper(&self) -> PathBuf {
        let made = self.stage.join("keys").join("pepper");
        if made.exists() { made } else { self.home.pepper() }
    }

    /// Adds the configuration text.
    pub(crate) fn config(&self, text: &str) -> Outcome<()> {
        write_private(&self.stage.join("tollgate.toml"), text.as_bytes())
    }

    /// Moves everything into place, the store last: a home counts as made when its store is there.
    pub(crate) fn finish(mut self) -> Outcome<Lock> {
        for name in ["keys", "cert", "tollgate.toml", "tollgate.db"] {
            let from = self.stage.join(name);
            if !from.exists() {
                continue;
            }
            let to = self.home.path().join(name);
            if to.exists() {
                return Err(Fault::failed(format!("{} has appeared meanwhile", to.display())));
            }
            fs::rename(&from, &to).doing(|| format!("put {} into place", to.display()))?;
            self.ours.push(to);
        }
        let _ = fs::remove_dir_all(&self.stage);
        self.ours.clear();
        self.lock.take().ok_or_else(|| Fault::failed("the home was not locked while it was made"))
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if self.lock.is_some() {
            let _ = fs::remove_dir_all(&self.stage);
            take_back(&self.ours);
        }
    }
}

fn take_back(ours: &[PathBuf]) {
    for path in ours.iter().rev() {
        if path.is_dir() {
            // Folders above the home go only if nobody put anything else there; ours hold what we made alone.
            let _ = fs::remove_dir(path).or_else(|error| {
                let made = path.ends_with("keys") || path.ends_with("cert");
                if made { fs::remove_dir_all(path) } else { Err(error) }
            });
        } else {
            let _ = fs::remove_file(path);
        }
    }
}

fn make_folders(path: &Path, made: &mut Vec<PathBuf>) -> Outcome<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folders(parent, made)?;
    }
    make_folder(path)?;
    made.push(path.to_path_buf());
    Ok(())
}

fn make_folder(path: &Path) -> Outcome<()> {
    DirBuilder::new().mode(0o700).create(path).doing(|| format!("make the folder {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::locate(Some(&dir.path().join("a/b/home"))).unwrap();
        (dir, home)
    }

    #[test]
    fn a_home_that_was_not_finished_leaves_nothing() {
        let (dir, home) = place();
        let making = Making::begin(&home, home.state().unwrap()).unwrap();
        making.config("x = 1").unwrap();
        drop(making);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_finished_home_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, home) = place();
        let making = Making::begin(&home, home.state().unwrap()).unwrap();
        making.config("x = 1").unwrap();
        fs::write(making.store(), b"").unwrap();
        let _lock = making.finish().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(home.path()), 0o700);
        for file in [home.config(), home.pepper(), home.path().join("cert/key.pem")] {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        assert_eq!(home.state().unwrap(), State::Lived);
        assert!(!home.path().join(".making").exists());
    }

    #[test]
    fn somebody_elses_folder_is_refused_and_untouched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("photo.jpg"), b"").unwrap();
        let home = Home::locate(Some(dir.path())).unwrap();
        assert!(home.state().unwrap_err().message.contains("photo.jpg"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_processes_cannot_have_one_home() {
        let (_dir, home) = place();
        let mut made = Vec::new();
        make_folders(home.path(), &mut made).unwrap();
        let first = home.lock().unwrap();
        assert!(home.lock().unwrap_err().message.contains("already using"));
        drop(first);
        assert!(home.lock().is_ok());
    }
}
