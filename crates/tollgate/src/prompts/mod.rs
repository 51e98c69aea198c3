//! Where prompts come from: the owner's sound folders first, then Asterisk's where they are installed, then those inside the program.
//! What was found is kept while somebody hears it, and for a while after. Next: `folder` and `embedded`.

mod embedded;
mod folder;

use crate::limits::{SOUND_CACHE, SOUND_MISSES};
use media::codec::Codec;
use media::sound::Sound;
use pbx::sounds::Sounds;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The prompts of the exchange.
#[derive(Debug)]
pub(crate) struct Prompts {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    folders: Vec<PathBuf>,
    kept: BTreeMap<String, Kept>,
    bytes: usize,
    missing: BTreeSet<String>,
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    sound: Arc<Sound>,
    bytes: usize,
    used: u64,
}

/// Asterisk's folder, with one folder per language in it; used by itself where its sounds are installed.
const ASTERISK: &str = "/usr/share/asterisk/sounds";

/// The folders to search, best first: the owner's, then Asterisk's.
pub(crate) fn folders(own: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let installed = PathBuf::from(ASTERISK);
    let installed = installed.is_dir().then_some(installed);
    own.into_iter().chain(installed).collect()
}

impl Prompts {
    /// Prompts from these folders, and from inside the program.
    pub(crate) fn new(folders: Vec<PathBuf>) -> Self {
        Self {
            state: Mutex::new(State { folders, kept: BTreeMap::new(), bytes: 0, missing: BTreeSet::new(), clock: 0 }),
        }
    }

    /// Search these folders from now on, and forget what was found before.
    pub(crate) fn set_folders(&self, folders: Vec<PathBuf>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.folders = folders;
        state.kept.clear();
        state.missing.clear();
        state.bytes = 0;
    }

    /// Is there such a prompt? Reads no sound.
    pub(crate) fn exists(&self, name: &str, language: &str) -> bool {
        let folders = self.state.lock().unwrap_or_else(PoisonError::into_inner).folders.clone();
        candidates(name, language).iter().any(|candidate| {
            folders.iter().any(|folder| folder::path(folder, candidate).is_some()) || embedded::exists(candidate)
        })
    }

    /// Loads prompts ahead of the first call and encodes them for the codecs nearly every caller has, so that no media thread
    /// spends its time on it.
    pub(crate) fn warm<'a>(&self, names: impl IntoIterator<Item = &'a str>, language: &str) {
        for name in names {
            if let Some(sound) = self.find(name, language) {
                let _ = (sound.frames(Codec::Pcmu).len(), sound.frames(Codec::Pcma).len());
            }
        }
    }
}

impl State {
    fn keep(&mut self, key: &str, sound: &Arc<Sound>) {
        // Linear samples and two encodings: about 1 kB for each 20 ms.
        let bytes = sound.frame_count().saturating_mul(1024);
        self.clock += 1;
        let used = self.clock;
        let kept = Kept { sound: Arc::clone(sound), bytes, used };
        if let Some(old) = self.kept.insert(key.to_owned(), kept) {
            self.bytes = self.bytes.saturating_sub(old.bytes);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        while self.bytes > SOUND_CACHE {
            let idle =
                self.kept.iter().filter(|(other, kept)| other.as_str() != key && Arc::strong_count(&kept.sound) == 1);
            let Some(oldest) = idle.min_by_key(|(_, kept)| kept.used).map(|(other, _)| other.clone()) else {
                break;
            };
            if let Some(gone) = self.kept.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(gone.bytes);
            }
        }
    }
}

impl Sounds for Prompts {
    fn find(&self, name: &str, language: &str) -> Option<Arc<Sound>> {
        let key = format!("{language}\n{name}");
        let folders = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.clock += 1;
            let now = state.clock;
            if let Some(kept) = state.kept.get_mut(&key) {
                kept.used = now;
                return Some(Arc::clone(&kept.sound));
            }
            if state.missing.contains(&key) {
                return None;
            }
            state.folders.clone()
        };
        let names = candidates(name, language);
        // A folder's voice is not mixed with ours where it has the sound in any language that will do.
        let found = names
            .iter()
            .find_map(|name| folders.iter().find_map(|folder| folder::load(folder, name)))
            .or_else(|| names.iter().find_map(|name| embedded::load(name)))
            .map(Arc::new);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(sound) => state.keep(&key, sound),
            None => {
                if state.missing.len() >= SOUND_MISSES {
                    state.missing.clear();
                }
                state.missing.insert(key);
            }
        }
        found
    }
}

