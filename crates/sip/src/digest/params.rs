//! Reads `Digest name=value, name="value"` of a challenge or an answer, strictly.

use crate::header::is_token;
use crate::limits;

/// The parameters of one Digest header, names in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// `None` when it is no Digest, a name comes twice, or anything is malformed or too long.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        let (scheme, mut rest) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case("digest") || !rest.starts_with([' ', '\t']) {
            return None;
        }
        let mut params: Vec<(String, String)> = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '\t']);
            let (name, tail) = rest.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            let tail = tail.trim_start_matches([' ', '\t']);
            let (text, tail) = if let Some(inner) = tail.strip_prefix('"') {
                unquote(inner)?
            } else {
                let end = tail.find([',', ' ', '\t']).unwrap_or(tail.len());
                let (text, tail) = tail.split_at_checked(end)?;
                if !is_token(text.as_bytes()) {
                    return None;
                }
                (text.to_owned(), tail)
            };
            let repeated = params.iter().any(|(n, _)| *n == name);
            if repeated
                || !is_token(name.as_bytes())
                || params.len() >= 16
                || text.len() > limits::URI_BYTES
                || (name != "uri" && text.len() > limits::DIGEST_FIELD)
            {
                return None;
            }
            params.push((name, text));
            rest = tail.trim_start_matches([' ', '\t']);
            if rest.is_empty() {
                return Some(Self(params));
            }
            rest = rest.strip_prefix(',')?;
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

fn unquote(inner: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, inner.get(at + 1..)?)),
            '\\' => out.push(chars.next()?.1),
            c if c.is_control() => return None,
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quoted_and_bare_values_are_read() {
        let p = Params::parse(r#"digest realm="a, \"b\"" , nc=00000001,qop = auth"#).unwrap();
        assert_eq!(p.get("realm"), Some("a, \"b\""));
        assert_eq!(p.get("nc"), Some("00000001"));
        assert_eq!(p.get("qop"), Some("auth"));
        assert_eq!(p.get("x"), None);
    }

    #[test]
    fn doubtful_ones_are_refused() {
        for bad in [
            "Basic x",
            "Digest",
            "Digest ",
            "Digest a",
            "Digest a=",
            "Digest a=b,",
            "Digest a=b,,c=d",
            "Digest a=\"b",
            "Digest a=b, A=c",
            "Digest a=b c=d",
            "Digestx=y",
            "Digest a b=c",
        ] {
            assert!(Params::parse(bad).is_none(), "{bad}");
        }
        assert!(Params::parse(&format!("Digest nonce=\"{}\"", "x".repeat(limits::DIGEST_FIELD + 1))).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(Digest )?\\PC{0,200}") {
            let _ = Params::parse(&text);
        }
    }
}
