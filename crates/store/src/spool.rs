//! The sound of messages and greetings: one private file each, `MAILBOX/UID.wav` and `MAILBOX/unavail.wav`.
//!
//! A message is first a file beside its place, then on the disk, then in its place, then a row; only then is its caller
//! told. A file carries its message's facts in a chunk of its own, so what a crash left between file and row is taken in
//! at the next start ([`Spool::open`]), once: the row's name is unique. Deleting goes the other way round: marked, file
//! removed, forgotten.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::messages::is_plain;
use crate::{Counts, Error, Fate, Folder, Message, Quota, Store, limits};

/// Name of the chunk that holds the facts.
const CHUNK: &[u8; 4] = b"tgml";

/// What callers hear of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Greeting {
    /// When nobody answers.
    Unavailable,
    /// When the phone is busy.
    Busy,
    /// Before the two others, for the time being.
    Temporary,
    /// The owner's name.
    Name,
}

impl Greeting {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unavailable, Self::Busy, Self::Temporary, Self::Name];

    /// Its file without ending, as in an Asterisk spool.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unavailable => "unavail",
            Self::Busy => "busy",
            Self::Temporary => "temp",
            Self::Name => "greet",
        }
    }
}

/// What a start found in the spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Finished messages whose row was not written yet: they are kept now.
    pub taken_in: u64,
    /// Recordings that were not finished, and deletions that were: removed.
    pub removed: u64,
    /// Rows whose file somebody took away.
    pub lost: u64,
}

/// Files and rows of all mailboxes.
#[derive(Clone)]
pub struct Spool {
    store: Store,
    root: PathBuf,
}

impl Spool {
    /// Makes the folder if it is missing and finishes what a crash left. Not beside a running exchange.
    ///
    /// # Errors
    /// What keeps folder or store from being read or written.
    pub async fn open(store: Store, root: &Path) -> Result<(Self, Swept), Error> {
        let spool = Self::beside(store, root);
        make_folder(root).map_err(|error| told(root, &error))?;
        let swept = spool.sweep().await?;
        Ok((spool, swept))
    }

    /// The same without looking through it: for a command beside a running exchange.
    pub fn beside(store: Store, root: &Path) -> Self {
        Self { store, root: root.to_owned() }
    }

    /// The rows.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps a message: true when file and row are on the disk, false when there is no room for it or it is there already.
    ///
    /// # Errors
    /// What keeps it from the disk ([`Error::Full`] and the like); nothing is left of it then.
    pub async fn keep(&self, mut message: Message, wav: Vec<u8>, quota: Quota) -> Result<bool, Error> {
        if !is_plain(&message.uid) || !is_plain(&message.mailbox) {
            return Err(Error::Invalid("a message needs a plain name and mailbox".to_owned()));
        }
        let facts = serde_json::to_vec(&message).map_err(|error| Error::Invalid(error.to_string()))?;
        let bytes = stamp(wav, &facts);
        message.bytes = bytes.len() as u64;
        let path = self.message_path(&message.mailbox, &message.uid);
        let place = path.clone();
        let written =
            blocking(move || if place.exists() { Ok(false) } else { write_whole(&place, &bytes).map(|()| true) });
        if !written.await? {
            return Ok(false);
        }
        let kept = self.store.add_message(message, quota).await;
        if !matches!(kept, Ok(true)) {
            // The caller is told that it was not kept: it must not come back at the next start.
            blocking(move || remove(&path)).await?;
        }
        kept
    }

    /// Moves or deletes messages of a mailbox; says how many there were to change.
    ///
    /// # Errors
    /// As all writes of the store.
    pub async fn change(&self, mailbox: &str, fates: Vec<(String, Fate)>) -> Result<u64, Error> {
        let gone: Vec<String> =
            fates.iter().filter(|(_, fate)| *fate == Fate::Gone).map(|(uid, _)| uid.clone()).collect();
        let changed = self.store.change_messages(mailbox, fates).await?;
        if !gone.is_empty() {
            let paths: Vec<PathBuf> =
                gone.iter().filter(|uid| is_plain(uid)).map(|uid| self.message_path(mailbox, uid)).collect();
            blocking(move || paths.iter().try_for_each(|path| remove(path))).await?;
            self.store.forget_messages(gone).await?;
        }
        Ok(changed)
    }

