//! Asterisk's configuration files as sections of keys and values: comments, templates, `#include`.

use dialplan::load::Files;
use dialplan::span::{SourceMap, Span};

/// Sections that are read of one file; more are told and left out.
const SECTIONS: usize = 20_000;
/// Keys that are read of one file, templates counted where they are used.
const KEYS: usize = 200_000;
/// Files that include each other may be so deep.
const DEPTH: usize = 8;

/// Ends of keys whose values nobody is shown.
const SECRET: [&str; 5] = ["secret", "password", "cred", "register", "auth"];

/// One `key = value`.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) span: Span,
}

/// One `[name]`.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) name: String,
    template: bool,
    pub(super) span: Span,
    pub(super) keys: Vec<Key>,
}

impl Section {
    /// The last value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Key> {
        self.keys.iter().rev().find(|one| one.key.eq_ignore_ascii_case(key)).filter(|one| !one.value.is_empty())
    }

    /// The same, as a word in small letters.
    pub(super) fn word(&self, key: &str) -> String {
        self.get(key).map(|one| one.value.to_ascii_lowercase()).unwrap_or_default()
    }
}

/// A file as it was read.
#[derive(Debug, Default)]
pub(super) struct Conf {
    sections: Vec<Section>,
    keys: usize,
    /// Values begin with a PIN.
    pins: bool,
    /// What was left out, and where.
    pub(super) unread: Vec<(String, Option<Span>)>,
}

impl Conf {
    /// Reads a file with what it includes; nothing if there is no such file.
    pub(super) fn read(name: &str, files: &dyn Files, sources: &mut SourceMap) -> Option<Self> {
        let mut conf = Self { pins: name == "voicemail.conf", ..Self::default() };
        let texts = files.read(name).ok().filter(|texts| !texts.is_empty())?;
        for (name, text) in texts {
            conf.take(&name, text, files, sources, 0);
        }
        Some(conf)
    }

    /// Sections that are no templates.
    pub(super) fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(|section| !section.template)
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections().find(|section| section.name.eq_ignore_ascii_case(name))
    }

    fn take(&mut self, name: &str, text: String, files: &dyn Files, sources: &mut SourceMap, depth: usize) {
        let file = sources.add(name, self.shown(&text));
        let mut in_comment = false;
        for (line, written) in (1u32..).zip(text.lines()) {
            let Some(clean) = without_comments(written, &mut in_comment) else { continue };
            let span = Span { file, line, col: 1, len: 0 };
            if let Some(rest) = clean.strip_prefix('#') {
                self.directive(rest, span, files, sources, depth);
            } else if let Some(rest) = clean.strip_prefix('[') {
                self.open(rest, span);
            } else if let Some((key, value)) = clean.split_once('=') {
                self.key(key, value, span);
            }
        }
    }

    /// The text as findings show it: without secrets and PINs.
    fn shown(&self, text: &str) -> String {
        let line = |line: &str| {
            let Some((key, value)) = line.split_once('=') else { return line.to_owned() };
            let word = key.trim().to_ascii_lowercase();
            if SECRET.iter().any(|secret| word.ends_with(secret)) {
                return format!("{key}=…");
            }
            match value.split_once(',') {
                Some((_, rest)) if self.pins => format!("{key}=> …,{rest}"),
                None if self.pins => format!("{key}=…"),
                _ => line.to_owned(),
            }
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    fn directive(&mut self, text: &str, span: Span, files: &dyn Files, sources: &mut SourceMap, depth: usize) {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let name = rest.trim().trim_matches(['"', '<', '>']);
        match word {
            "include" | "tryinclude" if depth < DEPTH => match files.read(name) {
                Ok(texts) => {
                    texts.into_iter().for_each(|(name, text)| self.take(&name, text, files, sources, depth + 1))
                }
                Err(_) if word == "tryinclude" => {}
                Err(why) => self.unread.push((format!("#include {name}: {why}"), Some(span))),
            },
            _ => self.unread.push((format!("#{word} {name}"), Some(span))),
        }
    }

    fn open(&mut self, rest: &str, span: Span) {
        let (name, after) = rest.split_once(']').unwrap_or((rest, ""));
        let (name, marks) = (name.trim(), after.trim().trim_start_matches('(').trim_end_matches(')'));
        let marks: Vec<&str> = marks.split(',').map(str::trim).filter(|mark| !mark.is_empty()).collect();
        if marks.contains(&"+")
            && let Some(at) = self.sections.iter().position(|section| section.name == name)
        {
            let section = self.sections.remove(at);
            self.sections.push(section);
            return;
        }
        if self.sections.len() >= SECTIONS {
            self.unread.push((format!("sections from [{name}] on: too many"), Some(span)));
            return;
        }
        let mut keys = Vec::new();
        for mark in marks.iter().filter(|mark| **mark != "!") {
            if let Some(base) = self.sections.iter().find(|section| section.name == *mark) {
                keys.extend(base.keys.iter().cloned());
            }
        }
        self.keys += keys.len();
        let template = marks.contains(&"!");
        self.sections.push(Section { name: name.to_owned(), template, span, keys });
    }

    fn key(&mut self, key: &str, value: &str, span: Span) {
        self.keys += 1;
        if self.keys > KEYS {
            if self.keys == KEYS + 1 {
                self.unread.push(("everything from here on: too long".to_owned(), Some(span)));
            }
            return;
        }
        let key = key.trim().trim_end_matches('+').trim().to_owned();
        let value = value.strip_prefix('>').unwrap_or(value).trim().to_owned();
        if let Some(section) = self.sections.last_mut() {
            section.keys.push(Key { key, value, span });
        }
    }
}

/// What is left of a line; nothing of an empty one.
fn without_comments(line: &str, in_comment: &mut bool) -> Option<String> {
    let mut left = String::new();
    let mut rest = line;
    loop {
        if *in_comment {
            let Some(end) = rest.find("--;") else { break };
            *in_comment = false;
            rest = rest.get(end + 3..).unwrap_or_default();
            continue;
        }
        let Some(at) = rest.find(';') else {
            left.push_str(rest);
            break;
        };
        let (before, after) = rest.split_at(at);
        if let Some(escaped) = before.strip_suffix('\\') {
            left.push_str(escaped);
            left.push(';');
            rest = after.get(1..).unwrap_or_default();
        } else {
            left.push_str(before);
            if after.starts_with(";--") && !after.starts_with(";---") {
                *in_comment = true;
                rest = after.get(3..).unwrap_or_default();
            } else {
                break;
            }
        }
    }
    let left = left.trim();
    (!left.is_empty()).then(|| left.to_owned())
}
