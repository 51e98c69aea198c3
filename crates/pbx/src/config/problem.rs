//! What is wrong in a configuration, where, in the owner's words.

use std::fmt;

/// One thing that is wrong; the shell finds file and line of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Keys from the root, e.g. `["extension", "204", "may"]`; a list's element is its index.
    pub path: Vec<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem at a dotted path of plain keys.
    #[must_use]
    pub fn at<const N: usize>(path: [&str; N], message: impl Into<String>) -> Self {
        Self { path: path.iter().map(|key| (*key).to_owned()).collect(), message: message.into() }
    }

    /// The path as one writes it in TOML: `extension.204.may`, `did."+12025550100".to`.
    #[must_use]
    pub fn key(&self) -> String {
        let bare = |key: &String| {
            if !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
                key.clone()
            } else {
                format!("{key:?}")
            }
        };
        self.path.iter().map(bare).collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key(), self.message)
    }
}