    /// The file of a message, at most [`limits::SOUND_FILE`] bytes of it.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn sound(&self, mailbox: &str, uid: &str) -> Result<Vec<u8>, Error> {
        if !is_plain(uid) || !is_plain(mailbox) {
            return Err(Error::Invalid("no such message".to_owned()));
        }
        let path = self.message_path(mailbox, uid);
        blocking(move || read_file(&path)).await
    }

    /// A greeting of a mailbox, if it was recorded.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn greeting(&self, mailbox: &str, greeting: Greeting) -> Result<Option<Vec<u8>>, Error> {
        let Some(path) = self.greeting_path(mailbox, greeting) else { return Ok(None) };
        blocking(move || match read_file(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::Io(_)) if !path.exists() => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Writes a greeting, or removes it (`None`).
    ///
    /// # Errors
    /// What keeps it from the disk; the one before stays then.
    pub async fn set_greeting(&self, mailbox: &str, greeting: Greeting, wav: Option<Vec<u8>>) -> Result<(), Error> {
        let path = self.greeting_path(mailbox, greeting).ok_or_else(|| Error::Invalid("no such mailbox".to_owned()))?;
        blocking(move || match wav {
            Some(wav) => write_whole(&path, &wav),
            None => remove(&path),
        })
        .await
    }

    fn message_path(&self, mailbox: &str, uid: &str) -> PathBuf {
        self.root.join(mailbox).join(format!("{uid}.wav"))
    }

    fn greeting_path(&self, mailbox: &str, greeting: Greeting) -> Option<PathBuf> {
        is_plain(mailbox).then(|| self.root.join(mailbox).join(format!("{}.wav", greeting.word())))
    }

    /// Finishes what a crash left.
    async fn sweep(&self) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let mut rows: BTreeMap<(String, String), bool> = BTreeMap::new();
        for (uid, mailbox, gone) in self.store.known_messages().await? {
            rows.insert((mailbox, uid), gone);
        }
        let root = self.root.clone();
        let found = blocking(move || look(&root)).await?;
        swept.removed += found.unfinished;
        for (mailbox, uid) in found.messages {
            let path = self.message_path(&mailbox, &uid);
            match rows.remove(&(mailbox.clone(), uid.clone())) {
                Some(false) => {}
                Some(true) => {
                    blocking(move || remove(&path)).await?;
                    self.store.forget_messages(vec![uid]).await?;
                    swept.removed += 1;
                }
                None => swept.taken_in += u64::from(self.take_in(&mailbox, &uid, path).await?),
            }
        }
        // What is left of the rows has no file.
        for ((mailbox, uid), gone) in rows {
            if !gone {
                tracing::warn!(mailbox, uid, "the sound of a message is gone; it is no longer listed");
                swept.lost += 1;
                self.store.change_messages(&mailbox, vec![(uid.clone(), Fate::Gone)]).await?;
            }
            self.store.forget_messages(vec![uid]).await?;
        }
        Ok(swept)
    }

    /// A finished file without a row becomes a message; anything else is left alone.
    async fn take_in(&self, mailbox: &str, uid: &str, path: PathBuf) -> Result<bool, Error> {
        let file = path.clone();
        let found = blocking(move || read_file(&file)).await.ok();
        let message = found.and_then(|bytes| Some(Message { bytes: bytes.len() as u64, ..facts_in(&bytes)? }));
        match message {
            Some(message) if message.uid == uid && message.mailbox == mailbox => {
                self.store.add_message(message, Quota::NONE).await
            }
            _ => {
                tracing::warn!(path = %path.display(), "this file in the spool is no message of ours; it is left alone");
                Ok(false)
            }
        }
    }

    /// Counts of every mailbox that has a message, or of one.
    ///
    /// # Errors
    /// What keeps the store from being read.
    pub async fn counts(&self, mailbox: Option<&str>) -> Result<Vec<(String, Counts)>, Error> {
        self.store.message_counts(mailbox).await
    }

    /// Messages of a mailbox, of all (`None`), of one folder or of all.
    ///
    /// # Errors
    /// What keeps the store from being read.
    pub async fn list(&self, mailbox: Option<&str>, folder: Option<Folder>) -> Result<Vec<Message>, Error> {
        self.store.messages(mailbox, folder).await
    }
}

/// What lies in the spool.
#[derive(Default)]
struct Found {
    /// Mailbox and uid of each file that may be a message.
    messages: Vec<(String, String)>,
    /// Unfinished files that were removed.
    unfinished: u64,
}

fn look(root: &Path) -> Result<Found, Error> {
    let mut found = Found::default();
    let io = |error: io::Error| told(root, &error);
    for folder in fs::read_dir(root).map_err(io)?.flatten() {
        let Some(mailbox) = folder.file_name().to_str().filter(|name| is_plain(name)).map(str::to_owned) else {
            continue;
        };
        if !folder.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        for entry in fs::read_dir(folder.path()).map_err(io)?.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(UNFINISHED) {
                fs::remove_file(entry.path()).map_err(io)?;
                found.unfinished += 1;
            } else if let Some(uid) = name.strip_suffix(".wav").filter(|uid| is_plain(uid))
                && Greeting::ALL.iter().all(|greeting| greeting.word() != uid)
            {
                found.messages.push((mailbox.clone(), uid.to_owned()));
            }
        }
    }
    Ok(found)
}

