//! `tollgate.toml`: from the owner's text to the checked configuration, with every problem at once, each at its line.
//! What the keys mean is `pbx::config`'s business; where they stand is ours. Next: `edit` for changing the text.

pub(crate) mod edit;

use crate::fault::{Doing as _, Fault, Outcome};
use crate::limits::CONFIG_TEXT;
use dialplan::finding::{Finding, Severity};
use dialplan::span::{FileId, SourceMap, Span};
use pbx::config::{Config, Problem};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A text that was read, and what it says.
#[derive(Debug)]
pub(crate) struct Read {
    /// The checked configuration.
    pub(crate) config: Config,
    /// Keys that somebody wrote, by path: what is not here came from a fresh install.
    pub(crate) written: Written,
}

/// Where each key stands.
#[derive(Debug, Default)]
pub(crate) struct Written(BTreeMap<Vec<String>, Range<usize>>);

impl Written {
    /// Did somebody write this key?
    pub(crate) fn contains(&self, path: &[&str]) -> bool {
        let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
        self.0.contains_key(&path)
    }

    /// The bytes of the key, or of the nearest table above that was written.
    fn nearest(&self, path: &[String]) -> Option<Range<usize>> {
        (1..=path.len()).rev().find_map(|depth| self.0.get(path.get(..depth)?).cloned())
    }
}

/// A text that cannot be used: all that is wrong with it.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The problems, in the order of the text.
    pub(crate) findings: Vec<Finding>,
    /// The text, to show the lines.
    pub(crate) sources: SourceMap,
}

impl Broken {
    /// All problems in one fault.
    pub(crate) fn fault(&self) -> Fault {
        let count = self.findings.len();
        let what = if count == 1 { "a problem".to_owned() } else { format!("{count} problems") };
        let list: String = self.findings.iter().map(|finding| finding.render(&self.sources)).collect();
        Fault::unusable(format!("{} has {what}\n{}", self.sources.name(FileId(0)), list.trim_end()))
            .repair("correct the text and try again; nothing was changed")
    }
}

/// Reads a file of the size of a configuration.
pub(crate) fn text_of(path: &Path) -> Outcome<String> {
    let doing = || format!("read {}", path.display());
    let file = std::fs::File::open(path).doing(doing)?;
    let mut text = String::new();
    file.take(CONFIG_TEXT + 1).read_to_string(&mut text).doing(doing)?;
    if text.len() as u64 > CONFIG_TEXT {
        return Err(Fault::unusable(format!("{} is larger than {CONFIG_TEXT} bytes", path.display())));
    }
    Ok(text)
}

/// Reads a text. `name` is how its owner knows it.
pub(crate) fn read(name: &str, text: &str) -> Result<Read, Broken> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut written = Written::default();
    let mut path = Vec::new();
    let tree = tree(table.get_ref(), &mut path, &mut written);
    let mut found: Vec<(Range<usize>, Finding)> = errors
        .iter()
        .map(|error| {
            let span = error.span().unwrap_or_default();
            let finding = Finding::new("not-toml", Severity::Error, None, error.message().to_owned());
            (span, finding)
        })
        .collect();
    let unreadable = !found.is_empty();
    let checked = Config::from_tree(&Value::Object(tree));
    if let Err(problems) = &checked {
        for problem in problems {
            // In a text that could not be read whole, what seems to be missing may stand in the unreadable part.
            if unreadable && !written.0.contains_key(&problem.path) {
                continue;
            }
            let span = written.nearest(&problem.path).unwrap_or_default();
            found.push((span, finding(problem)));
        }
    }
    match checked {
        Ok(config) if found.is_empty() => Ok(Read { config, written }),
        _ => Err(broken(name, text, found)),
    }
}

/// Problems that only show when the plan is put together, at the keys they come from.
pub(crate) fn not_there(name: &str, text: &str, written: &Written, problems: &[Problem]) -> Broken {
    let found = problems.iter().map(|problem| (written.nearest(&problem.path).unwrap_or_default(), finding(problem)));
    broken(name, text, found.collect())
}

