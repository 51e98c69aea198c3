//! Which kinds of paid calls the numbers of a language make.

use dialplan::number::{Class, Country, classify};

use crate::bytes::Bytes;
use crate::lang::{Lang, Langs};
use crate::limits;
use crate::mutant::{Mutant, on};

/// Paid classes, each with numbers of that class (or more).
pub(crate) fn classes(langs: &Langs, numbers: Lang, country: Option<&Country>) -> Vec<(Class, Lang)> {
    let every = || Class::ALL.into_iter().filter(|class| class.is_paid() && *class != Class::Unknown);
    let Some(country) = country else { return every().map(|class| (class, numbers)).collect() };
    // What is neither digit nor separator nor a plus makes no number.
    let written = Bytes::of(b"0123456789+-.() ");
    let numbers = langs.and(numbers, langs.run(written));
    let bare = langs.erase(numbers, Bytes::of(b"-.() "));
    let (mut words, complete) = langs.dfa(bare).words(limits::NUMBERS, 40);
    if !complete {
        return every().map(|class| (class, numbers)).collect();
    }
    if on(Mutant::ClassOfFirst) {
        words.truncate(1);
    }
    let mut found: std::collections::BTreeMap<Class, Lang> = std::collections::BTreeMap::new();
    for word in words {
        let text = String::from_utf8_lossy(&word).into_owned();
        let class = classify(country, &text);
        if class.is_paid() && class != Class::Unknown {
            found.entry(class).or_insert_with(|| langs.literal(&word));
        }
    }
    found.into_iter().collect()
}
