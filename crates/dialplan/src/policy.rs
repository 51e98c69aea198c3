//! Who may start which class of call: the one function that proof and gate share.
//!
//! [`Policy::decide`] is asked by `audit` for every entry before a plan goes live and by `pbx::gate` for every leg.
//! It knows no caller ID, no variable and no context: only who the call's origin is. Classes come from
//! [`crate::number`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::number::Class;

/// Who started a call tree. Never widened afterwards, whatever the call does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginKind {
    /// Anybody who is not known.
    Stranger,
    /// A trunk of that name: whoever calls through it is as unknown as a stranger.
    Trunk(String),
    /// A phone that proved to be that extension.
    Extension(String),
    /// Whoever opened that grant of the owner, by its PIN.
    Grant(String),
    /// The exchange itself.
    System,
}

impl OriginKind {
    /// The name of this origin's entry in proofs and reports: `strangers`, `trunk:itsp`, `extension:204`, `system`.
    #[must_use]
    pub fn entry(&self) -> String {
        match self {
            Self::Stranger => "strangers".to_owned(),
            Self::Trunk(name) => format!("trunk:{name}"),
            Self::Extension(user) => format!("extension:{user}"),
            Self::Grant(name) => format!("grant:{name}"),
            Self::System => "system".to_owned(),
        }
    }
}

impl fmt::Display for OriginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger => f.write_str("a stranger"),
            Self::Trunk(name) => write!(f, "a caller from trunk {name}"),
            Self::Extension(user) => write!(f, "extension {user}"),
            Self::Grant(name) => write!(f, "whoever opened grant {name}"),
            Self::System => f.write_str("the exchange itself"),
        }
    }
}

/// May it?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes, as far as policy goes.
    Allow,
    /// No.
    Deny(Reason),
}

impl Decision {
    /// Whether it is a yes.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow)
    }
}

/// Why policy says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The number has no class, and what cannot be classified is never dialled.
    Unclassified,
    /// Strangers, callers from trunks and the exchange itself start nothing that costs money.
    NeverPaid(OriginKind),
    /// Emergency calls are for phones that proved who they are.
    EmergencyIsForExtensions(OriginKind),
    /// The owner closed this class for everybody.
    ClassClosed(Class),
    /// The extension's `may` does not say so.
    MayNot {
        /// The extension.
        extension: String,
        /// What it wanted.
        class: Class,
    },
    /// No such extension is configured.
    NoSuchExtension(String),
    /// The grant's `may` does not say so.
    NotGranted {
        /// The grant.
        grant: String,
        /// What was wanted.
        class: Class,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclassified => f.write_str("nobody can say what a call to this number costs"),
            Self::NeverPaid(origin) => write!(f, "{origin} may start nothing that costs money"),
            Self::EmergencyIsForExtensions(origin) => {
                write!(f, "emergency calls are for phones of this house, not for {origin}")
            }
            Self::ClassClosed(class) => write!(f, "{class} calls are closed for everybody"),
            Self::MayNot { extension, class } => {
                write!(f, "extension {extension} may not make {class} calls")
            }
            Self::NoSuchExtension(user) => write!(f, "there is no extension {user}"),
            Self::NotGranted { grant, class } => write!(f, "grant {grant} lends no {class} calls"),
        }
    }
}

/// What the owner allows. Empty: nobody may start anything paid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    extensions: BTreeMap<String, BTreeSet<Class>>,
    grants: BTreeMap<String, BTreeSet<Class>>,
    closed: BTreeSet<Class>,
}

impl Policy {
    /// Nobody may start anything paid.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what an extension may do; what it implies is added ([`implied`]). Emergency needs no saying, and
    /// [`Class::Unknown`] cannot be allowed.
    pub fn extension(&mut self, user: &str, may: impl IntoIterator<Item = Class>) {
        let classes = may.into_iter().flat_map(implied).filter(|class| *class != Class::Unknown).collect();
        self.extensions.insert(user.to_owned(), classes);
    }

    /// Says what a grant lends. Neither what [`Class::Unknown`] nor what emergency is: help is called by phones of the house.
    pub fn grant(&mut self, name: &str, may: impl IntoIterator<Item = Class>) {
        let classes = may.into_iter().flat_map(implied);
        let classes = classes.filter(|class| !matches!(class, Class::Unknown | Class::Emergency)).collect();
        self.grants.insert(name.to_owned(), classes);
    }

    /// Closes a class for everybody. Inside and emergency calls cannot be closed.
    pub fn close(&mut self, class: Class) {
        if !matches!(class, Class::Inside | Class::Emergency) {
            self.closed.insert(class);
        }
    }

