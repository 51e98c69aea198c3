//! The prompts inside the program: rendered once from the catalogue in `prompts/`, played without copying.

use media::sound::Sound;
use std::time::Duration;

mod table {
    include!(concat!(env!("OUT_DIR"), "/prompts.rs"));
}

/// Is there such a prompt?
pub(super) fn exists(name: &str) -> bool {
    silence(name).is_some() || bytes(name).is_some()
}

/// The bytes of a prompt, as G.722. Old plans write `Goodbye` for `goodbye`: what is not found as written is tried small.
fn bytes(name: &str) -> Option<&'static [u8]> {
    let exact = |name: &str| {
        let at = table::TABLE.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
        table::TABLE.get(at).map(|(_, bytes)| *bytes)
    };
    exact(name).or_else(|| exact(&name.to_ascii_lowercase()))
}

/// The seconds of `silence/1` to `silence/10`, which are made and not stored.
fn silence(name: &str) -> Option<Duration> {
    let seconds = name.strip_prefix("silence/")?.parse().ok()?;
    (1..=10).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// The prompt itself.
pub(super) fn load(name: &str) -> Option<Sound> {
    if let Some(length) = silence(name) {
        return Sound::silence(length).ok();
    }
    match Sound::from_static("g722", bytes(name)?) {
        Ok(sound) => Some(sound),
        Err(error) => {
            tracing::error!(name, %error, "a prompt of ours is damaged");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_inside_is_found_and_plays() {
        assert!(table::TABLE.is_sorted_by(|a, b| a.0 < b.0));
        for (name, _) in table::TABLE {
            assert!(load(name).is_some_and(|sound| sound.frame_count() > 0), "{name}");
        }
        assert!(load("no-such-prompt").is_none());
        assert!(table::TABLE.len() > 500, "{}", table::TABLE.len());
        assert!(exists("Goodbye") && exists("vm-INBOX") && exists("moh/default"));
    }

    #[test]
    fn silence_is_made() {
        assert_eq!(load("silence/3").map(|sound| sound.duration()), Some(Duration::from_secs(3)));
        for name in ["silence/0", "silence/11", "silence/", "silence/-1", "silence/1/2"] {
            assert!(!exists(name), "{name}");
        }
    }
}
