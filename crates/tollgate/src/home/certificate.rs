//! The self-signed certificate a fresh home starts with: enough to encrypt, replaced by the owner's own when there is one.

use crate::fault::{Doing, Outcome};
use crate::home::write_private;
use std::path::Path;

/// Makes `certificate.pem` and `key.pem` (0600) for `names` in the folder `dir`.
pub(crate) fn make(dir: &Path, names: Vec<String>) -> Outcome<()> {
    let made = rcgen::generate_simple_self_signed(names).doing(|| "make the self-signed certificate".to_owned())?;
    write_private(&dir.join("key.pem"), made.signing_key.serialize_pem().as_bytes())?;
    write_private(&dir.join("certificate.pem"), made.cert.pem().as_bytes())
}

/// The names a self-signed certificate is for: this machine's, and loopback.
pub(crate) fn names() -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "tollgate.local".to_owned()];
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let usable = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if usable && !names.contains(&host) {
        names.push(host);
    }
    names
}
