//! Who may use the portal, and as what. Kept sealed in the store by the shell.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::secrets::PasswordHash;
use crate::limits;

/// What somebody may do. Each may all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// His own voicemail, PIN and call log.
    User,
    /// The exchange, but not who may use the portal.
    Manager,
    /// Everything.
    Owner,
}

impl Role {
    /// As people read it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// From a form.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::User, Self::Manager, Self::Owner].into_iter().find(|role| role.word() == word)
    }
}

/// One person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Person {
    /// By this name he logs in.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// His own extension, if he has one.
    pub(crate) extension: Option<String>,
    pub(crate) password: PasswordHash,
    /// Secret of his one-time codes.
    pub(crate) totp: Vec<u8>,
    /// The last step whose code was used.
    pub(crate) used: i64,
}

/// All of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct People(pub(crate) Vec<Person>);

impl People {
    /// As they were kept.
    pub(crate) fn from_kept(kept: Option<&str>) -> Result<Self, serde_json::Error> {
        kept.map_or_else(|| Ok(Self::default()), serde_json::from_str)
    }

    /// To be kept.
    pub(crate) fn to_kept(&self) -> Result<Zeroizing<String>, serde_json::Error> {
        serde_json::to_string(self).map(Zeroizing::new)
    }

    /// By name.
    pub(crate) fn get(&self, name: &str) -> Option<&Person> {
        self.0.iter().find(|person| person.name == name)
    }

    /// By name.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Person> {
        self.0.iter_mut().find(|person| person.name == name)
    }

    /// Puts a person in, in place of one of the same name. False where there is no room.
    pub(crate) fn put(&mut self, person: Person) -> bool {
        if let Some(before) = self.get_mut(&person.name) {
            *before = person;
            return true;
        }
        let room = self.0.len() < limits::PEOPLE;
        if room {
            self.0.push(person);
        }
        room
    }

    /// Takes somebody out, but never the last owner.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), &'static str> {
        let owners = self.0.iter().filter(|person| person.role == Role::Owner);
        match self.get(name) {
            None => Err("there is nobody of that name"),
            Some(person) if person.role == Role::Owner && owners.count() == 1 => Err("the last owner stays"),
            Some(_) => {
                self.0.retain(|person| person.name != name);
                Ok(())
            }
        }
    }
}

/// A name that can be typed and read.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c))
        && name.trim() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, role: Role) -> Person {
        let password = PasswordHash::new(b"p", "a long password").unwrap();
        Person { name: name.into(), role, extension: None, password, totp: vec![1], used: 0 }
    }

    #[test]
    fn the_last_owner_stays() {
        let mut people = People::default();
        assert!(people.put(person("anna", Role::Owner)) && people.put(person("ben", Role::User)));
        assert!(people.remove("anna").is_err() && people.remove("nobody").is_err());
        people.remove("ben").unwrap();
        people.put(person("cleo", Role::Owner));
        people.remove("anna").unwrap();
        assert_eq!(people.0.len(), 1);
        let kept = people.to_kept().unwrap();
        assert_eq!(People::from_kept(Some(kept.as_str())).unwrap().0.len(), 1);
        assert!(People::from_kept(None).unwrap().0.is_empty());
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut people = People::default();
        let one = person("x", Role::User);
        for n in 0..limits::PEOPLE {
            assert!(people.put(Person { name: format!("p{n}"), ..one.clone() }));
        }
        assert!(!people.put(Person { name: "more".into(), ..one.clone() }));
        assert!(people.put(Person { name: "p3".into(), role: Role::Owner, ..one }), "one that is there is changed");
    }

    #[test]
    fn roles_rise_and_names_are_plain() {
        assert!(Role::User < Role::Manager && Role::Manager < Role::Owner);
        assert_eq!(Role::from_word("manager"), Some(Role::Manager));
        assert_eq!(Role::from_word("Owner"), None);
        for (name, fine) in
            [("anna", true), ("Anna Öz", true), ("", false), (" a", false), ("<b>", false), ("a\nb", false)]
        {
            assert_eq!(is_name(name), fine, "{name:?}");
        }
    }
}
