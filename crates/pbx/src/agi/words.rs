//! A command line of a script: words, with quotes around those that hold spaces.

use crate::limits;

/// Splits a line. `"` protects spaces, `\` the next character; too many words are no command.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        if escaped {
            word.get_or_insert_default().push(c);
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
        if words.len() > limits::SCRIPT_WORDS {
            return None;
        }
    }
    words.extend(word.take());
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_protect() {
        let check = |line: &str, expected: &[&str]| assert_eq!(split(line).unwrap(), expected, "{line}");
        check("ANSWER", &["ANSWER"]);
        check("STREAM FILE \"hello world\" \"\" ", &["STREAM", "FILE", "hello world", ""]);
        check(r#"SET VARIABLE X "a \"b\" c\\d""#, &["SET", "VARIABLE", "X", "a \"b\" c\\d"]);
        check(r"EXEC Wait 1\ 2", &["EXEC", "Wait", "1 2"]);
        check("A\t B", &["A", "B"]);
        check("\"open end", &["open end"]);
        check("", &[]);
        assert_eq!(split(&"x ".repeat(limits::SCRIPT_WORDS)).map(|words| words.len()), Some(limits::SCRIPT_WORDS));
        assert_eq!(split(&"x ".repeat(limits::SCRIPT_WORDS + 1)), None);
    }
}
