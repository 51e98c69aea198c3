//! What "no caller ID" means, in one place: for Zapateller, PrivacyManager, screening and `${CALLERID(known)}`.

/// Words that exchanges and phones send where a number is withheld or unknown (RFC 3323, Q.951, and old gateways).
const NOBODY: [&str; 10] = [
    "anonymous",
    "unavailable",
    "unknown",
    "private",
    "restricted",
    "withheld",
    "blocked",
    "pstn",
    "asterisk",
    "nobody",
];

/// Names that say that the caller wants to stay unknown, even where a number came along.
const HIDDEN: [&str; 4] = ["anonymous", "private", "restricted", "withheld"];

/// Whether a caller has caller ID: a number, no word that stands for none, and no wish to stay unknown. Nothing here says that
/// the number is his.
#[must_use]
pub fn is_known(number: &str, name: &str, private: bool) -> bool {
    let begins = |text: &str, words: &[&str]| {
        let text = text.trim().to_ascii_lowercase();
        words.iter().any(|word| text.starts_with(word))
    };
    !private && number.contains(|c: char| c.is_alphanumeric()) && !begins(number, &NOBODY) && !begins(name, &HIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_caller_id_is_what_the_article_checks_for_and_what_privacy_says() {
        for (number, name, private, known) in [
            ("12025550100", "", false, true),
            ("12025550100", "Unknown", false, true),
            ("204", "Private Ryan's phone", false, false),
            ("12025550100", "Anonymous", false, false),
            ("12025550100", "Ann", true, false),
            ("", "Ann", false, false),
            ("-", "", false, false),
            ("anonymous", "Anonymous", false, false),
            ("Restricted", "", false, false),
            ("PSTN line 1", "", false, false),
            ("Unavailable", "", false, false),
            ("ann", "Ann", false, true),
        ] {
            assert_eq!(is_known(number, name, private), known, "{number:?} {name:?} {private}");
        }
    }
}
