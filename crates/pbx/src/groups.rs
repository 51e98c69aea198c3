//! Calls counted by the plan (`GROUP(category)=name`), and telephones that are in calls (`DEVICE_STATE`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many channels are in each group, by category and name.
#[derive(Debug, Default)]
pub struct Groups(Mutex<BTreeMap<(String, String), usize>>);

/// One channel's place in one group; dropping it counts down.
#[derive(Debug)]
pub struct Member {
    groups: Arc<Groups>,
    key: (String, String),
}

impl Member {
    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.key.1
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut all = self.groups.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.key);
            }
        }
    }
}

impl Groups {
    /// Counts a channel.
    #[must_use]
    pub fn enter(self: &Arc<Self>, category: &str, name: &str) -> Member {
        let key = (category.to_owned(), name.to_owned());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default() += 1;
        Member { groups: Arc::clone(self), key }
    }

    /// How many channels are in a group.
    #[must_use]
    pub fn count(&self, category: &str, name: &str) -> usize {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(category.to_owned(), name.to_owned())).copied().unwrap_or(0)
    }
}

/// Calls of each telephone: ringing, and answered.
#[derive(Debug, Default)]
pub struct Devices(Mutex<BTreeMap<String, (usize, usize)>>);

/// One leg of a telephone; dropping it counts down.
#[derive(Debug)]
pub struct InUse {
    devices: Arc<Devices>,
    user: String,
    talks: bool,
}

impl InUse {
    /// The leg was answered.
    pub fn answered(&mut self) {
        if !std::mem::replace(&mut self.talks, true) {
            self.devices.change(&self.user, |(ringing, talking)| (ringing - 1, talking + 1));
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let talks = self.talks;
        self.devices.change(
            &self.user,
            |(ringing, talking)| {
                if talks { (ringing, talking - 1) } else { (ringing - 1, talking) }
            },
        );
    }
}

impl Devices {
    fn change(&self, user: &str, how: impl FnOnce((usize, usize)) -> (usize, usize)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = how(all.get(user).copied().unwrap_or_default());
        if new == (0, 0) {
            all.remove(user);
        } else {
            all.insert(user.to_owned(), new);
        }
    }

    /// A telephone rings, or calls.
    #[must_use]
    pub fn enter(self: &Arc<Self>, user: &str) -> InUse {
        self.change(user, |(ringing, talking)| (ringing + 1, talking));
        InUse { devices: Arc::clone(self), user: user.to_owned(), talks: false }
    }

    /// Ringing and answered calls of a telephone.
    #[must_use]
    pub fn of(&self, user: &str) -> (usize, usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(user).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_enters_leaves() {
        let groups = Arc::new(Groups::default());
        let (a, b) = (groups.enter("out", "itsp"), groups.enter("out", "itsp"));
        assert_eq!((groups.count("out", "itsp"), groups.count("", "itsp")), (2, 0));
        drop(a);
        assert_eq!((groups.count("out", "itsp"), b.name()), (1, "itsp"));
        let devices = Arc::new(Devices::default());
        let (mut one, two) = (devices.enter("204"), devices.enter("204"));
        one.answered();
        one.answered();
        assert_eq!(devices.of("204"), (1, 1));
        drop(one);
        assert_eq!(devices.of("204"), (1, 0));
        drop(two);
        assert_eq!(devices.of("204"), (0, 0));
    }
}