/// The names to try in turn below a folder: with the language, its main part, without any, in English. Empty for a name that is no
/// plain path: `..`, hidden files and control characters lead nowhere.
fn candidates(name: &str, language: &str) -> Vec<String> {
    let plain = |text: &str| {
        text.len() <= 200
            && text.split('/').all(|part| {
                !part.is_empty() && !part.starts_with('.') && !part.chars().any(|c| c.is_control() || c == '\\')
            })
    };
    let relative = ["/var/lib/asterisk/sounds/", "/usr/share/asterisk/sounds/"]
        .iter()
        .find_map(|folder| name.strip_prefix(folder))
        .unwrap_or(name);
    if !plain(relative) {
        return Vec::new();
    }
    let mut tried = Vec::new();
    let main = language.split(['_', '-']).next().unwrap_or_default();
    for folder in [language, main] {
        if !folder.contains('/') && plain(folder) {
            tried.push(format!("{folder}/{relative}"));
        }
    }
    tried.push(relative.to_owned());
    tried.push(format!("en/{relative}"));
    tried.dedup();
    tried
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder() -> (tempfile::TempDir, Prompts) {
        let dir = tempfile::tempdir().unwrap();
        let sounds = dir.path().join("sounds");
        fs::create_dir_all(sounds.join("en/digits")).unwrap();
        fs::create_dir_all(sounds.join("de")).unwrap();
        fs::write(sounds.join("en/digits/1.ulaw"), [0x7f; 320]).unwrap();
        fs::write(sounds.join("en/hello.gsm"), [0xd0; 66]).unwrap();
        fs::write(sounds.join("de/hello.ulaw"), [0x7f; 1600]).unwrap();
        fs::write(dir.path().join("outside.ulaw"), [0x7f; 320]).unwrap();
        (dir, Prompts::new(vec![sounds]))
    }

    #[test]
    fn a_sound_is_found_by_language_then_in_english() {
        let (_dir, prompts) = folder();
        let frames = |name: &str, language: &str| prompts.find(name, language).map(|sound| sound.frame_count());
        assert_eq!(frames("digits/1", "en"), Some(2));
        assert_eq!(frames("hello", "de_AT"), Some(10));
        assert_eq!(frames("hello", "fr"), Some(2));
        assert_eq!(frames("digits/1", "de"), Some(2));
        assert_eq!(frames("digits/2-nowhere", "en"), None);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let (dir, prompts) = folder();
        let outside = dir.path().join("outside").display().to_string();
        for name in ["../outside", "digits/../../outside", &outside, "/etc/passwd", "", ".", "a\0b", "en//x"] {
            assert!(prompts.find(name, "en").is_none(), "{name:?}");
            assert!(!prompts.exists(name, "en"), "{name:?}");
        }
        assert!(prompts.find("outside", "..").is_none());
    }

    #[test]
    fn everybody_shares_one_sound_and_the_rest_is_bounded() {
        let (_dir, prompts) = folder();
        let first = prompts.find("hello", "de").unwrap();
        assert!(Arc::ptr_eq(&first, &prompts.find("hello", "de").unwrap()));
        let long = Arc::new(Sound::silence(std::time::Duration::from_secs(60)).unwrap());
        let mut state = prompts.state.lock().unwrap();
        for index in 0..20 {
            state.keep(&format!("k{index}"), &Arc::new(Sound::silence(long.duration()).unwrap()));
        }
        assert!(state.bytes <= SOUND_CACHE);
        assert!(state.kept.contains_key("de\nhello"), "what somebody hears is kept");
    }
}
