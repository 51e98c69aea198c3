//! Header names and values that we send. A [`Value`] cannot hold a line break, so no text of a
//! peer can become a second header (RFC 3261 §7.3). Next: [`crate::message`] for what we read.

use std::fmt;

use bytes::Bytes;

use crate::limits;

/// A header name; compact forms and letter case are already resolved.
pub use sipx_sip::HeaderName as Name;

/// Headers in the order in which they are sent.
pub type HeaderList = Vec<(Name, Value)>;

/// Why a text cannot be a header value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// It holds CR, LF, NUL or another control character.
    #[error("a control character in a header value")]
    Control,
    /// It is longer than [`limits::HEADER_BYTES`].
    #[error("a header value that is too long")]
    Long,
}

/// A header value without control characters (HTAB is allowed), at most [`limits::HEADER_BYTES`].
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Bytes);

impl Value {
    /// Checks a text.
    ///
    /// # Errors
    /// [`BadValue`] when it holds a control character or is too long.
    pub fn new(text: impl Into<Bytes>) -> Result<Self, BadValue> {
        let bytes: Bytes = text.into();
        if bytes.len() > limits::HEADER_BYTES {
            return Err(BadValue::Long);
        }
        if bytes.iter().any(|&b| is_control(b)) {
            return Err(BadValue::Control);
        }
        Ok(Self(bytes))
    }

    /// Keeps what may stay: control characters become spaces, what is too long is cut at a
    /// character boundary. For text of people (a reason phrase, a caller's name), never for numbers.
    #[must_use]
    pub fn lossy(text: &str) -> Self {
        let mut out = String::with_capacity(text.len().min(limits::HEADER_BYTES));
        for c in text.chars() {
            if out.len() + c.len_utf8() > limits::HEADER_BYTES {
                break;
            }
            out.push(if c.is_control() && c != '\t' { ' ' } else { c });
        }
        Self(Bytes::from(out))
    }

    /// A number.
    #[must_use]
    pub fn number(n: u64) -> Self {
        Self(Bytes::from(n.to_string()))
    }

    /// The bytes as they go out.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// The text, with bytes that are no UTF-8 replaced.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

fn is_control(b: u8) -> bool {
    (b < 0x20 && b != b'\t') || b == 0x7f
}

/// Finds a header name by its text: `name("P-Asserted-Identity")`. `None` if it is no token.
#[must_use]
pub fn name(text: &str) -> Option<Name> {
    is_token(text.as_bytes()).then(|| Name::parse(&Bytes::copy_from_slice(text.as_bytes())))
}

/// RFC 3261 §25.1 `token`.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

/// A quoted-string (RFC 3261 §25.1) with control characters replaced by spaces.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_holds_a_line_break() {
        for bad in ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\x1bb", "\x7f"] {
            assert_eq!(Value::new(bad.to_owned()), Err(BadValue::Control), "{bad:?}");
            assert!(!Value::lossy(bad).as_bytes().iter().any(|&b| is_control(b)));
        }
        assert!(Value::new("tab\tand text").is_ok());
    }

    #[test]
    fn a_value_is_bounded() {
        let long = "x".repeat(limits::HEADER_BYTES + 1);
        assert_eq!(Value::new(long.clone()), Err(BadValue::Long));
        assert_eq!(Value::lossy(&long).as_bytes().len(), limits::HEADER_BYTES);
    }

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quoted("a\"b\\c\r\n"), "\"a\\\"b\\\\c  \"");
    }

    #[test]
    fn names_are_tokens() {
        assert_eq!(name("f"), Some(Name::From));
        assert!(name("X-A").is_some());
        assert!(name("X A").is_none() && name("X:").is_none() && name("").is_none());
    }
}