    /// Decides by origin and class alone.
    ///
    /// // INVARIANT: for every origin but an extension and an opened grant the answer is "no" for every paid class.
    #[must_use]
    pub fn decide(&self, origin: &OriginKind, class: Class) -> Decision {
        match (origin, class) {
            (_, Class::Unknown) => Decision::Deny(Reason::Unclassified),
            // A phone of the house may ring for whoever the plan leads there.
            (
                OriginKind::Stranger | OriginKind::Trunk(_) | OriginKind::System | OriginKind::Grant(_),
                Class::Inside,
            ) => Decision::Allow,
            (
                OriginKind::Stranger | OriginKind::Trunk(_) | OriginKind::System | OriginKind::Grant(_),
                Class::Emergency,
            ) => Decision::Deny(Reason::EmergencyIsForExtensions(origin.clone())),
            (OriginKind::Stranger | OriginKind::Trunk(_) | OriginKind::System, _) => {
                Decision::Deny(Reason::NeverPaid(origin.clone()))
            }
            (OriginKind::Extension(_), Class::Emergency) => Decision::Allow,
            (OriginKind::Extension(user), class) => self.extension_may(user, class),
            (OriginKind::Grant(name), class) => self.grant_lends(name, class),
        }
    }

    fn grant_lends(&self, name: &str, class: Class) -> Decision {
        if self.closed.contains(&class) {
            Decision::Deny(Reason::ClassClosed(class))
        } else if self.grants.get(name).is_some_and(|may| may.contains(&class)) {
            Decision::Allow
        } else {
            Decision::Deny(Reason::NotGranted { grant: name.to_owned(), class })
        }
    }

    fn extension_may(&self, user: &str, class: Class) -> Decision {
        let Some(may) = self.extensions.get(user) else {
            return Decision::Deny(Reason::NoSuchExtension(user.to_owned()));
        };
        if self.closed.contains(&class) {
            Decision::Deny(Reason::ClassClosed(class))
        } else if may.contains(&class) {
            Decision::Allow
        } else {
            Decision::Deny(Reason::MayNot { extension: user.to_owned(), class })
        }
    }
}

/// A class and what it brings along: who may call across the country may call next door, and what is free to the
/// caller. International, premium and satellite bring nothing along, and nothing brings them.
#[must_use]
pub fn implied(class: Class) -> Vec<Class> {
    match class {
        Class::Local => vec![Class::Local, Class::TollFree],
        Class::National => vec![Class::National, Class::Local, Class::TollFree],
        Class::Mobile => vec![Class::Mobile, Class::National, Class::Local, Class::TollFree],
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let mut policy = Policy::new();
        policy.extension("204", [Class::Inside, Class::National]);
        policy.extension("200", [Class::Inside, Class::Premium, Class::Unknown]);
        policy.close(Class::Premium);
        policy.close(Class::Emergency);
        policy
    }

    fn check(origin: OriginKind, class: Class, expected: bool) {
        assert_eq!(policy().decide(&origin, class).is_allow(), expected, "{origin} {class}");
    }

    #[test]
    fn nobody_but_an_extension_starts_anything_paid() {
        for class in Class::ALL {
            for origin in [OriginKind::Stranger, OriginKind::Trunk("itsp".into()), OriginKind::System] {
                check(origin, class, class == Class::Inside);
            }
        }
    }

    #[test]
    fn an_extension_does_what_may_says() {
        let kitchen = || OriginKind::Extension("204".into());
        check(kitchen(), Class::Inside, true);
        check(kitchen(), Class::National, true);
        check(kitchen(), Class::Local, true);
        check(kitchen(), Class::TollFree, true);
        check(kitchen(), Class::Mobile, false);
        check(kitchen(), Class::International, false);
        check(kitchen(), Class::Premium, false);
        check(kitchen(), Class::Satellite, false);
    }

    #[test]
    fn a_forged_extension_may_nothing_but_call_for_help() {
        check(OriginKind::Extension("999".into()), Class::Inside, false);
        check(OriginKind::Extension("999".into()), Class::National, false);
    }

    #[test]
    fn emergency_is_for_every_phone_of_the_house_and_cannot_be_closed() {
        check(OriginKind::Extension("204".into()), Class::Emergency, true);
        check(OriginKind::Extension("200".into()), Class::Emergency, true);
        check(OriginKind::Stranger, Class::Emergency, false);
    }

    #[test]
    fn a_closed_class_is_closed_even_where_may_names_it() {
        check(OriginKind::Extension("200".into()), Class::Premium, false);
    }

    #[test]
    fn a_grant_lends_what_it_says_and_never_more() {
        let mut policy = policy();
        policy.grant("disa-me", [Class::National, Class::Premium, Class::Emergency, Class::Unknown]);
        let check = |name: &str, class: Class, expected: bool| {
            assert_eq!(policy.decide(&OriginKind::Grant(name.into()), class).is_allow(), expected, "{name} {class}");
        };
        for class in Class::ALL {
            let lent = matches!(class, Class::Inside | Class::National | Class::Local | Class::TollFree);
            check("disa-me", class, lent);
            check("forged", class, class == Class::Inside);
        }
    }

    #[test]
    fn what_cannot_be_classified_is_never_dialled() {
        check(OriginKind::Extension("200".into()), Class::Unknown, false);
        check(OriginKind::Extension("204".into()), Class::Unknown, false);
    }
}
