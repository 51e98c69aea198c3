//! Where prompts come from; the shell implements it with embedded prompts and sound folders.

use std::sync::Arc;

use media::sound::Sound;

/// Finds prompts by their Asterisk name, without ending, below the language's folder.
pub trait Sounds: Send + Sync {
    /// The prompt `name` in `language`, or in the default language, or nothing.
    fn find(&self, name: &str, language: &str) -> Option<Arc<Sound>>;

    /// The hold music of `class`, the sound `moh/CLASS`; falls back to the class `default`.
    fn music(&self, class: &str) -> Option<Arc<Sound>> {
        let own = if class == "default" { None } else { self.find(&format!("moh/{class}"), "en") };
        own.or_else(|| self.find("moh/default", "en"))
    }
}

/// No prompts at all: for runs in which only the way of a call matters.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoSounds;

impl Sounds for NoSounds {
    fn find(&self, _name: &str, _language: &str) -> Option<Arc<Sound>> {
        None
    }
}
