//! A folder of sounds as Asterisk keeps them: a name without ending, below it one file for each format.

use crate::limits::SOUND_FILE;
use media::sound::{EXTENSIONS, Sound};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The best file for a name that [`super::candidates`] has let through.
pub(super) fn path(folder: &Path, name: &str) -> Option<PathBuf> {
    EXTENSIONS.iter().find_map(|ending| {
        let path = folder.join(format!("{name}.{ending}"));
        path.is_file().then_some(path)
    })
}

/// Reads it.
pub(super) fn load(folder: &Path, name: &str) -> Option<Sound> {
    let path = path(folder, name)?;
    let ending = path.extension()?.to_str()?;
    match read(&path)
        .map_err(|error| error.to_string())
        .and_then(|bytes| Sound::from_file(ending, &bytes).map_err(|error| error.to_string()))
    {
        Ok(sound) => Some(sound),
        Err(error) => {
            tracing::warn!(path = %path.display(), error, "a sound file cannot be played");
            None
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(SOUND_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_file_is_read_up_to_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.ulaw");
        let bound = usize::try_from(SOUND_FILE).unwrap();
        std::fs::write(&path, vec![0xFF; bound + 1_000]).unwrap();
        assert_eq!(read(&path).unwrap().len(), bound);
    }
}
