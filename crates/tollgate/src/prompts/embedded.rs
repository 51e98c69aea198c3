//! The prompts inside the program: rendered once from the catalogue in `prompts/`, played without copying.

use media::sound::Sound;

mod table {
    include!(concat!(env!("OUT_DIR"), "/prompts.rs"));
}

/// The bytes of a prompt, as G.722.
pub(super) fn bytes(name: &str) -> Option<&'static [u8]> {
    let at = table::TABLE.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    table::TABLE.get(at).map(|(_, bytes)| *bytes)
}

/// The prompt itself.
pub(super) fn load(name: &str) -> Option<Sound> {
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
    }
}