fn finding(problem: &Problem) -> Finding {
    let message = format!("{}: {}", problem.key(), problem.message);
    Finding::new("configuration", Severity::Error, None, message)
}

fn broken(name: &str, text: &str, mut found: Vec<(Range<usize>, Finding)>) -> Broken {
    let mut sources = SourceMap::default();
    let file = sources.add(name, text);
    found.sort_by_key(|(span, _)| span.start);
    let findings = found
        .into_iter()
        .map(|(range, mut finding)| {
            finding.span = Some(span(file, text, &range));
            finding
        })
        .collect();
    Broken { findings, sources }
}

/// Line and column of a range of bytes, its length within the first line.
fn span(file: FileId, text: &str, range: &Range<usize>) -> Span {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let start = (0..=range.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    let col = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    let piece = text.get(start..range.end.max(start).min(text.len())).unwrap_or_default();
    let len = piece.lines().next().unwrap_or_default().chars().count();
    Span { file, line: small(line), col: small(col), len: small(len) }
}

/// The table as plain values; the places of its keys and elements go to `written`.
fn tree(table: &DeTable<'_>, path: &mut Vec<String>, written: &mut Written) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        path.push(name.clone());
        written.0.insert(path.clone(), key.span());
        let value = plain(value, path, written);
        path.pop();
        map.insert(name, value);
    }
    map
}

fn plain(value: &Spanned<DeValue<'_>>, path: &mut Vec<String>, written: &mut Written) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).map_or(Value::String(digits), Value::from)
        }
        DeValue::Float(number) => {
            let digits = number.as_str().replace('_', "");
            digits.parse::<f64>().map_or(Value::String(digits), Value::from)
        }
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(list) => {
            let each = list.iter().enumerate().map(|(index, value)| {
                path.push(index.to_string());
                written.0.insert(path.clone(), value.span());
                let value = plain(value, path, written);
                path.pop();
                value
            });
            Value::Array(each.collect())
        }
        DeValue::Table(table) => Value::Object(tree(table, path, written)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_configuration_is_so_large() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tollgate.toml");
        let fits = usize::try_from(CONFIG_TEXT).unwrap();
        std::fs::write(&path, "#".repeat(fits)).unwrap();
        assert_eq!(text_of(&path).unwrap().len(), fits);
        std::fs::write(&path, "#".repeat(fits + 1)).unwrap();
        assert!(text_of(&path).unwrap_err().message.contains("larger than"));
    }

    fn places(text: &str) -> Vec<String> {
        let broken = read("tollgate.toml", text).unwrap_err();
        broken
            .findings
            .iter()
            .map(|finding| {
                let span = finding.span.unwrap();
                format!("{}:{}", span.line, span.col)
            })
            .collect()
    }

    #[test]
    fn nothing_written_is_a_fresh_install() {
        assert_eq!(read("tollgate.toml", "").unwrap().config, Config::fresh());
    }

    #[test]
    fn all_problems_come_at_once_each_at_its_line() {
        let text = "[system]\ncuontry = \"US\"\n\n[group.222]\nmembers = [\"200\", \"299\"]\n";
        assert_eq!(places(text), ["2:1", "5:19"]);
    }

    #[test]
    fn broken_toml_and_wrong_keys_are_told_together() {
        let text = "[system]\nname = \"x\n\n[strangers]\nanwser = \"refuse\"\n";
        let found = places(text);
        assert!(found.iter().any(|place| place.starts_with("2:")), "{found:?}");
        assert!(found.iter().any(|place| place == "5:1"), "{found:?}");
    }

    #[test]
    fn a_secret_in_the_text_is_not_repeated() {
        let text = "[trunk.itsp]\nkind = \"register\"\nhost = \"sip.example.net\"\nsecret = \"hunter2hunter2\"\n";
        let broken = read("tollgate.toml", text).unwrap_err();
        let said: Vec<_> = broken.findings.iter().map(|finding| finding.message.clone()).collect();
        assert!(!said.join("\n").contains("hunter2"), "{said:?}");
    }
}
