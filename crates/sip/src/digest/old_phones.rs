//! Phones that cannot bear a challenge in an algorithm they do not know. Used by `server`.
//!
//! RFC 3261 §22.4 and RFC 8760 §2.4 ask a phone to skip what it does not know; these drop the whole 401 and never
//! register. Whoever forges the name lowers nobody's login but his own, and an attacker on the path could strip the
//! better challenge anyway.

/// Beginnings of `User-Agent` of phones that answer MD5 and fail at any challenge that also offers SHA-256.
const PHONES: &[&str] = &[
    // libre before 2.0: its handler ends with ENOSYS at the first algorithm that is not MD5.
    "baresip v0.",
    "baresip v1.",
];

/// Whether a phone of this `User-Agent` must be offered MD5 alone.
#[must_use]
pub fn knows_only_md5(user_agent: &str) -> bool {
    PHONES.iter().any(|phone| user_agent.starts_with(phone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_phones_are_spared() {
        for (user_agent, spared) in [
            ("baresip v1.0.0 (x86_64/linux)", true),
            ("baresip v0.6.5", true),
            ("baresip v2.0.0 (x86_64/linux)", false),
            ("baresip", false),
            ("", false),
            ("Linphone/5.1.65 baresip v1.", false),
        ] {
            assert_eq!(knows_only_md5(user_agent), spared, "{user_agent}");
        }
    }
}
