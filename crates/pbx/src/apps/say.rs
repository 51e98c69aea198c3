//! `SayDigits(digits)`, `SayNumber(number[,gender])`, `SayAlpha(text)`, `SayAlphaCase(which,text)`, `SayPhonetic(text)`:
//! numbers and letters read out.
//!
//! Prompts are `digits/…`, `letters/…` and `phonetic/…`, as in every Asterisk sound folder. Keys pressed meanwhile are lost.

use super::{Outcome, arg};
use crate::call::{Call, Next};

/// The longest text that is read out: a number of 79 digits takes a minute.
const MOST: usize = 80;

pub(super) async fn digits(call: &mut Call, args: &[String]) -> Outcome {
    speak(call, &digit_names(arg(args, 0))).await
}

pub(super) async fn number(call: &mut Call, args: &[String]) -> Outcome {
    match arg(args, 0).parse::<i64>() {
        Ok(number) => speak(call, &words(number)).await,
        Err(_) => {
            tracing::warn!(call = %call.tree.id, "SayNumber needs a whole number");
            Ok(Next::Line)
        }
    }
}

pub(super) async fn alpha(call: &mut Call, args: &[String]) -> Outcome {
    speak(call, &alpha_names(arg(args, 0))).await
}

/// `SayAlphaCase(a|l|n|u,text)`: letters with the word for their case before those that it is wanted of.
pub(super) async fn alpha_case(call: &mut Call, args: &[String]) -> Outcome {
    let which = arg(args, 0).to_ascii_lowercase();
    let names: Vec<String> = arg(args, 1).chars().take(MOST).flat_map(|c| cased(c, &which)).collect();
    speak(call, &names).await
}

fn cased(c: char, which: &str) -> Vec<String> {
    let word = match c {
        'A'..='Z' if which == "a" || which == "u" => Some("uppercase"),
        'a'..='z' if which == "a" || which == "l" => Some("lowercase"),
        _ => None,
    };
    word.map(str::to_owned).into_iter().chain(letter(c)).collect()
}

pub(super) async fn phonetic(call: &mut Call, args: &[String]) -> Outcome {
    speak(call, &phonetic_names(arg(args, 0))).await
}

/// Letters have a word of the phonetic alphabet, everything else its usual prompt.
fn spoken(c: char) -> Option<String> {
    if c.is_ascii_alphabetic() { Some(format!("phonetic/{}_p", c.to_ascii_lowercase())) } else { letter(c) }
}

pub(super) async fn speak(call: &mut Call, names: &[String]) -> Outcome {
    call.answer();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    call.say(&names, "").await?;
    Ok(Next::Line)
}

/// The prompts of a text read digit by digit.
pub(crate) fn digit_names(text: &str) -> Vec<String> {
    text.chars().take(MOST).filter_map(digit).collect()
}

/// The prompts of a text that is spelled.
pub(crate) fn alpha_names(text: &str) -> Vec<String> {
    text.chars().take(MOST).filter_map(letter).collect()
}

/// The prompts of a text that is spelled phonetically.
pub(crate) fn phonetic_names(text: &str) -> Vec<String> {
    text.chars().take(MOST).filter_map(spoken).collect()
}

/// The prompt of one character of a telephone number.
pub(super) fn digit(c: char) -> Option<String> {
    match c {
        '0'..='9' => Some(format!("digits/{c}")),
        '*' => Some("digits/star".to_owned()),
        '#' => Some("digits/pound".to_owned()),
        '-' => Some("digits/minus".to_owned()),
        _ => None,
    }
}

fn letter(c: char) -> Option<String> {
    let name = match c {
        'a'..='z' | 'A'..='Z' => c.to_ascii_lowercase().to_string(),
        '@' => "at".to_owned(),
        '-' => "dash".to_owned(),
        '.' => "dot".to_owned(),
        '=' => "equals".to_owned(),
        '!' => "exclaimation-point".to_owned(),
        '+' => "plus".to_owned(),
        '/' => "slash".to_owned(),
        ' ' => "space".to_owned(),
        _ => return digit(c),
    };
    Some(format!("letters/{name}"))
}

/// A number in English words, as prompts: `342` is `digits/3 digits/hundred digits/40 digits/2`.
pub(crate) fn words(number: i64) -> Vec<String> {
    let mut words = Vec::new();
    if number < 0 {
        words.push("digits/minus".to_owned());
    }
    let mut rest = number.unsigned_abs();
    if rest == 0 {
        return vec!["digits/0".to_owned()];
    }
    for (size, name) in [(1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand")] {
        if rest >= size {
            below_thousand((rest / size).min(999), &mut words);
            words.push(format!("digits/{name}"));
            rest %= size;
        }
    }
    below_thousand(rest, &mut words);
    words
}

fn below_thousand(number: u64, words: &mut Vec<String>) {
    let mut rest = number;
    if rest >= 100 {
        words.push(format!("digits/{}", rest / 100));
        words.push("digits/hundred".to_owned());
        rest %= 100;
    }
    if rest > 20 {
        words.push(format!("digits/{}", rest / 10 * 10));
        rest %= 10;
    }
    if rest > 0 {
        words.push(format!("digits/{rest}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: i64, expected: &str) {
        let said: Vec<String> = words(number).iter().map(|word| word.replace("digits/", "")).collect();
        assert_eq!(said.join(" "), expected, "{number}");
    }

    #[test]
    fn numbers_are_read_as_in_english() {
        check(0, "0");
        check(7, "7");
        check(20, "20");
        check(42, "40 2");
        check(100, "1 hundred");
        check(342, "3 hundred 40 2");
        check(1_000, "1 thousand");
        check(12_019, "12 thousand 19");
        check(2_000_001, "2 million 1");
        check(-5, "minus 5");
    }

    #[test]
    fn letters_and_signs_have_prompts() {
        let names: Vec<String> = "Ab1-@".chars().filter_map(letter).collect();
        assert_eq!(names, ["letters/a", "letters/b", "digits/1", "letters/dash", "letters/at"]);
        assert_eq!(digit('x'), None);
        assert_eq!(spoken('T').as_deref(), Some("phonetic/t_p"));
        assert_eq!(spoken('7').as_deref(), Some("digits/7"));
        assert_eq!(cased('T', "u"), ["uppercase", "letters/t"]);
        assert_eq!(cased('t', "u"), ["letters/t"]);
    }
}
