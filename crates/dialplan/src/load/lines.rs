//! Files to lines: comments out, includes in, damage of copying and pasting named.

use super::{Files, Findings, Source, allow::Allows, codes, guess};
use crate::dialect::{Choice, Compat, Dialect, Rules};
use crate::limits;
use crate::span::{FileId, SourceMap, Span};

/// One line that means something.
#[derive(Debug, Clone)]
pub(super) struct TextLine {
    /// Without comment and without white space at both ends.
    pub(super) text: String,
    /// Its place; the column is that of its first character.
    pub(super) span: Span,
    /// By which rules it is read.
    pub(super) rules: Rules,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) lines: Vec<TextLine>,
    pub(super) execs: Vec<String>,
    /// The rules of all files, those of the first file first.
    pub(super) rules: Vec<Rules>,
    pub(super) allows: Allows,
}

struct Reader<'a> {
    read: Read,
    includes: &'a dyn Files,
    sources: &'a mut SourceMap,
    findings: &'a mut Findings,
    full: bool,
}

pub(super) fn read(files: &[Source], includes: &dyn Files, sources: &mut SourceMap, findings: &mut Findings) -> Read {
    let mut reader = Reader { read: Read::default(), includes, sources, findings, full: false };
    for file in files {
        reader.file(&file.name, &file.text, file.choice, file.compat, 0);
    }
    reader.read
}

