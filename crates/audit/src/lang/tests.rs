//! The automata against a plain reading of every operation on every short word.

use super::*;
use proptest::prelude::*;

const ALPHABET: &[u8] = b"ab-&";

/// All words up to four letters.
fn words() -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut layer = vec![Vec::new()];
    for _ in 0..4 {
        layer = layer
            .iter()
            .flat_map(|word: &Vec<u8>| ALPHABET.iter().map(move |byte| [word.as_slice(), &[*byte]].concat()))
            .collect();
        all.extend(layer.iter().cloned());
    }
    all
}

/// A language as a tree of operations, with membership read off the definition.
#[derive(Debug, Clone)]
enum Tree {
    Text(Vec<u8>),
    Run(Vec<u8>),
    Or(Box<Tree>, Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Minus(Box<Tree>, Box<Tree>),
    Then(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn holds(&self, word: &[u8]) -> bool {
        match self {
            Tree::Text(text) => text == word,
            Tree::Run(bytes) => word.iter().all(|byte| bytes.contains(byte)),
            Tree::Or(a, b) => a.holds(word) || b.holds(word),
            Tree::And(a, b) => a.holds(word) && b.holds(word),
            Tree::Minus(a, b) => a.holds(word) && !b.holds(word),
            Tree::Then(a, b) => (0..=word.len()).any(|at| a.holds(&word[..at]) && b.holds(&word[at..])),
        }
    }

    fn lang(&self, langs: &Langs) -> Lang {
        match self {
            Tree::Text(text) => langs.literal(text),
            Tree::Run(bytes) => langs.run(Bytes::of(bytes)),
            Tree::Or(a, b) => langs.or(a.lang(langs), b.lang(langs)),
            Tree::And(a, b) => langs.and(a.lang(langs), b.lang(langs)),
            Tree::Minus(a, b) => langs.minus(a.lang(langs), b.lang(langs)),
            Tree::Then(a, b) => langs.then(a.lang(langs), b.lang(langs)),
        }
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(ALPHABET), 0..4)
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![text().prop_map(Tree::Text), text().prop_map(Tree::Run)];
    leaf.prop_recursive(4, 12, 2, |inner| {
        (inner.clone(), inner, 0..4_u8).prop_map(|(a, b, op)| {
            let (a, b) = (Box::new(a), Box::new(b));
            match op {
                0 => Tree::Or(a, b),
                1 => Tree::And(a, b),
                2 => Tree::Minus(a, b),
                _ => Tree::Then(a, b),
            }
        })
    })
}

fn show(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn operations_are_what_their_definitions_say(tree in tree()) {
        let langs = Langs::new();
        let lang = tree.lang(&langs);
        for word in words() {
            prop_assert_eq!(langs.holds(lang, &word), tree.holds(&word), "{:?} {}", tree, show(&word));
        }
    }

    #[test]
    fn equal_languages_have_equal_numbers(a in tree(), b in tree()) {
        let langs = Langs::new();
        let (x, y) = (a.lang(&langs), b.lang(&langs));
        prop_assert_eq!(langs.or(x, y), langs.or(y, x));
        prop_assert_eq!(langs.or(langs.minus(x, y), langs.and(x, y)), x);
        prop_assert_eq!(langs.within(x, y) && langs.within(y, x), x == y);
        prop_assert_eq!(langs.within(x, y), langs.is_none(langs.minus(x, y)));
        prop_assert_eq!(langs.meets(x, y), !langs.is_none(langs.and(x, y)));
    }

    #[test]
    fn cutting_is_what_cutting_texts_is(tree in tree(), offset in -4..5_i64, length in proptest::option::of(-3..4_i64)) {
        let langs = Langs::new();
        let lang = tree.lang(&langs);
        let members: Vec<Vec<u8>> = words().into_iter().filter(|word| tree.holds(word)).collect();
        let slice = |word: &[u8]| {
            let total = i64::try_from(word.len()).unwrap();
            let from = if offset < 0 { (total + offset).max(0) } else { offset };
            let to = match length {
                None => total,
                Some(n) if n < 0 => total + n,
                Some(n) => (from + n).min(total),
            };
            if from >= to { Vec::new() } else { word[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec() }
        };
        let sliced = langs.slice(lang, offset, length);
        let erased = langs.erase(lang, Bytes::of(b"-"));
        let elements = langs.elements(lang, b'&');
        let before = langs.before(lang, b'&');
        let after = langs.after_last(lang, b'&');
        for word in &members {
            prop_assert!(langs.holds(sliced, &slice(word)), "{} {offset} {length:?}", show(word));
            let plain: Vec<u8> = word.iter().copied().filter(|byte| *byte != b'-').collect();
            prop_assert!(langs.holds(erased, &plain));
            let parts: Vec<&[u8]> = word.split(|byte| *byte == b'&').collect();
            prop_assert!(parts.iter().all(|part| langs.holds(elements, part)));
            prop_assert!(langs.holds(before, parts[0]));
            prop_assert!(parts.len() == 1 || langs.holds(after, parts[parts.len() - 1]));
            prop_assert!(langs.holds(langs.upper(lang), &word.to_ascii_uppercase()));
            prop_assert!(langs.holds(langs.widen(lang), word) && langs.holds(langs.factors(lang), &word[..word.len() / 2]));
        }
        // Languages of short words only are cut exactly.
        if langs.lengths(lang).is_none_or(|(_, longest)| longest.is_some_and(|longest| longest <= 4)) {
            for word in words() {
                prop_assert_eq!(langs.holds(sliced, &word), members.iter().any(|member| slice(member) == word));
                prop_assert_eq!(langs.holds(elements, &word), members.iter().any(|member| member.split(|b| *b == b'&').any(|part| part == word)));
            }
        }
    }

    #[test]
    fn ends_are_taken_off(tree in tree(), end in text()) {
        let langs = Langs::new();
        let lang = tree.lang(&langs);
        let (after, before) = (langs.after_prefix(lang, &end), langs.before_suffix(lang, &end));
        for word in words().iter().filter(|word| word.len() <= 2) {
            prop_assert_eq!(langs.holds(after, word), tree.holds(&[end.as_slice(), word].concat()));
            prop_assert_eq!(langs.holds(before, word), tree.holds(&[word.as_slice(), &end].concat()));
        }
    }

    #[test]
    fn the_shortest_word_is_one_of_the_shortest(tree in tree()) {
        let langs = Langs::new();
        let lang = tree.lang(&langs);
        let shortest = langs.dfa(lang).shortest();
        let expected = words().into_iter().find(|word| tree.holds(word)).map(|word| word.len());
        if let Some(expected) = expected {
            prop_assert_eq!(shortest.map(|word| word.len()), Some(expected));
        }
    }

    #[test]
    fn patterns_are_what_they_match(pattern in "_?[XNZ12\\[\\]ab-]{0,4}[.!]?", dialled in "[-0-9ab]{0,5}") {
        let langs = Langs::new();
        let pattern = Pattern::parse(&pattern);
        prop_assert_eq!(langs.holds(langs.pattern(&pattern), dialled.as_bytes()), pattern.fit_raw(&dialled).matches());
    }

    #[test]
    fn texts_of_a_pattern_are_found(pattern in "_[XNZ12a]{0,3}[.!]?", dialled in "_[XNZxnz\\[\\]012345-9a-]{0,7}[.!]?") {
        let langs = Langs::new();
        let pattern = Pattern::parse(&pattern);
        if Pattern::parse(&dialled).order(&pattern) == std::cmp::Ordering::Equal {
            prop_assert!(langs.holds(langs.pattern_text(&pattern), dialled.as_bytes()), "{dialled}");
        }
    }
}

#[test]
fn budgets_are_kept_and_lose_no_word() {
    let langs = Langs::new();
    // "an `a` so many letters before the end" has no small automaton.
    let ab = Bytes::of(b"ab");
    let mut lang = langs.then(langs.run(ab), langs.literal(b"a"));
    for _ in 0..20 {
        lang = langs.then(lang, langs.one(ab));
    }
    assert!(langs.states(lang) <= limits::STATES);
    let word = [b"bbb".as_slice(), b"a", &[b'b'; 20]].concat();
    assert!(langs.holds(lang, &word));
}
