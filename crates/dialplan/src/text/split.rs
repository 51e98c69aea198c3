//! Cutting a [`Template`] at delimiters that stand in its text, never at those inside values (S9 of the semantics).

use super::{Piece, Template};

/// How arguments are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Brackets, quotes and backslashes protect the delimiter; quotes and backslashes vanish.
    Clean,
    /// They protect, and all characters stay.
    Raw,
    /// Nothing protects.
    Plain,
    /// Round brackets protect, and all characters stay: 1.0 and 1.2.
    Parens,
    /// Round brackets, quotes and backslashes protect; quotes and backslashes vanish: 1.4.
    Quoted,
}

/// A place between two bytes of a template: piece and byte in it.
type At = (usize, usize);

impl Template {
    /// The bytes of the text pieces with their places.
    fn bytes(&self) -> impl DoubleEndedIterator<Item = (At, u8)> + '_ {
        self.pieces.iter().enumerate().flat_map(|(i, piece)| {
            let text: &[u8] = match piece {
                Piece::Text(text) => text.as_bytes(),
                _ => &[],
            };
            text.iter().enumerate().map(move |(j, b)| ((i, j), *b))
        })
    }

    /// Everything from one place to another. Places lie beside ASCII delimiters, so characters stay whole.
    fn cut(&self, from: At, to: At) -> Template {
        let mut pieces = Vec::new();
        for (i, piece) in self.pieces.iter().enumerate() {
            if i < from.0 || i > to.0 {
                continue;
            }
            match piece {
                Piece::Text(text) => {
                    let start = if i == from.0 { from.1 } else { 0 };
                    let end = if i == to.0 { to.1.min(text.len()) } else { text.len() };
                    if let Some(part) = text.get(start..end)
                        && !part.is_empty()
                    {
                        pieces.push(Piece::Text(part.into()));
                    }
                }
                // A value is one step wide: it belongs to the part unless the part ends before it.
                other if i < to.0 => pieces.push(other.clone()),
                _ => {}
            }
        }
        Template { pieces }
    }

    fn end(&self) -> At {
        (self.pieces.len(), 0)
    }

    fn around(&self, at: At) -> (Template, Template) {
        (self.cut((0, 0), at), self.cut((at.0, at.1 + 1), self.end()))
    }

    /// The parts before and after the first such byte in the text.
    pub fn split_once(&self, delimiter: u8) -> Option<(Template, Template)> {
        let at = self.bytes().find(|(_, b)| *b == delimiter)?.0;
        Some(self.around(at))
    }

    /// The parts before and after the last such byte in the text.
    pub fn rsplit_once(&self, delimiter: u8) -> Option<(Template, Template)> {
        let at = self.bytes().rev().find(|(_, b)| *b == delimiter)?.0;
        Some(self.around(at))
    }

    /// The parts before and after the first such byte that is not inside `( )`.
    pub fn find_outside_parens(&self, delimiter: u8) -> Option<(Template, Template)> {
        let mut depth = 0usize;
        for (at, byte) in self.bytes() {
            match byte {
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                b if b == delimiter && depth == 0 => return Some(self.around(at)),
                _ => {}
            }
        }
        None
    }

    /// The arguments. From argument `most` on, the rest stays together as it is written.
    pub fn split(&self, delimiter: u8, how: Split, most: usize) -> Vec<Template> {
        if self.is_empty() {
            return Vec::new();
        }
        if most <= 1 {
            return vec![self.clone()];
        }
        if let [Piece::Text(text)] = self.pieces.as_slice()
            && !text.bytes().any(|b| b == delimiter || b == b'"' || b == b'\\')
        {
            return vec![self.clone()];
        }
        let mut parts = Vec::new();
        let mut current: Vec<Piece> = Vec::new();
        let mut text = Vec::new();
        let (mut parens, mut brackets, mut quoted, mut escaped) = (0usize, 0usize, false, false);
        let clean = matches!(how, Split::Clean | Split::Quoted);
        let sets = matches!(how, Split::Clean | Split::Raw);
        for (i, piece) in self.pieces.iter().enumerate() {
            let Piece::Text(source) = piece else {
                flush(&mut current, &mut text);
                current.push(piece.clone());
                escaped = false;
                continue;
            };
            for (j, byte) in source.bytes().enumerate() {
                if how == Split::Plain {
                    if byte == delimiter {
                        flush(&mut current, &mut text);
                        parts.push(Template { pieces: std::mem::take(&mut current) });
                        if parts.len() + 1 >= most {
                            parts.push(self.cut((i, j + 1), self.end()));
                            return parts;
                        }
                    } else {
                        text.push(byte);
                    }
                    continue;
                }
                if escaped {
                    escaped = false;
                    text.push(byte);
                    continue;
                }
                match byte {
                    b'(' => parens += 1,
                    b')' => parens = parens.saturating_sub(1),
                    b'[' if sets => brackets += 1,
                    b']' if sets => brackets = brackets.saturating_sub(1),
                    b'"' if how != Split::Parens => {
                        quoted = !quoted;
                        if clean {
                            continue;
                        }
                    }
                    b'\\' if how != Split::Parens => {
                        escaped = true;
                        if clean {
                            continue;
                        }
                    }
                    b if b == delimiter && parens == 0 && brackets == 0 && !quoted => {
                        flush(&mut current, &mut text);
                        parts.push(Template { pieces: std::mem::take(&mut current) });
                        if parts.len() + 1 >= most {
                            // The last one takes everything that is left, as it is written.
                            parts.push(self.cut((i, j + 1), self.end()));
                            return parts;
                        }
                        continue;
                    }
                    _ => {}
                }
                text.push(byte);
            }
        }
        flush(&mut current, &mut text);
        parts.push(Template { pieces: current });
        parts
    }

    /// With one ASCII byte of its text instead of another; values stay as they are.
    #[must_use]
    pub fn with_byte(&self, from: u8, to: u8) -> Template {
        let (from, to) = (char::from(from), char::from(to));
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) if text.contains(from) => {
                Piece::Text(text.replace(from, to.encode_utf8(&mut [0; 4])).into())
            }
            other => other.clone(),
        };
        Template { pieces: self.pieces.iter().map(piece).collect() }
    }

    /// Without white space at both ends (that of the text; values keep theirs).
    #[must_use]
    pub fn trim(mut self) -> Template {
        if let Some(Piece::Text(text)) = self.pieces.first_mut() {
            *text = text.trim_start().into();
        }
        if let Some(Piece::Text(text)) = self.pieces.last_mut() {
            *text = text.trim_end().into();
        }
        self.pieces.retain(|p| !matches!(p, Piece::Text(t) if t.is_empty()));
        self
    }
}