impl Reader<'_> {
    /// The dialect of a file, told where it was found out.
    fn dialect(&mut self, text: &str, choice: Choice, file: FileId) -> Dialect {
        match choice {
            Choice::Is(dialect) => dialect,
            Choice::Auto(otherwise) => match guess::guess(text) {
                Some(found) => {
                    let span = Span { file, line: found.line, col: 1, len: 0 };
                    let message = format!("this file is read in dialect {}: {}", found.dialect, found.why);
                    self.findings.note(codes::DIALECT, span, message);
                    found.dialect
                }
                None => otherwise,
            },
        }
    }

    fn file(&mut self, name: &str, text: &str, choice: Choice, compat: Compat, depth: usize) {
        if self.full {
            return;
        }
        let file = self.sources.add(name, text);
        if self.sources.len() > limits::FILES {
            return self.too_large(Span { file, line: 1, col: 1, len: 0 }, "too many files");
        }
        let mut rules = Rules { dialect: self.dialect(text, choice, file), compat };
        for flag in compat.names() {
            let span = Span { file, line: 1, col: 1, len: 0 };
            self.findings.compat(flag, span);
        }
        self.read.rules.push(rules);
        let mut began = false;
        let mut comment = Comment::default();
        for (number, raw) in (1u32..).zip(text.lines()) {
            let span = Span { file, line: number, col: 1, len: 0 };
            if raw.len() > limits::LINE_BYTES {
                self.findings.error(codes::TOO_LARGE, span, "this line is too long and is not read");
                continue;
            }
            let raw = match raw.strip_prefix('\u{feff}').filter(|_| number == 1) {
                Some(rest) => {
                    self.findings.note(codes::BOM, Span { len: 1, ..span }, "the file begins with a byte order mark");
                    self.findings.fix(true, "\u{feff}", "").repair("save it as UTF-8 without one");
                    rest
                }
                None => raw,
            };
            let without = self.entities(raw, span);
            let raw = without.as_deref().unwrap_or(raw);
            comment.blocks = rules.dialect.has_block_comments();
            let outside = comment.depth == 0;
            let clean = comment.strip(raw, number);
            if outside && raw.contains("tollgate:") {
                match self.read.allows.hear(raw, clean.trim().is_empty(), span, self.findings) {
                    Some(new) => {
                        rules = new;
                        if !began {
                            self.read.rules.pop();
                        }
                        self.read.rules.push(rules);
                        for flag in rules.compat.names() {
                            self.findings.compat(flag, span);
                        }
                    }
                    None if clean.trim().is_empty() => continue,
                    None => {}
                }
            }
            let clean = self.repaired(clean, span);
            let text = clean.trim();
            if text.is_empty() {
                continue;
            }
            began = true;
            self.read.allows.line(span);
            let before = clean.len() - clean.trim_start().len();
            let col = clean.get(..before).map_or(1, |s| s.chars().count() + 1);
            let span = Span { col: u32::try_from(col).unwrap_or(1), len: length(text), ..span };
            if text.starts_with('#') {
                self.directive(text, span, rules, choice, depth);
                if self.full {
                    return;
                }
                continue;
            }
            if self.read.lines.len() >= limits::LINES {
                return self.too_large(span, "too many lines");
            }
            self.read.lines.push(TextLine { text: text.to_owned(), span, rules });
        }
        if let Some(line) = comment.open_since() {
            let span = Span { file, line, col: 1, len: 0 };
            self.findings.warn(codes::COMMENT, span, "this comment never ends, so the rest of the file is not read");
            self.findings.repair("end it with --;");
        }
    }

    fn too_large(&mut self, span: Span, why: &str) {
        self.full = true;
        self.findings.error(codes::TOO_LARGE, span, format!("{why}: what follows is not read"));
    }

    /// Odd spaces become spaces; quotes and dashes of a word processor stay and are told.
    fn repaired(&mut self, line: String, span: Span) -> String {
        if line.is_ascii() {
            return line;
        }
        let column = |c: usize| Span { col: u32::try_from(c + 1).unwrap_or(1), len: 1, ..span };
        let mut found = false;
        for (at, c) in line.chars().enumerate() {
            let Some(plain) = plain(c) else { continue };
            if found {
                // One finding for the line; its repair changes all of them.
                self.findings.fix_at(column(at), c.to_string(), plain);
                continue;
            }
            found = true;
            self.findings.warn(codes::TYPOGRAPHIC, column(at), format!("{c} comes from a word processor"));
            self.findings.fix_at(column(at), c.to_string(), plain).repair(format!("write {plain}"));
        }
        let odd = |c: char| matches!(c, '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{3000}' | '\u{feff}');
        let Some((at, c)) = line.chars().enumerate().find(|(_, c)| odd(*c)) else { return line };
        self.findings.warn(
            codes::SPACE,
            column(at),
            "a space from a web page or word processor; it is read as a space",
        );
        self.findings.fix(false, c.to_string(), " ").repair("write an ordinary space");
        line.chars().map(|c| if odd(c) { ' ' } else { c }).collect()
    }

    /// Characters as web pages spell them; nothing if there are none.
    fn entities(&mut self, raw: &str, span: Span) -> Option<String> {
        const ENTITIES: &[(&str, &str)] = &[
            ("&gt;", ">"),
            ("&lt;", "<"),
            ("&quot;", "\""),
            ("&#34;", "\""),
            ("&#8220;", "\""),
            ("&#8221;", "\""),
            ("&#8216;", "'"),
            ("&#8217;", "'"),
            ("&#39;", "'"),
            ("&nbsp;", " "),
            ("&amp;", "&"),
        ];
        if !raw.contains('&') || raw.trim_start().starts_with(';') {
            return None;
        }
        let mut out = raw.to_owned();
        for (entity, plain) in ENTITIES {
            if let Some(at) = out.find(entity) {
                let col = raw.find(entity).map_or(at, |at| raw.get(..at).map_or(0, |t| t.chars().count()));
                let span = Span { col: u32::try_from(col + 1).unwrap_or(1), len: length(entity), ..span };
                self.findings.warn(codes::ENTITY, span, format!("{entity} is how a web page spells {plain}"));
                self.findings.fix(false, *entity, *plain).repair(*plain);
                out = out.replace(entity, plain);
            }
        }
        (out != raw).then_some(out)
    }

    fn directive(&mut self, text: &str, span: Span, rules: Rules, choice: Choice, depth: usize) {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let name = rest.trim_start_matches(['"', '<', '\'']).trim_end_matches(['"', '>', '\'']);
        match word.to_ascii_lowercase().as_str() {
            "#include" | "#tryinclude" if name.is_empty() => {
                self.findings.error(codes::SYNTAX, span, "#include names no file");
            }
            "#include" | "#tryinclude" if depth + 1 >= limits::INCLUDE_DEPTH => {
                self.findings.error(
                    codes::TOO_LARGE,
                    span,
                    "files include each other too deeply; this one is not read",
                );
            }
            "#include" | "#tryinclude" => match self.includes.read(name) {
                Ok(files) => {
                    // A file that does not tell is read as the one that includes it.
                    let choice = match choice {
                        Choice::Is(_) => Choice::Is(rules.dialect),
                        Choice::Auto(_) => Choice::Auto(rules.dialect),
                    };
                    for (name, text) in files {
                        self.file(&name, &text, choice, rules.compat, depth + 1);
                    }
                }
                Err(reason) if word.eq_ignore_ascii_case("#include") => {
                    self.findings.error(
                        codes::INCLUDE_FILE,
                        span,
                        format!("the included file cannot be read: {reason}"),
                    );
                }
                Err(_) => {}
            },
            "#exec" => {
                self.findings.warn(codes::EXEC, span, "programs are not run while a plan is loaded");
                self.findings.repair("write what it makes into a file and #include that");
                self.read.execs.push(rest.to_owned());
            }
            _ => {
                self.findings.error(codes::SYNTAX, span, format!("{word} is no directive"));
                self.findings.repair("#include, #tryinclude, or ; before a comment");
            }
        }
    }
}

