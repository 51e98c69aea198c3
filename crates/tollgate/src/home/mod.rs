//! The home: one folder, 0700 and ours, with the configuration, the store, the keys, the certificate and the control socket.
//! It is made whole or not at all. Next: `make` for the making, `template` for the text a fresh home starts with.

pub(crate) mod certificate;
pub(crate) mod make;
pub(crate) mod template;
pub(crate) mod vault;

use crate::fault::{Doing, Fault, Outcome};
use rustix::fs::FlockOperation;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Beginnings of what a home keeps for itself, by the first part of the path in it.
const PRIVATE: [&str; 6] = ["keys", "voicemail", "cert", "tollgate.", "control.sock", ".making"];

/// Where a home's things are.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
}

/// What stands at the place of a home before we touch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing there.
    Absent,
    /// An empty folder of ours.
    Empty,
    /// A folder of ours with a `tollgate.toml` that somebody wrote, and no store yet.
    Written,
    /// A home that has been started before.
    Lived,
}

impl Home {
    /// The home at `given`, or at the default place: `/var/lib/tollgate` for root, `$XDG_DATA_HOME/tollgate` or `~/.local/share/tollgate` for everybody else.
    pub(crate) fn locate(given: Option<&Path>) -> Outcome<Self> {
        let root = match given {
            Some(path) => path.to_path_buf(),
            None => default_place()?,
        };
        let root = std::path::absolute(&root).doing(|| format!("find {}", root.display()))?;
        Ok(Self { root })
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// The configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("tollgate.toml")
    }

    /// The store.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("tollgate.db")
    }

    /// Messages and greetings: a folder for each mailbox.
    pub(crate) fn voicemail(&self) -> PathBuf {
        self.root.join("voicemail")
    }

    /// The pepper of stored PIN hashes, 32 bytes.
    pub(crate) fn pepper(&self) -> PathBuf {
        self.root.join("keys").join("pepper")
    }

    /// Certificate and key that the configuration names.
    pub(crate) fn tls(&self, named: &pbx::config::Tls) -> (PathBuf, PathBuf) {
        (self.root.join(&named.certificate), self.root.join(&named.key))
    }

    /// The key that trunks' secrets are sealed with, 32 bytes.
    pub(crate) fn vault(&self) -> PathBuf {
        self.root.join("keys").join("vault")
    }

    /// Whether a path leads, by links too, to secrets, messages or the store.
    pub(crate) fn keeps_for_itself(&self, path: &Path) -> bool {
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let real_path = real(path);
        let Ok(inside) = real_path.strip_prefix(real(&self.root)) else { return false };
        let first = inside.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
        first.is_some_and(|first| {
            PRIVATE
                .iter()
                .any(|private| if private.ends_with('.') { first.starts_with(private) } else { first == *private })
        })
    }

    /// The socket of the running exchange.
    pub(crate) fn control(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.root.join("tollgate.lock")
    }

    /// Looks at the place and refuses one that is not ours. Changes nothing.
    pub(crate) fn state(&self) -> Outcome<State> {
        let meta = match fs::symlink_metadata(&self.root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::Absent),
            other => other.doing(|| format!("look at the home {}", self.root.display()))?,
        };
        let meta = if meta.file_type().is_symlink() {
            fs::metadata(&self.root).doing(|| format!("follow the link {}", self.root.display()))?
        } else {
            meta
        };
        let place = self.root.display();
        if !meta.is_dir() {
            return Err(Fault::unusable(format!("{place} is not a folder"))
                .repair("name a folder with --home, or one that does not exist yet"));
        }
        let us = rustix::process::geteuid().as_raw();
        if meta.uid() != us {
            return Err(Fault::unusable(format!(
                "the home {place} belongs to user {}, and tollgate runs as user {us}",
                meta.uid()
            ))
            .repair("run tollgate as its owner, or name another folder with --home"));
        }
        let lived = self.store().exists();
        let written = self.config().exists();
        if lived && !written {
            return Err(Fault::unusable(format!("{place} has a store but no tollgate.toml"))
                .repair("put tollgate.toml back from a backup, or begin afresh in another folder with --home"));
        }
        if lived {
            return Ok(State::Lived);
        }
        if written {
            return Ok(State::Written);
        }
        let mut entries = fs::read_dir(&self.root).doing(|| format!("read the folder {place}"))?;
        // A lock file alone is the trace of a start that was refused: still empty.
        let foreign = entries.find_map(|entry| {
            let name = entry.ok()?.file_name();
            (name != "tollgate.lock" && name != ".making").then_some(name)
        });
        match foreign {
            None => Ok(State::Empty),
            Some(name) => Err(Fault::unusable(format!(
                "{place} is not a home of tollgate: it holds {} and no tollgate.toml",
                Path::new(&name).display()
            ))
            .repair("name an empty folder, or one that does not exist yet, with --home")),
        }
    }

    /// Makes sure that nobody else can look in. Returns true if the folder had been open to others.
    pub(crate) fn close_to_others(&self) -> Outcome<bool> {
        let meta = fs::metadata(&self.root).doing(|| format!("look at {}", self.root.display()))?;
        let open = meta.permissions().mode() & 0o077 != 0;
        if open {
            fs::set_permissions(&self.root, fs::Permissions::from_mode(0o700))
                .doing(|| format!("close {} to others", self.root.display()))?;
        }
        for file in [self.config(), self.store(), self.pepper()] {
            if let Ok(meta) = fs::symlink_metadata(&file)
                && meta.is_file()
                && meta.permissions().mode() & 0o077 != 0
            {
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600))
                    .doing(|| format!("close {} to others", file.display()))?;
            }
        }
        Ok(open)
    }

    /// Takes the home for this process; it is free again when the lock is dropped or the process dies.
    pub(crate) fn lock(&self) -> Outcome<Lock> {
        let path = self.lock_file();
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .doing(|| format!("open {}", path.display()))?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            let holder = holder.trim();
            let who = if holder.is_empty() || !holder.bytes().all(|b| b.is_ascii_digit()) {
                String::new()
            } else {
                format!(" (process {holder})")
            };
            return Err(Fault::failed(format!(
                "another tollgate{who} is already using the home {}",
                self.root.display()
            ))
            .repair("stop it first, or start this one with its own --home"));
        }
        // The number is a help for people only; the lock is the kernel's.
        let _ = file.set_len(0);
        let _ = write!(file, "{}", std::process::id());
        Ok(Lock { file })
    }
}

/// The home is ours while this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

fn default_place() -> Outcome<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/tollgate"));
    }
    if let Some(data) = std::env::var_os("XDG_DATA_HOME").filter(|v| Path::new(v).is_absolute()) {
        return Ok(PathBuf::from(data).join("tollgate"));
    }
    match std::env::var_os("HOME").filter(|v| Path::new(v).is_absolute()) {
        Some(home) => Ok(PathBuf::from(home).join(".local/share/tollgate")),
        None => Err(Fault::unusable("there is no HOME in the environment, so no default place for the home")
            .repair("name a folder with --home")),
    }
}

/// Writes a file that only we can read, whole or not at all: beside it first, then renamed over it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = dir.join(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.doing(|| format!("write {}", path.display()))
}