fn flush(pieces: &mut Vec<Piece>, text: &mut Vec<u8>) {
    if !text.is_empty() {
        // Only whole ASCII bytes are ever left out, so the rest is still UTF-8.
        pieces.push(Piece::Text(String::from_utf8_lossy(text).into_owned().into()));
        text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, how: Split, expected: &[&str]) {
        let parts = Template::parse(text).0.split(b',', how, 10);
        assert_eq!(parts.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn splits_as_22_does() {
        check("a,b,c", Split::Clean, &["a", "b", "c"]);
        check("\"a,b\",c", Split::Clean, &["a,b", "c"]);
        check("(a,b),c", Split::Clean, &["(a,b)", "c"]);
        check("[a,b],c", Split::Clean, &["[a,b]", "c"]);
        check("a\\,b,c", Split::Clean, &["a,b", "c"]);
        check("{a,b},c", Split::Clean, &["{a", "b}", "c"]);
        check("a\"b,c\"d,e", Split::Clean, &["ab,cd", "e"]);
        check("\"a,b\",c", Split::Raw, &["\"a,b\"", "c"]);
        check("\"a,b\",c", Split::Plain, &["\"a", "b\"", "c"]);
        check(",x,", Split::Clean, &["", "x", ""]);
        check("", Split::Clean, &[]);
    }

    #[test]
    fn values_are_never_cut() {
        check("a${CUT(x,y)},$[1,2]b", Split::Clean, &["a${CUT(x,y)}", "$[1,2]b"]);
        check("${A},${B}", Split::Plain, &["${A}", "${B}"]);
    }

    #[test]
    fn the_last_argument_takes_the_rest() {
        let parts = Template::parse("1,a \"b\",${C},d").0.split(b',', Split::Clean, 2);
        assert_eq!(parts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1", "a \"b\",${C},d"]);
        let parts = Template::parse("1,${C},d").0.split(b',', Split::Clean, 2);
        assert_eq!(parts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1", "${C},d"]);
    }

    #[test]
    fn once_and_trim() {
        let (a, b) = Template::parse(" ${A} ? x:${B} ").0.split_once(b'?').unwrap();
        assert_eq!((a.trim().to_string(), b.trim().to_string()), ("${A}".into(), "x:${B}".into()));
        let (a, b) = Template::parse("F(${A:1}:2):3").0.find_outside_parens(b':').unwrap();
        assert_eq!((a.to_string(), b.to_string()), ("F(${A:1}:2)".into(), "3".into()));
    }
}