/// What a word processor made something else of; its control characters are Windows bytes read as Latin-1.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2018}'..='\u{201b}' | '\u{91}' | '\u{92}' => "'",
        '\u{2013}' | '\u{2014}' | '\u{2212}' | '\u{96}' | '\u{97}' => "-",
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{93}' | '\u{94}' => "\"",
        _ => return None,
    })
}

pub(super) fn length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(0)
}

/// Block comments reach over lines.
#[derive(Debug, Default)]
struct Comment {
    depth: u32,
    since: u32,
    /// There are block comments at all.
    blocks: bool,
}

impl Comment {
    fn open_since(&self) -> Option<u32> {
        (self.depth > 0).then_some(self.since)
    }

    /// The line without its comments. `;` inside quotes is a comment too; `\;` is a semicolon.
    fn strip(&mut self, line: &str, number: u32) -> String {
        if self.depth == 0 && !line.contains(';') {
            return line.to_owned();
        }
        let mut out = String::new();
        let mut rest = line;
        loop {
            if self.depth > 0 {
                // Inside a comment only its end and another beginning count.
                let end = rest.find("--;");
                let begin = rest.find(";--").filter(|b| !rest.get(b + 3..).is_some_and(|r| r.starts_with('-')));
                match (end, begin) {
                    (Some(e), Some(b)) if b < e => {
                        self.depth += 1;
                        rest = rest.get(b + 3..).unwrap_or_default();
                    }
                    (Some(e), _) => {
                        self.depth -= 1;
                        rest = rest.get(e + 3..).unwrap_or_default();
                    }
                    (None, Some(b)) => {
                        self.depth += 1;
                        rest = rest.get(b + 3..).unwrap_or_default();
                    }
                    (None, None) => return out,
                }
                continue;
            }
            let Some((before, after)) = rest.split_once(';') else {
                out.push_str(rest);
                return out;
            };
            out.push_str(before);
            if before.ends_with('\\') {
                out.pop();
                out.push(';');
                rest = after;
            } else if self.blocks && after.starts_with("--") && !after.starts_with("---") {
                self.depth = 1;
                self.since = number;
                rest = after.get(2..).unwrap_or_default();
            } else {
                return out;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut comment = Comment { blocks: true, ..Comment::default() };
        let lines: Vec<String> = text.lines().zip(1..).map(|(l, n)| comment.strip(l, n)).collect();
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn comments_go() {
        check("a ; b", &["a "]);
        check("NoOp(\"semi;colon\")", &["NoOp(\"semi"]);
        check("NoOp(a\\;b)", &["NoOp(a;b)"]);
        check("NoOp(a ;-- inline --; b)", &["NoOp(a  b)"]);
        check("a ;--- text\nb", &["a ", "b"]);
        check("a ;-- one\ntwo\nthree --; b", &["a ", "", " b"]);
        check(";-- a ;-- b --; c --; d", &[" d"]);
        check("a\\\\;b", &["a\\;b"]);
    }
}
