//! The session description in a body: the body itself, or the one part of several that is it (RFC 5621).
//!
//! Parts are looked at one level deep and few at a time; what cannot be cut into parts has no description.

use bytes::Bytes;

use crate::limits;

const SDP: &str = "application/sdp";

/// Type and parameters of a Content-Type or Content-Disposition: the word in lower case, then `name=value` in turn.
struct Kind {
    word: String,
    params: Vec<(String, String)>,
}

impl Kind {
    fn read(value: &str) -> Self {
        let mut fields = split_quoted(value).into_iter();
        let word = fields.next().unwrap_or_default().trim().to_ascii_lowercase();
        let params = fields
            .filter_map(|field| {
                let (name, value) = field.split_once('=')?;
                let value = value.trim();
                let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
                Some((name.trim().to_ascii_lowercase(), bare.to_owned()))
            })
            .collect();
        Self { word, params }
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// At each `;` that stands in no quotes.
fn split_quoted(value: &str) -> Vec<&str> {
    let (mut fields, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                fields.extend(value.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    fields.extend(value.get(start..));
    fields
}

/// What a body means to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// There is none, or nothing in it concerns the session and nothing in it has to be understood.
    Nothing,
    /// The session description.
    Description(Bytes),
    /// Something that we do not understand and have to, or that cannot be read.
    Foreign,
}

/// Reads a body by its Content-Type and Content-Disposition.
pub(crate) fn content(kind: Option<&str>, disposition: Option<&str>, body: &Bytes) -> Content {
    if body.is_empty() {
        return Content::Nothing;
    }
    let kind = Kind::read(kind.unwrap_or_default());
    if kind.word == SDP {
        return if is_session(disposition) { Content::Description(body.clone()) } else { Content::Foreign };
    }
    if !kind.word.starts_with("multipart/") {
        return Content::Foreign;
    }
    let Some(parts) = kind.param("boundary").and_then(|boundary| parts(boundary, body)) else {
        return Content::Foreign;
    };
    let mut found = Vec::new();
    for part in parts {
        // RFC 5621 §8.2 would have every part understood that is not marked as optional. A call to an emergency number
        // brings its location in a part that is not (RFC 6442 §4.2): only what says so itself has to be understood.
        let handling = part.disposition.as_deref().map(Kind::read);
        let required =
            handling.is_some_and(|d| d.param("handling").is_some_and(|h| h.eq_ignore_ascii_case("required")));
        let described = part.kind == SDP && part.plain && is_session(part.disposition.as_deref());
        if described {
            found.push(part.body);
        } else if required {
            return Content::Foreign;
        }
    }
    match (found.len(), kind.word.as_str()) {
        (0, _) => Content::Foreign,
        (1, _) => found.pop().map_or(Content::Foreign, Content::Description),
        // RFC 2046 §5.1.4: of alternatives the last one that we understand is the best.
        (_, "multipart/alternative") => found.pop().map_or(Content::Foreign, Content::Description),
        // Two descriptions of one session: whom should one believe?
        _ => Content::Foreign,
    }
}

/// `session` is what a description means when nothing is said (RFC 3261 §20.11).
fn is_session(disposition: Option<&str>) -> bool {
    disposition.is_none_or(|d| Kind::read(d).word == "session")
}

struct Part {
    kind: String,
    disposition: Option<String>,
    /// Neither compressed nor encoded.
    plain: bool,
    body: Bytes,
}

/// The parts between `--boundary` lines (RFC 2046 §5.1.1), `None` if the body is not built like that.
fn parts(boundary: &str, body: &Bytes) -> Option<Vec<Part>> {
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
    let line = format!("--{boundary}");
    let mut found: Vec<Part> = Vec::new();
    let mut begun: Option<usize> = None;
    let mut from = 0;
    loop {
        let at = from + find(body.get(from..)?, line.as_bytes())?;
        let after = at + line.len();
        // A delimiter stands at the beginning of a line, and nothing but white space follows it in its line.
        let begins = at == 0 || body.get(..at)?.ends_with(b"\r\n");
        let rest = body.get(after..)?;
        let last = rest.starts_with(b"--");
        let tail = if last { rest.get(2..)? } else { rest };
        let end = find(tail, b"\r\n").unwrap_or(tail.len());
        let blank = tail.get(..end)?.iter().all(|b| matches!(b, b' ' | b'\t'));
        if !begins || !blank {
            from = after;
            continue;
        }
        if let Some(begun) = begun {
            if found.len() >= limits::PARTS {
                return None;
            }
            found.push(part(body.slice(begun..at.checked_sub(2)?.max(begun)))?);
        }
        if last {
            return Some(found);
        }
        let next = after + end + 2;
        if next > body.len() {
            return None;
        }
        begun = Some(next);
        // The line break before the next delimiter may be the one that ends this one.
        from = next - 2;
    }
}

fn part(raw: Bytes) -> Option<Part> {
    let (head, start) = match find(&raw, b"\r\n\r\n") {
        _ if raw.starts_with(b"\r\n") => (0, 2),
        Some(at) => (at, at + 4),
        None => return None,
    };
    let head = std::str::from_utf8(raw.get(..head)?).ok()?;
    let mut part =
        Part { kind: "text/plain".to_owned(), disposition: None, plain: true, body: raw.slice(start.min(raw.len())..) };
    for line in head.split("\r\n").take(limits::HEADERS) {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" | "c" => part.kind = Kind::read(value).word,
            "content-disposition" => part.disposition = Some(value.trim().to_owned()),
            "content-encoding" | "e" => part.plain &= value.trim().eq_ignore_ascii_case("identity"),
            "content-transfer-encoding" => {
                let word = value.trim().to_ascii_lowercase();
                part.plain &= matches!(word.as_str(), "binary" | "8bit" | "7bit");
            }
            _ => {}
        }
    }
    Some(part)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V0: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";

    fn read(kind: &str, body: &str) -> Content {
        content(Some(kind), None, &Bytes::copy_from_slice(body.as_bytes()))
    }

    fn is(text: &str) -> Content {
        Content::Description(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn the_description_is_found_among_other_parts() {
        let body = format!(
            "preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b \r\nContent-Type: application/SDP; x=y\r\n\
             Content-Disposition: session;handling=required\r\n\r\n{V0}\r\n--b\r\nContent-Type: application/pidf+xml\r\n\r\n<x/>\r\n--b--\r\nend"
        );
        assert_eq!(read("multipart/mixed;boundary=b", &body), is(V0));
        assert_eq!(read("Multipart/Mixed; boundary=\"b\"", &body), is(V0));
        assert_eq!(read("multipart/mixed;boundary=c", &body), Content::Foreign);
        assert_eq!(read("multipart/mixed", &body), Content::Foreign);
        assert_eq!(read("application/sdp", V0), is(V0));
        assert_eq!(read("text/plain", V0), Content::Foreign);
        assert_eq!(read("text/plain", ""), Content::Nothing);
        assert_eq!(
            content(Some("application/sdp"), Some("early-session"), &Bytes::from_static(b"v=0")),
            Content::Foreign,
            "RFC 3959 is not spoken"
        );
    }

    #[test]
    fn what_has_to_be_understood_and_is_not_is_refused() {
        let part = |disposition: &str| {
            format!(
                "--b\r\nContent-Type: application/sdp\r\n\r\n{V0}\r\n--b\r\nContent-Type: application/isup\r\n\
                 Content-Disposition: signal;{disposition}\r\n\r\n\u{1}\r\n--b--\r\n"
            )
        };
        assert_eq!(read("multipart/mixed;boundary=b", &part("handling=optional")), is(V0));
        assert_eq!(read("multipart/mixed;boundary=b", &part("handling=required")), Content::Foreign);
    }

    #[test]
    fn of_alternatives_the_last_counts_and_two_descriptions_are_one_too_many() {
        let body = format!(
            "--b\r\nContent-Type: application/sdp\r\n\r\nfirst\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{V0}\r\n--b--"
        );
        assert_eq!(read("multipart/alternative;boundary=b", &body), is(V0));
        assert_eq!(read("multipart/mixed;boundary=b", &body), Content::Foreign);
    }

    #[test]
    fn parts_are_counted_and_broken_bodies_have_none() {
        let many = |n: usize| {
            let one = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n";
            format!("{}--b\r\nContent-Type: application/sdp\r\n\r\n{V0}\r\n--b--", one.repeat(n))
        };
        assert_eq!(read("multipart/mixed;boundary=b", &many(limits::PARTS - 1)), is(V0));
        assert_eq!(read("multipart/mixed;boundary=b", &many(limits::PARTS)), Content::Foreign);
        for broken in
            ["--b", "--b\r\n", "--b\r\n--b--", "--b--", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0", "\r\n\r\n"]
        {
            assert_eq!(read("multipart/mixed;boundary=b", broken), Content::Foreign, "{broken:?}");
        }
        let packed = format!("--b\r\nContent-Type: application/sdp\r\nContent-Encoding: gzip\r\n\r\n{V0}\r\n--b--");
        assert_eq!(read("multipart/mixed;boundary=b", &packed), Content::Foreign);
    }
}
