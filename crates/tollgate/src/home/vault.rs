//! Secrets that have to be known in clear (a trunk wants its password, a digest of it is not enough): sealed in the store with a key that
//! stands in a file of its own. Whoever steals a copy of the store alone learns nothing.

use crate::exchange::random;
use crate::fault::{Doing as _, Fault, Outcome};
use crate::home::{Home, write_private};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use std::os::unix::fs::PermissionsExt as _;
use zeroize::Zeroizing;

/// Longest secret; providers give 8 to 64 characters.
pub(crate) const LONGEST: usize = 256;

/// The open vault.
pub(crate) struct Vault(RandomizedNonceKey);

impl Vault {
    /// Opens the vault of a home; its key is made when there is none yet. Needs the home's lock or its running exchange.
    pub(crate) fn open(home: &Home) -> Outcome<Self> {
        let path = home.vault();
        if !path.exists() {
            let dir = path.parent().unwrap_or(home.path());
            std::fs::create_dir_all(dir).doing(|| format!("make the folder {}", dir.display()))?;
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
                .doing(|| format!("close {} to others", dir.display()))?;
            write_private(&path, &random()?)?;
        }
        let mode = std::fs::metadata(&path).doing(|| format!("look at {}", path.display()))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Fault::unusable(format!("{} is open to others ({:o})", path.display(), mode & 0o777))
                .repair(format!("chmod 600 {}, and give the trunks new secrets", path.display())));
        }
        let key = Zeroizing::new(std::fs::read(&path).doing(|| format!("read {}", path.display()))?);
        let wrong = |_| Fault::unusable(format!("{} is no key of a vault", path.display()));
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(wrong)?))
    }

    /// Seals a secret under its name: a row moved to another name cannot be opened there.
    pub(crate) fn seal(&self, name: &str, secret: &str) -> Outcome<Vec<u8>> {
        if secret.is_empty() || secret.len() > LONGEST || secret.chars().any(char::is_control) {
            return Err(Fault::failed(format!("a secret is one line of 1 to {LONGEST} characters")));
        }
        self.seal_text(name, secret)
    }

    /// The same for a longer text of our own.
    pub(crate) fn seal_text(&self, name: &str, text: &str) -> Outcome<Vec<u8>> {
        let mut sealed = text.as_bytes().to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .map_err(|_| Fault::failed("the secret cannot be sealed"))?;
        let mut row = nonce.as_ref().to_vec();
        row.append(&mut sealed);
        Ok(row)
    }

    /// Opens what was sealed under this name.
    pub(crate) fn unseal(&self, name: &str, row: &[u8]) -> Outcome<Zeroizing<String>> {
        let damaged = || {
            Fault::failed(format!("the secret {name} cannot be opened: the key of the home is another one"))
                .repair(format!("tollgate trunk secret {name}"))
        };
        let (nonce, sealed) = row.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let clear = self.0.open_in_place(nonce, Aad::from(name.as_bytes()), &mut buffer).map_err(|_| damaged())?;
        String::from_utf8(clear.to_vec()).map(Zeroizing::new).map_err(|_| damaged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::locate(Some(dir.path())).unwrap();
        (dir, home)
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_same_home_under_the_same_name_only() {
        let (_dir, home) = home();
        let sealed = Vault::open(&home).unwrap().seal("itsp", "hunter2").unwrap();
        assert!(!sealed.windows(7).any(|w| w == b"hunter2"));
        let again = Vault::open(&home).unwrap();
        assert_eq!(again.unseal("itsp", &sealed).unwrap().as_str(), "hunter2");
        assert_ne!(again.seal("itsp", "hunter2").unwrap(), sealed, "never the same twice");
        assert!(again.unseal("other", &sealed).is_err());
        let (_other_dir, other) = self::home();
        assert!(Vault::open(&other).unwrap().unseal("itsp", &sealed).is_err());
        for at in [0, 12, sealed.len() - 1] {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(again.unseal("itsp", &bent).is_err(), "{at}");
        }
        assert!(again.unseal("itsp", b"short").is_err());
    }

    #[test]
    fn its_key_is_nobody_else_s_to_read() {
        let (_dir, home) = home();
        Vault::open(&home).unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.vault()), 0o600);
        std::fs::set_permissions(home.vault(), std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Vault::open(&home).is_err_and(|fault| fault.message.contains("open to others")));
    }

    #[test]
    fn odd_secrets_are_refused() {
        let (_dir, home) = home();
        let vault = Vault::open(&home).unwrap();
        for secret in ["", "two\nlines", &"x".repeat(LONGEST + 1)] {
            assert!(vault.seal("itsp", secret).is_err());
        }
    }
}