/// Beginning of the name of a file that is still being written.
const UNFINISHED: &str = ".part-";

/// Writes a file that only we can read, whole or not at all, and onto the disk before it returns.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!("{UNFINISHED}{name}"));
    let written = (|| {
        make_folder(folder)?;
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.map_err(|error| told(path, &error))
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(told(path, &error)),
        _ => Ok(()),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limits::SOUND_FILE).read_to_end(&mut bytes));
    read.map_err(|error| told(path, &error))?;
    Ok(bytes)
}

fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            // The folder's own name is to survive a power cut too.
            path.parent().map_or(Ok(()), |above| File::open(above)?.sync_all())
        }
    }
}

fn told(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Error::Full,
        io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly,
        _ => Error::Io(format!("{}: {error}", path.display())),
    }
}

/// Files are read and written where no call has to wait for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Error::Io(error.to_string())))
}

/// Adds the facts to a WAV file as a chunk that players pass over.
fn stamp(mut wav: Vec<u8>, facts: &[u8]) -> Vec<u8> {
    if wav.len() % 2 == 1 {
        wav.push(0);
    }
    wav.extend_from_slice(CHUNK);
    wav.extend_from_slice(&u32::try_from(facts.len()).unwrap_or_default().to_le_bytes());
    wav.extend_from_slice(facts);
    if facts.len() % 2 == 1 {
        wav.push(0);
    }
    let size = u32::try_from(wav.len().saturating_sub(8)).unwrap_or(u32::MAX);
    if let Some(place) = wav.get_mut(4..8) {
        place.copy_from_slice(&size.to_le_bytes());
    }
    wav
}

/// The facts in a WAV file, if it is whole and has them.
fn facts_in(wav: &[u8]) -> Option<Message> {
    let number = |at: usize| Some(u32::from_le_bytes(*wav.get(at..)?.first_chunk()?) as usize);
    let whole = wav.starts_with(b"RIFF") && wav.get(8..12) == Some(b"WAVE") && number(4)?.checked_add(8)? == wav.len();
    if !whole {
        return None;
    }
    let mut at = 12;
    loop {
        let (id, size) = (wav.get(at..at + 4)?, number(at + 4)?);
        let body = wav.get(at + 8..(at + 8).checked_add(size)?)?;
        if id == CHUNK {
            return serde_json::from_slice(body).ok();
        }
        at = (at + 8).checked_add(size.next_multiple_of(2))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mode;

    fn message(uid: &str) -> Message {
        Message {
            uid: uid.to_owned(),
            mailbox: "204".to_owned(),
            folder: Folder::Inbox,
            urgent: false,
            at: 1_000,
            duration: 2_000,
            bytes: 0,
            from: "2025550100".to_owned(),
            from_name: "Ann".to_owned(),
            origin: "stranger:192.0.2.1".to_owned(),
            to: "204".to_owned(),
            call_id: "1-1".to_owned(),
            via: "call".to_owned(),
        }
    }

    fn wav() -> Vec<u8> {
        let mut wav = b"RIFF\0\0\0\0WAVEdata".to_vec();
        wav.extend_from_slice(&4_u32.to_le_bytes());
        wav.extend_from_slice(&[1, 2, 3, 4]);
        wav
    }

    async fn open(dir: &Path) -> (Spool, Swept) {
        let store = Store::open(&dir.join("db"), Mode::Run).await.unwrap();
        Spool::open(store, &dir.join("voicemail")).await.unwrap()
    }

    async fn uids(spool: &Spool) -> Vec<String> {
        spool.list(Some("204"), None).await.unwrap().into_iter().map(|message| message.uid).collect()
    }

    #[tokio::test]
    async fn a_message_comes_back_as_it_was_and_nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = open(dir.path()).await;
        assert!(spool.keep(message("a-1"), wav(), Quota::NONE).await.unwrap());
        let bytes = spool.sound("204", "a-1").await.unwrap();
        assert_eq!(&bytes[8..24], &wav()[8..24]);
        let listed = spool.list(Some("204"), Some(Folder::Inbox)).await.unwrap();
        assert_eq!(listed, [Message { bytes: bytes.len() as u64, ..message("a-1") }]);
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir.path().join("voicemail/204/a-1.wav")), 0o600);
        assert_eq!(mode(dir.path().join("voicemail/204")), 0o700);
        assert_eq!(mode(dir.path().join("voicemail")), 0o700);
    }

    #[tokio::test]
    async fn no_name_leads_out_of_the_spool() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = open(dir.path()).await;
        for name in ["../x", "", "a/b", ".", "a.b", "a\0"] {
            let uid = Message { uid: name.to_owned(), ..message("x") };
            let mailbox = Message { mailbox: name.to_owned(), ..message("x") };
            assert!(spool.keep(uid, wav(), Quota::NONE).await.is_err(), "{name:?}");
            assert!(spool.keep(mailbox, wav(), Quota::NONE).await.is_err(), "{name:?}");
            assert!(spool.sound("204", name).await.is_err() && spool.sound(name, "x").await.is_err());
            assert!(spool.set_greeting(name, Greeting::Busy, Some(wav())).await.is_err());
        }
    }

    /// Every moment at which the power may go: the file is half written, whole without a row, marked as gone, removed.
    #[tokio::test]
    async fn what_a_crash_left_is_finished_once() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join("voicemail/204").join(name);
        {
            let (spool, _) = open(dir.path()).await;
            assert!(spool.keep(message("kept"), wav(), Quota::NONE).await.unwrap());
            assert!(spool.keep(message("marked"), wav(), Quota::NONE).await.unwrap());
            assert!(spool.keep(message("robbed"), wav(), Quota::NONE).await.unwrap());
            spool.store.change_messages("204", vec![("marked".to_owned(), Fate::Gone)]).await.unwrap();
            let whole = stamp(wav(), &serde_json::to_vec(&message("whole")).unwrap());
            fs::write(place("whole.wav"), &whole).unwrap();
            fs::write(place(".part-half.wav"), &whole[..30]).unwrap();
            fs::write(place("foreign.wav"), wav()).unwrap();
            fs::write(place("unavail.wav"), wav()).unwrap();
            fs::remove_file(place("robbed.wav")).unwrap();
            spool.store.close().await.unwrap();
        }
        for (taken_in, removed, lost) in [(1, 2, 1), (0, 0, 0)] {
            let (spool, swept) = open(dir.path()).await;
            assert_eq!(swept, Swept { taken_in, removed, lost });
            assert_eq!(uids(&spool).await, ["kept", "whole"]);
            assert!(place("foreign.wav").exists() && place("unavail.wav").exists() && !place("marked.wav").exists());
            spool.store.close().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_message_that_comes_again_is_kept_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = open(dir.path()).await;
        assert!(spool.keep(message("a"), wav(), Quota::NONE).await.unwrap());
        let before = spool.sound("204", "a").await.unwrap();
        assert!(!spool.keep(message("a"), wav(), Quota::NONE).await.unwrap());
        assert_eq!(spool.sound("204", "a").await.unwrap(), before);
        assert_eq!(uids(&spool).await, ["a"]);
    }

    #[tokio::test]
    async fn what_was_refused_leaves_nothing_and_quotas_hold() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = open(dir.path()).await;
        let two = Quota { messages: 2, ..Quota::NONE };
        for (uid, kept) in [("a", true), ("b", true), ("c", false)] {
            assert_eq!(spool.keep(message(uid), wav(), two).await.unwrap(), kept, "{uid}");
        }
        for quota in [Quota { bytes: 700, ..Quota::NONE }, Quota { all_bytes: 700, ..Quota::NONE }] {
            assert!(!spool.keep(message("d"), wav(), quota).await.unwrap());
        }
        assert_eq!(fs::read_dir(dir.path().join("voicemail/204")).unwrap().count(), 2);
        // A deleted message makes room.
        assert_eq!(spool.change("204", vec![("a".to_owned(), Fate::Gone)]).await.unwrap(), 1);
        assert_eq!(spool.change("204", vec![("a".to_owned(), Fate::Gone)]).await.unwrap(), 0);
        assert!(spool.keep(message("c"), wav(), two).await.unwrap());
        assert_eq!(uids(&spool).await, ["b", "c"]);
    }

    #[tokio::test]
    async fn urgent_ones_come_first_and_folders_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = open(dir.path()).await;
        for (uid, at, urgent) in [("a", 1, false), ("b", 2, false), ("c", 3, true)] {
            assert!(spool.keep(Message { at, urgent, ..message(uid) }, wav(), Quota::NONE).await.unwrap());
        }
        assert_eq!(uids(&spool).await, ["c", "a", "b"]);
        spool.change("204", vec![("a".to_owned(), Fate::Folder(Folder::Work))]).await.unwrap();
        // Somebody else's mailbox has no say.
        assert_eq!(spool.change("200", vec![("b".to_owned(), Fate::Gone)]).await.unwrap(), 0);
        let counts = Counts { folders: [2, 0, 1, 0, 0], urgent: 1 };
        assert_eq!(spool.counts(Some("204")).await.unwrap(), [("204".to_owned(), counts)]);
        assert_eq!(spool.counts(Some("200")).await.unwrap(), []);
    }
}
